//! A request on its way: owns what it needs, so that its user is free meanwhile.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::header::{COOKIE, HOST, HeaderValue};
use http::response::Parts;
use http::{Method, Request};

use super::body::{Body, Payload};
use super::clock::Clock;
use super::connection::{Connection, Kept, Received, Unanswered, Wanted};
use super::decode::{self, Extent};
use super::dial::Trouble;
use super::place::{Origin, Place};
use super::redirects;
use super::request::{Ready, Varied, path_of};
use super::session::Session;
use super::thread::Thread;
use super::tls::Offer;
use super::two;
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Phase};
use crate::plan::Http;

/// A request that is ready to go.
pub(super) struct Flight {
    pub(super) thread: Rc<Thread>,
    pub(super) session: Rc<Session>,
    /// The request that follows a redirect, until it is sent.
    next: Option<Box<Request<Body>>>,
    /// Whether a redirect has left the body behind.
    bodiless: bool,
    pub(super) origin: Rc<Origin>,
    /// Where it goes; once it has landed, the URL that answered.
    pub url: Rc<str>,
    timeout: Duration,
    /// Whether the answer's body is looked into.
    keep: bool,
    /// Whether a digest of its body is wanted.
    digest: bool,
    /// How much of a coded body is wanted, where anything looks into it and the target's bodies are taken apart.
    decodes: Option<Extent>,
    /// Whether the user keeps cookies.
    cookies: bool,
    /// How many redirects are followed.
    redirects: u32,
    /// Of the step's operation.
    pub index: usize,
    /// What of its request is its own.
    pub varied: Option<Box<Varied>>,
    /// Where the step went first, once it was redirected.
    pub first_url: Option<Rc<str>>,
    /// What is worth a sample of it.
    pub attempt: Attempt,
    /// The answer, once it is there.
    pub received: Option<Received>,
    /// Where it was sent on the way; nothing unless somebody listens.
    pub hops: Vec<Hop>,
}

/// A redirect that was followed.
pub(super) struct Hop {
    /// The answer that said so.
    pub status: u16,
    /// The request that follows it.
    pub method: Method,
    /// Where it goes.
    pub url: Rc<str>,
}

/// What of one attempt is worth a sample, also when there is no answer.
pub(super) struct Attempt {
    pub due: Offset,
    /// When a connection for it was waited for, or made; nothing where one lay ready, and it was sent at once.
    pub begun: Option<Offset>,
    pub sent: Option<Offset>,
    /// When it was over; until then, when it was due.
    pub done: Offset,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub status: u16,
}

impl Attempt {
    /// One that was due then.
    pub fn new(due: Offset) -> Attempt {
        Attempt { due, begun: None, sent: None, done: due, bytes_sent: 0, bytes_received: 0, status: 0 }
    }

    /// It is taken up now, if it was not before.
    pub fn begin(&mut self, clock: &Clock) {
        self.begun.get_or_insert_with(|| clock.now());
    }
}

impl Flight {
    /// The request of `op`, due at `due`.
    pub fn new(
        thread: Rc<Thread>,
        session: Rc<Session>,
        ready: Ready,
        (op, index): (&Http, usize),
        due: Offset,
    ) -> Flight {
        let Ready { origin, url, varied } = ready;
        let attempt = Attempt::new(due);
        let looks = op.looks_at;
        let (timeout, looks_inside) =
            (op.timeout, looks.body || thread.trace.as_ref().is_some_and(|trace| trace.wants_all()));
        let target = &thread.plan.targets[op.target.0 as usize];
        // How long a coded body is, is only known when it is taken apart.
        let keep = looks_inside || (target.compression && (looks.size || looks.digest));
        let decodes = (keep && target.compression).then_some(Extent { size: looks.size, digest: looks.digest });
        let cookies = target.cookies;
        Flight {
            thread,
            session,
            next: None,
            bodiless: false,
            origin,
            url,
            timeout,
            keep,
            digest: op.looks_at.digest,
            decodes,
            cookies,
            redirects: op.redirects,
            index,
            varied,
            first_url: None,
            attempt,
            received: None,
            hops: Vec::new(),
        }
    }

