//! One socket: what has arrived and waits, and how it ended.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::events::EventStream;
use super::transport::{Landing, Socket, gone, spoken, trouble};
use crate::base::Offset;
use crate::base::units::duration_text;
use crate::metrics::{Counter, ErrorKind};
use crate::plan::{SeriesId, Since, StepId};
use crate::run::dial::Trouble;
use crate::run::thread::Thread;

/// Most messages that wait in a socket's queue; one more is `overflow`.
pub const QUEUE_MESSAGES_MAX: usize = 1_000;
/// When so many bytes of messages wait in a socket's queue, one more is `overflow`; also the longest message there can
/// be.
pub const QUEUE_BYTES_MAX: usize = 4 << 20;

/// A message that has arrived.
#[derive(Clone)]
pub(super) struct Message {
    pub body: Bytes,
    /// The type of a server-sent event.
    pub event: Option<Rc<str>>,
    /// What it took on the wire.
    pub bytes: u64,
    /// When it had been read.
    pub arrived: Offset,
    /// Counted from 0 for each socket.
    pub number: u64,
}

/// A moment on a socket: what arrives later has at least this number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub at: Offset,
    pub number: u64,
}

/// One socket, from its upgrade until it is forgotten.
pub(super) struct Line {
    /// `None` once nothing more can be read or written.
    pub stream: Option<Source>,
    pub queue: VecDeque<Message>,
    queue_bytes: usize,
    /// How many messages have arrived.
    pub arrived: u64,
    pub end: Option<End>,
    /// When it ended.
    pub ended: Offset,
    /// Our close frame is sent: what still arrives is nobody's.
    pub closing: bool,
    /// The last turn in which it was read dry.
    turn: u64,
    /// The dial.
    dialled: Offset,
    /// The latest start of each row's step.
    starts: Vec<(SeriesId, Mark)>,
    /// When its previous step ended: what a plain receive is timed from.
    pub previous: Mark,
    /// What `url` says.
    pub url: Rc<str>,
    /// Bytes written that are in a sample already.
    written: u64,
    /// How many sockets the user had opened before it.
    pub serial: u64,
    /// Messages below this number are shown to receives: standing answers have looked at them.
    pub shown: u64,
    /// While a `call` in a standing answer waits: messages from this number on may be its reply.
    pub called: Option<u64>,
    /// The step of closing it when its owner's life ends, and the timeout of that; `None`: its block closes it.
    pub leaves: Option<(StepId, Duration)>,
    /// Counts it among those that are open, until it has ended or nobody keeps it any more.
    pub open: Option<Open>,
}

/// A socket that is counted as open for as long as this lives.
pub(super) struct Open {
    thread: Rc<Thread>,
    row: SeriesId,
}

impl Open {
    pub fn new(thread: Rc<Thread>, row: SeriesId) -> Open {
        thread.recorder.borrow_mut().socket_opened(row);
        Open { thread, row }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.thread.recorder.borrow_mut().socket_ended(self.row);
    }
}

/// Where messages come from.
#[allow(clippy::large_enum_variant)] // a socket is what there usually is, and a line lives in a box already
pub(super) enum Source {
    /// A WebSocket.
    Socket(Socket),
    /// A stream of server-sent events.
    Events(Box<EventStream>),
}

/// How a socket ended.
pub(super) enum End {
    /// The peer sent its close frame: code and reason.
    ByPeer(Option<(u16, String)>),
    /// A stream of events came to its end; after how long the server asks to come back, where it has said so.
    OfStream(Option<Duration>),
    /// In another way.
    Broken(Trouble),
}

impl End {
    /// What that means for a step that wanted more.
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            End::ByPeer(None) => Trouble::new(ErrorKind::Closed, "the peer closed the socket"),
            End::ByPeer(Some((code, reason))) if reason.is_empty() => {
                Trouble::new(ErrorKind::Closed, format!("the peer closed the socket with {code}"))
            }
            End::ByPeer(Some((code, reason))) => {
                Trouble::new(ErrorKind::Closed, format!("the peer closed the socket with {code} {reason:?}"))
            }
            End::OfStream(None) => Trouble::new(ErrorKind::Closed, "the stream of events has ended"),
            End::OfStream(Some(retry)) => {
                let after = duration_text(*retry);
                let text = format!("the stream of events has ended; the server asks to come back after {after}");
                Trouble::new(ErrorKind::Closed, text)
            }
            End::Broken(trouble) => trouble.clone(),
        }
    }
}

