//! Which values of the run and of users are secret: those that come out of `secret(…)` or `capture secret`, and what is
//! computed from them.

use super::program::any;
use crate::check::meaning::Scenario;
use crate::plan::{Expr, Items, Op, Part, Secrets, SlotId, User};

/// The secrets of a plan whose constants, users and operations are laid out. `starts` says where the operations of
/// each class begin, `marked` which slots the scenario itself calls secret.
pub(super) fn secrets(
    scenario: &Scenario,
    constants: &[Expr],
    users: &[User],
    ops: &[Op],
    starts: &[usize],
    marked: Vec<Vec<SlotId>>,
) -> Secrets {
    let mut secrets = Secrets { constants: vec![false; constants.len()], slots: marked };
    secrets.constants[..scenario.secrets.len()].fill(true);
    // Each constant names only earlier ones.
    for (index, constant) in constants.iter().enumerate().skip(scenario.secrets.len()) {
        secrets.constants[index] = is_secret(constant, &secrets.constants, &[], &[]);
    }
    let once = scenario.users.len();
    // What `setup` sets comes first: everyone else may read it.
    for (class, user) in users.iter().enumerate().rev() {
        let own = user.lets.iter().map(|(slot, value, _)| (*slot, value));
        let ops = &ops[starts[class]..starts.get(class + 1).copied().unwrap_or(ops.len())];
        let bindings: Vec<(SlotId, &Expr)> = own.chain(ops.iter().flat_map(bindings)).collect();
        // What is set in a loop may be read above: on and on until nothing changes.
        loop {
            let slots = &secrets.slots[class];
            let of_setup = secrets.slots.get(once).map_or(&[][..], Vec::as_slice);
            let fresh = bindings
                .iter()
                .find(|(slot, value)| !slots.contains(slot) && is_secret(value, &secrets.constants, slots, of_setup));
            match fresh {
                Some((slot, _)) => secrets.slots[class].push(*slot),
                None => break,
            }
        }
    }
    let any = secrets.constants.contains(&true) || secrets.slots.iter().any(|slots| !slots.is_empty());
    if any { secrets } else { Secrets::default() }
}

/// Whether a value is computed from a secret.
fn is_secret(value: &Expr, constants: &[bool], slots: &[SlotId], of_setup: &[SlotId]) -> bool {
    any(value, &|part| match part {
        Expr::Constant(index) => constants.get(*index as usize).copied().unwrap_or(false),
        Expr::Slot(slot) => slots.contains(slot),
        Expr::Setup(slot) => of_setup.contains(slot),
        _ => false,
    })
}

/// The slots that an operation sets, each with a value that it may get.
fn bindings(op: &Op) -> Vec<(SlotId, &Expr)> {
    let mut found = Vec::new();
    match op {
        Op::Let { slot, value, .. } => found.push((*slot, value)),
        Op::For { items: Items::List(list), item, .. } => found.push((*item, list)),
        Op::Http(op) => of_parts(&op.parts, &mut found),
        Op::Receive(op) => of_parts(&op.parts, &mut found),
        Op::ReceiveAll(op) => op.expected.iter().for_each(|entry| of_parts(&entry.parts, &mut found)),
        Op::Call(op) => of_parts(&op.parts, &mut found),
        _ => {}
    }
    found
}

fn of_parts<'p>(parts: &'p [Part], found: &mut Vec<(SlotId, &'p Expr)>) {
    for part in parts {
        if let Part::Capture { slot, value, default, .. } = part {
            found.push((*slot, value));
            found.extend(default.as_ref().map(|default| (*slot, default)));
        }
    }
}
