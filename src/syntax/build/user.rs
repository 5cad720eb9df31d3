//! Users and their tasks.

use super::item::{split_statement, statements_of, tail_of};
use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::Span;
use crate::syntax::ast::{Delay, Expr, ExprKind, Take, Task, User, UserItem};

impl<'t> Builder<'t> {
    pub(super) fn user(&mut self, span: Span, start: usize, tail: P<'t>) -> User {
        let doc = self.doc(start);
        let (mut name, mut weight, mut in_order, mut items) = (None, None, None, Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::weight => weight = Some(self.weight(child)),
                G::in_order => in_order = Some(self.place(&child)),
                G::block => items = statements_of(child).map(|child| self.user_item(child)).collect(),
                _ => {}
            }
        }
        User { span, doc, name: name.expect("`user` has a name"), weight, in_order, items }
    }

    fn weight(&mut self, pair: P<'t>) -> Expr {
        self.expr(pair.into_inner().find(|child| child.as_rule() == G::expr).expect("`weight` has a value"))
    }

    fn user_item(&mut self, pair: P<'t>) -> UserItem {
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        let rule = kind.as_rule();
        if Place::User.takes(rule) {
            return UserItem::Default(self.part(whole, Place::User));
        }
        let belongs =
            matches!(rule, G::think_s | G::pace_s | G::session_s | G::let_s | G::take_s | G::on_s | G::task_s);
        if !belongs {
            return UserItem::Bad(self.misplaced(whole, kind, Place::User));
        }
        self.no_label(label.as_ref());
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return UserItem::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::think_s => UserItem::Think { span, delay: self.delay(tail) },
            G::pace_s => UserItem::Pace { span, every: self.value(tail) },
            G::session_s => {
                let word = tail.into_inner().find(|child| child.as_rule() == G::ident);
                UserItem::Session { span, per: self.word(&word.expect("`session` says per what")) }
            }
            G::let_s => UserItem::Let(self.let_item(span, tail)),
            G::take_s => UserItem::Take(self.take(span, tail)),
            G::on_s if tail.as_rule() == G::answer_tail => UserItem::Bad(self.misplaced(whole, kind, Place::User)),
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

    /// `take row from data`
    pub(super) fn take(&mut self, span: Span, tail: P<'t>) -> Take {
        let (mut name, mut data) = (None, None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::ident => data = Some(self.word(&child)),
                _ => {}
            }
        }
        Take { span, name: name.expect("`take` has a name"), data: data.expect("`take` says from what") }
    }

    /// `500ms`, `1s..3s`, `exponential(2s)`, `none`.
    pub(super) fn delay(&mut self, tail: P<'t>) -> Delay {
        let mut ends = tail.into_inner().filter(|child| child.as_rule() == G::expr).map(|child| self.expr(child));
        let mut first = ends.next().expect("a delay has a value");
        let last = ends.next();
        drop(ends);
        if let Some(last) = last {
            // One hole is enough: nothing more is said about the other end.
            if last.kind == ExprKind::Bad {
                return Delay::Fixed(last);
            }
            return Delay::Range(first, last);
        }
        // `uniform(1, 3)` of other tools is a range here.
        if let ExprKind::Call { name, arguments } = &first.kind
            && ["uniform", "between", "random", "rand", "int", "range"].contains(&name.value.as_str())
            && let [from, to] = arguments.as_slice()
        {
            let end = |value: &Expr| {
                let written = self.repaired.slice(value.span).to_owned();
                if matches!(value.kind, ExprKind::Number(_)) { format!("{written}s") } else { written }
            };
            let better = format!("{}..{}", end(from), end(to));
            let span = first.span;
            self.wrong(span, "a time drawn from a range is written with `..`")
                .label(format!("did you mean `{better}`?"))
                .fix(span, better);
            return Delay::Fixed(Expr { span, kind: ExprKind::Bad });
        }
        match first.kind {
            ExprKind::Name(ref name) if name == "none" => Delay::None(first.span),
            ExprKind::Call { ref name, ref mut arguments } if name.value == "exponential" && arguments.len() == 1 => {
                Delay::Exponential(arguments.remove(0))
            }
            _ => Delay::Fixed(first),
        }
    }
}
