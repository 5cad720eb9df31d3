//! GitHub's workflow commands: `::error file=a.scn,line=1,endLine=1,col=3,endColumn=8,title=undefined-name::message`.
//!
//! The runner shows each beside its line. Columns are only given for places on one line: GitHub ignores both when
//! they span several.

use super::{Place, help_words};
use crate::base::Sources;
use crate::diagnostic::{Diagnostic, Severity};

/// One command a line.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    diagnostics.iter().map(|one| command(one, sources)).collect()
}

fn command(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let Place { file, start, end } = Place::of(diagnostic.primary.span, sources);
    let columns = if start.0 == end.0 {
        // GitHub's last column is the last one marked, ours one past it.
        format!(",col={},endColumn={}", start.1, end.1.max(start.1 + 1) - 1)
    } else {
        String::new()
    };
    let mut message = diagnostic.message.clone();
    if !diagnostic.primary.text.is_empty() {
        message += &format!(": {}", diagnostic.primary.text);
    }
    if let Some(help) = help_words(diagnostic, sources) {
        message += &format!("\nhelp: {help}");
    }
    format!(
        "::{level} file={},line={},endLine={}{columns},title={}::{}\n",
        property(file),
        start.0,
        end.0,
        property(diagnostic.rule.name()),
        data(&message)
    )
}

/// Escapes what stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
