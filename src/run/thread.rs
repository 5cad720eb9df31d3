//! What the users of one load thread share. Threads share nothing else while a request is in flight.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::Stop;
use super::arrivals::{Arrivals, Desk};
use super::clock::Clock;
use super::deal::Deck;
use super::finish::{Finish, Phase};
use super::keep::Keeper;
use super::life::{UNANSWERED_MIN, occupy, serve};
use super::network::Network;
use super::place::{Base, Origin};
use super::proxy::{Proxy, Speaks};
use super::request::Prepared;
use super::resolve::{Found, Known, Pinned};
use super::tls::{Offer, Security};
use super::trace::{Listener, Trace};
use super::veil::Veil;
use super::wire::Wires;
use crate::base::Offset;
use crate::metrics::{Exchange, Recorder, Snapshot};
use crate::plan::expr::Piece;
use crate::plan::load::Start;
use crate::plan::{Op, Plan, Template, Value, Version};

/// One load thread's world. Lives on that thread alone: `Rc` and `RefCell`, no locks.
pub struct Thread {
    /// The plan; each thread has a copy of its own, so that shared literals do not bounce between cores.
    pub plan: Plan,
    /// The run's constants, evaluated.
    pub constants: Vec<Value>,
    /// What `setup` has set, by slot; `None`: nothing there.
    pub setup: Vec<Option<Value>>,
    /// What no text may show.
    pub veil: Veil,
    /// What has been seen. Borrowed for a moment at a time, never across an `await`.
    pub recorder: RefCell<Recorder>,
    /// The run's clock.
    pub clock: Clock,
    /// The way to the target.
    pub network: Rc<dyn Network>,
    /// What is left of this thread's block of `counter()` numbers: the next one, and one past the last.
    pub counter: Cell<(u64, u64)>,
    /// Hosts and ports with their addresses, the targets first.
    pub names: Known,
    /// Where the paths of steps begin, by target.
    pub bases: Vec<Base>,
    /// What of each HTTP operation's request never varies, by [`OpId`](crate::plan::OpId); or why it cannot be made.
    pub prepared: Vec<Option<Result<Prepared, String>>>,
    /// Whether a path may refer to the last answer's URL.
    pub relative: bool,
    /// Servers that could speak HTTP/2 and have chosen HTTP/1.1: a handful.
    pub ones: RefCell<Vec<Rc<Origin>>>,
    /// What connections share.
    pub wires: Rc<Wires>,
    /// Where idle users wait for arrivals.
    pub desk: Desk,
    /// Its place among the threads, and how many there are.
    pub index: (usize, usize),
    /// Whether the run goes on.
    pub finish: Finish,
    /// When no new iterations begin any more, if nobody stops the run before.
    pub end: Offset,
    /// When the next user may start that replaces one that has failed.
    pub next_start: Cell<Offset>,
    /// The time between two such starts on this thread.
    pub replacement_gap: Duration,
    /// What all threads of the run share.
    pub shared: Arc<Shared>,
    /// Who is told what happens.
    pub trace: Option<Rc<dyn Trace>>,
    /// Where the first failures are kept with all that was there, if anybody wants them.
    pub keeper: Option<Keeper>,
}

/// What all threads of a run share: read-only, or touched rarely.
pub struct Shared {
    /// When the run's clock stood at zero, since 1970: `now()` is this and the clock.
    pub started: Duration,
    /// What `run.id` says.
    pub run_id: String,
    /// What `env(…)` reads.
    pub environment: HashMap<String, String>,
    /// The targets' URLs, evaluated and parsed.
    pub targets: Vec<url::Url>,
    /// Hosts beside loopback that may be sent to.
    pub allow: Vec<String>,
    /// How TLS is spoken, by target.
    pub security: Arc<Security>,
    /// What names stand for, whatever DNS says.
    pub pinned: Vec<Pinned>,
    /// The proxy of each target.
    pub proxies: Vec<Option<Proxy>>,
    /// Where the next `counter()` continues. Threads take numbers in blocks.
    pub counter: AtomicU64,
    /// What of the data is dealt.
    pub deck: Deck,
    /// The id of the next user that replaces one that has ended, or is made for an arrival.
    pub next_user: AtomicU64,
    /// Iterations that may still begin, where the load counts them.
    pub iterations: AtomicU64,
}

/// What a load thread is made from; crosses over to it.
pub(super) struct Seedling {
    pub plan: Plan,
    pub constants: Vec<Value>,
    /// What `setup` has set.
    pub setup: Vec<Option<Value>>,
    /// Of each target.
    pub addresses: Vec<Found>,
    pub shared: Arc<Shared>,
    /// Its place among the threads, and how many there are.
    pub index: usize,
    pub threads: usize,
    /// Makes who is told what happens.
    pub listener: Option<Listener>,
    /// Whether the first failures are kept.
    pub keeps: bool,
}

