//! Data: where its rows lie, who takes them, and whether there are enough.

use super::lower::lets_begin;
use crate::check::meaning;
use crate::diagnostic::{Diagnostic, Rule};
use crate::plan::data::{Data, DataId, Pick, Rows, WhenEmpty};
use crate::plan::{Expr, Op, Plan, User, UserId};

/// The data of a scenario whose users and operations are laid out; `starts` says where those of each class begin.
pub(super) fn data(scenario: &meaning::Scenario, users: &[User], ops: &[Op], starts: &[usize]) -> Vec<Data> {
    // Behind the secrets and the `let`s stand the lists, in order.
    let mut constant = (lets_begin(scenario) + scenario.lets.len()) as u32;
    let of_class = |class: usize| &ops[starts[class]..starts.get(class + 1).copied().unwrap_or(ops.len())];
    let data = scenario.data.iter().enumerate().map(|(index, data)| {
        let rows = match &data.rows {
            meaning::Rows::Table(table) => Rows::of(table.clone()),
            meaning::Rows::Inline(_, count) => {
                constant += 1;
                Rows::Inline { constant: constant - 1, count: *count }
            }
            meaning::Rows::Bad => panic!("a sound scenario has no holes"),
        };
        let id = DataId(index as u32);
        let takers = users.iter().enumerate().filter(|(class, _)| takes(&users[*class], of_class(*class), id));
        Data {
            name: data.name.value.clone(),
            span: data.name.span,
            pick: data.pick,
            when_empty: data.when_empty,
            rows,
            takers: takers.map(|(class, _)| UserId(class as u32)).collect(),
        }
    });
    data.collect()
}

/// Whether users of this class take rows from `data`: as their own, or in what they do.
fn takes(user: &User, ops: &[Op], data: DataId) -> bool {
    let own = user.lets.iter().any(|(_, value, _)| matches!(value, Expr::Take(taken) if *taken == data));
    own || ops.iter().any(|op| matches!(op, Op::Take { data: taken, .. } if *taken == data))
}

/// `too-few-rows`: users hold their rows for life, and there are more of them than rows. Where the scenario says `when
/// empty stop`, those that find none end: that is what it asks for.
pub(super) fn too_few_rows(plan: &Plan) -> Vec<Diagnostic> {
    let counts = plan.user_counts();
    let few = plan.data.iter().filter_map(|data| {
        let users: u32 = data.takers.iter().map(|class| counts[class.0 as usize]).sum();
        let rows = data.row_count();
        let short = data.pick == Pick::Unique && data.when_empty == WhenEmpty::Recycle && rows < users;
        short.then(|| {
            let (name, profile) = (&data.name, &plan.load.profile);
            let said = format!("`{name}` has {} for {users} users that each hold one", counted(rows, "row"));
            Diagnostic::new(Rule::TooFewRows, data.span, said)
                .label(format!("with profile `{profile}`, {} would wait for a row", counted(users - rows, "user")))
                .help("add rows, run fewer users, share rows with `pick sequential`, or let the rest end with `when empty stop`")
        })
    });
    few.collect()
}

/// `1 row`, `2 rows`.
fn counted(count: u32, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
