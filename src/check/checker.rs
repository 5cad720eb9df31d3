//! What all rules of this room work on: the scenario as it grows, what is known at the present place, and the
//! diagnostics found so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Checked;
use super::constants::Constant;
use super::files::Shelf;
use super::flows::Known;
use super::levels::{Level, Levels};
use super::meaning::{Owner, Scenario, SocketId, VarId};
use super::names::{Declaration, Holes};
use super::series::Row;
use super::sockets::Socket;
use crate::base::{Files, Sources, Span};
use crate::diagnostic::{Diagnostic, Severity};

/// The work in progress.
pub(super) struct Checker<'a> {
    /// For the text under spans.
    pub sources: &'a Sources,
    /// The way to files that the scenario names.
    pub files: &'a dyn Files,
    /// Those that were read.
    pub shelf: Shelf,
    /// Whether the next `file(…)` is sent as it is.
    pub sends_file: bool,
    /// What is understood so far.
    pub scenario: Scenario,
    /// What was found so far.
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be read, and so may declare or use any name.
    pub holes: Holes,
    /// One for each variable: what was read of it.
    pub read: Vec<bool>,
    /// One for each data: whether something takes rows from it.
    pub data_used: Vec<bool>,
    /// Values that are known before the run.
    pub constants: HashMap<VarId, Constant>,
    /// The class of `setup` and `teardown`: one past the users'.
    pub once: usize,
    /// The values of `setup` that are set whenever it succeeds.
    pub setup_assigned: HashSet<VarId>,
    /// The run's values by name.
    pub run_values: BTreeMap<String, VarId>,
    /// The present user's values by name.
    pub user_values: BTreeMap<String, VarId>,
    /// Those of them that are surely set.
    pub user_assigned: HashSet<VarId>,
    /// The present user's sockets by name, with where each is opened first.
    pub user_sockets: BTreeMap<String, (SocketId, Span)>,
    /// What is known of them when an iteration begins.
    pub user_socket_states: BTreeMap<SocketId, Socket>,
    /// One for each of the scenario's series: what rules want to know of it.
    pub rows: Vec<Row>,
    /// What is said for all steps around here.
    pub levels: Levels,
    /// What each target says for its steps.
    pub target_levels: Vec<Level>,
    /// Whether a step goes to each target.
    pub targets_used: Vec<bool>,
    /// Whether a target's name may have been meant otherwise.
    pub unclear_target: bool,
    /// Where we are.
    pub place: Place,
    /// What is known on the way that leads here.
    pub flow: Flow,
    /// Whether a variable that `env` reads without a default may be missing here: in the URL of the target, which may
    /// be given on the command line instead.
    pub may_lack_environment: bool,
    /// Whether the name that is declared is what a loop goes through.
    pub names_item: bool,
    /// What extractors look into here.
    pub answer: Answer,
    /// Names that were said to be undefined, with no better one at hand: one missing declaration is one mistake.
    pub missing: HashSet<String>,
    /// Names that are used where they mean nothing, or that were proposed there.
    pub wanted: HashSet<String>,
    /// Values that were said to be maybe unset.
    pub excused: HashSet<VarId>,
    /// Sockets that were said to be maybe unopened.
    pub said_of_sockets: HashSet<SocketId>,
    /// The flows by name.
    pub flows: BTreeMap<String, Known>,
    /// How many statements calls of flows have brought in.
    pub inlined: usize,
    /// Whether that was said to be too many.
    pub said_too_much: bool,
    /// Values that some `set` changes, by name.
    pub changed: HashSet<String>,
    /// Flows that call each other in a circle, where that was said.
    pub cycles: HashSet<BTreeSet<String>>,
    /// Names declared anywhere in the file, for what a message may add.
    pub declarations: Vec<Declaration>,
}

/// Where in the file we are.
pub(super) struct Place {
    /// The class, by index; `None` at the top level.
    pub user: Option<usize>,
    /// The task, `on_start` or `on_stop`.
    pub task: String,
    /// Whose the values declared here are.
    pub owner: Owner,
    /// Blocks around this place that are still open, by number.
    pub blocks: Vec<u32>,
    /// The number of the next block.
    pub next_block: u32,
    /// Inside of `parallel`: what its steps capture, which is there behind it.
    pub landing: Option<Vec<VarId>>,
    /// How many `retry` blocks stand around this place: steps inside have a row for their failed tries.
    pub retries: u32,
    /// The flows that are being called here, outermost first, and where.
    pub calls: Vec<(String, Span)>,
    /// Every value declared in this task so far: exclusive branches share it.
    pub values: HashMap<String, VarId>,
    /// What this task declares anywhere, this place or later: names and places.
    pub ahead: Vec<Declaration>,
    /// The sockets around this place, innermost last: what socket steps mean.
    pub innermost: Vec<SocketId>,
    /// Sockets of this task that outlive their blocks, by name, with where each is opened first.
    pub sockets: BTreeMap<String, (SocketId, Span)>,
    /// The user's sockets that this task uses.
    pub uses: BTreeSet<SocketId>,
    /// Whether this is inside of a standing answer or timer.
    pub standing: bool,
    /// Labels of steps of this task anywhere, with what they stand before.
    pub labels: Vec<(String, Span, &'static str)>,
}

/// What is known on the way that leads here.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// Names declared on some path that leads here, with the block in which they stand.
    pub declared: BTreeMap<String, (VarId, u32)>,
    /// Values that are set on every path that leads here.
    pub assigned: HashSet<VarId>,
    /// The `stop` or `fail` behind which no way leads on.
    pub ended: Option<Span>,
    /// What is known of each socket; nothing of those that no path here has opened.
    pub sockets: BTreeMap<SocketId, Socket>,
}

