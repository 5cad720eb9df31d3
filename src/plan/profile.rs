//! Profiles: how much load. YAML in, a validated [`Profile`] out.

use std::time::Duration;

/// How much load.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many users at the same time.
    pub users: u32,
    /// Users started a second; more than 0.
    pub spawn_rate: f64,
    /// From the first start, ramp included.
    pub duration: Duration,
    /// Shares of user classes, in file order; empty: the scenario's weights hold.
    pub mix: Vec<(String, f64)>,
}
