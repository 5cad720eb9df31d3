//! A socket's bytes: how they are read, counted, and what their errors mean.
//!
//! The protocol is the library's, driven from here and not by the library's own futures: those are made for halves that
//! live in tasks of their own, and keep wakers and a buffer for that. A socket of ours is polled by one task, and what
//! arrives lands in its thread's buffer: one that is idle keeps [`PIECE_BYTES`].

use std::cell::RefMut;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use super::line::QUEUE_BYTES_MAX;
use crate::metrics::ErrorKind;
use crate::run::dial::Trouble;
use crate::run::network::Stream;
use crate::run::wire::Wires;

/// The library takes what has landed in pieces of this size: its buffer, which it zeroes before each.
const PIECE_BYTES: usize = 512;

/// So much of one socket is read before others have their turn: whoever sends pings or empty fragments without end
/// must not hold up a thread.
const TURN_BYTES_MAX: usize = 256 << 10;

/// An open socket: the protocol, and the connection under it.
pub(super) struct Socket {
    protocol: WebSocketContext,
    stream: Counted,
    /// What has landed and could not be taken then, and how much of it is taken by now. Mostly nothing.
    rest: (Vec<u8>, usize),
    /// Whether all that was to be sent has left.
    flushed: bool,
    /// Whether it has ended.
    ended: bool,
}

impl Socket {
    /// Our end of a socket whose upgrade is done; `rest` came behind the head of the answer.
    pub(super) fn new(stream: Counted, rest: Vec<u8>) -> Socket {
        let configuration = WebSocketConfig::default()
            .read_buffer_size(PIECE_BYTES)
            .max_message_size(Some(QUEUE_BYTES_MAX))
            .max_frame_size(Some(QUEUE_BYTES_MAX));
        let protocol = WebSocketContext::new(Role::Client, Some(configuration));
        Socket { protocol, stream, rest: (rest, 0), flushed: true, ended: false }
    }

    /// The next frame, or message where it came in several; `None` once there is no more. Answers to pings and to the
    /// peer's close frame leave on the way.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        landing: &mut Landing<'_>,
    ) -> Poll<Option<Result<Frame, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Socket { protocol, stream, rest, .. } = self;
        let read = protocol.read(&mut Way { stream, rest, landing: Some(landing), cx });
        match ready!(unblocked(read)) {
            Ok(frame) => Poll::Ready(Some(Ok(frame))),
            Err(error) => {
                self.ended = true;
                let is_end = matches!(error, Error::AlreadyClosed | Error::ConnectionClosed);
                Poll::Ready(if is_end { None } else { Some(Err(error)) })
            }
        }
    }

    /// Sends `frame`, which is taken at once, and waits until all of it has left.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, frame: &mut Option<Frame>) -> Poll<Result<(), Error>> {
        let Socket { protocol, stream, rest, .. } = self;
        let mut way = Way { stream, rest, landing: None, cx };
        if frame.is_some() && !self.flushed {
            // One that was given up when its time was over goes first.
            ready!(unblocked(protocol.flush(&mut way)))?;
        }
        if let Some(frame) = frame.take() {
            self.flushed = false;
            // What could not leave is kept, and leaves with the flush.
            if let Poll::Ready(written) = unblocked(protocol.write(&mut way, frame)) {
                written?;
            }
        }
        let flushed = ready!(unblocked(protocol.flush(&mut way)));
        self.flushed = true;
        match flushed {
            Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            other => Poll::Ready(other),
        }
    }

    /// Keeps what has landed and is not taken: the landing is for others now.
    pub(super) fn keep(&mut self, landing: Landing<'_>) {
        let left = &landing.bytes[landing.from..landing.to];
        if !left.is_empty() {
            // Nothing lands before what was kept is taken.
            self.rest = (left.to_vec(), 0);
        }
    }

    /// How many bytes it has written, the upgrade included.
    pub(super) fn written(&self) -> u64 {
        self.stream.written
    }
}

/// A thread's buffer, for one socket at a time: what has arrived and is not taken yet.
pub(super) struct Landing<'a> {
    bytes: RefMut<'a, [u8]>,
    from: usize,
    to: usize,
    /// How much more may land in this turn.
    budget: usize,
}

impl<'a> Landing<'a> {
    /// The thread's, empty. Nobody else has it as long as this lives.
    pub(super) fn new(wires: &'a Wires) -> Landing<'a> {
        Landing { bytes: wires.landing(), from: 0, to: 0, budget: TURN_BYTES_MAX }
    }
}

/// A socket's connection as the library reads and writes it: nothing waits, what is not there yet would block.
struct Way<'a, 'l, 'c> {
    stream: &'a mut Counted,
    rest: &'a mut (Vec<u8>, usize),
    /// Only where something is read.
    landing: Option<&'a mut Landing<'l>>,
    cx: &'a mut Context<'c>,
}

impl Read for Way<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (rest, taken) = &mut *self.rest;
        if *taken < rest.len() {
            let count = into.len().min(rest.len() - *taken);
            into[..count].copy_from_slice(&rest[*taken..*taken + count]);
            *taken += count;
            if *taken == rest.len() {
                *self.rest = Default::default();
            }
            return Ok(count);
        }
        let Some(landing) = self.landing.as_deref_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        if landing.from == landing.to {
            if landing.budget == 0 {
                self.cx.waker().wake_by_ref();
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut bytes = ReadBuf::new(&mut landing.bytes);
            match Pin::new(&mut *self.stream).poll_read(self.cx, &mut bytes) {
                Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
                Poll::Ready(read) => read?,
            }
            (landing.from, landing.to) = (0, bytes.filled().len());
            landing.budget = landing.budget.saturating_sub(landing.to);
        }
        let count = into.len().min(landing.to - landing.from);
        into[..count].copy_from_slice(&landing.bytes[landing.from..landing.from + count]);
        landing.from += count;
        Ok(count)
    }
}

impl Write for Way<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.stream).poll_write(self.cx, bytes) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(written) => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match Pin::new(&mut *self.stream).poll_flush(self.cx) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(flushed) => flushed,
        }
    }
}

/// What would block is pending.
fn unblocked<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// What an error of the protocol's library means.
pub(super) fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Io(error) => Trouble::of_io(error),
        Error::ConnectionClosed | Error::AlreadyClosed => gone(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Trouble::new(ErrorKind::Closed, "the peer closed the connection without a closing handshake")
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Trouble::new(ErrorKind::Closed, "the peer closed the connection before the upgrade was finished")
        }
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            let limit = QUEUE_BYTES_MAX >> 20;
            Trouble::new(ErrorKind::Overflow, format!("a message of {size} bytes is longer than the {limit} MiB kept"))
        }
        other => Trouble::new(ErrorKind::Protocol, other.to_string()),
    }
}

/// There is no socket any more.
pub(super) fn gone() -> Trouble {
    Trouble::new(ErrorKind::Closed, "the socket is closed")
}

/// Code and reason of a close frame.
pub(super) fn spoken(frame: CloseFrame) -> (u16, String) {
    (frame.code.into(), frame.reason.to_string())
}

/// A connection that counts its bytes.
pub(super) struct Counted {
    stream: Stream,
    pub read: u64,
    pub written: u64,
}

impl Counted {
    pub(super) fn new(stream: Stream) -> Counted {
        Counted { stream, read: 0, written: 0 }
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, into);
        this.read += (into.filled().len() - before) as u64;
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.written += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
