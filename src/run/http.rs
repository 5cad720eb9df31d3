//! HTTP steps: one connection owned by each user, polled inside the user's own task.
//!
//! hyper's connection is a future of its own, meant for a task beside the one that sends. Here both are polled in
//! turn by the exchange, so that a request costs no switch of tasks; between requests the connection lies still in
//! its user. What that leaves open, a peer that closes meanwhile, is seen when the next request begins.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http::response::Parts;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;

use super::dial::{Trouble, dial};
use super::eval::Answer;
use super::place::Origin;
use super::request::Ready;
use super::thread::Thread;
use super::trace::Event;
use super::user::{Failed, User};
use super::wire::{Traffic, Wire};
use crate::base::ByteSize;
use crate::base::Offset;
use crate::base::units::duration_text;
use crate::metrics::{Counter, ErrorKind, Outcome, Sample};
use crate::plan::{Http, PointId};

/// So much of a body is kept to look into; the rest is counted and dropped.
pub const BODY_KEPT_MAX: usize = 1 << 20;

/// A connection's read buffer, and with it the head of an answer, never grows beyond this.
const READ_BUFFER_MAX: usize = 64 << 10;

/// A user's HTTP connection.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Until it has ended.
    connection: Option<http1::Connection<Wire, Full<Bytes>>>,
    traffic: Rc<Traffic>,
    origin: Rc<Origin>,
    /// How many requests it has carried.
    carried: u64,
}

/// An answer, read to its last byte.
struct Received {
    head: Parts,
    /// As far as it is kept.
    body: Bytes,
    /// All of it.
    size: u64,
    /// Whether the connection can carry another request.
    reusable: bool,
}

/// What of one attempt is worth a sample, also when there is no answer.
struct Attempt {
    begun: Offset,
    sent: Option<Offset>,
    bytes_sent: u64,
    bytes_received: u64,
    status: u16,
}

impl User {
    /// One HTTP step, recorded. `index` is that of its operation.
    pub(super) async fn http(&mut self, op: &Http, index: usize) -> Result<(), Failed> {
        let thread = self.thread.clone();
        let point = thread.plan.steps[op.step.0 as usize].point;
        let begun = thread.clock.now();
        let mut attempt = Attempt { begun, sent: None, bytes_sent: 0, bytes_received: 0, status: 0 };
        let ready = match &thread.prepared[index] {
            Some(Ok(prepared)) => self.request(op, prepared, point),
            Some(Err(why)) => {
                self.note(point, ErrorKind::Value, || why.clone());
                Err((ErrorKind::Value, point))
            }
            None => unreachable!("every HTTP operation is prepared before the run"),
        };
        let Ready { request, origin, url } = match ready {
            Ok(ready) => ready,
            Err((kind, at)) => return self.sampled(op, &attempt, thread.clock.now(), Err((kind, at))),
        };
        self.tell_request(op.step, &url, &request);
        let deadline = self.due + op.timeout;
        let result = self.exchange(&thread, request, &origin, op, deadline, &mut attempt).await;
        let done = thread.clock.now();
        let judged = match result {
            Err(trouble) => {
                self.note(point, trouble.kind, || trouble.text);
                Err((trouble.kind, point))
            }
            Ok(received) => {
                self.answered = true;
                self.tell_response(op, &received, done);
                let judged = self.look(op, point, &received, &url, done);
                if thread.relative {
                    self.last_url = Some(url);
                }
                judged
            }
        };
        self.sampled(op, &attempt, done, judged)
    }

    /// Whether the answer is as the step wants it.
    fn look(
        &mut self,
        op: &Http,
        point: PointId,
        received: &Received,
        url: &str,
        done: Offset,
    ) -> Result<(), (ErrorKind, PointId)> {
        let status = received.head.status.as_u16();
        if status >= 400 && !op.looks_at.status {
            self.note(point, ErrorKind::Status, || format!("answered with status {}", received.head.status));
            return Err((ErrorKind::Status, point));
        }
        if op.parts.is_empty() {
            return Ok(());
        }
        let answer = Answer {
            status,
            headers: Some(&received.head.headers),
            body: &received.body,
            size: received.size,
            url,
            time: done.since(self.due),
            event: None,
        };
        let judged = self.judge(&op.parts, &answer);
        if op.looks_at.body && received.size > received.body.len() as u64 {
            self.thread.recorder.borrow_mut().count(Counter::BodiesCut, 1);
        }
        judged
    }

