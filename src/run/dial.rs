//! From a host to a connection, and what can go wrong on the way: for HTTP and WebSocket steps alike.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::clock::Elapsed;
use super::network::Stream;
use super::place::Origin;
use super::proxy::Speaks;
use super::resolve::{Addresses, Pinned, addresses, pinned};
use super::thread::Thread;
use super::tls::{self, Offer, Spoken};
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Phase};

/// So long an address may be silent until the next one behind the same name is tried beside it (RFC 8305, 5).
pub const PATIENCE: Duration = Duration::from_millis(250);

/// What went wrong below the level of answers: its kind, and in words for a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its kind.
    pub kind: ErrorKind,
    /// What happened, for the author of the scenario.
    pub text: String,
}

impl Trouble {
    /// Trouble of this kind.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Trouble {
        Trouble { kind, text: text.into() }
    }

    /// What an error while reading or writing on an open connection means.
    pub fn of_io(error: &io::Error) -> Trouble {
        if let Some(trouble) = tls::of_io(error) {
            return trouble;
        }
        let kind = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                ErrorKind::Reset
            }
            io::ErrorKind::UnexpectedEof => ErrorKind::Closed,
            io::ErrorKind::TimedOut => ErrorKind::Timeout,
            io::ErrorKind::InvalidData => ErrorKind::Protocol,
            _ if is_local(error) => ErrorKind::Local,
            // Whatever else the network says about an open connection (no route any more …): it is gone.
            _ => ErrorKind::Reset,
        };
        let text = match kind {
            ErrorKind::Reset if error.kind() != io::ErrorKind::Other => "connection reset by the peer".to_owned(),
            ErrorKind::Closed => "connection closed by the peer".to_owned(),
            _ => error.to_string(),
        };
        Trouble { kind, text }
    }

    /// Nobody has allowed this host.
    pub(super) fn not_allowed(host: &str) -> Trouble {
        let text = format!("`{host}` is not allowed: name it with `--allow {host}`");
        Trouble::new(ErrorKind::HostNotAllowed, text)
    }

    /// What an error while a name is looked up means.
    pub(super) fn of_resolve(host: &str, error: &io::Error) -> Trouble {
        let kind = if is_local(error) { ErrorKind::Local } else { ErrorKind::Dns };
        Trouble::new(kind, format!("`{host}` does not resolve: {error}"))
    }

    /// What an error while connecting means.
    pub(super) fn of_connect(error: &io::Error, to: SocketAddr) -> Trouble {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Trouble::new(ErrorKind::ConnectRefused, format!("connection refused by {to}"))
            }
            io::ErrorKind::TimedOut => {
                Trouble::new(ErrorKind::ConnectTimeout, format!("no connection to {to}: the network gave up waiting"))
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                Trouble::new(ErrorKind::Reset, format!("connection to {to} was reset while it was made"))
            }
            _ if is_local(error) => Trouble::new(ErrorKind::Local, format!("cannot connect to {to}: {error}")),
            // No route, an unreachable network: nobody can be reached there.
            _ => Trouble::new(ErrorKind::ConnectRefused, format!("cannot connect to {to}: {error}")),
        }
    }
}

/// Whether an error speaks of our own descriptors, ports or memory.
fn is_local(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL, Errno::ADDRINUSE, Errno::ACCESS]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// A connection to a server over which HTTP can be spoken, and which of its versions; or why there is none by
/// `deadline`. Over TLS where the server wants it; who offers HTTP/2 alone has it over plain TCP, too.
///
/// A host that may not be sent to is refused before the first packet. Of several addresses behind a name, each connection
/// begins with the next one; one that cannot be reached, or is silent for [`PATIENCE`], is followed by the one behind
/// it, and the first that answers is taken. Counts connections opened and failed.
pub(super) async fn reach(
    thread: &Thread,
    origin: &Origin,
    offer: Offer,
    deadline: Offset,
) -> Result<(Stream, Spoken), Trouble> {
    // An HTTP proxy takes requests in HTTP/1.1 itself.
    let tunnel = origin.secure || offer == Offer::Two;
    reach_by(thread, origin, offer, tunnel, deadline).await
}

