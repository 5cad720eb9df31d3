//! What is heard of the load threads once a second: added up, judged, and told.

use std::time::{Duration, SystemTime};

use super::keep::Sieve;
use super::thread::Handed;
use super::{Act, Finished, SetupFailed, Stop, Tick};
use crate::metrics::{Snapshot, Watch};
use crate::plan::Plan;

/// Adds up what the threads of a run have seen, and presses the stop button where a threshold says so.
pub(super) struct Hearing<'a> {
    watch: Watch<'a>,
    stop: &'a Stop,
    total: Snapshot,
    warm_up: Option<Snapshot>,
    /// Whether a second that counts has been heard.
    measuring: bool,
    warming: Duration,
    started: SystemTime,
    sieve: Sieve,
    tasks_left: u64,
}

impl<'a> Hearing<'a> {
    /// Nothing heard yet of a run of `plan` that starts now.
    pub(super) fn new(plan: &'a Plan, stop: &'a Stop) -> Hearing<'a> {
        Hearing {
            watch: Watch::new(plan),
            stop,
            total: Snapshot::default(),
            warm_up: None,
            measuring: false,
            warming: plan.load.warm_up,
            started: SystemTime::now(),
            sieve: Sieve::default(),
            tasks_left: 0,
        }
    }

    /// Takes in what all threads together saw in one second. What the warm-up saw is added up apart and judged by
    /// nobody; who lives at its end lives on.
    pub(super) fn hear(&mut self, handed: Handed, tell: &mut dyn FnMut(&Tick<'_>)) {
        let Handed { window, now, stopping, warming, mut kept } = handed;
        let (window, elapsed) = (&window, Duration::from_nanos(now.0));
        self.sieve.sift(&mut kept);
        if !warming && !std::mem::replace(&mut self.measuring, true) {
            // Beside whom `setup` has had.
            let living = self.warm_up.as_ref().map(Snapshot::living).unwrap_or_default();
            let users = &mut self.total.users;
            users.resize_with(users.len().max(living.len()), Default::default);
            users.iter_mut().zip(living).for_each(|(users, living)| users.started += living.started);
        }
        let total = if warming { self.warm_up.get_or_insert_default() } else { &mut self.total };
        total.merge(window);
        if !warming && self.watch.see(window, total, elapsed.saturating_sub(self.warming), stopping) {
            self.stop.abort();
        }
        let (watch, started, counted, warm_up) = (&self.watch, self.started, &self.total, self.warm_up.as_ref());
        let total = warm_up.filter(|_| warming).unwrap_or(counted);
        let (act, kept) = (Act::Load, &kept[..]);
        tell(&Tick { act, elapsed, window, total, counted, warm_up, watch, stopping, warming, started, kept });
    }

    /// Takes in what `setup` or `teardown` saw in one second: it counts, and lies in no second of the load.
    pub(super) fn beside(&mut self, act: Act, handed: Handed, tell: &mut dyn FnMut(&Tick<'_>)) {
        let Handed { window, now, stopping, warming, mut kept } = handed;
        self.sieve.sift(&mut kept);
        self.total.merge(&window);
        let (elapsed, watch) = (Duration::from_nanos(now.0), &self.watch);
        let (window, total, warm_up) = (&window, &self.total, self.warm_up.as_ref());
        let (started, counted, kept) = (self.started, total, &kept[..]);
        tell(&Tick { act, elapsed, window, total, counted, warm_up, watch, stopping, warming, started, kept });
    }

    /// The run's own time begins only now.
    pub(super) fn begin(&mut self) {
        self.started = SystemTime::now();
    }

    /// So many tasks have not ended with what they were made for.
    pub(super) fn left(&mut self, tasks: u64) {
        self.tasks_left += tasks;
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
            tasks_left: self.tasks_left,
        }
    }
}
