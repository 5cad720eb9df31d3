//! The flat program as the blocks it came from, for those who read a plan rather than run it.

use super::expr::Expr;
use super::{Block, Close, Connect, Events, Op, OpId, Plan, PointId};

/// One statement, with what stands inside it.
pub(super) enum Node<'a> {
    /// A statement without a block.
    Single(&'a Op),
    Repeat {
        count: &'a Expr,
        point: PointId,
        body: Vec<Node<'a>>,
    },
    /// `repeat for` and `for`: how often is known only during the run, but for literal lists and ranges.
    Loop {
        op: &'a Op,
        point: PointId,
        body: Vec<Node<'a>>,
    },
    Choose {
        branches: Vec<(f64, Vec<Node<'a>>)>,
    },
    /// `attempt`, `retry`, `group`, `parallel`.
    Block {
        block: &'a Block,
        body: Vec<Node<'a>>,
    },
    /// Conditions with their statements, then those of `else`.
    If {
        branches: Vec<(PointId, Vec<Node<'a>>)>,
        otherwise: Vec<Node<'a>>,
    },
    Socket {
        connect: &'a Connect,
        body: Vec<Node<'a>>,
        close: &'a Close,
    },
    /// A stream of events.
    Events {
        events: &'a Events,
        body: Vec<Node<'a>>,
    },
    /// Steps on a socket that has outlived its block.
    With {
        point: PointId,
        body: Vec<Node<'a>>,
    },
    /// A standing answer or timer.
    Standing {
        point: PointId,
        body: Vec<Node<'a>>,
    },
    /// A socket that outlives its block.
    Open {
        body: Vec<Node<'a>>,
    },
}

/// The statements of the block that begins at `start`.
pub(super) fn outline(plan: &Plan, start: OpId) -> Vec<Node<'_>> {
    range(plan, start.0 as usize, plan.ops.len())
}

/// The statements from `at` up to `end`, or to the end of the block.
fn range(plan: &Plan, mut at: usize, end: usize) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    while at < end {
        match &plan.ops[at] {
            Op::End => break,
            Op::Open { block, behind, .. } => {
                nodes.push(Node::Open { body: range(plan, block.0 as usize, behind.0 as usize) });
                at = behind.0 as usize;
            }
            Op::Events(events) => {
                let is_its = |op: &Op| matches!(op, Op::LeaveEvents { socket } if *socket == events.socket);
                let length = plan.ops[at..end].iter().position(is_its);
                let leave = at + length.expect("a stream's block ends with its `LeaveEvents`");
                nodes.push(Node::Events { events, body: range(plan, at + 1, leave) });
                at = leave + 1;
            }
            Op::With { point, behind } => {
                let behind = behind.0 as usize;
                nodes.push(Node::With { point: *point, body: range(plan, at + 1, behind) });
                at = behind;
            }
            Op::OnReceive(answer) => {
                let (body, behind) = (answer.body.0 as usize, answer.behind.0 as usize);
                nodes.push(Node::Standing { point: answer.point, body: range(plan, body, behind) });
                at = behind;
            }
            Op::Every(timer) => {
                let (body, behind) = (timer.body.0 as usize, timer.behind.0 as usize);
                nodes.push(Node::Standing { point: timer.point, body: range(plan, body, behind) });
                at = behind;
            }
            // The dial of a socket that outlives its block stands in the block.
            Op::Connect(connect) if connect.leaves.is_some() => {
                nodes.push(Node::Single(&plan.ops[at]));
                at += 1;
            }
            Op::Loop { count, end, point, .. } => {
                let behind = end.0 as usize;
                nodes.push(Node::Repeat { count, point: *point, body: range(plan, at + 1, behind - 1) });
                at = behind;
            }
            Op::LoopFor { end, point, .. } | Op::For { end, point, .. } => {
                let behind = end.0 as usize;
                let body = range(plan, at + 1, behind - 1);
                nodes.push(Node::Loop { op: &plan.ops[at], point: *point, body });
                at = behind;
            }
            Op::Choose { ways, behind } => {
                let ends = ways.iter().skip(1).map(|(_, start)| start.0).chain([behind.0]);
                let branches = ways.iter().zip(ends);
                let branches =
                    branches.map(|((share, start), end)| (*share, range(plan, start.0 as usize, end as usize - 1)));
                nodes.push(Node::Choose { branches: branches.collect() });
                at = behind.0 as usize;
            }
            Op::Enter { block, behind, .. } => {
                let behind = behind.0 as usize;
                nodes.push(Node::Block { block, body: range(plan, at + 1, behind - 1) });
                at = behind;
            }
            // The condition of a loop, said with its head.
            Op::Unless { point, .. } | Op::When { point, .. } if is_of_loop(plan, *point) => {
                nodes.push(Node::Single(&plan.ops[at]));
                at += 1;
            }
            Op::Unless { .. } => {
                let (node, behind) = branches(plan, at);
                nodes.push(node);
                at = behind;
            }
            Op::Connect(connect) => {
                let is_its =
                    |op: &Op| matches!(op, Op::Close(close) if close.leaving && close.socket == connect.socket);
                // A `stop` inside closes it too: its own is the last before the place is used again.
                let again = |op: &Op| matches!(op, Op::Connect(other) if other.socket == connect.socket);
                let block = &plan.ops[at + 1..end];
                let block = &block[..block.iter().position(again).unwrap_or(block.len())];
                let length = block.iter().rposition(is_its);
                let leave = at + 1 + length.expect("a socket's block ends with its `Close`");
                let Op::Close(close) = &plan.ops[leave] else { unreachable!("that is what was looked for") };
                nodes.push(Node::Socket { connect, body: range(plan, at + 1, leave), close });
                at = leave + 1;
            }
            single => {
                nodes.push(Node::Single(single));
                at += 1;
            }
        }
    }
    nodes
}

fn is_of_loop(plan: &Plan, point: PointId) -> bool {
    let text = &plan.points[point.0 as usize].text;
    text.starts_with("while ") || text.starts_with("until ")
}

/// The `if` that begins at `at`, and where it goes on behind it. A branch that is not the last ends with a `Jump`
/// behind the whole; nothing else makes jumps.
fn branches(plan: &Plan, mut at: usize) -> (Node<'_>, usize) {
    let mut found = Vec::new();
    let mut otherwise = Vec::new();
    let mut behind = at;
    while let Op::Unless { to, point, .. } = &plan.ops[at] {
        if is_of_loop(plan, *point) {
            break;
        }
        let is_first = found.is_empty();
        if !is_first && !plan.points[point.0 as usize].text.starts_with("else if ") {
            break; // an `if` of its own at the beginning of `else`
        }
        let next = to.0 as usize;
        let Op::Jump { to: end } = plan.ops[next - 1] else {
            found.push((*point, range(plan, at + 1, next)));
            return (Node::If { branches: found, otherwise }, next);
        };
        found.push((*point, range(plan, at + 1, next - 1)));
        (at, behind) = (next, end.0 as usize);
    }
    otherwise.extend(range(plan, at, behind));
    (Node::If { branches: found, otherwise }, behind)
}
