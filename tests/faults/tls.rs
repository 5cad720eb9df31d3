//! What can go wrong between a connection and the first byte of a request over TLS.
//!
//! Certificates that are expired, of an unknown authority or for another name are tried in `tests/it/secure`.

use scn::metrics::Counter;

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