impl Line {
    /// A socket that was dialled at `dialled` and is open since `opened`.
    pub(super) fn new(socket: Socket, url: Rc<str>, dialled: Offset, opened: Offset) -> Line {
        let written = socket.written();
        Line::of(Source::Socket(socket), written, url, dialled, opened)
    }

    /// The same of either kind, with so many bytes written.
    pub(super) fn of(stream: Source, written: u64, url: Rc<str>, dialled: Offset, opened: Offset) -> Line {
        Line {
            stream: Some(stream),
            queue: VecDeque::new(),
            queue_bytes: 0,
            arrived: 0,
            end: None,
            ended: Offset::NEVER,
            closing: false,
            turn: 0,
            dialled,
            starts: Vec::new(),
            previous: Mark { at: opened, number: 0 },
            url,
            written,
            serial: 0,
            shown: u64::MAX,
            called: None,
            leaves: None,
            open: None,
        }
    }

    /// The row of the step that opened it.
    pub(super) fn row(&self) -> Option<SeriesId> {
        self.starts.first().map(|(row, _)| *row)
    }

    /// Notes that a step of this row begins; what arrives from now on came after it.
    pub(super) fn begin(&mut self, row: SeriesId, at: Offset) -> Mark {
        let mark = Mark { at, number: self.arrived };
        match self.starts.iter_mut().find(|(known, _)| *known == row) {
            Some((_, start)) => *start = mark,
            None => self.starts.push((row, mark)),
        }
        mark
    }

    /// The moment that `since` speaks of; `None`: that step has not run on this socket.
    pub(super) fn mark(&self, since: Since) -> Option<Mark> {
        match since {
            Since::Connect => Some(Mark { at: self.dialled, number: 0 }),
            Since::Step(row) => self.starts.iter().find(|(known, _)| *known == row).map(|(_, mark)| *mark),
        }
    }

    /// How it ended, if it has.
    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Bytes written since the last time.
    pub(super) fn newly_written(&mut self) -> u64 {
        let Some(Source::Socket(socket)) = &self.stream else { return 0 };
        let before = std::mem::replace(&mut self.written, socket.written());
        self.written - before
    }

    /// Puts back a message that was taken too soon.
    pub(super) fn put_back(&mut self, message: Message) {
        self.queue_bytes += message.body.len();
        self.queue.push_front(message);
    }

    /// Whether our close frame is sent.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether the next message may be taken by a receive.
    pub(super) fn is_shown(&self) -> bool {
        let shown = self.called.map_or(self.shown, |called| self.shown.min(called));
        self.queue.front().is_some_and(|message| message.number < shown)
    }

    /// The messages that came last of those that nobody has taken, in order.
    pub(super) fn last_waiting(&self, most: usize) -> impl Iterator<Item = &Message> {
        self.queue.iter().skip(self.queue.len().saturating_sub(most))
    }

    /// How many messages nobody has taken.
    pub(super) fn waiting(&self) -> u64 {
        self.queue.len() as u64
    }

    /// The number of the first message from this one on.
    pub(super) fn first_from(&self, number: u64) -> Option<u64> {
        let at = self.queue.partition_point(|message| message.number < number);
        self.queue.get(at).map(|message| message.number)
    }

    /// The message of this number, left where it is.
    pub(super) fn look(&self, number: u64) -> Option<&Message> {
        let at = self.queue.binary_search_by_key(&number, |message| message.number).ok()?;
        self.queue.get(at)
    }

    /// Takes the message of this number out of the queue.
    pub(super) fn remove(&mut self, number: u64) {
        if let Ok(at) = self.queue.binary_search_by_key(&number, |message| message.number)
            && let Some(message) = self.queue.remove(at)
        {
            self.queue_bytes -= message.body.len();
        }
    }

