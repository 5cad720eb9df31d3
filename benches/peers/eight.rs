//! CPU time for a request of real work, beside other tools on the same work: eight weighted tasks, a status and a JSON
//! field expected, a captured value used in the next request. See `benches/work`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::measure::{Cost, Folder, Server, cost_of};
use crate::speed::{CONNECTIONS, ROUNDS, SECONDS, compare, mid, program, scn, wrk_us_of};

/// Locust makes few requests a second.
const LOCUST_SECONDS: u32 = 3;

/// Beside wrk's bare GET, a loop written by hand, Goose and Locust.
pub fn all() {
    let (folder, server) = (Folder::new(), Server::floor());
    let (scenario, url) = (work("eight.scn"), format!("http://{}", server.address));
    let this = std::env::current_exe().expect("the program knows itself");
    let (wrk, goose, locust) = (program("wrk"), program("goose-peer"), locust());
    let (mut scn_us, mut wrk_us, mut hard_us, mut goose_us, mut locust_us) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let (cost, requests) = scn(&folder, &scenario, &server, None);
        scn_us.push(cost.cpu_seconds / requests * 1e6);
        if let Some(wrk) = &wrk {
            wrk_us.push(wrk_us_of(wrk, &url));
        }
        let cost = cost_of(Command::new(&this).args(["as-hard-coded", &server.address, &SECONDS.to_string()]));
        hard_us.push(cost.cpu_seconds / cost.output.trim().parse::<f64>().expect("it prints its requests") * 1e6);
        if let Some(goose) = &goose {
            let cost = cost_of(Command::new(goose).args(goose_words(&url, CONNECTIONS, SECONDS)));
            goose_us.push(cost.cpu_seconds / requests_of(&said_by(&cost)) * 1e6);
        }
        if let Some(locust) = &locust {
            let said = said_by(&cost_of(Command::new(locust).args(locust_words(&url, CONNECTIONS, LOCUST_SECONDS))));
            locust_us.push(said["cpu"].as_f64().expect("it says its CPU time") / requests_of(&said) * 1e6);
        }
    }
    println!("CPU per request of eight tasks: scn {:.2} µs", mid(&scn_us));
    compare("scn, eight tasks ÷ wrk, bare GET", &scn_us, "wrk, bare GET", &wrk_us, 1.8);
    compare("scn ÷ a hard-coded loop over the same libraries", &scn_us, "hard-coded loop", &hard_us, 1.3);
    compare("scn ÷ Goose, the same work", &scn_us, "Goose", &goose_us, 0.5);
    compare("scn ÷ Locust's FastHttpUser, the same work", &scn_us, "Locust", &locust_us, 0.1);
    match fetched("artillery/node_modules/.bin/artillery") {
        Some(artillery) => println!("  Artillery, the same work: {:.0} µs", artillery_us(&artillery, &url)),
        None => println!("  Artillery: not here, `scripts/peers` fetches it"),
    }
}

/// CPU for a request, in µs: of a longer run less that of a shorter one, so that loading Node and Artillery costs nothing.
fn artillery_us(artillery: &Path, url: &str) -> f64 {
    let [(short, few), (long, many)] = [10, 60].map(|loops: u32| {
        let folder = Folder::new();
        let report = folder.path("report.json");
        let mut command = Command::new(artillery);
        command.args(["run", "--quiet", "--target", url, "--output"]).arg(&report).arg(work("artillery.yml"));
        // It asks nobody whether there is a newer one and tells nobody that it ran.
        command.env("PEER_LOOPS", loops.to_string()).env("ARTILLERY_DISABLE_TELEMETRY", "true");
        let cost = cost_of(command.env("CI", "true"));
        let said: Value = serde_json::from_slice(&std::fs::read(&report).expect("it reports")).expect("in JSON");
        let counters = &said["aggregate"]["counters"];
        assert_eq!(counters["vusers.failed"], 0, "Artillery counted failures: {counters}");
        (cost.cpu_seconds, counters["http.requests"].as_f64().expect("it counts requests"))
    });
    (long - short) / (many - few) * 1e6
}

/// A file that says what the work is.
pub fn work(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/work").join(name)
}

/// Where Locust is, on the path or in the environment that `scripts/peers` makes.
pub fn locust() -> Option<PathBuf> {
    fetched("locust/bin/locust").or_else(|| program("locust"))
}

/// What `scripts/peers` has fetched, if it has.
fn fetched(path: &str) -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(path)).filter(|path| path.is_file())
}

/// Its arguments.
pub fn locust_words(url: &str, users: u32, seconds: u32) -> Vec<String> {
    let words = ["--headless", "--host", url, "--loglevel", "ERROR", "--only-summary", "--stop-timeout", "2"];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.extend(["--users".into(), users.to_string(), "--spawn-rate".into(), users.to_string()]);
    words.extend(["--run-time".into(), format!("{seconds}s"), "--locustfile".into()]);
    words.push(work("locustfile.py").to_string_lossy().into_owned());
    words
}

/// Those of the program over Goose.
pub fn goose_words(url: &str, users: u32, seconds: u32) -> Vec<String> {
    let words = ["--host", url, "--no-reset-metrics", "--no-print-metrics", "--quiet", "--no-telnet"];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.extend(["--users".into(), users.to_string(), "--increase-rate".into(), users.to_string()]);
    words.extend(["--run-time".into(), seconds.to_string()]);
    words
}

/// The line of JSON that both print.
pub fn said_by(cost: &Cost) -> Value {
    let mut lines = cost.output.lines().rev().filter(|line| line.starts_with('{'));
    let line = lines.next().unwrap_or_else(|| panic!("a peer (exit code {}) said nothing of its run", cost.code));
    serde_json::from_str(line).expect("it is JSON")
}

fn requests_of(said: &Value) -> f64 {
    assert_eq!(said["failures"], 0, "a peer counted failures: {said}");
    said["requests"].as_f64().filter(|requests| *requests > 0.0).expect("it made requests")
}
