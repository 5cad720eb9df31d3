//! Loops, branches that are drawn, and blocks whose failure, time or order is their own.
//!
//! A block that has begun leaves a [`Frame`]. A failure unwinds the frames up to one that catches it; a user without
//! frames pays nothing for them.

use std::pin::pin;
use std::time::Duration;

use super::life::UNANSWERED_MIN;
use super::trace::Event;
use super::user::{Failed, User};
use crate::base::Offset;
use crate::metrics::{Counter, ErrorKind, Outcome, Sample};
use crate::plan::{Block, Expr, Items, Measure, MeasureUnit, Op, OpId, PointId, REPEAT_MAX, SeriesKind, SlotId, Value};

/// A block that has begun.
pub struct Frame {
    /// Its [`Op::Enter`].
    enter: OpId,
    kind: Kind,
    /// Sockets opened from here on are cut by a failure that is caught.
    sockets: u64,
    /// Whether anything had come back from a target before it began.
    answered: bool,
}

enum Kind {
    Attempt,
    /// How often it may begin again.
    Retry(u32),
    /// When it began, and how long the user had paused then.
    Group(Offset, Duration),
}

/// How a way ends before its last statement, without failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopped {
    /// The iteration ends.
    Iteration,
    /// The user ends.
    User,
}

impl User {
    /// Begins the block of the [`Op::Enter`] at `enter`; `parallel` is a way of its own.
    pub(super) fn enter(&mut self, enter: OpId, block: &Block) -> Result<(), Failed> {
        let kind = match block {
            Block::Attempt => Kind::Attempt,
            Block::Retry { count, point, .. } => {
                let times = self.times(count, *point, "retry", 1)?;
                self.tell(|| Event::Entered { point: *point, note: "" });
                Kind::Retry(times - 1)
            }
            Block::Group { step } => {
                let point = self.thread.plan.steps[step.0 as usize].point;
                self.tell(|| Event::Entered { point, note: "" });
                Kind::Group(self.due, self.paused)
            }
            Block::Parallel => panic!("a `parallel` leaves no frame"),
        };
        let sockets = self.sockets.opened();
        let answered = std::mem::take(&mut self.answered);
        self.frames.push(Frame { enter, kind, sockets, answered });
        Ok(())
    }

    /// The innermost block has come to its end.
    pub(super) fn leave_block(&mut self) {
        let frame = self.frames.pop().expect("what is left was entered");
        self.answered |= frame.answered;
        self.ended(&frame, true);
    }

    /// The way ends here without failure, and with it every block since `base`.
    pub(super) fn stop(&mut self, base: usize, user: bool) {
        while self.frames.len() > base {
            self.leave_block();
        }
        let stopped = if user { Stopped::User } else { Stopped::Iteration };
        self.stopped = self.stopped.max(Some(stopped));
    }

    /// Something has failed: where the way goes on, if one of the blocks entered since `base` catches it.
    pub(super) async fn unwind(&mut self, base: usize) -> Option<OpId> {
        while self.frames.len() > base {
            let frame = self.frames.pop().expect("it was counted");
            let answered = self.answered;
            self.answered |= frame.answered;
            let thread = self.thread.clone();
            let Op::Enter { block, behind } = &thread.plan.ops[frame.enter.0 as usize] else {
                unreachable!("a frame names the operation that made it")
            };
            match frame.kind {
                Kind::Group(..) => self.ended(&frame, false),
                // What a standing answer has failed at ends the iteration, whatever stands around.
                _ if self.sockets.has_failed() => {}
                Kind::Attempt => {
                    self.sockets.cut_since(frame.sockets);
                    self.hold_back(answered).await;
                    return Some(*behind);
                }
                Kind::Retry(0) => {}
                Kind::Retry(left) => {
                    self.sockets.cut_since(frame.sockets);
                    let Block::Retry { pause, count, point } = block else { unreachable!("it made a retry's frame") };
                    if let Some((delay, point)) = pause {
                        match self.pause_length(delay, *point) {
                            Ok(length) => self.pause(length).await,
                            Err((kind, point)) => {
                                self.fail_at(kind, point);
                                continue;
                            }
                        }
                    }
                    self.hold_back(answered).await;
                    if self.is_told() {
                        let all = self.value(count, *point).ok().and_then(|all| all.as_number()).unwrap_or(0.0);
                        let note = format!("attempt {} of {all}", all - f64::from(left) + 1.0);
                        self.tell(|| Event::Entered { point: *point, note: &note });
                    }
                    let first = OpId(frame.enter.0 + 1);
                    let answered = std::mem::take(&mut self.answered);
                    self.frames.push(Frame { kind: Kind::Retry(left - 1), answered, ..frame });
                    return Some(first);
                }
            }
        }
        None
    }

