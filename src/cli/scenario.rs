//! From a path to a scenario: load, parse, check. The first half of every verb that takes a file.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::files;
use super::render::{Format, render};
use super::screen::Screen;
use crate::base::{FileId, Sources};
use crate::check::{self, Sound};
use crate::diagnostic::{Diagnostic, Severity, allow};
use crate::syntax;

/// A scenario file, read and understood as far as it can be.
pub struct Understood {
    /// Its handle.
    pub file: FileId,
    /// Everything that is wrong with it, in order of place.
    pub diagnostics: Vec<Diagnostic>,
    /// The scenario, when none of that is an error.
    pub sound: Option<Sound>,
}

/// Reads and checks the scenario at `path`. Errors: the path cannot be read.
pub fn understand(path: &Path, sources: &mut Sources) -> Result<Understood, Failure> {
    let (file, mut diagnostics) = files::load(path, sources)?;
    if !diagnostics.is_empty() {
        return Ok(Understood { file, diagnostics, sound: None });
    }
    let parsed = syntax::parse_whole(file, sources, &files::Disk);
    let checked = check::check_with(&parsed.ast, sources, &files::Disk);
    diagnostics.extend(parsed.diagnostics.iter().chain(&checked.diagnostics).cloned());
    let sound = checked.sound(&parsed.diagnostics);
    in_order(&mut diagnostics);
    Ok(Understood { file, diagnostics, sound })
}

/// Findings that are not accepted, beside errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Deny {
    /// Warnings count as errors
    Warnings,
}

/// The scenario at `path`, with what is wrong drawn on standard error. Errors: it is not sound, or cannot be read.
pub fn sound(path: &Path, sources: &mut Sources, screen: &Screen) -> Result<(FileId, Sound), Failure> {
    sound_enough(path, sources, screen, None)
}

/// The same, where warnings may be denied.
pub fn sound_enough(
    path: &Path,
    sources: &mut Sources,
    screen: &Screen,
    deny: Option<Deny>,
) -> Result<(FileId, Sound), Failure> {
    let mut understood = understand(path, sources)?;
    allow::apply(sources, &mut understood.diagnostics);
    in_order(&mut understood.diagnostics);
    show(&understood.diagnostics, sources, screen);
    let sound = understood.sound.ok_or_else(Failure::unsound)?;
    accept(&understood.diagnostics, deny)?;
    Ok((understood.file, sound))
}

/// Errors: there is a warning, and warnings are denied.
pub fn accept(diagnostics: &[Diagnostic], deny: Option<Deny>) -> Result<(), Failure> {
    let warnings = diagnostics.iter().filter(|one| one.severity() == Severity::Warning).count();
    if deny.is_none() || warnings == 0 {
        return Ok(());
    }
    let message = format!("{}, and warnings are denied", counted(warnings, "warning"));
    Err(Failure {
        exit: Exit::Unsound,
        message,
        help: Some("one that is meant so: `# scn: allow RULE` on the line above".into()),
    })
}

/// Draws warnings and errors on standard error, with the line that sums them up when the file is not sound. Notes are
/// for `scn check`: they would stand before every run.
pub fn show(diagnostics: &[Diagnostic], sources: &Sources, screen: &Screen) {
    let worth: Vec<_> = diagnostics.iter().filter(|one| one.severity() > Severity::Note).cloned().collect();
    if worth.is_empty() {
        return;
    }
    let mut text = render(Format::Text, &worth, sources, screen.err);
    if any_error(&worth) {
        text += &format!("\n{}", tally(&worth));
    }
    screen.say(text.trim_end_matches('\n'));
}

/// Puts diagnostics in the order of their places: file by file, then from top to bottom.
pub fn in_order(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|one| (one.primary.span.file, one.primary.span.start));
}

/// Whether one of them is an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|one| one.severity() == Severity::Error)
}

/// `2 errors, 1 warning`; empty when there is nothing.
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let parts = words.into_iter().filter_map(|(severity, word)| {
        let count = diagnostics.iter().filter(|one| one.severity() == severity).count();
        (count > 0).then(|| counted(count, word))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
