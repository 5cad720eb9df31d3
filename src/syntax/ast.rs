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
    /// `data name from "file.csv" { … }`
    Data(Data),
    /// `use "lib/login.scn"`
    Use {
        /// The whole item.
        span: Span,
        /// The other file, plain text.
        path: Spanned<String>,
    },
    /// `flow login(name, password) { … }`
    Flow(Flow),
    /// `user name weight N { … }`
    User(User),
    /// `setup { … }`
    Setup(Once),
    /// `teardown { … }`
    Teardown(Once),
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

/// `target URL { … }`, `target auth: URL { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The whole item.
    pub span: Span,
    /// Its name; `None`: the default target.
    pub name: Option<Name>,
    /// Where the load goes.
    pub url: Expr,
    /// Defaults of every request.
    pub settings: Vec<Part>,
}

/// `data name from "file.csv" { pick unique; when empty stop }`
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What the rows are called.
    pub name: Name,
    /// Where they come from.
    pub source: DataSource,
    /// How they are read and dealt, in order.
    pub options: Vec<DataOption>,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum DataSource {
    /// A file, plain text.
    File(Spanned<String>),
    /// A list that stands in the scenario.
    Inline(Expr),
}

/// How rows are read and dealt.
#[derive(Clone, Debug, PartialEq)]
pub enum DataOption {
    /// `pick sequential`, `random`, `shuffle` or `unique`
    Pick {
        /// The whole option.
        span: Span,
        /// The word as written.
        how: Spanned<String>,
    },
    /// `when empty recycle` or `stop`
    WhenEmpty {
        /// The whole option.
        span: Span,
        /// The word as written.
        what: Spanned<String>,
    },
    /// `columns [a, b]`
    Columns {
        /// The whole option.
        span: Span,
        /// Their names, in order.
        names: Vec<Spanned<String>>,
    },
    /// `separator ";"`
    Separator {
        /// The whole option.
        span: Span,
        /// One character, plain text.
        value: Spanned<String>,
    },
    /// Something that could not be read.
    Bad(Bad),
}

/// `flow login(name, password) { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What it is called.
    pub name: Name,
    /// What it is given.
    pub parameters: Vec<Name>,
    /// What is done; [`StatementKind::Return`] may be its last statement.
    pub body: Block,
}

/// `setup { … }`, `teardown { … }`: once for the whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Once {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What is done.
    pub body: Block,
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
    /// `in order`, where written: its tasks run one after another, as one iteration.
    pub in_order: Option<Span>,
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
    /// `pace 10s`
    Pace {
        /// The whole setting.
        span: Span,
        /// From start to start.
        every: Expr,
    },
    /// `session per iteration`, `session per user`
    Session {
        /// The whole setting.
        span: Span,
        /// The word behind `per`, as written.
        per: Spanned<String>,
    },
    /// `let name = expression`
    Let(Let),
    /// `take account from accounts`
    Take(Take),
    /// A default of the steps of its tasks: header, cookie, auth, query, timeout or redirects.
    Default(Part),
    /// `on start { … }`
    OnStart(Block),
    /// `on stop { … }`
    OnStop(Block),
    /// `task name weight N { … }`
    Task(Task),
    /// Something that could not be read.
    Bad(Bad),
}

