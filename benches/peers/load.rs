//! Whether the load is the one that was planned: many arrivals on time, a server that stalls, a crowd of users.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::measure::{CLIENT_CORE, Folder, Server, cost_of, cpu_seconds, median, scn_profile, spawn_on, summary, tell};
use crate::speed::ROUNDS;

const ONE: &str = "scenario \"One\"\ntarget \"http://127.0.0.1:1\" { timeout 10s }\nuser one {\n  \
                   task get { GET /api/health { expect status 200 } }\n}\n";

/// Arrivals a second that one core is to bear.
const MANY: u64 = 10_000;
const MANY_SECONDS: u64 = 20;

/// Many arrivals a second on one core: are they all there, and when?
pub fn open() {
    let (folder, server) = (Folder::new(), Server::floor());
    let profile = arrivals(&folder, MANY, 2_000, 0, MANY_SECONDS);
    let told = run(&folder, &folder.write("one.scn", ONE), &server, &profile);
    let planned = (MANY * MANY_SECONDS) as f64;
    let achieved = number(&told["totals"]["requests"]);
    let dropped = number(&told["totals"]["dropped"]);
    println!("open model, {MANY} arrivals a second: {achieved} requests of {planned}, {dropped} dropped");
    tell("open model, achieved ÷ planned, deviation", (achieved / planned - 1.0).abs() * 100.0, 0.1, " %");
    let lateness = &told["generator"]["lateness_ms"];
    tell("open model, lateness p99", number(&lateness["p99"]), 1.0, " ms");
    println!(
        "  lateness p50 {} ms, p99.9 {} ms, max {} ms; {}; busiest thread {:.0} % of its core",
        lateness["p50"],
        lateness["p99.9"],
        lateness["max"],
        told["validity"]["verdict"],
        number(&told["generator"]["busiest_cpu"]) * 100.0,
    );
}

/// Arrivals a second at the server that stalls.
pub const STALLED_RATE: u64 = 1_000;
const WARM_UP: u64 = 10;
/// A whole number of stalls.
const STALLED_SECONDS: u64 = 60;
const CALM_SECONDS: u64 = 10;

/// A server that is silent for one second in every five: what does that do to the percentiles?
pub fn stall() {
    let folder = Folder::new();
    let scenario = folder.write("one.scn", ONE);
    let profile = arrivals(&folder, STALLED_RATE, 2_000, WARM_UP, WARM_UP + CALM_SECONDS);
    let calm = run(&folder, &scenario, &Server::demo(&[]), &profile);
    let profile = arrivals(&folder, STALLED_RATE, 2_000, WARM_UP, WARM_UP + STALLED_SECONDS);
    let server = Server::demo(&["--stall", "1s/5s"]);
    // So that the warm-up and the run end in the middle of what is no stall.
    std::thread::sleep(Duration::from_secs(2));
    let told = run(&folder, &scenario, &server, &profile);
    let times = &told["totals"]["response_time_ms"];
    println!(
        "stall of 1 s in every 5 s, {STALLED_RATE} arrivals a second: {} requests, {} failed, {} dropped, {}",
        told["totals"]["requests"], told["totals"]["failures"], told["totals"]["dropped"], told["validity"]["verdict"],
    );
    for (what, truth) in [("mean", 100.0), ("p90", 501.0), ("p95", 751.0), ("p99", 951.0)] {
        let found = number(&times[what]);
        println!("  {what}: {found} ms, the truth is {truth} ms");
        tell(&format!("stall, {what}, deviation"), (found / truth - 1.0).abs() * 100.0, 2.0, " %");
    }
    let (with, without) = (number(&times["p50"]), number(&calm["totals"]["response_time_ms"]["p50"]));
    println!("  p50: {with} ms, without stall {without} ms");
    tell("stall, p50 − that without stall", (with - without).abs(), 0.5, " ms");
    println!("  service time: mean {} ms, p99 {} ms", service(&told, "mean"), service(&told, "p99"));
    println!("  connections opened behind the warm-up: {}", told["counters"]["connections_opened"]);
}

