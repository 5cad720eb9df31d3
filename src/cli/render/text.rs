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
        let labels: Vec<&(Span, String)> = self.labels.iter().filter(|(span, _)| Some(span.file) == file).collect();
        let spans: Vec<Span> = labels.iter().map(|(span, _)| *span).collect();
        let source = file.map(|file| Shown::new(sources.file(file), &spans));
        let shown = |span: Span| source.as_ref().map_or(span.range(), |source| source.range(span));
        let page = Page {
            drawing: self,
            labels: labels
                .iter()
                .enumerate()
                .map(|(index, (span, text))| {
                    let text = (!text.is_empty()).then(|| text.clone());
                    match first && index == 0 {
                        true => LabeledSpan::new_primary_with_span(text, shown(*span)),
                        false => LabeledSpan::new_with_span(text, shown(*span)),
                    }
                })
                .collect(),
            source,
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

/// Longest line that is shown whole, in bytes. Of a longer one (JSON pasted in) only the part around its first label
/// is: nobody reads more, and miette cannot draw a line of 64 Ki columns.
const LINE_BYTES_MAX: usize = 400;

/// Shown of a longer line before its first label, and from there on.
const AROUND_LABEL: (usize, usize) = (100, 200);

/// A source file as it may be shown: named, with columns in characters, without what would command a terminal, and long
/// lines cut.
#[derive(Debug)]
struct Shown<'a> {
    file: &'a SourceFile,
    text: String,
    /// What of the file stands in `text`, in order.
    pieces: Vec<Piece>,
}

/// A part of the file that is shown as it is.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Its first byte in the shown text.
    shown: usize,
    /// Its first byte in the file.
    written: usize,
    bytes: usize,
}

impl<'a> Shown<'a> {
    fn new(file: &'a SourceFile, labels: &[Span]) -> Shown<'a> {
        let mut shown = Shown { file, text: String::new(), pieces: Vec::new() };
        let mut start = 0;
        for line in file.text.split_inclusive('\n') {
            let end = start + line.trim_end_matches(['\r', '\n']).len();
            match end - start <= LINE_BYTES_MAX {
                true => shown.keep(start, start + line.len()),
                false => {
                    let first =
                        labels.iter().map(|span| span.start as usize).filter(|at| (start..=end).contains(at)).min();
                    let focus = first.unwrap_or(start);
                    let from = file.text.floor_char_boundary(focus.saturating_sub(AROUND_LABEL.0).max(start));
                    let to = file.text.floor_char_boundary((focus + AROUND_LABEL.1).min(end));
                    shown.text += if from > start { "…" } else { "" };
                    shown.keep(from, to);
                    shown.text += if to < end { "…" } else { "" };
                    shown.keep(end, start + line.len());
                }
            }
            start += line.len();
        }
        shown
    }

    fn keep(&mut self, from: usize, to: usize) {
        self.pieces.push(Piece { shown: self.text.len(), written: from, bytes: to - from });
        let commands = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t');
        // As many bytes as before, so that places still fit.
        self.text.push_str(&self.file.text[from..to].replace(commands, " "));
    }

    /// Where a place of the file is shown; one that was cut away, where the text goes on.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let at = |byte: usize| {
            let next = self.pieces.partition_point(|piece| piece.written + piece.bytes < byte);
            let piece = self.pieces.get(next);
            piece.map_or(self.text.len(), |piece| piece.shown + byte.saturating_sub(piece.written))
        };
        let std::ops::Range { start, end } = span.range();
        at(start)..at(end)
    }

    /// The byte of the file that is shown at `byte`, or the last before it.
    fn written(&self, byte: usize) -> usize {
        let next = self.pieces.partition_point(|piece| piece.shown <= byte);
        let piece = next.checked_sub(1).map(|last| self.pieces[last]);
        piece.map_or(0, |piece| piece.written + (byte - piece.shown).min(piece.bytes))
    }
}

impl SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.as_str().read_span(span, lines_before, lines_after)?;
        let whole = *found.span();
        let column = self.file.line_column(self.written(whole.offset()) as u32).1 - 1;
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
