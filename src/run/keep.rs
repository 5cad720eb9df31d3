//! The first failures of each kind, kept with all that was there: request, answer, messages.
//!
//! Nothing is copied for what succeeds. A request is made again out of what its step and its flight hold anyway; of the
//! messages of a socket a few are held by reference: those that were sent last, as far as they are short, and those
//! that the present receive has passed over. A failure asks first whether it is still one of the first.
//!
//! A thread keeps them until its next hand-over, a second later at most.

use std::cell::{Cell, RefCell};

use http::{HeaderMap, HeaderValue};

use super::body::Payload;
use super::user::User;
use super::veil::HIDDEN;
use crate::base::Offset;
use crate::metrics::exchange::{
    Answered, Asked, Content, Exchange, KEPT_BYTES_MAX, KEPT_HEADERS_MAX, KEPT_MAX, KEPT_PER_KIND,
    KEPT_VALUE_BYTES_MAX, Kept, Spoken,
};
use crate::metrics::{ErrorKind, Sample};
use crate::plan::{Plan, PointId, StepId};

/// What one load thread keeps.
#[derive(Default)]
pub struct Keeper {
    /// How many were kept, by step and by kind.
    steps: RefCell<Vec<Counts>>,
    /// How many were kept that failed outside of any step, by place and by kind.
    points: RefCell<Vec<Counts>>,
    /// How many in all.
    all: Cell<usize>,
    /// Whether the load is still warming up.
    warming: Cell<bool>,
    /// The words of the failure that is being recorded.
    words: RefCell<Option<(PointId, ErrorKind, String)>>,
    kept: RefCell<Vec<Exchange>>,
}

type Counts = Vec<(ErrorKind, u8)>;

/// Where something failed, and whether the load was warming up.
type Place = (Option<StepId>, PointId, bool);

/// What was there when something failed.
#[derive(Default)]
pub(super) struct Evidence {
    pub request: Option<Asked>,
    pub response: Option<Answered>,
    pub messages: Vec<Spoken>,
}

impl Keeper {
    /// Nothing kept yet of a run of `plan`.
    pub fn new(plan: &Plan) -> Keeper {
        Keeper {
            steps: RefCell::new(vec![Counts::new(); plan.steps.len()]),
            points: RefCell::new(vec![Counts::new(); plan.points.len()]),
            warming: Cell::new(!plan.load.warm_up.is_zero()),
            ..Keeper::default()
        }
    }

    /// What was kept since the last time.
    pub fn take(&self) -> Vec<Exchange> {
        self.kept.take()
    }

    /// The warm-up is over: the first failures from here on are the first.
    pub fn begin_anew(&self) {
        self.steps.borrow_mut().iter_mut().for_each(Counts::clear);
        self.points.borrow_mut().iter_mut().for_each(Counts::clear);
        self.warming.set(false);
    }

    /// Whether a failure of this kind is still one of the first.
    fn wants(&self, step: Option<StepId>, point: PointId, kind: ErrorKind) -> bool {
        self.all.get() < KEPT_MAX && self.counts(step, point, |counts| has_room(counts, kind))
    }

    fn counts<T>(&self, step: Option<StepId>, point: PointId, look: impl FnOnce(&mut Counts) -> T) -> T {
        match step {
            Some(step) => look(&mut self.steps.borrow_mut()[step.0 as usize]),
            None => look(&mut self.points.borrow_mut()[point.0 as usize]),
        }
    }

    fn keep(&self, exchange: Exchange) {
        self.counts(exchange.step, exchange.point, |counts| count(counts, exchange.kind));
        self.all.set(self.all.get() + 1);
        self.kept.borrow_mut().push(exchange);
    }
}

/// Sorts out which of the failures that several threads have kept are the first of the run.
#[derive(Default)]
pub(super) struct Sieve {
    counts: Vec<(Place, Counts)>,
    all: usize,
}

impl Sieve {
    /// Leaves in `kept` what is still one of the first, in order of time.
    pub fn sift(&mut self, kept: &mut Vec<Exchange>) {
        kept.sort_by_key(|exchange| exchange.done);
        kept.retain(|exchange| {
            // The place of a step is the step.
            let point = if exchange.step.is_some() { PointId(0) } else { exchange.point };
            let key = (exchange.step, point, exchange.warm_up);
            let at = self.counts.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                self.counts.push((key, Counts::new()));
                self.counts.len() - 1
            });
            let counts = &mut self.counts[at].1;
            let wanted = self.all < KEPT_MAX && has_room(counts, exchange.kind);
            if wanted {
                count(counts, exchange.kind);
                self.all += 1;
            }
            wanted
        });
    }
}

fn has_room(counts: &Counts, kind: ErrorKind) -> bool {
    counts.iter().all(|(known, times)| *known != kind || usize::from(*times) < KEPT_PER_KIND)
}

fn count(counts: &mut Counts, kind: ErrorKind) {
    match counts.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, times)) => *times += 1,
        None => counts.push((kind, 1)),
    }
}

