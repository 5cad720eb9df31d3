//! What must hold for the run.

use std::time::Duration;

use super::SeriesId;
use crate::base::Span;

/// What the run must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As written, blanks folded: `p95 of http < 300ms`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What is measured.
    pub metric: Metric,
    /// Whose.
    pub subject: Subject,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what, in the metric's unit: seconds, a share, a rate a second, a count or a measured number.
    pub limit: f64,
    /// When it is judged, and what follows.
    pub when: When,
}

/// When a threshold is judged, and what follows. All durations are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, over the whole run.
    AtEnd,
    /// `over 30s`: in windows of that length that follow one another.
    Windows(Duration),
    /// `abort if …`: each second over all so far, or with `for 10s` over the last of that length; where it holds, the
    /// run ends.
    Abort(Option<Duration>),
}

/// What a threshold measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A time at a percentile, 0 to 100.
    Percentile(f64),
    /// The least time.
    Min,
    /// The mean time.
    Mean,
    /// The greatest time.
    Max,
    /// The same of whole iterations, less their pauses.
    IterationTime(IterationTime),
    /// Failed of all.
    ErrorRate,
    /// Passed of all checks.
    Checks,
    /// So many a second.
    Rate,
    /// So many.
    Count,
    /// So many arrivals that no user could take.
    Dropped,
}

/// Which time of iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum IterationTime {
    Percentile(f64),
    Min,
    Mean,
    Max,
}

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Everything.
    Run,
    /// One class of users: its HTTP steps and calls, its iterations. Index into [`Scenario::users`].
    User(usize),
    /// One task: user and task index.
    Task(usize, usize),
    /// These rows, pooled.
    Series(Vec<SeriesId>),
    /// `every step`: these rows, each on its own.
    Each(Vec<SeriesId>),
}

/// How a threshold compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}
