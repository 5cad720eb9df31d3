//! Values, and what is looked up in an answer.

use std::time::Duration;

use super::Operator;
use super::StatusPattern;
use super::{DataId, File, Template, Type, VarId};
use crate::base::{ByteSize, Rate, Share, Span};

/// An expression, typed.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it was written.
    pub span: Span,
    /// What is known of its value.
    pub ty: Type,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum ExprKind {
    Null,
    Bool(bool),
    Number(f64),
    Duration(Duration),
    Rate(Rate),
    Share(Share),
    Size(ByteSize),
    /// Text with values in it.
    Text(Template),
    /// A named value.
    Variable(VarId),
    UserId,
    UserIteration,
    RunId,
    /// A function; the count of arguments fits.
    Call(Function, Vec<Expr>),
    List(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    Member(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Box<Expr>, Operator, Box<Expr>),
    /// Whether a value is there (`exists`) or not (`missing`).
    Presence(Box<Expr>, bool),
    /// Looks into the answer of the step in whose block it stands.
    Extract(Extractor),
    /// `all json …`, `json … of VALUE`: every find as a list, or looks into another value than the answer.
    Find {
        /// `json` or `regex`.
        extractor: Extractor,
        /// Every find, as a list.
        all: bool,
        /// What it looks into; `None`: the answer.
        of: Option<Box<Expr>>,
    },
    /// The value of `take row from data`: the next row that is dealt to the user.
    Take(DataId),
    /// All rows of data: only as what `pick` and `length` are given, and in `for`.
    Rows(DataId),
    /// `secret(name)`: index into [`Scenario::secrets`].
    Secret(u32),
    /// `env(name)` without a default: index into [`Scenario::environment`].
    Env(u32),
    /// What `file(…)` has read.
    File(std::sync::Arc<File>),
    /// Whether the status is one of these.
    StatusIs(Vec<StatusPattern>),
    /// Whether the text on the left matches; the pattern is known to compile.
    Matches(Box<Expr>, String),
    /// A hole, only in what is not sound.
    Bad,
}

/// What looks into an answer; paths and patterns are known to be sound.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Extractor {
    Status,
    Header(String),
    Cookie(String),
    Body,
    /// An RFC 9535 query; singular unless it stands under `all`, `exists` or `missing`.
    Json(String),
    Regex(String),
    Size,
    Url,
    Time,
    /// The type of a server-sent event.
    Event,
}

/// Every function of the language. Names, argument counts and types are one table in `check::functions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Function {
    Env,
    /// In a [`ExprKind::Call`] only as long as `check` looks at it, see [`ExprKind::Secret`].
    Secret,
    /// Never in a [`ExprKind::Call`]: `check` reads the file, see [`ExprKind::File`].
    File,
    Length,
    Lower,
    Number,
    String,
    Replace,
    After,
    Before,
    Pick,
    OneOf,
    Min,
    Max,
    Base64,
    Unbase64,
    Base64Url,
    ToHex,
    FromHex,
    Sha256,
    HmacSha256,
    UrlEncode,
    Uuid,
    Now,
    Date,
    Uniform,
    Int,
    RandomString,
    Counter,
}
