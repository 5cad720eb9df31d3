//! Every block of the reference and the tour that is marked `scn` reads and checks without an error.
//!
//! A mark behind it says what the block is a piece of: `scn item` stands at the top level beside a target and a user,
//! `scn user` in a user, `scn task` in a task, `scn step` in an HTTP step, `scn socket` in a `websocket`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use scn::base::{Files, Sources};
use scn::diagnostic::Severity;

/// Mark and text of each block of `page`, and the line that it begins on.
fn blocks(page: &str) -> Vec<(String, String, usize)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String, usize)> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some((_, text, _)), _) => *text += &format!("{line}\n"),
            (None, Some(mark)) => open = Some((mark.to_owned(), String::new(), number + 2)),
            (None, None) => {}
        }
    }
    blocks
}

/// A whole file around a piece.
fn whole(mark: &str, text: &str) -> Option<String> {
    let target = "target \"http://127.0.0.1:8000\"\n";
    let user = |inside: &str| format!("{target}user u {{\n{inside}\n}}\n");
    let task = |inside: &str| user(&format!("task t {{\n{inside}\n}}"));
    Some(match mark.strip_prefix("scn")?.trim() {
        "" => text.to_owned(),
        "item" if text.contains("target") => format!("{text}user u {{ task t {{ GET / }} }}\n"),
        "item" => format!("{text}{}", task("GET /")),
        "user" => user(text),
        "task" => task(text),
        "step" => task(&format!("GET / {{\n{text}\n}}")),
        "socket" => task(&format!("websocket / {{\n{text}\n}}")),
        other => panic!("`scn {other}` is no mark of a block"),
    })
}

/// Files that blocks read.
fn files() -> HashMap<PathBuf, Vec<u8>> {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    HashMap::from([
        file("accounts.csv", "email,password\na@b.test,pw\n"),
        file("steps.csv", "look;/\nbuy;/orders\n"),
        file("cat.png", "not really"),
    ])
}

#[test]
fn every_block_of_the_docs_checks_without_an_error() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&docs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = path.file_name().unwrap().display().to_string();
        for (mark, text, line) in blocks(&std::fs::read_to_string(&path).unwrap()) {
            let Some(whole) = whole(&mark, &text) else { continue };
            seen += 1;
            let mut sources = Sources::default();
            let file = sources.add("block.scn", whole.as_str());
            let parsed = scn::syntax::parse(file, &whole);
            let checked = scn::check::check_with(&parsed.ast, &sources, &files() as &dyn Files);
            let errors: Vec<String> = parsed
                .diagnostics
                .iter()
                .chain(&checked.diagnostics)
                .filter(|one| one.severity() == Severity::Error)
                .map(|one| format!("    {}: {} at `{}`", one.rule.name(), one.message, sources.text(one.primary.span)))
                .collect();
            if !errors.is_empty() {
                wrong.push(format!("the block at docs/{name}:{line}\n{}", errors.join("\n")));
            }
        }
    }
    assert!(seen > 5, "there are blocks");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
