//! Blocks that decide what is done, how often and what a failure means, laid out.

use super::program::Program;
use crate::check::meaning::{self, LoopWord, Statement};
use crate::plan::{Block, Close, Items, Measure, Op, OpId, PointId};

impl Program<'_> {
    /// `repeat`: the head, the condition if there is one, the body, and the way back to the condition.
    pub(super) fn repeat(
        &mut self,
        bound: &meaning::Repeat,
        index: Option<meaning::VarId>,
        condition: Option<&(LoopWord, meaning::Expr)>,
        body: &[Statement],
    ) {
        let counter = match index {
            Some(index) => self.lower.variables.slot(index),
            None => self.spare_slot(),
        };
        let limit = self.spare_slot();
        let head = self.here();
        match bound {
            meaning::Repeat::Count(count) => {
                let point = self.statement_point(count.span, "repeat ");
                self.tables.ops.push(Op::Loop { count: self.lower.expr(count), counter, limit, end: head, point });
            }
            meaning::Repeat::For(length) => {
                let point = self.statement_point(length.span, "repeat for ");
                let length = self.lower.expr(length);
                self.tables.ops.push(Op::LoopFor { length, counter, limit, end: head, point });
            }
        }
        let first = self.here();
        if let Some((word, condition)) = condition {
            let point =
                self.statement_point(condition.span, if *word == LoopWord::While { "while " } else { "until " });
            let condition = self.lower.expr(condition);
            let to = head;
            self.tables.ops.push(match word {
                LoopWord::While => Op::Unless { condition, to, point },
                LoopWord::Until => Op::When { condition, to, point },
            });
        }
        self.statements(body);
        self.tables.ops.push(match bound {
            meaning::Repeat::Count(_) => Op::Again { counter, limit, body: first },
            meaning::Repeat::For(_) => Op::AgainFor { counter, limit, body: first },
        });
        let behind = self.here();
        if let Op::Loop { end, .. } | Op::LoopFor { end, .. } = &mut self.tables.ops[head.0 as usize] {
            *end = behind;
        }
        if condition.is_some()
            && let Op::Unless { to, .. } | Op::When { to, .. } = &mut self.tables.ops[first.0 as usize]
        {
            *to = behind;
        }
    }

    pub(super) fn for_each(&mut self, item: meaning::VarId, items: &meaning::Items, most: u32, body: &[Statement]) {
        let (span, items) = match items {
            meaning::Items::List(list) => (list.span, Items::List(self.lower.expr(list))),
            meaning::Items::Range(first, last) => {
                (first.span.to(last.span), Items::Range(self.lower.expr(first), self.lower.expr(last)))
            }
            meaning::Items::Rows(data, span) => (*span, Items::Rows(*data)),
        };
        let name = self.text(self.lower.variables.span(item)).to_owned();
        let point = self.statement_point(span, &format!("for {name} in "));
        let item = self.lower.variables.slot(item);
        let (list, counter) = (self.spare_slot(), self.spare_slot());
        let head = self.here();
        self.tables.ops.push(Op::For { items, most, item, list, counter, end: head, point });
        let first = self.here();
        self.statements(body);
        self.tables.ops.push(Op::Next { item, list, counter, body: first });
        let behind = self.here();
        if let Op::For { end, .. } = &mut self.tables.ops[head.0 as usize] {
            *end = behind;
        }
    }

    /// Each branch ends with a `Jump` behind the whole.
    pub(super) fn choose(&mut self, branches: &[(f64, Vec<Statement>)]) {
        let head = self.here();
        let mut ways: Vec<(f64, OpId)> = Vec::new();
        self.tables.ops.push(Op::Choose { ways: Vec::new(), behind: head });
        let mut jumps = Vec::new();
        for (share, body) in branches {
            ways.push((*share, self.here()));
            self.statements(body);
            jumps.push(self.here());
            self.tables.ops.push(Op::Jump { to: head });
        }
        let behind = self.here();
        for jump in jumps {
            self.tables.ops[jump.0 as usize] = Op::Jump { to: behind };
        }
        self.tables.ops[head.0 as usize] = Op::Choose { ways, behind };
    }

    /// A block between [`Op::Enter`] and [`Op::Leave`].
    pub(super) fn enclosed(&mut self, block: Block, body: &[Statement]) {
        let head = self.here();
        self.tables.ops.push(Op::Leave);
        self.statements(body);
        self.tables.ops.push(Op::Leave);
        let behind = self.here();
        self.tables.ops[head.0 as usize] = Op::Enter { block, behind };
    }

    pub(super) fn retry(&mut self, retry: &meaning::Retry) {
        let point = self.statement_point(retry.count.span, "retry ");
        let pause = retry.every.as_ref().and_then(|every| {
            let point = self.delay_point(every, "every")?;
            Some((self.lower.delay(every), point))
        });
        let block = Block::Retry { count: self.lower.expr(&retry.count), pause, point };
        self.enclosed(block, &retry.body);
    }

    /// The sockets of the blocks around are left as if the blocks came to their end; then the way ends.
    pub(super) fn stop(&mut self, user: bool) {
        for (step, socket, timeout) in self.open.to_leave() {
            let step = self.step(step);
            let close =
                Close { step, socket, code: super::sockets::NORMAL_CLOSURE, reason: None, timeout, leaving: true };
            self.tables.ops.push(Op::Close(Box::new(close)));
        }
        self.tables.ops.push(Op::Stop { user });
    }

    pub(super) fn measure(&mut self, measure: &meaning::Measure) -> Measure {
        let point = self.statement_point(measure.span, "");
        self.measure_at(measure, point)
    }

    /// A measure whose place is known. A duration below zero is recorded too: as seconds it has a value.
    pub(super) fn measure_at(&self, measure: &meaning::Measure, point: PointId) -> Measure {
        let value = self.lower.expr(&measure.value);
        let value = match measure.value.ty {
            meaning::Type::Duration => super::seconds::seconds(&value).unwrap_or(value),
            _ => value,
        };
        Measure { series: measure.series, value, point }
    }
}
