//! Telling it: a finished run → the terminal's table, the summary JSON, errors on the scenario's own lines; and while
//! it goes, the lines of the live view.
//!
//! Takes a plan, what was seen and how it was judged; gives text and plain data. Does not print, knows neither the
//! terminal nor how the run was made; what only others know (names, the wall clock, hashes) comes in as [`Meta`].
#![deny(clippy::disallowed_methods)]

mod beside;
mod body;
pub mod errors;
pub mod failures;
pub mod live;
mod phases;
pub mod style;
pub mod summary;
pub mod table;
mod text;
mod words;

use std::time::Duration;

pub use body::{BODY_LINE_CHARS_MAX, BODY_LINES_MAX, HEX_BYTES_MAX, body};
pub use errors::{ErrorsInFile, Place, errors_on_lines, places};
pub use failures::{FAILURE, FAILURE_SCHEMA, failure};
pub use live::{Now, beside_line, live, plain_line};
pub use style::{Ink, Style};
pub use summary::{SCHEMA, SUMMARY_SCHEMA, Summary, summary};
pub use table::{seen, table, trust};
pub use text::{bytes, time};
pub use words::abort_reason;

use crate::base::Sources;
use crate::metrics::{Judged, Snapshot, Verdict};
use crate::plan::Plan;

/// A run that came to its end, as reports tell it; or one that still goes, as far as it has come.
#[derive(Clone, Copy)]
pub struct Finished<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// The texts that the plan's spans point into.
    pub sources: &'a Sources,
    /// What was seen, from the end of the warm-up to the end, all threads merged.
    pub seen: &'a Snapshot,
    /// What was seen before, where the load has a warm-up.
    pub warm_up: Option<&'a Snapshot>,
    /// What became of the thresholds, in their order.
    pub judged: &'a [Judged],
    /// Whether the run itself is valid.
    pub verdict: &'a Verdict,
    /// What neither the plan nor the samples know.
    pub meta: &'a Meta,
}

/// What is known of a run beside its plan and its samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// What `run.id` said.
    pub run_id: String,
    /// When it started, by the wall clock, as RFC 3339 says it: `2026-11-23T21:35:00Z`.
    pub started: String,
    /// From the first start to the end of the last iteration.
    pub length: Duration,
    /// Of it what the numbers speak of: without the warm-up.
    pub measured: Duration,
    /// The version of scn.
    pub version: String,
    /// The files it was made of, scenario first: their names as the user would say them, and the SHA-256 of their
    /// bytes in lower-case hex.
    pub sources: Vec<(String, String)>,
    /// Whether it has come to its end; else this is what was seen so far.
    pub finished: bool,
    /// Whether it was stopped before its time.
    pub stopped: bool,
    /// What else is worth knowing, a sentence each: the demo served it, few descriptors …
    pub notes: Vec<String>,
}
