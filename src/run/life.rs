//! A user's life: `on start`, tasks drawn by weight with thinking between them, `on stop`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::arrivals;
use super::control::Stopped;
use super::finish::Phase;
use super::socket::attend;
use super::thread::Thread;
use super::trace::{Event, Part};
use super::user::{Failed, User};
use crate::base::Offset;
use crate::metrics::{Counter, IterationEnd, IterationOutcome};
use crate::plan::load::{Arrival, Start};
use crate::plan::{Expr, OpId, TaskId, UserId};

/// An iteration in which nothing came back from a target lasts at least so long: a user without `think` whose target
/// refuses every connection tries a hundred times a second, and does not burn a core. One whose task asks nothing of
/// anybody, because no `if` in it holds, would never let go of its thread, and no stop would reach it.
pub const UNANSWERED_MIN: Duration = Duration::from_millis(10);

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// With the run.
    OfAge,
    /// Its `on start` failed: another takes its place.
    AtBirth,
}

/// How a user comes by its next iteration.
#[derive(Clone, Copy)]
enum Calls<'a> {
    /// By itself, behind its think time; not from this moment on.
    Own(Offset),
    /// When an arrival wants it.
    Arrivals,
    /// These, one after another, and then no more.
    Rehearsal(&'a [TaskId]),
}

/// A user of the open model, made for an arrival: takes it, and further ones.
pub(super) async fn serve(thread: Rc<Thread>, arrival: Arrival) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let _place = thread.finish.enter(waker);
    let id = thread.shared.next_user.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let user = User::new(&thread, arrival.class, id, arrival.due);
    attend(user.sockets.clone(), live(&thread, user, Calls::Arrivals)).await;
    thread.desk.ended(arrival.class);
}

/// One place in the load: the user that starts there, and those that replace it when its `on start` fails.
pub(super) async fn occupy(thread: Rc<Thread>, start: Start) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let _place = thread.finish.enter(waker);
    let (mut id, mut due) = (start.user, start.due);
    loop {
        if wait(&thread, due).await == Phase::Going && due < start.until {
            let user = User::new(&thread, start.class, id, due);
            if attend(user.sockets.clone(), live(&thread, user, Calls::Own(start.until))).await == Death::AtBirth {
                // The planned users start at the spawn rate; whoever replaces one queues up behind them.
                due = thread.clock.now().max(thread.next_start.get());
                thread.next_start.set(due + thread.replacement_gap);
                id = thread.shared.next_user.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                continue;
            }
        }
        return;
    }
}

/// One user that runs these tasks of its class, each once, with `on start` and `on stop` around them.
pub(super) async fn rehearse(thread: Rc<Thread>, class: UserId, id: u64, tasks: Vec<TaskId>) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let _place = thread.finish.enter(waker);
    let user = User::new(&thread, class, id, thread.clock.now());
    attend(user.sockets.clone(), live(&thread, user, Calls::Rehearsal(&tasks))).await;
}

async fn live(thread: &Rc<Thread>, mut user: User, calls: Calls<'_>) -> Death {
    let class = user.class;
    thread.recorder.borrow_mut().user_started(class);
    let death = alive(thread, &mut user, calls).await;
    user.sockets.cut();
    user.give_back();
    thread.recorder.borrow_mut().user_ended(class);
    death
}

async fn alive(thread: &Rc<Thread>, user: &mut User, calls: Calls<'_>) -> Death {
    let until = match calls {
        Calls::Own(until) => until.min(thread.end),
        Calls::Arrivals | Calls::Rehearsal(_) => thread.end,
    };
    let class = &thread.plan.users[user.class.0 as usize];
    match born(thread, user).await {
        Some(Ok(())) => {}
        Some(Err(Failed)) => {
            let mut recorder = thread.recorder.borrow_mut();
            recorder.count(Counter::UsersFailed, 1);
            return Death::AtBirth;
        }
        None => return Death::OfAge,
    }
    let mut number = 0;
    let stopped = user.stopped == Some(Stopped::User);
    while !stopped && thread.finish.phase() == Phase::Going && user.due < until && thread.takes_iteration() {
        let weights = class.tasks.iter().map(|task| thread.plan.tasks[task.0 as usize].weight);
        let drawn = match (calls, class.pass) {
            (Calls::Rehearsal(tasks), _) => tasks.get(number as usize).copied(),
            (_, Some(pass)) => Some(pass),
            _ => user.random.weighted(weights).map(|drawn| class.tasks[drawn]),
        };
        let Some(task) = drawn else { break };
        if class.session_per_iteration && number > 0 && !matches!(calls, Calls::Rehearsal(_)) {
            user.begin_anew();
            match born(thread, user).await {
                Some(Ok(())) if user.stopped != Some(Stopped::User) => {}
                Some(Ok(())) => break,
                Some(Err(Failed)) => {
                    thread.recorder.borrow_mut().count(Counter::UsersFailed, 1);
                    return Death::AtBirth;
                }
                None => return Death::OfAge,
            }
        }
        user.iteration = number;
        number += 1;
        user.slots[class.user_slots as usize..].fill(None);
        let begun = user.due;
        let done = match class.pass {
            Some(pass) if pass == task => in_order(thread, user, pass).await,
            _ => iterate(thread, user, thread.plan.tasks[task.0 as usize].start, Some(task)).await,
        };
        if done.is_none() {
            return Death::OfAge;
        }
        if user.stopped == Some(Stopped::User) {
            break;
        }
        if class.session_per_iteration && !matches!(calls, Calls::Rehearsal(_)) && !part(thread, user).await {
            return Death::OfAge;
        }
        match calls {
            Calls::Rehearsal(_) => {}
            Calls::Arrivals => {
                let next = pin!(arrivals::next(thread, user.class));
                match user.wait(next).await {
                    Some(due) => user.due = due,
                    None => break,
                }
            }
            Calls::Own(_) => rest(thread, user, begun, until).await,
        }
    }
    // Whose iterations are new persons each has parted from the last one already.
    let parted = class.session_per_iteration && number > 0 && !matches!(calls, Calls::Rehearsal(_));
    if !parted || user.stopped == Some(Stopped::User) {
        part(thread, user).await;
    }
    Death::OfAge
}

