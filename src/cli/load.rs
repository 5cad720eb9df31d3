//! How much load: what flags, variables and profile decide together. Shared by `scn plan` and `scn run`.

use std::path::Path;
use std::time::Duration;

use super::environment::Environment;
use super::exit::Failure;
use super::parts;
use super::profiles::{self, Shelf};
use super::scenario::{Deny, accept, any_error, show};
use super::screen::Screen;
use super::values::{self, Mix};
use crate::base::{Seed, Sources};
use crate::check::{Parts, Sound};
use crate::diagnostic::allow;
use crate::plan::profile::{Contradiction, Overrides};
use crate::plan::{self, Plan};

/// The flags that say how much load.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Load")]
pub struct Flags {
    /// How much load: a profile's name, or a path that ends in .yml or .yaml [default: smoke]
    ///
    /// A name is looked up as profiles/NAME.yml beside the scenario and in each folder above it, then in the working
    /// directory, then among the built-in smoke, load, stress and soak.
    #[arg(short, long, value_name = "PROFILE")]
    profile: Option<String>,

    /// Users at the same time, in place of the profile's
    #[arg(short, long, value_name = "NUMBER", value_parser = values::users, allow_negative_numbers = true)]
    users: Option<u32>,

    /// Users started a second, in place of the profile's: 5, 0.5 or 30/m
    #[arg(short = 'r', long, value_name = "RATE", value_parser = values::spawn_rate, allow_negative_numbers = true)]
    spawn_rate: Option<f64>,

    /// How long, ramp included, in place of the profile's: 30s, 5m, 1h30m
    #[arg(short, long, value_name = "DURATION", value_parser = values::duration)]
    duration: Option<Duration>,

    /// Share of each class of users, in place of the profile's: http=60,websocket=40
    #[arg(short, long, value_name = "CLASS=SHARE,…")]
    mix: Option<Mix>,

    #[command(flatten)]
    parts: parts::Flags,

    /// What every random draw follows from: the same seed, the same draws [default: by chance; the report tells it]
    #[arg(long, value_name = "NUMBER", value_parser = values::seed, allow_negative_numbers = true)]
    seed: Option<u64>,
}

/// The variables that mirror these flags, for `--help`.
pub const ENVIRONMENT_HELP: &str = "  SCN_PROFILE, SCN_USERS, SCN_SPAWN_RATE, SCN_DURATION, SCN_MIX
                   mirror the flags; a flag beats a variable beats the profile";

/// How much load, as chosen.
#[derive(Debug)]
pub struct Choice {
    profile: String,
    overrides: Overrides,
    seed: Seed,
    parts: Parts,
    /// What is not accepted of scenario and profile together, beside errors.
    pub deny: Option<Deny>,
}

impl Flags {
    /// Puts the variables in where flags are absent. Errors: a variable that cannot be read.
    pub fn choose(self, environment: &Environment) -> Result<Choice, Failure> {
        let text = |text: &str| Ok(text.to_owned());
        Ok(Choice {
            profile: environment.flag_or(self.profile, "SCN_PROFILE", text)?.unwrap_or_else(|| "smoke".into()),
            overrides: Overrides {
                users: environment.flag_or(self.users, "SCN_USERS", values::users)?,
                spawn_rate: environment.flag_or(self.spawn_rate, "SCN_SPAWN_RATE", values::spawn_rate)?,
                duration: environment.flag_or(self.duration, "SCN_DURATION", values::duration)?,
                mix: environment.flag_or(self.mix, "SCN_MIX", str::parse)?.map(|mix| mix.0),
            },
            // Chance seeds stay below 2³², easy to type again.
            seed: Seed(self.seed.unwrap_or_else(|| super::chance() >> 32)),
            parts: self.parts.parts(),
            deny: None,
        })
    }
}

impl Choice {
    /// The same, with what is not accepted beside errors.
    pub fn denying(self, deny: Option<Deny>) -> Choice {
        Choice { deny, ..self }
    }

    /// Finds the profile, puts the overrides in, and plans the scenario under it; draws what is wrong on standard
    /// error.
    ///
    /// Errors: no such profile, or it is not sound, or the scenario cannot run under it.
    pub fn plan(
        &self,
        scenario: Sound,
        scenario_path: &Path,
        sources: &mut Sources,
        screen: &Screen,
    ) -> Result<Plan, Failure> {
        let scenario = &parts::select(scenario, &self.parts)?;
        let found = profiles::find(&self.profile, scenario_path)?;
        let (profile, diagnostics) = Shelf::default().read(&found, sources)?;
        show(&diagnostics, sources, screen);
        let mut profile = profile.ok_or_else(Failure::unsound)?;
        self.overrides.apply(&mut profile).map_err(|Contradiction { flag, has }| {
            let message = format!("`{flag}` contradicts `{has}` of the profile `{}`", profile.name);
            Failure::usage(message).help("leave the flag out, or write a profile that says what you want")
        })?;
        let wrong = profiles::understand_thresholds(scenario, &mut profile, sources);
        show(&wrong, sources, screen);
        if any_error(&wrong) {
            return Err(Failure::unsound());
        }
        match plan::compile(scenario, &profile, self.seed, sources) {
            Ok(mut compiled) => {
                allow::silence(sources, &mut compiled.diagnostics);
                show(&compiled.diagnostics, sources, screen);
                accept(&compiled.diagnostics, self.deny)?;
                for threshold in &compiled.not_judged {
                    screen.say(&format!("not judged, as what it speaks of is left out: {threshold}"));
                }
                Ok(compiled.plan)
            }
            Err(mut diagnostics) => {
                allow::silence(sources, &mut diagnostics);
                show(&diagnostics, sources, screen);
                Err(Failure::unsound())
            }
        }
    }
}
