//! The steps: requests, dialogues, and what they want of an answer.

use std::path::PathBuf;
use std::time::Duration;

use super::{Delay, Expr, Measure, OpId, PointId, SeriesId, SlotId, SocketId, StepId, TargetId, Template};

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
    /// The size of the body, also where that is longer than what is kept.
    pub size: bool,
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
    Multipart(Vec<(String, Field)>),
    Text(Expr),
    File(Upload),
}

/// A part of a multipart body.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Field {
    /// A list is each of its items, null none.
    Value(Expr),
    File(Upload),
}

/// A file that is read while it is sent: too large to be kept in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name, without folders.
    pub name: String,
    /// Its media type, where the scenario names one.
    pub media_type: Option<String>,
    /// How long it was when it was checked: so much of it is sent.
    pub size: u64,
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
