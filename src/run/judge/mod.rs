//! What a step asks of its answer: expectations, checks and captures, in order.
//!
//! Parts stop at the first one that fails: a step fails once, with its first reason. What stands before has been
//! counted and kept, what stands behind has not. A `check` never fails a step: one without a value does not hold.

mod wording;

use std::time::Duration;

use super::eval::{self, Answer, NoValue, Scope};
use super::socket::Heard;
use super::trace::Event;
use super::user::User;
use crate::metrics::ErrorKind;
use crate::plan::{Delay, Expr, Part, PointId, Value};

impl User {
    /// Runs `parts` over `answer`: counts checks, keeps captures, and stops at the first part that fails with its
    /// kind and place. The message for it is noted already; the sample is the caller's to record.
    pub(super) fn judge(&mut self, parts: &[Part], answer: &Answer<'_>) -> Result<(), (ErrorKind, PointId)> {
        for part in parts {
            match part {
                Part::Expect { condition, otherwise, point } => {
                    match eval::holds(condition, &mut self.scope(Some(answer))) {
                        Ok(true) => self.tell_held(condition, *point, answer),
                        Ok(false) => {
                            self.note_unmet(condition, otherwise.as_ref(), *point, answer);
                            return Err((ErrorKind::Expect, *point));
                        }
                        Err(error) => return Err(self.fails(*point, error)),
                    }
                }
                Part::Check { condition, point } => {
                    let held = eval::holds(condition, &mut self.scope(Some(answer))).unwrap_or(false);
                    self.thread.recorder.borrow_mut().check(*point, held);
                    match held {
                        true => self.tell_held(condition, *point, answer),
                        false => self.tell_unmet(condition, *point, answer),
                    }
                }
                Part::Measure(measure) => {
                    let point = measure.point;
                    match self.eval(&measure.value, Some(answer)) {
                        Ok(Some(value)) => self.measured(measure, &value)?,
                        Ok(None) => return Err(self.fails(point, NoValue::because("there is nothing to measure"))),
                        Err(error) => return Err(self.fails(point, error)),
                    }
                }
                Part::Capture { slot, value, default, point } => {
                    let found = match self.eval(value, Some(answer)) {
                        Ok(Some(found)) if eval::is_empty_find(value, &found) => Ok(None),
                        found => found,
                    };
                    let found = match (found, default) {
                        (Ok(None), Some(default)) => self.eval(default, Some(answer)),
                        (found, _) => found,
                    };
                    match found {
                        Ok(Some(value)) => {
                            self.tell(|| Event::Value { point: Some(*point), slot: *slot, value: &value });
                            self.slots[slot.0 as usize] = Some(value);
                        }
                        Ok(None) => {
                            self.note(*point, ErrorKind::Capture, || {
                                wording::nothing_captured(
                                    value,
                                    &self.thread.plan.points[point.0 as usize].text,
                                    answer,
                                )
                            });
                            return Err((ErrorKind::Capture, *point));
                        }
                        Err(error) => return Err(self.fails(*point, error)),
                    }
                }
            }
        }
        Ok(())
    }

    /// The value of `expr`, over an answer or without one; in a standing answer that is the message it is about.
    /// `Ok(None)`: nothing was found.
    pub(super) fn eval(&mut self, expr: &Expr, answer: Option<&Answer<'_>>) -> Result<Option<Value>, NoValue> {
        if answer.is_none()
            && let Some(heard) = self.heard.clone()
        {
            return eval::eval(expr, &mut self.scope(Some(&heard.answer())));
        }
        eval::eval(expr, &mut self.scope(answer))
    }

