//! The program against its own service: what the README shows, and counts that must hold on both sides.

use std::sync::atomic::Ordering;

use rustix::process::Signal;
use scn::base::Share;
use scn::demo::Switches;

use crate::program::{Beside, Folder, errors, finish, scn, sum};

fn service(switches: Switches) -> scn::demo::Running {
    scn::demo::start(([127, 0, 0, 1], 0).into(), switches).expect("a free port")
}

#[test]
fn the_first_command_of_the_readme_ends_well_and_leaves_a_run_folder() {
    let folder = Folder::new();
    let mut command = scn(&["run", "scenarios/oscilloscope.scn", "--demo", "--out"]);
    command.arg(folder.path());
    let ended = finish(command).with(0);
    assert!(ended.out.contains("✓  error_rate < 1%"), "{}", ended.out);
    assert!(!ended.out.contains('✗'), "{}", ended.out);
    // Which of the two, a busy machine decides.
    assert!(ended.out.contains("VALID") || ended.out.contains("DEGRADED"), "{}", ended.out);
    let runs: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [run] = runs.as_slice() else { panic!("one run folder, not {runs:?}") };
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["schema"], "scn-summary/1");
    assert_eq!(summary["run"]["profile"], "smoke");
    assert_eq!(summary["totals"]["failures"], 0);
}

#[test]
fn what_scn_counts_is_what_the_service_served() {
    let folder = Folder::new();
    let demo = Beside::start(scn(&["demo", "--listen", "127.0.0.1:0"]));
    let url = demo.first_line.split_whitespace().find(|word| word.starts_with("http://")).expect("it says where");
    let words = ["scenarios/http.scn", "--target", url, "--users", "20", "--spawn-rate", "100", "--duration", "5s"];
    finish(folder.run(&words)).with(0);
    demo.signal(Signal::TERM);
    let ended = demo.finish().with(0);
    let requests = folder.summary()["totals"]["requests"].as_u64().unwrap();
    assert!(requests > 20);
    assert!(ended.err.contains(&format!("served {requests} requests")), "{} of {requests}", ended.err);
}

#[test]
fn each_socket_that_the_service_drops_is_one_failed_iteration() {
    let folder = Folder::new();
    let service = service(Switches { drop_connections: Share(0.02), ..Switches::default() });
    let words = ["benches/truth/drops.scn", "--users", "20", "--spawn-rate", "100", "--duration", "6s"];
    let mut command = folder.run(&words);
    command.args(["--target", &service.url()]);
    finish(command).with(0);
    let summary = folder.summary();
    let dropped = service.counters().dropped.load(Ordering::Relaxed);
    assert!(dropped > 0, "the dice of the service have a fixed seed");
    assert_eq!(summary["totals"]["failed_iterations"], dropped);
    let errors = errors(&summary);
    assert!(errors.keys().all(|kind| kind == "reset" || kind == "closed"), "{errors:?}");
    assert_eq!(errors.values().sum::<u64>(), dropped);
}

#[test]
fn each_status_of_the_service_is_in_the_summary() {
    let folder = Folder::new();
    let service = service(Switches { error_rate: Share(0.2), ..Switches::default() });
    let words = ["scenarios/http.scn", "--users", "20", "--spawn-rate", "100", "--duration", "4s"];
    let mut command = folder.run(&words);
    command.args(["--target", &service.url()]);
    let ended = finish(command).with(99);
    assert!(ended.out.contains("✗  error_rate < 1%"), "{}", ended.out);
    let summary = folder.summary();
    let with = |status: &str| sum(&summary, |row| row["statuses"][status].as_u64());
    assert!(with("503") > 0);
    assert_eq!(with("200") + with("503"), service.counters().requests.load(Ordering::Relaxed));
    assert_eq!(with("503"), summary["totals"]["failures"].as_u64().unwrap());
}

#[test]
fn every_frame_that_was_sent_is_received() {
    let folder = Folder::new();
    let service = service(Switches::default());
    let text = r#"target "http://127.0.0.1:1"
user watcher {
  think 30s
  task hold {
    websocket /api/oscilloscope/ws {
      start: send json { command: "start" }
      frame: receive 30 within 10s { expect length(json $.samples) == 100 }
      stop:  send json { command: "stop" }
      pause 200ms
    }
  }
}
"#;
    let scenario = folder.write("hold.scn", text);
    let mut command = folder.run(&[&scenario, "--users", "50", "--spawn-rate", "1000", "--duration", "4s"]);
    command.args(["--target", &service.url()]);
    finish(command).with(0);
    let summary = folder.summary();
    assert_eq!(sum(&summary, |row| if row["name"] == "frame" { row["requests"].as_u64() } else { None }), 50 * 30);
    assert_eq!(summary["totals"]["failures"], 0);
    assert_eq!(summary["totals"]["iterations"], 50);
}
