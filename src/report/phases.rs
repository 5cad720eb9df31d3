//! Where the time of requests went, by target; and whose certificates nobody looked at.

use serde::Serialize;

use super::summary::{TimesMs, times_ms};
use super::{Finished, text};
use crate::metrics::Phase;
use crate::plan::{Plan, TargetId};

/// One phase of the requests to one target, in the summary.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PhaseRow {
    pub target: String,
    pub phase: &'static str,
    /// How many requests had it.
    pub count: u64,
    pub time_ms: TimesMs,
}

/// The phases that were measured, by target and in the order of time.
pub(super) fn rows(run: &Finished<'_>) -> Vec<PhaseRow> {
    let of_target = |(index, seen): (usize, &crate::metrics::PhasesSeen)| {
        let target = run.plan.target_name(TargetId(index as u32)).to_owned();
        let row = |phase: &Phase| {
            let times = seen.of(*phase);
            let (target, phase) = (target.clone(), phase.name());
            (!times.is_empty()).then(|| PhaseRow { target, phase, count: times.count(), time_ms: times_ms(times) })
        };
        Phase::ALL.iter().filter_map(row).collect::<Vec<_>>()
    };
    run.seen.phases.iter().enumerate().flat_map(of_target).collect()
}

/// The same for the terminal, a piece each: how long each took on average, and how often where that is not each time.
pub(super) fn told(run: &Finished<'_>) -> Vec<String> {
    let targets = run.seen.phases.iter().filter(|seen| Phase::ALL.iter().any(|phase| !seen.of(*phase).is_empty()));
    let several = targets.count() > 1;
    let mut told = Vec::new();
    for (index, seen) in run.seen.phases.iter().enumerate() {
        let mut name = several.then(|| format!("{}: ", run.plan.target_name(TargetId(index as u32))));
        for phase in Phase::ALL {
            let times = seen.of(phase);
            let Some(mean) = times.mean() else { continue };
            let often = match phase {
                Phase::Send | Phase::Wait | Phase::Receive => String::new(),
                _ => format!("{} × ", times.count()),
            };
            told.push(format!("{}{} {often}{}", name.take().unwrap_or_default(), phase.name(), text::time(mean)));
        }
    }
    told
}

/// The targets whose certificates nobody looks at: `verify off`.
pub(super) fn unverified(plan: &Plan) -> Vec<String> {
    let targets = plan.targets.iter().enumerate().filter(|(_, target)| !target.tls.verify);
    targets.map(|(index, _)| plan.target_name(TargetId(index as u32)).to_owned()).collect()
}

/// The same as a warning.
pub(super) fn warning(plan: &Plan) -> Option<String> {
    let targets = unverified(plan);
    let said = match targets.as_slice() {
        [] => return None,
        [_] if plan.targets.len() == 1 => "the target".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    Some(format!("verify off: nobody looks at the certificate of {said}, so anyone may have answered"))
}
