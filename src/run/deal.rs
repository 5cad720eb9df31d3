//! Rows of data, dealt to users: which row a `take` gives, and what a user that finds none does.
//!
//! All but `pick unique` follow from numbers alone and touch nothing shared. The rows of `unique` data that planned
//! users hold follow from their numbers too; only what users that replace others hold goes through a pool that the
//! load threads share, when such a user is born and when any user dies.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::task::{Poll, Waker};

use super::finish::Phase;
use super::thread::Thread;
use super::user::User;
use crate::metrics::Counter;
use crate::plan::data::{DataId, Pick, WhenEmpty, dealt, shuffled};
use crate::plan::{Plan, Value};

/// What the threads of a run share about its data, by [`DataId`].
pub struct Deck(Vec<Pack>);

struct Pack {
    /// `shuffle`: the order of the rows; else empty.
    order: Vec<u32>,
    /// `unique`: the row of each planned user, by its number; [`NONE`] where it has none of its own.
    own: Vec<u32>,
    /// `unique`: what is left for the others.
    pool: Mutex<Pool>,
}

/// No row.
const NONE: u32 = u32::MAX;

/// The rows that no planned user has of its own, and those that came back.
#[derive(Default)]
struct Pool {
    /// The next row that nobody has held yet, and one past the last.
    fresh: std::ops::Range<u32>,
    /// Rows that were held, longest free first.
    returned: VecDeque<u32>,
    /// Users that wait for a row, first come first.
    waiting: BTreeMap<u64, Waiter>,
    next_ticket: u64,
}

/// A user that waits, and the row that it was given meanwhile.
struct Waiter {
    waker: Option<Waker>,
    granted: Option<u32>,
}

/// What one user has been dealt of one data.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    /// How many rows it has taken.
    takes: u64,
    /// The row that is its own until it ends.
    held: Option<u32>,
}

impl Deck {
    /// The data of a plan, nothing dealt yet.
    pub fn new(plan: &Plan) -> Deck {
        let packs = plan.data.iter().enumerate().map(|(index, data)| {
            let rows = data.row_count();
            let order = match data.pick {
                Pick::Shuffle => shuffled(rows, plan.seed, DataId(index as u32)),
                _ => Vec::new(),
            };
            let mut own = Vec::new();
            let mut planned = 0;
            if data.pick == Pick::Unique {
                let starts = plan.starts(1);
                own = starts
                    .iter()
                    .map(|start| match data.takers.contains(&start.class) && planned < rows {
                        true => {
                            planned += 1;
                            planned - 1
                        }
                        false => NONE,
                    })
                    .collect();
            }
            let pool = Mutex::new(Pool { fresh: planned..rows, ..Pool::default() });
            Pack { order, own, pool }
        });
        Deck(packs.collect())
    }

    fn pool(&self, data: DataId) -> MutexGuard<'_, Pool> {
        self.0[data.0 as usize].pool.lock().expect("nobody panics with a pool in hand")
    }
}

impl User {
    /// The next row of `data` for this user. `None`: there is none for it, or the run ends while it waits; then its
    /// life is over, without failure.
    pub(super) async fn take(&mut self, data: DataId) -> Option<Value> {
        let thread = self.thread.clone();
        let index = data.0 as usize;
        let (plan, of) = (&thread.plan, &thread.plan.data[index]);
        let pack = &thread.shared.deck.0[index];
        self.hands.resize(plan.data.len(), Hand::default());
        let (turn, rows) = (self.hands[index].takes, of.row_count());
        self.hands[index].takes += 1;
        let dealt = || dealt(self.id, turn, plan.load.users(), rows, of.when_empty);
        let row = match of.pick {
            Pick::Sequential => dealt()?,
            Pick::Shuffle => pack.order[dealt()? as usize],
            Pick::Random => self.random.index(u64::from(rows)) as u32,
            Pick::Unique => match self.hands[index].held {
                Some(row) => row,
                None => {
                    let own = pack.own.get(self.id as usize).copied().filter(|row| turn == 0 && *row != NONE);
                    let row = match own {
                        Some(row) => row,
                        None => unique(&thread, data, of.when_empty).await?,
                    };
                    self.hands[index].held = Some(row);
                    row
                }
            },
        };
        Some(of.row(row, &thread.constants))
    }

    /// Gives back the rows that were this user's own. Who waits for one gets it.
    pub(super) fn give_back(&mut self) {
        for (index, hand) in self.hands.iter_mut().enumerate() {
            if let Some(row) = hand.held.take() {
                self.thread.shared.deck.pool(DataId(index as u32)).give_back(row);
            }
        }
    }
}

