//! A case: a row of the reference, a scenario that uses it, a scripted service in memory, and what exactly comes of it.
//!
//! ```ignore
//! case("`retry 10 every 1s { … }`")
//!     .task("retry 3 every 1s { GET /x { expect status 200 } }")
//!     .server(|request| if request.number < 2 { Answer::status(503) } else { Answer::ok() })
//!     .expect(|seen| {
//!         assert_eq!(seen.paths(), ["/x", "/x", "/x"]);
//!         assert_eq!(seen.iterations(), (1, 0));
//!     })
//! ```
//!
//! Time is virtual: a case that takes an hour takes a millisecond. Every host resolves to this machine, so targets may
//! be called `http://api` or, with `.allow`, `http://api.test`; the service tells them apart by `request.host`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use scn::base::{Files, Seed, Sources};
use scn::diagnostic::Severity;
use scn::metrics::snapshot::{BesideSeen, SeriesSeen};
use scn::metrics::{Counter, ErrorKind, Judged, Snapshot};
use scn::plan::{self, Plan, SeriesId, profile};
use scn::run::{self, Finished, Options, Stop};

pub use super::service::{Answer, Peer, Request, millis};
use super::service::{Script, Service, echo};

/// So long a user of [`Case::task`] thinks after its iteration: longer than any case runs, so that there is one.
pub const ONCE: &str = "think 2h";

/// A case for a row of the reference: the text of its first cell.
pub fn case(row: &str) -> Case {
    Case {
        rows: vec![row.to_owned()],
        scenario: String::new(),
        files: HashMap::new(),
        environment: HashMap::new(),
        allow: Vec::new(),
        users: 1,
        iterations: None,
        duration: Duration::from_secs(3600),
        server: Rc::new(|_| Answer::ok()),
        refuses: false,
        socket: Rc::new(|peer| Box::pin(echo(peer))),
        welcome: String::new(),
        expect: None,
    }
}

/// Judges what came of a case.
type Judge = dyn Fn(&Seen);

/// What is run, against what, and what must come of it.
pub struct Case {
    rows: Vec<String>,
    scenario: String,
    files: HashMap<PathBuf, Vec<u8>>,
    environment: HashMap<String, String>,
    allow: Vec<String>,
    users: u32,
    iterations: Option<u64>,
    duration: Duration,
    server: Rc<dyn Fn(&Request) -> Answer>,
    refuses: bool,
    socket: Rc<Script>,
    /// Headers of the answer to an upgrade, beside those that make it one.
    welcome: String,
    expect: Option<Box<Judge>>,
}

impl Case {
    /// It is a case for this row, too.
    pub fn also(mut self, row: &str) -> Case {
        self.rows.push(row.to_owned());
        self
    }

    /// The whole scenario. It runs for an hour with one user, if nothing else is said: where there should be one
    /// iteration, its user says `think 2h`.
    pub fn scenario(mut self, text: &str) -> Case {
        self.scenario = text.to_owned();
        self
    }

    /// A scenario whose one user `u` does this once, in task `t`.
    pub fn task(self, statements: &str) -> Case {
        self.user(&format!("task t {{\n{statements}\n}}"))
    }

    /// A scenario with this in its one user `u`, who thinks for two hours after a task.
    pub fn user(self, items: &str) -> Case {
        self.file_of("", items)
    }

    /// The same, with items of the file before the user.
    pub fn file_of(mut self, items: &str, of_the_user: &str) -> Case {
        self.scenario = format!(
            "scenario \"Case\"\ntarget \"http://127.0.0.1:80\" {{ timeout 10s }}\n{items}\nuser u {{\n{ONCE}\n{of_the_user}\n}}\n"
        );
        self
    }

