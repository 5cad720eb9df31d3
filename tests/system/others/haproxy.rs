//! haproxy: each version of HTTP before a server of files, its own answers and codings, connections that it ends while
//! nothing happens, sockets through it.

use super::counted::{of_each, one, run, tallied, tally};
use super::server::{Configuration, Server, files, papers, resource};
use super::talkers::{SOCKETS, all_said};
use crate::program::{Beside, Folder};

// Its ports, in the order of its configuration.
const PLAIN: usize = 0;
const TWO_PLAIN: usize = 1;
const BOTH: usize = 2;
const ONE: usize = 3;
const HASTY_BOTH: usize = 4;
const HASTY_ONE: usize = 5;

/// haproxy, and the services behind it.
struct Proxied {
    haproxy: Server,
    sockets: Beside,
    _files: Beside,
}

fn haproxy(folder: &Folder) -> Proxied {
    papers(folder);
    files(folder);
    let files = Beside::python("files.py", folder.path().join("files"));
    let sockets = Beside::python("others/talker.py", folder.path());
    let configuration = Configuration {
        from: "haproxy.cfg",
        command: &["haproxy", "-db", "-f", "FOLDER/haproxy.cfg"],
        words: &[("FILES_PORT", files.first_line.clone()), ("SOCKETS_PORT", sockets.first_line.clone())],
        beside: &[],
        log: "stdout",
    };
    Proxied { haproxy: Server::start(folder, &configuration), sockets, _files: files }
}

/// All that the scenario asks for, by two users, on one of haproxy's ports. `speaks` is what haproxy must have seen of
/// each request: its protocol, what was chosen in the handshake, the protocol of TLS.
#[track_caller]
fn all_of_it(port: usize, scheme: &str, settings: &str, speaks: &str, connections: u64) {
    const ITERATIONS: u64 = 6;
    let folder = Folder::new();
    let proxied = haproxy(&folder);
    folder.write("proxied.scn", &resource("proxied.scn").replace("timeout 10s", settings));
    let counted = run(&folder, "proxied.scn", &proxied.haproxy.url(scheme, port), 2, ITERATIONS);
    counted.all_well(23 * ITERATIONS);
    assert_eq!(counted.counter("connections_opened"), connections, "{}", counted.ended.out);
    let mut statuses = vec![("200", 19), ("204", 1), ("404", 1), ("429", 1), ("503", 1)];
    assert_eq!(counted.statuses(), of_each(ITERATIONS, &statuses));

    // Three redirects are requests for the server.
    let log = proxied.haproxy.served(26 * ITERATIONS as usize);
    statuses.extend([("302", 1), ("303", 2)]);
    assert_eq!(tally(&log, &["status"]), of_each(ITERATIONS, &statuses));
    assert_eq!(tally(&log, &["protocol", "alpn", "tls"]), tallied([(speaks, 26 * ITERATIONS)]));
    assert_eq!(tally(&log, &["from"]).len() as u64, connections);
}

// Over HTTP/1.1 a user has up to six connections at a time, and haproxy ends one after each answer for a server that is
// not there. Over HTTP/2 it has one for life.

#[test]
fn all_of_it_over_http_1_1_without_tls() {
    all_of_it(PLAIN, "http", "timeout 10s", "HTTP/1.1 - -", 18);
}

#[test]
fn all_of_it_over_http_1_1_where_haproxy_chooses_nothing() {
    all_of_it(ONE, "https", "timeout 10s", "HTTP/1.1 - TLSv1.3", 18);
}

#[test]
fn all_of_it_over_http_1_1_where_the_user_wants_that() {
    all_of_it(BOTH, "https", "http 1.1", "HTTP/1.1 http/1.1 TLSv1.3", 18);
}

#[test]
fn all_of_it_over_http_2_where_tls_offers_both() {
    all_of_it(BOTH, "https", "timeout 10s", "HTTP/2.0 h2 TLSv1.3", 2);
}

#[test]
fn all_of_it_over_http_2_without_tls() {
    all_of_it(TWO_PLAIN, "http", "http 2", "HTTP/2.0 - -", 2);
}

#[test]
fn a_connection_that_haproxy_closes_while_the_user_pauses_is_replaced_without_a_failure() {
    // haproxy waits for 50 ms; what it does then is there long before the pause is over.
    let task = "task look { repeat 4 { GET /said { expect status 200 }\n pause 500ms } }";
    for (port, protocol) in [(HASTY_ONE, "HTTP/1.1"), (HASTY_BOTH, "HTTP/2.0")] {
        let folder = Folder::new();
        let proxied = haproxy(&folder);
        let counted = one(&folder, &proxied.haproxy.url("https", port), task, 1);
        counted.all_well(4);
        assert_eq!(counted.counter("connections_opened"), 4);
        assert_eq!(counted.counter("connections_stale"), 3);
        assert_eq!(
            tally(&proxied.haproxy.served(4), &["protocol", "status"]).into_values().collect::<Vec<_>>(),
            [4],
            "{protocol}"
        );
    }
}

#[test]
fn a_redirect_leads_from_http_to_https_as_one_step() {
    let folder = Folder::new();
    let proxied = haproxy(&folder);
    let task = "task look { GET /to_tls { expect url starts_with \"https://\" and json $.name == \"small\" } }";
    let counted = one(&folder, &proxied.haproxy.url("http", PLAIN), task, 3);
    counted.all_well(3);
    let log = proxied.haproxy.served(6);
    let expected = tallied([("308 HTTP/1.1 -", 3), ("200 HTTP/2.0 TLSv1.3", 3)]);
    assert_eq!(tally(&log, &["status", "protocol", "tls"]), expected);
}

#[test]
fn sockets_go_through_haproxy_to_the_service_behind() {
    for (scheme, port, speaks) in
        [("http", PLAIN, "101 HTTP/1.1 - -"), ("https", BOTH, "101 HTTP/1.1 http/1.1 TLSv1.3")]
    {
        let folder = Folder::new();
        let Proxied { haproxy, sockets, _files } = haproxy(&folder);
        folder.write("talk.scn", &resource("talk.scn").replace("BEFORE", ""));
        let counted = run(&folder, "talk.scn", &haproxy.url(scheme, port), 2, 4);
        all_said(&counted, 4, &sockets.first_line);
        let log = haproxy.served(4 * SOCKETS);
        assert_eq!(tally(&log, &["status", "protocol", "alpn", "tls"]), tallied([(speaks, 4 * SOCKETS as u64)]));
    }
}
