//! Statements on sockets, laid out.

use std::collections::HashMap;
use std::time::Duration;

use super::program::Program;
use crate::base::Span;
use crate::check::meaning::{self, Statement};
use crate::plan::{
    Call, Close, Connect, Events, Every, Expected, OnReceive, Op, OpId, Payload, Receive, ReceiveAll, ReceiveClose,
    ReceiveForm, Send, Since, SocketId,
};

/// The close code of a socket that has done what it was opened for.
pub(super) const NORMAL_CLOSURE: u16 = 1000;

/// Where the sockets of a class are kept: the user's own first, and behind them those of the present block, each in
/// the lowest place that is free.
#[derive(Default)]
pub(super) struct Places {
    of_user: u32,
    /// Where a socket is kept that has a name, or is open where we stand.
    known: HashMap<meaning::SocketId, SocketId>,
    /// The timeout of steps on it.
    timeouts: HashMap<meaning::SocketId, Duration>,
    /// The places of the present block that are taken.
    taken: Vec<bool>,
    /// How many places there are.
    count: u32,
    /// The sockets around us, innermost last.
    around: Vec<(SocketId, Duration)>,
    /// The closing steps of those that end with their block, innermost last.
    leaving: Vec<(meaning::Step, SocketId, Duration)>,
}

impl Places {
    /// Of a class whose users keep these for life.
    pub(super) fn new(of_user: &[meaning::SocketId]) -> Places {
        let known = of_user.iter().enumerate().map(|(index, socket)| (*socket, SocketId(index as u32))).collect();
        let count = of_user.len() as u32;
        Places { of_user: count, known, count, ..Places::default() }
    }

    /// A new block begins: nothing is open but what is the user's.
    pub(super) fn begin(&mut self) {
        self.taken.clear();
        self.around.clear();
        self.leaving.clear();
    }

    /// How many are the user's.
    pub(super) fn of_user(&self) -> u32 {
        self.of_user
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Where this socket is kept.
    pub(super) fn place_of(&mut self, socket: meaning::SocketId) -> SocketId {
        if let Some(known) = self.known.get(&socket) {
            return *known;
        }
        let free = self.taken.iter().position(|taken| !taken).unwrap_or(self.taken.len());
        if free == self.taken.len() {
            self.taken.push(true);
        }
        self.taken[free] = true;
        let place = SocketId(self.of_user + free as u32);
        self.count = self.count.max(place.0 + 1);
        self.known.insert(socket, place);
        place
    }

    /// The block of this socket is left, and with it the socket.
    fn free(&mut self, socket: meaning::SocketId) {
        if let Some(place) = self.known.remove(&socket) {
            self.taken[(place.0 - self.of_user) as usize] = false;
        }
    }

    /// The closing steps of the blocks of sockets around us, innermost first.
    pub(super) fn to_leave(&self) -> Vec<(meaning::Step, SocketId, Duration)> {
        self.leaving.iter().rev().copied().collect()
    }

    /// The innermost socket and the timeout of steps on it.
    fn innermost(&self) -> (SocketId, Duration) {
        *self.around.last().expect("`check` lets socket steps stand only inside of a socket")
    }
}

impl Program<'_> {
    pub(super) fn websocket(&mut self, socket: &meaning::WebSocket) {
        let timeout = socket.request.timeout;
        let place = self.open.place_of(socket.socket);
        self.open.timeouts.insert(socket.socket, timeout);
        let head = self.here();
        if socket.outlives {
            self.tables.ops.push(Op::Open { socket: place, block: head, behind: head });
        }
        let block = self.here();
        let request = self.request(&socket.request);
        let connect = Connect {
            step: request.step,
            socket: place,
            request,
            subprotocol: self.lower.optional(socket.subprotocol.as_ref()),
            leaves: socket.outlives.then(|| self.step(socket.close)),
        };
        self.tables.ops.push(Op::Connect(Box::new(connect)));
        self.open.around.push((place, timeout));
        if !socket.outlives {
            self.open.leaving.push((socket.close, place, timeout));
        }
        self.statements(&socket.body);
        self.open.around.pop();
        if !socket.outlives {
            self.open.leaving.pop();
        }
        if socket.outlives {
            self.tables.ops.push(Op::End);
            let behind = self.here();
            self.tables.ops[head.0 as usize] = Op::Open { socket: place, block, behind };
            return;
        }
        let step = self.step(socket.close);
        let close = Close { step, socket: place, code: NORMAL_CLOSURE, reason: None, timeout, leaving: true };
        self.tables.ops.push(Op::Close(Box::new(close)));
        self.open.free(socket.socket);
    }

