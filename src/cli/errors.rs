//! What went wrong in a run and how often, drawn on the scenario's own lines.

use std::collections::BTreeMap;

use super::render::text::Drawing;
use super::scenario::counted;
use super::screen::Look;
use crate::base::Sources;
use crate::diagnostic::Severity;
use crate::metrics::Snapshot;
use crate::metrics::snapshot::Failure;
use crate::plan::{Plan, Point, PointId, StepId};

/// So many steps are drawn, those that failed most often first; the others are counted.
const DRAWN_MAX: usize = 10;
/// So many messages stand beside one kind of failure.
const NOTES_MAX: usize = 2;

/// Everything that went wrong, step by step; empty when nothing did.
pub fn draw(plan: &Plan, seen: &Snapshot, sources: &Sources, look: Look) -> String {
    let mut groups: BTreeMap<Group, Vec<(&Point, &[Failure])>> = BTreeMap::new();
    for (index, point) in plan.points.iter().enumerate() {
        let id = PointId(index as u32);
        let failures = seen.point(id).map_or(&[][..], |seen| &seen.failures);
        if !failures.is_empty() {
            let group = point.step.map_or(Group::Statement(id), Group::Step);
            groups.entry(group).or_default().push((point, failures));
        }
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(group, places)| (count(&places), group, places)).collect();
    // Stable: what failed equally often stays in file order.
    groups.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let mut drawings: Vec<String> = groups
        .iter()
        .take(DRAWN_MAX)
        .map(|(count, group, places)| drawing(plan, *group, *count, places).draw(sources, look))
        .collect();
    if let Some(rest) = groups.get(DRAWN_MAX..).filter(|rest| !rest.is_empty()) {
        let failures: u64 = rest.iter().map(|(count, ..)| count).sum();
        let places = counted(rest.len(), "more place");
        drawings.push(format!("  and {} in {places}\n", counted(failures as usize, "failure")));
    }
    drawings.join("\n")
}

/// What is drawn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// A step and everything asked of its answer.
    Step(StepId),
    /// A statement outside any step.
    Statement(PointId),
}

fn drawing(plan: &Plan, group: Group, count: u64, places: &[(&Point, &[Failure])]) -> Drawing {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let message = match group {
        Group::Step(step) => {
            let row = &plan.series[plan.steps[step.0 as usize].series.0 as usize];
            let user = &plan.users[row.user.0 as usize].name;
            format!("`{}` failed {times} (user `{user}`, {})", row.name, task_words(&row.task_name))
        }
        Group::Statement(point) => format!("`{}` failed {times}", plan.points[point.0 as usize].text),
    };
    let labels = places.iter().map(|(point, failures)| {
        let kinds: Vec<String> = failures.iter().map(kind_words).collect();
        (point.span, kinds.join("\n"))
    });
    Drawing { code: None, message, severity: Severity::Error, labels: labels.collect(), help: None }
}

fn count(places: &[(&Point, &[Failure])]) -> u64 {
    places.iter().flat_map(|(_, failures)| failures.iter()).map(|failure| failure.count).sum()
}

/// `300 × expect: the status is 503`.
fn kind_words(failure: &Failure) -> String {
    let mut notes: Vec<&str> = Vec::new();
    for note in &failure.notes {
        if notes.len() < NOTES_MAX && !notes.contains(&note.as_str()) {
            notes.push(note);
        }
    }
    let notes = if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) };
    format!("{} × {}{notes}", failure.count, failure.kind.name())
}

fn task_words(name: &str) -> String {
    match name {
        "on_start" => "on start".into(),
        "on_stop" => "on stop".into(),
        name => format!("task `{name}`"),
    }
}
