//! Expressions: what a user, its values and an answer make of them.
//!
//! Three outcomes are kept apart: a value; *nothing*, when an extractor does not find what it looks for (then every
//! comparison is false, `!=` too, and whatever is computed from nothing is nothing); and [`NoValue`], which fails the
//! step. Comparing values of different types is false and counted.
//!
//! Cost: a condition allocates only for values it makes: `status 200`, `header X == "y"`, `body contains "z"` and
//! comparisons of slots and literals borrow.

mod extract;
mod find;
mod functions;
mod json;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::random::Random;
use super::session::Session;
use super::thread::Thread;
use crate::metrics::{Counter, ErrorKind};
use crate::plan::arithmetic::{arithmetic, negate};
use crate::plan::expr::{Operator, Piece, StatusPattern};
use crate::plan::{Expr, Template, Value};

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
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The status; 0 for a message.
    pub status: u16,
    /// The headers; `None` for a message.
    pub headers: Option<&'a HeaderMap>,
    /// The body as far as it is kept: shorter than `size` when it was cut off.
    pub body: &'a Bytes,
    /// The size of the whole body.
    pub size: u64,
    /// The SHA-256 of the whole body, where the step wants it and the body is cut off.
    pub digest: Option<&'a [u8; 32]>,
    /// The URL that answered.
    pub url: &'a str,
    /// How long the step took, from due to done.
    pub time: Duration,
    /// The type of a server-sent event; `None` where the answer is none.
    pub event: Option<&'a str>,
    /// The cookies that the user keeps, if it has any.
    pub session: Option<&'a Session>,
}

/// An expression has no value.
#[derive(Debug, PartialEq)]
pub struct NoValue {
    /// `Value`, or `BodyTooLarge` where the expression looked beyond what is kept.
    pub kind: ErrorKind,
    /// Why, in a few words.
    pub why: String,
}

impl NoValue {
    /// Kind `value`, for this reason.
    pub fn because(why: impl Into<String>) -> NoValue {
        NoValue { kind: ErrorKind::Value, why: why.into() }
    }
}

/// The value of `expr`. `Ok(None)`: an extractor found nothing.
pub fn eval<'a>(expr: &'a Expr, scope: &mut Scope<'a>) -> Result<Option<Value>, NoValue> {
    Ok(operand(expr, scope)?.map(Operand::into_value))
}

/// Whether `expr` looks for every find and there is none. In an expression that is an empty list; a capture has found
/// nothing then.
pub fn is_empty_find(expr: &Expr, value: &Value) -> bool {
    matches!(expr, Expr::Find(find) if find.all) && value.items_count() == Some(0)
}

/// Whether the condition `expr` holds. Nothing does not hold; what is neither true nor false neither, and is counted.
pub fn holds<'a>(expr: &'a Expr, scope: &mut Scope<'a>) -> Result<bool, NoValue> {
    Ok(truth(expr, scope)?.unwrap_or(false))
}

/// The text of `template`; `None`: a piece of it found nothing.
pub fn text<'a>(template: &'a Template, scope: &mut Scope<'a>) -> Result<Option<String>, NoValue> {
    let mut text = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Value(expr) => match operand(expr, scope)? {
                Some(value) => value.write_text(&mut text),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(text))
}

/// Whether the status is one that a pattern names.
pub fn status_is(status: u16, patterns: &[StatusPattern]) -> bool {
    patterns.iter().any(|pattern| match *pattern {
        StatusPattern::Code(code) => status == code,
        StatusPattern::Class(class) => status / 100 == u16::from(class),
        StatusPattern::Range(low, high) => (low..=high).contains(&status),
    })
}

/// A value, or text that lies where it was found and has not been copied into one.
pub(super) enum Operand<'a> {
    Value(Cow<'a, Value>),
    Text(Cow<'a, str>),
}

impl Operand<'_> {
    pub(super) fn into_value(self) -> Value {
        match self {
            Operand::Value(value) => value.into_owned(),
            Operand::Text(text) => Value::Text(text.as_ref().into()),
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Operand::Value(value) => value.as_text(),
            Operand::Text(text) => Some(text),
        }
    }

    fn as_value(&self) -> Cow<'_, Value> {
        match self {
            Operand::Value(value) => Cow::Borrowed(value.as_ref()),
            Operand::Text(text) => Cow::Owned(Value::Text(text.as_ref().into())),
        }
    }

    fn write_text(&self, to: &mut String) {
        match self {
            Operand::Value(value) => value.write_text(to),
            Operand::Text(text) => to.push_str(text),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Operand::Value(value) => value.type_name(),
            Operand::Text(_) => "string",
        }
    }
}

impl From<Value> for Operand<'_> {
    fn from(value: Value) -> Self {
        Operand::Value(Cow::Owned(value))
    }
}

