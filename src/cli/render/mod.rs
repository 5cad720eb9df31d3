//! Diagnostics as text for people, and as data for editors, pipelines and code hosts. All from the same
//! [`Diagnostic`]s; no format knows more than another.

pub mod github;
pub mod json;
pub mod sarif;
pub mod text;

use super::screen::Look;
use crate::base::{Sources, Span};
use crate::diagnostic::{Diagnostic, Severity};

/// In which form `scn check` tells what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Drawn on the lines they speak of, for people
    Text,
    /// One array of objects: rule, severity, message, file, line, column, end, label, related, help, fix
    Json,
    /// Workflow commands that GitHub shows beside the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
}

/// `diagnostics` in `format`, ready to be written. Ends with a line end unless empty.
pub fn render(format: Format, diagnostics: &[Diagnostic], sources: &Sources, look: Look) -> String {
    match format {
        Format::Text => text::render(diagnostics, sources, look),
        Format::Json => json::render(diagnostics, sources),
        Format::Github => github::render(diagnostics, sources),
        Format::Sarif => sarif::render(diagnostics, sources),
    }
}

/// The word for a severity, the same in all formats that leave the choice to us.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// What would help, in words: the diagnostic's own, or its fix put into words where no other words say it.
pub fn help_words(diagnostic: &Diagnostic, sources: &Sources) -> Option<String> {
    let Some(fix) = &diagnostic.fix else { return diagnostic.help.clone() };
    let (old, new) = (sources.text(fix.span).trim(), fix.replacement.trim());
    // Most rules say the fix in words of their own; twice would be once too often.
    let said = format!("{} {}", diagnostic.primary.text, diagnostic.help.as_deref().unwrap_or_default());
    if !new.is_empty() && said.contains(new) {
        return diagnostic.help.clone();
    }
    // Only blanks change place, which is said already.
    if old.is_empty() && new.is_empty() {
        return diagnostic.help.clone();
    }
    let suggestion = match (old.is_empty(), new.is_empty()) {
        (_, true) => format!("leave out `{old}`"),
        (true, false) => format!("did you mean to add `{new}`?"),
        (false, false) => format!("did you mean `{new}`?"),
    };
    match &diagnostic.help {
        Some(help) => Some(format!("{help}; {suggestion}")),
        None => Some(suggestion),
    }
}

/// A span as people and tools count: lines and columns from 1, columns in characters, the end one past the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file's name as the user would say it.
    pub file: &'a str,
    /// Where it begins.
    pub start: (usize, usize),
    /// Where it has ended.
    pub end: (usize, usize),
}

impl<'a> Place<'a> {
    /// The place of `span`.
    pub fn of(span: Span, sources: &'a Sources) -> Place<'a> {
        let file = sources.file(span.file);
        Place { file: &file.name, start: file.line_column(span.start), end: file.line_column(span.end) }
    }
}
