//! Marks: what is wrong in a golden file, and where, written by hand under the line.
//!
//! ```text
//!   GET /x { expct status 200 }
//!   #        ^^^^^ syntax "did you mean `expect`"
//! ```
//!
//! A mark is a comment line that holds nothing but marks, each a run of `^` under the marked characters and the rule's
//! name behind it; words in quotes must occur in the message, a label, the help or the fix. It speaks of the nearest
//! line above that is not itself a line of marks. `#^^^` begins under the `#`, `#<` is the one character under it. A span
//! over several lines is marked on its first line; an empty span is marked with one `^`, past the line's end too.
//! Marks and diagnostics are compared both ways: every mark is met, every diagnostic is marked.
#![allow(dead_code)] // each room takes from here what it needs

use std::fs;
use std::path::{Path, PathBuf};

use scn::base::SourceFile;
use scn::diagnostic::Diagnostic;

/// One mark: where it points and what must be found there.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// From 1.
    pub line: usize,
    /// First marked column, from 1, in characters.
    pub column: usize,
    /// How many characters are marked, at least 1.
    pub width: usize,
    /// The rule's name.
    pub rule: String,
    /// Words that must occur in what the diagnostic says; empty when nothing is asked.
    pub words: String,
}

/// Every mark of a file, in order.
pub fn marks(text: &str) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut marked_line = 0;
    for (index, line) in text.lines().enumerate() {
        match marks_of_line(line) {
            Some(marks) => {
                found.extend(marks.into_iter().map(|mark| Mark { line: marked_line, ..mark }));
            }
            None => marked_line = index + 1,
        }
    }
    found
}

/// The marks of a line of marks; `None` for any other line.
fn marks_of_line(line: &str) -> Option<Vec<Mark>> {
    let chars: Vec<char> = line.chars().collect();
    let hash = chars.iter().position(|c| !c.is_whitespace())?;
    if chars[hash] != '#' {
        return None;
    }
    let mut at = hash + 1;
    let mut marks = Vec::new();
    let mut start = match chars.get(at)? {
        '<' => {
            at += 1;
            Some(hash)
        }
        '^' => Some(hash),
        _ => None,
    };
    loop {
        if start.is_none() {
            while chars.get(at).is_some_and(|c| c.is_whitespace()) {
                at += 1;
            }
        }
        let first = start.take().unwrap_or(at);
        let carets_from = at;
        while chars.get(at) == Some(&'^') {
            at += 1;
        }
        if at == carets_from && first == at {
            // Not a caret: the end of the line, or a comment that is no line of marks.
            return (at == chars.len() && !marks.is_empty()).then_some(marks);
        }
        let width = (at - carets_from + usize::from(first + 1 == carets_from)).max(1);
        let skip_blanks = |at: &mut usize| {
            while chars.get(*at) == Some(&' ') {
                *at += 1;
            }
        };
        skip_blanks(&mut at);
        let rule: String = chars[at..].iter().take_while(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')).collect();
        if rule.is_empty() {
            return None;
        }
        at += rule.len();
        skip_blanks(&mut at);
        let mut words = String::new();
        if chars.get(at) == Some(&'"') {
            let rest: String = chars[at + 1..].iter().collect();
            let end = rest.rfind('"').unwrap_or_else(|| panic!("the words of a mark are not closed: {line}"));
            words = rest[..end].to_owned();
            at += 2 + words.chars().count();
        }
        marks.push(Mark { line: 0, column: first + 1, width, rule, words });
    }
}

/// Compares what was found in `text` with its marks, both ways. `Err` says what is missing and what is too much.
pub fn compare(text: &str, diagnostics: &[Diagnostic]) -> Result<(), String> {
    let file = SourceFile::new("golden", text);
    let mut unmet = marks(text);
    let mut complaints = String::new();
    for diagnostic in diagnostics {
        let found = as_mark(&file, diagnostic);
        let met = unmet.iter().position(|mark| {
            (mark.line, mark.column, mark.width, &mark.rule) == (found.line, found.column, found.width, &found.rule)
                && says(diagnostic, &mark.words)
        });
        match met {
            Some(index) => drop(unmet.remove(index)),
            None => {
                complaints += &format!(
                    "found, not marked:\n{}\n    {diagnostic:?}\n",
                    drawn(&file, &Mark { words: diagnostic.message.clone(), ..found })
                );
            }
        }
    }
    for mark in &unmet {
        complaints += &format!("marked, not found:\n{}\n", drawn(&file, mark));
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// The mark that would be written for a diagnostic.
fn as_mark(file: &SourceFile, diagnostic: &Diagnostic) -> Mark {
    let span = diagnostic.primary.span;
    let (line, column) = file.line_column(span.start);
    let (end_line, end_column) = file.line_column(span.end);
    let width = match end_line == line {
        true => end_column - column,
        false => (file.line(line).chars().count() + 1).saturating_sub(column),
    };
    Mark { line, column, width: width.max(1), rule: diagnostic.rule.name().into(), words: String::new() }
}

/// Whether `words` occur in anything the diagnostic says.
fn says(diagnostic: &Diagnostic, words: &str) -> bool {
    let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).map(|label| &label.text);
    let rest = diagnostic.help.iter().chain(diagnostic.fix.iter().map(|fix| &fix.replacement));
    std::iter::once(&diagnostic.message).chain(labels).chain(rest).any(|text| text.contains(words))
}

/// The marked line with the mark under it, as a golden file would have it.
fn drawn(file: &SourceFile, mark: &Mark) -> String {
    let words = if mark.words.is_empty() { String::new() } else { format!(" \"{}\"", mark.words) };
    let line = file.line(mark.line.max(1));
    let under = " ".repeat(mark.column - 1) + &"^".repeat(mark.width);
    format!("{:>5} | {line}\n      | {under} {}{words}", mark.line, mark.rule)
}

/// The `.scn` files of a folder under `tests/golden`, with their texts, sorted by name. Panics when there are none.
pub fn golden_files(room: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(room);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "scn"));
    files.sort();
    assert!(!files.is_empty(), "no golden files in {}", folder.display());
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a golden file is UTF-8"))).collect()
}

