//! Streams of server-sent events over HTTP/2: several of them, and requests, share the user's one connection.

use std::time::Duration;

use h2::Reason;
use scn::metrics::Counter;

use super::two::{Heard, Reply, Server, good, ok, over_tcp, over_tls};
use super::world::{Authority, Net, accept};

const PAUSE: Duration = Duration::from_secs(1);

/// Three prices, a second apart; the stream of `/ends` is over then.
fn prices(heard: &Heard) -> Reply {
    let events = vec![
        (Duration::ZERO, ": hello\n\nevent: price\ndata: 1\n\n"),
        (PAUSE, "event: price\nda"),
        (Duration::ZERO, "ta: 2\n\n"),
        (PAUSE, "retry: 2500\ndata: 3\n\n"),
    ];
    match heard.uri.rsplit('/').next() {
        Some("stream") => Reply::Events(events, false),
        Some("ends") => Reply::Events(events, true),
        Some("refused") => Reply::Reset(Reason::REFUSED_STREAM),
        Some("silent") => Reply::Silence,
        Some("missing") => Reply::Status(404),
        _ => ok(),
    }
}

#[test]
fn streams_and_requests_share_the_one_connection_of_a_user() {
    let task = "events GET /stream {
      one: receive within 5s { expect event == \"price\"; expect body == \"1\" }
      events POST /stream {
        json { from: 1 }
        expect status 200
        inner: receive 2 within 5s { expect event == \"price\" }
        GET /a { expect status 200 }
      }
      more: receive 2 within 5s
      GET /b { expect status 200 }
    }
    GET /c { expect status 200 }";
    let server = Server::new(prices);
    let seen = over_tcp(task).users(3).iterations(3).run(&server.plain());
    // Two openings, five events and three requests of each user.
    good(&seen, 30);
    assert_eq!((seen.dialled, server.busy.get().0), (3, 0));
    assert_eq!(seen.counter(Counter::ConnectionsReused), 12);
    let heard = server.heard.borrow();
    let accept = |heard: &Heard| heard.headers["accept"].to_str().unwrap_or_default().to_owned();
    assert_eq!(
        (accept(&heard[0]), heard.iter().filter(|heard| heard.body == 10).count()),
        ("text/event-stream".into(), 3)
    );
}

#[test]
fn bytes_of_events_are_charged_to_their_receives_and_not_to_the_next_request() {
    let task = "events GET /stream { all: receive 3 within 5s; get: GET /a { expect status 200 } }";
    let seen = over_tcp(task).run(&Server::new(prices).plain());
    good(&seen, 5);
    let total = &seen.finished.total;
    let of = |name: &str| {
        let at = seen.plan.series.iter().position(|series| series.name == name).expect("a row");
        total.series[at].bytes_received
    };
    assert_eq!(of("all"), 31 + 22 + 21);
    // The head and the frame of a body of two bytes, and the heads of the frames of events.
    assert!(of("get") < 80, "{}", of("get"));
}

#[test]
fn over_tls_the_server_chooses_the_version_of_a_stream_too() {
    let ca = Authority::new();
    let task = "events GET /stream { all: receive 3 within 5s }\nGET /a { expect status 200 }";
    let server = Server::new(prices);
    let seen = over_tls(&ca, "", task).run(&server.secure(&ca, &["h2", "http/1.1"]));
    good(&seen, 5);
    assert_eq!((seen.dialled, server.heard.borrow().len()), (1, 2));
    // One that speaks HTTP/1.1 alone has the stream on the connection that was made to learn it.
    let acceptor = ca.signs(&["shop.test"], 2090).server(&["http/1.1"], None);
    let net = Net::new(move |far, _| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut stream) = accept(&acceptor, far).await else { return };
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut bytes = [0; 4096];
            let _ = stream.read(&mut bytes).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2\n\n";
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.read(&mut bytes).await;
        }
    });
    let seen = over_tls(&ca, "", "events GET /stream { all: receive 2 within 5s }").run(&net);
    good(&seen, 3);
    assert_eq!(seen.dialled, 1);
}

