//! The last few windows: what the live view says of the last ten seconds.

use std::collections::VecDeque;
use std::time::Duration;

use super::snapshot::Snapshot;
use super::thresholds::timed_rows;
use super::times::Times;
use crate::base::Offset;
use crate::plan::{Plan, SeriesId, Subject};

/// What was seen in the last windows that together reach over a span.
///
/// Shape: of each window only what the live view shows; 2 to 50 KiB a window.
#[derive(Clone, Debug)]
pub struct Recent {
    span: Duration,
    rows: Vec<SeriesId>,
    windows: VecDeque<Window>,
}

#[derive(Clone, Debug)]
struct Window {
    from: Offset,
    to: Offset,
    requests: u64,
    failures: u64,
    times: Times,
}

/// Most windows that are kept, whatever their length: at one a second more than a minute.
const WINDOWS_MAX: usize = 64;

impl Recent {
    /// Nothing seen yet, of a run of `plan`; will reach back over `span`.
    pub fn new(plan: &Plan, span: Duration) -> Recent {
        Recent { span, rows: timed_rows(plan, &Subject::Run), windows: VecDeque::new() }
    }

    /// Adds a window, all threads merged, and forgets those that lie wholly before the span.
    pub fn push(&mut self, window: &Snapshot) {
        let Some((from, to)) = window.window else { return };
        let totals = window.totals();
        let times = window.times(self.rows.iter().copied());
        self.windows.push_back(Window { from, to, requests: totals.requests, failures: totals.failures, times });
        // A window that barely reaches into the span would make ten seconds eleven: more than half must lie in it.
        let beyond = |window: &Window| to.since(window.from + window.to.since(window.from) / 2) >= self.span;
        // The last one stays, however long it is.
        while self.windows.len() > 1 && (self.windows.len() > WINDOWS_MAX || self.windows.front().is_some_and(beyond)) {
            self.windows.pop_front();
        }
    }

    /// How far it reaches back.
    pub fn length(&self) -> Duration {
        match (self.windows.front(), self.windows.back()) {
            (Some(first), Some(last)) => last.to.since(first.from),
            _ => Duration::ZERO,
        }
    }

    /// Samples a second; 0 when nothing was seen.
    pub fn requests_per_second(&self) -> f64 {
        let length = self.length().as_secs_f64();
        let requests: u64 = self.windows.iter().map(|window| window.requests).sum();
        if length > 0.0 { requests as f64 / length } else { 0.0 }
    }

    /// Failed samples.
    pub fn failures(&self) -> u64 {
        self.windows.iter().map(|window| window.failures).sum()
    }

    /// Response times of HTTP steps and calls.
    pub fn times(&self) -> Times {
        let mut pooled = Times::default();
        self.windows.iter().for_each(|window| pooled.merge(&window.times));
        pooled
    }
}
