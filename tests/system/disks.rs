//! A disk that is full, or may not be written to any more: a small one of the test's own, which `unshare` and `mount`
//! make for one command.

use std::process::Command;
use std::sync::atomic::Ordering;

use scn::demo::{Running, Switches};
use serde_json::Value;

use crate::program::{Ended, Folder, finish};

const ASKS: &str =
    "target \"http://127.0.0.1:1\"\nuser one { think 20ms\n  task ask { GET /api/health { expect status 200 } } }\n";

fn service() -> Running {
    scn::demo::start(([127, 0, 0, 1], 0).into(), Switches::default()).expect("a free port")
}

/// A run that leaves its results on a disk of a mebibyte; when they have begun to come, `deed` is done to the disk, and
/// then the run is asked to end. What it left is in `left` of the folder.
fn run_on_a_small_disk(folder: &Folder, service: &Running, before: &str, deed: &str) -> Ended {
    folder.write("ask.scn", ASKS);
    let (scn, url) = (env!("CARGO_BIN_EXE_scn"), service.url());
    let script = format!(
        "mkdir disk left temporary; mount -t tmpfs -o size=1m scn disk || exit 1\n\
         {before}\n\
         TMPDIR=temporary {scn} run ask.scn --target {url} --out disk --users 10 --spawn-rate 100 \
           --duration 5m 2>err & run=$!\n\
         until ls disk/*/summary.json >/dev/null 2>&1; do kill -0 $run || {{ wait $run; code=$?; cat err >&2; exit $code; }}; sleep 0.02; done\n\
         {deed}\n\
         kill -TERM $run; wait $run; code=$?\n\
         cat err >&2; cp disk/*/* left; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).current_dir(folder.path());
    finish(command)
}

fn requests(service: &Running) -> u64 {
    service.counters().requests.load(Ordering::Relaxed)
}

fn json(folder: &Folder, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path().join(path)).expect("it is there")).expect("it is JSON")
}

#[test]
fn a_disk_that_fills_up_during_the_run_is_told_once_and_the_results_have_room() {
    let (folder, service) = (Folder::new(), service());
    let fill = "cat /dev/zero >disk/fill 2>/dev/null\nuntil grep -q 'cannot be written' err; do sleep 0.02; done";
    let ended = run_on_a_small_disk(&folder, &service, "", fill).with(105);
    assert_eq!(ended.err.matches("the state of the run cannot be written").count(), 1, "{}", ended.err);
    assert!(ended.err.contains("No space left on device"), "{}", ended.err);
    assert!(ended.out.contains("/api/health"), "{}", ended.out);
    let summary = json(&folder, "left/summary.json");
    assert_eq!(summary["run"]["finished"], true);
    assert_eq!(
        (&summary["totals"]["requests"], &summary["totals"]["failures"]),
        (&requests(&service).into(), &0.into())
    );
    let notes = summary["run"]["notes"].to_string();
    assert!(notes.contains("states of the run were not written"), "{notes}");
    assert!(ended.out.contains("states of the run were not written"), "{}", ended.out);
}

#[test]
fn a_disk_that_may_not_be_written_to_any_more_ends_with_107_and_nothing_measured_is_lost() {
    let (folder, service) = (Folder::new(), service());
    let lock = "until mount -o remount,ro disk 2>/dev/null; do sleep 0.01; done";
    let ended = run_on_a_small_disk(&folder, &service, "", lock).with(107);
    assert!(ended.out.contains("/api/health"), "what was measured is told: {}", ended.out);
    assert!(ended.err.contains("summary.json`: Read-only file system"), "{}", ended.err);
    assert!(ended.err.contains("help: the summary is in `temporary/scn-"), "{}", ended.err);
    let saved: Vec<_> = std::fs::read_dir(folder.path().join("temporary")).unwrap().flatten().collect();
    let [saved] = saved.as_slice() else { panic!("one summary, not {saved:?}") };
    let summary: Value = serde_json::from_slice(&std::fs::read(saved.path()).unwrap()).unwrap();
    assert_eq!(
        (&summary["run"]["finished"], &summary["totals"]["requests"]),
        (&true.into(), &requests(&service).into())
    );
    // The state of some second before is still there.
    assert_eq!(json(&folder, "left/summary.json")["run"]["finished"], false);
}

#[test]
fn a_disk_that_is_full_before_the_run_ends_it_before_the_first_packet() {
    let (folder, service) = (Folder::new(), service());
    let ended = run_on_a_small_disk(&folder, &service, "cat /dev/zero >disk/fill 2>/dev/null", "true");
    let ended = ended.with(107);
    assert_eq!(ended.out, "");
    assert_eq!((requests(&service), service.counters().connections.load(Ordering::Relaxed)), (0, 0));
}
