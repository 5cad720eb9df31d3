//! The program on a machine whose addresses have few source ports, and connections over IPv6: in a network of its own,
//! which `unshare` makes for one command.

use std::process::Command;

use crate::program::{Folder, errors, finish};

/// Two connections for each user, which it keeps.
const KEEPS: &str =
    "user one { think 1h\n  task look { GET /api/health\n    websocket /api/oscilloscope/ws { pause 1s } } }";

/// Each iteration is a new person with a connection of its own.
const CHURNS: &str = "user one { session per iteration\n  task look { GET /api/health } }";

/// `scn run look.scn` with these words beside `scn demo` on that address, in a network whose addresses have ten source
/// ports each.
fn with_ten_ports(folder: &Folder, scenario: &str, address: &str, words: &str) -> Command {
    folder.write("look.scn", &format!("target \"http://{address}\"\n{scenario}\n"));
    let scn = env!("CARGO_BIN_EXE_scn");
    let script = format!(
        "ip link set lo up && echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range || exit 1\n\
         {scn} demo --listen {address} >ready 2>/dev/null & demo=$!\n\
         until [ -s ready ]; do sleep 0.02; done\n\
         {scn} run look.scn --no-results --summary-export summary.json --spawn-rate 1000 {words}; code=$?\n\
         kill $demo; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]).current_dir(folder.path());
    command
}

#[test]
fn too_few_ports_for_the_plan_are_told_and_further_sources_mend_it() {
    let folder = Folder::new();
    let words = "--users 9 --duration 500ms";
    let ended = finish(with_ten_ports(&folder, KEEPS, "127.0.0.1:8000", words)).with(107);
    assert!(ended.err.contains("holds up to 18 connections to 127.0.0.1:8000"), "{}", ended.err);
    assert!(ended.err.contains("this machine has 10 source ports towards it"), "{}", ended.err);
    assert!(ended.err.contains("--source 127.0.0.2,127.0.0.3"), "{}", ended.err);

    let words = format!("{words} --source 127.0.0.2,127.0.0.3");
    finish(with_ten_ports(&folder, KEEPS, "127.0.0.1:8000", &words)).with(0);
    let summary = folder.summary();
    assert_eq!(summary["counters"]["connections_opened"], 18);
    assert_eq!(summary["counters"]["connections_failed"], 0);
    assert_eq!(summary["totals"]["failed_iterations"], 0);
}

#[test]
fn ports_that_run_out_on_the_way_make_the_run_invalid() {
    let folder = Folder::new();
    let ended = finish(with_ten_ports(&folder, CHURNS, "127.0.0.1:8000", "--users 2 --duration 1s")).with(98);
    assert!(ended.out.contains("this machine ran out of descriptors, ports or memory"), "{}", ended.out);
    let summary = folder.summary();
    let kinds = errors(&summary);
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["local"], "{kinds:?}");
    assert_eq!(summary["counters"]["connections_failed"], kinds["local"]);
    assert_eq!(summary["validity"]["reasons"][0]["limit"], "exhausted");
}

#[test]
fn connections_over_ipv6_come_from_the_source_of_that_family() {
    let folder = Folder::new();
    let words = "--users 4 --duration 500ms --source 127.0.0.2,::1";
    finish(with_ten_ports(&folder, KEEPS, "[::1]:8000", words)).with(0);
    let summary = folder.summary();
    assert_eq!(summary["counters"]["connections_opened"], 8);
    assert_eq!(summary["totals"]["failed_iterations"], 0);

    let ended = finish(with_ten_ports(&folder, KEEPS, "[::1]:8000", "--users 6 --duration 500ms")).with(107);
    assert!(ended.err.contains("holds up to 12 connections to [::1]:8000"), "{}", ended.err);
}
