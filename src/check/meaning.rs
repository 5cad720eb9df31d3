//! What a scenario means: every name a handle, every value typed, every default filled in.

use std::time::Duration;

use crate::base::{ByteSize, Rate, Share, Span, Spanned};

/// A whole scenario.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Its title.
    pub title: String,
    /// Where the load goes, in file order; [`Http::target`] is the index. Empty only in a scenario that is not sound.
    pub targets: Vec<Target>,
    /// Constants, evaluated once when the run starts, in order.
    pub lets: Vec<Let>,
    /// The secrets that it reads, each name once and where it first stands; [`ExprKind::Secret`] is the index.
    pub secrets: Vec<Spanned<String>>,
    /// The variables that `env` reads without a default, as [`Scenario::secrets`]; [`ExprKind::Env`] is the index.
    pub environment: Vec<Spanned<String>>,
    /// Rows that users take; [`DataId`] is the index.
    pub data: Vec<Data>,
    /// The classes of users, in file order.
    pub users: Vec<User>,
    /// Who does `setup` and `teardown`: a class of its own behind [`Scenario::users`], of which one lives before all of
    /// them and after; `on_start` is `setup`, `on_stop` is `teardown`.
    pub once: Option<User>,
    /// Every value that has a name; [`VarId`] is the index.
    pub variables: Vec<Variable>,
    /// Every socket; [`SocketId`] is the index.
    pub sockets: Vec<Socket>,
    /// The rows of the report; [`SeriesId`] is the index. Ordered by user, then task, then first place in the file.
    pub series: Vec<Series>,
    /// What the run must hold.
    pub thresholds: Vec<Threshold>,
    /// The comment blocks right above statements of tasks, with the statement each speaks of, in order of place.
    pub docs: Vec<(Span, String)>,
}

impl Scenario {
    /// The class of this index: one of the users, or who does `setup` and `teardown`.
    pub fn class(&self, index: usize) -> &User {
        self.users.get(index).or(self.once.as_ref()).expect("rows and values belong to a class")
    }
}

/// Handle of a named value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarId(pub u32);

/// Handle of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// A socket, or the stream of an `events` block.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Its name, where it outlives its block.
    pub name: Option<Spanned<String>>,
    /// Whose it is.
    pub owner: Owner,
}

/// Handle of a row of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// Handle of rows that users take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataId(pub u32);

/// Rows that users take.
#[derive(Clone, Debug)]
pub struct Data {
    /// What they are called.
    pub name: Spanned<String>,
    /// The comment above.
    pub doc: Option<String>,
    /// The whole item.
    pub span: Span,
    /// The rows.
    pub rows: Rows,
    /// The columns with what is known of their types; none where each row is a single value.
    pub columns: Vec<(String, Type)>,
    /// What is known of a row.
    pub ty: Type,
    /// Which row a user gets.
    pub pick: Pick,
    /// What happens when there is none left.
    pub when_empty: WhenEmpty,
}

/// Where rows are.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Out of a file.
    Table(std::sync::Arc<Table>),
    /// A list in the scenario, and how many items it has; evaluated once when the run starts.
    Inline(Expr, u32),
    /// A hole, only in what is not sound.
    Bad,
}

/// Which row a user gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// By the user's number: the rows in their order.
    Sequential,
    /// Drawn from the user's dice.
    Random,
    /// As `Sequential`, over rows in an order that the seed decides.
    Shuffle,
    /// One that no other living user holds.
    Unique,
}

/// What happens when there is no row left for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenEmpty {
    /// Rows come round again; of `unique` ones the user waits for one.
    Recycle,
    /// The user ends, without failure, and is not replaced.
    Stop,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name and where it was declared.
    pub name: Spanned<String>,
    /// Whose it is.
    pub owner: Owner,
    /// What is known of its type.
    pub ty: Type,
    /// Whether `capture secret` says so; what is computed from secrets is one too, whatever stands here.
    pub secret: bool,
}

/// Whose a named value is, and so how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The whole run's: evaluated once, the same for everyone.
    Run,
    /// A user's, for its life; the index into [`Scenario::users`].
    User(usize),
    /// An iteration's; the index into [`Scenario::users`].
    Iteration(usize),
}

