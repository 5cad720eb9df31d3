//! What will be done: meaning + profile → flat tables with dense ids, value slots, compiled expressions, a schedule.
//!
//! Takes a sound scenario and a profile, gives a [`Plan`]. Holds no source text, only ids, values and spans; knows
//! neither sockets nor clocks.
#![deny(clippy::disallowed_methods)]

pub mod arithmetic;
mod compile;
pub mod data;
mod describe;
pub mod expr;
pub mod functions;
mod ids;
pub mod load;
mod op;
mod outline;
pub mod profile;
pub mod reach;
pub mod schedule;
mod step;
pub mod value;

use crate::base::{Seed, Span};
pub use crate::check::meaning::{
    Comparison, IterationTime, MeasureUnit, Metric, RETRY_SUFFIX, SeriesId, SeriesKind, Version, When,
};
pub use crate::check::tls::{Identity, Pem, Tls};
pub use compile::{Compiled, compile};
pub use describe::describe;
pub use expr::{Expr, Template};
pub use ids::*;
pub use load::Load;
pub use op::*;
pub use profile::Profile;
pub use step::*;
pub use value::Value;

/// A scenario under a load, ready to run: tables that refer to each other by index.
///
/// `clone` is deep: the copy shares no literal with the original (see [`Value::unshared`]). Each load thread walks a
/// copy of its own.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's title.
    pub scenario: String,
    /// How much load.
    pub load: Load,
    /// What every draw follows from.
    pub seed: Seed,
    /// Where the load goes; [`TargetId`] is the index. At least one.
    pub targets: Vec<Target>,
    /// Evaluated once, in order, when the run starts: secrets, what `env` must find, `let`s, rows that stand in the scenario; [`expr::Expr::Constant`] is the index.
    pub constants: Vec<Expr>,
    /// Where each of them was written.
    pub constant_spans: Vec<Span>,
    /// Which values nobody may see.
    pub secrets: Secrets,
    /// Rows that users take; [`data::DataId`] is the index.
    pub data: Vec<data::Data>,
    /// The classes of users; [`UserId`] is the index.
    pub users: Vec<User>,
    /// The last of them, if it is no class of users but who does `setup` (its `on_start`) and `teardown` (its
    /// `on_stop`).
    pub once: Option<UserId>,
    /// All tasks; [`TaskId`] is the index.
    pub tasks: Vec<Task>,
    /// The rows of the report; [`SeriesId`] is the index.
    pub series: Vec<Series>,
    /// The steps as they stand in the file; [`StepId`] is the index.
    pub steps: Vec<Step>,
    /// The places where something can go wrong; [`PointId`] is the index.
    pub points: Vec<Point>,
    /// What is done, flat: blocks are runs of operations that end with [`Op::End`].
    pub ops: Vec<Op>,
    /// What the run must hold.
    pub thresholds: Vec<Threshold>,
}

/// Most bytes of JSON that what `setup` has set may make together: each load thread keeps a copy.
pub const SETUP_BYTES_MAX: usize = 1 << 20;

impl Plan {
    /// What a target is called in reports; the one without a name `default`.
    pub fn target_name(&self, target: TargetId) -> &str {
        self.targets[target.0 as usize].name.as_deref().unwrap_or("default")
    }

    /// The classes of users, without who does `setup` and `teardown`.
    pub fn classes(&self) -> &[User] {
        &self.users[..self.once.map_or(self.users.len(), |once| once.0 as usize)]
    }

    /// Whether this row gets no samples because its user or task is left out of the run.
    pub fn is_left_out(&self, series: &Series) -> bool {
        let tasks =
            |class: &User| class.tasks.is_empty() || series.task.is_some_and(|task| !class.tasks.contains(&task));
        self.classes().get(series.user.0 as usize).is_some_and(tasks)
    }
}

