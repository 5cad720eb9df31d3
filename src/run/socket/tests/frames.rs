//! What a server may send, frame by frame, and what it may not: the categories of Autobahn's cases for clients, by hand.

use std::cell::RefCell;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// One frame as a server sends it: first byte and payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE_FRAME: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Of several: the first ones, those that go on, and the last.
const FIRST_TEXT: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const LAST: u8 = 0x80;

/// What a user has seen of a server that sends certain bytes, and what it has said to them.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The messages that came.
    messages: Vec<Vec<u8>>,
    /// How the socket ended, if it did: kind and words.
    end: Option<(ErrorKind, String)>,
    /// What the server heard: first bytes and unmasked payloads of frames.
    heard: Vec<(u8, Vec<u8>)>,
}

/// The bytes come so many at a time.
fn seen_of(bytes: &[u8], at_a_time: usize) -> Seen {
    let (bytes, heard) = (Rc::new(bytes.to_vec()), Rc::new(RefCell::new(Vec::new())));
    let serve = {
        let heard = heard.clone();
        move |socket: Server| {
            let (bytes, heard) = (bytes.clone(), heard.clone());
            async move {
                let (mut read, mut write) = tokio::io::split(socket.into_inner());
                let send = async {
                    for chunk in bytes.chunks(at_a_time) {
                        let _ = write.write_all(chunk).await;
                        tokio::task::yield_now().await;
                    }
                };
                let hear = async {
                    let mut bytes = [0; 1024];
                    while let Ok(count @ 1..) = read.read(&mut bytes).await {
                        heard.borrow_mut().extend_from_slice(&bytes[..count]);
                    }
                };
                tokio::join!(send, hear);
            }
        }
    };
    let (mut messages, mut end) = (Vec::new(), None);
    let (result, _) = dialogue(serve, async |user| {
        let deadline = user.thread.clock.now() + ms(1_000);
        let next = |user: &User| {
            let (clock, sockets) = (user.thread.clock.clone(), user.sockets.clone());
            async move { clock.within(deadline, sockets.next(SOCKET, 0)).await }
        };
        while let Ok(next) = next(user).await {
            match next {
                Ok(message) => messages.push(message.body.to_vec()),
                Err(trouble) => {
                    end = Some((trouble.kind, trouble.text));
                    break;
                }
            }
        }
        pause(user, ms(10)).await;
        Ok(())
    });
    assert_eq!(result, Ok(()));
    let heard = frames_of(&heard.borrow());
    Seen { messages, end, heard }
}

/// The frames of a client: short ones, and masked.
fn frames_of(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(second & 0x80, 0x80, "what a client sends is masked");
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        frames.push((*first, payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()));
        bytes = rest;
    }
    frames
}

/// Whatever the network cuts it into, the same is seen.
#[track_caller]
fn seen(frames: &[Vec<u8>]) -> Seen {
    let bytes = frames.concat();
    let whole = seen_of(&bytes, bytes.len());
    if bytes.len() < 1_000 {
        for at_a_time in [1, 2, 7] {
            assert_eq!(seen_of(&bytes, at_a_time), whole, "{at_a_time} at a time");
        }
    }
    whole
}

/// The socket fails with this kind, behind so many messages.
#[track_caller]
fn fails(frames: &[Vec<u8>], messages: usize, kind: ErrorKind) -> String {
    let seen = seen(frames);
    let (ended, text) = seen.end.expect("it has ended");
    assert_eq!((seen.messages.len(), ended), (messages, kind), "{text}");
    text
}

#[test]
fn messages_of_every_length_come_whole() {
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1 << 20] {
        let body = vec![b'*'; length];
        assert_eq!(seen(&[frame(TEXT, &body)]).messages, std::slice::from_ref(&body), "{length}");
        let body = vec![0xfe; length];
        assert_eq!(seen(&[frame(BINARY, &body)]).messages, [body], "{length}");
    }
}

#[test]
fn pings_are_answered_with_what_they_hold_and_pongs_are_nobodys() {
    let long = [0xfe; 125];
    let pings = [frame(PING, b""), frame(PING, b"hello"), frame(PONG, b"unasked"), frame(PING, &long)];
    for at_a_time in [1, 2, 7, 9] {
        let seen = seen_of(&pings.concat(), at_a_time);
        assert_eq!((seen.messages, seen.end), (Vec::<Vec<u8>>::new(), None));
        // Of pings that come together the last may answer for all (RFC 6455, 5.5.3).
        assert_eq!(seen.heard.last(), Some(&(PONG, long.to_vec())));
        assert!(seen.heard.iter().all(|(first, _)| *first == PONG));
    }
    assert!(fails(&[frame(PING, &[0; 126])], 0, ErrorKind::Protocol).contains("too big"));
}

#[test]
fn reserved_bits_and_opcodes_fail_the_socket_behind_what_was_sound() {
    for bits in 1..=7 {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            fails(&[frame(TEXT, b"sound"), frame(0x80 | bits << 4 | opcode, b"")], 1, ErrorKind::Protocol);
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        fails(&[frame(TEXT, b"sound"), frame(0x80 | opcode, b"hello")], 1, ErrorKind::Protocol);
    }
}

#[test]
fn fragments_make_one_message_with_control_frames_between_them() {
    let seen = seen(&[
        frame(FIRST_TEXT, b"one "),
        frame(PING, b"now"),
        frame(GOES_ON, b""),
        frame(PONG, b"unasked"),
        frame(GOES_ON, b"two "),
        frame(LAST, b"three"),
        frame(TEXT, b"four"),
    ]);
    assert_eq!(seen.messages, [b"one two three".to_vec(), b"four".to_vec()]);
    assert_eq!(seen.heard, [(PONG, b"now".to_vec())]);
    assert_eq!(seen.end, None);
}

