//! What was seen in one window, by one thread or many: mergeable without loss.

use std::time::Duration;

use super::health::Health;
use super::numbers::Numbers;
use super::phases::PhasesSeen;
use super::sample::{Counter, ErrorKind, IterationOutcome};
use super::times::Times;
use crate::base::Offset;
use crate::plan::{PointId, SeriesId, TargetId, TaskId, UserId};

/// What was seen in one window, by one thread or many, over a second or a whole run.
///
/// Shape: tables indexed by the plan's ids. They may be shorter than the plan's: what lies behind their end saw
/// nothing. So the default is the empty snapshot, neutral when merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// From the beginning of the earliest to the end of the latest window in it; `None` when empty.
    pub window: Option<(Offset, Offset)>,
    /// What each row saw; [`SeriesId`] is the index.
    pub series: Vec<SeriesSeen>,
    /// What groups and measures saw; [`SeriesId`] is the index. They are no requests and in no total.
    pub beside: Vec<BesideSeen>,
    /// The iterations of each task; [`TaskId`] is the index.
    pub tasks: Vec<IterationsSeen>,
    /// The users of each class; [`UserId`] is the index.
    pub users: Vec<UsersSeen>,
    /// The sockets and streams that each row opened; [`SeriesId`] is the index.
    pub sockets: Vec<SocketsSeen>,
    /// What happened at each place of the scenario; [`PointId`] is the index.
    pub points: Vec<PointSeen>,
    /// Where the time of requests went; [`TargetId`] is the index.
    pub phases: Vec<PhasesSeen>,
    /// `begun - due` of all samples: how late we were ourselves.
    pub lateness: Times,
    /// What the load threads used of their cores.
    pub health: Health,
    pub(super) counters: [u64; Counter::ALL.len()],
}

/// What one row of the report saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesSeen {
    /// Response times (`done - due`) of what succeeded.
    pub ok: Times,
    /// Response times (`done - due`) of what failed.
    pub failed: Times,
    /// Service times (`done - sent`) of both.
    pub service: Times,
    /// Statuses of answers and how often each came, rising; what had no status is not in it.
    pub statuses: Vec<(u16, u64)>,
    /// Payload and heads that went out.
    pub bytes_sent: u64,
    /// Payload and heads that came in.
    pub bytes_received: u64,
    /// Those of the failed ones after which another try was made: requests, but no failures of the run.
    pub retried: u64,
    pub(super) errors: [u64; ErrorKind::ALL.len()],
}

/// What one group or measure saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BesideSeen {
    /// Times of groups that succeeded, and measured durations.
    pub ok: Times,
    /// Times of groups that a failure ended.
    pub failed: Times,
    /// Measured numbers.
    pub numbers: Numbers,
}

/// The iterations of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IterationsSeen {
    /// Ended with the last statement.
    pub ok: u64,
    /// Ended by a failure.
    pub failed: u64,
    /// Cut off by the end of the run.
    pub abandoned: u64,
    /// Wall time less pauses, of the finished ones: ok and failed.
    pub time: Times,
    /// Whether they are parts of a pass through tasks in order, which alone is an iteration of its user.
    pub in_pass: bool,
}

/// The users of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsersSeen {
    /// Began to live.
    pub started: u64,
    /// Have ended.
    pub ended: u64,
    /// `on start` blocks that failed; each counts as a failed iteration.
    pub failed_starts: u64,
    /// `on start` blocks that the end of the run cut off.
    pub abandoned_starts: u64,
    /// Arrivals that no user of this class could take.
    pub dropped: u64,
}

/// The sockets and streams that one row opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketsSeen {
    /// Have been opened.
    pub opened: u64,
    /// Have ended, by whomever.
    pub ended: u64,
    /// Messages sent over them.
    pub sent: u64,
    /// Messages that arrived on them.
    pub received: u64,
}

