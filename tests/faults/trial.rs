//! A trial: a scenario against rogues, with an exact number of iterations, and what came of it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use scn::base::{Files, Seed, Sources};
use scn::diagnostic::Severity;
use scn::metrics::{Counter, ErrorKind, Snapshot};
use scn::plan::{self, Plan, SeriesId, TaskId, UserId, profile};
use scn::run::{self, Finished, Options, Rehearsed, Stop};

use crate::rogue::Rogue;

/// One test at a time: what a process holds is counted.
static ALONE: Mutex<()> = Mutex::new(());
static WARM: Once = Once::new();

/// Waits for its turn, and notes what the process holds now.
pub fn alone() -> Held {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // What a process opens once and keeps is no leak.
    WARM.call_once(|| {
        let mut rogue = Rogue::new(|call| call.answer(200, ""));
        drop(Trial::new(&rogue.url(), "GET /").run());
        rogue.end();
    });
    Held { descriptors: descriptors(), threads: threads(), _guard: guard }
}

/// The size of `large.bin`, which lies beside every scenario: more than the buffers of two sockets hold.
const LARGE_BYTES: usize = 12 << 20;

/// Files that lie beside every scenario, and behind them those of the disk.
struct Beside<'f>(&'f HashMap<PathBuf, Vec<u8>>);

impl Files for Beside<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read(path).or_else(|_| std::fs::read(path))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.0.size(path).or_else(|_| std::fs::metadata(path).map(|about| about.len()))
    }
}

/// What the process held before a test began.
pub struct Held {
    descriptors: usize,
    threads: usize,
    _guard: MutexGuard<'static, ()>,
}

impl Held {
    /// The run has ended and so have the rogues: nothing more may be held than before.
    #[track_caller]
    pub fn nothing_leaks(self, rogues: &mut [&mut Rogue]) {
        rogues.iter_mut().for_each(|rogue| rogue.end());
        assert_eq!(descriptors(), self.descriptors, "descriptors");
        // The system lists a thread for another moment after it was waited for.
        let until = Instant::now() + Duration::from_secs(20);
        while threads() > self.threads && Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(threads(), self.threads, "threads");
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux has it").count()
}

/// The threads of this process that a run or a rogue has made; those of tests come and go.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it").flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| ["scn-", "tokio", "rogue"].iter().any(|made| name.starts_with(made))).count()
}

/// How long a step waits that is to fail as `kind`: short where waiting in vain is the point, else as long as the busiest
/// machine may take.
pub fn patience(kind: &str) -> &'static str {
    if kind.contains("timeout") { "150ms" } else { "20s" }
}

/// A scenario, what lies beside it, and how much of it is run.
pub struct Trial {
    scenario: String,
    files: HashMap<PathBuf, Vec<u8>>,
    users: u32,
    iterations: u64,
}

impl Trial {
    /// Users `u` of `target` whose one task `t` does this; one user, three iterations.
    pub fn new(target: &str, statements: &str) -> Trial {
        Trial::failing_as("", target, statements)
    }

    /// The same, with the patience that a failure of this kind needs.
    pub fn failing_as(kind: &str, target: &str, statements: &str) -> Trial {
        let timeout = patience(kind);
        Trial::of(&format!("target \"{target}\" {{ timeout {timeout} }}\nuser u {{ task t {{\n{statements}\n}} }}\n"))
    }

    /// A whole scenario, whose users are called `u`.
    pub fn of(scenario: &str) -> Trial {
        let files = HashMap::from([("large.bin".into(), vec![b'x'; LARGE_BYTES])]);
        Trial { scenario: format!("scenario \"Trial\"\n{scenario}"), files, users: 1, iterations: 3 }
    }

    /// Users who speak HTTP/2 from the first byte.
    pub fn over_two(kind: &str, target: &str, statements: &str) -> Trial {
        let timeout = patience(kind);
        Trial::of(&format!(
            "target \"{target}\" {{ timeout {timeout}; http 2 }}\nuser u {{ task t {{\n{statements}\n}} }}\n"
        ))
    }

    /// With this file beside it.
    pub fn file(mut self, name: &str, content: &str) -> Trial {
        self.files.insert(name.into(), content.into());
        self
    }

    /// So many users, and as many iterations in all.
    pub fn users(self, users: u32) -> Trial {
        Trial { users, iterations: u64::from(users), ..self }
    }

    /// So many iterations in all.
    pub fn iterations(self, iterations: u64) -> Trial {
        Trial { iterations, ..self }
    }

