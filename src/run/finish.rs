//! The end of a run, as the users of one thread see it.

use std::cell::{Cell, RefCell};
use std::task::Waker;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It goes on.
    Going,
    /// No new iterations begin, nobody thinks; running iterations go on.
    Stopping,
    /// What still runs is abandoned.
    Over,
}

/// Says to the users of one thread where the run stands. They look at it whenever they wake; a change wakes them all.
pub struct Finish {
    phase: Cell<Phase>,
    /// Whom a change wakes; a place is taken for life and then free for another.
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
}

impl Default for Finish {
    fn default() -> Finish {
        Finish { phase: Cell::new(Phase::Going), wakers: RefCell::default(), free: RefCell::default() }
    }
}

impl Finish {
    /// Where the run stands.
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The run has come to `phase`, or further: it never goes back.
    pub fn reach(&self, phase: Phase) {
        if phase > self.phase.get() {
            self.phase.set(phase);
            self.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref);
        }
    }

    /// From now on a change wakes `waker`, until the place that is returned is given back.
    pub fn enter(&self, waker: Waker) -> Place<'_> {
        let mut wakers = self.wakers.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            wakers.push(None);
            wakers.len() - 1
        });
        wakers[index] = Some(waker);
        Place { finish: self, index }
    }
}

/// A place among those that are woken. Dropping it gives it back.
pub struct Place<'a> {
    finish: &'a Finish,
    index: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.finish.wakers.borrow_mut()[self.index] = None;
        self.finish.free.borrow_mut().push(self.index);
    }
}
