//! Streams of server-sent events: opened by a request, read like a socket, and left without a handshake.
//!
//! How their bytes come is the `stream`'s next door; here they become events.

use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::response::Parts;

use super::line::{Line, QUEUE_BYTES_MAX};
use super::stream::{Asked, Way, open};
use super::{Failed, Reason, User};
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Sample};
use crate::plan::{Events, PointId};
use crate::run::dial::Trouble;
use crate::run::eval::Answer;
use crate::run::request::Ready;
use crate::run::trace::Event as Told;
use crate::run::wire::Wires;

/// What an answer must be to be a stream of events.
const EVENT_STREAM: &str = "text/event-stream";

impl User {
    /// Sends the request and reads the head of its answer; the stream is then in its place.
    pub(in crate::run) async fn listen(&mut self, op: &Events) -> Result<(), Failed> {
        let mut sample = self.sample(op.step);
        let point = self.point(op.step);
        let opened = self.open_stream(op, &mut sample, point).await;
        sample.done = self.thread.clock.now();
        match opened {
            Ok(mut line) => {
                line.previous.at = sample.done;
                line.begin(self.thread.plan.steps[op.step.0 as usize].series, sample.due);
                self.sockets.keep(op.socket, line);
                self.tell(|| Told::Opened { step: op.step, time: sample.response_time() });
                self.due = sample.done;
                self.answered = true;
                self.record(&sample);
                Ok(())
            }
            Err(reason) => Err(self.fail(sample, reason)),
        }
    }

    async fn open_stream(&mut self, op: &Events, sample: &mut Sample, point: PointId) -> Result<Line, Reason> {
        let thread = self.thread.clone();
        let (mut request, payload, Ready { origin, url, .. }) = self.request_once(&op.request, point)?;
        if !op.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static(EVENT_STREAM));
        }
        self.tell_request(op.step, &url, &request, &payload);
        let due = sample.due;
        let deadline = due + op.request.timeout;
        // Streams are opened rarely: what a failure would tell is copied before.
        let asked = thread.keeper.is_some().then(|| (request.headers().clone(), request.method().clone()));
        let hold = |user: &User, kind: ErrorKind, head: Option<&Parts>| {
            user.hold_opening(point, kind, |user| {
                let (headers, method) = asked.clone().unwrap_or_default();
                let answered = head.map(|head| (head.status.as_u16(), &head.headers, &[][..]));
                user.opening(method.as_str(), &url, &headers, answered)
            });
        };
        let session = self.session.clone();
        let asked_for = Asked { request, payload, origin, deadline, timeout: op.request.timeout };
        let opening = pin!(open(&thread, &session, asked_for, sample));
        let (head, way) = match self.wait(opening).await {
            Ok(opened) => opened,
            Err(trouble) => {
                self.note(point, trouble.kind, || trouble.text);
                hold(self, trouble.kind, None);
                return Err((trouble.kind, point));
            }
        };
        if let Err(reason) = self.look_at_head(op, point, &head, &url, self.thread.clock.now().since(due)) {
            hold(self, reason.0, Some(&head));
            return Err(reason);
        }
        if self.thread.relative {
            self.last_url = Some(url.clone());
        }
        let stream = EventStream { way, reader: Reader::default() };
        Ok(Line::events(stream, url, due, self.thread.clock.now()))
    }

    /// Whether the answer's head is as the step wants it, and that of a stream of events.
    fn look_at_head(
        &mut self,
        op: &Events,
        point: PointId,
        head: &Parts,
        url: &str,
        time: std::time::Duration,
    ) -> Result<(), Reason> {
        let (status, nothing) = (head.status.as_u16(), Bytes::new());
        self.tell(|| Told::Response { step: op.step, status, headers: &head.headers, body: &[], size: 0, time });
        if self.thread.plan.targets[op.request.target.0 as usize].cookies {
            self.session.learn(&self.thread, url, &head.headers);
        }
        if status >= 400 && !op.request.looks_at.status {
            self.note(point, ErrorKind::Status, || format!("answered with status {}", head.status));
            return Err((ErrorKind::Status, point));
        }
        let headers = Some(&head.headers);
        let session = self.session.has_cookies().then(|| self.session.clone());
        let session = session.as_deref();
        let answer = Answer { status, headers, body: &nothing, size: 0, url, time, event: None, digest: None, session };
        self.judge(&op.request.parts, &answer)?;
        let found = content_type(&head.headers);
        if found.as_deref().is_none_or(|found| !found.eq_ignore_ascii_case(EVENT_STREAM)) {
            self.note(point, ErrorKind::Protocol, || {
                let found = found.map_or_else(|| "without a content type".into(), |found| format!("with `{found}`"));
                format!("answered with status {} {found}, expected `{EVENT_STREAM}`", head.status)
            });
            return Err((ErrorKind::Protocol, point));
        }
        Ok(())
    }
}