/// What happened at one place of the scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointSeen {
    /// How often the `check` there held.
    pub passed: u64,
    /// How often it did not.
    pub failed: u64,
    /// Failures there, by kind, in the order of [`ErrorKind::ALL`].
    pub failures: Vec<Failure>,
}

/// Failures of one kind at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Why.
    pub kind: ErrorKind,
    /// How often.
    pub count: u64,
    /// How often beside that, where another try was made.
    pub retried: u64,
    /// What was said of the first few, at most [`NOTES_MAX`](super::recorder::NOTES_MAX).
    pub notes: Vec<String>,
}

/// What one snapshot saw in all: `on_start` and `on_stop` included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Finished iterations, ok and failed; a failed `on start` counts as a failed one.
    pub iterations: u64,
    /// The failed ones of them.
    pub failed_iterations: u64,
    /// Cut off by the end of the run; not among the finished.
    pub abandoned_iterations: u64,
    /// Samples; tries that failed and were made again are among them.
    pub requests: u64,
    /// The failed ones of them, without those after which another try was made.
    pub failures: u64,
    /// Payload and heads that went out.
    pub bytes_sent: u64,
    /// Payload and heads that came in.
    pub bytes_received: u64,
    /// Checks that held.
    pub checks_passed: u64,
    /// Checks that did not.
    pub checks_failed: u64,
}

