//! WebSocket steps. [`sockets`] keeps the sockets of a user and reads them, each a [`line`]; [`upgrade`] opens one; here is what each step means and
//! what its time is.
//!
//! A step that fails records its sample and ends the iteration, which cuts its sockets; the user's own stay open.

mod events;
mod lasting;
mod line;
mod receive;
mod sockets;
mod standing;
mod stream;
mod talk;
mod transport;
mod upgrade;

use std::pin::pin;
use std::rc::Rc;

use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use line::{End, Mark, Message};
pub use sockets::{Sockets, attend};
pub use standing::Heard;
use standing::answer_of;

use super::dial::Trouble;
use super::eval::{Answer, NoValue};
use super::trace::{self, Event};
use super::user::{Failed, User};
use crate::base::Offset;
use crate::base::units::duration_text;
use crate::metrics::{Counter, ErrorKind, Outcome, Sample};
use crate::plan::{Call, Close, Connect, Expr, PointId, Send, SocketId, StepId};

/// Longest reason of a close frame, in bytes: a control frame holds 125, of which the code takes two.
const REASON_BYTES_MAX: usize = 123;

/// A reason why a step fails: its kind and place. The message is noted already.
type Reason = (ErrorKind, PointId);

impl User {
    /// Dials and upgrades; the socket is then in its place.
    pub(super) async fn connect(&mut self, op: &Connect) -> Result<(), Failed> {
        let mut sample = self.sample(op.step);
        let point = self.point(op.step);
        let opened = self.open(op, &mut sample, point).await;
        sample.done = self.thread.clock.now();
        match opened {
            Ok(mut line) => {
                line.previous.at = sample.done;
                line.leaves = op.leaves.map(|step| (step, op.request.timeout));
                line.begin(self.thread.plan.steps[op.step.0 as usize].series, sample.due);
                self.sockets.keep(op.socket, line);
                self.tell(|| Event::Opened { step: op.step, time: sample.response_time() });
                self.due = sample.done;
                self.record(&sample);
                Ok(())
            }
            Err(reason) => Err(self.fail(sample, reason)),
        }
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, op: &Send) -> Result<(), Failed> {
        let mut sample = self.sample(op.step);
        let point = self.point(op.step);
        self.sockets.read(op.socket).await;
        self.begin(op.step, op.socket, sample.due);
        let deadline = sample.due + op.timeout;
        let sent = match self.payload(&op.payload, point) {
            Ok(frame) => self.dispatch(op.socket, frame, deadline, &mut sample, point).await,
            Err(reason) => Err(reason),
        };
        sample.done = self.thread.clock.now();
        match sent {
            Ok(()) => {
                self.end(op.socket, sample.done, None);
                self.record(&sample);
                Ok(())
            }
            Err(reason) => Err(self.fail(sample, reason)),
        }
    }

    /// Sends a message and waits for the answer that fits.
    pub(super) async fn call(&mut self, op: &Call) -> Result<(), Failed> {
        let mut sample = self.sample(op.step);
        let point = self.point(op.step);
        let deadline = sample.due + op.within;
        // What has arrived by now came before the sending began.
        self.sockets.read(op.socket).await;
        let mark = self.begin(op.step, op.socket, sample.due);
        let called = self.round_trip(op, mark, deadline, &mut sample, point).await;
        match called {
            Ok(number) => {
                self.end(op.socket, sample.done, Some(number));
                self.record(&sample);
                Ok(())
            }
            Err(reason) => Err(self.fail(sample, reason)),
        }
    }

    /// The closing handshake: our close frame, and the peer's within the timeout. A socket that the peer has closed,
    /// or that was closed before, needs no step; one that was lost has failed.
    pub(super) async fn close(&mut self, op: &Close) -> Result<(), Failed> {
        let mut sample = self.sample(op.step);
        let point = self.point(op.step);
        self.sockets.read(op.socket).await;
        let lost = self.sockets.with(op.socket, |line| match line.end() {
            None => Some(None),
            Some(End::Broken(trouble)) => Some(Some(trouble.clone())),
            Some(End::ByPeer(_) | End::OfStream(_)) => None,
        });
        let closed = match lost.flatten() {
            None => {
                self.sockets.forget(op.socket);
                return Ok(());
            }
            Some(Some(trouble)) => {
                self.note(point, trouble.kind, || trouble.text);
                Err((trouble.kind, point))
            }
            Some(None) => self.shake_hands(op, &mut sample, point).await,
        };
        sample.done = self.thread.clock.now();
        self.sockets.forget(op.socket);
        match closed {
            Ok(()) => {
                self.tell(|| Event::Closed { step: op.step, time: sample.response_time() });
                self.due = sample.done;
                self.record(&sample);
                Ok(())
            }
            Err(reason) => Err(self.fail(sample, reason)),
        }
    }

