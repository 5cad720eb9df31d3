//! Why an expectation does not hold, in words: what stands there, what it is, and what it should have been.
//!
//! The author's own words for an operand come from the text of the part; the values come from looking again.

use std::fmt::Write as _;

use crate::plan::expr::{Extractor, Operator, StatusPattern};
use crate::plan::{Expr, Value};
use crate::run::eval::{self, Answer, Scope};

/// Longest value or message in a note; more is cut, with a mark.
const SHOWN_CHARS_MAX: usize = 200;

/// The condition in the text of a part: without `expect` before it and `else` behind it.
pub(super) fn condition_text(part: &str) -> &str {
    let text = part.split_once(' ').map_or(part, |(_, rest)| rest).trim();
    match split(text, "else") {
        Some((condition, _)) => condition,
        None => text,
    }
}

/// Why `condition`, written as `text`, does not hold.
pub(super) fn unmet<'a>(condition: &'a Expr, text: &str, scope: &mut Scope<'a>) -> String {
    let text = unwrapped(text);
    match condition {
        Expr::StatusIs(patterns) => {
            let status = scope.answer.map_or(0, |answer| answer.status);
            format!("`status` is {status}, expected {}", statuses(patterns))
        }
        Expr::Binary(left, Operator::And, right) => {
            let (left_text, right_text) = split(text, "and").unwrap_or((text, text));
            match eval::holds(left, scope) {
                Ok(true) => unmet(right, right_text, scope),
                _ => unmet(left, left_text, scope),
            }
        }
        Expr::Binary(left, Operator::Or, right) => {
            let (left_text, right_text) = split(text, "or").unwrap_or((text, text));
            format!("{}; and {}", unmet(left, left_text, scope), unmet(right, right_text, scope))
        }
        Expr::Binary(left, operator, right) => {
            let (left_text, right_text) = split(text, operator.symbol()).unwrap_or((text, ""));
            compared(left, left_text, *operator, right, right_text, scope)
        }
        Expr::Matches(of, pattern) => {
            let of_text = split(text, "matches").map_or(text, |(left, _)| left);
            format!("{}, expected it to match /{pattern}/", is(of, of_text, scope))
        }
        Expr::Presence(of, true) => {
            let of_text = text.strip_suffix("exists").unwrap_or(text).trim();
            format!("{}, expected it to exist", is(of, of_text, scope))
        }
        Expr::Presence(of, false) => {
            let of_text = text.strip_suffix("missing").unwrap_or(text).trim();
            format!("{}, expected it to be missing", is(of, of_text, scope))
        }
        Expr::Not(of) => {
            let of_text = text.strip_prefix("not").unwrap_or(text).trim();
            match eval::eval(of, scope) {
                Ok(Some(Value::Bool(true))) => format!("`{}` holds, expected it not to", shortened(of_text)),
                _ => format!("{}, expected false", is(of, of_text, scope)),
            }
        }
        _ => format!("{}, expected true", is(condition, text, scope)),
    }
}

/// The value that a condition which holds was looked at for; `None` where its words say it already.
pub(super) fn held<'a>(condition: &'a Expr, scope: &mut Scope<'a>) -> Option<String> {
    let of = match condition {
        Expr::StatusIs(_) => return scope.answer.map(|answer| answer.status.to_string()),
        Expr::Binary(_, Operator::And | Operator::Or, _) | Expr::Presence(_, false) => return None,
        Expr::Binary(of, _, _) | Expr::Matches(of, _) | Expr::Presence(of, true) => of,
        _ => return None,
    };
    eval::eval(of, scope).ok().flatten().map(|value| shown(&value))
}

/// Why a capture found nothing. `text` is the whole part: `capture id = json $.id`.
pub(super) fn nothing_captured(value: &Expr, text: &str, answer: &Answer<'_>) -> String {
    let sought = text.split_once('=').map_or(text, |(_, rest)| rest).trim();
    format!("`{}` found nothing{}", shortened(sought), why_nothing(value, answer))
}

/// A value as a message shows it: texts in quotes, bounded.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{}\"", shortened(text)),
        other => shortened(&other.text()),
    }
}

/// At most [`SHOWN_CHARS_MAX`] characters of `text`, on one line.
pub(super) fn shortened(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        match c {
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

fn compared<'a>(
    left: &'a Expr,
    left_text: &str,
    operator: Operator,
    right: &'a Expr,
    right_text: &str,
    scope: &mut Scope<'a>,
) -> String {
    let mut text = is(left, left_text, scope);
    let right_value = eval::eval(right, scope);
    let Ok(Some(expected)) = &right_value else {
        let _ = write!(text, ", and {}", is(right, right_text, scope));
        return text;
    };
    let mut wanted = shown(expected);
    // What is written as a literal needs no second naming.
    if !matches!(right, Expr::Literal(_)) && !right_text.is_empty() && right_text != wanted {
        let _ = write!(wanted, " (`{}`)", shortened(right_text));
    }
    let relation = match operator {
        Operator::Equal => "",
        Operator::NotEqual => "anything but ",
        Operator::Less => "less than ",
        Operator::LessEqual => "at most ",
        Operator::Greater => "more than ",
        Operator::GreaterEqual => "at least ",
        Operator::Contains => "it to contain ",
        Operator::StartsWith => "it to start with ",
        Operator::EndsWith => "it to end with ",
        Operator::Matches => "it to match ",
        Operator::In => "it to be in ",
        _ => "",
    };
    if let Ok(Some(actual)) = eval::eval(left, scope)
        && mistyped(&actual, operator, expected)
    {
        let (a, b) = (actual.type_name(), expected.type_name());
        let _ = write!(text, " (a {a}), expected {relation}{wanted} (a {b}): different types never compare");
        return text;
    }
    let _ = write!(text, ", expected {relation}{wanted}");
    text
}

/// Whether the comparison is false because of the types alone.
fn mistyped(left: &Value, operator: Operator, right: &Value) -> bool {
    match operator {
        Operator::Equal | Operator::NotEqual => left.equals(right).is_none(),
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            left.order(right).is_none()
        }
        Operator::StartsWith | Operator::EndsWith | Operator::Matches => left.as_text().is_none(),
        _ => false,
    }
}

