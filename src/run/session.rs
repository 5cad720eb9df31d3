//! What a user's requests share: connections that lie still, by server, and cookies.
//!
//! A user alone with one request at a time has one connection to each server and never waits here. Several at once, as
//! `parallel` has them, take up to [`PER_ORIGIN_MAX`] to each; who comes later waits for one to be given back, first
//! come, first served.

use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::take;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

use super::clock::Elapsed;
use super::connection::{Connection, Parked};
use super::cookies::{Jar, Moment};
use super::dial::Trouble;
use super::lines::Lines;
use super::place::Origin;
use super::thread::Thread;
use crate::base::Offset;
use crate::metrics::{ErrorKind, Phase};

/// Most connections of one user to one server at a time, as in a browser.
pub const PER_ORIGIN_MAX: usize = 6;

/// Most connections of one user that lie still, all servers together; beyond that the one that lay longest goes.
pub const STILL_MAX: usize = 32;

/// A user that rests for so long gives up what its connections hold beside their streams, which takes about 1 µs to make
/// anew.
const REST_MIN: Duration = Duration::from_millis(100);

/// Connections and cookies of one user.
#[derive(Default)]
pub struct Session {
    pool: RefCell<Pool>,
    /// Nothing until one speaks HTTP/2, or may.
    lines: OnceCell<Rc<Lines>>,
    /// Nothing until an answer sets a cookie.
    jar: RefCell<Option<Box<Jar>>>,
}

#[derive(Default)]
struct Pool {
    /// Those that lie still, the one that was used last at the end.
    still: Vec<Still>,
    /// The servers of those in use, one entry a connection.
    used: Vec<Rc<Origin>>,
    /// Who waits, and for which server; as many as there are requests at once.
    waiting: VecDeque<(u64, Rc<Origin>, Waker)>,
    /// How many have waited.
    tickets: u64,
}

/// A connection that lies still.
enum Still {
    /// Ready to carry a request at once.
    Driven(Box<Connection>),
    /// Its user rests.
    Parked(Box<Parked>),
}

impl Still {
    fn origin(&self) -> &Rc<Origin> {
        match self {
            Still::Driven(connection) => &connection.origin,
            Still::Parked(parked) => &parked.origin,
        }
    }

    fn parked(self) -> Option<Still> {
        match self {
            Still::Driven(connection) => connection.parked().map(Box::new).map(Still::Parked),
            parked => Some(parked),
        }
    }
}

impl Session {
    /// The user rests for so long: a connection that nobody needs meanwhile shall not weigh more than its stream.
    pub(super) fn rest(&self, length: Duration) {
        if length < REST_MIN {
            return;
        }
        let still = &mut self.pool.borrow_mut().still;
        *still = take(still).into_iter().filter_map(Still::parked).collect();
    }

    /// The right to one connection to `origin`, if there are not too many in use already; else [`Session::wait`].
    pub(super) fn lease(self: &Rc<Session>, origin: &Rc<Origin>) -> Option<Lease> {
        let free = self.pool.borrow_mut().enter(origin);
        free.then(|| Lease { session: self.clone(), origin: origin.clone(), connection: None })
    }

    /// The right to one connection to `origin`, once it is there, at most until `deadline`.
    pub(super) async fn wait(
        self: Rc<Session>,
        thread: &Thread,
        origin: Rc<Origin>,
        deadline: Offset,
    ) -> Result<Lease, Trouble> {
        let begun = thread.clock.now();
        let mut place = Queued { session: &self, ticket: None };
        let turn = poll_fn(|cx| place.poll(&origin, cx.waker()));
        if let Err(Elapsed) = thread.clock.within(deadline, turn).await {
            let text = format!("all {PER_ORIGIN_MAX} connections to {} were in use until then", origin.authority);
            return Err(Trouble::new(ErrorKind::Timeout, text));
        }
        drop(place);
        thread.recorder.borrow_mut().phase(origin.target, Phase::Blocked, begun, thread.clock.now());
        Ok(Lease { session: self, origin, connection: None })
    }

