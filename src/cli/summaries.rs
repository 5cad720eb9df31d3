//! The summary of a run, at its end and so far, and what is known of a run beside its numbers.

use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::base::{SourceFile, Sources};
use crate::metrics::Verdict;
use crate::plan::Plan;
use crate::report;
use crate::run::Tick;

/// The summary of a run that still goes, as far as it has come.
pub fn so_far(tick: &Tick<'_>, plan: &Plan, sources: &Sources, meta: &report::Meta) -> String {
    let seen = tick.counted;
    let judged = tick.watch.judge(seen, meta.measured);
    let verdict = Verdict::of(plan, seen, &judged);
    let (judged, warm_up, verdict) = (&judged[..], tick.warm_up, &verdict);
    summary_text(&report::Finished { plan, sources, seen, warm_up, judged, verdict, meta })
}

/// The summary as it is written.
pub fn summary_text(told: &report::Finished<'_>) -> String {
    serde_json::to_string_pretty(&report::summary(told)).expect("a summary is a tree of plain values") + "\n"
}

/// What reports say of a run beside its numbers, so long after it started.
pub fn at(known: &report::Meta, plan: &Plan, started: SystemTime, length: Duration) -> report::Meta {
    let started = jiff::Timestamp::try_from(started).unwrap_or_default();
    report::Meta {
        started: format!("{started:.3}"),
        length,
        measured: length.saturating_sub(plan.load.warm_up),
        ..known.clone()
    }
}

/// What of that is known before it starts.
pub fn known(run_id: &str, sources: &Sources, demo: bool) -> report::Meta {
    let hashed = |file: &SourceFile| {
        let mark = if file.byte_order_mark { "\u{feff}" } else { "" };
        let hash = Sha256::new().chain_update(mark).chain_update(&file.text).finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let mut notes = Vec::new();
    if demo {
        notes.push("the load went to the embedded demo service".to_owned());
    }
    report::Meta {
        run_id: run_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: sources.iter().map(|(_, file)| (file.name.clone(), hashed(file))).collect(),
        notes,
        ..report::Meta::default()
    }
}
