//! What a task does, statement by statement, and what is known after each.

use super::checker::Checker;
use super::constants::Constant;
use super::control;
use super::expressions::empty_range;
use super::flows;
use super::meaning::{self, Delay, Statement, Type};
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// The name that counts in a loop, and what it hides.
pub(super) struct Index {
    variable: meaning::VarId,
    name: String,
    shared: Option<meaning::VarId>,
    outer: Option<(meaning::VarId, u32)>,
}

impl Checker<'_> {
    /// The statements of a block, in order. What could not be read is left out.
    pub fn statements(&mut self, block: &ast::Block) -> Vec<Statement> {
        self.on_level(|checker| checker.in_order(block))
    }

    fn in_order(&mut self, block: &ast::Block) -> Vec<Statement> {
        let mut understood = Vec::new();
        let mut said = false;
        for statement in &block.statements {
            if let (Some(end), false) = (self.flow.ended, said) {
                self.report(control::behind_the_end(self.head(statement, None), end));
                said = true;
            }
            understood.extend(self.statement(statement));
        }
        understood
    }

    fn statement(&mut self, statement: &ast::Statement) -> Option<Statement> {
        use ast::StatementKind as Kind;
        if let (Some(label), Some(word)) = (&statement.label, without_row(&statement.kind)) {
            self.report(misplaced_label(label, word));
        }
        if self.cannot_be_parallel(statement) {
            return None;
        }
        if let Some(doc) = &statement.doc {
            self.scenario.docs.push((statement.span, doc.clone()));
        }
        match &statement.kind {
            Kind::Http { method, path, parts } => Some(self.http(statement, method, path, parts)),
            Kind::WebSocket { open, path, settings, body } => {
                Some(self.websocket(statement, *open, path, settings, body))
            }
            Kind::OnReceive { clauses, keep, body } => self.on_receive(statement, clauses, *keep, body),
            Kind::Every { interval, body } => self.every(statement, interval, body),
            Kind::Events { method, path, settings, body } => Some(self.events(statement, method, path, settings, body)),
            Kind::With { socket, body } => self.with_socket(socket, body),
            Kind::Send { payload } => self.send(statement, payload),
            Kind::Receive { form, clauses, parts } => self.receive(statement, form, clauses, parts),
            Kind::Call { payload, clauses, parts } => self.call(statement, payload, clauses, parts),
            Kind::Close { code, reason } => self.close(statement, code.as_ref(), reason.as_ref()),
            Kind::Pause(delay) => Some(Statement::Pause(self.delay(delay, "a pause"))),
            Kind::Repeat { bound, index, condition, body } => {
                Some(self.repeat(bound, index.as_ref(), condition.as_ref(), body))
            }
            Kind::For { name, list, last, limit, body } => {
                Some(self.for_each(name, list, last.as_ref(), limit.as_ref(), body))
            }
            Kind::Choose { branches } => Some(self.choose(branches)),
            Kind::Group { name, body } => Some(self.group(name, Span { end: name.span.end, ..statement.span }, body)),
            Kind::Retry { count, every, body } => Some(self.retry(count, every.as_ref(), body)),
            Kind::Attempt(body) => Some(self.attempt(body)),
            Kind::Parallel(body) => Some(self.parallel(self.head(statement, None), body)),
            Kind::Stop(what) => self.stop(what),
            Kind::Fail(why) => {
                let why = why.as_ref().map(|why| self.typed(why, &[Type::String], "the message"));
                self.flow.ended = Some(statement.span);
                Some(Statement::Fail { why, span: statement.span })
            }
            Kind::Log(text) => Some(Statement::Log { text: self.expr(text), span: statement.span }),
            Kind::Measure { name, value } => Some(Statement::Measure(self.measure(name, value, statement.span))),
            Kind::If { branches, otherwise } => Some(self.branches(branches, otherwise.as_ref())),
            Kind::Let { name, value } => {
                let (done, value) = self.value_or_call(value);
                let variable = self.declare(name, value.ty);
                Some(bound(done, meaning::Let { variable, value, span: statement.span }))
            }
            Kind::Set { name, value } => {
                let (done, value) = self.value_or_call(value);
                let variable = self.change(name, value.ty)?;
                Some(bound(done, meaning::Let { variable, value, span: statement.span }))
            }
            Kind::Flow { name, arguments } => self.call_statement(name, arguments, statement.span),
            Kind::Return(_) => {
                self.report(flows::misplaced_return(statement.span));
                None
            }
            Kind::Take(take) => Some(Statement::Let(self.take(take))),
            Kind::Default(part) => {
                self.default_of_block(part);
                None
            }
            Kind::Bad(bad) => {
                self.hole(bad);
                None
            }
        }
    }

    /// What stands behind `=` of `let` and `set`: what has to be done for it, and the value.
    fn value_or_call(&mut self, written: &ast::Expr) -> (Vec<Statement>, meaning::Expr) {
        match self.called(written) {
            Some(called) => called,
            None => (Vec::new(), self.expr(written)),
        }
    }

    /// How long a pause is; `what` says whose: "a pause".
    pub fn delay(&mut self, delay: &ast::Delay, what: &str) -> Delay {
        let duration = |checker: &mut Self, written: &ast::Expr| checker.typed(written, &[Type::Duration], what);
        match delay {
            ast::Delay::None(_) => Delay::None,
            ast::Delay::Fixed(value) => {
                if let Some((from, to)) = dashed_range(value) {
                    self.report(range_with_dash(value.span, self.sources.text(from), self.sources.text(to)));
                    return Delay::Fixed(bad_delay(value.span));
                }
                Delay::Fixed(self.typed(value, &[Type::Duration], what))
            }
            ast::Delay::Exponential(mean) => Delay::Exponential(duration(self, mean)),
            ast::Delay::Range(from, to) => {
                let (from, to) = (duration(self, from), duration(self, to));
                if let (Some(Constant::Duration(least)), Some(Constant::Duration(most))) =
                    (self.constant(&from), self.constant(&to))
                    && least > most
                {
                    self.report(empty_range(from.span, to.span));
                }
                Delay::Range(from, to)
            }
        }
    }

    /// Declares the name that counts, or bears the item, for the body alone.
    pub(super) fn begin_index(&mut self, name: &ast::Name, ty: Type) -> Index {
        let shared = self.place.values.remove(&name.value);
        let outer = self.flow.declared.get(&name.value).copied();
        self.names_item = true;
        let variable = self.declare(name, ty);
        self.names_item = false;
        Index { variable, name: name.value.clone(), shared, outer }
    }

    /// Brings back what the name that counts had hidden.
    pub(super) fn end_index(&mut self, index: Index) -> meaning::VarId {
        let Index { variable, name, shared, outer } = index;
        match shared {
            Some(value) => self.place.values.insert(name.clone(), value),
            None => self.place.values.remove(&name),
        };
        match outer {
            Some(declared) => self.flow.declared.insert(name, declared),
            None => self.flow.declared.remove(&name),
        };
        variable
    }

    /// `stop iteration`, `stop user`
    fn stop(&mut self, what: &crate::base::Spanned<String>) -> Option<Statement> {
        let user = match what.value.as_str() {
            "iteration" => false,
            "user" => true,
            _ => {
                let unknown = super::data::unknown_option(what, &["iteration", "user"], "`stop` ends");
                let help = "`stop iteration` goes on with the next one, `stop user` ends this user";
                self.report(if unknown.help.is_none() { unknown.help(help) } else { unknown });
                return None;
            }
        };
        self.flow.ended = Some(what.span);
        Some(Statement::Stop { user })
    }

    fn branches(&mut self, branches: &[(ast::Expr, ast::Block)], otherwise: Option<&ast::Block>) -> Statement {
        let mut ends = Vec::new();
        let mut understood = Vec::new();
        for (condition, body) in branches {
            let condition = self.condition(condition, "what stands behind `if`");
            self.condition_says_something(&condition);
            let before = self.flow.clone();
            let body = self.in_block(|checker| checker.statements(body));
            ends.push(self.replace_flow(before));
            understood.push((condition, body));
        }
        let otherwise = otherwise.map(|body| self.in_block(|checker| checker.statements(body))).unwrap_or_default();
        for end in ends {
            let other = std::mem::take(&mut self.flow);
            self.flow = end.join(other);
        }
        Statement::If { branches: understood, otherwise }
    }
}

