//! Dialogues in virtual time, over sockets in memory: counts and times are exact.

use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::line::QUEUE_MESSAGES_MAX;
use super::*;
use crate::metrics::Snapshot;
use crate::plan::expr::{Extractor, JsonPath, Operator, Piece, Segment};
use crate::plan::{Part, SeriesId, SeriesKind, Since, SlotId, Template};
use crate::run::fixture::{self, Memory, pretend};

type Server = WebSocketStream<DuplexStream>;

const CONNECT: StepId = StepId(0);
const SEND: StepId = StepId(1);
const RECEIVE: StepId = StepId(2);
const CALL: StepId = StepId(3);
const CLOSE: StepId = StepId(4);
/// The place of a part, behind those of the steps.
const PART: PointId = PointId(5);
const SOCKET: SocketId = SocketId(0);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A user whose connections are served by `serve`, which is handed the bare bytes.
fn user_of_bytes<S>(serve: impl Fn(DuplexStream) -> S + 'static) -> User
where
    S: Future<Output = ()> + 'static,
{
    let rows = [
        ("connect", SeriesKind::Connect),
        ("send", SeriesKind::Send),
        ("receive", SeriesKind::Receive),
        ("call", SeriesKind::Call),
        ("close", SeriesKind::Close),
    ];
    let plan = fixture::plan(&rows, &["expect json $.n == 1"]);
    fixture::user(&fixture::thread(plan, Rc::new(Memory(serve))))
}

/// A user whose sockets are served by `serve`, which is handed them open.
fn user_of<S>(serve: impl Fn(Server) -> S + Clone + 'static) -> User
where
    S: Future<Output = ()> + 'static,
{
    user_of_bytes(move |bytes| {
        let serve = serve.clone();
        async move { serve(tokio_tungstenite::accept_async(bytes).await.expect("an upgrade")).await }
    })
}

/// Sends `{"n": 0}`, `{"n": 1}` … so many times, `every` so long, and then waits for the end.
async fn ticks(mut socket: Server, count: u32, every: Duration) {
    for n in 0..count {
        sleep(every).await;
        if socket.send(numbered(n)).await.is_err() {
            return;
        }
    }
    while socket.next().await.is_some() {}
}

/// Answers each message with the same after so long.
async fn echo(mut socket: Server, after: Duration) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            sleep(after).await;
            let _ = socket.send(message).await;
        }
    }
}

fn numbered(n: u32) -> Frame {
    Frame::text(format!("{{\"n\": {n}}}"))
}

/// Runs a user's dialogue as the engine does, with its sockets attended; gives the user back.
async fn walk<W>(mut user: User, dialogue: impl FnOnce(User) -> W) -> (User, Snapshot)
where
    W: Future<Output = User>,
{
    let sockets = user.sockets.clone();
    user.due = user.thread.clock.now();
    let user = attend(sockets, dialogue(user)).await;
    let now = user.thread.clock.now();
    let seen = user.thread.recorder.borrow_mut().take(now, Duration::ZERO);
    (user, seen)
}

/// A dialogue over one socket, and what was seen of it.
fn dialogue<S>(
    serve: impl Fn(Server) -> S + Clone + 'static,
    dialogue: impl AsyncFnOnce(&mut User) -> Result<(), Failed>,
) -> (Result<(), Failed>, Snapshot)
where
    S: Future<Output = ()> + 'static,
{
    pretend(async {
        let mut result = Ok(());
        let (_, seen) = walk(user_of(serve), async |mut user| {
            result = async {
                user.connect(&connect()).await?;
                dialogue(&mut user).await
            }
            .await;
            user
        })
        .await;
        (result, seen)
    })
}

fn connect() -> Connect {
    let path = Template { pieces: vec![Piece::Literal("/ws".into())] };
    Connect { step: CONNECT, socket: SOCKET, path, headers: Vec::new(), query: Vec::new(), timeout: ms(1_000) }
}

fn send() -> Send {
    Send { step: SEND, socket: SOCKET, payload: text("hello"), timeout: ms(1_000) }
}