/// Values that nobody may see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    /// One for each of [`Plan::constants`]: whether it is secret. Empty: none is.
    pub constants: Vec<bool>,
    /// The secret slots of each class, by [`UserId`]. Empty: no class has any.
    pub slots: Vec<Vec<SlotId>>,
}

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name; `None`: the default one.
    pub name: Option<String>,
    /// The base URL; evaluated once when the run starts.
    pub url: Expr,
    /// Where it was written.
    pub span: Span,
    /// As written, blanks folded.
    pub text: String,
    /// Whether users keep the cookies that it sets.
    pub cookies: bool,
    /// Whether answers may come compressed, and are taken apart.
    pub compression: bool,
    /// The proxy on the way to it; evaluated once when the run starts.
    pub proxy: Option<Expr>,
    /// The version of HTTP that is spoken with it.
    pub http: Version,
    /// How TLS is spoken with it.
    pub tls: Tls,
    /// Its settings as written, blanks folded.
    pub settings: Vec<String>,
}

/// A class of users.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The comment above it.
    pub doc: Option<String>,
    /// Its share of all users, 0 to 1; shares sum to 1.
    pub share: f64,
    /// The pause between tasks.
    pub think: Delay,
    /// Where that stands; without `think`, the user's name.
    pub think_point: PointId,
    /// From the start of one task to that of the next, in place of `think`, and where that stands.
    pub pace: Option<(Delay, PointId)>,
    /// Its tasks run one after another as one iteration; this stands for the whole pass where iterations are counted.
    pub pass: Option<TaskId>,
    /// Each iteration is a new person.
    pub session_per_iteration: bool,
    /// The user's own values, in order, and where each stands.
    pub lets: Vec<(SlotId, Expr, PointId)>,
    /// Once, before the first task.
    pub on_start: Option<OpId>,
    /// Once, after the last task.
    pub on_stop: Option<OpId>,
    /// What such users do.
    pub tasks: Vec<TaskId>,
    /// Slots below this live as long as the user, the others as long as an iteration.
    pub user_slots: u32,
    /// How many slots a user of this class has.
    pub slots: u32,
    /// How many places for sockets.
    pub sockets: u32,
    /// Sockets in places below this live as long as the user, the others as long as an iteration or a block.
    pub user_sockets: u32,
}

/// One thing that a user does. `on_start` and `on_stop` are no tasks; they have entries of their own in
/// [`Plan::series`].
#[derive(Clone, Debug)]
pub struct Task {
    /// Its class.
    pub user: UserId,
    /// Its name; empty for the pass of a user whose tasks run in order.
    pub name: String,
    /// The comment above it.
    pub doc: Option<String>,
    /// How often it is drawn, against the other tasks of its class.
    pub weight: f64,
    /// Where it begins.
    pub start: OpId,
}

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its class.
    pub user: UserId,
    /// Its task; `None` for `on_start` and `on_stop`.
    pub task: Option<TaskId>,
    /// The task's name, or `on_start`, `on_stop`.
    pub task_name: String,
    /// The label, or method and template.
    pub name: String,
    /// `GET` …, or `WS`; empty for groups and measures.
    pub method: String,
    /// What its times mean.
    pub kind: SeriesKind,
}

/// A step as it stands in the file.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its row.
    pub series: SeriesId,
    /// Where failures of the step itself are drawn: its head.
    pub point: PointId,
    /// The comment above it.
    pub doc: Option<String>,
}

/// A place in the file where something can go wrong.
#[derive(Clone, Debug)]
pub struct Point {
    /// The place.
    pub span: Span,
    /// The step it belongs to; `None` for statements outside a step.
    pub step: Option<StepId>,
    /// What stands there.
    pub kind: PointKind,
    /// As written, blanks folded: `expect status 200`.
    pub text: String,
}

/// What stands at a [`Point`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PointKind {
    Step,
    Expect,
    Check,
    Capture,
    /// A `let`, a pause, a condition: can fail as `value`.
    Statement,
}

/// What the run must hold.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// As written, blanks folded.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What is measured.
    pub metric: Metric,
    /// Whose.
    pub subject: Subject,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what, in the metric's unit: seconds, a share, a rate a second, a count or a measured number.
    pub limit: f64,
    /// When it is judged, and what follows.
    pub when: When,
}

/// What a threshold speaks of.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Subject {
    Run,
    User(UserId),
    Task(TaskId),
    /// These rows, pooled.
    Series(Vec<SeriesId>),
    /// These rows, each on its own.
    Each(Vec<SeriesId>),
}
