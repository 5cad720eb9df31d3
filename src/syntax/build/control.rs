//! Statements that hold other statements: repetition, branches and what catches failures.

use super::item::inner_first;
use super::{Builder, G, P};
use crate::diagnostic::Rule;
use crate::syntax::ast::{Block, Delay, Expr, ExprKind, LoopWord, RepeatBound, StatementKind};

impl<'t> Builder<'t> {
    /// `repeat N as i while C { … }`, `repeat for 30s { … }`
    pub(super) fn repeat(&mut self, tail: P<'t>) -> StatementKind {
        let (mut bound, mut index, mut condition, mut body) = (None, None, None, None);
        for child in tail.into_inner() {
            let place = self.place(&child);
            match child.as_rule() {
                G::expr => bound = Some(RepeatBound::Count(self.expr(child))),
                G::repeat_for => bound = Some(RepeatBound::For(self.value(child))),
                G::index_name if index.is_some() => {
                    self.wrong_as(Rule::DuplicateSetting, place, "`as` stands twice in this step");
                }
                G::index_name => {
                    let name = child.into_inner().find(|child| child.as_rule() == G::ident);
                    index = name.map(|name| self.declared(&name));
                }
                G::loop_c if condition.is_some() => {
                    self.wrong_as(Rule::DuplicateSetting, place, "`repeat` takes one `while` or `until`")
                        .help("join both conditions with `and`");
                }
                G::loop_c => {
                    let word = match child.clone().into_inner().any(|child| child.as_rule() == G::kw_while) {
                        true => LoopWord::While,
                        false => LoopWord::Until,
                    };
                    condition = Some((word, self.value(child)));
                }
                G::block => body = Some(self.block(child)),
                _ => {}
            }
        }
        let (bound, body) = (bound.expect("`repeat` has a bound"), body.expect("`repeat` has a block"));
        StatementKind::Repeat { bound, index, condition, body }
    }

    /// `for x in list limit 50 { … }`
    pub(super) fn for_each(&mut self, tail: P<'t>) -> StatementKind {
        let (mut name, mut ends, mut limit, mut body) = (None, Vec::new(), None, None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::expr => ends.push(self.expr(child)),
                G::limit => limit = Some(self.value(child)),
                G::block => body = Some(self.block(child)),
                _ => {}
            }
        }
        let mut ends = ends.into_iter();
        let list = ends.next().expect("`for` has a list");
        let (name, body) = (name.expect("`for` has a name"), body.expect("`for` has a block"));
        StatementKind::For { name, list, last: ends.next(), limit, body }
    }

    /// `choose { 70% { … } 30% { … } }`
    pub(super) fn choose(&mut self, block: P<'t>) -> StatementKind {
        let mut branches = Vec::new();
        for choice in block.into_inner().filter(|child| child.as_rule() == G::choice) {
            let choice = inner_first(choice);
            match choice.as_rule() {
                G::choice_tail => {
                    let (mut share, block) = self.branch(choice);
                    if let ExprKind::Number(number) = share.kind {
                        let better = format!("{number}%");
                        self.wrong_as(
                            Rule::MissingUnit,
                            share.span,
                            "a branch of `choose` is taken in a share of all cases",
                        )
                        .label(format!("did you mean `{better}`?"))
                        .fix(share.span, better);
                        share.kind = ExprKind::Bad;
                    }
                    branches.push((share, block));
                }
                _ => self.bad_choice(&choice),
            }
        }
        StatementKind::Choose { branches }
    }

    /// `retry 10 every 1s { … }`
    pub(super) fn retry(&mut self, tail: P<'t>) -> StatementKind {
        let (mut count, mut every, mut body): (_, Option<Delay>, _) = (None, None, None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::expr => count = Some(self.expr(child)),
                G::retry_every => every = Some(self.delay(child)),
                G::block => body = Some(self.block(child)),
                _ => {}
            }
        }
        let (count, body) = (count.expect("`retry` has a count"), body.expect("`retry` has a block"));
        StatementKind::Retry { count, every, body }
    }

    pub(super) fn if_statement(&mut self, kind: P<'t>) -> StatementKind {
        let span = self.place(&kind);
        let text = kind.as_str();
        let mut branches = Vec::new();
        let mut otherwise: Option<Block> = None;
        let mut broken = false;
        for child in kind.clone().into_inner() {
            match child.as_rule() {
                G::if_tail => branches.push(self.branch(child)),
                G::head_bad => {
                    self.explain(&child, G::if_head, "if");
                    broken = true;
                }
                G::else_branch => {
                    if let Some(first) = &otherwise {
                        let (first, place) = (first.span, self.place(&child));
                        self.wrong(place, "nothing can come behind the last `else`")
                            .also(first, "it is here")
                            .help("`if a { … } else if b { … } else { … }`: `else` alone is the last branch");
                        continue;
                    }
                    for part in child.into_inner() {
                        match part.as_rule() {
                            G::elif => {
                                let place = self.place(&part);
                                self.wrong(place, format!("`{}` is two words here", part.as_str()))
                                    .label("did you mean `else if`?")
                                    .fix(place, "else if");
                            }
                            G::if_tail => branches.push(self.branch(part)),
                            G::block => otherwise = Some(self.block(part)),
                            G::head_bad => {
                                self.explain(&part, G::else_head, "else");
                                broken = true;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        match broken {
            true => StatementKind::Bad(self.bad(span, text)),
            false => StatementKind::If { branches, otherwise },
        }
    }

    fn branch(&mut self, tail: P<'t>) -> (Expr, Block) {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::expr | G::block));
        let condition = self.expr(children.next().expect("`if` has a condition"));
        (condition, self.block(children.next().expect("`if` has a block")))
    }
}
