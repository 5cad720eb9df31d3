//! A request on its way over HTTP/2.

use super::connection::{Connection, Kept};
use super::dial::Trouble;
use super::flight::Flight;
use super::lines::Found;
use super::tls::Offer;
use super::two::{Learned, Lost};
use crate::metrics::{Counter, ErrorKind, Phase};

/// So many connections may end in turn before the server has begun with a request that goes over each of them. A server
/// that takes a thousand requests a connection is through with the most that `parallel` starts by then.
const ENDED_MAX: u32 = 10;

impl Flight {
    /// Sends the request over the user's connection of HTTP/2 and reads the answer. `None`: the server speaks HTTP/1.1
    /// alone; a connection that was made to learn it lies in the session.
    ///
    /// What the server has not begun with when it ends a connection goes over the next one, at most [`ENDED_MAX`] times:
    /// of many requests that start together each connection may take a few. What it refuses by itself is sent once more.
    pub(super) async fn answer_over_two(&mut self, offer: Offer) -> Option<Result<(), Trouble>> {
        let thread = self.thread.clone();
        let wanted = self.wanted();
        let lines = self.session.lines();
        let (mut ended, mut refused) = (0, false);
        loop {
            let line = match lines.find(&thread, &self.origin, offer, wanted.deadline).await {
                Ok(Found::Two(line)) => line,
                Ok(Found::One(made)) => {
                    if let Some(stream) = made {
                        match Connection::over(&thread, stream, self.origin.clone()).await {
                            Ok(connection) => self.session.keep(connection),
                            Err(trouble) => return Some(Err(trouble)),
                        }
                    }
                    return None;
                }
                Err(trouble) => return Some(Err(trouble)),
            };
            let (request, body) = match self.for_two(&line) {
                Ok(request) => request,
                Err(why) => return Some(Err(Trouble::new(ErrorKind::Value, why))),
            };
            let mut learned = Learned::default();
            let mut kept = Kept::new(wanted);
            let result = line
                .exchange(&thread, request, body, (wanted.deadline, wanted.timeout), &mut learned, &mut |data| {
                    kept.push(data);
                })
                .await;
            let attempt = &mut self.attempt;
            attempt.sent = attempt.sent.or(learned.sent);
            attempt.bytes_sent += learned.bytes_sent;
            attempt.bytes_received += learned.bytes_received;
            attempt.status = learned.status;
            match result {
                Ok(head) => {
                    if let (Some(sent), Some(answered)) = (learned.sent, learned.answered) {
                        let mut recorder = thread.recorder.borrow_mut();
                        recorder.phase(self.origin.target, Phase::Wait, sent, answered);
                        recorder.phase(self.origin.target, Phase::Receive, answered, thread.clock.now());
                        if line.carried.get() > 0 {
                            recorder.count(Counter::ConnectionsReused, 1);
                        }
                    }
                    line.carried.set(line.carried.get() + 1);
                    self.take_in(head, kept);
                    return Some(Ok(()));
                }
                Err(Lost::Ended(trouble)) => {
                    let mut recorder = thread.recorder.borrow_mut();
                    // Once for a connection, however many requests it leaves behind.
                    recorder.count(Counter::ConnectionsStale, lines.forget(&line).into());
                    if ended == ENDED_MAX {
                        recorder.count(Counter::LimitsReached, 1);
                        return Some(Err(trouble));
                    }
                    ended += 1;
                }
                Err(Lost::Refused(trouble)) => {
                    let known = lines.forget(&line);
                    if std::mem::replace(&mut refused, true) {
                        return Some(Err(trouble));
                    }
                    thread.recorder.borrow_mut().count(Counter::ConnectionsStale, known.into());
                }
                Err(Lost::Trouble(trouble)) => {
                    if line.is_gone() {
                        lines.forget(&line);
                    }
                    return Some(Err(trouble));
                }
            }
        }
    }
}
