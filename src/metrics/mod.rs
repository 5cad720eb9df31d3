//! What was seen: samples are recorded per thread, handed over as snapshots, merged and judged.
//!
//! Takes [`Sample`]s, gives [`Snapshot`]s, threshold results and a [`Verdict`]. The only room that
//! knows hdrhistogram. Does not know how anything was sent nor who will be told.
#![deny(clippy::disallowed_methods)]

pub mod exchange;
pub mod health;
pub mod numbers;
pub mod phases;
pub mod recent;
pub mod recorder;
pub mod sample;
pub mod snapshot;
mod tally;
pub mod thresholds;
pub mod times;
pub mod verdict;
pub mod watch;

pub use exchange::Exchange;
pub use health::Health;
pub use numbers::Numbers;
pub use phases::{Phase, PhasesSeen};
pub use recent::Recent;
pub use recorder::Recorder;
pub use sample::{Counter, ErrorKind, IterationEnd, IterationOutcome, Outcome, Sample};
pub use snapshot::{Snapshot, Totals};
pub use thresholds::{Judged, Judgement};
pub use times::Times;
pub use verdict::{Validity, Verdict};
pub use watch::{Aborted, Watch};
