//! The way to a target: names to addresses, addresses to byte streams. Real, or in memory for tests.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

/// A future on one thread.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// The way to a target.
pub trait Network {
    /// The addresses of a host, at least one.
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Vec<SocketAddr>>>;
    /// A connection to an address.
    fn connect(&self, to: SocketAddr) -> Local<io::Result<Stream>>;
}

/// A connection: bytes both ways.
pub enum Stream {
    /// Over the network.
    Tcp(tokio::net::TcpStream),
    /// In memory, for tests in virtual time.
    Memory(tokio::io::DuplexStream),
}
