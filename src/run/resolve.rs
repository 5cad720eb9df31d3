//! Names to addresses: what somebody has pinned, the hosts file, else DNS; and how long that may be believed.
//!
//! Order: an address stands for itself, then come pinned names (`--resolve`), the hosts file, `localhost`, and DNS as
//! `/etc/resolv.conf` says, or the servers that somebody has named. A thread believes an answer as long as its time to
//! live says, at least [`TTL_MIN`]; the first connection behind that asks anew, and others wait for the same answer.
//! A name that cannot be resolved any more fails: an old address is not used in its place.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::Shared as Together;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::{mpsc, oneshot};

use super::dial::{Trouble, is_allowed, is_localhost, is_pinned_here, may_be_allowed};
use super::network::Local;
use super::thread::Thread;
use crate::base::Offset;
use crate::metrics::ErrorKind;

/// Shortest time that an answer of DNS is believed, whatever it says: a load that asks for each connection would be one
/// on the name servers.
pub const TTL_MIN: Duration = Duration::from_secs(1);

/// So long is believed what the system's own resolver says, where DNS is not to be asked directly: it tells no time.
const SYSTEM_TTL: Duration = Duration::from_secs(30);

/// Most names that a thread knows; beyond that it forgets the one that it learned first.
const NAMES_MAX: usize = 1_000;

/// So long an address that could not be reached is tried only behind the others.
const TIRED: Duration = Duration::from_secs(10);

/// `--resolve host:port:address`: what a name stands for, whatever DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The name; `*`: every name that nothing else is pinned for.
    pub host: String,
    /// The port that it holds for.
    pub port: u16,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for Pinned {
    type Err = String;

    /// Reads `host:port:address[,address]…`, IPv6 addresses with or without brackets.
    fn from_str(text: &str) -> Result<Pinned, String> {
        let form = || "it is written host:port:address, as in shop.test:443:127.0.0.1".to_owned();
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").ok_or_else(form)?,
            None => text.split_once(':').ok_or_else(form)?,
        };
        let (port, addresses) = rest.split_once(':').ok_or_else(form)?;
        if host.is_empty() || host.contains(['/', ' ', '@']) {
            return Err(form());
        }
        let port = port.parse().map_err(|_| format!("`{port}` is no port; {}", form()))?;
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
            bare.parse().map_err(|_| format!("`{text}` is no address; {}", form()))
        };
        let addresses = addresses.split(',').map(address).collect::<Result<_, _>>()?;
        Ok(Pinned { host: host.to_owned(), port, addresses })
    }
}

/// What `pinned` says of a name.
pub(super) fn pinned<'p>(pinned: &'p [Pinned], host: &str, port: u16) -> Option<&'p Pinned> {
    let fits = |name: &str| pinned.iter().find(|pin| pin.port == port && pin.host.eq_ignore_ascii_case(name));
    fits(host).or_else(|| fits("*"))
}

/// The addresses behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// At least one.
    pub addresses: Vec<SocketAddr>,
    /// Until when they may be believed; `None`: for good.
    pub until: Option<Instant>,
}

impl From<Vec<SocketAddr>> for Found {
    fn from(addresses: Vec<SocketAddr>) -> Found {
        Found { addresses, until: None }
    }
}

impl Found {
    /// How much longer they may be believed; `None`: for good.
    fn fresh_for(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}

/// What looks names up, for all threads of a run.
#[derive(Clone, Default)]
pub struct Names(Arc<Inner>);

#[derive(Default)]
struct Inner {
    pinned: Vec<Pinned>,
    /// Name servers in place of the system's.
    servers: Vec<SocketAddr>,
    /// Made with the first name that needs it.
    hosts: OnceLock<Hosts>,
    /// The same. Questions go to a thread of its own: load threads have no timers but their clock, and would wait more
    /// dearly with them. It ends when nobody can ask any more.
    clerk: OnceLock<mpsc::UnboundedSender<Question>>,
}

/// What somebody wants to know: the addresses of a name, for this port.
struct Question {
    host: String,
    port: u16,
    answer: oneshot::Sender<io::Result<Found>>,
}

impl Names {
    /// With these names pinned, asking `servers`; where there are none, those of the system.
    pub fn new(pinned: &[Pinned], servers: &[SocketAddr]) -> Names {
        let (pinned, servers) = (pinned.to_vec(), servers.to_vec());
        Names(Arc::new(Inner { pinned, servers, ..Inner::default() }))
    }

