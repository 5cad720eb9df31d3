//! What will be done: meaning + profile → flat tables with dense ids, value slots, compiled expressions, a schedule.
//!
//! Takes a sound scenario and a profile, gives a [`Plan`]. Holds no source text, only ids, values and spans; knows
//! neither sockets nor clocks.
#![deny(clippy::disallowed_methods)]

pub mod arithmetic;
mod compile;
pub mod data;
mod describe;
pub mod expr;
pub mod functions;
pub mod load;
mod outline;
pub mod profile;
pub mod reach;
pub mod schedule;
pub mod value;

use std::time::Duration;

use crate::base::{Seed, Span};
pub use crate::check::meaning::{
    Comparison, IterationTime, MeasureUnit, Metric, RETRY_SUFFIX, SeriesId, SeriesKind, When,
};
pub use compile::{Compiled, compile};
pub use describe::describe;
pub use expr::{Expr, Template};
pub use load::Load;
pub use profile::Profile;
pub use value::Value;

/// A scenario under a load, ready to run: tables that refer to each other by index.
///
/// `clone` is deep: the copy shares no literal with the original (see [`Value::unshared`]). Each load thread walks a
/// copy of its own.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's title.
    pub scenario: String,
    /// How much load.
    pub load: Load,
    /// What every draw follows from.
    pub seed: Seed,
    /// Where the load goes; [`TargetId`] is the index. At least one.
    pub targets: Vec<Target>,
    /// Evaluated once, in order, when the run starts: secrets, what `env` must find, `let`s, rows that stand in the scenario; [`expr::Expr::Constant`] is the index.
    pub constants: Vec<Expr>,
    /// Where each of them was written.
    pub constant_spans: Vec<Span>,
    /// Which values nobody may see.
    pub secrets: Secrets,
    /// Rows that users take; [`data::DataId`] is the index.
    pub data: Vec<data::Data>,
    /// The classes of users; [`UserId`] is the index.
    pub users: Vec<User>,
    /// The last of them, if it is no class of users but who does `setup` (its `on_start`) and `teardown` (its
    /// `on_stop`).
    pub once: Option<UserId>,
    /// All tasks; [`TaskId`] is the index.
    pub tasks: Vec<Task>,
    /// The rows of the report; [`SeriesId`] is the index.
    pub series: Vec<Series>,
    /// The steps as they stand in the file; [`StepId`] is the index.
    pub steps: Vec<Step>,
    /// The places where something can go wrong; [`PointId`] is the index.
    pub points: Vec<Point>,
    /// What is done, flat: blocks are runs of operations that end with [`Op::End`].
    pub ops: Vec<Op>,
    /// What the run must hold.
    pub thresholds: Vec<Threshold>,
}

/// Most bytes of JSON that what `setup` has set may make together: each load thread keeps a copy.
pub const SETUP_BYTES_MAX: usize = 1 << 20;

impl Plan {
    /// The classes of users, without who does `setup` and `teardown`.
    pub fn classes(&self) -> &[User] {
        &self.users[..self.once.map_or(self.users.len(), |once| once.0 as usize)]
    }

    /// Whether this row gets no samples because its user or task is left out of the run.
    pub fn is_left_out(&self, series: &Series) -> bool {
        let tasks =
            |class: &User| class.tasks.is_empty() || series.task.is_some_and(|task| !class.tasks.contains(&task));
        self.classes().get(series.user.0 as usize).is_some_and(tasks)
    }
}

/// Values that nobody may see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    /// One for each of [`Plan::constants`]: whether it is secret. Empty: none is.
    pub constants: Vec<bool>,
    /// The secret slots of each class, by [`UserId`]. Empty: no class has any.
    pub slots: Vec<Vec<SlotId>>,
}

/// Handle of a class of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// Handle of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u32);

/// Handle of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

/// Handle of a step as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub u32);

/// Handle of a place where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointId(pub u32);

/// Index into [`Plan::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u32);

/// Where a user keeps one named value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId(pub u32);

/// Where a user keeps one socket: sockets opened inside each other have places of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(pub u32);

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name; `None`: the default one.
    pub name: Option<String>,
    /// The base URL; evaluated once when the run starts.
    pub url: Expr,
    /// Where it was written.
    pub span: Span,
    /// As written, blanks folded.
    pub text: String,
    /// Whether users keep the cookies that it sets.
    pub cookies: bool,
    /// Its settings as written, blanks folded.
    pub settings: Vec<String>,
}

