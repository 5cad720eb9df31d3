//! What a threshold measures, taken out of a snapshot: small, and mergeable, so that seconds add up to windows.

use std::time::Duration;

use super::numbers::Numbers;
use super::sample::Counter;
use super::snapshot::Snapshot;
use super::thresholds::{Unit, rows, timed_rows};
use super::times::Times;
use crate::plan::{IterationTime, MeasureUnit, Metric, Plan, SeriesKind, Subject, TaskId, UserId};

/// What a threshold measures, as far as it has been seen.
///
/// Shape: 16 bytes for a share or count; times and numbers up to 2,048 a piece one by one, then as a histogram.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tally {
    Times(Times),
    Numbers(Numbers),
    /// So many of so many.
    Part {
        part: u64,
        all: u64,
    },
    Count(u64),
}

/// Which of all that was seen a metric speaks of. Metrics of one pool share a [`Tally`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// Response times, times of groups, measured durations.
    Times,
    /// Measured numbers.
    Numbers,
    /// Times of iterations.
    Iterations,
    /// Failed of all.
    Failures,
    /// Checks that held, of all.
    Checks,
    /// How often.
    Count,
    /// Arrivals that no user could take.
    Dropped,
}

impl Pool {
    /// What `metric` of `subject` speaks of.
    pub(super) fn of(plan: &Plan, metric: Metric, subject: &Subject) -> Pool {
        match metric {
            Metric::Percentile(_) | Metric::Min | Metric::Mean | Metric::Max => match measures_numbers(plan, subject) {
                true => Pool::Numbers,
                false => Pool::Times,
            },
            Metric::IterationTime(_) => Pool::Iterations,
            Metric::ErrorRate => Pool::Failures,
            Metric::Checks => Pool::Checks,
            Metric::Rate | Metric::Count => Pool::Count,
            Metric::Dropped => Pool::Dropped,
        }
    }
}

/// The unit of a metric's values.
pub(super) fn unit(plan: &Plan, metric: Metric, subject: &Subject) -> Unit {
    match (metric, Pool::of(plan, metric, subject)) {
        (Metric::Rate, _) => Unit::PerSecond,
        (_, Pool::Numbers) => Unit::Number,
        (_, Pool::Times | Pool::Iterations) => Unit::Seconds,
        (_, Pool::Failures | Pool::Checks) => Unit::Share,
        (_, Pool::Count | Pool::Dropped) => Unit::Count,
    }
}

/// Whether a subject is a measure of plain numbers.
fn measures_numbers(plan: &Plan, subject: &Subject) -> bool {
    let (Subject::Series(rows) | Subject::Each(rows)) = subject else { return false };
    let is_number = SeriesKind::Measure(MeasureUnit::Number);
    rows.first().is_some_and(|row| plan.series[row.0 as usize].kind == is_number)
}

impl Tally {
    /// What `seen` holds of a pool of `subject`, which is not `every step`: those are tallied row by row.
    pub(super) fn of(plan: &Plan, subject: &Subject, pool: Pool, seen: &Snapshot) -> Tally {
        match pool {
            Pool::Times => Tally::Times(seen.times(timed_rows(plan, subject))),
            Pool::Numbers => Tally::Numbers(seen.numbers(rows(plan, subject))),
            Pool::Iterations => Tally::Times(iteration_times(plan, subject, seen)),
            Pool::Failures => failures(plan, subject, seen),
            Pool::Checks => checks(plan, subject, seen),
            Pool::Count => Tally::Count(count(plan, subject, seen)),
            Pool::Dropped => Tally::Count(seen.counter(Counter::Dropped)),
        }
    }

    /// Adds what was seen elsewhere or later of the same pool of the same subject.
    pub(super) fn merge(&mut self, other: &Tally) {
        match (self, other) {
            (Tally::Times(times), Tally::Times(other)) => times.merge(other),
            (Tally::Numbers(numbers), Tally::Numbers(other)) => numbers.merge(other),
            (Tally::Part { part, all }, Tally::Part { part: more, all: of }) => {
                *part += more;
                *all += of;
            }
            (Tally::Count(count), Tally::Count(other)) => *count += other,
            _ => unreachable!("tallies of one threshold are of one kind"),
        }
    }

