//! One attempt at one step, and one pass through a task.

use std::time::Duration;

use crate::base::Offset;
use crate::plan::{PointId, StepId, TaskId, UserId};

/// One attempt at one step. All times are offsets on the run's one monotonic clock.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which step.
    pub step: StepId,
    /// When the plan wanted it.
    pub due: Offset,
    /// When it could be taken up at the earliest: `due`, or later where the target kept the user busy until then.
    pub ready: Offset,
    /// When the engine took it up, before any dialling; `sent` where a connection lay ready.
    pub begun: Offset,
    /// When the first byte of the request left; `begun` where nothing was sent.
    pub sent: Offset,
    /// When its last byte was read, or we gave up on it.
    pub done: Offset,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
    /// Bytes of payload and heads that went out, for this attempt.
    pub bytes_sent: u64,
    /// Bytes of payload and heads that came in, for this attempt.
    pub bytes_received: u64,
}

impl Sample {
    /// `done - due`: what a user felt.
    pub fn response_time(&self) -> Duration {
        self.done.since(self.due)
    }

    /// `done - sent`: what the target did.
    pub fn service_time(&self) -> Duration {
        self.done.since(self.sent)
    }

    /// `begun - ready`: how late we were ourselves.
    pub fn lateness(&self) -> Duration {
        self.begun.since(self.ready)
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Ok,
    /// It failed, and here is where the first reason stands.
    Failed(ErrorKind, PointId),
}

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal;)*) => {
        /// Why a step failed: a closed set, so that it can be a label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorKind { $($(#[doc = $doc])+ $variant,)* }

        impl ErrorKind {
            /// Every kind, in the order of this list.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$variant),*];

            /// Its name in reports, labels and files.
            pub fn name(self) -> &'static str {
                match self { $(ErrorKind::$variant => $name,)* }
            }
        }
    };
}

error_kinds! {
    /// Nobody listens there.
    ConnectRefused "connect_refused";
    /// The connection was not there in time.
    ConnectTimeout "connect_timeout";
    /// The answer was not there in time.
    Timeout "timeout";
    /// The name does not resolve.
    Dns "dns";
    /// The TLS handshake failed.
    Tls "tls";
    /// The peer reset the connection.
    Reset "reset";
    /// The peer closed the connection where more was due.
    Closed "closed";
    /// What came is not HTTP or WebSocket.
    Protocol "protocol";
    /// The status is 400 or above and nothing was said about it.
    Status "status";
    /// An `expect` does not hold.
    Expect "expect";
    /// A `capture` found nothing.
    Capture "capture";
    /// An expression has no value.
    Value "value";
    /// The scenario said `fail`.
    Fail "fail";
    /// A socket's queue of messages ran over.
    Overflow "overflow";
    /// The scenario looked into a body beyond what is kept.
    BodyTooLarge "body_too_large";
    /// The host is not allowed.
    HostNotAllowed "host_not_allowed";
    /// Our own descriptors, ports or memory.
    Local "local";
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal;)*) => {
        /// Things that are counted beside samples.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)* }

        impl Counter {
            /// Every counter, in the order of this list.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant),*];

            /// Its name in reports and files.
            pub fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }
        }
    };
}

counters! {
    /// Connections opened.
    ConnectionsOpened "connections_opened";
    /// Requests sent over a connection that had carried one before.
    ConnectionsReused "connections_reused";
    /// Kept connections that the peer had closed meanwhile: nothing had been sent, and a new one was opened.
    ConnectionsStale "connections_stale";
    /// Connections that could not be opened.
    ConnectionsFailed "connections_failed";
    /// Messages that a receive did not want.
    PassedOver "messages_passed_over";
    /// Messages older than the reference of the receive that took them.
    Early "messages_early";
    /// Comparisons of different types: false, and worth knowing.
    Mistyped "mistyped_comparisons";
    /// Bodies longer than what is kept, cut off.
    BodiesCut "bodies_cut";
    /// Messages sent over sockets.
    MessagesSent "messages_sent";
    /// Messages that arrived on sockets.
    MessagesReceived "messages_received";
    /// Users that ended because their `on start` failed.
    UsersFailed "users_failed";
    /// Redirects that were answered but not followed, because there were more than the step allows.
    RedirectsRefused "redirects_refused";
    /// `for` loops that ended at their limit with items left.
    LimitsReached "limits_reached";
    /// Times that a user waited for a row of data because none was free.
    RowsWaited "rows_waited";
    /// Measured durations below zero: they count as 0.
    MeasuresNegative "measures_negative";
    /// Arrivals that no user could take.
    Dropped "iterations_dropped";
    /// Arrivals that came due and were handed to a user, or dropped.
    Arrivals "arrivals";
    /// Arrivals that were due before the end and that we came too late for.
    ArrivalsMissed "arrivals_missed";
    /// Samples that percentiles lack, because more fell into one place of a histogram than it can count.
    SamplesLost "samples_lost";
}

/// The end of one pass through a task (or of an `on start`).
#[derive(Clone, Copy, Debug)]
pub struct IterationEnd {
    /// The class.
    pub user: UserId,
    /// The task; `None` for an `on start` that failed.
    pub task: Option<TaskId>,
    /// How it ended.
    pub outcome: IterationOutcome,
    /// Wall time less pauses.
    pub time: Duration,
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationOutcome {
    /// To the last statement.
    Ok,
    /// By a failure.
    Failed,
    /// Cut off by the end of the run: in no rate.
    Abandoned,
}
