//! One iteration of each task, one after another, on this thread: for whoever wants to see what a scenario does.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::life;
use super::network::{Network, Tcp};
use super::place::Base;
use super::resolve::Names;
use super::tasks::counted;
use super::{Error, Ground, Options, SetupFailed, Stop, preflight, threads};
use crate::metrics::Snapshot;
use crate::plan::{Delay, Plan, TaskId, UserId};

/// Longest that a rehearsal may take: beyond it no task begins. Far above what a person waits for.
const REHEARSAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// What came of a rehearsal.
pub struct Rehearsed {
    /// What was seen.
    pub seen: Snapshot,
    /// Whether the stop button was pressed.
    pub stopped: bool,
    /// Why no task was run: `setup` did not end as it should.
    pub setup_failed: Option<SetupFailed>,
    /// How many tasks had not ended with it, as in [`Finished`](super::Finished).
    pub tasks_left: u64,
}

/// Runs `tasks`, each once, in their order; those of one class by one user, with its `on start` before and its
/// `on stop` behind. Classes come one after another, in the order of the plan. Nobody thinks between tasks; pauses
/// inside them are kept. At the first press of the button all ends.
pub fn rehearse(plan: &Plan, tasks: &[TaskId], options: &Options, stop: &Stop) -> Result<Rehearsed, Error> {
    let runtime = threads::runtime().map_err(Error::Thread)?;
    runtime.block_on(async {
        let clock = Clock::real(Instant::now()).map_err(Error::Thread)?;
        let names = Names::new(&options.pinned, &options.name_servers);
        let network = Rc::new(Tcp::new(names, &options.sources, 0));
        let (rehearsed, tasks_left) = counted(rehearse_over(plan, tasks, network, clock, options, stop)).await;
        Ok(Rehearsed { tasks_left, ..rehearsed? })
    })
}

/// The same over another network, in that clock's time. Inside a `LocalRuntime`, whose tasks are not counted.
pub async fn rehearse_over(
    plan: &Plan,
    tasks: &[TaskId],
    network: Rc<dyn Network>,
    clock: Clock,
    options: &Options,
    stop: &Stop,
) -> Result<Rehearsed, Error> {
    let mut plan = plan.clone();
    plan.load.duration = REHEARSAL_MAX;
    for user in &mut plan.users {
        // Also between the tasks of a pass in order.
        user.think = Delay::None;
        user.pace = None;
    }
    plan.load.warm_up = Duration::ZERO;
    let Some(surveyed) = stop.unless_pressed(Ground::survey(&plan, network, options)).await else {
        return Ok(Rehearsed { seen: Snapshot::default(), stopped: true, setup_failed: None, tasks_left: 0 });
    };
    let mut ground = surveyed?;
    preflight::check(&plan, &Base::all(&ground.shared.targets), &ground.addresses, options)?;
    let mut beside = Snapshot::default();
    let setup_failed =
        ground.setup(&plan, clock.clone(), options, stop, &mut |handed| beside.merge(&handed.window)).await;
    let thread = ground.thread(&plan, clock.clone(), options);
    let tasks = if setup_failed.is_some() { &[] } else { tasks };
    thread.recorder.borrow_mut().begin(thread.clock.now());
    let mut classes: BTreeMap<UserId, Vec<TaskId>> = BTreeMap::new();
    for &task in tasks {
        classes.entry(plan.tasks[task.0 as usize].user).or_default().push(task);
    }
    let mut pressed = stop.subscribe();
    for (id, (class, tasks)) in classes.into_iter().enumerate() {
        if *pressed.borrow_and_update() > 0 {
            break;
        }
        let mut user = tokio::task::spawn_local(life::rehearse(thread.clone(), class, id as u64, tasks));
        tokio::select! {
            biased;
            ended = &mut user => raise(ended),
            _ = pressed.changed() => {
                thread.finish.reach(super::finish::Phase::Over);
                raise(user.await);
            }
        }
    }
    let mut seen = thread.recorder.borrow_mut().take(thread.clock.now(), Duration::ZERO);
    ground.teardown(&plan, clock, options, stop, &mut |handed| beside.merge(&handed.window)).await;
    seen.merge(&beside);
    Ok(Rehearsed { seen, stopped: stop.presses() > 0, setup_failed, tasks_left: 0 })
}

/// Passes a user's panic on.
fn raise(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
