//! Drawn on the source, for people: miette knows how, and nobody else knows miette.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode};

use super::help_words;
use crate::base::{FileId, SourceFile, Sources, Span};
use crate::cli::screen::Look;
use crate::diagnostic::{Diagnostic, Severity};

/// All `diagnostics`, each drawn on its lines, an empty line between them.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, look: Look) -> String {
    let drawings = diagnostics.iter().map(|one| Drawing::of(one, sources).draw(sources, look));
    drawings.collect::<Vec<_>>().join("\n")
}

/// Something to be drawn on source lines: a diagnostic, or what went wrong in a run and how often.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Stands above it all: the rule's name.
    pub code: Option<String>,
    /// What is so.
    pub message: String,
    /// Gives sign and colour.
    pub severity: Severity,
    /// Places with their words, the most important first; may lie in several files.
    pub labels: Vec<(Span, String)>,
    /// What would help.
    pub help: Option<String>,
}

impl Drawing {
    /// A diagnostic's.
    pub fn of(diagnostic: &Diagnostic, sources: &Sources) -> Drawing {
        let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary);
        Drawing {
            code: Some(diagnostic.rule.name().to_owned()),
            message: diagnostic.message.clone(),
            severity: diagnostic.severity(),
            labels: labels.map(|label| (label.span, label.text.clone())).collect(),
            help: help_words(diagnostic, sources),
        }
    }

    /// The drawing as text. Labels in other files than the first are drawn below, file by file.
    pub fn draw(&self, sources: &Sources, look: Look) -> String {
        let theme = if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(look.width).with_links(false).with_cause_chain();
        let Some(home) = self.labels.first().map(|(span, _)| span.file) else {
            return self.page(None, sources, &handler);
        };
        let mut files = vec![home];
        for (span, _) in &self.labels {
            if !files.contains(&span.file) {
                files.push(span.file);
            }
        }
        files.into_iter().map(|file| self.page(Some(file), sources, &handler)).collect()
    }

    /// The part of the drawing that lies in one file; only the first has the words around it.
    fn page(&self, file: Option<FileId>, sources: &Sources, handler: &GraphicalReportHandler) -> String {
        let first = file.is_none() || file == self.labels.first().map(|(span, _)| span.file);
        let labels = self.labels.iter().filter(|(span, _)| Some(span.file) == file).enumerate();
        let page = Page {
            drawing: self,
            labels: labels
                .map(|(index, (span, text))| {
                    let text = (!text.is_empty()).then(|| text.clone());
                    let range = span.range();
                    match first && index == 0 {
                        true => LabeledSpan::new_primary_with_span(text, range),
                        false => LabeledSpan::new_with_span(text, range),
                    }
                })
                .collect(),
            source: file.map(|file| Shown::new(sources.file(file))),
            first,
        };
        let mut text = String::new();
        handler.render_report(&mut text, &page).expect("a string takes everything, and spans lie in their file");
        if first {
            return text;
        }
        // Without code and message miette still draws their lines, empty.
        text.lines().skip_while(|line| !line.contains('╭')).map(|line| format!("{line}\n")).collect()
    }
}

/// One file's share of a drawing, as miette wants it.
#[derive(Debug)]
struct Page<'a> {
    drawing: &'a Drawing,
    labels: Vec<LabeledSpan>,
    source: Option<Shown<'a>>,
    first: bool,
}

impl std::error::Error for Page<'_> {}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.first { &self.drawing.message } else { "" })
    }
}

impl miette::Diagnostic for Page<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let code = self.drawing.code.as_deref().filter(|_| self.first)?;
        Some(Box::new(code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.drawing.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.drawing.help.as_deref().filter(|_| self.first)?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// A source file as it may be shown: named, with columns in characters, and without what would command a terminal.
#[derive(Debug)]
struct Shown<'a> {
    file: &'a SourceFile,
    text: std::borrow::Cow<'a, str>,
}

impl<'a> Shown<'a> {
    fn new(file: &'a SourceFile) -> Shown<'a> {
        let commands = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t');
        // As many bytes as before, so that spans still fit.
        let text = match file.text.contains(commands) {
            true => file.text.replace(commands, " ").into(),
            false => file.text.as_str().into(),
        };
        Shown { file, text }
    }
}

impl SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.as_ref().read_span(span, lines_before, lines_after)?;
        let whole = *found.span();
        let column = self.file.line_column(whole.offset() as u32).1 - 1;
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.name.clone(),
            found.data(),
            whole,
            found.line(),
            column,
            found.line_count(),
        )))
    }
}
