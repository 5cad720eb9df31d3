//! The whole, and what its parts are called.

use super::{Expr, Statement, Threshold};
use crate::base::{Span, Spanned};
use crate::check::table::Table;
use crate::check::tls::Tls;

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
    /// Whether answers may come compressed, and are taken apart.
    pub compression: bool,
    /// The proxy on the way to it.
    pub proxy: Option<Expr>,
    /// The version of HTTP that is spoken with it.
    pub http: Version,
    /// How TLS is spoken with it.
    pub tls: Tls,
    /// Its settings as written, in order.
    pub settings: Vec<Span>,
}

/// `http 1.1`, `http 2`, `http auto`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1, whatever else the server could do.
    One,
    /// HTTP/2 alone: over TLS nothing else is offered, over plain TCP it is spoken from the first byte.
    Two,
    /// HTTP/2 where the server chooses it in the handshake of TLS, else HTTP/1.1.
    #[default]
    Auto,
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
