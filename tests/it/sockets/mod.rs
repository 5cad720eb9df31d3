//! WebSocket dialogues from their text to what was seen of them: in virtual time over sockets in memory, where counts
//! and times are exact, and on loopback, where the kernel has its say.

mod failures;
mod lasting;
mod raw;
mod standing;

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scn::base::{Seed, Sources};
use scn::metrics::{Counter, ErrorKind, Snapshot};
use scn::plan::profile::Wanted;
use scn::plan::{self, Plan, Profile};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Finished, Options, Stop, Tick};
use tokio::io::DuplexStream;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The plan of this text for so many users, all started in the first second.
fn plan(text: &str, users: u32, duration: Duration) -> Plan {
    let mut sources = Sources::default();
    let file = sources.add("dialogue.scn", text);
    let parsed = scn::syntax::parse(file, text);
    let checked = scn::check::check(&parsed.ast, &sources);
    let diagnostics = format!("{:?} {:?}", parsed.diagnostics, checked.diagnostics);
    let sound = checked.sound(&parsed.diagnostics).expect(&diagnostics);
    let profile = Profile {
        name: "test".into(),
        description: String::new(),
        wanted: Wanted::Users { users, spawn_rate: 1_000.0 },
        iterations: None,
        warm_up: Duration::ZERO,
        duration,
        graceful_stop: None,
        mix: Vec::new(),
        thresholds: Vec::new(),
    };
    plan::compile(&sound, &profile, Seed(7), &sources).expect("a plan").plan
}

fn options(target: &str) -> Options {
    Options {
        threads: 1,
        target: Some(target.into()),
        allow: Vec::new(),
        environment: HashMap::new(),
        run_id: "test".into(),
        ..Options::default()
    }
}

/// A network in memory, whose sockets are served by this.
struct Memory<F>(F);

impl<F, S> Network for Memory<F>
where
    F: Fn(WebSocketStream<DuplexStream>) -> S + Clone + 'static,
    S: Future<Output = ()> + 'static,
{
    fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let serve = self.0.clone();
        tokio::task::spawn_local(async move {
            if let Ok(socket) = tokio_tungstenite::accept_async(far).await {
                serve(socket).await;
            }
        });
        Box::pin(std::future::ready(Ok(Stream::Memory(near))))
    }
}

/// Runs the plan in virtual time against sockets that are served so.
fn pretend<F, S>(plan: &Plan, serve: F) -> Finished
where
    F: Fn(WebSocketStream<DuplexStream>) -> S + Clone + 'static,
    S: Future<Output = ()> + 'static,
{
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
    runtime.block_on(async {
        let options = options("http://127.0.0.1:80");
        run::drive(plan, Rc::new(Memory(serve)), &options, &Stop::default(), &mut |_| {}).await.expect("it can run")
    })
}

/// Successes and failures of the row of this name, and the sum of its successes' times in milliseconds.
fn row(plan: &Plan, seen: &Snapshot, name: &str) -> (u64, u64, u128) {
    let index = plan.series.iter().position(|series| series.name == name).expect(name);
    let row = &seen.series[index];
    (row.ok.count(), row.failed.count(), row.ok.sum().as_millis())
}

/// Once asked to start, sends a frame every 100 ms, and follows what it is configured to.
async fn oscilloscope(mut socket: WebSocketStream<DuplexStream>) {
    let (mut frequency, mut started) = (0, false);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.contains("start") => started = true,
                Some(Ok(Message::Text(text))) if text.contains("configure") => {
                    let digits = text.chars().filter(char::is_ascii_digit).collect::<String>();
                    frequency = digits.parse().unwrap_or(0);
                }
                Some(Ok(_)) => started = false,
                Some(Err(_)) | None => return,
            },
            () = sleep(ms(100)), if started => {
                let frame = format!("{{\"samples\": [1, 2, 3], \"parameters\": {{\"frequency\": {frequency}}}}}");
                let _ = socket.send(Message::text(frame)).await;
            }
        }
    }
}

const STREAM: &str = r#"
scenario "Stream"
target "http://127.0.0.1:80"
user watcher {
  think 500ms
  task stream {
    websocket /ws {
      start:     send json { command: "start" }
      frame:     receive 10 within 5s { expect length(json $.samples) == 3 }
      configure: send json { command: "configure", frequency: 25 }
      retuned:   receive where json $.parameters.frequency == 25 within 2s since configure
      frame:     receive 5 within 5s
      stop:      send json { command: "stop" }
    }
  }
}
"#;

