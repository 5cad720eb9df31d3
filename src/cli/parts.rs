//! `--only` and `--without`: parts of a scenario. Shared by `scn run`, `scn plan` and `scn try`.

use super::exit::Failure;
use crate::check::{NoSuchPart, Parts, Sound};

/// The flags that say which part.
#[derive(Debug, clap::Args)]
#[group(id = "parts", multiple = true)]
pub struct Flags {
    /// Only these users or tasks, and none of the others: customer, or customer.checkout
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,

    /// All but these users or tasks
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    without: Vec<String>,
}

impl Flags {
    /// What was asked for.
    pub fn parts(self) -> Parts {
        Parts { only: self.only, without: self.without }
    }
}

/// The scenario with all but `parts` left out. Errors: a part that it does not have, or nothing that is left.
pub fn select(scenario: Sound, parts: &Parts) -> Result<Sound, Failure> {
    scenario.select(parts).map_err(|wrong| match wrong {
        NoSuchPart::Unknown(name, near) => {
            let failure = Failure::usage(format!("no user or task of this scenario is called `{name}`"));
            match near {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("a task is named with its user: customer.checkout"),
            }
        }
        NoSuchPart::NothingLeft => Failure::usage("--only and --without leave nothing to run"),
    })
}
