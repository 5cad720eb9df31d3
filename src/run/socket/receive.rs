//! The forms of `receive`: what they take, what they pass over, and when they have enough.

use std::pin::pin;

use tokio_tungstenite::tungstenite::Message as Frame;

use super::line::{Mark, Message};
use super::{Failed, Reason, User};
use crate::base::Offset;
use crate::base::units::duration_text;
use crate::metrics::{Counter, ErrorKind, Outcome, Sample};
use crate::plan::expr::Extractor;
use crate::plan::{
    Expected, Expr, PointId, Receive, ReceiveAll, ReceiveClose, ReceiveForm, Since, SocketId, StepId, Value,
};
use crate::run::dial::Trouble;
use crate::run::trace::Event;

/// When a receive has enough.
enum Goal<'a> {
    /// With so many.
    Count(u64),
    /// With the one that fits.
    Until(&'a Expr),
    /// When its time is up; then it wants at least so many.
    Time(u64),
}

/// What a receive is about.
struct Wanted<'a> {
    goal: Goal<'a>,
    /// What the first message is timed from, and the first number that is new enough.
    reference: Mark,
    /// When its time is up.
    deadline: Offset,
}

impl User {
    /// Takes messages: one sample each.
    pub(in crate::run) async fn receive(&mut self, op: &Receive) -> Result<(), Failed> {
        let start = self.sample(op.step);
        let point = self.point(op.step);
        self.sockets.read(op.socket).await;
        let Wanted { goal, mut reference, deadline } = match self.wanted(op, start.due, point) {
            Ok(wanted) => wanted,
            Err(reason) => return Err(self.fail(start, reason)),
        };
        let (mut taken, mut passed, mut bytes) = (0, 0u64, 0);
        loop {
            if matches!(goal, Goal::Count(count) if taken >= count) {
                return Ok(());
            }
            let message = match self.next(op.socket, reference.number, deadline).await {
                Ok(message) => message,
                Err(trouble) => {
                    let timeout = trouble.kind == ErrorKind::Timeout;
                    if timeout && matches!(goal, Goal::Time(least) if taken >= least) {
                        // Its time is part of the dialogue, whatever came: the next step is due when it is over.
                        self.due = self.due.max(deadline);
                        return Ok(());
                    }
                    let done = if timeout { deadline } else { self.thread.clock.now() };
                    let sample = arrival(op.step, reference.at, done, bytes);
                    self.note(point, trouble.kind, || {
                        missing(&trouble, &goal, deadline.since(start.due), taken, passed)
                    });
                    return Err(self.fail(sample, (trouble.kind, point)));
                }
            };
            bytes += message.bytes;
            let mut sample = arrival(op.step, reference.at, message.arrived, bytes);
            let judged = self.with_answer(op.socket, &message, &sample, |user, answer| {
                let last = match goal {
                    Goal::Until(condition) => user.fits(condition, answer, point)?,
                    _ => false,
                };
                match &op.condition {
                    Some(condition) if !last && !user.fits(condition, answer, point)? => return Ok(None),
                    _ => {}
                }
                user.tell_message(op.step, &message, &sample);
                user.judge(&op.parts, answer)?;
                Ok(Some(last))
            });
            let last = match judged {
                Ok(Some(last)) => last,
                Ok(None) => {
                    passed += 1;
                    self.pass_over(op.step, &message);
                    continue;
                }
                Err(reason) => return Err(self.fail(sample, reason)),
            };
            if message.arrived < reference.at {
                self.count(Counter::Early);
            }
            sample.outcome = Outcome::Ok;
            self.record(&sample);
            self.end(op.socket, message.arrived, Some(message.number));
            if op.since.is_none() {
                reference.at = message.arrived;
            }
            if last {
                return Ok(());
            }
            taken += 1;
            bytes = 0;
        }
    }