/// A `let` with what is done before it.
fn bound(mut done: Vec<Statement>, binding: meaning::Let) -> Statement {
    if done.is_empty() {
        return Statement::Let(binding);
    }
    done.push(Statement::Let(binding));
    Statement::Sequence(done)
}

/// The word of a statement that has no row in the report, and so no use for a label.
fn without_row(kind: &ast::StatementKind) -> Option<&'static str> {
    match kind {
        ast::StatementKind::Pause(_) => Some("pause"),
        ast::StatementKind::Repeat { .. } => Some("repeat"),
        ast::StatementKind::With { .. } => Some("with"),
        ast::StatementKind::OnReceive { .. } => Some("on receive"),
        ast::StatementKind::Every { .. } => Some("every"),
        ast::StatementKind::If { .. } => Some("if"),
        ast::StatementKind::Let { .. } => Some("let"),
        ast::StatementKind::Set { .. } => Some("set"),
        ast::StatementKind::Flow { .. } => Some("a call"),
        ast::StatementKind::Return(_) => Some("return"),
        ast::StatementKind::Take(_) => Some("take"),
        ast::StatementKind::For { .. } => Some("for"),
        ast::StatementKind::Choose { .. } => Some("choose"),
        ast::StatementKind::Group { .. } => Some("group"),
        ast::StatementKind::Retry { .. } => Some("retry"),
        ast::StatementKind::Attempt(_) => Some("attempt"),
        ast::StatementKind::Parallel(_) => Some("parallel"),
        ast::StatementKind::Measure { .. } => Some("measure"),
        ast::StatementKind::Log(_) => Some("log"),
        ast::StatementKind::Stop(_) => Some("stop"),
        ast::StatementKind::Fail(_) => Some("fail"),
        _ => None,
    }
}

