//! The functions of the language.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{NoValue, Operand, Scope, eval, extract, operand};
use crate::plan::expr::Function;
use crate::plan::value::WHOLE_MAX;
use crate::plan::{Expr, Value};
use crate::run::random::Random;
use crate::run::thread::Thread;

/// Longest text that `random_string` makes: as long as the largest body that is looked into.
pub const RANDOM_STRING_MAX: usize = 1 << 20;

/// How many numbers of `counter()` a thread takes at a time: threads meet at the shared counter once in so many calls.
pub const COUNTER_BLOCK: u64 = 1024;

/// What `function` makes of its arguments; their count and, where known, their types have been checked. `Ok(None)`:
/// an argument found nothing.
pub(super) fn call<'a>(
    function: Function,
    arguments: &'a [Expr],
    scope: &mut Scope<'a>,
) -> Result<Option<Operand<'a>>, NoValue> {
    match function {
        Function::Env => return environment(arguments, scope),
        Function::OneOf => {
            let drawn = scope.random.index(arguments.len() as u64) as usize;
            let chosen = arguments.get(drawn).ok_or_else(|| NoValue::because("there is nothing to choose from"))?;
            return operand(chosen, scope);
        }
        // Counted in the text: the list is not built only to be measured.
        Function::Length if let [Expr::Extract(extractor)] = arguments => {
            if let Some(length) = extract::length(extractor, scope) {
                return Ok(Some(Value::Number(length as f64).into()));
            }
        }
        _ => {}
    }
    let mut values = [const { Value::Null }; 2];
    for (value, argument) in values.iter_mut().zip(arguments) {
        match eval(argument, scope)? {
            Some(found) => *value = found,
            None => return Ok(None),
        }
    }
    let [first, second] = &values;
    let value = match function {
        Function::Length => match first.length() {
            Some(length) => Value::Number(length as f64),
            None => return Err(NoValue::because(format!("a {} has no length", first.type_name()))),
        },
        Function::Number => number(first)?,
        Function::String => Value::from(&*first.text()),
        Function::Uniform => match (first, second) {
            (Value::Duration(low), Value::Duration(high)) => Value::Duration(scope.random.between(*low, *high)),
            _ => Value::Number(scope.random.uniform(numeric(first)?, numeric(second)?)),
        },
        Function::Int => {
            let (low, high) = (whole(first)?, whole(second)?);
            Value::Number(scope.random.int(low, high) as f64)
        }
        Function::Uuid => uuid(scope.random).into(),
        Function::Now => Value::Number(now(scope.thread).as_secs_f64()),
        Function::Counter => Value::Number(counter(scope.thread) as f64),
        Function::RandomString => random_string(scope.random, first)?.into(),
        Function::Env | Function::OneOf => panic!("`{function:?}` evaluates its own arguments, above"),
    };
    Ok(Some(value.into()))
}

/// `env(name, default)`
fn environment<'a>(arguments: &'a [Expr], scope: &mut Scope<'a>) -> Result<Option<Operand<'a>>, NoValue> {
    let Some(name) = arguments.first().map(|name| eval(name, scope)).transpose()?.flatten() else { return Ok(None) };
    if let Some(value) = scope.thread.shared.environment.get(&*name.text()) {
        return Ok(Some(Operand::Text(Cow::Borrowed(value))));
    }
    match arguments.get(1) {
        Some(default) => operand(default, scope),
        None => {
            Err(NoValue::because(format!("the environment variable `{name}` is not set, and `env` has no default")))
        }
    }
}

fn number(value: &Value) -> Result<Value, NoValue> {
    let Some(text) = value.as_text() else {
        return match value.as_number() {
            // One beyond 2⁵³ keeps its digits.
            Some(_) => Ok(value.clone()),
            None => Err(NoValue::because(format!("a {} is no number", value.type_name()))),
        };
    };
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, trimmed),
    };
    let read = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok().map(|number| number as f64),
        Some(_) => None,
        // Rust also reads `inf`, `nan` and a second sign; JSON and people do not write them.
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => digits.parse().ok(),
        None => None,
    };
    match read {
        Some(number) if f64::is_finite(number) => Ok(Value::Number(sign * number)),
        _ => Err(NoValue::because(format!("{} is no number", shortened(text)))),
    }
}

fn numeric(value: &Value) -> Result<f64, NoValue> {
    value.as_number().ok_or_else(|| NoValue::because(format!("a {} is no number", value.type_name())))
}

fn whole(value: &Value) -> Result<i64, NoValue> {
    let number = numeric(value)?;
    if number.fract() != 0.0 || number.abs() > WHOLE_MAX {
        return Err(NoValue::because(format!("`int` draws between whole numbers, and {value} is none up to 2⁵³")));
    }
    Ok(number as i64)
}

/// A random UUID, version 4, out of the user's stream.
fn uuid(random: &mut Random) -> String {
    let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
    // Version 4 and the variant of RFC 9562.
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The wall clock, since 1970: read once when the run starts, and then carried on by the run's own clock, so that it
/// never jumps and can be pretended in tests.
fn now(thread: &Thread) -> Duration {
    thread.shared.started + thread.clock.now().since(crate::base::Offset::ZERO)
}

/// A number that no other call in the run gets; later ones of a thread, and so of a user, are greater.
fn counter(thread: &Thread) -> u64 {
    let (mut next, mut end) = thread.counter.get();
    if next == end {
        next = thread.shared.counter.fetch_add(COUNTER_BLOCK, Ordering::Relaxed);
        end = next + COUNTER_BLOCK;
    }
    thread.counter.set((next + 1, end));
    next
}

fn random_string(random: &mut Random, length: &Value) -> Result<String, NoValue> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let length = numeric(length)?;
    if length < 0.0 || length.fract() != 0.0 || length > RANDOM_STRING_MAX as f64 {
        return Err(NoValue::because(format!(
            "`random_string` makes 0 to {RANDOM_STRING_MAX} characters, not {length}"
        )));
    }
    Ok((0..length as usize).map(|_| LETTERS[random.index(36) as usize] as char).collect())
}

/// A text in quotes, cut where it gets long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
