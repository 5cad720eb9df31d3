//! WebSocket steps.

use std::rc::Rc;

use super::user::{Failed, User};
use crate::plan::{Call, Close, Connect, Receive, Send};

/// The sockets of one user, by `SocketId`.
#[derive(Default)]
pub struct Sockets {}

impl Sockets {
    /// Places for `count` sockets, all empty.
    pub fn new(count: u32) -> Sockets {
        let _ = count;
        unimplemented!()
    }

    /// Drops all sockets without a closing handshake and without a step: after a failure.
    pub fn cut(&self) {
        unimplemented!()
    }
}

/// Runs `walk`, the user's whole life, and reads its sockets whenever it wakes, whatever the walk is waiting for: so
/// messages are stamped when they arrive. No task of its own: dropping the returned future leaves nothing behind.
pub fn attend<F: Future>(sockets: Rc<Sockets>, walk: F) -> impl Future<Output = F::Output> {
    let _ = sockets;
    walk
}

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
