//! Parts of a scenario: some of its users or tasks, for who wants to run no more than these.

use super::Sound;
use super::meaning::{Scenario, SeriesId, Subject};
use crate::diagnostic::nearest;

/// Which users and tasks are run: `customer`, or `customer.checkout`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// These alone; empty: all.
    pub only: Vec<String>,
    /// All but these.
    pub without: Vec<String>,
}

/// Why nothing can be chosen so.
#[derive(Clone, Debug, PartialEq)]
pub enum NoSuchPart {
    /// No user or task is called so; the nearest name, if one is near.
    Unknown(String, Option<String>),
    /// Everything is left out.
    NothingLeft,
}

impl Sound {
    /// The same scenario with all but these parts left out. What is left out keeps its place and gets nobody.
    pub fn select(mut self, parts: &Parts) -> Result<Sound, NoSuchPart> {
        if *parts == Parts::default() {
            return Ok(self);
        }
        let names = names(&self.scenario);
        for name in parts.only.iter().chain(&parts.without) {
            if !names.contains(name) {
                let names = names.iter().map(String::as_str);
                // Who leaves the user of a task away.
                let task = names.clone().find(|full| full.rsplit_once('.').is_some_and(|(_, task)| task == name));
                let near = task.or_else(|| nearest(name, names)).map(str::to_owned);
                return Err(NoSuchPart::Unknown(name.clone(), near));
            }
        }
        for user in &mut self.scenario.users {
            let whole = &user.name.value;
            for task in &mut user.tasks {
                let full = format!("{whole}.{}", task.name.value);
                let is_in = |names: &[String]| names.contains(whole) || names.contains(&full);
                task.left_out = is_in(&parts.without) || !(parts.only.is_empty() || is_in(&parts.only));
            }
            user.left_out = user.tasks.iter().all(|task| task.left_out || (task.weight == 0.0 && !user.in_order));
            if user.left_out {
                user.weight = 0.0;
            }
        }
        match self.scenario.users.iter().all(|user| user.left_out) {
            true => Err(NoSuchPart::NothingLeft),
            false => Ok(self),
        }
    }
}

/// What can be chosen, in file order.
fn names(scenario: &Scenario) -> Vec<String> {
    let mut names = Vec::new();
    for user in &scenario.users {
        names.push(user.name.value.clone());
        names.extend(user.tasks.iter().map(|task| format!("{}.{}", user.name.value, task.name.value)));
    }
    names
}

impl Scenario {
    /// Whether a row will have no samples because its user or task is left out.
    fn is_left_out(&self, row: SeriesId) -> bool {
        let series = &self.series[row.0 as usize];
        let class = self.class(series.user);
        class.left_out || class.tasks.iter().any(|task| task.left_out && task.name.value == series.task)
    }

    /// Takes out the thresholds that speak only of what is left out; their texts.
    pub fn take_left_out_thresholds(&mut self) -> Vec<String> {
        let mut taken = Vec::new();
        let mut thresholds = std::mem::take(&mut self.thresholds);
        thresholds.retain_mut(|threshold| {
            let is_there = match &mut threshold.subject {
                Subject::Run => true,
                Subject::User(user) => !self.users[*user].left_out,
                Subject::Task(user, task) => !self.users[*user].left_out && !self.users[*user].tasks[*task].left_out,
                Subject::Series(rows) | Subject::Each(rows) => {
                    rows.retain(|row| !self.is_left_out(*row));
                    !rows.is_empty()
                }
            };
            if !is_there {
                taken.push(threshold.text.clone());
            }
            is_there
        });
        self.thresholds = thresholds;
        taken
    }

    /// Whether anything is left out.
    pub fn has_left_out(&self) -> bool {
        self.users.iter().any(|user| user.left_out || user.tasks.iter().any(|task| task.left_out))
    }
}
