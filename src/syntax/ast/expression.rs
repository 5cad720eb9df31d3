//! Values, and what is looked up in an answer.

use std::time::Duration;

use super::{Field, Name, Text};
use crate::base::{ByteSize, Rate, Share, Span, Spanned};

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The whole expression, without blanks around it.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `42`, `0.5`
    Number(f64),
    /// `1m30s`
    Duration(Duration),
    /// `20/s`
    Rate(Rate),
    /// `1%`
    Share(Share),
    /// `4KiB`
    Size(ByteSize),
    /// `"…"`, `"""…"""`
    Text(Text),
    /// `name`
    Name(String),
    /// `user.id`, `user.iteration`, `run.id`
    Context(Context),
    /// `name(argument, …)`
    Call {
        /// The function.
        name: Name,
        /// Its arguments.
        arguments: Vec<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ key: value }`
    Object(Vec<Field>),
    /// `value.key` or `value["key"]`
    Member(Box<Expr>, Spanned<String>),
    /// `value[0]`
    Index(Box<Expr>, Box<Expr>),
    /// `not x`, `-x`
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b`, `a == b`, `a and b`
    Binary(Box<Expr>, Spanned<BinaryOperator>, Box<Expr>),
    /// `x exists`, `x missing`
    Presence {
        /// What is looked for.
        value: Box<Expr>,
        /// `exists` or `missing`.
        exists: bool,
    },
    /// `status`, `json $.path`, `all regex /…/ of value` …
    Extract {
        /// What looks.
        extractor: Extractor,
        /// `all`, where written: every find, as a list.
        all: Option<Span>,
        /// What it looks into, where written; else the answer.
        of: Option<Box<Expr>>,
    },
    /// `status 200, 404`, `status 2xx`: a whole condition.
    StatusIs(Vec<Spanned<StatusPattern>>),
    /// A hole.
    Bad,
}

/// What a run and a user know of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// `user.id`
    UserId,
    /// `user.iteration`
    UserIteration,
    /// `run.id`
    RunId,
}

/// What looks into an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Extractor {
    /// `status`
    Status,
    /// `header Name`
    Header(Spanned<String>),
    /// `cookie name`
    Cookie(Spanned<String>),
    /// `body`
    Body,
    /// `json $.path`: the path as written, from `$`.
    Json(Spanned<String>),
    /// `regex /…/`: the expression between the slashes, `\/` resolved to `/`.
    Regex(Spanned<String>),
    /// `size`
    Size,
    /// `url`
    Url,
    /// `time`
    Time,
    /// `event`: the type of a server-sent event.
    Event,
}

/// One pattern of `expect status …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPattern {
    /// `200`
    Code(u16),
    /// `2xx`: 2
    Class(u8),
    /// `200..299`
    Range(u16, u16),
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `not`
    Not,
    /// `-`
    Negate,
}

/// An operator between two operands, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
    StartsWith,
    EndsWith,
    /// The right side is an [`Extractor::Regex`] or a string.
    Matches,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl BinaryOperator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOperator::Or => "or",
            BinaryOperator::And => "and",
            BinaryOperator::Equal => "==",
            BinaryOperator::NotEqual => "!=",
            BinaryOperator::Less => "<",
            BinaryOperator::LessEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterEqual => ">=",
            BinaryOperator::Contains => "contains",
            BinaryOperator::StartsWith => "starts_with",
            BinaryOperator::EndsWith => "ends_with",
            BinaryOperator::Matches => "matches",
            BinaryOperator::In => "in",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Remainder => "%",
        }
    }
}
