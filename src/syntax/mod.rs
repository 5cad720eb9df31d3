//! What was written: text → [`ast`]. The only room that knows pest.
//!
//! Takes a file's text, gives a tree, its comments and what was wrong with it; never fails and keeps going after
//! mistakes. Does not know what names mean.
#![deny(clippy::disallowed_methods)]

pub mod ast;
mod build;
mod grammar;
pub mod keyword;
mod nesting;
mod repair;
mod uses;

pub use uses::{FILES_MAX, parse_whole};

use std::num::NonZeroUsize;
use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use crate::base::{FileId, Span};
use crate::diagnostic::{self, Diagnostic};
use build::Builder;
use grammar::{Grammar, Rule};
use repair::Repaired;

/// One file, read.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; holes (`Bad`) stand where the author was wrong.
    pub ast: ast::File,
    /// Every comment, in order, from `#` to before the line end.
    pub comments: Vec<Span>,
    /// What was wrong, in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Most calls that pest may make for one file: a guard against texts that are made to be slow, some hundred times above
/// what a file of the largest size that people write needs.
const CALLS_MAX: NonZeroUsize = NonZeroUsize::new(400_000_000).expect("it is not zero");

/// Reads `text`, which is the text of `file`.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let (read, deep) = nesting::flattened(text).unwrap_or_else(|| (text.to_owned(), Vec::new()));
    let as_written = Repaired::unchanged(text, read);
    let (mut parsed, braces_match) = parse_once(file, &as_written);
    let misplaced = |d: &Diagnostic| matches!(d.rule, diagnostic::Rule::Misplaced | diagnostic::Rule::MisplacedPart);
    let suspicious = !braces_match || parsed.diagnostics.iter().any(misplaced);
    let mended = if suspicious { Repaired::mended(file, text, &as_written.text) } else { None };
    if let Some((repaired, complaints)) = mended {
        let (again, _) = parse_once(file, &repaired);
        if !braces_match || again.diagnostics.len() + complaints.len() <= parsed.diagnostics.len() {
            parsed = again;
            parsed.diagnostics.extend(complaints);
        }
    }
    // Whatever the mending made of it: braces that do not match are a mistake.
    if !braces_match && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(unmatched_brace(file, text));
    }
    for at in deep {
        let span = Span::new(file, at, at + 1);
        let line = line_around(text, at);
        parsed.diagnostics.retain(|other| !line.contains(&(other.primary.span.start as usize)));
        parsed.diagnostics.push(
            Diagnostic::new(
                diagnostic::Rule::TooDeep,
                span,
                format!("more than {} brackets are open here", nesting::DEPTH_MAX),
            )
            .help("name what is inside with `let`, or put statements into tasks of their own"),
        );
    }
    parsed.diagnostics.sort_by_key(|diagnostic| (diagnostic.primary.span.start, diagnostic.primary.span.end));
    parsed
}

/// `syntax` or `unclosed-block`: a brace too many, or one too few.
fn unmatched_brace(file: FileId, text: &str) -> Diagnostic {
    let count = |brace: char| text.matches(brace).count();
    match text.rfind('}').filter(|_| count('}') > count('{')) {
        Some(at) => {
            let span = Span::new(file, at, at + 1);
            Diagnostic::new(diagnostic::Rule::Syntax, span, "there is one `}` more than is opened")
                .help("remove the one that closes nothing: it may stand further up")
        }
        None => {
            let end = Span::new(file, text.len(), text.len());
            Diagnostic::new(diagnostic::Rule::UnclosedBlock, end, "a block is never closed")
        }
    }
}

const BRACE_BELOW: &str = "`{` stands on the line of its statement";

/// The tree of pest; `None` when the guards stopped it.
fn read_file(text: &str) -> Option<Pair<'_, Rule>> {
    pest::set_call_limit(Some(CALLS_MAX));
    Grammar::parse(Rule::file, text).ok()?.next()
}

/// How many calls pest makes to read `text`, within a twentieth: its work as a number, so that a test can hold it to be
/// linear. Found by trying; the guard that it moves is one for the whole process, so nothing else may be read meanwhile.
pub fn calls(text: &str) -> usize {
    let (text, _) = nesting::flattened(text).unwrap_or_else(|| (text.to_owned(), Vec::new()));
    let enough = |calls: usize| {
        pest::set_call_limit(NonZeroUsize::new(calls));
        Grammar::parse(Rule::file, &text).is_ok()
    };
    let (mut few, mut many) = (0, 1000);
    while many < CALLS_MAX.get() && !enough(many) {
        (few, many) = (many, many * 2);
    }
    while many - few > many / 20 {
        let half = few + (many - few) / 2;
        if enough(half) { many = half } else { few = half }
    }
    many
}

/// One pass of pest and the tree it makes; with it, whether each block is closed and no brace too many.
fn parse_once(file: FileId, repaired: &Repaired) -> (Parsed, bool) {
    let mut builder = Builder::new(file, repaired);
    let Some(pair) = read_file(&repaired.text) else {
        let span = Span::new(file, 0, repaired.written.len());
        let message = "this file is too large or too deeply nested to be read";
        let complaint = Diagnostic::new(diagnostic::Rule::TooDeep, span.at_start(), message);
        let diagnostics = vec![complaint.help("split it into several scenarios")];
        let bad = ast::Item::Bad(ast::Bad { span, declares: Vec::new() });
        return (Parsed { ast: ast::File { items: vec![bad] }, comments: Vec::new(), diagnostics }, true);
    };
    let mut comments = Vec::new();
    let mut braces_match = true;
    for pair in pair.clone().into_inner().flatten() {
        let start = pair.as_span().start();
        let span = |length: usize| builder.span(start, start + length);
        match pair.as_rule() {
            Rule::comment => comments.push(span(pair.as_str().trim_end().len())),
            Rule::slashes => {
                let complaint = Diagnostic::new(diagnostic::Rule::Syntax, span(2), "a comment begins with `#`");
                let complaint = complaint.label("did you mean `#`?").fix(span(2), "#");
                builder.diagnostics.push(complaint);
            }
            Rule::below => {
                let brace = pair.as_span().end();
                let gap = builder.span(builder.text[..start].trim_end().len(), brace);
                let complaint = Diagnostic::new(diagnostic::Rule::Syntax, builder.span(brace, brace + 1), BRACE_BELOW);
                let commented = pair.as_str().contains('#');
                let complaint = complaint.label("put it at the end of the line above");
                builder.diagnostics.push(if commented { complaint } else { complaint.fix(gap, " ") });
            }
            Rule::unclosed | Rule::stray => braces_match = false,
            _ => {}
        }
    }
    let ast = builder.file(pair);
    (Parsed { ast, comments, diagnostics: builder.diagnostics }, braces_match)
}

/// The line that holds a byte.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    start..text[at..].find('\n').map_or(text.len() + 1, |end| at + end + 1)
}
