//! The most requests a second that pauses allow, by Little's law: users ÷ mean time of an iteration × requests an
//! iteration, as if answers took no time.
//!
//! Counted as requests are HTTP steps, connects, messages sent, each message that a receive takes, calls and closes:
//! one for each sample. Where a branch decides, the one with the most requests and the shortest pauses counts.

use std::time::Duration;

use super::expr::{Expr, Function};
use super::outline::{Node, outline};
use super::{Delay, Op, Plan, StepId, Subject, TaskId, UserId, Value};

/// So many requests a second at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Most {
    /// There is no think time nor pause: only the answers hold it back.
    Unbounded,
    /// A count or a pause is computed during the run.
    Unknown,
    /// So many.
    Rate(f64),
}

/// What one class of users can do.
#[derive(Clone, Debug)]
pub struct Reach {
    /// How many users.
    pub users: u32,
    /// Requests of one iteration, in the mean over the tasks; `None`: computed during the run.
    pub requests: Option<f64>,
    /// Think time and pauses of one iteration, in the mean; `None`: computed during the run.
    pub pauses: Option<Duration>,
    /// All of the class together.
    pub most: Most,
}

/// What one class of users can do, at most.
pub fn reach(plan: &Plan, user: UserId) -> Reach {
    let demand = class_demand(plan, user);
    let users = plan.user_counts()[user.0 as usize];
    let rows = of_class(plan, user);
    Reach {
        users,
        requests: demand.as_ref().map(|demand| rows.iter().map(|row| demand.requests[*row]).sum()),
        pauses: demand.as_ref().map(|demand| Duration::from_secs_f64(demand.pauses)),
        most: most(demand.as_ref(), users, &rows, None),
    }
}

/// What the rows that a threshold speaks of can have at most, over the whole run: as [`reach`], and one iteration
/// more for each user, because no pause stands before the first one. `on start` and `on stop`, which run once, make
/// it [`Most::Unknown`].
pub(super) fn reach_of(plan: &Plan, subject: &Subject) -> Most {
    let mut sum = 0.0;
    let counts = plan.user_counts();
    for (index, users) in counts.into_iter().enumerate() {
        let user = UserId(index as u32);
        let mut rows = of_class(plan, user);
        match subject {
            Subject::Run => {}
            Subject::User(wanted) => rows.retain(|_| *wanted == user),
            Subject::Task(wanted) => rows.retain(|row| plan.series[*row].task == Some(*wanted)),
            Subject::Series(wanted) => {
                if wanted.iter().any(|series| plan.series[series.0 as usize].task.is_none()) {
                    return Most::Unknown;
                }
                rows.retain(|row| wanted.iter().any(|series| series.0 as usize == *row));
            }
        }
        match most(class_demand(plan, user).as_ref(), users, &rows, Some(plan.load.duration)) {
            Most::Rate(rate) => sum += rate,
            without_number => return without_number,
        }
    }
    Most::Rate(sum)
}

/// What one iteration asks for.
struct Demand {
    /// By row.
    requests: Vec<f64>,
    /// In seconds.
    pauses: f64,
}

impl Demand {
    fn nothing(plan: &Plan) -> Demand {
        Demand { requests: vec![0.0; plan.series.len()], pauses: 0.0 }
    }

    /// Adds so many requests of a step.
    fn count(&mut self, plan: &Plan, step: StepId, by: f64) {
        self.requests[plan.steps[step.0 as usize].series.0 as usize] += by;
    }

    /// Adds so many times what another asks for.
    fn add(&mut self, times: f64, other: &Demand) {
        self.pauses += times * other.pauses;
        for (all, own) in self.requests.iter_mut().zip(&other.requests) {
            *all += times * own;
        }
    }
}

fn most(demand: Option<&Demand>, users: u32, rows: &[usize], run: Option<Duration>) -> Most {
    if rows.is_empty() || users == 0 {
        return Most::Rate(0.0);
    }
    let Some(demand) = demand else { return Most::Unknown };
    let requests: f64 = rows.iter().map(|row| demand.requests[*row]).sum();
    if requests == 0.0 {
        return Most::Rate(0.0);
    }
    if demand.pauses == 0.0 {
        return Most::Unbounded;
    }
    let first = run.map_or(0.0, |run| 1.0 / run.as_secs_f64());
    Most::Rate(f64::from(users) * requests * (1.0 / demand.pauses + first))
}

