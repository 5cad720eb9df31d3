//! One array of objects, in the order of places:
//!
//! ```json
//! [{ "rule": "undefined-name", "severity": "error", "message": "…", "file": "a.scn", "line": 3, "column": 7,
//!    "end": { "line": 3, "column": 12 }, "label": "…", "related": [{ "file", "line", "column", "end", "label" }],
//!    "help": "…", "fix": { "file", "line", "column", "end", "replacement" } }]
//! ```
//!
//! Lines and columns count from 1, columns in characters; `end` is one past the last character. `label`, `help` and
//! `fix` are null where there is none; a fix replaces what lies between its place and its end.

use serde_json::{Value, json};

use super::{Place, help_words, severity_word};
use crate::base::{Sources, Span};
use crate::diagnostic::{Diagnostic, Label};

/// `diagnostics` as one JSON array, indented.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let all: Vec<Value> = diagnostics.iter().map(|one| object(one, sources)).collect();
    let mut text = serde_json::to_string_pretty(&all).expect("an array of plain values always has a text");
    text.push('\n');
    text
}

fn object(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut object = json!({
        "rule": diagnostic.rule.name(),
        "severity": severity_word(diagnostic.severity()),
        "message": diagnostic.message,
    });
    merge(&mut object, labelled(&diagnostic.primary, sources));
    merge(
        &mut object,
        json!({
            "related": diagnostic.secondary.iter().map(|label| labelled(label, sources)).collect::<Vec<_>>(),
            "help": help_words(diagnostic, sources),
            "fix": diagnostic.fix.as_ref().map(|fix| {
                let mut edit = place(fix.span, sources);
                merge(&mut edit, json!({ "replacement": fix.replacement }));
                edit
            }),
        }),
    );
    object
}

fn labelled(label: &Label, sources: &Sources) -> Value {
    let mut object = place(label.span, sources);
    merge(&mut object, json!({ "label": (!label.text.is_empty()).then_some(&label.text) }));
    object
}

fn place(span: Span, sources: &Sources) -> Value {
    let Place { file, start, end } = Place::of(span, sources);
    json!({ "file": file, "line": start.0, "column": start.1, "end": { "line": end.0, "column": end.1 } })
}

/// Puts the members of one object behind those of another.
fn merge(object: &mut Value, members: Value) {
    if let (Value::Object(object), Value::Object(members)) = (object, members) {
        object.extend(members);
    }
}
