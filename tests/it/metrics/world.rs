//! A plan made by hand and recorders for it: what was seen is written down sample by sample, so that every number of
//! a report can be checked on paper.

use std::time::Duration;

use scn::base::{Offset, Seed, Share, Sources, Span};
use scn::metrics::{
    Counter, ErrorKind, IterationEnd, IterationOutcome, Judged, Outcome, Recorder, Sample, Snapshot, thresholds,
};
use scn::plan::{
    Comparison, Delay, Expr, IterationTime, Load, Metric, OpId, Plan, Point, PointId, PointKind, Series, SeriesId,
    SeriesKind, Step, StepId, Subject, Target, Task, TaskId, Threshold, User, UserId, Value, When,
};

/// What the places of the plan point at.
pub const TEXT: &str = r#"scenario "Oscilloscope"

target "http://127.0.0.1:8000"

user http weight 70 {
  think 1s..3s
  on start {
    login: POST /api/login
  }
  task health weight 5 {
    GET /api/health {
      expect status 200
      check json $.status == "healthy"
    }
  }
  task reconfigure weight 2 {
    PUT /api/oscilloscope/config {
      capture applied = json $.frequency
    }
    GET /api/oscilloscope/config
  }
}

user websocket weight 30 {
  think 2s..5s
  task stream {
    websocket /api/oscilloscope/ws {
      start: send json { command: "start" }
      frame: receive 10 within 5s
      tuned: call json { command: "configure" }
    }
  }
}

thresholds {
  error_rate < 1%
  p95 of http < 300ms
}
"#;

/// The rows, in plan order, as the tests name them.
#[derive(Clone, Copy)]
pub enum Row {
    Login,
    Health,
    Put,
    Get,
    Connect,
    Start,
    Frame,
    Tuned,
    Close,
}

impl Row {
    pub fn id(self) -> SeriesId {
        SeriesId(self as u32)
    }
}

pub const HTTP: UserId = UserId(0);
pub const WEBSOCKET: UserId = UserId(1);
pub const HEALTH: TaskId = TaskId(0);
pub const RECONFIGURE: TaskId = TaskId(1);
pub const STREAM: TaskId = TaskId(2);
/// `expect status 200`; the places below are the heads of the steps, in the order of [`Row`].
pub const EXPECT: PointId = PointId(9);
/// `check json $.status == "healthy"`
pub const CHECK: PointId = PointId(10);
/// `capture applied = json $.frequency`
pub const CAPTURE: PointId = PointId(11);

/// Class, task, the task's name, the row's, method, kind, and the text of the step's head.
type PlannedRow = (UserId, Option<TaskId>, &'static str, &'static str, &'static str, SeriesKind, &'static str);