    /// Connections of HTTP/2.
    pub(super) fn lines(&self) -> Rc<Lines> {
        self.lines.get_or_init(Rc::default).clone()
    }

    /// Lets a connection of HTTP/1.1 lie still that has carried nothing yet.
    pub(super) fn keep(&self, connection: Box<Connection>) {
        self.pool.borrow_mut().keep(connection);
    }

    /// Keeps the cookies that an answer from `url` sets.
    pub(super) fn learn(&self, thread: &Thread, url: &str, headers: &HeaderMap) {
        if headers.contains_key(SET_COOKIE)
            && let Ok(url) = Url::parse(url)
        {
            let now = thread.clock.now();
            let at = Moment { now, date: thread.shared.started + now.since(Offset::ZERO) };
            self.jar.borrow_mut().get_or_insert_default().learn(&url, headers, at);
        }
    }

    /// Whether there is any cookie.
    pub(super) fn has_cookies(&self) -> bool {
        self.jar.borrow().is_some()
    }

    /// What a request to `url` says in `Cookie` now: `own` cookies, and those kept whose name is not among them.
    pub(super) fn cookies(&self, now: Offset, url: &str, keeps: bool, own: &[(String, String)]) -> Option<String> {
        let jar = self.jar.borrow();
        let url = jar.as_ref().filter(|_| keeps).and_then(|_| Url::parse(url).ok());
        let kept = jar.as_ref().zip(url.as_ref()).map(|(jar, url)| jar.of(url, now)).unwrap_or_default();
        let kept = kept.into_iter().filter(|(name, _)| !own.iter().any(|(other, _)| other == name));
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<String> = kept.chain(own).map(|(name, value)| format!("{name}={value}")).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The cookie of this name that a request to `url` would carry now.
    pub fn cookie(&self, now: Offset, url: &str, name: &str) -> Option<String> {
        let jar = self.jar.borrow();
        let url = jar.as_ref().and_then(|_| Url::parse(url).ok())?;
        let kept = jar.as_ref()?.of(&url, now);
        kept.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }
}

impl Pool {
    /// Counts one more connection to `origin` in use, if there may be one.
    fn enter(&mut self, origin: &Rc<Origin>) -> bool {
        let free = self.used.iter().filter(|used| is_same(used, origin)).count() < PER_ORIGIN_MAX;
        if free {
            self.used.push(origin.clone());
        }
        free
    }

    /// Lets a connection lie still.
    fn keep(&mut self, connection: Box<Connection>) {
        if self.still.len() == STILL_MAX {
            self.still.remove(0);
        }
        self.still.push(Still::Driven(connection));
    }

    fn leave(&mut self, origin: &Rc<Origin>) {
        if let Some(index) = self.used.iter().position(|used| is_same(used, origin)) {
            self.used.swap_remove(index);
        }
        if let Some((.., waker)) = self.waiting.iter().find(|(_, other, _)| is_same(other, origin)) {
            waker.wake_by_ref();
        }
    }
}

fn is_same(a: &Rc<Origin>, b: &Rc<Origin>) -> bool {
    Rc::ptr_eq(a, b) || a == b
}

/// A place in the queue; left when dropped.
struct Queued<'a> {
    session: &'a Session,
    ticket: Option<u64>,
}

impl Queued<'_> {
    fn poll(&mut self, origin: &Rc<Origin>, waker: &Waker) -> Poll<()> {
        let pool = &mut *self.session.pool.borrow_mut();
        let Some(ticket) = self.ticket else {
            pool.tickets += 1;
            self.ticket = Some(pool.tickets);
            pool.waiting.push_back((pool.tickets, origin.clone(), waker.clone()));
            return Poll::Pending;
        };
        let first = pool.waiting.iter().find(|(_, other, _)| is_same(other, origin));
        if first.is_some_and(|(number, ..)| *number == ticket) && pool.enter(origin) {
            return Poll::Ready(());
        }
        if let Some(place) = pool.waiting.iter_mut().find(|(number, ..)| *number == ticket) {
            place.2.clone_from(waker);
        }
        Poll::Pending
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let pool = &mut *self.session.pool.borrow_mut();
        let Some(index) = pool.waiting.iter().position(|(number, ..)| *number == ticket) else { return };
        let (_, origin, _) = pool.waiting.remove(index).expect("just found");
        // Whether its turn came or its time was up: the next one looks whether there is room for it too.
        if let Some((.., waker)) = pool.waiting.iter().find(|(_, other, _)| is_same(other, &origin)) {
            waker.wake_by_ref();
        }
    }
}

