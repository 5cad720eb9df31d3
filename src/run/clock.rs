//! The run's one monotonic clock, real or virtual.

use crate::base::Offset;

/// The run's clock on one thread.
#[derive(Clone)]
pub struct Clock {}

impl Clock {
    /// Now, since the start of the run.
    pub fn now(&self) -> Offset {
        unimplemented!()
    }

    /// Waits until `due`; returns at once when that has passed.
    pub async fn sleep_until(&self, due: Offset) {
        let _ = due;
        unimplemented!()
    }
}
