//! What was last said on a user's sockets, for failures that are kept.
//!
//! Messages are held by reference and not copied: the last two that were sent, where they are short, and the last three
//! that the present receive has passed over. What waits in the queue is there anyway. Without a keeper nothing is held.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::line::Message;
use super::{Reason, User};
use crate::base::Offset;
use crate::metrics::exchange::{Answered, Speaker, Spoken};
use crate::metrics::{ErrorKind, Sample};
use crate::plan::{Op, Plan, PointId, SocketId, StepId};
use crate::run::body::Payload;
use crate::run::keep::Evidence;

/// So many of the messages that were sent last are held.
const SENT_MAX: usize = 2;
/// A longer message is not held once it is sent: a user would weigh more by it.
const SENT_BYTES_MAX: usize = 4 << 10;
/// So many of the messages are held that a receive has passed over.
const PASSED_MAX: usize = 3;
/// So many of the messages are told that nobody has taken.
const WAITING_MAX: usize = 3;

/// What was last said on the sockets of a user.
#[derive(Default)]
pub(super) struct Talk {
    sent: VecDeque<(SocketId, Offset, Bytes)>,
    /// Since a message was taken.
    passed: VecDeque<Message>,
    /// The one that a step has failed with.
    taken: Option<(SocketId, Message)>,
    /// What was said to open a socket that could not be opened.
    opening: Option<Evidence>,
}

impl User {
    fn talk<T>(&self, change: impl FnOnce(&mut Talk) -> T) -> Option<T> {
        self.thread.keeper.as_ref()?;
        Some(change(self.sockets.talk.borrow_mut().get_or_insert_default()))
    }

    /// Holds a message that goes out.
    pub(super) fn hold_sent(&self, socket: SocketId, frame: &Frame, at: Offset) {
        self.talk(|talk| {
            let body = match frame {
                Frame::Text(text) if text.len() <= SENT_BYTES_MAX => text.clone().into(),
                Frame::Binary(bytes) if bytes.len() <= SENT_BYTES_MAX => bytes.clone(),
                _ => return,
            };
            if talk.sent.len() == SENT_MAX {
                talk.sent.pop_front();
            }
            talk.sent.push_back((socket, at, body));
        });
    }

    /// Holds a message that a receive has passed over.
    pub(super) fn hold_passed(&self, message: &Message) {
        self.talk(|talk| {
            if talk.passed.len() == PASSED_MAX {
                talk.passed.pop_front();
            }
            talk.passed.push_back(message.clone());
        });
    }

    /// A message was taken: those that were passed over before it explain nothing any more.
    pub(super) fn forget_passed(&self) {
        if let Some(talk) = self.sockets.talk.borrow_mut().as_deref_mut() {
            talk.passed.clear();
        }
    }

    /// Holds the message that a step is about to fail with.
    pub(super) fn hold_taken(&self, socket: SocketId, message: &Message) {
        self.talk(|talk| talk.taken = Some((socket, message.clone())));
    }

    /// Holds what was said to open a socket, of a step that is about to fail.
    pub(super) fn hold_opening(&self, point: PointId, kind: ErrorKind, said: impl FnOnce(&User) -> Evidence) {
        if self.keeps_words(point, kind) {
            let said = said(self);
            self.talk(|talk| talk.opening = Some(said));
        }
    }

    /// What was said to open a socket.
    pub(super) fn opening(
        &self,
        method: &str,
        url: &str,
        headers: &HeaderMap,
        answered: Option<(u16, &HeaderMap, &[u8])>,
    ) -> Evidence {
        let response = answered.map(|(status, headers, body)| Answered {
            url: None,
            status,
            headers: self.headers_kept(headers),
            body: self.content(body, body.len() as u64),
        });
        Evidence {
            request: Some(self.asked(method, url, headers, &Payload::default())),
            response,
            messages: Vec::new(),
        }
    }

    /// Keeps a failed sample with what was said on its socket, if it is one of the first.
    pub(super) fn keep_talk(&self, sample: &Sample, reason: Reason) {
        let sent = (sample.bytes_sent > 0).then_some(sample.sent);
        self.keep(sample, sent, reason, |user| user.said(sample.step));
        if let Some(talk) = self.sockets.talk.borrow_mut().as_deref_mut() {
            (talk.taken, talk.opening) = (None, None);
            talk.passed.clear();
        }
    }

    /// What was said on the socket of a step.
    #[cold]
    fn said(&self, step: StepId) -> Evidence {
        let mut talk = self.sockets.talk.borrow_mut().take().unwrap_or_default();
        if let Some(opening) = talk.opening.take() {
            return opening;
        }
        let Some(socket) = socket_of(&self.thread.plan, step) else { return Evidence::default() };
        let mut messages: Vec<(u64, Spoken)> = Vec::new();
        let heard = |by: Speaker, message: &Message| {
            let body = self.content(&message.body, message.body.len() as u64);
            (message.number + 1, Spoken { by, at: message.arrived, body })
        };
        let sent = talk.sent.iter().filter(|(on, ..)| *on == socket).map(|(_, at, body)| {
            let body = self.content(body, body.len() as u64);
            (0, Spoken { by: Speaker::Sent, at: *at, body })
        });
        messages.extend(sent);
        messages.extend(talk.passed.iter().map(|message| heard(Speaker::PassedOver, message)));
        let taken = talk.taken.iter().filter(|(on, _)| *on == socket);
        messages.extend(taken.map(|(_, message)| heard(Speaker::Taken, message)));
        let waiting = self.sockets.with(socket, |line| line.last_waiting(WAITING_MAX).cloned().collect::<Vec<_>>());
        messages.extend(waiting.iter().flatten().map(|message| heard(Speaker::Waiting, message)));
        // What was sent comes before what arrived in the same moment: it may have been the answer.
        messages.sort_by_key(|(number, spoken)| (spoken.at, *number));
        *self.sockets.talk.borrow_mut() = Some(talk);
        let messages = messages.into_iter().map(|(_, spoken)| spoken).collect();
        Evidence { messages, ..Evidence::default() }
    }
}

/// The socket that a step is about.
fn socket_of(plan: &Plan, step: StepId) -> Option<SocketId> {
    plan.ops.iter().find_map(|op| match op {
        Op::Connect(op) if op.step == step => Some(op.socket),
        Op::Send(op) if op.step == step => Some(op.socket),
        Op::Call(op) if op.step == step => Some(op.socket),
        Op::Receive(op) if op.step == step => Some(op.socket),
        Op::ReceiveClose(op) if op.step == step => Some(op.socket),
        Op::ReceiveAll(op) if op.expected.iter().any(|expected| expected.step == step) => Some(op.socket),
        Op::Close(op) if op.step == step => Some(op.socket),
        Op::Events(op) if op.step == step => Some(op.socket),
        _ => None,
    })
}