    /// Runs it; every iteration that was started must have come to an end.
    #[track_caller]
    pub fn run(&self) -> Seen {
        self.run_plan(self.plan())
    }

    /// The same of a plan that was made before.
    #[track_caller]
    pub fn run_plan(&self, plan: Plan) -> Seen {
        let seen = finish(plan, &Stop::default());
        let totals = seen.total().totals();
        let (good, failed) = seen.iterations();
        assert_eq!(
            good + failed + totals.abandoned_iterations,
            self.iterations,
            "started = succeeded + failed + abandoned"
        );
        assert_eq!(totals.abandoned_iterations, 0, "{:?}", seen.notes());
        assert!(seen.total().users_of(UserId(0)).started >= u64::from(self.users));
        seen
    }

    /// Runs it until `wait` returns; then all ends at once.
    pub fn run_until(&self, wait: impl FnOnce() + Send) -> Seen {
        let stop = Stop::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                wait();
                stop.press();
                stop.press();
            });
            finish(self.plan(), &stop)
        })
    }

    /// Walks each task once, as `scn try` does.
    #[track_caller]
    pub fn rehearse(&self) -> Rehearsed {
        let plan = self.plan();
        let tasks: Vec<TaskId> = (0..plan.tasks.len() as u32).map(TaskId).collect();
        let options = Options { threads: 1, run_id: "run".into(), ..Options::default() };
        let rehearsed = run::rehearse(&plan, &tasks, &options, &Stop::default());
        let rehearsed = rehearsed.unwrap_or_else(|error| panic!("it cannot start: {error:?}"));
        assert_eq!(rehearsed.tasks_left, 0, "tasks");
        rehearsed
    }

    /// What is run.
    pub fn plan(&self) -> Plan {
        let files = Beside(&self.files);
        let mut sources = Sources::default();
        let file = sources.add("trial.scn", self.scenario.as_str());
        let parsed = scn::syntax::parse_whole(file, &mut sources, &files as &dyn Files);
        let checked = scn::check::check_with(&parsed.ast, &sources, &files as &dyn Files);
        let all = parsed.diagnostics.iter().chain(&checked.diagnostics);
        let errors: Vec<_> = all.filter(|one| one.severity() == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let sound = checked.sound(&parsed.diagnostics).expect("no error, so it is sound");
        let text = format!(
            "name: trial\nusers: {}\nspawn_rate: 1000\nduration: 60s\niterations: {}\n",
            self.users, self.iterations
        );
        let profile = profile::parse(sources.add("trial.yml", text.as_str()), &text);
        let profile = profile.profile.unwrap_or_else(|| panic!("no profile: {:?}", profile.diagnostics));
        match plan::compile(&sound, &profile, Seed(7), &sources) {
            Ok(compiled) => compiled.plan,
            Err(diagnostics) => panic!("no plan: {diagnostics:?}"),
        }
    }
}

/// Runs a plan to its end, or until it is stopped.
#[track_caller]
fn finish(plan: Plan, stop: &Stop) -> Seen {
    let options = Options { threads: 1, run_id: "run".into(), ..Options::default() };
    let finished = run::run(&plan, &options, stop, &mut |_| {});
    let finished = finished.unwrap_or_else(|error| panic!("the run cannot start: {error:?}"));
    assert_eq!(finished.tasks_left, 0, "tasks");
    Seen { plan, finished }
}

/// What came of a trial.
pub struct Seen {
    pub plan: Plan,
    pub finished: Finished,
}

impl Seen {
    /// Everything that was counted.
    pub fn total(&self) -> &Snapshot {
        &self.finished.total
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

    /// Samples of the row of this name: those that were good, and those that failed.
    #[track_caller]
    pub fn row(&self, name: &str) -> (u64, u64) {
        let rows = self.places(name).filter_map(|at| self.total().series.get(at));
        rows.fold((0, 0), |(good, failed), row| (good + row.ok.count(), failed + row.failed.count()))
    }

    /// How often the group of this name ran, good and failed.
    #[track_caller]
    pub fn group(&self, name: &str) -> (u64, u64) {
        let groups = self.places(name).filter_map(|at| self.total().beside(SeriesId(at as u32)));
        groups.fold((0, 0), |(good, failed), one| (good + one.count() - one.failures(), failed + one.failures()))
    }

    #[track_caller]
    fn places<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        assert!(self.plan.series.iter().any(|series| series.name == name), "no row is called {name:?}");
        self.plan.series.iter().enumerate().filter(move |(_, series)| series.name == name).map(|(at, _)| at)
    }

    /// The failures of each kind, by name.
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