fn text(text: &str) -> Payload {
    Payload::Text(Expr::Literal(Value::from(text)))
}

fn receive(count: u32) -> Receive {
    Receive {
        step: RECEIVE,
        socket: SOCKET,
        count: Some(Expr::Literal(Value::Number(f64::from(count)))),
        condition: None,
        within: ms(5_000),
        since: None,
        parts: Vec::new(),
    }
}

fn call() -> Call {
    Call { step: CALL, socket: SOCKET, payload: text("hello"), condition: None, within: ms(5_000), parts: Vec::new() }
}

fn close(leaving: bool) -> Close {
    Close { step: CLOSE, socket: SOCKET, code: 1000, reason: None, timeout: ms(1_000), leaving }
}

/// `json $.n == so many`
fn n_is(n: f64) -> Expr {
    let path = JsonPath::Simple(vec![Segment::Name("n".into())]);
    let n = Expr::Literal(Value::Number(n));
    Expr::Binary(Box::new(Expr::Extract(Extractor::Json(path))), Operator::Equal, Box::new(n))
}

async fn pause(user: &mut User, length: Duration) {
    sleep(length).await;
    user.due = user.thread.clock.now();
}

/// Successes of a step, and the least, the greatest and the sum of their times in milliseconds.
fn times(seen: &Snapshot, step: StepId) -> (u64, u128, u128, u128) {
    let ok = &seen.series[step.0 as usize].ok;
    let least = ok.min().unwrap_or_default().as_millis();
    (ok.count(), least, ok.max().unwrap_or_default().as_millis(), ok.sum().as_millis())
}

/// Failures of a step: how many, and their time in milliseconds.
fn failed(seen: &Snapshot, step: StepId) -> (u64, u128) {
    let failed = &seen.series[step.0 as usize].failed;
    (failed.count(), failed.sum().as_millis())
}

/// What was said of the failures of this kind at this place.
fn said(seen: &Snapshot, point: PointId, kind: ErrorKind) -> String {
    let failures = &seen.points[point.0 as usize].failures;
    let failure = failures.iter().find(|failure| failure.kind == kind);
    failure.unwrap_or_else(|| panic!("{kind:?} in {failures:?}")).notes.join("\n")
}

fn head(step: StepId) -> PointId {
    PointId(step.0)
}

#[test]
fn a_receive_records_the_gaps_between_messages() {
    let (result, seen) = dialogue(|socket| ticks(socket, 10, ms(100)), async |user| user.receive(&receive(10)).await);
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (10, 100, 100, 1_000));
    assert_eq!(times(&seen, CONNECT).0, 1);
    assert_eq!(seen.series[CONNECT.0 as usize].statuses, [(101, 1)]);
    assert_eq!(seen.counter(Counter::MessagesReceived), 10);
}

#[test]
fn messages_are_stamped_when_they_arrive_whatever_the_user_does() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 10, ms(100)),
        async |user| {
            pause(user, ms(10_000)).await;
            assert_eq!(user.receive(&receive(10)).await, Ok(()));
            // The receive ended with its pause: it had nothing to wait for.
            assert_eq!(user.due, Offset::from(ms(10_000)));
            Ok(())
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (10, 100, 100, 1_000));
    assert_eq!(seen.counter(Counter::Early), 0);
}

#[test]
fn an_older_message_is_early_and_took_no_time() {
    let serve = |mut socket: Server| async move {
        sleep(ms(100)).await;
        let _ = socket.send(numbered(0)).await;
        sleep(ms(300)).await;
        let _ = socket.send(numbered(1)).await;
        pending().await
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(200)).await;
        user.send(&send()).await?;
        user.receive(&receive(2)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(seen.counter(Counter::Early), 1);
    // The second one is timed from the first one's arrival.
    assert_eq!(times(&seen, RECEIVE), (2, 0, 300, 300));
}

#[test]
fn where_passes_others_over_and_counts_them() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 10, ms(100)),
        async |user| user.receive(&Receive { condition: Some(n_is(6.0)), ..receive(1) }).await,
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (1, 700, 700, 700));
    assert_eq!(seen.counter(Counter::PassedOver), 6);
}

