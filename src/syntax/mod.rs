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

use pest::Parser;

use crate::base::{FileId, Span};
use crate::diagnostic::Diagnostic;
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

/// Reads `text`, which is the text of `file`.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let repaired = Repaired::unchanged(text);
    let mut builder = Builder::new(file, &repaired);
    let mut comments = Vec::new();
    let ast = match Grammar::parse(Rule::file, &repaired.text) {
        Ok(mut pairs) => {
            let pair = pairs.next().expect("a file is one pair");
            for pair in pair.clone().into_inner().flatten() {
                if pair.as_rule() == Rule::comment {
                    let place = pair.as_span();
                    comments.push(builder.span(place.start(), place.start() + pair.as_str().trim_end().len()));
                }
            }
            builder.file(pair)
        }
        Err(_) => ast::File::default(),
    };
    let mut diagnostics = builder.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span);
    Parsed { ast, comments, diagnostics }
}
