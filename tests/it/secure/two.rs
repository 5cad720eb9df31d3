//! HTTP/2: chosen in the handshake of TLS or known before, shared by a user's requests, and what goes wrong with it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::{self, SendResponse};
use http::{HeaderMap, Method, Response};
use scn::metrics::{Counter, Phase};
use scn::plan::TargetId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::world::{Authority, Net, Scene, Seen, accept, answer_all, scene};

/// What the server does with a request.
pub enum Reply {
    /// Answers with that body after so long.
    Ok(Vec<u8>, Duration),
    Status(u16),
    /// Sends the user on to another path.
    To(u16, &'static str),
    Reset(Reason),
    Silence,
    /// Redirects to that place with that status.
    Redirect(u16, &'static str),
    /// Answers with a stream of events: each text after a pause. Then the stream ends, or stays open.
    Events(Vec<(Duration, &'static str)>, bool),
    /// Says first that an answer comes, and trailers behind it.
    Wrapped,
    /// Answers so, coded by gzip.
    Zipped(&'static [u8]),
    /// Answers, and ends the connection once everything on it is answered.
    Leave(Duration),
    /// Answers the head and a piece of a longer body, and then nothing.
    Stall,
    /// Answers the head, a piece of a longer body, and goes.
    Cut,
    /// The same of a stream of events, after the first.
    CutEvents,
}

pub fn ok() -> Reply {
    Reply::Ok(b"ok".to_vec(), Duration::ZERO)
}

/// A request as the server hears it.
pub struct Heard {
    pub connection: u32,
    pub method: Method,
    pub uri: String,
    pub headers: HeaderMap,
    pub body: usize,
}

type Answers = dyn Fn(&Heard) -> Reply;

/// A server of HTTP/2.
#[derive(Clone)]
pub struct Server {
    answers: Rc<Answers>,
    streams_max: u32,
    pub heard: Rc<RefCell<Vec<Heard>>>,
    /// Requests that are being answered, and the most that were so at a time.
    pub busy: Rc<Cell<(usize, usize)>>,
}

impl Server {
    pub fn new(answers: impl Fn(&Heard) -> Reply + 'static) -> Server {
        Server { answers: Rc::new(answers), streams_max: 100, heard: Rc::default(), busy: Rc::default() }
    }

    pub fn at_most(mut self, streams: u32) -> Server {
        self.streams_max = streams;
        self
    }

    pub async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static, connection: u32) {
        let mut builder = server::Builder::new();
        builder.max_concurrent_streams(self.streams_max).initial_window_size(4 << 20);
        builder.initial_connection_window_size(4 << 20);
        let Ok(mut accepted) = builder.handshake::<_, Bytes>(stream).await else { return };
        let cut = Rc::new(tokio::sync::Notify::new());
        let leaves = Rc::new(tokio::sync::Notify::new());
        loop {
            let next = tokio::select! {
                biased;
                () = cut.notified() => return,
                () = leaves.notified() => {
                    accepted.graceful_shutdown();
                    continue;
                }
                next = accepted.accept() => next,
            };
            let Some(Ok((request, respond))) = next else { return };
            tokio::task::spawn_local(self.clone().one(request, respond, connection, [cut.clone(), leaves.clone()]));
        }
    }

    async fn one(
        self,
        request: http::Request<h2::RecvStream>,
        mut respond: SendResponse<Bytes>,
        connection: u32,
        [cut, leaves]: [Rc<tokio::sync::Notify>; 2],
    ) {
        let (busy, most) = self.busy.get();
        self.busy.set((busy + 1, most.max(busy + 1)));
        let (head, mut incoming) = request.into_parts();
        let mut body = 0;
        if head.uri.path() == "/stall" {
            // Nobody takes the body: no more of it comes than was allowed for.
            return std::future::pending().await;
        }
        if head.uri.path() == "/early" {
            // It has seen enough; what is still on its way is given up.
            let head = Response::builder().status(413).body(()).expect("a head");
            return drop(respond.send_response(head, true));
        }
        while let Some(Ok(data)) = incoming.data().await {
            body += data.len();
            let _ = incoming.flow_control().release_capacity(data.len());
        }
        let (method, uri, headers) = (head.method, head.uri.to_string(), head.headers);
        let is_head = method == Method::HEAD;
        let heard = Heard { connection, method, uri, headers, body };
        let reply = (self.answers)(&heard);
        self.heard.borrow_mut().push(heard);
        let status = |status: u16| Response::builder().status(status).body(()).expect("a head");
        match reply {
            Reply::Ok(mut body, after) => {
                if is_head {
                    body.clear();
                }
                tokio::time::sleep(after).await;
                if let Ok(mut stream) = respond.send_response(status(200), body.is_empty()) {
                    let _ = stream.send_data(body.into(), true);
                }
            }
            Reply::Status(code) => drop(respond.send_response(status(code), true)),
            Reply::To(code, place) => {
                let mut head = status(code);
                head.headers_mut().insert(http::header::LOCATION, place.parse().expect("a path"));
                drop(respond.send_response(head, true));
            }
            Reply::Reset(reason) => respond.send_reset(reason),
            Reply::Silence => std::future::pending().await,
            Reply::Wrapped => {
                let hint = Response::builder().status(103).header("link", "</a>").body(()).expect("a head");
                respond.send_informational(hint).expect("it can be said");
                tokio::time::sleep(Duration::from_secs(1)).await;
                let mut stream = respond.send_response(status(200), false).expect("it can be answered");
                let _ = stream.send_data(Bytes::from_static(b"ok"), false);
                let trailers =
                    HeaderMap::from_iter([("x-sum".parse().expect("a name"), "1".parse().expect("a value"))]);
                let _ = stream.send_trailers(trailers);
            }
            Reply::Zipped(body) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut encoder, body).expect("into memory");
                let head = Response::builder().header("content-encoding", "gzip").body(()).expect("a head");
                let mut stream = respond.send_response(head, false).expect("it can be answered");
                let _ = stream.send_data(encoder.finish().expect("into memory").into(), true);
            }
            Reply::Leave(after) => {
                leaves.notify_one();
                tokio::time::sleep(after).await;
                let mut stream = respond.send_response(status(200), false).expect("it can be answered");
                let _ = stream.send_data(Bytes::from_static(b"ok"), true);
            }
            Reply::Stall => {
                let mut stream = respond.send_response(status(200), false).expect("it can be answered");
                let _ = stream.send_data(Bytes::from_static(b"half"), false);
                let _ = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
            }
            Reply::Redirect(status, to) => {
                let head = Response::builder().status(status).header("location", to).body(()).expect("a head");
                drop(respond.send_response(head, true));
            }
            Reply::Events(events, ends) => {
                let head = Response::builder().header("content-type", "text/event-stream").body(()).expect("a head");
                let mut stream = respond.send_response(head, false).expect("it can be answered");
                for (after, text) in events {
                    tokio::time::sleep(after).await;
                    let _ = stream.send_data(Bytes::from_static(text.as_bytes()), false);
                }
                if ends {
                    let _ = stream.send_data(Bytes::new(), true);
                } else {
                    // Until nobody listens any more.
                    let _ = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
                }
            }
            Reply::Cut | Reply::CutEvents => {
                let is_cut = matches!(reply, Reply::Cut);
                let head = Response::builder().header("content-type", "text/event-stream").body(()).expect("a head");
                let mut stream = respond.send_response(head, false).expect("it can be answered");
                let half: &[u8] = if is_cut { b"half" } else { b"data: 1\n\n" };
                let _ = stream.send_data(Bytes::from_static(half), false);
                tokio::time::sleep(Duration::from_secs(1)).await;
                cut.notify_one();
            }
        }
        let (busy, most) = self.busy.get();
        self.busy.set((busy - 1, most));
    }

    /// Over plain TCP.
    pub fn plain(&self) -> Net {
        let server = self.clone();
        Net::new(move |far, number| server.clone().serve(far, number))
    }

    /// Over TLS, where it speaks these protocols.
    pub fn secure(&self, ca: &Authority, protocols: &[&str]) -> Net {
        let (server, acceptor) = (self.clone(), ca.signs(&["shop.test"], 2090).server(protocols, None));
        Net::new(move |far, number| {
            let (server, acceptor) = (server.clone(), acceptor.clone());
            async move {
                let Some(stream) = accept(&acceptor, far).await else { return };
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => server.serve(stream, number).await,
                    _ => answer_all(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await,
                }
            }
        })
    }
}

/// A task over TLS, with these settings of its target.
pub fn over_tls(ca: &Authority, settings: &str, task: &str) -> Scene {
    let text = format!(
        "target \"https://shop.test\" {{ timeout 5s; tls {{ ca \"ca.pem\" }}; {settings} }}\nuser u {{ think 1h; task t {{\n{task}\n}} }}"
    );
    scene(&text).file("ca.pem", &ca.pem()).allow("shop.test")
}

/// A task over plain TCP, in HTTP/2 from the first byte.
pub fn over_tcp(task: &str) -> Scene {
    let target = "target \"http://127.0.0.1\" { timeout 5s; http 2 }";
    scene(&format!("{target}\nuser u {{ think 1h; task t {{\n{task}\n}} }}"))
}

pub fn good(seen: &Seen, samples: u64) {
    assert_eq!((seen.samples(), seen.kinds(), seen.notes()), ((samples, 0), vec![], vec![]));
    assert_eq!(seen.left_open, 0);
}

const TWO: &str = "GET /a { expect status 200 }\nGET /b { expect body == \"ok\" }";

#[test]
fn a_server_that_can_is_spoken_with_in_http_2_over_one_connection_a_user() {
    let ca = Authority::new();
    let server = Server::new(|_| ok());
    let seen = over_tls(&ca, "", TWO).users(3).iterations(3).run(&server.secure(&ca, &["h2", "http/1.1"]));
    good(&seen, 6);
    assert_eq!((seen.dialled, server.heard.borrow().len()), (3, 6));
    assert_eq!((seen.counter(Counter::ConnectionsOpened), seen.counter(Counter::ConnectionsReused)), (3, 3));
    assert_eq!(server.heard.borrow()[0].uri, "https://shop.test/a");
}

#[test]
fn a_server_that_cannot_is_spoken_with_in_http_1_1_over_the_same_connection() {
    let ca = Authority::new();
    for protocols in [&["http/1.1"][..], &[]] {
        let server = Server::new(|_| ok());
        let seen = over_tls(&ca, "http auto", TWO).users(2).iterations(2).run(&server.secure(&ca, protocols));
        good(&seen, 4);
        assert_eq!((seen.dialled, server.heard.borrow().len()), (2, 0));
    }
}

#[test]
fn http_1_1_alone_is_offered_where_the_target_says_so_and_to_websockets() {
    let ca = Authority::new();
    let server = Server::new(|_| ok());
    let seen = over_tls(&ca, "http 1.1", TWO).run(&server.secure(&ca, &["h2", "http/1.1"]));
    good(&seen, 2);
    assert_eq!(server.heard.borrow().len(), 0);
    let seen = over_tls(&ca, "", "websocket /ws { send text \"x\" }").run(&server.secure(&ca, &["h2", "http/1.1"]));
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("status", 1)]));
    assert_eq!(seen.notes(), ["the upgrade was answered with 200 OK"]);
}