/// What is known of a value before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Null,
    Bool,
    Number,
    String,
    Duration,
    Rate,
    Share,
    Size,
    List,
    /// A row of this data: its columns are known.
    Row(DataId),
    /// Known only at run time: what `json` extracts, an object, a member.
    Json,
    /// A hole: nothing more is said about it.
    Unknown,
}

/// A row of the report: steps with the same label or template in the same task are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Index into [`Scenario::users`].
    pub user: usize,
    /// The task's name, or `on_start`, `on_stop`.
    pub task: String,
    /// The label, or method and template: `GET /users/${id}`, `receive /api/ws`.
    pub name: String,
    /// `GET` …, or `WS` for socket steps; empty for groups and measures.
    pub method: String,
    /// What its times mean.
    pub kind: SeriesKind,
}

/// What the times of a row mean, and whether they count in metrics without `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SeriesKind {
    Http,
    Connect,
    Send,
    /// Without `since`: a gap or a wait, not a latency.
    Receive,
    Call,
    Close,
    /// The earlier, failed tries of a step inside `retry`: requests that were made, but no failures of the run.
    Retry,
    /// A whole block, less its pauses. No request.
    Group,
    /// What `measure` records. No request.
    Measure(MeasureUnit),
}

/// What a `measure` records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureUnit {
    /// A duration.
    Time,
    /// A plain number.
    Number,
}

/// What stands behind a row's name for the row of its failed tries inside `retry`.
pub const RETRY_SUFFIX: &str = " (retry)";

impl SeriesKind {
    /// Whether its times are waits for an answer, and so count in times of the run, of tasks and users.
    pub fn is_timed(self) -> bool {
        matches!(self, SeriesKind::Http | SeriesKind::Call)
    }

    /// Whether its samples are requests, and so count in totals.
    pub fn is_request(self) -> bool {
        !matches!(self, SeriesKind::Group | SeriesKind::Measure(_))
    }
}

/// Where the load goes, with the defaults of every request.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name; `None`: the default one, where paths without a name go.
    pub name: Option<Spanned<String>>,
    /// The base URL.
    pub url: Expr,
    /// Whether users keep the cookies that it sets.
    pub cookies: bool,
    /// Its settings as written, in order.
    pub settings: Vec<Span>,
    /// Those of them that this version cannot do.
    pub waiting: Vec<Span>,
}

/// `let name = value`
#[derive(Clone, Debug)]
pub struct Let {
    /// What is named.
    pub variable: VarId,
    /// Its value.
    pub value: Expr,
    /// The whole statement.
    pub span: Span,
}

/// A class of virtual users.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: Spanned<String>,
    /// The comment above it.
    pub doc: Option<String>,
    /// Its share of the users where no mix applies. Not negative.
    pub weight: f64,
    /// The pause between tasks.
    pub think: Delay,
    /// From the start of one task to that of the next, in place of `think`.
    pub pace: Option<Expr>,
    /// Its tasks run one after another, as one iteration, instead of being drawn by weight.
    pub in_order: bool,
    /// Each iteration is a new person: cookies, values, rows, connections and `on start` begin anew.
    pub session_per_iteration: bool,
    /// The user's own values, evaluated when it starts, in order.
    pub lets: Vec<Let>,
    /// Once, before the first task.
    pub on_start: Vec<Statement>,
    /// Once, after the last task.
    pub on_stop: Vec<Statement>,
    /// What such a user does.
    pub tasks: Vec<Task>,
    /// Whether who runs the scenario wants none of them.
    pub left_out: bool,
}

/// How long a pause is.
#[derive(Clone, Debug)]
pub enum Delay {
    /// Not at all.
    None,
    /// Always as long. The value is a duration.
    Fixed(Expr),
    /// Uniform between both. The values are durations.
    Range(Expr, Expr),
    /// Exponential with this mean.
    Exponential(Expr),
}

/// One thing that a user does.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: Spanned<String>,
    /// The comment above it.
    pub doc: Option<String>,
    /// How often it is drawn, against the other tasks of the class. Not negative.
    pub weight: f64,
    /// What is done.
    pub body: Vec<Statement>,
    /// The user's sockets that it uses.
    pub sockets: Vec<SocketId>,
    /// Whether who runs the scenario does not want it.
    pub left_out: bool,
}