/// The right to one connection, given back when dropped.
pub(super) struct Lease {
    session: Rc<Session>,
    origin: Rc<Origin>,
    /// One to lie still again, where the lease ends with one.
    connection: Option<Box<Connection>>,
}

impl Lease {
    /// A connection that lies still, if there is one: the one that was used last.
    pub fn kept(&mut self) -> Option<Box<Connection>> {
        let still = &mut self.session.pool.borrow_mut().still;
        let index = still.iter().rposition(|kept| is_same(kept.origin(), &self.origin))?;
        Some(match still.remove(index) {
            Still::Driven(connection) => connection,
            Still::Parked(parked) => parked.driven(),
        })
    }

    /// The connection can carry another request.
    pub fn keep(mut self, connection: Box<Connection>) {
        self.connection = Some(connection);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let pool = &mut *self.session.pool.borrow_mut();
        if let Some(connection) = self.connection.take() {
            pool.keep(connection);
        }
        pool.leave(&self.origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::{nowhere, plan, pretend, thread};

    /// The server of no target.
    fn at_81() -> Rc<Origin> {
        let url = Url::parse("http://localhost:81").expect("a URL");
        Rc::new(Origin::of(&url, crate::plan::TargetId(0)).expect("a server"))
    }

    #[test]
    fn the_seventh_request_waits_for_one_of_six_and_the_eighth_behind_it() {
        pretend(async {
            let thread = thread(plan(&[], &[]), nowhere());
            let session: Rc<Session> = Rc::default();
            let origin = thread.bases[0].origin.clone();
            let mut leases: Vec<Lease> = (0..PER_ORIGIN_MAX).map(|_| session.lease(&origin).expect("free")).collect();
            assert!(session.lease(&origin).is_none());
            let order = Rc::new(RefCell::new(Vec::new()));
            for number in [7, 8] {
                let (session, origin, order, thread) = (session.clone(), origin.clone(), order.clone(), thread.clone());
                tokio::task::spawn_local(async move {
                    let lease = session.wait(&thread, origin, Offset::NEVER).await;
                    order.borrow_mut().push(number);
                    std::mem::forget(lease);
                });
                tokio::task::yield_now().await;
            }
            for expected in [vec![7], vec![7, 8]] {
                leases.pop();
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(*order.borrow(), expected);
            }
        });
    }

    #[test]
    fn who_waits_in_vain_says_so_and_leaves_the_queue() {
        pretend(async {
            let thread = thread(plan(&[], &[]), nowhere());
            let session: Rc<Session> = Rc::default();
            let origin = thread.bases[0].origin.clone();
            let other = at_81();
            let _leases: Vec<Lease> = (0..PER_ORIGIN_MAX).map(|_| session.lease(&origin).expect("free")).collect();
            assert!(session.lease(&other).is_some(), "another server is another six");
            let soon = thread.clock.now() + std::time::Duration::from_secs(1);
            let trouble = session.clone().wait(&thread, origin, soon).await.err().expect("in vain");
            assert_eq!(trouble.kind, ErrorKind::Timeout);
            assert_eq!(trouble.text, "all 6 connections to 127.0.0.1:80 were in use until then".replace(":80", ""));
            assert!(session.pool.borrow().waiting.is_empty());
        });
    }

    #[test]
    fn a_lease_that_ends_leaves_nothing_behind() {
        let session: Rc<Session> = Rc::default();
        let origin = at_81();
        for _ in 0..100 {
            drop(session.lease(&origin));
            assert_eq!(session.pool.borrow().used.len(), 0);
        }
    }
}