/// A class of users.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The comment above it.
    pub doc: Option<String>,
    /// Its share of all users, 0 to 1; shares sum to 1.
    pub share: f64,
    /// The pause between tasks.
    pub think: Delay,
    /// Where that stands; without `think`, the user's name.
    pub think_point: PointId,
    /// From the start of one task to that of the next, in place of `think`, and where that stands.
    pub pace: Option<(Delay, PointId)>,
    /// Its tasks run one after another as one iteration; this stands for the whole pass where iterations are counted.
    pub pass: Option<TaskId>,
    /// Each iteration is a new person.
    pub session_per_iteration: bool,
    /// The user's own values, in order, and where each stands.
    pub lets: Vec<(SlotId, Expr, PointId)>,
    /// Once, before the first task.
    pub on_start: Option<OpId>,
    /// Once, after the last task.
    pub on_stop: Option<OpId>,
    /// What such users do.
    pub tasks: Vec<TaskId>,
    /// Slots below this live as long as the user, the others as long as an iteration.
    pub user_slots: u32,
    /// How many slots a user of this class has.
    pub slots: u32,
    /// How many places for sockets.
    pub sockets: u32,
    /// Sockets in places below this live as long as the user, the others as long as an iteration or a block.
    pub user_sockets: u32,
}

/// One thing that a user does. `on_start` and `on_stop` are no tasks; they have entries of their own in
/// [`Plan::series`].
#[derive(Clone, Debug)]
pub struct Task {
    /// Its class.
    pub user: UserId,
    /// Its name; empty for the pass of a user whose tasks run in order.
    pub name: String,
    /// The comment above it.
    pub doc: Option<String>,
    /// How often it is drawn, against the other tasks of its class.
    pub weight: f64,
    /// Where it begins.
    pub start: OpId,
}

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its class.
    pub user: UserId,
    /// Its task; `None` for `on_start` and `on_stop`.
    pub task: Option<TaskId>,
    /// The task's name, or `on_start`, `on_stop`.
    pub task_name: String,
    /// The label, or method and template.
    pub name: String,
    /// `GET` …, or `WS`; empty for groups and measures.
    pub method: String,
    /// What its times mean.
    pub kind: SeriesKind,
}

/// A step as it stands in the file.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its row.
    pub series: SeriesId,
    /// Where failures of the step itself are drawn: its head.
    pub point: PointId,
    /// The comment above it.
    pub doc: Option<String>,
}

/// A place in the file where something can go wrong.
#[derive(Clone, Debug)]
pub struct Point {
    /// The place.
    pub span: Span,
    /// The step it belongs to; `None` for statements outside a step.
    pub step: Option<StepId>,
    /// What stands there.
    pub kind: PointKind,
    /// As written, blanks folded: `expect status 200`.
    pub text: String,
}

/// What stands at a [`Point`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PointKind {
    Step,
    Expect,
    Check,
    Capture,
    /// A `let`, a pause, a condition: can fail as `value`.
    Statement,
}

