//! Rows that users take: where they lie, and who gets which.
//!
//! Cost: a table lies in memory once for the whole run. Each load thread holds a handle of its own to it, so that
//! counting the rows that are kept in values never passes a cache line between cores.

use std::sync::Arc;

use super::{UserId, Value};
use crate::base::{Seed, Span};
pub use crate::check::meaning::{Cell, DataId, Pick, Table, WhenEmpty};

/// Rows that users take.
#[derive(Clone, Debug)]
pub struct Data {
    /// What they are called.
    pub name: String,
    /// Where they are declared.
    pub span: Span,
    /// Which row a user gets.
    pub pick: Pick,
    /// What happens when there is none left.
    pub when_empty: WhenEmpty,
    /// The rows.
    pub rows: Rows,
    /// The classes of users that take one.
    pub takers: Vec<UserId>,
}

/// Where rows are. `clone` makes a handle of its own to the same table.
#[derive(Debug)]
pub enum Rows {
    /// Out of a file.
    Table(Arc<Handle>),
    /// A list that is a constant of the run.
    Inline {
        /// Index into [`super::Plan::constants`].
        constant: u32,
        /// How many items it has.
        count: u32,
    },
}

/// One load thread's way to a table that all share.
#[derive(Debug, PartialEq)]
pub struct Handle(Arc<Table>);

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    table: Arc<Handle>,
    index: u32,
}

impl Data {
    /// How many rows there are; at least one.
    pub fn row_count(&self) -> u32 {
        match &self.rows {
            Rows::Table(table) => table.0.row_count(),
            Rows::Inline { count, .. } => *count,
        }
    }

    /// In words: `accounts: 50 rows, pick unique, when empty stop (email, password)`.
    pub fn text(&self) -> String {
        let rows = self.row_count();
        let mut text = format!("{}: {rows} row{}", self.name, if rows == 1 { "" } else { "s" });
        text += match self.pick {
            Pick::Sequential => ", pick sequential",
            Pick::Random => ", pick random",
            Pick::Shuffle => ", pick shuffle",
            Pick::Unique => ", pick unique",
        };
        if self.when_empty == WhenEmpty::Stop {
            text += ", when empty stop";
        }
        match &self.rows {
            Rows::Table(table) if !table.0.columns().is_empty() => {
                text += &format!(" ({})", table.0.columns().join(", "))
            }
            _ => {}
        }
        text
    }

    /// The row at `index`, below [`Data::row_count`]; `constants` are the run's.
    pub fn row(&self, index: u32, constants: &[Value]) -> Value {
        match &self.rows {
            Rows::Table(table) if table.0.columns().is_empty() => {
                table.0.cell(index, 0).map_or(Value::Null, Value::from_cell)
            }
            Rows::Table(table) => Value::Row(Row { table: table.clone(), index }),
            Rows::Inline { constant, .. } => {
                constants[*constant as usize].item(index as usize).expect("the list has the items it was written with")
            }
        }
    }
}

impl Rows {
    /// The rows of a table.
    pub fn of(table: Arc<Table>) -> Rows {
        Rows::Table(Arc::new(Handle(table)))
    }
}

impl Clone for Rows {
    fn clone(&self) -> Rows {
        match self {
            Rows::Table(table) => Rows::of(table.0.clone()),
            Rows::Inline { constant, count } => Rows::Inline { constant: *constant, count: *count },
        }
    }
}

impl Row {
    /// The text of a column; `None`: there is no such column, or it holds no text.
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.cell(column)? {
            Cell::Text(text) => Some(text),
            Cell::Json(_) => None,
        }
    }

    /// The value of a column; `None`: the row does not have it.
    pub fn member(&self, column: &str) -> Option<Value> {
        self.cell(column).map(Value::from_cell)
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        self.table.0.columns().len()
    }

    /// An object of its columns.
    pub fn to_json(&self) -> serde_json::Value {
        let table = &self.table.0;
        let members = table.columns().iter().enumerate().filter_map(|(column, name)| {
            Some((name.clone(), Value::from_cell(table.cell(self.index, column)?).to_json()))
        });
        serde_json::Value::Object(members.collect())
    }

    /// The same row by a handle of its own.
    pub fn unshared(&self) -> Row {
        Row { table: Arc::new(Handle(self.table.0.clone())), index: self.index }
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        let table = &self.table.0;
        table.cell(self.index, table.columns().iter().position(|name| name == column)?)
    }
}

impl Value {
    fn from_cell(cell: Cell<'_>) -> Value {
        match cell {
            Cell::Text(text) => Value::from(text),
            Cell::Json(text) => Value::from_json(serde_json::from_str(text).unwrap_or_default()),
        }
    }
}

/// Which row comes `turn`-th to user `user` of `users` planned ones, counted on and on: `None` where the rows are used
/// up and do not come round again.
pub fn dealt(user: u64, turn: u64, users: u32, rows: u32, when_empty: WhenEmpty) -> Option<u32> {
    let place = u128::from(user) + u128::from(turn) * u128::from(users.max(1));
    match when_empty {
        WhenEmpty::Stop if place >= u128::from(rows) => None,
        _ => Some((place % u128::from(rows)) as u32),
    }
}

/// All numbers below `rows`, in an order that `seed` decides, and that `data`'s place in the file tells from the
/// orders of other data.
///
/// **A promise for ever**, as the users' dice: Fisher and Yates, from the end, over SplitMix64.
pub fn shuffled(rows: u32, seed: Seed, data: DataId) -> Vec<u32> {
    let mut state = mix(seed.0 ^ mix(u64::from(data.0).wrapping_add(1)));
    let mut order: Vec<u32> = (0..rows).collect();
    for last in (1..order.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let drawn = (u128::from(mix(state)) * (last as u128 + 1)) >> 64;
        order.swap(last, drawn as usize);
    }
    order
}

/// SplitMix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_dealt_by_the_users_number_and_come_round_again() {
        let rows = |user| (0..4).map(|turn| dealt(user, turn, 2, 5, WhenEmpty::Recycle)).collect::<Vec<_>>();
        assert_eq!(rows(0), [Some(0), Some(2), Some(4), Some(1)]);
        assert_eq!(rows(1), [Some(1), Some(3), Some(0), Some(2)]);
        assert_eq!(dealt(u64::MAX, u64::MAX, u32::MAX, 7, WhenEmpty::Recycle).map(|row| row < 7), Some(true));
    }

    #[test]
    fn rows_that_do_not_come_round_are_each_dealt_once() {
        let mut seen = Vec::new();
        for user in 0..3 {
            seen.extend((0..9).map_while(|turn| dealt(user, turn, 3, 10, WhenEmpty::Stop)));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<u32>>());
    }

    #[test]
    fn an_order_follows_from_the_seed_and_never_changes() {
        assert_eq!(shuffled(8, Seed(7), DataId(0)), shuffled(8, Seed(7), DataId(0)));
        assert_ne!(shuffled(100, Seed(7), DataId(0)), shuffled(100, Seed(8), DataId(0)));
        assert_ne!(shuffled(100, Seed(7), DataId(0)), shuffled(100, Seed(7), DataId(1)));
        let mut all = shuffled(1_000, Seed(1), DataId(0));
        assert_ne!(all, (0..1_000).collect::<Vec<u32>>());
        all.sort_unstable();
        assert_eq!(all, (0..1_000).collect::<Vec<u32>>());
        assert_eq!(shuffled(1, Seed(1), DataId(0)), [0]);
    }
}
