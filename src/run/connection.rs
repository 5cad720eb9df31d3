//! One HTTP connection: sends a request and reads the answer to its last byte.
//!
//! hyper's connection is a future of its own, meant for a task beside the one that sends. Here both are polled in
//! turn by the exchange, so that a request costs no switch of tasks; between requests the connection lies still in
//! its session. What that leaves open, a peer that closes meanwhile, is seen when the next request begins.

use std::future::poll_fn;
use std::mem::take;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::response::Parts;
use http::{Request, Response};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::{TrySendError, http1};
use sha2::{Digest as _, Sha256};

use super::body::Body;
use super::clock::Deadline;
use super::dial::{Trouble, reach};
use super::network::Stream;
use super::place::Origin;
use super::thread::Thread;
use super::tls::Offer;
use super::wire::{Traffic, Wire, Wires};
use crate::base::units::duration_text;
use crate::base::{ByteSize, Offset};
use crate::metrics::ErrorKind;
use crate::metrics::exchange::KEPT_BYTES_MAX;

/// So much of a body is kept to look into; the rest is counted and dropped.
pub const BODY_KEPT_MAX: usize = 1 << 20;

/// A connection's read buffer, and with it the head of an answer, never grows beyond this.
const READ_BUFFER_MAX: usize = 64 << 10;

/// What hyper makes of a request.
type Answer = Result<Response<Incoming>, TrySendError<Request<Body>>>;

/// What requests are sent with.
pub(super) type Sender = http1::SendRequest<Body>;

/// A connection as hyper drives it.
pub(super) type Live = http1::Connection<Wire, Body>;

/// An HTTP connection of a user.
pub struct Connection {
    pub(super) sender: Sender,
    /// Until it has ended.
    pub(super) connection: Option<Live>,
    /// What is seen of it from outside.
    pub(super) traffic: Rc<Traffic>,
    /// Where it leads.
    pub(super) origin: Rc<Origin>,
    /// How many requests it has carried.
    pub(super) carried: u64,
    /// When the answer to the present request is late.
    late: Deadline,
}

/// A connection that lies still for long: its stream, without the buffers of who speaks HTTP over it. Users that think
/// are most of a load, and each of those buffers has 8 KiB.
pub(super) struct Parked {
    wire: Wire,
    traffic: Rc<Traffic>,
    pub(super) origin: Rc<Origin>,
    carried: u64,
}

impl Parked {
    /// Ready to carry requests. What its peer did meanwhile is seen when the next one begins.
    pub(super) fn driven(self) -> Box<Connection> {
        let Parked { wire, traffic, origin, carried } = self;
        let late = Deadline::new(&wire.clock);
        let handshake = http1::Builder::new().max_buf_size(READ_BUFFER_MAX).handshake(wire).now_or_never();
        let (sender, connection) =
            handshake.and_then(Result::ok).expect("HTTP/1.1 begins without a word between the two");
        Box::new(Connection { sender, connection: Some(connection), traffic, origin, carried, late })
    }
}

/// An answer, read to its last byte.
pub(super) struct Received {
    pub head: Parts,
    /// As far as it is kept.
    pub body: Bytes,
    /// All of it.
    pub size: u64,
    /// The SHA-256 of all of it, where that is wanted and not all of it is kept; rare, and large beside the rest.
    pub digest: Option<Box<Digest>>,
}

/// How an answer is waited for.
pub(super) struct Wanted {
    /// Until when.
    pub deadline: Offset,
    /// The time that is given, for the words.
    pub timeout: Duration,
    /// Whether its body is kept to look into.
    pub keep: bool,
    /// Whether the beginning of its body is kept all the same, where the status says that something is wrong.
    pub keep_odd: bool,
    /// Whether the SHA-256 of the body is wanted, however long it is.
    pub digest: bool,
}

/// A SHA-256.
pub type Digest = [u8; 32];

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The connection was gone before a byte had left: here is the request, as it was.
    NotSent(Box<Request<Body>>),
    /// Anything else.
    Trouble(Trouble),
}

impl Connection {
    /// A new one to `origin`, or why there is none by `deadline`.
    pub(super) async fn open(
        thread: &Thread,
        origin: Rc<Origin>,
        deadline: Offset,
    ) -> Result<Box<Connection>, Trouble> {
        let (stream, _) = reach(thread, &origin, Offer::One, deadline).await?;
        Connection::over(thread, stream, origin).await
    }