    /// Takes several messages in any order: each is a step, timed from the same reference.
    pub(in crate::run) async fn receive_all(&mut self, op: &ReceiveAll) -> Result<(), Failed> {
        let Some(first) = op.expected.first() else { return Ok(()) };
        let start = self.sample(first.step);
        let deadline = start.due + op.within;
        self.sockets.read(op.socket).await;
        let reference = match self.reference(op.socket, op.since, self.point(first.step)) {
            Ok(reference) => reference,
            Err(reason) => return Err(self.fail(start, reason)),
        };
        for expected in &op.expected {
            self.begin(expected.step, op.socket, start.due);
        }
        let mut missing: Vec<&Expected> = op.expected.iter().collect();
        let (mut passed, mut bytes) = (0u64, 0);
        while !missing.is_empty() {
            let message = match self.next(op.socket, reference.number, deadline).await {
                Ok(message) => message,
                Err(trouble) => {
                    let timeout = trouble.kind == ErrorKind::Timeout;
                    let done = if timeout { deadline } else { self.thread.clock.now() };
                    let came = op.expected.len() - missing.len();
                    return Err(self.fail_missing(op, &missing, &trouble, reference.at, done, (came, passed, bytes)));
                }
            };
            bytes += message.bytes;
            let mut fitting = None;
            for (index, expected) in missing.iter().enumerate() {
                let mut sample = arrival(expected.step, reference.at, message.arrived, bytes);
                let point = self.point(expected.step);
                let judged = self.with_answer(op.socket, &message, &sample, |user, answer| {
                    match &expected.condition {
                        Some(condition) if !user.fits(condition, answer, point)? => return Ok(false),
                        _ => {}
                    }
                    user.tell_message(expected.step, &message, &sample);
                    user.judge(&expected.parts, answer).map(|()| true)
                });
                match judged {
                    Ok(true) => {
                        sample.outcome = Outcome::Ok;
                        self.record(&sample);
                        fitting = Some(index);
                        break;
                    }
                    Ok(false) => {}
                    Err(reason) => return Err(self.fail(sample, reason)),
                }
            }
            match fitting {
                Some(index) => {
                    missing.remove(index);
                    self.end(op.socket, message.arrived, Some(message.number));
                    bytes = 0;
                }
                None => {
                    passed += 1;
                    self.pass_over(missing[0].step, &message);
                }
            }
        }
        Ok(())
    }

    /// Every message that has not come is a step that has failed.
    fn fail_missing(
        &mut self,
        op: &ReceiveAll,
        missing: &[&Expected],
        trouble: &Trouble,
        reference: Offset,
        done: Offset,
        (came, passed, mut bytes): (usize, u64, u64),
    ) -> Failed {
        let mut failed = None;
        for expected in missing {
            let point = self.point(expected.step);
            self.note(point, trouble.kind, || {
                let mut text = match trouble.kind {
                    ErrorKind::Timeout => format!("no message that fits came within {}", duration_text(op.within)),
                    _ => trouble.text.clone(),
                };
                if came > 0 {
                    text += &format!("; {came} of {} messages came", op.expected.len());
                }
                text + &did_not_fit(passed)
            });
            let sample = arrival(expected.step, reference, done, std::mem::take(&mut bytes));
            failed = Some(self.fail(sample, (trouble.kind, point)));
        }
        failed.unwrap_or(Failed)
    }

    /// Waits for the peer's close frame; its time is that of a message.
    pub(in crate::run) async fn receive_close(&mut self, op: &ReceiveClose) -> Result<(), Failed> {
        let start = self.sample(op.step);
        let point = self.point(op.step);
        let deadline = start.due + op.within;
        self.sockets.read(op.socket).await;
        let reference = match self.reference(op.socket, op.since, point) {
            Ok(reference) => reference,
            Err(reason) => return Err(self.fail(start, reason)),
        };
        self.begin(op.step, op.socket, start.due);
        let (sockets, clock) = (self.sockets.clone(), self.thread.clock.clone());
        let closed = pin!(clock.within(deadline, sockets.closed_by_peer(op.socket)));
        let closed = self.wait(closed).await;
        let (done, trouble) = match closed {
            Ok(Ok((code, at))) if at <= deadline => (at, self.wrong_code(op, code)),
            Ok(Err((trouble, at))) if at <= deadline => (at, Some(trouble)),
            _ => {
                let text = format!("the peer did not close the socket within {}", duration_text(op.within));
                (deadline, Some(Trouble::new(ErrorKind::Timeout, text)))
            }
        };
        let sample = arrival(op.step, reference.at, done, 0);
        if let Some(trouble) = trouble {
            self.note(point, trouble.kind, || trouble.text.clone());
            return Err(self.fail(sample, (trouble.kind, point)));
        }
        if done < reference.at {
            self.count(Counter::Early);
        }
        self.tell(|| Event::Closed { step: op.step, time: sample.response_time() });
        self.record(&sample);
        self.end(op.socket, done, None);
        Ok(())
    }

    /// What is wrong with the code that the peer closed with.
    fn wrong_code(&self, op: &ReceiveClose, code: Option<u16>) -> Option<Trouble> {
        let expected = op.code.filter(|expected| code != Some(*expected))?;
        let with = code.map_or_else(|| "without a code".to_owned(), |code| format!("with {code}"));
        Some(Trouble::new(ErrorKind::Expect, format!("the peer closed the socket {with}, expected {expected}")))
    }

