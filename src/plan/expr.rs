//! Compiled expressions: names are slots, constants are folded, patterns and paths are compiled.

use regex::Regex;

use super::{SlotId, Value};
pub use crate::check::meaning::{Function, Operator, StatusPattern};

/// A compiled expression.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Expr {
    Literal(Value),
    Text(Template),
    /// A value of the user or iteration.
    Slot(SlotId),
    /// A constant of the run: index into [`super::Plan::constants`].
    Constant(u32),
    UserId,
    UserIteration,
    RunId,
    Call(Function, Vec<Expr>),
    List(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    Member(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Box<Expr>, Operator, Box<Expr>),
    /// `exists` (true) or `missing` (false).
    Presence(Box<Expr>, bool),
    Extract(Extractor),
    StatusIs(Vec<StatusPattern>),
    Matches(Box<Expr>, Regex),
}

/// What looks into an answer.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Extractor {
    Status,
    /// Lower case.
    Header(String),
    Cookie(String),
    Body,
    Json(JsonPath),
    Regex(Regex),
    Size,
    Url,
    Time,
}

/// A path into JSON.
#[derive(Clone, Debug)]
pub enum JsonPath {
    /// Names and indices only: found without building the whole document.
    Simple(Vec<Segment>),
    /// Anything else of RFC 9535.
    Query(serde_json_path::JsonPath),
}

/// One segment of a simple path.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Segment {
    Name(String),
    /// Not negative: counting from the end needs the whole list, so such paths are queries.
    Index(usize),
}

/// Text with values in it.
#[derive(Clone, Debug)]
pub struct Template {
    /// In order; neighbouring literals joined. One literal or none: the text is constant.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Piece {
    Literal(String),
    Value(Expr),
}
