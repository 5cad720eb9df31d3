//! `scn run`.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::check::SOUND;
use super::world::scn;

const SHORT: &str = "--users 2 --spawn-rate 100 --duration 2s --seed 7";

/// The one summary in the folder of results.
fn summary(folder: &Path) -> Value {
    let runs: Vec<_> = fs::read_dir(folder.join("scn-results")).expect("results are there").flatten().collect();
    assert_eq!(runs.len(), 1);
    let files: Vec<_> = fs::read_dir(runs[0].path()).expect("the run has a folder").flatten().collect();
    let names: Vec<_> = files.iter().map(|file| file.file_name().into_string().expect("names are text")).collect();
    let known = |name: &String| ["summary.json", "failures.jsonl"].contains(&name.as_str());
    assert!(names.iter().all(known), "{names:?}");
    read(&runs[0].path().join("summary.json"))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("the summary is there")).expect("it is JSON")
}

#[test]
fn a_run_against_the_demo_is_told_and_written_down() {
    let ended =
        scn("run a.scn --demo").arg("--summary-export=copy.json").file("a.scn", SOUND).args(SHORT).run().exits(0);
    let ended = ended.prints("/api/health").prints("scn-results/").says("seed 7");
    let summary = summary(ended.folder());
    // Which of the two, a busy machine decides.
    let verdict = summary["validity"]["verdict"].as_str().expect("there is a verdict");
    assert!(["VALID", "DEGRADED"].contains(&verdict), "{verdict}");
    let ended = ended.prints(verdict);
    assert_eq!(summary, read(&ended.folder().join("copy.json")));
    assert_eq!(summary["schema"], "scn-summary/1");
    assert_eq!(summary["run"]["scenario"], "Small");
    assert_eq!(summary["run"]["profile"], "smoke");
    assert_eq!(summary["run"]["seed"], 7);
    assert_eq!(summary["run"]["sources"]["a.scn"].as_str().map(str::len), Some(64));
    let totals = &summary["totals"];
    assert_eq!(totals["failures"], 0);
    assert_eq!(totals["requests"], totals["iterations"]);
    // Two users, two seconds, 100 ms of thinking after each request: never more than 42, and on any machine some.
    let requests = totals["requests"].as_u64().expect("requests are counted");
    assert!((2..=42).contains(&requests), "{requests}");
    let row = &summary["series"][0];
    assert_eq!(
        (&row["user"], &row["task"], &row["name"]),
        (&"http".into(), &"health".into(), &"GET /api/health".into())
    );
    assert_eq!(row["statuses"]["200"], totals["requests"]);
}

#[test]
fn a_quiet_run_without_results_leaves_only_its_report() {
    let ended = scn("run a.scn --demo --quiet --no-results").file("a.scn", SOUND).args(SHORT).run();
    let ended = ended.exits(0).says_nothing().prints("/api/health");
    assert!(!ended.folder().join("scn-results").exists());
}

#[test]
fn a_broken_threshold_ends_with_99() {
    let strict = format!("{SOUND}\nthresholds {{\n  count of health > 1000000\n}}\n");
    scn("run a.scn --demo").file("a.scn", strict).args(SHORT).run().exits(99).prints("✗");
}

#[test]
fn a_target_that_refuses_gives_results_and_no_crash() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    drop(listener);
    let ended = scn("run a.scn --target").arg(&url).file("a.scn", SOUND).args(SHORT).run();
    let ended = ended.exits(0).prints("connect_refused").prints("a.scn:9:5");
    let summary = summary(ended.folder());
    assert_eq!(summary["totals"]["failures"], summary["totals"]["requests"]);
    assert_eq!(summary["series"][0]["errors"]["connect_refused"], summary["totals"]["failures"]);
}

#[test]
fn a_certificate_that_cannot_be_used_is_shown_where_it_is_named_and_nothing_runs() {
    let over_tls = SOUND.replace(
        "target env(\"SCN_TARGET\", \"http://127.0.0.1:8000\")",
        "target \"https://127.0.0.1:1\" { tls { ca \"ca.pem\" } }",
    );
    let ended = scn("run a.scn --quiet --no-results")
        .file("a.scn", &over_tls)
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        .run();
    ended
        .exits(104)
        .says("no TLS can be spoken with this file")
        .says("\"ca.pem\"")
        .says("this is no certificate, though it looks like one")
        .prints_nothing();
}

/// The lines of the file of failures in the only run folder.
fn failures(folder: &Path) -> Vec<Value> {
    let runs: Vec<_> = fs::read_dir(folder.join("scn-results")).expect("results are there").flatten().collect();
    let text = fs::read_to_string(runs[0].path().join("failures.jsonl")).expect("there are failures");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn the_first_failures_are_kept_in_the_run_folder_and_named_in_the_report() {
    let run = |flags: &str| {
        let failing = SOUND.replace("expect status 200", "expect status 418");
        assert_ne!(failing, SOUND);
        scn("run a.scn --demo").args(flags).file("a.scn", failing).args(SHORT).run().exits(0)
    };
    let ended = run("").prints("the first failures are kept in scn-results/").prints("/failures.jsonl");
    let lines = failures(ended.folder());
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(
            (&line["schema"], &line["kind"], &line["seed"]),
            (&"scn-failure/1".into(), &"expect".into(), &7.into())
        );
        assert_eq!((&line["step"], &line["response"]["status"]), (&"GET /api/health".into(), &200.into()));
    }
    run("--no-results").prints_no(&["failures are kept"]);
}

#[test]
fn a_long_setup_says_that_it_goes_on() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    drop(listener);
    let waiting = format!("{SOUND}\nsetup {{ retry 2 every 5200ms {{ GET /api/health {{ expect status 200 }} }} }}\n");
    let ended = scn("run a.scn --target").arg(&url).file("a.scn", waiting).args(SHORT).run().exits(107);
    ended.says("setup … 5s · 1 request · 0 failures");
}

