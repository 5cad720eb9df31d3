//! Doing it: plan → samples. The only room that connects to a target.
//!
//! Takes a [`Plan`], gives snapshots while it goes and a [`Finished`] at its end. Does not know who listens: it has no
//! progress bar and chooses no exit code.

mod arrivals;
mod body;
pub mod clock;
mod connection;
mod control;
mod cookies;
mod deal;
mod decode;
pub mod dial;
pub mod eval;
mod finish;
#[cfg(test)]
mod fixture;
mod flight;
mod hear;
mod http;
mod judge;
mod keep;
mod life;
mod limits;
mod lines;
mod multipart;
pub mod network;
mod once;
mod over_two;
mod parallel;
pub mod place;
mod preflight;
mod prepare;
mod proxy;
mod random;
mod redirects;
mod rehearse;
mod request;
pub mod resolve;
mod session;
mod socket;
mod source;
mod tasks;
mod tcp;
mod thread;
mod threads;
mod tls;
pub mod trace;
mod two;
mod user;
pub mod veil;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::base::Offset;
use crate::metrics::{Aborted, Exchange, Judged, Snapshot, Watch};
use crate::plan::{Plan, Value};

pub use connection::BODY_KEPT_MAX;
pub use life::UNANSWERED_MIN;
pub use limits::Shortage;
pub use once::SetupFailed;
pub use preflight::{Warned, Warning};
pub use rehearse::{Rehearsed, rehearse, rehearse_over};

/// What a run needs beside its plan.
#[derive(Default)]
pub struct Options {
    /// Load threads; 0 counts as 1.
    pub threads: usize,
    /// Stands for the plan's target, as the user typed it.
    pub target: Option<String>,
    /// The same for targets with a name.
    pub named_targets: Vec<(String, String)>,
    /// Hosts beside loopback that may be sent to.
    pub allow: Vec<String>,
    /// Addresses of this machine that connections come from, in turn; empty: the system chooses.
    pub sources: Vec<IpAddr>,
    /// What names stand for, whatever DNS says.
    pub pinned: Vec<resolve::Pinned>,
    /// Name servers in place of the system's.
    pub name_servers: Vec<SocketAddr>,
    /// What `env(…)` reads.
    pub environment: HashMap<String, String>,
    /// What `run.id` says.
    pub run_id: String,
    /// Whether the service that is tried lives in this process: then each connection has both its ends here.
    pub served_here: bool,
    /// Who is told what happens to each user, as it happens.
    pub listener: Option<trace::Listener>,
    /// Who is told before the load what may be wrong with it.
    pub warned: Option<Warned>,
    /// Whether the first failures are kept with all that was there: each [`Tick`] brings those of its second.
    pub keeps_failures: bool,
}

/// The stop button: pressed once, no new iterations begin and running ones get their graceful stop; pressed twice,
/// all ends at once. Clones press the same button; safe in a signal handler's task.
#[derive(Clone)]
pub struct Stop {
    presses: Arc<watch::Sender<u8>>,
    /// Whether one of the presses was a threshold's.
    aborted: Arc<AtomicBool>,
}

impl Stop {
    /// Presses the button once.
    pub fn press(&self) {
        self.presses.send_modify(|presses| *presses = presses.saturating_add(1));
    }

    /// How often it was pressed, by whomever.
    pub fn presses(&self) -> u8 {
        *self.presses.borrow()
    }

    /// Presses the button once in the name of a threshold: that is no stop by hand.
    fn abort(&self) {
        if !self.aborted.swap(true, Ordering::Relaxed) {
            self.press();
        }
    }

    /// Whether anyone but a threshold has pressed it.
    pub fn by_hand(&self) -> bool {
        self.presses() > u8::from(self.aborted.load(Ordering::Relaxed))
    }

    /// What `work` gives; `None`: the button was pressed before it was done, and it is dropped.
    async fn unless_pressed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut presses = self.subscribe();
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = presses.wait_for(|presses| *presses > 0) => None,
        }
    }

    /// The presses, as they come.
    fn subscribe(&self) -> watch::Receiver<u8> {
        self.presses.subscribe()
    }
}

impl Default for Stop {
    fn default() -> Stop {
        Stop { presses: Arc::new(watch::Sender::new(0)), aborted: Arc::default() }
    }
}

