//! The run's one monotonic clock, real or virtual.
//!
//! tokio's timer has a grain of 1 ms and wakes late by about as much. The real clock therefore keeps its own timers: a
//! heap of due times per thread and one timerfd that is armed for the earliest. The virtual clock is tokio's paused
//! time, so that whole runs pass in milliseconds with exact counts.
//!
//! Cost: a timer is 40 bytes while it waits, one push into the heap, and a system call only when it is the earliest.
//! Timers that are dropped before their time (most timeouts) stay in the heap as husks, at most as many as live ones.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

use crate::base::Offset;

/// Below so many husks the heap is left alone.
const HUSKS_MIN: usize = 1024;

/// The run's clock on one thread. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Rc<Kind>);

enum Kind {
    Real { start: Instant, timers: RefCell<Timers>, fd: AsyncFd<OwnedFd> },
    Virtual { start: tokio::time::Instant },
}

/// The time was up before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl Clock {
    /// The real clock of this thread, reading zero at `start`. Inside a tokio runtime with I/O and local tasks.
    ///
    /// Errors: no descriptor left for its timer.
    pub fn real(start: Instant) -> io::Result<Clock> {
        let fd =
            rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the `OwnedFd` owns its descriptor, always names the same one, and nobody takes it out of the `AsyncFd`.
        #[allow(unsafe_code)]
        let fd = unsafe { AsyncFd::register(fd) }?;
        let clock = Clock(Rc::new(Kind::Real { start, timers: RefCell::default(), fd }));
        // Lives as long as the runtime: it holds only what a thread holds anyway.
        tokio::task::spawn_local(fire(clock.clone()));
        Ok(clock)
    }

    /// tokio's own time, which tests pause; reads zero now. Inside a tokio runtime with time.
    pub fn paused() -> Clock {
        Clock(Rc::new(Kind::Virtual { start: tokio::time::Instant::now() }))
    }

    /// Now, since the start of the run.
    pub fn now(&self) -> Offset {
        match &*self.0 {
            Kind::Real { start, .. } => Offset::from(start.elapsed()),
            Kind::Virtual { start } => Offset::from(start.elapsed()),
        }
    }

    /// Waits until `due`; returns at once when that has passed. [`Offset::NEVER`] never comes.
    pub fn sleep_until(&self, due: Offset) -> Sleep {
        Sleep { clock: self.clone(), due, state: State::New }
    }

    /// Like [`Clock::sleep_until`], for a moment that is nearly always still to come: saves a look at the clock.
    pub fn alarm(&self, due: Offset) -> Sleep {
        Sleep { clock: self.clone(), due, state: State::Ahead }
    }

    /// What `future` gives, unless `deadline` comes first; then the future is dropped.
    pub async fn within<F: Future>(&self, deadline: Offset, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut sleep = self.alarm(deadline);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed)),
        })
        .await
    }
}

/// A deadline that is moved on often and hardly ever comes, as that of one request after another: its timer stays where
/// it is until it fires, and only then is set to where the deadline is by then.
pub struct Deadline(Sleep);

impl Deadline {
    /// Of `clock`, with no timer yet.
    pub fn new(clock: &Clock) -> Deadline {
        Deadline(clock.alarm(Offset::NEVER))
    }

    /// Whether `due` has come; who asks is woken when it does, and perhaps before.
    pub fn poll(&mut self, due: Offset, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if due < self.0.due {
                self.0 = self.0.clock.alarm(due);
            }
            ready!(Pin::new(&mut self.0).poll(cx));
            if due <= self.0.due {
                return Poll::Ready(());
            }
            self.0 = self.0.clock.alarm(due);
        }
    }
}

/// Waits for a moment. Forgets its timer when dropped.
pub struct Sleep {
    clock: Clock,
    due: Offset,
    state: State,
}

enum State {
    New,
    /// As above, and it is not asked whether the time has come already.
    Ahead,
    /// A timer of ours.
    Timer(Ticket),
    /// A timer of tokio's.
    Tokio(Pin<Box<tokio::time::Sleep>>),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match (&mut this.state, &*this.clock.0) {
            (State::New | State::Ahead, _) if this.due == Offset::NEVER => Poll::Pending,
            (State::New, _) if this.due <= this.clock.now() => Poll::Ready(()),
            (State::New | State::Ahead, Kind::Real { start, timers, fd }) => {
                let (ticket, earliest) = timers.borrow_mut().add(this.due, cx.waker());
                if earliest {
                    arm(fd, Offset::from(start.elapsed()), this.due);
                }
                this.state = State::Timer(ticket);
                Poll::Pending
            }
            (State::New | State::Ahead, Kind::Virtual { start }) => {
                let mut sleep = Box::pin(tokio::time::sleep_until(*start + Duration::from_nanos(this.due.0)));
                let poll = sleep.as_mut().poll(cx);
                this.state = State::Tokio(sleep);
                poll
            }
            // Looks at the ticket, not at the clock: a poll that comes for another reason costs next to nothing.
            (State::Timer(ticket), Kind::Real { timers, .. }) => timers.borrow_mut().poll(*ticket, cx.waker()),
            (State::Tokio(sleep), _) => sleep.as_mut().poll(cx),
            (State::Timer(_), Kind::Virtual { .. }) => unreachable!("a virtual clock hands out no tickets"),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let (State::Timer(ticket), Kind::Real { timers, .. }) = (&self.state, &*self.clock.0) {
            timers.borrow_mut().cancel(*ticket);
        }
    }
}

