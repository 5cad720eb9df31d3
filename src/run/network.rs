//! The way to a target: names to addresses, addresses to byte streams. Real, or in memory for tests.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::resolve::{Found, Names};
use super::source::{self, SourceAddresses};
use super::tcp::Socket;

/// A future on one thread.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// The way to a target.
pub trait Network {
    /// The addresses of a host, at least one, and how long they hold.
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>>;
    /// A connection to an address.
    fn connect(&self, to: SocketAddr) -> Local<io::Result<Stream>>;
}

/// The machine's own network: TCP, and names as it knows them.
#[derive(Default)]
pub struct Tcp {
    /// Names that are pinned, and whom to ask for others.
    names: Names,
    /// Where connections come from.
    sources: SourceAddresses,
}

impl Tcp {
    /// One that knows names so. Connections come from `sources` in turn; from wherever the system likes where there are
    /// none. Of several threads each begins with another one: `index` is its place among them.
    pub fn new(names: Names, sources: &[IpAddr], index: usize) -> Tcp {
        Tcp { names, sources: SourceAddresses::new(sources, index) }
    }
}

impl Network for Tcp {
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
        self.names.resolve(host, port)
    }

    fn connect(&self, to: SocketAddr) -> Local<io::Result<Stream>> {
        let source = self.sources.next(to);
        Box::pin(async move {
            let stream = match source? {
                None => TcpStream::connect(to).await?,
                Some(source) => source::connect(source, to).await?,
            };
            Ok(Stream::Tcp(Socket::new(stream)?))
        })
    }
}

/// A connection: bytes both ways.
#[derive(Debug)]
pub enum Stream {
    /// Over the network.
    Tcp(Socket),
    /// In memory, for tests in virtual time.
    Memory(DuplexStream),
    /// TLS over another one.
    Tls(Box<TlsStream<Stream>>),
}

impl Stream {
    /// Whether a read that had this much `room` and found `count` bytes has taken all that had come.
    pub fn is_drained_by(&self, count: usize, room: usize) -> bool {
        matches!(self, Stream::Tcp(_)) && count > 0 && count < room
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Memory(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            Stream::Memory(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