/// One operation of the flat program. A failed one ends the iteration.
#[derive(Clone, Debug)]
pub enum Op {
    /// An HTTP request.
    Http(Box<Http>),
    /// Dials and upgrades.
    Connect(Box<Connect>),
    /// Opens a stream of server-sent events.
    Events(Box<Events>),
    /// Leaves a stream of events: its connection is closed, without a step.
    LeaveEvents {
        /// Where it is kept.
        socket: SocketId,
    },
    /// Opens a socket that outlives its block: does that block, and goes on behind it.
    Open {
        /// Where the socket is kept.
        socket: SocketId,
        /// Its block: from [`Op::Connect`] to an [`Op::End`] of its own.
        block: OpId,
        /// Behind the block.
        behind: OpId,
    },
    /// Opens a socket of the user's again, by the block that opened it, if it has dropped.
    Reopen {
        /// Where the socket is kept.
        socket: SocketId,
    },
    /// What comes up to `behind` is done on a socket that has outlived its block: its steps say so themselves.
    With {
        /// Where it stands.
        point: PointId,
        /// Behind its last operation.
        behind: OpId,
    },
    /// A standing answer stands from here on.
    OnReceive(Box<OnReceive>),
    /// A standing timer stands from here on.
    Every(Box<Every>),
    /// One message.
    Send(Box<Send>),
    /// Messages.
    Receive(Box<Receive>),
    /// Several messages, in any order.
    ReceiveAll(Box<ReceiveAll>),
    /// The peer's close.
    ReceiveClose(Box<ReceiveClose>),
    /// A message and its answer.
    Call(Box<Call>),
    /// The closing handshake; when `leaving`, nothing if the socket is closed already.
    Close(Box<Close>),
    /// A pause.
    Pause {
        /// How long.
        delay: Delay,
        /// Where it stands.
        point: PointId,
    },
    /// A value for later.
    Let {
        /// Where it is kept.
        slot: SlotId,
        /// Its value.
        value: Expr,
        /// Where it stands.
        point: PointId,
    },
    /// The next row that is dealt to the user.
    Take {
        /// Where it is kept.
        slot: SlotId,
        /// Which data it is dealt from.
        data: data::DataId,
        /// Where it stands.
        point: PointId,
    },
    /// Goes on at `to`.
    Jump {
        /// Where.
        to: OpId,
    },
    /// Goes on at `to` unless the condition holds.
    Unless {
        /// The condition.
        condition: Expr,
        /// Where otherwise.
        to: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Sets `counter` to 0 and `limit` to the count; goes on at `end` when that is 0.
    Loop {
        /// How often.
        count: Expr,
        /// How often it has run: also what `as i` names.
        counter: SlotId,
        /// How often it will run.
        limit: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Counts; goes on at `body` while `counter` is below `limit`.
    Again {
        /// See [`Op::Loop`].
        counter: SlotId,
        /// See [`Op::Loop`].
        limit: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// As [`Op::Unless`], but goes on at `to` where the condition holds.
    When {
        /// The condition.
        condition: Expr,
        /// Where then.
        to: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Sets `counter` to 0 and `until` to the moment behind which no turn begins; goes on at `end` when that is now.
    LoopFor {
        /// How long.
        length: Expr,
        /// How often it has run: also what `as i` names.
        counter: SlotId,
        /// When it ends, since the start of the run.
        limit: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Counts; goes on at `body` while there is time.
    AgainFor {
        /// See [`Op::LoopFor`].
        counter: SlotId,
        /// See [`Op::LoopFor`].
        limit: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// Gathers the items in `list` and puts the first in `item`; goes on at `end` where there is none.
    For {
        /// What is gone through.
        items: Items,
        /// So many at most; what is left out is counted.
        most: u32,
        /// Where each item stands for the body.
        item: SlotId,
        /// Where all of them are kept.
        list: SlotId,
        /// How many have been gone through.
        counter: SlotId,
        /// Behind the loop.
        end: OpId,
        /// Where it stands.
        point: PointId,
    },
    /// Puts the next item in `item` and goes on at `body`, as long as there is one.
    Next {
        /// See [`Op::For`].
        item: SlotId,
        /// See [`Op::For`].
        list: SlotId,
        /// See [`Op::For`].
        counter: SlotId,
        /// The first operation of the body.
        body: OpId,
    },
    /// Goes on where the dice say.
    Choose {
        /// Shares of the whole with where each way begins; each ends with a jump behind.
        ways: Vec<(f64, OpId)>,
        /// Where what is missing to 1 goes on.
        behind: OpId,
    },
    /// Begins a block whose failure, time or order is its own; it ends with [`Op::Leave`].
    Enter {
        /// Which.
        block: Block,
        /// Behind the block.
        behind: OpId,
    },
    /// Ends the innermost block.
    Leave,
    /// Ends the iteration without failure.
    Stop {
        /// Ends the user, too.
        user: bool,
    },
    /// Fails.
    Fail {
        /// The message.
        why: Option<Expr>,
        /// Where it stands.
        point: PointId,
    },
    /// A line for who watches.
    Log {
        /// What it says.
        text: Expr,
        /// Where it stands.
        point: PointId,
    },
    /// A recorded number.
    Measure(Measure),
    /// The block is done.
    End,
}

impl Op {
    /// Whether it is a step: something that is sent, or waited for from a target.
    pub fn is_step(&self) -> bool {
        matches!(
            self,
            Op::Http(_)
                | Op::Connect(_)
                | Op::Events(_)
                | Op::Send(_)
                | Op::Receive(_)
                | Op::ReceiveAll(_)
                | Op::ReceiveClose(_)
                | Op::Call(_)
                | Op::Close(_)
        )
    }
}

/// A block between [`Op::Enter`] and [`Op::Leave`].
#[derive(Clone, Debug)]
pub enum Block {
    /// A failure inside ends only the block.
    Attempt,
    /// A failure inside begins it again.
    Retry {
        /// How often it begins at most.
        count: Expr,
        /// The pause before it begins again, and where that stands.
        pause: Option<(Delay, PointId)>,
        /// Where the count stands.
        point: PointId,
    },
    /// Timed as one step, less its pauses.
    Group {
        /// Its row.
        step: StepId,
    },
    /// Its HTTP steps start together.
    Parallel,
}

/// What a [`Op::For`] goes through.
#[derive(Clone, Debug)]
pub enum Items {
    /// A list.
    List(Expr),
    /// Whole numbers, both ends included.
    Range(Expr, Expr),
    /// All rows of data.
    Rows(data::DataId),
}

/// A recorded number.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its row.
    pub series: SeriesId,
    /// A duration or a number.
    pub value: Expr,
    /// Where it stands.
    pub point: PointId,
}

/// Most turns of one `repeat`; more is a `value` failure.
pub const REPEAT_MAX: u32 = 1_000_000;

/// How long a pause is.
#[derive(Clone, Debug)]
pub enum Delay {
    /// Not at all.
    None,
    /// Always as long.
    Fixed(Expr),
    /// Uniform between both.
    Range(Expr, Expr),
    /// Exponential with this mean, cut off at [`EXPONENTIAL_TIMES_MAX`] times it.
    Exponential(Expr),
}

/// An exponential pause is never longer than so many times its mean (one draw in 20,000 would be).
pub const EXPONENTIAL_TIMES_MAX: f64 = 10.0;

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it stands.
    pub step: StepId,
    /// Upper case.
    pub method: String,
    /// Where it goes, unless its path is absolute.
    pub target: TargetId,
    /// Relative to the target, or absolute; values in it are percent-encoded unless it begins with one.
    pub path: Template,
    /// All headers, those of the levels around it included; values that are literals are [`Expr::Literal`].
    pub headers: Vec<(String, Expr)>,
    /// Behind what the path already holds.
    pub query: Vec<(String, Expr)>,
    /// Cookies beside those that the user keeps; null leaves one out.
    pub cookies: Vec<(String, Expr)>,
    /// Its body.
    pub body: Body,
    /// From due to the last byte, redirects included.
    pub timeout: Duration,
    /// How many redirects are followed; 0: a redirect is an answer like others.
    pub redirects: u32,
    /// What is asked of the answer, in order.
    pub parts: Vec<Part>,
    /// What of the answer the parts look at.
    pub looks_at: LooksAt,
}

/// What of an answer a step looks at: what it does not look at is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LooksAt {
    /// The body's text or JSON.
    pub body: bool,
    /// The SHA-256 of the body, also where that is longer than what is kept.
    pub digest: bool,
    /// The status: then 400 and above is no failure by itself.
    pub status: bool,
}

/// The body of a request.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Body {
    None,
    Json(Expr),
    Form(Vec<(String, Expr)>),
    Multipart(Vec<(String, Expr)>),
    Text(Expr),
}

/// Dials and upgrades.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The step `connect`.
    pub step: StepId,
    /// Where the socket is kept.
    pub socket: SocketId,
    /// The upgrade, but for what makes it one.
    pub request: Http,
    /// What is offered as the protocol spoken on it: one, or several with commas between.
    pub subprotocol: Option<Expr>,
    /// The step of closing it when its owner's life ends; `None`: its block ends with an [`Op::Close`].
    pub leaves: Option<StepId>,
}

/// Sends a request whose answer is a stream of server-sent events.
#[derive(Clone, Debug)]
pub struct Events {
    /// The step `connect`.
    pub step: StepId,
    /// Where the stream is kept.
    pub socket: SocketId,
    /// The request; its parts look at the answer's head.
    pub request: Http,
}

/// What goes over a socket.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Payload {
    Text(Expr),
    Json(Expr),
    /// Bytes: see [`Value`].
    Binary(Expr),
}

