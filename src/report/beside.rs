//! Groups and measures, which are no requests: a table of their own.

use std::time::Duration;

use super::style::{Ink, Style};
use super::table::{Column, Row, belongs, draw_rows};
use super::text::{self, Cell};
use super::{Finished, words};
use crate::metrics::snapshot::BesideSeen;
use crate::plan::{MeasureUnit, SeriesId, SeriesKind};

/// The columns, as those of requests.
const COLUMNS: [Column; 8] =
    [("Count", 0), ("Failures", 1), ("Average", 4), ("Min", 5), ("Max", 2), ("Median", 3), ("p95", 0), ("p99", 0)];

/// A table of groups and measures; empty where none saw anything.
pub(super) fn groups_and_measures(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let mut rows = Vec::new();
    let mut owner = None;
    for (index, series) in run.plan.series.iter().enumerate() {
        let Some(seen) = run.seen.beside(SeriesId(index as u32)).filter(|seen| seen.count() > 0) else { continue };
        if owner != Some((series.user, &series.task_name)) {
            owner = Some((series.user, &series.task_name));
            rows.push(Row::Task(belongs(run, series.user, &series.task_name)));
        }
        let (kind, name) = (words::kind(series.kind).to_owned(), series.name.clone());
        rows.push(Row::Series { kind, name, cells: numbers(seen, series.kind) });
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let (mut lines, left_out) = draw_rows(&rows, &COLUMNS, width, style);
    if !left_out.is_empty() {
        let remark = format!("left out for want of width: {}", left_out.join(", ").to_lowercase());
        lines.push(style.paint(Ink::Faint, &remark));
    }
    lines
}

/// The cells below [`COLUMNS`].
fn numbers(seen: &BesideSeen, kind: SeriesKind) -> Vec<Cell> {
    let failed = match (kind, seen.failures()) {
        (SeriesKind::Group, 0) => Cell::right("0"),
        (SeriesKind::Group, some) => {
            Cell::right(format!("{some} ({})", text::percent(some as f64 / seen.count() as f64))).ink(Ink::Bad)
        }
        // What a measure records is neither right nor wrong.
        _ => Cell::right(""),
    };
    let values: Vec<Option<String>> = if kind == SeriesKind::Measure(MeasureUnit::Number) {
        let numbers = &seen.numbers;
        let percentile = |percent| numbers.percentile(percent);
        let values =
            [numbers.mean(), numbers.min(), numbers.max(), percentile(50.0), percentile(95.0), percentile(99.0)];
        values.map(|value| value.map(words::number)).to_vec()
    } else {
        let times = seen.times();
        let percentile = |percent| times.percentile(percent);
        let values = [times.mean(), times.min(), times.max(), percentile(50.0), percentile(95.0), percentile(99.0)];
        values.map(|value: Option<Duration>| value.map(text::time)).to_vec()
    };
    let mut cells = vec![Cell::right(seen.count().to_string()), failed];
    cells.extend(values.into_iter().map(|value| Cell::right(value.unwrap_or_else(|| "–".into()))));
    cells
}
