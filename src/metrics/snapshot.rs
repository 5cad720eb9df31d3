//! What was seen in one window, by one thread or many: mergeable without loss.

/// What was seen in one window.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {}

impl Snapshot {
    /// Adds what another thread or a later window saw.
    pub fn merge(&mut self, other: &Snapshot) {
        let _ = other;
        unimplemented!()
    }
}