/// `take row from data`
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The whole statement.
    pub span: Span,
    /// What the row is called.
    pub name: Name,
    /// Which data it is dealt from.
    pub data: Name,
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
    /// `websocket /path { … }`, `feed: open websocket /path { … }`
    WebSocket {
        /// `open`, where written: the socket outlives its block, and the statement's label names it.
        open: Option<Span>,
        /// The path, which may hold `${…}`.
        path: Text,
        /// Settings that stand first: header, cookie, query, auth, subprotocol, timeout.
        settings: Vec<Part>,
        /// The steps on the socket, and any other statement.
        body: Block,
    },
    /// `with feed { … }`
    With {
        /// The label of the `open websocket`.
        socket: Name,
        /// The steps on it, and any other statement.
        body: Block,
    },
    /// `events POST /path { json …; receive … }`
    Events {
        /// The method, upper case.
        method: Spanned<String>,
        /// The path, which may hold `${…}`.
        path: Text,
        /// The parts of the request.
        settings: Vec<Part>,
        /// The receives on the stream, and any other statement.
        body: Block,
    },
    /// `on receive where C keep { … }`: a standing answer.
    OnReceive {
        /// Which messages.
        clauses: Clauses,
        /// `keep`, where written: it only looks, the message stays.
        keep: Option<Span>,
        /// What is done.
        body: Block,
    },
    /// `every 25s { … }`: a standing timer.
    Every {
        /// How long from one time to the next.
        interval: Delay,
        /// What is done.
        body: Block,
    },
    /// `send VALUE`
    Send {
        /// What is sent.
        payload: Payload,
    },
    /// `receive 10 where C within 5s since LABEL { … }` and its other forms.
    Receive {
        /// Which form.
        form: ReceiveForm,
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
    /// `repeat N as i while C { … }`, `repeat for 30s { … }`
    Repeat {
        /// How often at most, or how long.
        bound: RepeatBound,
        /// The name that counts from 0, if written.
        index: Option<Name>,
        /// `while C` or `until C`, if written.
        condition: Option<(LoopWord, Expr)>,
        /// What is repeated.
        body: Block,
    },
    /// `for x in list limit 50 { … }`
    For {
        /// What each item is called.
        name: Name,
        /// What is gone through: a list, or the name of `data`; the start of a range where `last` is written.
        list: Expr,
        /// The end of a range, inclusive: `1..5`.
        last: Option<Expr>,
        /// `limit 50`, if written.
        limit: Option<Expr>,
        /// What is done for each.
        body: Block,
    },
    /// `choose { 70% { … } 30% { … } }`
    Choose {
        /// Shares with their blocks, in order.
        branches: Vec<(Expr, Block)>,
    },
    /// `group checkout { … }`
    Group {
        /// What the whole is called in the report.
        name: Name,
        /// What is timed.
        body: Block,
    },
    /// `retry 10 every 1s { … }`
    Retry {
        /// How often at most.
        count: Expr,
        /// The pause before the next attempt, if written.
        every: Option<Delay>,
        /// What is tried.
        body: Block,
    },
    /// `attempt { … }`
    Attempt(Block),
    /// `parallel { … }`
    Parallel(Block),
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
    /// `set name = expression`
    Set {
        /// What is changed.
        name: Name,
        /// Its new value.
        value: Expr,
    },
    /// `take row from data`
    Take(Take),
    /// `measure name = expression`
    Measure {
        /// What the number is called in the report.
        name: Name,
        /// A duration or a number.
        value: Expr,
    },
    /// `log "…"`
    Log(Expr),
    /// `stop iteration`, `stop user`: the word behind `stop`, as written.
    Stop(Spanned<String>),
    /// `fail "why"`
    Fail(Option<Expr>),
    /// `return expression`
    Return(Expr),
    /// `login(account.name, account.password)`: a flow, called as a statement.
    Flow {
        /// What is called.
        name: Name,
        /// What it is given.
        arguments: Vec<Expr>,
    },
    /// A default of the steps behind it in the block: header, cookie, auth, query, timeout or redirects.
    Default(Part),
    /// Something that could not be read.
    Bad(Bad),
}

impl StatementKind {
    /// The blocks of statements inside it, in order.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            StatementKind::WebSocket { body, .. }
            | StatementKind::With { body, .. }
            | StatementKind::Events { body, .. }
            | StatementKind::OnReceive { body, .. }
            | StatementKind::Every { body, .. }
            | StatementKind::Repeat { body, .. }
            | StatementKind::For { body, .. }
            | StatementKind::Group { body, .. }
            | StatementKind::Retry { body, .. }
            | StatementKind::Attempt(body)
            | StatementKind::Parallel(body) => vec![body],
            StatementKind::Choose { branches } => branches.iter().map(|(_, body)| body).collect(),
            StatementKind::If { branches, otherwise } => {
                branches.iter().map(|(_, body)| body).chain(otherwise).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The forms of `receive`.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiveForm {
    /// `receive`, `receive 10`: so many messages; one where no count is written.
    Count(Option<Expr>),
    /// `receive until C`: every message up to the fitting one.
    Until(Expr),
    /// `receive for 10s`: all that arrive in that time.
    For(Expr),
    /// `receive all within 3s { ack: where C { … } … }`: several, in any order.
    All(Vec<Expected>),
    /// `receive close 1000`: the server's close.
    Close(Option<Expr>),
}

/// One message that `receive all` waits for: `ack: where C { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The whole entry.
    pub span: Span,
    /// Its label, if written.
    pub label: Option<Name>,
    /// Which message: `where C`.
    pub clauses: Clauses,
    /// Holds for it.
    pub parts: Vec<Part>,
}

/// What ends a `repeat` at the latest.
#[derive(Clone, Debug, PartialEq)]
pub enum RepeatBound {
    /// So many turns.
    Count(Expr),
    /// `for 30s`: no turn begins after so long.
    For(Expr),
}

/// How the condition of a `repeat` is meant; it is looked at before each turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopWord {
    /// As long as it holds.
    While,
    /// As long as it does not.
    Until,
}

