//! The flat program as the blocks it came from, for those who read a plan rather than run it.

use super::expr::Expr;
use super::{Close, Connect, Op, OpId, Plan, PointId};

/// One statement, with what stands inside it.
pub(super) enum Node<'a> {
    /// A statement without a block.
    Single(&'a Op),
    Repeat {
        count: &'a Expr,
        point: PointId,
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
            Op::Unless { .. } => {
                let (node, behind) = branches(plan, at);
                nodes.push(node);
                at = behind;
            }
            Op::Connect(connect) => {
                let is_its =
                    |op: &Op| matches!(op, Op::Close(close) if close.leaving && close.socket == connect.socket);
                let length = plan.ops[at..end].iter().position(is_its);
                let leave = at + length.expect("a socket's block ends with its `Close`");
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

/// The `if` that begins at `at`, and where it goes on behind it. A branch that is not the last ends with a `Jump`
/// behind the whole; nothing else makes jumps.
fn branches(plan: &Plan, mut at: usize) -> (Node<'_>, usize) {
    let mut found = Vec::new();
    let mut otherwise = Vec::new();
    let mut behind = at;
    while let Op::Unless { to, point, .. } = &plan.ops[at] {
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