    /// What `metric` says of it over a stretch of `length`; `None` where nothing was seen that it could speak of.
    pub(super) fn value(&self, metric: Metric, length: Duration) -> Option<f64> {
        match self {
            Tally::Times(times) => {
                let time = match metric {
                    Metric::Percentile(percent) | Metric::IterationTime(IterationTime::Percentile(percent)) => {
                        times.percentile(percent)
                    }
                    Metric::Min | Metric::IterationTime(IterationTime::Min) => times.min(),
                    Metric::Max | Metric::IterationTime(IterationTime::Max) => times.max(),
                    _ => times.mean(),
                };
                time.map(|time| time.as_secs_f64())
            }
            Tally::Numbers(numbers) => match metric {
                Metric::Percentile(percent) => numbers.percentile(percent),
                Metric::Min => numbers.min(),
                Metric::Max => numbers.max(),
                _ => numbers.mean(),
            },
            Tally::Part { part, all } => (*all > 0).then(|| *part as f64 / *all as f64),
            Tally::Count(count) if metric == Metric::Rate => {
                (*count > 0 && !length.is_zero()).then(|| *count as f64 / length.as_secs_f64())
            }
            Tally::Count(count) => Some(*count as f64),
        }
    }
}

fn iteration_times(plan: &Plan, subject: &Subject, seen: &Snapshot) -> Times {
    let mut pooled = Times::default();
    for (index, task) in plan.tasks.iter().enumerate() {
        let is_part = seen.tasks.get(index).is_some_and(|seen| seen.in_pass);
        let wanted = match subject {
            Subject::Run => !is_part,
            Subject::User(user) => task.user == *user && !is_part,
            Subject::Task(wanted) => wanted.0 as usize == index,
            Subject::Series(_) | Subject::Each(_) => false,
        };
        if let Some(seen) = seen.tasks.get(index).filter(|_| wanted) {
            pooled.merge(&seen.time);
        }
    }
    pooled
}

/// Of the run, a user or a task: failed iterations of finished ones. Of rows: failed samples of all.
fn failures(plan: &Plan, subject: &Subject, seen: &Snapshot) -> Tally {
    let (mut part, mut all) = (0, 0);
    let mut add = |more_failed: u64, more: u64| {
        part += more_failed;
        all += more;
    };
    if let Subject::Series(rows) = subject {
        rows.iter().filter_map(|row| seen.series(*row)).for_each(|row| add(row.failures(), row.requests()));
        rows.iter().filter_map(|row| seen.beside(*row)).for_each(|row| add(row.failures(), row.count()));
    }
    for (index, (task, seen)) in plan.tasks.iter().zip(&seen.tasks).enumerate() {
        let wanted = match subject {
            Subject::Run => !seen.in_pass,
            Subject::User(user) => task.user == *user && !seen.in_pass,
            Subject::Task(wanted) => *wanted == TaskId(index as u32),
            Subject::Series(_) | Subject::Each(_) => false,
        };
        if wanted {
            add(seen.failed, seen.finished());
        }
    }
    // A failed `on start` is an iteration of its user that failed.
    for (index, seen) in seen.users.iter().enumerate() {
        if *subject == Subject::Run || *subject == Subject::User(UserId(index as u32)) {
            add(seen.failed_starts, seen.failed_starts);
        }
    }
    Tally::Part { part, all }
}

/// Checks that held of all, at the places that belong to the subject's rows.
fn checks(plan: &Plan, subject: &Subject, seen: &Snapshot) -> Tally {
    let rows = rows(plan, subject);
    let (mut part, mut all) = (0, 0);
    for (point, seen) in plan.points.iter().zip(&seen.points) {
        let row = point.step.map(|step| plan.steps[step.0 as usize].series);
        if row.is_some_and(|row| rows.contains(&row)) {
            part += seen.passed;
            all += seen.passed + seen.failed;
        }
    }
    Tally::Part { part, all }
}

/// Requests of the run, a user or a task; of named rows whatever they count: groups and measures too.
fn count(plan: &Plan, subject: &Subject, seen: &Snapshot) -> u64 {
    let rows = rows(plan, subject);
    let requests: u64 = rows.iter().filter_map(|row| seen.series(*row)).map(|seen| seen.requests()).sum();
    let beside = || rows.iter().filter_map(|row| seen.beside(*row)).map(|seen| seen.count()).sum::<u64>();
    requests + if matches!(subject, Subject::Series(_)) { beside() } else { 0 }
}