#[test]
fn http_2_alone_fails_as_tls_where_the_server_does_not_choose_it() {
    let ca = Authority::new();
    let seen = over_tls(&ca, "http 2", "GET /a { expect status 200 }").run(&Server::new(|_| ok()).secure(&ca, &[]));
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("tls", 1)]));
    let words = "`shop.test` does not choose HTTP/2 in the TLS handshake, and nothing else was offered";
    assert_eq!(seen.notes(), [words]);
    let net = Server::new(|_| ok()).secure(&ca, &["http/1.1"]);
    let seen = over_tls(&ca, "http 2", "GET /a { expect status 200 }").run(&net);
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("tls", 1)]));
}

#[test]
fn http_2_is_spoken_from_the_first_byte_over_plain_tcp() {
    let server = Server::new(|_| ok());
    let seen = over_tcp(TWO).run(&server.plain());
    good(&seen, 2);
    assert_eq!(seen.dialled, 1);
    let heard = server.heard.borrow();
    assert_eq!(heard[0].uri, "http://127.0.0.1/a");
    assert!(!heard[0].headers.contains_key("host"), "{:?}", heard[0].headers);
    let totals = seen.finished.total.totals();
    assert!(totals.bytes_sent > 50 && totals.bytes_received > 20, "{totals:?}");
}

