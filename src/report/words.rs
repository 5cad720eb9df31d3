//! Words that several reports share: what a threshold's value is called, which rows are gaps, how a row is named.

use std::time::Duration;

use super::style::Ink;
use super::text;
use crate::metrics::thresholds::{How, Unit};
use crate::metrics::{Aborted, Judged, Judgement};
use crate::plan::{Op, Plan, SeriesId, SeriesKind, StepId};

/// The sign of a threshold: ✓ held, ✗ broken, – no data.
pub fn sign(judgement: Judgement) -> (&'static str, Ink) {
    match judgement {
        Judgement::Kept => ("✓", Ink::Good),
        Judgement::Broken => ("✗", Ink::Bad),
        Judgement::NoData => ("–", Ink::Warn),
    }
}

/// A threshold's value as people read it; `no data` when there is none. With all its digits where three would make it
/// look like the limit that it misses.
pub fn value(judged: &Judged) -> String {
    let Some(value) = judged.value else {
        // An `abort if` that nothing was seen for has ended nothing; that is no lack.
        return if matches!(judged.how, How::Abort(_)) { "never judged".into() } else { "no data".into() };
    };
    let short = amount(value, judged.unit);
    if judged.judgement == Judgement::Broken && value != judged.limit && short == amount(judged.limit, judged.unit) {
        return match judged.unit {
            Unit::Seconds => format!("{}ms", plain(value * 1e3)),
            Unit::Share => format!("{}%", plain(value * 1e2)),
            Unit::PerSecond => format!("{}/s", plain(value)),
            Unit::Count | Unit::Number => plain(value),
        };
    }
    short
}

fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds if (0.0..1e9).contains(&value) => text::time(Duration::from_secs_f64(value)),
        Unit::Seconds => format!("{value}s"),
        Unit::Share => text::percent(value),
        Unit::PerSecond => format!("{}/s", text::three_digits(value)),
        Unit::Count => format!("{value}"),
        Unit::Number => number(value),
    }
}

/// What else there is to say of a threshold: for which steps and windows it did not hold, and that it ended the run.
pub fn details(judged: &Judged) -> Vec<String> {
    let mut details = Vec::new();
    match judged.how {
        How::Abort(Some(at)) => {
            let place = judged.breaks.first().map(|one| format!(" because of `{}`", one.name)).unwrap_or_default();
            details.push(format!("ended the run at {}{place}", text::clock(at)));
        }
        How::Windows(0) => details.push("no window was complete".to_owned()),
        How::Windows(windows) if judged.broken() && judged.broken_times > 0 && judged.breaks[0].row.is_none() => {
            details.push(format!(
                "broken in {} of {}",
                judged.broken_times,
                text::counted(windows, "window", "windows")
            ));
        }
        _ => {}
    }
    if matches!(judged.how, How::Abort(_)) || judged.breaks.is_empty() {
        return details;
    }
    let said = judged.breaks.iter().take(BREAKS_SHOWN).map(|one| {
        let value = one.value.map(|value| amount(value, judged.unit)).unwrap_or_default();
        let name = if one.name.is_empty() { String::new() } else { format!("{} ", one.name) };
        let window =
            one.window.map(|(from, to)| format!("{}–{} ", text::clock(from), text::clock(to))).unwrap_or_default();
        format!("{name}{window}{value}")
    });
    let mut said = said.collect::<Vec<_>>().join(" · ");
    let more = judged.broken_times - judged.breaks.len().min(BREAKS_SHOWN) as u64;
    if more > 0 {
        said += &format!(" · and {more} more");
    }
    details.push(said);
    details
}

/// So many steps or windows that broke a threshold are named in the terminal; the summary names more.
const BREAKS_SHOWN: usize = 6;

/// Why a threshold ended the run: `abort if error_rate > 50% for 10s` holds: 62% at 12s.
pub fn abort_reason(aborted: &Aborted) -> String {
    let step = if aborted.name.is_empty() { String::new() } else { format!(" for `{}`", aborted.name) };
    let (value, at) = (amount(aborted.value, aborted.unit), text::clock(aborted.at));
    format!("`{}` holds{step}: {value} at {at}", aborted.text)
}

/// When a threshold ended the run, if one did.
pub fn aborted(judged: &[Judged]) -> Option<Duration> {
    judged.iter().find_map(|one| match one.how {
        How::Abort(at) => at,
        _ => None,
    })
}

/// A measured number: three digits, or all of its whole ones, without noughts behind.
pub fn number(value: f64) -> String {
    let text = text::three_digits(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Up to six decimals.
fn plain(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What the times of a row mean, as files say it.
pub fn kind(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Http => "http",
        SeriesKind::Connect => "connect",
        SeriesKind::Send => "send",
        SeriesKind::Receive => "receive",
        SeriesKind::Call => "call",
        SeriesKind::Close => "close",
        SeriesKind::Retry => "retry",
        SeriesKind::Group => "group",
        SeriesKind::Measure(_) => "measure",
    }
}

/// Whether the times of a row are gaps between messages, or waits for one, and no latencies: a `receive` of which any
/// place lacks `since`.
pub fn is_gap(plan: &Plan, row: SeriesId) -> bool {
    if plan.series[row.0 as usize].kind != SeriesKind::Receive {
        return false;
    }
    let mut receives = plan
        .ops
        .iter()
        .filter_map(|op| {
            let is_its = |step: StepId| plan.steps[step.0 as usize].series == row;
            match op {
                Op::Receive(receive) if is_its(receive.step) => Some(receive.since),
                Op::ReceiveAll(all) if all.expected.iter().any(|expected| is_its(expected.step)) => Some(all.since),
                Op::ReceiveClose(close) if is_its(close.step) => Some(close.since),
                _ => None,
            }
        })
        .peekable();
    receives.peek().is_none() || receives.any(|since| since.is_none())
}

/// A row's name without its method, which stands in a column of its own.
pub fn short_name(plan: &Plan, row: SeriesId) -> &str {
    let series = &plan.series[row.0 as usize];
    let bare = series.name.strip_prefix(series.method.as_str()).and_then(|rest| rest.strip_prefix(' '));
    bare.unwrap_or(&series.name)
}

/// What a `check` asks, without the word itself.
pub fn check_name(text: &str) -> &str {
    text.strip_prefix("check ").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FileId, Span};
    use crate::plan::Comparison;

    #[test]
    fn a_value_that_just_misses_its_limit_does_not_look_like_it() {
        let judged = |value, limit, unit, judgement| Judged {
            text: String::new(),
            span: Span::new(FileId(0), 0, 0),
            value: Some(value),
            limit,
            comparison: Comparison::Less,
            unit,
            judgement,
            how: How::Once,
            breaks: Vec::new(),
            broken_times: 0,
        };
        assert_eq!(value(&judged(0.3004, 0.3, Unit::Seconds, Judgement::Broken)), "300.4ms");
        assert_eq!(value(&judged(0.2996, 0.3, Unit::Seconds, Judgement::Kept)), "300ms");
        assert_eq!(value(&judged(0.01004, 0.01, Unit::Share, Judgement::Broken)), "1.004%");
        assert_eq!(value(&judged(0.312, 0.3, Unit::Seconds, Judgement::Broken)), "312ms");
    }
}
