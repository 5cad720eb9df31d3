//! A run that is killed where it stands: its folder holds what was measured, up to about its last second.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use scn::demo::{Running, Switches};
use scn::report::SUMMARY_SCHEMA;
use serde_json::Value;

use crate::program::{Folder, scn, sum};

fn served(service: &Running) -> u64 {
    service.counters().requests.load(Ordering::Relaxed)
}

fn start(folder: &Folder, service: &Running, user: &str, words: &[&str]) -> Child {
    let scenario = folder.write("ask.scn", &format!("target \"http://127.0.0.1:1\"\nuser one {{ {user} }}\n"));
    let mut command = scn(&["run", &scenario, "--target", &service.url(), "--spawn-rate", "1000"]);
    command.arg("--out").arg(folder.path().join("results")).args(words);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("scn starts")
}

/// What lies in the run folder now; every look at it finds a whole summary.
fn state(folder: &Path) -> Option<Value> {
    let run = std::fs::read_dir(folder.join("results")).ok()?.flatten().next()?;
    let text = std::fs::read(run.path().join("summary.json")).ok()?;
    Some(serde_json::from_slice(&text).expect("it is never half there"))
}

/// Kills the run, which has no word in that. What it leaves fits the schema, and says that it is not all.
fn kill(mut child: Child, folder: &Folder) -> Value {
    rustix::process::kill_process(Pid::from_child(&child), Signal::KILL).expect("it still runs");
    child.wait().expect("it is our child");
    let left = state(folder.path()).expect("there is a summary");
    let schema: Value = serde_json::from_str(SUMMARY_SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let wrong: Vec<String> = validator.iter_errors(&left).map(|wrong| wrong.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((&left["run"]["finished"], &left["run"]["stopped"]), (&false.into(), &false.into()));
    left
}

#[test]
fn a_run_that_is_killed_leaves_all_but_its_last_second() {
    let folder = Folder::new();
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), Switches::default()).expect("a free port");
    let user = "think 20ms\n  task ask { GET /api/health { expect status 200 } }";
    let child = start(&folder, &service, user, &["--users", "20", "--duration", "5m"]);
    let mut seen = Vec::new();
    loop {
        seen.push((Instant::now(), served(&service)));
        let length = state(folder.path()).and_then(|state| state["run"]["duration_s"].as_f64());
        if length.is_some_and(|length| length > 4.5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let left = kill(child, &folder);
    let killed = Instant::now();
    // A second, and what a busy machine takes to write it down.
    let margin = Duration::from_secs(3);
    let before = seen.iter().rev().find(|(when, _)| *when + margin < killed).expect("it ran longer").1;
    let requests = left["totals"]["requests"].as_u64().expect("a count");
    assert!((before..=served(&service)).contains(&requests), "{before} ≤ {requests} ≤ {}", served(&service));
    assert_eq!(left["totals"]["failures"], 0);
    assert_eq!(sum(&left, |row| row["requests"].as_u64()), requests);
    assert_eq!(sum(&left, |row| row["statuses"]["200"].as_u64()), requests);
    assert_eq!(left["users"][0]["started"], 20);
}

#[test]
fn what_was_over_before_the_last_second_is_left_to_the_last_request() {
    let folder = Folder::new();
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), Switches::default()).expect("a free port");
    // Two requests each, a missing page among them, and then nothing happens any more.
    let user = "task ask { GET /api/health { expect status 200 }\n attempt { GET /nowhere }\n pause 1h }";
    let child = start(&folder, &service, user, &["--users", "30", "--duration", "5m"]);
    while state(folder.path()).is_none_or(|state| state["totals"]["requests"] != 60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let left = kill(child, &folder);
    assert_eq!((&left["totals"]["requests"], served(&service)), (&60.into(), 60));
    assert_eq!((&left["totals"]["failures"], &left["totals"]["iterations"]), (&30.into(), &0.into()));
    assert_eq!(left["errors"][0]["kind"], "status");
    assert_eq!(left["errors"][0]["count"], 30);
    assert_eq!(left["counters"]["connections_opened"], 30);
}
