//! Whether memory grows with time: resident memory of scn at full rate, minute by minute.

use std::process::Stdio;
use std::time::Duration;

use crate::eight::work;
use crate::measure::{CLIENT_CORE, Folder, Server, resident_kib, scn_run, spawn_on, summary, tell};
use crate::speed::CONNECTIONS;

const MINUTES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// RSS after ten minutes against RSS after one, 50 users at full rate.
pub fn memory() {
    let (folder, server) = (Folder::new(), Server::floor());
    let (path, target) = (folder.path("summary.json"), format!("http://{}", server.address));
    // Longer than the last look at it.
    let duration = format!("{}s", MINUTES * 60 + 3);
    let mut command = scn_run(&work("eight.scn"), &target, CONNECTIONS, 1000, &duration, &path);
    let mut child = spawn_on(CLIENT_CORE, command.stdout(Stdio::null()));
    let resident: Vec<f64> = (0..MINUTES)
        .map(|_| {
            std::thread::sleep(MINUTE);
            resident_kib(child.id())
        })
        .collect();
    child.wait().expect("it is our child");
    let totals = &summary(&path)["totals"];
    println!("resident memory, minute by minute, at {} requests a second:", totals["requests_per_second"]);
    println!("  {} MiB", resident.iter().map(|kib| format!("{:.2}", kib / 1024.0)).collect::<Vec<_>>().join(", "));
    let (first, last) = (resident[0], resident[resident.len() - 1]);
    tell("memory after 10 minutes − after 1 minute", (last / first - 1.0) * 100.0, 2.0, " %");
}