/// The sources and the plan. Users think; there are no thresholds.
pub fn world() -> (Sources, Plan) {
    let mut sources = Sources::default();
    let file = sources.add("oscilloscope.scn", TEXT);
    let span = |text: &str| {
        let start = TEXT.find(text).unwrap_or_else(|| panic!("the fixture's text holds `{text}`"));
        Span::new(file, start, start + text.len())
    };
    let user = |name: &str, share, tasks: &[TaskId]| User {
        name: name.into(),
        doc: None,
        share,
        think: Delay::Range(seconds(1), seconds(3)),
        think_point: PointId(0),
        pace: None,
        pass: None,
        session_per_iteration: false,
        lets: Vec::new(),
        on_start: None,
        on_stop: None,
        tasks: tasks.to_vec(),
        user_slots: 0,
        slots: 0,
        sockets: 0,
        user_sockets: 0,
    };
    let task = |name: &str, user, weight| Task { user, name: name.into(), doc: None, weight, start: OpId(0) };
    let rows: [PlannedRow; 9] = [
        (HTTP, None, "on_start", "login", "POST", SeriesKind::Http, "login: POST /api/login"),
        (HTTP, Some(HEALTH), "health", "GET /api/health", "GET", SeriesKind::Http, "GET /api/health"),
        (
            HTTP,
            Some(RECONFIGURE),
            "reconfigure",
            "PUT /api/oscilloscope/config",
            "PUT",
            SeriesKind::Http,
            "PUT /api/oscilloscope/config",
        ),
        (
            HTTP,
            Some(RECONFIGURE),
            "reconfigure",
            "GET /api/oscilloscope/config",
            "GET",
            SeriesKind::Http,
            "GET /api/oscilloscope/config",
        ),
        (WEBSOCKET, Some(STREAM), "stream", "connect", "WS", SeriesKind::Connect, "websocket /api/oscilloscope/ws"),
        (WEBSOCKET, Some(STREAM), "stream", "start", "WS", SeriesKind::Send, "start: send json { command: \"start\" }"),
        (WEBSOCKET, Some(STREAM), "stream", "frame", "WS", SeriesKind::Receive, "frame: receive 10 within 5s"),
        (
            WEBSOCKET,
            Some(STREAM),
            "stream",
            "tuned",
            "WS",
            SeriesKind::Call,
            "tuned: call json { command: \"configure\" }",
        ),
        (WEBSOCKET, Some(STREAM), "stream", "close", "WS", SeriesKind::Close, "websocket /api/oscilloscope/ws"),
    ];
    let point =
        |text: &str, step: u32, kind| Point { span: span(text), step: Some(StepId(step)), kind, text: text.into() };
    let mut points: Vec<Point> = rows.iter().zip(0..).map(|(row, step)| point(row.6, step, PointKind::Step)).collect();
    points.push(point("expect status 200", Row::Health as u32, PointKind::Expect));
    points.push(point("check json $.status == \"healthy\"", Row::Health as u32, PointKind::Check));
    points.push(point("capture applied = json $.frequency", Row::Put as u32, PointKind::Capture));
    let plan = Plan {
        scenario: "Oscilloscope".into(),
        load: Load::closed("smoke", vec![0.8, 0.2], 5, 1.0, Duration::from_secs(30)),
        seed: Seed(7),
        targets: vec![Target {
            name: None,
            url: Expr::Literal(Value::Text("http://127.0.0.1:8000".into())),
            span: span("target \"http://127.0.0.1:8000\""),
            text: "\"http://127.0.0.1:8000\"".into(),
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
        users: vec![user("http", 0.7, &[HEALTH, RECONFIGURE]), user("websocket", 0.3, &[STREAM])],
        once: None,
        tasks: vec![task("health", HTTP, 5.0), task("reconfigure", HTTP, 2.0), task("stream", WEBSOCKET, 1.0)],
        steps: (0..9).map(|n| Step { series: SeriesId(n), point: PointId(n), doc: None }).collect(),
        series: rows
            .into_iter()
            .map(|(user, task, task_name, name, method, kind, _)| Series {
                user,
                task,
                task_name: task_name.into(),
                name: name.into(),
                method: method.into(),
                kind,
            })
            .collect(),
        points,
        ops: Vec::new(),
        thresholds: Vec::new(),
    };
    (sources, plan)
}

fn seconds(count: u64) -> Expr {
    Expr::Literal(Value::Duration(Duration::from_secs(count)))
}

/// A threshold with these parts; its text is only for showing.
pub fn threshold(text: &str, metric: Metric, subject: Subject, comparison: Comparison, limit: f64) -> Threshold {
    let (sources, _) = world();
    let (file, _) = sources.iter().next().expect("the world has one file");
    let start = TEXT.find("error_rate").expect("the fixture's text has thresholds");
    Threshold {
        text: text.into(),
        span: Span::new(file, start, start + "error_rate < 1%".len()),
        metric,
        subject,
        comparison,
        limit,
        when: When::AtEnd,
    }
}

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A sample of a row that was due at `due` ms, on time, sent 1 ms later and done `took` ms after it was due.
pub fn sample(row: Row, due: u64, took: u64) -> Sample {
    Sample {
        step: StepId(row as u32),
        due: Offset::from(millis(due)),
        ready: Offset::from(millis(due)),
        begun: Offset::from(millis(due)),
        sent: Offset::from(millis(due + 1)),
        done: Offset::from(millis(due + took)),
        outcome: Outcome::Ok,
        status: 200,
        bytes_sent: 100,
        bytes_received: 1_000,
    }
}

/// The same, failed.
pub fn failed(row: Row, due: u64, took: u64, kind: ErrorKind, point: PointId) -> Sample {
    let status = if matches!(kind, ErrorKind::Status | ErrorKind::Expect) { 503 } else { 0 };
    Sample { outcome: Outcome::Failed(kind, point), status, ..sample(row, due, took) }
}

pub fn iteration(task: TaskId, user: UserId, outcome: IterationOutcome, took: u64) -> IterationEnd {
    IterationEnd { user, task: Some(task), outcome, time: millis(took) }
}

/// Half a minute of smoke: five users, some failures of several kinds, on one thread that used 12 % of its core.
pub fn half_a_minute(plan: &Plan) -> Snapshot {
    let mut recorder = Recorder::new(plan, 0);
    for user in [HTTP, HTTP, HTTP, HTTP, WEBSOCKET] {
        recorder.user_started(user);
    }
    for n in 0..4 {
        recorder.record(&sample(Row::Login, n, 12 + n));
    }
    for n in 0..60 {
        recorder.record(&sample(Row::Health, n * 500, 2 + n % 7));
        recorder.check(CHECK, n % 30 != 7);
        recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Ok, 2 + n % 7));
    }
    for n in 0..3 {
        recorder.record(&failed(Row::Health, n * 9_000, 5, ErrorKind::Expect, EXPECT));
        recorder.note(EXPECT, ErrorKind::Expect, format!("status is 50{}", n % 2));
        recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Failed, 5));
    }
    for n in 0..20 {
        recorder.record(&sample(Row::Put, n * 1_000, 20 + 3 * n));
        recorder.record(&sample(Row::Get, n * 1_000 + 100, 4 + n));
        recorder.iteration(&iteration(RECONFIGURE, HTTP, IterationOutcome::Ok, 24 + 4 * n));
    }
    recorder.record(&failed(Row::Put, 25_000, 1_000, ErrorKind::Timeout, PointId(Row::Put as u32)));
    recorder.note(PointId(Row::Put as u32), ErrorKind::Timeout, "no answer within 1s".into());
    recorder.record(&failed(Row::Put, 26_000, 30, ErrorKind::Capture, CAPTURE));
    recorder.iteration(&iteration(RECONFIGURE, HTTP, IterationOutcome::Failed, 1_000));
    recorder.iteration(&iteration(RECONFIGURE, HTTP, IterationOutcome::Failed, 30));
    for turn in 0..3 {
        let at = turn * 8_000;
        recorder.record(&Sample { status: 101, ..sample(Row::Connect, at, 3) });
        recorder.record(&Sample { status: 0, sent: Offset::from(millis(at + 3)), ..sample(Row::Start, at + 3, 0) });
        for n in 0..10 {
            recorder.record(&Sample { status: 0, ..sample(Row::Frame, at + 3 + n * 100, 100) });
        }
        recorder.record(&Sample { status: 0, ..sample(Row::Tuned, at + 1_003, 40 + turn) });
        recorder.record(&Sample { status: 0, ..sample(Row::Close, at + 1_100, 2) });
        recorder.iteration(&iteration(STREAM, WEBSOCKET, IterationOutcome::Ok, 1_102));
    }
    recorder.iteration(&iteration(STREAM, WEBSOCKET, IterationOutcome::Abandoned, 700));
    for (counter, by) in [
        (Counter::ConnectionsOpened, 7),
        (Counter::ConnectionsReused, 101),
        (Counter::PassedOver, 12),
        (Counter::MessagesSent, 6),
        (Counter::MessagesReceived, 45),
    ] {
        recorder.count(counter, by);
    }
    recorder.take(Offset::from(Duration::from_secs(30)), millis(3_600))
}

