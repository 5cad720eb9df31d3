//! A finished run as the terminal shows it: thresholds first, then the table, then what explains them.

use super::style::{Ink, Style};
use super::text::{self, Cell};
use super::{Finished, beside, phases, words};
use crate::metrics::thresholds::timed_rows;
use crate::metrics::verdict::{CPU_SPAN, CPU_SPAN_LEAST};
use crate::metrics::{Counter, Times, Validity};
use crate::plan::{PointKind, SeriesId, SeriesKind, Subject, UserId};

/// A name is shortened down to this before columns are left out.
const NAME_WIDTH_MIN: usize = 16;

/// A finished run in lines no wider than `width` (at least 60), each with its line end.
pub fn table(run: &Finished<'_>, width: usize, style: Style) -> String {
    format!("{}\n{}", seen(run, width, style), trust(run, width, style))
}

/// The first part of [`table`]: everything that was seen. What failed can be drawn between it and [`trust`].
pub fn seen(run: &Finished<'_>, width: usize, style: Style) -> String {
    let width = width.max(60);
    let mut lines = vec![heading(run, width, style)];
    lines.extend(
        phases::warning(run.plan).iter().flat_map(|text| wrapped(text, width)).map(|line| style.paint(Ink::Bad, &line)),
    );
    let sections = [
        thresholds(run, width, style),
        requests(run, width, style),
        beside::groups_and_measures(run, width, style),
        iterations(run, width, style),
        checks(run, width, style),
        counted(run, width, style),
    ];
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        lines.push(String::new());
        lines.extend(section);
    }
    lines.join("\n") + "\n"
}

/// The last part of [`table`]: whether the run itself is valid, and what else is worth knowing.
pub fn trust(run: &Finished<'_>, width: usize, style: Style) -> String {
    validity(run, width.max(60), style).join("\n") + "\n"
}

fn heading(run: &Finished<'_>, width: usize, style: Style) -> String {
    let started: u64 = run.seen.users.iter().map(|users| users.started).sum();
    let mut rest = format!(
        " · {} · {} · {} · seed {}",
        run.plan.load.profile,
        text::clock(run.meta.length),
        text::counted(started, "user", "users"),
        run.plan.seed.0,
    );
    if !run.plan.load.warm_up.is_zero() {
        rest += &format!(" · the first {} apart", text::clock(run.plan.load.warm_up));
    }
    if let Some(at) = words::aborted(run.judged) {
        rest += &format!(" · aborted at {}", text::clock(at));
    }
    if run.meta.stopped {
        rest += " · stopped early";
    }
    let title = text::cut(&run.plan.scenario, width.saturating_sub(text::width(&rest)).max(8));
    style.paint(Ink::Strong, &title) + &rest
}

// ── thresholds ──

fn thresholds(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = run
        .judged
        .iter()
        .map(|judged| {
            let (sign, ink) = words::sign(judged.judgement);
            let value = words::value(judged);
            let room = width.saturating_sub(text::width(&value) + 1 + 2 * text::GAP);
            vec![Cell::left(sign).ink(ink), Cell::left(text::shorten(&judged.text, room)), Cell::left(value)]
        })
        .collect();
    let mut lines = Vec::new();
    for (line, judged) in drawn(&rows, style).into_iter().zip(run.judged) {
        lines.push(line);
        let details = words::details(judged);
        let details = details.iter().flat_map(|detail| wrapped(detail, width - 4));
        lines.extend(details.map(|detail| style.paint(Ink::Faint, &format!("    {detail}"))));
    }
    lines
}

// ── requests ──