    /// Sends, and takes the first message that arrived since `mark` and fits: its number.
    async fn round_trip(
        &mut self,
        op: &Call,
        mark: Mark,
        deadline: Offset,
        sample: &mut Sample,
        point: PointId,
    ) -> Result<u64, Reason> {
        let sent = match self.payload(&op.payload, point) {
            Ok(frame) => self.dispatch(op.socket, frame, deadline, sample, point).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = sent {
            sample.done = self.thread.clock.now();
            return Err(reason);
        }
        let (mut passed, mut first) = (0u64, mark.number);
        loop {
            let message = match self.next_reply(op.socket, first, deadline).await {
                Ok(message) => message,
                Err(trouble) => {
                    sample.done = self.thread.clock.now();
                    self.note(point, trouble.kind, || match passed {
                        0 => trouble.text.clone(),
                        _ => format!("{}; {passed} other messages did not fit", trouble.text),
                    });
                    return Err((trouble.kind, point));
                }
            };
            sample.bytes_received += message.bytes;
            sample.done = message.arrived;
            let fits = self.with_answer(op.socket, &message, sample, |user, answer| match &op.condition {
                Some(condition) if !user.fits(condition, answer, point)? => Ok(false),
                _ => {
                    user.tell_message(op.step, &message, sample);
                    user.judge(&op.parts, answer).map(|()| true)
                }
            })?;
            let beside = self.sockets.is_performing();
            if fits {
                if beside {
                    self.sockets.with(op.socket, |line| line.remove(message.number));
                }
                return Ok(message.number);
            }
            passed += 1;
            match beside {
                true => {
                    first = message.number + 1;
                    sample.bytes_received -= message.bytes;
                }
                false => self.pass_over(op.step, &message),
            }
        }
    }

    /// Sends our close frame and waits for the peer's.
    async fn shake_hands(&mut self, op: &Close, sample: &mut Sample, point: PointId) -> Result<(), Reason> {
        let reason = match &op.reason {
            Some(expr) => self.value(expr, point)?.text().into_owned(),
            None => String::new(),
        };
        let reason = reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned();
        let frame = Frame::Close(Some(CloseFrame { code: op.code.into(), reason: reason.into() }));
        let deadline = sample.due + op.timeout;
        sample.sent = self.thread.clock.now();
        let (sockets, clock) = (self.sockets.clone(), self.thread.clock.clone());
        let shaken = pin!(clock.within(deadline, async {
            sockets.send(op.socket, frame).await?;
            sockets.ended(op.socket).await
        }));
        let shaken = self.wait(shaken).await;
        sample.bytes_sent = self.newly_written(op.socket);
        let trouble = match shaken {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(trouble)) => trouble,
            Err(_) => {
                let text = format!("the peer sent no close frame in {}", duration_text(op.timeout));
                Trouble::new(ErrorKind::Timeout, text)
            }
        };
        self.note(point, trouble.kind, || trouble.text);
        Err((trouble.kind, point))
    }

