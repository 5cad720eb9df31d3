//! A user's random stream: follows from the run's seed and the user's number, so neither threads nor workers change it.

use crate::base::Seed;

/// One user's dice.
pub struct Random {}

impl Random {
    /// The stream of user `id`.
    pub fn new(seed: Seed, id: u64) -> Random {
        let _ = (seed, id);
        unimplemented!()
    }
}
