//! The summary as JSON: a promise to strangers, so its shape has a version and a schema in the repository.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::phases::{self, PhaseRow};
use super::{Finished, errors, words};
use crate::metrics::thresholds::{How, Unit, timed_rows};
use crate::metrics::verdict::{CPU_SPAN, CPU_SPAN_LEAST};
use crate::metrics::{Counter, ErrorKind, Judged, Judgement, Numbers, Snapshot, Times};
use crate::plan::{MeasureUnit, Plan, PointKind, SeriesId, SeriesKind, Subject};

/// What the summary says its shape is.
pub const SCHEMA: &str = "scn-summary/1";

/// The JSON Schema of that shape.
pub const SUMMARY_SCHEMA: &str = include_str!("../../schema/scn-summary-1.json");

/// A run in numbers, finished or so far. Serializes to the shape that [`SUMMARY_SCHEMA`] describes.
///
/// Unit: as the names of its keys end: `_ms`, `_s`; bytes are counted. Times are exact to a microsecond, percentiles to
/// three digits; `null` where nothing was seen. Rows stand in plan order, also those that saw nothing.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub schema: &'static str,
    pub run: Run,
    pub validity: Validity,
    pub totals: Totals,
    /// The same of the warm-up, which is in none of the other numbers.
    pub warm_up: Option<Totals>,
    pub series: Vec<Series>,
    pub groups: Vec<Group>,
    pub measures: Vec<Measure>,
    pub iterations: Vec<Iterations>,
    pub users: Vec<Users>,
    pub checks: Vec<Check>,
    pub thresholds: Vec<Threshold>,
    pub errors: Vec<Error>,
    /// Where the time of requests went.
    pub phases: Vec<PhaseRow>,
    pub counters: BTreeMap<&'static str, u64>,
    pub generator: Generator,
}

/// Which run it was.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Run {
    pub id: String,
    pub scenario: String,
    pub profile: String,
    pub seed: u64,
    pub started: String,
    pub duration_s: f64,
    pub scn: String,
    pub sources: Map<String, Value>,
    /// Whether it has come to its end; else these are the numbers so far.
    pub finished: bool,
    /// Whether it was stopped before its time.
    pub stopped: bool,
    /// The threshold that ended it, if one did.
    pub aborted: Option<Aborted>,
    pub notes: Vec<String>,
    /// The targets whose certificates nobody looked at.
    pub unverified: Vec<String>,
}

/// The threshold that ended a run.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Aborted {
    pub text: String,
    pub value: Option<f64>,
    pub unit: &'static str,
    /// Since the first start.
    pub at_s: f64,
}

/// Whether the run itself is to be trusted.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Validity {
    pub verdict: &'static str,
    pub reasons: Vec<Reason>,
}

/// A limit that was crossed.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Reason {
    pub limit: &'static str,
    pub verdict: &'static str,
    pub text: String,
}

/// All rows, tasks and places together.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Totals {
    pub iterations: u64,
    pub failed_iterations: u64,
    pub abandoned_iterations: u64,
    pub requests: u64,
    pub failures: u64,
    /// Arrivals that no user could take; 0 in a closed load.
    pub dropped: u64,
    pub requests_per_second: f64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub checks_passed: u64,
    pub checks_failed: u64,
    /// Of HTTP steps and calls outside `on start` and `on stop`: what metrics without `of` speak of.
    pub response_time_ms: TimesMs,
    /// The same.
    pub service_time_ms: TimesMs,
}

/// One row.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Series {
    pub user: String,
    pub task: String,
    pub name: String,
    pub method: String,
    /// What its times mean: `http`, `connect`, `send`, `receive`, `call`, `close`, `retry`.
    pub kind: &'static str,
    /// Whether its times are gaps between messages and no latencies.
    pub gap: bool,
    pub requests: u64,
    pub failures: u64,
    pub requests_per_second: f64,
    pub errors: BTreeMap<&'static str, u64>,
    pub statuses: BTreeMap<String, u64>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub response_time_ms: TimesMs,
    pub service_time_ms: TimesMs,
}

/// One group: a block whose time is told as a step's.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Group {
    pub user: String,
    pub task: String,
    pub name: String,
    pub count: u64,
    pub failures: u64,
    /// Less its pauses, failed ones included.
    pub time_ms: TimesMs,
}

/// What one `measure` recorded.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Measure {
    pub user: String,
    pub task: String,
    pub name: String,
    /// `ms` of durations; empty of plain numbers.
    pub unit: &'static str,
    pub count: u64,
    pub values: TimesMs,
}

