//! One virtual user: walks the plan's operations, one after another.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use super::control::{Frame, Stopped};
use super::deal::Hand;
use super::random::Random;
use super::session::Session;
use super::socket::{Heard, Sockets};
use super::thread::Thread;
use super::trace::Event;
use crate::base::Offset;
use crate::plan::{Block, Op, OpId, UserId, Value};

/// After so many operations without waiting, a user lets the others go first: a `repeat` of nothing but `let`s must
/// not hold up its thread, nor the end of the run.
const STRIDE: u32 = 1_000;

/// One virtual user: a person with values, connections and a random stream of its own.
pub struct User {
    /// The world it lives in.
    pub thread: Rc<Thread>,
    /// Its class.
    pub class: UserId,
    /// Its number over the whole run, from 0.
    pub id: u64,
    /// How many iterations it has begun, less one.
    pub iteration: u64,
    /// Its values, by `SlotId`; `None`: nothing there.
    pub slots: Vec<Option<Value>>,
    /// Its sockets. Shared with the [`attend`](super::socket::attend) around its walk, which reads them as they come;
    /// cut with [`Sockets::cut`] after a failure and when the iteration is abandoned.
    pub sockets: Rc<Sockets>,
    /// Its HTTP connections.
    pub session: Rc<Session>,
    /// The URL of the last HTTP answer in this iteration, where the plan has paths that may be relative to it.
    pub last_url: Option<Rc<str>>,
    /// Whether it has found no row in this iteration.
    pub empty_handed: bool,
    /// What it has been dealt of each data; empty until it takes.
    pub hands: Vec<Hand>,
    /// The blocks around the present place whose failure or time is their own.
    pub frames: Vec<Frame>,
    /// Set when its way has ended before the last statement, without failure.
    pub stopped: Option<Stopped>,
    /// Its dice.
    pub random: Random,
    /// When the next step is due: the end of the last one, or of a pause.
    pub due: Offset,
    /// Until when the target kept it busy with what came before: a step that was due earlier is not late by our doing.
    pub free: Offset,
    /// How long it has paused in this iteration.
    pub paused: Duration,
    /// Whether anything has come back from a target in this iteration.
    pub answered: bool,
    /// When a failure that nobody answered may be caught again.
    pub held: Offset,
    /// The message that a standing answer is about, while one runs.
    pub heard: Option<Rc<Heard>>,
}

/// A step has failed and its sample is recorded: the iteration ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed;

impl User {
    /// User `id` of `class`, new born: no values, no connections.
    pub fn new(thread: &Rc<Thread>, class: UserId, id: u64, due: Offset) -> User {
        let user = &thread.plan.users[class.0 as usize];
        User {
            class,
            id,
            iteration: 0,
            slots: vec![None; user.slots as usize],
            sockets: Rc::new(Sockets::new(thread.clone(), user.sockets)),
            session: Rc::default(),
            last_url: None,
            empty_handed: false,
            hands: Vec::new(),
            frames: Vec::new(),
            stopped: None,
            random: Random::new(thread.plan.seed, id),
            due,
            free: Offset::ZERO,
            paused: Duration::ZERO,
            answered: false,
            held: Offset::ZERO,
            heard: None,
            thread: thread.clone(),
        }
    }

    /// Becomes a new person: without values, rows, cookies and connections; only number and dice stay.
    pub(super) fn begin_anew(&mut self) {
        self.sockets.cut();
        self.give_back();
        self.hands.clear();
        self.slots.fill(None);
        self.session = Rc::default();
    }

    /// Walks the block that begins at `start` to its end, or to the first failure that nothing in it catches, which is
    /// recorded.
    pub(super) async fn walk(&mut self, start: OpId) -> Result<(), Failed> {
        let base = self.frames.len();
        let mut start = start;
        loop {
            match self.walk_on(start, base).await {
                Err(Failed) if self.frames.len() > base => match Box::pin(self.unwind(base)).await {
                    Some(caught) => start = caught,
                    None => return Err(Failed),
                },
                ended => return ended,
            }
        }
    }