/// One message.
#[derive(Clone, Debug)]
pub struct Send {
    /// Where it stands.
    pub step: StepId,
    /// Over which socket.
    pub socket: SocketId,
    /// What is sent.
    pub payload: Payload,
    /// Until it is flushed.
    pub timeout: Duration,
}

/// A standing answer: its body runs for each message that fits, while the user waits for something else.
#[derive(Clone, Debug)]
pub struct OnReceive {
    /// On which socket; it stands as long as that lives.
    pub socket: SocketId,
    /// Which messages; `None`: all.
    pub condition: Option<Expr>,
    /// Whether the message stays for receives.
    pub keep: bool,
    /// What is done: up to an [`Op::End`] of its own. Expressions look into the message.
    pub body: OpId,
    /// Behind the body.
    pub behind: OpId,
    /// Where it stands.
    pub point: PointId,
}

/// A standing timer: its body runs again and again, while the user waits for something else.
#[derive(Clone, Debug)]
pub struct Every {
    /// On which socket; it stands as long as that lives.
    pub socket: SocketId,
    /// From one time to the next; at least [`EVERY_MIN`].
    pub interval: Delay,
    /// What is done: up to an [`Op::End`] of its own.
    pub body: OpId,
    /// Behind the body.
    pub behind: OpId,
    /// Where it stands.
    pub point: PointId,
}

