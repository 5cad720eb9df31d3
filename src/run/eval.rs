//! Expressions: what a user, its values and an answer make of them.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::random::Random;
use super::thread::Thread;
use crate::plan::{Expr, Value};

/// What an expression can see.
pub struct Scope<'a> {
    /// The thread's world: plan, constants, clock, counters.
    pub thread: &'a Thread,
    /// `user.id`
    pub user: u64,
    /// `user.iteration`
    pub iteration: u64,
    /// The user's values.
    pub slots: &'a [Option<Value>],
    /// The user's dice.
    pub random: &'a mut Random,
    /// The answer of the step in whose block the expression stands.
    pub answer: Option<&'a Answer<'a>>,
}

/// What came back: an HTTP answer or a message.
pub struct Answer<'a> {
    /// The status; 0 for a message.
    pub status: u16,
    /// The headers; `None` for a message.
    pub headers: Option<&'a HeaderMap>,
    /// The body as far as it is kept.
    pub body: &'a Bytes,
    /// The size of the whole body.
    pub size: u64,
    /// The URL that answered.
    pub url: &'a str,
    /// How long the step took, from due to done.
    pub time: Duration,
}

/// An expression has no value; why, in a few words.
#[derive(Debug, PartialEq)]
pub struct NoValue(pub String);

/// The value of `expr`. `Ok(None)`: an extractor found nothing.
pub fn eval(expr: &Expr, scope: &mut Scope<'_>) -> Result<Option<Value>, NoValue> {
    let _ = (expr, scope);
    unimplemented!()
}
