//! Standing answers and timers: what happens on a user's sockets while its dialogue waits for something else.
//!
//! **Who runs them.** [`User::wait`], through which the user waits for everything. Before it asks whether what the
//! user waits for is there, it asks whether a message has come that a standing answer has not looked at, or a timer is
//! due; then that runs to its end, while what the user waits for goes on. One at a time: what comes meanwhile is looked
//! at afterwards.
//!
//! **Who sees a message.** A socket with standing answers shows its receives only what all answers have looked at and
//! none has taken. A `call` in a standing answer looks before both, and takes nothing but its reply.
//!
//! A user without standing things pays one comparison where it waits, and keeps no memory for them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::line::{Line, Message};
use super::sockets::Sockets;
use super::{Failed, User};
use crate::base::Offset;
use crate::plan::{Delay, EVERY_MIN, Every, OnReceive, Op, OpId, PointId, SocketId};
use crate::run::clock::Sleep;
use crate::run::dial::Trouble;
use crate::run::eval::Answer;
use crate::run::trace::Event;

/// What outlives single steps of a user's sockets. Most users have none of it.
#[derive(Default)]
pub(super) struct Lasting {
    /// By which block each socket was opened that outlives it.
    pub opened_by: Vec<(SocketId, OpId)>,
    answers: Vec<StandingAnswer>,
    timers: Vec<StandingTimer>,
    /// Wakes the user for the earliest timer, and when that is.
    alarm: Option<(Offset, Sleep)>,
}

/// Where something stands: on which socket, and as long as which of those that were kept in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct On {
    socket: SocketId,
    serial: u64,
}

struct StandingAnswer {
    on: On,
    /// Its operation.
    op: OpId,
    /// Messages below this number it has looked at.
    seen: u64,
}

struct StandingTimer {
    on: On,
    /// Its operation.
    op: OpId,
    due: Offset,
}

/// What is to be done.
enum Due {
    /// A message to look at.
    Message(SocketId, u64),
    /// A timer's turn.
    Timer(OpId),
}

/// The message that a standing answer is about.
pub struct Heard {
    message: Message,
    url: Rc<str>,
}

impl Heard {
    /// As what expressions look into.
    pub fn answer(&self) -> Answer<'_> {
        answer_of(&self.message, &self.url, Duration::ZERO)
    }

    /// What came, as it came.
    pub(super) fn bytes(&self) -> Bytes {
        self.message.body.clone()
    }
}

/// A message as what expressions look into.
pub(super) fn answer_of<'a>(message: &'a Message, url: &'a str, time: Duration) -> Answer<'a> {
    let body: &Bytes = &message.body;
    let event = message.event.as_deref();
    Answer { status: 0, headers: None, body, size: body.len() as u64, digest: None, url, time, event, session: None }
}

impl User {
    /// Waits for `future`, which does not borrow the user: meanwhile its standing answers and timers run.
    pub(in crate::run) async fn wait<F: Future>(&mut self, future: Pin<&mut F>) -> F::Output {
        match self.sockets.stands() {
            false => future.await,
            true => Box::pin(self.wait_beside(future)).await,
        }
    }

    async fn wait_beside<F: Future>(&mut self, mut future: Pin<&mut F>) -> F::Output {
        let sockets = self.sockets.clone();
        let mut output = None;
        loop {
            let due = poll_fn(|cx| match sockets.poll_due(cx) {
                Poll::Ready(due) => Poll::Ready(Some(due)),
                Poll::Pending => future.as_mut().poll(cx).map(|ready| {
                    output = Some(ready);
                    None
                }),
            });
            let due = due.await;
            if let Some(due) = due {
                let mut performing = Box::pin(self.perform(due));
                poll_fn(|cx| {
                    if output.is_none()
                        && let Poll::Ready(ready) = future.as_mut().poll(cx)
                    {
                        output = Some(ready);
                    }
                    performing.as_mut().poll(cx)
                })
                .await;
            }
            if let Some(ready) = output {
                return ready;
            }
        }
    }

    /// A standing answer stands from here on, in front of whatever lies there already.
    pub(in crate::run) fn stand_answer(&mut self, op: &OnReceive, at: OpId) {
        self.sockets.stand(op.socket, |lasting, on| {
            if !lasting.answers.iter().any(|known| known.on == on && known.op == at) {
                lasting.answers.push(StandingAnswer { on, op: at, seen: 0 });
            }
        });
    }

    /// A standing timer stands from here on.
    pub(in crate::run) fn stand_timer(&mut self, op: &Every, at: OpId) -> Result<(), Failed> {
        let due = self.thread.clock.now() + self.interval(&op.interval, op.point)?;
        self.sockets.stand(op.socket, |lasting, on| {
            lasting.timers.retain(|known| known.on != on || known.op != at);
            lasting.timers.push(StandingTimer { on, op: at, due });
        });
        Ok(())
    }

