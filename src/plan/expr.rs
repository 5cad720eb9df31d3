//! Compiled expressions: names are slots, constants are folded, patterns and paths are compiled.

use regex::Regex;

use super::data::DataId;
use super::{SlotId, Value};
pub use crate::check::meaning::{Function, Operator, StatusPattern};

/// A compiled expression.
///
/// `clone` is deep, literals included: a copy may go to another thread without the two counting references on one
/// cache line. Code that only wants a literal's value clones the [`Value`], which is cheap.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Expr {
    Literal(Value),
    Text(Template),
    /// A value of the user or iteration.
    Slot(SlotId),
    /// A constant of the run: index into [`super::Plan::constants`].
    Constant(u32),
    /// A value that `setup` has set, read by everyone else.
    Setup(SlotId),
    /// The next row that is dealt to the user: only as the whole value of a user's own `let`; elsewhere it is
    /// [`super::Op::Take`].
    Take(DataId),
    /// All rows of data: only as what `pick` and `length` are given.
    Rows(DataId),
    UserId,
    UserIteration,
    RunId,
    Call(Function, Vec<Expr>),
    /// What a function makes of a secret: hidden as the secret itself.
    Secret(Box<Expr>),
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
    Find(Box<Find>),
    StatusIs(Vec<StatusPattern>),
    Matches(Box<Expr>, Regex),
}

impl Clone for Expr {
    fn clone(&self) -> Expr {
        match self {
            Expr::Literal(value) => Expr::Literal(value.unshared()),
            Expr::Text(template) => Expr::Text(template.clone()),
            Expr::Slot(slot) => Expr::Slot(*slot),
            Expr::Constant(index) => Expr::Constant(*index),
            Expr::Setup(slot) => Expr::Setup(*slot),
            Expr::Take(data) => Expr::Take(*data),
            Expr::Rows(data) => Expr::Rows(*data),
            Expr::UserId => Expr::UserId,
            Expr::UserIteration => Expr::UserIteration,
            Expr::RunId => Expr::RunId,
            Expr::Call(function, arguments) => Expr::Call(*function, arguments.clone()),
            Expr::Secret(of) => Expr::Secret(of.clone()),
            Expr::List(items) => Expr::List(items.clone()),
            Expr::Object(members) => Expr::Object(members.clone()),
            Expr::Member(of, key) => Expr::Member(of.clone(), key.clone()),
            Expr::Index(of, index) => Expr::Index(of.clone(), index.clone()),
            Expr::Not(of) => Expr::Not(of.clone()),
            Expr::Negate(of) => Expr::Negate(of.clone()),
            Expr::Binary(left, operator, right) => Expr::Binary(left.clone(), *operator, right.clone()),
            Expr::Presence(of, exists) => Expr::Presence(of.clone(), *exists),
            Expr::Extract(extractor) => Expr::Extract(extractor.clone()),
            Expr::Find(find) => Expr::Find(find.clone()),
            Expr::StatusIs(patterns) => Expr::StatusIs(patterns.clone()),
            Expr::Matches(of, pattern) => Expr::Matches(of.clone(), pattern.clone()),
        }
    }
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
    /// The type of a server-sent event.
    Event,
}

/// Looks for every find, or into another value than the answer.
#[derive(Clone, Debug)]
pub struct Find {
    /// [`Extractor::Json`] or [`Extractor::Regex`].
    pub extractor: Extractor,
    /// Every find, as a list.
    pub all: bool,
    /// What it looks into; `None`: the answer.
    pub of: Option<Expr>,
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
