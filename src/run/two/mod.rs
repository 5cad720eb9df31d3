//! HTTP/2: one connection of a user to a server, over which its requests go side by side.
//!
//! The connection is a task of its own on the user's thread: it answers pings and takes window updates also while the
//! user thinks. Who closes: the last who holds the connection drops it, and the task with its stream ends at once.
//!
//! Cost: some 30 KiB a connection, and two switches of tasks a request.

mod counted;
mod places;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use tokio::task::AbortHandle;

use self::counted::Counted;
use self::places::{Place, Places};
use super::body::{Body, Payload};
use super::clock::{Clock, Elapsed};
use super::dial::Trouble;
use super::network::Stream;
use super::place::Origin;
use super::thread::Thread;
use crate::base::units::duration_text;
use crate::base::{ByteSize, Offset};
use crate::metrics::{ErrorKind, Phase};

/// So much of one answer's body may be on its way while nobody has read it: as much as is kept of one.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same of all answers of a connection together.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Largest head of an answer, as over HTTP/1.1.
const HEAD_BYTES_MAX: u32 = 64 << 10;
/// So many streams that were given up are remembered at a time, to pass over what still comes for them.
const GIVEN_UP_MAX: usize = 64;
/// So many requests go out before the server has said how many it takes at a time.
const STREAMS_AT_FIRST: usize = 1;

/// A connection that speaks HTTP/2.
pub(super) struct Line {
    sender: SendRequest<Bytes>,
    shared: Rc<Shared>,
    /// Where it leads.
    pub origin: Rc<Origin>,
    /// Its host and port, parsed: most requests say just that.
    authority: Authority,
    /// How many requests it has carried.
    pub carried: Cell<u64>,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task of a connection and those who send over it share.
#[derive(Default)]
struct Shared {
    /// The streams that requests are on their way over.
    places: Rc<Places>,
    /// Bytes that no request was charged with yet, out and in.
    unclaimed: Cell<(u64, u64)>,
    /// How many of those that came in are known to be events, which their receives are charged with.
    aside: Cell<u64>,
    /// How the stream below ended, if it has.
    end: RefCell<Option<Trouble>>,
    /// Whether the connection has ended.
    ended: Cell<bool>,
}

/// What is learned of a request on its way, also where it fails.
#[derive(Default)]
pub(super) struct Learned {
    /// When its head was handed over to go out.
    pub sent: Option<Offset>,
    /// When the last of its body was handed over.
    pub left: Option<Offset>,
    /// When the head of the answer was there.
    pub answered: Option<Offset>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub status: u16,
    /// Of the body, so far.
    pub size: u64,
}

/// Why there is no answer.
pub(super) enum Lost {
    /// The server takes no more over this connection, and has not begun with it: another connection can carry it.
    Ended(Trouble),
    /// The server has not begun with it, whatever the reason: it can be sent once more.
    Refused(Trouble),
    /// Anything else.
    Trouble(Trouble),
}

impl Line {
    /// Speaks HTTP/2 over `stream` from now on.
    pub async fn begin(
        thread: &Thread,
        stream: Stream,
        origin: Rc<Origin>,
        deadline: Offset,
    ) -> Result<Rc<Line>, Trouble> {
        let authority = Authority::from_maybe_shared(Bytes::copy_from_slice(origin.authority.as_bytes()));
        let authority = authority.map_err(|error| {
            Trouble::new(ErrorKind::Value, format!("`{}` cannot be requested: {error}", origin.authority))
        })?;
        let shared = Rc::new(Shared::default());
        let counted = Counted::new(stream, shared.clone());
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_MAX)
            .max_concurrent_reset_streams(GIVEN_UP_MAX)
            .initial_max_send_streams(STREAMS_AT_FIRST);
        let beginning = thread.clock.within(deadline, builder.handshake::<_, Bytes>(counted)).await;
        let (sender, mut connection) = match beginning {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Err(trouble(&error, &shared, "in the beginning of HTTP/2")),
            Err(Elapsed) => {
                let text = format!("the beginning of HTTP/2 could not be sent to {} in time", origin.authority);
                return Err(Trouble::new(ErrorKind::ConnectTimeout, text));
            }
        };
        let own = shared.clone();
        let task = tokio::task::spawn_local(async move {
            poll_fn(|cx| {
                let polled = Pin::new(&mut connection).poll(cx);
                // The server may take more than before, or nothing any more.
                own.ended.set(polled.is_ready());
                own.places.wake();
                polled.map(drop)
            })
            .await;
        });
        let task = task.abort_handle();
        Ok(Rc::new(Line { sender, shared, origin, authority, carried: Cell::new(0), task }))
    }

    /// Whether nothing can be sent over it any more.
    pub fn is_gone(&self) -> bool {
        self.shared.ended.get()
    }

