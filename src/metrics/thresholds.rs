//! What the run had to hold, and whether it did.

use std::time::Duration;

use super::snapshot::Snapshot;
use super::watch::Watch;
use crate::base::Span;
use crate::plan::{Comparison, Plan, SeriesId, Subject};

/// A threshold and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// As written: `p95 of http < 300ms`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What was measured, in `unit`: of a threshold that is judged several times the worst. `None` when nothing
    /// happened that could be measured.
    pub value: Option<f64>,
    /// What it is compared with, in `unit`.
    pub limit: f64,
    /// How it is compared.
    pub comparison: Comparison,
    /// The unit of both.
    pub unit: Unit,
    /// What became of it. `abort if …` is kept as long as its condition never held.
    pub judgement: Judgement,
    /// How it was judged.
    pub how: How,
    /// Where it did not hold, of a threshold that is judged for each step or window: in order of time, then of the
    /// scenario; at most [`BREAKS_MAX`].
    pub breaks: Vec<Break>,
    /// How many such places there are in all.
    pub broken_times: u64,
}

/// How a threshold was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Once, over the whole run.
    Once,
    /// In windows of some length that follow one another; so many were judged.
    Windows(u64),
    /// Each second, to end the run where it held; when that was.
    Abort(Option<Duration>),
}

/// One step or window for which a threshold did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Break {
    /// The row, of `every step`.
    pub row: Option<SeriesId>,
    /// What it is called: as short as it can be told from other rows. Empty without a row.
    pub name: String,
    /// From when to when, of a window.
    pub window: Option<(Duration, Duration)>,
    /// What was measured.
    pub value: Option<f64>,
}

/// So many breaks of one threshold are kept; beyond that they are only counted.
pub const BREAKS_MAX: usize = 100;

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
    /// A measured number, to three decimals.
    Number,
}

impl Judged {
    /// Whether it was broken: then the run ends with 99.
    pub fn broken(&self) -> bool {
        self.judgement == Judgement::Broken
    }
}

/// Judges all thresholds of `plan`, in their order, by what `seen` holds of a run that took `length`. Windows and
/// aborts need a [`Watch`] that was there while it went.
pub fn judge(plan: &Plan, seen: &Snapshot, length: Duration) -> Vec<Judged> {
    Watch::new(plan).judge(seen, length)
}

/// The rows that a subject speaks of. Without `of`, what stands in `on start` and `on stop` does not count.
pub fn rows(plan: &Plan, subject: &Subject) -> Vec<SeriesId> {
    let all = (0..).map(SeriesId).zip(&plan.series);
    match subject {
        Subject::Run => all.filter(|(_, row)| row.task.is_some()).map(|(id, _)| id).collect(),
        Subject::User(user) => all.filter(|(_, row)| row.user == *user).map(|(id, _)| id).collect(),
        Subject::Task(task) => all.filter(|(_, row)| row.task == Some(*task)).map(|(id, _)| id).collect(),
        Subject::Series(rows) | Subject::Each(rows) => rows.clone(),
    }
}

/// The rows whose times a subject speaks of: of the whole run, a user or a task its HTTP steps and calls, which are
/// waits for an answer; of named rows all, whatever their times mean.
pub fn timed_rows(plan: &Plan, subject: &Subject) -> Vec<SeriesId> {
    let mut rows = rows(plan, subject);
    if !matches!(subject, Subject::Series(_) | Subject::Each(_)) {
        rows.retain(|row| plan.series[row.0 as usize].kind.is_timed());
    }
    rows
}

/// A row's name, as long as it must be: alone, behind its task, or behind user and task.
pub fn row_name(plan: &Plan, row: SeriesId) -> String {
    let own = &plan.series[row.0 as usize];
    let same: Vec<_> = plan.series.iter().filter(|other| other.name == own.name).collect();
    if same.len() == 1 {
        return own.name.clone();
    }
    let in_task = format!("{}.{}", own.task_name, own.name);
    if same.iter().filter(|other| other.task_name == own.task_name).count() == 1 {
        return in_task;
    }
    format!("{}.{in_task}", plan.users[own.user.0 as usize].name)
}

pub(super) fn holds(value: f64, comparison: Comparison, limit: f64) -> bool {
    match comparison {
        Comparison::Less => value < limit,
        Comparison::LessEqual => value <= limit,
        Comparison::Greater => value > limit,
        Comparison::GreaterEqual => value >= limit,
        Comparison::Equal => value == limit,
        Comparison::NotEqual => value != limit,
    }
}