/// The value of `expr`, borrowed where it lies somewhere already. `Ok(None)`: nothing was found.
pub(super) fn operand<'a>(expr: &'a Expr, scope: &mut Scope<'a>) -> Result<Option<Operand<'a>>, NoValue> {
    Ok(Some(match expr {
        Expr::Literal(value) => Operand::Value(Cow::Borrowed(value)),
        Expr::Slot(slot) => {
            let slots = scope.slots;
            return Ok(slots[slot.0 as usize].as_ref().map(|value| Operand::Value(Cow::Borrowed(value))));
        }
        Expr::Constant(index) => Operand::Value(Cow::Borrowed(&scope.thread.constants[*index as usize])),
        Expr::Setup(slot) => {
            let set = scope.thread.setup.get(slot.0 as usize);
            return Ok(set.and_then(Option::as_ref).map(|value| Operand::Value(Cow::Borrowed(value))));
        }
        Expr::Text(template) => return Ok(text(template, scope)?.map(|text| Operand::Text(Cow::Owned(text)))),
        Expr::Take(_) | Expr::Rows(_) => panic!("`{expr:?}` is no value of its own"),
        Expr::UserId => Value::Number(scope.user as f64).into(),
        Expr::UserIteration => Value::Number(scope.iteration as f64).into(),
        Expr::RunId => Operand::Text(Cow::Borrowed(&scope.thread.shared.run_id)),
        Expr::Call(function, arguments) => return functions::call(*function, arguments, scope),
        Expr::Secret(of) => {
            let made = operand(of, scope)?;
            if let Some(text) = made.as_ref().and_then(Operand::as_text) {
                scope.thread.veil.made(text);
            }
            return Ok(made);
        }
        Expr::List(items) => {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                match eval(item, scope)? {
                    Some(value) => values.push(value),
                    None => return Ok(None),
                }
            }
            Value::List(values.into()).into()
        }
        Expr::Object(members) => {
            let mut object = serde_json::Map::with_capacity(members.len());
            for (key, member) in members {
                match eval(member, scope)? {
                    Some(value) => object.insert(key.clone(), value.to_json()),
                    None => return Ok(None),
                };
            }
            Value::Json(std::sync::Arc::new(serde_json::Value::Object(object))).into()
        }
        Expr::Member(of, key) => {
            let Some(of) = operand(of, scope)? else { return Ok(None) };
            if let Operand::Value(Cow::Borrowed(Value::Row(row))) = of
                && let Some(text) = row.text(key)
            {
                return Ok(Some(Operand::Text(Cow::Borrowed(text))));
            }
            return Ok(of.as_value().member(key).map(Operand::from));
        }
        Expr::Index(of, index) => match item(of, index, scope)? {
            Found::Item(value) => value.into(),
            Found::Nothing => return Ok(None),
            Found::Outside(why) => return Err(NoValue::because(why)),
        },
        Expr::Negate(of) => {
            let Some(of) = operand(of, scope)? else { return Ok(None) };
            negate(&of.as_value()).map_err(NoValue::because)?.into()
        }
        Expr::Binary(left, operator, right) if is_arithmetic(*operator) => {
            let Some(left) = operand(left, scope)? else { return Ok(None) };
            let Some(right) = operand(right, scope)? else { return Ok(None) };
            arithmetic(&left.as_value(), *operator, &right.as_value()).map_err(NoValue::because)?.into()
        }
        Expr::Extract(extractor) => return extract::extract(extractor, scope),
        Expr::Find(find) => return find::find(find, scope),
        Expr::Not(_) | Expr::Binary(..) | Expr::Presence(..) | Expr::StatusIs(_) | Expr::Matches(..) => {
            return Ok(truth(expr, scope)?.map(|truth| Value::Bool(truth).into()));
        }
    }))
}

/// Whether `expr` is true, without making a value of it. `None`: nothing was found, where that has no answer of its
/// own: a bare `json $.flag`, or `not` before it.
fn truth<'a>(expr: &'a Expr, scope: &mut Scope<'a>) -> Result<Option<bool>, NoValue> {
    match expr {
        Expr::StatusIs(patterns) => Ok(Some(scope.answer.is_some_and(|answer| status_is(answer.status, patterns)))),
        Expr::Not(of) => Ok(truth(of, scope)?.map(|truth| !truth)),
        Expr::Binary(left, Operator::And, right) => Ok(Some(holds(left, scope)? && holds(right, scope)?)),
        Expr::Binary(left, Operator::Or, right) => Ok(Some(holds(left, scope)? || holds(right, scope)?)),
        Expr::Binary(left, operator, right) if !is_arithmetic(*operator) => {
            let Some(left) = operand(left, scope)? else { return Ok(Some(false)) };
            let Some(right) = operand(right, scope)? else { return Ok(Some(false)) };
            Ok(Some(compare(&left, *operator, &right)?.unwrap_or_else(|| mistyped(scope))))
        }
        Expr::Presence(of, wanted) => Ok(Some(is_present(of, scope)? == *wanted)),
        Expr::Matches(of, pattern) => {
            let Some(of) = operand(of, scope)? else { return Ok(Some(false)) };
            Ok(Some(of.as_text().map(|text| pattern.is_match(text)).unwrap_or_else(|| mistyped(scope))))
        }
        _ => {
            let Some(value) = operand(expr, scope)? else { return Ok(None) };
            let truth = match &value {
                Operand::Value(value) => value.truth(),
                Operand::Text(_) => None,
            };
            Ok(Some(truth.unwrap_or_else(|| mistyped(scope))))
        }
    }
}

