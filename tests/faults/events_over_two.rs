//! What a server of server-sent events can do wrong over HTTP/2.

use crate::frames::{EVENTS, Frames, INTERNAL_ERROR, OK, REFUSED_STREAM, UNAVAILABLE, server};
use crate::trial::{Trial, alone, patience};

/// Three streams of which one event is wanted, over so many connections: each fails as `kind` in the row `at`, and says
/// `note`.
#[track_caller]
fn fails_as(kind: &'static str, at: &str, note: &str, connections: u64, conduct: fn(&mut Frames<'_>, u32) -> bool) {
    let held = alone();
    let mut rogue = server(&[], move |frames| {
        while let Some(stream) = frames.request() {
            if !conduct(frames, stream) {
                return false;
            }
        }
        false
    });
    let statements = format!("events GET /feed {{ event: receive within {} }}", patience(kind));
    let seen = Trial::over_two(kind, &rogue.url(), &statements).run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    let samples = if at == "event" { 6 } else { 3 };
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (samples, 3)), "{:?}", seen.notes());
    assert_eq!((seen.row(at), rogue.accepted()), ((0, 3), connections));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

/// The stream begins, and half an event comes.
fn half(frames: &mut Frames<'_>, stream: u32) {
    frames.head(stream, EVENTS);
    frames.body(stream, b"data: hal");
}

#[test]
fn a_stream_over_http_2_is_refused() {
    // Each is asked for twice.
    fails_as("reset", "connect", "before the answer's head", 6, |frames, stream| {
        frames.reset_stream(stream, REFUSED_STREAM);
        true
    });
    fails_as("status", "connect", "503", 1, |frames, stream| {
        frames.head(stream, UNAVAILABLE);
        frames.end(stream);
        true
    });
}

#[test]
fn a_stream_over_http_2_is_a_page() {
    fails_as("protocol", "connect", "without a content type", 1, |frames, stream| {
        frames.head(stream, OK);
        frames.body(stream, b"a page")
    });
}

#[test]
fn a_stream_over_http_2_never_begins_or_says_nothing() {
    fails_as("timeout", "connect", "no answer within 150ms", 1, |frames, _| frames.stays_silent());
    fails_as("timeout", "event", "within 150ms", 1, |frames, stream| {
        frames.head(stream, EVENTS);
        true
    });
}

#[test]
fn a_stream_over_http_2_ends_in_the_middle_of_an_event() {
    fails_as("closed", "event", "the stream of events has ended", 1, |frames, stream| {
        half(frames, stream);
        frames.end(stream);
        true
    });
    // With its connection.
    fails_as("closed", "event", "connection closed by the peer in the body, after 9B", 3, |frames, stream| {
        half(frames, stream);
        frames.ends()
    });
}

#[test]
fn a_stream_over_http_2_is_reset() {
    fails_as("reset", "event", "the server reset the stream", 1, |frames, stream| {
        half(frames, stream);
        frames.reset_stream(stream, INTERNAL_ERROR);
        true
    });
    fails_as("reset", "event", "connection reset by the peer in the body, after 9B", 3, |frames, stream| {
        half(frames, stream);
        frames.reset()
    });
}

#[test]
fn an_event_over_http_2_never_ends() {
    fails_as("overflow", "event", "an event is longer than the 4 MiB kept", 1, |frames, stream| {
        frames.head(stream, EVENTS);
        let lines = b"data: more and more and more\n".repeat(1_000);
        while frames.body(stream, &lines) {}
        true
    });
    fails_as("overflow", "event", "an event is longer than the 4 MiB kept", 1, |frames, stream| {
        frames.head(stream, EVENTS);
        frames.body(stream, b"data: ");
        while frames.body(stream, &[b'x'; 16 << 10]) {}
        true
    });
}
