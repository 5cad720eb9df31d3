//! A socket's bytes: how they are read, counted, and what their errors mean.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

use super::line::QUEUE_BYTES_MAX;
use crate::metrics::ErrorKind;
use crate::run::dial::Trouble;
use crate::run::network::Stream;

/// How much is read at a time: larger ones are zeroed before each read and cost more than the calls they save.
const READ_BYTES: usize = 4 << 10;

/// How our sockets are set up.
pub(super) fn configuration() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_message_size(Some(QUEUE_BYTES_MAX))
        .max_frame_size(Some(QUEUE_BYTES_MAX))
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