    /// Before the way goes on behind a failure that was caught. Where nothing had come back from a target since the
    /// block began, such failures stand apart as iterations do: a loop of them does not burn a core.
    async fn hold_back(&mut self, answered: bool) {
        if answered {
            return;
        }
        if self.due < self.held {
            self.due = self.held;
            let sleep = pin!(self.thread.clock.sleep_until(self.held));
            self.wait(sleep).await;
        }
        self.held = self.due + UNANSWERED_MIN;
    }

    /// A group is told as one step.
    fn ended(&mut self, frame: &Frame, ok: bool) {
        if let Kind::Group(begun, paused) = frame.kind
            && let Op::Enter { block: Block::Group { step }, .. } = &self.thread.plan.ops[frame.enter.0 as usize]
        {
            let time = self.due.since(begun).saturating_sub(self.paused.saturating_sub(paused));
            self.thread.recorder.borrow_mut().group(*step, time, ok);
        }
    }

    /// Whether a failure now is followed by another attempt.
    pub(super) fn is_tried_again(&self) -> bool {
        for frame in self.frames.iter().rev() {
            match frame.kind {
                Kind::Attempt => return false,
                Kind::Retry(left) if left > 0 => return true,
                Kind::Retry(_) | Kind::Group(..) => {}
            }
        }
        false
    }

    /// Records a sample: a failed one that is tried again in the row of its retries.
    pub(super) fn record(&self, sample: &Sample) {
        let mut recorder = self.thread.recorder.borrow_mut();
        match sample.outcome {
            Outcome::Failed(..) if !self.frames.is_empty() && self.is_tried_again() => recorder.retried(sample),
            _ => recorder.record(sample),
        }
    }

    /// Records a failure outside any step; its message is noted already.
    pub(super) fn fail_at(&self, kind: ErrorKind, point: PointId) -> Failed {
        let mut recorder = self.thread.recorder.borrow_mut();
        match !self.frames.is_empty() && self.is_tried_again() {
            true => recorder.failure_retried(point, kind),
            false => recorder.failure(point, kind),
        }
        drop(recorder);
        self.keep_beside(kind, point);
        Failed
    }

    /// An operation that neither waits nor sends: does it and says where the way goes on. `None`: it is none of these.
    pub(super) fn plain(&mut self, op: &Op, at: usize) -> Option<Result<usize, Failed>> {
        Some(match op {
            Op::Let { slot, value, point } => self.bind(*slot, value, *point).map(|()| at),
            Op::Jump { to } => Ok(to.0 as usize),
            Op::Unless { condition, to, point } => self.condition(condition, *point).map(|holds| match holds {
                true => at,
                false => to.0 as usize,
            }),
            Op::When { condition, to, point } => self.condition(condition, *point).map(|holds| match holds {
                true => to.0 as usize,
                false => at,
            }),
            Op::Loop { count, counter, limit, end, point } => self.times(count, *point, "repeat", 0).map(|turns| {
                self.put(*counter, Value::Number(0.0));
                self.put(*limit, Value::Number(f64::from(turns)));
                if turns == 0 { end.0 as usize } else { at }
            }),
            Op::Again { counter, limit, body } => {
                let turn = self.number(*counter) + 1.0;
                self.put(*counter, Value::Number(turn));
                Ok(if turn < self.number(*limit) { body.0 as usize } else { at })
            }
            Op::For { items, most, item, list, counter, end, point } => {
                self.gather(items, *most, *point).map(|items| match items.first().cloned() {
                    None => end.0 as usize,
                    Some(first) => {
                        self.put(*item, first);
                        self.put(*list, Value::List(items.into()));
                        self.put(*counter, Value::Number(0.0));
                        at
                    }
                })
            }
            Op::Next { item, list, counter, body } => {
                let turn = self.number(*counter) + 1.0;
                let next = match &self.slots[list.0 as usize] {
                    Some(Value::List(items)) => items.get(turn as usize).cloned(),
                    _ => None,
                };
                self.put(*counter, Value::Number(turn));
                Ok(match next {
                    Some(next) => {
                        self.put(*item, next);
                        body.0 as usize
                    }
                    None => {
                        self.slots[list.0 as usize] = None;
                        at
                    }
                })
            }
            Op::Choose { ways, behind } => {
                let drawn = self.random.unit();
                let mut sum = 0.0;
                let way = ways.iter().find(|(share, _)| {
                    sum += share;
                    drawn < sum
                });
                Ok(way.map_or(behind, |(_, start)| start).0 as usize)
            }
            Op::Fail { why, point } => Err(self.say_fail(why.as_ref(), *point)),
            Op::Log { text, point } => self.log(text, *point).map(|()| at),
            Op::Measure(measure) => match self.measure(measure) {
                Ok(()) => Ok(at),
                Err((kind, point)) => Err(self.fail_at(kind, point)),
            },
            _ => return None,
        })
    }

