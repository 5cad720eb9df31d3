//! One thread's recorder: a `Vec` indexed by series, no map, no lock, no allocation once a series has been seen.

use std::time::Duration;

use super::phases::{Phase, PhasesSeen};
use super::snapshot::{BesideSeen, Failure, IterationsSeen, PointSeen, SeriesSeen, Snapshot, SocketsSeen, UsersSeen};
use super::times::Times;
use super::{Counter, ErrorKind, IterationEnd, Outcome, Sample};
use crate::base::Offset;
use crate::plan::{MeasureUnit, Plan, PointId, SeriesId, SeriesKind, StepId, TargetId, UserId};

/// So many messages are kept for failures of one kind at one place: the first says it, two more show whether it
/// varies.
pub const NOTES_MAX: usize = 3;
/// A message is cut off behind so many bytes: some lines of a terminal, and a body never slips in whole.
pub const NOTE_BYTES_MAX: usize = 500;

/// What one thread has seen since its last hand-over.
///
/// Cost: recording a sample is three to four pushes and some ten additions, well under 100 ns, and allocates only
/// while a series sees more in one window than ever before.
pub struct Recorder {
    thread: u32,
    /// When the last hand-over was.
    since: Offset,
    /// The row of each step, and whether its samples say how late we were: messages come when the target sends them,
    /// and ten of them a second would hide one late request.
    rows: Vec<(u32, bool)>,
    /// The rows whose numbers are durations, of those that measure.
    durations: Vec<bool>,
    /// The row of the failed tries of each step; itself where it has none.
    retried: Vec<u32>,
    seen: Snapshot,
    /// How many messages were kept since the beginning of the run; by place, then by kind.
    noted: Vec<Vec<(ErrorKind, u8)>>,
}

impl Recorder {
    /// An empty recorder laid out for `plan`. `thread` tells the load threads of a run apart, from 0.
    pub fn new(plan: &Plan, thread: u32) -> Recorder {
        let seen = Snapshot {
            series: vec![SeriesSeen::default(); plan.series.len()],
            beside: vec![BesideSeen::default(); beside_len(plan)],
            tasks: plan.tasks.iter().map(|task| seen_of(plan, task)).collect(),
            users: vec![UsersSeen::default(); plan.users.len()],
            sockets: vec![SocketsSeen::default(); sockets_len(plan)],
            points: vec![PointSeen::default(); plan.points.len()],
            phases: vec![PhasesSeen::default(); plan.targets.len()],
            ..Snapshot::default()
        };
        Recorder {
            thread,
            since: Offset::ZERO,
            rows: plan.steps.iter().map(|step| step.series).map(|row| (row.0, is_ours(plan, row))).collect(),
            durations: plan.series.iter().map(|row| row.kind == SeriesKind::Measure(MeasureUnit::Time)).collect(),
            retried: plan.steps.iter().map(|step| retry_row(plan, step.series).0).collect(),
            seen,
            noted: vec![Vec::new(); plan.points.len()],
        }
    }

    /// Says when this thread began to count, where that is not the start of the run; its first window and its share
    /// of the core are measured from there.
    pub fn begin(&mut self, now: Offset) {
        self.since = now;
    }

    /// Notes one sample: its row, the run's lateness, its bytes; a failure at its place.
    pub fn record(&mut self, sample: &Sample) {
        if let Some((point, kind)) = self.sample(sample, self.rows[sample.step.0 as usize].0) {
            self.failure(point, kind);
        }
    }

    /// Notes one failed sample of a step that is tried again: in the row of its retries, and no failure of the run.
    pub fn retried(&mut self, sample: &Sample) {
        let row = self.retried[sample.step.0 as usize];
        if let Some((point, kind)) = self.sample(sample, row) {
            self.seen.series[row as usize].retried += 1;
            self.seen.points[point.0 as usize].failure(kind).retried += 1;
        }
    }

    /// Notes one sample in a row; says where it failed.
    fn sample(&mut self, sample: &Sample, row: u32) -> Option<(PointId, ErrorKind)> {
        let ours = self.rows[sample.step.0 as usize].1;
        let row = &mut self.seen.series[row as usize];
        let done = sample.done.0;
        let response = done.saturating_sub(sample.due.0);
        row.service.record_nanos(done.saturating_sub(sample.sent.0));
        row.bytes_sent += sample.bytes_sent;
        row.bytes_received += sample.bytes_received;
        if sample.status != 0 {
            row.status(sample.status, 1);
        }
        if ours {
            self.seen.lateness.record_nanos(sample.begun.0.saturating_sub(sample.ready.0));
        }
        match sample.outcome {
            Outcome::Ok => {
                row.ok.record_nanos(response);
                None
            }
            Outcome::Failed(kind, point) => {
                row.failed.record_nanos(response);
                row.errors[kind as usize] += 1;
                Some((point, kind))
            }
        }
    }

