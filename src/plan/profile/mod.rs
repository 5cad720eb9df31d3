//! Profiles: how much load. YAML in, a validated [`Profile`] out.
//!
//! `tree` reads YAML with its places, `read` says what it means; a profile is judged as strictly as a scenario.

mod read;
mod tree;

use std::time::Duration;

use crate::base::Span;

pub use read::{PROFILE_BYTES_MAX, Parsed, SPAWN_RATE_MAX, USERS_MAX, parse};

/// How much load.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name; empty when the file gives none: then the file's name stands for it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// How many users at the same time; at least 1.
    pub users: u32,
    /// Users started a second; more than 0.
    pub spawn_rate: f64,
    /// From the first start, ramp included; more than 0.
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

/// The profiles that every scenario can run under without a file: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("smoke", include_str!("../../../profiles/smoke.yml")),
    ("load", include_str!("../../../profiles/load.yml")),
    ("stress", include_str!("../../../profiles/stress.yml")),
    ("soak", include_str!("../../../profiles/soak.yml")),
];

/// The text of a built-in profile.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text)
}

/// What flags and variables put in the place of a profile's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--users`
    pub users: Option<u32>,
    /// `--spawn-rate`
    pub spawn_rate: Option<f64>,
    /// `--duration`
    pub duration: Option<Duration>,
    /// `--mix`: the whole mix, not entry by entry. Here a class that the scenario lacks is an error.
    pub mix: Option<Vec<(String, f64)>>,
}

impl Overrides {
    /// Puts them in place.
    pub fn apply(&self, profile: &mut Profile) {
        if let Some(users) = self.users {
            profile.users = users;
        }
        if let Some(spawn_rate) = self.spawn_rate {
            profile.spawn_rate = spawn_rate;
        }
        if let Some(duration) = self.duration {
            profile.duration = duration;
        }
        if let Some(mix) = &self.mix {
            let entry = |(user, share): &(String, f64)| MixShare { user: user.clone(), share: *share, span: None };
            profile.mix = mix.iter().map(entry).collect();
        }
    }
}
