//! The file, its targets, users, tasks and thresholds.

use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::{Span, Spanned};
use crate::diagnostic::Rule;
use crate::syntax::ast::{
    BinaryOperator, Block, Delay, Expr, ExprKind, File, Item, Let, Part, Piece, Subject, Target, Task, Threshold,
    ThresholdItem, Thresholds, User, UserItem,
};

impl<'t> Builder<'t> {
    /// The whole file.
    pub(in crate::syntax) fn file(&mut self, pair: P<'t>) -> File {
        let mut items = Vec::new();
        for child in pair.into_inner() {
            match child.as_rule() {
                G::statement => items.push(self.item(child)),
                G::stray => {
                    let span = self.place(&child);
                    self.wrong(span, "this `}` closes nothing").label("no block is open here").fix(span, "");
                }
                _ => {}
            }
        }
        File { items }
    }

    fn item(&mut self, pair: P<'t>) -> Item {
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        let belongs = matches!(kind.as_rule(), G::scenario_s | G::target_s | G::let_s | G::user_s | G::thresholds_s);
        if !belongs {
            return Item::Bad(self.misplaced(whole, kind, Place::File));
        }
        self.no_label(label.as_ref());
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return Item::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::scenario_s => {
                let value = self.expr(inner_first(tail));
                match plain_text(&value) {
                    Some(text) => Item::Scenario { span, title: Spanned::new(text, value.span) },
                    None => {
                        if value.kind != ExprKind::Bad {
                            self.wrong(value.span, "the title of a scenario is plain text in quotes")
                                .help("`scenario \"Checkout\"`");
                        }
                        Item::Bad(self.bad(span, ""))
                    }
                }
            }
            G::target_s => match self.target(span, tail) {
                Some(target) => Item::Target(target),
                None => Item::Bad(self.bad(span, "")),
            },
            G::let_s => Item::Let(self.let_item(span, tail)),
            G::user_s => Item::User(self.user(span, kind.as_span().start(), tail)),
            _ => Item::Thresholds(self.thresholds(span, tail)),
        }
    }

    fn target(&mut self, span: Span, tail: P<'t>) -> Option<Target> {
        let mut url = None;
        let mut settings = Vec::new();
        for child in tail.into_inner() {
            match child.as_rule() {
                G::target_name => {
                    let place = self.place(&child);
                    let name = child.as_str().trim_end().trim_end_matches(':').trim_end();
                    if child.as_str().trim_end().ends_with(':') {
                        self.wrong_as(Rule::NotYetSupported, place, "named targets are not supported yet")
                            .help("one `target URL { … }` serves the whole scenario");
                    } else {
                        self.wrong_as(Rule::NamedTargetColon, place, "the name of a target is followed by `:`")
                            .help(format!("write `target {name}: \"https://…\"`"))
                            .fix(place, format!("{name}:"));
                    }
                    return None;
                }
                G::expr => url = Some(self.expr(child)),
                G::block => {
                    for statement in statements_of(child) {
                        settings.push(self.part(statement, Place::Target));
                    }
                }
                _ => {}
            }
        }
        Some(Target { span, name: None, url: url?, settings })
    }

    /// The tail of `let`.
    pub(super) fn let_item(&mut self, span: Span, tail: P<'t>) -> Let {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::declared | G::expr));
        let name = self.declared(&children.next().expect("`let` has a name"));
        let value = self.expr(children.next().expect("`let` has a value"));
        Let { span, name, value }
    }

    fn user(&mut self, span: Span, start: usize, tail: P<'t>) -> User {
        let doc = self.doc(start);
        let (mut name, mut weight, mut items) = (None, None, Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::weight => weight = Some(self.weight(child)),
                G::in_order => {
                    let place = self.place(&child);
                    self.wrong_as(Rule::NotYetSupported, place, "`in order` is not supported yet")
                        .help("without it the tasks are drawn by weight");
                }
                G::block => items = statements_of(child).map(|child| self.user_item(child)).collect(),
                _ => {}
            }
        }
        User { span, doc, name: name.expect("`user` has a name"), weight, in_order: None, items }
    }

    fn weight(&mut self, pair: P<'t>) -> Expr {
        self.expr(pair.into_inner().find(|child| child.as_rule() == G::expr).expect("`weight` has a value"))
    }

    fn user_item(&mut self, pair: P<'t>) -> UserItem {
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        if !matches!(kind.as_rule(), G::think_s | G::let_s | G::on_s | G::task_s) {
            return UserItem::Bad(self.misplaced(whole, kind, Place::User));
        }
        self.no_label(label.as_ref());
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return UserItem::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::think_s => UserItem::Think { span, delay: self.delay(tail) },
            G::let_s => UserItem::Let(self.let_item(span, tail)),
            G::on_s => {
                let mut starts = false;
                let mut block = None;
                for child in tail.into_inner() {
                    match child.as_rule() {
                        G::kw_start => starts = true,
                        G::block => block = Some(self.block(child)),
                        _ => {}
                    }
                }
                let block = block.expect("`on` has a block");
                if starts { UserItem::OnStart(block) } else { UserItem::OnStop(block) }
            }
            _ => {
                let doc = self.doc(kind.as_span().start());
                let (mut name, mut weight, mut body) = (None, None, None);
                for child in tail.into_inner() {
                    match child.as_rule() {
                        G::declared => name = Some(self.declared(&child)),
                        G::weight => weight = Some(self.weight(child)),
                        G::block => body = Some(self.block(child)),
                        _ => {}
                    }
                }
                let (name, body) = (name.expect("`task` has a name"), body.expect("`task` has a block"));
                UserItem::Task(Task { span, doc, name, weight, body })
            }
        }
    }

    /// A block of statements.
    pub(super) fn block(&mut self, pair: P<'t>) -> Block {
        let span = self.place(&pair);
        Block { span, statements: statements_of(pair).map(|child| self.statement(child, Place::Task)).collect() }
    }

    /// `500ms`, `1s..3s`, `exponential(2s)`, `none`.
    pub(super) fn delay(&mut self, tail: P<'t>) -> Delay {
        let mut ends = tail.into_inner().filter(|child| child.as_rule() == G::expr).map(|child| self.expr(child));
        let mut first = ends.next().expect("a delay has a value");
        let last = ends.next();
        drop(ends);
        if let Some(last) = last {
            return Delay::Range(first, last);
        }
        match first.kind {
            ExprKind::Name(ref name) if name == "none" => Delay::None(first.span),
            ExprKind::Call { ref name, ref mut arguments } if name.value == "exponential" && arguments.len() == 1 => {
                Delay::Exponential(arguments.remove(0))
            }
            _ => Delay::Fixed(first),
        }
    }

    fn thresholds(&mut self, span: Span, tail: P<'t>) -> Thresholds {
        let mut items = Vec::new();
        for child in tail.into_inner() {
            if child.as_rule() == G::threshold {
                items.push(self.threshold(child));
            }
        }
        Thresholds { span, items }
    }

    fn threshold(&mut self, pair: P<'t>) -> ThresholdItem {
        let span = self.place(&pair);
        let child = inner_first(pair);
        if child.as_rule() != G::threshold_tail {
            return ThresholdItem::Bad(self.bad_threshold(child));
        }
        let text = child.as_str();
        let (mut metric, mut iteration_time, mut subject, mut operator, mut value) = (None, None, None, None, None);
        for part in child.into_inner() {
            match part.as_rule() {
                G::metric => metric = Some(self.word(&part)),
                G::iteration_time => iteration_time = Some(self.place(&part)),
                G::subject => subject = self.subject(part),
                G::op_symbol if part.as_str() == "=" => {
                    let place = self.place(&part);
                    self.wrong(place, "a threshold compares with `<`, `<=`, `>` or `>=`").label("not with `=`");
                    return ThresholdItem::Bad(self.bad(span, text));
                }
                G::op_symbol => operator = Some(self.operator(&part)),
                G::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        let (metric, value) = (metric.expect("a threshold has a metric"), value.expect("a threshold has a limit"));
        let Some(operator) = operator.flatten() else { return ThresholdItem::Bad(self.bad(span, text)) };
        use BinaryOperator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        if !matches!(operator.value, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual) {
            self.wrong(operator.span, "a threshold compares").label("`<`, `<=`, `>` or `>=` is due here");
            return ThresholdItem::Bad(self.bad(span, text));
        }
        ThresholdItem::Threshold(Threshold {
            span,
            abort: None,
            metric,
            iteration_time,
            subject,
            operator,
            value,
            over: None,
            lasting: None,
        })
    }

    fn subject(&mut self, pair: P<'t>) -> Option<Subject> {
        let child = pair.into_inner().find(|child| matches!(child.as_rule(), G::dotted | G::text))?;
        if child.as_rule() == G::dotted {
            return Some(Subject::Path(child.into_inner().map(|name| self.word(&name)).collect()));
        }
        // The name of a step is a template: its `${…}` is compared as text.
        let written = child.as_str().trim_end();
        let inside = &written[1..written.len() - 1];
        Some(Subject::Text(Spanned::new(inside.replace("\\\"", "\""), self.place(&child))))
    }

    /// The parts of a block that all go to one place.
    pub(super) fn parts(&mut self, block: P<'t>, place: Place) -> Vec<Part> {
        statements_of(block).map(|child| self.part(child, place)).collect()
    }
}

/// The text of a string without `${…}`.
pub(super) fn plain_text(value: &Expr) -> Option<String> {
    let ExprKind::Text(text) = &value.kind else { return None };
    match text.pieces.as_slice() {
        [] => Some(String::new()),
        [Piece::Literal(literal)] => Some(literal.clone()),
        _ => None,
    }
}

/// The statements of a block.
pub(super) fn statements_of<'t>(block: P<'t>) -> impl Iterator<Item = P<'t>> {
    block.into_inner().filter(|child| child.as_rule() == G::statement)
}

