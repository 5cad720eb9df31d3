//! What a task does, one after another.

use super::LoopWord;
use super::{
    Call, DataId, Delay, Events, Every, Expr, Http, Let, OnReceive, Payload, Receive, ReceiveAll, ReceiveClose,
    SeriesId, SocketId, VarId, WebSocket,
};
use crate::base::Span;

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
