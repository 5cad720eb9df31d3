//! Types and units: what fits together, and the words for what does not.
//!
//! | operator | left, right | gives |
//! | --- | --- | --- |
//! | `+` `-` | two numbers, durations, rates, percentages or sizes | the same |
//! | `*` | a number and any of these, or two percentages | that, percentage |
//! | `*` | a rate and a duration | number |
//! | `/` | any of these and a number | that |
//! | `/` | two of the same | number |
//! | `%` | two numbers, durations or sizes | the same |
//! | unary `-` | number, percentage | the same |
//! | `== !=` | two of the same type; `null` and anything | bool |
//! | `< <= > >=` | two of the same type that has an order: those above and strings | bool |
//! | `contains` | string and string; list and anything | bool |
//! | `starts_with ends_with` | string and string | bool |
//! | `matches` | string and regular expression | bool |
//! | `in` | anything and list | bool |
//! | `and or not` | bools | bool |
//!
//! What is only known at run time (`json`) fits everywhere; with a number it is taken for a number.

use super::constants::Constant;
use super::meaning::{Expr, Operator, Type};
use crate::base::units::duration_text;
use crate::base::{Share, Span};
use crate::diagnostic::{Diagnostic, Rule};

/// Whether nothing is known of it before the run.
pub(super) fn is_open(ty: Type) -> bool {
    matches!(ty, Type::Json | Type::Unknown)
}

/// What a value is that is one thing on one path and another on the other.
pub(super) fn join(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Unknown, _) | (_, Type::Unknown) => Type::Unknown,
        _ if a == b => a,
        _ => Type::Json,
    }
}

/// With its article, as messages say it.
pub(super) fn words(ty: Type) -> &'static str {
    match ty {
        Type::Null => "null",
        Type::Bool => "true or false",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Duration => "a duration",
        Type::Rate => "a rate",
        Type::Share => "a percentage",
        Type::Size => "a size",
        Type::List => "a list",
        Type::Row(_) => "a row",
        Type::Json | Type::Unknown => "JSON",
    }
}

/// What stands under an operator; `None`: these do not fit it.
pub(super) fn binary(left: Type, operator: Operator, right: Type) -> Option<Type> {
    use Operator::{
        Add, And, Contains, Divide, EndsWith, Equal, Greater, GreaterEqual, In, Less, LessEqual, Matches, Multiply,
        NotEqual, Or, Remainder, StartsWith, Subtract,
    };
    use Type::{Bool, Duration, Json, List, Null, Number, Rate, Share, Size, String, Unknown};
    let has_unit = |ty| matches!(ty, Number | Duration | Rate | Share | Size);
    let has_order = |ty| has_unit(ty) || ty == String;
    let fits = |ty, wanted| is_open(ty) || ty == wanted;
    let truth = |yes: bool| yes.then_some(Bool);
    match operator {
        Equal | NotEqual => truth(is_open(left) || is_open(right) || left == right || left == Null || right == Null),
        Less | LessEqual | Greater | GreaterEqual => truth(match (is_open(left), is_open(right)) {
            (true, true) => true,
            (true, false) => has_order(right),
            (false, true) => has_order(left),
            (false, false) => left == right && has_order(left),
        }),
        And | Or => truth(fits(left, Bool) && fits(right, Bool)),
        Contains => truth(match left {
            String => fits(right, String),
            List | Json | Unknown => true,
            _ => false,
        }),
        StartsWith | EndsWith | Matches => truth(fits(left, String) && fits(right, String)),
        In => truth(fits(right, List)),
        Add | Subtract | Multiply | Divide | Remainder => {
            if left == Unknown || right == Unknown {
                return Some(Unknown);
            }
            match (left, right) {
                // Arithmetic on JSON is arithmetic on the number it must turn out to be.
                (Json, Json) => return Some(Number),
                (Json, _) => return binary(Number, operator, right).or_else(|| binary(right, operator, right)),
                (_, Json) => return binary(left, operator, Number).or_else(|| binary(left, operator, left)),
                _ => {}
            }
            if !has_unit(left) || !has_unit(right) {
                return None;
            }
            match operator {
                Add | Subtract if left == right => Some(left),
                Multiply if left == Number => Some(right),
                Multiply if right == Number => Some(left),
                Multiply if left == Share && right == Share => Some(Share),
                Multiply if matches!((left, right), (Rate, Duration) | (Duration, Rate)) => Some(Number),
                Divide if left == right => Some(Number),
                Divide if right == Number => Some(left),
                Remainder if left == right && matches!(left, Number | Duration | Size) => Some(left),
                _ => None,
            }
        }
    }
}

