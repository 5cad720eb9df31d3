//! HTTP steps: the request is made from the user's values, goes its way without the user, and comes back to be judged.
//!
//! Between [`User::prepare`] and [`User::land`] the user is free: others of its steps may be on their way beside this
//! one, and its sockets may do what they stand for.

use std::pin::pin;
use std::time::Duration;

use super::connection::Received;
use super::dial::Trouble;
use super::eval::Answer;
use super::flight::{Attempt, Flight};
use super::keep::Evidence;
use super::trace::Event;
use super::user::{Failed, User};
use crate::metrics::exchange::Answered;
use crate::metrics::{Counter, ErrorKind, Outcome, Sample};
use crate::plan::{Http, PointId};

impl User {
    /// One HTTP step, recorded. `index` is that of its operation.
    pub(super) async fn http(&mut self, op: &Http, index: usize) -> Result<(), Failed> {
        let mut flight = self.prepare(op, index)?;
        let result = {
            let flown = pin!(flight.fly());
            self.wait(flown).await
        };
        self.land(op, &flight, result)
    }

    /// The step's request, for this user now, due now. One that cannot be made is a failed sample, recorded.
    ///
    /// It is large, and whoever sends it holds it across waits: in a box of its own it is moved once.
    pub(super) fn prepare(&mut self, op: &Http, index: usize) -> Result<Box<Flight>, Failed> {
        let thread = self.thread.clone();
        let point = thread.plan.steps[op.step.0 as usize].point;
        let ready = match &thread.prepared[index] {
            Some(Ok(prepared)) => self.request(op, prepared, point).inspect(|ready| {
                if self.is_told() {
                    let varied = ready.varied.as_deref();
                    self.tell_request(op.step, &ready.url, &prepared.request(varied), &prepared.payload(varied));
                }
            }),
            Some(Err(why)) => {
                self.note(point, ErrorKind::Value, || why.clone());
                Err((ErrorKind::Value, point))
            }
            None => unreachable!("every HTTP operation is prepared before the run"),
        };
        match ready {
            Ok(ready) => Ok(Box::new(Flight::new(thread, self.session.clone(), ready, (op, index), self.due))),
            Err(why) => {
                let done = thread.clock.now();
                let nothing = |_: &User| Evidence::default();
                let failed = self.sampled(op, &Attempt { done, ..Attempt::new(self.due) }, Err(why), nothing);
                Err(failed.expect_err("it has failed"))
            }
        }
    }

    /// Judges what came of the step's request, and records it; the next step is due when it was done.
    pub(super) fn land(&mut self, op: &Http, flight: &Flight, result: Result<(), Trouble>) -> Result<(), Failed> {
        let Flight { attempt, received, url, hops, .. } = flight;
        let time = attempt.done.since(attempt.due);
        for hop in hops {
            let (status, method, url) = (hop.status, hop.method.as_str(), &*hop.url);
            self.tell(|| Event::Redirected { step: op.step, status, method, url });
        }
        let point = self.thread.plan.steps[op.step.0 as usize].point;
        let answered = result.is_ok();
        let judged = match result.and(Ok(received.as_ref())) {
            Err(trouble) => {
                self.note(point, trouble.kind, || trouble.text);
                Err((trouble.kind, point))
            }
            Ok(received) => {
                let received = received.expect("what has not failed is there");
                self.answered = true;
                self.tell_response(op, received, time);
                let judged = self.look(op, point, received, url, time);
                if self.thread.relative {
                    self.last_url = Some(url.clone());
                }
                judged
            }
        };
        self.sampled(op, attempt, judged, |user| user.exchanged(flight, received.as_ref().filter(|_| answered)))
    }

    /// What a failure that is kept tells: the request, made once more of what it was made of, and the answer.
    #[cold]
    fn exchanged(&self, flight: &Flight, received: Option<&Received>) -> Evidence {
        let Flight { index, varied, first_url, url, .. } = flight;
        let Some(Ok(prepared)) = &self.thread.prepared[*index] else { return Evidence::default() };
        let varied = varied.as_deref();
        let headers = prepared.headers(varied);
        let response = received.map(|received| Answered {
            url: first_url.is_some().then(|| self.value_kept(url)),
            status: received.head.status.as_u16(),
            headers: self.headers_kept(&received.head.headers),
            body: self.content(&received.body, received.size),
        });
        let first = first_url.as_ref().unwrap_or(url);
        let request = self.asked(prepared.method.as_str(), first, &headers, &prepared.payload(varied));
        Evidence { request: Some(request), response, messages: Vec::new() }
    }

    /// Whether the answer is as the step wants it.
    fn look(
        &mut self,
        op: &Http,
        point: PointId,
        received: &Received,
        url: &str,
        time: Duration,
    ) -> Result<(), (ErrorKind, PointId)> {
        let status = received.head.status.as_u16();
        if status >= 400 && !op.looks_at.status {
            self.note(point, ErrorKind::Status, || format!("answered with status {}", received.head.status));
            return Err((ErrorKind::Status, point));
        }
        if op.parts.is_empty() {
            return Ok(());
        }
        let session = self.session.has_cookies().then(|| self.session.clone());
        let answer = Answer {
            status,
            headers: Some(&received.head.headers),
            body: &received.body,
            size: received.size,
            digest: received.digest.as_deref(),
            url,
            time,
            event: None,
            session: session.as_deref(),
        };
        let judged = self.judge(&op.parts, &answer);
        if op.looks_at.body && received.size > received.body.len() as u64 {
            self.thread.recorder.borrow_mut().count(Counter::BodiesCut, 1);
        }
        judged
    }

    #[inline]
    fn tell_response(&self, op: &Http, received: &Received, time: Duration) {
        self.tell(|| Event::Response {
            step: op.step,
            status: received.head.status.as_u16(),
            headers: &received.head.headers,
            body: &received.body,
            size: received.size,
            time,
        });
    }

    /// Records the step; the next one is due now.
    fn sampled(
        &mut self,
        op: &Http,
        attempt: &Attempt,
        result: Result<(), (ErrorKind, PointId)>,
        evidence: impl FnOnce(&User) -> Evidence,
    ) -> Result<(), Failed> {
        let outcome = match result {
            Ok(()) => Outcome::Ok,
            Err((kind, point)) => Outcome::Failed(kind, point),
        };
        let begun = attempt.begun.or(attempt.sent).unwrap_or(attempt.done);
        let sample = Sample {
            step: op.step,
            due: attempt.due,
            ready: attempt.due.max(self.free),
            begun,
            sent: attempt.sent.unwrap_or(begun),
            done: attempt.done,
            outcome,
            status: attempt.status,
            bytes_sent: attempt.bytes_sent,
            bytes_received: attempt.bytes_received,
        };
        self.record(&sample);
        self.due = attempt.done;
        result.map_err(|why| {
            self.keep(&sample, attempt.sent, why, evidence);
            Failed
        })
    }
}
