//! Sockets of Python's `websockets`, with its compression, which is not offered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::counted::{Counted, run};
use super::server::{papers, resource, seen};
use crate::program::{Beside, Folder};

/// Sockets that an iteration of `talk.scn` opens.
pub const SOCKETS: usize = 8;

/// Ends of sockets that the service records for an iteration: not that of its own slip.
const ENDS: usize = 7;

/// That the iterations of `talk.scn` were as they should be, on both sides; the service is at that port.
#[track_caller]
pub fn all_said(counted: &Counted, iterations: u64, service: &str) {
    // Upgrades, calls, messages that came and went, closes of the server's and of ours; what stands is no step apart.
    counted.all_well(iterations * (8 + 20 + 14 + 10 + 5 + 3));
    assert_eq!(counted.counter("connections_opened"), iterations * SOCKETS as u64);
    assert_eq!(counted.counter("messages_sent"), iterations * (20 + 11));
    assert_eq!(counted.counter("messages_received"), iterations * (20 + 11 + 2 + 4));

    let all = |seen: &Value| seen.as_array().is_some_and(|ends| ends.len() >= iterations as usize * ENDS);
    let mut ends: BTreeMap<(String, u64, String), u64> = BTreeMap::new();
    for socket in seen(service, all).as_array().expect("a list") {
        assert_eq!(socket["offered"], Value::Null, "nothing is offered: {socket}");
        assert_eq!(socket["agreed"], json!([]), "nothing is agreed on: {socket}");
        let text = |key: &str| socket[key].as_str().expect("a text").to_owned();
        let key = (text("path"), socket["code"].as_u64().expect("a code"), text("reason"));
        *ends.entry(key).or_insert(0) += 1;
    }
    let expected = [
        ("/big", 1000, ""),
        ("/closes/1000", 1000, "closed with 1000"),
        ("/closes/1001", 1001, "closed with 1001"),
        ("/closes/1008", 1008, "closed with 1008"),
        ("/closes/4000", 4000, "closed with 4000"),
        ("/echo", 4001, "enough"),
        ("/pings", 1000, ""),
    ];
    let expected = expected.map(|(path, code, reason)| ((path.to_owned(), code, reason.to_owned()), iterations));
    assert_eq!(ends, BTreeMap::from(expected));
}

#[test]
fn messages_of_all_sizes_pings_and_close_codes_without_compression() {
    let folder = Folder::new();
    papers(&folder);
    let service = Beside::python("others/talker.py", folder.path());
    folder.write("talk.scn", &resource("talk.scn").replace("BEFORE", ""));
    let counted = run(&folder, "talk.scn", &format!("http://127.0.0.1:{}", service.first_line), 2, 6);
    all_said(&counted, 6, &service.first_line);
}

/// Three users open a socket where the service does what the path says; each iteration fails once.
fn fails_as(path: &str) -> (String, String) {
    let folder = Folder::new();
    let service = Beside::python("others/talker.py", folder.path());
    let text =
        format!("target \"http://127.0.0.1:1\"\nuser one {{ task talk {{ websocket {path} {{ receive }} }} }}\n");
    folder.write("refused.scn", &text);
    let counted = run(&folder, "refused.scn", &format!("http://127.0.0.1:{}", service.first_line), 3, 9);
    assert_eq!(counted.total("failed_iterations"), 9);
    let [(kind, message, 9)] = &counted.failures()[..] else { panic!("{:#}", counted.summary["errors"]) };
    assert_eq!(counted.total("failures"), 9);
    assert_eq!(counted.counter("messages_received"), 0);
    (kind.clone(), message.clone())
}

#[test]
fn a_service_that_insists_on_compression_refuses_by_status() {
    let (kind, message) = fails_as("/insists");
    assert_eq!((kind.as_str(), message.as_str()), ("status", "the upgrade was answered with 400 Bad Request"));
}

#[test]
fn compression_that_a_service_claims_though_nobody_offered_it_is_protocol() {
    let (kind, message) = fails_as("/claims");
    let why = "the server speaks an extension that was not offered: `permessage-deflate`";
    assert_eq!((kind.as_str(), message.as_str()), ("protocol", why));
}

#[test]
fn compressed_messages_that_nobody_agreed_on_are_protocol() {
    let (kind, message) = fails_as("/packs");
    assert_eq!(kind, "protocol");
    assert!(message.contains("eserved bit"), "{message}");
}