/// What goes over a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// `text "…"`
    Text(Expr),
    /// `json VALUE`
    Json(Expr),
    /// `binary from_hex("…")`
    Binary(Expr),
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
    /// `at least 5`
    pub at_least: Option<Expr>,
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
    /// `cookie name value`
    Cookie {
        /// The whole part.
        span: Span,
        /// The cookie's name, as written.
        name: Spanned<String>,
        /// Its value.
        value: Expr,
    },
    /// `auth basic u, p`, `auth bearer t`, `auth none`
    Auth {
        /// The whole part.
        span: Span,
        /// Which, and with what.
        auth: Auth,
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
    /// `multipart { photo: file("cat.png", "image/png") }`
    Multipart {
        /// The whole part.
        span: Span,
        /// Names and values, in order.
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
    /// `redirects 5`, `redirects none`
    Redirects {
        /// The whole part.
        span: Span,
        /// How many at most; `None`: the word `none`.
        most: Option<Expr>,
    },
    /// `subprotocol "v1"`, of a socket.
    Subprotocol {
        /// The whole part.
        span: Span,
        /// Its name.
        value: Expr,
    },
    /// `http 1.1`, `cookies off`, `compression on`, of a target: the setting's name and what stands behind it, as
    /// written.
    Switch {
        /// The whole part.
        span: Span,
        /// `http`, `cookies` or `compression`.
        name: Spanned<String>,
        /// `1.1`, `2`, `auto`, `on`, `off`.
        value: Spanned<String>,
    },
    /// `tls { ca "f"; cert "f"; key "f"; verify off }`, of a target.
    Tls {
        /// The whole part.
        span: Span,
        /// `ca`, `cert`, `key` with a file, `verify` with `on` or `off`; in order.
        settings: Vec<(Spanned<String>, Spanned<String>)>,
    },
    /// `proxy "…"`, of a target.
    Proxy {
        /// The whole part.
        span: Span,
        /// Its URL.
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
        /// `secret`, where written.
        secret: Option<Span>,
        /// What is named.
        name: Name,
        /// What is looked for.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
    },
    /// `set name = extractor default value`
    Set {
        /// The whole part.
        span: Span,
        /// What is changed.
        name: Name,
        /// Its new value.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
    },
    /// `measure name = expression`
    Measure {
        /// The whole part.
        span: Span,
        /// What the number is called in the report.
        name: Name,
        /// A duration or a number.
        value: Expr,
    },
    /// Something that could not be read.
    Bad(Bad),
}

impl Item {
    /// The whole item.
    pub fn span(&self) -> Span {
        match self {
            Item::Scenario { span, .. } | Item::Use { span, .. } => *span,
            Item::Target(target) => target.span,
            Item::Let(value) => value.span,
            Item::Data(data) => data.span,
            Item::Flow(flow) => flow.span,
            Item::User(user) => user.span,
            Item::Setup(once) | Item::Teardown(once) => once.span,
            Item::Thresholds(thresholds) => thresholds.span,
            Item::Bad(bad) => bad.span,
        }
    }
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
            | Part::Capture { span, .. }
            | Part::Cookie { span, .. }
            | Part::Auth { span, .. }
            | Part::Multipart { span, .. }
            | Part::Redirects { span, .. }
            | Part::Subprotocol { span, .. }
            | Part::Switch { span, .. }
            | Part::Tls { span, .. }
            | Part::Proxy { span, .. }
            | Part::Set { span, .. }
            | Part::Measure { span, .. } => *span,
            Part::Bad(bad) => bad.span,
        }
    }
}

/// How a request says who sends it.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// `basic user, password`
    Basic(Expr, Expr),
    /// `bearer token`
    Bearer(Expr),
    /// `none`: not at all, whatever the levels above say.
    None,
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
