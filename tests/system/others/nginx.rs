//! nginx: each version of HTTP, with TLS and without; connections that it ends; sockets through it to a service behind.

use super::counted::{of_each, one, run, tallied, tally};
use super::server::{Configuration, Server, files, papers, resource};
use super::talkers::{SOCKETS, all_said};
use crate::program::{Beside, Folder, ROOT};

// Its ports, in the order of its configuration.
const PLAIN: usize = 0;
const ONE: usize = 1;
const BOTH: usize = 2;
const TWO_PLAIN: usize = 3;
const SHOWN: usize = 4;
const SHORT_ONE: usize = 5;
const SHORT_TWO: usize = 6;

/// nginx with what it has to give, and what stands behind it.
fn nginx(folder: &Folder, behind: &str) -> Server {
    nginx_with(folder, behind, |_| ())
}

/// The same; `then` may change what was written for it.
fn nginx_with(folder: &Folder, behind: &str, then: impl FnOnce(&Folder)) -> Server {
    papers(folder);
    files(folder);
    then(folder);
    let configuration = Configuration {
        from: "nginx.conf",
        command: &["nginx", "-p", "FOLDER", "-e", "FOLDER/error.log", "-c", "FOLDER/nginx.conf"],
        words: &[("BEHIND_PORT", behind.to_owned())],
        beside: &["places.conf"],
        log: "access.log",
    };
    Server::start(folder, &configuration)
}

/// All that the scenario of versions asks for, by two users, on one of nginx's ports. `speaks` is what nginx must have
/// seen of each request: its protocol, and that of TLS.
#[track_caller]
fn all_of_it(port: usize, scheme: &str, settings: &str, speaks: &str, connections: u64) {
    const ITERATIONS: u64 = 6;
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    folder.write("versions.scn", &resource("versions.scn").replace("timeout 10s", settings));
    let counted = run(&folder, "versions.scn", &server.url(scheme, port), 2, ITERATIONS);
    counted.all_well(31 * ITERATIONS);
    assert_eq!(counted.counter("connections_opened"), connections, "{}", counted.ended.out);
    let mut statuses =
        vec![("200", 22), ("201", 1), ("204", 3), ("206", 1), ("304", 1), ("403", 1), ("404", 1), ("413", 1)];
    assert_eq!(counted.statuses(), of_each(ITERATIONS, &statuses));

    // Four redirects are requests for the server.
    let log = server.served(35 * ITERATIONS as usize);
    statuses.extend([("301", 1), ("302", 1), ("303", 1), ("307", 1)]);
    assert_eq!(tally(&log, &["status"]), of_each(ITERATIONS, &statuses));
    assert_eq!(tally(&log, &["protocol", "two", "tls"]), tallied([(speaks, 35 * ITERATIONS)]));
    assert_eq!(tally(&log, &["connection"]).len() as u64, connections);
}

// Over HTTP/1.1 a user has up to six connections at a time, and nginx ends one after each body that is too large. Over
// HTTP/2 it has one for life.

#[test]
fn all_of_it_over_http_1_1_without_tls() {
    all_of_it(PLAIN, "http", "timeout 10s", "HTTP/1.1  ", 18);
}

#[test]
fn all_of_it_over_http_1_1_where_tls_offers_both_and_nginx_knows_only_that() {
    all_of_it(ONE, "https", "timeout 10s", "HTTP/1.1  TLSv1.3", 18);
}

#[test]
fn all_of_it_over_http_1_1_where_nginx_knows_both_and_the_user_wants_that() {
    all_of_it(BOTH, "https", "http 1.1", "HTTP/1.1  TLSv1.3", 18);
}

#[test]
fn all_of_it_over_http_2_where_tls_offers_both() {
    all_of_it(BOTH, "https", "timeout 10s", "HTTP/2.0 h2 TLSv1.3", 2);
}

#[test]
fn all_of_it_over_http_2_where_nothing_else_is_offered() {
    all_of_it(BOTH, "https", "http 2", "HTTP/2.0 h2 TLSv1.3", 2);
}

#[test]
fn all_of_it_over_http_2_without_tls() {
    all_of_it(TWO_PLAIN, "http", "http 2", "HTTP/2.0 h2c ", 2);
}

#[test]
fn http_2_without_tls_is_no_http_1_1_and_says_so() {
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    let counted = one(&folder, &server.url("http", TWO_PLAIN), "task look { GET /seat { expect status 200 } }", 2);
    let [(kind, message, 2)] = &counted.failures()[..] else { panic!("{:#}", counted.summary["errors"]) };
    assert_eq!((kind.as_str(), message.contains("not HTTP")), ("protocol", true), "{message}");
}

#[test]
fn connections_that_nginx_ends_after_ten_requests_are_replaced_without_a_failure() {
    let task = "task look { repeat 50 { GET /seat { expect status 200 } } }";
    for (port, protocol) in [(SHORT_ONE, "HTTP/1.1"), (SHORT_TWO, "HTTP/2.0")] {
        let folder = Folder::new();
        let server = nginx(&folder, "1");
        let counted = one(&folder, &server.url("https", port), task, 2);
        counted.all_well(100);
        assert_eq!(counted.counter("connections_opened"), 10);
        assert_eq!(counted.counter("connections_reused"), 90);
        let log = server.served(100);
        assert_eq!(tally(&log, &["protocol"]), tallied([(protocol, 100)]));
        assert_eq!(tally(&log, &["connection"]).into_values().collect::<Vec<_>>(), [10; 10]);
    }
}