/// What lies between two iterations of a closed load: the pace, or the think time.
async fn rest(thread: &Rc<Thread>, user: &mut User, begun: Offset, until: Offset) {
    let class = &thread.plan.users[user.class.0 as usize];
    if !user.answered {
        user.due = user.due.max(begun + UNANSWERED_MIN);
        let rest = pin!(wait(thread, user.due.min(until)));
        user.wait(rest).await;
    }
    if let Some((pace, point)) = &class.pace {
        let pace = user.pause_length(pace, *point).unwrap_or_else(|(kind, point)| {
            user.fail_at(kind, point);
            Duration::ZERO
        });
        // The next is due by the schedule, also where this one took longer than that.
        user.free = user.due;
        user.due = begun + pace;
        user.session.rest(user.due.since(user.free));
        let rest = pin!(wait(thread, user.due.min(until)));
        user.wait(rest).await;
        return;
    }
    think(thread, user, until).await;
}

async fn think(thread: &Rc<Thread>, user: &mut User, until: Offset) {
    let class = &thread.plan.users[user.class.0 as usize];
    let think = user.pause_length(&class.think, class.think_point).unwrap_or_else(|(kind, point)| {
        user.fail_at(kind, point);
        Duration::ZERO
    });
    if think > Duration::ZERO {
        user.due = user.due + think;
        user.session.rest(think);
        let thinking = pin!(wait(thread, user.due.min(until)));
        user.wait(thinking).await;
    }
}

/// All tasks of the user's class, one after another, as one iteration; recorded. `None`: abandoned.
async fn in_order(thread: &Rc<Thread>, user: &mut User, pass: TaskId) -> Option<Result<(), Failed>> {
    let class = &thread.plan.users[user.class.0 as usize];
    let mut busy = Duration::ZERO;
    let mut answered = false;
    let mut result = Some(Ok(()));
    for (index, task) in class.tasks.iter().enumerate() {
        if index > 0 {
            think(thread, user, thread.end).await;
        }
        let begun = user.due;
        result = iterate(thread, user, thread.plan.tasks[task.0 as usize].start, Some(*task)).await;
        busy += user.due.since(begun).saturating_sub(user.paused);
        answered |= user.answered;
        if result != Some(Ok(())) || user.stopped.is_some() {
            break;
        }
    }
    user.answered = answered;
    let outcome = outcome_of(&result);
    ended(thread, user.class, Some(pass), outcome, busy);
    result
}

fn outcome_of(result: &Option<Result<(), Failed>>) -> IterationOutcome {
    match result {
        Some(Ok(())) => IterationOutcome::Ok,
        Some(Err(Failed)) => IterationOutcome::Failed,
        None => IterationOutcome::Abandoned,
    }
}

/// The end of a person: `on stop`, and the sockets that are left. False: abandoned.
async fn part(thread: &Rc<Thread>, user: &mut User) -> bool {
    let class = &thread.plan.users[user.class.0 as usize];
    if let Some(start) = class.on_stop {
        user.due = thread.clock.now();
        user.tell(|| Event::Begun(Part::OnStop));
        let stopped = unless_over(thread, Box::pin(user.pass(start)).as_mut()).await;
        match stopped {
            Some(Ok(())) => {}
            Some(Err(Failed)) => user.sockets.cut(),
            None => return false,
        }
    }
    if user.sockets.is_to_leave(0) {
        user.due = thread.clock.now();
        let leaving = Box::pin(user.leave(true));
        unless_over(thread, pin!(leaving)).await;
    }
    true
}

