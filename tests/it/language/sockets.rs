//! Cases of the rows about sockets and event streams.

use std::time::Duration;

use scn::metrics::Counter;

use super::world::{Answer, Case, case, millis};

pub fn cases() -> Vec<Case> {
    let mut cases = opening();
    cases.extend(messages());
    cases.extend(standing());
    cases.extend(clauses());
    cases.extend(events());
    cases
}

/// Sends `{"n": 0}`, `{"n": 1}` …, one every 100 ms, on and on.
async fn ticks(mut peer: super::world::Peer) {
    for n in 0..50 {
        millis(100).await;
        peer.send_json(serde_json::json!({ "n": n })).await;
    }
    while peer.next().await.is_some() {}
}

fn opening() -> Vec<Case> {
    vec![
        case("`websocket path { … }`")
            .task("websocket /room/${1 + 1} { text: send text \"hello\" }\nGET /after")
            .expect(|seen| {
                assert_eq!((seen.row("connect"), seen.row("close"), seen.row("text")), ((1, 0), (1, 0), (1, 0)));
                assert_eq!(seen.messages, ["hello", "close 1000"]);
                assert_eq!(seen.paths(), ["/room/2", "/after"]);
            }),
        case("`header`, `cookie`, `query`, `auth`, `timeout` of a socket")
            .task(
                "GET /
                 attempt {
                   websocket /room {
                     header X-Key \"k\"
                     cookie seat \"7\"
                     query { tag: [\"a\", \"b\"] }
                     auth basic \"u\", \"${user.id}\"
                     timeout 200ms
                     never: receive
                   }
                 }
                 GET /after",
            )
            .server(|_| Answer::ok().header("set-cookie", "visit=1"))
            .welcome("set-cookie", "ticket=9; HttpOnly")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/", "/room?tag=a&tag=b", "/after"]);
                assert_eq!(seen.headers("x-key"), ["", "k", ""]);
                // u:0
                assert_eq!(seen.headers("authorization"), ["", "Basic dTow", ""]);
                assert_eq!(seen.headers("cookie"), ["", "visit=1; seat=7", "visit=1; ticket=9"]);
                assert_eq!(
                    (seen.row("never"), seen.millis("never"), seen.kinds()),
                    ((0, 1), 200, vec![("timeout", 1)])
                );
            }),
        case("`subprotocol \"v1\"`")
            .task("websocket /ws { subprotocol \"v2, v1\"; text: send text \"hello\" }")
            .expect(|seen| {
                assert_eq!(seen.headers("sec-websocket-protocol"), ["v2, v1"]);
                assert_eq!(seen.row("text"), (1, 0));
            }),
        case("`feed: open websocket path { … }`")
            .task(
                "feed: open websocket /ws { hello: call text \"hello\" }
                 GET /between
                 with feed { again: call text \"again\" }",
            )
            .expect(|seen| {
                assert_eq!(seen.messages, ["hello", "again", "close 1000"]);
                assert_eq!((seen.row("connect"), seen.row("again"), seen.row("close")), ((1, 0), (1, 0), (1, 0)));
                assert_eq!((seen.dialled, seen.iterations()), (2, (1, 0)));
            }),
        case("`with feed { … }`")
            .user(
                "on start { feed: open websocket /ws { } }
                 task t { with feed { first: call text \"a\"; GET /inside; second: call text \"b\" } }
                 on stop { with feed { bye: call text \"bye\" } }",
            )
            .expect(|seen| {
                assert_eq!(seen.messages, ["a", "b", "bye", "close 1000"]);
                assert_eq!(seen.paths(), ["/ws", "/inside"]);
            }),
        case("a user's socket that has dropped")
            .scenario(
                "scenario \"Dropped\"\ntarget \"http://127.0.0.1:80\"\nuser u {\n  think 10m
                   on start { feed: open websocket /ws { hello: receive within 1s { capture name = body } } }
                   task t { with feed { said: call text \"${name}\" } }\n}\n",
            )
            .iterations(3)
            // Each connection serves one call.
            .socket(|mut peer| async move {
                peer.send(format!("name {}", peer.number)).await;
                if let Some(text) = peer.next().await {
                    peer.send(text).await;
                }
            })
            .expect(|seen| {
                assert_eq!((seen.row("connect"), seen.row("hello"), seen.row("said")), ((3, 0), (3, 0), (3, 0)));
                assert_eq!(seen.messages, ["name 0", "name 1", "name 2"]);
                assert_eq!(seen.iterations(), (3, 0));
            }),
        case("`close 1000 \"bye\"`").task("websocket /ws { bye: close 3001 \"bye ${1 + 1}\" }").expect(|seen| {
            assert_eq!((seen.messages.as_slice(), seen.row("bye")), (&["close 3001 bye 2".to_owned()][..], (1, 0)));
        }),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        case("`send text \"…\"`")
            .task("websocket /ws { text: send text \"n = ${1 + 1}\" }")
            .expect(|seen| assert_eq!((seen.messages[0].as_str(), seen.row("text")), ("n = 2", (1, 0)))),
        case("`send json value`")
            .task("websocket /ws { send json { list: [1, null], text: \"a\" } }")
            .expect(|seen| {
                assert_eq!(seen.messages[0], r#"{"list":[1,null],"text":"a"}"#);
                assert_eq!(seen.row("send /ws"), (1, 0));
            }),
        case("`send binary from_hex(\"…\")`")
            .task(
                "websocket /ws {
                   send binary from_hex(\"00ff10\")
                   reply: call binary \"text\" { expect size == 3B; capture hex = body }
                   send text to_hex(hex)
                 }",
            )
            .socket(|mut peer| async move {
                peer.next().await;
                peer.next().await;
                peer.send_bytes(b"abc").await;
                while peer.next().await.is_some() {}
            })
            .expect(|seen| {
                assert_eq!(seen.messages, ["0x00ff10", "0x74657874", "616263", "close 1000"]);
                assert_eq!(seen.samples().1, 0, "{:?}", seen.notes());
            }),
        case("`receive`")
            .task("websocket /ws { next: receive { capture n = json $.n }; send text \"${n}\" }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("next"), seen.millis("next")), ((1, 0), 100));
                assert_eq!(seen.messages[0], "0");
            }),
        case("`receive 10`")
            .task("websocket /ws { frame: receive 10 within 5s { expect json $.n >= 0; check json $.n < 5 } }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("frame"), seen.millis("frame"), seen.checks()), ((10, 0), 1_000, (5, 5)));
            }),
        case("`receive where C`")
            .task("websocket /ws { sixth: receive where json $.n == 5 within 5s }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("sixth"), seen.millis("sixth")), ((1, 0), 600));
                assert_eq!(seen.counter(Counter::PassedOver), 5);
            }),
        case("`receive until C`")
            .task("websocket /ws { frame: receive until json $.n == 5 within 5s; next: receive }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("frame"), seen.millis("frame")), ((6, 0), 600));
                assert_eq!((seen.row("next"), seen.counter(Counter::PassedOver)), ((1, 0), 0));
            }),
        case("`receive for 10s`")
            .task(
                "websocket /ws {
                   pause 250ms
                   frame: receive for 500ms where json $.n != 4
                   text: send text \"done\"
                 }",
            )
            .socket(ticks)
            .expect(|seen| {
                // Those of 100 and 200 came before it, that of 500 does not fit: 300, 400, 600, 700.
                assert_eq!((seen.row("frame"), seen.millis("frame")), ((4, 0), 700));
                assert_eq!((seen.counter(Counter::PassedOver), seen.row("text")), (3, (1, 0)));
            }),
        case("`receive all { ack: where C { … } event: where D { … } }`")
            .task(
                "websocket /ws {
                   ask: send text \"go\"
                   receive all within 1s since ask {
                     ack:   where json $.n == 2 { capture two = json $.n }
                     event: where json $.n == 1 { check json $.n == 1 }
                   }
                   text: send text \"${two}\"
                 }",
            )
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("ack"), seen.millis("ack")), ((1, 0), 300));
                assert_eq!((seen.row("event"), seen.millis("event")), ((1, 0), 200));
                assert_eq!((seen.messages[1].as_str(), seen.counter(Counter::PassedOver)), ("2", 1));
            }),
        case("`receive close 1000`")
            .task("websocket /ws { bye: receive close 3000 within 1s }")
            .socket(|mut peer| async move {
                millis(100).await;
                peer.send("one more").await;
                peer.close(3000, "enough").await;
            })
            .expect(|seen| {
                assert_eq!((seen.row("bye"), seen.millis("bye"), seen.samples()), ((1, 0), 100, (2, 0)));
                assert_eq!(seen.counter(Counter::PassedOver), 1);
            }),
        case("`call json value where C`")
            .task("websocket /ws { two: call json { id: 2 } where json $.id == 2 within 1s { expect json $.ok == true } }")
            .socket(|mut peer| async move {
                peer.send_json(serde_json::json!({ "id": 2, "ok": false })).await;
                while let Some(asked) = peer.json().await {
                    millis(50).await;
                    peer.send_json(serde_json::json!({ "id": 1 })).await;
                    millis(50).await;
                    peer.send_json(serde_json::json!({ "id": asked["id"], "ok": true })).await;
                }
            })
            .expect(|seen| {
                assert_eq!((seen.row("two"), seen.millis("two")), ((1, 0), 100));
            }),
        case("a socket's queue runs over")
            .task("websocket /ws { pause 1s; last: receive }")
            .socket(|mut peer| async move {
                for n in 0..1_001 {
                    peer.send(n.to_string()).await;
                    if n % 100 == 0 {
                        millis(1).await;
                    }
                }
                while peer.next().await.is_some() {}
            })
            .expect(|seen| {
                assert_eq!((seen.row("last"), seen.kinds()), ((0, 1), vec![("overflow", 1)]));
                assert_eq!(seen.counter(Counter::MessagesReceived), 1_001);
            }),
    ]
}