#[test]
fn a_host_that_is_not_allowed_is_refused_before_the_first_packet() {
    let ended = scn("run a.scn --target http://192.0.2.1:9").file("a.scn", SOUND).args(SHORT).run();
    let ended = ended.exits(107).says("`192.0.2.1`").says("--allow 192.0.2.1").prints_nothing();
    let left: Vec<_> = fs::read_dir(ended.folder().join("scn-results")).into_iter().flatten().collect();
    assert!(left.is_empty(), "a run that never was leaves nothing: {left:?}");
}

#[test]
fn too_few_descriptors_for_the_plan_are_told_before_the_run() {
    let world =
        |arguments| scn("run a.scn --users 60 --duration 50ms --no-results").file("a.scn", SOUND).args(arguments);
    let ended = world("--target http://127.0.0.1:1").descriptors(159).run().exits(107);
    ended.says("needs 160 file descriptors").says("may have 159").says("ulimit -Hn").prints_nothing();
    world("--target http://127.0.0.1:1").descriptors(160).run().exits(0);
    // The embedded service holds the other end of each connection.
    world("--demo").descriptors(219).run().exits(107).says("needs 220 file descriptors");
}

#[test]
fn a_variable_says_where_the_load_goes_and_a_flag_beats_it() {
    let world = || scn("run a.scn --no-results").file("a.scn", SOUND).args(SHORT);
    world().env("SCN_TARGET", "http://192.0.2.1:9").run().exits(107).says("192.0.2.1");
    world()
        .env("SCN_TARGET", "http://192.0.2.1:9")
        .arg("--target=http://192.0.2.2:9")
        .run()
        .exits(107)
        .says("192.0.2.2");
    world().env("SCN_TARGET", "nowhere").run().exits(2).says("SCN_TARGET").says("did you mean http://nowhere?");
    world().env("SCN_ALLOW", "http://a.example/").run().exits(2).says("SCN_ALLOW").says("did you mean a.example?");
    world().arg("--demo").env("SCN_TARGET", "http://192.0.2.1:9").run().exits(0);
}

#[test]
fn choices_that_contradict_are_usage_errors() {
    scn("run a.scn --demo --target http://127.0.0.1:1").run().exits(2).says("cannot be used with");
    scn("run a.scn --no-results --out x").run().exits(2).says("cannot be used with");
    scn("run a.scn --target 127.0.0.1:80").run().exits(2).says("did you mean http://127.0.0.1:80?");
    scn("run a.scn --threads 0").run().exits(2).says("--threads");
}

#[test]
fn results_that_cannot_be_written_are_found_before_the_run() {
    let world = || scn("run a.scn --demo").file("a.scn", SOUND).file("taken", "").args(SHORT);
    world().arg("--out=taken").run().exits(107).says("taken").says("--no-results").prints_nothing();
    world().arg("--summary-export=gone/s.json").run().exits(107).says("gone/s.json").prints_nothing();
}

#[test]
fn an_unsound_scenario_does_not_run() {
    scn("run a.scn --demo").file("a.scn", "scenario").run().exits(104).prints_nothing();
}

#[test]
fn a_signal_stops_the_run_gracefully_and_the_report_comes() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut run = scn("run a.scn --demo --duration 10m --users 2").file("a.scn", SOUND).start();
        run.said("seed");
        std::thread::sleep(std::time::Duration::from_millis(300));
        run.signal(signal);
        let ended = run.wait().exits(105).says("once more").prints("/api/health");
        assert_eq!(summary(ended.folder())["totals"]["failures"], 0);
    }
}

#[test]
fn a_second_signal_stops_at_once_and_the_report_comes_all_the_same() {
    let stuck = SOUND.replace("GET /api/health {", "pause 10m\n    GET /api/health {");
    let mut run = scn("run a.scn --demo --duration 10m --users 2").file("a.scn", stuck).start();
    run.said("seed");
    std::thread::sleep(std::time::Duration::from_millis(300));
    run.signal(Signal::INT);
    run.said("once more");
    run.signal(Signal::INT);
    let ended = run.wait().exits(105).says("at once");
    assert_eq!(summary(ended.folder())["totals"]["iterations"], 0);
}

#[test]
fn an_abort_ends_the_run_with_99_and_says_why() {
    let text = format!("{SOUND}\nthresholds {{\n  abort if count > 1\n}}\n");
    let ended = scn("run a.scn --demo --users 2 --spawn-rate 100 --duration 10m").file("a.scn", text).run();
    let ended = ended.exits(99).prints("aborted at").prints("ended the run at").says("`abort if count > 1` holds");
    let summary = summary(ended.folder());
    assert_eq!(summary["run"]["aborted"]["text"], "abort if count > 1");
    assert_eq!(summary["run"]["stopped"], false);
    assert_eq!(summary["thresholds"][0]["abort"], true);
    assert!(summary["run"]["duration_s"].as_f64().is_some_and(|duration| duration < 300.0));
}

#[test]
fn a_profile_adds_thresholds_to_those_of_the_scenario() {
    let profile = "users: 1\nspawn_rate: 1\nduration: 1s\nthresholds:\n  - 'count of \"GET /api/health\" > 1000000'\n";
    let text = format!("{SOUND}\nthresholds {{ count > 0 }}\n");
    let ended = scn("run a.scn --demo -p own.yml").file("a.scn", text).file("own.yml", profile).run();
    let ended = ended.exits(99).prints("✓  count > 0").prints("✗  count of \"GET /api/health\" > 1000000");
    assert_eq!(summary(ended.folder())["thresholds"][1]["ok"], false);
}
