//! WebSocket steps.

use super::user::{Failed, User};
use crate::plan::{Call, Close, Connect, Receive, Send};

/// An open (or dropped) WebSocket of a user.
pub struct Socket {}

impl User {
    /// Dials and upgrades; the socket is then in its place.
    pub(super) async fn connect(&mut self, op: &Connect) -> Result<(), Failed> {
        let _ = op;
        unimplemented!()
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, op: &Send) -> Result<(), Failed> {
        let _ = op;
        unimplemented!()
    }

    /// Takes messages.
    pub(super) async fn receive(&mut self, op: &Receive) -> Result<(), Failed> {
        let _ = op;
        unimplemented!()
    }

    /// Sends a message and waits for the answer that fits.
    pub(super) async fn call(&mut self, op: &Call) -> Result<(), Failed> {
        let _ = op;
        unimplemented!()
    }

    /// The closing handshake.
    pub(super) async fn close(&mut self, op: &Close) -> Result<(), Failed> {
        let _ = op;
        unimplemented!()
    }
}