/// `left operator right` for an operator that compares; `None`: types that cannot be compared so.
fn compare(left: &Operand<'_>, operator: Operator, right: &Operand<'_>) -> Result<Option<bool>, NoValue> {
    let equal = || match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => Some(left == right),
        _ => left.as_value().equals(&right.as_value()),
    };
    let order = || match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => Some(left.cmp(right)),
        _ => left.as_value().order(&right.as_value()),
    };
    let texts = |test: fn(&str, &str) -> bool| Some(test(left.as_text()?, right.as_text()?));
    Ok(match operator {
        Operator::Equal => equal(),
        Operator::NotEqual => equal().map(|equal| !equal),
        Operator::Less => order().map(Ordering::is_lt),
        Operator::LessEqual => order().map(Ordering::is_le),
        Operator::Greater => order().map(Ordering::is_gt),
        Operator::GreaterEqual => order().map(Ordering::is_ge),
        Operator::StartsWith => texts(|left, right| left.starts_with(right)),
        Operator::EndsWith => texts(|left, right| left.ends_with(right)),
        Operator::Contains => match left.as_text() {
            Some(_) => texts(|left, right| left.contains(right)),
            None => is_in(right, left),
        },
        Operator::In => is_in(left, right),
        Operator::Matches => match (left.as_text(), right.as_text()) {
            (Some(text), Some(pattern)) => {
                let pattern = regex::Regex::new(pattern)
                    .map_err(|error| NoValue::because(format!("`{pattern}` is no regular expression: {error}")))?;
                Some(pattern.is_match(text))
            }
            _ => None,
        },
        Operator::And
        | Operator::Or
        | Operator::Add
        | Operator::Subtract
        | Operator::Multiply
        | Operator::Divide
        | Operator::Remainder => panic!("`{operator:?}` does not compare, `truth` and `operand` have taken it"),
    })
}

/// Whether `item` is among the items of the list `of`; `None`: `of` is no list, or nothing in it is of the item's type.
fn is_in(item: &Operand<'_>, of: &Operand<'_>) -> Option<bool> {
    let (items, item) = (of.as_value().items()?, item.as_value());
    let mut comparable = items.is_empty();
    for candidate in &items {
        match item.equals(candidate) {
            Some(true) => return Some(true),
            Some(false) => comparable = true,
            None => {}
        }
    }
    comparable.then_some(false)
}

/// Whether there is such a value at all. An index out of range is an absence here, not a failure.
fn is_present<'a>(expr: &'a Expr, scope: &mut Scope<'a>) -> Result<bool, NoValue> {
    match expr {
        Expr::Extract(extractor) => extract::is_present(extractor, scope),
        Expr::Find(_) => Ok(eval(expr, scope)?.is_some_and(|value| !is_empty_find(expr, &value))),
        Expr::Index(of, index) => Ok(matches!(item(of, index, scope)?, Found::Item(_))),
        _ => Ok(operand(expr, scope)?.is_some()),
    }
}

enum Found {
    Item(Value),
    Nothing,
    Outside(String),
}

/// `of[index]`: an item by number, a member by name.
fn item<'a>(of: &'a Expr, index: &'a Expr, scope: &mut Scope<'a>) -> Result<Found, NoValue> {
    let Some(of) = operand(of, scope)? else { return Ok(Found::Nothing) };
    let Some(index) = operand(index, scope)? else { return Ok(Found::Nothing) };
    if let Some(key) = index.as_text() {
        return Ok(of.as_value().member(key).map_or(Found::Nothing, Found::Item));
    }
    let of = of.as_value();
    let Some(position) = index.as_value().as_number() else {
        return Err(NoValue::because(format!("a {} is no index", index.type_name())));
    };
    if position.fract() != 0.0 || position < 0.0 {
        return Ok(Found::Outside(format!("{position} is no index: the first item is 0")));
    }
    Ok(match (of.item(position as usize), of.as_ref()) {
        (Some(value), _) => Found::Item(value),
        (None, Value::List(_) | Value::Json(_)) => {
            let count = match of.length().unwrap_or(0) {
                0 => "there are no items".to_owned(),
                1 => "there is one item, 0".to_owned(),
                count => format!("there are {count} items, 0 to {}", count - 1),
            };
            Found::Outside(format!("index {position} is out of range: {count}"))
        }
        (None, _) => Found::Outside(format!("a {} has no items", of.type_name())),
    })
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    matches!(operator, Add | Subtract | Multiply | Divide | Remainder)
}

/// Counts a comparison of different types; it is false.
fn mistyped(scope: &Scope<'_>) -> bool {
    scope.thread.recorder.borrow_mut().count(Counter::Mistyped, 1);
    false
}

#[cfg(test)]
mod tests;
