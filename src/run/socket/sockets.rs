//! The sockets of a user, read as messages come.
//!
//! **Who reads.** There is no task per socket. [`attend`] stands around the user's walk: whenever the user's task wakes,
//! for whatever reason, it first reads all its sockets dry, stamps what has arrived and queues it, and then lets the
//! walk go on. A socket that becomes readable wakes that same task. So a message is stamped when it arrives, also while
//! the user pauses or waits for HTTP, at the cost of one wake-up and no second task, channel or lock; and nothing can be
//! left behind, for dropping the walk drops the sockets.
//!
//! Cost of an idle socket: a buffer of half a KiB, some 700 bytes beside it, and what tokio and the kernel keep.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message as Frame;

use super::line::{End, Line, Message, Open, Source};
use super::standing::Lasting;
use super::talk::Talk;
use super::transport::{gone, trouble};
use crate::base::Offset;
use crate::metrics::Counter;
use crate::plan::{OpId, SocketId, StepId};
use crate::run::dial::Trouble;
use crate::run::finish::Phase;
use crate::run::thread::Thread;

/// The sockets of one user, by `SocketId`.
pub struct Sockets {
    pub(super) thread: Rc<Thread>,
    pub(super) open: RefCell<Vec<Option<Box<Line>>>>,
    /// How often [`attend`] has been polled: what was read dry in this turn need not be read again. 0 outside of it.
    turn: Cell<u64>,
    /// How many have been opened.
    opened: Cell<u64>,
    /// Whether anything may stand.
    pub(super) stands: Cell<bool>,
    /// Whether a standing answer or timer runs.
    pub(super) performing: Cell<bool>,
    /// Whether one has failed since the iteration began.
    pub(super) failed: Cell<bool>,
    /// What outlives single steps. Most users have none of it.
    pub(super) lasting: RefCell<Option<Box<Lasting>>>,
    /// What was last said, for failures that are kept.
    pub(super) talk: RefCell<Option<Box<Talk>>>,
}

/// Runs `walk`, the user's whole life, and reads its sockets whenever it wakes, whatever the walk is waiting for: so
/// messages are stamped when they arrive. No task of its own: dropping the returned future leaves nothing behind.
pub fn attend<F: Future>(sockets: Rc<Sockets>, walk: F) -> impl Future<Output = F::Output> {
    let mut walk = Box::pin(walk);
    let has_none = sockets.open.borrow().is_empty();
    poll_fn(move |cx| {
        if has_none {
            return walk.as_mut().poll(cx);
        }
        sockets.turn.set(sockets.turn.get() + 1);
        // Once the run is over the walk only ends: whatever lies in a thousand sockets, nobody waits for it to be read.
        if sockets.thread.finish.phase() < Phase::Over {
            sockets.read_all(cx);
        }
        let walked = walk.as_mut().poll(cx);
        if walked.is_pending() {
            // A socket that the walk has just opened wakes nobody before it is read.
            sockets.read_all(cx);
        }
        walked
    })
}

impl Sockets {
    /// Places for `count` sockets, all empty, of a user on this thread.
    pub fn new(thread: Rc<Thread>, count: u32) -> Sockets {
        let open = (0..count).map(|_| None).collect();
        Sockets {
            thread,
            open: RefCell::new(open),
            turn: Cell::new(0),
            opened: Cell::new(0),
            stands: Cell::new(false),
            performing: Cell::new(false),
            failed: Cell::new(false),
            lasting: RefCell::new(None),
            talk: RefCell::new(None),
        }
    }

    /// Drops all sockets without a closing handshake and without a step: after a failure.
    pub fn cut(&self) {
        self.cut_from(0);
    }

    /// Drops the sockets from this place on, as [`cut`](Sockets::cut) does: those below are the user's.
    pub fn cut_from(&self, first: u32) {
        self.open.borrow_mut().iter_mut().skip(first as usize).for_each(|line| *line = None);
    }

    /// How many sockets have been opened so far: a mark for [`cut_since`](Sockets::cut_since).
    pub fn opened(&self) -> u64 {
        self.opened.get()
    }

    /// Drops the sockets that were opened since that mark, as [`cut`](Sockets::cut) does.
    pub fn cut_since(&self, mark: u64) {
        for line in self.open.borrow_mut().iter_mut() {
            line.take_if(|line| line.serial >= mark);
        }
    }

    /// Remembers by which block a socket is opened.
    pub(super) fn opened_by(&self, id: SocketId, block: OpId) {
        let mut lasting = self.lasting.borrow_mut();
        let opened_by = &mut lasting.get_or_insert_default().opened_by;
        opened_by.retain(|(known, _)| *known != id);
        opened_by.push((id, block));
    }

    /// By which block a socket was opened.
    pub(super) fn block_of(&self, id: SocketId) -> Option<OpId> {
        self.lasting.borrow().as_ref()?.opened_by.iter().find(|(known, _)| *known == id).map(|(_, block)| *block)
    }

    /// The socket opened last, from this place on, that is closed by no block: with the step of closing it, and the
    /// timeout of that.
    pub(super) fn last_to_leave(&self, first: SocketId) -> Option<(SocketId, StepId, Duration)> {
        let open = self.open.borrow();
        let lines = open.iter().enumerate().skip(first.0 as usize);
        let lines = lines.filter_map(|(index, line)| Some((index, line.as_ref()?)));
        let leaving = lines.filter_map(|(index, line)| line.leaves.map(|leaves| (line.serial, index, leaves)));
        let (_, index, (step, timeout)) = leaving.max_by_key(|(serial, ..)| *serial)?;
        Some((SocketId(index as u32), step, timeout))
    }