/// A connection to a server over which a WebSocket can be opened; as [`reach`].
pub(super) async fn reach_socket(thread: &Thread, origin: &Origin, deadline: Offset) -> Result<Stream, Trouble> {
    Ok(reach_by(thread, origin, Offer::One, true, deadline).await?.0)
}

async fn reach_by(
    thread: &Thread,
    origin: &Origin,
    offer: Offer,
    tunnel: bool,
    deadline: Offset,
) -> Result<(Stream, Spoken), Trouble> {
    let reached = match dial(thread, origin, tunnel, deadline).await {
        Ok(stream) if origin.secure => secure(thread, origin, offer, stream, deadline).await,
        Ok(stream) => Ok((stream, if offer == Offer::Two { Spoken::Two } else { Spoken::One })),
        Err(trouble) => Err(trouble),
    };
    let counter = match &reached {
        Ok(_) => Counter::ConnectionsOpened,
        Err(_) => Counter::ConnectionsFailed,
    };
    thread.recorder.borrow_mut().count(counter, 1);
    reached
}

/// A connection to a server, over which nothing has been said to it yet: itself, or through the target's proxy. Where no
/// `tunnel` is needed, an HTTP proxy is only connected to.
async fn dial(thread: &Thread, origin: &Origin, tunnel: bool, deadline: Offset) -> Result<Stream, Trouble> {
    let proxy = thread.shared.proxies.get(origin.target.0 as usize).and_then(Option::as_ref);
    let Some(proxy) = proxy else { return dial_host(thread, origin, &origin.host, origin.port, deadline).await };
    let Origin { host, port, .. } = origin;
    // Whom the proxy is asked for.
    let asked = match proxy.knows_names() {
        true if is_allowed_by_name(host, *port, &thread.shared.allow) => host.clone(),
        true => return Err(Trouble::not_allowed(host)),
        false => {
            let late = |Elapsed| Err(Trouble::new(ErrorKind::Dns, format!("`{host}` was not resolved in time")));
            let found = thread.clock.within(deadline, addresses(thread, host, *port)).await.unwrap_or_else(late)?;
            found.in_turn(thread.clock.now())[0].ip().to_string()
        }
    };
    let stream = dial_host(thread, origin, &proxy.host, proxy.port, deadline).await?;
    if !tunnel && proxy.speaks == Speaks::Http {
        return Ok(stream);
    }
    let late = |Elapsed| {
        let text = format!("the proxy {proxy} made no tunnel to {host}:{port} in time");
        Err(Trouble::new(ErrorKind::ConnectTimeout, text))
    };
    thread.clock.within(deadline, proxy.tunnel(stream, &asked, *port)).await.unwrap_or_else(late)
}

/// A connection to `host`, on the way to `origin`.
async fn dial_host(
    thread: &Thread,
    origin: &Origin,
    host: &str,
    port: u16,
    deadline: Offset,
) -> Result<Stream, Trouble> {
    let target = &origin.target;
    let phase = |phase, from, to| thread.recorder.borrow_mut().phase(*target, phase, from, to);
    let begun = thread.clock.now();
    let late = |Elapsed| Err(Trouble::new(ErrorKind::Dns, format!("`{host}` was not resolved in time")));
    let addresses = thread.clock.within(deadline, addresses(thread, host, port)).await.unwrap_or_else(late)?;
    let found = thread.clock.now();
    if host.parse::<IpAddr>().is_err() {
        phase(Phase::Dns, begun, found);
    }
    let late =
        |Elapsed| Err(Trouble::new(ErrorKind::ConnectTimeout, format!("no connection to {host}:{port} in time")));
    let stream = thread.clock.within(deadline, connect(thread, &addresses)).await.unwrap_or_else(late)?;
    phase(Phase::Connect, found, thread.clock.now());
    Ok(stream)
}