#[test]
fn since_a_step_times_from_its_start_and_passes_older_ones_over() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 20, ms(100)),
        async |user| {
            pause(user, ms(450)).await;
            user.send(&send()).await?;
            user.receive(&receive(1)).await?;
            pause(user, ms(250)).await;
            user.receive(&Receive { since: Some(Since::Step(SeriesId(SEND.0))), ..receive(2) }).await
        },
    );
    assert_eq!(result, Ok(()));
    // Sent at 450. The plain receive takes the message of 100, the other one passes over those of 200, 300 and 400
    // and takes those of 500 and 600, both timed from 450.
    assert_eq!(seen.counter(Counter::PassedOver), 3);
    assert_eq!(seen.counter(Counter::Early), 1);
    assert_eq!(times(&seen, RECEIVE), (3, 0, 150, 50 + 150));
}

#[test]
fn since_connect_times_from_the_dial() {
    let slow = |bytes| async move {
        sleep(ms(300)).await;
        ticks(tokio_tungstenite::accept_async(bytes).await.expect("an upgrade"), 1, ms(100)).await;
    };
    let (_, seen) = pretend(walk(user_of_bytes(slow), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Ok(()));
        let since = Receive { since: Some(Since::Connect), ..receive(1) };
        assert_eq!(user.receive(&since).await, Ok(()));
        user
    }));
    assert_eq!(times(&seen, CONNECT), (1, 300, 300, 300));
    assert_eq!(times(&seen, RECEIVE), (1, 400, 400, 400));
}

#[test]
fn a_call_is_a_round_trip() {
    let (result, seen) = dialogue(
        |socket| echo(socket, ms(40)),
        async |user| {
            for _ in 0..100 {
                user.call(&call()).await?;
            }
            Ok(())
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CALL), (100, 40, 40, 4_000));
    assert_eq!((seen.counter(Counter::MessagesSent), seen.counter(Counter::MessagesReceived)), (100, 100));
    // "hello" is 5 bytes; our head has 2 and a mask of 4, the peer's 2.
    let row = &seen.series[CALL.0 as usize];
    assert_eq!((row.bytes_sent, row.bytes_received), (1_100, 700));
}

#[test]
fn a_call_takes_no_message_that_was_there_before() {
    let serve = |mut socket: Server| async move {
        let _ = socket.send(Frame::text("old")).await;
        echo(socket, ms(40)).await;
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(10)).await;
        user.call(&call()).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CALL), (1, 40, 40, 40));
    assert_eq!(seen.counter(Counter::PassedOver), 1);
}

#[test]
fn a_call_waits_for_the_reply_that_fits() {
    let serve = |mut socket: Server| async move {
        let _ = socket.next().await;
        ticks(socket, 10, ms(10)).await;
    };
    let fitting = Call { condition: Some(n_is(4.0)), ..call() };
    let (result, seen) = dialogue(serve, async |user| user.call(&fitting).await);
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CALL), (1, 50, 50, 50));
    assert_eq!(seen.counter(Counter::PassedOver), 4);
}

#[test]
fn within_holds_for_the_whole_step_and_a_timeout_is_one_failed_sample() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 3, ms(100)),
        async |user| {
            let result = user.receive(&receive(10)).await;
            assert_eq!(user.thread.clock.now(), Offset::from(ms(5_000)));
            result
        },
    );
    assert_eq!(result, Err(Failed));
    assert_eq!(times(&seen, RECEIVE), (3, 100, 100, 300));
    assert_eq!(failed(&seen, RECEIVE), (1, 4_700));
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Timeout), "3 of 10 messages came within 5s");
}

#[test]
fn a_call_without_an_answer_times_out_and_says_what_came() {
    let fitting = Call { condition: Some(n_is(99.0)), within: ms(1_000), ..call() };
    let (result, seen) = dialogue(|socket| ticks(socket, 50, ms(100)), async |user| user.call(&fitting).await);
    assert_eq!(result, Err(Failed));
    assert_eq!(failed(&seen, CALL), (1, 1_000));
    let said = said(&seen, head(CALL), ErrorKind::Timeout);
    assert!(
        said.starts_with("no message came in time; 9 ") || said.starts_with("no message came in time; 10 "),
        "{said}"
    );
}

