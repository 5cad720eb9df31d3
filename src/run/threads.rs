//! The load threads of a run: started together, heard once a second, waited for.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::{Builder, LocalRuntime};

use super::clock::Clock;
use super::network::Tcp;
use super::place::Base;
use super::thread::{Handed, Seedling, Thread};
use super::{Error, Finished, Options, Stop, Tick, prepare};
use crate::base::Offset;
use crate::metrics::Snapshot;
use crate::plan::Plan;
use crate::plan::schedule::Start;

/// What a load thread says. The last word of each is [`Word::Gone`], whatever happens to it.
enum Word {
    /// It waits for the start.
    Ready,
    /// It cannot run.
    Refused(std::io::Error),
    /// What it has seen since the last time.
    Handed(Box<Handed>),
    /// Its last user has ended.
    Ended(Offset),
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
    let constants = prepare::constants(plan, options)?;
    let (target, base) = prepare::target(plan, options, &constants)?;
    let addresses = (base.origin.host.as_str(), base.origin.port).to_socket_addrs().map(Iterator::collect);
    let addresses: Vec<SocketAddr> = prepare::allowed(&base.origin, addresses, options)?;
    let shared = prepare::shared(plan, options, target.clone());
    let threads = options.threads.max(1);
    let starts = plan.starts(threads);

    let (tell, hear) = mpsc::channel();
    let mut load = Vec::new();
    for index in 0..threads {
        let starts: Vec<Start> = starts.iter().filter(|start| start.thread == index).copied().collect();
        let (go, start) = mpsc::channel();
        let seedling = Seedling {
            plan: plan.clone(),
            constants: constants.iter().map(crate::plan::Value::unshared).collect(),
            addresses: addresses.clone(),
            shared: shared.clone(),
            index,
            threads,
        };
        let (tell, stop, target) = (Farewell(tell.clone(), index), stop.clone(), target.clone());
        let body = move || attend(seedling, &target, &starts, &stop, &start, &tell);
        let thread = thread::Builder::new().name(format!("scn-load-{index}")).spawn(body).map_err(Error::Thread)?;
        load.push((thread, go));
    }
    drop(tell);

    for _ in 0..threads {
        match hear.recv() {
            Ok((_, Word::Ready)) => {}
            Ok((_, Word::Refused(error))) => return Err(Error::Thread(error)),
            // A panic before the start: joining brings it here.
            Ok(_) | Err(_) => break,
        }
    }
    // Only now, so that no thread's own start makes the first users late.
    let (started, start) = (SystemTime::now(), Instant::now());
    for (_, go) in &load {
        // A thread that is gone already is seen when it is joined.
        let _ = go.send(start);
    }
    let mut finished = Finished { started, ..Finished::nothing_yet() };
    let mut windows = Windows::new(threads);
    let mut gone = vec![false; threads];
    while gone.contains(&false) {
        let Ok((index, word)) = hear.recv() else { break };
        match word {
            Word::Handed(handed) => windows.add(index, *handed),
            Word::Ended(end) => {
                windows.ended(index);
                finished.length = finished.length.max(Duration::from_nanos(end.0));
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
            Word::Ready | Word::Refused(_) => {}
        }
        while let Some(window) = windows.next() {
            finished.total.merge(&window.snapshot);
            let elapsed = Duration::from_nanos(window.now.0);
            let tick = Tick { elapsed, window: &window.snapshot, total: &finished.total, stopping: window.stopping };
            watch(&tick);
        }
    }
    for (thread, _) in load {
        if let Err(panic) = thread.join() {
            panic::resume_unwind(panic);
        }
    }
    finished.stopped = stop.presses() > 0;
    Ok(finished)
}

/// A load thread, from its runtime to its last user.
fn attend(
    seedling: Seedling,
    target: &url::Url,
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
        let base = Base::of(target).expect("it was one before the threads were started");
        let thread = Rc::new(Thread::new(seedling, base, clock, Rc::new(Tcp)));
        let end = thread.attend(starts, stop, &mut |handed| tell.say(Word::Handed(Box::new(handed)))).await;
        tell.say(Word::Ended(end));
    });
}

fn runtime() -> std::io::Result<LocalRuntime> {
    // Time is the clock's; tokio's own timer would only make each wait for events dearer.
    Builder::new_current_thread().enable_io().build_local(Default::default())
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

/// What all threads saw in one second.
struct Window {
    snapshot: Snapshot,
    now: Offset,
    stopping: bool,
}

/// Windows that wait until every thread that still runs has handed over its part.
struct Windows {
    waiting: BTreeMap<u64, Window>,
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
        let window = self.waiting.entry(number).or_insert_with(|| Window {
            snapshot: Snapshot::default(),
            now: Offset::ZERO,
            stopping: false,
        });
        window.snapshot.merge(&handed.window);
        window.now = window.now.max(handed.now);
        window.stopping |= handed.stopping;
    }

    fn ended(&mut self, thread: usize) {
        self.ended[thread] = true;
    }

    /// The earliest window, if nobody has a part of it left to hand over.
    fn next(&mut self) -> Option<Window> {
        let number = *self.waiting.first_key_value()?.0;
        let complete = (0..self.ended.len()).all(|thread| self.ended[thread] || self.next[thread] > number);
        if complete { self.waiting.remove(&number) } else { None }
    }
}
