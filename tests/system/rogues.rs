//! The program against servers that misbehave below HTTP: each accident is an outcome with its kind, and the run goes on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::program::{Folder, finish};

/// What the rogue does with a connection once it has read the head of a request.
type Deed = fn(TcpStream, &str);

/// A server that does `deed` with every connection, for as long as the test runs. Its URL.
fn rogue(deed: Deed) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                deed(stream, &String::from_utf8_lossy(&head));
            });
        }
    });
    url
}

const HTTP: &str =
    "target \"http://127.0.0.1:1\" { timeout 300ms }\nuser one {\n  think 50ms\n  task ask { GET / }\n}\n";

const WEBSOCKET: &str = "target \"http://127.0.0.1:1\" { timeout 300ms }\nuser one {\n  think 50ms\n  task listen { \
                         websocket / { receive 2 within 1s } }\n}\n";

/// Runs two users for a second; all iterations must fail, with errors of these kinds alone.
#[track_caller]
fn fails_as(scenario: &str, deed: Deed, kinds: &[&str]) {
    let folder = Folder::new();
    let path = folder.write("rogue.scn", scenario);
    let url = rogue(deed);
    let words = [&path, "--target", &url, "--users", "2", "--spawn-rate", "10", "--duration", "1s"];
    finish(folder.run(&words)).with(0);
    let summary = folder.summary();
    let errors = crate::program::errors(&summary);
    assert!(!errors.is_empty(), "nothing has failed: {summary:#}");
    assert!(errors.keys().all(|kind| kinds.contains(&kind.as_str())), "{errors:?}, not {kinds:?}");
    let iterations = summary["totals"]["iterations"].as_u64().unwrap();
    assert!(iterations > 2, "the run went on");
    assert_eq!(summary["totals"]["failed_iterations"].as_u64().unwrap(), iterations);
}

#[test]
fn a_connection_that_is_closed_without_an_answer() {
    fails_as(HTTP, |_, _| {}, &["closed"]);
}

#[test]
fn a_connection_that_is_reset() {
    let deed: Deed = |stream, _| set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    fails_as(HTTP, deed, &["reset"]);
}

#[test]
fn an_answer_that_never_comes() {
    fails_as(HTTP, |_, _| std::thread::sleep(Duration::from_secs(10)), &["timeout"]);
}

#[test]
fn an_answer_that_is_no_http() {
    fails_as(HTTP, |mut stream, _| drop(stream.write_all(b"220 ready for your mail\r\n")), &["protocol"]);
}

#[test]
fn a_body_that_ends_too_early() {
    let deed: Deed = |mut stream, _| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"));
    fails_as(HTTP, deed, &["closed", "protocol"]);
}

#[test]
fn a_body_that_never_ends() {
    let deed: Deed = |mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"5\r\nmore \r\n").is_ok() {}
    };
    fails_as(HTTP, deed, &["timeout"]);
}

#[test]
fn a_head_that_never_ends() {
    let deed: Deed = |mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more and more and more\r\n").is_ok() {}
    };
    fails_as(HTTP, deed, &["protocol", "timeout"]);
}

/// Finishes the handshake, so that what follows is a WebSocket.
fn shake(stream: &mut TcpStream, head: &str) {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let accept = derive_accept_key(key.expect("scn asks for an upgrade").as_bytes());
    let _ = write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
}

#[test]
fn an_upgrade_that_is_refused() {
    let deed: Deed = |mut stream, _| drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    fails_as(WEBSOCKET, deed, &["status"]);
}

#[test]
fn an_upgrade_with_the_wrong_key() {
    let deed: Deed = |mut stream, _| {
        let _ = stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-accept: bm90IHRoZSBrZXkgeW91IHNlbnQ=\r\n\r\n",
        );
    };
    fails_as(WEBSOCKET, deed, &["protocol"]);
}

#[test]
fn a_socket_that_closes_in_the_middle_of_a_frame() {
    let deed: Deed = |mut stream, head| {
        shake(&mut stream, head);
        let _ = stream.write_all(b"\x81\x0512");
    };
    fails_as(WEBSOCKET, deed, &["closed", "protocol", "reset"]);
}

#[test]
fn a_frame_that_promises_more_than_anyone_wants() {
    let deed: Deed = |mut stream, head| {
        shake(&mut stream, head);
        let _ = stream.write_all(b"\x82\x7f\x00\x00\x00\xff\x00\x00\x00\x00");
        let rest = [0; 64 << 10];
        while stream.write_all(&rest).is_ok() {}
    };
    fails_as(WEBSOCKET, deed, &["protocol", "overflow", "timeout"]);
}

#[test]
fn frames_that_are_no_frames() {
    let deed: Deed = |mut stream, head| {
        shake(&mut stream, head);
        let _ = stream.write_all(&[0xff; 64]);
        let _ = stream.read(&mut [0; 1024]);
    };
    fails_as(WEBSOCKET, deed, &["protocol"]);
}