#[test]
fn parts_hold_for_each_message_and_a_failure_cuts_the_socket() {
    let parts = vec![
        Part::Capture { slot: SlotId(0), value: Expr::Extract(Extractor::Body), default: None, point: PART },
        Part::Expect { condition: n_is(0.0), otherwise: None, point: PART },
    ];
    let op = Receive { parts, ..receive(5) };
    let (result, seen) = dialogue(
        |socket| ticks(socket, 10, ms(100)),
        async |user| {
            let result = user.receive(&op).await;
            assert_eq!(user.slots[0], Some(Value::from("{\"n\": 1}")));
            assert!(user.sockets.with(SOCKET, |_| ()).is_none());
            result
        },
    );
    assert_eq!(result, Err(Failed));
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE)), (1, (1, 100)));
    assert_eq!(said(&seen, PART, ErrorKind::Expect), "`json $.n == 1` is 1, expected 0".replace(" == 1", ""));
}

#[test]
fn a_queue_that_runs_over_fails_the_next_step() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, QUEUE_MESSAGES_MAX as u32 + 5, ms(1)),
        async |user| {
            pause(user, ms(10_000)).await;
            user.receive(&receive(1)).await
        },
    );
    assert_eq!(result, Err(Failed));
    assert_eq!(failed(&seen, RECEIVE).0, 1);
    assert_eq!(
        said(&seen, head(RECEIVE), ErrorKind::Overflow),
        "more than 1000 messages or 4 MiB came and no `receive` took them; the socket was cut"
    );
    assert_eq!(seen.counter(Counter::MessagesReceived), QUEUE_MESSAGES_MAX as u64 + 1);
}

#[test]
fn a_queue_that_is_just_full_does_not_run_over() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, QUEUE_MESSAGES_MAX as u32, ms(1)),
        async |user| {
            pause(user, ms(10_000)).await;
            user.receive(&receive(QUEUE_MESSAGES_MAX as u32)).await
        },
    );
    assert_eq!((result, times(&seen, RECEIVE).0), (Ok(()), QUEUE_MESSAGES_MAX as u64));
}

#[test]
fn pings_are_answered_while_the_user_pauses() {
    let serve = |mut socket: Server| async move {
        sleep(ms(100)).await;
        let _ = socket.send(Frame::Ping("are you there".into())).await;
        // Only one who got the pong goes on.
        assert_eq!(socket.next().await.expect("a frame").expect("sound"), Frame::Pong("are you there".into()));
        ticks(socket, 1, ms(0)).await;
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(1_000)).await;
        user.receive(&receive(1)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (1, 100, 100, 100));
    assert_eq!(seen.counter(Counter::MessagesReceived), 1);
}

#[test]
fn closing_waits_for_the_peers_frame() {
    let serve = |mut socket: Server| async move {
        let frame = socket.next().await.expect("a frame").expect("sound");
        let Frame::Close(Some(CloseFrame { code, reason })) = frame else { panic!("{frame:?}") };
        assert_eq!((u16::from(code), reason.as_str()), (4001, "bye"));
        sleep(ms(30)).await;
        // Flushes the reply that was queued by reading.
        let _ = socket.flush().await;
        pending().await
    };
    let op = Close { code: 4001, reason: Some(Expr::Literal(Value::from("bye"))), ..close(false) };
    let (result, seen) = dialogue(serve, async |user| {
        user.close(&op).await?;
        // Leaving the block afterwards is no second step.
        user.close(&close(true)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CLOSE), (1, 30, 30, 30));
}

#[test]
fn leaving_closes_with_1000_while_messages_still_come() {
    let (result, seen) = dialogue(
        |socket| async move {
            let (mut sink, mut stream) = socket.split();
            let flood = async {
                for n in 0..5_000 {
                    let _ = sink.send(numbered(n)).await;
                }
            };
            let close = async {
                loop {
                    if let Some(Ok(Frame::Close(frame))) = stream.next().await {
                        break assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1000));
                    }
                }
            };
            tokio::join!(flood, close);
            let _ = sink.close().await;
            while stream.next().await.is_some() {}
        },
        async |user| user.close(&close(true)).await,
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CLOSE).0, 1);
}