/// Users of the crowd, and of the few that make the same load.
const CROWD: u32 = 10_000;
const FEW: u32 = 50;
/// Requests a second of both.
const RATE: u32 = 10_000;
/// All users start within so many seconds: that is no whole number of either pace, so that of the few users, too, one
/// is due each tenth of a millisecond. Users that are due together would share the cost of waking up.
const STARTS_SECONDS: f64 = 2.005;
/// Until all users are there and have settled.
const RAMP: Duration = Duration::from_secs(3);
const STEADY: Duration = Duration::from_secs(4);

/// CPU time for a request with 10,000 users, and with 50 users at the same rate.
pub fn crowd() {
    let (mut crowd_us, mut few_us) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        crowd_us.push(paced(CROWD));
        few_us.push(paced(FEW));
    }
    let mut ratios: Vec<f64> = crowd_us.iter().zip(&few_us).map(|(crowd, few)| crowd / few).collect();
    println!(
        "CPU per request at {RATE} requests a second: {:.2} µs with {CROWD} users, {:.2} µs with {FEW}",
        median(&mut crowd_us),
        median(&mut few_us)
    );
    tell("CPU per request, 10,000 users ÷ 50", median(&mut ratios), 1.3, "");
}

/// CPU for a request in the steady part of a run of so many users, in µs.
fn paced(users: u32) -> f64 {
    let (folder, server) = (Folder::new(), Server::floor());
    let pace = 1e6 * f64::from(users) / f64::from(RATE);
    let text = ONE.replace("  task", &format!("  pace {pace:.0}us\n  task"));
    let scenario = folder.write("paced.scn", &text);
    let profile = format!(
        "name: paced\nusers: {users}\nspawn_rate: {}\nduration: {}s\nwarm_up: {}s\ngraceful_stop: 2s\n",
        f64::from(users) / STARTS_SECONDS,
        (RAMP + STEADY).as_secs() + 1,
        RAMP.as_secs()
    );
    let profile = folder.write("paced.yml", &profile);
    let path = folder.path("summary.json");
    let target = format!("http://{}", server.address);
    let mut command = scn_profile(&scenario, &target, &profile, &path);
    let mut child = spawn_on(CLIENT_CORE, command.stdout(Stdio::null()).stderr(Stdio::null()));
    std::thread::sleep(RAMP);
    let (before, begun) = (cpu_seconds(child.id()), Instant::now());
    std::thread::sleep(STEADY);
    let (used, length) = (cpu_seconds(child.id()) - before, begun.elapsed());
    child.wait().expect("it is our child");
    let told = summary(&path);
    let rate = number(&told["totals"]["requests"]) / (STEADY.as_secs_f64() + 1.0);
    let wanted = f64::from(RATE);
    assert!((rate / wanted - 1.0).abs() < 0.01, "{users} users made {rate} requests a second: {}", told["totals"]);
    used / (length.as_secs_f64() * rate) * 1e6
}

/// A profile of arrivals.
fn arrivals(folder: &Folder, rate: u64, max_users: u32, warm_up: u64, seconds: u64) -> PathBuf {
    let warm_up = if warm_up > 0 { format!("warm_up: {warm_up}s\n") } else { String::new() };
    let text = format!("name: open\narrival_rate: {rate}/s\nmax_users: {max_users}\nduration: {seconds}s\n{warm_up}");
    folder.write("open.yml", &text)
}

/// Runs it on the clients' core; the summary.
fn run(folder: &Folder, scenario: &Path, server: &Server, profile: &Path) -> Value {
    let path = folder.path("summary.json");
    let mut command: Command = scn_profile(scenario, &format!("http://{}", server.address), profile, &path);
    let cost = cost_of(&mut command);
    println!("  scn ended with {}, {:.1} s of CPU", cost.code, cost.cpu_seconds);
    summary(&path)
}

fn service<'a>(told: &'a Value, part: &str) -> &'a Value {
    &told["totals"]["service_time_ms"][part]
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
