//! Doing it: plan → samples. The only room that connects to a target.
//!
//! Takes a [`Plan`], gives snapshots while it goes and a [`Finished`] at its end. Does not know who listens: it has no
//! progress bar and chooses no exit code.

pub mod clock;
pub mod dial;
pub mod eval;
mod judge;
pub mod network;
pub mod place;
mod random;
mod socket;
mod thread;
mod user;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::metrics::Snapshot;
use crate::plan::Plan;

/// What a run needs beside its plan.
pub struct Options {
    /// Load threads; at least 1.
    pub threads: usize,
    /// Stands for the plan's target, as the user typed it.
    pub target: Option<String>,
    /// Hosts beside loopback that may be sent to.
    pub allow: Vec<String>,
    /// What `env(…)` reads.
    pub environment: HashMap<String, String>,
    /// What `run.id` says.
    pub run_id: String,
}

/// The stop button: pressed once, no new iterations begin and running ones get their graceful stop; pressed twice,
/// all ends at once. Clones press the same button; safe in a signal handler's task.
#[derive(Clone, Default)]
pub struct Stop {
    _pressed: Arc<std::sync::atomic::AtomicU8>,
}

/// What a listener is told once a second while the run goes.
pub struct Tick<'a> {
    /// Since the first start.
    pub elapsed: Duration,
    /// What was seen in the last second, all threads merged.
    pub window: &'a Snapshot,
    /// What was seen so far.
    pub total: &'a Snapshot,
    /// True once no new iterations begin.
    pub stopping: bool,
}

/// A run that came to its end.
pub struct Finished {
    /// What was seen.
    pub total: Snapshot,
    /// When it started, by the wall clock.
    pub started: SystemTime,
    /// From the first start to the end of the last iteration.
    pub length: Duration,
    /// Whether the stop button was pressed.
    pub stopped: bool,
}

/// Why a run could not start or go on.
#[derive(Debug)]
pub enum Error {
    /// The target's URL is no URL; what it is, and why not.
    TargetUrl(String, String),
    /// The target is neither loopback nor allowed.
    HostNotAllowed(String),
    /// The target's name does not resolve.
    Unresolved(String, String),
    /// A constant has no value: its place, and why.
    Constant(crate::base::Span, String),
    /// The operating system refused what a load thread needs.
    Thread(std::io::Error),
}

/// Runs `plan` to its end, or until `stop` is pressed; `watch` is called about once a second, on this thread.
pub fn run(plan: &Plan, options: &Options, stop: &Stop, watch: &mut dyn FnMut(&Tick<'_>)) -> Result<Finished, Error> {
    let _ = (plan, options, stop, watch);
    unimplemented!()
}