    /// Sends the request and reads the answer to its last byte, or fails when the step's time is up.
    ///
    /// The answer stays here, and this where it is: both are large, and every move costs each request.
    pub async fn fly(&mut self) -> Result<(), Trouble> {
        let mut result = self.answer().await;
        if result.is_ok()
            && self.redirects > 0
            && self.received.as_ref().is_some_and(|received| redirects::location(received).is_some())
        {
            // Large and rare beside the way there.
            result = Box::pin(self.follow()).await;
        }
        if result.is_err() {
            self.attempt.done = self.thread.clock.now();
        }
        if let (Ok(()), Some(wanted)) = (&result, self.decodes)
            && self.received.as_ref().is_some_and(decode::is_coded)
            && let Some(received) = self.received.take()
        {
            // Behind the step's last byte: taking a body apart is none of the target's time.
            result = match Box::pin(decode::taken_apart(received, wanted)).await {
                Ok(received) => {
                    self.received = Some(received);
                    Ok(())
                }
                Err(trouble) => Err(trouble),
            };
        }
        result
    }

    /// Goes where answers send it, until one does not, as often as the step lets it.
    async fn follow(&mut self) -> Result<(), Trouble> {
        let thread = self.thread.clone();
        let mut followed = 0;
        // What the step says of itself goes on as long as the server stays the same.
        let mut crossed = false;
        let Some(Ok(prepared)) = &thread.prepared[self.index] else { return Ok(()) };
        let mut method = prepared.method.clone();
        loop {
            let Some(received) = &self.received else { return Ok(()) };
            let Some(location) = redirects::location(received) else { return Ok(()) };
            if followed == self.redirects {
                thread.recorder.borrow_mut().count(Counter::RedirectsRefused, 1);
                let to = String::from_utf8_lossy(location.as_bytes());
                let limit = match self.redirects {
                    1 => "one redirect".to_owned(),
                    most => format!("{most} redirects"),
                };
                return Err(Trouble::new(ErrorKind::Protocol, format!("still redirected after {limit}, to `{to}`")));
            }
            followed += 1;
            let (url, origin) = redirects::resolve(&self.url, location, self.origin.target)?;
            let origin = thread.known(origin);
            if redirects::becomes_get(received.head.status, &method) {
                (method, self.bodiless) = (Method::GET, true);
            }
            if origin != self.origin {
                crossed = true;
                self.origin = origin;
            }
            let before = std::mem::replace(&mut self.url, url.as_str().into());
            self.first_url.get_or_insert(before);
            if thread.trace.is_some() {
                let (status, method) = (received.head.status.as_u16(), method.clone());
                self.hops.push(Hop { status, method, url: self.url.clone() });
            }
            let mut headers = prepared.headers(self.varied.as_deref());
            if self.varied.as_ref().is_some_and(|varied| varied.cookie.is_some()) {
                headers.remove(COOKIE);
            }
            if self.bodiless {
                redirects::without_body(&mut headers);
            }
            if crossed {
                redirects::without_credentials(&mut headers);
                let host = HeaderValue::from_str(&self.origin.authority);
                headers.insert(HOST, host.map_err(|error| Trouble::new(ErrorKind::Protocol, error.to_string()))?);
            }
            let own = self.varied.as_ref().filter(|_| !crossed).map_or(&[][..], |varied| &varied.cookies);
            if !headers.contains_key(COOKIE)
                && let Some(said) = self.session.cookies(thread.clock.now(), &self.url, self.cookies, own)
                && let Ok(said) = HeaderValue::from_str(&said)
            {
                headers.insert(COOKIE, said);
            }
            let path = url[url::Position::BeforePath..].to_owned();
            let place = Place { origin: self.origin.clone(), path };
            let mut request = Request::new(self.payload().body());
            *request.method_mut() = method.clone();
            *request.uri_mut() = path_of(&place).map_err(|why| Trouble::new(ErrorKind::Protocol, why))?.into();
            *request.headers_mut() = headers;
            self.next = Some(Box::new(request));
            self.attempt.status = 0;
            self.answer().await?;
        }
    }

    /// How its answer is waited for.
    pub(super) fn wanted(&self) -> Wanted {
        let deadline = self.attempt.due + self.timeout;
        let keep_odd = self.thread.keeper.is_some();
        Wanted { deadline, timeout: self.timeout, keep: self.keep, keep_odd, digest: self.digest }
    }

    /// What stands behind the request's head, wherever it goes now.
    fn payload(&self) -> Payload {
        match &self.thread.prepared[self.index] {
            Some(Ok(prepared)) if !self.bodiless => prepared.payload(self.varied.as_deref()),
            _ => Payload::default(),
        }
    }

