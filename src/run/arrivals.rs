//! The open model: iterations start when the schedule says so, whatever became of those before.
//!
//! An arrival takes an idle user of its class, the one that came to rest last; else a new one is made; beyond
//! `max_users` it is dropped and counted. Who waits: idle users, each at its [`Seat`]; who wakes them: [`Arrivals`],
//! which the load thread polls beside its other duties.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::iter::Peekable;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::finish::Phase;
use super::thread::Thread;
use crate::base::Offset;
use crate::metrics::Counter;
use crate::plan::UserId;
use crate::plan::load::{Arrival, Load};

/// The users of one thread that take arrivals, by [`UserId`].
pub struct Desk(Vec<Class>);

struct Class {
    idle: RefCell<Vec<Rc<Seat>>>,
    /// Users that live.
    alive: Cell<u32>,
    /// How many may.
    most: u32,
}

/// Where an idle user waits.
#[derive(Default)]
struct Seat {
    due: Cell<Option<Offset>>,
    waker: RefCell<Option<Waker>>,
}

impl Desk {
    /// The desk of load thread `thread` of `threads`.
    pub(super) fn new(load: &Load, classes: usize, thread: usize, threads: usize) -> Desk {
        let class = |class| Class {
            idle: RefCell::default(),
            alive: Cell::new(0),
            most: load.users_for_arrivals(UserId(class as u32), thread, threads),
        };
        Desk((0..classes).map(class).collect())
    }

    fn class(&self, class: UserId) -> &Class {
        &self.0[class.0 as usize]
    }

    /// A user of `class` has ended: another may be made.
    pub(super) fn ended(&self, class: UserId) {
        let alive = &self.class(class).alive;
        alive.set(alive.get() - 1);
    }
}

/// Waits at the desk for an arrival; gives when it was due. `None`: the run no longer goes on.
pub(super) async fn next(thread: &Thread, class: UserId) -> Option<Offset> {
    let seat = Rc::new(Seat::default());
    thread.desk.class(class).idle.borrow_mut().push(seat.clone());
    poll_fn(|cx| {
        if let Some(due) = seat.due.get() {
            return Poll::Ready(Some(due));
        }
        if thread.finish.phase() > Phase::Going {
            return Poll::Ready(None);
        }
        seat.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await
}

/// The arrivals of one thread, as they come due.
pub(super) struct Arrivals<I: Iterator<Item = Arrival>>(Peekable<I>);

impl<I: Iterator<Item = Arrival>> Arrivals<I> {
    pub(super) fn new(arrivals: I) -> Arrivals<I> {
        Arrivals(arrivals.peekable())
    }

    /// When the next one is due; [`Offset::NEVER`]: there are no more.
    pub(super) fn next_due(&mut self) -> Offset {
        self.0.peek().map_or(Offset::NEVER, |arrival| arrival.due)
    }

    /// Hands arrivals to idle users as they come due, until one needs a new user: then that one. May be dropped while
    /// it waits.
    pub(super) async fn needs_user(&mut self, thread: &Thread) -> Arrival {
        loop {
            let due = self.next_due();
            thread.clock.sleep_until(due).await;
            while let Some(arrival) = self.0.next_if(|arrival| arrival.due <= thread.clock.now()) {
                if hand(thread, arrival) {
                    return arrival;
                }
            }
        }
    }

    /// Counts those that were due by `now` and came to nobody: we were too late for them.
    pub(super) fn missed(&mut self, thread: &Thread, now: Offset) {
        let mut missed = 0;
        while self.0.next_if(|arrival| arrival.due < now).is_some() {
            missed += 1;
        }
        thread.recorder.borrow_mut().count(Counter::ArrivalsMissed, missed);
    }
}

/// Gives an arrival to an idle user, or drops it; true: a new user is to be made for it.
fn hand(thread: &Thread, arrival: Arrival) -> bool {
    let class = thread.desk.class(arrival.class);
    let mut recorder = thread.recorder.borrow_mut();
    recorder.count(Counter::Arrivals, 1);
    if let Some(seat) = class.idle.borrow_mut().pop() {
        seat.due.set(Some(arrival.due));
        if let Some(waker) = seat.waker.take() {
            waker.wake();
        }
        return false;
    }
    if class.alive.get() < class.most {
        class.alive.set(class.alive.get() + 1);
        return true;
    }
    recorder.dropped(arrival.class);
    false
}
