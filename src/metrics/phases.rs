//! Where the time between a request and its answer goes, by target.

use super::Times;

/// A part of the time that a request takes. Their order is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a connection of the user's own to be free.
    Blocked,
    /// Looking a name up.
    Dns,
    /// Making a connection of TCP.
    Connect,
    /// The handshake of TLS.
    Tls,
    /// From the first byte of the request to when its last piece was handed to the system.
    Send,
    /// From there to the first byte of the answer.
    Wait,
    /// From there to its last.
    Receive,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 7] =
        [Phase::Blocked, Phase::Dns, Phase::Connect, Phase::Tls, Phase::Send, Phase::Wait, Phase::Receive];

    /// Its name in reports and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Blocked => "blocked",
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Send => "send",
            Phase::Wait => "wait",
            Phase::Receive => "receive",
        }
    }
}

/// How long the phases of requests to one target took. A phase counts the requests that had it: `connect` those that
/// made a connection, `blocked` those that had to wait for one.
///
/// Cost: a few KiB a target, and three pushes a request; the first four are recorded only where they happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhasesSeen([Times; Phase::ALL.len()]);

impl PhasesSeen {
    /// The times of one phase.
    pub fn of(&self, phase: Phase) -> &Times {
        &self.0[phase as usize]
    }

    /// Notes one time, in nanoseconds.
    #[inline]
    pub(super) fn record_nanos(&mut self, phase: Phase, nanos: u64) {
        self.0[phase as usize].record_nanos(nanos);
    }

    pub(super) fn take(&mut self) -> PhasesSeen {
        PhasesSeen(std::array::from_fn(|index| self.0[index].take()))
    }

    pub(super) fn merge(&mut self, other: &PhasesSeen) {
        self.0.iter_mut().zip(&other.0).for_each(|(into, other)| into.merge(other));
    }
}
