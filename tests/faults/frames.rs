//! HTTP/2 as a server speaks it, frame by frame: so that each may be wrong.

use std::collections::HashMap;
use std::io::{Read, Write};

use crate::rogue::{Call, Rogue};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Settings: streams at a time, and how much of a body may come of each before its window is opened further.
pub const STREAMS_MAX: u16 = 3;
pub const INITIAL_WINDOW: u16 = 4;

/// Why a stream or a connection ends.
pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const INTERNAL_ERROR: u32 = 2;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// Heads of answers: 200; 503; 200 with events behind it.
pub const OK: &[u8] = b"\x88";
pub const UNAVAILABLE: &[u8] = b"\x08\x03503";
pub const EVENTS: &[u8] = b"\x88\x0f\x10\x11text/event-stream";

/// Largest piece of a body in one frame.
const PIECE_BYTES: usize = 16 << 10;

/// The server's end of one connection.
pub struct Frames<'c> {
    call: &'c mut Call,
    /// The streams whose requests have come whole and were not answered yet.
    pub asked: Vec<u32>,
    /// How many requests have come.
    pub requests: u64,
    /// How many bytes of bodies have come.
    pub data: usize,
    /// How many PINGs were answered.
    pub pongs: usize,
    /// How many SETTINGS were acknowledged.
    pub acks: usize,
    /// How much may be sent: of each stream at first, of those that are open, and of all together.
    first: i64,
    windows: HashMap<u32, i64>,
    window: i64,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A server that begins each connection with these settings; `conduct` does the rest.
pub fn server(
    settings: &'static [(u16, u32)],
    conduct: impl Fn(&mut Frames<'_>) -> bool + Send + Sync + 'static,
) -> Rogue {
    Rogue::at_the_door(move |call| {
        let mut preface = [0; 24];
        // Whoever only knocks says nothing.
        if call.stream.read_exact(&mut preface).is_err() {
            return false;
        }
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let windows = HashMap::new();
        let (asked, first) = (Vec::new(), 65_535);
        let mut frames = Frames { call, asked, requests: 0, data: 0, pongs: 0, acks: 0, first, windows, window: first };
        frames.settings(settings);
        conduct(&mut frames)
    })
}

impl Frames<'_> {
    /// How many connections came before it.
    pub fn number(&self) -> usize {
        self.call.number
    }

    /// The stream of the next request, once all of it has come; `None`: the other side has closed.
    pub fn request(&mut self) -> Option<u32> {
        self.wait(|frames| !frames.asked.is_empty()).then(|| self.asked.remove(0))
    }

    /// Reads until that is so; `false`: the other side has closed before.
    pub fn wait(&mut self, mut is_so: impl FnMut(&Frames<'_>) -> bool) -> bool {
        while !is_so(self) {
            if self.read().is_none() {
                return false;
            }
        }
        true
    }

    /// Reads until the other side has done whatever it does upon what was said to it.
    pub fn settle(&mut self) {
        // What a task does that was woken by the first comes before the acknowledgement of the next.
        for _ in 0..3 {
            self.ping();
            let pongs = self.pongs;
            assert!(self.wait(|frames| frames.pongs > pongs), "it is still there");
        }
    }

    /// Answers 200 and `ok`.
    pub fn answer(&mut self, stream: u32) {
        self.head(stream, OK);
        self.frame(DATA, END_STREAM, stream, b"ok");
    }

    /// The head of an answer, behind which something follows.
    pub fn head(&mut self, stream: u32, head: &[u8]) {
        self.frame(HEADERS, END_HEADERS, stream, head);
    }

    /// The head of an answer that does not end.
    pub fn endless_head(&mut self, stream: u32) {
        let field = [b"\x00\x01a\x64".as_slice(), &[b'x'; 100]].concat();
        let fields = field.repeat(PIECE_BYTES / field.len());
        self.frame(HEADERS, 0, stream, OK);
        while self.frame(CONTINUATION, 0, stream, &fields) {}
    }

    /// A piece of a body, as the other side takes it; `false`: it wants no more of it.
    pub fn body(&mut self, stream: u32, bytes: &[u8]) -> bool {
        bytes.chunks(PIECE_BYTES).all(|piece| {
            let size = piece.len() as i64;
            let has_room = |frames: &Frames<'_>| {
                frames.windows.get(&stream).is_none_or(|window| *window >= size && frames.window >= size)
            };
            if !self.wait(has_room) {
                return false;
            }
            let Some(window) = self.windows.get_mut(&stream) else { return false };
            *window -= size;
            self.window -= size;
            self.frame(DATA, 0, stream, piece)
        })
    }

    /// The end of a body.
    pub fn end(&mut self, stream: u32) {
        self.frame(DATA, END_STREAM, stream, b"");
    }

    pub fn reset_stream(&mut self, stream: u32, reason: u32) {
        self.frame(RST_STREAM, 0, stream, &reason.to_be_bytes());
    }

    /// Takes no more requests; `last` is the last one that it has begun with.
    pub fn go_away(&mut self, last: u32, reason: u32) {
        self.frame(GO_AWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat());
    }

    pub fn settings(&mut self, settings: &[(u16, u32)]) -> bool {
        let fields = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        self.frame(SETTINGS, 0, 0, &fields.collect::<Vec<_>>())
    }

    pub fn ping(&mut self) -> bool {
        self.frame(PING, 0, 0, b"a ping..")
    }

    /// So much more may come: of this stream, or of all together where it is 0.
    pub fn open_window(&mut self, stream: u32, by: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    }

    /// Says nothing more, and hears all until the other side gives up.
    pub fn stays_silent(&mut self) -> bool {
        self.wait(|_| false)
    }

    /// Says that nothing more comes, and waits until the other side has closed.
    pub fn ends(&mut self) -> bool {
        self.call.ends()
    }

    /// Closes with a reset.
    pub fn reset(&mut self) -> bool {
        self.call.reset()
    }

    /// Writes a frame; `false`: nobody is there any more.
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
        let bytes = [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.call.stream.write_all(&bytes).is_ok()
    }

    /// Reads a frame and notes what it says.
    fn read(&mut self) -> Option<()> {
        let mut head = [0; 9];
        self.call.stream.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.call.stream.read_exact(&mut payload).ok()?;
        self.note(&Frame { kind, flags, stream: u32::from_be_bytes(stream), payload });
        Some(())
    }

    fn note(&mut self, frame: &Frame) {
        let Frame { kind, flags, stream, payload } = frame;
        let number = |at: usize| i64::from(u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes")));
        match *kind {
            HEADERS | DATA => {
                if *kind == HEADERS {
                    self.requests += 1;
                    self.windows.insert(*stream, self.first);
                } else {
                    self.data += payload.len();
                }
                if flags & END_STREAM != 0 {
                    self.asked.push(*stream);
                }
            }
            RST_STREAM => {
                self.windows.remove(stream);
                self.asked.retain(|asked| asked != stream);
            }
            WINDOW_UPDATE if *stream == 0 => self.window += number(0),
            WINDOW_UPDATE => {
                if let Some(window) = self.windows.get_mut(stream) {
                    *window += number(0);
                }
            }
            PING if flags & ACK != 0 => self.pongs += 1,
            SETTINGS if flags & ACK != 0 => self.acks += 1,
            SETTINGS => {
                for at in (0..payload.len()).step_by(6) {
                    if payload[at..at + 2] == INITIAL_WINDOW.to_be_bytes() {
                        self.first = number(at + 2);
                    }
                }
                self.frame(SETTINGS, ACK, 0, b"");
            }
            _ => {}
        }
    }
}
