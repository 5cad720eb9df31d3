//! Arguments, one file per verb, rendering of diagnostics, exit codes. Nothing else prints or exits.
//!
//! Takes the command line, gives an exit code. A verb gathers its choices (flags, variables, profile) in one place at
//! its top and then calls the rooms in the order of the pipeline; it holds no rule of its own.

pub mod check;
mod collector;
pub mod demo;
pub mod diff;
pub mod environment;
pub mod exit;
pub mod explain;
mod failures;
pub mod files;
pub mod fix;
pub mod fmt;
pub mod folder;
mod interim;
pub mod live;
pub mod load;
pub mod logs;
pub mod metrics;
pub mod new;
pub mod parts;
mod plan;
pub mod profiles;
pub mod rehearsal;
pub mod render;
pub mod run;
pub mod scenario;
pub mod screen;
pub mod signals;
mod summaries;
pub mod switches;
pub mod values;
mod ways;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;
use self::screen::Screen;

/// A load tester whose scenarios you can read, check and trust.
///
/// A scenario (.scn) says what users do, a profile (.yml) says how many of them there are. scn checks both before a
/// single packet is sent, runs them, and judges what came of it: the target by the scenario's thresholds, and the run
/// itself by how late the generator was.
#[derive(Debug, Parser)]
#[command(name = "scn", version, arg_required_else_help = true, subcommand_required = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const AFTER_HELP: &str = "\
Try it:
  scn run scenarios/oscilloscope.scn --demo     a run against the service that scn brings along
  scn check scenarios/*.scn                     what is wrong, before anything is sent
  scn help run                                  everything about one verb";

#[derive(Debug, Subcommand)]
enum Verb {
    New(new::Arguments),
    Check(check::Arguments),
    Fmt(fmt::Arguments),
    Plan(plan::Arguments),
    Try(rehearsal::Arguments),
    Run(Box<run::Arguments>),
    Demo(demo::Arguments),
    Explain(explain::Arguments),
}

/// Runs the verb that the arguments name.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, to standard output and with 0. Nobody to tell when that is closed.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let screen = Screen::real();
    let ended = match arguments.verb {
        Verb::New(arguments) => new::new(arguments, &screen),
        Verb::Check(arguments) => check::check(arguments, &screen),
        Verb::Fmt(arguments) => fmt::fmt(arguments, &screen),
        Verb::Plan(arguments) => plan::plan(arguments, &screen),
        Verb::Try(arguments) => rehearsal::rehearse(arguments, &screen),
        Verb::Run(arguments) => run::run(*arguments, &screen),
        Verb::Demo(arguments) => demo::demo(arguments, &screen),
        Verb::Explain(arguments) => explain::explain(arguments, &screen),
    };
    let exit = ended.unwrap_or_else(|failure| {
        failure.show(&screen);
        failure.exit
    });
    Exit::into(exit)
}

/// A number by chance, from the system's own randomness.
fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Each `RandomState` has keys of its own, drawn from the system; hashing nothing under them gives 64 random bits.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
