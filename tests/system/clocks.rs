//! The clock of the machine is set while a run goes: by Debian's `faketime`, which tells one program another time.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use scn::demo::Switches;
use serde_json::Value;

use crate::program::{Ended, Folder};

/// Where Debian's `libfaketime` lies on this machine.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("Linux has it").flatten();
    let places = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    places.into_iter().find(|place| place.exists()).expect("`scripts/test` installs faketime")
}

/// Tells `command` the time that the file `clock` says: `+0`, `-3600`.
fn by_another_clock(command: &mut Command, folder: &Folder) {
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", folder.path().join("clock"));
    // At each look; and only the clock that can be set.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

#[test]
fn a_clock_that_is_set_back_during_the_run_changes_no_time_and_no_count() {
    for jump in ["-3600", "+86400"] {
        let folder = Folder::new();
        let service = scn::demo::start(([127, 0, 0, 1], 0).into(), Switches::default()).expect("a free port");
        let served = || service.counters().requests.load(Ordering::Relaxed);
        folder.write("clock", "+0\n");
        let text = "target \"http://127.0.0.1:1\" { timeout 5s }\nuser one { think 20ms\n  task ask {\n    let begun = now()\n    \
                    GET /api/health { expect status 200 }\n    measure passed = now() - begun\n  } }\n";
        let scenario = folder.write("ask.scn", text);
        let run = || {
            let words = ["--users", "5", "--spawn-rate", "100", "--duration", "3s"];
            let mut command = folder.run(&[&scenario, "--target", &service.url()]);
            command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
            by_another_clock(&mut command, &folder);
            command.spawn().expect("scn starts")
        };
        let child = run();
        while served() < 20 {
            std::thread::sleep(Duration::from_millis(10));
        }
        folder.write("clock", &format!("{jump}\n"));
        Ended::from(child.wait_with_output().expect("it is our child")).of_itself();
        let summary = folder.summary();
        let requests = summary["totals"]["requests"].as_u64().expect("a count");
        assert_eq!((requests, &summary["totals"]["failures"]), (served(), &0.into()), "{jump}");
        assert_eq!(summary["totals"]["iterations"], requests);
        assert!(requests > 20, "{jump}: it went on");
        let number = |value: &Value| value.as_f64().expect("a number");
        // None is an hour, and none is less than nothing.
        assert!(number(&summary["run"]["duration_s"]) < 600.0, "{jump}");
        assert!(number(&summary["totals"]["response_time_ms"]["max"]) <= 5_000.0, "{jump}");
        assert!(number(&summary["measures"][0]["values"]["max"]) < 600_000.0, "{jump}");
        assert_eq!(summary["counters"]["measures_negative"], 0);
        assert_eq!(summary["generator"]["clamped_times"], 0);
        assert_eq!(summary["measures"][0]["count"], requests);
        // A run that begins now says so by the clock as it is: it was set indeed.
        let first = started(&summary);
        Ended::from(run().wait_with_output().expect("it is our child")).of_itself();
        let second = started(&folder.summary());
        assert_eq!(second < first, jump.starts_with('-'), "{first} {second}");
    }
}

/// When a run began, as text that is ordered as its moments are.
fn started(summary: &Value) -> String {
    summary["run"]["started"].as_str().expect("a time").to_owned()
}

#[test]
fn the_clock_is_set_for_a_program_that_looks_at_it() {
    // Else the test above could not fail.
    let folder = Folder::new();
    folder.write("clock", "-86400\n");
    let mut command = Command::new("date");
    command.arg("+%s");
    by_another_clock(&mut command, &folder);
    let told = Ended::from(command.output().expect("there is a date"));
    let told: u64 = told.out.trim().parse().expect("seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!((86_000..87_000).contains(&(now - told)), "{told} {now}");
}
