//! What other tools say of a server that is silent for one second in every five, beside the truth: a user who comes at
//! any moment waits 100 ms in the mean, and one in a hundred waits more than 950 ms.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::eight::{goose_words, locust, locust_words, said_by};
use crate::load::STALLED_RATE;
use crate::measure::{Folder, Server, cost_of, scn_profile, summary};
use crate::speed::{CONNECTIONS, program};

/// A whole number of stalls.
const SECONDS: u32 = 20;
/// Users of the closed loads, each with a request in so many milliseconds: as many requests as the arrivals.
const USERS: u32 = 100;
const GAP_MS: u32 = 100;

const ONE: &str = "scenario \"One\"\ntarget \"http://127.0.0.1:1\" { timeout 10s }\nuser one {\n  \
                   task get { GET /api/health { expect status 200 } }\n}\n";

/// Requests, mean, p50, p90 and p99 in ms; what a tool does not say is missing.
struct Said {
    requests: Option<f64>,
    times: [Option<f64>; 4],
}

/// Each of those that are there, one after the other, each with a server of its own.
pub fn all() {
    println!("a server silent for 1 s in every 5 s, as seen for {SECONDS} s; times in ms");
    println!("{:<46} {:>9} {:>8} {:>8} {:>8} {:>8}", "", "requests", "mean", "p50", "p90", "p99");
    let truth = f64::from(SECONDS) * STALLED_RATE as f64;
    let times = [100.0, 0.0, 500.0, 950.0].map(Some);
    show("the truth, for who comes at any moment", &Said { requests: Some(truth), times });
    let arrivals = format!("arrival_rate: {STALLED_RATE}/s\nmax_users: 2000\n");
    scn(&format!("scn, {STALLED_RATE} arrivals a second"), ONE, &arrivals);
    let users = format!("users: {USERS}\nspawn_rate: {}\n", USERS * 1000 / GAP_MS);
    let paced = ONE.replace("  task", &format!("  pace {GAP_MS}ms\n  task"));
    scn(&format!("scn, {USERS} users, pace {GAP_MS}ms"), &paced, &users);
    if let Some(wrk) = program("wrk") {
        self::wrk(wrk);
    }
    if let Some(oha) = program("oha") {
        self::oha(&oha, "oha, 100 connections, -q 1000", &[]);
        self::oha(&oha, "oha, the same with --latency-correction", &["--latency-correction"]);
    }
    if let Some(goose) = program("goose-peer") {
        peer(&format!("Goose, {USERS} users, wait {GAP_MS} ms"), |url| {
            let mut command = Command::new(&goose);
            command.args(goose_words(url, USERS, SECONDS)).env("PEER_GAP", GAP_MS.to_string());
            command
        });
    }
    if let Some(locust) = locust() {
        peer(&format!("Locust, {USERS} users, constant_pacing 0.1"), |url| {
            let mut command = Command::new(&locust);
            command.args(locust_words(url, USERS, SECONDS)).env("PEER_GAP", (f64::from(GAP_MS) / 1e3).to_string());
            command
        });
    }
}

fn stalling() -> Server {
    let server = Server::demo(&["--stall", "1s/5s"]);
    // So that no run begins or ends in a stall.
    std::thread::sleep(std::time::Duration::from_secs(1));
    server
}

fn scn(what: &str, text: &str, load: &str) {
    let (folder, server) = (Folder::new(), stalling());
    let scenario = folder.write("one.scn", text);
    let profile = folder.write("stalled.yml", &format!("name: stalled\nduration: {SECONDS}s\n{load}"));
    let path = folder.path("summary.json");
    cost_of(&mut scn_profile(&scenario, &format!("http://{}", server.address), &profile, &path));
    let told = summary(&path);
    let times = &told["totals"]["response_time_ms"];
    let times = ["mean", "p50", "p90", "p99"].map(|part| times[part].as_f64());
    show(what, &Said { requests: told["totals"]["requests"].as_f64(), times });
}

/// Prints its times as `50%   1.23ms`.
fn wrk(wrk: PathBuf) {
    let server = stalling();
    let (url, seconds) = (format!("http://{}/api/health", server.address), format!("{SECONDS}s"));
    let words = ["-t1", "-c", &CONNECTIONS.to_string(), "-d", &seconds, "--timeout", "10s", "--latency", &url];
    let cost = cost_of(Command::new(wrk).args(words));
    let after = |word: &str| {
        let mut line = cost.output.lines().filter_map(|line| line.trim().strip_prefix(word)?.split_whitespace().next());
        let text = line.next()?;
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let scale = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)].into_iter().find(|(name, _)| *name == unit)?.1;
        Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * scale)
    };
    let requests = cost.output.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok());
    let times = ["Latency", "50%", "90%", "99%"].map(after);
    show(&format!("wrk, {CONNECTIONS} connections, as fast as it goes"), &Said { requests, times });
}

fn oha(oha: &PathBuf, what: &str, more: &[&str]) {
    let server = stalling();
    let (url, seconds) = (format!("http://{}/api/health", server.address), format!("{SECONDS}s"));
    let (connections, rate) = (USERS.to_string(), STALLED_RATE.to_string());
    let words = ["--no-tui", "--output-format", "json", "-c", &connections, "-q", &rate, "-z", &seconds];
    let cost = cost_of(Command::new(oha).args(words).args(more).arg(&url));
    let said: Value = serde_json::from_str(&cost.output).expect("oha prints JSON");
    let part = |name: &str| said["latencyPercentiles"][name].as_f64();
    let times = [said["summary"]["average"].as_f64(), part("p50"), part("p90"), part("p99")];
    let times = times.map(|seconds| seconds.map(|seconds| seconds * 1e3));
    show(what, &Said { requests: said["statusCodeDistribution"]["200"].as_f64(), times });
}

fn peer(what: &str, command: impl Fn(&str) -> Command) {
    let server = stalling();
    let said = said_by(&cost_of(&mut command(&format!("http://{}", server.address))));
    let times = ["mean", "p50", "p90", "p99"].map(|part| said[part].as_f64());
    show(what, &Said { requests: said["requests"].as_f64(), times });
}

fn show(what: &str, said: &Said) {
    let cell = |value: Option<f64>, digits| value.map_or("–".into(), |value| format!("{value:.digits$}"));
    let [mean, p50, p90, p99] = said.times.map(|time| cell(time, 1));
    println!("{what:<46} {:>9} {mean:>8} {p50:>8} {p90:>8} {p99:>8}", cell(said.requests, 0));
}
