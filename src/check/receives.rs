//! The forms of `receive`: how many messages, which clauses fit, and what each is timed from.

use super::checker::{Checker, Flow};
use super::constants::Constant;
use super::http::PartsOf;
use super::meaning::{
    Expected, Expr, Part, Receive, ReceiveAll, ReceiveClose, ReceiveForm, SeriesKind, Statement, Step, Type,
};
use super::statements::not_a_count;
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// Which clauses a step takes.
#[derive(Clone, Copy)]
struct Fitting {
    /// How the step is called in a message.
    step: &'static str,
    condition: Result<(), &'static str>,
    within: Result<(), &'static str>,
    since: Result<(), &'static str>,
    at_least: Result<(), &'static str>,
}

/// Why `at least` stands with `receive for` alone.
const ONLY_FOR: &str = "write `receive for 10s at least 5`, or a count: `receive 5 within 10s`";

const PLAIN: Fitting =
    Fitting { step: "receive", condition: Ok(()), within: Ok(()), since: Ok(()), at_least: Err(ONLY_FOR) };
const UNTIL: Fitting = Fitting { step: "receive until", ..PLAIN };
const FOR: Fitting = Fitting {
    step: "receive for",
    within: Err("it takes all that arrive in its time: remove the `within`"),
    at_least: Ok(()),
    ..PLAIN
};
const ALL: Fitting = Fitting {
    step: "receive all",
    condition: Err("say for each message which it is: `{ ack: where json $.id == 1 }`"),
    ..PLAIN
};
const CLOSE: Fitting = Fitting {
    step: "receive close",
    condition: Err("a close holds nothing but its code: `receive close 1000`"),
    ..PLAIN
};
const ENTRY: Fitting = Fitting {
    step: "a message of `receive all`",
    within: Err("it holds for all of them: write it behind `receive all`"),
    since: Err("it holds for all of them: write it behind `receive all`"),
    ..PLAIN
};
pub(super) const CALL: Clauses = Clauses(Fitting { step: "call", ..PLAIN });
pub(super) const ON_RECEIVE: Clauses = Clauses(Fitting {
    step: "on receive",
    within: Err("it stands as long as its socket and waits for nothing: remove it"),
    since: Err("it is timed from nothing: remove it"),
    at_least: Err("it stands as long as its socket: remove it"),
    ..PLAIN
});

/// Which clauses a step of another file takes.
#[derive(Clone, Copy)]
pub(super) struct Clauses(Fitting);

impl Clauses {
    /// Complains about clauses that do not fit.
    pub fn check(self, checker: &mut Checker<'_>, clauses: &ast::Clauses) {
        checker.clauses_fit(clauses, self.0);
    }
}

