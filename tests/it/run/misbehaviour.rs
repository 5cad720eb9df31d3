//! Real sockets on loopback, and servers that do not do what they should: each is an outcome with its kind, and the
//! run goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::{Op, UserId};
use scn::run::{self, Finished, Options, Stop};

use crate::run::world::{Draft, OK, SECOND, kinds, notes, options};

const ATTEMPTS: u64 = 3;

/// What a server does with a connection, once it has read the request's head.
type Conduct = fn(&mut TcpStream);

/// `ATTEMPTS` users, one iteration each, against a server that conducts itself so. Two steps: what fails first ends it.
fn run_against(conduct: Conduct) -> Finished {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                if read_head(&mut stream) {
                    conduct(&mut stream);
                }
            });
        }
    });
    run_at(&address.to_string())
}

fn run_at(address: &str) -> Finished {
    // One iteration per user: a pause behind the first outlasts the run.
    let mut draft = Draft::new().users(ATTEMPTS as u32, 1000.0).duration(Duration::from_millis(500)).think(60 * SECOND);
    let mut step = draft.get("/");
    step.timeout = Duration::from_millis(300);
    step.looks_at.body = true;
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let options = Options { target: Some(format!("http://{address}")), threads: 2, ..options() };
    let finished = run::run(&draft.plan, &options, &Stop::default(), &mut |_| {}).expect("the plan can run");
    let totals = finished.total.totals();
    assert_eq!(finished.total.users_of(UserId(0)).started, ATTEMPTS);
    assert_eq!(totals.iterations + totals.abandoned_iterations, ATTEMPTS, "started = ok + failed + abandoned");
    finished
}

fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Closes with a reset instead of an end.
fn reset(stream: &mut TcpStream) {
    rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).expect("it is a socket");
}

#[track_caller]
fn expect(finished: &Finished, kind: &'static str, note: &str) {
    assert_eq!(kinds(&finished.total), [(kind, ATTEMPTS)], "{:?}", notes(&finished.total));
    let notes = notes(&finished.total);
    assert!(notes.iter().all(|text| text.contains(note)), "{notes:?}");
    assert_eq!(finished.total.totals().failed_iterations, ATTEMPTS);
}

#[test]
fn nobody_listens() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let finished = run_at(&address.to_string());
    expect(&finished, "connect_refused", &format!("connection refused by {address}"));
    assert_eq!(finished.total.counter(Counter::ConnectionsFailed), ATTEMPTS);
}

#[test]
fn the_connection_is_closed_before_an_answer() {
    expect(&run_against(|_| {}), "closed", "connection closed by the peer before the answer's head");
}

#[test]
fn the_connection_is_reset_before_an_answer() {
    expect(&run_against(reset), "reset", "connection reset by the peer before the answer's head");
}

#[test]
fn the_connection_is_reset_in_the_head() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le");
        thread::sleep(Duration::from_millis(20));
        reset(stream);
    };
    expect(&run_against(conduct), "reset", "reset");
}

#[test]
fn the_connection_is_reset_in_the_body() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        thread::sleep(Duration::from_millis(20));
        reset(stream);
    };
    expect(&run_against(conduct), "reset", "in the body, after 4B");
}

#[test]
fn the_body_is_shorter_than_it_was_said_to_be() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
    };
    expect(&run_against(conduct), "closed", "in the body, after 4B");
}

#[test]
fn a_chunked_body_breaks_off() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    };
    expect(&run_against(conduct), "closed", "in the body");
}

#[test]
fn chunks_are_nonsense() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello\r\nhalf\r\n");
        thread::sleep(Duration::from_millis(50));
    };
    expect(&run_against(conduct), "protocol", "");
}

#[test]
fn the_server_stalls() {
    expect(&run_against(|_| thread::sleep(SECOND)), "timeout", "no answer within 300ms");
}

#[test]
fn the_server_stalls_in_the_body() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        thread::sleep(SECOND);
    };
    expect(&run_against(conduct), "timeout", "the head had arrived, 4 of 2048 bytes of the body read");
}

#[test]
fn what_comes_is_not_http() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n\r\n");
        thread::sleep(Duration::from_millis(50));
    };
    expect(&run_against(conduct), "protocol", "not HTTP");
}

#[test]
fn the_head_never_ends() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        let line = format!("x-{}: {}\r\n", "a".repeat(100), "b".repeat(4_000));
        while stream.write_all(line.as_bytes()).is_ok() {}
    };
    expect(&run_against(conduct), "protocol", "");
}

#[test]
fn the_body_never_ends() {
    let conduct = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 16 << 10]).is_ok() {}
    };
    let finished = run_against(conduct);
    expect(&finished, "timeout", "of an endless body read");
}

#[test]
fn a_connection_that_was_closed_while_it_lay_still_is_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // One answer that promises more, then the end.
            thread::spawn(move || {
                if read_head(&mut stream) {
                    let _ = stream.write_all(OK.as_bytes());
                    thread::sleep(Duration::from_millis(20));
                    let _ = stream.shutdown(Shutdown::Both);
                }
            });
        }
    });
    let mut draft = Draft::new().duration(Duration::from_millis(450)).think(Duration::from_millis(100));
    let step = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let options = Options { target: Some(format!("http://{address}")), ..options() };
    let finished = run::run(&draft.plan, &options, &Stop::default(), &mut |_| {}).expect("the plan can run");
    let total = &finished.total;
    assert_eq!(kinds(total), [], "{:?}", notes(total));
    let requests = total.totals().requests;
    assert!(requests >= 2);
    assert_eq!(total.counter(Counter::ConnectionsOpened), requests);
    assert_eq!(total.counter(Counter::ConnectionsStale), requests - 1);
    assert_eq!(total.counter(Counter::ConnectionsReused), 0);
}

#[test]
fn a_target_that_is_not_allowed_or_no_url_is_refused_before_the_first_packet() {
    let draft = Draft::new();
    for (target, part) in [
        ("http://example.com", "HostNotAllowed"),
        ("http://10.1.2.3:80", "HostNotAllowed"),
        ("127.0.0.1:8000", "TargetUrl"),
        ("localhost:8000", "TargetUrl"),
        ("ftp://127.0.0.1", "TargetUrl"),
        ("http://nobody-is-called-so.localhost-not", "HostNotAllowed"),
    ] {
        let options = Options { target: Some(target.into()), ..options() };
        let error = run::run(&draft.plan, &options, &Stop::default(), &mut |_| {}).err().expect("it cannot run");
        assert!(format!("{error:?}").starts_with(part), "{target}: {error:?}");
    }
}
