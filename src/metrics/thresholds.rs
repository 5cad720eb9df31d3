//! What the run had to hold, and whether it did.

use std::time::Duration;

use super::snapshot::Snapshot;
use super::times::Times;
use crate::base::Span;
use crate::plan::{Comparison, IterationTime, Metric, Plan, SeriesId, SeriesKind, Subject, Threshold, UserId};

/// A threshold and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// As written: `p95 of http < 300ms`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What was measured, in `unit`; `None` when nothing happened that could be measured.
    pub value: Option<f64>,
    /// What it is compared with, in `unit`.
    pub limit: f64,
    /// How it is compared.
    pub comparison: Comparison,
    /// The unit of both.
    pub unit: Unit,
    /// What became of it.
    pub judgement: Judgement,
}

/// What became of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It held.
    Kept,
    /// It did not hold, or speaks of a share or rate of nothing.
    Broken,
    /// There is no time to compare: neither kept nor broken. Makes the run `DEGRADED`.
    NoData,
}

/// The unit of a threshold's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of time.
    Seconds,
    /// A part of a whole: 1 is all.
    Share,
    /// So many a second.
    PerSecond,
    /// So many.
    Count,
}

impl Judged {
    /// Whether it was broken: then the run ends with 99.
    pub fn broken(&self) -> bool {
        self.judgement == Judgement::Broken
    }
}

/// Judges all thresholds of `plan`, in their order, by what `seen` holds of a run that took `length`.
pub fn judge(plan: &Plan, seen: &Snapshot, length: Duration) -> Vec<Judged> {
    let mut pools = Pools { plan, seen, pools: Vec::new() };
    plan.thresholds.iter().map(|threshold| pools.judge(threshold, length)).collect()
}

/// The rows that a subject speaks of. Without `of`, what stands in `on start` and `on stop` does not count.
pub fn rows(plan: &Plan, subject: &Subject) -> Vec<SeriesId> {
    let all = (0..).map(SeriesId).zip(&plan.series);
    match subject {
        Subject::Run => all.filter(|(_, row)| row.task.is_some()).map(|(id, _)| id).collect(),
        Subject::User(user) => all.filter(|(_, row)| row.user == *user).map(|(id, _)| id).collect(),
        Subject::Task(task) => all.filter(|(_, row)| row.task == Some(*task)).map(|(id, _)| id).collect(),
        Subject::Series(rows) => rows.clone(),
    }
}

/// The rows whose times a subject speaks of: of the whole run, a user or a task its HTTP steps and calls, which are
/// waits for an answer; of named rows all, whatever their times mean.
pub fn timed_rows(plan: &Plan, subject: &Subject) -> Vec<SeriesId> {
    let mut rows = rows(plan, subject);
    if !matches!(subject, Subject::Series(_)) {
        rows.retain(|row| matches!(plan.series[row.0 as usize].kind, SeriesKind::Http | SeriesKind::Call));
    }
    rows
}

