//! What holds for every text, whatever it is: the fuzz targets try it on made-up texts, an ordinary test on the corpus.
#![allow(dead_code)] // each target takes one of them

use std::collections::HashMap;
use std::path::PathBuf;

use scn::base::{FileId, Sources, Span};
use scn::check::check_with;
use scn::diagnostic::Diagnostic;
use scn::syntax::{Parsed, parse as read, parse_whole};

/// There is always a tree, and every place lies in the text, on whole characters.
pub fn parse(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let parsed = read(FileId(0), text);
    let fits = |start: usize, end: usize| assert!(start <= end && text.get(start..end).is_some(), "{start}..{end}");
    diagnostics_fit(&parsed.diagnostics, &|span| fits(span.start as usize, span.end as usize));
    parsed.comments.iter().for_each(|span| fits(span.start as usize, span.end as usize));
    let printed = format!("{:?}", parsed.ast);
    for span in printed.split("Span { file: FileId(0), start: ").skip(1) {
        let (start, end) = span.split_once(", end: ").expect("a span prints as two numbers");
        let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
        fits(number(start).expect("it is a number"), number(end).expect("it is a number"));
    }
}

/// Nothing that was read makes `check` panic, and what it says points into the text.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut sources = Sources::default();
    let file = sources.add("fuzz.scn", text);
    let files = files();
    let parsed = parse_whole(file, &mut sources, &files);
    let checked = check_with(&parsed.ast, &sources, &files);
    let fits = |span: Span| {
        let text = &sources.file(span.file).text;
        assert!(span.start <= span.end && text.get(span.range()).is_some(), "{span:?}");
    };
    diagnostics_fit(&parsed.diagnostics, &fits);
    diagnostics_fit(&checked.diagnostics, &fits);
}

/// What is sound stays the same in all but its layout, and its layout is final.
pub fn fmt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let before = read(FileId(0), text);
    let sound = |parsed: &Parsed| !parsed.diagnostics.iter().any(|d| d.severity() == scn::diagnostic::Severity::Error);
    if !sound(&before) {
        return;
    }
    let out = scn::fmt::format(text, &before);
    let after = read(FileId(0), &out);
    assert!(sound(&after), "not sound any more:\n{out}\n{:?}", after.diagnostics);
    assert!(told(&before) == told(&after), "the tree changed:\n{out}");
    let comments = |parsed: &Parsed, text: &str| -> Vec<String> {
        parsed.comments.iter().map(|span| text[span.range()].trim_end().to_owned()).collect()
    };
    assert_eq!(comments(&before, text), comments(&after, &out), "{out}");
    assert_eq!(scn::fmt::format(&out, &after), out, "the second time is another");
}

/// A tree in words, without places.
fn told(parsed: &Parsed) -> String {
    let printed = format!("{:?}", parsed.ast);
    let mut told = String::with_capacity(printed.len());
    for (index, piece) in printed.split("Span { file: ").enumerate() {
        told += if index == 0 { piece } else { piece.split_once('}').map_or(piece, |(_, rest)| rest) };
    }
    told
}

fn diagnostics_fit(diagnostics: &[Diagnostic], fits: &dyn Fn(Span)) {
    for diagnostic in diagnostics {
        fits(diagnostic.primary.span);
        diagnostic.secondary.iter().for_each(|label| fits(label.span));
        diagnostic.fix.iter().for_each(|fix| fits(fix.span));
    }
}

/// Files that a text may name.
fn files() -> HashMap<PathBuf, Vec<u8>> {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    HashMap::from([
        file("a.csv", "name,password\nada,secret\nbob,\"x, y\"\n"),
        file("a.json", "[{\"name\": \"ada\"}, {\"name\": \"bob\"}]"),
        file("a.ndjson", "{\"name\": \"ada\"}\n{\"name\": \"bob\"}\n"),
        file("a.scn", "let one = 1\ndata rows from [\"a\"]\nflow login(a, b) { GET /a/${a}/${b}; return one }\n"),
        file("b.scn", "use \"b.scn\"\nflow broken( { }\n"),
        file("a.txt", "hello"),
    ])
}
