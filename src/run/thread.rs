//! What the users of one load thread share. Threads share nothing else while a request is in flight.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::clock::Clock;
use super::dial::Addresses;
use super::network::Network;
use super::place::Base;
use crate::metrics::Recorder;
use crate::plan::{Plan, Value};

/// One load thread's world. Lives on that thread alone: `Rc` and `RefCell`, no locks.
pub struct Thread {
    /// The plan; each thread has a copy of its own, so that shared literals do not bounce between cores.
    pub plan: Plan,
    /// The run's constants, evaluated.
    pub constants: Vec<Value>,
    /// What has been seen. Borrowed for a moment at a time, never across an `await`.
    pub recorder: RefCell<Recorder>,
    /// The run's clock.
    pub clock: Clock,
    /// The way to the target.
    pub network: Rc<dyn Network>,
    /// What is left of this thread's block of `counter()` numbers: the next one, and one past the last.
    pub counter: Cell<(u64, u64)>,
    /// Hosts and ports with their addresses: a handful, the target first.
    pub names: RefCell<Vec<(String, u16, Rc<Addresses>)>>,
    /// Where the paths of steps begin.
    pub base: Base,
    /// What all threads of the run share.
    pub shared: Arc<Shared>,
}

/// What all threads of a run share: read-only, or touched rarely.
pub struct Shared {
    /// When the run's clock stood at zero, since 1970: `now()` is this and the clock.
    pub started: Duration,
    /// What `run.id` says.
    pub run_id: String,
    /// What `env(…)` reads.
    pub environment: HashMap<String, String>,
    /// The target's URL, evaluated and parsed.
    pub target: url::Url,
    /// Hosts beside loopback that may be sent to.
    pub allow: Vec<String>,
    /// Where the next `counter()` continues. Threads take numbers in blocks.
    pub counter: AtomicU64,
    /// The id of the next user that replaces one that has ended.
    pub next_user: AtomicU64,
}