/// A statement's label, if any, and what it is.
pub(super) fn split_statement(pair: P<'_>) -> (Option<P<'_>>, P<'_>) {
    let mut label = None;
    for child in pair.into_inner() {
        match child.as_rule() {
            G::label => label = child.into_inner().find(|child| child.as_rule() == G::ident),
            G::comment => {}
            _ => return (label, child),
        }
    }
    unreachable!("a statement is something")
}

/// The tail of a statement that could be read; `None` when it is `bad`.
pub(super) fn tail_of<'t>(kind: &P<'t>) -> Option<P<'t>> {
    kind.clone().into_inner().find(|child| {
        matches!(
            child.as_rule(),
            G::scenario_tail
                | G::target_tail
                | G::user_tail
                | G::task_tail
                | G::on_tail
                | G::delay_tail
                | G::threshold_block
                | G::request_tail
                | G::send_tail
                | G::receive_tail
                | G::call_tail
                | G::close_tail
                | G::repeat_tail
                | G::let_tail
                | G::header_tail
                | G::object_tail
                | G::value_tail
                | G::expect_tail
                | G::capture_tail
        )
    })
}

/// The first child that is not a comment.
pub(super) fn inner_first(pair: P<'_>) -> P<'_> {
    pair.into_inner().find(|child| child.as_rule() != G::comment).expect("the grammar gives it a child")
}
