//! What a step asks of its answer: expectations, checks and captures, in order.

use super::eval::{Answer, NoValue};
use super::user::User;
use crate::metrics::ErrorKind;
use crate::plan::{Expr, Part, PointId, Value};

impl User {
    /// Runs `parts` over `answer`: counts checks, keeps captures, and stops at the first part that fails with its
    /// kind and place. The message for it is noted already; the sample is the caller's to record.
    pub(super) fn judge(&mut self, parts: &[Part], answer: &Answer<'_>) -> Result<(), (ErrorKind, PointId)> {
        let _ = (parts, answer);
        unimplemented!()
    }

    /// The value of `expr`, over an answer or without one. `Ok(None)`: nothing was found.
    pub(super) fn eval(&mut self, expr: &Expr, answer: Option<&Answer<'_>>) -> Result<Option<Value>, NoValue> {
        let _ = (expr, answer);
        unimplemented!()
    }

    /// The value of `expr` where there must be one: a statement, a part of a request. The message of a failure is
    /// noted at `point`; recording it, as a sample or outside a step, is the caller's.
    pub(super) fn value(&mut self, expr: &Expr, point: PointId) -> Result<Value, (ErrorKind, PointId)> {
        let _ = (expr, point);
        unimplemented!()
    }

    /// Notes `text` for failures of this kind at this place, if one is still wanted.
    pub(super) fn note(&self, point: PointId, kind: ErrorKind, text: impl FnOnce() -> String) {
        let _ = (point, kind, text);
        unimplemented!()
    }
}