/// Compares every golden file of a room; `find` gives the diagnostics of a text. Panics with all that differs.
pub fn assert_golden(room: &str, find: impl Fn(&str) -> Vec<Diagnostic>) {
    let mut complaints = String::new();
    for (path, text) in golden_files(room) {
        if let Err(complaint) = compare(&text, &find(&text)) {
            complaints += &format!("── {}\n{complaint}\n", path.file_name().unwrap_or_default().display());
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn a_mark_speaks_of_the_nearest_line_that_is_not_a_line_of_marks() {
    let text = "task t {\n  GET /x { expct y }\n  #        ^^^^^ syntax\n# ^^^ other \"a \"word\"\"\n# a ^ comment\n}\n#< stray\n#^^ b\n";
    let mark = |line, column, width, rule: &str, words: &str| Mark {
        line,
        column,
        width,
        rule: rule.into(),
        words: words.into(),
    };
    assert_eq!(
        marks(text),
        [
            mark(2, 12, 5, "syntax", ""),
            mark(2, 3, 3, "other", "a \"word\""),
            mark(6, 1, 1, "stray", ""),
            mark(6, 1, 3, "b", "")
        ]
    );
}

#[test]
fn marks_are_compared_both_ways() {
    use scn::base::{FileId, Span};
    use scn::diagnostic::Rule;
    let text = "abc def\n#   ^^^ syntax \"words\"\n";
    let at = |start, end| Diagnostic::new(Rule::Syntax, Span::new(FileId(0), start, end), "some words");
    assert_eq!(compare(text, &[at(4, 7)]), Ok(()));
    assert!(compare(text, &[]).is_err(), "a mark that is not met");
    assert!(compare(text, &[at(4, 7), at(0, 3)]).is_err(), "a diagnostic that is not marked");
    assert!(compare(text, &[at(4, 6)]).is_err(), "another place");
}