impl User {
    /// Whether a failure now, at this place, is kept with all that was there: then its words are wanted.
    pub(super) fn keeps_words(&self, point: PointId, kind: ErrorKind) -> bool {
        let Some(keeper) = &self.thread.keeper else { return false };
        let step = self.thread.plan.points[point.0 as usize].step;
        keeper.wants(step, point, kind) && !self.is_tried_again()
    }

    /// Remembers the words of a failure that is about to be recorded.
    pub(super) fn keep_words(&self, point: PointId, kind: ErrorKind, text: &str) {
        if self.keeps_words(point, kind)
            && let Some(keeper) = &self.thread.keeper
        {
            keeper.words.replace(Some((point, kind, text.to_owned())));
        }
    }

    /// Keeps a failed sample, if it is one of the first, with what `evidence` finds. One after which another try is made
    /// is no failure.
    pub(super) fn keep(
        &self,
        sample: &Sample,
        sent: Option<Offset>,
        (kind, point): (ErrorKind, PointId),
        evidence: impl FnOnce(&User) -> Evidence,
    ) {
        if let Some(keeper) = &self.thread.keeper
            && keeper.wants(Some(sample.step), point, kind)
            && !self.is_tried_again()
        {
            let evidence = evidence(self);
            let (due, begun, done) = (sample.due, sample.begun, sample.done);
            keeper.keep(self.kept_now(Some(sample.step), (kind, point), (due, begun, sent, done), evidence));
        }
    }

    /// The same of a failure outside of any step: only its words are there.
    pub(super) fn keep_beside(&self, kind: ErrorKind, point: PointId) {
        if let Some(keeper) = &self.thread.keeper
            && keeper.wants(None, point, kind)
            && !self.is_tried_again()
        {
            let now = self.thread.clock.now();
            keeper.keep(self.kept_now(None, (kind, point), (self.due, now, None, now), Evidence::default()));
        }
    }

    fn kept_now(
        &self,
        step: Option<StepId>,
        (kind, point): (ErrorKind, PointId),
        (due, begun, sent, done): (Offset, Offset, Option<Offset>, Offset),
        evidence: Evidence,
    ) -> Exchange {
        let keeper = self.thread.keeper.as_ref().expect("who keeps has a keeper");
        let words = keeper.words.take().filter(|(of, why, _)| (*of, *why) == (point, kind));
        let Evidence { request, response, messages } = evidence;
        Exchange {
            step,
            point,
            kind,
            message: words.map(|(.., text)| text).unwrap_or_default(),
            user: self.class,
            user_id: self.id,
            iteration: self.iteration,
            warm_up: keeper.warming.get(),
            due,
            begun,
            sent,
            done,
            request,
            response,
            messages,
        }
    }

    /// A body or a message as it is kept: cut off, and without secrets.
    pub(super) fn content(&self, bytes: &[u8], size: u64) -> Content {
        let cut = &bytes[..bytes.len().min(KEPT_BYTES_MAX)];
        let whole = cut.len() as u64 == size;
        let text = match std::str::from_utf8(cut) {
            Ok(text) => Some(text),
            // Cut in the middle of a character.
            Err(error) if error.error_len().is_none() => std::str::from_utf8(&cut[..error.valid_up_to()]).ok(),
            Err(_) => None,
        };
        let kept = match text {
            Some(text) if whole => Kept::Text(self.hide(text).into_owned()),
            Some(text) => Kept::Text(self.hide(&format!("{text}…")).into_owned()),
            None => {
                let text = String::from_utf8_lossy(cut);
                match self.hide(&text) {
                    hidden if hidden.contains(HIDDEN) && !text.contains(HIDDEN) => Kept::Text(hidden.into_owned()),
                    _ => Kept::Bytes(cut.to_vec()),
                }
            }
        };
        Content { kept, size }
    }

    /// A request as it is kept.
    pub(super) fn asked(&self, method: &str, url: &str, headers: &HeaderMap, body: &Payload) -> Asked {
        Asked {
            method: method.to_owned(),
            url: self.value_kept(url),
            headers: self.headers_kept(headers),
            body: self.content(&body.beginning(KEPT_BYTES_MAX), body.size()),
        }
    }

    /// The headers of a request or an answer as they are kept.
    pub(super) fn headers_kept(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| self.value_kept(&String::from_utf8_lossy(value.as_bytes()));
        let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        headers.take(KEPT_HEADERS_MAX).collect()
    }

    /// A URL or the value of a header as it is kept.
    pub(super) fn value_kept(&self, text: &str) -> String {
        match text.len() {
            0..=KEPT_VALUE_BYTES_MAX => self.hide(text).into_owned(),
            _ => {
                let cut = &text[..text.floor_char_boundary(KEPT_VALUE_BYTES_MAX)];
                self.hide(&format!("{cut}…")).into_owned()
            }
        }
    }
}