    pub(super) fn take(&mut self) -> Option<Message> {
        if !self.is_shown() {
            return None;
        }
        let message = self.queue.pop_front()?;
        self.queue_bytes -= message.body.len();
        Some(message)
    }

    /// Reads until nothing more is there, and makes that the task wakes when more comes. True when messages wait.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, thread: &Thread, turn: u64) -> bool {
        if turn != 0 && self.turn == turn {
            return !self.queue.is_empty();
        }
        self.turn = turn;
        let was_full = self.is_full();
        let mut landing = None;
        loop {
            if !was_full && self.is_full() {
                // More may have come at once than the queue holds: the walk takes what it wants before that is too much.
                cx.waker().wake_by_ref();
                break;
            }
            let frame = match &mut self.stream {
                Some(Source::Socket(socket)) => {
                    socket.poll_frame(cx, landing.get_or_insert_with(|| Landing::new(&thread.wires)))
                }
                Some(Source::Events(events)) => {
                    match events.poll_event(cx, &thread.wires) {
                        Poll::Pending => break,
                        Poll::Ready(Some(Ok(event))) => {
                            self.arrive(event.data, Some(event.event), event.bytes, thread);
                        }
                        Poll::Ready(Some(Err(trouble))) => self.lose(trouble, thread),
                        Poll::Ready(None) => {
                            let retry = events.retry();
                            self.finish(End::OfStream(retry), thread);
                            self.stream = None;
                        }
                    }
                    continue;
                }
                None => break,
            };
            match frame {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(Frame::Text(text)))) => self.frame(text.into(), thread),
                Poll::Ready(Some(Ok(Frame::Binary(bytes)))) => self.frame(bytes, thread),
                // The next read flushes our answer to it.
                Poll::Ready(Some(Ok(Frame::Close(frame)))) => self.finish(End::ByPeer(frame.map(spoken)), thread),
                Poll::Ready(Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_)))) => {}
                Poll::Ready(Some(Err(error))) => self.lose(trouble(&error), thread),
                Poll::Ready(None) => self.lose(gone(), thread),
            }
        }
        if let (Some(landing), Some(Source::Socket(socket))) = (landing, &mut self.stream) {
            socket.keep(landing);
        }
        !self.queue.is_empty()
    }

    /// Whether the next message is one too many, unless some are taken before.
    fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE_MESSAGES_MAX || self.queue_bytes >= QUEUE_BYTES_MAX
    }

    /// A message of a socket has come: on the wire its payload and its head, as if it came in one frame.
    fn frame(&mut self, body: Bytes, thread: &Thread) {
        let head = match body.len() {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        let bytes = body.len() as u64 + head;
        self.arrive(body, None, bytes, thread);
    }

    fn arrive(&mut self, body: Bytes, event: Option<Rc<str>>, bytes: u64, thread: &Thread) {
        match self.row() {
            Some(row) => thread.recorder.borrow_mut().message_received(row),
            None => thread.recorder.borrow_mut().count(Counter::MessagesReceived, 1),
        }
        let message = Message { body, event, bytes, arrived: thread.clock.now(), number: self.arrived };
        self.arrived += 1;
        if self.closing {
            return;
        }
        let full = self.is_full();
        self.queue_bytes += message.body.len();
        self.queue.push_back(message);
        if full {
            self.queue = VecDeque::new();
            self.queue_bytes = 0;
            let limit = format!("{QUEUE_MESSAGES_MAX} messages or {} MiB", QUEUE_BYTES_MAX >> 20);
            let text = format!("more than {limit} came and no `receive` took them; the socket was cut");
            self.lose(Trouble::new(ErrorKind::Overflow, text), thread);
        }
    }

    /// The first end is the one that counts.
    fn finish(&mut self, end: End, thread: &Thread) {
        if self.end.is_none() {
            (self.end, self.ended) = (Some(end), thread.clock.now());
            self.open = None;
        }
    }

    fn lose(&mut self, trouble: Trouble, thread: &Thread) {
        self.finish(End::Broken(trouble), thread);
        self.stream = None;
    }
}
