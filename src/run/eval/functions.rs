//! The functions of the language.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{NoValue, Operand, Scope, eval, extract, operand};
use crate::base::date::date_text;
use crate::plan::expr::{Extractor, Function};
use crate::plan::value::WHOLE_MAX;
use crate::plan::{Expr, Value, functions};
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
        Function::Pick if let [Expr::Rows(data)] = arguments => {
            let data = &scope.thread.plan.data[data.0 as usize];
            let drawn = scope.random.index(u64::from(data.row_count())) as u32;
            return Ok(Some(data.row(drawn, &scope.thread.constants).into()));
        }
        Function::Length if let [Expr::Rows(data)] = arguments => {
            let count = scope.thread.plan.data[data.0 as usize].row_count();
            return Ok(Some(Value::Number(f64::from(count)).into()));
        }
        // A body that is too long to keep is digested as it comes.
        Function::Sha256 if let [Expr::Extract(Extractor::Body), encoding @ ..] = arguments => {
            if let Some(digest) = scope.answer.and_then(|answer| answer.digest) {
                let encoding = match encoding.first() {
                    Some(encoding) => eval(encoding, scope)?,
                    None => None,
                };
                let text = functions::encoded(digest, encoding.as_ref()).map_err(NoValue::because)?;
                return Ok(Some(text.into()));
            }
        }
        // Counted in the text: the list is not built only to be measured.
        Function::Length if let [Expr::Extract(extractor)] = arguments => {
            if let Some(length) = extract::length(extractor, scope) {
                return Ok(Some(Value::Number(length as f64).into()));
            }
        }
        _ => {}
    }
    if arguments.len() > ARGUMENTS_USUAL {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match eval(argument, scope)? {
                Some(found) => values.push(found),
                None => return Ok(None),
            }
        }
        return value(function, &values, scope);
    }
    let mut values = [const { Value::Null }; ARGUMENTS_USUAL];
    for (value, argument) in values.iter_mut().zip(arguments) {
        match eval(argument, scope)? {
            Some(found) => *value = found,
            None => return Ok(None),
        }
    }
    value(function, &values[..arguments.len()], scope)
}

/// So many arguments need no memory of their own; only `min` and `max` may have more.
const ARGUMENTS_USUAL: usize = 3;

fn value<'a>(function: Function, arguments: &[Value], scope: &mut Scope<'a>) -> Result<Option<Operand<'a>>, NoValue> {
    let of = |index: usize| arguments.get(index).unwrap_or(&Value::Null);
    let value = match function {
        Function::Uniform => match (of(0), of(1)) {
            (Value::Duration(low), Value::Duration(high)) => Value::Duration(scope.random.between(*low, *high)),
            (low, high) => Value::Number(scope.random.uniform(numeric(low)?, numeric(high)?)),
        },
        Function::Int => {
            let (low, high) = (whole(of(0))?, whole(of(1))?);
            Value::Number(scope.random.int(low, high) as f64)
        }
        Function::Pick => pick(scope.random, of(0))?,
        Function::Uuid => uuid(scope.random).into(),
        Function::Now => Value::Number(now(scope.thread).as_secs_f64()),
        Function::Date => {
            let moment = match arguments.get(1) {
                Some(seconds) => numeric(seconds)?,
                None => now(scope.thread).as_secs_f64(),
            };
            let format = of(0).text();
            date_text(&format, moment).map_err(NoValue::because)?.into()
        }
        Function::Counter => Value::Number(counter(scope.thread) as f64),
        Function::RandomString => random_string(scope.random, of(0))?.into(),
        Function::Env | Function::OneOf | Function::Secret | Function::File => {
            panic!("`{function:?}` has been taken care of before")
        }
        steady => return Ok(functions::call(steady, arguments).map_err(NoValue::because)?.map(Operand::from)),
    };
    Ok(Some(value.into()))
}

/// `pick(list)`
fn pick(random: &mut Random, list: &Value) -> Result<Value, NoValue> {
    let Some(length) = list.items_count() else {
        return Err(NoValue::because(format!("`pick` draws from a list, and this is a {}", list.type_name())));
    };
    let drawn = random.index(length as u64) as usize;
    list.item(drawn).ok_or_else(|| NoValue::because("`pick` of an empty list"))
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