/// The media type of an answer, without its parameters.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_owned())
}

/// A stream of events while it is open.
pub(super) struct EventStream {
    way: Way,
    reader: Reader,
}

impl EventStream {
    /// After how long the server asks to come back, where it has said so.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.reader.retry
    }

    /// The next event; `None`: the stream has ended.
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>, wires: &Wires) -> Poll<Option<Result<Arrived, Trouble>>> {
        loop {
            if let Some(event) = self.reader.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(self.way.poll_data(cx, wires)) {
                Some(data) => {
                    if let Err(trouble) = data.and_then(|data| self.reader.read(&data)) {
                        return Poll::Ready(Some(Err(trouble)));
                    }
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

/// An event that has arrived whole.
#[derive(Debug, PartialEq)]
pub(super) struct Arrived {
    /// Its type, `message` where the server says none.
    pub event: Rc<str>,
    /// Its data, lines joined by line ends.
    pub data: Bytes,
    /// What it took on the wire, comments before it included.
    pub bytes: u64,
}

/// Bytes to events, as the HTML standard reads them ("Server-sent events", 9.2.6).
#[derive(Default)]
struct Reader {
    /// The line that has not ended.
    line: Vec<u8>,
    /// Whether a line has ended at all: before it a byte order mark is none of its bytes.
    begun: bool,
    /// The last line ended with a carriage return: a line feed right behind it is part of that end.
    after_return: bool,
    data: Vec<u8>,
    event: String,
    bytes: u64,
    events: VecDeque<Arrived>,
    /// After how long the server asks to come back, as it has said last.
    retry: Option<Duration>,
}

impl Reader {
    /// Takes what has come. Errors: an event is longer than any that is kept.
    fn read(&mut self, mut chunk: &[u8]) -> Result<(), Trouble> {
        while let Some(&first) = chunk.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                self.bytes += 1;
                chunk = &chunk[1..];
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let text = &chunk[..end.unwrap_or(chunk.len())];
            if self.line.len() + self.data.len() + text.len() > QUEUE_BYTES_MAX {
                let limit = QUEUE_BYTES_MAX >> 20;
                return Err(Trouble::new(ErrorKind::Overflow, format!("an event is longer than the {limit} MiB kept")));
            }
            self.line.extend_from_slice(text);
            self.bytes += text.len() as u64;
            let Some(end) = end else { break };
            self.bytes += 1;
            self.after_return = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            self.line_has_ended();
        }
        Ok(())
    }

    fn line_has_ended(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            self.event_has_ended();
        } else if text[0] != b':' {
            let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            let value = text.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &text[..colon] {
                b"data" => {
                    self.data.extend_from_slice(value);
                    self.data.push(b'\n');
                }
                b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
                // What is no whole number of milliseconds, the standard ignores.
                b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                    let millis = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                    self.retry = millis.map(Duration::from_millis).or(self.retry);
                }
                // `id` is for a client that comes back by itself; what else there is, the standard ignores.
                _ => {}
            }
        }
        // The line's memory serves the next one.
        self.line = line;
        self.line.clear();
    }

    fn event_has_ended(&mut self) {
        let event = std::mem::take(&mut self.event);
        if self.data.is_empty() {
            return;
        }
        self.data.pop();
        let data = std::mem::take(&mut self.data).into();
        let event = if event.is_empty() { "message".into() } else { event.into() };
        self.events.push_back(Arrived { event, data, bytes: std::mem::take(&mut self.bytes) });
    }
}

impl Line {
    /// A stream of events that was asked for at `dialled` and is open since `opened`.
    fn events(stream: EventStream, url: Rc<str>, dialled: Offset, opened: Offset) -> Line {
        Line::of(super::line::Source::Events(Box::new(stream)), 0, url, dialled, opened)
    }
}

impl super::sockets::Sockets {
    /// Closes a stream of events, without a step.
    pub(in crate::run) fn leave_stream(&self, socket: crate::plan::SocketId) {
        let waiting = self.with(socket, |line| line.waiting()).unwrap_or_default();
        self.thread.recorder.borrow_mut().count(Counter::PassedOver, waiting);
        self.forget(socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a stream that comes in pieces of so many bytes.
    fn events(text: &[u8], piece: usize) -> Vec<(String, String)> {
        let mut reader = Reader::default();
        text.chunks(piece).for_each(|chunk| reader.read(chunk).expect("it is short"));
        let read = |event: &Arrived| (event.event.to_string(), String::from_utf8_lossy(&event.data).into_owned());
        reader.events.iter().map(read).collect()
    }

    #[test]
    fn a_stream_is_read_as_the_standard_says_in_pieces_of_any_size() {
        type Case = (&'static [u8], &'static [(&'static str, &'static str)]);
        let cases: &[Case] = &[
            (b"data: one\n\n", &[("message", "one")]),
            (b"data: YHOO\ndata: +2\ndata: 10\n\n", &[("message", "YHOO\n+2\n10")]),
            (
                b": a comment\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
                &[("message", "first"), ("message", "second"), ("message", " third")],
            ),
            (b"data\n\ndata\ndata\n\ndata:", &[("message", ""), ("message", "\n")]),
            (
                b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
                &[("add", "73857293"), ("remove", "2153")],
            ),
            (b"event: lost\n\ndata: x\n\n", &[("message", "x")]),
            (b"\xef\xbb\xbfdata: bom\n\n", &[("message", "bom")]),
            (
                b"data: cr\r\rdata: crlf\r\n\r\ndata: lf\n\n",
                &[("message", "cr"), ("message", "crlf"), ("message", "lf")],
            ),
            (b"data: a\r\ndata: b\r\n\r\n", &[("message", "a\nb")]),
            (b"retry: 10000\ndata: x\nunknown: y\nDATA: z\n\n", &[("message", "x")]),
            (b"data: never ended", &[]),
            ("data: grüße\n\n".as_bytes(), &[("message", "grüße")]),
        ];
        for (text, expected) in cases {
            for piece in [1, 2, 3, 7, 1_000] {
                let found = events(text, piece);
                let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                assert_eq!(found, *expected, "{:?} in pieces of {piece}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn the_time_after_which_to_come_back_is_the_last_whole_number_of_milliseconds() {
        for (text, millis) in [
            (&b"data: x\n\n"[..], None),
            (b"retry: 10000\ndata: x\n\n", Some(10_000)),
            (b"retry:3\n\nretry: 5\n\n", Some(5)),
            (b"retry: 3\nretry: 1.5\nretry: -2\nretry:\nretry: 99999999999999999999\n", Some(3)),
        ] {
            let mut reader = Reader::default();
            reader.read(text).expect("it is short");
            assert_eq!(reader.retry, millis.map(Duration::from_millis), "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn bytes_are_those_on_the_wire_and_an_event_has_an_end() {
        let mut reader = Reader::default();
        reader.read(b": hello\n\ndata: 1\r\n\r\n").expect("it is short");
        reader.read(b"data: 2\n\n").expect("it is short");
        let bytes: Vec<u64> = reader.events.iter().map(|event| event.bytes).collect();
        // The line feed behind the last carriage return is read with what follows.
        assert_eq!(bytes, [9 + 9 + 1, 1 + 9]);
        let long = vec![b'x'; QUEUE_BYTES_MAX];
        assert!(reader.read(b"data: ").is_ok());
        assert_eq!(reader.read(&long).expect_err("it is too long").kind, ErrorKind::Overflow);
    }
}