/// Less than this never lies between one turn of a standing timer and the next.
pub const EVERY_MIN: Duration = Duration::from_millis(1);

/// Messages.
#[derive(Clone, Debug)]
pub struct Receive {
    /// Where it stands.
    pub step: StepId,
    /// From which socket.
    pub socket: SocketId,
    /// How many.
    pub form: ReceiveForm,
    /// Which; others are passed over and counted.
    pub condition: Option<Expr>,
    /// For the whole step; with [`ReceiveForm::For`] its length holds instead.
    pub within: Duration,
    /// What it is timed from; `None`: the end of the socket's previous step, then message by message.
    pub since: Option<Since>,
    /// Holds for each message.
    pub parts: Vec<Part>,
}

/// How many messages a receive takes.
#[derive(Clone, Debug)]
pub enum ReceiveForm {
    /// So many; `None`: one.
    Count(Option<Expr>),
    /// Every message up to the one that fits, and that one, whether the receive's own condition lets it pass or not.
    Until(Expr),
    /// All that arrive from the step's start on in that time.
    For {
        /// How long.
        length: Expr,
        /// Fewer are a failure.
        at_least: Option<Expr>,
    },
}

/// Several messages, in any order; only what arrives after the reference.
#[derive(Clone, Debug)]
pub struct ReceiveAll {
    /// From which socket.
    pub socket: SocketId,
    /// Which; a message is the first one's that it fits and that has none yet.
    pub expected: Vec<Expected>,
    /// For all of them.
    pub within: Duration,
    /// What each is timed from; `None`: the end of the socket's previous step.
    pub since: Option<Since>,
    /// Where it stands.
    pub point: PointId,
}

/// One message of several.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Where it stands.
    pub step: StepId,
    /// Which; `None`: any.
    pub condition: Option<Expr>,
    /// Holds for it.
    pub parts: Vec<Part>,
}

/// The peer's close frame; messages before it are passed over and counted.
#[derive(Clone, Debug)]
pub struct ReceiveClose {
    /// Where it stands.
    pub step: StepId,
    /// Of which socket.
    pub socket: SocketId,
    /// The code that it must bear; `None`: any, or none.
    pub code: Option<u16>,
    /// Until it is there.
    pub within: Duration,
    /// What it is timed from; `None`: the end of the socket's previous step.
    pub since: Option<Since>,
}

/// A message and its answer.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where it stands.
    pub step: StepId,
    /// Over which socket.
    pub socket: SocketId,
    /// What is sent.
    pub payload: Payload,
    /// Which answer; `None`: the next message that arrives after the sending began.
    pub condition: Option<Expr>,
    /// For the whole step.
    pub within: Duration,
    /// Holds for the answer.
    pub parts: Vec<Part>,
}

/// The closing handshake.
#[derive(Clone, Debug)]
pub struct Close {
    /// Where it stands.
    pub step: StepId,
    /// Of which socket.
    pub socket: SocketId,
    /// The close code.
    pub code: u16,
    /// The reason.
    pub reason: Option<Expr>,
    /// Until the peer's own close frame.
    pub timeout: Duration,
    /// True at the end of the block: then a closed socket is left without a step.
    pub leaving: bool,
}

/// What a receive is timed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The dial.
    Connect,
    /// The latest begin of a step in this row on this socket.
    Step(SeriesId),
}

/// What is asked of an answer.
#[derive(Clone, Debug)]
pub enum Part {
    /// Must hold, or the step fails.
    Expect {
        /// What must hold.
        condition: Expr,
        /// The message when it does not.
        otherwise: Option<Expr>,
        /// Where it stands.
        point: PointId,
    },
    /// Is counted.
    Check {
        /// What is counted.
        condition: Expr,
        /// Where it stands.
        point: PointId,
    },
    /// A value for later.
    Capture {
        /// Where it is kept.
        slot: SlotId,
        /// What is looked for.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
        /// Where it stands.
        point: PointId,
    },
    /// A recorded number.
    Measure(Measure),
}

/// What the run must hold.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// As written, blanks folded.
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

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Subject {
    Run,
    User(UserId),
    Task(TaskId),
    /// These rows, pooled.
    Series(Vec<SeriesId>),
    /// These rows, each on its own.
    Each(Vec<SeriesId>),
}
