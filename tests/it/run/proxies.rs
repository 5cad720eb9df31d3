//! Real sockets on loopback, and small proxies there: what is asked of them, what comes through, and what goes wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::Op;
use scn::run::{self, Error, Finished, Options, Stop};

use crate::run::world::{Draft, OK, SECOND, kinds, notes, options, text};

type Lines = Arc<Mutex<Vec<String>>>;

/// Serves every connection to a port of its own with `conduct`.
fn listen(conduct: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let conduct = Arc::new(conduct);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), conduct) = (stream, conduct.clone()) else { return };
            thread::spawn(move || conduct(stream));
        }
    });
    address
}

/// A head, to the empty line; nothing: the connection has ended.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Answers 200 to every request, and writes down what was asked.
fn serve(mut stream: TcpStream, heard: &Lines) {
    while let Some(head) = read_head(&mut stream) {
        heard.lock().expect("nobody panics").push(head);
        if stream.write_all(OK.as_bytes()).is_err() {
            return;
        }
    }
}

/// A server, and what it was asked.
fn server() -> (SocketAddr, Lines) {
    let heard = Lines::default();
    let kept = heard.clone();
    (listen(move |stream| serve(stream, &kept)), heard)
}

/// Carries bytes both ways until both have ended.
fn join(near: TcpStream, far: TcpStream) {
    let (mut from, mut to) = (near.try_clone().expect("a copy"), far.try_clone().expect("a copy"));
    let back = thread::spawn(move || std::io::copy(&mut from, &mut to).map(|_| to.shutdown(std::net::Shutdown::Write)));
    let (mut from, mut to) = (far, near);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
    let _ = back.join();
}

/// An HTTP proxy that answers requests itself and makes tunnels to ports of this machine, whatever the host is called;
/// and what it was asked.
fn http_proxy() -> (SocketAddr, Lines) {
    let heard = Lines::default();
    let kept = heard.clone();
    let proxy = listen(move |mut stream| {
        while let Some(head) = read_head(&mut stream) {
            kept.lock().expect("nobody panics").push(head.clone());
            let mut words = head.split(' ');
            if words.next() == Some("CONNECT") {
                let port: u16 = words.next().and_then(|to| to.rsplit(':').next()?.parse().ok()).expect("a port");
                let far = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
                let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
                return join(stream, far);
            }
            let _ = stream.write_all(OK.as_bytes());
        }
    });
    (proxy, heard)
}

/// One user who does this once, to `target` through `proxy`.
fn run(target: &str, proxy: &str, allow: &[&str], requests: usize) -> Result<Finished, Error> {
    let mut draft = Draft::new().users(1, 1.0).duration(Duration::from_millis(500)).think(60 * SECOND);
    draft.plan.targets[0].proxy = Some(text(proxy));
    let mut ops = Vec::new();
    for number in 0..requests {
        let mut step = draft.get(&format!("/{number}"));
        step.timeout = Duration::from_millis(300);
        ops.push(Op::Http(Box::new(step)));
    }
    draft.task(1.0, ops);
    let options = Options {
        target: Some(target.into()),
        allow: allow.iter().map(|host| (*host).to_owned()).collect(),
        ..options()
    };
    run::run(&draft.plan, &options, &Stop::default(), &mut |_| {})
}

fn fine(finished: &Finished, requests: u64) {
    assert_eq!(notes(&finished.total), Vec::<String>::new());
    assert_eq!(finished.total.totals().requests, requests);
    assert_eq!(finished.total.counter(Counter::ConnectionsOpened), 1);
}

fn lines(heard: &Lines) -> Vec<String> {
    let heard = heard.lock().expect("nobody panics");
    heard.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn requests_over_plain_http_go_to_the_proxy_itself_with_the_whole_url() {
    let (proxy, heard) = http_proxy();
    let finished = run("http://api.test:81", &format!("http://user:p%20w@{proxy}"), &["api.test"], 2).expect("it runs");
    fine(&finished, 2);
    assert_eq!(lines(&heard), ["GET http://api.test:81/0 HTTP/1.1", "GET http://api.test:81/1 HTTP/1.1"]);
    for head in heard.lock().expect("nobody panics").iter() {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("\r\nhost: api.test:81\r\n"), "{head}");
        assert!(head.contains("\r\nproxy-authorization: basic dxnlcjpwihc=\r\n"), "{head}");
    }
}

