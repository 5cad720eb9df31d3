//! One thread's recorder: a `Vec` indexed by series, no map, no lock, no allocation once a series has been seen.

use std::time::Duration;

use super::{Counter, ErrorKind, IterationEnd, Sample, Snapshot};
use crate::base::Offset;
use crate::plan::{Plan, PointId, UserId};

/// What one thread has seen since its last hand-over.
pub struct Recorder {}

impl Recorder {
    /// An empty recorder laid out for `plan`.
    pub fn new(plan: &Plan) -> Recorder {
        let _ = plan;
        unimplemented!()
    }

    /// Notes one sample: its row, the run's lateness, its bytes; a failure at its place.
    pub fn record(&mut self, sample: &Sample) {
        let _ = sample;
        unimplemented!()
    }

    /// Whether a message for failures of this kind at this place is still wanted: only the first few are kept, so
    /// that the text is made only then.
    pub fn wants_note(&self, point: PointId, kind: ErrorKind) -> bool {
        let _ = (point, kind);
        unimplemented!()
    }

    /// Keeps a message for failures of this kind at this place.
    pub fn note(&mut self, point: PointId, kind: ErrorKind, text: String) {
        let _ = (point, kind, text);
        unimplemented!()
    }

    /// Notes a failure outside any step: a `let` or pause without a value.
    pub fn failure(&mut self, point: PointId, kind: ErrorKind) {
        let _ = (point, kind);
        unimplemented!()
    }

    /// Notes how a `check` came out.
    pub fn check(&mut self, point: PointId, held: bool) {
        let _ = (point, held);
        unimplemented!()
    }

    /// Notes the end of an iteration.
    pub fn iteration(&mut self, end: &IterationEnd) {
        let _ = end;
        unimplemented!()
    }

    /// Notes that a user of this class began to live.
    pub fn user_started(&mut self, user: UserId) {
        let _ = user;
        unimplemented!()
    }

    /// Notes that a user of this class has ended.
    pub fn user_ended(&mut self, user: UserId) {
        let _ = user;
        unimplemented!()
    }

    /// Adds to a counter.
    pub fn count(&mut self, counter: Counter, by: u64) {
        let _ = (counter, by);
        unimplemented!()
    }

    /// Hands over what was seen since the last time, and starts afresh. `cpu` is what this thread has used of its
    /// core since the last time.
    pub fn take(&mut self, now: Offset, cpu: Duration) -> Snapshot {
        let _ = (now, cpu);
        unimplemented!()
    }
}
