//! What a user takes: resident memory of scn with few and with many users that sleep, with and without a connection.

use std::process::Stdio;
use std::time::Duration;

use crate::measure::{CLIENT_CORE, Folder, Server, resident_kib, scn_run, spawn_on, tell};

const FEW: u32 = 2_000;
const MANY: u32 = 10_000;
const SPAWN_RATE: u32 = 2_000;

/// Users that have never asked anything.
const SLEEPERS: &str = r#"scenario "Sleepers"
target "http://127.0.0.1:1"
user one {
  task sleep {
    pause 120s
    GET / { expect status 200 }
  }
}
"#;

/// Users that have had an answer and keep their connection.
const THINKERS: &str = r#"scenario "Thinkers"
target "http://127.0.0.1:1"
user one {
  think 60s
  task get { GET / { expect status 200 } }
}
"#;

/// Users with a socket on which nothing happens.
const LISTENERS: &str = r#"scenario "Listeners"
target "http://127.0.0.1:1"
user one {
  task listen { websocket / { pause 120s } }
}
"#;

/// The server in another process.
pub fn slopes() {
    slope("sleeping user without a connection", SLEEPERS, 2.5);
    slope("user with an idle HTTP/1.1 connection", THINKERS, 15.0);
    slope("user with an idle WebSocket", LISTENERS, 12.0);
}

/// (RSS with many − RSS with few) ÷ the users between.
fn slope(what: &str, text: &str, limit: f64) {
    let (few, many) = (resident_with(text, FEW), resident_with(text, MANY));
    println!("resident memory: {:.1} MiB with {FEW} users, {:.1} MiB with {MANY}", few / 1024.0, many / 1024.0);
    tell(&format!("memory per {what}"), (many - few) / f64::from(MANY - FEW), limit, " KiB");
}

/// In KiB, once every user is at rest.
fn resident_with(text: &str, users: u32) -> f64 {
    let (folder, server) = (Folder::new(), Server::floor());
    let scenario = folder.write("resting.scn", text);
    let target = format!("http://{}", server.address);
    let mut command = scn_run(&scenario, &target, users, SPAWN_RATE, "50s", &folder.path("summary.json"));
    let mut child = spawn_on(CLIENT_CORE, command.stdout(Stdio::null()));
    // The ramp, and some seconds for the last answers and for snapshots to settle.
    std::thread::sleep(Duration::from_secs(u64::from(users / SPAWN_RATE) + 5));
    let resident = resident_kib(child.id());
    let _ = child.kill();
    let _ = child.wait();
    resident
}