#[test]
fn a_server_of_http_1_1_that_is_spoken_to_in_http_2_fails_the_step_as_protocol() {
    let net = Net::new(|far, _| answer_all(far, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
    let seen = over_tcp("GET /a { expect status 200 }").run(&net);
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((1, 1), vec![("protocol", 1)], 0));
    assert!(seen.notes()[0].starts_with("what came is not HTTP/2"), "{:?}", seen.notes());
}

#[test]
fn requests_side_by_side_share_the_connection_and_wait_where_the_server_takes_no_more() {
    let server = Server::new(|_| Reply::Ok(b"ok".to_vec(), Duration::from_secs(1))).at_most(2);
    let seen = over_tcp("parallel { for n in 1..6 { GET /${n} { expect status 200 } } }").run(&server.plain());
    good(&seen, 6);
    assert_eq!((seen.dialled, server.busy.get()), (1, (0, 2)));
    let phases = seen.finished.total.phases_of(TargetId(0)).expect("there were requests");
    // One makes the connection and the others wait for it; then two go at a time.
    assert_eq!((phases.of(Phase::Connect).count(), phases.of(Phase::Tls).count()), (1, 0));
    assert_eq!(phases.of(Phase::Wait).count(), 6);
    assert!(phases.of(Phase::Blocked).count() >= 4, "{}", phases.of(Phase::Blocked).count());
    let row = &seen.finished.total.series[0];
    assert_eq!(row.ok.max().map(|time| time.as_secs()), Some(3));
}

#[test]
fn a_refused_stream_is_tried_once_more_on_another_connection() {
    let server = Server::new(|heard| if heard.connection == 0 { Reply::Reset(Reason::REFUSED_STREAM) } else { ok() });
    let seen = over_tcp("GET /a { expect status 200 }").run(&server.plain());
    good(&seen, 1);
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (2, 1));
    let server = Server::new(|_| Reply::Reset(Reason::REFUSED_STREAM));
    let seen = over_tcp("GET /a { expect status 200 }").run(&server.plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((1, 1), vec![("reset", 1)], 2));
}

