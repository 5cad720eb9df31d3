//! The streams that a server takes at a time: who has one, and who waits for one, first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The streams of a connection.
#[derive(Default)]
pub(super) struct Places {
    /// How many are in use.
    active: Cell<usize>,
    /// Who waits for one: as many as there are requests at once.
    waiting: RefCell<VecDeque<(u64, Waker)>>,
    /// How many have waited.
    tickets: Cell<u64>,
}

impl Places {
    /// The right to one stream, if nobody waits for one and the server takes another beside so many.
    pub fn free(self: &Rc<Places>, takes_another: impl Fn(usize) -> bool) -> Option<Place> {
        if self.waiting.borrow().is_empty() { self.take(takes_another) } else { None }
    }

    /// The same, once all who came before have theirs and the server takes another.
    pub async fn wait(self: &Rc<Places>, takes_another: impl Fn(usize) -> bool) -> Place {
        let queued = Queued::new(self);
        poll_fn(|cx| match queued.is_first(cx.waker()).then(|| self.take(&takes_another)).flatten() {
            Some(place) => Poll::Ready(place),
            None => Poll::Pending,
        })
        .await
    }

    /// Lets the first who waits look whether it can go; it passes that on.
    pub fn wake(&self) {
        if let Some((_, first)) = self.waiting.borrow().front() {
            first.wake_by_ref();
        }
    }

    fn take(self: &Rc<Places>, takes_another: impl Fn(usize) -> bool) -> Option<Place> {
        let active = self.active.get();
        takes_another(active).then(|| {
            self.active.set(active + 1);
            Place(self.clone())
        })
    }
}

/// The right to one stream; given back when dropped.
pub(super) struct Place(Rc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get() - 1);
        self.0.wake();
    }
}

/// A place in the queue; left when dropped, whatever the reason.
struct Queued<'p> {
    places: &'p Places,
    number: u64,
}

impl Queued<'_> {
    fn new(places: &Places) -> Queued<'_> {
        let number = places.tickets.get();
        places.tickets.set(number + 1);
        places.waiting.borrow_mut().push_back((number, Waker::noop().clone()));
        Queued { places, number }
    }

    /// Whether nobody is before it; `waker` is woken when it is worth asking again.
    fn is_first(&self, waker: &Waker) -> bool {
        let mut waiting = self.places.waiting.borrow_mut();
        let place =
            waiting.binary_search_by_key(&self.number, |(number, _)| *number).expect("it is there until dropped");
        waiting[place].1.clone_from(waker);
        place == 0
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut waiting = self.places.waiting.borrow_mut();
        if let Ok(place) = waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            waiting.remove(place);
        }
        drop(waiting);
        self.places.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use tokio::task::{AbortHandle, spawn_local, yield_now};

    use super::{Place, Places};
    use crate::run::fixture::pretend;

    /// Lets those who wait have as many places as `most` says; who has had one, in their order.
    struct Crowd {
        places: Rc<Places>,
        most: Rc<Cell<usize>>,
        held: Rc<RefCell<Vec<(u32, Place)>>>,
    }

    impl Crowd {
        fn comes(&self, number: u32) -> AbortHandle {
            let (places, most, held) = (self.places.clone(), self.most.clone(), self.held.clone());
            let waits = async move {
                let place = places.wait(|active| active < most.get()).await;
                held.borrow_mut().push((number, place));
            };
            spawn_local(waits).abort_handle()
        }

        async fn have(&self) -> Vec<u32> {
            for _ in 0..8 {
                yield_now().await;
            }
            self.held.borrow().iter().map(|(number, _)| *number).collect()
        }
    }

    #[test]
    fn whoever_came_first_goes_first_and_who_gives_up_holds_nobody_up() {
        pretend(async {
            let crowd = Crowd { places: Rc::default(), most: Rc::new(Cell::new(1)), held: Rc::default() };
            let waits: Vec<_> = (1..6).map(|number| crowd.comes(number)).collect();
            assert_eq!(crowd.have().await, [1]);
            // Somebody waits, so nobody overtakes.
            crowd.most.set(2);
            assert!(crowd.places.free(|active| active < 2).is_none());
            waits[1].abort();
            assert_eq!(crowd.have().await, [1, 3]);
            drop(crowd.held.borrow_mut().remove(0));
            assert_eq!(crowd.have().await, [3, 4]);
            // Fewer than are in use: two must be given back until another goes.
            crowd.most.set(1);
            drop(crowd.held.borrow_mut().remove(0));
            assert_eq!(crowd.have().await, [4]);
            drop(crowd.held.borrow_mut().remove(0));
            assert_eq!(crowd.have().await, [5]);
            crowd.held.borrow_mut().clear();
            assert!(crowd.places.free(|active| active < 1).is_some());
        });
    }

    #[test]
    fn when_the_server_takes_more_all_who_may_go_at_once() {
        pretend(async {
            let crowd = Crowd { places: Rc::default(), most: Rc::default(), held: Rc::default() };
            (1..5).for_each(|number| drop(crowd.comes(number)));
            assert!(crowd.have().await.is_empty());
            crowd.most.set(3);
            crowd.places.wake();
            assert_eq!(crowd.have().await, [1, 2, 3]);
        });
    }
}
