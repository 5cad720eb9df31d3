//! A TCP connection whose bytes go to the system directly.
//!
//! The C library wraps each `send` and `recv` of a process with threads into what lets `pthread_cancel` end them there,
//! which nobody here ever does; that, and asking again what is known already, is a measurable part of a short request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection.
#[derive(Debug)]
pub struct Socket(TcpStream);

impl Socket {
    /// Over this one; without waiting for more to send, which would only make requests late.
    pub fn new(stream: TcpStream) -> io::Result<Socket> {
        stream.set_nodelay(true)?;
        Ok(Socket(stream))
    }

    /// What `call` says, which moves up to `most` bytes, when the socket is ready for it: how many it has moved.
    fn poll_call(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        most: usize,
        mut call: impl FnMut() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(match interest {
                Interest::READABLE => self.0.poll_read_ready(cx),
                _ => self.0.poll_write_ready(cx),
            })?;
            let mut moved = None;
            let tried = self.0.try_io(interest, || {
                let count = call()?;
                moved = Some(count);
                // Less than there was room for: another call would find nothing, so the socket is not ready any more.
                if count > 0 && count < most { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (moved, tried) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
                (None, Ok(())) => unreachable!("a call that succeeds has moved something"),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (most, room) = (buf.remaining(), buf.initialize_unfilled());
        let call = || Ok(recv(&self.0, &mut *room, RecvFlags::empty())?.1);
        let count = ready!(self.poll_call(cx, Interest::READABLE, most, call))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_call(cx, Interest::WRITABLE, bytes.len(), || send(&self.0, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
