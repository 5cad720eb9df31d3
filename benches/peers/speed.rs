//! CPU time for a request, and for a WebSocket round trip, beside the peers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bare;
use crate::measure::{Cost, Folder, Server, cost_of, median, scn_run, summary, tell};

/// Rounds of alternating measurements.
pub const ROUNDS: usize = 10;
/// Of each measurement, in seconds.
pub const SECONDS: u32 = 2;
/// Users, or connections where there are no users.
pub const CONNECTIONS: u32 = 50;

const HTTP: &str = r#"scenario "Floor"
target "http://127.0.0.1:1"
user one {
  task get { GET / { expect status 200 } }
}
"#;

/// GET with `expect status 200`, 50 users, no think time, against wrk and oha.
pub fn http() {
    let (folder, server) = (Folder::new(), Server::floor());
    let scenario = folder.write("floor.scn", HTTP);
    let (wrk, oha) = (program("wrk"), program("oha"));
    let url = format!("http://{}/", server.address);
    let seconds = format!("{SECONDS}s");
    let (mut scn_us, mut wrk_us, mut oha_us, mut server_us) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let before = server.cpu_seconds();
        let (cost, requests) = scn(&folder, &scenario, &server, Some("get"));
        scn_us.push(cost.cpu_seconds / requests * 1e6);
        server_us.push((server.cpu_seconds() - before) / requests * 1e6);
        if let Some(wrk) = &wrk {
            wrk_us.push(wrk_us_of(wrk, &url));
        }
        if let Some(oha) = &oha {
            let arguments =
                ["--no-tui", "--output-format", "json", "-c", &CONNECTIONS.to_string(), "-z", &seconds, &url];
            let cost = cost_of(Command::new(oha).args(arguments));
            oha_us.push(cost.cpu_seconds / oha_requests(&cost) * 1e6);
        }
    }
    println!("CPU per request: scn {:.2} µs, floor server {:.2} µs", mid(&scn_us), mid(&server_us));
    compare("scn ÷ wrk, CPU per request", &scn_us, "wrk", &wrk_us, 1.4);
    compare("scn ÷ oha, CPU per request", &scn_us, "oha", &oha_us, 1.0);
}

/// A `call` loop on 50 sockets against an echo server, beside a bare tokio-tungstenite loop.
pub fn websocket() {
    let (folder, server) = (Folder::new(), Server::floor());
    let message = bare::MESSAGE;
    let text = format!(
        "scenario \"Echo\"\ntarget \"http://127.0.0.1:1\"\nuser one {{\n  task talk {{\n    websocket / {{\n      \
         repeat 2000 {{ echo: call text \"{message}\" where body == \"{message}\" within 5s }}\n    }}\n  }}\n}}\n"
    );
    let scenario = folder.write("echo.scn", &text);
    let this = std::env::current_exe().expect("the program knows itself");
    let (mut scn_us, mut bare_us) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let (cost, calls) = scn(&folder, &scenario, &server, Some("echo"));
        scn_us.push(cost.cpu_seconds / calls * 1e6);
        let cost = cost_of(Command::new(&this).args(["as-bare-websocket", &server.address, &SECONDS.to_string()]));
        let calls: f64 = cost.output.trim().parse().expect("it prints its round trips");
        bare_us.push(cost.cpu_seconds / calls * 1e6);
    }
    println!("CPU per round trip: scn {:.2} µs", mid(&scn_us));
    compare("scn ÷ bare tokio-tungstenite, CPU per round trip", &scn_us, "bare loop", &bare_us, 1.3);
}

/// One run of scn: its cost, and the samples of the rows of this task or name, or of all.
pub fn scn(folder: &Folder, scenario: &Path, server: &Server, row: Option<&str>) -> (Cost, f64) {
    let path = folder.path("summary.json");
    let target = format!("http://{}", server.address);
    let duration = format!("{SECONDS}s");
    let cost = cost_of(&mut scn_run(scenario, &target, CONNECTIONS, 1000, &duration, &path));
    let summary = summary(&path);
    assert_eq!(summary["totals"]["failures"], 0, "scn counted failures: {}", summary["totals"]);
    let rows = summary["series"].as_array().expect("series is a list").iter();
    let rows = rows.filter(|series| row.is_none_or(|row| series["task"] == row || series["name"] == row));
    let requests: f64 = rows.filter_map(|series| series["requests"].as_f64()).sum();
    assert!(requests > 0.0, "scn (exit code {}) made no request", cost.code);
    (cost, requests)
}

/// CPU that wrk takes for a bare GET, in µs.
pub fn wrk_us_of(wrk: &Path, url: &str) -> f64 {
    let (connections, seconds) = (CONNECTIONS.to_string(), format!("{SECONDS}s"));
    let cost = cost_of(Command::new(wrk).args(["-t1", "-c", &connections, "-d", &seconds, url]));
    cost.cpu_seconds / wrk_requests(&cost) * 1e6
}

fn wrk_requests(cost: &Cost) -> f64 {
    let line = cost.output.lines().find(|line| line.contains(" requests in ")).expect("wrk says its requests");
    line.trim().split(' ').next().and_then(|word| word.parse().ok()).expect("a number")
}

fn oha_requests(cost: &Cost) -> f64 {
    let said: serde_json::Value = serde_json::from_str(&cost.output).expect("oha prints JSON");
    said["statusCodeDistribution"]["200"].as_f64().expect("oha counts status codes")
}

/// The program's place: on the path, or where the script that fetches the peers puts it.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let fetched = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin"));
    std::env::split_paths(&path).chain([fetched]).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Tells the peer's cost, and the median of our cost by theirs, pair by pair.
pub fn compare(what: &str, ours: &[f64], peer: &str, theirs: &[f64], limit: f64) {
    if theirs.is_empty() {
        println!("{what:<58} not measured: there is no {peer} here, `scripts/peers` fetches it");
        return;
    }
    println!("  {peer}: {:.2} µs", mid(theirs));
    let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    tell(what, median(&mut ratios), limit, "");
}

/// The median.
pub fn mid(values: &[f64]) -> f64 {
    median(&mut values.to_vec())
}