/// `misplaced-label`: a label before something that is no step.
fn misplaced_label(label: &ast::Name, word: &str) -> Diagnostic {
    Diagnostic::new(Rule::MisplacedLabel, label.span, format!("`{word}` is no step, so it has no label"))
        .help("a label names the row of a step in the report: put it before a request, `send`, `receive` or `call`")
}

/// `not-a-count`: a fraction, or too few.
pub(super) fn not_a_count(span: Span, of: &str, least: u32) -> Diagnostic {
    let of = if of.is_empty() { String::new() } else { format!(" {of}") };
    Diagnostic::new(Rule::NotACount, span, format!("a count{of} is a whole number, {least} or more"))
}

/// The ends of `1s-3s`, which is a subtraction and gives less than nothing.
fn dashed_range(written: &ast::Expr) -> Option<(Span, Span)> {
    let ast::ExprKind::Binary(from, operator, to) = &written.kind else { return None };
    match (&from.kind, operator.value, &to.kind) {
        (ast::ExprKind::Duration(least), ast::BinaryOperator::Subtract, ast::ExprKind::Duration(most)) => {
            (least < most).then_some((from.span, to.span))
        }
        _ => None,
    }
}

fn bad_delay(span: Span) -> meaning::Expr {
    meaning::Expr { span, ty: Type::Unknown, kind: meaning::ExprKind::Bad }
}

/// `syntax`: a range with a dash.
fn range_with_dash(span: Span, from: &str, to: &str) -> Diagnostic {
    let range = format!("{from}..{to}");
    Diagnostic::new(Rule::Syntax, span, "a range is written with `..`; `-` takes away")
        .label(format!("did you mean `{range}`?"))
        .fix(span, range)
}
