//! The rows of the report: which steps share one, and what their times mean.

use super::checker::Checker;
use super::meaning::{MeasureUnit, Piece, RETRY_SUFFIX, Series, SeriesId, SeriesKind, Step, Template, Type};
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
    /// Whether it is a measure of something that can be none: nothing is said of its unit.
    pub uncertain: bool,
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
        let index = match self.row_called(&name) {
            Some(index) => {
                self.joins(index, &wanted);
                self.rows[index].gaps |= wanted.gaps;
                index
            }
            None => self.begin_row(&name, wanted.label.is_some(), &wanted),
        };
        if self.place.retries > 0 {
            let name = format!("{name}{RETRY_SUFFIX}");
            if self.row_called(&name).is_none() {
                let retry = Wanted { kind: SeriesKind::Retry, label: None, ..wanted };
                self.begin_row(&name, false, &retry);
            }
        }
        Step { series: SeriesId(index as u32), span: wanted.head }
    }

    /// The row of a `group`, which is told as one step of that name. Groups of one name in one task share it.
    pub fn group_row(&mut self, name: &ast::Name, head: Span) -> Step {
        self.step_beside(name, head, SeriesKind::Group)
    }

    /// The row of a `measure`: durations where its value is one, else plain numbers (what `json` finds is one).
    pub fn measure_row(&mut self, name: &ast::Name, ty: Type, head: Span) -> Step {
        let unit = if ty == Type::Duration { MeasureUnit::Time } else { MeasureUnit::Number };
        let step = self.step_beside(name, head, SeriesKind::Measure(unit));
        self.rows[step.series.0 as usize].uncertain |= !matches!(ty, Type::Duration | Type::Number | Type::Json);
        step
    }

    /// A row that counts no requests, under a name of its own.
    fn step_beside(&mut self, name: &ast::Name, head: Span, kind: SeriesKind) -> Step {
        let template = match kind {
            SeriesKind::Group => format!("group {}", name.value),
            _ => format!("measure {}", name.value),
        };
        let retries = std::mem::take(&mut self.place.retries);
        let wanted =
            Wanted { label: Some(name), name: name.value.clone(), template, method: "", kind, gaps: false, head };
        let step = self.step(wanted);
        self.place.retries = retries;
        step
    }

    /// The index of the present task's row of that name.
    fn row_called(&self, name: &str) -> Option<usize> {
        let user = self.place.user.unwrap_or_default();
        let is_it = |series: &Series| series.user == user && series.task == self.place.task && series.name == name;
        self.scenario.series.iter().position(is_it)
    }

    fn begin_row(&mut self, name: &str, labelled: bool, wanted: &Wanted<'_>) -> usize {
        self.scenario.series.push(Series {
            user: self.place.user.unwrap_or_default(),
            task: self.place.task.clone(),
            name: name.to_owned(),
            method: wanted.method.to_owned(),
            kind: wanted.kind,
        });
        self.rows.push(Row {
            first: wanted.head,
            labelled,
            template: wanted.template.clone(),
            gaps: wanted.gaps,
            checks: 0,
            uncertain: false,
        });
        self.scenario.series.len() - 1
    }

    /// Complains where a step joins a row that says something else.
    fn joins(&mut self, index: usize, wanted: &Wanted<'_>) {
        let (series, row) = (&self.scenario.series[index], &self.rows[index]);
        if row.first == wanted.head {
            return; // the same step, in a flow that is called twice
        }
        let same = series.kind == wanted.kind && series.method == wanted.method && row.gaps == wanted.gaps;
        if series.kind != wanted.kind && !(series.kind.is_request() && wanted.kind.is_request()) {
            let diagnostic = row_of_another_sort(wanted.head, &series.name, (series.kind, wanted.kind), row.first);
            self.report(diagnostic);
        } else if !same {
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

/// `duplicate-name`: a group or measure is called like something else that is told.
fn row_of_another_sort(head: Span, name: &str, kinds: (SeriesKind, SeriesKind), first: Span) -> Diagnostic {
    let sort = |kind| match kind {
        SeriesKind::Group => "a group",
        SeriesKind::Measure(MeasureUnit::Time) => "a measured duration",
        SeriesKind::Measure(MeasureUnit::Number) => "a measured number",
        _ => "a step",
    };
    let message = format!("`{name}` is {} of this task already", sort(kinds.0));
    Diagnostic::new(Rule::DuplicateName, head, message)
        .label(format!("{} of the same name", sort(kinds.1)))
        .also(first, "the first")
        .help("the report could not tell them apart: give one of them another name")
}

/// `shared-row`: two receives or calls without a label share a row.
fn shared_row(head: Span, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::SharedRow, head, format!("this and an earlier step are one row, `{name}`"))
        .label("the later")
        .also(first, "the earlier")
        .help("give each a label, so that their times stay apart: `reply: receive …`")
}
