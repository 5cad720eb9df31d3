//! Looking into an answer.

use std::borrow::Cow;

use regex::Regex;

use super::{Answer, NoValue, Operand, Scope, json};
use crate::base::{ByteSize, Offset};
use crate::metrics::ErrorKind;
use crate::plan::Value;
use crate::plan::expr::Extractor;

/// What `extractor` finds in the scope's answer. `Ok(None)`: nothing, also where there is no answer.
pub(super) fn extract<'a>(extractor: &'a Extractor, scope: &mut Scope<'a>) -> Result<Option<Operand<'a>>, NoValue> {
    let Some(answer) = scope.answer else { return Ok(None) };
    Ok(match extractor {
        Extractor::Status => (answer.status != 0).then(|| Value::Number(f64::from(answer.status)).into()),
        Extractor::Header(name) => header(answer, name).map(Operand::Text),
        Extractor::Cookie(name) => {
            cookie(answer, name, scope.thread.clock.now()).map(|value| Operand::Text(Cow::Owned(value)))
        }
        Extractor::Body if is_cut(answer) => return Err(beyond(answer)),
        Extractor::Body => Some(Operand::Text(String::from_utf8_lossy(answer.body))),
        Extractor::Json(path) => or_beyond(answer, json::find(answer.body, path))?.map(Operand::from),
        Extractor::Regex(pattern) => or_beyond(answer, first_group(answer, pattern))?.map(Operand::Text),
        Extractor::Size => Some(Value::Size(ByteSize(answer.size)).into()),
        Extractor::Url => Some(Operand::Text(Cow::Borrowed(answer.url))),
        Extractor::Time => Some(Value::Duration(answer.time).into()),
        Extractor::Event => answer.event.map(|event| Operand::Text(Cow::Borrowed(event))),
    })
}

/// Whether `extractor` finds anything.
pub(super) fn is_present<'a>(extractor: &'a Extractor, scope: &mut Scope<'a>) -> Result<bool, NoValue> {
    match (extractor, scope.answer) {
        (Extractor::Json(path), Some(answer)) => {
            Ok(or_beyond(answer, json::exists(answer.body, path).then_some(()))?.is_some())
        }
        // Whether there is a body at all can be said without the rest of it.
        (Extractor::Body, Some(answer)) => Ok(answer.size > 0),
        _ => Ok(extract(extractor, scope)?.is_some()),
    }
}

/// How many characters, items or members the value has that `extractor` finds, where that can be told without making
/// the value: `None` where not.
pub(super) fn length(extractor: &Extractor, scope: &Scope<'_>) -> Option<usize> {
    match extractor {
        Extractor::Json(path) => json::length(scope.answer?.body, path),
        _ => None,
    }
}

pub(super) fn is_cut(answer: &Answer<'_>) -> bool {
    answer.size > answer.body.len() as u64
}

pub(super) fn beyond(answer: &Answer<'_>) -> NoValue {
    let kept = ByteSize(answer.body.len() as u64);
    let why = format!("the body has {} bytes, of which the first {kept} are kept for looking into", answer.size);
    NoValue { kind: ErrorKind::BodyTooLarge, why }
}

/// What was not found in a body that was cut off may lie behind the cut: then there is no telling.
fn or_beyond<T>(answer: &Answer<'_>, found: Option<T>) -> Result<Option<T>, NoValue> {
    match found {
        None if is_cut(answer) => Err(beyond(answer)),
        found => Ok(found),
    }
}

/// All values of a header as one, as HTTP lets them be joined.
fn header<'a>(answer: &'a Answer<'a>, name: &str) -> Option<Cow<'a, str>> {
    let mut values = answer.headers?.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}"))))
}

/// The value that this answer sets the cookie to, the last one as in a browser's jar; else the one that the user keeps
/// for its URL.
fn cookie(answer: &Answer<'_>, name: &str, now: Offset) -> Option<String> {
    let set = answer.headers?.get_all(http::header::SET_COOKIE).iter().rev().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let (key, value) = text.split(';').next()?.split_once('=')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    set.or_else(|| answer.session?.cookie(now, answer.url, name))
}

/// The first group, or the whole match where the pattern has none.
fn first_group<'a>(answer: &'a Answer<'a>, pattern: &Regex) -> Option<Cow<'a, str>> {
    let group = if pattern.captures_len() > 1 { 1 } else { 0 };
    match String::from_utf8_lossy(answer.body) {
        Cow::Borrowed(text) => Some(Cow::Borrowed(pattern.captures(text)?.get(group)?.as_str())),
        Cow::Owned(text) => Some(Cow::Owned(pattern.captures(&text)?.get(group)?.as_str().to_owned())),
    }
}
