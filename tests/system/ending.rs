//! How a run ends: signals, thresholds, refusals, and the exit codes that scripts rely on.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use scn::demo::Switches;

use crate::program::{Ended, Folder, finish, scn};

/// Starts a run, waits until the service has had requests, and presses Ctrl-C so many times.
fn interrupted(switches: Switches, scenario: &str, presses: u32, folder: &Folder) -> Ended {
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), switches).expect("a free port");
    let words = [scenario, "--target", &service.url(), "--users", "10", "--spawn-rate", "100", "--duration", "5m"];
    let child = folder.run(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("scn starts");
    while service.counters().requests.load(std::sync::atomic::Ordering::Relaxed) < 10 {
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..presses {
        // Some time between them, since two signals of one kind that are pending at once are one.
        std::thread::sleep(Duration::from_millis(500));
        rustix::process::kill_process(Pid::from_child(&child), Signal::INT).expect("it still runs");
    }
    Ended::from(child.wait_with_output().expect("it is our child"))
}

#[test]
fn ctrl_c_lets_iterations_finish_and_still_reports() {
    let folder = Folder::new();
    let ended = interrupted(Switches::default(), "scenarios/websocket.scn", 1, &folder).with(105);
    assert!(ended.out.contains("error_rate < 1%"), "{}", ended.out);
    let totals = &folder.summary()["totals"];
    assert_eq!(totals["failures"], 0, "iterations that ran came to their end");
    assert_eq!(totals["abandoned_iterations"], 0);
}

#[test]
fn ctrl_c_twice_ends_at_once_and_still_reports() {
    let folder = Folder::new();
    // Answers that take a minute: waiting for them would be noticed.
    let slow = Switches { latency: Duration::from_secs(60), ..Switches::default() };
    let scenario = folder
        .write("slow.scn", "target \"http://127.0.0.1:1\" { timeout 2m }\nuser one { task get { GET /api/health } }\n");
    let ended = interrupted(slow, &scenario, 2, &folder).with(105);
    assert!(!ended.out.is_empty());
    assert_eq!(folder.summary()["totals"]["abandoned_iterations"], 10);
}

#[test]
fn a_run_that_is_killed_leaves_the_failures_that_it_had_kept() {
    let folder = Folder::new();
    let broken = Switches { error_rate: scn::base::units::Share(1.0), ..Switches::default() };
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), broken).expect("a free port");
    let results = folder.path().join("results");
    let words =
        ["scenarios/http.scn", "--target", &service.url(), "--users", "5", "--spawn-rate", "100", "--duration", "5m"];
    let mut command = scn(&["run", "--out"]);
    command.arg(&results).args(words).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("scn starts");
    let kept = || {
        let run = std::fs::read_dir(&results).ok()?.flatten().next()?;
        std::fs::read_to_string(run.path().join("failures.jsonl")).ok()
    };
    // The file is there a second behind the first failure; what was written once stays.
    let before = loop {
        match kept() {
            Some(text) if !text.is_empty() => break text,
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    rustix::process::kill_process(Pid::from_child(&child), Signal::KILL).expect("it still runs");
    child.wait().expect("it is our child");
    let after = kept().expect("it is still there");
    assert!(after.starts_with(&before) && after.ends_with('\n'));
    for line in after.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("no line is half there");
        assert_eq!(line["response"]["status"], 503);
    }
}

#[test]
fn a_target_that_refuses_is_a_result_and_breaks_the_threshold() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let words = ["scenarios/http.scn", "--target", &target, "--users", "2", "--spawn-rate", "10", "--duration", "2s"];
    finish(folder.run(&words)).with(99);
    let errors = crate::program::errors(&folder.summary());
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["connect_refused"]);
}

#[test]
fn a_host_that_was_not_allowed_is_refused_before_the_first_packet() {
    // An address of the range that is kept for documentation.
    let folder = Folder::new();
    let ended = finish(folder.run(&["scenarios/http.scn", "--target", "http://192.0.2.1"])).with(107);
    assert!(ended.err.contains("--allow"), "{}", ended.err);
}

#[test]
fn a_scenario_that_is_not_sound_sends_nothing() {
    let folder = Folder::new();
    let scenario = folder
        .write("wrong.scn", "target \"http://127.0.0.1:1\"\nuser one { task get { GET / { expct status 200 } } }\n");
    assert!(finish(scn(&["check", &scenario])).with(104).out.contains("expect"));
    finish(folder.run(&[&scenario])).with(104);
}

#[test]
fn wrong_words_on_the_command_line_are_usage() {
    finish(scn(&["run", "scenarios/http.scn", "--profile", "smoek"])).with(2);
    finish(scn(&["run", "scenarios/nothing.scn"])).with(2);
    finish(scn(&["walk"])).with(2);
}

#[test]
fn every_scenario_checks_and_plans() {
    let folders = ["scenarios", "examples"].map(|name| std::path::Path::new(crate::program::ROOT).join(name));
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path().display().to_string();
        if path.ends_with(".scn") {
            finish(scn(&["check", &path])).with(0);
            finish(scn(&["plan", &path])).with(0);
        }
    }
}
