//! What a user takes: resident memory of scn with few and with many users that think after one request.

use std::process::Stdio;
use std::time::Duration;

use crate::measure::{CLIENT_CORE, Folder, Server, resident_kib, scn_run, spawn_on, tell};

const FEW: u32 = 2_000;
const MANY: u32 = 10_000;
const SPAWN_RATE: u32 = 2_000;

const THINKERS: &str = r#"scenario "Thinkers"
target "http://127.0.0.1:1"
user one {
  think 60s
  task get { GET / { expect status 200 } }
}
"#;

/// (RSS with many − RSS with few) ÷ the users between, the server in another process.
pub fn slope() {
    let (few, many) = (resident_with(FEW), resident_with(MANY));
    println!("resident memory: {:.1} MiB with {FEW} users, {:.1} MiB with {MANY}", few / 1024.0, many / 1024.0);
    tell("memory per user", (many - few) / f64::from(MANY - FEW), 20.0, " KiB");
}

/// In KiB, once every user has had its answer and thinks.
fn resident_with(users: u32) -> f64 {
    let (folder, server) = (Folder::new(), Server::floor());
    let scenario = folder.write("thinkers.scn", THINKERS);
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
