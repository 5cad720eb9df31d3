//! A small world for this room's unit tests: one class of users with one task, and rows and places as a test names
//! them.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::DuplexStream;

use super::clock::Clock;
use super::deal::Deck;
use super::network::{Local, Network, Stream};
use super::place::Base;
use super::resolve::Found;
use super::thread::{Seedling, Shared, Thread};
use super::user::User;
use crate::base::{FileId, Offset, Seed, Span};
use crate::plan::{
    self, Delay, Expr, Load, OpId, Plan, Point, PointId, PointKind, Series, SeriesId, SeriesKind, Step, StepId, Target,
    Task, TaskId, UserId, Value,
};

/// Slots of the class; the tests' own to use.
pub const SLOTS: u32 = 8;

/// A plan with a row and a step for each of `rows`, in this order, and behind their places one for each of `parts`.
pub fn plan(rows: &[(&str, SeriesKind)], parts: &[&str]) -> Plan {
    let span = Span::new(FileId(0), 0, 0);
    let point = |text: &str, step, kind| Point { span, step, kind, text: text.into() };
    let heads =
        rows.iter().enumerate().map(|(index, (name, _))| point(name, Some(StepId(index as u32)), PointKind::Step));
    let parts = parts.iter().map(|text| point(text, None, PointKind::Expect));
    Plan {
        scenario: "Fixture".into(),
        load: Load::closed("test", vec![1.0], 1, 1.0, Duration::from_secs(3600)),
        seed: Seed(1),
        targets: vec![Target {
            name: None,
            url: Expr::Literal(Value::from("http://127.0.0.1:80")),
            text: "http://127.0.0.1:80".into(),
            span,
            cookies: true,
            compression: true,
            proxy: None,
            http: Default::default(),
            tls: Default::default(),
            settings: Vec::new(),
        }],
        constants: Vec::new(),
        constant_spans: Vec::new(),
        secrets: Default::default(),
        data: Vec::new(),
        users: vec![plan::User {
            name: "u".into(),
            doc: None,
            share: 1.0,
            think: Delay::None,
            think_point: PointId(0),
            pace: None,
            pass: None,
            session_per_iteration: false,
            lets: Vec::new(),
            on_start: None,
            on_stop: None,
            tasks: vec![TaskId(0)],
            user_slots: 0,
            slots: SLOTS,
            sockets: 2,
            user_sockets: 0,
        }],
        once: None,
        tasks: vec![Task { user: UserId(0), name: "t".into(), doc: None, weight: 1.0, start: OpId(0) }],
        series: rows
            .iter()
            .map(|(name, kind)| Series {
                user: UserId(0),
                task: Some(TaskId(0)),
                task_name: "t".into(),
                name: (*name).into(),
                method: "WS".into(),
                kind: *kind,
            })
            .collect(),
        steps: (0..rows.len() as u32)
            .map(|index| Step { series: SeriesId(index), point: PointId(index), doc: None })
            .collect(),
        points: heads.chain(parts).collect(),
        ops: vec![plan::Op::End],
        thresholds: Vec::new(),
    }
}

/// `GET /` as that step, without anything else.
pub fn request(step: StepId) -> plan::Http {
    plan::Http {
        step,
        method: "GET".into(),
        path: plan::Template { pieces: vec![plan::expr::Piece::Literal("/".into())] },
        headers: Vec::new(),
        query: Vec::new(),
        cookies: Vec::new(),
        redirects: 0,
        target: plan::TargetId(0),
        body: plan::Body::None,
        timeout: Duration::from_secs(1),
        parts: Vec::new(),
        looks_at: plan::LooksAt::default(),
    }
}

/// A load thread of that plan over that network, in tokio's time.
pub fn thread(plan: Plan, network: Rc<dyn Network>) -> Rc<Thread> {
    thread_with(plan, network, vec![Value::from("constant")])
}

/// The same, with these constants of the run.
pub fn thread_with(plan: Plan, network: Rc<dyn Network>, constants: Vec<Value>) -> Rc<Thread> {
    let target: url::Url = "http://127.0.0.1:80".parse().expect("a URL");
    let bases = Base::all(std::slice::from_ref(&target));
    let shared = Arc::new(Shared {
        started: Duration::from_secs(1_700_000_000),
        run_id: "run-1".into(),
        environment: HashMap::from([("NAME".to_owned(), "value".to_owned())]),
        targets: vec![target],
        allow: Vec::new(),
        security: Arc::new(super::tls::Security::new(&plan)),
        pinned: Vec::new(),
        proxies: Vec::new(),
        counter: AtomicU64::new(0),
        deck: Deck::new(&plan),
        next_user: AtomicU64::new(1),
        iterations: AtomicU64::new(0),
    });
    let addresses = vec![vec![SocketAddr::from(([127, 0, 0, 1], 80))].into()];
    let seedling = Seedling {
        plan,
        constants,
        setup: Vec::new(),
        addresses,
        shared,
        index: 0,
        threads: 1,
        listener: None,
        keeps: false,
    };
    Rc::new(Thread::new(seedling, bases, Clock::paused(), network))
}

/// User 0, just born.
pub fn user(thread: &Rc<Thread>) -> User {
    User::new(thread, UserId(0), 0, Offset::ZERO)
}

/// Runs `test` in paused time, with local tasks.
pub fn pretend<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime").block_on(test)
}

/// A network in memory: `serve` is handed the far end of each connection.
pub struct Memory<F>(pub F);

impl<F, S> Network for Memory<F>
where
    F: Fn(DuplexStream) -> S,
    S: Future<Output = ()> + 'static,
{
    fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local((self.0)(far));
        Box::pin(std::future::ready(Ok(Stream::Memory(near))))
    }
}

/// A network where nobody is.
pub fn nowhere() -> Rc<dyn Network> {
    Rc::new(Memory(|_| std::future::ready(())))
}
