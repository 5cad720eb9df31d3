//! Whether scn's numbers are true: a service whose behaviour is known is measured, and the figures compared.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scn::base::Share;
use scn::demo::{Running, Switches};
use serde_json::Value;

use crate::measure::{CLIENT_CORE, Folder, scn_run, spawn_on, summary, tell_whether};

/// All experiments; each takes half a minute or a minute.
pub fn all() {
    hold();
    drops();
    timing();
    stall();
}

/// 50 users hold the stream for a minute: no error, ten frames a second each.
fn hold() {
    let (told, _) = experiment("hold", 50, "60s", Switches::default());
    let failures = told["totals"]["failed_iterations"].as_u64();
    tell_whether("stream held for a minute, failed iterations", &show(failures), failures == Some(0));
    let frames = row(&told, "frame")["requests"].as_u64();
    tell_whether("frames received, of 50 × 600", &show(frames), frames == Some(30_000));
    let gap = row(&told, "frame")["response_time_ms"]["p50"].as_f64().unwrap_or(f64::NAN);
    tell_whether("gap between frames, p50", &format!("{gap} ms"), (99.0..101.0).contains(&gap));
}

/// Each socket dropped by the service is one failed iteration of kind `reset` or `closed`.
fn drops() {
    let switches = Switches { drop_connections: Share(0.01), ..Switches::default() };
    let (told, service) = experiment("drops", 50, "60s", switches);
    let dropped = count(&service.counters().dropped);
    let failed = told["totals"]["failed_iterations"].as_u64();
    let found = format!("{dropped} dropped, {} failed", show(failed));
    tell_whether("dropped sockets are failed iterations", &found, failed == Some(dropped));
    let mut kinds: Vec<(String, u64)> = Vec::new();
    for errors in told["series"].as_array().into_iter().flatten().filter_map(|series| series["errors"].as_object()) {
        kinds.extend(errors.iter().map(|(kind, count)| (kind.clone(), count.as_u64().unwrap_or(0))));
    }
    kinds.retain(|(_, count)| *count > 0);
    let known = kinds.iter().all(|(kind, _)| kind == "reset" || kind == "closed");
    tell_whether("their kinds are reset or closed", &format!("{kinds:?}"), known);
    let sum: u64 = kinds.iter().map(|(_, count)| count).sum();
    tell_whether("each is counted once", &sum.to_string(), sum == dropped);
}

/// scn's times agree with the `Server-Timing` of each answer.
fn timing() {
    let switches = Switches { latency: Duration::from_millis(40), ..Switches::default() };
    let told = told_by("timing", 20, "30s", &format!("http://{}", crate::tap::serve(switches)));
    let share = |limit: &str| {
        let checks = told["checks"].as_array().into_iter().flatten();
        let mut found = checks.filter(|check| check["name"].as_str().is_some_and(|name| name.ends_with(limit)));
        let check = found.next().map_or(&Value::Null, |check| check);
        let (passes, fails) = (check["passes"].as_f64().unwrap_or(0.0), check["fails"].as_f64().unwrap_or(0.0));
        passes / (passes + fails) * 100.0
    };
    let (close, near) = (share("< 0.3ms"), share("< 1ms"));
    tell_whether("answers within 0.3 ms of Server-Timing (at least 50 %)", &format!("{close:.1} %"), close >= 50.0);
    tell_whether("answers within 1 ms of Server-Timing (at least 99 %)", &format!("{near:.1} %"), near >= 99.0);
    let service = &told["series"][0]["service_time_ms"];
    println!("  service time: p50 {} ms, p99 {} ms", service["p50"], service["p99"]);
}

/// A second of silence in every five shows as such.
fn stall() {
    let switches = Switches { stall: "1s/5s".parse().ok(), ..Switches::default() };
    let (told, _) = experiment("stall", 50, "60s", switches);
    for part in ["p99.9", "max"] {
        let found = told["series"][0]["response_time_ms"][part].as_f64().unwrap_or(f64::NAN);
        let what = format!("stall of 1 s in every 5 s, {part}");
        tell_whether(&what, &format!("{found} ms"), (900.0..=1100.0).contains(&found));
    }
}

/// Serves the demo with `switches` and runs `benches/truth/NAME.scn` on it; the summary, and the service as it is then.
fn experiment(name: &str, users: u32, duration: &str, switches: Switches) -> (Value, Running) {
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), switches).expect("a free port");
    (told_by(name, users, duration, &service.url()), service)
}

/// Runs `benches/truth/NAME.scn` against `target`; the summary.
fn told_by(name: &str, users: u32, duration: &str, target: &str) -> Value {
    let folder = Folder::new();
    let path = folder.path("summary.json");
    let mut command = scn_run(&scenario(name), target, users, 1000, duration, &path);
    let status = spawn_on(CLIENT_CORE, command.stdout(Stdio::null())).wait().expect("it is our child");
    println!("{name}: scn ended with {status}");
    summary(&path)
}

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/truth/{name}.scn"))
}

fn row<'a>(told: &'a Value, name: &str) -> &'a Value {
    let mut rows = told["series"].as_array().into_iter().flatten();
    rows.find(|series| series["name"] == name).unwrap_or(&Value::Null)
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn show(number: Option<u64>) -> String {
    number.map_or("none".into(), |number| number.to_string())
}