/// The parts of a run, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `setup`, before any user.
    Setup,
    /// The load.
    Load,
    /// `teardown`, behind the last user.
    Teardown,
}

/// What a listener is told once a second while the run goes, and at the end of each of its parts.
pub struct Tick<'a> {
    /// Which part of the run goes on.
    pub act: Act,
    /// Since that part began: in the load, since the first start.
    pub elapsed: Duration,
    /// What was seen in the last second, all threads merged.
    pub window: &'a Snapshot,
    /// What was seen so far: in the warm-up while it lasts, and since its end from then on.
    pub total: &'a Snapshot,
    /// What counts of that: nothing but what `setup` has had while the warm-up lasts, and all of it from then on.
    pub counted: &'a Snapshot,
    /// What was seen in the warm-up so far; `None`: the load has none, or has not begun.
    pub warm_up: Option<&'a Snapshot>,
    /// The thresholds as they stand.
    pub watch: &'a Watch<'a>,
    /// True once no new iterations begin.
    pub stopping: bool,
    /// True in the warm-up.
    pub warming: bool,
    /// When the first user started, by the wall clock; in `setup`, when the run was asked for.
    pub started: SystemTime,
    /// The first failures that were kept in the last second, if they are.
    pub kept: &'a [Exchange],
}

/// A run that came to its end.
pub struct Finished {
    /// What was seen, the warm-up apart.
    pub total: Snapshot,
    /// What was seen in the warm-up; `None`: the load has none.
    pub warm_up: Option<Snapshot>,
    /// When it started, by the wall clock.
    pub started: SystemTime,
    /// From the first start to the end of the last iteration.
    pub length: Duration,
    /// What became of the thresholds, in their order.
    pub judged: Vec<Judged>,
    /// The threshold that ended it, if one did.
    pub aborted: Option<Aborted>,
    /// Whether the stop button was pressed by someone else.
    pub stopped: bool,
    /// Why no user has started: `setup` did not end as it should.
    pub setup_failed: Option<SetupFailed>,
    /// How many tasks of its threads had not ended with the last user: a fault of ours, if there is one. [`drive`] counts
    /// none, as its runtime is the caller's.
    pub tasks_left: u64,
}

/// Why a run could not start or go on.
#[derive(Debug)]
pub enum Error {
    /// The target's URL is no URL; what it is, and why not.
    TargetUrl(String, String),
    /// The target is neither loopback nor allowed.
    HostNotAllowed(String),
    /// The target's name does not resolve.
    Unresolved(String, String),
    /// A secret or a variable of the environment is not there: its place, and why.
    Missing(crate::base::Span, String),
    /// A target's proxy is none: why.
    Proxy(String),
    /// A constant has no value: its place, and why.
    Constant(crate::base::Span, String),
    /// A file of certificates or a key that the scenario names holds none that can be used: its place, and why.
    Certificate(crate::base::Span, String),
    /// The machine cannot speak TLS with a target: why.
    Tls(String),
    /// The plan needs more than the system grants: what it lacks, at least one thing.
    Shortages(Vec<Shortage>),
    /// This machine does not have an address that connections shall come from; what the system says.
    Source(IpAddr, std::io::Error),
    /// No address that connections shall come from can reach this target; why not.
    NoSource(String, String),
    /// The operating system refused what a load thread needs.
    Thread(std::io::Error),
}

