//! The most requests a second that pauses allow, by Little's law: users ÷ mean time of an iteration × requests an
//! iteration, as if answers took no time.
//!
//! Counted as requests are HTTP steps, connects, messages sent, each message that a receive takes, calls and closes:
//! one for each sample. Where a branch decides, the
//! most requests and the shortest pauses of its ways count: less cannot be known, and a bound is what is wanted.

use std::time::Duration;

use super::expr::{Expr, Function};
use super::outline::{Node, outline};
use super::{Delay, Items, Op, Plan, ReceiveForm, SeriesId, StepId, Subject, TaskId, UserId, Value};

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
    let users = plan.user_counts()[user.0 as usize];
    let demand = class_demand(plan, user, &vec![true; plan.series.len()]);
    Reach {
        users,
        requests: demand.map(|demand| demand.requests),
        pauses: demand.map(|demand| Duration::from_secs_f64(demand.pauses)),
        most: match plan.load.rate_of(user) {
            Some(rate) => demand.map_or(Most::Unknown, |demand| Most::Rate(rate * demand.requests)),
            None => most(demand, users, None),
        },
    }
}

/// What the rows that a threshold speaks of can have at most, over the whole run: as [`reach`], and one iteration
/// more for each user, because no pause stands before the first one. `on start` and `on stop`, which run once, make
/// it [`Most::Unknown`].
pub(super) fn reach_of(plan: &Plan, subject: &Subject) -> Most {
    let speaks_of = |series: SeriesId| match subject {
        Subject::Run => true,
        Subject::User(user) => plan.series[series.0 as usize].user == *user,
        Subject::Task(task) => plan.series[series.0 as usize].task == Some(*task),
        Subject::Series(rows) | Subject::Each(rows) => rows.contains(&series),
    };
    let wanted: Vec<bool> = (0..plan.series.len()).map(|row| speaks_of(SeriesId(row as u32))).collect();
    let once = |row: usize| wanted[row] && plan.series[row].task.is_none();
    if matches!(subject, Subject::Series(_)) && (0..wanted.len()).any(once) {
        return Most::Unknown;
    }
    let mut sum = 0.0;
    for (index, users) in plan.user_counts().into_iter().enumerate() {
        let has_rows = plan.series.iter().zip(&wanted).any(|(row, wanted)| *wanted && row.user.0 as usize == index);
        if !has_rows {
            continue;
        }
        let class = UserId(index as u32);
        let demand = class_demand(plan, class, &wanted);
        let most = match plan.load.rate_of(class) {
            Some(rate) => demand.map_or(Most::Unknown, |demand| Most::Rate(rate * demand.requests)),
            None => most(demand, users, Some(plan.load.duration)),
        };
        match most {
            Most::Rate(rate) => sum += rate,
            without_number => return without_number,
        }
    }
    Most::Rate(sum)
}

/// What one iteration asks for.
#[derive(Clone, Copy)]
struct Demand {
    /// In the rows that are wanted.
    requests: f64,
    /// In seconds.
    pauses: f64,
}

impl Demand {
    const NOTHING: Demand = Demand { requests: 0.0, pauses: 0.0 };

    /// Adds so many times what another asks for.
    fn add(&mut self, times: f64, other: Demand) {
        self.requests += times * other.requests;
        self.pauses += times * other.pauses;
    }
}

fn most(demand: Option<Demand>, users: u32, run: Option<Duration>) -> Most {
    if users == 0 {
        return Most::Rate(0.0);
    }
    let Some(demand) = demand else { return Most::Unknown };
    if demand.requests == 0.0 {
        return Most::Rate(0.0);
    }
    if demand.pauses == 0.0 {
        return Most::Unbounded;
    }
    let first = run.map_or(0.0, |run| 1.0 / run.as_secs_f64());
    Most::Rate(f64::from(users) * demand.requests * (1.0 / demand.pauses + first))
}

/// How often a task is drawn, of all iterations of its class; 0 to 1.
pub(super) fn task_share(plan: &Plan, task: TaskId) -> f64 {
    let task = &plan.tasks[task.0 as usize];
    let sum: f64 = plan.users[task.user.0 as usize].tasks.iter().map(|id| plan.tasks[id.0 as usize].weight).sum();
    if sum > 0.0 { task.weight / sum } else { 0.0 }
}

