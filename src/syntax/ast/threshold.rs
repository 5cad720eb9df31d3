//! What must hold for the run.

use super::{Bad, BinaryOperator, Expr, Name};
use crate::base::{Span, Spanned};

/// `thresholds { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// The whole item.
    pub span: Span,
    /// The promises, in order.
    pub items: Vec<ThresholdItem>,
}

/// One line of `thresholds`.
#[derive(Clone, Debug, PartialEq)]
pub enum ThresholdItem {
    /// A promise.
    Threshold(Box<Threshold>),
    /// Something that could not be read.
    Bad(Bad),
}

/// `p95 of http < 300ms over 30s`, `abort if error_rate > 50% for 10s`
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The whole line.
    pub span: Span,
    /// `abort if`, where written; then the condition ends the run.
    pub abort: Option<Span>,
    /// What is measured: the word as written, `p95`, `error_rate`.
    pub metric: Spanned<String>,
    /// `iteration_time` behind a time metric, where written: `p95 iteration_time of browse`.
    pub iteration_time: Option<Span>,
    /// Whose, where written.
    pub subject: Option<Subject>,
    /// How it is compared.
    pub operator: Spanned<BinaryOperator>,
    /// With what.
    pub value: Expr,
    /// `over 30s`, if written: in every window of that length.
    pub over: Option<Expr>,
    /// `for 10s` behind `abort if …`, if written.
    pub lasting: Option<Expr>,
}

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// `of browse`, `of shop.browse.login`
    Path(Vec<Name>),
    /// `of "GET /api/health"`: the name of a step without a label.
    Text(Spanned<String>),
    /// `of every step`: each on its own.
    EveryStep(Span),
}