fn standing() -> Vec<Case> {
    vec![
        case("`on receive where C { … }`")
            .task(
                "websocket /ws {
                   on receive where json $.n == 2 { told: send text \"got ${json $.n}\" }
                   GET /slow
                   frame: receive 4 within 5s { expect json $.n != 2 }
                 }",
            )
            .server(|_| Answer::ok().after(350))
            .socket(ticks)
            .expect(|seen| {
                // The third message came while the request was on its way.
                assert_eq!((seen.row("told"), seen.row("frame"), seen.millis("frame")), ((1, 0), (4, 0), 500));
                assert_eq!((seen.messages[0].as_str(), seen.counter(Counter::PassedOver)), ("got 2", 0));
            }),
        case("`on receive where C keep { … }`")
            .task(
                "websocket /ws {
                   on receive where json $.n == 2 keep { told: send text \"got ${json $.n}\" }
                   frame: receive 4 within 5s
                 }",
            )
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("told"), seen.row("frame"), seen.millis("frame")), ((1, 0), (4, 0), 400));
            }),
        case("`every 25s { … }`")
            .task("websocket /ws { every 200ms { beat: send text \"beat\" }; pause 1050ms }")
            .expect(|seen| {
                assert_eq!(seen.row("beat"), (5, 0));
                assert_eq!(seen.messages, ["beat", "beat", "beat", "beat", "beat", "close 1000"]);
            }),
        case("a standing answer or timer fails")
            .task(
                "websocket /ws {
                   on receive where json $.n == 1 { refused: call text \"no\" where body == \"yes\" within 50ms }
                   frame: receive 4 within 5s
                   never: send text \"never\"
                 }",
            )
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("refused"), seen.row("frame"), seen.row("never")), ((0, 1), (4, 0), (0, 0)));
                assert_eq!((seen.iterations(), seen.row("close")), ((0, 1), (0, 0)));
            }),
    ]
}