    /// Whether a socket is open, from this place on, that is closed by no block.
    pub fn is_to_leave(&self, first: u32) -> bool {
        self.lasting.borrow().is_some() && self.last_to_leave(SocketId(first)).is_some()
    }

    /// Keeps a socket that is open now; what was in its place is cut.
    pub(super) fn keep(&self, id: SocketId, mut line: Line) {
        line.open = line.row().map(|row| Open::new(self.thread.clone(), row));
        line.serial = self.opened.get();
        self.opened.set(line.serial + 1);
        self.open.borrow_mut()[id.0 as usize] = Some(Box::new(line));
    }

    /// Forgets one socket; an open one is cut.
    pub(super) fn forget(&self, id: SocketId) {
        self.open.borrow_mut()[id.0 as usize] = None;
    }

    /// What `look` finds out about a socket; `None`: there is none.
    pub(super) fn with<T>(&self, id: SocketId, look: impl FnOnce(&mut Line) -> T) -> Option<T> {
        self.open.borrow_mut()[id.0 as usize].as_deref_mut().map(look)
    }

    /// Reads each socket dry that has not been in this turn.
    fn read_all(&self, cx: &mut Context<'_>) {
        for line in self.open.borrow_mut().iter_mut().flatten() {
            line.read(cx, &self.thread, self.turn.get());
        }
    }

    /// Reads one socket dry, if it has not been in this turn.
    pub(super) fn read_now(&self, id: SocketId, cx: &mut Context<'_>) {
        self.with(id, |line| line.read(cx, &self.thread, self.turn.get()));
    }

    /// Reads what has arrived already, without waiting.
    pub(super) async fn read(&self, id: SocketId) {
        poll_fn(|cx| {
            self.with(id, |line| line.read(cx, &self.thread, self.turn.get()));
            Poll::Ready(())
        })
        .await;
    }

    /// The next message whose number is at least `first`; older ones are passed over and counted.
    ///
    /// Errors: the socket has ended and holds no such message.
    pub(super) async fn next(&self, id: SocketId, first: u64) -> Result<Message, Trouble> {
        self.poll(id, |line, cx, thread, turn| {
            loop {
                match line.take() {
                    Some(message) if message.number >= first => return Poll::Ready(Ok(message)),
                    Some(_) => thread.recorder.borrow_mut().count(Counter::PassedOver, 1),
                    None if !line.read(cx, thread, turn) || !line.is_shown() => break,
                    None => {}
                }
            }
            match &line.end {
                Some(end) if line.queue.is_empty() => Poll::Ready(Err(end.trouble())),
                // What standing answers have not looked at yet comes before the end.
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for the peer's close frame; messages before it are passed over and counted. Its code, and when it came.
    ///
    /// Errors: the socket ended in another way, then.
    pub(super) async fn closed_by_peer(&self, id: SocketId) -> Result<(Option<u16>, Offset), (Trouble, Offset)> {
        let mut lost = Offset::NEVER;
        let ended = self.poll(id, |line, cx, thread, turn| {
            loop {
                while line.take().is_some() {
                    thread.recorder.borrow_mut().count(Counter::PassedOver, 1);
                }
                if !line.read(cx, thread, turn) || !line.is_shown() {
                    break;
                }
            }
            lost = line.ended;
            match &line.end {
                None => Poll::Pending,
                Some(_) if !line.queue.is_empty() => Poll::Pending,
                Some(End::ByPeer(frame)) => Poll::Ready(Ok((frame.as_ref().map(|(code, _)| *code), line.ended))),
                Some(End::OfStream(_)) => Poll::Ready(Ok((None, line.ended))),
                Some(end) => Poll::Ready(Err(end.trouble())),
            }
        });
        let ended = ended.await;
        ended.map_err(|trouble| (trouble, lost))
    }

    /// Sends one frame and waits until it is flushed. A close frame makes that messages are no longer queued.
    ///
    /// Errors: the socket has ended, or ends on the way.
    pub(super) async fn send(&self, id: SocketId, frame: Frame) -> Result<(), Trouble> {
        let mut frame = Some(frame);
        self.poll(id, |line, cx, _, _| {
            if let Some(end) = &line.end {
                return Poll::Ready(Err(end.trouble()));
            }
            let Some(Source::Socket(socket)) = &mut line.stream else { return Poll::Ready(Err(gone())) };
            let closing = frame.as_ref().is_some_and(Frame::is_close);
            let sent = socket.poll_send(cx, &mut frame).map_err(|error| trouble(&error));
            line.closing |= closing && frame.is_none();
            sent
        })
        .await
    }

    /// Waits until the socket has ended.
    ///
    /// Errors: it ended in another way than by the peer's close frame.
    pub(super) async fn ended(&self, id: SocketId) -> Result<(), Trouble> {
        self.poll(id, |line, cx, thread, turn| {
            line.read(cx, thread, turn);
            match &line.end {
                Some(End::ByPeer(_) | End::OfStream(_)) => Poll::Ready(Ok(())),
                Some(End::Broken(trouble)) => Poll::Ready(Err(trouble.clone())),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Polls one socket, borrowed for no longer than that.
    pub(super) async fn poll<T>(
        &self,
        id: SocketId,
        mut poll: impl FnMut(&mut Line, &mut Context<'_>, &Thread, u64) -> Poll<Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        poll_fn(|cx| {
            let polled = self.with(id, |line| poll(line, cx, &self.thread, self.turn.get()));
            polled.unwrap_or_else(|| Poll::Ready(Err(gone())))
        })
        .await
    }
}
