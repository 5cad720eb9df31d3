//! Durations that may be below zero: as numbers of seconds.
//!
//! No duration is negative, so `(now() - sent_at) * 1s` has no value where two clocks differ. What `measure` records may
//! be: it is counted, and recorded as 0.

use crate::plan::Value;
use crate::plan::expr::{Expr, Operator};

/// The same value as a number of seconds; `None` where that cannot be told from how it is written.
pub(super) fn seconds(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Literal(Value::Duration(duration)) => Some(Expr::Literal(Value::Number(duration.as_secs_f64()))),
        Expr::Binary(left, operator, right) => {
            let (left, right) = match (operator, seconds(left), seconds(right)) {
                (Operator::Multiply, None, Some(right)) => ((**left).clone(), right),
                (Operator::Multiply | Operator::Divide, Some(left), None) => (left, (**right).clone()),
                (Operator::Add | Operator::Subtract, Some(left), Some(right)) => (left, right),
                _ => return None,
            };
            Some(Expr::Binary(Box::new(left), *operator, Box::new(right)))
        }
        _ => None,
    }
}