impl Checker<'_> {
    /// `receive …`, in all its forms.
    pub fn receive(
        &mut self,
        statement: &ast::Statement,
        form: &ast::ReceiveForm,
        clauses: &ast::Clauses,
        parts: &[ast::Part],
    ) -> Option<Statement> {
        match form {
            ast::ReceiveForm::All(expected) => self.receive_all(statement, expected, clauses),
            ast::ReceiveForm::Close(code) => self.receive_close(statement, code.as_ref(), clauses, parts),
            _ => self.receive_some(statement, form, clauses, parts),
        }
    }

    /// `receive`, `receive 10`, `receive until C`, `receive for 10s`
    fn receive_some(
        &mut self,
        statement: &ast::Statement,
        form: &ast::ReceiveForm,
        clauses: &ast::Clauses,
        parts: &[ast::Part],
    ) -> Option<Statement> {
        let own = match form {
            ast::ReceiveForm::Count(count) => count.as_ref(),
            ast::ReceiveForm::Until(value) | ast::ReceiveForm::For(value) => Some(value),
            ast::ReceiveForm::All(_) | ast::ReceiveForm::Close(_) => None,
        };
        let head = self.head(statement, last_of(clauses, own));
        let open = self.socket_step("receive", head);
        self.clauses_fit(
            clauses,
            match form {
                ast::ReceiveForm::Until(_) => UNTIL,
                ast::ReceiveForm::For(_) => FOR,
                _ => PLAIN,
            },
        );
        let (form, surely) = self.form(form, clauses);
        let condition = self.where_clause(clauses);
        let within = self.within_clause(clauses);
        let since = clauses.since.as_ref().and_then(|label| self.since(label));
        let gaps = clauses.since.is_none();
        let step = self.socket_step_row(statement.label.as_ref(), "receive", SeriesKind::Receive, gaps, head);
        self.begins(statement.label.as_ref(), step);
        let parts = self.message_parts(parts, step, surely);
        open.then_some(Statement::Receive(Receive { step, form, condition, within, since, parts }))
    }

    /// How many messages, and whether there is surely one.
    fn form(&mut self, form: &ast::ReceiveForm, clauses: &ast::Clauses) -> (ReceiveForm, bool) {
        match form {
            ast::ReceiveForm::Until(condition) => {
                let condition = self.message_condition(condition, "what stands behind `until`");
                (ReceiveForm::Until(condition), true)
            }
            ast::ReceiveForm::For(length) => {
                let length = self.typed(length, &[Type::Duration], "the time of a `receive for`");
                let at_least = clauses.at_least.as_ref().map(|least| self.message_count(least, 0));
                let surely = at_least.as_ref().is_some_and(|(_, surely)| *surely);
                (ReceiveForm::For { length, at_least: at_least.map(|(least, _)| least) }, surely)
            }
            ast::ReceiveForm::Count(Some(count)) => {
                let (count, surely) = self.message_count(count, 1);
                (ReceiveForm::Count(Some(count)), surely)
            }
            _ => (ReceiveForm::Count(None), true),
        }
    }

    /// A count of messages, and whether it is surely more than none.
    fn message_count(&mut self, written: &ast::Expr, least: u32) -> (Expr, bool) {
        let count = self.typed(written, &[Type::Number], "a count of messages");
        let surely = match self.constant(&count) {
            Some(Constant::Number(number)) if number < f64::from(least) || number.fract() != 0.0 => {
                self.report(not_a_count(count.span, "of messages", least));
                true
            }
            Some(Constant::Number(number)) => number > 0.0,
            Some(_) => true,
            None => count.ty == Type::Unknown,
        };
        (count, surely)
    }

    /// `receive all within 3s { ack: where C { … }  event: where C { … } }`
    fn receive_all(
        &mut self,
        statement: &ast::Statement,
        expected: &[ast::Expected],
        clauses: &ast::Clauses,
    ) -> Option<Statement> {
        let head = match last_of(clauses, None) {
            Some(last) => self.head(statement, Some(last)),
            None => self.head(statement, None),
        };
        let open = self.socket_step("receive", head);
        if let Some(label) = &statement.label {
            self.report(label_on_all(label));
        }
        self.clauses_fit(clauses, ALL);
        let within = self.within_clause(clauses);
        let since = clauses.since.as_ref().and_then(|label| self.since(label));
        // What stands there and could not be read is told already.
        let is_bare = |text: &str| text.rsplit('{').next().is_some_and(|rest| rest.trim() == "}");
        if expected.is_empty() && is_bare(self.sources.text(statement.span)) {
            self.report(nothing_expected(statement.span));
        }
        // All of them begin at once, and any may be the first to come: none sees what another captures.
        let steps: Vec<Step> = expected.iter().map(|entry| self.expected_row(entry, clauses.since.is_none())).collect();
        let mut understood = Vec::new();
        let before = self.flow.clone();
        let mut behind = before.clone();
        for (entry, step) in expected.iter().zip(steps) {
            self.clauses_fit(&entry.clauses, ENTRY);
            let condition = self.where_clause(&entry.clauses);
            let parts = self.message_parts(&entry.parts, step, true);
            understood.push(Expected { step, condition, parts });
            let after = self.replace_flow(before.clone());
            behind.declared.extend(after.declared);
            behind.assigned.extend(after.assigned);
        }
        self.flow = behind;
        open.then_some(Statement::ReceiveAll(ReceiveAll { head, expected: understood, within, since }))
    }

    fn expected_row(&mut self, entry: &ast::Expected, gaps: bool) -> Step {
        let end = entry.clauses.condition.as_ref().map(|condition| condition.span);
        let head = match (end, &entry.label) {
            (Some(end), _) => Span { end: end.end, ..entry.span },
            (None, Some(label)) => label.span,
            (None, None) => entry.span.at_start().to(entry.span),
        };
        let step = self.socket_step_row(entry.label.as_ref(), "receive", SeriesKind::Receive, gaps, head);
        self.begins(entry.label.as_ref(), step);
        step
    }

    /// `receive close 1000 within 2s`
    fn receive_close(
        &mut self,
        statement: &ast::Statement,
        code: Option<&ast::Expr>,
        clauses: &ast::Clauses,
        parts: &[ast::Part],
    ) -> Option<Statement> {
        let head = self.head(statement, last_of(clauses, code));
        let open = self.socket_step("receive", head);
        self.clauses_fit(clauses, CLOSE);
        if let Some(part) = parts.iter().find(|part| !matches!(part, ast::Part::Bad(_))) {
            self.report(part_on_close(part.span()));
        }
        let open = open && !(code.is_some() && self.not_on_events("receive close", head));
        let code = code.and_then(|written| {
            let Constant::Number(code) = self.known(written, &[Type::Number], "a close code")? else { return None };
            if code.fract() != 0.0 || !(1000.0..5000.0).contains(&code) {
                self.report(received_code(written.span));
                return None;
            }
            Some(code as u16)
        });
        let within = self.within_clause(clauses);
        let since = clauses.since.as_ref().and_then(|label| self.since(label));
        let gaps = clauses.since.is_none();
        let step = self.socket_step_row(statement.label.as_ref(), "receive close", SeriesKind::Receive, gaps, head);
        self.begins(statement.label.as_ref(), step);
        self.closes_here(step);
        open.then_some(Statement::ReceiveClose(ReceiveClose { step, code, within, since }))
    }

    /// What is asked of each message of a step; where there may be none, nothing of it is sure to be set.
    pub fn message_parts(&mut self, parts: &[ast::Part], step: Step, surely: bool) -> Vec<Part> {
        let before: Option<Flow> = (!surely).then(|| self.flow.clone());
        let parts = self.parts(parts, PartsOf::Message).asks;
        if let Some(before) = before {
            let after = std::mem::take(&mut self.flow);
            self.flow = before.join(after);
        }
        self.count_checks(step.series.0, &parts);
        parts
    }

    fn clauses_fit(&mut self, clauses: &ast::Clauses, fitting: Fitting) {
        let written = [
            ("where", clauses.condition.as_ref().map(|value| value.span), fitting.condition),
            ("within", clauses.within.as_ref().map(|value| value.span), fitting.within),
            ("since", clauses.since.as_ref().map(|label| label.span), fitting.since),
            ("at least", clauses.at_least.as_ref().map(|value| value.span), fitting.at_least),
        ];
        for (word, span, fits) in written {
            if let (Some(span), Err(help)) = (span, fits) {
                self.report(misplaced_clause(word, span, fitting.step, help));
            }
        }
    }
}

