//! Completeness: every row of every table in `docs/language.md` has a case that runs, with exact counts.
//!
//! Each subject has a file with its cases; `cargo test language::SUBJECT` runs those of one, and with the variable
//! `SCN_CASE=words` only the cases whose row holds these words. A table that stands behind `<!-- no cases -->` has no
//! rows in this sense.

mod blocks;
mod control;
mod http;
mod scopes;
mod service;
mod sockets;
mod syntax;
mod thresholds;
mod tools;
mod values;
pub mod world;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use world::Case;

fn all() -> Vec<Case> {
    let subjects: [fn() -> Vec<Case>; 8] = [
        control::cases,
        http::cases,
        scopes::cases,
        sockets::cases,
        syntax::cases,
        thresholds::cases,
        tools::cases,
        values::cases,
    ];
    subjects.into_iter().flat_map(|cases| cases()).collect()
}

/// Runs the cases of one subject; all that is wrong is told at the end.
fn run(cases: Vec<Case>) {
    let wanted = std::env::var("SCN_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    for case in cases.iter().filter(|case| case.rows().iter().any(|row| row.contains(&wanted))) {
        if catch_unwind(AssertUnwindSafe(|| case.run())).is_err() {
            failed.push(case.rows().join(", "));
        }
    }
    assert!(failed.is_empty(), "these cases failed, each told above:\n{}", failed.join("\n"));
}

/// The first cell of every row of every table in `text`, in order.
fn rows(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let (mut in_table, mut skipped, mut in_code) = (false, false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if line.trim() == "<!-- no cases -->" {
            skipped = true;
        }
        if in_code || !line.starts_with('|') {
            // The mark holds for the table right behind it.
            skipped &= !in_table;
            in_table = false;
            continue;
        }
        let head = !in_table;
        in_table = true;
        let cell = first_cell(line);
        if !head && !skipped && !cell.chars().all(|c| "-: ".contains(c)) {
            rows.push(cell);
        }
    }
    rows
}

/// What stands in a table's line up to the second `|`; `\|` is a character of the cell.
fn first_cell(line: &str) -> String {
    let mut cell = String::new();
    let mut escaped = false;
    for c in line[1..].chars() {
        match c {
            '|' if !escaped => break,
            '|' => {
                cell.pop();
                cell.push('|');
            }
            c => cell.push(c),
        }
        escaped = c == '\\';
    }
    cell.trim().to_owned()
}

fn reference() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/language.md");
    std::fs::read_to_string(path).expect("the reference is there")
}

#[test]
fn every_row_of_the_reference_has_a_case_and_every_case_a_row() {
    let rows = rows(&reference());
    let known: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(known.len(), rows.len(), "a row stands twice in docs/language.md: {:?}", twice(&rows));
    let cases = all();
    let covered: BTreeSet<&str> = cases.iter().flat_map(|case| case.rows()).map(String::as_str).collect();
    let unknown: Vec<_> = covered.difference(&known).collect();
    assert!(unknown.is_empty(), "cases for rows that docs/language.md does not have: {unknown:#?}");
    let bare: Vec<_> = known.difference(&covered).collect();
    assert!(bare.is_empty(), "rows of docs/language.md without a case: {bare:#?}");
}

fn twice(rows: &[String]) -> Vec<&String> {
    let mut seen = BTreeSet::new();
    rows.iter().filter(|row| !seen.insert(*row)).collect()
}

#[test]
fn a_tables_rows_are_the_first_cells_below_its_head() {
    let text = "\n| a | b |\n|---|---|\n| `x \\| y` | 1 |\n| z | 2 |\n\n<!-- no cases -->\n\n| a |\n|---|\n| q |\n\n| a |\n|---|\n| r |\n";
    assert_eq!(rows(text), ["`x | y`", "z", "r"]);
}
