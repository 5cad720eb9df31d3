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
use super::two::{Line, Lost};
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Phase};

/// Most connections of HTTP/2 that a user keeps, all servers together; beyond that the oldest goes.
const LINES_MAX: usize = 32;

/// So many connections may end in turn before the server has begun with a request that goes over each of them. A server
/// that takes a thousand requests a connection is through with the most that `parallel` starts by then.
const ENDED_MAX: u32 = 10;

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

/// How often one request was lost before the server had begun with it.
///
/// What a server leaves behind when it ends a connection goes over the next one, at most [`ENDED_MAX`] times: of many
/// requests that start together each connection may take a few. What it refuses by itself is sent once more.
#[derive(Default)]
pub(super) struct Tries {
    ended: u32,
    refused: bool,
}

impl Tries {
    /// The request was lost over `line`: `Ok` where it may be sent once more, else why it has failed.
    pub fn lost(&mut self, thread: &Thread, lines: &Lines, line: &Rc<Line>, lost: Lost) -> Result<(), Trouble> {
        // Counted once for a connection, however many requests it leaves behind.
        let forgotten = || {
            let known = lines.forget(line);
            thread.recorder.borrow_mut().count(Counter::ConnectionsStale, known.into());
        };
        match lost {
            Lost::Ended(trouble) => {
                forgotten();
                if self.ended == ENDED_MAX {
                    thread.recorder.borrow_mut().count(Counter::LimitsReached, 1);
                    return Err(trouble);
                }
                self.ended += 1;
                Ok(())
            }
            Lost::Refused(trouble) if self.refused => {
                lines.forget(line);
                Err(trouble)
            }
            Lost::Refused(_) => {
                forgotten();
                self.refused = true;
                Ok(())
            }
            Lost::Trouble(trouble) => {
                if line.is_gone() {
                    lines.forget(line);
                }
                Err(trouble)
            }
        }
    }
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