    fn interval(&mut self, interval: &Delay, point: PointId) -> Result<Duration, Failed> {
        match self.pause_length(interval, point) {
            Ok(length) => Ok(length.max(EVERY_MIN)),
            Err((kind, point)) => Err(self.fail_at(kind, point)),
        }
    }

    /// Does what is due. Where it fails, the user's iteration ends at its next step.
    async fn perform(&mut self, due: Due) {
        let sockets = self.sockets.clone();
        sockets.performing.set(true);
        let done = match due {
            Due::Message(socket, number) => self.answer(socket, number).await,
            Due::Timer(op) => self.turn(op).await,
        };
        sockets.performing.set(false);
        if done.is_err() {
            sockets.failed.set(true);
        }
    }

    /// Shows a message to the standing answers that have not looked at it.
    async fn answer(&mut self, socket: SocketId, number: u64) -> Result<(), Failed> {
        let thread = self.thread.clone();
        let heard = self
            .sockets
            .with(socket, |line| Some(Heard { message: line.look(number)?.clone(), url: line.url.clone() }));
        let Some(heard) = heard.flatten().map(Rc::new) else { return Ok(()) };
        while let Some(at) = self.sockets.next_answer(socket, number) {
            let Op::OnReceive(op) = &thread.plan.ops[at.0 as usize] else {
                unreachable!("that is what was registered")
            };
            let fits = match &op.condition {
                Some(condition) => self.fits(condition, &heard.answer(), op.point),
                None => Ok(true),
            };
            match fits {
                Ok(false) => continue,
                Ok(true) => {}
                Err((kind, point)) => return Err(self.fail_at(kind, point)),
            }
            if !op.keep {
                self.sockets.with(socket, |line| line.remove(number));
                self.sockets.all_have_seen(socket, number);
            }
            self.tell_standing(op.point, Some(&heard.message));
            self.stand_up(socket, op.body, Some(heard.clone())).await?;
        }
        Ok(())
    }

    /// A timer's turn.
    async fn turn(&mut self, at: OpId) -> Result<(), Failed> {
        let thread = self.thread.clone();
        let Op::Every(op) = &thread.plan.ops[at.0 as usize] else { unreachable!("that is what was registered") };
        let interval = self.interval(&op.interval, op.point);
        // Without an interval there is no next turn.
        self.sockets.next_turn(at, interval.as_ref().ok().copied());
        interval?;
        self.tell_standing(op.point, None);
        self.stand_up(op.socket, op.body, None).await
    }

    /// Does the block of a standing thing. The dialogue's own times are left as they are.
    async fn stand_up(&mut self, socket: SocketId, body: OpId, heard: Option<Rc<Heard>>) -> Result<(), Failed> {
        let due = std::mem::replace(&mut self.due, self.thread.clock.now());
        let paused = self.paused;
        let previous = self.sockets.with(socket, |line| line.previous);
        let outer = std::mem::replace(&mut self.heard, heard);
        // What the dialogue tries again, or goes on behind, is no business of what stands beside it.
        let frames = std::mem::take(&mut self.frames);
        let done = Box::pin(self.walk(body)).await;
        (self.heard, self.due, self.paused, self.frames) = (outer, due, paused, frames);
        self.sockets.with(socket, |line| {
            line.previous = previous.unwrap_or(line.previous);
            line.called = None;
        });
        done
    }

    fn tell_standing(&self, point: PointId, message: Option<&Message>) {
        self.tell(|| Event::Entered {
            point,
            note: message.and_then(|message| std::str::from_utf8(&message.body).ok()).unwrap_or_default(),
        });
    }
}

impl Sockets {
    /// Whether anything stands, and may run now.
    #[inline]
    pub fn stands(&self) -> bool {
        self.stands.get() && !self.performing.get()
    }

    /// Whether a standing answer or timer runs now.
    pub(super) fn is_performing(&self) -> bool {
        self.performing.get()
    }

