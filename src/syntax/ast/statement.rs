//! What a task does, one after another.

use super::{Bad, Delay, Expr, Name, Part, Take, Text};
use crate::base::{Span, Spanned};

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
