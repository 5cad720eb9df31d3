//! What happens to one user, told as it happens: for `scn try`, and for the lines of `log`.
//!
//! A run without a listener pays one comparison where something could be told. What is told borrows from the user:
//! a listener that wants to keep something copies it. Texts come as they are; [`Scene::hide`] puts `***` where a
//! secret stands, and a listener passes everything through it that it shows.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request};

use super::body::{Body, Payload};
use super::user::User;
use crate::base::Offset;
use crate::metrics::{ErrorKind, IterationOutcome};
use crate::plan::{PointId, SlotId, StepId, TaskId, UserId, Value};

/// Who wants to know what happens. Lives on one load thread; is called in the middle of everything, so it neither waits
/// nor calls back.
pub trait Trace {
    /// Something happened to a user.
    fn tell(&self, scene: &Scene<'_>, event: &Event<'_>);

    /// Whether it wants what is only worked out to be told, and bodies that no step looks into; else it hears of them
    /// less.
    fn wants_all(&self) -> bool {
        true
    }
}

/// Makes the listener of a load thread, on that thread.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn() -> Rc<dyn Trace> + Send + Sync>);

impl Listener {
    /// A listener for each thread, made by `make`.
    pub fn new(make: impl Fn() -> Rc<dyn Trace> + Send + Sync + 'static) -> Listener {
        Listener(Arc::new(make))
    }

    pub(super) fn make(&self) -> Rc<dyn Trace> {
        (self.0)()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Where something happens: to whom, and when.
pub struct Scene<'a> {
    /// Its class.
    pub class: UserId,
    /// Its number over the whole run.
    pub id: u64,
    /// Which iteration it is in.
    pub iteration: u64,
    /// Since the start of the run.
    pub at: Offset,
    user: &'a User,
}

impl Scene<'_> {
    /// `text` with `***` in place of every secret that the run or this user knows.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.user.hide(text)
    }
}

/// What is done in one go, from its first step to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Part {
    Setup,
    OnStart,
    Task(TaskId),
    OnStop,
    Teardown,
}

/// A message on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Bytes that came as text where `text` says so, as far as they are text at all.
    pub fn of(bytes: &'a [u8], text: bool) -> Message<'a> {
        match std::str::from_utf8(bytes) {
            Ok(read) if text => Message::Text(read),
            _ => Message::Binary(bytes),
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A part of the scenario begins.
    Begun(Part),
    /// It has ended so.
    Ended(Part, IterationOutcome),
    /// A request leaves; where it is redirected, its first.
    Request {
        /// Which step.
        step: StepId,
        /// The request as it goes out: for a socket, its upgrade.
        method: &'a str,
        /// Where it goes, whole.
        url: &'a str,
        /// All headers.
        headers: &'a HeaderMap,
        /// The body as far as it lies in memory; what is read from a file while it is sent is not in it.
        body: &'a [u8],
        /// How long the whole body is.
        size: u64,
    },
    /// An answer has sent the request elsewhere, and it went there; told once the last answer has come.
    Redirected {
        /// Which step.
        step: StepId,
        /// The status of the answer that said so.
        status: u16,
        /// The method of the request that followed.
        method: &'a str,
        /// Where that went, whole.
        url: &'a str,
    },
    /// An answer has come, to its last byte.
    Response {
        /// Which step.
        step: StepId,
        /// Its status.
        status: u16,
        /// Its headers.
        headers: &'a HeaderMap,
        /// The body as far as it was kept.
        body: &'a [u8],
        /// How long the whole body was; what was not kept is not in `body`.
        size: u64,
        /// From due to its last byte.
        time: Duration,
    },
    /// A socket or an event stream is open.
    Opened {
        /// The step `connect`.
        step: StepId,
        /// From due to the finished upgrade.
        time: Duration,
    },
    /// A message has gone out.
    Sent {
        /// Which step.
        step: StepId,
        /// The message.
        message: Message<'a>,
    },
    /// A step has taken a message.
    Received {
        /// Which step.
        step: StepId,
        /// The message.
        message: Message<'a>,
        /// What the step's sample says.
        time: Duration,
    },
    /// A step has passed over a message.
    PassedOver {
        /// Which step.
        step: StepId,
        /// The message.
        message: Message<'a>,
    },
    /// A socket is closed: by the step `close`, or by the peer.
    Closed {
        /// Which step.
        step: StepId,
        /// How long the closing handshake took.
        time: Duration,
    },
    /// An `expect` or `check` was looked at.
    Judged {
        /// Where it stands.
        point: PointId,
        /// Whether it holds.
        held: bool,
        /// What was found: where it holds the value that was looked at, else why it does not.
        actual: Option<String>,
    },
    /// A name has a value now: by `capture`, `let`, `set`, `take`.
    Value {
        /// Where it stands; `None` for what has no place of its own.
        point: Option<PointId>,
        /// The name's slot.
        slot: SlotId,
        /// The value.
        value: &'a Value,
    },
    /// `measure` has recorded something.
    Measured {
        /// Where it stands.
        point: PointId,
        /// What.
        value: &'a Value,
    },
    /// `log`.
    Log {
        /// Where it stands.
        point: PointId,
        /// What.
        text: &'a str,
    },
    /// The user waits by its own will.
    Pause {
        /// How long.
        length: Duration,
    },
    /// A group, a retry's next attempt, a flow: what begins here, in the author's words.
    Entered {
        /// Where it stands.
        point: PointId,
        /// More about it: `attempt 2 of 10`.
        note: &'a str,
    },
    /// Something failed, here and so. In `attempt` and `retry` the user goes on.
    Failed {
        /// Where.
        point: PointId,
        /// Of which kind.
        kind: ErrorKind,
        /// Why, in words.
        why: &'a str,
    },
}

impl User {
    /// Tells the thread's listener, if there is one. The event is made only then.
    #[inline]
    pub(super) fn tell<'e>(&self, event: impl FnOnce() -> Event<'e>) {
        if let Some(trace) = &self.thread.trace {
            self.tell_it(&**trace, &event());
        }
    }

    /// Whether anybody listens: for what is only worked out to be told.
    #[inline]
    pub(super) fn is_told(&self) -> bool {
        self.thread.trace.as_ref().is_some_and(|trace| trace.wants_all())
    }

    /// Tells of a request that is about to leave for `url`.
    #[inline]
    pub(super) fn tell_request(&self, step: StepId, url: &str, request: &Request<Body>, payload: &Payload) {
        if self.is_told() {
            let (body, size) = (payload.beginning(usize::MAX), payload.size());
            let (method, headers) = (request.method().as_str(), request.headers());
            self.tell(|| Event::Request { step, method, url, headers, body: &body, size });
        }
    }

    #[cold]
    fn tell_it(&self, trace: &dyn Trace, event: &Event<'_>) {
        let at = self.thread.clock.now();
        let scene = Scene { class: self.class, id: self.id, iteration: self.iteration, at, user: self };
        trace.tell(&scene, event);
    }

    /// `text` with `***` in place of every secret.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let slots = self.thread.plan.secrets.slots.get(self.class.0 as usize).map_or(&[][..], Vec::as_slice);
        self.thread.veil.hide(text, slots.iter().filter_map(|slot| self.slots[slot.0 as usize].as_ref()))
    }
}