#[test]
fn a_whole_dialogue_has_exact_counts_and_times() {
    // Ten frames, one retuned, five frames, all 100 ms apart, and half a second of thinking: 2.1 s a turn.
    let plan = plan(STREAM, 20, ms(60_000));
    let finished = pretend(&plan, oscilloscope);
    let seen = &finished.total;
    // A user begins its last turn at 58.8 s and ends it in the graceful stop.
    let turns = 20 * 29;
    assert_eq!(seen.totals().failures, 0, "{:?}", seen.points);
    assert_eq!((seen.totals().iterations, seen.totals().abandoned_iterations), (turns, 0));
    assert_eq!(row(&plan, seen, "frame"), (15 * turns, 0, u128::from(turns) * 1_500));
    assert_eq!(row(&plan, seen, "retuned"), (turns, 0, u128::from(turns) * 100));
    for name in ["connect", "start", "configure", "stop", "close"] {
        assert_eq!(row(&plan, seen, name), (turns, 0, 0), "{name}");
    }
    assert_eq!(seen.counter(Counter::MessagesSent), 3 * turns);
    assert_eq!(seen.counter(Counter::MessagesReceived), 16 * turns);
    assert_eq!(seen.counter(Counter::PassedOver), 0);
}

#[test]
fn each_dropped_socket_is_one_failed_iteration_and_the_users_go_on() {
    let plan = plan(STREAM, 20, ms(60_000));
    let (accepted, dropped) = (Rc::new(Cell::new(0u64)), Rc::new(Cell::new(0u64)));
    let counts = (accepted, dropped.clone());
    let finished = pretend(&plan, move |socket| {
        let (accepted, dropped) = counts.clone();
        async move {
            accepted.set(accepted.get() + 1);
            if accepted.get() % 7 != 0 {
                return oscilloscope(socket).await;
            }
            // Somewhere in the dialogue, without a word.
            let life = ms(accepted.get() * 37 % 1_600);
            tokio::select! {
                () = oscilloscope(socket) => {}
                () = sleep(life) => dropped.set(dropped.get() + 1),
            }
        }
    });
    let totals = finished.total.totals();
    assert!(dropped.get() > 50);
    assert_eq!(totals.failed_iterations, dropped.get());
    assert_eq!(totals.failures, dropped.get());
    assert_eq!(finished.total.failures_of(ErrorKind::Closed), dropped.get());
    assert_eq!(totals.abandoned_iterations, 0);
    assert!(totals.iterations > 20 * 29, "users whose turn was cut short begin the next one sooner");
}

#[test]
fn a_call_in_a_loop_takes_the_reply_that_fits() {
    let text = r#"
scenario "Calls"
target "http://127.0.0.1:80"
user caller {
  task call {
    websocket /echo {
      repeat 10 as i {
        call json { n: i } where json $.n == i within 1s {
          capture n = json $.n
          expect json $.n == i
        }
      }
    }
    pause 1s
  }
}
"#;
    let plan = plan(text, 1, ms(10_000));
    let finished = pretend(&plan, |mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                sleep(ms(20)).await;
                let _ = socket.send(message).await;
            }
        }
    });
    // 1.2 s a turn: the ninth begins at 9.6.
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(row(&plan, &finished.total, "call /echo"), (90, 0, 90 * 20));
    // Wall time less pauses.
    assert_eq!(finished.total.tasks[0].time.max(), Some(ms(200)));
}

/// Runs the plan on loopback against one server, which `serve` is for each connection.
fn on_loopback<S>(
    text: &str,
    users: u32,
    duration: Duration,
    serve: impl Fn(tokio::net::TcpStream) -> S,
) -> (Plan, Finished)
where
    S: Future<Output = ()> + Send + 'static,
{
    watched_on_loopback(text, users, duration, serve, |_, _| {})
}

/// As [`on_loopback`], with someone who watches and may press the button.
fn watched_on_loopback<S>(
    text: &str,
    users: u32,
    duration: Duration,
    serve: impl Fn(tokio::net::TcpStream) -> S,
    mut watch: impl FnMut(&Stop, &Tick<'_>) + Send + 'static,
) -> (Plan, Finished)
where
    S: Future<Output = ()> + Send + 'static,
{
    let server = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    server.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = format!("http://{}", listener.local_addr().expect("an address"));
        let plan = plan(text, users, duration);
        let ran = tokio::task::spawn_blocking(move || {
            let options = Options { threads: 2, ..options(&target) };
            let stop = Stop::default();
            let finished = run::run(&plan, &options, &stop, &mut |tick| watch(&stop, tick)).expect("it can run");
            (plan, finished)
        });
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream));
            }
        };
        tokio::select! {
            ran = ran => ran.expect("no panic"),
            () = accept => unreachable!("it never ends"),
        }
    })
}