    /// Sets the moment behind which no turn begins; false: that is now.
    pub(super) fn begin_time(
        &mut self,
        length: &Expr,
        slots: (SlotId, SlotId),
        point: PointId,
    ) -> Result<bool, Failed> {
        let (counter, limit) = slots;
        let value = self.value(length, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
        let Some(length) = value.as_duration() else {
            let text = || format!("`repeat for` takes a duration, not {}", value.text());
            self.note(point, ErrorKind::Value, text);
            return Err(self.fail_at(ErrorKind::Value, point));
        };
        self.put(counter, Value::Number(0.0));
        let until = self.due + length;
        self.put(limit, Value::List(vec![time(until), time(self.due)].into()));
        Ok(!length.is_zero())
    }

    /// One more turn of a `repeat for`; false: its time is up. A turn in which no time has passed lasts a little, so
    /// that a loop of nothing does not burn a core.
    pub(super) async fn again_in_time(&mut self, counter: SlotId, limit: SlotId) -> bool {
        let turn = self.number(counter) + 1.0;
        self.put(counter, Value::Number(turn));
        let Some(Value::List(times)) = self.slots[limit.0 as usize].clone() else { return false };
        let (Some(until), Some(last)) = (times[0].as_duration(), times[1].as_duration()) else { return false };
        if self.due == Offset::from(last) {
            self.due = self.due + UNANSWERED_MIN;
            let due = self.due;
            let sleep = pin!(self.thread.clock.sleep_until(due));
            self.wait(sleep).await;
        }
        self.put(limit, Value::List(vec![times[0].clone(), time(self.due)].into()));
        self.due < Offset::from(until)
    }

    fn bind(&mut self, slot: SlotId, value: &Expr, point: PointId) -> Result<(), Failed> {
        let value = self.value(value, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
        self.tell(|| Event::Value { point: Some(point), slot, value: &value });
        self.put(slot, value);
        Ok(())
    }

    fn condition(&mut self, condition: &Expr, point: PointId) -> Result<bool, Failed> {
        self.holds(condition, point).map_err(|(kind, point)| self.fail_at(kind, point))
    }

    /// The items of a `for`, at most so many.
    fn gather(&mut self, items: &Items, most: u32, point: PointId) -> Result<Vec<Value>, Failed> {
        let most = most as usize;
        let (items, all): (Vec<Value>, usize) = match items {
            Items::Range(first, last) => {
                let first = self.whole(first, point)?;
                let last = self.whole(last, point)?;
                let all = (last - first + 1.0).max(0.0) as usize;
                ((0..all.min(most)).map(|index| Value::Number(first + index as f64)).collect(), all)
            }
            Items::Rows(data) => {
                let data = &self.thread.plan.data[data.0 as usize];
                let all = data.row_count() as usize;
                ((0..all.min(most)).map(|row| data.row(row as u32, &self.thread.constants)).collect(), all)
            }
            Items::List(list) => {
                let value = self.value(list, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
                let Some(mut items) = value.items() else {
                    let text = || format!("`for` goes through a list, not a {}", value.type_name());
                    self.note(point, ErrorKind::Value, text);
                    return Err(self.fail_at(ErrorKind::Value, point));
                };
                let all = items.len();
                items.truncate(most);
                (items, all)
            }
        };
        if all > most {
            self.thread.recorder.borrow_mut().count(Counter::LimitsReached, 1);
        }
        Ok(items)
    }

    fn whole(&mut self, expr: &Expr, point: PointId) -> Result<f64, Failed> {
        let value = self.value(expr, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
        match value.as_number() {
            Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => Ok(number),
            _ => {
                let text = || format!("a range goes through whole numbers, not {}", value.text());
                self.note(point, ErrorKind::Value, text);
                Err(self.fail_at(ErrorKind::Value, point))
            }
        }
    }

    /// How often a block is done.
    fn times(&mut self, count: &Expr, point: PointId, word: &str, least: u32) -> Result<u32, Failed> {
        let value = self.value(count, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
        match value.as_number() {
            Some(number) if (f64::from(least)..=f64::from(REPEAT_MAX)).contains(&number) && number.fract() == 0.0 => {
                Ok(number as u32)
            }
            _ => {
                self.note(point, ErrorKind::Value, || {
                    format!("`{word}` takes a whole number from {least} to {REPEAT_MAX}, not {}", value.text())
                });
                Err(self.fail_at(ErrorKind::Value, point))
            }
        }
    }

    fn say_fail(&mut self, why: Option<&Expr>, point: PointId) -> Failed {
        let text = match why.map(|why| self.value(why, point)) {
            None => "the scenario said `fail`".to_owned(),
            Some(Ok(text)) => text.text().into_owned(),
            Some(Err((kind, point))) => return self.fail_at(kind, point),
        };
        self.note(point, ErrorKind::Fail, || text.clone());
        self.fail_at(ErrorKind::Fail, point)
    }

    fn log(&mut self, text: &Expr, point: PointId) -> Result<(), Failed> {
        if self.thread.trace.is_none() && matches!(text, Expr::Literal(_)) {
            return Ok(());
        }
        // Also where nobody reads: a scenario fails in a run where it fails in a rehearsal.
        let value = self.value(text, point).map_err(|(kind, point)| self.fail_at(kind, point))?;
        if self.thread.trace.is_some() {
            let text = value.text();
            self.tell(|| Event::Log { point, text: &text });
        }
        Ok(())
    }

    /// Records a number, outside of a step's block.
    pub(super) fn measure(&mut self, measure: &Measure) -> Result<(), (ErrorKind, PointId)> {
        let value = self.value(&measure.value, measure.point)?;
        self.measured(measure, &value)
    }

    /// Records what a `measure` has found.
    pub(super) fn measured(&mut self, measure: &Measure, value: &Value) -> Result<(), (ErrorKind, PointId)> {
        let number = match value {
            Value::Duration(duration) => Some(duration.as_secs_f64()),
            value => value.as_number().filter(|number| number.is_finite()),
        };
        let Some(number) = number else {
            let text = || format!("`measure` records a duration or a number, not a {}", value.type_name());
            self.note(measure.point, ErrorKind::Value, text);
            return Err((ErrorKind::Value, measure.point));
        };
        let as_duration = match self.thread.plan.series[measure.series.0 as usize].kind {
            SeriesKind::Measure(MeasureUnit::Time) => Duration::try_from_secs_f64(number.max(0.0)).ok(),
            _ => None,
        };
        let shown = as_duration.map(Value::Duration);
        self.tell(|| Event::Measured { point: measure.point, value: shown.as_ref().unwrap_or(value) });
        self.thread.recorder.borrow_mut().measure(measure.series, number);
        Ok(())
    }

    fn put(&mut self, slot: SlotId, value: Value) {
        self.slots[slot.0 as usize] = Some(value);
    }

    fn number(&self, slot: SlotId) -> f64 {
        self.slots[slot.0 as usize].as_ref().and_then(Value::as_number).unwrap_or(0.0)
    }
}

/// A moment of the run as a value that a slot can keep.
fn time(at: Offset) -> Value {
    Value::Duration(Duration::from_nanos(at.0))
}