    /// The request in the form of HTTP/2, and its body.
    pub(super) fn for_two(&self, line: &two::Line) -> Result<(Request<()>, Payload), String> {
        let payload = self.payload();
        let request = match &self.next {
            Some(next) => two::request(line, next, next.headers().clone(), payload.size()),
            None => {
                let mut first = first(&self.thread, self.index, self.varied.as_deref());
                let headers = std::mem::take(first.headers_mut());
                two::request(line, &first, headers, payload.size())
            }
        };
        Ok((request?, payload))
    }

    /// Takes in an answer that came over HTTP/2, whole at that moment.
    pub(super) fn take_in(&mut self, head: Parts, mut kept: Kept, done: Offset) {
        self.attempt.done = done;
        if self.cookies {
            self.session.learn(&self.thread, &self.url, &head.headers);
        }
        let size = kept.size;
        let (body, digest) = kept.finish();
        self.received = Some(Received { head, body, size, digest });
    }

    /// Sends the request and reads the answer, over a connection there is or a new one.
    ///
    /// A connection that the peer closed while it lay still is no failure: where nothing of the request has left, it
    /// is sent once more on a new one, and counted. Once a byte has left, what happens is the target's doing.
    async fn answer(&mut self) -> Result<(), Trouble> {
        self.received = None;
        let offer = self.thread.offer(&self.origin);
        if offer != Offer::One
            && let Some(answered) = Box::pin(self.answer_over_two(offer)).await
        {
            return answered;
        }
        let wanted = self.wanted();
        let Flight { thread, session, next, index, varied, origin, attempt, received, .. } = self;
        let mut lease = match session.lease(origin) {
            Some(lease) => lease,
            None => {
                attempt.begin(&thread.clock);
                Box::pin(session.clone().wait(thread, origin.clone(), wanted.deadline)).await?
            }
        };
        loop {
            let mut connection = match lease.kept() {
                Some(kept) => kept,
                None => {
                    attempt.begin(&thread.clock);
                    Box::pin(Connection::open(thread, origin.clone(), wanted.deadline)).await?
                }
            };
            let (out, back) = (connection.traffic.sent.get(), connection.traffic.received.get());
            let response = pin!(connection.send(&mut || {
                let mut request = next.take().map_or_else(|| first(thread, *index, varied.as_deref()), |next| *next);
                if let Some(proxy) = thread.forwards(origin) {
                    proxy.forward(&mut request, origin);
                }
                request
            }));
            let result = connection.exchange(thread, response, &wanted, &mut attempt.status, received).await;
            attempt.sent = attempt.sent.or(connection.traffic.first_out.get());
            attempt.bytes_sent += connection.traffic.sent.get() - out;
            attempt.bytes_received += connection.traffic.received.get() - back;
            match result {
                Ok(reusable) => {
                    let traffic = &connection.traffic;
                    attempt.done = traffic.ended().unwrap_or_else(|| thread.clock.now());
                    let mut recorder = thread.recorder.borrow_mut();
                    if connection.carried > 0 {
                        recorder.count(Counter::ConnectionsReused, 1);
                    }
                    if let (Some(begun), Some(came)) = (traffic.first_out.get(), traffic.first_in.get()) {
                        let left = traffic.last_out.get();
                        recorder.phase(origin.target, Phase::Send, begun, left);
                        recorder.phase(origin.target, Phase::Wait, left, came);
                        recorder.phase(origin.target, Phase::Receive, came, attempt.done);
                    }
                    drop(recorder);
                    connection.carried += 1;
                    if reusable {
                        lease.keep(connection);
                    }
                    if let Some(received) = received
                        && self.cookies
                    {
                        session.learn(thread, &self.url, &received.head.headers);
                    }
                    return Ok(());
                }
                Err(Unanswered::NotSent(request)) if connection.carried > 0 => {
                    *next = Some(request);
                    thread.recorder.borrow_mut().count(Counter::ConnectionsStale, 1);
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

/// The request that a step's operation sends first.
fn first(thread: &Thread, index: usize, varied: Option<&Varied>) -> Request<Body> {
    match &thread.prepared[index] {
        Some(Ok(prepared)) => prepared.request(varied),
        _ => unreachable!("what varies of a request is known only where the rest is"),
    }
}