    /// Whether a standing answer or timer has failed: the iteration ends at its next step. What it does itself goes on.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.failed.get() && !self.performing.get()
    }

    /// The iteration has ended: what has failed is counted.
    pub fn forgive(&self) {
        self.failed.set(false);
    }

    /// Lets something stand on a socket that is open.
    fn stand(&self, socket: SocketId, add: impl FnOnce(&mut Lasting, On)) {
        let Some(serial) = self.with(socket, |line| line.serial) else { return };
        let mut lasting = self.lasting.borrow_mut();
        add(lasting.get_or_insert_default(), On { socket, serial });
        drop(lasting);
        self.stands.set(true);
        self.show(socket);
    }

    /// What is due now; else makes that the user wakes when something is.
    fn poll_due(&self, cx: &mut Context<'_>) -> Poll<Due> {
        let mut lasting = self.lasting.borrow_mut();
        let Some(lasting) = lasting.as_deref_mut() else { return Poll::Pending };
        {
            let open = self.open.borrow();
            let line = |on: On| open[on.socket.0 as usize].as_deref().filter(|line| line.serial == on.serial);
            lasting.answers.retain(|answer| line(answer.on).is_some());
            // Nobody hears what is sent to a socket that has ended.
            lasting
                .timers
                .retain(|timer| line(timer.on).is_some_and(|line| line.end().is_none() && !line.is_closing()));
        }
        if lasting.answers.is_empty() && lasting.timers.is_empty() {
            self.stands.set(false);
            return Poll::Pending;
        }
        for index in 0..lasting.answers.len() {
            let socket = lasting.answers[index].on.socket;
            self.read_now(socket, cx);
            let seen = lasting.answers.iter().filter(|other| other.on.socket == socket).map(|other| other.seen);
            let first = seen.min().unwrap_or_default();
            let found = self.with(socket, |line| line.first_from(first)).flatten();
            if let Some(number) = found {
                return Poll::Ready(Due::Message(socket, number));
            }
        }
        let now = self.thread.clock.now();
        let Some(next) = lasting.timers.iter().min_by_key(|timer| timer.due) else {
            lasting.alarm = None;
            return Poll::Pending;
        };
        let (due, op) = (next.due, next.op);
        if due <= now {
            return Poll::Ready(Due::Timer(op));
        }
        if lasting.alarm.as_ref().is_none_or(|(armed, _)| *armed != due) {
            lasting.alarm = Some((due, self.thread.clock.sleep_until(due)));
        }
        if let Some((_, sleep)) = &mut lasting.alarm
            && pin!(sleep).poll(cx).is_ready()
        {
            lasting.alarm = None;
            return Poll::Ready(Due::Timer(op));
        }
        Poll::Pending
    }

    /// The first standing answer on a socket that has not looked at this message: now it has.
    fn next_answer(&self, socket: SocketId, number: u64) -> Option<OpId> {
        let mut lasting = self.lasting.borrow_mut();
        let answers = lasting.as_deref_mut().map(|lasting| lasting.answers.as_mut_slice()).unwrap_or_default();
        let next = answers.iter_mut().find(|answer| answer.on.socket == socket && answer.seen <= number);
        let next = next.map(|answer| {
            answer.seen = number + 1;
            answer.op
        });
        drop(lasting);
        if next.is_none() {
            self.show(socket);
        }
        next
    }

    /// Nobody else looks at this message.
    fn all_have_seen(&self, socket: SocketId, number: u64) {
        if let Some(lasting) = self.lasting.borrow_mut().as_deref_mut() {
            let of_socket = lasting.answers.iter_mut().filter(|answer| answer.on.socket == socket);
            of_socket.for_each(|answer| answer.seen = answer.seen.max(number + 1));
        }
        self.show(socket);
    }

    /// Shows a socket's receives what all of its answers have looked at.
    fn show(&self, socket: SocketId) {
        let lasting = self.lasting.borrow();
        let answers = lasting.as_deref().map(|lasting| lasting.answers.as_slice()).unwrap_or_default();
        let seen = |line: &Line| {
            let of_line = answers.iter().filter(|answer| answer.on == On { socket, serial: line.serial });
            of_line.map(|answer| answer.seen).min().unwrap_or(u64::MAX)
        };
        self.with(socket, |line| line.shown = seen(line));
    }

    /// When this timer is due next; without an interval, never.
    fn next_turn(&self, op: OpId, interval: Option<Duration>) {
        let now = self.thread.clock.now();
        let mut lasting = self.lasting.borrow_mut();
        let Some(lasting) = lasting.as_deref_mut() else { return };
        match interval {
            None => lasting.timers.retain(|timer| timer.op != op),
            Some(interval) => {
                for timer in lasting.timers.iter_mut().filter(|timer| timer.op == op && timer.due <= now) {
                    let next = timer.due + interval;
                    // Turns that were missed are not made up for.
                    timer.due = if next > now { next } else { now + interval };
                }
            }
        }
    }

    /// The first message from this number on, left where it is.
    ///
    /// Errors: the socket has ended and holds no such message.
    pub(super) async fn look(&self, id: SocketId, first: u64) -> Result<Message, Trouble> {
        self.poll(id, |line, cx, thread, turn| {
            line.called = Some(first);
            loop {
                if let Some(number) = line.first_from(first) {
                    return Poll::Ready(line.look(number).cloned().ok_or_else(super::transport::gone));
                }
                if !line.read(cx, thread, turn) || line.first_from(first).is_none() {
                    break;
                }
            }
            match line.end() {
                Some(end) => Poll::Ready(Err(end.trouble())),
                None => Poll::Pending,
            }
        })
        .await
    }
}