/// A claim on a place in [`Timers`]; void once the place has been given to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    place: u32,
    turn: u32,
}

/// The timers of one thread.
#[derive(Default)]
struct Timers {
    heap: BinaryHeap<Reverse<(Offset, Ticket)>>,
    places: Vec<Place>,
    free: Vec<u32>,
    /// What the timerfd is set to; `None` when it is not.
    armed: Option<Offset>,
}

struct Place {
    turn: u32,
    waker: Option<Waker>,
}

impl Timers {
    /// A new timer, and whether it is now the earliest, for which the timerfd must be armed.
    fn add(&mut self, due: Offset, waker: &Waker) -> (Ticket, bool) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { turn: 0, waker: None });
            (self.places.len() - 1) as u32
        });
        let entry = &mut self.places[place as usize];
        entry.waker = Some(waker.clone());
        let ticket = Ticket { place, turn: entry.turn };
        self.heap.push(Reverse((due, ticket)));
        let earliest = self.armed.is_none_or(|armed| due < armed);
        if earliest {
            self.armed = Some(due);
        }
        (ticket, earliest)
    }

    fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<()> {
        let entry = &mut self.places[ticket.place as usize];
        if entry.turn != ticket.turn {
            return Poll::Ready(());
        }
        if !entry.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            entry.waker = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Takes the timer's waker and gives its place to the next; `None` when it has fired or was cancelled.
    fn release(&mut self, ticket: Ticket) -> Option<Waker> {
        let entry = &mut self.places[ticket.place as usize];
        if entry.turn != ticket.turn {
            return None;
        }
        entry.turn = entry.turn.wrapping_add(1);
        self.free.push(ticket.place);
        entry.waker.take()
    }

    fn cancel(&mut self, ticket: Ticket) {
        drop(self.release(ticket));
        let live = self.places.len() - self.free.len();
        if self.heap.len() > 2 * live + HUSKS_MIN {
            let places = &self.places;
            self.heap.retain(|Reverse((_, ticket))| places[ticket.place as usize].turn == ticket.turn);
        }
    }

    /// The waker of one timer that is due.
    fn due(&mut self, now: Offset) -> Option<Waker> {
        while let Some(&Reverse((due, ticket))) = self.heap.peek() {
            let live = self.places[ticket.place as usize].turn == ticket.turn;
            if live && due > now {
                return None;
            }
            self.heap.pop();
            if let Some(waker) = self.release(ticket) {
                return Some(waker);
            }
        }
        None
    }
}

/// Wakes whose time has come, for as long as the runtime lives.
async fn fire(clock: Clock) {
    let Kind::Real { timers, fd, .. } = &*clock.0 else { return };
    loop {
        let Ok(mut ready) = fd.readable().await else { return };
        let mut expirations = [0; 8];
        let _ = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut expirations)?));
        loop {
            // One at a time, so that no borrow is held while a waker runs.
            while let Some(waker) = { timers.borrow_mut().due(clock.now()) } {
                waker.wake();
            }
            let next = timers.borrow().heap.peek().map(|Reverse((due, _))| *due);
            timers.borrow_mut().armed = next;
            match next {
                Some(due) if due <= clock.now() => continue,
                Some(due) => arm(fd, clock.now(), due),
                None => {}
            }
            break;
        }
    }
}