fn clauses() -> Vec<Case> {
    vec![
        case("`where C`")
            .task("websocket /ws { a: receive 2 where json $.n > 2 and json $.n % 2 == 0 within 5s }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("a"), seen.millis("a"), seen.counter(Counter::PassedOver)), ((2, 0), 700, 5));
            }),
        case("`within 5s`").task("websocket /ws { a: receive 5 within 450ms }").socket(ticks).expect(|seen| {
            assert_eq!((seen.row("a"), seen.millis("a"), seen.kinds()), ((4, 1), 450, vec![("timeout", 1)]));
            assert_eq!(seen.notes(), ["4 of 5 messages came within 450ms"]);
        }),
        case("`since LABEL`")
            .task(
                "websocket /ws {
                   pause 250ms
                   ask: send text \"now\"
                   pause 100ms
                   reply: receive within 1s since ask
                   dial: receive within 1s since connect
                 }",
            )
            .socket(ticks)
            .expect(|seen| {
                // Sent at 250, answered at 300; the messages of 100 and 200 are older.
                assert_eq!((seen.row("reply"), seen.millis("reply")), ((1, 0), 50));
                assert_eq!((seen.row("dial"), seen.millis("dial")), ((1, 0), 400));
                assert_eq!(seen.counter(Counter::PassedOver), 2);
            }),
        case("`at least 5`")
            .task("websocket /ws { a: receive for 550ms at least 5; b: receive for 250ms at least 5 }")
            .socket(ticks)
            .expect(|seen| {
                assert_eq!((seen.row("a"), seen.row("b"), seen.kinds()), ((5, 0), (3, 1), vec![("timeout", 1)]));
                assert_eq!(seen.notes(), ["3 messages came in 250ms, expected at least 5"]);
            }),
    ]
}