    /// When the receive has enough, what it is timed from, and how long it waits. From here on it counts as begun.
    fn wanted<'a>(&mut self, op: &'a Receive, due: Offset, point: PointId) -> Result<Wanted<'a>, Reason> {
        let mut deadline = due + op.within;
        let goal = match &op.form {
            ReceiveForm::Count(None) => Goal::Count(1),
            ReceiveForm::Count(Some(count)) => Goal::Count(self.messages(count, point)?),
            ReceiveForm::Until(condition) => Goal::Until(condition),
            ReceiveForm::For { length, at_least } => {
                let Value::Duration(length) = self.value(length, point)? else {
                    return Err(self.no_value(point, "`receive for` takes a duration"));
                };
                deadline = due + length;
                Goal::Time(at_least.as_ref().map_or(Ok(0), |least| self.messages(least, point))?)
            }
        };
        // Looked up before this step counts as begun: `since` may name its own row, and means the run before.
        let reference = self.reference(op.socket, op.since, point);
        let begun = self.begin(op.step, op.socket, due);
        let mut reference = reference?;
        match goal {
            // What lies there already did not arrive in its time.
            Goal::Time(_) => reference.number = begun.number,
            // What lies there already is taken, as early, unless a reference says from where on.
            _ if op.since.is_none() => reference.number = 0,
            _ => {}
        }
        Ok(Wanted { goal, reference, deadline })
    }

    /// A number of messages.
    fn messages(&mut self, count: &Expr, point: PointId) -> Result<u64, Reason> {
        match self.value(count, point)?.as_number() {
            Some(count) if count >= 0.0 && count.fract() == 0.0 => Ok(count as u64),
            _ => Err(self.no_value(point, "`receive` takes a whole number of messages, 0 or more")),
        }
    }

    /// The moment that a receive is timed from: the end of the socket's previous step, or what `since` says.
    fn reference(&self, socket: SocketId, since: Option<Since>, point: PointId) -> Result<Mark, Reason> {
        let reference = self.sockets.with(socket, |line| match since {
            None => Some(line.previous),
            Some(since) => line.mark(since),
        });
        match reference {
            Some(Some(reference)) => Ok(reference),
            Some(None) => Err(self.no_value(point, "`since` names a step that has not run on this socket")),
            None => Err(self.closed(point)),
        }
    }

    /// Counts a message that the step does not want.
    pub(super) fn pass_over(&self, step: StepId, message: &Message) {
        self.tell_passed(step, message);
        self.hold_passed(message);
        self.count(Counter::PassedOver);
    }

    /// What is sent.
    pub(super) fn payload(&mut self, payload: &crate::plan::Payload, point: PointId) -> Result<Frame, Reason> {
        use crate::plan::Payload;
        Ok(match payload {
            Payload::Text(expr) => Frame::Text(self.value(expr, point)?.text().into_owned().into()),
            Payload::Json(expr) => Frame::Text(match self.value(expr, point)? {
                // Already JSON: its text needs no copy to be made.
                Value::Json(json) => json.to_string().into(),
                other => other.to_json().to_string().into(),
            }),
            // As it came: text would lose what is no UTF-8.
            Payload::Binary(Expr::Extract(Extractor::Body)) if let Some(heard) = &self.heard => {
                Frame::Binary(heard.bytes())
            }
            Payload::Binary(expr) => Frame::Binary(match self.value(expr, point)? {
                value if value.as_bytes().is_some() => value.as_bytes().unwrap_or_default().to_vec().into(),
                other => other.text().into_owned().into_bytes().into(),
            }),
        })
    }
}

/// The sample of a message: from its reference to its arrival, never below zero. Nothing was sent and nobody was late.
fn arrival(step: StepId, reference: Offset, arrived: Offset, bytes: u64) -> Sample {
    Sample {
        step,
        due: reference,
        ready: reference,
        begun: reference,
        sent: reference,
        done: arrived.max(reference),
        outcome: Outcome::Ok,
        status: 0,
        bytes_sent: 0,
        bytes_received: bytes,
    }
}

/// What a receive has to say when it does not get all that it wanted.
fn missing(trouble: &Trouble, goal: &Goal<'_>, within: std::time::Duration, taken: u64, passed: u64) -> String {
    let within = duration_text(within);
    let messages = |count: u64| if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    let text = match (trouble.kind, goal) {
        (ErrorKind::Timeout, Goal::Count(1)) => format!("no message came within {within}"),
        (ErrorKind::Timeout, Goal::Count(count)) => format!("{taken} of {count} messages came within {within}"),
        (ErrorKind::Timeout, Goal::Until(_)) => {
            format!("the message that ends it did not come within {within}; {} came before", messages(taken))
        }
        (ErrorKind::Timeout, Goal::Time(least)) => {
            format!("{} came in {within}, expected at least {least}", messages(taken))
        }
        (_, Goal::Count(1)) => trouble.text.clone(),
        (_, Goal::Count(count)) => format!("{} after {taken} of {count} messages", trouble.text),
        (_, Goal::Until(_) | Goal::Time(_)) => format!("{} after {}", trouble.text, messages(taken)),
    };
    text + &did_not_fit(passed)
}

fn did_not_fit(passed: u64) -> String {
    match passed {
        0 => String::new(),
        _ => format!("; {passed} other messages did not fit"),
    }
}
