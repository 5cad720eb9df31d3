//! How many idle sockets one process of scn holds: 15,000 users open one each within twenty seconds, and each answers a
//! ping once all are open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::measure::{
    CLIENT_CORE, Folder, Server, cpu_seconds, raise_descriptor_limit, resident_kib, scn_run, spawn_on, summary, tell,
    tell_whether,
};

const SOCKETS: u32 = 15_000;
/// Users started a second: the last one just before the twentieth second.
const SPAWN_RATE: u32 = 750;
/// Past some 4,000 connections from one address to one destination each further one is dear.
const SOURCES: &str = "127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5";

const IDLE: &str = r#"scenario "Idle"
target "http://127.0.0.1:1"
user one {
  task idle { websocket / { pause 27s } }
}
"#;

/// Opens all, pings all, and compares both sides' counts.
pub fn all() {
    raise_descriptor_limit();
    let (folder, server) = (Folder::new(), Server::floor());
    let (scenario, summary_path) = (folder.write("idle.scn", IDLE), folder.path("summary.json"));
    let target = format!("http://{}", server.address);
    let mut command = scn_run(&scenario, &target, SOCKETS, SPAWN_RATE, "20s", &summary_path);
    command.args(["--source", SOURCES]);
    let start = Instant::now();
    let mut child = spawn_on(CLIENT_CORE, command.stdout(Stdio::null()));
    std::thread::sleep((start + Duration::from_secs(21)).saturating_duration_since(Instant::now()));
    let open = asked(&server, "/ping-all");
    std::thread::sleep(Duration::from_secs(2));
    let pongs = asked(&server, "/pongs");
    let (resident, cpu) = (resident_kib(child.id()), cpu_seconds(child.id()));
    let status = child.wait().expect("it is our child");
    let told = summary(&summary_path);
    println!("sockets: scn ended with {status}, {}", told["validity"]["verdict"]);
    let all = u64::from(SOCKETS);
    tell_whether("sockets open after 20 s, of 15,000", &open.to_string(), open == all);
    tell_whether("pings answered, of 15,000", &pongs.to_string(), pongs == all);
    let rows = told["series"].as_array().into_iter().flatten();
    let count = |name: &str| {
        rows.clone().filter(|row| row["name"] == name).filter_map(|row| row["requests"].as_u64()).sum::<u64>()
    };
    let (connects, closes) = (count("connect"), count("close"));
    tell_whether("connects and closes counted", &format!("{connects} and {closes}"), (connects, closes) == (all, all));
    let failures = told["totals"]["failures"].as_u64().unwrap_or(u64::MAX);
    tell_whether("failures", &failures.to_string(), failures == 0);
    tell("memory per idle socket, all of the process", resident / f64::from(SOCKETS), 12.0, " KiB");
    println!("  {:.0} µs of CPU for each socket opened and pinged", cpu / f64::from(SOCKETS) * 1e6);
}

/// The number that the floor server answers to this path.
fn asked(server: &Server, path: &str) -> u64 {
    let mut stream = TcpStream::connect(&server.address).expect("the server is up");
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n").expect("the server reads");
    let mut answer = Vec::new();
    let mut bytes = [0; 256];
    // The head comes apart from the number: its end is no end of the answer.
    while !answer.ends_with(b"\n") || answer.ends_with(b"\r\n") {
        let count = stream.read(&mut bytes).expect("the server answers");
        assert!(count > 0, "the server closed the connection");
        answer.extend_from_slice(&bytes[..count]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.lines().last().and_then(|line| line.parse().ok()).expect("a number")
}