    /// Sends one message by the deadline; the sample knows then when its first byte left and how many there were.
    async fn dispatch(
        &mut self,
        socket: SocketId,
        frame: Frame,
        deadline: Offset,
        sample: &mut Sample,
        point: PointId,
    ) -> Result<(), Reason> {
        let (sockets, clock) = (self.sockets.clone(), self.thread.clock.clone());
        sample.sent = clock.now();
        let step = sample.step;
        match &frame {
            Frame::Text(text) => self.tell(|| Event::Sent { step, message: trace::Message::Text(text) }),
            Frame::Binary(bytes) => self.tell(|| Event::Sent { step, message: trace::Message::Binary(bytes) }),
            _ => {}
        }
        self.hold_sent(socket, &frame, sample.sent);
        let sent = pin!(clock.within(deadline, sockets.send(socket, frame)));
        let sent = self.wait(sent).await;
        sample.bytes_sent = self.newly_written(socket);
        let trouble = match sent {
            Ok(Ok(())) => {
                if let Some(row) = self.sockets.with(socket, |line| line.row()).flatten() {
                    self.thread.recorder.borrow_mut().message_sent(row);
                }
                return Ok(());
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::new(ErrorKind::Timeout, "the message could not be sent in time: the peer does not read"),
        };
        self.note(point, trouble.kind, || trouble.text);
        Err((trouble.kind, point))
    }

    /// The next message of at least this number that arrived by the deadline.
    async fn next(&mut self, socket: SocketId, first: u64, deadline: Offset) -> Result<Message, Trouble> {
        let timeout = || Trouble::new(ErrorKind::Timeout, "no message came in time");
        let next = match self.sockets.stands() {
            false => self.thread.clock.within(deadline, self.sockets.next(socket, first)).await,
            true => {
                let (sockets, clock) = (self.sockets.clone(), self.thread.clock.clone());
                let next = pin!(clock.within(deadline, sockets.next(socket, first)));
                self.wait(next).await
            }
        };
        match next {
            // Waiting in the queue while we were late, it is still one that came too late.
            Ok(Ok(message)) if message.arrived > deadline => {
                self.sockets.with(socket, |line| line.put_back(message));
                Err(timeout())
            }
            Ok(next) => next,
            Err(_) => Err(timeout()),
        }
    }

    /// The next message of at least this number that may be the reply to a call. In a standing answer or timer it stays
    /// where it is: it may be the dialogue's.
    async fn next_reply(&mut self, socket: SocketId, first: u64, deadline: Offset) -> Result<Message, Trouble> {
        if !self.sockets.is_performing() {
            return self.next(socket, first, deadline).await;
        }
        match self.thread.clock.within(deadline, self.sockets.look(socket, first)).await {
            Ok(found) => found,
            Err(_) => Err(Trouble::new(ErrorKind::Timeout, "no message came in time")),
        }
    }

    /// Lets `ask` look at a message as an answer.
    fn with_answer<T>(
        &mut self,
        socket: SocketId,
        message: &Message,
        sample: &Sample,
        ask: impl FnOnce(&mut User, &Answer<'_>) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        let url: Rc<str> = self.sockets.with(socket, |line| line.url.clone()).unwrap_or_else(|| "".into());
        let asked = ask(self, &answer_of(message, &url, sample.response_time()));
        if asked.is_err() {
            self.hold_taken(socket, message);
        }
        asked
    }

    fn tell_message(&self, step: StepId, message: &Message, sample: &Sample) {
        let time = sample.response_time();
        self.tell(|| Event::Received { step, message: trace::Message::of(&message.body, true), time });
    }

    fn tell_passed(&self, step: StepId, message: &Message) {
        self.tell(|| Event::PassedOver { step, message: trace::Message::of(&message.body, true) });
    }

    /// Whether a message is one that the step waits for.
    fn fits(&mut self, condition: &Expr, answer: &Answer<'_>, point: PointId) -> Result<bool, Reason> {
        match self.holds_over(condition, answer) {
            Ok(fits) => Ok(fits),
            Err(NoValue { kind, why }) => {
                self.note(point, kind, || why);
                Err((kind, point))
            }
        }
    }

    /// A sample of this step, begun now.
    fn sample(&self, step: StepId) -> Sample {
        let begun = self.thread.clock.now();
        Sample {
            step,
            due: self.due,
            ready: self.due.max(self.free),
            begun,
            sent: begun,
            done: begun,
            outcome: Outcome::Ok,
            status: 0,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    fn point(&self, step: StepId) -> PointId {
        self.thread.plan.steps[step.0 as usize].point
    }

    fn begin(&self, step: StepId, socket: SocketId, due: Offset) -> Mark {
        let row = self.thread.plan.steps[step.0 as usize].series;
        let begun = self.sockets.with(socket, |line| line.begin(row, due));
        begun.unwrap_or(Mark { at: due, number: 0 })
    }

    /// Notes that a step on the socket ended, with this message if it took one; the next one is due then.
    fn end(&mut self, socket: SocketId, at: Offset, message: Option<u64>) {
        self.sockets.with(socket, |line| {
            let number = message.map_or(line.arrived, |number| number + 1);
            line.previous = Mark { at, number };
        });
        self.answered |= message.is_some();
        self.forget_passed();
        self.due = self.due.max(at);
    }

    fn newly_written(&self, socket: SocketId) -> u64 {
        self.sockets.with(socket, |line| line.newly_written()).unwrap_or(0)
    }

    fn no_value(&self, point: PointId, why: &str) -> Reason {
        self.note(point, ErrorKind::Value, || why.to_owned());
        (ErrorKind::Value, point)
    }

    fn closed(&self, point: PointId) -> Reason {
        self.note(point, ErrorKind::Closed, || "the socket is closed".to_owned());
        (ErrorKind::Closed, point)
    }

    fn count(&self, counter: Counter) {
        self.thread.recorder.borrow_mut().count(counter, 1);
    }

    /// Records a failed sample. Whoever catches the failure cuts the sockets.
    fn fail(&mut self, mut sample: Sample, (kind, point): Reason) -> Failed {
        sample.outcome = Outcome::Failed(kind, point);
        self.record(&sample);
        self.keep_talk(&sample, (kind, point));
        self.due = self.due.max(sample.done);
        Failed
    }
}

#[cfg(test)]
mod tests;
