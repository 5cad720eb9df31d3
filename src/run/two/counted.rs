//! What lies below a connection: a stream that is watched.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;
use crate::metrics::ErrorKind;
use crate::run::dial::Trouble;
use crate::run::network::Stream;

/// A stream that counts its bytes and remembers how it ended.
pub(super) struct Counted {
    stream: Stream,
    shared: Rc<Shared>,
}

impl Counted {
    pub fn new(stream: Stream, shared: Rc<Shared>) -> Counted {
        Counted { stream, shared }
    }

    fn failed(&self, error: io::Error) -> io::Error {
        self.shared.end.borrow_mut().get_or_insert_with(|| Trouble::of_io(&error));
        error
    }

    fn write(&mut self, write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match write(Pin::new(&mut self.stream)) {
            Poll::Ready(Ok(count)) => {
                let (sent, received) = self.shared.unclaimed.get();
                self.shared.unclaimed.set((sent + count as u64, received));
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, into) {
            Poll::Ready(Ok(())) => {
                let count = into.filled().len() - before;
                if count == 0 && into.remaining() > 0 {
                    let end = || Trouble::new(ErrorKind::Closed, "connection closed by the peer");
                    this.shared.end.borrow_mut().get_or_insert_with(end);
                }
                let (sent, received) = this.shared.unclaimed.get();
                this.shared.unclaimed.set((sent, received + count as u64));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(this.failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