/// "`json $.n` is 3", "`json $.n` found nothing".
fn is<'a>(expr: &'a Expr, text: &str, scope: &mut Scope<'a>) -> String {
    let text = shortened(unwrapped(text));
    match eval::eval(expr, scope) {
        Ok(Some(value)) => format!("`{text}` is {}", shown(&value)),
        Ok(None) => {
            let why = scope.answer.map(|answer| why_nothing(expr, answer)).unwrap_or_default();
            format!("`{text}` found nothing{why}")
        }
        Err(error) => format!("`{text}` has no value: {}", error.why),
    }
}

/// What else there is to say where an extractor found nothing: that the body is no JSON at all.
fn why_nothing(expr: &Expr, answer: &Answer<'_>) -> String {
    let of_json = match expr {
        Expr::Extract(Extractor::Json(_)) => true,
        Expr::Call(_, arguments) => matches!(arguments.as_slice(), [Expr::Extract(Extractor::Json(_))]),
        _ => false,
    };
    if !of_json || serde_json::from_slice::<serde::de::IgnoredAny>(answer.body).is_ok() {
        return String::new();
    }
    match answer.body.is_empty() {
        true => ": the body is empty".into(),
        false => format!(": the body is not JSON, it begins with \"{}\"", beginning(answer.body)),
    }
}

fn beginning(body: &[u8]) -> String {
    const BEGINNING_CHARS: usize = 40;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * BEGINNING_CHARS)]);
    let begin: String = text.chars().take(BEGINNING_CHARS).collect();
    shortened(&begin)
}

fn statuses(patterns: &[StatusPattern]) -> String {
    let mut text = String::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let between = match index {
            0 => "",
            _ if index + 1 == patterns.len() => " or ",
            _ => ", ",
        };
        let _ = match pattern {
            StatusPattern::Code(code) => write!(text, "{between}{code}"),
            StatusPattern::Class(class) => write!(text, "{between}{class}xx"),
            StatusPattern::Range(low, high) => write!(text, "{between}{low}..{high}"),
        };
    }
    text
}

/// Without parentheses that enclose all of it.
fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        // `(a) and (b)` is not enclosed: its first parenthesis closes before the end.
        Some(inner) if depths(inner).all(|(_, depth)| depth >= 0) => inner.trim(),
        _ => text,
    }
}

/// What stands left and right of the last `token` outside quotes, patterns and brackets: operators of one strength
/// group to the left, so the last one is the one that was applied last.
fn split<'t>(text: &'t str, token: &str) -> Option<(&'t str, &'t str)> {
    let word = token.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    let places: Vec<usize> = depths(text).filter(|(_, depth)| *depth == 0).map(|(at, _)| at).collect();
    let fits = |at: usize| {
        let (before, behind) = (&text[..at], &text[at + token.len()..]);
        let edge = |c: Option<char>| match word {
            true => !c.is_some_and(|c| c.is_alphanumeric() || "_.$-".contains(c)),
            false => !c.is_some_and(|c| "=<>!".contains(c)),
        };
        edge(before.chars().next_back()) && edge(behind.chars().next())
    };
    let at = places.into_iter().rfind(|&at| text[at..].starts_with(token) && fits(at))?;
    Some((text[..at].trim(), text[at + token.len()..].trim()))
}

/// Each character that stands outside quotes, with how deep in brackets it stands; closing ones count as outside.
fn depths(text: &str) -> impl Iterator<Item = (usize, i32)> {
    let (mut depth, mut quote, mut escaped) = (0, None, false);
    text.char_indices().filter_map(move |(at, c)| {
        if let Some(open) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == open => quote = None,
                _ => {}
            }
            return None;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        Some((at, depth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_is_what_stands_between_expect_and_else() {
        assert_eq!(condition_text("expect status 200"), "status 200");
        assert_eq!(condition_text(r#"expect json $.a == "else" else "why not""#), r#"json $.a == "else""#);
    }

    #[test]
    fn operators_inside_quotes_brackets_and_longer_ones_do_not_split() {
        assert_eq!(split(r#"json $.a == "b == c""#, "=="), Some(("json $.a", r#""b == c""#)));
        assert_eq!(split("json $[?(@.p < 10)].id < 3", "<"), Some(("json $[?(@.p < 10)].id", "3")));
        assert_eq!(split("time <= 3s", "<"), None);
        assert_eq!(split("json $.in in names", "in"), Some(("json $.in", "names")));
        assert_eq!(split("a and b and c", "and"), Some(("a and b", "c")));
        assert_eq!(split("band", "and"), None);
    }

    #[test]
    fn only_parentheses_around_everything_are_taken_off() {
        assert_eq!(unwrapped("(a == 1)"), "a == 1");
        assert_eq!(unwrapped("(a) and (b)"), "(a) and (b)");
        assert_eq!(unwrapped("length(x)"), "length(x)");
    }

    #[test]
    fn long_values_are_cut_and_control_characters_shown() {
        let long = shown(&Value::from("x".repeat(1000)));
        assert_eq!(long.chars().count(), SHOWN_CHARS_MAX + 3);
        assert!(long.ends_with("…\""));
        assert_eq!(shown(&Value::from("a\nb")), r#""a\nb""#);
    }
}