    /// A file beside the scenario.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Case {
        self.files.insert(path.into(), content.as_ref().to_vec());
        self
    }

    /// A variable that `env` and `secret` read.
    pub fn env(mut self, name: &str, value: &str) -> Case {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// A host beside this machine that may be sent to.
    pub fn allow(mut self, host: &str) -> Case {
        self.allow.push(host.into());
        self
    }

    /// So many users, started a millisecond after each other.
    pub fn users(mut self, users: u32) -> Case {
        self.users = users;
        self
    }

    /// The run ends after so many iterations, all users together.
    pub fn iterations(mut self, count: u64) -> Case {
        self.iterations = Some(count);
        self
    }

    /// How long the run goes, in virtual time.
    pub fn lasts(mut self, duration: Duration) -> Case {
        self.duration = duration;
        self
    }

    /// What the service answers; without it, 200 and `ok` to everything.
    pub fn server(mut self, answer: impl Fn(&Request) -> Answer + 'static) -> Case {
        self.server = Rc::new(answer);
        self
    }

    /// Nobody listens where the service should be.
    pub fn refuses(mut self) -> Case {
        self.refuses = true;
        self
    }

    /// What the service does with each WebSocket; without it, it sends back what it gets.
    pub fn socket<F: Future<Output = ()> + 'static>(mut self, script: impl Fn(Peer) -> F + 'static) -> Case {
        self.socket = Rc::new(move |peer| Box::pin(script(peer)));
        self
    }

    /// The answer to an upgrade has this header, too.
    pub fn welcome(mut self, name: &str, value: &str) -> Case {
        self.welcome += &format!("{name}: {value}\r\n");
        self
    }

    /// What must have come of it.
    pub fn expect(mut self, judge: impl Fn(&Seen) + 'static) -> Case {
        self.expect = Some(Box::new(judge));
        self
    }

    /// The rows it is for.
    pub fn rows(&self) -> &[String] {
        &self.rows
    }

    /// Checks, plans and runs it, and judges what came of it. Panics when something is not as it should be.
    pub fn run(&self) {
        let (plan, sources) = self.plan();
        let service = Service {
            answer: self.server.clone(),
            refuses: self.refuses,
            socket: self.socket.clone(),
            welcome: self.welcome.as_str().into(),
            heard: Rc::default(),
            said: Rc::default(),
            dialled: Rc::default(),
            began: Rc::default(),
            upgrades: Rc::default(),
        };
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
        let stop = Stop::default();
        let finished = runtime.block_on(async {
            service.began.set(Some(tokio::time::Instant::now()));
            let options = Options {
                threads: 1,
                allow: self.allow.clone(),
                environment: self.environment.clone(),
                run_id: "run".into(),
                ..Options::default()
            };
            run::drive(&plan, Rc::new(service.clone()), &options, &stop, &mut |_| {}).await
        });
        let finished = finished.unwrap_or_else(|error| panic!("the run cannot start: {error:?}"));
        let judged = finished.judged.clone();
        let requests = service.heard.take();
        let messages = service.said.take();
        let seen = Seen { plan, sources, finished, judged, requests, messages, dialled: service.dialled.get() };
        let expect = self.expect.as_ref().expect("a case expects something");
        expect(&seen);
    }

    fn plan(&self) -> (Plan, Sources) {
        let mut sources = Sources::default();
        let file = sources.add("case.scn", self.scenario.as_str());
        let parsed = scn::syntax::parse_whole(file, &mut sources, &self.files as &dyn Files);
        let checked = scn::check::check_with(&parsed.ast, &sources, &self.files as &dyn Files);
        let all = parsed.diagnostics.iter().chain(&checked.diagnostics);
        let errors: Vec<String> = all
            .filter(|one| one.severity() == Severity::Error)
            .map(|one| {
                let file = sources.file(one.primary.span.file);
                let (line, column) = file.line_column(one.primary.span.start);
                format!("{}:{line}:{column} {}: {}\n  {}", file.name, one.rule.name(), one.message, file.line(line))
            })
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        let sound = checked.sound(&parsed.diagnostics).expect("no error, so it is sound");
        let iterations = self.iterations.map(|count| format!("iterations: {count}\n")).unwrap_or_default();
        let text = format!(
            "name: case\nusers: {}\nspawn_rate: 1000\nduration: {}ms\n{iterations}",
            self.users,
            self.duration.as_millis(),
        );
        let profile = profile::parse(sources.add("case.yml", text.as_str()), &text);
        let profile = profile.profile.unwrap_or_else(|| panic!("no profile: {:?}", profile.diagnostics));
        let plan = match plan::compile(&sound, &profile, Seed(7), &sources) {
            Ok(compiled) => compiled.plan,
            Err(diagnostics) => panic!("no plan: {diagnostics:?}"),
        };
        (plan, sources)
    }
}

