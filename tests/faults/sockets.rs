//! What a server of WebSockets can do wrong.

use std::io::Write;

use scn::metrics::Counter;

use crate::rogue::{Call, Rogue};
use crate::trial::{Seen, Trial, alone, patience};

/// Three dialogues of one receive, which fails as `kind` if at all, with a rogue that has finished the handshake. What
/// was seen of them.
fn dialogue(kind: &str, receive: &str, conduct: fn(&mut Call) -> bool) -> Seen {
    let held = alone();
    let mut rogue = Rogue::new(move |call| {
        call.upgrade();
        conduct(call)
    });
    let statements = format!("websocket /ws {{ {receive} within {} }}", patience(kind));
    let seen = Trial::failing_as(kind, &rogue.url(), &statements).run();
    assert_eq!(rogue.accepted(), 3);
    held.nothing_leaks(&mut [&mut rogue]);
    seen
}

/// The receive of every dialogue fails as `kind`, and says `note`.
#[track_caller]
fn fails_as(kind: &'static str, note: &str, conduct: fn(&mut Call) -> bool) {
    let seen = dialogue(kind, "message: receive", conduct);
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (6, 3)));
    assert_eq!((seen.row("connect"), seen.row("message")), ((3, 0), (0, 3)));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
}

/// The upgrade of every dialogue fails as `kind`.
#[track_caller]
fn refused_as(kind: &'static str, note: &str, conduct: fn(&mut Call) -> bool) {
    let held = alone();
    let mut rogue = Rogue::new(conduct);
    let seen = Trial::failing_as(kind, &rogue.url(), "websocket /ws { message: receive within 20s }").run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (3, 3)));
    assert_eq!((seen.row("connect"), seen.row("message")), ((0, 3), (0, 0)));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn an_upgrade_is_answered_with_403() {
    refused_as("status", "403", |call| call.answer(403, "no"));
}

#[test]
fn an_upgrade_is_answered_with_200() {
    refused_as("status", "200", |call| call.answer(200, "a page"));
}

#[test]
fn an_upgrade_is_answered_with_the_wrong_key() {
    refused_as("protocol", "", |call| {
        call.write(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: bm90IHRoZSBrZXkgeW91IHNlbnQ=\r\n\r\n",
        );
        call.stays_silent()
    });
}

#[test]
fn an_upgrade_is_answered_by_silence() {
    refused_as("timeout", "within 150ms", Call::stays_silent);
}

#[test]
fn an_upgrade_is_answered_by_a_reset() {
    refused_as("reset", "", Call::reset);
}

#[test]
fn the_server_masks_its_frames() {
    fails_as("protocol", "", |call| {
        call.write(b"\x81\x85\x01\x02\x03\x04igomn");
        call.stays_silent()
    });
}

#[test]
fn a_text_is_not_utf_8() {
    fails_as("protocol", "", |call| {
        call.write(b"\x81\x02\xc3\x28");
        call.stays_silent()
    });
}

#[test]
fn a_message_is_larger_than_a_queue_may_hold() {
    fails_as("overflow", "", |call| {
        // A binary frame of 16 MiB.
        call.write(b"\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x00");
        while call.stream.write_all(&[0; 64 << 10]).is_ok() {}
        false
    });
}

#[test]
fn a_message_of_fragments_never_ends() {
    fails_as("overflow", "", |call| {
        call.write(b"\x01\x01a");
        let mut fragments = Vec::new();
        for _ in 0..64 {
            fragments.extend(b"\x00\x7e\x10\x00");
            fragments.extend([b'x'; 4096]);
        }
        while call.stream.write_all(&fragments).is_ok() {}
        false
    });
}

#[test]
fn frames_follow_no_rule() {
    fails_as("protocol", "", |call| {
        call.write([0xff; 64]);
        call.stays_silent()
    });
}

#[test]
fn a_socket_is_closed_without_a_frame() {
    fails_as("closed", "", |_| false);
}

#[test]
fn a_socket_is_closed_in_the_middle_of_a_frame() {
    fails_as("closed", "", |call| {
        call.write(b"\x81\x05he");
        call.ends()
    });
}

#[test]
fn a_socket_is_reset() {
    fails_as("reset", "", Call::reset);
}

#[test]
fn a_socket_falls_silent() {
    fails_as("timeout", "within 150ms", Call::stays_silent);
}

#[test]
fn a_closing_handshake_is_never_answered() {
    let seen = dialogue("timeout", "message: receive", |call| {
        call.write(b"\x81\x05hello");
        call.stays_silent()
    });
    assert_eq!(seen.kinds(), [("timeout", 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (9, 3)));
    assert_eq!((seen.row("message"), seen.row("close")), ((3, 0), (0, 3)));
}

#[test]
fn a_close_frame_that_was_waited_for_never_comes() {
    let seen = dialogue("closed", "end: receive close 1000", |_| false);
    assert_eq!(seen.kinds(), [("closed", 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.row("end")), ((0, 3), (0, 3)));
}

#[test]
fn a_flood_of_pings_holds_nobody_up() {
    let seen = dialogue("", "message: receive", |call| {
        let pings = b"\x89\x04ping".repeat(1_000);
        for _ in 0..10 {
            call.write(&pings);
        }
        // A text behind ten thousand pings, and the server's half of the closing handshake.
        call.write(b"\x81\x05hello\x88\x02\x03\xe8");
        call.stays_silent()
    });
    assert_eq!((seen.kinds(), seen.iterations()), (vec![], (3, 0)), "{:?}", seen.notes());
    assert_eq!((seen.row("message"), seen.counter(Counter::MessagesReceived)), ((3, 0), 3));
}