const CALLS: &str = r#"
scenario "Calls"
target "http://127.0.0.1:80"
user caller {
  think 10s
  task talk {
    websocket /echo {
      repeat 50 {
        reply: call text "hello" within 5s { expect body == "hello" }
      }
    }
  }
}
"#;

#[test]
fn calls_on_loopback_come_back() {
    let (plan, finished) = on_loopback(CALLS, 4, ms(300), |stream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("an upgrade");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let _ = socket.send(message).await;
            }
        }
    });
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    let (replies, failed, _) = row(&plan, &finished.total, "reply");
    assert_eq!((replies, failed), (200, 0));
    assert_eq!(finished.total.counter(Counter::MessagesSent), 200);
    assert_eq!(finished.total.counter(Counter::MessagesReceived), 200);
}

#[test]
fn a_connection_that_is_reset_fails_as_reset() {
    let (plan, finished) = on_loopback(CALLS, 4, ms(300), |stream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("an upgrade");
        let _ = socket.next().await;
        rustix::net::sockopt::set_socket_linger(socket.get_ref(), Some(Duration::ZERO)).expect("it is a socket");
    });
    let (_, failed, _) = row(&plan, &finished.total, "reply");
    assert!(failed >= 4);
    assert_eq!(finished.total.failures_of(ErrorKind::Reset), failed);
    assert_eq!(finished.total.totals().failed_iterations, failed);
}

/// Users of two kinds: one takes messages and never has enough, one lets them lie.
const FLOODED: &str = r#"
scenario "Flooded"
target "http://127.0.0.1:80"
user taker { task take { websocket /ws { receive where body == "the last one" within 1h } } }
user sleeper { task sleep { websocket /ws { pause 1h; receive within 1h } } }
"#;

/// More than is read in one go.
const BURST: usize = 300;

#[test]
fn pressed_twice_while_messages_stream_in_all_ends_at_once() {
    let plan = plan(FLOODED, 40, ms(60_000));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
    let finished = runtime.block_on(async {
        let serve = |mut socket: WebSocketStream<DuplexStream>| async move {
            loop {
                for _ in 0..BURST {
                    if socket.send(Message::text("one more")).await.is_err() {
                        return;
                    }
                }
                sleep(ms(500)).await;
            }
        };
        let stop = Stop::default();
        let button = stop.clone();
        tokio::task::spawn_local(async move {
            // In the middle of a burst, as far as there is a middle.
            sleep(ms(1_000)).await;
            button.press();
            sleep(ms(500)).await;
            button.press();
        });
        let options = options("http://127.0.0.1:80");
        run::drive(&plan, Rc::new(Memory(serve)), &options, &stop, &mut |_| {}).await.expect("it can run")
    });
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.abandoned_iterations), (0, 40), "{:?}", finished.total.points);
    assert!((ms(1_500)..ms(1_600)).contains(&finished.length), "{:?}", finished.length);
    assert!(finished.total.counter(Counter::PassedOver) > 20 * BURST as u64);
}

#[test]
fn pressed_twice_on_loopback_with_data_waiting_in_every_socket_the_run_returns() {
    let serve = |stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        // As fast as the peer takes it; the sleepers' sockets overflow and are dialled anew.
        while socket.feed(Message::text("one more of very many")).await.is_ok() {}
    };
    let watch = |stop: &Stop, _: &Tick<'_>| {
        if stop.presses() < 2 {
            stop.press();
            stop.press();
        }
    };
    let (_, finished) = watched_on_loopback(FLOODED, 200, ms(3_600_000), serve, watch);
    let totals = finished.total.totals();
    let users = (0..2).map(|class| finished.total.users_of(plan::UserId(class)));
    assert!(users.map(|users| (users.started, users.ended)).all(|(started, ended)| started == ended));
    assert!(finished.stopped);
    assert!(totals.abandoned_iterations > 0 && finished.total.counter(Counter::PassedOver) > 0, "{totals:?}");
}

#[test]
fn a_burst_of_more_than_the_queue_holds_is_no_overflow_while_a_receive_takes_it() {
    let text = r#"
scenario "Burst"
target "http://127.0.0.1:80"
user taker { think 1h; task take { websocket /ws { frame: receive 3000 within 5s } } }
"#;
    let plan = plan(text, 1, ms(1_000));
    let finished = pretend(&plan, |mut socket| async move {
        for _ in 0..3_000 {
            let _ = socket.feed(Message::text("one")).await;
        }
        let _ = socket.flush().await;
        while socket.next().await.is_some() {}
    });
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(row(&plan, &finished.total, "frame").0, 3_000);
}
