//! A request on its way: owns what it needs, so that its user is free meanwhile.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::connection::{Connection, Received, Unanswered, Wanted};
use super::dial::Trouble;
use super::place::Origin;
use super::request::Ready;
use super::session::Session;
use super::thread::Thread;
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind};
use crate::plan::Http;

/// A request that is ready to go.
pub(super) struct Flight {
    thread: Rc<Thread>,
    session: Rc<Session>,
    /// Until it is sent.
    request: Option<Request<Full<Bytes>>>,
    origin: Rc<Origin>,
    url: Rc<str>,
    timeout: Duration,
    /// Whether the answer's body is looked into.
    keep: bool,
    /// Whether a digest of its body is wanted.
    digest: bool,
    attempt: Attempt,
}

/// What of one attempt is worth a sample, also when there is no answer.
pub(super) struct Attempt {
    pub due: Offset,
    pub begun: Offset,
    pub sent: Option<Offset>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub status: u16,
}

/// What came of a request.
pub(super) struct Landed {
    pub attempt: Attempt,
    pub result: Result<Received, Trouble>,
    /// The URL that answered.
    pub url: Rc<str>,
    pub done: Offset,
}

impl Attempt {
    /// One that was due then and is taken up now.
    pub fn new(due: Offset, begun: Offset) -> Attempt {
        Attempt { due, begun, sent: None, bytes_sent: 0, bytes_received: 0, status: 0 }
    }
}

impl Flight {
    /// The request of `op`, due at `due` and taken up at `begun`.
    pub fn new(
        thread: Rc<Thread>,
        session: Rc<Session>,
        ready: Ready,
        op: &Http,
        due: Offset,
        begun: Offset,
    ) -> Flight {
        let Ready { request, origin, url } = ready;
        let attempt = Attempt::new(due, begun);
        let (timeout, keep) =
            (op.timeout, op.looks_at.body || thread.trace.as_ref().is_some_and(|trace| trace.wants_all()));
        Flight {
            thread,
            session,
            request: Some(request),
            origin,
            url,
            timeout,
            keep,
            digest: op.looks_at.digest,
            attempt,
        }
    }

    /// Sends the request and reads the answer to its last byte, or fails when the step's time is up.
    pub async fn fly(mut self) -> Landed {
        let result = self.answer().await;
        let done = self.thread.clock.now();
        Landed { attempt: self.attempt, result, url: self.url, done }
    }

    /// Sends the request and reads the answer, over a connection there is or a new one.
    ///
    /// A connection that the peer closed while it lay still is no failure: where nothing of the request has left, it
    /// is sent once more on a new one, and counted. Once a byte has left, what happens is the target's doing.
    async fn answer(&mut self) -> Result<Received, Trouble> {
        let Flight { thread, session, request, origin, attempt, .. } = self;
        let wanted = Wanted {
            deadline: attempt.due + self.timeout,
            timeout: self.timeout,
            keep: self.keep,
            digest: self.digest,
        };
        let mut lease = match session.lease(origin) {
            Some(lease) => lease,
            None => Box::pin(session.clone().wait(thread, origin.clone(), wanted.deadline)).await?,
        };
        loop {
            let mut connection = match lease.kept() {
                Some(kept) => kept,
                None => Box::pin(Connection::open(thread, origin.clone(), wanted.deadline)).await?,
            };
            let (out, back) = (connection.traffic.sent.get(), connection.traffic.received.get());
            connection.traffic.begin();
            let result = connection.exchange(thread, request, wanted, &mut attempt.status).await;
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
                        lease.keep(connection);
                    }
                    return Ok(received);
                }
                Err(Unanswered::NotSent) if connection.carried > 0 => {
                    thread.recorder.borrow_mut().count(Counter::ConnectionsStale, 1);
                }
                Err(Unanswered::NotSent) => {
                    let end = connection.traffic.end.borrow_mut().take();
                    let closed = || Trouble::new(ErrorKind::Closed, "connection closed before the request was sent");
                    return Err(end.unwrap_or_else(closed));
                }
                Err(Unanswered::Trouble(trouble)) => return Err(trouble),
            }
        }
    }
}