    /// Sends a request and reads its answer to the last byte, in pieces that go to `sink`.
    pub async fn exchange(
        &self,
        thread: &Thread,
        request: Request<()>,
        payload: &Payload,
        (deadline, timeout): (Offset, Duration),
        learned: &mut Learned,
        sink: &mut dyn FnMut(Bytes),
    ) -> Result<Parts, Lost> {
        let exchanged = {
            let exchanging = pin!(async {
                let (head, mut answer) = self.send(thread, request, payload, learned).await?;
                while let Some(data) = poll_fn(|cx| answer.poll_data(cx)).await {
                    let data = data.map_err(Lost::Trouble)?;
                    learned.size = answer.size;
                    sink(data);
                }
                learned.left = answer.sending.left;
                // A server that has said all may yet say that it wants no more of the body.
                let _ = poll_fn(|cx| answer.body.poll_trailers(cx)).await;
                Ok(head)
            });
            thread.clock.within(deadline, exchanging).await
        };
        self.in_time(exchanged, timeout, learned)
    }

    /// Sends a request and reads the head of its answer, whose body then comes as it comes.
    pub async fn open(
        &self,
        thread: &Thread,
        request: Request<()>,
        payload: &Payload,
        (deadline, timeout): (Offset, Duration),
        learned: &mut Learned,
    ) -> Result<(Parts, Incoming), Lost> {
        let opened = {
            let opening = pin!(self.send(thread, request, payload, learned));
            thread.clock.within(deadline, opening).await
        };
        self.in_time(opened, timeout, learned)
    }

    /// What came of a request, whose time may have been up; it is charged with its bytes.
    fn in_time<T>(
        &self,
        come: Result<Result<T, Lost>, Elapsed>,
        timeout: Duration,
        learned: &mut Learned,
    ) -> Result<T, Lost> {
        self.charge(learned);
        come.unwrap_or_else(|Elapsed| {
            Err(Lost::Trouble(Trouble::new(ErrorKind::Timeout, late(timeout, learned, &self.origin))))
        })
    }

    async fn send(
        &self,
        thread: &Thread,
        request: Request<()>,
        payload: &Payload,
        learned: &mut Learned,
    ) -> Result<(Parts, Incoming), Lost> {
        let takes_another = |active| self.takes_another(active);
        let place = match self.shared.places.free(takes_another) {
            Some(place) => place,
            None => {
                let begun = thread.clock.now();
                let place = self.shared.places.wait(takes_another).await;
                thread.recorder.borrow_mut().phase(self.origin.target, Phase::Blocked, begun, thread.clock.now());
                place
            }
        };
        let lost = |error: &h2::Error, when: &str| {
            let why = match error.is_remote() {
                true if error.is_go_away() => Lost::Ended,
                true if error.reason() == Some(Reason::REFUSED_STREAM) => Lost::Refused,
                _ => Lost::Trouble,
            };
            why(trouble(error, &self.shared, when))
        };
        let mut sender = self.sender.clone();
        // Nothing of it has left where that fails.
        let unsent = |error: h2::Error| Lost::Ended(trouble(&error, &self.shared, "before the request was sent"));
        poll_fn(|cx| sender.poll_ready(cx)).await.map_err(unsent)?;
        learned.sent = Some(thread.clock.now());
        let (mut response, stream) = sender.send_request(request, payload.is_empty()).map_err(unsent)?;
        let mut sending = Sending::new(stream, payload, learned.sent, thread.clock.clone());
        let answer = poll_fn(|cx| {
            if let Poll::Ready(Err(trouble)) = sending.poll(cx) {
                return Poll::Ready(Err(Lost::Trouble(trouble)));
            }
            Pin::new(&mut response).poll(cx).map_err(|error| lost(&error, "before the answer's head"))
        });
        let answer = answer.await?;
        learned.answered = Some(thread.clock.now());
        learned.left = sending.left;
        learned.status = answer.status().as_u16();
        let (parts, body) = answer.into_parts();
        Ok((parts, Incoming { body, sending, shared: self.shared.clone(), size: 0, _place: place }))
    }

    /// Charges a request with the bytes that nobody was charged with yet.
    fn charge(&self, learned: &mut Learned) {
        let (sent, received) = self.shared.unclaimed.replace((0, 0));
        let aside = self.shared.aside.get().min(received);
        self.shared.aside.set(self.shared.aside.get() - aside);
        learned.bytes_sent += sent;
        learned.bytes_received += received - aside;
    }

    /// Whether the server takes another stream beside so many, or says why not.
    fn takes_another(&self, active: usize) -> bool {
        self.shared.ended.get() || active < self.sender.current_max_send_streams()
    }
}

/// The body of an answer as it comes, and what of the request has not left yet. Dropped before its end, it gives the
/// stream up; the connection goes on.
pub(super) struct Incoming {
    body: RecvStream,
    sending: Sending,
    shared: Rc<Shared>,
    /// How much has come.
    size: u64,
    _place: Place,
}

impl Incoming {
    /// The next piece; `None`: that was all.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        if let Poll::Ready(Err(trouble)) = self.sending.poll(cx) {
            return Poll::Ready(Some(Err(trouble)));
        }
        let Some(data) = ready!(self.body.poll_data(cx)) else { return Poll::Ready(None) };
        let data = data
            .map_err(|error| trouble(&error, &self.shared, &format!("in the body, after {}", ByteSize(self.size))))?;
        self.size += data.len() as u64;
        // The server may send as much again.
        let _ = self.body.flow_control().release_capacity(data.len());
        Poll::Ready(Some(Ok(data)))
    }

    /// Whoever takes it is charged with so much that came: the next request over this connection is not.
    pub fn set_aside(&self, bytes: u64) {
        self.shared.aside.set(self.shared.aside.get() + bytes);
    }
}

