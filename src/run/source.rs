//! Where connections come from: the source addresses that somebody has named, one after another.
//!
//! A connection is known by four things: both addresses and both ports. Towards one destination an address of ours has
//! as many as it has ports, some 28,000, and finding a free one becomes dear long before that; each further address of
//! ours has as many again.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use tokio::net::{TcpSocket, TcpStream};

use super::Error;

/// The addresses that connections of one thread come from, in turn. Each family has turns of its own.
#[derive(Debug, Default)]
pub(super) struct SourceAddresses {
    v4: Turns,
    v6: Turns,
}

#[derive(Debug, Default)]
struct Turns {
    all: Vec<IpAddr>,
    next: Cell<usize>,
}

impl SourceAddresses {
    /// These, beginning with the one at `index` as if they stood in a ring; none: the system chooses.
    pub(super) fn new(all: &[IpAddr], index: usize) -> SourceAddresses {
        let turns = |fits: fn(&IpAddr) -> bool| Turns {
            all: all.iter().copied().filter(fits).collect(),
            next: Cell::new(index),
        };
        SourceAddresses { v4: turns(IpAddr::is_ipv4), v6: turns(IpAddr::is_ipv6) }
    }

    /// Where the next connection to `to` comes from; `None`: from wherever the system likes.
    ///
    /// Errors: no source is of its family.
    pub(super) fn next(&self, to: SocketAddr) -> io::Result<Option<IpAddr>> {
        let (turns, others) = match to.is_ipv4() {
            true => (&self.v4, &self.v6),
            false => (&self.v6, &self.v4),
        };
        let turn = turns.next.get();
        match turns.all.len() {
            0 if others.all.is_empty() => Ok(None),
            0 => Err(io::Error::new(io::ErrorKind::Unsupported, no_source_for(to.ip()))),
            count => {
                turns.next.set(turn.wrapping_add(1));
                Ok(Some(turns.all[turn % count]))
            }
        }
    }
}

/// What is so where sources are named and none of them is of this address's family.
pub(super) fn no_source_for(to: IpAddr) -> String {
    let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
    format!("no address of `--source` is an {family} address")
}

/// How many of these sources can reach an address; without any, the one that the system chooses can.
pub(super) fn fitting(sources: &[IpAddr], to: IpAddr) -> usize {
    match sources {
        [] => 1,
        _ => sources.iter().filter(|source| source.is_ipv4() == to.is_ipv4()).count(),
    }
}

/// A connection to `to` that comes from `source`.
///
/// The port is chosen when it connects and not when it is bound: so one port serves as many connections as there are
/// destinations.
pub(super) async fn connect(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(to).await
}

/// Whether this machine has all of these addresses.
///
/// Errors: the first that it does not have, or that cannot be used.
pub(super) fn exist(sources: &[IpAddr]) -> Result<(), Error> {
    for source in sources {
        UdpSocket::bind((*source, 0)).map_err(|error| Error::Source(*source, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    const V4: &str = "127.0.0.1:80";
    const V6: &str = "[::1]:80";

    #[test]
    fn sources_take_turns_and_each_family_has_its_own() {
        let sources = SourceAddresses::new(&all(&["127.0.0.2", "::1", "127.0.0.3", "127.0.0.4"]), 1);
        let next = |to: &str| {
            let source = sources.next(to.parse().expect("an address")).expect("one fits").expect("there are some");
            source.to_string()
        };
        let taken = [V4, V6, V4, V4, V6, V4].map(next);
        assert_eq!(taken, ["127.0.0.3", "::1", "127.0.0.4", "127.0.0.2", "::1", "127.0.0.3"]);
    }

    #[test]
    fn where_no_source_fits_the_family_nothing_is_dialled() {
        let next = |sources: &[&str], to: &str| SourceAddresses::new(&all(sources), 0).next(to.parse().expect("one"));
        assert_eq!(next(&[], V6).expect("the system chooses"), None);
        let error = next(&["127.0.0.2"], V6).expect_err("none fits").to_string();
        assert_eq!(error, "no address of `--source` is an IPv6 address");
        let error = next(&["::1"], V4).expect_err("none fits").to_string();
        assert_eq!(error, "no address of `--source` is an IPv4 address");
    }

    #[test]
    fn a_connection_comes_from_its_source_and_shares_its_port() {
        // Twice the ports that a bind of its own would reserve: only so many destinations can share them.
        let here = |ip: [u8; 4]| std::net::TcpListener::bind((IpAddr::from(ip), 0)).expect("a free port");
        let listeners = [here([127, 0, 0, 1]), here([127, 0, 0, 9])];
        let runtime = crate::run::threads::runtime().expect("a runtime");
        runtime.block_on(async {
            for listener in &listeners {
                let to = listener.local_addr().expect("it is bound");
                let stream = connect([127, 0, 0, 7].into(), to).await.expect("it listens");
                assert_eq!(stream.local_addr().expect("it is open").ip().to_string(), "127.0.0.7");
                let (_, from) = listener.accept().expect("it has come");
                assert_eq!(from, stream.local_addr().expect("it is open"));
            }
        });
    }

    #[test]
    fn what_this_machine_does_not_have_is_told() {
        assert!(exist(&all(&["127.0.0.2", "127.200.0.1"])).is_ok());
        let Err(Error::Source(which, _)) = exist(&all(&["127.0.0.2", "192.0.2.7"])) else { panic!("it has not") };
        assert_eq!(which.to_string(), "192.0.2.7");
    }
}