/// The mean iteration of a class; `None`: it depends on values of the run.
fn class_demand(plan: &Plan, user: UserId, wanted: &[bool]) -> Option<Demand> {
    let class = &plan.users[user.0 as usize];
    let think = mean_delay(&class.think)?;
    let pause = if class.pass.is_some() { think * class.tasks.len() as f64 } else { think };
    let mut mean = Demand { pauses: pause, ..Demand::NOTHING };
    for id in &class.tasks {
        let one = demand(plan, &outline(plan, plan.tasks[id.0 as usize].start), wanted)?;
        mean.add(if class.pass.is_some() { 1.0 } else { task_share(plan, *id) }, one);
    }
    if let Some((pace, _)) = &class.pace {
        mean.pauses = mean.pauses.max(mean_delay(pace)?);
    }
    Some(mean)
}

/// What these statements ask for; `None`: it depends on values of the run.
fn demand(plan: &Plan, nodes: &[Node<'_>], wanted: &[bool]) -> Option<Demand> {
    let one = |step: StepId| f64::from(u8::from(wanted[plan.steps[step.0 as usize].series.0 as usize]));
    let mut sum = Demand::NOTHING;
    for node in nodes {
        match node {
            Node::Single(Op::Http(http)) => sum.requests += one(http.step),
            Node::Single(Op::Send(send)) => sum.requests += one(send.step),
            Node::Single(Op::Call(call)) => sum.requests += one(call.step),
            Node::Single(Op::Close(close)) => sum.requests += one(close.step),
            Node::Single(Op::Receive(receive)) => {
                let count = match &receive.form {
                    ReceiveForm::Count(count) => count.as_ref().map_or(Some(1.0), mean_count)?,
                    // As many as the peer likes to send.
                    ReceiveForm::Until(_) | ReceiveForm::For { .. } => return None,
                };
                sum.requests += count * one(receive.step);
            }
            Node::Single(Op::ReceiveAll(all)) => {
                sum.requests += all.expected.iter().map(|expected| one(expected.step)).sum::<f64>();
            }
            Node::Single(Op::ReceiveClose(close)) => sum.requests += one(close.step),
            Node::Single(Op::Pause { delay, .. }) => sum.pauses += mean_delay(delay)?,
            Node::Single(Op::Connect(connect)) => {
                sum.requests += one(connect.step) + connect.leaves.map_or(0.0, one);
            }
            Node::Events { events, body } => {
                sum.requests += one(events.step);
                sum.add(1.0, demand(plan, body, wanted)?);
            }
            Node::Standing { body, .. } => {
                // As often as a message comes, or time passes.
                if demand(plan, body, wanted)?.requests > 0.0 {
                    return None;
                }
            }
            Node::With { body, .. } => sum.add(1.0, demand(plan, body, wanted)?),
            Node::Open { body } => sum.add(1.0, demand(plan, body, wanted)?),
            Node::Single(_) => {}
            Node::Socket { connect, body, close } => {
                sum.requests += one(connect.step);
                sum.add(1.0, demand(plan, body, wanted)?);
                let closes =
                    |node: &Node<'_>| matches!(node, Node::Single(Op::Close(own)) if own.socket == connect.socket);
                // Leaving a socket that is closed already is no step.
                if !body.iter().any(closes) {
                    sum.requests += one(close.step);
                }
            }
            Node::Repeat { count, body, .. } => sum.add(mean_count(count)?, demand(plan, body, wanted)?),
            Node::Loop { op, body, .. } => match op {
                Op::For { items, most, .. } => {
                    let count = match items {
                        Items::List(Expr::Literal(list)) => list.length()? as f64,
                        Items::List(Expr::List(list)) => list.len() as f64,
                        Items::Range(first, last) => mean_count(last)? - mean_count(first)? + 1.0,
                        Items::Rows(data) => f64::from(plan.data[data.0 as usize].row_count()),
                        Items::List(_) => return None,
                    };
                    sum.add(count.clamp(0.0, f64::from(*most)), demand(plan, body, wanted)?);
                }
                _ => return None,
            },
            Node::Choose { branches } => {
                for (share, body) in branches {
                    sum.add(*share, demand(plan, body, wanted)?);
                }
            }
            // At least once, and where all goes well no more.
            Node::Block { body, .. } => sum.add(1.0, demand(plan, body, wanted)?),
            Node::If { branches, otherwise } => {
                let mut most = Demand { pauses: f64::INFINITY, ..Demand::NOTHING };
                for body in branches.iter().map(|(_, body)| body).chain([otherwise]) {
                    let branch = demand(plan, body, wanted)?;
                    most.requests = most.requests.max(branch.requests);
                    most.pauses = most.pauses.min(branch.pauses);
                }
                sum.add(1.0, most);
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
