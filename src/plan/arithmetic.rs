//! What `+ - * / %` and unary `-` make of two values: one home, so that folding before the run and evaluating in it
//! agree.

use std::time::Duration;

use super::Value;
use super::expr::Operator;
use crate::base::{ByteSize, Rate, Share};

/// `left operator right` for an arithmetic operator.
///
/// Errors: why there is no value, in a few words: a division by zero, a result below zero where none can be, types
/// that do not fit.
pub fn arithmetic(left: &Value, operator: Operator, right: &Value) -> Result<Value, String> {
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    use Value::{Duration as Time, Share as Part, Size};

    if let (Some(a), Some(b)) = (left.as_number(), right.as_number()) {
        return Ok(Value::Number(numbers(a, operator, b)?));
    }
    match (left, operator, right) {
        (Time(a), Add | Subtract | Remainder, Time(b)) => seconds(numbers(a.as_secs_f64(), operator, b.as_secs_f64())?),
        (Time(a), Divide, Time(b)) => Ok(Value::Number(numbers(a.as_secs_f64(), Divide, b.as_secs_f64())?)),
        (Time(a), Multiply | Divide, b) if b.as_number().is_some() => {
            seconds(numbers(a.as_secs_f64(), operator, number(b))?)
        }
        (a, Multiply, Time(b)) if a.as_number().is_some() => seconds(number(a) * b.as_secs_f64()),
        (Value::Rate(a), Add | Subtract, Value::Rate(b)) => {
            Ok(Value::Rate(Rate(zero_or_more(numbers(a.0, operator, b.0)?)?)))
        }
        (Value::Rate(a), Divide, Value::Rate(b)) => Ok(Value::Number(numbers(a.0, Divide, b.0)?)),
        (Value::Rate(a), Multiply, Time(b)) | (Time(b), Multiply, Value::Rate(a)) => {
            Ok(Value::Number(finite(a.0 * b.as_secs_f64())?))
        }
        (Value::Rate(a), Multiply | Divide, b) if b.as_number().is_some() => {
            Ok(Value::Rate(Rate(zero_or_more(numbers(a.0, operator, number(b))?)?)))
        }
        (a, Multiply, Value::Rate(b)) if a.as_number().is_some() => {
            Ok(Value::Rate(Rate(zero_or_more(finite(number(a) * b.0)?)?)))
        }
        (Part(a), Add | Subtract | Multiply, Part(b)) => Ok(Part(Share(numbers(a.0, operator, b.0)?))),
        (Part(a), Divide, Part(b)) => Ok(Value::Number(numbers(a.0, Divide, b.0)?)),
        (Part(a), Multiply | Divide, b) if b.as_number().is_some() => {
            Ok(Part(Share(numbers(a.0, operator, number(b))?)))
        }
        (a, Multiply, Part(b)) if a.as_number().is_some() => Ok(Part(Share(finite(number(a) * b.0)?))),
        (Size(a), Add | Subtract | Remainder, Size(b)) => bytes(numbers(a.0 as f64, operator, b.0 as f64)?),
        (Size(a), Divide, Size(b)) => Ok(Value::Number(numbers(a.0 as f64, Divide, b.0 as f64)?)),
        (Size(a), Multiply | Divide, b) if b.as_number().is_some() => bytes(numbers(a.0 as f64, operator, number(b))?),
        (a, Multiply, Size(b)) if a.as_number().is_some() => bytes(number(a) * b.0 as f64),
        _ => Err(format!("a {} and a {} cannot be {}", left.type_name(), right.type_name(), participle(operator))),
    }
}

/// `-value`
///
/// Errors: as [`arithmetic`].
pub fn negate(value: &Value) -> Result<Value, String> {
    match (value, value.as_number()) {
        (_, Some(number)) => Ok(Value::Number(-number)),
        (Value::Share(share), _) => Ok(Value::Share(Share(-share.0))),
        _ => Err(format!("a {} has no negative", value.type_name())),
    }
}

fn numbers(a: f64, operator: Operator, b: f64) -> Result<f64, String> {
    finite(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide | Operator::Remainder if b == 0.0 => return Err("division by zero".into()),
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
        _ => panic!("`{operator:?}` is no arithmetic"),
    })
}

fn number(value: &Value) -> f64 {
    value.as_number().expect("the arm has asked")
}

fn finite(number: f64) -> Result<f64, String> {
    if number.is_finite() { Ok(number) } else { Err("the result is too large for a number".into()) }
}

fn zero_or_more(number: f64) -> Result<f64, String> {
    if number >= 0.0 { Ok(number) } else { Err("the result is below zero".into()) }
}

fn seconds(seconds: f64) -> Result<Value, String> {
    // Rounded to nanoseconds, or 0.1 s + 0.2 s would be 300.000000000000044 ms and equal no literal.
    let nanos = zero_or_more(finite(seconds)?)? * 1e9;
    if nanos >= u64::MAX as f64 {
        return Err("the result is longer than 584 years".into());
    }
    Ok(Value::Duration(Duration::from_nanos(nanos.round() as u64)))
}

fn bytes(bytes: f64) -> Result<Value, String> {
    Ok(Value::Size(ByteSize(zero_or_more(finite(bytes)?)?.round() as u64)))
}

fn participle(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "added",
        Operator::Subtract => "subtracted",
        Operator::Multiply => "multiplied",
        _ => "divided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(left: impl Into<Value>, operator: Operator, right: impl Into<Value>) -> Result<Value, String> {
        arithmetic(&left.into(), operator, &right.into())
    }

    #[test]
    fn numbers_and_units_do_what_they_say() {
        let ms = Duration::from_millis;
        assert_eq!(made(7.0, Operator::Remainder, 4.0), Ok(Value::Number(3.0)));
        assert_eq!(made(ms(100), Operator::Add, ms(200)), Ok(ms(300).into()));
        assert_eq!(made(2.0, Operator::Multiply, ms(200)), Ok(ms(400).into()));
        assert_eq!(made(ms(500), Operator::Divide, ms(200)), Ok(Value::Number(2.5)));
        assert_eq!(made(Value::Rate(Rate(5.0)), Operator::Multiply, ms(2000)), Ok(Value::Number(10.0)));
        assert_eq!(
            made(Value::Size(ByteSize(10)), Operator::Subtract, Value::Size(ByteSize(4))),
            Ok(Value::Size(ByteSize(6)))
        );
    }

    #[test]
    fn what_has_no_value_says_why() {
        assert_eq!(made(1.0, Operator::Divide, 0.0), Err("division by zero".into()));
        assert_eq!(made(1.0, Operator::Add, "x"), Err("a number and a string cannot be added".into()));
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(made(short, Operator::Subtract, long), Err("the result is below zero".into()));
        assert!(made(f64::MAX, Operator::Multiply, 10.0).is_err());
    }
}
