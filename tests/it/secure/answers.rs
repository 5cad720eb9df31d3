//! Answers of every shape over HTTP/2, redirects that lead from plain HTTP to TLS, and servers that answer early.

use std::time::Duration;

use scn::metrics::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::two::{Reply, Server, good, ok, over_tcp, over_tls};
use super::world::{Authority, Net, accept, answer_all, scene};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_says_that_an_answer_comes_is_passed_over_and_trailers_end_it() {
    let task = "GET /a { expect status 200; expect body == \"ok\"; expect time == 1s }\nGET /b { expect status 200 }";
    let seen = over_tcp(task).run(&Server::new(|_| Reply::Wrapped).plain());
    good(&seen, 2);
    assert_eq!(seen.dialled, 1);
}

#[test]
fn coded_bodies_are_taken_apart_over_http_2_too() {
    let server = Server::new(|_| Reply::Zipped(b"tea and cups"));
    let seen = over_tcp("GET /a { expect body == \"tea and cups\"; expect size == 12B }").run(&server.plain());
    good(&seen, 1);
    assert_eq!(server.heard.borrow()[0].headers["accept-encoding"], "gzip, deflate, br, zstd");
}

#[test]
fn a_server_that_goes_away_answers_what_it_has_begun_with_and_the_rest_goes_over_another_connection() {
    let server = Server::new(|heard| match heard.uri.rsplit('/').next() {
        Some("leave") => Reply::Leave(Duration::ZERO),
        Some("stream") => Reply::Events(vec![(Duration::ZERO, "data: 1\n\n"), (5 * SECOND, "data: 2\n\n")], true),
        _ => ok(),
    });
    let task = "events GET /stream {
      one: receive within 9s
      GET /leave { expect body == \"ok\" }
      pause 1s
      GET /a { expect status 200 }
      two: receive within 9s { expect body == \"2\" }
    }
    GET /b { expect status 200 }";
    let seen = over_tcp(task).run(&server.plain());
    good(&seen, 6);
    let heard = server.heard.borrow();
    let connections: Vec<u32> = heard.iter().map(|heard| heard.connection).collect();
    assert_eq!((seen.dialled, connections), (2, vec![0, 0, 1, 1]));
}

#[test]
fn a_body_that_stalls_over_http_2_fails_its_step_alone() {
    let server = Server::new(|heard| if heard.uri.ends_with("/stalls") { Reply::Stall } else { ok() });
    let task = "attempt { GET /stalls { expect status 200 } }\nGET /a { expect status 200 }";
    let seen = over_tcp(task).run(&server.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((2, 1), vec![("timeout", 1)], 1));
    assert_eq!(seen.notes(), ["no whole answer within 5s: the head had arrived, 4 bytes of the body read"]);
    assert_eq!((seen.left_open, server.busy.get().0), (0, 0));
}

#[test]
fn a_server_that_answers_before_it_has_the_whole_body_has_answered() {
    let large = "POST /early { body file(\"large.txt\"); expect status 413 }\nGET /b { expect status 200 }";
    let text = "x".repeat(9_000_000);
    let seen = over_tcp(large).file("large.txt", &text).run(&Server::new(|_| ok()).plain());
    good(&seen, 2);
    assert_eq!(seen.dialled, 1);
    // In HTTP/1.1 the rest of the body cannot be left out: the connection goes.
    let net = Net::new(|mut far, number| async move {
        if number > 0 {
            return answer_all(far, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
        let _ = far.read(&mut [0; 4096]).await;
        let _ = far.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await;
        tokio::time::sleep(60 * SECOND).await;
    });
    let plain = format!("target \"http://127.0.0.1\" {{ timeout 5s }}\nuser u {{ think 1h; task t {{\n{large}\n}} }}");
    let seen = scene(&plain).file("large.txt", &text).run(&net);
    assert_eq!((seen.samples(), seen.kinds(), seen.notes()), ((2, 0), vec![], vec![]));
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (2, 0));
}

/// A server whose first connection is plain HTTP and sends everybody to `to`, and whose others are TLS.
fn moves_to_tls(ca: &Authority, to: &'static str) -> Net {
    let acceptor = ca.signs(&["shop.test"], 2090).server(&["http/1.1"], None);
    Net::new(move |far, number| {
        let acceptor = acceptor.clone();
        async move {
            if number == 0 {
                let moved = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                return answer_all(far, &moved).await;
            }
            if let Some(stream) = accept(&acceptor, far).await {
                answer_all(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
        }
    })
}

#[test]
fn a_redirect_from_plain_http_to_tls_is_followed_with_the_authorities_of_the_target() {
    let ca = Authority::new();
    let task = "GET /a { expect status 200; expect url == \"https://shop.test/b\" }";
    let text = format!(
        "target \"http://shop.test\" {{ tls {{ ca \"ca.pem\" }} }}\nuser u {{ think 1h; task t {{\n{task}\n}} }}"
    );
    let scene = scene(&text).file("ca.pem", &ca.pem()).allow("shop.test");
    let seen = scene.run(&moves_to_tls(&ca, "https://shop.test/b"));
    good(&seen, 1);
    assert_eq!(seen.dialled, 2);
    let stranger = Authority::named("A stranger");
    let seen = scene.run(&moves_to_tls(&stranger, "https://shop.test/b"));
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("tls", 1)]));
}

#[test]
fn each_hop_of_a_redirect_must_be_allowed() {
    let server = Server::new(|heard| match heard.uri.rsplit('/').next() {
        Some("a") => Reply::Redirect(302, "/b"),
        Some("b") => Reply::Redirect(307, "http://example.com/c"),
        _ => ok(),
    });
    let seen = over_tcp("GET /a { expect status 200 }").run(&server.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((1, 1), vec![("host_not_allowed", 1)], 1));
    assert_eq!(server.heard.borrow().len(), 2);
    let ca = Authority::new();
    let circle = Server::new(|_| Reply::Redirect(302, "/a"));
    let task = "GET /a { redirects 7; expect status 200 }";
    let seen = over_tls(&ca, "", task).run(&circle.secure(&ca, &["h2"]));
    assert_eq!(
        (seen.kinds(), seen.notes()),
        (vec![("protocol", 1)], vec!["still redirected after 7 redirects, to `/a`"])
    );
    assert_eq!((circle.heard.borrow().len(), seen.counter(Counter::RedirectsRefused)), (8, 1));
}