#[test]
fn a_peer_that_never_closes_costs_the_timeout() {
    let silent = |socket: Server| async move {
        let _socket = socket;
        pending().await
    };
    let (result, seen) = dialogue(silent, async |user| user.close(&close(true)).await);
    assert_eq!(result, Err(Failed));
    assert_eq!(failed(&seen, CLOSE), (1, 1_000));
    assert_eq!(said(&seen, head(CLOSE), ErrorKind::Timeout), "the peer sent no close frame in 1s");
}

#[test]
fn a_peer_that_has_closed_needs_no_step_when_leaving() {
    let serve = |mut socket: Server| async move {
        let _ = socket.close(None).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(10)).await;
        user.close(&close(true)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!((times(&seen, CLOSE).0, failed(&seen, CLOSE).0), (0, 0));
}

#[test]
fn a_peer_that_closes_in_the_middle_fails_the_step_that_wanted_more() {
    let serve = |mut socket: Server| async move {
        let _ = socket.send(numbered(0)).await;
        let _ = socket.close(Some(CloseFrame { code: 1013.into(), reason: "busy".into() })).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| user.receive(&receive(2)).await);
    assert_eq!(result, Err(Failed));
    // What came before the close is still taken.
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE).0), (1, 1));
    let said = said(&seen, head(RECEIVE), ErrorKind::Closed);
    assert_eq!(said, "the peer closed the socket with 1013 \"busy\" after 1 of 2 messages");
}

#[test]
fn sending_to_a_peer_that_has_closed_fails_as_closed() {
    let serve = |mut socket: Server| async move {
        let _ = socket.close(None).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(10)).await;
        user.send(&send()).await
    });
    assert_eq!(result, Err(Failed));
    assert_eq!(said(&seen, head(SEND), ErrorKind::Closed), "the peer closed the socket");
}

#[test]
fn a_drop_without_a_closing_handshake_fails_also_when_leaving() {
    let drops = |socket: Server| async move {
        sleep(ms(50)).await;
        drop(socket);
    };
    let expected = "the peer closed the connection without a closing handshake";
    let (result, seen) = dialogue(drops, async |user| user.receive(&receive(1)).await);
    assert_eq!((result, failed(&seen, RECEIVE)), (Err(Failed), (1, 50)));
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Closed), expected);
    let (result, seen) = dialogue(drops, async |user| {
        pause(user, ms(100)).await;
        user.close(&close(true)).await
    });
    assert_eq!((result, failed(&seen, CLOSE).0), (Err(Failed), 1));
    assert_eq!(said(&seen, head(CLOSE), ErrorKind::Closed), expected);
}

/// What a receive says of a peer that, once upgraded, sends these bytes.
fn received_bytes(bytes: &'static [u8]) -> (ErrorKind, String) {
    let serve = move |socket: Server| async move {
        let mut raw = socket.into_inner();
        let _ = raw.write_all(bytes).await;
        pending().await
    };
    let (result, seen) = dialogue(serve, async |user| user.receive(&receive(1)).await);
    assert_eq!((result, failed(&seen, RECEIVE).0), (Err(Failed), 1));
    let failure = &seen.points[RECEIVE.0 as usize].failures[0];
    (failure.kind, failure.notes.join("\n"))
}

#[test]
fn what_is_not_websocket_fails_as_protocol() {
    for bytes in [
        &[0x81, 2, 0xc3, 0x28][..],   // a text that is not UTF-8
        &[0xc1, 1, b'x'],             // a reserved bit
        &[0x83, 0],                   // an opcode that does not exist
        &[0x80, 0],                   // a continuation of nothing
        &[0x81, 0x81, 0, 0, 0, 0, 1], // a masked frame from a server
        &[0x09, 0],                   // a ping in pieces
    ] {
        assert_eq!(received_bytes(bytes).0, ErrorKind::Protocol, "{bytes:?}");
    }
}

