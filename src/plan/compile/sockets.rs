//! Statements on sockets, laid out.

use super::program::Program;
use crate::check::meaning;
use crate::plan::{Call, Expected, Op, Payload, Receive, ReceiveAll, ReceiveClose, ReceiveForm, Since};

impl Program<'_> {
    pub(super) fn receive(&mut self, receive: &meaning::Receive) {
        let (socket, timeout) = self.innermost();
        let step = self.step(receive.step);
        let form = match &receive.form {
            meaning::ReceiveForm::Count(count) => ReceiveForm::Count(self.lower.optional(count.as_ref())),
            meaning::ReceiveForm::Until(condition) => ReceiveForm::Until(self.lower.expr(condition)),
            meaning::ReceiveForm::For { length, at_least } => {
                ReceiveForm::For { length: self.lower.expr(length), at_least: self.lower.optional(at_least.as_ref()) }
            }
        };
        let op = Receive {
            step,
            socket,
            form,
            condition: self.lower.optional(receive.condition.as_ref()),
            within: receive.within.unwrap_or(timeout),
            since: receive.since.map(since),
            parts: self.parts(&receive.parts, step),
        };
        self.tables.ops.push(Op::Receive(Box::new(op)));
    }

    pub(super) fn receive_all(&mut self, all: &meaning::ReceiveAll) {
        let (socket, timeout) = self.innermost();
        let expected = all.expected.iter().map(|expected| {
            let step = self.step(expected.step);
            let condition = self.lower.optional(expected.condition.as_ref());
            Expected { step, condition, parts: self.parts(&expected.parts, step) }
        });
        let expected = expected.collect();
        let (within, since) = (all.within.unwrap_or(timeout), all.since.map(since));
        self.tables.ops.push(Op::ReceiveAll(Box::new(ReceiveAll { socket, expected, within, since })));
    }

    pub(super) fn receive_close(&mut self, close: &meaning::ReceiveClose) {
        let (socket, timeout) = self.innermost();
        let op = ReceiveClose {
            step: self.step(close.step),
            socket,
            code: close.code,
            within: close.within.unwrap_or(timeout),
            since: close.since.map(since),
        };
        self.tables.ops.push(Op::ReceiveClose(Box::new(op)));
    }

    pub(super) fn call(&mut self, call: &meaning::Call) {
        let (socket, timeout) = self.innermost();
        let step = self.step(call.step);
        let op = Call {
            step,
            socket,
            payload: self.payload(&call.payload),
            condition: self.lower.optional(call.condition.as_ref()),
            within: call.within.unwrap_or(timeout),
            parts: self.parts(&call.parts, step),
        };
        self.tables.ops.push(Op::Call(Box::new(op)));
    }

    pub(super) fn payload(&self, payload: &meaning::Payload) -> Payload {
        match payload {
            meaning::Payload::Text(value) => Payload::Text(self.lower.expr(value)),
            meaning::Payload::Json(value) => Payload::Json(self.lower.expr(value)),
            meaning::Payload::Binary(value) => Payload::Binary(self.lower.expr(value)),
        }
    }
}

fn since(since: meaning::Since) -> Since {
    match since {
        meaning::Since::Connect => Since::Connect,
        meaning::Since::Step(series) => Since::Step(series),
    }
}