    /// Speaks HTTP/1.1 over `stream` from now on.
    pub(super) async fn over(thread: &Thread, stream: Stream, origin: Rc<Origin>) -> Result<Box<Connection>, Trouble> {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let traffic = Rc::new(Traffic::new(waker));
        let clock = thread.clock.clone();
        let wire = Wire { stream, traffic: traffic.clone(), wires: thread.wires.clone(), clock };
        Ok(Parked { wire, traffic, origin, carried: 0 }.driven())
    }

    /// Without what hyper holds for it, to lie still for long; `None` where it cannot carry another request.
    pub(super) fn parked(self) -> Option<Parked> {
        let Connection { connection, traffic, origin, carried, .. } = self;
        let http1::Parts { io: wire, read_buf, .. } = connection?.into_parts();
        // What has come without being asked for belongs to no answer.
        read_buf.is_empty().then_some(Parked { wire, traffic, origin, carried })
    }

    /// Hands the request that `make` gives over to hyper, which sends it when the exchange is polled. It is large: who
    /// waits for the answer is to hold none of it.
    pub(super) fn send(&mut self, make: &mut dyn FnMut() -> Request<Body>) -> impl Future<Output = Answer> + use<> {
        let request = make();
        self.traffic.begin(request.body().watch());
        self.sender.try_send_request(request)
    }

    /// Sends the request that was handed over, whose answer is `response`, and reads the answer to its last byte.
    pub(super) fn exchange<'a, R: Future<Output = Answer>>(
        &'a mut self,
        thread: &'a Thread,
        response: Pin<&'a mut R>,
        wanted: &'a Wanted,
        status: &'a mut u16,
        received: &'a mut Option<Received>,
    ) -> Exchange<'a, R> {
        let kept = Kept::new(wanted);
        Exchange { connection: self, thread, response, wanted, status, received, incoming: None, kept }
    }
}

/// A request on its way over a connection; says whether the connection can carry another one. A future of its own: an
/// `async fn` would hold most of this twice.
pub(super) struct Exchange<'a, R> {
    connection: &'a mut Connection,
    thread: &'a Thread,
    response: Pin<&'a mut R>,
    wanted: &'a Wanted,
    /// Set as soon as the answer's head is there.
    status: &'a mut u16,
    /// Filled as the answer comes; nothing where it fails.
    received: &'a mut Option<Received>,
    /// The answer's body, behind its head.
    incoming: Option<Incoming>,
    kept: Kept,
}

impl<R: Future<Output = Answer>> Future for Exchange<'_, R> {
    type Output = Result<bool, Unanswered>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<bool, Unanswered>> {
        let this = self.get_mut();
        let result = match this.poll_answer(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                ready!(this.connection.late.poll(this.wanted.deadline, cx));
                let head = this.received.as_ref().map(|received| &received.head);
                let sent = this.connection.traffic.first_out.get().is_some();
                let text = late(this.wanted.timeout, sent, head, this.kept.size);
                Err(Unanswered::Trouble(Trouble::new(ErrorKind::Timeout, text)))
            }
        };
        Poll::Ready(match result {
            Ok(()) => {
                let received = this.received.as_mut().expect("a body ends after its head");
                received.size = this.kept.size;
                (received.body, received.digest) = this.kept.finish();
                Ok(this.connection.connection.is_some() && this.connection.sender.is_ready())
            }
            Err(why) => {
                *this.received = None;
                Err(why)
            }
        })
    }
}