/// Many times, in milliseconds; of a measure, numbers in its unit.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct TimesMs {
    pub min: Option<f64>,
    pub mean: Option<f64>,
    pub stddev: Option<f64>,
    pub p50: Option<f64>,
    pub p75: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    #[serde(rename = "p99.9")]
    pub p99_9: Option<f64>,
    #[serde(rename = "p99.99")]
    pub p99_99: Option<f64>,
    pub max: Option<f64>,
}

/// The iterations of one task.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Iterations {
    pub user: String,
    pub task: String,
    pub ok: u64,
    pub failed: u64,
    pub abandoned: u64,
    /// Wall time less pauses, of the finished ones.
    pub time_ms: TimesMs,
}

/// The users of one class.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Users {
    pub user: String,
    pub started: u64,
    /// Whose `on start` failed.
    pub failed_starts: u64,
}

/// One `check` of the scenario.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Check {
    pub name: String,
    pub user: String,
    pub task: String,
    pub step: String,
    pub passes: u64,
    pub fails: u64,
}

/// One threshold.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Threshold {
    pub text: String,
    /// In `unit`; `null` when nothing happened that could be measured.
    pub value: Option<f64>,
    pub limit: f64,
    pub unit: &'static str,
    /// `null` when there was no time to compare.
    pub ok: Option<bool>,
    /// Whether it is an `abort if`, which is broken when it ended the run.
    pub abort: bool,
    /// Of a threshold with `over`: how many windows were judged.
    pub windows: Option<u64>,
    /// For how many steps or windows it did not hold, where it is judged for each.
    pub broken_times: u64,
    /// The first of them.
    pub broken: Vec<Broken>,
}

/// A step or window for which a threshold did not hold.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Broken {
    /// As short as it can be told from others; `null` without `every step`.
    pub step: Option<String>,
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    pub value: Option<f64>,
}

/// Failures of one kind at one place of the scenario.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Error {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub text: String,
    pub kind: &'static str,
    pub count: u64,
    /// How often beside that, where another try was made.
    pub retried: u64,
    /// What was said of the first one.
    pub message: Option<String>,
}

/// How the generator itself fared.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Generator {
    /// How long after they were due steps began.
    pub lateness_ms: TimesMs,
    /// The most that a load thread used of its core over five seconds; 1 is all of it.
    pub busiest_cpu: Option<f64>,
    /// What each load thread used of its core, over the whole run.
    pub threads_cpu: Vec<f64>,
    /// Times outside 1 µs to 1 h, which count as the nearer end.
    pub clamped_times: u64,
}

/// The summary of a run.
pub fn summary(run: &Finished<'_>) -> Summary {
    let Finished { plan, seen, meta, verdict, .. } = *run;
    let seconds = meta.measured.as_secs_f64();
    Summary {
        schema: SCHEMA,
        run: Run {
            id: meta.run_id.clone(),
            scenario: plan.scenario.clone(),
            profile: plan.load.profile.clone(),
            seed: plan.seed.0,
            started: meta.started.clone(),
            duration_s: rounded(seconds),
            scn: meta.version.clone(),
            sources: meta.sources.iter().map(|(name, hash)| (name.clone(), json!(hash))).collect(),
            finished: meta.finished,
            stopped: meta.stopped,
            aborted: run.judged.iter().find_map(aborted),
            notes: meta.notes.clone(),
            unverified: phases::unverified(plan),
        },
        validity: Validity {
            verdict: verdict.validity().name(),
            reasons: verdict
                .reasons
                .iter()
                .map(|reason| Reason {
                    limit: reason.limit.name(),
                    verdict: reason.validity.name(),
                    text: reason.text.clone(),
                })
                .collect(),
        },
        totals: totals(plan, seen, seconds),
        warm_up: run.warm_up.map(|seen| totals(plan, seen, (meta.length - meta.measured).as_secs_f64())),
        series: rows(run, |kind| kind.is_request()).map(|row| series(run, row, seconds)).collect(),
        groups: rows(run, |kind| kind == SeriesKind::Group).map(|row| group(run, row)).collect(),
        measures: rows(run, |kind| matches!(kind, SeriesKind::Measure(_))).map(|row| measure(run, row)).collect(),
        iterations: iterations(run),
        users: users(run),
        checks: checks(run),
        thresholds: run.judged.iter().map(threshold).collect(),
        errors: errors(run),
        phases: phases::rows(run),
        counters: Counter::ALL.iter().map(|counter| (counter.name(), seen.counter(*counter))).collect(),
        generator: Generator {
            lateness_ms: times_ms(&seen.lateness),
            busiest_cpu: seen.health.busiest(CPU_SPAN, CPU_SPAN_LEAST).map(|busiest| rounded(busiest.share)),
            threads_cpu: seen.health.shares().map(|(_, share)| rounded(share)).collect(),
            clamped_times: seen.clamped(),
        },
    }
}