/// Thresholds of each sort: kept, broken, without data.
pub fn with_thresholds(mut plan: Plan) -> Plan {
    use Comparison::{Greater, Less};
    plan.thresholds = vec![
        threshold("error_rate < 1%", Metric::ErrorRate, Subject::Run, Less, Share(0.01).0),
        threshold("p95 of http < 300ms", Metric::Percentile(95.0), Subject::User(HTTP), Less, 0.3),
        threshold("p99 of tuned < 40ms", Metric::Percentile(99.0), Subject::Series(vec![Row::Tuned.id()]), Less, 0.04),
        threshold("checks of health > 90%", Metric::Checks, Subject::Task(HEALTH), Greater, 0.9),
        threshold("rate of frame > 1/s", Metric::Rate, Subject::Series(vec![Row::Frame.id()]), Greater, 1.0),
        threshold("count < 1000", Metric::Count, Subject::Run, Less, 1000.0),
        threshold(
            "mean iteration_time of stream < 2s",
            Metric::IterationTime(IterationTime::Mean),
            Subject::Task(STREAM),
            Less,
            2.0,
        ),
    ];
    plan
}

/// One threshold, judged over half a minute.
pub fn judged(plan: &Plan, seen: &Snapshot, metric: Metric, subject: Subject) -> Judged {
    let mut plan = plan.clone();
    plan.thresholds = vec![threshold("?", metric, subject, Comparison::Less, f64::INFINITY)];
    thresholds::judge(&plan, seen, Duration::from_secs(30)).remove(0)
}
