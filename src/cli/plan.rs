//! `scn plan`: what a run would do, without doing it.

use std::path::PathBuf;

use clap::builder::TypedValueParser;

use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::{load, scenario, values};
use crate::base::Sources;

/// Show what a run would do, without doing it
///
/// Prints the compiled plan: how many users of which class, their tasks and how often each is drawn, the steps, the
/// rows that the report will have, the thresholds, and the most requests a second that think times allow.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after_help())]
pub struct Arguments {
    /// The scenario; `-` reads it from standard input
    #[arg(value_name = "FILE", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    file: PathBuf,

    #[command(flatten)]
    load: load::Flags,
}

fn after_help() -> String {
    format!(
        "\
Examples:
  scn plan scenarios/oscilloscope.scn
  scn plan shop.scn --profile stress
  scn plan shop.scn --users 500 --mix buyers=1,visitors=20

Environment:
{}
  NO_COLOR         no colours

Exit codes:
  0    the plan is printed
  2    usage: an unknown flag or profile, a path that cannot be read
  104  the scenario or the profile is not sound
",
        load::ENVIRONMENT_HELP
    )
}

/// Compiles the scenario under its load and prints the plan.
pub fn plan(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let choice = arguments.load.choose(&Environment::real())?;
    let mut sources = Sources::default();
    let (_, sound) = scenario::sound(&arguments.file, &mut sources, screen)?;
    let plan = choice.plan(sound, &arguments.file, &mut sources, screen)?;
    screen.print(&crate::plan::describe(&plan))?;
    Ok(Exit::Good)
}