    #[inline]
    fn tell_response(&self, op: &Http, received: &Received, done: Offset) {
        self.tell(|| Event::Response {
            step: op.step,
            status: received.head.status.as_u16(),
            headers: &received.head.headers,
            body: &received.body,
            size: received.size,
            time: done.since(self.due),
        });
    }

    /// Records the step; the next one is due now.
    fn sampled(
        &mut self,
        op: &Http,
        attempt: &Attempt,
        done: Offset,
        result: Result<(), (ErrorKind, PointId)>,
    ) -> Result<(), Failed> {
        let outcome = match result {
            Ok(()) => Outcome::Ok,
            Err((kind, point)) => Outcome::Failed(kind, point),
        };
        self.thread.recorder.borrow_mut().record(&Sample {
            step: op.step,
            due: self.due,
            begun: attempt.begun,
            sent: attempt.sent.unwrap_or(attempt.begun),
            done,
            outcome,
            status: attempt.status,
            bytes_sent: attempt.bytes_sent,
            bytes_received: attempt.bytes_received,
        });
        self.due = done;
        result.map_err(|_| Failed)
    }

    /// Sends `request` and reads the answer, over the connection there is or a new one.
    ///
    /// A connection that the peer closed while it lay still is no failure: where nothing of the request has left, it
    /// is sent once more on a new one, and counted. Once a byte has left, what happens is the target's doing.
    async fn exchange(
        &mut self,
        thread: &Thread,
        mut request: Request<Full<Bytes>>,
        origin: &Rc<Origin>,
        op: &Http,
        deadline: Offset,
        attempt: &mut Attempt,
    ) -> Result<Received, Trouble> {
        loop {
            let mut connection = match self.connection.take().filter(|kept| kept.origin == *origin) {
                Some(kept) => kept,
                None => Box::pin(Connection::open(thread, origin.clone(), deadline)).await?,
            };
            let (out, back) = (connection.traffic.sent.get(), connection.traffic.received.get());
            connection.traffic.begin();
            let result = connection.exchange(thread, request, op, deadline, attempt).await;
            attempt.sent = connection.traffic.first_out.get();
            attempt.bytes_sent = connection.traffic.sent.get() - out;
            attempt.bytes_received = connection.traffic.received.get() - back;
            match result {
                Ok(received) => {
                    if connection.carried > 0 {
                        thread.recorder.borrow_mut().count(Counter::ConnectionsReused, 1);
                    }
                    connection.carried += 1;
                    if received.reusable {
                        self.connection = Some(connection);
                    }
                    return Ok(received);
                }
                Err(Unanswered::NotSent(again)) if connection.carried > 0 => {
                    thread.recorder.borrow_mut().count(Counter::ConnectionsStale, 1);
                    request = *again;
                }
                Err(Unanswered::NotSent(_)) => {
                    let end = connection.traffic.end.borrow_mut().take();
                    let closed = || Trouble::new(ErrorKind::Closed, "connection closed before the request was sent");
                    return Err(end.unwrap_or_else(closed));
                }
                Err(Unanswered::Trouble(trouble)) => return Err(trouble),
            }
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    /// The connection was gone before a byte had left: the request as it was.
    NotSent(Box<Request<Full<Bytes>>>),
    /// Anything else.
    Trouble(Trouble),
}

impl Connection {
    async fn open(thread: &Thread, origin: Rc<Origin>, deadline: Offset) -> Result<Box<Connection>, Trouble> {
        let stream = dial(thread, &origin.host, origin.port, deadline).await?;
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let traffic = Rc::new(Traffic {
            waker: RefCell::new(waker),
            first_out: Cell::new(None),
            sent: Cell::new(0),
            received: Cell::new(0),
            end: RefCell::new(None),
        });
        let clock = thread.clock.clone();
        let wire = Wire { stream, traffic: traffic.clone(), wires: thread.wires.clone(), clock };
        let handshake = http1::Builder::new().max_buf_size(READ_BUFFER_MAX).handshake(wire).await;
        let (sender, connection) = handshake.map_err(|error| Trouble::new(ErrorKind::Protocol, error.to_string()))?;
        Ok(Box::new(Connection { sender, connection: Some(connection), traffic, origin, carried: 0 }))
    }

    /// Sends `request` and reads the answer to its last byte, until `deadline`.
    async fn exchange(
        &mut self,
        thread: &Thread,
        request: Request<Full<Bytes>>,
        op: &Http,
        deadline: Offset,
        attempt: &mut Attempt,
    ) -> Result<Received, Unanswered> {
        let keep = op.looks_at.body || thread.trace.is_some();
        let mut response = pin!(self.sender.try_send_request(request));
        let (connection, traffic) = (&mut self.connection, &self.traffic);
        let mut head: Option<(Parts, Incoming)> = None;
        let mut kept = Kept::default();
        let mut size = 0_u64;
        let mut sleep = thread.clock.alarm(deadline);
        let mut poll_answer = |cx: &mut Context<'_>, size: &mut u64, head: &mut Option<(Parts, Incoming)>| {
            {
                let mut waker = traffic.waker.borrow_mut();
                if !waker.will_wake(cx.waker()) {
                    waker.clone_from(cx.waker());
                }
            }
            let inner = &mut Context::from_waker(&thread.wires.waker);
            loop {
                thread.wires.take_woken();
                if let Some(live) = connection
                    && Pin::new(live).poll(inner).is_ready()
                {
                    // Dropped at once: that gives back a request which it had not taken up.
                    *connection = None;
                }
                if head.is_none() {
                    match response.as_mut().poll(inner) {
                        Poll::Ready(Ok(answer)) => {
                            attempt.status = answer.status().as_u16();
                            *head = Some(answer.into_parts());
                        }
                        Poll::Ready(Err(mut error)) => {
                            let again = error.take_message().filter(|_| traffic.first_out.get().is_none());
                            return Poll::Ready(Err(match again {
                                Some(request) => Unanswered::NotSent(Box::new(request)),
                                None => {
                                    Unanswered::Trouble(trouble(error.error(), traffic, "before the answer's head"))
                                }
                            }));
                        }
                        Poll::Pending => {}
                    }
                }
                if let Some((_, body)) = head {
                    loop {
                        match Pin::new(&mut *body).poll_frame(inner) {
                            Poll::Ready(Some(Ok(frame))) => {
                                if let Ok(data) = frame.into_data() {
                                    *size += data.len() as u64;
                                    if keep {
                                        kept.push(data);
                                    }
                                }
                            }
                            Poll::Ready(None) => return Poll::Ready(Ok(())),
                            Poll::Ready(Some(Err(error))) => {
                                let what = format!("in the body, after {}", ByteSize(*size));
                                return Poll::Ready(Err(Unanswered::Trouble(trouble(&error, traffic, &what))));
                            }
                            Poll::Pending => break,
                        }
                    }
                }
                if !thread.wires.take_woken() {
                    return Poll::Pending;
                }
            }
        };
        let finished = poll_fn(|cx| match poll_answer(cx, &mut size, &mut head) {
            Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| None),
            Poll::Ready(result) => Poll::Ready(Some(result)),
        })
        .await;
        match (finished, head) {
            (Some(Ok(())), Some((head, _))) => {
                let reusable = self.connection.is_some() && self.sender.is_ready();
                Ok(Received { head, body: kept.finish(), size, reusable })
            }
            (Some(Ok(())), None) => unreachable!("a body ends after its head"),
            (Some(Err(why)), _) => Err(why),
            (None, head) => {
                let text = late(op.timeout, traffic.first_out.get().is_some(), head.as_ref(), size);
                Err(Unanswered::Trouble(Trouble::new(ErrorKind::Timeout, text)))
            }
        }
    }
}

/// What was there when the time was up.
fn late(timeout: Duration, sent: bool, head: Option<&(Parts, Incoming)>, size: u64) -> String {
    let within = duration_text(timeout);
    match head {
        None if sent => format!("no answer within {within}"),
        None => format!("the request could not be sent within {within}"),
        Some((head, _)) => match head.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()) {
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
fn trouble(error: &hyper::Error, traffic: &Traffic, when: &str) -> Trouble {
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
struct Kept {
    first: Bytes,
    all: BytesMut,
}

impl Kept {
    fn push(&mut self, data: Bytes) {
        let have = self.first.len().max(self.all.len());
        let data = &data.slice(..data.len().min(BODY_KEPT_MAX - have));
        if data.is_empty() {
            return;
        }
        if have == 0 {
            self.first = data.clone();
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(data);
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