/// One statement, understood.
#[derive(Clone, Debug)]
pub enum Statement {
    /// An HTTP request.
    Http(Http),
    /// A socket that lives as long as its block, or outlives it.
    WebSocket(WebSocket),
    /// A stream of server-sent events that lives as long as its block.
    Events(Events),
    /// Steps on a socket that has outlived its block.
    With {
        /// Which.
        socket: SocketId,
        /// What happens on it.
        body: Vec<Statement>,
        /// Its name, as it is used here.
        name: Span,
    },
    /// A standing answer on the innermost socket.
    OnReceive(OnReceive),
    /// A standing timer on the innermost socket.
    Every(Every),
    /// One message to the innermost socket.
    Send {
        /// Where it stands in the report and in the file.
        step: Step,
        /// What is sent.
        payload: Payload,
    },
    /// Messages from the innermost socket.
    Receive(Receive),
    /// Several messages from the innermost socket, in any order.
    ReceiveAll(ReceiveAll),
    /// The peer's close of the innermost socket.
    ReceiveClose(ReceiveClose),
    /// A message and the answer that fits.
    Call(Call),
    /// The closing handshake of the innermost socket.
    Close {
        /// Where it stands in the report and in the file.
        step: Step,
        /// The close code: 1000, or 3000 to 4999.
        code: u16,
        /// The reason; at most 123 bytes are sent.
        reason: Option<Expr>,
    },
    /// A pause.
    Pause(Delay),
    /// Bounded repetition.
    Repeat {
        /// How often at most, or how long.
        bound: Repeat,
        /// Counts from 0.
        index: Option<VarId>,
        /// Looked at before each turn.
        condition: Option<(LoopWord, Expr)>,
        /// What is repeated.
        body: Vec<Statement>,
    },
    /// The same for each of some items.
    For {
        /// What each is called.
        item: VarId,
        /// What is gone through.
        items: Items,
        /// Most items that are gone through.
        limit: u32,
        /// What is done for each.
        body: Vec<Statement>,
    },
    /// One of several ways, drawn.
    Choose {
        /// Shares of the whole with their statements; what is missing to 1 does nothing.
        branches: Vec<(f64, Vec<Statement>)>,
    },
    /// A block that is told as one step.
    Group {
        /// Where it stands.
        step: Step,
        /// What is timed.
        body: Vec<Statement>,
    },
    /// A block that is done until it succeeds.
    Retry(Retry),
    /// A block whose failure ends only itself.
    Attempt(Vec<Statement>),
    /// A block whose steps start together.
    Parallel(Vec<Statement>),
    /// The end of the iteration, or of the user, without failure.
    Stop {
        /// The user's, not only the iteration's.
        user: bool,
    },
    /// The end of the iteration, with failure.
    Fail {
        /// The message.
        why: Option<Expr>,
        /// The whole statement.
        span: Span,
    },
    /// A line for who watches.
    Log {
        /// What it says.
        text: Expr,
        /// The whole statement.
        span: Span,
    },
    /// A recorded number.
    Measure(Measure),
    /// A branch.
    If {
        /// Conditions with their statements, in order.
        branches: Vec<(Expr, Vec<Statement>)>,
        /// When none holds.
        otherwise: Vec<Statement>,
    },
    /// A value for later, or another one for a name that has one.
    Let(Let),
    /// What a call of a flow does.
    Sequence(Vec<Statement>),
}

/// What ends a `repeat` at the latest.
#[derive(Clone, Debug)]
pub enum Repeat {
    /// So many turns: a number.
    Count(Expr),
    /// No turn begins after so long: a duration.
    For(Expr),
}

/// What a `for` goes through.
#[derive(Clone, Debug)]
pub enum Items {
    /// A list.
    List(Expr),
    /// Whole numbers, both ends included.
    Range(Expr, Expr),
    /// All rows of data, in their order, and where it is named.
    Rows(DataId, Span),
}

/// A block that is done until it succeeds.
#[derive(Clone, Debug)]
pub struct Retry {
    /// How often at most: a number.
    pub count: Expr,
    /// The pause before the next attempt.
    pub every: Option<Delay>,
    /// What is tried.
    pub body: Vec<Statement>,
}