    /// The addresses of a host, at least one.
    pub fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
        let at = |ips: &[IpAddr]| ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
        let known = |ips: &[IpAddr]| -> Local<io::Result<Found>> { Box::pin(std::future::ready(Ok(at(ips).into()))) };
        if let Ok(address) = host.parse::<IpAddr>() {
            return known(&[address]);
        }
        if let Some(pin) = pinned(&self.0.pinned, host, port) {
            return known(&pin.addresses);
        }
        let by_hand = self.0.by_hand(host);
        if !by_hand.is_empty() {
            return known(&by_hand);
        }
        if is_localhost(host) {
            return known(&[IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
        }
        let (answer, answered) = oneshot::channel();
        let question = Question { host: host.to_owned(), port, answer };
        let sent = self.0.clerk().map(|clerk| clerk.send(question));
        Box::pin(async move {
            sent?.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        })
    }
}

fn gone() -> io::Error {
    io::Error::other("what asks name servers has ended")
}

impl Inner {
    /// What the hosts file says of a name, without asking anybody for what it does not say.
    fn by_hand(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_str(host) else { return Vec::new() };
        let hosts = self.hosts.get_or_init(|| Hosts::from_system().unwrap_or_default());
        let mut found = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            if let Some(lookup) = hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
                found.extend(lookup.answers().iter().filter_map(|record| record.data.ip_addr()));
            }
        }
        found
    }

