//! Names, addresses and how long they hold: real sockets on loopback, and a small name server there.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::expr::Piece;
use scn::plan::{Http, Op};
use scn::run::{self, Error, Finished, Options, Stop};

use crate::run::world::{Draft, OK, SECOND, kinds, notes, options, text};

/// What a name server says to the question with this number: addresses, and how many seconds they hold; nothing: there
/// is no such name.
type Says = fn(u32) -> Option<(&'static [&'static str], u32)>;

/// A name server on this machine, and how often it was asked for IPv4 addresses.
fn name_server(says: Says) -> (SocketAddr, Arc<AtomicU32>) {
    slow_name_server(Duration::ZERO, says)
}

/// The same, which takes so long for each answer.
fn slow_name_server(takes: Duration, says: Says) -> (SocketAddr, Arc<AtomicU32>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address");
    let asked: Arc<AtomicU32> = Arc::default();
    let counter = asked.clone();
    thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let name = bytes[12..length].iter().position(|byte| *byte == 0).expect("a name ends");
            let end = 12 + name + 5;
            let is_v6 = bytes[end - 3] == 28;
            let number = match is_v6 {
                true => counter.load(Ordering::SeqCst).saturating_sub(1),
                false => counter.fetch_add(1, Ordering::SeqCst),
            };
            let found = says(number);
            let code = if found.is_none() { 3 } else { 0 };
            let (addresses, ttl) = found.unwrap_or_default();
            let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
            let addresses: Vec<_> = addresses.filter(|address| address.is_ipv6() == is_v6).collect();
            let mut said = bytes[..2].to_vec();
            said.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
            said.extend(&bytes[12..end]);
            for address in addresses {
                let data = match address {
                    IpAddr::V4(v4) => v4.octets().to_vec(),
                    IpAddr::V6(v6) => v6.octets().to_vec(),
                };
                said.extend([0xc0, 12, 0, if is_v6 { 28 } else { 1 }, 0, 1]);
                said.extend(ttl.to_be_bytes());
                said.extend((data.len() as u16).to_be_bytes());
                said.extend(data);
            }
            thread::sleep(takes);
            let _ = socket.send_to(&said, from);
        }
    });
    (address, asked)
}

/// Servers at these addresses, all with one port, and how many connections each was made.
fn servers(addresses: &[&str]) -> (u16, Vec<Arc<AtomicU32>>) {
    let mut port = 0;
    let mut counts = Vec::new();
    for address in addresses {
        let ip: IpAddr = address.parse().expect("an address");
        let listener = TcpListener::bind((ip, port)).expect("a port that is free at all of them");
        port = listener.local_addr().expect("its address").port();
        let count: Arc<AtomicU32> = Arc::default();
        counts.push(count.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let mut head = Vec::new();
                    let mut byte = [0];
                    while let Ok(1) = stream.read(&mut byte) {
                        head.push(byte[0]);
                        if head.ends_with(b"\r\n\r\n") {
                            head.clear();
                            let _ = stream.write_all(OK.as_bytes());
                        }
                    }
                });
            }
        });
    }
    (port, counts)
}

fn counts(counts: &[Arc<AtomicU32>]) -> Vec<u32> {
    counts.iter().map(|count| count.load(Ordering::SeqCst)).collect()
}

/// So many users who send one request to `http://shop.test`, one after another.
fn once_each(users: u32) -> Draft {
    let length = Duration::from_millis(50 * u64::from(users) + 100);
    let mut draft = Draft::new().users(users, 20.0).duration(length).think(60 * SECOND);
    let step = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft
}

fn asking(port: u16, server: SocketAddr) -> Options {
    Options {
        target: Some(format!("http://shop.test:{port}")),
        allow: vec!["shop.test".into(), "other.test".into()],
        name_servers: vec![server],
        ..options()
    }
}

fn run(draft: &Draft, options: &Options) -> Finished {
    run::run(&draft.plan, options, &Stop::default(), &mut |_| {}).expect("the plan can run")
}

#[test]
fn connections_go_to_all_addresses_of_a_name_in_turn() {
    let (port, seen) = servers(&["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    let (server, asked) = name_server(|_| Some((&["127.0.0.1", "127.0.0.2", "127.0.0.3"], 60)));
    let finished = run(&once_each(6), &asking(port, server));
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (6, vec![]));
    assert_eq!(counts(&seen), [2, 2, 2]);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "its time to live is longer than the run");
}

#[test]
fn an_address_where_nobody_listens_is_passed_over() {
    let (port, seen) = servers(&["127.0.0.1", "127.0.0.3"]);
    let (server, _) = name_server(|_| Some((&["127.0.0.1", "127.0.0.2", "127.0.0.3"], 60)));
    let finished = run(&once_each(6), &asking(port, server));
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (6, vec![]));
    assert_eq!(counts(&seen).iter().sum::<u32>(), 6);
    assert!(counts(&seen).iter().all(|count| *count >= 2), "{:?}", counts(&seen));
    assert_eq!(finished.total.counter(Counter::ConnectionsFailed), 0);
}

#[test]
fn a_name_with_an_ipv6_address_alone_is_reached() {
    let (port, seen) = servers(&["::1"]);
    let (server, _) = name_server(|_| Some((&["::1"], 60)));
    let finished = run(&once_each(2), &asking(port, server));
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (2, vec![]));
    assert_eq!(counts(&seen), [2]);
}