#[test]
fn an_answer_of_the_proxy_itself_is_an_answer() {
    let proxy = listen(|mut stream| {
        while read_head(&mut stream).is_some() {
            let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let finished = run("http://127.0.0.1:81", &format!("http://{proxy}"), &[], 1).expect("it runs");
    assert_eq!(kinds(&finished.total), [("status", 1)]);
}

#[test]
fn a_socks_proxy_makes_tunnels_by_name_or_by_address() {
    for (scheme, kind, named) in [("socks5", 1, "127.0.0.1"), ("socks5h", 3, "localhost")] {
        let (server, heard) = server();
        let asked: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = asked.clone();
        let proxy = listen(move |mut stream| {
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting).expect("a greeting");
            stream.write_all(&[5, 0]).expect("it is heard");
            let mut head = [0; 4];
            stream.read_exact(&mut head).expect("a request");
            kept.lock().expect("nobody panics").push(head[3]);
            let mut length = [4];
            if head[3] == 3 {
                stream.read_exact(&mut length).expect("a length");
            }
            let mut rest = vec![0; usize::from(length[0]) + 2];
            stream.read_exact(&mut rest).expect("a name and a port");
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).expect("it is heard");
            join(stream, TcpStream::connect(server).expect("it listens"));
        });
        let target = format!("http://{named}:{}", server.port());
        fine(&run(&target, &format!("{scheme}://{proxy}"), &[], 2).expect("it runs"), 2);
        assert_eq!(lines(&heard), ["GET /0 HTTP/1.1", "GET /1 HTTP/1.1"], "the server is spoken to as ever");
        assert_eq!(*asked.lock().expect("nobody panics"), [kind]);
    }
}

#[test]
fn a_proxy_that_refuses_closes_or_babbles_fails_the_step_with_its_kind() {
    type Conduct = fn(TcpStream);
    let cases: [(Conduct, &str, &str); 4] = [
        (|mut stream| drop(stream.write_all(&[5, 255])), "connect_refused", "makes no tunnel to localhost:81"),
        (
            |mut stream| drop(stream.write_all(b"HTTP/1.1 400 no\r\n\r\n")),
            "protocol",
            "does not answer as a SOCKS5 proxy",
        ),
        (drop, "closed", "while it was asked for a tunnel"),
        (|_stream| thread::sleep(SECOND), "connect_timeout", "made no tunnel to localhost:81 in time"),
    ];
    for (conduct, kind, note) in cases {
        let proxy = listen(move |mut stream| {
            let _ = stream.read(&mut [0; 3]);
            conduct(stream);
        });
        let finished = run("http://localhost:81", &format!("socks5h://{proxy}"), &[], 1).expect("it runs");
        assert_eq!(kinds(&finished.total), [(kind, 1)], "{:?}", notes(&finished.total));
        assert!(notes(&finished.total)[0].contains(note), "{:?}", notes(&finished.total));
        assert_eq!(finished.total.counter(Counter::ConnectionsFailed), 1);
    }
}

#[test]
fn nobody_listens_where_the_proxy_should_be() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let finished = run("http://127.0.0.1:81", &format!("http://{address}"), &[], 1).expect("it runs");
    assert_eq!(kinds(&finished.total), [("connect_refused", 1)]);
    assert_eq!(notes(&finished.total), [format!("connection refused by {address}")]);
}

#[test]
fn both_the_proxy_and_the_target_behind_it_must_be_allowed() {
    let (proxy, _) = http_proxy();
    let refused = |target: &str, proxy: &str| match run(target, proxy, &[], 1) {
        Err(Error::HostNotAllowed(host)) => host,
        _ => panic!("{target} through {proxy} goes nowhere"),
    };
    assert_eq!(refused("http://api.test", &format!("http://{proxy}")), "api.test");
    // What the proxy makes of a name without a dot, nobody here knows.
    assert_eq!(refused("http://api", &format!("http://{proxy}")), "api");
    assert_eq!(refused("http://127.0.0.1", "http://192.0.2.1:3128"), "192.0.2.1");
}

#[test]
fn a_proxy_that_is_none_ends_the_run_before_it_began() {
    match run("http://127.0.0.1", "https://u:secret@proxy", &[], 1) {
        Err(Error::Proxy(why)) => assert_eq!(why, "proxies speak `http`, `socks5` or `socks5h`, not `https`"),
        _ => panic!("it is no proxy"),
    }
}