#[test]
fn fragments_out_of_order_fail_the_socket() {
    fails(&[frame(LAST, b"of nothing")], 0, ErrorKind::Protocol);
    fails(&[frame(GOES_ON, b"of nothing")], 0, ErrorKind::Protocol);
    fails(&[frame(FIRST_TEXT, b"one"), frame(TEXT, b"two")], 0, ErrorKind::Protocol);
    fails(&[frame(TEXT, b"whole"), frame(LAST, b"of nothing")], 1, ErrorKind::Protocol);
    // Control frames come in one piece.
    fails(&[frame(0x09, b"in pieces"), frame(LAST, b"")], 0, ErrorKind::Protocol);
    fails(&[frame(0x08, b"")], 0, ErrorKind::Protocol);
}

#[test]
fn text_is_utf_8_and_its_characters_may_be_cut_by_fragments_and_packets() {
    let word = "κόσμε \u{10ffff}".as_bytes();
    assert_eq!(seen(&[frame(TEXT, word)]).messages, [word.to_vec()]);
    for cut in 1..word.len() {
        let (one, two) = word.split_at(cut);
        assert_eq!(seen(&[frame(FIRST_TEXT, one), frame(LAST, two)]).messages, [word.to_vec()], "{cut}");
    }
    let wrong: [&[u8]; 8] = [
        b"\xce",             // cut off
        b"\xc0\x80",         // longer than needed
        b"\xed\xa0\x80",     // half of a pair
        b"\xf4\x90\x80\x80", // beyond the last
        b"\xff",
        b"\x80",
        b"\xf8\x88\x80\x80\x80",
        b"good\xce\xbabad\xc3(",
    ];
    for bytes in wrong {
        fails(&[frame(TEXT, bytes)], 0, ErrorKind::Protocol);
        fails(&[frame(FIRST_TEXT, b"sound "), frame(LAST, bytes)], 0, ErrorKind::Protocol);
    }
    // What is not text may hold anything.
    assert_eq!(seen(&[frame(BINARY, b"\xff\x80")]).messages, [b"\xff\x80".to_vec()]);
}

#[test]
fn a_close_frame_is_answered_with_its_code_and_nothing_behind_it_counts() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999_u16] {
        let payload = [&code.to_be_bytes()[..], b"enough"].concat();
        let seen = seen(&[frame(TEXT, b"last"), frame(CLOSE_FRAME, &payload), frame(TEXT, b"too late")]);
        assert_eq!(seen.messages, [b"last".to_vec()], "{code}");
        let said = format!("the peer closed the socket with {code} \"enough\"");
        assert_eq!(seen.end, Some((ErrorKind::Closed, said)));
        assert_eq!(seen.heard, [(CLOSE_FRAME, payload)]);
    }
    let seen = seen(&[frame(CLOSE_FRAME, b"")]);
    assert_eq!(seen.end, Some((ErrorKind::Closed, "the peer closed the socket".to_owned())));
    assert_eq!(seen.heard, [(CLOSE_FRAME, Vec::new())]);
}

#[test]
fn codes_that_must_not_be_sent_are_answered_as_a_violation() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999_u16] {
        let seen = seen(&[frame(CLOSE_FRAME, &code.to_be_bytes())]);
        assert_eq!(seen.end.map(|(kind, _)| kind), Some(ErrorKind::Closed), "{code}");
        assert_eq!(&seen.heard[0].1[..2], 1002_u16.to_be_bytes(), "{code}");
    }
}

#[test]
fn close_frames_that_are_none_fail_the_socket() {
    fails(&[frame(CLOSE_FRAME, b"\x03")], 0, ErrorKind::Protocol);
    fails(&[frame(CLOSE_FRAME, b"\x03\xe8\xff")], 0, ErrorKind::Protocol);
    fails(&[frame(CLOSE_FRAME, &[3; 126])], 0, ErrorKind::Protocol);
    // A frame from a server that is masked.
    fails(&[vec![0x81, 0x81, 0, 0, 0, 0, b'x']], 0, ErrorKind::Protocol);
}

#[test]
fn messages_and_frames_have_their_limit_also_in_fragments() {
    let limit = super::line::QUEUE_BYTES_MAX;
    let quarter = vec![b'*'; limit / 4];
    let mut fragments = vec![frame(FIRST_TEXT, &quarter)];
    fragments.extend((0..3).map(|_| frame(GOES_ON, &quarter)));
    let mut whole = fragments.clone();
    whole.push(frame(LAST, b""));
    assert_eq!(seen(&whole).messages[0].len(), limit);
    fragments.push(frame(GOES_ON, b"*"));
    assert!(fails(&fragments, 0, ErrorKind::Overflow).contains("longer than the 4 MiB kept"));
    fails(&[frame(BINARY, &vec![0; limit + 1])], 0, ErrorKind::Overflow);
}

#[test]
fn fragments_and_pings_without_end_let_others_have_their_turn() {
    // Empty fragments make no message: without a limit on a turn, the reading of them would never end.
    let mut bytes = frame(FIRST_TEXT, b"never");
    (0..400_000).for_each(|_| bytes.extend(frame(GOES_ON, b"")));
    let seen = seen_of(&bytes, bytes.len());
    assert_eq!((seen.messages.len(), seen.end), (0, None));
    let mut bytes = Vec::new();
    (0..300_000).for_each(|_| bytes.extend(frame(PING, b"?")));
    bytes.extend(frame(TEXT, b"done"));
    let seen = seen_of(&bytes, bytes.len());
    assert_eq!((seen.messages, seen.end), (vec![b"done".to_vec()], None));
}