impl Snapshot {
    /// Adds what another thread or a later window saw. Samples that no place was left for are counted as lost.
    pub fn merge(&mut self, other: &Snapshot) {
        let lost = self.lost() + other.lost();
        self.window = match (self.window, other.window) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (window, None) | (None, window) => window,
        };
        merge_tables(&mut self.series, &other.series, SeriesSeen::merge);
        merge_tables(&mut self.beside, &other.beside, BesideSeen::merge);
        merge_tables(&mut self.tasks, &other.tasks, IterationsSeen::merge);
        merge_tables(&mut self.users, &other.users, UsersSeen::merge);
        merge_tables(&mut self.sockets, &other.sockets, SocketsSeen::merge);
        merge_tables(&mut self.points, &other.points, PointSeen::merge);
        merge_tables(&mut self.phases, &other.phases, PhasesSeen::merge);
        self.lateness.merge(&other.lateness);
        self.health.merge(&other.health);
        merge_counts(&mut self.counters, &other.counters);
        self.count(Counter::SamplesLost, self.lost() - lost);
    }

    /// Samples that the histograms of the rows have no place left for.
    fn lost(&self) -> u64 {
        self.series.iter().map(|seen| seen.ok.lost() + seen.failed.lost()).sum()
    }

    /// The users who live at its end, as if they had started then: what the next window begins with.
    pub fn living(&self) -> Vec<UsersSeen> {
        let living = |users: &UsersSeen| UsersSeen { started: users.started - users.ended, ..UsersSeen::default() };
        self.users.iter().map(living).collect()
    }

    /// How long the window is; zero when empty.
    pub fn length(&self) -> Duration {
        self.window.map_or(Duration::ZERO, |(from, to)| to.since(from))
    }

    /// What a row saw; `None` when it saw nothing yet.
    pub fn series(&self, id: SeriesId) -> Option<&SeriesSeen> {
        self.series.get(id.0 as usize)
    }

    /// What a group or measure saw; `None` when it saw nothing yet.
    pub fn beside(&self, id: SeriesId) -> Option<&BesideSeen> {
        self.beside.get(id.0 as usize)
    }

    /// What happened at a place; `None` when nothing did yet.
    pub fn point(&self, id: PointId) -> Option<&PointSeen> {
        self.points.get(id.0 as usize)
    }

    /// The iterations of a task; `None` when there were none yet.
    pub fn task(&self, id: TaskId) -> Option<&IterationsSeen> {
        self.tasks.get(id.0 as usize)
    }

    /// The users of a class; none when none has started.
    pub fn users_of(&self, id: UserId) -> UsersSeen {
        self.users.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// Where the time of requests to a target went; `None` when there were none yet.
    pub fn phases_of(&self, id: TargetId) -> Option<&PhasesSeen> {
        self.phases.get(id.0 as usize)
    }

    /// How many users live at the end of the window, provided it reaches back to the beginning of the run.
    pub fn active_users(&self) -> u64 {
        self.users.iter().map(UsersSeen::active).sum()
    }

    /// What was counted beside samples.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// Adds to what was counted beside samples.
    pub fn count(&mut self, counter: Counter, by: u64) {
        self.counters[counter as usize] += by;
    }

    /// Response times of these rows, times of groups and measured durations, pooled; failed ones included.
    pub fn times(&self, rows: impl IntoIterator<Item = SeriesId>) -> Times {
        let mut pooled = Times::default();
        for id in rows {
            if let Some(seen) = self.series(id) {
                pooled.merge(&seen.ok);
                pooled.merge(&seen.failed);
            }
            if let Some(seen) = self.beside(id) {
                pooled.merge(&seen.ok);
                pooled.merge(&seen.failed);
            }
        }
        pooled
    }

    /// Measured numbers of these rows, pooled.
    pub fn numbers(&self, rows: impl IntoIterator<Item = SeriesId>) -> Numbers {
        let mut pooled = Numbers::default();
        rows.into_iter().filter_map(|id| self.beside(id)).for_each(|seen| pooled.merge(&seen.numbers));
        pooled
    }

    /// Service times of these rows, pooled; failed samples included.
    pub fn service_times(&self, rows: impl IntoIterator<Item = SeriesId>) -> Times {
        let mut pooled = Times::default();
        for seen in rows.into_iter().filter_map(|id| self.series(id)) {
            pooled.merge(&seen.service);
        }
        pooled
    }

    /// Failures of one kind, in steps and outside.
    pub fn failures_of(&self, kind: ErrorKind) -> u64 {
        let failures = self.points.iter().flat_map(|point| &point.failures);
        failures.filter(|failure| failure.kind == kind).map(|failure| failure.count + failure.retried).sum()
    }

    /// Times that lay outside 1 µs to 1 h, and measured numbers beyond 10⁹, which count as the nearer end.
    pub fn clamped(&self) -> u64 {
        let series = self.series.iter().map(|seen| seen.ok.clamped() + seen.failed.clamped());
        series.chain(self.beside.iter().map(BesideSeen::clamped)).sum()
    }

    /// What it saw in all.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for seen in &self.series {
            totals.requests += seen.requests();
            totals.failures += seen.failures() - seen.retried;
            totals.bytes_sent += seen.bytes_sent;
            totals.bytes_received += seen.bytes_received;
        }
        for seen in self.tasks.iter().filter(|seen| !seen.in_pass) {
            totals.iterations += seen.finished();
            totals.failed_iterations += seen.failed;
            totals.abandoned_iterations += seen.abandoned;
        }
        for seen in &self.users {
            totals.iterations += seen.failed_starts;
            totals.failed_iterations += seen.failed_starts;
            totals.abandoned_iterations += seen.abandoned_starts;
        }
        for seen in &self.points {
            totals.checks_passed += seen.passed;
            totals.checks_failed += seen.failed;
        }
        totals
    }
}

impl SeriesSeen {
    /// Samples.
    pub fn requests(&self) -> u64 {
        self.ok.count() + self.failed.count()
    }

    /// Failed samples.
    pub fn failures(&self) -> u64 {
        self.failed.count()
    }

    /// Failed samples of one kind.
    pub fn errors(&self, kind: ErrorKind) -> u64 {
        self.errors[kind as usize]
    }

    /// Response times, failed samples included.
    pub fn response_times(&self) -> Times {
        let mut pooled = self.ok.clone();
        pooled.merge(&self.failed);
        pooled
    }

