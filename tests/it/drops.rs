//! Users whose sockets are dropped live on: in virtual time, against a server that keeps a log of every user.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scn::base::{Seed, Sources};
use scn::metrics::{ErrorKind, Snapshot};
use scn::plan::profile::Wanted;
use scn::plan::{self, Plan, Profile, UserId};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Options, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

const USERS: u64 = 50;
/// Users started in a second: the last one at 4.9 s.
const SPAWN_RATE: u64 = 10;
const LENGTH: Duration = Duration::from_secs(60);
const THINK: Duration = Duration::from_millis(100);
/// A user whom nobody answered, not even the upgrade, waits a little before it thinks; the rest is tokio's grain.
const THINK_MAX: Duration = THINK.saturating_add(run::UNANSWERED_MIN).saturating_add(Duration::from_millis(5));
const FRAMES: u32 = 15;

/// The dialogue of `benches/truth/drops.scn`, by users who say who they are.
const DIALOGUE: &str = r#"
scenario "Drops"
target "http://127.0.0.1:80"
user watcher {
  think 100ms
  task stream {
    websocket /ws?user=${user.id} {
      start: send json { command: "start" }
      frame: receive 15 within 5s
      stop:  send json { command: "stop" }
    }
  }
}
"#;

/// How the server saw a dialogue end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Dropped by the server's dice, at the upgrade or before a frame.
    Dropped,
    /// All frames, `stop` and the closing handshake.
    Whole,
    /// In any other way.
    Odd,
}

/// One dialogue of a user: from the dial to its end, since the start of the run.
#[derive(Clone, Copy, Debug)]
struct Dialogue {
    from: Duration,
    to: Duration,
    end: End,
}

/// Drops one connection in a hundred chances: at the upgrade and before each frame, as the demo does. Rolls the same
/// dice in each test.
struct Server {
    began: Instant,
    dice: Cell<u64>,
    log: RefCell<BTreeMap<u64, Vec<Dialogue>>>,
}

impl Server {
    fn drops_now(&self) -> bool {
        // Knuth's MMIX.
        let next = self.dice.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice.set(next);
        (next >> 33).is_multiple_of(100)
    }

    async fn serve(self: Rc<Server>, mut stream: DuplexStream) {
        let from = self.began.elapsed();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        let user =
            head.split_once("?user=").and_then(|(_, rest)| rest.split(' ').next()).expect("users say who they are");
        let user = user.parse().expect("a number");
        let end = self.talk(stream, &head).await;
        let dialogue = Dialogue { from, to: self.began.elapsed(), end };
        self.log.borrow_mut().entry(user).or_default().push(dialogue);
    }

    async fn talk(&self, mut stream: DuplexStream, head: &str) -> End {
        if self.drops_now() {
            return End::Dropped;
        }
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let (_, key) = lines.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).expect("a key");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes()),
        );
        stream.write_all(answer.as_bytes()).await.expect("it waits for this");
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        let (mut streaming, mut sent, mut stopped) = (false, 0, false);
        loop {
            tokio::select! {
                biased;
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) if text.contains("start") => streaming = true,
                    Some(Ok(Message::Text(_))) => (streaming, stopped) = (false, true),
                    Some(Ok(Message::Close(_))) => {
                        let _ = socket.flush().await;
                        return if stopped && sent == FRAMES { End::Whole } else { End::Odd };
                    }
                    _ => return End::Odd,
                },
                () = sleep(Duration::from_millis(100)), if streaming => {
                    if self.drops_now() {
                        return End::Dropped;
                    }
                    socket.send(Message::text("a frame")).await.expect("somebody listens");
                    sent += 1;
                }
            }
        }
    }
}

struct Memory(Rc<Server>);

impl Network for Memory {
    fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(self.0.clone().serve(far));
        Box::pin(std::future::ready(Ok(Stream::Memory(near))))
    }
}