/// The user's own values, then `on start`. `None`: abandoned.
async fn born(thread: &Rc<Thread>, user: &mut User) -> Option<Result<(), Failed>> {
    let class = &thread.plan.users[user.class.0 as usize];
    for (slot, value, point) in &class.lets {
        if let Expr::Take(data) = value {
            let row = Box::pin(user.take(*data)).await?;
            user.slots[slot.0 as usize] = Some(row);
            continue;
        }
        match user.value(value, *point) {
            Ok(value) => user.slots[slot.0 as usize] = Some(value),
            Err((kind, point)) => {
                user.fail_at(kind, point);
                ended(thread, user.class, None, IterationOutcome::Failed, Duration::ZERO);
                return Some(Err(Failed));
            }
        }
    }
    match class.on_start {
        Some(start) => iterate(thread, user, start, None).await,
        None => Some(Ok(())),
    }
}

/// One pass through a task, or through `on start`; recorded. `None`: abandoned.
async fn iterate(
    thread: &Rc<Thread>,
    user: &mut User,
    start: OpId,
    task: Option<TaskId>,
) -> Option<Result<(), Failed>> {
    let begun = user.due;
    user.paused = Duration::ZERO;
    user.answered = false;
    user.last_url = None;
    user.stopped = None;
    user.empty_handed = false;
    user.frames.clear();
    let part = task.map_or(Part::OnStart, Part::Task);
    user.tell(|| Event::Begun(part));
    let result = unless_over(thread, pin!(user.pass(start))).await;
    let outcome = outcome_of(&result);
    user.tell(|| Event::Ended(part, outcome));
    user.sockets.forgive();
    if outcome != IterationOutcome::Ok {
        // What the user opened for life stays open after a failed task; without its `on start` there is no user.
        let of_user = thread.plan.users[user.class.0 as usize].user_sockets;
        user.sockets.cut_from(if task.is_some() { of_user } else { 0 });
    }
    // Who finds no row before anything has come back has not begun.
    if !user.empty_handed || user.answered || outcome == IterationOutcome::Failed {
        ended(thread, user.class, task, outcome, user.due.since(begun).saturating_sub(user.paused));
    }
    result
}

fn ended(thread: &Thread, user: UserId, task: Option<TaskId>, outcome: IterationOutcome, time: Duration) {
    // An `on start` that succeeds is no iteration.
    if task.is_some() || outcome != IterationOutcome::Ok {
        thread.recorder.borrow_mut().iteration(&IterationEnd { user, task, outcome, time });
    }
}

/// What `future` gives; `None` when the run is over first. Whoever calls stands among those that are woken then.
///
/// It borrows the future: an `async fn` that took it would hold it twice, once as it came and once pinned, and the
/// walk is most of what a user weighs.
pub(super) fn unless_over<F: Future>(
    thread: &Thread,
    mut future: Pin<&mut F>,
) -> impl Future<Output = Option<F::Output>> {
    poll_fn(move |cx| match thread.finish.phase() {
        Phase::Over => Poll::Ready(None),
        Phase::Going | Phase::Stopping => future.as_mut().poll(cx).map(Some),
    })
}

/// Waits until `due`, or until the run no longer goes on; says where it stands then.
async fn wait(thread: &Thread, due: Offset) -> Phase {
    if due > thread.clock.now() {
        let mut sleep = thread.clock.sleep_until(due.min(thread.end));
        poll_fn(|cx| match thread.finish.phase() {
            Phase::Going => Pin::new(&mut sleep).poll(cx),
            Phase::Stopping | Phase::Over => Poll::Ready(()),
        })
        .await;
    }
    match due < thread.end {
        true => thread.finish.phase(),
        false => thread.finish.phase().max(Phase::Stopping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StepId;
    use crate::run::fixture::{nowhere, plan, pretend, request, thread};
    use crate::run::flight::Flight;

    /// What the allocator gives out and takes back fastest: glibc keeps pieces up to this size at hand for each thread.
    const AT_HAND_MAX: usize = 1_032;

    #[test]
    fn a_user_weighs_no_more_than_it_must() {
        pretend(async {
            let thread = thread(plan(&[], &[]), nowhere());
            let new = || User::new(&thread, UserId(0), 0, Offset::ZERO);
            let start = Start { user: 0, due: Offset::ZERO, class: UserId(0), until: Offset::NEVER, thread: 0 };
            let place = size_of_val(&occupy(thread.clone(), start));
            let life = size_of_val(&live(&thread, new(), Calls::Arrivals));
            assert!(place + life <= 1_536, "at rest: {place} + {life} bytes");
            let mut user = new();
            let step = request(StepId(0));
            let request = size_of_val(&user.http(&step, 0));
            assert!(request <= AT_HAND_MAX, "while a request is on its way: {request} bytes more");
            assert!(size_of::<Flight>() <= AT_HAND_MAX, "and the request itself: {} bytes", size_of::<Flight>());
        });
    }
}
