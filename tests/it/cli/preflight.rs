//! What `scn run` looks at before the load, and where its connections come from.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::check::SOUND;
use super::world::scn;

const SHORT: &str = "--users 2 --spawn-rate 100 --duration 200ms --seed 7 --no-results";

/// A user that keeps an HTTP connection and a socket.
const BOTH: &str = r#"
target "http://127.0.0.1:1"
user one {
  think 1h
  task look {
    GET /
    websocket /ws { }
  }
}
"#;

/// Answers every request and takes every upgrade; the addresses that they came from, in order.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let seen = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = seen.clone();
            std::thread::spawn(move || while serve(&stream, &seen).is_ok() {});
        }
    });
    (url, heard)
}

fn serve(mut stream: &TcpStream, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        // Who only knocks says nothing.
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    heard.lock().expect("nobody panics with it").push(stream.peer_addr()?.ip().to_string());
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let Some(key) = key else { return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") };
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )?;
    // Its only frame is the one that closes the socket; so is ours.
    let _ = stream.read(&mut [0; 1024])?;
    stream.write_all(b"\x88\x00")?;
    Err(std::io::ErrorKind::NotConnected.into())
}

fn each(heard: &Mutex<Vec<String>>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for from in heard.lock().expect("nobody panics with it").iter() {
        *counts.entry(from.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn connections_of_either_kind_come_from_the_named_addresses_in_turn() {
    let (url, heard) = server();
    let call = scn("run a.scn --no-results --summary-export=s.json --threads 1 --source 127.0.0.2,127.0.0.3,127.0.0.2");
    let call = call.args("--users 4 --spawn-rate 1000 --duration 300ms --target").arg(&url).file("a.scn", BOTH);
    let ended = call.run().exits(0).prints("Connections  8 opened\n");
    assert_eq!(each(&heard), BTreeMap::from([("127.0.0.2".into(), 4), ("127.0.0.3".into(), 4)]));
    let summary: serde_json::Value = serde_json::from_str(&ended.read("s.json")).expect("it is JSON");
    let counted = |name: &str| summary["counters"][name].as_u64().expect("it is counted");
    let counters = ["connections_opened", "connections_reused", "connections_stale", "connections_failed"];
    assert_eq!(counters.map(counted), [8, 0, 0, 0]);
    assert_eq!(summary["run"]["notes"], serde_json::json!([]));
}

#[test]
fn a_rehearsal_comes_from_there_too() {
    let (url, heard) = server();
    scn("try a.scn --source 127.0.0.9 --target").arg(&url).file("a.scn", BOTH).run().exits(0);
    assert_eq!(each(&heard), BTreeMap::from([("127.0.0.9".into(), 2)]));
}

#[test]
fn addresses_that_nothing_can_come_from_are_told_before_the_first_packet() {
    for verb in ["run", "try"] {
        let world = |source: &str| scn(verb).args("a.scn --target http://127.0.0.1:1").arg(source).file("a.scn", SOUND);
        let ended = world("--source=127.0.0.2,192.0.2.7").run().exits(107).prints_no(&["/api/health"]);
        ended.says("no connection can come from 192.0.2.7: this machine does not have that address").says("help:");
        world("--source=localhost").run().exits(2).says("an address of this machine is needed, as in 127.0.0.2");
        world("--source=0.0.0.0").run().exits(2).says("nothing comes from there");
    }
}

#[test]
fn a_target_of_another_family_than_every_source_is_told_before_the_first_packet() {
    let world = scn("run a.scn --source 127.0.0.2 --target http://[::1]:9").file("a.scn", SOUND).args(SHORT);
    let ended = world.run().exits(107).prints_nothing();
    ended.says("no connection to `::1` can be made: no address of `--source` is an IPv6 address");
}

#[test]
fn a_name_that_does_not_resolve_ends_the_run_before_it_starts() {
    // Longer than a part of a name may be: no resolver is asked.
    let name = "a".repeat(64);
    let world = scn("run a.scn --target").arg(format!("http://{name}:80")).file("a.scn", SOUND).args(SHORT);
    world.run().exits(107).says(&format!("the name `{name}` does not resolve")).prints_nothing();
}

#[test]
fn a_signal_while_names_are_looked_up_ends_the_run_before_it_starts() {
    for verb in ["run a.scn --no-results --summary-export=s.json", "try a.scn"] {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let world = scn(verb).args("--target http://shop.test --allow shop.test --dns-server");
        let address = silent.local_addr().expect("it is bound");
        let run = world.arg(address.to_string()).file("a.scn", SOUND).start();
        // It asks, and nobody answers.
        silent.recv_from(&mut [0; 512]).expect("a question");
        run.signal(rustix::process::Signal::INT);
        let ended = run.wait().exits(105);
        if verb.starts_with("run") {
            let summary: serde_json::Value = serde_json::from_str(&ended.read("s.json")).expect("it is JSON");
            assert_eq!((&summary["run"]["stopped"], &summary["users"][0]["started"]), (&true.into(), &0.into()));
        }
    }
}

#[test]
fn a_signal_while_a_target_is_knocked_at_ends_the_run_before_it_starts() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
    listen(&listener, 0).expect("it listens");
    let address = SocketAddr::try_from(getsockname(&listener).expect("it is bound")).expect("an address");
    let _waiting = TcpStream::connect(address).expect("the first one is queued");
    let world = scn("run a.scn --no-results --target").arg(format!("http://{address}")).file("a.scn", SOUND);
    let mut run = world.start();
    run.said("seed");
    run.signal(rustix::process::Signal::INT);
    let ended = run.wait().exits(105);
    assert!(!ended.stderr.contains("warning: before the load"), "{}", ended.stderr);
}

#[test]
fn a_target_that_refuses_is_a_warning_and_the_run_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    let world = scn("run a.scn --summary-export=s.json --target").arg(format!("http://{address}")).args(SHORT);
    let ended = world.file("a.scn", SOUND).run().exits(0);
    let words = format!("before the load, {address} could not be reached: connection refused by {address}");
    let ended = ended.says(&format!("warning: {words}")).prints(&words).prints("connect_refused");
    let summary: serde_json::Value = serde_json::from_str(&ended.read("s.json")).expect("it is JSON");
    assert_eq!(summary["run"]["notes"], serde_json::json!([words]));
}

#[test]
fn a_target_that_is_silent_is_a_warning_and_the_run_goes_on() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    // Its queue holds one connection, and that is there already: the system answers no further one.
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
    listen(&listener, 0).expect("it listens");
    let address = SocketAddr::try_from(getsockname(&listener).expect("it is bound")).expect("an address");
    let _waiting = TcpStream::connect(address).expect("the first one is queued");
    let silent = SOUND.replace("{\n  think", "{\n  timeout 50ms\n  think");
    let world = scn("run a.scn --target").arg(format!("http://{address}")).args(SHORT).file("a.scn", silent);
    let ended = world.run().exits(0).prints("connect_timeout");
    ended.says(&format!("warning: before the load, {address} could not be reached: no connection within 2s"));
}