/// What a load thread hands over.
pub(super) struct Handed {
    /// What it has seen since the last time.
    pub window: Snapshot,
    /// Since the start of the run.
    pub now: Offset,
    /// True once no new iterations begin.
    pub stopping: bool,
    /// True for what the warm-up saw.
    pub warming: bool,
    /// The first failures that it has kept since the last time.
    pub kept: Vec<Exchange>,
}

impl Thread {
    /// The world of a load thread.
    pub(super) fn new(seedling: Seedling, bases: Vec<Base>, clock: Clock, network: Rc<dyn Network>) -> Thread {
        let Seedling { plan, constants, setup, addresses, shared, index, threads, listener, keeps } = seedling;
        let load = &plan.load;
        // Whoever takes a failed user's place starts no faster than the planned ones do, and behind them.
        let gap = match load.spawn_rate() {
            // Nobody is planned: arrivals make users.
            rate if rate <= 0.0 => GAP_MAX,
            // All at once: whoever fails comes back as often as one whom nobody answers.
            rate if rate.is_infinite() => UNANSWERED_MIN,
            rate => Duration::try_from_secs_f64(1.0 / rate).map_or(GAP_MAX, |gap| gap.min(GAP_MAX)),
        };
        let last = plan.starts(1).last().map_or(Offset::ZERO, |start| start.due);
        let ramp = last + gap * (1 + index as u32);
        let gap = gap * threads as u32;
        let begins_with_value = |path: &Template| matches!(path.pieces.first(), Some(Piece::Value(_)));
        let relative = plan.ops.iter().any(|op| match op {
            Op::Http(http) => begins_with_value(&http.path),
            Op::Connect(connect) => begins_with_value(&connect.request.path),
            Op::Events(events) => begins_with_value(&events.request.path),
            _ => false,
        });
        let names = Known::default();
        for (base, found) in bases.iter().zip(&addresses) {
            let proxy = shared.proxies.get(base.origin.target.0 as usize).and_then(Option::as_ref);
            let (host, port) = match proxy {
                Some(proxy) => (&proxy.host, proxy.port),
                None => (&base.origin.host, base.origin.port),
            };
            names.learn(host, port, found, index);
        }
        let mut thread = Thread {
            recorder: RefCell::new(Recorder::new(&plan, index as u32)),
            veil: Veil::of(secret_values(&plan, &constants, &setup)),
            setup,
            constants,
            clock,
            network,
            counter: Cell::new((0, 0)),
            names,
            bases,
            prepared: Vec::new(),
            relative,
            ones: RefCell::default(),
            wires: Rc::default(),
            desk: Desk::new(load, plan.classes().len(), index, threads),
            index: (index, threads),
            finish: Finish::default(),
            end: Offset::from(load.duration),
            next_start: Cell::new(ramp),
            replacement_gap: gap,
            plan,
            shared,
            trace: listener.map(|listener| listener.make()),
            keeper: None,
        };
        thread.keeper = keeps.then(|| Keeper::new(&thread.plan));
        let prepared = thread.plan.ops.iter().map(|op| match op {
            Op::Http(http) => Some(Prepared::new(http, &thread)),
            _ => None,
        });
        thread.prepared = prepared.collect();
        thread.veil.settle();
        thread
    }

