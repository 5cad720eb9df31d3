//! What was meant: names resolved, types and units known, defaults filled in.
//!
//! Takes the tree of a file, gives its [`meaning`] and what was wrong with it. Does not know what will be done with
//! it, nor how much load there will be.
#![deny(clippy::disallowed_methods)]

mod arguments;
mod checker;
mod conditions;
mod constants;
mod control;
mod credentials;
mod data;
mod events;
mod expressions;
pub mod files;
mod flows;
pub mod functions;
mod http;
mod levels;
pub mod meaning;
mod named_sockets;
mod names;
mod once;
mod parts;
mod patterns;
mod promises;
mod receives;
mod scenario;
mod series;
mod sockets;
mod standing;
mod statements;
mod table;
mod targets;
mod thresholds;
pub mod tls;
mod types;
mod windows;

pub use self::conditions::each;
use self::files::NoFiles;
pub use self::parts::{NoSuchPart, Parts};
use crate::base::{Files, Sources};
use crate::diagnostic::Diagnostic;
use crate::syntax::ast;

/// A file, understood: holes where the author was wrong.
#[derive(Debug)]
pub struct Checked {
    scenario: meaning::Scenario,
    rows: Vec<series::Row>,
    /// What was wrong, parser's complaints not included; in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// A scenario without an error: the only door to a plan.
#[derive(Debug)]
pub struct Sound {
    scenario: meaning::Scenario,
    rows: Vec<series::Row>,
}

impl Sound {
    /// What was meant.
    pub fn scenario(&self) -> &meaning::Scenario {
        &self.scenario
    }

    /// What thresholds that stand elsewhere mean beside this scenario, and what is wrong with them; `sources` holds
    /// their text too.
    pub fn thresholds(
        &self,
        written: &ast::Thresholds,
        sources: &Sources,
    ) -> (Vec<meaning::Threshold>, Vec<Diagnostic>) {
        let mut checker = checker::Checker::new(sources, &NoFiles);
        (checker.scenario, checker.rows) = (self.scenario.clone(), self.rows.clone());
        checker.thresholds(written);
        let checked = checker.finish();
        (checked.scenario.thresholds[self.scenario.thresholds.len()..].to_vec(), checked.diagnostics)
    }
}

impl Checked {
    /// The scenario, if neither the parser's `syntax` diagnostics nor these hold an error.
    pub fn sound(self, syntax: &[Diagnostic]) -> Option<Sound> {
        let broken = |d: &Diagnostic| d.severity() == crate::diagnostic::Severity::Error;
        let any = syntax.iter().chain(&self.diagnostics).any(broken);
        (!any).then_some(Sound { scenario: self.scenario, rows: self.rows })
    }
}

/// Understands `file`, which names no other files; `sources` holds its text.
///
/// Never fails: where the author was wrong the scenario has a hole, which [`Checked::sound`] keeps from the plan.
pub fn check(file: &ast::File, sources: &Sources) -> Checked {
    check_with(file, sources, &NoFiles)
}

/// As [`check`], for a file that may name others: `files` is where data and `file(…)` are found.
pub fn check_with(file: &ast::File, sources: &Sources, files: &dyn Files) -> Checked {
    let mut checker = checker::Checker::new(sources, files);
    checker.file(file);
    checker.finish()
}
