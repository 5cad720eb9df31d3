//! Sockets that outlive their blocks: opened, opened again, and closed when their owner's life ends.

use super::{Failed, User};
use crate::plan::{Close, OpId, SocketId};

/// The close code of a socket that has done what it was opened for.
const NORMAL_CLOSURE: u16 = 1000;

impl User {
    /// Opens a socket that outlives its block, by that block.
    pub(in crate::run) async fn open_by(&mut self, socket: SocketId, block: OpId) -> Result<(), Failed> {
        self.sockets.opened_by(socket, block);
        let opened = Box::pin(self.walk(block)).await;
        if opened.is_err() {
            // Its block has not come to its end: it is not what the steps behind it count on.
            self.sockets.forget(socket);
        }
        opened
    }

    /// Opens a socket of the user's again by the block that opened it, if it has dropped.
    pub(in crate::run) async fn reopen(&mut self, socket: SocketId) -> Result<(), Failed> {
        self.sockets.read(socket).await;
        if self.sockets.with(socket, |line| line.end().is_none()) == Some(true) {
            return Ok(());
        }
        self.sockets.forget(socket);
        match self.sockets.block_of(socket) {
            Some(block) => self.open_by(socket, block).await,
            None => Ok(()),
        }
    }

    /// Closes the sockets that outlive their blocks, those opened last first: the iteration's, or the user's as well.
    pub(in crate::run) async fn leave(&mut self, of_user: bool) -> Result<(), Failed> {
        let first = if of_user { 0 } else { self.thread.plan.users[self.class.0 as usize].user_sockets };
        let mut result = Ok(());
        while let Some((socket, step, timeout)) = self.sockets.last_to_leave(SocketId(first)) {
            self.sockets.read(socket).await;
            let dropped = self.sockets.with(socket, |line| line.end().is_some()).unwrap_or(true);
            if of_user && dropped {
                // It would be opened again for the next iteration, and there is none.
                self.sockets.forget(socket);
                continue;
            }
            let close = Close { step, socket, code: NORMAL_CLOSURE, reason: None, timeout, leaving: true };
            self.due = self.due.max(self.thread.clock.now());
            result = result.and(self.close(&close).await);
            self.sockets.forget(socket);
        }
        result
    }
}
