//! The rows of the report: which steps share one, and what their times mean.

use super::checker::Checker;
use super::meaning::{Piece, Series, SeriesId, SeriesKind, Step, Template};
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// What rules want to know of a row, beside what the report does.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The head of its first step.
    pub first: Span,
    /// Whether its name is a label.
    pub labelled: bool,
    /// Kind and path template of its first step, also where it has a label: `GET /api/health`.
    pub template: String,
    /// Whether its times are gaps or waits: a receive without `since`.
    pub gaps: bool,
    /// How many `check`s stand in its steps.
    pub checks: usize,
}

/// A step that wants its row.
pub(super) struct Wanted<'a> {
    /// The label before it.
    pub label: Option<&'a ast::Name>,
    /// Its name without a label.
    pub name: String,
    /// Kind and path template.
    pub template: String,
    /// `GET` …, or `WS`.
    pub method: &'a str,
    /// What its times mean.
    pub kind: SeriesKind,
    /// Whether its times are gaps.
    pub gaps: bool,
    /// Its head.
    pub head: Span,
}

impl Checker<'_> {
    /// The row of a step; it begins one where its task has none of that name.
    pub fn step(&mut self, wanted: Wanted<'_>) -> Step {
        let name = wanted.label.map_or(&wanted.name, |label| &label.value).clone();
        let user = self.place.user.unwrap_or_default();
        let known = self
            .scenario
            .series
            .iter()
            .position(|series| series.user == user && series.task == self.place.task && series.name == name);
        let index = match known {
            Some(index) => {
                self.joins(index, &wanted);
                self.rows[index].gaps |= wanted.gaps;
                index
            }
            None => {
                let (task, method) = (self.place.task.clone(), wanted.method.to_owned());
                self.scenario.series.push(Series { user, task, name, method, kind: wanted.kind });
                self.rows.push(Row {
                    first: wanted.head,
                    labelled: wanted.label.is_some(),
                    template: wanted.template,
                    gaps: wanted.gaps,
                    checks: 0,
                });
                self.scenario.series.len() - 1
            }
        };
        Step { series: SeriesId(index as u32), span: wanted.head }
    }

    /// Complains where a step joins a row that says something else.
    fn joins(&mut self, index: usize, wanted: &Wanted<'_>) {
        let (series, row) = (&self.scenario.series[index], &self.rows[index]);
        let same = series.kind == wanted.kind && series.method == wanted.method && row.gaps == wanted.gaps;
        if !same {
            let diagnostic = mixed_row(wanted.head, &series.name, row.first);
            self.report(diagnostic);
        } else if wanted.label.is_none() && matches!(wanted.kind, SeriesKind::Receive | SeriesKind::Call) {
            let diagnostic = shared_row(wanted.head, &series.name, row.first);
            self.report(diagnostic);
        }
    }

    /// A path as rows are named by it: blanks inside `${…}` folded.
    pub fn path_name(&self, path: &Template) -> String {
        let pieces = path.pieces.iter().map(|piece| match piece {
            Piece::Literal(literal) => literal.clone(),
            Piece::Value(value) => format!("${{{}}}", self.folded(value.span)),
        });
        pieces.collect()
    }

    /// The head of a statement: from its label up to the end of `last`, or of its first word where there is nothing
    /// more.
    pub fn head(&self, statement: &ast::Statement, last: Option<Span>) -> Span {
        if let Some(last) = last {
            return Span { end: last.end, ..statement.span };
        }
        let start = statement.span.start as usize;
        let text = self.sources.text(statement.span);
        let behind_label = statement.label.as_ref().map_or(0, |label| {
            let end = label.span.end as usize - start;
            let colon = text[end..].find(':').map_or(0, |at| at + 1);
            let blanks = text[end + colon..].len() - text[end + colon..].trim_start().len();
            end + colon + blanks
        });
        let word = text[behind_label..].find(|c: char| !c.is_alphanumeric() && c != '_');
        let end = word.map_or(text.len(), |length| behind_label + length);
        Span::new(statement.span.file, start, start + end)
    }
}

/// `mixed-row`: steps of different kinds under one label.
fn mixed_row(head: Span, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::MixedRow, head, format!("`{name}` is the row of a different kind of step already"))
        .label("this one is counted with it")
        .also(first, "the first step of the row")
        .help("the same name in one task is one row of the report: give one of them another label")
}

/// `shared-row`: two receives or calls without a label share a row.
fn shared_row(head: Span, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::SharedRow, head, format!("this and an earlier step are one row, `{name}`"))
        .label("the later")
        .also(first, "the earlier")
        .help("give each a label, so that their times stay apart: `reply: receive …`")
}
