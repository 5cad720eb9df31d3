//! The one layout of the language: text → text that means the same.
//!
//! Takes a text and what [`syntax`](crate::syntax) read in it, gives the text as it should stand. Works on the words
//! as they were written, not on the tree, so that nothing is lost; the tree says which word is what. Knows no files.
#![deny(clippy::disallowed_methods)]

mod marks;
mod print;
mod token;
mod tree;

use crate::syntax::Parsed;

/// Columns that a line may take before what stands in its brackets is put on lines of its own.
pub const WIDTH: usize = 100;

/// `text` in the one layout; `parsed` is what was read in it and holds no mistake.
///
/// - two blanks of indentation, one statement a line; a block, object or list that was written on one line stays there
///   when it fits in [`WIDTH`] columns;
/// - comments and blank lines stay where they are, at most one blank line in a row, none at the edges of a block;
/// - labels of a block, and comments behind lines that follow each other, stand in columns;
/// - strings, numbers, paths into JSON and regular expressions are copied as they are.
pub fn format(text: &str, parsed: &Parsed) -> String {
    let marks = marks::Marks::of(text, &parsed.ast);
    let tokens = token::tokens(text, 0..text.len(), &marks);
    print::file(&tree::file(&tokens, &marks))
}

/// An expression on one line; `None` where a comment or a line end stands in it.
fn inline(text: &str, range: std::ops::Range<usize>, marks: &marks::Marks) -> Option<String> {
    if text[range.clone()].contains('\n') {
        return None;
    }
    print::one_line(&tree::file(&token::tokens(text, range, marks), marks))
}

#[cfg(test)]
mod tests;