/// A column of numbers: its head, and whether it may be left out where the terminal is narrow (the greater, the
/// sooner).
pub(super) type Column = (&'static str, u8);

const COLUMNS: [Column; 9] = [
    ("Requests", 0),
    ("Failures", 0),
    ("Average", 3),
    ("Min", 4),
    ("Max", 1),
    ("Median", 2),
    ("p95", 0),
    ("p99", 0),
    ("Req/s", 0),
];

fn requests(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let seconds = run.meta.measured.as_secs_f64();
    let mut rows: Vec<Row> = Vec::new();
    let mut gaps = false;
    let mut owner = None;
    for (index, series) in run.plan.series.iter().enumerate() {
        let id = SeriesId(index as u32);
        let Some(seen) = run.seen.series(id).filter(|seen| seen.requests() > 0) else { continue };
        if owner != Some((series.user, &series.task_name)) {
            owner = Some((series.user, &series.task_name));
            rows.push(Row::Task(belongs(run, series.user, &series.task_name)));
        }
        let gap = words::is_gap(run.plan, id);
        gaps |= gap;
        let kind = if gap { format!("{}~", series.method) } else { series.method.clone() };
        let name = words::short_name(run.plan, id).to_owned();
        let times = seen.response_times();
        rows.push(Row::Series { kind, name, cells: numbers(seen.requests(), seen.failures(), &times, seconds) });
    }
    if rows.is_empty() {
        return vec!["No request was made.".into()];
    }
    let totals = run.seen.totals();
    let pooled = run.seen.times(timed_rows(run.plan, &Subject::Run));
    let cells = numbers(totals.requests, totals.failures, &pooled, seconds);
    rows.push(Row::Total { cells });
    let (mut lines, left_out) = draw_rows(&rows, &COLUMNS, width, style);
    let mut remarks = Vec::new();
    if run.plan.series.iter().any(|series| series.kind == SeriesKind::Retry)
        && run.seen.series.iter().any(|s| s.retried > 0)
    {
        remarks.push("tries that were made again are requests, but no failures in the last row".to_owned());
    }
    if gaps {
        remarks.push("~ gaps between messages or waits for one, no latencies".to_owned());
    }
    if rows.iter().any(|row| row.is_socket()) {
        remarks.push("times in the last row are those of HTTP steps and calls".to_owned());
    }
    if !left_out.is_empty() {
        remarks.push(format!("left out for want of width: {}", left_out.join(", ").to_lowercase()));
    }
    lines.extend(remarks.iter().flat_map(|remark| wrapped(remark, width)).map(|line| style.paint(Ink::Faint, &line)));
    lines
}

pub(super) enum Row {
    Task(String),
    Series { kind: String, name: String, cells: Vec<Cell> },
    Total { cells: Vec<Cell> },
}

impl Row {
    fn cells(&self) -> &[Cell] {
        match self {
            Row::Task(_) => &[],
            Row::Series { cells, .. } | Row::Total { cells } => cells,
        }
    }

    fn is_socket(&self) -> bool {
        matches!(self, Row::Series { kind, .. } if kind.starts_with("WS"))
    }
}

/// The cells below [`COLUMNS`].
fn numbers(requests: u64, failures: u64, times: &Times, seconds: f64) -> Vec<Cell> {
    let time = |time: Option<std::time::Duration>| Cell::right(time.map_or_else(|| "–".into(), text::time));
    let failed = match failures {
        0 => Cell::right("0"),
        some => Cell::right(format!("{some} ({})", text::percent(some as f64 / requests as f64))).ink(Ink::Bad),
    };
    let rate = if seconds > 0.0 { requests as f64 / seconds } else { 0.0 };
    vec![
        Cell::right(requests.to_string()),
        failed,
        time(times.mean()),
        time(times.min()),
        time(times.max()),
        time(times.percentile(50.0)),
        time(times.percentile(95.0)),
        time(times.percentile(99.0)),
        Cell::right(text::three_digits(rate)),
    ]
}

/// The lines, and the heads of the columns that found no room.
pub(super) fn draw_rows(
    rows: &[Row],
    columns: &[Column],
    width: usize,
    style: Style,
) -> (Vec<String>, Vec<&'static str>) {
    let heads: Vec<Cell> = columns.iter().map(|(head, _)| Cell::right(*head).ink(Ink::Strong)).collect();
    let numbers = text::widths(rows.iter().map(Row::cells).chain([heads.as_slice()]));
    let kinds = rows.iter().map(|row| if let Row::Series { kind, .. } = row { text::width(kind) } else { 0 });
    let kind_width = kinds.chain([4]).max().unwrap_or(4);
    let names = rows.iter().map(|row| if let Row::Series { name, .. } = row { text::width(name) } else { 0 });
    let wanted = names.chain([5]).max().unwrap_or(5);
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let room = |shown: &[usize]| {
        let taken: usize = shown.iter().map(|&column| numbers[column] + text::GAP).sum();
        width.saturating_sub(taken + kind_width + text::GAP)
    };
    while room(&shown) < wanted.min(NAME_WIDTH_MIN) {
        let Some(next) = shown.iter().copied().max_by_key(|&column| columns[column].1) else { break };
        if columns[next].1 == 0 {
            break;
        }
        shown.retain(|&column| column != next);
    }
    let name_width = wanted.min(room(&shown).max(8));
    let mut widths = vec![kind_width, name_width];
    widths.extend(shown.iter().map(|&column| numbers[column]));
    let row = |kind: Cell, name: Cell, cells: &[Cell]| {
        let mut all = vec![kind, name];
        all.extend(shown.iter().map(|&column| cells[column].clone()));
        text::line(&all, &widths, style)
    };
    let mut lines = vec![row(Cell::left("Type").ink(Ink::Strong), Cell::left("Name").ink(Ink::Strong), &heads)];
    for one in rows {
        lines.push(match one {
            Row::Task(task) => style.paint(Ink::Faint, &text::shorten(task, width)),
            Row::Series { kind, name, cells } => {
                row(Cell::left(kind.clone()), Cell::left(text::shorten(name, name_width)), cells)
            }
            Row::Total { cells } => {
                let total = row(Cell::left(""), Cell::left("Total").ink(Ink::Strong), cells);
                let rule = "─".repeat(widths.iter().sum::<usize>() + text::GAP * (widths.len() - 1));
                format!("{}\n{total}", style.paint(Ink::Faint, &rule))
            }
        });
    }
    let left_out = (0..columns.len()).filter(|column| !shown.contains(column)).map(|column| columns[column].0);
    (lines, left_out.collect())
}

// ── iterations, checks ──

fn iterations(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let head = |text: &str| Cell::right(text).ink(Ink::Strong);
    let mut rows = vec![vec![
        Cell::left("Iterations").ink(Ink::Strong),
        head("Finished"),
        head("Failed"),
        head("Cut off"),
        head("Median"),
        head("p95"),
    ]];
    let count = |count: u64, ink| {
        let cell = Cell::right(count.to_string());
        if count > 0 { cell.ink(ink) } else { cell }
    };
    let room = width.saturating_sub(46).max(12);
    let mut row = |name: String, finished: u64, failed: u64, abandoned: u64, times: &Times| {
        let time = |time: Option<std::time::Duration>| Cell::right(time.map_or_else(|| "–".into(), text::time));
        rows.push(vec![
            Cell::left(text::shorten(&name, room)),
            Cell::right(finished.to_string()),
            count(failed, Ink::Bad),
            count(abandoned, Ink::Warn),
            time(times.percentile(50.0)),
            time(times.percentile(95.0)),
        ]);
    };
    for (class, seen) in run.seen.users.iter().enumerate() {
        if seen.failed_starts + seen.abandoned_starts > 0 {
            let name = belongs(run, UserId(class as u32), "on_start");
            row(name, seen.failed_starts, seen.failed_starts, seen.abandoned_starts, &Times::default());
        }
    }
    for (task, seen) in run.plan.tasks.iter().zip(&run.seen.tasks) {
        if seen.finished() + seen.abandoned > 0 {
            let name = if task.name.is_empty() { "(in order)" } else { &task.name };
            row(belongs(run, task.user, name), seen.finished(), seen.failed, seen.abandoned, &seen.time);
        }
    }
    if rows.len() == 1 {
        return Vec::new();
    }
    drawn(&rows, style)
}

fn checks(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let mut rows = Vec::new();
    for (point, seen) in run.plan.points.iter().zip(&run.seen.points) {
        let all = seen.passed + seen.failed;
        if point.kind != PointKind::Check || all == 0 {
            continue;
        }
        let (sign, ink) = if seen.failed == 0 { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
        let held = format!("{} of {all} ({})", seen.passed, text::percent(seen.passed as f64 / all as f64));
        let step = point.step.map(|step| run.plan.steps[step.0 as usize].series);
        let step = step.map_or("", |row| run.plan.series[row.0 as usize].name.as_str());
        let room = width.saturating_sub(text::width(&held) + 1 + 3 * text::GAP);
        let name = text::shorten(words::check_name(&point.text), room * 3 / 5);
        let step = Cell::left(text::shorten(step, room * 2 / 5)).ink(Ink::Faint);
        rows.push(vec![Cell::left(sign).ink(ink), Cell::left(name), Cell::right(held), step]);
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![style.paint(Ink::Strong, "Checks")];
    lines.extend(drawn(&rows, style));
    lines
}

// ── what was counted beside, and the run itself ──

fn counted(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let totals = run.seen.totals();
    let count = |counter| run.seen.counter(counter);
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    let said = |parts: &[(u64, &str)], always: usize| -> Vec<String> {
        let worth = parts.iter().enumerate().filter(|(index, (count, _))| *count > 0 || *index < always);
        worth.map(|(_, (count, what))| format!("{count} {what}")).collect()
    };
    let connections = [
        (count(Counter::ConnectionsOpened), "opened"),
        (count(Counter::ConnectionsReused), "times used again"),
        (count(Counter::ConnectionsStale), "closed by the peer meanwhile"),
        (count(Counter::ConnectionsFailed), "could not be opened"),
    ];
    if connections.iter().any(|(count, _)| *count > 0) {
        rows.push(("Connections", said(&connections, 1)));
    }
    let mut phases = phases::told(run);
    if let Some(last) = phases.last_mut() {
        last.push_str(", on average");
        rows.push(("Phases", phases));
    }
    let messages = [
        (count(Counter::MessagesSent), "sent"),
        (count(Counter::MessagesReceived), "received"),
        (count(Counter::PassedOver), "passed over"),
        (count(Counter::Early), "older than their receive"),
    ];
    if messages.iter().any(|(count, _)| *count > 0) {
        rows.push(("Messages", said(&messages, 2)));
    }
    if totals.requests > 0 {
        let data = [
            format!("{} sent", text::bytes(totals.bytes_sent)),
            format!("{} received", text::bytes(totals.bytes_received)),
        ];
        rows.push(("Data", data.to_vec()));
    }
    let odd = [
        (count(Counter::UsersFailed), "users ended because their `on start` failed"),
        (count(Counter::Mistyped), "comparisons of different types, all false"),
        (count(Counter::BodiesCut), "bodies cut off"),
        (count(Counter::RedirectsRefused), "redirects not followed: more than the step allows"),
        (count(Counter::LimitsReached), "loops ended at their limit, with items left"),
        (count(Counter::RowsWaited), "times a user waited for a row of data"),
        (count(Counter::MeasuresNegative), "measured durations below zero, counted as 0"),
        (count(Counter::Dropped), "arrivals dropped: no user was free"),
        (count(Counter::SamplesLost), "samples lost"),
    ];
    let odd = said(&odd, 0);
    if !odd.is_empty() {
        rows.push(("Noticed", odd));
    }
    if let Some(waiting) = waiting(run) {
        rows.push(("Waiting", vec![waiting]));
    }
    let mut generator = Vec::new();
    if let Some(late) = run.seen.lateness.percentile(99.0) {
        generator.push(format!("steps began at most {} late (p99)", text::time(late)));
    }
    if let Some(busiest) = run.seen.health.busiest(CPU_SPAN, CPU_SPAN_LEAST) {
        generator.push(format!("busiest load thread used {} of its core", text::percent(busiest.share)));
    }
    if !generator.is_empty() {
        rows.push(("Generator", generator));
    }
    let lead = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + text::GAP;
    let mut lines = Vec::new();
    for (name, parts) in rows {
        for (index, line) in wrapped(&parts.join(" · "), width - lead).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            lines.push(format!("{}{line}", style.paint(Ink::Strong, &format!("{name:lead$}"))));
        }
    }
    lines
}

/// How much longer users waited than the target took, where that can be told in three digits.
fn waiting(run: &Finished<'_>) -> Option<String> {
    let rows = timed_rows(run.plan, &Subject::Run);
    let response = run.seen.times(rows.iter().copied()).mean()?;
    let service = run.seen.service_times(rows).mean()?;
    let gap = response.saturating_sub(service);
    (gap.as_micros() > 0).then(|| {
        format!(
            "response times are {} longer than service times on average (connecting, our own lateness)",
            text::time(gap)
        )
    })
}

fn validity(run: &Finished<'_>, width: usize, style: Style) -> Vec<String> {
    let validity = run.verdict.validity();
    let ink = match validity {
        Validity::Valid => Ink::Good,
        Validity::Degraded => Ink::Warn,
        Validity::Invalid => Ink::Bad,
    };
    let says = match validity {
        Validity::Valid => "the generator kept up",
        Validity::Degraded => "read the numbers with these reservations",
        Validity::Invalid => "the numbers say more about the generator or the set-up than about the target",
    };
    let mut lines = vec![format!("{} · {says}", style.paint(ink, validity.name()))];
    for reason in &run.verdict.reasons {
        let mut sign = "  - ";
        for line in wrapped(&reason.text, width - 4) {
            lines.push(format!("{sign}{line}"));
            sign = "    ";
        }
    }
    let notes = run.meta.notes.iter().flat_map(|note| wrapped(note, width));
    lines.extend(notes.map(|line| style.paint(Ink::Faint, &line)));
    lines
}

pub(super) fn belongs(run: &Finished<'_>, user: UserId, task: &str) -> String {
    match run.plan.users[user.0 as usize].name.as_str() {
        "" => task.to_owned(),
        name => format!("{name} / {task}"),
    }
}

pub(super) fn drawn(rows: &[Vec<Cell>], style: Style) -> Vec<String> {
    let widths = text::widths(rows.iter().map(Vec::as_slice));
    rows.iter().map(|row| text::line(row, &widths, style)).collect()
}

/// `text` in lines of at most `width` columns, broken at blanks; a word that is wider stays whole.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text::width(line) + 1 + text::width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
