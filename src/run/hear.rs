//! What is heard of the load threads once a second: added up, judged, and told.

use std::time::{Duration, SystemTime};

use super::thread::Handed;
use super::{Finished, SetupFailed, Stop, Tick};
use crate::metrics::{Snapshot, Watch};
use crate::plan::Plan;

/// Adds up what the threads of a run have seen, and presses the stop button where a threshold says so.
pub(super) struct Hearing<'a> {
    watch: Watch<'a>,
    stop: &'a Stop,
    total: Snapshot,
    warm_up: Option<Snapshot>,
    warming: Duration,
    started: SystemTime,
}

impl<'a> Hearing<'a> {
    /// Nothing heard yet of a run of `plan` that starts now.
    pub(super) fn new(plan: &'a Plan, stop: &'a Stop) -> Hearing<'a> {
        Hearing {
            watch: Watch::new(plan),
            stop,
            total: Snapshot::default(),
            warm_up: None,
            warming: plan.load.warm_up,
            started: SystemTime::now(),
        }
    }

    /// Takes in what all threads together saw in one second. What the warm-up saw is added up apart and judged by
    /// nobody; who lives at its end lives on.
    pub(super) fn hear(&mut self, handed: &Handed, tell: &mut dyn FnMut(&Tick<'_>)) {
        let Handed { window, now, stopping, warming } = handed;
        let (elapsed, stopping, warming) = (Duration::from_nanos(now.0), *stopping, *warming);
        if let (false, Some(warm_up), None) = (warming, &self.warm_up, self.total.window) {
            self.total.users = warm_up.living();
        }
        let total = if warming { self.warm_up.get_or_insert_default() } else { &mut self.total };
        total.merge(window);
        if !warming && self.watch.see(window, total, elapsed.saturating_sub(self.warming), stopping) {
            self.stop.abort();
        }
        tell(&Tick { elapsed, window, total, watch: &self.watch, stopping, warming });
    }

    /// Takes in what `setup` or `teardown` saw: it counts, and lies in no second of the run.
    pub(super) fn beside(&mut self, seen: &Snapshot) {
        self.total.merge(seen);
    }

    /// The run's own time begins only now.
    pub(super) fn begin(&mut self) {
        self.started = SystemTime::now();
    }

    /// The end, after so long.
    pub(super) fn finish(self, length: Duration, setup_failed: Option<SetupFailed>) -> Finished {
        Finished {
            setup_failed,
            judged: self.watch.judge(&self.total, length.saturating_sub(self.warming)),
            aborted: self.watch.aborted().cloned(),
            total: self.total,
            warm_up: self.warm_up,
            started: self.started,
            length,
            stopped: self.stop.by_hand(),
        }
    }
}