/// Sets the timerfd to `due`.
fn arm(fd: &AsyncFd<OwnedFd>, now: Offset, due: Offset) {
    // Zero would disarm it.
    let wait = due.since(now).max(Duration::from_nanos(1));
    let it_value = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
    rustix::time::timerfd_settime(fd.get_ref(), TimerfdTimerFlags::empty(), &once)
        .expect("a timerfd of our own takes any time that is not negative");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(paused: bool) -> tokio::runtime::LocalRuntime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(paused);
        builder.build_local(Default::default()).expect("a runtime")
    }

    /// What is asked of either clock, in steps of so many nanoseconds.
    async fn sleepers_wake_in_order(clock: Clock, step: u64) {
        let woken = Rc::new(RefCell::new(Vec::new()));
        let sleepers: Vec<_> = [30_u64, 10, 20, 15, 0]
            .map(|steps| {
                let (clock, woken) = (clock.clone(), woken.clone());
                tokio::task::spawn_local(async move {
                    let due = Offset(steps * step);
                    clock.sleep_until(due).await;
                    assert!(clock.now() >= due);
                    woken.borrow_mut().push(steps);
                })
            })
            .into();
        for sleeper in sleepers {
            sleeper.await.expect("no panic");
        }
        assert_eq!(*woken.borrow(), [0, 10, 15, 20, 30]);
        assert_eq!(clock.within(Offset::NEVER, std::future::ready(7)).await, Ok(7));
        clock.sleep_until(Offset::ZERO).await;
        assert!(poll_fn(|cx| Poll::Ready(pin!(clock.sleep_until(Offset::NEVER)).poll(cx))).await.is_pending());
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_due_times_and_never_early_by_either_clock() {
        let micros = 1_000;
        let real = async || sleepers_wake_in_order(Clock::real(Instant::now()).expect("a timerfd"), 100 * micros).await;
        local(false).block_on(real());
        // tokio's grain.
        local(true).block_on(async { sleepers_wake_in_order(Clock::paused(), 1_000 * micros).await });
    }

    #[test]
    fn dropped_timers_leave_a_bounded_number_of_husks() {
        local(false).block_on(async {
            let clock = Clock::real(Instant::now()).expect("a timerfd");
            let hour = Offset::from(Duration::from_secs(3600));
            for _ in 0..10_000 {
                // Pending once, so that the timer is registered, then ready.
                let mut polls = 0;
                let twice = poll_fn(|cx| {
                    polls += 1;
                    cx.waker().wake_by_ref();
                    if polls > 1 { Poll::Ready(()) } else { Poll::Pending }
                });
                assert_eq!(clock.within(hour, twice).await, Ok(()));
            }
            let Kind::Real { timers, .. } = &*clock.0 else { unreachable!("it is real") };
            assert!(timers.borrow().heap.len() <= HUSKS_MIN + 2);
            assert_eq!(timers.borrow().places.len(), 1);
        });
    }

    #[test]
    fn a_deadline_that_moves_keeps_its_timer_and_never_comes_early_nor_stays_out() {
        async fn comes(deadline: &mut Deadline, due: Offset) {
            poll_fn(|cx| deadline.poll(due, cx)).await;
        }
        async fn by(clock: Clock, step: u64) {
            let mut deadline = Deadline::new(&clock);
            let at = |steps: u64| Offset(steps * step);
            let mut look = async |due: Offset| poll_fn(|cx| Poll::Ready(deadline.poll(due, cx))).await;
            for steps in [200, 300, 400] {
                assert!(look(at(steps)).await.is_pending());
            }
            // The timer is that of the first one; the last one counts.
            comes(&mut deadline, at(400)).await;
            assert!(clock.now() >= at(400));
            // One that is earlier than the timer.
            let mut look = async |due: Offset| poll_fn(|cx| Poll::Ready(deadline.poll(due, cx))).await;
            assert!(look(at(1_000_000)).await.is_pending());
            comes(&mut deadline, at(600)).await;
            assert!(clock.now() >= at(600) && clock.now() < at(1_000_000));
            assert!(poll_fn(|cx| Poll::Ready(deadline.poll(Offset::NEVER, cx))).await.is_pending());
        }
        local(false).block_on(async {
            let clock = Clock::real(Instant::now()).expect("a timerfd");
            by(clock.clone(), 10_000).await;
            let Kind::Real { timers, .. } = &*clock.0 else { unreachable!("it is real") };
            assert_eq!(timers.borrow().places.len(), 1, "one timer at a time");
        });
        local(true).block_on(async { by(Clock::paused(), 1_000_000).await });
    }

    #[test]
    fn a_deadline_cuts_a_future_off() {
        local(false).block_on(async {
            let clock = Clock::real(Instant::now()).expect("a timerfd");
            assert_eq!(clock.within(Offset(200_000), std::future::pending::<()>()).await, Err(Elapsed));
        });
        local(true).block_on(async {
            let clock = Clock::paused();
            let hour = Offset::from(Duration::from_secs(3600));
            assert_eq!(clock.within(hour, std::future::pending::<()>()).await, Err(Elapsed));
            assert_eq!(clock.now(), hour);
        });
    }
}