    /// Starts the users of `starts` when they are due, hands over what was seen each full second and at the end, and
    /// returns when the last user has ended: at the latest when the graceful stop is over, or when the button was
    /// pressed twice.
    ///
    /// Who closes: this task moves the run from phase to phase; the users follow on their own, and their tasks are
    /// waited for. A user's panic is passed on.
    pub(super) async fn attend(
        self: Rc<Thread>,
        starts: &[Start],
        stop: &Stop,
        hand: &mut dyn FnMut(Handed),
    ) -> Offset {
        let (clock, load) = (&self.clock, &self.plan.load);
        self.recorder.borrow_mut().begin(clock.now());
        let mut cpu = cpu_time();
        let mut warming = !load.warm_up.is_zero();
        let mut take = |warming: bool| {
            let used = cpu_time();
            let now = clock.now();
            let window = self.recorder.borrow_mut().take(now, used.saturating_sub(cpu));
            cpu = used;
            let kept = self.keeper.as_ref().map(Keeper::take).unwrap_or_default();
            hand(Handed { window, now, stopping: self.finish.phase() > Phase::Going, warming, kept });
        };
        let mut starts = starts.iter().peekable();
        let (index, threads) = self.index;
        let mut arrivals = Arrivals::new(load.arrivals(index, threads, self.end));
        let mut users = JoinSet::new();
        let mut pressed = stop.subscribe();
        let mut next_phase = (self.end, Phase::Stopping);
        let mut second = Offset::ZERO + SECOND;
        loop {
            let presses = *pressed.borrow_and_update();
            if presses > 0 && self.finish.phase() == Phase::Going {
                next_phase = (clock.now(), Phase::Stopping);
            }
            if presses > 1 && self.finish.phase() < Phase::Over {
                next_phase = (clock.now(), Phase::Over);
            }
            if self.finish.phase() == Phase::Going && self.is_counted_out() {
                next_phase = (clock.now(), Phase::Stopping);
            }
            if next_phase.0 <= clock.now() && self.finish.phase() < next_phase.1 {
                if next_phase.1 == Phase::Stopping {
                    arrivals.missed(&self, clock.now().min(self.end));
                }
                self.finish.reach(next_phase.1);
                next_phase = (clock.now() + load.graceful_stop, Phase::Over);
                if self.finish.phase() == Phase::Over {
                    next_phase.0 = Offset::NEVER;
                }
            }
            let next_start = match self.finish.phase() {
                Phase::Going => starts.peek().map_or(Offset::NEVER, |start| start.due),
                Phase::Stopping | Phase::Over => Offset::NEVER,
            };
            let next_arrival = match self.finish.phase() {
                Phase::Going => arrivals.next_due(),
                Phase::Stopping | Phase::Over => Offset::NEVER,
            };
            if users.is_empty() && next_start == Offset::NEVER && next_arrival == Offset::NEVER {
                break;
            }
            tokio::select! {
                biased;
                _ = pressed.changed() => {}
                _ = clock.sleep_until(next_phase.0) => {}
                _ = clock.sleep_until(next_start) => {
                    while let Some(start) = starts.next_if(|start| start.due <= clock.now() && start.due < self.end) {
                        users.spawn_local(occupy(self.clone(), *start));
                    }
                }
                arrival = arrivals.needs_user(&self), if next_arrival != Offset::NEVER => {
                    users.spawn_local(serve(self.clone(), arrival));
                }
                // A window ends where the warm-up does.
                _ = clock.sleep_until(Offset::from(load.warm_up)), if warming => {
                    take(true);
                    warming = false;
                    self.keeper.iter().for_each(Keeper::begin_anew);
                    // Windows are judged in whole seconds from here.
                    second = Offset::from(load.warm_up) + SECOND;
                }
                _ = clock.sleep_until(second) => {
                    take(warming);
                    second = second + SECOND;
                }
                Some(ended) = users.join_next() => {
                    if let Err(error) = ended
                        && error.is_panic()
                    {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
        }
        let end = clock.now();
        take(warming);
        end
    }

    /// The proxy that takes requests to `origin` itself, where there is one.
    pub(super) fn forwards(&self, origin: &Origin) -> Option<&Proxy> {
        let proxy = self.shared.proxies.get(origin.target.0 as usize)?.as_ref()?;
        (proxy.speaks == Speaks::Http && !origin.secure).then_some(proxy)
    }

    /// The server of a target, where it is one: its settings hold there, whichever step comes to it.
    pub(super) fn known(&self, origin: Origin) -> Rc<Origin> {
        let is_here = |base: &&Base| base.origin.is_at(&origin);
        let own = self.bases.get(origin.target.0 as usize).filter(is_here);
        match own.or_else(|| self.bases.iter().find(is_here)) {
            Some(base) => base.origin.clone(),
            None => Rc::new(origin),
        }
    }

    /// What HTTP steps offer a server to speak.
    #[inline]
    pub(super) fn offer(&self, origin: &Rc<Origin>) -> Offer {
        match self.plan.targets[origin.target.0 as usize].http {
            Version::One => Offer::One,
            Version::Two => Offer::Two,
            Version::Auto if !origin.secure => Offer::One,
            Version::Auto => {
                let known = self.ones.borrow().iter().any(|one| Rc::ptr_eq(one, origin) || one == origin);
                if known { Offer::One } else { Offer::Both }
            }
        }
    }

    /// Remembers that a server has chosen HTTP/1.1.
    pub(super) fn speaks_one(&self, origin: &Rc<Origin>) {
        let mut ones = self.ones.borrow_mut();
        if ones.len() < ONES_MAX && !ones.contains(origin) {
            ones.push(origin.clone());
        }
    }

    /// Whether another iteration may begin; takes one of those that are left, where the load counts them.
    pub(super) fn takes_iteration(&self) -> bool {
        if self.plan.load.iterations.is_none() {
            return true;
        }
        let left = &self.shared.iterations;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Whether all iterations that the load counts have begun.
    fn is_counted_out(&self) -> bool {
        self.plan.load.iterations.is_some() && self.shared.iterations.load(Ordering::Relaxed) == 0
    }
}

/// The values of the whole run that nobody may see.
fn secret_values<'v>(
    plan: &'v Plan,
    constants: &'v [Value],
    setup: &'v [Option<Value>],
) -> impl Iterator<Item = &'v Value> {
    let slots = plan.once.and_then(|once| plan.secrets.slots.get(once.0 as usize));
    let of_setup = slots.into_iter().flatten().filter_map(|slot| setup.get(slot.0 as usize)?.as_ref());
    let constants = constants.iter().zip(&plan.secrets.constants).filter(|(_, secret)| **secret);
    constants.map(|(value, _)| value).chain(of_setup)
}

/// So many servers are remembered by what they speak; what the next ones do is asked each time.
const ONES_MAX: usize = 64;

/// Longest time between two starts of users that replace others.
const GAP_MAX: Duration = Duration::from_secs(3_600);

/// What was seen is handed over so often.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What this thread has used of its core so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
