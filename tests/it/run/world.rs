//! Plans made by hand, a network in memory, and runs in virtual time.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use scn::base::{Seed, Sources, Span};
use scn::check::meaning::StatusPattern;
use scn::metrics::{ErrorKind, Snapshot};
use scn::plan::expr::{Piece, Template};
use scn::plan::load::Shape;
use scn::plan::{
    Body, Delay, Expr, Http, Load, LooksAt, Op, OpId, Part, Plan, Point, PointId, PointKind, Series, SeriesId,
    SeriesKind, SlotId, Step, StepId, Target, TargetId, Task, TaskId, User, UserId, Value,
};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Finished, Options, Stop, Tick};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub const SECOND: Duration = Duration::from_secs(1);

/// A plan that grows.
pub struct Draft {
    pub plan: Plan,
    pub span: Span,
}

impl Draft {
    /// One class of users without tasks, one user at once, for ten seconds.
    pub fn new() -> Draft {
        let mut sources = Sources::default();
        let file = sources.add("x.scn", "x");
        let span = Span { file, start: 0, end: 1 };
        let user = User {
            name: "user".into(),
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
            tasks: Vec::new(),
            user_slots: 0,
            slots: 0,
            sockets: 0,
            user_sockets: 0,
        };
        let plan = Plan {
            scenario: "Draft".into(),
            load: Load { graceful_stop: 30 * SECOND, ..Load::closed("draft", vec![1.0], 1, 1.0, 10 * SECOND) },
            seed: Seed(7),
            targets: vec![Target {
                name: None,
                url: text("http://127.0.0.1:80"),
                text: "x".into(),
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
            users: vec![user],
            once: None,
            tasks: Vec::new(),
            series: Vec::new(),
            steps: Vec::new(),
            points: Vec::new(),
            ops: Vec::new(),
            thresholds: Vec::new(),
        };
        let mut draft = Draft { plan, span };
        draft.point(PointKind::Statement);
        draft
    }

    /// So many users, so many started a second.
    pub fn users(mut self, users: u32, spawn_rate: f64) -> Draft {
        self.plan.load.parts[0].shape = Shape::users(users, spawn_rate);
        self
    }

    pub fn duration(mut self, duration: Duration) -> Draft {
        self.plan.load.duration = duration;
        self
    }

    pub fn graceful(mut self, graceful_stop: Duration) -> Draft {
        self.plan.load.graceful_stop = graceful_stop;
        self
    }

    pub fn think(mut self, think: Duration) -> Draft {
        self.plan.users[0].think = Delay::Fixed(Expr::Literal(Value::Duration(think)));
        self
    }

    /// A slot that lasts as long as an iteration.
    pub fn slot(&mut self) -> SlotId {
        self.plan.users[0].slots += 1;
        SlotId(self.plan.users[0].slots - 1)
    }

    pub fn point(&mut self, kind: PointKind) -> PointId {
        self.plan.points.push(Point { span: self.span, step: None, kind, text: "here".into() });
        PointId(self.plan.points.len() as u32 - 1)
    }

    /// A GET with a row of its own.
    pub fn get(&mut self, path: &str) -> Http {
        self.http("GET", path)
    }

    pub fn http(&mut self, method: &str, path: &str) -> Http {
        let point = self.point(PointKind::Step);
        self.plan.series.push(Series {
            user: UserId(0),
            task: None,
            task_name: "task".into(),
            name: format!("{method} {path}"),
            method: method.into(),
            kind: SeriesKind::Http,
        });
        self.plan.steps.push(Step { series: SeriesId(self.plan.series.len() as u32 - 1), point, doc: None });
        Http {
            step: StepId(self.plan.steps.len() as u32 - 1),
            method: method.into(),
            target: TargetId(0),
            path: Template { pieces: vec![Piece::Literal(path.into())] },
            headers: Vec::new(),
            query: Vec::new(),
            cookies: Vec::new(),
            body: Body::None,
            timeout: 10 * SECOND,
            redirects: 10,
            parts: Vec::new(),
            looks_at: LooksAt::default(),
        }
    }

    pub fn pause(&mut self, length: Duration) -> Op {
        let point = self.point(PointKind::Statement);
        Op::Pause { delay: Delay::Fixed(Expr::Literal(Value::Duration(length))), point }
    }

    /// `expect status CODE`
    pub fn expect_status(&mut self, http: &mut Http, code: u16) {
        let point = self.point(PointKind::Expect);
        http.looks_at.status = true;
        let condition = Expr::StatusIs(vec![StatusPattern::Code(code)]);
        http.parts.push(Part::Expect { condition, otherwise: None, point });
    }

    fn block(&mut self, ops: Vec<Op>) -> OpId {
        let start = OpId(self.plan.ops.len() as u32);
        self.plan.ops.extend(ops);
        self.plan.ops.push(Op::End);
        start
    }

    pub fn task(&mut self, weight: f64, ops: Vec<Op>) -> TaskId {
        let start = self.block(ops);
        let id = TaskId(self.plan.tasks.len() as u32);
        let name = format!("task{}", id.0);
        self.plan.tasks.push(Task { user: UserId(0), name, doc: None, weight, start });
        self.plan.users[0].tasks.push(id);
        id
    }

    pub fn on_start(&mut self, ops: Vec<Op>) {
        self.plan.users[0].on_start = Some(self.block(ops));
    }

    pub fn on_stop(&mut self, ops: Vec<Op>) {
        self.plan.users[0].on_stop = Some(self.block(ops));
    }

    /// Runs it in virtual time against `service`.
    pub fn run(&self, service: &Memory) -> Finished {
        self.run_until(service, async |_| {})
    }

    /// Runs it in virtual time against `service`, with someone at the stop button.
    pub fn run_until(&self, service: &Memory, press: impl AsyncFnOnce(Stop) + 'static) -> Finished {
        self.run_watched(service, press, &mut |_| {})
    }

    /// The same, with someone who is told of each second.
    pub fn run_watched(
        &self,
        service: &Memory,
        press: impl AsyncFnOnce(Stop) + 'static,
        watch: &mut dyn FnMut(&Tick<'_>),
    ) -> Finished {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
        runtime.block_on(async {
            let stop = Stop::default();
            tokio::task::spawn_local(press(stop.clone()));
            let network = Rc::new(service.clone());
            run::drive(&self.plan, network, &options(), &stop, watch).await.expect("the plan can run")
        })
    }
}

pub fn options() -> Options {
    Options { threads: 1, run_id: "run".into(), ..Options::default() }
}

pub fn text(text: &str) -> Expr {
    Expr::Literal(Value::Text(text.into()))
}

/// What the service in memory answers to a path.
pub type Answers = Rc<dyn Fn(&str) -> (Duration, &'static str)>;

/// A service in memory: one answer per request, after some time.
#[derive(Clone)]
pub struct Memory {
    answers: Answers,
    /// Every request's first line and headers, in order of arrival.
    pub heard: Rc<RefCell<Vec<String>>>,
    /// How many connections were made.
    pub dialled: Rc<RefCell<u32>>,
}

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
pub const BAD: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

impl Memory {
    /// Answers what `answers` says to a path, after so long. An empty answer is a closed connection.
    pub fn new(answers: impl Fn(&str) -> (Duration, &'static str) + 'static) -> Memory {
        Memory { answers: Rc::new(answers), heard: Rc::default(), dialled: Rc::default() }
    }

    /// Answers 200 to everything, after so long.
    pub fn ok(after: Duration) -> Memory {
        Memory::new(move |_| (after, OK))
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut text = String::new();
        loop {
            while !text.contains("\r\n\r\n") {
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => {
                        text.push_str(std::str::from_utf8(&bytes[..count]).expect("requests of tests are text"))
                    }
                }
            }
            let (head, rest) = text.split_once("\r\n\r\n").expect("just seen");
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
                .map_or(0, |length| length.parse().expect("a length"));
            let path = head.split(' ').nth(1).expect("a path").to_owned();
            let body = rest.get(..length).unwrap_or(rest).to_owned();
            self.heard.borrow_mut().push(format!("{head}\n\n{body}"));
            text = rest.get(length..).unwrap_or("").to_owned();
            let (after, answer) = (self.answers)(&path);
            tokio::time::sleep(after).await;
            if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

impl Network for Memory {
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
        let address = host.parse().map(|ip| vec![SocketAddr::new(ip, port)].into());
        Box::pin(std::future::ready(address.map_err(|_| io::ErrorKind::NotFound.into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let service = self.clone();
        Box::pin(async move {
            *service.dialled.borrow_mut() += 1;
            let (ours, theirs) = tokio::io::duplex(64 << 10);
            tokio::task::spawn_local(service.serve(theirs));
            Ok(Stream::Memory(ours))
        })
    }
}

/// How many samples there are of each kind of failure, all rows together.
pub fn kinds(total: &Snapshot) -> Vec<(&'static str, u64)> {
    let count = |kind: ErrorKind| total.series.iter().map(|row| row.errors(kind)).sum::<u64>();
    ErrorKind::ALL.iter().map(|&kind| (kind.name(), count(kind))).filter(|(_, count)| *count > 0).collect()
}

/// What was said of failures, all places together.
pub fn notes(total: &Snapshot) -> Vec<String> {
    let failures = total.points.iter().flat_map(|point| &point.failures);
    failures.flat_map(|failure| failure.notes.iter().cloned()).collect()
}