/// The handshake of TLS over `stream`.
async fn secure(
    thread: &Thread,
    origin: &Origin,
    offer: Offer,
    stream: Stream,
    deadline: Offset,
) -> Result<(Stream, Spoken), Trouble> {
    let own = *thread.bases[origin.target.0 as usize].origin == *origin;
    let config = thread.shared.security.of(origin.target, own);
    let config = config.map_err(|unfit| Trouble::new(ErrorKind::Tls, unfit.why))?;
    let begun = thread.clock.now();
    let shaking = tls::shake_hands(config, &origin.host, offer, stream);
    let shaken = thread.clock.within(deadline, shaking).await.unwrap_or_else(|Elapsed| {
        let text = format!("the TLS handshake with {} was not finished in time", origin.authority);
        Err(Trouble::new(ErrorKind::ConnectTimeout, text))
    })?;
    thread.recorder.borrow_mut().phase(origin.target, Phase::Tls, begun, thread.clock.now());
    Ok(shaken)
}

async fn connect(thread: &Thread, addresses: &Addresses) -> Result<Stream, Trouble> {
    let try_one = async |to| (to, thread.network.connect(to).await);
    if let Some(only) = addresses.only() {
        let (to, made) = try_one(only).await;
        return made.map_err(|error| Trouble::of_connect(&error, to));
    }
    let mut left = addresses.in_turn(thread.clock.now()).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut silent: Vec<SocketAddr> = Vec::new();
    let mut trouble = None;
    loop {
        if let Some(next) = left.next() {
            silent.push(next);
            trying.push(try_one(next));
        }
        let patience = if left.len() > 0 { thread.clock.now() + PATIENCE } else { Offset::NEVER };
        match thread.clock.within(patience, trying.next()).await {
            // It is silent: the next one is tried beside it.
            Err(Elapsed) => {}
            Ok(None) => return Err(trouble.expect("there is an address, and it was tried")),
            Ok(Some((to, Ok(stream)))) => {
                // Those that were tried before it and have said nothing yet are as good as gone.
                let slower = silent.iter().take_while(|other| **other != to);
                slower.for_each(|other| addresses.tires(*other, thread.clock.now()));
                return Ok(stream);
            }
            Ok(Some((to, Err(error)))) => {
                silent.retain(|other| *other != to);
                addresses.tires(to, thread.clock.now());
                let next = Trouble::of_connect(&error, to);
                // Out of descriptors is out of descriptors, whatever the address.
                if next.kind == ErrorKind::Local {
                    return Err(next);
                }
                trouble.get_or_insert(next);
            }
        }
    }
}

/// Whether `host` may be sent to before its addresses are known: false only where no address could change it.
pub fn may_be_allowed(host: &str, port: u16, allow: &[String]) -> bool {
    is_listed(host, port, allow)
        || match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => is_localhost(host) || is_plain(host),
        }
}

/// Whether `host`, which somebody else resolves, may be sent to: loopback, or listed.
pub fn is_allowed_by_name(host: &str, port: u16, allow: &[String]) -> bool {
    let is_loopback = || host.parse::<IpAddr>().map_or_else(|_| is_localhost(host), |address| address.is_loopback());
    is_listed(host, port, allow) || is_loopback()
}

/// Whether `host`, which resolves to `addresses`, may be sent to: loopback, or listed, or a name without a dot whose
/// addresses are all private, as containers have them.
pub fn is_allowed(host: &str, port: u16, addresses: &[SocketAddr], allow: &[String]) -> bool {
    is_listed(host, port, allow)
        || match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) if is_localhost(host) => addresses.iter().all(|address| address.ip().is_loopback()),
            Err(_) => is_plain(host) && addresses.iter().all(|address| is_private(address.ip())),
        }
}

