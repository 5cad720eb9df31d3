//! `parallel`: HTTP steps that start together, as a browser has them.
//!
//! The user walks the block once; each request that it comes to is made of the values of that moment and goes its way.
//! Then the answers are judged as they come, and the block ends with the last of them. What a step captures is there
//! from then on.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::user::{Failed, User};
use crate::metrics::Counter;
use crate::plan::{Op, OpId, Part, SlotId, Value};

/// Most requests that one `parallel` starts; what is beyond is left out, and counted.
pub const PARALLEL_MAX: usize = 10_000;

impl User {
    /// The block behind the [`Op::Enter`] at `enter`, up to `behind`. One that fails lets the others finish first.
    pub(super) async fn parallel(&mut self, enter: OpId, behind: OpId) -> Result<(), Failed> {
        let thread = self.thread.clone();
        let due = self.due;
        let varying = varying(&thread.plan.ops[enter.0 as usize..behind.0 as usize]);
        let mut flights = FuturesUnordered::new();
        let mut failed = false;
        let mut at = enter.0 as usize + 1;
        let last = behind.0 as usize - 1;
        while at < last && !failed {
            let op = &thread.plan.ops[at];
            at += 1;
            match op {
                Op::Http(http) => {
                    if flights.len() == PARALLEL_MAX {
                        self.thread.recorder.borrow_mut().count(Counter::LimitsReached, 1);
                        break;
                    }
                    match self.prepare(http, at - 1) {
                        Ok(mut flight) => {
                            let values = varying.iter().map(|slot| self.slots[slot.0 as usize].clone());
                            let values: Vec<Option<Value>> = values.collect();
                            flights.push(async move {
                                let result = flight.fly().await;
                                (http, values, flight, result)
                            });
                        }
                        Err(Failed) => failed = true,
                    }
                    self.due = due;
                }
                op => match self.plain(op, at) {
                    Some(Ok(next)) => at = next,
                    Some(Err(Failed)) => failed = true,
                    None => unreachable!("`check` lets nothing else stand in `parallel`"),
                },
            }
        }
        let mut end = due;
        while let Some((http, mut values, flight, result)) = self.wait(pin!(flights.next())).await {
            self.exchange(&varying, &mut values);
            failed |= self.land(http, &flight, result).is_err();
            self.exchange(&varying, &mut values);
            end = end.max(self.due);
        }
        self.due = end;
        match failed {
            true => Err(Failed),
            false => Ok(()),
        }
    }

    /// Puts these values in place of what the slots hold, and takes that out.
    fn exchange(&mut self, slots: &[SlotId], values: &mut [Option<Value>]) {
        for (slot, value) in slots.iter().zip(values) {
            std::mem::swap(&mut self.slots[slot.0 as usize], value);
        }
    }
}

/// What the block itself sets while it is walked, an item or a `let`: an answer is judged by the values that its
/// request was made of, though the walk has gone on. What steps set is theirs.
fn varying(ops: &[Op]) -> Vec<SlotId> {
    let set_by_steps = |slot: SlotId| {
        let parts = ops.iter().filter_map(|op| if let Op::Http(http) = op { Some(&http.parts) } else { None });
        parts.flatten().any(|part| matches!(part, Part::Capture { slot: own, .. } if *own == slot))
    };
    let mut slots: Vec<SlotId> = Vec::new();
    for op in ops {
        let (Op::For { item: slot, .. } | Op::Loop { counter: slot, .. } | Op::Let { slot, .. }) = op else { continue };
        if !slots.contains(slot) && !set_by_steps(*slot) {
            slots.push(*slot);
        }
    }
    slots
}
