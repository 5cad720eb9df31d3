//! The tree of what was written. Names are not resolved and nothing is judged; every node knows its place.
//!
//! A hole — [`Bad`], [`ExprKind::Bad`] — stands where the author was wrong and has already been told so; later stages
//! pass it by in silence.

use std::time::Duration;

use crate::base::{ByteSize, Rate, Share, Span, Spanned};

/// A name as it was written: `[a-z_][a-z0-9_]*`.
pub type Name = Spanned<String>;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// What stands at the top level, in order.
    pub items: Vec<Item>,
}

/// What stands at the top level.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `scenario "Title"`
    Scenario {
        /// The whole item.
        span: Span,
        /// The title, plain text.
        title: Spanned<String>,
    },
    /// `target URL { … }`
    Target(Target),
    /// `let name = expression`
    Let(Let),
    /// `user name weight N { … }`
    User(User),
    /// `thresholds { … }`
    Thresholds(Thresholds),
    /// Something that could not be read.
    Bad(Bad),
}

/// A hole: text that could not be read and was complained about.
#[derive(Clone, Debug, PartialEq)]
pub struct Bad {
    /// The text.
    pub span: Span,
    /// Names that it may have meant to declare: nothing is said about their uses.
    pub declares: Vec<String>,
}

/// `target URL { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The whole item.
    pub span: Span,
    /// Where the load goes.
    pub url: Expr,
    /// Defaults of every request: [`Part::Timeout`], [`Part::Header`] or [`Part::Bad`].
    pub settings: Vec<Part>,
}

/// `let name = expression`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The whole statement.
    pub span: Span,
    /// What is named.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// `user name weight N { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// The class's name.
    pub name: Name,
    /// Its share, if written.
    pub weight: Option<Expr>,
    /// What stands inside.
    pub items: Vec<UserItem>,
}

/// What stands inside `user`.
#[derive(Clone, Debug, PartialEq)]
pub enum UserItem {
    /// `think 1s..3s`
    Think {
        /// The whole setting.
        span: Span,
        /// How long.
        delay: Delay,
    },
    /// `let name = expression`
    Let(Let),
    /// `on start { … }`
    OnStart(Block),
    /// `on stop { … }`
    OnStop(Block),
    /// `task name weight N { … }`
    Task(Task),
    /// Something that could not be read.
    Bad(Bad),
}

/// How long a pause is.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// `none`
    None(Span),
    /// `2s`
    Fixed(Expr),
    /// `1s..3s`, uniform.
    Range(Expr, Expr),
    /// `exponential(2s)`, by its mean.
    Exponential(Expr),
}

/// `task name weight N { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// The task's name.
    pub name: Name,
    /// How often it is drawn, if written.
    pub weight: Option<Expr>,
    /// What is done.
    pub body: Block,
}

/// `{ … }` with statements.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// From `{` to `}`.
    pub span: Span,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// One statement of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The whole statement, label included.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// `label:` before it; any statement may carry one, `check` says which make sense.
    pub label: Option<Name>,
    /// What is done.
    pub kind: StatementKind,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `GET /path { … }`
    Http {
        /// The method, upper case.
        method: Spanned<String>,
        /// The path, which may hold `${…}`.
        path: Text,
        /// What stands in its block; empty where there is none.
        parts: Vec<Part>,
    },
    /// `websocket /path { … }`
    WebSocket {
        /// The path, which may hold `${…}`.
        path: Text,
        /// Settings that stand first: header, query, timeout.
        settings: Vec<Part>,
        /// The steps on the socket, and any other statement.
        body: Block,
    },
    /// `send VALUE`
    Send {
        /// What is sent.
        payload: Payload,
    },
    /// `receive 10 where C within 5s since LABEL { … }`
    Receive {
        /// How many messages, if written.
        count: Option<Expr>,
        /// Which, how fast, since when.
        clauses: Clauses,
        /// Holds for each message.
        parts: Vec<Part>,
    },
    /// `call VALUE where C within 2s { … }`
    Call {
        /// What is sent.
        payload: Payload,
        /// Which answer, how fast.
        clauses: Clauses,
        /// Holds for the answer.
        parts: Vec<Part>,
    },
    /// `close 1000 "bye"`
    Close {
        /// The close code, if written.
        code: Option<Expr>,
        /// The reason, if written.
        reason: Option<Expr>,
    },
    /// `pause 500ms..2s`
    Pause(Delay),
    /// `repeat N as i { … }`
    Repeat {
        /// How often.
        count: Expr,
        /// The name that counts from 0, if written.
        index: Option<Name>,
        /// What is repeated.
        body: Block,
    },
    /// `if C { … } else if D { … } else { … }`
    If {
        /// Conditions with their blocks, in order; at least one.
        branches: Vec<(Expr, Block)>,
        /// The last `else`.
        otherwise: Option<Block>,
    },
    /// `let name = expression`
    Let {
        /// What is named.
        name: Name,
        /// Its value.
        value: Expr,
    },
    /// Something that could not be read.
    Bad(Bad),
}

