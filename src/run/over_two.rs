//! A request on its way over HTTP/2.

use super::connection::{Connection, Kept};
use super::dial::Trouble;
use super::flight::Flight;
use super::lines::{Found, Tries};
use super::tls::Offer;
use super::two::Learned;
use crate::metrics::{Counter, ErrorKind, Phase};

impl Flight {
    /// Sends the request over the user's connection of HTTP/2 and reads the answer. `None`: the server speaks HTTP/1.1
    /// alone; a connection that was made to learn it lies in the session.
    ///
    /// What the server has not begun with is sent once more, see [`Tries`].
    pub(super) async fn answer_over_two(&mut self, offer: Offer) -> Option<Result<(), Trouble>> {
        let thread = self.thread.clone();
        self.attempt.begin(&thread.clock);
        let wanted = self.wanted();
        let lines = self.session.lines();
        let mut tries = Tries::default();
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
            let (request, payload) = match self.for_two(&line) {
                Ok(request) => request,
                Err(why) => return Some(Err(Trouble::new(ErrorKind::Value, why))),
            };
            let mut learned = Learned::default();
            let mut kept = Kept::new(&wanted);
            let result = line
                .exchange(&thread, request, &payload, (wanted.deadline, wanted.timeout), &mut learned, &mut |data| {
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
                    let done = thread.clock.now();
                    if let (Some(sent), Some(answered)) = (learned.sent, learned.answered) {
                        let mut recorder = thread.recorder.borrow_mut();
                        // A server may answer before it has taken all.
                        let left = learned.left.unwrap_or(answered).min(answered);
                        recorder.phase(self.origin.target, Phase::Send, sent, left);
                        recorder.phase(self.origin.target, Phase::Wait, left, answered);
                        recorder.phase(self.origin.target, Phase::Receive, answered, done);
                        if line.carried.get() > 0 {
                            recorder.count(Counter::ConnectionsReused, 1);
                        }
                    }
                    line.carried.set(line.carried.get() + 1);
                    self.take_in(head, kept, done);
                    return Some(Ok(()));
                }
                Err(lost) => {
                    if let Err(trouble) = tries.lost(&thread, &lines, &line, lost) {
                        return Some(Err(trouble));
                    }
                }
            }
        }
    }
}
