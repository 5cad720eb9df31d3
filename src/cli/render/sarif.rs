//! SARIF 2.1.0 (OASIS): what code scanning and many editors read.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Place, help_words};
use crate::base::{Sources, Span};
use crate::cli::explain;
use crate::cli::screen::Look;
use crate::diagnostic::{Diagnostic, Rule, Severity};

/// One log with one run; its rules are those that were broken, in the order of the registry.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let rules: Vec<Rule> = diagnostics.iter().map(|one| one.rule).collect::<BTreeSet<_>>().into_iter().collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "scn",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|&rule| description(rule)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": diagnostics.iter().map(|one| result(one, &rules, sources)).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a tree of plain values always has a text");
    text.push('\n');
    text
}

/// How a page is written where nobody knows the screen.
const LOOK: Look = Look { terminal: false, colour: false, width: 100 };

fn description(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": { "text": explain::summary(rule) },
        "help": { "text": explain::page(rule, LOOK), "markdown": rule.page().markdown() },
        "defaultConfiguration": { "level": level(rule.severity()) },
    })
}

fn result(diagnostic: &Diagnostic, rules: &[Rule], sources: &Sources) -> Value {
    let mut message = diagnostic.message.clone();
    if let Some(help) = help_words(diagnostic, sources) {
        message += &format!(" (help: {help})");
    }
    let mut result = json!({
        "ruleId": diagnostic.rule.name(),
        "ruleIndex": rules.binary_search(&diagnostic.rule).expect("the rules are those of these diagnostics"),
        "level": level(diagnostic.severity()),
        "message": { "text": message },
        "locations": [location(diagnostic.primary.span, &diagnostic.primary.text, sources)],
    });
    if !diagnostic.secondary.is_empty() {
        let related = diagnostic.secondary.iter().map(|label| location(label.span, &label.text, sources));
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &diagnostic.fix {
        result["fixes"] = json!([{
            "description": { "text": format!("replace `{}` by `{}`", sources.text(fix.span), fix.replacement) },
            "artifactChanges": [{
                "artifactLocation": artifact(Place::of(fix.span, sources).file),
                "replacements": [{
                    "deletedRegion": region(fix.span, sources),
                    "insertedContent": { "text": fix.replacement },
                }],
            }],
        }]);
    }
    result
}

fn location(span: Span, text: &str, sources: &Sources) -> Value {
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": artifact(Place::of(span, sources).file),
        "region": region(span, sources),
    } });
    if !text.is_empty() {
        location["message"] = json!({ "text": text });
    }
    location
}

fn region(span: Span, sources: &Sources) -> Value {
    let Place { start, end, .. } = Place::of(span, sources);
    json!({ "startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1 })
}

/// A file as a URI reference; a path relative to the working directory stays relative.
fn artifact(name: &str) -> Value {
    const KEPT_OUT: &AsciiSet =
        &CONTROLS.add(b' ').add(b'%').add(b'#').add(b'?').add(b'[').add(b']').add(b'<').add(b'>');
    let uri = utf8_percent_encode(name, KEPT_OUT).to_string();
    json!({ "uri": if name.starts_with('/') { format!("file://{uri}") } else { uri.replacen(':', "%3A", 1) } })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
