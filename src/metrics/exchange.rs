//! A failure with all that was there: what was asked, what came back, when, and for whom.
//!
//! Cost: nothing on the way of what succeeds. Of what fails the first few are copied out, bounded in every part.

use super::sample::ErrorKind;
use crate::base::Offset;
use crate::plan::{PointId, StepId, UserId};

/// So many failures of one kind at one step are kept with all that was there: the first says it, two more show whether
/// it varies. Of the warm-up as many again.
pub const KEPT_PER_KIND: usize = 3;
/// So many are kept of a whole run, whatever they are: at some tens of KiB each, some MiB at worst.
pub const KEPT_MAX: usize = 300;
/// So much of a body or message is kept.
pub const KEPT_BYTES_MAX: usize = 16 << 10;
/// So much of a URL or of the value of a header is kept.
pub const KEPT_VALUE_BYTES_MAX: usize = 4 << 10;
/// So many headers are kept of a request or an answer.
pub const KEPT_HEADERS_MAX: usize = 100;

/// A failure with all that was there. No secret is in any of its texts.
///
/// Times are those of the clock of its part: of the run, of `setup`, of `teardown`.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The step that failed; `None`: something outside of any.
    pub step: Option<StepId>,
    /// Where the first reason stands.
    pub point: PointId,
    /// Why.
    pub kind: ErrorKind,
    /// Why, in words.
    pub message: String,
    /// Whose.
    pub user: UserId,
    /// The user's number over the whole run.
    pub user_id: u64,
    /// Which of its iterations, from 0.
    pub iteration: u64,
    /// Whether the load was still warming up.
    pub warm_up: bool,
    /// When the plan wanted it.
    pub due: Offset,
    /// When the engine took it up.
    pub begun: Offset,
    /// When its first byte left; `None`: nothing was sent.
    pub sent: Option<Offset>,
    /// When it was over.
    pub done: Offset,
    /// What was asked.
    pub request: Option<Asked>,
    /// What came back.
    pub response: Option<Answered>,
    /// What was last said on its socket, in the order of the dialogue.
    pub messages: Vec<Spoken>,
}

/// A request as it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Where it went, whole.
    pub url: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Content,
}

/// An answer as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Who gave it, where that is another URL than the request's: it was redirected there.
    pub url: Option<String>,
    /// Its status.
    pub status: u16,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, as far as it was read and kept.
    pub body: Content,
}

/// A message on a socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Who said it.
    pub by: Speaker,
    /// When it was sent, or had arrived.
    pub at: Offset,
    /// What.
    pub body: Content,
}

/// Who said a message, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// We.
    Sent,
    /// The peer; the step took it, and failed with it.
    Taken,
    /// The peer; the step wanted another one.
    PassedOver,
    /// The peer; nobody has taken it.
    Waiting,
}

/// A body or a message, as far as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// What is kept of it.
    pub kept: Kept,
    /// How long all of it was, in bytes.
    pub size: u64,
}

/// What is kept of a body or a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// Text; it ends with `…` where it was cut off.
    Text(String),
    /// Bytes that are no text, from the first on.
    Bytes(Vec<u8>),
}

impl Speaker {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Speaker::Sent => "sent",
            Speaker::Taken => "taken",
            Speaker::PassedOver => "passed_over",
            Speaker::Waiting => "waiting",
        }
    }
}