/// The number with the unit that was probably meant, as the language writes it; `None` where none is likely.
///
/// Small numbers of time are seconds, large ones milliseconds, as authors of other tools write them; a share below 1
/// is a part of one, above it percent.
pub(super) fn with_unit(number: f64, wanted: Type) -> Option<String> {
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    let seconds = if number >= 100.0 { number / 1000.0 } else { number };
    Some(match wanted {
        Type::Duration => duration_text(std::time::Duration::try_from_secs_f64(seconds).ok()?),
        Type::Share if number < 1.0 => Share(number).to_string(),
        Type::Share => format!("{number}%"),
        Type::Rate => format!("{number}/s"),
        Type::Size => format!("{number}B"),
        _ => return None,
    })
}

/// `missing-unit`: a bare number stands where `wanted` belongs.
pub(super) fn missing_unit(span: Span, number: Option<f64>, wanted: Type, what: &str) -> Diagnostic {
    let message = format!("{what} is {}, and this number has no unit", words(wanted));
    let diagnostic = Diagnostic::new(Rule::MissingUnit, span, message);
    match number.and_then(|number| with_unit(number, wanted)) {
        Some(text) => diagnostic.help(format!("did you mean `{text}`?")).fix(span, text),
        None => diagnostic.help(format!("give it a unit: {}", example(wanted))),
    }
}

/// `missing-unit`: a bare number beside a value with a unit.
fn bare_number(span: Span, number: f64, operator: Operator, beside: &Expr) -> Diagnostic {
    let message = match operator {
        Operator::Add | Operator::Subtract => "this number has no unit, and is added to or taken from",
        _ => "this number has no unit, and is compared with",
    };
    let diagnostic = Diagnostic::new(Rule::MissingUnit, span, format!("{message} {}", words(beside.ty)))
        .also(beside.span, words(beside.ty));
    match with_unit(number, beside.ty) {
        Some(text) => diagnostic.help(format!("did you mean `{text}`?")).fix(span, text),
        None => diagnostic.help(format!("give it a unit: {}", example(beside.ty))),
    }
}

fn example(wanted: Type) -> &'static str {
    match wanted {
        Type::Duration => "`5s`, `300ms`",
        Type::Rate => "`20/s`",
        Type::Share => "`1%`",
        Type::Size => "`4KiB`",
        _ => "`5s`, `1%`, `20/s`, `4KiB`",
    }
}

/// `type-mismatch` (or `missing-unit`): something else is wanted than what stands there.
///
/// `what` says for what it is wanted: "a timeout".
pub(super) fn mismatch(found: &Expr, constant: Option<&Constant>, wanted: &[Type], what: &str) -> Diagnostic {
    if let (Type::Number, [unit @ (Type::Duration | Type::Rate | Type::Share | Type::Size)]) = (found.ty, wanted) {
        let number = match (&found.kind, constant) {
            (super::meaning::ExprKind::Number(number), _) => Some(*number),
            _ => None,
        };
        return missing_unit(found.span, number, *unit, what);
    }
    let wanted: Vec<&str> = wanted.iter().map(|ty| words(*ty)).collect();
    let said = format!("{what} is {}, and this is {}", list(&wanted, "or"), words(found.ty));
    let diagnostic = Diagnostic::new(Rule::TypeMismatch, found.span, said);
    match (found.ty, constant) {
        (Type::Share, Some(Constant::Share(share))) if wanted == ["a number"] => {
            let text = (share.0 * 100.0).to_string();
            diagnostic.help(format!("did you mean `{text}`?")).fix(found.span, text)
        }
        (Type::Number, _) if wanted == ["a string"] => {
            diagnostic.help("put it in quotes, or make it text with `string(…)`")
        }
        (Type::String, _) if wanted == ["a number"] => diagnostic.help("`number(…)` reads a number from text"),
        _ => diagnostic,
    }
}

/// `type-mismatch` (or `missing-unit`): the two sides of an operator do not fit.
pub(super) fn operands(
    left: &Expr,
    operator: Operator,
    operator_span: Span,
    right: &Expr,
    text: impl Fn(Span) -> String,
) -> Diagnostic {
    use super::meaning::ExprKind::Number;
    let units = [Type::Duration, Type::Rate, Type::Share, Type::Size];
    let symbol = operator.symbol();
    if operator == Operator::In && right.ty == Type::Duration {
        return Diagnostic::new(Rule::TypeMismatch, operator_span, "`in` looks into a list, and this is a duration")
            .also(right.span, words(right.ty))
            .help("a step is given its time with `within`: did you mean `within`?")
            .fix(operator_span, "within");
    }
    match (&left.kind, &right.kind) {
        (_, Number(number)) if units.contains(&left.ty) => {
            return bare_number(right.span, *number, operator, left);
        }
        (Number(number), _) if units.contains(&right.ty) => {
            return bare_number(left.span, *number, operator, right);
        }
        _ => {}
    }
    let whole = left.span.to(right.span);
    if operator == Operator::Add && (left.ty == Type::String || right.ty == Type::String) {
        let joined = join_text(left, &text) + &join_text(right, &text);
        return Diagnostic::new(Rule::TextPlus, operator_span, "`+` adds numbers; it does not join text")
            .also(left.span, words(left.ty))
            .also(right.span, words(right.ty))
            .help(format!("did you mean `\"{joined}\"`?"))
            .fix(whole, format!("\"{joined}\""));
    }
    let said = match operator {
        Operator::Equal | Operator::NotEqual => {
            format!("{} is never equal to {}", words(left.ty), words(right.ty))
        }
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual if left.ty == right.ty => {
            format!("`{symbol}` needs an order, and {} has none", words(left.ty))
        }
        Operator::In => format!("`in` looks into a list, and this is {}", words(right.ty)),
        _ => format!("`{symbol}` does not go with {} and {}", words(left.ty), words(right.ty)),
    };
    let diagnostic = Diagnostic::new(Rule::TypeMismatch, operator_span, said)
        .also(left.span, words(left.ty))
        .also(right.span, words(right.ty));
    match (&left.kind, left.ty, right.ty) {
        (super::meaning::ExprKind::Extract(_), Type::Number, Type::String) => {
            match text(right.span).trim_matches('"').parse::<f64>() {
                Ok(number) => diagnostic.help(format!("did you mean `{number}`?")).fix(right.span, number.to_string()),
                Err(_) => diagnostic,
            }
        }
        (_, Type::Number, Type::String) | (_, Type::String, Type::Number) => {
            diagnostic.help("`number(…)` reads a number from text")
        }
        _ => diagnostic,
    }
}