/// A stream of two prices, 100 ms apart, with a comment and a pause in the middle of an event.
fn prices(ends: bool) -> Answer {
    let pieces = [
        (100, ": hello\n\nevent: price\ndata: {\"price\":\n"),
        (50, "data: 90}\n\n"),
        (100, "event: price\ndata: {\"price\": 110}\n\nevent: bye\ndata: one\ndata: two\n\n"),
    ];
    Answer::stream(&pieces, ends)
}

fn events() -> Vec<Case> {
    vec![
        case("`events GET /path { … }`")
            .task(
                "events POST /prices {
                   json { of: [\"tea\"] }
                   header X-Key \"k\"
                   first: receive within 2s
                   GET /between
                   second: receive within 2s
                 }
                 GET /after",
            )
            .server(|request| if request.path == "/prices" { prices(false) } else { Answer::ok() })
            .expect(|seen| {
                assert_eq!((seen.row("connect"), seen.millis("connect"), seen.samples()), ((1, 0), 0, (5, 0)));
                assert_eq!((seen.millis("first"), seen.millis("second")), (150, 100));
                assert_eq!(seen.paths(), ["/prices", "/between", "/after"]);
                assert_eq!(seen.bodies()[0], r#"{"of":["tea"]}"#);
                assert_eq!(seen.headers("accept")[0], "text/event-stream");
                assert_eq!((seen.iterations(), seen.dialled), ((1, 0), 2));
            }),
        case("`receive` in `events`")
            .task(
                "events GET /prices {
                   on receive where event == \"bye\" keep { let _words = body }
                   high: receive where json $.price > 100 within 2s { expect event == \"price\" }
                   last: receive until event == \"bye\" { expect body == \"one\\ntwo\"; check size == 7B }
                   end: receive close within 1s
                 }",
            )
            .server(|_| prices(true))
            .expect(|seen| {
                assert_eq!(seen.samples().1, 0, "{:?}", seen.notes());
                assert_eq!((seen.row("high"), seen.millis("high"), seen.row("last")), ((1, 0), 250, (1, 0)));
                assert_eq!((seen.row("end"), seen.checks()), ((1, 0), (1, 0)));
                assert_eq!(seen.counter(Counter::PassedOver), 1);
            }),
    ]
}

/// What is no row of the reference, and still must hold.
fn beyond() -> Vec<Case> {
    vec![
        case("an answer that is no stream").task("events GET /x { never: receive }").expect(|seen| {
            assert_eq!((seen.row("connect"), seen.kinds()), ((0, 1), vec![("protocol", 1)]));
            let said = "answered with status 200 OK without a content type, expected `text/event-stream`";
            assert_eq!(seen.notes(), [said]);
        }),
        case("an answer with an error")
            .task("events GET /x { never: receive }")
            .server(|_| Answer::status(503))
            .expect(|seen| assert_eq!((seen.row("connect"), seen.kinds()), ((0, 1), vec![("status", 1)]))),
        case("a head that is expected to be so")
            .task("events GET /x { expect status 200; check header X-A == \"b\"; first: receive }")
            .server(|_| prices(false).header("x-a", "b"))
            .expect(|seen| assert_eq!((seen.row("first"), seen.checks()), ((1, 0), (1, 0)))),
        case("the end of a stream").task("events GET /x { all: receive 4 within 5s }").server(|_| prices(true)).expect(
            |seen| {
                assert_eq!((seen.row("all"), seen.kinds()), ((3, 1), vec![("closed", 1)]));
                assert_eq!(seen.notes(), ["the stream of events has ended after 3 of 4 messages"]);
            },
        ),
        case("a stream that is not answered")
            .task("events GET /x { timeout 100ms; all: receive }")
            .server(|_| prices(true).after(200))
            .expect(|seen| {
                assert_eq!((seen.row("connect"), seen.millis("connect")), ((0, 1), 100));
                assert_eq!(seen.kinds(), [("timeout", 1)]);
            }),
        case("a stream in a task that ends early")
            .scenario(
                "scenario \"Early\"\ntarget \"http://127.0.0.1:80\"\nuser u { think 1h; task t {
                   events GET /x { bad: receive { expect event == \"never\" } } } }",
            )
            .lasts(Duration::from_secs(10))
            .server(|_| prices(false))
            .expect(|seen| assert_eq!((seen.row("bad"), seen.iterations()), ((0, 1), (0, 1)))),
    ]
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}

#[test]
fn streams_that_are_none_fail_and_say_why() {
    super::run(beyond());
}
