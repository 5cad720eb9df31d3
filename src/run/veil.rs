//! Secrets in texts: `***` stands wherever one would.
//!
//! Every text that leaves the engine goes through [`Veil::hide`]: notes of failures, what a listener shows, errors. It
//! knows the run's secret constants, the secret values of the user that the text is about, and what functions have
//! lately made of secrets (a digest, Base64), each also as it stands in a URL and in JSON.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};

use crate::plan::Value;

/// What is shown instead.
pub const HIDDEN: &str = "***";

/// Shorter secrets are not looked for: they would hide half of every text, and nobody is kept out by three characters.
pub const SECRET_CHARS_MIN: usize = 4;

/// How many values that functions made of secrets a load thread remembers. A text about one of them is written within
/// the same step, so thousands of users in flight are covered.
const RECENT_MAX: usize = 4096;

/// What a load thread knows of secrets.
#[derive(Debug, Default)]
pub struct Veil {
    known: Vec<String>,
    recent: RefCell<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    texts: HashSet<String>,
    order: VecDeque<String>,
}

impl Veil {
    /// Hides these values for the whole run.
    pub fn of<'v>(secrets: impl Iterator<Item = &'v Value>) -> Veil {
        let mut known = Vec::new();
        secrets.for_each(|secret| texts_of(secret, &mut known));
        Veil { known, recent: RefCell::default() }
    }

    /// Hides `text`, too, which a function has made of a secret.
    pub fn made(&self, text: &str) {
        let recent = &mut *self.recent.borrow_mut();
        if recent.texts.contains(text) {
            return;
        }
        if recent.order.len() == RECENT_MAX
            && let Some(oldest) = recent.order.pop_front()
        {
            recent.texts.remove(&oldest);
        }
        recent.texts.insert(text.to_owned());
        recent.order.push_back(text.to_owned());
    }

    /// What was made so far is hidden for the whole run.
    pub fn settle(&mut self) {
        let recent = std::mem::take(self.recent.get_mut());
        self.known.extend(recent.order);
    }

    /// `text` without the secrets of the run, and without `own`, the secret values of whom it is about.
    pub fn hide<'t, 'v>(&self, text: &'t str, own: impl Iterator<Item = &'v Value>) -> Cow<'t, str> {
        let mut secrets = Vec::new();
        own.for_each(|secret| texts_of(secret, &mut secrets));
        let recent = self.recent.borrow();
        let all = self.known.iter().chain(&recent.order).chain(&secrets);
        let mut forms: Vec<Cow<'_, str>> = all.flat_map(|secret| forms(secret)).collect();
        forms.retain(|form| form.chars().count() >= SECRET_CHARS_MIN);
        if forms.is_empty() {
            return Cow::Borrowed(text);
        }
        // The longer first: one may stand in another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut hidden = Cow::Borrowed(text);
        for form in &forms {
            if hidden.contains(&**form) {
                hidden = Cow::Owned(hidden.replace(&**form, HIDDEN));
            }
            if let Some(cut) = without_cut_off(&hidden, form) {
                hidden = Cow::Owned(cut);
            }
        }
        hidden
    }
}

/// `text` without the beginning of `secret` before a `…`: a text is cut where it gets long, also in a secret.
fn without_cut_off(text: &str, secret: &str) -> Option<String> {
    let mut found = None;
    for (at, _) in text.match_indices('…') {
        let begins = |(length, _): &(usize, char)| text[..at].ends_with(&secret[..*length]);
        let long_enough = secret.char_indices().skip(SECRET_CHARS_MIN).filter(begins).last();
        if let Some((length, _)) = long_enough {
            found = Some((at - length, at));
            break;
        }
    }
    let (from, to) = found?;
    let rest = &text[to..];
    let rest = without_cut_off(&rest['…'.len_utf8()..], secret).map_or(rest.to_owned(), |rest| format!("…{rest}"));
    Some(format!("{}{HIDDEN}{rest}", &text[..from]))
}

/// The texts in a value: its own, or those in a list or object.
fn texts_of(value: &Value, to: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::List(items) => items.iter().for_each(|item| texts_of(item, to)),
        Value::Json(json) => texts_in(json, to),
        Value::Row(row) => texts_in(&row.to_json(), to),
        other => to.push(other.text().into_owned()),
    }
}

fn texts_in(json: &serde_json::Value, to: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => to.push(text.clone()),
        serde_json::Value::Number(number) => to.push(number.to_string()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts_in(item, to)),
        serde_json::Value::Object(members) => members.values().for_each(|member| texts_in(member, to)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// A secret as it may stand in a text: as it is, in a URL, in a form, in JSON, with its control characters shown.
fn forms(secret: &str) -> Vec<Cow<'_, str>> {
    let mut forms = vec![Cow::Borrowed(secret)];
    if secret.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~".contains(&c)) {
        return forms;
    }
    let in_json = serde_json::Value::from(secret).to_string();
    let others = [
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string(),
        percent_encoding::utf8_percent_encode(secret, UNRESERVED).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        in_json[1..in_json.len() - 1].to_owned(),
        secret.escape_default().to_string(),
        secret.escape_debug().to_string(),
    ];
    for other in others {
        if !forms.iter().any(|form| *form == other) {
            forms.push(Cow::Owned(other));
        }
    }
    forms
}

/// What `url_encode` leaves as it is.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden(secrets: &[Value], text: &str) -> String {
        Veil::of(secrets.iter()).hide(text, std::iter::empty()).into_owned()
    }

    #[test]
    fn a_secret_is_hidden_wherever_and_however_it_stands() {
        let secret = [Value::from("p&ss \"wörd\"")];
        for (text, shown) in [
            ("answered p&ss \"wörd\", twice p&ss \"wörd\"", "answered ***, twice ***"),
            ("GET /?q=p%26ss%20%22w%C3%B6rd%22", "GET /?q=***"),
            ("q=p%26ss+%22w%C3%B6rd%22&x", "q=***&x"),
            (r#"{"password":"p&ss \"wörd\""}"#, r#"{"password":"***"}"#),
            ("nothing to hide", "nothing to hide"),
            ("cut: \"p&ss \"w…\"", "cut: \"***…\""),
        ] {
            assert_eq!(hidden(&secret, text), shown);
        }
    }

    #[test]
    fn what_is_in_a_secret_object_is_hidden_and_short_texts_are_not() {
        let token = Value::from_json(json!({"token": "abcdef", "parts": ["ghij", 12345], "ok": true, "no": "abc"}));
        assert_eq!(hidden(&[token], "abcdef ghij 12345 true abc"), "*** *** *** true abc");
        assert_eq!(hidden(&[Value::from("a")], "a cat"), "a cat");
    }

    #[test]
    fn the_longer_secret_goes_first_and_whose_it_is_does_not_matter() {
        let veil = Veil::of([Value::from("secret")].iter());
        veil.made("secret-digest");
        let own = [Value::from("mine-own")];
        assert_eq!(veil.hide("secret-digest, secret, mine-own", own.iter()), "***, ***, ***");
        assert_eq!(veil.hide("mine-own", std::iter::empty()), "mine-own");
    }

    #[test]
    fn what_was_made_long_ago_is_forgotten_unless_it_was_made_at_the_start() {
        let mut veil = Veil::default();
        veil.made("made-first");
        veil.settle();
        for number in 0..=RECENT_MAX {
            veil.made(&format!("made-{number:05}"));
        }
        let shown = veil.hide("made-first made-00000 made-00001", std::iter::empty()).into_owned();
        assert_eq!(shown, "*** made-00000 ***");
    }
}