/// `type-mismatch`: nothing in a list that stands there is of the item's type.
pub(super) fn never_among(item: &Expr, list: &Expr, operator: Span) -> Option<Diagnostic> {
    let super::meaning::ExprKind::List(items) = &list.kind else { return None };
    let fits = |other: &Expr| is_open(other.ty) || other.ty == item.ty || other.ty == Type::Null;
    if items.is_empty() || is_open(item.ty) || item.ty == Type::Null || items.iter().any(fits) {
        return None;
    }
    let (found, first) = (words(item.ty), words(items[0].ty));
    let diagnostic = Diagnostic::new(
        Rule::TypeMismatch,
        operator,
        format!(
            "{found} is never in this list: {}",
            if items.iter().all(|other| other.ty == items[0].ty) {
                format!("each item is {first}")
            } else {
                "no item is one".into()
            }
        ),
    )
    .also(item.span, found)
    .also(list.span, "the list");
    Some(match (item.ty, items[0].ty) {
        (Type::Number, Type::String) => diagnostic.help("leave the quotes out, or read a number with `number(…)`"),
        (Type::String, Type::Number) => diagnostic.help("put the items in quotes, or read a number with `number(…)`"),
        _ => diagnostic,
    })
}

/// What a side of `"a" + b` is inside one string.
fn join_text(side: &Expr, text: &impl Fn(Span) -> String) -> String {
    let written = text(side.span);
    let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match (&side.kind, quoted) {
        (super::meaning::ExprKind::Text(_), Some(inner)) if !written.starts_with("\"\"\"") => inner.to_owned(),
        _ => format!("${{{written}}}"),
    }
}

/// `a, b or c`
pub(super) fn list(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}

/// What is known of a value that `set` changes: the rest of the way may give it any other, so nothing is complained
/// about but what can never be.
pub(super) fn changeable(ty: Type) -> Type {
    match ty {
        Type::Unknown => Type::Unknown,
        _ => Type::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_as_the_table_says() {
        use Operator::{Add, Divide, Equal, Less, Multiply};
        use Type::{Bool, Duration, Json, Null, Number, Rate, String};
        for (left, operator, right, result) in [
            (Number, Add, Number, Some(Number)),
            (Duration, Add, Number, None),
            (String, Add, Number, None),
            (Number, Multiply, Duration, Some(Duration)),
            (Json, Multiply, Duration, Some(Duration)),
            (Duration, Divide, Duration, Some(Number)),
            (Rate, Multiply, Duration, Some(Number)),
            (Json, Add, Number, Some(Number)),
            (Json, Add, Duration, Some(Duration)),
            (Null, Equal, String, Some(Bool)),
            (Number, Equal, String, None),
            (Json, Less, Duration, Some(Bool)),
            (Json, Less, Null, None),
            (Type::Bool, Less, Type::Bool, None),
        ] {
            assert_eq!(binary(left, operator, right), result, "{left:?} {operator:?} {right:?}");
        }
    }

    #[test]
    fn a_number_gets_the_unit_that_was_probably_meant() {
        for (number, wanted, text) in [
            (5.0, Type::Duration, "5s"),
            (0.3, Type::Duration, "300ms"),
            (300.0, Type::Duration, "300ms"),
            (5000.0, Type::Duration, "5s"),
            (0.01, Type::Share, "1%"),
            (5.0, Type::Share, "5%"),
            (50.0, Type::Rate, "50/s"),
            (100.0, Type::Size, "100B"),
        ] {
            assert_eq!(with_unit(number, wanted).as_deref(), Some(text));
        }
    }
}
