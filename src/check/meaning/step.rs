//! The steps: requests, dialogues, and what they want of an answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Delay, Expr, Measure, SeriesId, SocketId, Statement, Step, VarId};
use crate::base::{Span, Spanned};

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

/// A file that the scenario reads with `file(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// Its media type, where one is written.
    pub media_type: Option<String>,
    /// What it holds.
    pub content: Content,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// These bytes.
    Read(Arc<Vec<u8>>),
    /// More than is kept in memory: it is read while it is sent. Only as a whole body or a whole part of one.
    OnDisk {
        /// Where it lies.
        path: PathBuf,
        /// How long it is, in bytes.
        size: u64,
    },
}
