//! The load threads of a run: started together, heard once a second, waited for.

use std::collections::BTreeMap;
use std::panic;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalRuntime};

use super::body::READERS_MAX;
use super::clock::Clock;
use super::hear::Hearing;
use super::network::{Network, Tcp};
use super::place::Base;
use super::resolve::Names;
use super::tasks::counted;
use super::thread::{Handed, Seedling, Thread};
use super::{Act, Error, Finished, Ground, Options, Stop, Tick, preflight, prepare};
use crate::base::Offset;
use crate::metrics::Snapshot;
use crate::plan::load::Start;
use crate::plan::{Plan, Value};

/// What a load thread says. The last word of each is [`Word::Gone`], whatever happens to it.
enum Word {
    /// It waits for the start.
    Ready,
    /// It cannot run.
    Refused(std::io::Error),
    /// What it has seen since the last time.
    Handed(Box<Handed>),
    /// Its last user has ended; how many tasks have not.
    Ended(Offset, u64),
    /// It is about to end: joining it will not wait for long.
    Gone,
}

/// Runs `plan` on threads of its own and merges here what they see.
pub(super) fn run(
    plan: &Plan,
    options: &Options,
    stop: &Stop,
    watch: &mut dyn FnMut(&Tick<'_>),
) -> Result<Finished, Error> {
    let (names, sources) = (Names::new(&options.pinned, &options.name_servers), options.sources.clone());
    let way = move |index| -> Rc<dyn Network> { Rc::new(Tcp::new(names.clone(), &sources, index)) };
    run_over(Arc::new(way), plan, options, stop, watch)
}

/// Makes the way to the target of the thread with this index, on that thread.
type Way = Arc<dyn Fn(usize) -> Rc<dyn Network> + Send + Sync>;

/// As [`run`], over another network.
fn run_over(
    way: Way,
    plan: &Plan,
    options: &Options,
    stop: &Stop,
    watch: &mut dyn FnMut(&Tick<'_>),
) -> Result<Finished, Error> {
    let mut hearing = Hearing::new(plan, stop);
    let constants = prepare::constants(plan, options)?;
    let targets = prepare::targets(plan, options, &constants)?;
    let proxies = prepare::proxies(plan, options, &constants)?;
    // Whoever wants an end before there was a beginning has it at once.
    let looked_up = here(&mut hearing, async |_, _| {
        stop.unless_pressed(prepare::addresses(&*way(0), &targets, &proxies, options)).await
    });
    let Some(addresses) = looked_up? else { return Ok(hearing.finish(Duration::ZERO, None)) };
    let addresses = addresses?;
    let bases = Base::all(&targets);
    preflight::check(plan, &bases, &addresses, options)?;
    if let Some(tell) = options.warned.as_ref().filter(|_| !options.served_here) {
        let network = way(0);
        let reached = here(&mut hearing, async |_, clock| {
            stop.unless_pressed(preflight::reach(&*network, &clock, &bases, &addresses)).await
        });
        let Some(warnings) = reached? else { return Ok(hearing.finish(Duration::ZERO, None)) };
        warnings.iter().for_each(|warning| tell(warning));
    }
    let shared = prepare::shared(plan, options, targets, proxies);
    prepare::security(&shared)?;
    let mut ground = Ground { network: way(0), constants, addresses, shared, setup: Vec::new(), trodden: false };
    let mut failed = None;
    if plan.once.is_some() {
        ground.begin_anew(plan, options);
        failed = here(&mut hearing, async |hearing, clock| {
            let beside = &mut |handed| hearing.beside(Act::Setup, handed, watch);
            ground.setup(plan, clock, options, stop, beside).await
        })?;
    }
    let mut length = Duration::ZERO;
    if failed.is_none() {
        ground.begin_anew(plan, options);
        hearing.begin();
        length = bear(&way, &ground, plan, options, stop, &mut hearing, watch)?;
    }
    if plan.once.is_some() {
        ground.begin_anew(plan, options);
        here(&mut hearing, async |hearing, clock| {
            let beside = &mut |handed| hearing.beside(Act::Teardown, handed, watch);
            ground.teardown(plan, clock, options, stop, beside).await;
        })?;
    }
    Ok(hearing.finish(length, failed))
}

/// What `work` gives, on this thread, in real time from now on.
fn here<T>(hearing: &mut Hearing<'_>, work: impl AsyncFnOnce(&mut Hearing<'_>, Clock) -> T) -> Result<T, Error> {
    let runtime = runtime().map_err(Error::Thread)?;
    runtime.block_on(async {
        let clock = Clock::real(Instant::now()).map_err(Error::Thread)?;
        let (done, left) = counted(work(hearing, clock)).await;
        hearing.left(left);
        Ok(done)
    })
}

/// Bears the load on threads of its own; how long that took.
fn bear(
    way: &Way,
    ground: &Ground,
    plan: &Plan,
    options: &Options,
    stop: &Stop,
    hearing: &mut Hearing<'_>,
    watch: &mut dyn FnMut(&Tick<'_>),
) -> Result<Duration, Error> {
    let threads = options.threads.max(1);
    let starts = plan.starts(threads);

    let (tell, hear) = mpsc::channel();
    let mut load = Vec::new();
    for index in 0..threads {
        let starts: Vec<Start> = starts.iter().filter(|start| start.thread == index).copied().collect();
        let (go, start) = mpsc::channel();
        let seedling = Seedling {
            plan: plan.clone(),
            constants: ground.constants.iter().map(Value::unshared).collect(),
            setup: ground.setup.iter().map(|value| value.as_ref().map(Value::unshared)).collect(),
            addresses: ground.addresses.clone(),
            shared: ground.shared.clone(),
            index,
            threads,
            listener: options.listener.clone(),
            keeps: options.keeps_failures,
        };
        let (tell, stop, targets) = (Farewell(tell.clone(), index), stop.clone(), ground.shared.targets.clone());
        let way = way.clone();
        let body = move || attend(seedling, &way, &targets, &starts, &stop, &start, &tell);
        let thread = thread::Builder::new().name(format!("scn-load-{index}")).spawn(body).map_err(Error::Thread)?;
        load.push((thread, go));
    }
    drop(tell);

    for _ in 0..threads {
        match hear.recv() {
            Ok((_, Word::Ready)) => {}
            Ok((_, Word::Refused(error))) => return Err(Error::Thread(error)),
            // A panic before the start. Without one the others end at once; joining brings the panic here.
            Ok(_) | Err(_) => {
                joined(load);
                return Ok(Duration::ZERO);
            }
        }
    }
    // Only now, so that no thread's own start makes the first users late.
    let start = Instant::now();
    for (_, go) in &load {
        // A thread that is gone already is seen when it is joined.
        let _ = go.send(start);
    }
    let mut length = Duration::ZERO;
    let mut windows = Windows::new(threads);
    let mut gone = vec![false; threads];
    let mut refused = None;
    while gone.contains(&false) {
        let Ok((index, word)) = hear.recv() else { break };
        match word {
            Word::Handed(handed) => windows.add(index, *handed),
            Word::Ended(end, left) => {
                hearing.left(left);
                windows.ended(index);
                length = length.max(Duration::from_nanos(end.0));
            }
            Word::Gone => {
                gone[index] = true;
                if !windows.ended[index] {
                    // It fell: the others have nothing left to run for.
                    windows.ended(index);
                    stop.press();
                    stop.press();
                }
            }
            Word::Refused(error) => refused = Some(error),
            Word::Ready => {}
        }
        while let Some(window) = windows.next() {
            hearing.hear(window, watch);
        }
    }
    joined(load);
    if let Some(error) = refused {
        return Err(Error::Thread(error));
    }
    Ok(length)
}

/// Waits for all threads, the first of which to have panicked passes its panic on.
fn joined(load: Vec<(thread::JoinHandle<()>, mpsc::Sender<Instant>)>) {
    // Whoever still waits for the start learns that there is none.
    let threads: Vec<_> = load.into_iter().map(|(thread, _)| thread).collect();
    let ends: Vec<_> = threads.into_iter().map(thread::JoinHandle::join).collect();
    if let Some(panic) = ends.into_iter().find_map(Result::err) {
        panic::resume_unwind(panic);
    }
}

/// A load thread, from its runtime to its last user.
fn attend(
    seedling: Seedling,
    way: &Way,
    targets: &[url::Url],
    starts: &[Start],
    stop: &Stop,
    go: &mpsc::Receiver<Instant>,
    tell: &Farewell,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return tell.say(Word::Refused(error)),
    };
    runtime.block_on(async {
        tell.say(Word::Ready);
        // Closed without a start: another thread was refused.
        let Ok(start) = go.recv() else { return };
        let clock = match Clock::real(start) {
            Ok(clock) => clock,
            Err(error) => return tell.say(Word::Refused(error)),
        };
        let bases = Base::all(targets);
        let network = way(seedling.index);
        let thread = Rc::new(Thread::new(seedling, bases, clock, network));
        let mut hand = |handed| tell.say(Word::Handed(Box::new(handed)));
        let (end, left) = counted(thread.attend(starts, stop, &mut hand)).await;
        tell.say(Word::Ended(end, left));
    });
}

pub(super) fn runtime() -> std::io::Result<LocalRuntime> {
    // Time is the clock's; tokio's own timer would only make each wait for events dearer.
    // Blocking threads read files; one that is idle for seconds ends.
    let mut builder = Builder::new_current_thread();
    builder.enable_io().max_blocking_threads(READERS_MAX).build_local(Default::default())
}

/// A thread's voice; says farewell when dropped, also by a panic.
struct Farewell(mpsc::Sender<(usize, Word)>, usize);

impl Farewell {
    fn say(&self, word: Word) {
        // Nobody hears any more where the run has failed to start; there is nothing left to tell then.
        let _ = self.0.send((self.1, word));
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.say(Word::Gone);
    }
}

/// Windows that wait until every thread that still runs has handed over its part.
struct Windows {
    waiting: BTreeMap<u64, Handed>,
    /// The number of each thread's next window.
    next: Vec<u64>,
    ended: Vec<bool>,
}

impl Windows {
    fn new(threads: usize) -> Windows {
        Windows { waiting: BTreeMap::new(), next: vec![0; threads], ended: vec![false; threads] }
    }

    fn add(&mut self, thread: usize, handed: Handed) {
        let number = self.next[thread];
        self.next[thread] += 1;
        let window = self.waiting.entry(number).or_insert_with(|| Handed {
            window: Snapshot::default(),
            now: Offset::ZERO,
            stopping: false,
            warming: handed.warming,
            kept: Vec::new(),
        });
        window.window.merge(&handed.window);
        window.now = window.now.max(handed.now);
        window.stopping |= handed.stopping;
        window.kept.extend(handed.kept);
    }

    fn ended(&mut self, thread: usize) {
        self.ended[thread] = true;
    }

    /// The earliest window, if nobody has a part of it left to hand over.
    fn next(&mut self) -> Option<Handed> {
        let number = *self.waiting.first_key_value()?.0;
        let complete = (0..self.ended.len()).all(|thread| self.ended[thread] || self.next[thread] > number);
        if complete { self.waiting.remove(&number) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use std::net::SocketAddr;

    use super::*;
    use crate::metrics::Counter;
    use crate::plan::expr::Piece;
    use crate::plan::{Connect, Load, Op, SeriesKind, SocketId, StepId, Template};
    use crate::run::fixture;
    use crate::run::network::{Local, Stream};
    use crate::run::resolve::Found;

    /// A network on which each connection stays silent; that of `falls` panics where one thread makes its third.
    struct Silent {
        falls: bool,
        /// The far ends, kept open.
        far: RefCell<Vec<tokio::io::DuplexStream>>,
        dialled: Cell<u32>,
    }

    impl Network for Silent {
        fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
            Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
        }

        fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
            self.dialled.set(self.dialled.get() + 1);
            assert!(!self.falls || self.dialled.get() < 3, "the third connection is too much");
            let (near, far) = tokio::io::duplex(1 << 10);
            self.far.borrow_mut().push(far);
            Box::pin(std::future::ready(Ok(Stream::Memory(near))))
        }
    }

    fn silent(falls: bool) -> Rc<dyn Network> {
        Rc::new(Silent { falls, far: RefCell::default(), dialled: Cell::new(0) })
    }

    /// Users who open a socket and wait for its upgrade: for an hour, if nobody ends the run.
    fn plan(users: u32) -> Plan {
        let mut plan = fixture::plan(&[("connect", SeriesKind::Connect)], &[]);
        let hour = Duration::from_secs(3_600);
        plan.load = Load { graceful_stop: hour, ..Load::closed("test", vec![1.0], users, 1_000.0, hour) };
        let request = crate::plan::Http {
            step: StepId(0),
            method: "GET".into(),
            path: Template { pieces: vec![Piece::Literal("/ws".into())] },
            headers: Vec::new(),
            query: Vec::new(),
            cookies: Vec::new(),
            redirects: 0,
            target: crate::plan::TargetId(0),
            body: crate::plan::Body::None,
            timeout: hour,
            parts: Vec::new(),
            looks_at: crate::plan::LooksAt::default(),
        };
        let connect = Connect { step: StepId(0), socket: SocketId(0), request, subprotocol: None, leaves: None };
        plan.ops = vec![Op::Connect(Box::new(connect)), Op::End];
        plan
    }

    fn options(threads: usize) -> Options {
        let target = Some("http://127.0.0.1:80".into());
        Options { threads, target, run_id: "test".into(), ..Options::default() }
    }

    /// Runs it until a thread falls; what that said, and what the ticks said: whether the run was stopping, how many
    /// connections there were and how many users had started and ended.
    fn fall(
        way: impl Fn(usize) -> Rc<dyn Network> + Send + Sync + 'static,
        threads: usize,
    ) -> (String, Vec<(bool, u64, u64, u64)>) {
        let mut ticks = Vec::new();
        let mut watch = |tick: &Tick<'_>| {
            let users = tick.total.users_of(crate::plan::UserId(0));
            ticks.push((tick.stopping, tick.total.counter(Counter::ConnectionsOpened), users.started, users.ended));
        };
        let stop = Stop::default();
        let way: Way = Arc::new(way);
        let run = || run_over(way, &plan(12), &options(threads), &stop, &mut watch).map(|_| ());
        let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the panic comes here");
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        (said.or_else(|| panic.downcast_ref::<String>().cloned()).expect("it was text"), ticks)
    }

    #[test]
    fn a_panic_on_one_of_several_threads_ends_the_others_and_reaches_the_caller() {
        let (said, ticks) = fall(|index| silent(index == 1), 3);
        assert_eq!(said, "the third connection is too much");
        // The others hand over what they have seen, and their users have ended.
        let (stopping, opened, started, ended) = *ticks.last().expect("the last windows are shown");
        assert!(stopping);
        // At most the four users of the fallen thread never came to an end.
        assert!(opened <= started && started <= ended + 4, "{ticks:?}");
    }

    #[test]
    fn arrivals_are_shared_by_several_threads_to_the_last_one() {
        use crate::metrics::Counter;
        use crate::plan::load::Shape;
        use crate::plan::schedule::ramp::Stage;
        let mut plan = plan(1);
        plan.load.duration = Duration::from_millis(300);
        plan.load.graceful_stop = Duration::ZERO;
        let stage = |to, over| Stage { to, over };
        let stages = vec![stage(200.0, Duration::ZERO), stage(200.0, plan.load.duration)];
        plan.load.parts[0].shape = Shape::Open { stages, max_users: 50 };
        let stop = Stop::default();
        let finished =
            run_over(Arc::new(|_| silent(false)), &plan, &options(3), &stop, &mut |_| {}).expect("it can run");
        let (arrivals, missed) = (Counter::Arrivals, Counter::ArrivalsMissed);
        assert_eq!(finished.total.counter(arrivals) + finished.total.counter(missed), 60);
    }

    /// As [`Silent`], but each name that is looked up and each connection leaves a task behind that does not end.
    struct Littering(Rc<dyn Network>);

    impl Network for Littering {
        fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
            tokio::task::spawn_local(std::future::pending::<()>());
            self.0.resolve(host, port)
        }

        fn connect(&self, to: SocketAddr) -> Local<io::Result<Stream>> {
            tokio::task::spawn_local(std::future::pending::<()>());
            self.0.connect(to)
        }
    }

    #[test]
    fn tasks_that_do_not_end_with_the_last_user_are_counted() {
        let mut plan = plan(7);
        plan.load.iterations = Some(7);
        if let Op::Connect(connect) = &mut plan.ops[0] {
            connect.request.timeout = Duration::from_millis(50);
        }
        let left = |way: Way| {
            let finished = run_over(way, &plan, &options(2), &Stop::default(), &mut |_| {}).expect("it can run");
            (finished.total.counter(Counter::ConnectionsOpened), finished.tasks_left)
        };
        assert_eq!(left(Arc::new(|_| silent(false))), (7, 0));
        // One of the name, and one of each connection.
        assert_eq!(left(Arc::new(|_| Rc::new(Littering(silent(false))))), (7, 8));
    }

    #[test]
    fn a_panic_on_the_only_thread_reaches_the_caller() {
        assert_eq!(fall(|_| silent(true), 1), ("the third connection is too much".to_owned(), Vec::new()));
    }

    #[test]
    fn a_panic_before_the_first_user_reaches_the_caller() {
        let (said, _) = fall(|index| if index == 0 { panic!("no way") } else { silent(false) }, 2);
        assert_eq!(said, "no way");
    }
}
