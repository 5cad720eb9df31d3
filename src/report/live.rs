//! While the run goes: the lines of the live view, and one line for where nothing can be redrawn.

use std::time::Duration;

use super::style::{Ink, Style};
use super::{phases, text, words};
use crate::metrics::{Judged, Recent, Snapshot, Totals};
use crate::plan::Plan;

/// A run while it goes.
#[derive(Clone, Copy)]
pub struct Now<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// Since the first start.
    pub elapsed: Duration,
    /// What was seen so far.
    pub total: &'a Snapshot,
    /// What was seen in the last ten seconds.
    pub recent: &'a Recent,
    /// The thresholds as they stand.
    pub judged: &'a [Judged],
    /// True once no new iterations begin.
    pub stopping: bool,
}

/// So many thresholds are shown while the run goes; broken ones first when there are more.
const THRESHOLDS_SHOWN: usize = 8;

/// Below this width the bar matters more than how to stop at once.
const HINT_WIDTH_MIN: usize = 70;

/// The live view in lines no wider than `width`: where the run stands, users and requests, times of the last ten
/// seconds, thresholds. The number of lines changes little, so that redrawing does not jump.
pub fn live(now: &Now<'_>, width: usize, style: Style) -> Vec<String> {
    let mut lines = vec![progress(now, width, style)];
    lines.extend(phases::warning(now.plan).map(|text| style.paint(Ink::Bad, &text::cut(&format!("  {text}"), width))));
    lines.push(text::cut(&format!("  {}", counts(now)), width));
    lines.push(text::cut(&format!("  {}", times(now)), width));
    lines.extend(thresholds(now.judged, width, style));
    lines
}

/// The same in one line, for a log or a pipe.
pub fn plain_line(now: &Now<'_>) -> String {
    let planned = now.plan.load.duration;
    let state = if now.stopping { ", stopping" } else { "" };
    let broken = now.judged.iter().filter(|judged| stands_badly(judged)).count();
    let mut line =
        format!("{} of {}{state} · {} · {}", text::clock(now.elapsed), text::clock(planned), counts(now), times(now),);
    if phases::warning(now.plan).is_some() {
        line += " · verify off";
    }
    if broken > 0 {
        line += &format!(" · {} so far", text::counted(broken as u64, "threshold broken", "thresholds broken"));
    }
    line
}

/// `setup` or `teardown` in one line, while it goes on: `setup … 5s · 3 requests · 1 failure`.
pub fn beside_line(word: &str, elapsed: Duration, seen: &Snapshot) -> String {
    let totals = seen.totals();
    let requests = text::counted(totals.requests, "request", "requests");
    format!("{word} … {} · {requests} · {}", text::clock(elapsed), failures(&totals))
}

/// How many users the plan wants to live by now, where arrivals may make them: at most.
fn planned_users(plan: &Plan, elapsed: Duration) -> u64 {
    plan.load.users_at(elapsed).unwrap_or(plan.load.users().into())
}

fn progress(now: &Now<'_>, width: usize, style: Style) -> String {
    let planned = now.plan.load.duration;
    let title = format!("{} · {}", now.plan.scenario, now.plan.load.profile);
    let time = match now.stopping {
        true if width >= HINT_WIDTH_MIN => format!("{} · stopping, Ctrl-C again: at once", text::clock(now.elapsed)),
        true => format!("{} · stopping", text::clock(now.elapsed)),
        false => format!("{} of {}", text::clock(now.elapsed), text::clock(planned)),
    };
    let title = text::cut(&title, width.saturating_sub(text::width(&time) + 2 * text::GAP + 10).max(8));
    let room = width.saturating_sub(text::width(&title) + text::width(&time) + 2 * text::GAP);
    let share = if planned.is_zero() { 1.0 } else { now.elapsed.as_secs_f64() / planned.as_secs_f64() };
    let full = ((share.min(1.0) * room as f64) as usize).min(room);
    let ink = if now.stopping { Ink::Warn } else { Ink::Good };
    let bar = style.paint(ink, &"━".repeat(full)) + &style.paint(Ink::Faint, &"─".repeat(room - full));
    format!("{}  {bar}  {time}", style.paint(Ink::Strong, &title))
}

fn counts(now: &Now<'_>) -> String {
    let totals = now.total.totals();
    let active = now.total.active_users();
    let users = match now.stopping {
        true => text::counted(active, "user", "users"),
        false => format!("{active} of {} users", planned_users(now.plan, now.elapsed)),
    };
    let rate = text::three_digits(now.recent.requests_per_second());
    format!("{users} · {rate} requests/s · {}", failures(&totals))
}

fn failures(totals: &Totals) -> String {
    let said = text::counted(totals.failures, "failure", "failures");
    match totals.requests {
        0 => said,
        requests if totals.failures > 0 => {
            format!("{said} ({})", text::percent(totals.failures as f64 / requests as f64))
        }
        _ => said,
    }
}

fn times(now: &Now<'_>) -> String {
    let times = now.recent.times();
    let span = text::clock(now.recent.length().max(Duration::from_secs(1)));
    match (times.percentile(50.0), times.percentile(95.0), times.percentile(99.0)) {
        (Some(p50), Some(p95), Some(p99)) => {
            format!("last {span}: p50 {} · p95 {} · p99 {}", text::time(p50), text::time(p95), text::time(p99))
        }
        _ => format!("last {span}: no answer yet"),
    }
}

/// Broken by what has been seen so far; nothing yet is not broken yet.
fn stands_badly(judged: &Judged) -> bool {
    judged.broken() && judged.value.is_some()
}

fn thresholds(judged: &[Judged], width: usize, style: Style) -> Vec<String> {
    // In the order of the file; when there are too many, those that stand well give way.
    let mut shown: Vec<usize> = (0..judged.len()).collect();
    if judged.len() > THRESHOLDS_SHOWN {
        shown.sort_by_key(|&index| !stands_badly(&judged[index]));
        shown.truncate(THRESHOLDS_SHOWN);
        shown.sort_unstable();
    }
    let hidden = judged.len() - shown.len();
    let mut lines: Vec<String> = shown
        .into_iter()
        .map(|index| {
            let one = &judged[index];
            // Before anything has happened, nothing is broken yet.
            let (sign, ink) = if one.value.is_none() { ("–", Ink::Faint) } else { words::sign(one.judgement) };
            let value = words::value(one);
            let room = width.saturating_sub(text::width(&value) + 4 + text::GAP);
            format!("  {} {}  {value}", style.paint(ink, sign), text::shorten(&one.text, room))
        })
        .collect();
    if hidden > 0 {
        lines.push(style.paint(Ink::Faint, &format!("  … and {hidden} more")));
    }
    lines
}