impl Flow {
    /// What is known where two ways meet.
    pub fn join(self, other: Flow) -> Flow {
        // A way that has ended brings nothing with it.
        match (self.ended, other.ended) {
            (Some(_), None) => return other,
            (None, Some(_)) => return self,
            _ => {}
        }
        let mut declared = self.declared;
        declared.extend(other.declared);
        let assigned = self.assigned.intersection(&other.assigned).copied().collect();
        let mut sockets = BTreeMap::new();
        let mut others = other.sockets;
        for (id, socket) in self.sockets {
            let socket = match others.remove(&id) {
                Some(other) => socket.join(other),
                None => socket.maybe(),
            };
            sockets.insert(id, socket);
        }
        sockets.extend(others.into_iter().map(|(id, socket)| (id, socket.maybe())));
        Flow { declared, assigned, ended: self.ended, sockets }
    }
}

/// What extractors look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing: outside the block of a step.
    None,
    /// Nothing yet: in a part of the request itself.
    NotYet,
    /// The answer to a request.
    Http,
    /// A message.
    Message,
    /// A server-sent event.
    Event,
}

impl<'a> Checker<'a> {
    /// Nothing understood yet.
    pub fn new(sources: &'a Sources, files: &'a dyn Files) -> Checker<'a> {
        Checker {
            sources,
            files,
            shelf: Shelf::new(),
            sends_file: false,
            scenario: Scenario::default(),
            diagnostics: Vec::new(),
            holes: Holes::default(),
            read: Vec::new(),
            data_used: Vec::new(),
            constants: HashMap::new(),
            once: usize::MAX,
            setup_assigned: HashSet::new(),
            run_values: BTreeMap::new(),
            user_values: BTreeMap::new(),
            user_assigned: HashSet::new(),
            user_sockets: BTreeMap::new(),
            user_socket_states: BTreeMap::new(),
            rows: Vec::new(),
            levels: Levels::default(),
            target_levels: Vec::new(),
            targets_used: Vec::new(),
            unclear_target: false,
            place: Place::default(),
            flow: Flow::default(),
            may_lack_environment: false,
            names_item: false,
            answer: Answer::None,
            missing: HashSet::new(),
            wanted: HashSet::new(),
            excused: HashSet::new(),
            said_of_sockets: HashSet::new(),
            flows: BTreeMap::new(),
            inlined: 0,
            said_too_much: false,
            changed: HashSet::new(),
            cycles: HashSet::new(),
            declarations: Vec::new(),
        }
    }

    /// Notes a mistake.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The text under a span, blanks folded.
    pub fn folded(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What came of it, diagnostics in order of place.
    pub fn finish(mut self) -> Checked {
        let mut seen = BTreeSet::new();
        self.diagnostics.retain(|d| seen.insert((d.primary.span, d.rule)));
        // What cannot stand where it stands is not judged besides: one mistake, one message.
        let errors = self.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
        let wrong: BTreeSet<_> = errors.map(|d| (d.primary.span.file, d.primary.span.start)).collect();
        let stands_well = |d: &Diagnostic| !wrong.contains(&(d.primary.span.file, d.primary.span.start));
        self.diagnostics.retain(|d| d.severity() == Severity::Error || stands_well(d));
        self.diagnostics.sort_by_key(|d| (d.primary.span.file, d.primary.span.start, d.primary.span.end));
        Checked { scenario: self.scenario, rows: self.rows, diagnostics: self.diagnostics }
    }

    /// Runs `work` with extractors looking into `answer`.
    pub fn looking_into<T>(&mut self, answer: Answer, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.answer, answer);
        let result = work(self);
        self.answer = before;
        result
    }
}

impl Default for Place {
    fn default() -> Place {
        Place {
            user: None,
            task: String::new(),
            owner: Owner::Run,
            blocks: vec![0],
            next_block: 1,
            calls: Vec::new(),
            landing: None,
            retries: 0,
            values: HashMap::new(),
            ahead: Vec::new(),
            innermost: Vec::new(),
            sockets: BTreeMap::new(),
            uses: BTreeSet::new(),
            standing: false,
            labels: Vec::new(),
        }
    }
}