/// The body of a request on its way: goes out as the server takes it.
struct Sending {
    stream: SendStream<Bytes>,
    clock: Clock,
    /// Until all of it is handed over, or the stream takes no more.
    body: Option<Body>,
    /// What is at hand of it.
    piece: Bytes,
    /// When the last of it was handed over.
    left: Option<Offset>,
}

impl Sending {
    /// Behind a head that left at `sent`.
    fn new(stream: SendStream<Bytes>, payload: &Payload, sent: Option<Offset>, clock: Clock) -> Sending {
        let body = (!payload.is_empty()).then(|| payload.body());
        let left = sent.filter(|_| body.is_none());
        Sending { stream, clock, body, piece: Bytes::new(), left }
    }

    /// Hands over what the server takes now. Errors: it could not be read. What becomes of the stream, the answer says.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        loop {
            if self.piece.is_empty() {
                let Some(piece) = ready!(body.poll_piece(cx)) else { break };
                self.piece = piece?;
            }
            self.stream.reserve_capacity(self.piece.len());
            let room = self.stream.capacity();
            if room == 0 {
                match ready!(self.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => break,
                }
            }
            let part = self.piece.split_to(room.min(self.piece.len()));
            let is_last = self.piece.is_empty() && body.left() == 0;
            if self.stream.send_data(part, is_last).is_err() {
                break;
            }
            if is_last {
                self.left = Some(self.clock.now());
                break;
            }
        }
        self.body = None;
        Poll::Ready(Ok(()))
    }
}

/// A request over `line` in the form of HTTP/2, with so long a body: what speaks of the connection stays behind.
pub(super) fn request(
    line: &Line,
    request: &Request<Body>,
    mut headers: HeaderMap,
    length: u64,
) -> Result<Request<()>, String> {
    let method = request.method();
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let wrong = |error: http::Error| format!("`{path}` cannot be requested: {error}");
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if line.origin.secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(match headers.remove(HOST) {
        Some(said) if said.as_bytes() != line.authority.as_str().as_bytes() => {
            Authority::try_from(said.as_bytes()).map_err(|error| wrong(error.into()))?
        }
        _ => line.authority.clone(),
    });
    parts.path_and_query = Some(path.clone());
    let uri = Uri::from_parts(parts).map_err(|error| wrong(error.into()))?;
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
    for name in [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|te| te != "trailers") {
        headers.remove(TE);
    }
    let has_body = length > 0 || [Method::POST, Method::PUT, Method::PATCH].contains(method);
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    let mut made = Request::new(());
    *made.method_mut() = method.clone();
    *made.uri_mut() = uri;
    *made.headers_mut() = headers;
    Ok(made)
}

/// What was there when the time was up.
fn late(timeout: Duration, learned: &Learned, origin: &Origin) -> String {
    let within = duration_text(timeout);
    match (learned.sent, learned.answered) {
        (None, _) => format!("all streams that {} takes at a time were in use until then", origin.authority),
        (Some(_), None) => format!("no answer within {within}"),
        (Some(_), Some(_)) => {
            format!("no whole answer within {within}: the head had arrived, {} bytes of the body read", learned.size)
        }
    }
}

/// What an error of the protocol's library means. What the stream below has seen says more than what was made of it.
fn trouble(error: &h2::Error, shared: &Shared, when: &str) -> Trouble {
    if let Some(below) = error.get_io() {
        let end = shared.end.borrow().clone().unwrap_or_else(|| Trouble::of_io(below));
        return Trouble { text: format!("{} {when}", end.text), ..end };
    }
    let reason = error.reason().map_or_else(|| error.to_string(), |reason| reason.to_string());
    let remote = error.is_remote();
    let kind = match error.reason() {
        Some(Reason::PROTOCOL_ERROR | Reason::FRAME_SIZE_ERROR | Reason::FLOW_CONTROL_ERROR) => ErrorKind::Protocol,
        Some(Reason::COMPRESSION_ERROR | Reason::HTTP_1_1_REQUIRED) => ErrorKind::Protocol,
        Some(_) if remote && error.is_reset() => ErrorKind::Reset,
        Some(_) if remote && error.is_go_away() => ErrorKind::Closed,
        _ => ErrorKind::Protocol,
    };
    let text = match (remote, error.is_go_away()) {
        (true, true) => format!("the server ended the connection {when}: {reason}"),
        (true, false) => format!("the server reset the stream {when}: {reason}"),
        // Pieces of a head, or resets.
        (false, _) if error.reason() == Some(Reason::ENHANCE_YOUR_CALM) => {
            format!("the server sends without end what is no answer, {when}")
        }
        (false, _) => format!("what came is not HTTP/2: {reason}, {when}"),
    };
    Trouble::new(kind, text)
}