    /// Walks on from `start`, to the end of the block or the first failure. Blocks entered before `base` are others'.
    async fn walk_on(&mut self, start: OpId, base: usize) -> Result<(), Failed> {
        let thread = self.thread.clone();
        let mut at = start.0 as usize;
        let mut stride = 0;
        loop {
            let index = at;
            at += 1;
            let op = &thread.plan.ops[index];
            if self.sockets.has_failed() && op.is_step() {
                return Err(Failed);
            }
            match op {
                // The futures of steps are large beside that of a walk: they live in boxes, so that a user which
                // pauses between two steps is without them.
                Op::Http(op) => {
                    Box::pin(self.http(op, index)).await?;
                    stride = 0;
                    continue;
                }
                Op::Connect(op) => {
                    Box::pin(self.connect(op)).await?;
                    self.answered = true;
                }
                Op::Open { socket, block, behind } => {
                    Box::pin(self.open_by(*socket, *block)).await?;
                    if self.stopped.is_some() {
                        self.stop(base, false);
                        return Ok(());
                    }
                    at = behind.0 as usize;
                }
                Op::Events(op) => Box::pin(self.listen(op)).await?,
                Op::LeaveEvents { socket } => self.sockets.leave_stream(*socket),
                Op::With { point, .. } => self.tell(|| Event::Entered { point: *point, note: "" }),
                Op::OnReceive(op) => {
                    self.stand_answer(op, OpId(index as u32));
                    at = op.behind.0 as usize;
                }
                Op::Every(op) => {
                    self.stand_timer(op, OpId(index as u32))?;
                    at = op.behind.0 as usize;
                }
                Op::Reopen { socket } => Box::pin(self.reopen(*socket)).await?,
                Op::Send(op) => Box::pin(self.send(op)).await?,
                Op::Receive(op) => Box::pin(self.receive(op)).await?,
                Op::ReceiveAll(op) => Box::pin(self.receive_all(op)).await?,
                Op::ReceiveClose(op) => Box::pin(self.receive_close(op)).await?,
                Op::Call(op) => Box::pin(self.call(op)).await?,
                Op::Close(op) => Box::pin(self.close(op)).await?,
                Op::Pause { delay, point } => {
                    let pause = self.pause_length(delay, *point).map_err(|(kind, point)| self.fail_at(kind, point))?;
                    self.pause(pause).await;
                }
                Op::Take { slot, data, point } => match Box::pin(self.take(*data)).await {
                    Some(row) => {
                        self.tell(|| Event::Value { point: Some(*point), slot: *slot, value: &row });
                        self.slots[slot.0 as usize] = Some(row);
                    }
                    None => {
                        self.empty_handed = true;
                        self.stop(base, true);
                        return Ok(());
                    }
                },
                Op::Enter { block: Block::Parallel, behind, .. } => {
                    Box::pin(self.parallel(OpId(index as u32), *behind)).await?;
                    at = behind.0 as usize;
                }
                Op::Enter { block, .. } => self.enter(OpId(index as u32), block)?,
                Op::Leave => self.leave_block(),
                Op::LoopFor { length, counter, limit, end, point } => {
                    if !self.begin_time(length, (*counter, *limit), *point)? {
                        at = end.0 as usize;
                    }
                }
                Op::AgainFor { counter, limit, body } => {
                    if self.again_in_time(*counter, *limit).await {
                        at = body.0 as usize;
                    }
                }
                Op::Stop { user } => {
                    self.stop(base, *user);
                    return Ok(());
                }
                Op::End => return Ok(()),
                op => at = self.plain(op, at).expect("every operation is one or the other")?,
            }
            stride += 1;
            if stride >= STRIDE {
                stride = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// One pass through the block that begins at `start`: its statements, then the sockets that it leaves open.
    pub(super) async fn pass(&mut self, start: OpId) -> Result<(), Failed> {
        self.walk(start).await?;
        if self.sockets.has_failed() {
            return Err(Failed);
        }
        let first = self.thread.plan.users[self.class.0 as usize].user_sockets;
        if self.sockets.is_to_leave(first) {
            Box::pin(self.leave(false)).await?;
        }
        if self.stopped.is_some() {
            // A stream of events that was being read.
            self.sockets.cut_from(first);
        }
        Ok(())
    }

    /// Waits for so long from when the next step would have been due.
    pub(super) async fn pause(&mut self, length: Duration) {
        self.tell(|| Event::Pause { length });
        self.due = self.due + length;
        self.paused += length;
        self.session.rest(length);
        let sleep = pin!(self.thread.clock.sleep_until(self.due));
        self.wait(sleep).await;
    }
}