fn totals(plan: &Plan, seen: &Snapshot, seconds: f64) -> Totals {
    let totals = seen.totals();
    let timed = timed_rows(plan, &Subject::Run);
    Totals {
        iterations: totals.iterations,
        failed_iterations: totals.failed_iterations,
        abandoned_iterations: totals.abandoned_iterations,
        requests: totals.requests,
        failures: totals.failures,
        dropped: seen.counter(Counter::Dropped),
        requests_per_second: rate(totals.requests, seconds),
        bytes_sent: totals.bytes_sent,
        bytes_received: totals.bytes_received,
        checks_passed: totals.checks_passed,
        checks_failed: totals.checks_failed,
        response_time_ms: times_ms(&seen.times(timed.iter().copied())),
        service_time_ms: times_ms(&seen.service_times(timed)),
    }
}

fn series(run: &Finished<'_>, row: SeriesId, seconds: f64) -> Series {
    let planned = &run.plan.series[row.0 as usize];
    let nothing = Default::default();
    let seen = run.seen.series(row).unwrap_or(&nothing);
    let errors = ErrorKind::ALL.iter().map(|kind| (kind.name(), seen.errors(*kind))).filter(|(_, count)| *count > 0);
    Series {
        user: run.plan.users[planned.user.0 as usize].name.clone(),
        task: planned.task_name.clone(),
        name: planned.name.clone(),
        method: planned.method.clone(),
        kind: words::kind(planned.kind),
        gap: words::is_gap(run.plan, row),
        requests: seen.requests(),
        failures: seen.failures(),
        requests_per_second: rate(seen.requests(), seconds),
        errors: errors.collect(),
        statuses: seen.statuses.iter().map(|(status, count)| (status.to_string(), *count)).collect(),
        bytes_sent: seen.bytes_sent,
        bytes_received: seen.bytes_received,
        response_time_ms: times_ms(&seen.response_times()),
        service_time_ms: times_ms(&seen.service),
    }
}

fn rows(run: &Finished<'_>, wanted: impl Fn(SeriesKind) -> bool) -> impl Iterator<Item = SeriesId> {
    let rows = (0..).map(SeriesId).zip(&run.plan.series);
    rows.filter(move |(_, row)| wanted(row.kind)).map(|(id, _)| id)
}

fn group(run: &Finished<'_>, row: SeriesId) -> Group {
    let planned = &run.plan.series[row.0 as usize];
    let nothing = Default::default();
    let seen = run.seen.beside(row).unwrap_or(&nothing);
    Group {
        user: run.plan.users[planned.user.0 as usize].name.clone(),
        task: planned.task_name.clone(),
        name: planned.name.clone(),
        count: seen.count(),
        failures: seen.failures(),
        time_ms: times_ms(&seen.times()),
    }
}

fn measure(run: &Finished<'_>, row: SeriesId) -> Measure {
    let planned = &run.plan.series[row.0 as usize];
    let nothing = Default::default();
    let seen = run.seen.beside(row).unwrap_or(&nothing);
    let (unit, values) = match planned.kind {
        SeriesKind::Measure(MeasureUnit::Number) => ("", numbers(&seen.numbers)),
        _ => ("ms", times_ms(&seen.ok)),
    };
    Measure {
        user: run.plan.users[planned.user.0 as usize].name.clone(),
        task: planned.task_name.clone(),
        name: planned.name.clone(),
        unit,
        count: seen.count(),
        values,
    }
}

fn iterations(run: &Finished<'_>) -> Vec<Iterations> {
    let tasks = run.plan.tasks.iter().enumerate();
    let rows = tasks.map(|(index, task)| {
        let seen = run.seen.tasks.get(index).cloned().unwrap_or_default();
        Iterations {
            user: run.plan.users[task.user.0 as usize].name.clone(),
            task: task.name.clone(),
            ok: seen.ok,
            failed: seen.failed,
            abandoned: seen.abandoned,
            time_ms: times_ms(&seen.time),
        }
    });
    rows.collect()
}

fn users(run: &Finished<'_>) -> Vec<Users> {
    let classes = run.plan.classes().iter().enumerate();
    let rows = classes.map(|(index, user)| {
        let seen = run.seen.users.get(index).copied().unwrap_or_default();
        Users { user: user.name.clone(), started: seen.started, failed_starts: seen.failed_starts }
    });
    rows.collect()
}