fn plan() -> Plan {
    let mut sources = Sources::default();
    let file = sources.add("drops.scn", DIALOGUE);
    let parsed = scn::syntax::parse(file, DIALOGUE);
    let checked = scn::check::check(&parsed.ast, &sources);
    let diagnostics = format!("{:?} {:?}", parsed.diagnostics, checked.diagnostics);
    let sound = checked.sound(&parsed.diagnostics).expect(&diagnostics);
    let profile = Profile {
        name: "test".into(),
        description: String::new(),
        wanted: Wanted::Users { users: USERS as u32, spawn_rate: SPAWN_RATE as f64 },
        iterations: None,
        warm_up: Duration::ZERO,
        duration: LENGTH,
        graceful_stop: None,
        mix: Vec::new(),
        thresholds: Vec::new(),
    };
    plan::compile(&sound, &profile, Seed(7), &sources).expect("a plan").plan
}

/// What was seen, how many users were active at each second of the run, and what the server saw of each user.
fn run() -> (Snapshot, BTreeMap<u64, u64>, BTreeMap<u64, Vec<Dialogue>>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
    runtime.block_on(async {
        let server = Rc::new(Server { began: Instant::now(), dice: Cell::new(1), log: RefCell::default() });
        let options = Options {
            threads: 1,
            target: None,
            allow: Vec::new(),
            environment: Default::default(),
            run_id: "test".into(),
            ..Options::default()
        };
        let mut active = BTreeMap::new();
        let mut watch = |tick: &run::Tick<'_>| {
            active.insert(tick.elapsed.as_secs(), tick.total.users_of(UserId(0)).active());
        };
        let network = Rc::new(Memory(server.clone()));
        let finished = run::drive(&plan(), network, &options, &Stop::default(), &mut watch).await.expect("it can run");
        let log = server.log.take();
        (finished.total, active, log)
    })
}

#[test]
fn dropped_sockets_are_failed_iterations_and_every_user_stays_and_succeeds_again() {
    let (seen, active, log) = run();
    let count = |end: End| log.values().flatten().filter(|dialogue| dialogue.end == end).count() as u64;
    let (dropped, whole) = (count(End::Dropped), count(End::Whole));

    // Each dropped socket is one failed iteration, and nothing else is.
    let totals = seen.totals();
    assert!(dropped > 100, "{dropped}");
    assert_eq!((totals.failed_iterations, totals.failures), (dropped, dropped));
    assert_eq!(seen.failures_of(ErrorKind::Closed) + seen.failures_of(ErrorKind::Reset), dropped);
    assert_eq!((totals.iterations - totals.failed_iterations, totals.abandoned_iterations), (whole, 0));
    assert_eq!(count(End::Odd), 0);

    // All are there at every second from the end of the ramp to the end, and they are the same ones all the time.
    let ramp = USERS / SPAWN_RATE;
    for second in ramp..LENGTH.as_secs() {
        assert_eq!(active.get(&second), Some(&USERS), "at {second} s");
    }
    assert!(log.keys().copied().eq(0..USERS), "{:?}", log.keys());

    let mut spared = 0;
    for (user, dialogues) in &log {
        for (at, dialogue) in dialogues.iter().enumerate() {
            // Nobody rests longer than a think, after a drop or a success; whoever could begin again has.
            match dialogues.get(at + 1) {
                Some(next) => {
                    let rest = next.from - dialogue.to;
                    assert!((THINK..=THINK_MAX).contains(&rest), "user {user}: {dialogue:?} {next:?}");
                }
                None => assert!(dialogue.to + THINK_MAX >= LENGTH, "user {user} never began again: {dialogue:?}"),
            }
            if dialogue.end == End::Dropped && !dialogues[at..].iter().any(|later| later.end == End::Whole) {
                // All that came after it were dropped as well, and after the last no iteration could begin.
                let last = dialogues.last().expect("there is this one");
                assert!(last.end == End::Dropped && last.to + THINK_MAX >= LENGTH, "user {user}: {dialogue:?}");
                spared += 1;
            }
        }
    }
    assert!(spared * 20 < dropped, "{spared} of {dropped} drops came too late for a success");
}