/// The last of a step's clauses and of what else stands in its head.
pub(super) fn last_of(clauses: &ast::Clauses, own: Option<&ast::Expr>) -> Option<Span> {
    let values = clauses.condition.iter().chain(&clauses.within).chain(&clauses.at_least).chain(own);
    let spans = values.map(|value| value.span).chain(clauses.since.iter().map(|label| label.span));
    spans.max_by_key(|span| span.end)
}

/// `misplaced-clause`: a clause that this form of the step does not take.
fn misplaced_clause(word: &str, span: Span, step: &str, help: &str) -> Diagnostic {
    let step = if step.contains('`') { step.to_owned() } else { format!("`{step}`") };
    Diagnostic::new(Rule::MisplacedClause, span, format!("{step} takes no `{word}`")).help(help)
}

/// `misplaced-label`: `receive all` has no row of its own.
fn label_on_all(label: &ast::Name) -> Diagnostic {
    Diagnostic::new(Rule::MisplacedLabel, label.span, "`receive all` is no step, so it has no label")
        .help("its messages have rows of their own: `receive all within 3s { ack: where … }`")
}

/// `not-a-count`: `receive all` of nothing.
fn nothing_expected(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NotACount, span, "`receive all` waits for at least one message")
        .help("say which: `receive all within 3s { ack: where json $.type == \"ack\" }`")
}

/// `misplaced-part`: a close has no content.
fn part_on_close(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::MisplacedPart, span, "a close holds nothing that could be looked into")
        .help("its code stands behind it: `receive close 1000 within 2s`")
}

/// `close-code`: a code that no close frame bears.
fn received_code(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::CloseCode, span, "no close frame bears this code").help("close codes are 1000 to 4999")
}