fn checks(run: &Finished<'_>) -> Vec<Check> {
    let points = run.plan.points.iter().enumerate().filter(|(_, point)| point.kind == PointKind::Check);
    let rows = points.filter_map(|(index, point)| {
        let step = &run.plan.steps[point.step?.0 as usize];
        let row = &run.plan.series[step.series.0 as usize];
        let (passes, fails) = run.seen.points.get(index).map_or((0, 0), |seen| (seen.passed, seen.failed));
        Some(Check {
            name: words::check_name(&point.text).to_owned(),
            user: run.plan.users[row.user.0 as usize].name.clone(),
            task: row.task_name.clone(),
            step: row.name.clone(),
            passes,
            fails,
        })
    });
    rows.collect()
}

fn threshold(judged: &Judged) -> Threshold {
    let (factor, unit) = unit(judged.unit);
    let scaled = |value: f64| rounded(value * factor);
    Threshold {
        text: judged.text.clone(),
        value: judged.value.map(scaled),
        limit: scaled(judged.limit),
        unit,
        ok: match judged.judgement {
            Judgement::Kept => Some(true),
            Judgement::Broken => Some(false),
            Judgement::NoData => None,
        },
        abort: matches!(judged.how, How::Abort(_)),
        windows: match judged.how {
            How::Windows(windows) => Some(windows),
            _ => None,
        },
        broken_times: judged.broken_times,
        broken: judged
            .breaks
            .iter()
            .map(|one| Broken {
                step: one.row.map(|_| one.name.clone()),
                from_s: one.window.map(|(from, _)| rounded(from.as_secs_f64())),
                to_s: one.window.map(|(_, to)| rounded(to.as_secs_f64())),
                value: one.value.map(scaled),
            })
            .collect(),
    }
}

fn aborted(judged: &Judged) -> Option<Aborted> {
    let How::Abort(Some(at)) = judged.how else { return None };
    let (factor, unit) = unit(judged.unit);
    Some(Aborted {
        text: judged.text.clone(),
        value: judged.value.map(|value| rounded(value * factor)),
        unit,
        at_s: rounded(at.as_secs_f64()),
    })
}

/// By what a value is multiplied, and the unit of what comes of it.
fn unit(unit: Unit) -> (f64, &'static str) {
    match unit {
        Unit::Seconds => (1e3, "ms"),
        Unit::Share => (1e2, "%"),
        Unit::PerSecond => (1.0, "/s"),
        Unit::Count | Unit::Number => (1.0, ""),
    }
}

fn errors(run: &Finished<'_>) -> Vec<Error> {
    let places = errors::places(run.plan, run.seen).into_iter();
    let rows = places.map(|place| {
        let file = run.sources.file(place.span.file);
        let (line, column) = file.line_column(place.span.start);
        Error {
            file: file.name.clone(),
            line,
            column,
            text: place.text,
            kind: place.kind.name(),
            count: place.count,
            retried: place.retried,
            message: place.messages.into_iter().next(),
        }
    });
    rows.collect()
}

pub(super) fn times_ms(times: &Times) -> TimesMs {
    let millis = |time: Option<std::time::Duration>| time.map(|time| rounded(time.as_secs_f64() * 1e3));
    let percentile = |percent| millis(times.percentile(percent));
    TimesMs {
        min: millis(times.min()),
        mean: millis(times.mean()),
        stddev: millis(times.stddev()),
        p50: percentile(50.0),
        p75: percentile(75.0),
        p90: percentile(90.0),
        p95: percentile(95.0),
        p99: percentile(99.0),
        p99_9: percentile(99.9),
        p99_99: percentile(99.99),
        max: millis(times.max()),
    }
}

fn numbers(numbers: &Numbers) -> TimesMs {
    let percentile = |percent| numbers.percentile(percent).map(rounded);
    TimesMs {
        min: numbers.min().map(rounded),
        mean: numbers.mean().map(rounded),
        stddev: numbers.stddev().map(rounded),
        p50: percentile(50.0),
        p75: percentile(75.0),
        p90: percentile(90.0),
        p95: percentile(95.0),
        p99: percentile(99.0),
        p99_9: percentile(99.9),
        p99_99: percentile(99.99),
        max: numbers.max().map(rounded),
    }
}

fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rounded(count as f64 / seconds) } else { 0.0 }
}

/// Three decimals: a microsecond of a millisecond, and no digits that are only noise of floating point. Infinite is
/// not JSON; the largest finite number stands for it.
fn rounded(number: f64) -> f64 {
    let number = number.clamp(f64::MIN, f64::MAX);
    if number.abs() < 1e12 { (number * 1e3).round() / 1e3 } else { number }
}