#[test]
fn a_message_longer_than_the_queue_overflows_it() {
    let (kind, said) = received_bytes(&[0x82, 127, 0, 0, 0, 0, 0x10, 0, 0, 0]);
    assert_eq!(kind, ErrorKind::Overflow);
    assert_eq!(said, "a message of 268435456 bytes is longer than the 4 MiB kept");
}

/// What connecting says of a peer that answers the upgrade with this text.
fn answered(answer: &'static str) -> (ErrorKind, String, Snapshot) {
    let serve = move |mut bytes: DuplexStream| async move {
        let mut request = [0; 1024];
        let read = bytes.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
        assert!(request.starts_with("get /ws http/1.1\r\nhost: 127.0.0.1\r\n"), "{request}");
        let _ = bytes.write_all(answer.as_bytes()).await;
    };
    let (_, seen) = pretend(walk(user_of_bytes(serve), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Err(Failed));
        user
    }));
    assert_eq!(failed(&seen, CONNECT).0, 1);
    let failure = seen.points[CONNECT.0 as usize].failures[0].clone();
    (failure.kind, failure.notes.join("\n"), seen)
}

#[test]
fn a_refused_upgrade_fails_as_status_and_keeps_it() {
    let (kind, said, seen) = answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((kind, said.as_str()), (ErrorKind::Status, "the upgrade was answered with 403 Forbidden"));
    assert_eq!(seen.series[CONNECT.0 as usize].statuses, [(403, 1)]);
    let (kind, _, seen) = answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(kind, ErrorKind::Status);
    assert_eq!(seen.series[CONNECT.0 as usize].statuses, [(200, 1)]);
}

#[test]
fn an_upgrade_that_is_none_fails_as_protocol_or_closed() {
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: nonsense\r\n\r\n";
    assert_eq!(answered(wrong).0, ErrorKind::Protocol);
    assert_eq!(answered("SSH-2.0-OpenSSH\r\n").0, ErrorKind::Protocol);
    assert_eq!(answered("").0, ErrorKind::Closed);
}

#[test]
fn an_upgrade_that_never_comes_costs_the_timeout() {
    let stalls = |bytes: DuplexStream| async move {
        let _bytes = bytes;
        pending().await
    };
    let (user, seen) = pretend(walk(user_of_bytes(stalls), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Err(Failed));
        user
    }));
    assert_eq!(failed(&seen, CONNECT), (1, 1_000));
    assert_eq!(said(&seen, head(CONNECT), ErrorKind::Timeout), "the upgrade was not answered within 1s");
    assert!(user.sockets.with(SOCKET, |_| ()).is_none());
}

#[test]
fn cutting_drops_the_connection_at_once() {
    let (gone, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (_, _) = dialogue(
        move |mut socket: Server| {
            let gone = gone.clone();
            async move {
                while let Some(Ok(_)) = socket.next().await {}
                let _ = gone.send(());
            }
        },
        async |user| {
            user.sockets.cut();
            assert_eq!(heard.recv().await, Some(()));
            Ok(())
        },
    );
}

#[test]
fn headers_query_and_values_are_part_of_the_upgrade() {
    let serve = |mut bytes: DuplexStream| async move {
        let mut request = [0; 1024];
        let read = bytes.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        assert!(request.starts_with("GET /ws?room=a%20b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-key: 7\r\n"), "{request}");
        assert!(request.contains("Host: 127.0.0.1\r\n"), "{request}");
        assert!(request.contains("user-agent: scn/"), "{request}");
    };
    let op = Connect {
        query: vec![("room".into(), Expr::Literal(Value::from("a b")))],
        headers: vec![("X-Key".into(), Expr::Literal(Value::Number(7.0)))],
        ..connect()
    };
    pretend(walk(user_of_bytes(serve), async |mut user| {
        assert_eq!(user.connect(&op).await, Err(Failed));
        user
    }));
}