/// The rows of a class that its tasks fill.
fn of_class(plan: &Plan, user: UserId) -> Vec<usize> {
    let is_of = |(index, row): (usize, &super::Series)| (row.user == user && row.task.is_some()).then_some(index);
    plan.series.iter().enumerate().filter_map(is_of).collect()
}

/// How often a task is drawn, of all iterations of its class; 0 to 1.
pub(super) fn task_share(plan: &Plan, task: TaskId) -> f64 {
    let task = &plan.tasks[task.0 as usize];
    let sum: f64 = plan.users[task.user.0 as usize].tasks.iter().map(|id| plan.tasks[id.0 as usize].weight).sum();
    if sum > 0.0 { task.weight / sum } else { 0.0 }
}

/// The mean iteration of a class; `None`: it depends on values of the run.
fn class_demand(plan: &Plan, user: UserId) -> Option<Demand> {
    let class = &plan.users[user.0 as usize];
    let mut mean = Demand { pauses: mean_delay(&class.think)?, ..Demand::nothing(plan) };
    for id in &class.tasks {
        let one = demand(plan, &outline(plan, plan.tasks[id.0 as usize].start))?;
        mean.add(task_share(plan, *id), &one);
    }
    Some(mean)
}

/// What these statements ask for; `None`: it depends on values of the run.
fn demand(plan: &Plan, nodes: &[Node<'_>]) -> Option<Demand> {
    let mut sum = Demand::nothing(plan);
    for node in nodes {
        match node {
            Node::Single(Op::Http(http)) => sum.count(plan, http.step, 1.0),
            Node::Single(Op::Send(send)) => sum.count(plan, send.step, 1.0),
            Node::Single(Op::Call(call)) => sum.count(plan, call.step, 1.0),
            Node::Single(Op::Close(close)) => sum.count(plan, close.step, 1.0),
            Node::Single(Op::Receive(receive)) => {
                let messages = receive.count.as_ref().map_or(Some(1.0), mean_count)?;
                sum.count(plan, receive.step, messages);
            }
            Node::Single(Op::Pause { delay, .. }) => sum.pauses += mean_delay(delay)?,
            Node::Single(_) => {}
            Node::Socket { connect, body, close } => {
                sum.count(plan, connect.step, 1.0);
                sum.add(1.0, &demand(plan, body)?);
                let closes =
                    |node: &Node<'_>| matches!(node, Node::Single(Op::Close(own)) if own.socket == connect.socket);
                // Leaving a socket that is closed already is no step.
                if !body.iter().any(closes) {
                    sum.count(plan, close.step, 1.0);
                }
            }
            Node::Repeat { count, body, .. } => sum.add(mean_count(count)?, &demand(plan, body)?),
            Node::If { branches, otherwise } => {
                let mut most = Demand { pauses: f64::INFINITY, ..Demand::nothing(plan) };
                for body in branches.iter().map(|(_, body)| body).chain([otherwise]) {
                    let branch = demand(plan, body)?;
                    most.pauses = most.pauses.min(branch.pauses);
                    for (most, own) in most.requests.iter_mut().zip(&branch.requests) {
                        *most = most.max(*own);
                    }
                }
                sum.add(1.0, &most);
            }
        }
    }
    Some(sum)
}

/// The mean length of a pause in seconds; `None`: it is computed during the run.
fn mean_delay(delay: &Delay) -> Option<f64> {
    let seconds = |expr: &Expr| match expr {
        Expr::Literal(Value::Duration(duration)) => Some(duration.as_secs_f64()),
        _ => None,
    };
    match delay {
        Delay::None => Some(0.0),
        Delay::Fixed(length) => seconds(length),
        Delay::Range(least, most) => Some((seconds(least)? + seconds(most)?) / 2.0),
        Delay::Exponential(mean) => seconds(mean),
    }
}

/// The mean of a count; `None`: it is computed during the run.
fn mean_count(count: &Expr) -> Option<f64> {
    match count {
        Expr::Literal(value) => value.as_number().map(|number| number.max(0.0)),
        Expr::Call(Function::Int | Function::Uniform, bounds) => match bounds.as_slice() {
            [least, most] => Some((mean_count(least)? + mean_count(most)?) / 2.0),
            _ => None,
        },
        _ => None,
    }
}