/// What came of a case.
pub struct Seen {
    /// What was to be done.
    pub plan: Plan,
    /// The texts of it.
    pub sources: Sources,
    /// The whole run.
    pub finished: Finished,
    /// Its thresholds.
    pub judged: Vec<Judged>,
    /// Every HTTP request and upgrade that the service heard, in order.
    pub requests: Vec<Request>,
    /// Every message that the service heard on sockets, in order; close frames as `close 1000 reason`.
    pub messages: Vec<String>,
    /// How many connections were made.
    pub dialled: u32,
}

impl Seen {
    /// Everything that was counted.
    pub fn total(&self) -> &Snapshot {
        &self.finished.total
    }

    /// Path and query of each request, in order.
    pub fn paths(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.path.as_str()).collect()
    }

    /// The body of each request, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.requests.iter().map(Request::text).collect()
    }

    /// A header of each request, in order; empty where it is missing.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.requests.iter().map(|request| request.header(name).unwrap_or("")).collect()
    }

    /// Finished iterations: those that were good, and those that failed.
    pub fn iterations(&self) -> (u64, u64) {
        let totals = self.total().totals();
        (totals.iterations - totals.failed_iterations, totals.failed_iterations)
    }

    /// Samples: all, and the failed ones.
    pub fn samples(&self) -> (u64, u64) {
        let totals = self.total().totals();
        (totals.requests, totals.failures)
    }

    /// Checks that held, and those that did not.
    pub fn checks(&self) -> (u64, u64) {
        let totals = self.total().totals();
        (totals.checks_passed, totals.checks_failed)
    }

    /// Samples of the row of this name: those that were good, and those that failed. All rows of that name together.
    pub fn row(&self, name: &str) -> (u64, u64) {
        let rows = self.rows_of(name);
        (rows.iter().map(|row| row.ok.count()).sum(), rows.iter().map(|row| row.failed.count()).sum())
    }

    /// The sum of the response times of the row of this name, good and failed, in milliseconds.
    pub fn millis(&self, name: &str) -> u128 {
        self.rows_of(name).iter().map(|row| (row.ok.sum() + row.failed.sum()).as_millis()).sum()
    }

    /// How often the group of this name ran, good and failed; or the measure of this name was taken.
    pub fn beside(&self, name: &str) -> (u64, u64) {
        let seen = self.besides(name);
        (seen.iter().map(|one| one.count() - one.failures()).sum(), seen.iter().map(|one| one.failures()).sum())
    }

    /// The sum of a group's times or a measure's durations, in milliseconds.
    pub fn beside_millis(&self, name: &str) -> u128 {
        self.besides(name).iter().map(|one| (one.ok.sum() + one.failed.sum()).as_millis()).sum()
    }

    fn besides(&self, name: &str) -> Vec<&BesideSeen> {
        let places = self.plan.series.iter().enumerate().filter(|(_, series)| series.name == name);
        places.filter_map(|(at, _)| self.total().beside(SeriesId(at as u32))).collect()
    }

    fn rows_of(&self, name: &str) -> Vec<&SeriesSeen> {
        let places = self.plan.series.iter().enumerate().filter(|(_, series)| series.name == name);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        let all: Vec<&str> = self.plan.series.iter().map(|series| series.name.as_str()).collect();
        assert!(!places.is_empty(), "no row is called {name:?}; there are {all:?}");
        places.into_iter().filter_map(|at| self.total().series.get(at)).collect()
    }

    /// The failures of each kind, in steps and outside them, by name.
    pub fn kinds(&self) -> Vec<(&'static str, u64)> {
        let count = |kind: &ErrorKind| (kind.name(), self.total().failures_of(*kind));
        ErrorKind::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect()
    }

    /// What was said of failures, all places together.
    pub fn notes(&self) -> Vec<&str> {
        let failures = self.total().points.iter().flat_map(|point| &point.failures);
        failures.flat_map(|failure| failure.notes.iter().map(String::as_str)).collect()
    }

    /// What was counted beside samples.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.total().counter(counter)
    }
}