#[test]
fn a_stream_that_ends_says_after_how_long_the_server_asks_to_come_back() {
    let task = "events GET /ends { all: receive 4 within 5s }\n";
    let seen = over_tcp(task).run(&Server::new(prices).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((5, 1), vec![("closed", 1)], 0));
    let words = "the stream of events has ended; the server asks to come back after 2.5s after 3 of 4 messages";
    assert_eq!(seen.notes(), [words]);
    let seen =
        over_tcp("events GET /ends { all: receive 3 within 5s; receive close }").run(&Server::new(prices).plain());
    good(&seen, 5);
}

#[test]
fn leaving_a_stream_gives_its_place_back_to_a_server_that_takes_one_at_a_time() {
    let task = "repeat 3 { events GET /stream { first: receive within 5s } }\nGET /a { expect status 200 }";
    let server = Server::new(prices).at_most(1);
    let seen = over_tcp(task).run(&server.plain());
    good(&seen, 7);
    assert_eq!((seen.dialled, server.heard.borrow().len()), (1, 4));
    // As long as the stream is open, nobody else has a place.
    let seen =
        over_tcp("events GET /stream { GET /a { expect status 200 } }").run(&Server::new(prices).at_most(1).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((2, 1), vec![("timeout", 1)], 0));
    assert_eq!(seen.notes(), ["all streams that 127.0.0.1 takes at a time were in use until then"]);
}

#[test]
fn a_stream_that_is_refused_silent_or_none_fails_its_opening_alone() {
    for (path, kind, words, dialled) in [
        ("refused", "reset", "the server reset the stream before the answer's head", 2),
        ("silent", "timeout", "no answer within 5s", 1),
        ("missing", "status", "answered with status 404 Not Found", 1),
        ("other", "protocol", "answered with status 200 OK without a content type", 1),
    ] {
        let task = format!("attempt {{ events GET /{path} {{ receive within 1s }} }}\nGET /a {{ expect status 200 }}");
        let seen = over_tcp(&task).run(&Server::new(prices).plain());
        assert_eq!((seen.samples().1, seen.kinds(), seen.left_open), (1, vec![(kind, 1)], 0), "{path}");
        assert!(seen.notes()[0].starts_with(words), "{path}: {:?}", seen.notes());
        // A connection on which a stream was refused gets no more requests.
        assert_eq!(seen.dialled, dialled + u32::from(path == "refused"), "{path}");
    }
}

#[test]
fn a_server_that_cuts_the_connection_fails_who_reads_and_the_next_request_has_another_one() {
    let server = Server::new(|heard| if heard.uri.ends_with("/stream") { Reply::CutEvents } else { ok() });
    let task = "attempt { events GET /stream { all: receive 2 within 5s } }\nGET /a { expect status 200 }";
    let seen = over_tcp(task).run(&server.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((4, 1), vec![("closed", 1)], 0), "{:?}", seen.notes());
    assert!(seen.notes()[0].starts_with("connection closed by the peer in the body, after 9B"), "{:?}", seen.notes());
    assert_eq!(seen.dialled, 2);
}

#[test]
fn a_stream_that_is_cut_by_a_failure_or_a_full_queue_leaves_the_connection_to_others() {
    // A receive that fails ends its block, and the stream with it.
    let fails = "attempt { events GET /stream { one: receive within 5s { expect body == \"2\" } } }";
    let server = Server::new(prices);
    let seen = over_tcp(&format!("{fails}\nGET /a {{ expect status 200 }}")).run(&server.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((3, 1), vec![("expect", 1)], 1));
    assert_eq!((seen.left_open, server.busy.get().0), (0, 0));
    // More events than a queue holds, and nobody takes them.
    let flood = Server::new(|heard| match heard.uri.ends_with("/stream") {
        true => Reply::Events(vec![(Duration::ZERO, "data: x\n\n"); 1_001], false),
        false => ok(),
    });
    let task = "attempt { events GET /stream { pause 1s; late: receive within 5s } }\nGET /a { expect status 200 }";
    let seen = over_tcp(task).run(&flood.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((3, 1), vec![("overflow", 1)], 1), "{:?}", seen.notes());
    assert_eq!((seen.left_open, flood.busy.get().0), (0, 0));
}
