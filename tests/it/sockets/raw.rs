//! A network in memory whose far ends speak for themselves.

use std::io;
use std::net::SocketAddr;

use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use tokio::io::DuplexStream;

/// Each connection is served by this.
pub struct Raw<F>(pub F);

impl<F, S> Network for Raw<F>
where
    F: Fn(DuplexStream) -> S,
    S: Future<Output = ()> + 'static,
{
    fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local((self.0)(far));
        Box::pin(std::future::ready(Ok(Stream::Memory(near))))
    }
}
