//! Looking for every find, or into another value than the answer.

use std::borrow::Cow;

use regex::Regex;

use super::extract::{self, beyond, is_cut};
use super::{NoValue, Operand, Scope, json, operand};
use crate::plan::Value;
use crate::plan::expr::{Extractor, Find, JsonPath};

/// What `find` finds. `Ok(None)`: nothing, or what it looks into is nothing, or no JSON. Where every find is wanted and
/// there is none, the list is empty.
pub(super) fn find<'a>(find: &'a Find, scope: &mut Scope<'a>) -> Result<Option<Operand<'a>>, NoValue> {
    let Some(of) = &find.of else {
        let Some(answer) = scope.answer else { return Ok(None) };
        if !find.all {
            return extract::extract(&find.extractor, scope);
        }
        // What lies behind the cut would be missing in the list.
        if is_cut(answer) {
            return Err(beyond(answer));
        }
        return Ok(match &find.extractor {
            Extractor::Json(path) => json::find_all(answer.body, path).map(|found| Value::from(found).into()),
            Extractor::Regex(pattern) => Some(every(&String::from_utf8_lossy(answer.body), pattern).into()),
            _ => None,
        });
    };
    let Some(of) = operand(of, scope)? else { return Ok(None) };
    Ok(match &find.extractor {
        Extractor::Json(path) => in_value(&of, path, find.all).map(Operand::from),
        Extractor::Regex(pattern) => {
            let text: Cow<'_, str> = match &of {
                Operand::Text(text) => Cow::Borrowed(text),
                Operand::Value(value) => match value.as_bytes() {
                    Some(bytes) => String::from_utf8_lossy(bytes),
                    None => {
                        let found = value.type_name();
                        return Err(NoValue::because(format!("`regex` looks into a string, and this is a {found}")));
                    }
                },
            };
            match find.all {
                true => Some(every(&text, pattern).into()),
                false => first(&text, pattern).map(|found| Operand::Text(Cow::Owned(found.to_owned()))),
            }
        }
        _ => None,
    })
}

/// Looks into a value: text that holds JSON is read, what is JSON already is walked.
fn in_value(of: &Operand<'_>, path: &JsonPath, all: bool) -> Option<Value> {
    let text = match of {
        Operand::Text(text) => Some(text.as_bytes()),
        Operand::Value(value) => value.as_bytes(),
    };
    match (text, of) {
        (Some(text), _) if all => json::find_all(text, path).map(Value::from),
        (Some(text), _) => json::find(text, path),
        (None, Operand::Value(value)) => {
            let json = match &**value {
                Value::Json(json) => Cow::Borrowed(&**json),
                other => Cow::Owned(other.to_json()),
            };
            match all {
                true => Some(Value::from(json::every(&json, path))),
                false => json::first(&json, path),
            }
        }
        (None, Operand::Text(_)) => None,
    }
}

/// Which group is the value: the first, or the whole match where the pattern has none.
pub(super) fn group(pattern: &Regex) -> usize {
    usize::from(pattern.captures_len() > 1)
}

fn first<'t>(text: &'t str, pattern: &Regex) -> Option<&'t str> {
    Some(pattern.captures(text)?.get(group(pattern))?.as_str())
}

fn every(text: &str, pattern: &Regex) -> Value {
    let group = group(pattern);
    let found = pattern.captures_iter(text).filter_map(|found| Some(Value::from(found.get(group)?.as_str())));
    Value::from(found.collect::<Vec<Value>>())
}
