//! The exporter's thread: it replays seconds, answers scrapes and pushes, one after the other.
//!
//! **Who waits for whom.** Whoever runs hands over seconds through a short queue and never waits: where the queue is
//! full, seconds are merged until there is room, so nothing is lost. The thread does one thing at a time, so a scrape
//! and a push see whole seconds. Pushes wait for the collector beside all that, one at a time. At the end of the run
//! [`Exporter::finish`] waits for a last push, for [`FLUSH_TIME_MAX`] at most. Dropping the exporter ends its thread.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::family::Naming;
use super::push::{Collector, UnderWay};
use super::replay::Replay;
use super::scrape::{CONNECTIONS_MAX, Scrape};
use super::{Error, Now, Settings};
use crate::metrics::Snapshot;
use crate::plan::Plan;

/// So long the end of a run waits for the last push.
pub const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);
/// So many seconds wait for the thread; more are merged into one.
const QUEUE_SECONDS_MAX: usize = 4;
/// A connection is accepted again after so long where the last attempt failed: without descriptors the next one would
/// fail as well.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Exports one run, on a thread of its own.
pub struct Exporter {
    address: Option<SocketAddr>,
    words: Option<mpsc::Sender<Word>>,
    /// What found no room in the queue.
    waiting: Option<Box<Second>>,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

/// How pushes have fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// All that came to an end.
    pub pushes: u64,
    /// Those that the collector did not take.
    pub failures: u64,
    /// Why the last of these did not arrive.
    pub trouble: Option<String>,
}

/// What both sides see.
#[derive(Default)]
struct Shared {
    pushed: Pushed,
    /// What is worth a word and was not told yet.
    warnings: Vec<String>,
}

struct Second {
    window: Snapshot,
    aside: bool,
    now: Option<Now>,
}

enum Word {
    Second(Box<Second>),
    /// The run has ended, after so long; whoever waits is told when the last push is done.
    End(Box<Now>, Duration, channel::Sender<()>),
}

impl Exporter {
    /// Listens where the settings say, and begins. Errors: the address is taken or may not be used; the system refuses a
    /// thread.
    pub fn start(plan: &Plan, settings: &Settings) -> Result<Exporter, Error> {
        let run = settings.facts.run_id.clone();
        let naming = if settings.like_locust { Naming::Locust { run } } else { Naming::Scn { run } };
        let mut replays = Vec::new();
        let mut address = None;
        let mut served = None;
        if let Some(at) = settings.serve {
            // Bound here, so that whoever starts the run hears of a port that is taken.
            let listener = TcpListener::bind(at).map_err(|error| Error::Listen(at, error))?;
            listener.set_nonblocking(true).map_err(|error| Error::Listen(at, error))?;
            address = Some(listener.local_addr().map_err(|error| Error::Listen(at, error))?);
            let (scrape, replay) = Scrape::new(plan, naming, &settings.facts)?;
            replays.push(replay);
            served = Some((listener, scrape));
        }
        let mut collector = None;
        if let Some(push) = &settings.push {
            let (made, replay) = Collector::new(plan, push, &settings.facts)?;
            replays.push(replay);
            collector = Some((made, push.clone()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (words, hear) = mpsc::channel(QUEUE_SECONDS_MAX);
        let theirs = Arc::clone(&shared);
        let body = move || runtime.block_on(attend(hear, replays, served, collector, &theirs));
        let thread = std::thread::Builder::new().name("scn-export".into()).spawn(body).map_err(Error::Thread)?;
        Ok(Exporter { address, words: Some(words), waiting: None, shared, thread: Some(thread) })
    }

    /// Where `/metrics` is served.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Takes in what was seen in a second, and how the run stands, where that is known. `aside`: what `setup` or
    /// `teardown` saw, which lies in no second. Never waits.
    pub fn see(&mut self, window: &Snapshot, aside: bool, now: Option<Now>) {
        let second = match self.waiting.take() {
            None => Box::new(Second { window: window.clone(), aside, now }),
            Some(mut waiting) => {
                waiting.window.merge(window);
                waiting.aside &= aside;
                waiting.now = now.or(waiting.now);
                waiting
            }
        };
        if let Some(words) = &self.words
            && let Err(mpsc::error::TrySendError::Full(Word::Second(second))) = words.try_send(Word::Second(second))
        {
            self.waiting = Some(second);
        }
    }

    /// What is worth a word since the last time it was asked for.
    pub fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared).warnings)
    }