#[test]
fn requests_that_nginx_has_not_begun_with_when_it_ends_a_connection_go_over_the_next_ones() {
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    // Forty start together, of which each connection takes ten.
    let task = "task look { repeat 5 { parallel { for n in 1..40 { GET /seat { expect status 200 } } } } }";
    let counted = one(&folder, &server.url("https", SHORT_TWO), task, 1);
    counted.all_well(200);
    assert_eq!(counted.counter("connections_opened"), 20);
    let log = server.served(200);
    assert_eq!(tally(&log, &["connection"]).into_values().collect::<Vec<_>>(), [10; 20]);
}

#[test]
fn streams_beyond_what_nginx_takes_at_a_time_wait_and_are_not_refused() {
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    let task = "task look { parallel { for n in 1..100 { GET /long.txt { expect size == 1MiB } } } }";
    let counted = one(&folder, &server.url("https", BOTH), task, 2);
    counted.all_well(200);
    assert_eq!(counted.counter("connections_opened"), 1);
    let log = server.served(200);
    assert_eq!(tally(&log, &["connection", "protocol", "status", "coding"]).into_values().collect::<Vec<_>>(), [200]);
}

#[test]
fn each_new_user_shows_its_certificate_and_resumes_its_session() {
    for (port, tls) in [(SHOWN, "TLSv1.2"), (BOTH, "TLSv1.3")] {
        let folder = Folder::new();
        let server = nginx(&folder, "1");
        let text = "target \"http://127.0.0.1:1\" { tls { ca \"ca.pem\"; cert \"user.pem\"; key \"user.key\" } }\n\
                    user visitor {\n  session per iteration\n  task look { GET /seat { expect status 200 } }\n}\n";
        folder.write("shown.scn", text);
        let counted = run(&folder, "shown.scn", &server.url("https", port), 1, 5);
        counted.all_well(5);
        assert_eq!(counted.counter("connections_opened"), 5);
        let log = server.served(5);
        let user = if port == SHOWN { "CN=A user" } else { "" };
        let said = |resumed: &str| format!("{tls} {user} {resumed}");
        assert_eq!(tally(&log, &["tls", "user", "resumed"]), tallied([(&*said("."), 1), (&*said("r"), 4)]));
    }
}

#[test]
fn a_user_without_a_certificate_is_refused_by_status() {
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    let task = "task look { GET /seat { expect status 400; expect body contains \"No required SSL certificate\" } }";
    one(&folder, &server.url("https", SHOWN), task, 2).all_well(2);
    assert_eq!(tally(&server.served(2), &["status", "tls", "user"]), tallied([("400 TLSv1.2 ", 2)]));
}

#[test]
fn a_server_with_a_certificate_of_version_1_fails_as_tls_and_is_told_so() {
    let folder = Folder::new();
    let old =
        |name: &str| std::fs::read_to_string(format!("{ROOT}/tests/it/secure/version_1.{name}")).expect("it is there");
    let server = nginx_with(&folder, "1", |folder| {
        folder.write("server.pem", &old("pem"));
        folder.write("server.key", &old("key"));
    });
    let counted = one(&folder, &server.url("https", ONE), "task look { GET /seat { expect status 200 } }", 2);
    let [(kind, message, 2)] = &counted.failures()[..] else { panic!("{:#}", counted.summary["errors"]) };
    assert_eq!(kind, "tls");
    assert!(message.starts_with("the server's certificate is of version 1"), "{message}");
}

#[test]
fn a_redirect_leads_from_http_to_https_as_one_step() {
    let folder = Folder::new();
    let server = nginx(&folder, "1");
    let task = "task look { GET /to_tls { expect url starts_with \"https://\" and json $.name == \"small\" } }";
    let counted = one(&folder, &server.url("http", PLAIN), task, 3);
    counted.all_well(3);
    assert_eq!(counted.counter("connections_opened"), 2);
    let log = server.served(6);
    let expected = tallied([("308 HTTP/1.1 ", 3), ("200 HTTP/1.1 TLSv1.3", 3)]);
    assert_eq!(tally(&log, &["status", "protocol", "tls"]), expected);
}

#[test]
fn sockets_go_through_nginx_to_the_service_behind() {
    for (scheme, port, tls) in [("http", PLAIN, ""), ("https", ONE, "TLSv1.3"), ("https", BOTH, "TLSv1.3")] {
        let folder = Folder::new();
        let behind = Beside::python("others/talker.py", folder.path());
        let server = nginx(&folder, &behind.first_line);
        folder.write("talk.scn", &resource("talk.scn").replace("BEFORE", "/behind"));
        let counted = run(&folder, "talk.scn", &server.url(scheme, port), 2, 4);
        all_said(&counted, 4, &behind.first_line);
        let log = server.served(SOCKETS * 4);
        let upgraded = format!("101 HTTP/1.1  {tls}");
        assert_eq!(tally(&log, &["status", "protocol", "two", "tls"]), tallied([(&*upgraded, 4 * SOCKETS as u64)]));
    }
}