    /// The value of `expr` where there must be one: a statement, a part of a request. The message of a failure is
    /// noted at `point`; recording it, as a sample or outside a step, is the caller's.
    pub(super) fn value(&mut self, expr: &Expr, point: PointId) -> Result<Value, (ErrorKind, PointId)> {
        match self.eval(expr, None) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(self.fails(point, NoValue::because("there is nothing here: the value was never found"))),
            Err(error) => Err(self.fails(point, error)),
        }
    }

    /// Whether the condition of a statement holds. Failures are as in [`User::value`].
    pub(super) fn holds(&mut self, condition: &Expr, point: PointId) -> Result<bool, (ErrorKind, PointId)> {
        let heard = self.heard.clone();
        let answer = heard.as_deref().map(Heard::answer);
        eval::holds(condition, &mut self.scope(answer.as_ref())).map_err(|error| self.fails(point, error))
    }

    /// Whether `condition` holds over an answer, as the `where` of a receive asks.
    pub(super) fn holds_over(&mut self, condition: &Expr, answer: &Answer<'_>) -> Result<bool, NoValue> {
        eval::holds(condition, &mut self.scope(Some(answer)))
    }

    /// How long this pause is, drawn from the user's dice. Failures are as in [`User::value`].
    pub(super) fn pause_length(&mut self, delay: &Delay, point: PointId) -> Result<Duration, (ErrorKind, PointId)> {
        let mut length = |expr: &Expr| match self.value(expr, point)? {
            Value::Duration(duration) => Ok(duration),
            other => {
                let why =
                    format!("a pause needs a duration, and {} is a {}", wording::shown(&other), other.type_name());
                Err(self.fails(point, NoValue::because(why)))
            }
        };
        Ok(match delay {
            Delay::None => Duration::ZERO,
            Delay::Fixed(expr) => length(expr)?,
            Delay::Range(low, high) => {
                let (low, high) = (length(low)?, length(high)?);
                self.random.between(low, high)
            }
            Delay::Exponential(mean) => {
                let mean = length(mean)?;
                self.random.exponential(mean)
            }
        })
    }

    /// Notes `text` for failures of this kind at this place, if one is still wanted.
    pub(super) fn note(&self, point: PointId, kind: ErrorKind, text: impl FnOnce() -> String) {
        // Asked before the text is made: the text may want the recorder itself.
        if self.wants_words(point, kind) {
            let text = self.hide(&text()).into_owned();
            self.noted(point, kind, text);
        }
    }

    /// Whether anybody wants to know why something fails.
    fn wants_words(&self, point: PointId, kind: ErrorKind) -> bool {
        self.thread.recorder.borrow().wants_note(point, kind) || self.is_told() || self.keeps_words(point, kind)
    }

    /// Says why something fails to all who want to know.
    fn noted(&self, point: PointId, kind: ErrorKind, text: String) {
        self.tell(|| Event::Failed { point, kind, why: &text });
        self.keep_words(point, kind, &text);
        self.thread.recorder.borrow_mut().note(point, kind, text);
    }

    /// What an expression of this user can see.
    fn scope<'a>(&'a mut self, answer: Option<&'a Answer<'a>>) -> Scope<'a> {
        Scope {
            thread: &self.thread,
            user: self.id,
            iteration: self.iteration,
            slots: &self.slots,
            random: &mut self.random,
            answer,
        }
    }

    /// Notes why there is no value, and gives the reason of the failure.
    fn fails(&self, point: PointId, error: NoValue) -> (ErrorKind, PointId) {
        self.note(point, error.kind, || error.why);
        (error.kind, point)
    }

    /// Notes why an expectation does not hold: in the author's words, or by the values of both sides.
    fn note_unmet(&mut self, condition: &Expr, otherwise: Option<&Expr>, point: PointId, answer: &Answer<'_>) {
        if !self.wants_words(point, ErrorKind::Expect) {
            return;
        }
        // Looking again draws again. Copied dice keep the user's own stream as it would be without the message.
        let mut random = self.random.clone();
        let mut scope = Scope { random: &mut random, ..self.scope(Some(answer)) };
        let written = &scope.thread.plan.points[point.0 as usize].text;
        let text = otherwise
            .and_then(|words| eval::eval(words, &mut scope).ok().flatten())
            .map(|words| wording::shortened(&words.text()))
            .unwrap_or_else(|| wording::unmet(condition, wording::condition_text(written), &mut scope));
        let text = self.hide(&text).into_owned();
        self.noted(point, ErrorKind::Expect, text);
    }

    /// Tells that a condition holds, and by which value.
    fn tell_held(&mut self, condition: &Expr, point: PointId, answer: &Answer<'_>) {
        if self.is_told() {
            let mut random = self.random.clone();
            let mut scope = Scope { random: &mut random, ..self.scope(Some(answer)) };
            let actual = wording::held(condition, &mut scope);
            self.tell(|| Event::Judged { point, held: true, actual });
        }
    }

    /// Tells why a `check` does not hold.
    fn tell_unmet(&mut self, condition: &Expr, point: PointId, answer: &Answer<'_>) {
        if self.is_told() {
            let mut random = self.random.clone();
            let mut scope = Scope { random: &mut random, ..self.scope(Some(answer)) };
            let written = &scope.thread.plan.points[point.0 as usize].text;
            let why = wording::unmet(condition, wording::condition_text(written), &mut scope);
            self.tell(|| Event::Judged { point, held: false, actual: Some(why) });
        }
    }
}

#[cfg(test)]
mod tests;