/// What goes over a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// `text "…"`
    Text(Expr),
    /// `json VALUE`
    Json(Expr),
}

/// Clauses of a receive or call: in any order, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clauses {
    /// `where C`
    pub condition: Option<Expr>,
    /// `within 5s`
    pub within: Option<Expr>,
    /// `since LABEL`
    pub since: Option<Name>,
}

/// What stands inside the block of a step, or as a setting of a target or socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// `header Name value`
    Header {
        /// The whole part.
        span: Span,
        /// The header's name, as written.
        name: Spanned<String>,
        /// Its value.
        value: Expr,
    },
    /// `query { q: term }`
    Query {
        /// The whole part.
        span: Span,
        /// Keys and values, in order.
        fields: Vec<Field>,
    },
    /// `json VALUE`
    Json {
        /// The whole part.
        span: Span,
        /// The body.
        value: Expr,
    },
    /// `form { … }`
    Form {
        /// The whole part.
        span: Span,
        /// Keys and values, in order.
        fields: Vec<Field>,
    },
    /// `body VALUE`
    Body {
        /// The whole part.
        span: Span,
        /// The body.
        value: Expr,
    },
    /// `timeout 2s`
    Timeout {
        /// The whole part.
        span: Span,
        /// How long.
        value: Expr,
    },
    /// `expect C else "why"`
    Expect {
        /// The whole part.
        span: Span,
        /// What must hold.
        condition: Expr,
        /// The message when it does not.
        otherwise: Option<Expr>,
    },
    /// `check C`
    Check {
        /// The whole part.
        span: Span,
        /// What is counted.
        condition: Expr,
    },
    /// `capture name = extractor default value`
    Capture {
        /// The whole part.
        span: Span,
        /// What is named.
        name: Name,
        /// What is looked for.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
    },
    /// Something that could not be read.
    Bad(Bad),
}

impl Part {
    /// The whole part.
    pub fn span(&self) -> Span {
        match self {
            Part::Header { span, .. }
            | Part::Query { span, .. }
            | Part::Json { span, .. }
            | Part::Form { span, .. }
            | Part::Body { span, .. }
            | Part::Timeout { span, .. }
            | Part::Expect { span, .. }
            | Part::Check { span, .. }
            | Part::Capture { span, .. } => *span,
            Part::Bad(bad) => bad.span,
        }
    }
}

/// `key: value` in JSON braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key, unquoted.
    pub key: Spanned<String>,
    /// The value.
    pub value: Expr,
}

/// Text with `${…}` in it: a string or a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// As written, quotes included.
    pub span: Span,
    /// Its pieces, in order; neighbouring literals are joined, empty ones left out.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Characters as meant: escapes resolved.
    Literal(String),
    /// `${expression}`
    Hole(Expr),
}

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
    /// `status`, `json $.path` …
    Extract(Extractor),
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
    Threshold(Threshold),
    /// Something that could not be read.
    Bad(Bad),
}

/// `p95 of http < 300ms`
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The whole line.
    pub span: Span,
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
}

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// `of browse`, `of shop.browse.login`
    Path(Vec<Name>),
    /// `of "GET /api/health"`: the name of a step without a label.
    Text(Spanned<String>),
}