/// Runs `plan` to its end, or until `stop` is pressed; `watch` is called about once a second, on this thread.
///
/// Before the load it is looked at whether this machine can bear it, which raises this process's soft limit of
/// descriptors to the hard one, and whether the targets can be reached. A panic on a load thread ends the run and is
/// passed on to the caller.
pub fn run(plan: &Plan, options: &Options, stop: &Stop, watch: &mut dyn FnMut(&Tick<'_>)) -> Result<Finished, Error> {
    threads::run(plan, options, stop, watch)
}

/// Runs `plan` on this thread alone, over `network` and in tokio's time: in tests that is paused, so that minutes pass
/// in milliseconds and counts are exact. Inside a `LocalRuntime` with time.
pub async fn drive(
    plan: &Plan,
    network: Rc<dyn network::Network>,
    options: &Options,
    stop: &Stop,
    watch: &mut dyn FnMut(&Tick<'_>),
) -> Result<Finished, Error> {
    let mut ground = Ground::survey(plan, network, options).await?;
    let mut hearing = hear::Hearing::new(plan, stop);
    ground.begin_anew(plan, options);
    let beside = &mut |handed| hearing.beside(Act::Setup, handed, watch);
    let failed = ground.setup(plan, clock::Clock::paused(), options, stop, beside).await;
    let mut end = Offset::ZERO;
    if failed.is_none() {
        hearing.begin();
        ground.begin_anew(plan, options);
        let thread = ground.thread(plan, clock::Clock::paused(), options);
        end = thread.attend(&plan.starts(1), stop, &mut |handed| hearing.hear(handed, watch)).await;
    }
    ground.begin_anew(plan, options);
    let beside = &mut |handed| hearing.beside(Act::Teardown, handed, watch);
    ground.teardown(plan, clock::Clock::paused(), options, stop, beside).await;
    Ok(hearing.finish(Duration::from_nanos(end.0), failed))
}

/// What a run on this thread stands on.
struct Ground {
    network: Rc<dyn network::Network>,
    constants: Vec<Value>,
    /// Of each target.
    addresses: Vec<resolve::Found>,
    shared: Arc<thread::Shared>,
    /// What `setup` has set.
    setup: Vec<Option<Value>>,
    /// Whether a clock has begun to count on it.
    trodden: bool,
}

impl Ground {
    /// Evaluates what is evaluated once, and looks the target up.
    async fn survey(plan: &Plan, network: Rc<dyn network::Network>, options: &Options) -> Result<Ground, Error> {
        let constants = prepare::constants(plan, options)?;
        let targets = prepare::targets(plan, options, &constants)?;
        let proxies = prepare::proxies(plan, options, &constants)?;
        let addresses = prepare::addresses(&*network, &targets, &proxies, options).await?;
        let shared = prepare::shared(plan, options, targets, proxies);
        prepare::security(&shared)?;
        Ok(Ground { network, constants, addresses, shared, setup: Vec::new(), trodden: false })
    }

    /// A clock begins to count: what threads share begins with it, but for what goes on through the whole run.
    fn begin_anew(&mut self, plan: &Plan, options: &Options) {
        if std::mem::replace(&mut self.trodden, true) {
            self.shared = prepare::shared_after(plan, options, self.shared.targets.clone(), &self.shared);
        }
    }

    /// The only load thread of a run on this thread, whose clock reads zero now.
    fn thread(&self, plan: &Plan, clock: clock::Clock, options: &Options) -> Rc<thread::Thread> {
        let bases = place::Base::all(&self.shared.targets);
        let seedling = thread::Seedling {
            plan: plan.clone(),
            constants: self.constants.clone(),
            setup: self.setup.clone(),
            addresses: self.addresses.clone(),
            shared: self.shared.clone(),
            index: 0,
            threads: 1,
            listener: options.listener.clone(),
            keeps: options.keeps_failures,
        };
        Rc::new(thread::Thread::new(seedling, bases, clock, self.network.clone()))
    }

    /// Walks `setup`, where there is one; why no user may start, if none may.
    async fn setup(
        &mut self,
        plan: &Plan,
        clock: clock::Clock,
        options: &Options,
        stop: &Stop,
        hand: &mut dyn FnMut(thread::Handed),
    ) -> Option<SetupFailed> {
        let once = plan.once?;
        plan.users[once.0 as usize].on_start?;
        let done = self.thread(plan, clock, options).once(trace::Part::Setup, stop, hand).await;
        let failed = done.failed();
        self.setup = done.values;
        failed
    }

    /// Walks `teardown`, where there is one and nobody wants all to end at once.
    async fn teardown(
        &self,
        plan: &Plan,
        clock: clock::Clock,
        options: &Options,
        stop: &Stop,
        hand: &mut dyn FnMut(thread::Handed),
    ) {
        let there = plan.once.and_then(|once| plan.users[once.0 as usize].on_stop);
        if there.is_none() || stop.presses() > 1 {
            return;
        }
        self.thread(plan, clock, options).once(trace::Part::Teardown, stop, hand).await;
    }
}
