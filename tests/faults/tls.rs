//! What can go wrong between a connection and the first byte of a request over TLS.

use std::io::{BufRead, BufReader, Write};

use rustls::{ServerConnection, StreamOwned};
use scn::metrics::Counter;

use crate::papers::{Authority, Papers, self_signed};
use crate::rogue::{Call, Rogue};
use crate::trial::{Trial, alone, patience};

/// Three requests over TLS to a rogue that does this behind the first message of the handshake: each fails as `kind`.
#[track_caller]
fn fails_as(kind: &'static str, note: &str, conduct: fn(&mut Call) -> bool) {
    let held = alone();
    let mut rogue = Rogue::at_the_door(move |call| {
        // It begins with the kind of the record, its version, and how long it is.
        let mut record = [0; 5];
        std::io::Read::read_exact(&mut call.stream, &mut record).expect("the handshake begins");
        assert_eq!(record[0], 22);
        conduct(call)
    });
    let url = rogue.url().replace("http:", "https:");
    let scenario = format!(
        "target \"{url}\" {{ timeout {}\n tls {{ verify off }} }}\nuser u {{ task t {{ step: GET /x }} }}\n",
        patience(kind)
    );
    let seen = Trial::of(&scenario).run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples(), seen.row("step")), ((0, 3), (3, 3), (0, 3)));
    assert_eq!((seen.counter(Counter::ConnectionsOpened), seen.counter(Counter::ConnectionsFailed)), (0, 3));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_handshake_stops() {
    fails_as("connect_timeout", "was not finished in time", Call::stays_silent);
}

#[test]
fn a_handshake_stops_in_the_middle_of_an_answer() {
    fails_as("connect_timeout", "was not finished in time", |call| {
        // A record that promises 80 bytes.
        call.write(b"\x16\x03\x03\x00\x50\x02\x00\x00\x4c\x03\x03");
        call.stays_silent()
    });
}

#[test]
fn a_handshake_is_cut() {
    fails_as("tls", "closed the connection in the TLS handshake", Call::ends);
}

#[test]
fn a_handshake_is_reset() {
    fails_as("reset", "", Call::reset);
}

#[test]
fn a_handshake_is_refused() {
    // An alert: handshake failure.
    fails_as("tls", "", |call| {
        call.write(b"\x15\x03\x03\x00\x02\x02\x28");
        call.ends()
    });
}

#[test]
fn a_handshake_is_answered_in_plain_http() {
    fails_as("tls", "does not speak TLS", |call| {
        call.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        call.ends()
    });
}

#[test]
fn a_handshake_is_answered_by_garbage_without_end() {
    fails_as("tls", "", |call| {
        while std::io::Write::write_all(&mut call.stream, &[0xff; 4096]).is_ok() {}
        false
    });
}

/// A server with these papers that answers what it is asked, if anything is.
fn shows(papers: &Papers) -> Rogue {
    let config = papers.config(&[], None);
    Rogue::at_the_door(move |call| {
        let stream = call.stream.try_clone().expect("it is a socket");
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("it can begin"), stream);
        loop {
            let mut heard = BufReader::new(&mut stream).lines().map_while(Result::ok);
            if heard.by_ref().find(String::is_empty).is_none() {
                return false;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    })
}

/// What three requests to a server with these papers come to, where those of `ca` are trusted: how many are good, and
/// what is said of the others, always the same.
#[track_caller]
fn told(papers: &Papers, ca: &Authority) -> (u64, String) {
    let (held, mut rogue) = (alone(), shows(papers));
    let url = rogue.url().replace("http:", "https:");
    let scenario = format!(
        "target \"{url}\" {{ timeout 20s\n tls {{ ca \"ca.pem\" }} }}\n\
         user u {{ task t {{ step: GET /x {{ expect body == \"ok\" }} }} }}\n"
    );
    let seen = Trial::of(&scenario).file("ca.pem", &ca.pem()).run();
    let (good, failed) = seen.iterations();
    assert_eq!((good + failed, seen.samples(), seen.row("step")), (3, (3, failed), (good, failed)));
    assert_eq!(seen.kinds(), if failed > 0 { vec![("tls", failed)] } else { vec![] }, "{:?}", seen.notes());
    assert_eq!(seen.counter(Counter::ConnectionsFailed), failed);
    assert_eq!(rogue.accepted(), if failed > 0 { 3 } else { 1 });
    let mut notes: Vec<String> = seen.notes().into_iter().map(str::to_owned).collect();
    notes.dedup();
    assert!(notes.len() < 2, "{notes:?}");
    held.nothing_leaks(&mut [&mut rogue]);
    (good, notes.pop().unwrap_or_default())
}

#[test]
fn a_certificate_will_do() {
    let ca = Authority::new();
    assert_eq!(told(&ca.signs(&["127.0.0.1"], 2090), &ca), (3, String::new()));
}

#[test]
fn a_certificate_has_expired() {
    let ca = Authority::new();
    let (good, note) = told(&ca.signs(&["127.0.0.1"], 2021), &ca);
    let days =
        note.strip_prefix("the server's certificate has expired, ").and_then(|rest| rest.strip_suffix(" days ago"));
    assert!(good == 0 && days.is_some_and(|days| days.parse::<u32>().is_ok_and(|days| days > 1000)), "{note}");
}

#[test]
fn a_certificate_is_for_another_name() {
    let ca = Authority::new();
    let words = "the server's certificate is for `shop.test`, `127.0.0.2`, and `127.0.0.1` was wanted";
    assert_eq!(told(&ca.signs(&["shop.test", "127.0.0.2"], 2090), &ca), (0, words.to_owned()));
}

#[test]
fn a_certificate_is_of_an_authority_that_nobody_trusts() {
    let ca = Authority::new();
    let (other, same) = (Authority::named("Another"), Authority::new());
    let words = "the server's certificate is signed by nobody who is trusted";
    assert_eq!(told(&other.signs(&["127.0.0.1"], 2090), &ca), (0, words.to_owned()));
    // It only has the name of one.
    let words = "the server's certificate is not signed with the key of the authority that it names";
    assert_eq!(told(&same.signs(&["127.0.0.1"], 2090), &ca), (0, words.to_owned()));
}

#[test]
fn a_certificate_signs_itself() {
    let words = "the server's certificate is signed by itself, and not one that is trusted";
    assert_eq!(told(&self_signed(&["127.0.0.1"]), &Authority::new()), (0, words.to_owned()));
}
