//! Failures where they happened: on the scenario's own lines.

use std::collections::BTreeMap;

use super::text;
use crate::base::{FileId, Span};
use crate::diagnostic::Label;
use crate::metrics::{ErrorKind, Snapshot};
use crate::plan::{Plan, PointId};

/// Failures of one kind at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The place in the plan.
    pub point: PointId,
    /// The place in the file.
    pub span: Span,
    /// What is written there, blanks folded.
    pub text: String,
    /// Why.
    pub kind: ErrorKind,
    /// How often.
    pub count: u64,
    /// How often beside that, where another try was made.
    pub retried: u64,
    /// What was said of the first few; the first is the one to show.
    pub messages: Vec<String>,
}

/// What failed in one file, ready to be drawn on its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorsInFile {
    /// The file.
    pub file: FileId,
    /// What the drawing is about: `40 failures in 3 places`.
    pub title: String,
    /// Where and what, in the order of the file, one for each place: `37 × timeout: no answer within 10s`.
    pub labels: Vec<Label>,
}

/// A message on a line of the scenario is no longer than this; the summary holds it all.
const MESSAGE_WIDTH: usize = 80;

/// Everything that failed, by place and kind: in the order of the files, the most frequent first at each place.
pub fn places(plan: &Plan, seen: &Snapshot) -> Vec<Place> {
    let mut places: Vec<Place> = (0..)
        .map(PointId)
        .zip(plan.points.iter().zip(&seen.points))
        .flat_map(|(id, (point, seen))| {
            seen.failures.iter().filter(|failure| failure.count + failure.retried > 0).map(move |failure| Place {
                point: id,
                span: point.span,
                text: point.text.clone(),
                kind: failure.kind,
                count: failure.count,
                retried: failure.retried,
                messages: failure.notes.clone(),
            })
        })
        .collect();
    places.sort_by_key(|place| (place.span.file, place.span.start, place.span.end, std::cmp::Reverse(place.count)));
    places
}

/// Everything that failed, file by file, to be drawn on the scenario's own lines. Empty when nothing did.
pub fn errors_on_lines(plan: &Plan, seen: &Snapshot) -> Vec<ErrorsInFile> {
    let mut files: BTreeMap<FileId, (u64, Vec<Label>)> = BTreeMap::new();
    for place in places(plan, seen) {
        let (count, labels) = files.entry(place.span.file).or_default();
        *count += place.count;
        let text = say(&place);
        // Several kinds at one place, or the two steps that a socket's head stands for, share a label.
        match labels.last_mut().filter(|last| last.span == place.span) {
            Some(last) => last.text = format!("{}; {text}", last.text),
            None => labels.push(Label { span: place.span, text }),
        }
    }
    files
        .into_iter()
        .map(|(file, (count, labels))| ErrorsInFile { file, title: title(count, labels.len()), labels })
        .collect()
}

fn title(count: u64, places: usize) -> String {
    let failures = text::counted(count, "failure", "failures");
    format!("{failures} in {}", text::counted(places as u64, "place", "places"))
}

fn say(place: &Place) -> String {
    let mut said = match (place.count, place.retried) {
        (0, retried) => format!("{retried} × {}, tried again each time", place.kind.name()),
        (count, 0) => format!("{count} × {}", place.kind.name()),
        (count, retried) => format!("{count} × {} and {retried} × tried again", place.kind.name()),
    };
    if let Some(message) = place.messages.first() {
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        said += &format!(": {}", text::cut(&line, MESSAGE_WIDTH));
    }
    said
}