#[test]
fn a_name_that_moves_is_followed_when_its_time_to_live_is_over() {
    let (port, seen) = servers(&["127.0.0.1", "127.0.0.2"]);
    let (server, asked) = name_server(|number| match number {
        0 => Some((&["127.0.0.1"], 1)),
        _ => Some((&["127.0.0.2"], 60)),
    });
    let mut draft = once_each(3);
    // The second user comes while the first answer holds, the third behind that.
    draft.plan.load.parts[0].shape = scn::plan::load::Shape::users(3, 1.0 / 0.6);
    draft.plan.load.duration = Duration::from_millis(1_500);
    let finished = run(&draft, &asking(port, server));
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (3, vec![]));
    assert_eq!(counts(&seen), [2, 1]);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_name_that_is_gone_when_it_is_asked_for_again_fails_as_dns() {
    let (port, seen) = servers(&["127.0.0.1"]);
    let (server, _) = name_server(|number| if number == 0 { Some((&["127.0.0.1"], 1)) } else { None });
    let mut draft = once_each(2);
    draft.plan.load.parts[0].shape = scn::plan::load::Shape::users(2, 1.0 / 1.2);
    draft.plan.load.duration = Duration::from_millis(1_500);
    let finished = run(&draft, &asking(port, server));
    assert_eq!(kinds(&finished.total), [("dns", 1)]);
    let notes = notes(&finished.total);
    assert!(notes.len() == 1 && notes[0].starts_with("`shop.test` does not resolve: "), "{notes:?}");
    assert_eq!((counts(&seen), finished.total.counter(Counter::ConnectionsFailed)), (vec![1], 1));
}

#[test]
fn a_target_that_does_not_resolve_ends_the_run_before_it_began() {
    let (server, _) = name_server(|_| None);
    let draft = once_each(1);
    match run::run(&draft.plan, &asking(80, server), &Stop::default(), &mut |_| {}) {
        Err(Error::Unresolved(name, why)) => {
            assert_eq!((name.as_str(), why.as_str()), ("shop.test", "there is no such name"))
        }
        _ => panic!("its name does not resolve"),
    }
}

/// A step to another host, named by a value.
fn elsewhere(draft: &mut Draft, url: &str) -> Http {
    let mut step = draft.get("/elsewhere");
    step.path.pieces = vec![Piece::Value(text(url))];
    step
}

#[test]
fn a_name_server_that_stays_silent_takes_no_longer_than_the_step() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (port, _) = servers(&["127.0.0.1"]);
    let mut draft = Draft::new().users(1, 1.0).duration(Duration::from_millis(400)).think(60 * SECOND);
    let mut step = elsewhere(&mut draft, "http://other.test/");
    step.timeout = Duration::from_millis(200);
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let mut options = asking(port, silent.local_addr().expect("its address"));
    options.pinned = vec![format!("shop.test:{port}:127.0.0.1").parse().expect("it is one")];
    let finished = run(&draft, &options);
    assert_eq!(kinds(&finished.total), [("dns", 1)]);
    assert_eq!(notes(&finished.total), ["`other.test` was not resolved in time"]);
}

#[test]
fn a_name_server_that_is_slow_costs_the_step_its_time_and_no_failure() {
    let takes = Duration::from_millis(120);
    let (port, seen) = servers(&["127.0.0.1"]);
    let (server, asked) = slow_name_server(takes, |_| Some((&["127.0.0.1"], 60)));
    // Two users ask for the same name at once: one question is enough.
    let mut draft = Draft::new().users(2, 1_000.0).duration(SECOND).think(60 * SECOND);
    let step = elsewhere(&mut draft, &format!("http://other.test:{port}/"));
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let mut options = asking(port, server);
    options.pinned = vec![format!("shop.test:{port}:127.0.0.1").parse().expect("it is one")];
    let finished = run(&draft, &options);
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (2, vec![]));
    assert_eq!((counts(&seen), asked.load(Ordering::SeqCst)), (vec![2], 1));
    let times = &finished.total.series[0].ok;
    assert!(times.min().is_some_and(|time| time >= takes - Duration::from_millis(20)), "waiting for a name counts");
}

#[test]
fn what_is_pinned_to_this_machine_may_be_sent_to_and_to_others_only_if_allowed() {
    let (port, seen) = servers(&["127.0.0.1"]);
    let pinned = |address: &str| Options {
        target: Some(format!("http://shop.test:{port}")),
        pinned: vec![format!("shop.test:{port}:{address}").parse().expect("it is one")],
        ..options()
    };
    let finished = run(&once_each(2), &pinned("127.0.0.1"));
    assert_eq!((finished.total.totals().requests, kinds(&finished.total)), (2, vec![]));
    assert_eq!(counts(&seen), [2]);
    let refused = run::run(&once_each(1).plan, &pinned("192.0.2.1"), &Stop::default(), &mut |_| {});
    assert!(matches!(refused, Err(Error::HostNotAllowed(host)) if host == "shop.test"));
    // Another port of the same name is another matter.
    let other = Options { target: Some("http://shop.test:1".into()), ..pinned("127.0.0.1") };
    let refused = run::run(&once_each(1).plan, &other, &Stop::default(), &mut |_| {});
    assert!(matches!(refused, Err(Error::HostNotAllowed(_))));
}