#[test]
fn a_stream_that_is_reset_fails_its_step_alone() {
    for (reason, kind) in
        [(Reason::INTERNAL_ERROR, "reset"), (Reason::CANCEL, "reset"), (Reason::PROTOCOL_ERROR, "protocol")]
    {
        let server = Server::new(move |heard| if heard.uri.ends_with("/bad") { Reply::Reset(reason) } else { ok() });
        let seen =
            over_tcp("attempt { GET /bad { expect status 200 } }\nGET /a { expect status 200 }").run(&server.plain());
        assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((2, 1), vec![(kind, 1)], 1), "{reason:?}");
        assert!(
            seen.notes()[0].starts_with("the server reset the stream before the answer's head"),
            "{:?}",
            seen.notes()
        );
    }
}

/// The server behind so many connections that end when a request comes, and have begun with none of them.
fn behind_ends(server: &Server, ends: u32) -> Net {
    let behind = server.clone();
    Net::new(move |mut far, number| {
        let server = behind.clone();
        async move {
            if number >= ends {
                return server.serve(far, number).await;
            }
            // SETTINGS, then GOAWAY: the last stream was none.
            let _ = far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
            let mut bytes = [0; 4096];
            // The preface and SETTINGS come first, the request's HEADERS behind them.
            while let Ok(count) = far.read(&mut bytes).await
                && count > 0
            {
                if bytes[..count].windows(9).any(|head| head[3] == 1 && head[5..9] == [0, 0, 0, 1]) {
                    break;
                }
            }
            let _ = far.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await;
            while far.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
        }
    })
}

#[test]
fn what_a_server_that_goes_away_has_not_begun_with_goes_over_another_connection() {
    let server = Server::new(|_| ok());
    let seen = over_tcp("GET /a { expect status 200 }").run(&behind_ends(&server, 1));
    good(&seen, 1);
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (2, 1));
}

#[test]
fn requests_that_a_server_leaves_behind_go_on_from_connection_to_connection_until_there_is_a_limit() {
    let server = Server::new(|_| ok());
    let side_by_side = "parallel { for n in 1..5 { GET /${n} { expect status 200 } } }";
    let seen = over_tcp(side_by_side).run(&behind_ends(&server, 10));
    good(&seen, 5);
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (11, 10));
    assert_eq!(seen.counter(Counter::LimitsReached), 0);

    let seen = over_tcp("GET /a { expect status 200 }").run(&behind_ends(&server, 11));
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((1, 1), vec![("closed", 1)], 11));
    assert_eq!(seen.counter(Counter::LimitsReached), 1);
    assert!(seen.notes()[0].starts_with("the server ended the connection"), "{:?}", seen.notes());
}

#[test]
fn a_request_whose_time_is_up_while_it_waits_lets_those_behind_it_go() {
    let server = Server::new(|heard| match heard.uri.contains("/slow") {
        true => Reply::Ok(b"ok".to_vec(), Duration::from_secs(2)),
        false => ok(),
    });
    let task = "parallel {\n slow: GET /slow { expect status 200 }\n hasty: GET /hasty { timeout 1s }\n \
                patient: GET /patient { expect status 200 }\n last: GET /last { expect status 200 } }";
    let seen = over_tcp(task).run(&server.at_most(1).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.dialled), ((4, 1), vec![("timeout", 1)], 1));
    assert!(seen.notes()[0].contains("all streams"), "{:?}", seen.notes());
}

