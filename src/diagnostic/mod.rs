//! What is wrong with an author's text, as data: a rule, words, places, an edit.
//!
//! Takes spans and words, gives [`Diagnostic`]s. Does not know how they are shown (`cli` does, with miette) nor who
//! finds them: the words stand beside the rule that found the mistake, in that room.
#![deny(clippy::disallowed_methods)]

pub mod allow;
pub mod nearest;
pub mod page;
pub mod rules;

pub use nearest::nearest;
pub use page::{Page, Part};
pub use rules::Rule;

use crate::base::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Note,
    /// Probably not what was meant; the file is sound all the same.
    Warning,
    /// The file is not sound and cannot run.
    Error,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Which promise was broken; gives name and severity.
    pub rule: Rule,
    /// One short sentence, no full stop: what is so, in the author's words.
    pub message: String,
    /// Where to look first, and what to see there.
    pub primary: Label,
    /// Other places that explain the first: the declaration, the earlier duplicate.
    pub secondary: Vec<Label>,
    /// What would help: one sentence, may be absent where the message says it all.
    pub help: Option<String>,
    /// An edit that makes it right, when we are nearly sure.
    pub fix: Option<Fix>,
}

/// A place and what is to be seen there; the text may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What, in a few words without a full stop.
    pub text: String,
}

/// An edit of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What stands there afterwards.
    pub replacement: String,
}

impl Diagnostic {
    /// A mistake against `rule` at `span`.
    pub fn new(rule: Rule, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            rule,
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Says what is to be seen at the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// Points at another place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Says what would help.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Adds the edit that makes it right.
    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }

    /// The rule's severity.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}
