//! uvicorn with a small ASGI application: JSON, streams, server-sent events, sockets, and slips of the application.

use serde_json::json;

use super::counted::{run, tallied};
use super::server::{resource, seen};
use crate::program::{Beside, Folder};

#[test]
fn an_asgi_application_is_understood_in_all_that_it_does() {
    const ITERATIONS: u64 = 6;
    let folder = Folder::new();
    let service = Beside::python("others/service.py", folder.path());
    folder.write("service.scn", &resource("service.scn"));
    let counted = run(&folder, "service.scn", &format!("http://127.0.0.1:{}", service.first_line), 2, ITERATIONS);
    // In `attempt`: a body that breaks off, and a socket that the application refuses.
    let failures = counted.failures();
    let failures = failures.iter().map(|(kind, message, count)| (kind.as_str(), message.as_str(), *count));
    let expected = [
        ("closed", "connection closed by the peer in the body, after 10B", ITERATIONS),
        ("status", "the upgrade was answered with 403 Forbidden", ITERATIONS),
    ];
    assert_eq!(failures.collect::<Vec<_>>(), expected);
    assert_eq!(counted.total("failures"), 2 * ITERATIONS);
    assert_eq!(counted.total("failed_iterations"), 0);
    assert_eq!(counted.total("requests"), 40 * ITERATIONS);
    let of_each = [("101", 2), ("200", 5), ("201", 1), ("403", 1), ("404", 1), ("500", 1)];
    assert_eq!(counted.statuses(), tallied(of_each.map(|(status, count)| (status, count * ITERATIONS))));
    assert_eq!(counted.counter("messages_sent"), 22 * ITERATIONS);
    assert_eq!(counted.counter("messages_received"), 26 * ITERATIONS);

    let seen = seen(&service.first_line, |seen| {
        seen["cut"] == ITERATIONS && seen["closed"].as_array().is_some_and(|codes| codes.len() as u64 == ITERATIONS)
    });
    assert_eq!(seen["requests"], 8 * ITERATIONS);
    assert_eq!(seen["sockets"], 2 * ITERATIONS);
    assert_eq!(seen["messages"], 22 * ITERATIONS);
    assert_eq!(seen["cut"], ITERATIONS, "leaving a stream of events closes it");
    assert_eq!(seen["closed"], json!(vec![4003; ITERATIONS as usize]));
    assert_eq!(
        seen["bytes"],
        (300_000 + r#"{"name":"tea","list":[1,2.5,null],"deep":{"more":true}}"#.len() as u64) * ITERATIONS
    );
}