/// Times pooled once for all thresholds that speak of the same.
struct Pools<'a> {
    plan: &'a Plan,
    seen: &'a Snapshot,
    pools: Vec<((&'a Subject, Pool), Times)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pool {
    Responses,
    Iterations,
}

/// Which of many times.
enum Which {
    Percentile(f64),
    Min,
    Mean,
    Max,
}

impl<'a> Pools<'a> {
    fn judge(&mut self, threshold: &'a Threshold, length: Duration) -> Judged {
        let subject = &threshold.subject;
        let (value, unit) = match threshold.metric {
            Metric::Percentile(percent) => (self.time(subject, Which::Percentile(percent)), Unit::Seconds),
            Metric::Min => (self.time(subject, Which::Min), Unit::Seconds),
            Metric::Mean => (self.time(subject, Which::Mean), Unit::Seconds),
            Metric::Max => (self.time(subject, Which::Max), Unit::Seconds),
            Metric::IterationTime(time) => (self.iteration_time(subject, time), Unit::Seconds),
            Metric::ErrorRate => (self.error_rate(subject), Unit::Share),
            Metric::Checks => (self.checks(subject), Unit::Share),
            Metric::Rate => (self.rate(subject, length), Unit::PerSecond),
            Metric::Count => (Some(self.count(subject) as f64), Unit::Count),
        };
        let judgement = match value {
            None if unit == Unit::Seconds => Judgement::NoData,
            None => Judgement::Broken,
            Some(value) if holds(value, threshold.comparison, threshold.limit) => Judgement::Kept,
            Some(_) => Judgement::Broken,
        };
        Judged {
            text: threshold.text.clone(),
            span: threshold.span,
            value,
            limit: threshold.limit,
            comparison: threshold.comparison,
            unit,
            judgement,
        }
    }

    fn time(&mut self, subject: &'a Subject, which: Which) -> Option<f64> {
        let (plan, seen) = (self.plan, self.seen);
        which.of(self.pooled(subject, Pool::Responses, || seen.times(timed_rows(plan, subject))))
    }

    fn iteration_time(&mut self, subject: &'a Subject, time: IterationTime) -> Option<f64> {
        let which = match time {
            IterationTime::Percentile(percent) => Which::Percentile(percent),
            IterationTime::Min => Which::Min,
            IterationTime::Mean => Which::Mean,
            IterationTime::Max => Which::Max,
        };
        let (plan, seen) = (self.plan, self.seen);
        which.of(self.pooled(subject, Pool::Iterations, || {
            let mut pooled = Times::default();
            for (index, task) in plan.tasks.iter().enumerate() {
                let wanted = match subject {
                    Subject::Run => true,
                    Subject::User(user) => task.user == *user,
                    Subject::Task(wanted) => wanted.0 as usize == index,
                    Subject::Series(_) => false,
                };
                if let Some(seen) = seen.tasks.get(index).filter(|_| wanted) {
                    pooled.merge(&seen.time);
                }
            }
            pooled
        }))
    }

    /// Of the run, a user or a task: failed iterations of finished ones. Of rows: failed samples of all.
    fn error_rate(&self, subject: &Subject) -> Option<f64> {
        let (mut failed, mut all) = (0, 0);
        let mut add = |more_failed: u64, more: u64| {
            failed += more_failed;
            all += more;
        };
        if let Subject::Series(rows) = subject {
            rows.iter().filter_map(|row| self.seen.series(*row)).for_each(|row| add(row.failures(), row.requests()));
        }
        for (task, seen) in self.plan.tasks.iter().zip(&self.seen.tasks) {
            let wanted = match subject {
                Subject::Run => true,
                Subject::User(user) => task.user == *user,
                Subject::Task(_) | Subject::Series(_) => false,
            };
            if wanted {
                add(seen.failed, seen.finished());
            }
        }
        if let Subject::Task(task) = subject
            && let Some(seen) = self.seen.task(*task)
        {
            add(seen.failed, seen.finished());
        }
        // A failed `on start` is an iteration of its user that failed.
        for (index, seen) in self.seen.users.iter().enumerate() {
            let user = UserId(index as u32);
            if *subject == Subject::Run || *subject == Subject::User(user) {
                add(seen.failed_starts, seen.failed_starts);
            }
        }
        share(failed, all)
    }

    /// Checks that held of all, at the places that belong to the subject's rows.
    fn checks(&self, subject: &Subject) -> Option<f64> {
        let rows = rows(self.plan, subject);
        let (mut passed, mut all) = (0, 0);
        for (point, seen) in self.plan.points.iter().zip(&self.seen.points) {
            let row = point.step.map(|step| self.plan.steps[step.0 as usize].series);
            if row.is_some_and(|row| rows.contains(&row)) {
                passed += seen.passed;
                all += seen.passed + seen.failed;
            }
        }
        share(passed, all)
    }

    fn rate(&self, subject: &Subject, length: Duration) -> Option<f64> {
        let count = self.count(subject);
        (count > 0 && !length.is_zero()).then(|| count as f64 / length.as_secs_f64())
    }

    fn count(&self, subject: &Subject) -> u64 {
        let rows = rows(self.plan, subject);
        rows.iter().filter_map(|row| self.seen.series(*row)).map(|seen| seen.requests()).sum()
    }

    fn pooled(&mut self, subject: &'a Subject, pool: Pool, make: impl FnOnce() -> Times) -> &Times {
        let key = (subject, pool);
        let at = match self.pools.iter().position(|(have, _)| *have == key) {
            Some(at) => at,
            None => {
                self.pools.push((key, make()));
                self.pools.len() - 1
            }
        };
        &self.pools[at].1
    }
}

impl Which {
    fn of(&self, times: &Times) -> Option<f64> {
        let time = match self {
            Which::Percentile(percent) => times.percentile(*percent),
            Which::Min => times.min(),
            Which::Mean => times.mean(),
            Which::Max => times.max(),
        };
        time.map(|time| time.as_secs_f64())
    }
}

fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

fn holds(value: f64, comparison: Comparison, limit: f64) -> bool {
    match comparison {
        Comparison::Less => value < limit,
        Comparison::LessEqual => value <= limit,
        Comparison::Greater => value > limit,
        Comparison::GreaterEqual => value >= limit,
        Comparison::Equal => value == limit,
        Comparison::NotEqual => value != limit,
    }
}
