//! Half-typed and broken files: always a tree, never a panic, and the first complaint where the edit is.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use scn::base::{SourceFile, Span};
use scn::diagnostic::{Diagnostic, Rule, Severity};
use scn::syntax::Parsed;

use super::{LANGUAGE, WHOLE, read};
use crate::marks;

/// Sound scenarios: the language page's and those of the repository.
fn sound() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![WHOLE.to_owned(), LANGUAGE.to_owned()];
    for folder in ["scenarios", "examples", "examples/lib"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "scn")) {
            texts.push(fs::read_to_string(path).expect("a scenario is UTF-8"));
        }
    }
    texts
}

/// The items of a sound text, each with what stands above it: an edit in one says the same without the others.
fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    for line in text.lines() {
        let item = items.last_mut().expect("there is one");
        *item += line;
        *item += "\n";
        if line.starts_with('}') || !line.starts_with([' ', '#']) && line.ends_with('}') {
            items.push(String::new());
        }
    }
    items.retain(|item| !item.trim().is_empty());
    items
}

/// Reads a text and makes sure of what holds for every text.
fn survives(text: &str) -> Parsed {
    let parsed = read(text);
    // Printing a tree takes longer than reading it: one in eight will do.
    let looked_at = text.len().is_multiple_of(8);
    let check = |span: Span, what: &str| {
        let range = span.range();
        assert!(range.start <= range.end && text.get(range.clone()).is_some(), "{what}: {range:?} in\n{text}");
    };
    for diagnostic in &parsed.diagnostics {
        check(diagnostic.primary.span, &diagnostic.message);
        diagnostic.secondary.iter().for_each(|label| check(label.span, &label.text));
        diagnostic.fix.iter().for_each(|fix| check(fix.span, &fix.replacement));
    }
    parsed.comments.iter().for_each(|comment| check(*comment, "a comment"));
    for (start, end) in if looked_at { spans_of_tree(&parsed) } else { Vec::new() } {
        assert!(start <= end && text.get(start..end).is_some(), "{start}..{end} in\n{text}");
    }
    parsed
}

/// Every span of the tree, taken from how it prints.
fn spans_of_tree(parsed: &Parsed) -> Vec<(usize, usize)> {
    let printed = format!("{:?}", parsed.ast);
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let spans = printed.split("Span { file: FileId(0), start: ").skip(1);
    spans
        .map(|span| {
            let end = span.split_once(", end: ").and_then(|(_, end)| number(end));
            number(span).zip(end).expect("a span prints as two numbers")
        })
        .collect()
}

/// The line of the first error, from 1; a block without its end speaks of its opener.
fn first_error(text: &str, diagnostics: &[Diagnostic]) -> Option<(usize, Rule)> {
    let file = SourceFile::new("broken", text);
    let first = diagnostics.iter().find(|diagnostic| diagnostic.severity() == Severity::Error)?;
    Some((file.line_column(first.primary.span.start).0, first.rule))
}

/// How many edits there were, how many of them were complained about first on their own line, and the others.
#[derive(Default)]
struct Tally {
    wrong: usize,
    right: usize,
    others: Vec<String>,
}

impl Tally {
    /// Reads `text`, whose 1-based `line` was edited; `opener` is where an opener stands whose `}` was deleted.
    fn count(&mut self, text: &str, line: usize, opener: Option<usize>) {
        let parsed = survives(text);
        let Some((found, rule)) = first_error(text, &parsed.diagnostics) else { return };
        self.wrong += 1;
        if found == line || rule == Rule::UnclosedBlock && opener == Some(found) {
            self.right += 1;
        } else {
            let edited = text.lines().nth(line - 1).unwrap_or_default();
            let message = &parsed.diagnostics[0].message;
            self.others.push(format!("{line}: {edited}\n     on line {found}: {message}"));
        }
    }

    fn assert(&self, what: &str) {
        let share = self.right as f64 / self.wrong.max(1) as f64;
        println!("{what}: {} of {} first on the edited line ({:.1} %)", self.right, self.wrong, share * 100.0);
        assert!(self.wrong > 100, "{what}: only {} edits were wrong", self.wrong);
        assert!(share >= 0.95, "{what}: {share:.3}\n{}", self.others.join("\n"));
    }
}

#[test]
fn sound_scenarios_have_nothing_to_complain_about() {
    for text in sound() {
        let parsed = survives(&text);
        assert_eq!(parsed.diagnostics, [], "{text}");
        assert!(!format!("{:?}", parsed.ast).contains("Bad"));
    }
}

#[test]
fn the_first_error_of_a_half_typed_line_is_on_that_line() {
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    for text in sound().iter().flat_map(|text| items(text)) {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            // What many scenarios say is tried once.
            if !seen.insert(line.trim().to_owned()) {
                continue;
            }
            // Every place where a word ends or begins, and the middle of each word: the others say the same again.
            let cut = |end: usize| {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let (before, after) = line.split_at(end);
                let inside = before.ends_with(word) && after.starts_with(word);
                !inside || before.chars().rev().take_while(|c| word(*c)).count() == 2
            };
            for (end, _) in line.char_indices().skip(1).filter(|(end, _)| cut(*end)) {
                let typed = &line[..end];
                if typed.trim().is_empty() || typed.trim_start().starts_with('#') {
                    continue;
                }
                // An editor closes what was opened, and what the line would have opened is opened below.
                let balance = |text: &str| text.matches('{').count() as i64 - text.matches('}').count() as i64;
                let missing = balance(line) - balance(typed);
                let closing = if missing < 0 { "}".repeat(-missing as usize) } else { String::new() };
                let opening = if missing > 0 { " {".repeat(missing as usize) } else { String::new() };
                let edited = format!("{typed}{opening}{closing}");
                let mut broken = lines.clone();
                broken[index] = &edited;
                tally.count(&broken.join("\n"), index + 1, None);
            }
        }
    }
    tally.assert("prefixes");
}

