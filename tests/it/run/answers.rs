//! Answers of every shape that HTTP/1.1 allows: where each ends, and whether its connection carries the next request.

use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::Op;

use crate::run::world::{Draft, Memory, OK, SECOND, kinds, notes};

/// Two requests with this method to a service that answers so: failures by kind, their notes, and how many connections
/// were made.
fn twice(method: &str, answer: &'static str) -> (Vec<(&'static str, u64)>, Vec<String>, u64) {
    let service = Memory::new(move |_| (Duration::ZERO, answer));
    let mut draft = Draft::new().think(60 * SECOND);
    let steps = ["/a", "/b"].map(|path| {
        let mut step = draft.http(method, path);
        step.looks_at.body = true;
        Op::Http(Box::new(step))
    });
    draft.task(1.0, steps.into());
    let finished = draft.run(&service);
    let opened = finished.total.counter(Counter::ConnectionsOpened);
    assert_eq!(opened, u64::from(*service.dialled.borrow()));
    (kinds(&finished.total), notes(&finished.total), opened)
}

#[test]
fn answers_end_where_they_end_and_the_connection_goes_on_where_it_may() {
    for (method, answer, connections) in [
        ("GET", OK, 1),
        // What only says that an answer comes is passed over.
        ("GET", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 1),
        ("POST", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 1),
        // Answers without a body, whatever their heads say.
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\n", 1),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", 1),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 1),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 2048\r\n\r\n", 1),
        // Chunks, with what may stand beside and behind them.
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nx-sum: 1\r\n\r\n", 1),
        // Whoever switches to something else that nobody asked for is not asked again.
        ("GET", "HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n", 2),
        // The connection ends with the answer.
        ("GET", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", 2),
        ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 2),
        ("GET", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 1),
    ] {
        assert_eq!(twice(method, answer), (vec![], vec![], connections), "{method}: {answer}");
    }
}

#[test]
fn a_head_has_limits() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(1_000));
    for answer in [long, many] {
        let (kinds, notes, connections) = twice("GET", answer.leak());
        assert_eq!((kinds, connections), (vec![("protocol", 1)], 1), "{notes:?}");
    }
}
