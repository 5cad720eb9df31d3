//! What a server of server-sent events can do wrong.

use std::io::Write;

use crate::rogue::{Call, Rogue};
use crate::trial::{Trial, alone, patience};

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Three streams of which one event is wanted: each fails as `kind` in the row `at`, and says `note`.
#[track_caller]
fn fails_as(kind: &'static str, at: &str, note: &str, conduct: fn(&mut Call) -> bool) {
    let (held, mut rogue) = (alone(), Rogue::new(conduct));
    let statements = format!("events GET /feed {{ event: receive within {} }}", patience(kind));
    let seen = Trial::failing_as(kind, &rogue.url(), &statements).run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    let samples = if at == "event" { 6 } else { 3 };
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (samples, 3)), "{:?}", seen.notes());
    assert_eq!((seen.row(at), rogue.accepted()), ((0, 3), 3));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_stream_is_refused() {
    fails_as("status", "connect", "503", |call| call.answer(503, ""));
}

#[test]
fn a_stream_is_a_page() {
    fails_as("protocol", "connect", "expected `text/event-stream`", |call| call.answer(200, "a page"));
}

#[test]
fn a_stream_never_begins() {
    fails_as("timeout", "connect", "within 150ms", Call::stays_silent);
}

#[test]
fn a_stream_says_nothing() {
    fails_as("timeout", "event", "within 150ms", |call| {
        call.write(STREAM);
        call.stays_silent()
    });
}

#[test]
fn a_stream_ends_in_the_middle_of_an_event() {
    fails_as("closed", "event", "", |call| {
        call.write(format!("{STREAM}data: hal"));
        call.ends()
    });
}

#[test]
fn a_stream_is_reset() {
    fails_as("reset", "event", "", |call| {
        call.write(format!("{STREAM}data: hal"));
        call.reset()
    });
}

#[test]
fn an_event_never_ends() {
    fails_as("overflow", "event", "", |call| {
        call.write(STREAM);
        let lines = b"data: more and more and more\n".repeat(1_000);
        while call.stream.write_all(&lines).is_ok() {}
        false
    });
}

#[test]
fn a_line_of_an_event_never_ends() {
    fails_as("overflow", "event", "", |call| {
        call.write(format!("{STREAM}data: "));
        while call.stream.write_all(&[b'x'; 16 << 10]).is_ok() {}
        false
    });
}
