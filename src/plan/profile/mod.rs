//! Profiles: how much load. YAML in, a validated [`Profile`] out.
//!
//! `tree` reads YAML with its places, `read` says what it means; a profile is judged as strictly as a scenario.

mod load;
mod read;
mod tree;

use std::time::Duration;

use super::schedule::ramp::Stage;
use crate::base::Span;
use crate::check::meaning;

pub use load::{ARRIVAL_RATE_MAX, ITERATIONS_DURATION, STAGES_MAX};
pub use read::{PROFILE_BYTES_MAX, Parsed, SPAWN_RATE_MAX, USERS_MAX, parse};

/// How much load.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name; empty when the file gives none: then the file's name stands for it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// How much load, and in which model.
    pub wanted: Wanted,
    /// From the first start, ramp and warm-up included; more than 0. With stages their sum.
    pub duration: Duration,
    /// So many iterations in all, then the run ends; `None`: the duration alone ends it.
    pub iterations: Option<u64>,
    /// From the first start: what is seen in it is kept apart. Less than the duration.
    pub warm_up: Duration,
    /// What running iterations get after the end; `None`: [`GRACEFUL_STOP`].
    pub graceful_stop: Option<Duration>,
    /// Shares of user classes, in file order; empty: the scenario's weights hold.
    pub mix: Vec<MixShare>,
    /// What the run must hold beside what the scenario says.
    pub thresholds: Vec<WrittenThreshold>,
}

/// One entry of `thresholds`.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenThreshold {
    /// Where it was written, without quotes.
    pub span: Span,
    /// What it means; `None` until it has been understood beside a scenario.
    pub meaning: Option<meaning::Threshold>,
}

/// How much load a profile asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// `users` and `spawn_rate`: closed, so many users at a time.
    Users {
        /// At least 1.
        users: u32,
        /// Users started a second; more than 0, infinite: all at once.
        spawn_rate: f64,
    },
    /// `stages` of users: closed, as many as the line says.
    UserStages(Vec<Stage>),
    /// `arrival_rate`: open, so many iterations started a second.
    Rate {
        /// More than 0.
        rate: f64,
        /// At most so many users to take them; at least 1.
        max_users: u32,
    },
    /// `stages` of an arrival rate: open, as many as the line says.
    RateStages {
        /// The rates.
        stages: Vec<Stage>,
        /// At most so many users to take them; at least 1.
        max_users: u32,
    },
    /// `load`: each class of users its own.
    Classes(Vec<ClassLoad>),
}

/// One entry of `load`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassLoad {
    /// The class of users.
    pub user: String,
    /// Where its name was written.
    pub span: Span,
    /// Not [`Wanted::Classes`].
    pub wanted: Wanted,
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
    /// Puts them in place. Errors: the profile says the same in a way that they contradict; which flag, and what the
    /// profile has.
    pub fn apply(&self, profile: &mut Profile) -> Result<(), Contradiction> {
        let has = match &profile.wanted {
            Wanted::Users { .. } => "users",
            Wanted::UserStages(_) | Wanted::RateStages { .. } => "stages",
            Wanted::Rate { .. } => "arrival_rate",
            Wanted::Classes(_) => "load",
        };
        let staged = match &profile.wanted {
            Wanted::Classes(classes) => {
                classes.iter().any(|class| matches!(class.wanted, Wanted::UserStages(_) | Wanted::RateStages { .. }))
            }
            _ => has == "stages",
        };
        let contradicts = |flag| Err(Contradiction { flag, has });
        match (&mut profile.wanted, self.users, self.spawn_rate) {
            (Wanted::Users { users, spawn_rate }, new_users, new_rate) => {
                *users = new_users.unwrap_or(*users);
                *spawn_rate = new_rate.unwrap_or(*spawn_rate);
            }
            (_, Some(_), _) => return contradicts("--users"),
            (_, _, Some(_)) => return contradicts("--spawn-rate"),
            (_, None, None) => {}
        }
        if let Some(duration) = self.duration {
            if staged {
                return contradicts("--duration");
            }
            profile.duration = duration;
        }
        if profile.warm_up >= profile.duration {
            return Err(Contradiction { flag: "--duration", has: "warm_up" });
        }
        if self.mix.is_some() && has == "load" {
            return contradicts("--mix");
        }
        if let Some(mix) = &self.mix {
            let entry = |(user, share): &(String, f64)| MixShare { user: user.clone(), share: *share, span: None };
            profile.mix = mix.iter().map(entry).collect();
        }
        Ok(())
    }
}

/// A flag that says what the profile already says in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// `--users`
    pub flag: &'static str,
    /// The profile's key: `stages`.
    pub has: &'static str,
}