#[test]
fn the_first_error_of_a_deleted_token_is_on_its_line() {
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    for text in sound().iter().flat_map(|text| items(text)) {
        let file = SourceFile::new("whole", text.as_str());
        let mut openers = Vec::new();
        for (start, end) in tokens(&text) {
            let token = &text[start..end];
            let (line, _) = file.line_column(start as u32);
            let opener = match token {
                "{" => {
                    openers.push(line);
                    None
                }
                "}" => openers.pop(),
                _ => None,
            };
            // What many scenarios say is tried once.
            let (_, column) = file.line_column(start as u32);
            if seen.insert((file.line(line).trim().to_owned(), column)) {
                tally.count(&format!("{}{}", &text[..start], &text[end..]), line, opener);
            }
        }
    }
    tally.assert("deletions");
}

/// The tokens of a sound text, comments left out: strings, words with numbers, and single characters.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match c {
            _ if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' => rest[1..].find('"').map_or(1, |end| end + 2),
            _ if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            _ => c.len_utf8(),
        };
        found.push((at, at + length));
        at += length;
    }
    found
}

#[test]
fn a_soup_of_pieces_of_golden_files_never_panics() {
    let mut pieces: Vec<String> = Vec::new();
    for (_, text) in marks::golden_files("syntax") {
        pieces.extend(tokens(&text).into_iter().map(|(start, end)| text[start..end].to_owned()));
    }
    pieces
        .extend(["\n", "\n", " ", "\"\"\"", "'", "\\", "${", "é", "\u{1F600}", "\r\n", "\t", "\0"].map(str::to_owned));
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..400 {
        let mut soup = String::new();
        for _ in 0..draw(60) {
            soup += &pieces[draw(pieces.len())];
            soup += [" ", "", "\n", " "][draw(4)];
        }
        survives(&soup);
    }
    for (_, text) in marks::golden_files("syntax") {
        for _ in 0..20 {
            let cut = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (a, b) = (cut(draw(text.len())), cut(draw(text.len())));
            survives(&format!("{}{}", &text[..a], &text[b..]));
        }
    }
}

#[test]
fn a_letter_of_another_alphabet_never_panics_wherever_it_stands() {
    for (at, _) in WHOLE.char_indices().step_by(5) {
        survives(&format!("{}ï{}", &WHOLE[..at], &WHOLE[at..]));
    }
    // A path with one, and something behind it.
    survives("user u { task t {\n  GET /naïve ü { expect status 200 }\n} }\n");
}

#[test]
fn what_is_nested_too_deeply_is_said_once() {
    let deep = format!("let x = {}1{}\nlet y = 2\n", "(".repeat(200), ")".repeat(200));
    let parsed = survives(&deep);
    let rules: Vec<Rule> = parsed.diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
    assert_eq!(rules, [Rule::TooDeep]);
    assert_eq!(parsed.ast.items.len(), 2);
    let blocks = format!("user u {{ task t {{\n{}GET /x\n{} }} }}\n", "if a {\n".repeat(200), "}\n".repeat(200));
    let rules: Vec<Rule> = survives(&blocks).diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
    assert_eq!(rules, [Rule::TooDeep]);
    for open in ["[", "{ a: ", "f(", "not ", "-", "a.", "\"${"] {
        survives(&format!("let x = {}", open.repeat(20_000)));
    }
    survives(&format!("let x = 1{}", " + 1".repeat(20_000)));
    survives(&"group x {\n".repeat(2_000));
    survives(&"json {\n".repeat(2_000));
}

#[test]
fn open_parentheses_in_a_pause_are_one_error() {
    let text = format!("user u {{ task t {{\n  pause {}\n  GET /x\n}} }}\n", "(".repeat(20));
    let parsed = survives(&text);
    assert_eq!(parsed.diagnostics.len(), 1, "{:?}", parsed.diagnostics);
    assert_eq!(first_error(&text, &parsed.diagnostics), Some((2, Rule::Syntax)));
}

#[test]
fn a_file_of_many_thousand_lines_is_read() {
    let task = |index: usize| format!("  task t{index} {{\n    GET /x/{index} {{ expect status 200 }}\n  }}\n");
    let tasks: String = (0..1000).map(task).collect();
    let parsed = survives(&format!("user u {{\n{tasks}}}\n"));
    assert_eq!(parsed.diagnostics, []);
}

#[test]
fn line_ends_of_windows_change_nothing() {
    let parsed = survives(&WHOLE.replace('\n', "\r\n"));
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.comments.len(), 2);
}

#[test]
fn a_text_that_is_never_closed_swallows_the_braces_and_is_one_error() {
    let text = "user u {\n  task t {\n    POST /x {\n      body \"\"\"\n      hello\n    }\n    GET /y\n  }\n}\n";
    let parsed = survives(text);
    let said: Vec<&str> = parsed.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(said, ["this string is never closed"]);
}