/// A recorded number.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its row.
    pub series: SeriesId,
    /// A duration or a number.
    pub value: Expr,
    /// The whole statement.
    pub span: Span,
}

/// Where a step stands: in the report and in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its row.
    pub series: SeriesId,
    /// Its head: label, method and path, or keyword and payload, without the block.
    pub span: Span,
}

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it stands.
    pub step: Step,
    /// Upper case.
    pub method: String,
    /// Where it goes: index into [`Scenario::targets`].
    pub target: usize,
    /// Relative to the target, or absolute.
    pub path: Template,
    /// All headers that are said, those of the levels around it included; null leaves one out.
    pub headers: Vec<(Spanned<String>, Expr)>,
    /// Behind what the path already holds, levels included. A list repeats the key, null leaves it out.
    pub query: Vec<(String, Expr)>,
    /// Cookies beside those that the user keeps, levels included; null leaves one out.
    pub cookies: Vec<(Spanned<String>, Expr)>,
    /// Its body.
    pub body: Body,
    /// From due to the last byte.
    pub timeout: Duration,
    /// How many redirects are followed.
    pub redirects: u32,
    /// What is asked of the answer, in order.
    pub parts: Vec<Part>,
}

/// The body of a request.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Body {
    None,
    Json(Expr),
    Form(Vec<(String, Expr)>),
    /// Parts with names: texts and files.
    Multipart(Vec<(String, Expr)>),
    /// Text or bytes as they are.
    Text(Expr),
}

/// A socket that lives as long as its block, or outlives it.
#[derive(Clone, Debug)]
pub struct WebSocket {
    /// Which.
    pub socket: SocketId,
    /// Whether it is left open behind the block: until its owner ends.
    pub outlives: bool,
    /// The upgrade; its step is `connect`.
    pub request: Http,
    /// What is offered as the protocol spoken on it: one, or several with commas between.
    pub subprotocol: Option<Expr>,
    /// The step `close`, taken when the block, or its owner's life, is left while the socket is open.
    pub close: Step,
    /// What happens on it.
    pub body: Vec<Statement>,
}

/// A stream of server-sent events that lives as long as its block.
#[derive(Clone, Debug)]
pub struct Events {
    /// Which.
    pub socket: SocketId,
    /// The request that it is the answer to; its step is `connect`, and its parts look at the answer's head.
    pub request: Http,
    /// What happens on it.
    pub body: Vec<Statement>,
}

/// A standing answer: what is done with messages that fit, as long as the socket lives.
#[derive(Clone, Debug)]
pub struct OnReceive {
    /// Which messages; `None`: all.
    pub condition: Option<Expr>,
    /// Whether the message stays for the dialogue.
    pub keep: bool,
    /// What is done; looks into the message.
    pub body: Vec<Statement>,
    /// The statement without its block.
    pub head: Span,
}

/// A standing timer: what is done again and again, as long as the socket lives.
#[derive(Clone, Debug)]
pub struct Every {
    /// From one time to the next.
    pub interval: Delay,
    /// What is done.
    pub body: Vec<Statement>,
    /// The statement without its block.
    pub head: Span,
}

/// Messages from a socket.
#[derive(Clone, Debug)]
pub struct Receive {
    /// Where it stands.
    pub step: Step,
    /// How many messages.
    pub form: ReceiveForm,
    /// Which messages; others are passed over.
    pub condition: Option<Expr>,
    /// For the whole step.
    pub within: Option<Duration>,
    /// The step from whose start it is timed.
    pub since: Option<Since>,
    /// Holds for each message.
    pub parts: Vec<Part>,
}

/// How many messages a receive takes.
#[derive(Clone, Debug)]
pub enum ReceiveForm {
    /// So many: a number. `None`: one.
    Count(Option<Expr>),
    /// Every message up to the one that fits, and that one.
    Until(Expr),
    /// All that arrive in that time.
    For {
        /// How long: a duration.
        length: Expr,
        /// Fewer are a failure: a number. `None`: any number will do.
        at_least: Option<Expr>,
    },
}

/// Several messages from a socket, in any order.
#[derive(Clone, Debug)]
pub struct ReceiveAll {
    /// The statement without its messages.
    pub head: Span,
    /// Which messages, in the order in which they are tried.
    pub expected: Vec<Expected>,
    /// For the whole statement.
    pub within: Option<Duration>,
    /// The step from whose start each is timed.
    pub since: Option<Since>,
}