/// A row out of the pool: one that no other living user holds.
async fn unique(thread: &Thread, data: DataId, when_empty: WhenEmpty) -> Option<u32> {
    let deck = &thread.shared.deck;
    if let Some(row) = deck.pool(data).free() {
        return Some(row);
    }
    if when_empty == WhenEmpty::Stop {
        return None;
    }
    thread.recorder.borrow_mut().count(Counter::RowsWaited, 1);
    let mut place = Place { deck, data, ticket: deck.pool(data).queue() };
    let row = poll_fn(|cx| {
        if thread.finish.phase() != Phase::Going {
            return Poll::Ready(None);
        }
        match deck.pool(data).collect(place.ticket, cx.waker()) {
            Some(row) => Poll::Ready(Some(row)),
            None => Poll::Pending,
        }
    })
    .await;
    if row.is_some() {
        place.ticket = Place::LEFT;
    }
    row
}

/// A place in the queue for a row; left when dropped.
struct Place<'d> {
    deck: &'d Deck,
    data: DataId,
    ticket: u64,
}

impl Place<'_> {
    const LEFT: u64 = u64::MAX;
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.ticket != Place::LEFT {
            let mut pool = self.deck.pool(self.data);
            // Granted and not fetched: it goes on to the next.
            if let Some(row) = pool.waiting.remove(&self.ticket).and_then(|waiter| waiter.granted) {
                pool.give_back(row);
            }
        }
    }
}

impl Pool {
    fn free(&mut self) -> Option<u32> {
        self.fresh.next().or_else(|| self.returned.pop_front())
    }

    fn give_back(&mut self, row: u32) {
        match self.waiting.values_mut().find(|waiter| waiter.granted.is_none()) {
            Some(waiter) => {
                waiter.granted = Some(row);
                if let Some(waker) = waiter.waker.take() {
                    waker.wake();
                }
            }
            None => self.returned.push_back(row),
        }
    }

    fn queue(&mut self) -> u64 {
        self.next_ticket += 1;
        self.waiting.insert(self.next_ticket, Waiter { waker: None, granted: None });
        self.next_ticket
    }

