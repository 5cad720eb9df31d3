//! Profiles: how much load. YAML in, a validated [`Profile`] out.

use std::time::Duration;

use crate::base::Span;

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
    /// What running iterations get after the end; `None`: [`GRACEFUL_STOP`].
    pub graceful_stop: Option<Duration>,
    /// Shares of user classes, in file order; empty: the scenario's weights hold.
    pub mix: Vec<MixShare>,
}

/// One entry of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixShare {
    /// The class of users.
    pub user: String,
    /// Its share against the others of the mix; finite, not negative.
    pub share: f64,
    /// Where it was written; `None`: on the command line.
    pub span: Option<Span>,
}

/// What running iterations get after the end, where the profile says nothing.
pub const GRACEFUL_STOP: Duration = Duration::from_secs(30);