/// One message of several.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Where it stands.
    pub step: Step,
    /// Which message; `None`: any.
    pub condition: Option<Expr>,
    /// Holds for it.
    pub parts: Vec<Part>,
}

/// The peer's close.
#[derive(Clone, Debug)]
pub struct ReceiveClose {
    /// Where it stands.
    pub step: Step,
    /// The code that it must bear; `None`: any, or none.
    pub code: Option<u16>,
    /// For the whole step.
    pub within: Option<Duration>,
    /// The step from whose start it is timed.
    pub since: Option<Since>,
}

/// A message and the answer that fits.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where it stands.
    pub step: Step,
    /// What is sent.
    pub payload: Payload,
    /// Which answer; `None`: the next message.
    pub condition: Option<Expr>,
    /// For the whole step.
    pub within: Option<Duration>,
    /// Holds for the answer.
    pub parts: Vec<Part>,
}

/// What `since` refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// `since connect`: the dial.
    Connect,
    /// The latest run of the steps in this row on this socket.
    Step(SeriesId),
}

/// What goes over a socket.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Payload {
    Text(Expr),
    Json(Expr),
    Binary(Expr),
}

/// What is asked of an answer.
#[derive(Clone, Debug)]
pub enum Part {
    /// Must hold, or the step fails.
    Expect {
        /// What must hold: a condition.
        condition: Expr,
        /// The message when it does not.
        otherwise: Option<Expr>,
        /// The whole part.
        span: Span,
    },
    /// Is counted.
    Check {
        /// What is counted: a condition.
        condition: Expr,
        /// The whole part.
        span: Span,
    },
    /// A value for later.
    Capture {
        /// What is named.
        variable: VarId,
        /// What is looked for.
        value: Expr,
        /// What stands in when nothing is found; without it the step fails.
        default: Option<Expr>,
        /// The whole part.
        span: Span,
    },
    /// A recorded number.
    Measure(Measure),
}

/// Text with values in it.
#[derive(Clone, Debug)]
pub struct Template {
    /// As written.
    pub span: Span,
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Piece {
    Literal(String),
    Value(Expr),
}

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

pub use super::table::{Cell, Table};
pub use crate::syntax::ast::{BinaryOperator as Operator, LoopWord, StatusPattern};

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

/// A file that the scenario reads with `file(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// Its media type, where one is written.
    pub media_type: Option<String>,
    /// What it holds.
    pub bytes: Vec<u8>,
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

/// What the run must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As written, blanks folded: `p95 of http < 300ms`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What is measured.
    pub metric: Metric,
    /// Whose.
    pub subject: Subject,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what, in the metric's unit: seconds, a share, a rate a second, a count or a measured number.
    pub limit: f64,
    /// When it is judged, and what follows.
    pub when: When,
}

/// When a threshold is judged, and what follows. All durations are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, over the whole run.
    AtEnd,
    /// `over 30s`: in windows of that length that follow one another.
    Windows(Duration),
    /// `abort if …`: each second over all so far, or with `for 10s` over the last of that length; where it holds, the
    /// run ends.
    Abort(Option<Duration>),
}

/// What a threshold measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A time at a percentile, 0 to 100.
    Percentile(f64),
    /// The least time.
    Min,
    /// The mean time.
    Mean,
    /// The greatest time.
    Max,
    /// The same of whole iterations, less their pauses.
    IterationTime(IterationTime),
    /// Failed of all.
    ErrorRate,
    /// Passed of all checks.
    Checks,
    /// So many a second.
    Rate,
    /// So many.
    Count,
    /// So many arrivals that no user could take.
    Dropped,
}

/// Which time of iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum IterationTime {
    Percentile(f64),
    Min,
    Mean,
    Max,
}

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Everything.
    Run,
    /// One class of users: its HTTP steps and calls, its iterations. Index into [`Scenario::users`].
    User(usize),
    /// One task: user and task index.
    Task(usize, usize),
    /// These rows, pooled.
    Series(Vec<SeriesId>),
    /// `every step`: these rows, each on its own.
    Each(Vec<SeriesId>),
}

/// How a threshold compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}