    /// Notes how long a request to this target was in this phase.
    #[inline]
    pub fn phase(&mut self, target: TargetId, phase: Phase, from: Offset, to: Offset) {
        self.seen.phases[target.0 as usize].record_nanos(phase, to.0.saturating_sub(from.0));
    }

    /// Notes one run of a group: its time less its pauses, and whether it came to its end.
    pub fn group(&mut self, step: StepId, time: Duration, ok: bool) {
        let seen = &mut self.seen.beside[self.rows[step.0 as usize].0 as usize];
        if ok { &mut seen.ok } else { &mut seen.failed }.record(time);
    }

    /// Notes one measured value of a row: seconds where the row measures durations. It is finite; a duration below
    /// zero counts as 0 and is counted.
    pub fn measure(&mut self, series: SeriesId, value: f64) {
        let seen = &mut self.seen.beside[series.0 as usize];
        if !self.durations[series.0 as usize] {
            return seen.numbers.record(value);
        }
        // Nothing passed between both: 0, which is clamped to the least time but not worth a word.
        seen.ok.record(Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(Duration::MAX));
        if value < 0.0 {
            self.seen.count(Counter::MeasuresNegative, 1);
        }
    }

    /// Whether a message for failures of this kind at this place is still wanted: only the first few are kept, so
    /// that the text is made only then.
    pub fn wants_note(&self, point: PointId, kind: ErrorKind) -> bool {
        let noted = &self.noted[point.0 as usize];
        noted.iter().all(|(noted, times)| *noted != kind || usize::from(*times) < NOTES_MAX)
    }

    /// Keeps a message for failures of this kind at this place. What is longer than [`NOTE_BYTES_MAX`] is cut off.
    pub fn note(&mut self, point: PointId, kind: ErrorKind, text: String) {
        if !self.wants_note(point, kind) {
            return;
        }
        let noted = &mut self.noted[point.0 as usize];
        match noted.iter_mut().find(|(noted, _)| *noted == kind) {
            Some((_, times)) => *times += 1,
            None => noted.push((kind, 1)),
        }
        self.seen.points[point.0 as usize].failure(kind).notes.push(cut(text));
    }

    /// Notes a failure outside any step: a `let` or pause without a value.
    pub fn failure(&mut self, point: PointId, kind: ErrorKind) {
        self.seen.points[point.0 as usize].failure(kind).count += 1;
    }

    /// The same of a failure that is followed by another attempt: no failure of the run.
    pub fn failure_retried(&mut self, point: PointId, kind: ErrorKind) {
        self.seen.points[point.0 as usize].failure(kind).retried += 1;
    }

    /// Notes how a `check` came out.
    pub fn check(&mut self, point: PointId, held: bool) {
        let point = &mut self.seen.points[point.0 as usize];
        point.passed += u64::from(held);
        point.failed += u64::from(!held);
    }

    /// Notes the end of an iteration, or of an `on start` that did not succeed.
    pub fn iteration(&mut self, end: &IterationEnd) {
        match end.task {
            Some(task) => self.seen.tasks[task.0 as usize].record(end.outcome, end.time),
            None => {
                let users = &mut self.seen.users[end.user.0 as usize];
                match end.outcome {
                    super::sample::IterationOutcome::Ok => {}
                    super::sample::IterationOutcome::Failed => users.failed_starts += 1,
                    super::sample::IterationOutcome::Abandoned => users.abandoned_starts += 1,
                }
            }
        }
    }

    /// Notes that a user of this class began to live.
    pub fn user_started(&mut self, user: UserId) {
        self.seen.users[user.0 as usize].started += 1;
    }

    /// Notes that a user of this class has ended.
    pub fn user_ended(&mut self, user: UserId) {
        self.seen.users[user.0 as usize].ended += 1;
    }

    /// Notes that a socket or stream that this row opened is open from now on.
    pub fn socket_opened(&mut self, row: SeriesId) {
        if let Some(seen) = self.seen.sockets.get_mut(row.0 as usize) {
            seen.opened += 1;
        }
    }

    /// Notes that one of them has ended.
    pub fn socket_ended(&mut self, row: SeriesId) {
        if let Some(seen) = self.seen.sockets.get_mut(row.0 as usize) {
            seen.ended += 1;
        }
    }

    /// Notes a message sent over one of them.
    pub fn message_sent(&mut self, row: SeriesId) {
        if let Some(seen) = self.seen.sockets.get_mut(row.0 as usize) {
            seen.sent += 1;
        }
        self.seen.count(Counter::MessagesSent, 1);
    }

    /// Notes a message that arrived on one of them.
    pub fn message_received(&mut self, row: SeriesId) {
        if let Some(seen) = self.seen.sockets.get_mut(row.0 as usize) {
            seen.received += 1;
        }
        self.seen.count(Counter::MessagesReceived, 1);
    }

    /// Notes that no user of this class could take an arrival.
    pub fn dropped(&mut self, user: UserId) {
        self.seen.users[user.0 as usize].dropped += 1;
        self.seen.count(Counter::Dropped, 1);
    }