    /// Whom to ask. Errors: the system has no thread for it.
    fn clerk(&self) -> io::Result<&mpsc::UnboundedSender<Question>> {
        if let Some(clerk) = self.clerk.get() {
            return Ok(clerk);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // As many as there are threads with a name that nobody knows yet.
        let (ask, asked) = mpsc::unbounded_channel();
        let servers = self.servers.clone();
        let work = move || runtime.block_on(serve(servers, asked));
        thread::Builder::new().name("scn-names".into()).spawn(work)?;
        // Where two threads came at once, one of the clerks hears nothing and ends.
        Ok(self.clerk.get_or_init(|| ask))
    }
}

/// Answers questions until nobody can ask any more.
async fn serve(servers: Vec<SocketAddr>, mut asked: mpsc::UnboundedReceiver<Question>) {
    let dns = resolver(&servers);
    while let Some(Question { host, port, mut answer }) = asked.recv().await {
        let dns = dns.clone();
        tokio::spawn(async move {
            let asking = async {
                match dns {
                    Some(dns) => ask(dns, &host, port).await,
                    None => ask_system(host, port).await,
                }
            };
            tokio::select! {
                found = asking => drop(answer.send(found)),
                // Nobody waits for it any more.
                () = answer.closed() => {}
            }
        });
    }
}

/// What asks name servers: these, or where there are none, those of the system; `None`: it says nothing of them that
/// could be understood.
fn resolver(servers: &[SocketAddr]) -> Option<TokioResolver> {
    let mut builder = match servers {
        [] => TokioResolver::builder_tokio().ok()?,
        _ => {
            let server = |address: &SocketAddr| {
                let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                connections.iter_mut().for_each(|connection| connection.port = address.port());
                NameServerConfig::new(address.ip(), true, connections.into())
            };
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    // What is believed, and how long, is decided by who asks.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().ok()
}

async fn ask(dns: TokioResolver, host: &str, port: u16) -> io::Result<Found> {
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    match dns.lookup_ip(host).await {
        Ok(found) => {
            let addresses: Vec<_> = found.iter().map(|ip| SocketAddr::new(ip, port)).collect();
            let until = found.valid_until().max(Instant::now() + TTL_MIN);
            match addresses.is_empty() {
                true => Err(none()),
                false => Ok(Found { addresses, until: Some(until) }),
            }
        }
        Err(NetError::Io(error)) => Err(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        }),
        Err(error) if error.is_nx_domain() => Err(io::Error::new(io::ErrorKind::NotFound, "there is no such name")),
        Err(error) if error.is_no_records_found() => Err(none()),
        Err(NetError::Timeout) => Err(io::Error::new(io::ErrorKind::TimedOut, "no name server has answered")),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

async fn ask_system(host: String, port: u16) -> io::Result<Found> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    match addresses.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        false => Ok(Found { addresses, until: Some(Instant::now() + SYSTEM_TTL) }),
    }
}

/// The addresses of a host as a thread knows them: connections go to each in turn, those that could not be reached
/// lately behind the others.
#[derive(Debug)]
pub struct Addresses {
    all: Vec<(SocketAddr, Cell<Offset>)>,
    next: Cell<usize>,
}

impl Addresses {
    /// These, beginning with the one at `index` as if they stood in a ring. At least one.
    pub fn new(all: &[SocketAddr], index: usize) -> Addresses {
        let all = all.iter().map(|address| (*address, Cell::new(Offset::ZERO))).collect();
        Addresses { all, next: Cell::new(index) }
    }

    /// The only one, if there is one alone.
    pub fn only(&self) -> Option<SocketAddr> {
        match &self.all[..] {
            [(address, _)] => Some(*address),
            _ => None,
        }
    }

    /// In the order in which the next connection tries them.
    pub fn in_turn(&self, now: Offset) -> Vec<SocketAddr> {
        let turn = self.next.get();
        self.next.set(turn.wrapping_add(1));
        let ring = (0..self.all.len()).map(|step| &self.all[(turn.wrapping_add(step)) % self.all.len()]);
        let (tired, fit): (Vec<_>, Vec<_>) = ring.partition(|(_, until)| until.get() > now);
        fit.into_iter().chain(tired).map(|(address, _)| *address).collect()
    }

    /// This one could not be reached.
    pub fn tires(&self, which: SocketAddr, now: Offset) {
        if let Some((_, until)) = self.all.iter().find(|(address, _)| *address == which) {
            until.set(now + TIRED);
        }
    }
}

/// An answer that several wait for.
type Answer = Together<Local<Result<(Rc<Addresses>, Option<Duration>), Trouble>>>;

/// What a thread knows of names.
#[derive(Default)]
pub struct Known(RefCell<Vec<Entry>>);

struct Entry {
    host: String,
    port: u16,
    state: State,
}

enum State {
    /// So long.
    Fresh(Rc<Addresses>, Offset),
    /// Somebody is asking.
    Asking(Answer),
}

impl Known {
    /// Learns what was found before the thread's clock began to count.
    pub(super) fn learn(&self, host: &str, port: u16, found: &Found, index: usize) {
        let until = found.fresh_for().map_or(Offset::NEVER, |fresh| Offset::ZERO + fresh);
        let addresses = Rc::new(Addresses::new(&found.addresses, index));
        self.put(host, port, State::Fresh(addresses, until));
    }

    fn put(&self, host: &str, port: u16, state: State) {
        let entries = &mut *self.0.borrow_mut();
        match entries.iter_mut().find(|entry| entry.port == port && entry.host == host) {
            Some(entry) => entry.state = state,
            None => {
                if entries.len() == NAMES_MAX {
                    entries.remove(0);
                }
                entries.push(Entry { host: host.to_owned(), port, state });
            }
        }
    }

    fn forget(&self, host: &str, port: u16) {
        self.0.borrow_mut().retain(|entry| entry.port != port || entry.host != host);
    }
}

/// The addresses of a host that may be sent to. Names are looked up once and believed as long as they may be; all who
/// want the same one wait for the same answer.
pub(super) async fn addresses(thread: &Thread, host: &str, port: u16) -> Result<Rc<Addresses>, Trouble> {
    let asking = {
        let entries = thread.names.0.borrow();
        let entry = entries.iter().find(|entry| entry.port == port && entry.host == host);
        match entry.map(|entry| &entry.state) {
            Some(State::Fresh(addresses, until)) if *until > thread.clock.now() => return Ok(addresses.clone()),
            Some(State::Asking(answer)) => Some(answer.clone()),
            _ => None,
        }
    };
    let answer = match asking {
        Some(answer) => answer,
        None => {
            let answer = look_up(thread, host, port)?;
            thread.names.put(host, port, State::Asking(answer.clone()));
            answer
        }
    };
    let found = answer.clone().await;
    // Whoever hears it first keeps it for the others.
    let is_asking = {
        let entries = thread.names.0.borrow();
        let entry = entries.iter().find(|entry| entry.port == port && entry.host == host);
        entry.is_some_and(|entry| matches!(&entry.state, State::Asking(other) if other.ptr_eq(&answer)))
    };
    match found {
        Ok((addresses, fresh)) => {
            if is_asking {
                let until = fresh.map_or(Offset::NEVER, |fresh| thread.clock.now() + fresh);
                thread.names.put(host, port, State::Fresh(addresses.clone(), until));
            }
            Ok(addresses)
        }
        Err(trouble) => {
            if is_asking {
                thread.names.forget(host, port);
            }
            Err(trouble)
        }
    }
}

fn look_up(thread: &Thread, host: &str, port: u16) -> Result<Answer, Trouble> {
    let shared = thread.shared.clone();
    // What cannot become allowed by its address is not even looked up.
    if !may_be_allowed(host, port, &shared.allow) && !is_pinned_here(host, port, &shared.pinned) {
        return Err(Trouble::not_allowed(host));
    }
    let finding = thread.network.resolve(host, port);
    let (host, index) = (host.to_owned(), thread.index.0);
    let answer: Local<_> = Box::pin(async move {
        let found = finding.await.map_err(|error| Trouble::of_resolve(&host, &error))?;
        if found.addresses.is_empty() {
            return Err(Trouble::new(ErrorKind::Dns, format!("`{host}` has no address")));
        }
        if !is_allowed(&host, port, &found.addresses, &shared.allow) && !is_pinned_here(&host, port, &shared.pinned) {
            return Err(Trouble::not_allowed(&host));
        }
        Ok((Rc::new(Addresses::new(&found.addresses, index)), found.fresh_for()))
    });
    Ok(answer.shared())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_pinned_name_is_written_as_for_curl() {
        let pin = |host: &str, port, addresses: &[&str]| {
            let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
            Ok(Pinned { host: host.into(), port, addresses })
        };
        for (text, expected) in [
            ("shop.test:443:127.0.0.1", pin("shop.test", 443, &["127.0.0.1"])),
            ("shop.test:80:127.0.0.1,[::1]", pin("shop.test", 80, &["127.0.0.1", "::1"])),
            ("*:80:::1", pin("*", 80, &["::1"])),
            ("[::2]:80:[::1]", pin("::2", 80, &["::1"])),
        ] {
            assert_eq!(text.parse::<Pinned>(), expected, "{text}");
        }
        for text in ["", "shop.test", "shop.test:443", "shop.test:x:127.0.0.1", ":80:127.0.0.1", "a:80:b", "a:80:"] {
            let said = text.parse::<Pinned>().expect_err(text);
            assert!(said.contains("host:port:address"), "{said}");
        }
        let pins = ["*:80:127.0.0.9", "Shop.Test:80:127.0.0.1"].map(|text| text.parse().expect("it is one"));
        let to = |host, port| pinned(&pins, host, port).map(|pin| pin.addresses[0].to_string());
        assert_eq!(to("shop.test", 80).as_deref(), Some("127.0.0.1"));
        assert_eq!(to("other.test", 80).as_deref(), Some("127.0.0.9"));
        assert_eq!(to("shop.test", 443), None);
    }

    #[test]
    fn connections_go_to_each_address_in_turn_and_to_tired_ones_last() {
        let all = ["127.0.0.1:80", "127.0.0.2:80", "127.0.0.3:80"].map(at);
        let addresses = Addresses::new(&all, 1);
        let first = |now| addresses.in_turn(Offset(now))[0].ip().to_string();
        assert_eq!([first(0), first(0), first(0), first(0)], ["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.2"]);
        addresses.tires(all[2], Offset(0));
        assert_eq!(addresses.in_turn(Offset(1)), [all[0], all[1], all[2]]);
        let rested = TIRED.as_nanos() as u64;
        assert_eq!([first(rested), first(rested), first(rested)], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    }

    /// In real time, with local tasks.
    fn really<T>(test: impl Future<Output = T>) -> T {
        crate::run::threads::runtime().expect("a runtime").block_on(test)
    }

    #[test]
    fn what_is_pinned_in_the_hosts_file_or_an_address_is_not_asked_for() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
        server.set_nonblocking(true).expect("it can be");
        let pins: Vec<Pinned> = vec!["shop.test:80:127.0.0.3".parse().expect("it is one")];
        let names = Names::new(&pins, &[server.local_addr().expect("its address")]);
        for (host, first) in [
            ("shop.test", "127.0.0.3:80"),
            ("::1", "[::1]:80"),
            ("10.0.0.1", "10.0.0.1:80"),
            ("a.localhost", "127.0.0.1:80"),
        ] {
            let found = really(names.resolve(host, 80)).expect(host);
            assert_eq!((found.addresses[0], found.until), (at(first), None), "{host}");
        }
        assert!(really(names.resolve("localhost", 80)).expect("always").addresses[0].ip().is_loopback());
        assert!(server.recv(&mut [0; 512]).is_err(), "nobody was asked");
    }
}
