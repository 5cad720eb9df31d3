//! The layout, on every scenario of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use scn::base::FileId;
use scn::diagnostic::Severity;
use scn::syntax::{Parsed, parse};

fn scenarios(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "scn") {
                let text = fs::read_to_string(&path).expect("scenarios are text");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "there are no scenarios");
    found
}

/// What was read, when nothing in it is an error.
fn read(text: &str) -> Option<Parsed> {
    let parsed = parse(FileId(0), text);
    parsed.diagnostics.iter().all(|one| one.severity() < Severity::Error).then_some(parsed)
}

fn comments<'t>(parsed: &Parsed, text: &'t str) -> Vec<&'t str> {
    parsed.comments.iter().map(|span| &text[span.range()]).collect()
}

#[test]
fn formatting_changes_nothing_but_the_layout() {
    let mut tried = 0;
    for (path, text) in
        ["scenarios", "examples", "benches/truth", "benches/work", "tests/golden"].into_iter().flat_map(scenarios)
    {
        // As it is, squeezed, and spread: each is another text that means the same.
        for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\n\n\n"), text.replace(" {", "{")] {
            tried += usize::from(keeps_its_promises(&path, &text));
        }
    }
    assert!(tried > 60, "only {tried} texts were tried");
}

/// Wherever a line end, a comment or a `;` may stand, it may.
#[test]
fn no_line_end_and_no_comment_is_in_the_way() {
    let mut tried = 0;
    for (path, text) in scenarios("tests/golden/fmt") {
        for at in (0..text.len()).step_by((text.len() / 40).max(17)).filter(|at| text.is_char_boundary(*at)) {
            for inserted in ["\n", " # why\n", "\n# why\n\n", " ; "] {
                let text = format!("{}{inserted}{}", &text[..at], &text[at..]);
                tried += usize::from(keeps_its_promises(&path, &text));
            }
        }
    }
    assert!(tried > 40, "only {tried} texts were tried");
}

/// Formats a text and compares both; `false` when it has mistakes.
#[track_caller]
fn keeps_its_promises(path: &Path, text: &str) -> bool {
    let span = Regex::new(r"Span \{[^}]*\}").expect("it is a pattern");
    let told = |parsed: &Parsed| span.replace_all(&format!("{:#?}", parsed.ast), "_").into_owned();
    let Some(before) = read(text) else { return false };
    let out = scn::fmt::format(text, &before);
    let after = read(&out).unwrap_or_else(|| panic!("{}: not sound any more:\n{text}\n{out}", path.display()));
    alike(path, "the tree", &told(&before), &told(&after));
    alike(path, "the comments", &comments(&before, text).join("\n"), &comments(&after, &out).join("\n"));
    alike(path, "the second time", &out, &scn::fmt::format(&out, &after));
    true
}

/// Panics with the first lines that differ.
#[track_caller]
fn alike(path: &Path, what: &str, before: &str, after: &str) {
    let differs = before.lines().zip(after.lines()).position(|(a, b)| a != b);
    if before == after {
        return;
    }
    let at = differs.unwrap_or(before.lines().count().min(after.lines().count()));
    let shown = |text: &str| text.lines().skip(at.saturating_sub(6)).take(12).collect::<Vec<_>>().join("\n");
    panic!("{}: {what} changed:\n{}\n── to ──\n{}", path.display(), shown(before), shown(after));
}

#[test]
fn the_scenarios_of_the_repository_are_formatted() {
    for (path, text) in ["scenarios", "examples", "benches/truth", "benches/work"].into_iter().flat_map(scenarios) {
        let parsed = read(&text).expect("our own scenarios are sound");
        assert_eq!(scn::fmt::format(&text, &parsed), text, "{}: run `scn fmt` on it", path.display());
    }
}
