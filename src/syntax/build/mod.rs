//! The tolerant tree of pest → [`ast`](crate::syntax::ast), with a complaint for everything that is not as it should be.
//!
//! The grammar lets every statement stand in every block; which ones belong there is decided here.

mod control;
mod explain;
mod expression;
mod item;
mod literal;
mod misplaced;
mod numeric;
mod part;
mod socket;
mod step;
mod threshold;
mod threshold_slips;
mod unknown;
mod user;

use std::cell::OnceCell;
use std::collections::HashSet;

use pest::iterators::Pair;

use super::ast;
use super::grammar::Rule as G;
use super::repair::Repaired;
use crate::base::{FileId, Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};

pub(super) type P<'t> = Pair<'t, G>;

/// Walks the tree of pest and gathers what is wrong.
pub(super) struct Builder<'t> {
    file: FileId,
    /// The text that pest read: the author's, with the braces that were missing.
    pub(super) text: &'t str,
    repaired: &'t Repaired,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The first two words of each line; gathered when first asked for.
    begun: OnceCell<HashSet<(&'t str, &'t str)>>,
    /// Above zero inside what was already complained about as a whole.
    quiet: u32,
}

impl<'t> Builder<'t> {
    pub(super) fn new(file: FileId, repaired: &'t Repaired) -> Builder<'t> {
        Builder { file, text: &repaired.text, repaired, diagnostics: Vec::new(), begun: OnceCell::new(), quiet: 0 }
    }

    /// The place in the author's text of a piece of the text that pest read.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, self.repaired.original(start), self.repaired.original(end))
    }

    /// Where a pair was written, without blanks behind it.
    fn place(&self, pair: &P<'t>) -> Span {
        let span = pair.as_span();
        self.span(span.start(), span.start() + pair.as_str().trim_end().len())
    }

    fn complain(&mut self, diagnostic: Diagnostic) {
        if self.quiet == 0 {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Complains under the general rule.
    fn wrong(&mut self, span: Span, message: impl Into<String>) -> Complaint<'_, 't> {
        self.wrong_as(Rule::Syntax, span, message)
    }

    /// Complains under a rule of its own; words may be added until the value is dropped.
    fn wrong_as(&mut self, rule: Rule, span: Span, message: impl Into<String>) -> Complaint<'_, 't> {
        Complaint { diagnostic: Some(Diagnostic::new(rule, span, message)), builder: self }
    }

    /// A word as it was written, with its place.
    fn word(&self, pair: &P<'t>) -> Spanned<String> {
        Spanned::new(pair.as_str().trim_end().to_owned(), self.place(pair))
    }

    /// A declared name; complains when it has not the form of one.
    fn declared(&mut self, pair: &P<'t>) -> ast::Name {
        let name = self.word(pair);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.value.chars().all(fits) {
            let better = as_name(&name.value);
            self.wrong(name.span, format!("`{}` is not a name", name.value))
                .label("lower-case letters, digits and `_`")
                .help(format!("write `{better}`"))
                .fix(name.span, better);
        }
        name
    }

    /// A hole at `span`; what `text` may have meant to declare is remembered.
    fn bad(&self, span: Span, text: &str) -> ast::Bad {
        ast::Bad { span, declares: declares(text) }
    }

    /// Whether a line of the file begins with this keyword and this name.
    fn declares_word(&self, keyword: &str, name: &str) -> bool {
        let is_id = |c: char| c.is_alphanumeric() || c == '_';
        let begun = self.begun.get_or_init(|| {
            let begins = |line: &'t str| {
                let line = line.trim_start();
                let (word, rest) = line.split_at(line.find(|c| !is_id(c))?);
                let rest = rest.trim_start();
                Some((word, &rest[..rest.find(|c| !is_id(c)).unwrap_or(rest.len())]))
            };
            self.text.lines().filter_map(begins).collect()
        });
        !name.is_empty() && begun.contains(&(keyword, name))
    }

    /// The comment block right above a byte of the text, without `#`; only lines that hold nothing else.
    fn doc(&self, start: usize) -> Option<String> {
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        // A `;` stands between statements and means nothing on a line of its own.
        let empty = |text: &str| text.chars().all(|c| c.is_whitespace() || c == ';');
        if !empty(&self.text[line_start..start]) {
            return None;
        }
        let mut lines: Vec<&str> = Vec::new();
        let mut rest = &self.text[..line_start];
        while let Some(above) = rest.strip_suffix('\n') {
            let begin = above.rfind('\n').map_or(0, |at| at + 1);
            let line = above[begin..].trim();
            if line.contains(';') && empty(line) {
                rest = &rest[..begin];
                continue;
            }
            let Some(comment) = line.strip_prefix('#') else { break };
            // What silences a warning says nothing about the statement.
            if !crate::diagnostic::allow::is_allow(comment) {
                lines.push(comment.strip_prefix(' ').unwrap_or(comment));
            }
            rest = &above[..begin];
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// A complaint that still gathers words; it is made when dropped.
struct Complaint<'b, 't> {
    builder: &'b mut Builder<'t>,
    diagnostic: Option<Diagnostic>,
}

impl Complaint<'_, '_> {
    fn with(mut self, add: impl FnOnce(Diagnostic) -> Diagnostic) -> Self {
        self.diagnostic = self.diagnostic.take().map(add);
        self
    }

    fn label(self, text: impl Into<String>) -> Self {
        self.with(|d| d.label(text))
    }

    fn also(self, span: Span, text: impl Into<String>) -> Self {
        self.with(|d| d.also(span, text))
    }

    fn help(self, text: impl Into<String>) -> Self {
        self.with(|d| d.help(text))
    }

    fn fix(self, span: Span, replacement: impl Into<String>) -> Self {
        self.with(|d| d.fix(span, replacement))
    }
}

impl Drop for Complaint<'_, '_> {
    fn drop(&mut self) {
        if let Some(diagnostic) = self.diagnostic.take() {
            self.builder.complain(diagnostic);
        }
    }
}

/// A word in the form of a name: `userId` is `user_id`, `my-user` is `my_user`.
fn as_name(word: &str) -> String {
    let mut name = String::new();
    let mut after_small = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && after_small {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    name
}

/// Names that an unreadable text may have meant to declare: what stands behind a declaring word, before a colon, or
/// second in it. Too many is harmless, one too few makes a second complaint about one mistake.
fn declares(text: &str) -> Vec<String> {
    const DECLARING: &[&str] =
        &["let", "capture", "secret", "user", "task", "as", "set", "take", "group", "flow", "data", "for", "measure"];
    let mut names: Vec<String> = Vec::new();
    let mut previous: Option<&str> = None;
    let mut count = 0;
    let is_id = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text;
    while let Some(start) = rest.find(is_id) {
        let end = rest[start..].find(|c| !is_id(c)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        rest = &rest[end..];
        count += 1;
        let labels = rest.trim_start_matches([' ', '\t']).starts_with(':');
        if labels || count == 2 || previous.is_some_and(|previous| DECLARING.contains(&previous)) {
            let name = word.to_lowercase();
            if !names.contains(&name) && names.len() < 100 {
                names.push(name);
            }
        }
        previous = Some(word);
    }
    names
}
