//! A user's connections of HTTP/2: one to each server, which all its requests share.
//!
//! Whether a server speaks HTTP/2 is known once a connection is made: the first request of a user makes it, and the
//! others wait for that (`blocked`), whatever comes of it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::clock::Elapsed;
use super::dial::{Trouble, reach};
use super::network::Stream;
use super::place::Origin;
use super::thread::Thread;
use super::tls::{Offer, Spoken};
use super::two::Line;
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Phase};

/// Most connections of HTTP/2 that a user keeps, all servers together; beyond that the oldest goes.
const LINES_MAX: usize = 32;

/// The connections of one user.
#[derive(Default)]
pub(super) struct Lines {
    /// Those that are there, the oldest first.
    open: RefCell<Vec<Rc<Line>>>,
    /// The servers that one is being made to, and who waits for it; as many as there are requests at once.
    opening: RefCell<Vec<(Rc<Origin>, Vec<Waker>)>>,
}

/// How a server is spoken with.
pub(super) enum Found {
    /// Over this connection, by HTTP/2.
    Two(Rc<Line>),
    /// By HTTP/1.1, over this connection if one was made to learn it.
    One(Option<Stream>),
}

impl Lines {
    /// The connection to `origin`, made where there is none, at most by `deadline`.
    pub async fn find(
        &self,
        thread: &Thread,
        origin: &Rc<Origin>,
        offer: Offer,
        deadline: Offset,
    ) -> Result<Found, Trouble> {
        let mut waited = None;
        loop {
            let found = match self.open(thread, origin) {
                Some(line) => Some(Found::Two(line)),
                None => (thread.offer(origin) == Offer::One).then_some(Found::One(None)),
            };
            if let Some(found) = found {
                if let Some(begun) = waited {
                    let now = thread.clock.now();
                    thread.recorder.borrow_mut().phase(origin.target, Phase::Blocked, begun, now);
                }
                return Ok(found);
            }
            let Some(opening) = self.begin(origin) else {
                waited.get_or_insert_with(|| thread.clock.now());
                if let Err(Elapsed) = thread.clock.within(deadline, self.wait(origin)).await {
                    let text = format!("no connection to {} was made until then", origin.authority);
                    return Err(Trouble::new(ErrorKind::Timeout, text));
                }
                continue;
            };
            let (stream, spoken) = reach(thread, origin, offer, deadline).await?;
            let found = match spoken {
                Spoken::One => {
                    thread.speaks_one(origin);
                    Found::One(Some(stream))
                }
                Spoken::Two => {
                    let line = Line::begin(thread, stream, origin.clone(), deadline).await?;
                    let mut open = self.open.borrow_mut();
                    if open.len() == LINES_MAX {
                        open.remove(0);
                    }
                    open.push(line.clone());
                    Found::Two(line)
                }
            };
            drop(opening);
            return Ok(found);
        }
    }

    /// Nothing more is sent over this connection. What is on its way goes on. Says whether it was not forgotten yet.
    pub fn forget(&self, line: &Rc<Line>) -> bool {
        let mut open = self.open.borrow_mut();
        let index = open.iter().position(|other| Rc::ptr_eq(other, line));
        index.map(|index| open.remove(index)).is_some()
    }

    fn open(&self, thread: &Thread, origin: &Rc<Origin>) -> Option<Rc<Line>> {
        let mut open = self.open.borrow_mut();
        let before = open.len();
        open.retain(|line| !line.is_gone());
        let gone = before - open.len();
        if gone > 0 {
            thread.recorder.borrow_mut().count(Counter::ConnectionsStale, gone as u64);
        }
        open.iter().rfind(|line| Rc::ptr_eq(&line.origin, origin) || line.origin == *origin).cloned()
    }

    /// The right to make a connection to `origin`, unless somebody is at it.
    fn begin<'l>(&'l self, origin: &'l Rc<Origin>) -> Option<Opening<'l>> {
        let mut opening = self.opening.borrow_mut();
        if opening.iter().any(|(other, _)| other == origin) {
            return None;
        }
        opening.push((origin.clone(), Vec::new()));
        Some(Opening { lines: self, origin })
    }

    /// Until nobody makes a connection to `origin` any more.
    async fn wait(&self, origin: &Rc<Origin>) {
        poll_fn(|cx| match self.opening.borrow_mut().iter_mut().find(|(other, _)| other == origin) {
            Some((_, waiting)) => {
                if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
    }
}

/// The right to make a connection; given back when dropped, whatever came of it.
struct Opening<'l> {
    lines: &'l Lines,
    origin: &'l Rc<Origin>,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut opening = self.lines.opening.borrow_mut();
        if let Some(index) = opening.iter().position(|(other, _)| other == self.origin) {
            let (_, waiting) = opening.swap_remove(index);
            drop(opening);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}
