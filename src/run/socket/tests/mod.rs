//! Dialogues in virtual time, over sockets in memory: counts and times are exact.

mod endings;
mod frames;
mod receives;
mod upgrades;

use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;

use super::line::QUEUE_MESSAGES_MAX;
use super::*;
use crate::metrics::Snapshot;
use crate::plan::expr::{Extractor, JsonPath, Operator, Piece, Segment};
use crate::plan::{
    self, Http, LooksAt, Part, Payload, Receive, ReceiveForm, SeriesId, SeriesKind, Since, SlotId, Template, Value,
};
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
    Connect { step: CONNECT, socket: SOCKET, request: request(), subprotocol: None, leaves: None }
}

/// The upgrade, but for what makes it one.
fn request() -> Http {
    Http {
        step: CONNECT,
        method: "GET".into(),
        path: Template { pieces: vec![Piece::Literal("/ws".into())] },
        headers: Vec::new(),
        query: Vec::new(),
        cookies: Vec::new(),
        redirects: 0,
        target: plan::TargetId(0),
        body: plan::Body::None,
        timeout: ms(1_000),
        parts: Vec::new(),
        looks_at: LooksAt::default(),
    }
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
        form: ReceiveForm::Count(Some(Expr::Literal(Value::Number(f64::from(count))))),
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
fn parts_hold_for_each_message_and_the_first_failure_ends_the_step() {
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