#[test]
fn a_connection_that_was_closed_while_it_lay_still_is_replaced_without_failure() {
    let server = Server::new(|_| ok());
    let behind = server.clone();
    let net = Net::new(move |far, number| {
        let server = behind.clone();
        async move {
            let _ = tokio::time::timeout(Duration::from_secs(2), server.serve(far, number)).await;
        }
    });
    let seen = over_tcp("GET /a { expect status 200 }\npause 10s\nGET /b { expect status 200 }").run(&net);
    good(&seen, 2);
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (2, 1));
}

#[test]
fn long_bodies_go_both_ways_and_what_is_not_kept_is_counted() {
    let server = Server::new(|_| Reply::Ok(vec![b'x'; 3 << 20], Duration::ZERO));
    let task = "POST /a { body random_string(300000); expect status 200; expect size == 3145728B }\nHEAD /b\nGET /c";
    let seen = over_tcp(task).run(&server.plain());
    assert_eq!((seen.samples().1, seen.kinds(), seen.notes()), (0, vec![], vec![]));
    let heard = server.heard.borrow();
    assert_eq!((heard[0].body, heard[0].headers["content-length"].to_str().ok()), (300_000, Some("300000")));
    assert_eq!(heard[1].method, Method::HEAD);
    assert!(seen.finished.total.totals().bytes_sent > 300_000);
}

#[test]
fn a_body_goes_on_with_a_redirect_only_where_the_method_does() {
    let server = Server::new(|heard| match &heard.uri {
        uri if uri.ends_with("/see") => Reply::To(303, "/seen"),
        uri if uri.ends_with("/again") => Reply::To(307, "/here"),
        _ => ok(),
    });
    let task = "POST /see { json { a: 1 }; expect status 200 }\nPUT /again { json { a: 1 }; expect status 200 }";
    good(&over_tcp(task).run(&server.plain()), 2);
    let heard = server.heard.borrow();
    let length = |heard: &Heard| heard.headers.get("content-length").and_then(|said| said.to_str().ok()?.parse().ok());
    let heard: Vec<_> = heard.iter().map(|heard| (heard.method.as_str(), heard.body, length(heard))).collect();
    assert_eq!(heard, [("POST", 7, Some(7)), ("GET", 0, None), ("PUT", 7, Some(7)), ("PUT", 7, Some(7))]);
}

#[test]
fn a_server_that_is_silent_or_leaves_in_the_body_fails_the_step_and_nothing_is_left() {
    let seen = over_tcp("GET /a { expect status 200 }").run(&Server::new(|_| Reply::Silence).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((1, 1), vec![("timeout", 1)], 0));
    assert_eq!(seen.notes(), ["no answer within 5s"]);
    let seen = over_tcp("GET /a { expect status 200 }").run(&Server::new(|_| Reply::Cut).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((1, 1), vec![("closed", 1)], 0), "{:?}", seen.notes());
    assert_eq!(seen.notes(), ["connection closed by the peer in the body, after 4B"]);
    let seen = over_tcp("GET /a { expect status 204 }").run(&Server::new(|_| Reply::Status(204)).plain());
    good(&seen, 1);
}

#[test]
fn an_endless_head_of_an_answer_is_not_read() {
    let server = Net::new(|mut far, _| async move {
        let _ = far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
        let mut bytes = [0; 4096];
        let _ = far.read(&mut bytes).await;
        // HEADERS without an end, and CONTINUATION for ever: fields of a literal name and value.
        let mut field = vec![0, 1, b'a', 100];
        field.extend([b'x'; 100]);
        let block: Vec<u8> =
            std::iter::once(0x88).chain(field.iter().copied().cycle().take(field.len() * 150)).collect();
        let length = (block.len() as u32).to_be_bytes();
        let frame = |kind: u8| [&[length[1], length[2], length[3], kind, 0, 0, 0, 0, 1][..], &block].concat();
        let mut next = frame(1);
        while far.write_all(&next).await.is_ok() {
            next = [&[length[1], length[2], length[3], 9, 0, 0, 0, 0, 1][..], &block].concat();
        }
    });
    let seen = over_tcp("GET /a { expect status 200 }").run(&server);
    assert_eq!((seen.samples(), seen.left_open), ((1, 1), 0));
    assert!(
        matches!(seen.kinds()[..], [("protocol" | "reset" | "timeout", 1)]),
        "{:?} {:?}",
        seen.kinds(),
        seen.notes()
    );
}