    /// The run has ended after `length`: tells that, and waits for the last push. `/metrics` is served on.
    pub fn finish(&mut self, now: Now, length: Duration) -> Pushed {
        let (done, wait) = channel::channel();
        if let Some(words) = &self.words {
            // The thread always comes back to its queue.
            if let Some(second) = self.waiting.take() {
                let _ = words.blocking_send(Word::Second(second));
            }
            let _ = words.blocking_send(Word::End(Box::new(now), length, done));
            // Somewhat longer than the thread itself gives the push.
            let _ = wait.recv_timeout(FLUSH_TIME_MAX + Duration::from_secs(1));
        }
        lock(&self.shared).pushed.clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.words.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread, until nobody hands anything over any more.
async fn attend(
    mut words: mpsc::Receiver<Word>,
    mut replays: Vec<Replay>,
    served: Option<(TcpListener, Scrape)>,
    collector: Option<(Collector, super::Push)>,
    shared: &Mutex<Shared>,
) {
    let served =
        served.and_then(|(listener, scrape)| Some((tokio::net::TcpListener::from_std(listener).ok()?, scrape)));
    let mut connections = JoinSet::new();
    let every = collector.as_ref().map_or(Duration::MAX / 4, |(_, push)| push.interval);
    let mut push_time = interval_at(Instant::now() + every.min(Duration::from_secs(86_400)), every);
    push_time.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way: Option<UnderWay> = None;
    loop {
        tokio::select! {
            biased;
            word = words.recv() => match word {
                None => break,
                Some(Word::Second(second)) => {
                    for replay in &mut replays {
                        replay.second(&second.window, second.aside);
                        second.now.iter().for_each(|now| replay.now(now));
                    }
                }
                Some(Word::End(now, length, done)) => {
                    replays.iter_mut().for_each(|replay| replay.end(&now, length));
                    served.iter().for_each(|(_, scrape)| scrape.end());
                    if let Some((collector, push)) = &collector {
                        // What is under way is older than what is pushed now.
                        under_way = None;
                        let most = FLUSH_TIME_MAX.min(push.timeout);
                        let pushed = timeout(most, collector.push()).await;
                        let pushed = pushed.unwrap_or_else(|_| Err(format!("no answer within {most:?}")));
                        note(pushed, &push.endpoint, shared, &mut replays);
                    }
                    let _ = done.send(());
                }
            },
            pushed = async { under_way.as_mut().expect("guarded").await }, if under_way.is_some() => {
                under_way = None;
                if let Some((_, push)) = &collector {
                    note(pushed, &push.endpoint, shared, &mut replays);
                }
            }
            _ = push_time.tick(), if collector.is_some() && under_way.is_none() => {
                under_way = collector.as_ref().map(|(collector, _)| collector.push());
            }
            accepted = accept(&served), if served.is_some() && connections.len() < CONNECTIONS_MAX => {
                match (accepted, &served) {
                    (Ok(stream), Some((_, scrape))) => {
                        connections.spawn(scrape.clone().serve(stream));
                    }
                    _ => tokio::time::sleep(ACCEPT_AGAIN_AFTER).await,
                }
            }
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    // Dropping the connections ends them.
}

async fn accept(served: &Option<(tokio::net::TcpListener, Scrape)>) -> std::io::Result<tokio::net::TcpStream> {
    let (listener, _) = served.as_ref().expect("guarded");
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Counts how a push came out. The first failure is worth a word, the others only count.
fn note(pushed: Result<(), String>, endpoint: &str, shared: &Mutex<Shared>, replays: &mut [Replay]) {
    let mut shared = lock(shared);
    shared.pushed.pushes += 1;
    let Err(trouble) = pushed else { return };
    shared.pushed.failures += 1;
    if shared.pushed.failures == 1 {
        shared.warnings.push(format!("metrics do not reach {endpoint}: {trouble}; the run goes on"));
    }
    shared.pushed.trouble = Some(trouble);
    replays.iter_mut().for_each(|replay| replay.failed_pushes(1));
}