#[test]
fn what_is_too_little_is_told_with_limit_need_and_mend() {
    let world = |users: &str| scn("run a.scn --no-results --duration 50ms --target http://127.0.0.1:1").args(users);
    let ended = world("--users 300").file("a.scn", SOUND).descriptors(256).run().exits(107).prints_nothing();
    ended.says("needs 400 file descriptors").says("may have 256").says("ulimit -Hn");
    // More than there are ports: both are told at once.
    let ended = world("--users 65536").file("a.scn", SOUND).descriptors(256).run().exits(107).prints_nothing();
    let ended = ended.says("needs 65636 file descriptors").says("holds up to 65536 connections to 127.0.0.1:1");
    ended.says("source ports towards it").says("--source 127.0.0.2,127.0.0.3");
}

#[test]
fn descriptors_that_run_out_on_the_way_make_the_run_invalid() {
    // Each user is sent on to another port of the server and keeps both connections, which no plan can know.
    let (there, _) = server();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    std::thread::spawn(move || {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {there}/\r\ncontent-length: 0\r\n\r\n");
        let mut all = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // Who only knocks says nothing, and is gone.
            if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(answer.as_bytes());
                all.push(stream);
            }
        }
    });
    let world = scn("run a.scn --no-results --summary-export=s.json --spawn-rate 1000 --duration 2s --users 150");
    let ended = world.arg("--target").arg(&url).file("a.scn", SOUND.replace("100ms", "1h")).descriptors(256).run();
    let ended = ended.exits(98).prints("local").prints("INVALID");
    let summary: serde_json::Value = serde_json::from_str(&ended.read("s.json")).expect("it is JSON");
    let local = summary["series"][0]["errors"]["local"].as_u64().expect("it is counted");
    assert!(local > 0);
    assert_eq!(summary["counters"]["connections_failed"], local);
    assert_eq!(summary["validity"]["reasons"][0]["limit"], "exhausted");
}
