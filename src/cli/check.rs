//! `scn check`: what is wrong with scenarios and profiles, before anything is sent.

use std::path::PathBuf;

use clap::builder::TypedValueParser;

use super::exit::{Exit, Failure};
use super::render::{Format, render};
use super::scenario::{Deny, accept, any_error, counted, in_order, tally, understand};
use super::screen::Screen;
use super::{files, fix, profiles, values};
use crate::base::Sources;
use crate::diagnostic::{Diagnostic, Severity, allow};

/// Find what is wrong with scenarios and profiles, before anything is sent
///
/// Reads each scenario, checks names, types, units and places, and then the scenario under a profile: the one that
/// --profile names, or else each file in a `profiles` folder beside the scenario. Several mistakes are reported in one
/// pass, each once, with what would help.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// Scenarios to check; `-` reads one from standard input
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    files: Vec<PathBuf>,

    /// Check them under this profile: a name, or a path that ends in .yml or .yaml
    #[arg(short, long, value_name = "PROFILE")]
    profile: Option<String>,

    /// How to tell it: for people, or for machines
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,

    /// Put the proposed edits into the files, then tell what is left
    #[arg(long)]
    fix: bool,

    /// End with 104 when there are warnings too
    #[arg(long, value_enum, value_name = "warnings", hide_possible_values = true)]
    deny: Option<Deny>,
}

const AFTER_HELP: &str = "\
Examples:
  scn check scenarios/*.scn
  scn check shop.scn --profile stress
  scn check shop.scn --format github            annotations beside the lines of a pull request
  scn check shop.scn --format sarif > scn.sarif
  scn check shop.scn --fix                      puts what is proposed into the file
  scn check shop.scn --deny warnings            for a pipeline that lets nothing pass
  scn check - < shop.scn

`# scn: allow RULE` on the line above silences a warning; errors cannot be silenced.

Findings go to standard output. The JSON format is an array of objects with rule, severity, message,
file, line, column, end { line, column }, label, related [..], help and fix { file, line, column,
end, replacement }; lines and columns count from 1, columns in characters, and end is one past the
last.

Environment:
  NO_COLOR         no colours

Exit codes:
  0    every file is sound (there may be warnings)
  2    usage: an unknown flag or profile, a path that cannot be read
  104  a scenario or a profile is not sound, or there are warnings that --deny warnings denies
";

/// Where to read on.
const MORE: &str = "`scn explain RULE` tells more of a rule";

/// Checks all files, tells what is wrong, and sums it up.
pub fn check(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    if arguments.files.iter().filter(|path| files::is_stdin(path)).count() > 1 {
        return Err(Failure::usage("`-` stands for standard input, which can be read only once"));
    }
    let mut found = look(&arguments)?;
    if arguments.fix {
        let mended = fix::mend(&found.findings, &found.sources)?;
        if mended > 0 {
            screen.say(&format!("{} mended", counted(mended, "mistake")));
            found = look(&arguments)?;
        }
    }
    let Found { sources, findings, unreadable } = found;
    screen.print(&render(arguments.format, &findings, &sources, screen.out))?;
    let summary = sum_up(&findings, arguments.files.len() - unreadable.len());
    match arguments.format {
        Format::Text if unreadable.len() == arguments.files.len() => {}
        Format::Text if findings.is_empty() => screen.print(&format!("{summary}\n"))?,
        Format::Text => screen.print(&format!("\n{summary}\n{MORE}\n"))?,
        // Standard output belongs to the machine.
        Format::Json | Format::Github | Format::Sarif => screen.say(&summary),
    }
    for failure in &unreadable {
        failure.show(screen);
    }
    if !unreadable.is_empty() {
        return Ok(Exit::Usage);
    }
    if any_error(&findings) {
        return Ok(Exit::Unsound);
    }
    accept(&findings, arguments.deny)?;
    Ok(Exit::Good)
}

/// What was found.
struct Found {
    sources: Sources,
    findings: Vec<Diagnostic>,
    unreadable: Vec<Failure>,
}

/// Reads all files and finds what is wrong with them.
fn look(arguments: &Arguments) -> Result<Found, Failure> {
    let mut sources = Sources::default();
    let mut shelf = profiles::Shelf::default();
    let mut findings: Vec<Diagnostic> = Vec::new();
    let mut unreadable: Vec<Failure> = Vec::new();
    for path in &arguments.files {
        if profiles::is_path(path) {
            unreadable.push(
                Failure::usage(format!("`{}` is a profile, which is checked with a scenario", path.display()))
                    .help(format!("scn check SCENARIO.scn --profile {}", path.display())),
            );
            continue;
        }
        match understand(path, &mut sources) {
            Err(failure) => unreadable.push(failure),
            Ok(understood) => {
                findings.extend(understood.diagnostics);
                let found = match &arguments.profile {
                    Some(name) => vec![profiles::find(name, path)?],
                    None => profiles::beside(path),
                };
                for profile in found {
                    let (read, mistakes) = shelf.read(&profile, &mut sources)?;
                    findings.extend(mistakes);
                    if let (Some(sound), Some(mut profile)) = (&understood.sound, read) {
                        findings.extend(profiles::try_out(sound, &mut profile, &sources));
                    }
                }
            }
        }
    }
    let mut findings = each_once(findings);
    allow::apply(&sources, &mut findings);
    in_order(&mut findings);
    Ok(Found { sources, findings, unreadable })
}

/// Leaves each finding once, in order of place. A note that only differs in its place is said once too: the same
/// profile speaks to many scenarios.
fn each_once(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for one in findings {
        let same = |known: &Diagnostic| match one.severity() {
            Severity::Note => known.rule == one.rule && known.message == one.message,
            _ => *known == one,
        };
        if !kept.iter().any(same) {
            kept.push(one);
        }
    }
    in_order(&mut kept);
    kept
}

fn sum_up(findings: &[Diagnostic], files: usize) -> String {
    let sound = if files == 1 { "1 file is sound".to_owned() } else { format!("{files} files are sound") };
    match (any_error(findings), findings.is_empty()) {
        (true, _) => format!("{} in {}", tally(findings), counted(files, "file")),
        (false, true) => sound,
        (false, false) => format!("{sound}, with {}", tally(findings)),
    }
}