    /// Adds to a counter.
    pub fn count(&mut self, counter: Counter, by: u64) {
        self.seen.count(counter, by);
    }

    /// Hands over what was seen since the last time, and starts afresh. `cpu` is what this thread has used of its
    /// core since the last time.
    pub fn take(&mut self, now: Offset, cpu: Duration) -> Snapshot {
        let seen = &mut self.seen;
        let mut taken = Snapshot {
            window: Some((self.since, now.max(self.since))),
            series: seen.series.iter_mut().map(take_series).collect(),
            beside: seen.beside.iter_mut().map(take_beside).collect(),
            tasks: seen.tasks.iter_mut().map(take_iterations).collect(),
            users: seen.users.iter_mut().map(std::mem::take).collect(),
            sockets: seen.sockets.iter_mut().map(std::mem::take).collect(),
            points: seen.points.iter_mut().map(take_point).collect(),
            phases: seen.phases.iter_mut().map(PhasesSeen::take).collect(),
            lateness: seen.lateness.take(),
            counters: std::mem::take(&mut seen.counters),
            ..Snapshot::default()
        };
        taken.health.record(self.thread, self.since, now, cpu);
        self.since = self.since.max(now);
        taken
    }
}

fn take_series(seen: &mut SeriesSeen) -> SeriesSeen {
    if seen.requests() == 0 {
        return SeriesSeen::default();
    }
    let statuses = seen.statuses.iter().copied().filter(|(_, times)| *times > 0).collect();
    // The room for statuses stays, so that the same ones are counted again without asking for memory.
    seen.statuses.iter_mut().for_each(|(_, times)| *times = 0);
    SeriesSeen {
        ok: seen.ok.take(),
        failed: seen.failed.take(),
        service: seen.service.take(),
        statuses,
        bytes_sent: std::mem::take(&mut seen.bytes_sent),
        bytes_received: std::mem::take(&mut seen.bytes_received),
        retried: std::mem::take(&mut seen.retried),
        errors: std::mem::take(&mut seen.errors),
    }
}

fn take_beside(seen: &mut BesideSeen) -> BesideSeen {
    BesideSeen { ok: seen.ok.take(), failed: seen.failed.take(), numbers: std::mem::take(&mut seen.numbers) }
}

/// Nothing seen yet of a task.
fn seen_of(plan: &Plan, task: &crate::plan::Task) -> IterationsSeen {
    let in_pass = plan.users[task.user.0 as usize].pass.is_some() && !task.name.is_empty();
    IterationsSeen { in_pass, ..IterationsSeen::default() }
}

fn take_iterations(seen: &mut IterationsSeen) -> IterationsSeen {
    let time: Times = seen.time.take();
    let IterationsSeen { ok, failed, abandoned, in_pass, .. } = *seen;
    let taken = IterationsSeen { ok, failed, abandoned, time, in_pass };
    (seen.ok, seen.failed, seen.abandoned) = (0, 0, 0);
    taken
}

fn take_point(seen: &mut PointSeen) -> PointSeen {
    let happened = |failure: &&mut Failure| failure.count > 0 || failure.retried > 0 || !failure.notes.is_empty();
    let failures = seen.failures.iter_mut().filter(happened).map(|failure| Failure {
        kind: failure.kind,
        count: std::mem::take(&mut failure.count),
        retried: std::mem::take(&mut failure.retried),
        notes: std::mem::take(&mut failure.notes),
    });
    let failures = failures.collect();
    PointSeen { passed: std::mem::take(&mut seen.passed), failed: std::mem::take(&mut seen.failed), failures }
}

/// How long the table of groups and measures must be: a plan without any needs none.
fn beside_len(plan: &Plan) -> usize {
    plan.series.iter().rposition(|row| !row.kind.is_request()).map_or(0, |last| last + 1)
}

/// How long the table of sockets must be: a plan without any needs none.
fn sockets_len(plan: &Plan) -> usize {
    plan.series.iter().rposition(|row| row.kind == SeriesKind::Connect).map_or(0, |last| last + 1)
}

/// The row of the failed tries of a row's steps: `LABEL (retry)` in the same task. Itself where there is none.
fn retry_row(plan: &Plan, row: SeriesId) -> SeriesId {
    let own = &plan.series[row.0 as usize];
    let is_its = |other: &crate::plan::Series| {
        other.kind == SeriesKind::Retry
            && (other.user, &other.task_name) == (own.user, &own.task_name)
            && other.name.strip_suffix(crate::plan::RETRY_SUFFIX) == Some(own.name.as_str())
    };
    plan.series.iter().position(is_its).map_or(row, |index| SeriesId(index as u32))
}

/// Whether the engine decides when samples of this row begin.
fn is_ours(plan: &Plan, row: SeriesId) -> bool {
    plan.series[row.0 as usize].kind != SeriesKind::Receive
}

fn cut(mut text: String) -> String {
    if text.len() > NOTE_BYTES_MAX {
        let end = (0..=NOTE_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
