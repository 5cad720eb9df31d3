//! Tests of `check`: golden files with marks, and what a sound scenario means.

use scn::base::Sources;
use scn::check::meaning::{SeriesKind, Subject};
use scn::check::{Checked, check};
use scn::diagnostic::{Diagnostic, Rule};
use scn::syntax::parse;

use crate::marks;

/// What parser and check find in a text, in order of place, and what it means.
fn understand(text: &str) -> (Vec<Diagnostic>, Checked) {
    let mut sources = Sources::default();
    let file = sources.add("golden.scn", text);
    let parsed = parse(file, &sources.file(file).text);
    let checked = check(&parsed.ast, &sources);
    let mut found = parsed.diagnostics;
    found.extend(checked.diagnostics.iter().cloned());
    found.sort_by_key(|diagnostic| diagnostic.primary.span.start);
    (found, checked)
}

#[test]
fn golden_files_say_what_they_are_marked_with() {
    marks::assert_golden("check", |text| understand(text).0);
}

#[test]
fn every_rule_is_shown_by_a_golden_file() {
    // Rules of whole files and of flags have no text that a mark could stand in.
    const WITHOUT_TEXT: &[Rule] =
        &[Rule::NotUtf8, Rule::FileTooLarge, Rule::MixWithoutUser, Rule::MixUndefinedUser, Rule::MixLeavesOut];
    let mut shown: Vec<String> = WITHOUT_TEXT.iter().map(|rule| rule.name().to_owned()).collect();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders = vec![golden];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("golden files can be listed") {
            let path = entry.expect("golden files can be listed").path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("scn" | "yml") => {
                    let text = std::fs::read_to_string(&path).expect("a golden file is UTF-8");
                    shown.extend(marks::marks(&text).into_iter().map(|mark| mark.rule));
                }
                _ => {}
            }
        }
    }
    let missing: Vec<&str> =
        Rule::ALL.iter().map(|rule| rule.name()).filter(|name| !shown.iter().any(|shown| shown == name)).collect();
    assert!(missing.is_empty(), "no golden file shows {missing:?}");
}

#[test]
fn half_a_file_is_understood_without_a_panic() {
    for (_, text) in marks::golden_files("check") {
        let lines: Vec<&str> = text.lines().collect();
        for cut in 0..lines.len() {
            understand(&lines[..cut].join("\n"));
            let without: Vec<&str> =
                lines.iter().enumerate().filter(|(at, _)| *at != cut).map(|(_, line)| *line).collect();
            understand(&without.join("\n"));
        }
    }
}
