//! What was meant: names resolved, types and units known, defaults filled in.
//!
//! Takes the tree of a file, gives its [`meaning`] and what was wrong with it. Does not know what will be done with
//! it, nor how much load there will be.
#![deny(clippy::disallowed_methods)]

pub mod meaning;

use crate::base::Sources;
use crate::diagnostic::Diagnostic;
use crate::syntax::ast;

/// A file, understood: holes where the author was wrong.
#[derive(Debug)]
pub struct Checked {
    scenario: meaning::Scenario,
    /// What was wrong, parser's complaints not included; in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// A scenario without an error: the only door to a plan.
#[derive(Debug)]
pub struct Sound {
    scenario: meaning::Scenario,
}

impl Sound {
    /// What was meant.
    pub fn scenario(&self) -> &meaning::Scenario {
        &self.scenario
    }
}

impl Checked {
    /// The scenario, if neither the parser's `syntax` diagnostics nor these hold an error.
    pub fn sound(self, syntax: &[Diagnostic]) -> Option<Sound> {
        let broken = |d: &Diagnostic| d.severity() == crate::diagnostic::Severity::Error;
        let any = syntax.iter().chain(&self.diagnostics).any(broken);
        (!any).then_some(Sound { scenario: self.scenario })
    }
}

/// Understands `file`.
pub fn check(file: &ast::File, sources: &Sources) -> Checked {
    let _ = (file, sources);
    unimplemented!()
}
