//! `setup` before any user starts, and `teardown` after the last has ended: each walked by one of a class of its own.
//!
//! Who waits: the run waits for `setup`, and starts no user where it fails. `teardown` runs whatever happened before,
//! for at most the graceful stop, and not where the button was pressed twice. The first press gives a running `setup`
//! the graceful stop, the second cuts it off.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::Stop;
use super::finish::Phase;
use super::keep::Keeper;
use super::life::unless_over;
use super::random::Random;
use super::socket::attend;
use super::thread::{Handed, SECOND, Thread};
use super::trace::{Event, Part};
use super::user::{Failed, User};
use crate::base::Offset;
use crate::metrics::{Health, IterationOutcome};
use crate::plan::{SETUP_BYTES_MAX, Value};

/// The dice of `setup` and of `teardown`: those of user numbers that no user has.
const SETUP_DICE: u64 = u64::MAX - 1;
const TEARDOWN_DICE: u64 = u64::MAX - 2;

/// Why a run has ended before any user started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupFailed {
    /// A step or statement failed: its place and why are among what was seen.
    Failed,
    /// It was cut off.
    Stopped,
    /// What it set is too much: so many bytes of JSON.
    TooLarge(usize),
}

/// What came of `setup` or `teardown`.
pub(super) struct Done {
    /// What lies in the slots at the end: first what `setup` gives to all.
    pub values: Vec<Option<Value>>,
    /// How it ended; `None`: it was cut off.
    pub result: Option<Result<(), Failed>>,
}

impl Done {
    /// Why no user may start, if none may.
    pub fn failed(&self) -> Option<SetupFailed> {
        match self.result {
            None => Some(SetupFailed::Stopped),
            Some(Err(Failed)) => Some(SetupFailed::Failed),
            Some(Ok(())) => {
                let bytes: usize = self.values.iter().flatten().map(json_bytes).sum();
                (bytes > SETUP_BYTES_MAX).then_some(SetupFailed::TooLarge(bytes))
            }
        }
    }
}

/// How long a value is as JSON.
fn json_bytes(value: &Value) -> usize {
    serde_json::to_vec(&value.to_json()).map_or(usize::MAX, |bytes| bytes.len())
}

impl Thread {
    /// Walks `setup` or `teardown`, which the plan has, with what `setup` has set. Hands over what was seen each second
    /// and at the end.
    pub(super) async fn once(self: Rc<Thread>, part: Part, stop: &Stop, hand: &mut dyn FnMut(Handed)) -> Done {
        let class = self.plan.once.expect("the plan has a `setup` or `teardown`");
        let of_plan = &self.plan.users[class.0 as usize];
        let teardown = part == Part::Teardown;
        let start = if teardown { of_plan.on_stop } else { of_plan.on_start };
        let given = of_plan.user_slots as usize;
        let mut user = User::new(&self, class, 0, self.clock.now());
        user.random = Random::new(self.plan.seed, if teardown { TEARDOWN_DICE } else { SETUP_DICE });
        for (slot, value) in user.slots.iter_mut().zip(&self.setup) {
            slot.clone_from(value);
        }
        self.recorder.borrow_mut().begin(self.clock.now());
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let place = self.finish.enter(waker);
        let sockets = user.sockets.clone();
        let life = async {
            let Some(start) = start else { return (Some(Ok(())), user) };
            user.tell(|| Event::Begun(part));
            let result = unless_over(&self, pin!(user.pass(start))).await;
            let outcome = match result {
                Some(Ok(())) => IterationOutcome::Ok,
                Some(Err(Failed)) => IterationOutcome::Failed,
                None => IterationOutcome::Abandoned,
            };
            user.tell(|| Event::Ended(part, outcome));
            if result == Some(Ok(())) && user.sockets.is_to_leave(0) {
                user.due = self.clock.now();
                unless_over(&self, pin!(Box::pin(user.leave(true)))).await;
            }
            user.sockets.cut();
            user.give_back();
            (result, user)
        };
        let mut life = pin!(attend(sockets, life));
        let grace = self.plan.load.graceful_stop;
        let mut over = if teardown { self.clock.now() + grace } else { Offset::NEVER };
        let mut pressed = stop.subscribe();
        let mut take = |stopping: bool| {
            let now = self.clock.now();
            let mut window = self.recorder.borrow_mut().take(now, Duration::ZERO);
            // It lies beside the load's own time: also what it did to a core is nobody's among the load threads.
            (window.window, window.health) = (None, Health::default());
            let kept = self.keeper.as_ref().map(Keeper::take).unwrap_or_default();
            hand(Handed { window, now, stopping, warming: false, kept });
        };
        let mut second = self.clock.now() + SECOND;
        let (result, user) = loop {
            let presses = *pressed.borrow_and_update();
            if presses > 1 || over <= self.clock.now() {
                self.finish.reach(Phase::Over);
                over = Offset::NEVER;
            } else if presses > 0 {
                over = over.min(self.clock.now() + grace);
            }
            tokio::select! {
                biased;
                ended = &mut life => break ended,
                _ = pressed.changed() => {}
                _ = self.clock.sleep_until(over) => {}
                _ = self.clock.sleep_until(second) => {
                    take(presses > 0);
                    second = second + SECOND;
                }
            }
        };
        drop(place);
        take(stop.presses() > 0);
        let values = user.slots.into_iter().take(given).collect();
        Done { values, result }
    }
}
