//! Values that are known before the run: literals, arithmetic on them, and the run's `let`s that hold such.

use std::time::Duration;

use super::checker::Checker;
use super::meaning::{Expr, ExprKind, Operator, Piece};
use crate::base::{ByteSize, Rate, Share};

/// A value that is known before the run.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Duration(Duration),
    Rate(Rate),
    Share(Share),
    Size(ByteSize),
}

impl Checker<'_> {
    /// The value of `expr`, if it is known before the run.
    pub fn constant(&self, expr: &Expr) -> Option<Constant> {
        Some(match &expr.kind {
            ExprKind::Null => Constant::Null,
            ExprKind::Bool(truth) => Constant::Bool(*truth),
            ExprKind::Number(number) => Constant::Number(*number),
            ExprKind::Duration(duration) => Constant::Duration(*duration),
            ExprKind::Rate(rate) => Constant::Rate(*rate),
            ExprKind::Share(share) => Constant::Share(*share),
            ExprKind::Size(size) => Constant::Size(*size),
            ExprKind::Text(template) => {
                let mut text = String::new();
                for piece in &template.pieces {
                    match piece {
                        Piece::Literal(literal) => text += literal,
                        Piece::Value(_) => return None,
                    }
                }
                Constant::Text(text)
            }
            ExprKind::Variable(variable) => self.constants.get(variable)?.clone(),
            ExprKind::Not(value) => match self.constant(value)? {
                Constant::Bool(truth) => Constant::Bool(!truth),
                _ => return None,
            },
            ExprKind::Negate(value) => match self.constant(value)? {
                Constant::Number(number) => Constant::Number(-number),
                Constant::Share(share) => Constant::Share(Share(-share.0)),
                _ => return None,
            },
            ExprKind::Binary(left, operator, right) => {
                binary(&self.constant(left)?, *operator, &self.constant(right)?)?
            }
            _ => return None,
        })
    }
}

/// `left operator right`; `None` where the types do not fit or there is no value.
fn binary(left: &Constant, operator: Operator, right: &Constant) -> Option<Constant> {
    use Constant::{Bool, Number};
    match operator {
        Operator::And | Operator::Or => {
            let (Bool(a), Bool(b)) = (left, right) else { return None };
            return Some(Bool(if operator == Operator::And { *a && *b } else { *a || *b }));
        }
        Operator::Equal => return Some(Bool(left == right)),
        Operator::NotEqual => return Some(Bool(left != right)),
        _ => {}
    }
    if let (Constant::Text(a), Constant::Text(b)) = (left, right) {
        return Some(Bool(match operator {
            Operator::Less => a < b,
            Operator::LessEqual => a <= b,
            Operator::Greater => a > b,
            Operator::GreaterEqual => a >= b,
            Operator::Contains => a.contains(b.as_str()),
            Operator::StartsWith => a.starts_with(b.as_str()),
            Operator::EndsWith => a.ends_with(b.as_str()),
            _ => return None,
        }));
    }
    let ((a, unit), (b, other)) = (magnitude(left)?, magnitude(right)?);
    let same = unit == other;
    let unit = match operator {
        Operator::Less if same => return Some(Bool(a < b)),
        Operator::LessEqual if same => return Some(Bool(a <= b)),
        Operator::Greater if same => return Some(Bool(a > b)),
        Operator::GreaterEqual if same => return Some(Bool(a >= b)),
        Operator::Add | Operator::Subtract if same => unit,
        Operator::Remainder if same => unit,
        Operator::Divide if same => Unit::None,
        Operator::Multiply | Operator::Divide if other == Unit::None => unit,
        Operator::Multiply if unit == Unit::None => other,
        _ => return None,
    };
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b != 0.0 => a / b,
        Operator::Remainder if b != 0.0 => a % b,
        _ => return None,
    };
    if !value.is_finite() || (value < 0.0 && unit != Unit::None && unit != Unit::Share) {
        return None;
    }
    Some(match unit {
        Unit::None => Number(value),
        Unit::Seconds => Constant::Duration(Duration::try_from_secs_f64(value).ok()?),
        Unit::PerSecond => Constant::Rate(Rate(value)),
        Unit::Share => Constant::Share(Share(value)),
        Unit::Bytes => Constant::Size(ByteSize(value as u64)),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    None,
    Seconds,
    PerSecond,
    Share,
    Bytes,
}

fn magnitude(constant: &Constant) -> Option<(f64, Unit)> {
    Some(match constant {
        Constant::Number(number) => (*number, Unit::None),
        Constant::Duration(duration) => (duration.as_secs_f64(), Unit::Seconds),
        Constant::Rate(rate) => (rate.0, Unit::PerSecond),
        Constant::Share(share) => (share.0, Unit::Share),
        Constant::Size(size) => (size.0 as f64, Unit::Bytes),
        Constant::Null | Constant::Bool(_) | Constant::Text(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_go_through_arithmetic() {
        let second = Constant::Duration(Duration::from_secs(1));
        let two = Constant::Number(2.0);
        assert_eq!(binary(&second, Operator::Multiply, &two), Some(Constant::Duration(Duration::from_secs(2))));
        assert_eq!(binary(&two, Operator::Multiply, &second), Some(Constant::Duration(Duration::from_secs(2))));
        assert_eq!(binary(&second, Operator::Divide, &second), Some(Constant::Number(1.0)));
        assert_eq!(binary(&second, Operator::Add, &two), None);
        assert_eq!(binary(&two, Operator::Divide, &Constant::Number(0.0)), None);
        assert_eq!(binary(&second, Operator::Less, &second), Some(Constant::Bool(false)));
    }
}