    pub(super) fn events(&mut self, events: &meaning::Events) {
        let request = self.request(&events.request);
        let (socket, timeout) = (self.open.place_of(events.socket), request.timeout);
        self.tables.ops.push(Op::Events(Box::new(Events { step: request.step, socket, request })));
        self.open.around.push((socket, timeout));
        self.statements(&events.body);
        self.open.around.pop();
        self.tables.ops.push(Op::LeaveEvents { socket });
        self.open.free(events.socket);
    }

    pub(super) fn with_socket(&mut self, socket: meaning::SocketId, body: &[Statement], name: Span) {
        let point = self.statement_point(name, "with ");
        let head = self.here();
        self.tables.ops.push(Op::With { point, behind: head });
        let place = self.open.place_of(socket);
        let timeout =
            *self.open.timeouts.get(&socket).expect("`check` lets `with` name sockets that are opened before");
        self.open.around.push((place, timeout));
        self.statements(body);
        self.open.around.pop();
        let behind = self.here();
        self.tables.ops[head.0 as usize] = Op::With { point, behind };
    }

    pub(super) fn on_receive(&mut self, answer: &meaning::OnReceive) {
        let (socket, _) = self.open.innermost();
        let point = self.statement_point(answer.head, "");
        let condition = self.lower.optional(answer.condition.as_ref());
        let head = self.here();
        // Its place, until it is known where it goes on.
        self.tables.ops.push(Op::End);
        self.statements(&answer.body);
        self.tables.ops.push(Op::End);
        let (body, behind) = (OpId(head.0 + 1), self.here());
        let answer = OnReceive { socket, condition, keep: answer.keep, body, behind, point };
        self.tables.ops[head.0 as usize] = Op::OnReceive(Box::new(answer));
    }

    pub(super) fn every(&mut self, timer: &meaning::Every) {
        let (socket, _) = self.open.innermost();
        let point = self.statement_point(timer.head, "");
        let head = self.here();
        self.tables.ops.push(Op::End);
        self.statements(&timer.body);
        self.tables.ops.push(Op::End);
        let (interval, body, behind) = (self.lower.delay(&timer.interval), OpId(head.0 + 1), self.here());
        let timer = Every { socket, interval, body, behind, point };
        self.tables.ops[head.0 as usize] = Op::Every(Box::new(timer));
    }

    pub(super) fn send(&mut self, step: meaning::Step, payload: &meaning::Payload) {
        let (socket, timeout) = self.open.innermost();
        let step = self.step(step);
        let payload = self.payload(payload);
        self.tables.ops.push(Op::Send(Box::new(Send { step, socket, payload, timeout })));
    }

    pub(super) fn close(&mut self, step: meaning::Step, code: u16, reason: Option<&meaning::Expr>) {
        let (socket, timeout) = self.open.innermost();
        let step = self.step(step);
        let reason = self.lower.optional(reason);
        let close = Close { step, socket, code, reason, timeout, leaving: false };
        self.tables.ops.push(Op::Close(Box::new(close)));
    }

    pub(super) fn receive(&mut self, receive: &meaning::Receive) {
        let (socket, timeout) = self.open.innermost();
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
        let (socket, timeout) = self.open.innermost();
        let expected = all.expected.iter().map(|expected| {
            let step = self.step(expected.step);
            let condition = self.lower.optional(expected.condition.as_ref());
            Expected { step, condition, parts: self.parts(&expected.parts, step) }
        });
        let expected = expected.collect();
        let (within, since) = (all.within.unwrap_or(timeout), all.since.map(since));
        let point = self.statement_point(all.head, "");
        self.tables.ops.push(Op::ReceiveAll(Box::new(ReceiveAll { socket, expected, within, since, point })));
    }

    pub(super) fn receive_close(&mut self, close: &meaning::ReceiveClose) {
        let (socket, timeout) = self.open.innermost();
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
        let (socket, timeout) = self.open.innermost();
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
