//! Blocks that decide what is done, how often and what a failure means, and what is known behind each of them.

use super::checker::{Checker, Flow};
use super::constants::Constant;
use super::meaning::{ExprKind, Items, Measure, Repeat, Retry, Statement, Type};
use super::statements::not_a_count;
use crate::base::Span;
use crate::base::units::Share;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// Most items that a `for` goes through where it does not say otherwise.
const ITEMS_MAX: u32 = 1_000;

/// Most items that a `for` can be told to go through.
const LIMIT_MAX: f64 = 1_000_000.0;

impl Checker<'_> {
    /// `repeat N as i while C { … }`, `repeat for 30s { … }`
    pub fn repeat(
        &mut self,
        bound: &ast::RepeatBound,
        index: Option<&ast::Name>,
        condition: Option<&(ast::LoopWord, ast::Expr)>,
        body: &ast::Block,
    ) -> Statement {
        let mut times = None;
        let bound = match bound {
            ast::RepeatBound::Count(count) => {
                let count = self.typed(count, &[Type::Number], "a count");
                if let Some(Constant::Number(number)) = self.constant(&count) {
                    times = Some(number);
                }
                match times {
                    Some(times) if times < 0.0 || times.fract() != 0.0 => {
                        self.report(not_a_count(count.span, "", 0));
                    }
                    Some(0.0) => self.report(never_runs(count.span, body.span)),
                    _ => {}
                }
                if times.is_none() && count.ty == Type::Unknown {
                    times = Some(1.0); // a hole: as if it ran
                }
                Repeat::Count(count)
            }
            ast::RepeatBound::For(length) => {
                Repeat::For(self.typed(length, &[Type::Duration], "the time of a `repeat`"))
            }
        };
        let before = self.flow.clone();
        if times != Some(1.0) {
            self.may_come_again(body);
        }
        let (index, condition, body) = self.in_block(|checker| {
            let index = index.map(|name| checker.begin_index(name, Type::Number));
            let condition = condition.map(|(word, written)| {
                let word_text = if *word == ast::LoopWord::While { "while" } else { "until" };
                let condition = checker.condition(written, &format!("what stands behind `{word_text}`"));
                checker.condition_says_something(&condition);
                (*word, condition)
            });
            let body = checker.statements(body);
            let index = index.map(|index| checker.end_index(index));
            (index, condition, body)
        });
        let surely = condition.is_none() && times.is_some_and(|times| times >= 1.0);
        self.maybe_came_by(before, surely);
        Statement::Repeat { bound, index, condition, body }
    }

    /// `for x in list limit 50 { … }`
    pub fn for_each(
        &mut self,
        name: &ast::Name,
        list: &ast::Expr,
        last: Option<&ast::Expr>,
        limit: Option<&ast::Expr>,
        body: &ast::Block,
    ) -> Statement {
        let (items, ty, surely) = match last {
            Some(last) => {
                let whole = |checker: &mut Self, written: &ast::Expr| {
                    let value = checker.typed(written, &[Type::Number], "the end of a range");
                    let constant = checker.constant(&value);
                    if let Some(Constant::Number(number)) = constant
                        && number.fract() != 0.0
                    {
                        checker.report(not_whole(value.span));
                    }
                    let number = if let Some(Constant::Number(number)) = constant { Some(number) } else { None };
                    (value, number)
                };
                let (first, least) = whole(self, list);
                let (last, most) = whole(self, last);
                if let (Some(least), Some(most)) = (least, most)
                    && least > most
                {
                    self.report(super::expressions::empty_range(first.span, last.span));
                }
                let surely = least.zip(most).is_some_and(|(least, most)| least <= most);
                (Items::Range(first, last), Type::Number, surely)
            }
            None => match &list.kind {
                ast::ExprKind::Name(name) if let Some(data) = self.data_named(name) => {
                    (Items::Rows(data, list.span), self.row_type(data), false)
                }
                _ => {
                    let (items, ty) = self.items(list);
                    let surely = matches!(&items.kind, ExprKind::List(items) if !items.is_empty());
                    (Items::List(items), ty, surely)
                }
            },
        };
        let limit = limit.and_then(|limit| {
            let known = self.known(limit, &[Type::Number], "a limit");
            match known {
                Some(Constant::Number(number)) if number.fract() == 0.0 && (1.0..=LIMIT_MAX).contains(&number) => {
                    Some(number as u32)
                }
                Some(_) => {
                    self.report(not_a_count(limit.span, "", 1));
                    None
                }
                None => None,
            }
        });
        let before = self.flow.clone();
        self.may_come_again(body);
        let (item, body) = self.in_block(|checker| {
            let item = checker.begin_index(name, ty);
            let body = checker.statements(body);
            (checker.end_index(item), body)
        });
        self.maybe_came_by(before, surely);
        Statement::For { item, items, limit: limit.unwrap_or(ITEMS_MAX), body }
    }

    /// `choose { 70% { … } 30% { … } }`
    pub fn choose(&mut self, branches: &[(ast::Expr, ast::Block)]) -> Statement {
        let before = self.flow.clone();
        let mut sum = 0.0;
        let mut known = true;
        let mut chosen = Vec::new();
        let mut ends: Vec<Flow> = Vec::new();
        for (share, body) in branches {
            let (span, share) = (share.span, self.known(share, &[Type::Share], "the share of a branch"));
            let share = match share {
                Some(Constant::Share(share)) => share.0,
                _ => {
                    known = false;
                    0.0
                }
            };
            if sum <= 1.0 + ROUNDING && sum + share > 1.0 + ROUNDING {
                self.report(choose_over_100(span, sum + share));
            }
            sum += share;
            self.flow = before.clone();
            let body = self.in_block(|checker| checker.statements(body));
            ends.push(std::mem::take(&mut self.flow));
            chosen.push((share, body));
        }
        // What is missing to the whole does nothing.
        if known && sum < 1.0 - ROUNDING || ends.is_empty() {
            ends.push(before);
        }
        self.flow = ends.into_iter().reduce(Flow::join).unwrap_or_default();
        Statement::Choose { branches: chosen }
    }

    /// `group checkout { … }`
    pub fn group(&mut self, name: &ast::Name, head: Span, body: &ast::Block) -> Statement {
        let step = self.group_row(name, head);
        let body = self.in_block(|checker| checker.statements(body));
        Statement::Group { step, body }
    }

    /// `attempt { … }`: behind it nothing is sure of what stands inside.
    pub fn attempt(&mut self, body: &ast::Block) -> Statement {
        let before = self.flow.clone();
        let body = self.in_block(|checker| checker.statements(body));
        self.maybe_came_by(before, false);
        Statement::Attempt(body)
    }

    /// `retry 10 every 1s { … }`
    pub fn retry(&mut self, count: &ast::Expr, every: Option<&ast::Delay>, body: &ast::Block) -> Statement {
        let count = self.typed(count, &[Type::Number], "a count");
        if let Some(Constant::Number(times)) = self.constant(&count)
            && (times < 1.0 || times.fract() != 0.0)
        {
            self.report(not_a_count(count.span, "", 1));
        }
        let every = every.map(|every| self.delay(every, "the pause of a `retry`"));
        self.may_be_tried_again(body);
        self.place.retries += 1;
        let body = self.in_block(|checker| checker.statements(body));
        self.place.retries -= 1;
        Statement::Retry(Retry { count, every, body })
    }

    /// `parallel { … }`: what its steps capture is there behind it, and not before.
    pub fn parallel(&mut self, span: Span, block: &ast::Block) -> Statement {
        let outer = self.place.landing.replace(Vec::new());
        if outer.is_some() {
            self.report(nested_parallel(span));
        }
        let body = self.in_block(|checker| checker.statements(block));
        let landed = std::mem::replace(&mut self.place.landing, outer);
        self.flow.assigned.extend(landed.into_iter().flatten());
        Statement::Parallel(body)
    }

    /// Complains about a statement that cannot stand in `parallel`; true then.
    pub fn cannot_be_parallel(&mut self, statement: &ast::Statement) -> bool {
        use ast::StatementKind as Kind;
        if self.place.landing.is_none() {
            return false;
        }
        let why = match &statement.kind {
            Kind::Http { .. }
            | Kind::For { .. }
            | Kind::If { .. }
            | Kind::Choose { .. }
            | Kind::Let { .. }
            | Kind::Set { .. }
            | Kind::Log(_)
            | Kind::Measure { .. }
            | Kind::Flow { .. }
            | Kind::Default(_)
            | Kind::Parallel(_)
            | Kind::Bad(_)
            | Kind::Repeat { bound: ast::RepeatBound::Count(_), .. } => return false,
            Kind::Pause(_) => ("pause", "its steps start together, so nothing waits in it"),
            Kind::Repeat { .. } => ("repeat for", "its steps start together, so no time passes in it"),
            Kind::Retry { .. } => ("retry", "its steps start together, so none can wait for another's failure"),
            Kind::Attempt(_) => ("attempt", "its steps start together: put the `parallel` into the `attempt`"),
            Kind::Group { .. } => ("group", "its steps start together: put the `parallel` into the `group`"),
            Kind::Stop(_) => ("stop", "its steps start together, so there is nothing to leave out"),
            Kind::Fail(_) => ("fail", "its steps start together, so there is nothing to leave out"),
            Kind::Return(_) => ("return", "it stands at the end of a flow"),
            Kind::Take(_) => ("take", "take the row before the `parallel`"),
            Kind::WebSocket { .. } => {
                ("websocket", "only HTTP steps start together; a socket is opened before or behind")
            }
            Kind::Events { .. } => ("events", "only HTTP steps start together; a stream is opened before or behind"),
            _ => ("a step on a socket", "only HTTP steps start together"),
        };
        self.report(not_in_parallel(self.head(statement, None), why));
        true
    }

    /// `measure name = expression`
    pub fn measure(&mut self, name: &ast::Name, value: &ast::Expr, span: Span) -> Measure {
        let value = self.typed(value, &[Type::Duration, Type::Number], "a measure");
        let step = self.measure_row(name, value.ty, span);
        Measure { series: step.series, value, span }
    }

    /// Behind statements that may not have run: what is known is what both ways know.
    fn maybe_came_by(&mut self, before: Flow, surely: bool) {
        if !surely {
            let after = std::mem::take(&mut self.flow);
            self.flow = before.join(after);
        }
    }

    /// The list that a `for` goes through, and what is known of its items.
    fn items(&mut self, written: &ast::Expr) -> (super::meaning::Expr, Type) {
        let list = self.typed(written, &[Type::List], "what `for` goes through");
        let ty = match (&list.kind, list.ty) {
            (ExprKind::List(items), _) => {
                items.iter().map(|item| item.ty).reduce(super::types::join).unwrap_or(Type::Json)
            }
            (_, Type::Unknown) => Type::Unknown,
            _ => Type::Json,
        };
        (list, ty)
    }
}