/// Whether somebody has pinned `host` to this machine alone: then nothing leaves it, whatever the name is.
pub(super) fn is_pinned_here(host: &str, port: u16, pins: &[Pinned]) -> bool {
    pinned(pins, host, port).is_some_and(|pin| pin.addresses.iter().all(IpAddr::is_loopback))
}

fn is_listed(host: &str, port: u16, allow: &[String]) -> bool {
    allow.iter().any(|listed| {
        let name = listed.trim_matches(['[', ']']);
        name.eq_ignore_ascii_case(host)
            || listed.rsplit_once(':').is_some_and(|(name, at)| {
                name.trim_matches(['[', ']']).eq_ignore_ascii_case(host) && at.parse() == Ok(port)
            })
    })
}

pub(super) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn is_plain(host: &str) -> bool {
    !host.contains('.')
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_listed_hosts_and_private_plain_names_are_allowed() {
        let at = |ip: &str| vec![SocketAddr::new(ip.parse().expect("an address"), 80)];
        let allow = ["staging.example".to_owned(), "10.0.0.9:81".to_owned()];
        for (host, port, ip, allowed) in [
            ("127.0.0.1", 80, "127.0.0.1", true),
            ("127.9.9.9", 80, "127.9.9.9", true),
            ("::1", 80, "::1", true),
            ("localhost", 80, "127.0.0.1", true),
            ("api.localhost", 80, "127.0.0.1", true),
            ("localhost", 80, "8.8.8.8", false),
            ("api", 80, "172.18.0.3", true),
            ("api", 80, "8.8.8.8", false),
            ("10.0.0.1", 80, "10.0.0.1", false),
            ("10.0.0.9", 81, "10.0.0.9", true),
            ("10.0.0.9", 80, "10.0.0.9", false),
            ("staging.example", 8080, "8.8.8.8", true),
            ("Staging.Example", 80, "8.8.8.8", true),
            ("example.com", 80, "127.0.0.1", false),
            ("2001:db8::1", 80, "2001:db8::1", false),
        ] {
            assert_eq!(is_allowed(host, port, &at(ip), &allow), allowed, "{host}:{port} at {ip}");
            assert!(may_be_allowed(host, port, &allow) || !allowed, "{host}:{port}");
        }
    }

    #[test]
    fn what_an_error_of_the_network_means_follows_from_its_code() {
        let to: SocketAddr = "127.0.0.1:9".parse().expect("an address");
        for (code, kind) in [
            (rustix::io::Errno::CONNREFUSED, ErrorKind::ConnectRefused),
            (rustix::io::Errno::TIMEDOUT, ErrorKind::ConnectTimeout),
            (rustix::io::Errno::HOSTUNREACH, ErrorKind::ConnectRefused),
            (rustix::io::Errno::CONNRESET, ErrorKind::Reset),
            (rustix::io::Errno::MFILE, ErrorKind::Local),
            (rustix::io::Errno::NFILE, ErrorKind::Local),
            (rustix::io::Errno::ADDRNOTAVAIL, ErrorKind::Local),
            (rustix::io::Errno::NOBUFS, ErrorKind::Local),
            (rustix::io::Errno::NOMEM, ErrorKind::Local),
        ] {
            assert_eq!(Trouble::of_connect(&io::Error::from(code), to).kind, kind, "{code:?}");
        }
        assert_eq!(Trouble::of_io(&io::Error::from(rustix::io::Errno::CONNRESET)).kind, ErrorKind::Reset);
        assert_eq!(Trouble::of_io(&io::Error::from(rustix::io::Errno::PIPE)).kind, ErrorKind::Reset);
        assert_eq!(Trouble::of_io(&io::Error::from(io::ErrorKind::UnexpectedEof)).kind, ErrorKind::Closed);
    }
}
