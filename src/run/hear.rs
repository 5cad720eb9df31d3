//! What is heard of the load threads once a second: added up, judged, and told.

use std::time::{Duration, SystemTime};

use super::{Finished, Stop, Tick};
use crate::base::Offset;
use crate::metrics::{Snapshot, Watch};
use crate::plan::Plan;

/// Adds up what the threads of a run have seen, and presses the stop button where a threshold says so.
pub(super) struct Hearing<'a> {
    watch: Watch<'a>,
    stop: &'a Stop,
    total: Snapshot,
    started: SystemTime,
}

impl<'a> Hearing<'a> {
    /// Nothing heard yet of a run of `plan` that starts now.
    pub(super) fn new(plan: &'a Plan, stop: &'a Stop) -> Hearing<'a> {
        Hearing { watch: Watch::new(plan), stop, total: Snapshot::default(), started: SystemTime::now() }
    }

    /// Takes in what all threads together saw in one second, which ended at `now`.
    pub(super) fn hear(&mut self, second: &Snapshot, now: Offset, stopping: bool, tell: &mut dyn FnMut(&Tick<'_>)) {
        self.total.merge(second);
        let elapsed = Duration::from_nanos(now.0);
        if self.watch.see(second, &self.total, elapsed, stopping) {
            self.stop.abort();
        }
        tell(&Tick { elapsed, window: second, total: &self.total, watch: &self.watch, stopping });
    }

    /// The end, after so long.
    pub(super) fn finish(self, length: Duration) -> Finished {
        Finished {
            judged: self.watch.judge(&self.total, length),
            aborted: self.watch.aborted().cloned(),
            total: self.total,
            started: self.started,
            length,
            stopped: self.stop.by_hand(),
        }
    }
}