    fn collect(&mut self, ticket: u64, waker: &Waker) -> Option<u32> {
        let waiter = self.waiting.get_mut(&ticket)?;
        match waiter.granted {
            Some(row) => {
                self.waiting.remove(&ticket);
                Some(row)
            }
            None => {
                waiter.waker = Some(waker.clone());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::base::{FileId, Offset, Span};
    use crate::plan::UserId;
    use crate::plan::data::{Data, Rows};
    use crate::run::fixture;

    /// Rows 10, 11, 12 … that user class 0 takes.
    fn world(rows: u32, users: u32, pick: Pick, when_empty: WhenEmpty) -> Rc<Thread> {
        let mut plan = fixture::plan(&[], &[]);
        let list = (0..rows).map(|row| Value::Number(f64::from(row) + 10.0)).collect::<Vec<Value>>();
        plan.constants = vec![crate::plan::Expr::Literal(list.clone().into())];
        plan.load = crate::plan::load::Load::closed("test", vec![1.0], users, 1_000.0, Duration::from_secs(3600));
        plan.data = vec![Data {
            name: "numbers".into(),
            span: Span::new(FileId(0), 0, 0),
            pick,
            when_empty,
            rows: Rows::Inline { constant: 0, count: rows },
            takers: vec![UserId(0)],
        }];
        fixture::thread_with(plan, fixture::nowhere(), vec![list.into()])
    }

    fn user(thread: &Rc<Thread>, id: u64) -> User {
        User::new(thread, UserId(0), id, Offset::ZERO)
    }

    async fn taken(user: &mut User) -> Option<f64> {
        user.take(DataId(0)).await.map(|row| row.as_number().expect("rows are numbers"))
    }

    #[test]
    fn planned_users_hold_the_rows_of_their_numbers_for_life() {
        fixture::pretend(async {
            let thread = world(4, 3, Pick::Unique, WhenEmpty::Recycle);
            let mut users = [user(&thread, 2), user(&thread, 0), user(&thread, 1)];
            for (user, row) in users.iter_mut().zip([12.0, 10.0, 11.0]) {
                assert_eq!(taken(user).await, Some(row));
                assert_eq!(taken(user).await, Some(row), "it keeps it");
            }
            // Who replaces another gets a row that nobody has had, then one that came back.
            assert_eq!(taken(&mut user(&thread, 3)).await, Some(13.0));
            users[1].give_back();
            assert_eq!(taken(&mut user(&thread, 4)).await, Some(10.0));
        });
    }

    #[test]
    fn a_user_that_finds_no_row_waits_for_the_first_that_comes_back() {
        fixture::pretend(async {
            let thread = world(1, 1, Pick::Unique, WhenEmpty::Recycle);
            let mut first = user(&thread, 0);
            assert_eq!(taken(&mut first).await, Some(10.0));
            let wait = |id| {
                let mut user = user(&thread, id);
                tokio::task::spawn_local(async move {
                    let row = taken(&mut user).await;
                    user.give_back();
                    row
                })
            };
            let (second, given_up, third) = (wait(1), wait(2), wait(3));
            tokio::task::yield_now().await;
            assert!(!second.is_finished());
            given_up.abort();
            first.give_back();
            assert_eq!(second.await.expect("it ends"), Some(10.0));
            assert_eq!(third.await.expect("it ends"), Some(10.0));
            let waited = thread.recorder.borrow_mut().take(Offset::ZERO, Duration::ZERO).counter(Counter::RowsWaited);
            assert_eq!(waited, 3);
        });
    }

    #[test]
    fn a_row_that_was_granted_and_not_fetched_goes_to_the_next() {
        let mut pool = Pool::default();
        let (first, second) = (pool.queue(), pool.queue());
        pool.give_back(7);
        assert_eq!(pool.collect(second, Waker::noop()), None, "the first in the queue has it");
        let row = pool.waiting.remove(&first).and_then(|waiter| waiter.granted).expect("it was granted");
        pool.give_back(row);
        assert_eq!(pool.collect(second, Waker::noop()), Some(7));
        pool.give_back(7);
        assert_eq!(pool.free(), Some(7));
        assert_eq!(pool.free(), None);
    }

    #[test]
    fn no_two_living_users_hold_a_row_however_they_come_and_go_on_several_threads() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
        const THREADS: u64 = 4;
        const LIVES: u64 = 2_000;
        const ROWS: u32 = 700;
        let shared = world(ROWS, 500, Pick::Unique, WhenEmpty::Recycle).shared.clone();
        let held: Arc<Vec<AtomicBool>> = Arc::new((0..ROWS).map(|_| AtomicBool::new(false)).collect());
        let lived = Arc::new(AtomicU64::new(0));
        let threads = (0..THREADS).map(|number| {
            let (shared, held, lived) = (shared.clone(), held.clone(), lived.clone());
            std::thread::spawn(move || {
                fixture::pretend(async {
                    let mut thread = world(ROWS, 500, Pick::Unique, WhenEmpty::Recycle);
                    Rc::get_mut(&mut thread).expect("nobody else has it yet").shared = shared;
                    // The first five hundred are planned ones, the others take the places of those that have ended.
                    let lives = (0..LIVES).map(|life| {
                        let (held, lived) = (held.clone(), lived.clone());
                        let mut user = user(&thread, life * THREADS + number);
                        tokio::task::spawn_local(async move {
                            let row = taken(&mut user).await.expect("a row comes back in the end") as usize - 10;
                            assert!(!held[row].swap(true, Ordering::SeqCst), "row {row} is held by another");
                            for _ in 0..user.id % 5 {
                                tokio::task::yield_now().await;
                            }
                            assert!(held[row].swap(false, Ordering::SeqCst));
                            user.give_back();
                            lived.fetch_add(1, Ordering::SeqCst);
                        })
                    });
                    for life in lives.collect::<Vec<_>>() {
                        life.await.expect("no panic");
                    }
                });
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().expect("no panic");
        }
        assert_eq!(lived.load(Ordering::SeqCst), THREADS * LIVES);
        // All rows are back.
        let mut pool = shared.deck.pool(DataId(0));
        assert_eq!(std::iter::from_fn(|| pool.free()).count(), ROWS as usize);
    }

    #[test]
    fn a_user_ends_where_it_is_told_to_and_there_is_no_row() {
        fixture::pretend(async {
            let thread = world(1, 2, Pick::Unique, WhenEmpty::Stop);
            assert_eq!(taken(&mut user(&thread, 0)).await, Some(10.0));
            assert_eq!(taken(&mut user(&thread, 1)).await, None);
            let thread = world(3, 2, Pick::Sequential, WhenEmpty::Stop);
            let mut second = user(&thread, 1);
            assert_eq!(taken(&mut second).await, Some(11.0));
            assert_eq!(taken(&mut second).await, None, "its next would be row 3");
        });
    }
}