/// Shares that differ by less than this differ by rounding.
const ROUNDING: f64 = 1e-9;

/// `unreachable`: a loop that never runs.
fn never_runs(count: Span, body: Span) -> Diagnostic {
    Diagnostic::new(Rule::Unreachable, count, "this loop runs zero times").also(body, "never done")
}

/// `unreachable`: statements behind one that always ends the way.
pub(super) fn behind_the_end(span: Span, end: Span) -> Diagnostic {
    Diagnostic::new(Rule::Unreachable, span, "this is never done").also(end, "nothing goes on behind this")
}

/// `not-a-count`: a range goes from whole number to whole number.
fn not_whole(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NotACount, span, "a range goes through whole numbers")
}

/// `choose-over-100`
fn choose_over_100(span: Span, sum: f64) -> Diagnostic {
    let message = format!("the branches of this `choose` make {} together", Share(sum));
    Diagnostic::new(Rule::ChooseOver100, span, message)
        .label("more than 100% from here on")
        .help("lower the shares: what is missing to 100% does nothing")
}

/// `not-in-parallel`
fn not_in_parallel(span: Span, (word, why): (&str, &str)) -> Diagnostic {
    let said = if word.contains(' ') && word != "repeat for" { word.to_owned() } else { format!("`{word}`") };
    Diagnostic::new(Rule::NotInParallel, span, format!("{said} cannot stand in `parallel`")).help(why)
}

/// `not-in-parallel`: one inside the other.
fn nested_parallel(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NotInParallel, span, "this stands in a `parallel` already")
        .help("all steps of the outer one start together: move these there")
}