    pub(super) fn status(&mut self, status: u16, times: u64) {
        match self.statuses.binary_search_by_key(&status, |(status, _)| *status) {
            Ok(at) => self.statuses[at].1 += times,
            Err(at) => self.statuses.insert(at, (status, times)),
        }
    }

    fn merge(&mut self, other: &SeriesSeen) {
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
        self.service.merge(&other.service);
        self.retried += other.retried;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        merge_counts(&mut self.errors, &other.errors);
        other.statuses.iter().for_each(|&(status, times)| self.status(status, times));
    }
}

impl BesideSeen {
    /// How often the group ran, or the measure was taken.
    pub fn count(&self) -> u64 {
        self.ok.count() + self.failed.count() + self.numbers.count()
    }

    /// How often the group failed.
    pub fn failures(&self) -> u64 {
        self.failed.count()
    }

    /// Times of both, pooled.
    pub fn times(&self) -> Times {
        let mut pooled = self.ok.clone();
        pooled.merge(&self.failed);
        pooled
    }

    fn clamped(&self) -> u64 {
        self.ok.clamped() + self.failed.clamped() + self.numbers.clamped()
    }

    fn merge(&mut self, other: &BesideSeen) {
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
        self.numbers.merge(&other.numbers);
    }
}

impl IterationsSeen {
    /// Those that came to an end of their own: ok and failed.
    pub fn finished(&self) -> u64 {
        self.ok + self.failed
    }

    pub(super) fn record(&mut self, outcome: IterationOutcome, time: Duration) {
        match outcome {
            IterationOutcome::Ok => self.ok += 1,
            IterationOutcome::Failed => self.failed += 1,
            IterationOutcome::Abandoned => self.abandoned += 1,
        }
        if outcome != IterationOutcome::Abandoned {
            self.time.record(time);
        }
    }

    fn merge(&mut self, other: &IterationsSeen) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.abandoned += other.abandoned;
        self.time.merge(&other.time);
        self.in_pass |= other.in_pass;
    }
}

impl UsersSeen {
    /// How many live, provided the window reaches back to the beginning of the run.
    pub fn active(&self) -> u64 {
        self.started.saturating_sub(self.ended)
    }

    fn merge(&mut self, other: &UsersSeen) {
        self.started += other.started;
        self.ended += other.ended;
        self.failed_starts += other.failed_starts;
        self.abandoned_starts += other.abandoned_starts;
        self.dropped += other.dropped;
    }
}

impl SocketsSeen {
    fn merge(&mut self, other: &SocketsSeen) {
        self.opened += other.opened;
        self.ended += other.ended;
        self.sent += other.sent;
        self.received += other.received;
    }
}

impl PointSeen {
    pub(super) fn failure(&mut self, kind: ErrorKind) -> &mut Failure {
        let at = match self.failures.binary_search_by_key(&kind, |failure| failure.kind) {
            Ok(at) => at,
            Err(at) => {
                self.failures.insert(at, Failure { kind, count: 0, retried: 0, notes: Vec::new() });
                at
            }
        };
        &mut self.failures[at]
    }

    fn merge(&mut self, other: &PointSeen) {
        self.passed += other.passed;
        self.failed += other.failed;
        for failure in &other.failures {
            let into = self.failure(failure.kind);
            into.count += failure.count;
            into.retried += failure.retried;
            let room = super::recorder::NOTES_MAX.saturating_sub(into.notes.len());
            into.notes.extend(failure.notes.iter().take(room).cloned());
        }
    }
}

fn merge_tables<T: Default + Clone>(into: &mut Vec<T>, other: &[T], merge: fn(&mut T, &T)) {
    if into.len() < other.len() {
        into.resize_with(other.len(), T::default);
    }
    into.iter_mut().zip(other).for_each(|(into, other)| merge(into, other));
}

fn merge_counts(into: &mut [u64], other: &[u64]) {
    into.iter_mut().zip(other).for_each(|(into, other)| *into += other);
}