impl<R: Future<Output = Answer>> Exchange<'_, R> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unanswered>> {
        let Connection { connection, traffic, .. } = &mut *self.connection;
        drive(connection, traffic, &self.thread.wires, cx, |cx| {
            if self.incoming.is_none() {
                match ready!(self.response.as_mut().poll(cx)) {
                    Ok(answer) => {
                        *self.status = answer.status().as_u16();
                        if !self.wanted.keep && answer.status().is_success() {
                            self.kept.most = 0;
                        }
                        let (head, body) = answer.into_parts();
                        *self.received = Some(Received { head, body: Bytes::new(), size: 0, digest: None });
                        self.incoming = Some(body);
                    }
                    Err(mut error) => {
                        let again = error.take_message().filter(|_| traffic.first_out.get().is_none());
                        return Poll::Ready(Err(match again {
                            Some(request) => Unanswered::NotSent(Box::new(request)),
                            None => Unanswered::Trouble(trouble(error.error(), traffic, "before the answer's head")),
                        }));
                    }
                }
            }
            let Some(body) = &mut self.incoming else { return Poll::Pending };
            while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
                match frame.map(Frame::into_data) {
                    Ok(Ok(data)) => self.kept.push(data),
                    // Trailers.
                    Ok(Err(_)) => {}
                    Err(error) => {
                        let what = format!("in the body, after {}", ByteSize(self.kept.size));
                        return Poll::Ready(Err(Unanswered::Trouble(trouble(&error, traffic, &what))));
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
    }
}

/// Polls a connection and what waits for it in turn, until `wanted` is there or both have nothing to do. All who speak
/// HTTP/1.1 poll through here: what they must not forget, see [`Traffic::wants_poll`], stands in one place.
pub(super) fn drive<T>(
    connection: &mut Option<Live>,
    traffic: &Traffic,
    wires: &Wires,
    cx: &mut Context<'_>,
    mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    traffic.wakes(cx.waker());
    let inner = &mut Context::from_waker(&wires.waker);
    loop {
        wires.take_woken();
        if let Some(live) = connection
            && Pin::new(live).poll(inner).is_ready()
        {
            // Dropped at once: that gives back a request which it had not taken up.
            *connection = None;
        }
        if let Poll::Ready(ready) = wanted(inner) {
            return Poll::Ready(ready);
        }
        if !traffic.wants_poll(wires) {
            return Poll::Pending;
        }
    }
}

/// What was there when the time was up.
fn late(timeout: Duration, sent: bool, head: Option<&Parts>, size: u64) -> String {
    let within = duration_text(timeout);
    match head {
        None if sent => format!("no answer within {within}"),
        None => format!("the request could not be sent within {within}"),
        Some(head) => match head.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()) {
            Some(all) => {
                format!("no whole answer within {within}: the head had arrived, {size} of {all} bytes of the body read")
            }
            None => {
                format!("no whole answer within {within}: the head had arrived, {size} bytes of an endless body read")
            }
        },
    }
}

/// What hyper's error means. What the stream itself has seen says more than what hyper made of it.
pub(super) fn trouble(error: &hyper::Error, traffic: &Traffic, when: &str) -> Trouble {
    // What could not be sent is why there is no answer.
    if let Some(trouble) = traffic.watch.borrow().as_ref().and_then(|watch| watch.trouble()) {
        return trouble;
    }
    if error.is_parse() {
        return Trouble::new(ErrorKind::Protocol, format!("what came is not HTTP: {error}"));
    }
    if let Some(end) = traffic.end.borrow_mut().take() {
        return Trouble { text: format!("{} {when}", end.text), ..end };
    }
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let kind = match error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        true => ErrorKind::Closed,
        false => ErrorKind::Protocol,
    };
    Trouble::new(kind, format!("{error}{cause}"))
}

/// A body as far as it is kept: most come in one piece and are not copied.
#[derive(Default)]
pub(super) struct Kept {
    /// So much of it.
    most: usize,
    /// All that has come.
    pub size: u64,
    first: Bytes,
    /// Whether what is not kept is digested.
    digests: bool,
    /// Nothing while all that is kept is one piece, and no more has come than that.
    more: Option<Box<More>>,
}

/// What of a body does not fit into [`Kept`] itself.
#[derive(Default)]
struct More {
    /// What is kept, in one piece again; empty while the first piece is all.
    all: BytesMut,
    /// Of all there was so far, once more has come than is kept.
    digest: Option<Sha256>,
}

impl Kept {
    /// Nothing yet of an answer that is waited for like this.
    pub fn new(wanted: &Wanted) -> Kept {
        let most = match (wanted.keep, wanted.keep_odd) {
            (true, _) => BODY_KEPT_MAX,
            (false, true) => KEPT_BYTES_MAX,
            (false, false) => 0,
        };
        Kept { most, digests: wanted.digest, ..Kept::default() }
    }

    pub fn push(&mut self, mut data: Bytes) {
        self.size += data.len() as u64;
        let have = self.more.as_ref().map_or(0, |more| more.all.len()).max(self.first.len());
        let room = self.most - have;
        if self.digests && data.len() > room {
            let more = self.more.get_or_insert_default();
            let kept = if more.all.is_empty() { &self.first[..] } else { &more.all[..] };
            more.digest.get_or_insert_with(|| Sha256::new().chain_update(kept)).update(&data);
        }
        data.truncate(room);
        if have == 0 {
            self.first = data;
        } else if !data.is_empty() {
            let all = &mut self.more.get_or_insert_default().all;
            if all.is_empty() {
                all.extend_from_slice(&self.first);
            }
            all.extend_from_slice(&data);
        }
    }

    /// What was kept, and the digest where not all of it was and one is wanted. Nothing is left here.
    pub fn finish(&mut self) -> (Bytes, Option<Box<Digest>>) {
        let first = take(&mut self.first);
        let Some(More { all, digest }) = self.more.take().map(|more| *more) else { return (first, None) };
        let body = if all.is_empty() { first } else { all.freeze() };
        (body, digest.map(|digest| Box::new(digest.finalize().into())))
    }
}
