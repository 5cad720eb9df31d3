//! Whether the run itself is to be trusted: was the generator able to do what the plan wanted?

use std::fmt;
use std::time::Duration;

use super::sample::{Counter, ErrorKind};
use super::snapshot::Snapshot;
use super::thresholds::{Judged, Judgement};
use crate::plan::{Delay, Expr, Plan, UserId, Value};

/// Lateness p99 above this: times hold some of our own.
pub const LATENESS_DEGRADED: Duration = Duration::from_millis(10);
/// Lateness p99 above this: times are ours more than the target's.
pub const LATENESS_INVALID: Duration = Duration::from_millis(100);
/// A load thread's core is nearly used up.
pub const CPU_DEGRADED: f64 = 0.90;
/// A load thread's core is used up: it was the bottleneck.
pub const CPU_INVALID: f64 = 0.98;
/// So long must a core be busy before it counts: a shorter burst is caught up with.
pub const CPU_SPAN: Duration = Duration::from_secs(5);
/// A run shorter than [`CPU_SPAN`] is judged as a whole, but not below this: starting up is all it does.
pub const CPU_SPAN_LEAST: Duration = Duration::from_secs(1);
/// Samples lost above this share make the numbers incomplete; below they are noted.
pub const LOST_INVALID: f64 = 0.01;

/// Started less than this part of the arrivals that were due: the load was lighter than planned.
pub const ARRIVALS_DEGRADED: f64 = 0.99;
/// Started less than this part of the arrivals that were due: it was another load.
pub const ARRIVALS_INVALID: f64 = 0.95;

/// Whether the run itself is valid, and why not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What crossed a limit; empty when `VALID`. The worst first.
    pub reasons: Vec<Reason>,
}

/// How far a run is to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validity {
    /// The numbers say what they seem to say.
    #[default]
    Valid,
    /// They do, with the reservations named.
    Degraded,
    /// They do not: the generator got in the way.
    Invalid,
}

/// A limit that was crossed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Which.
    pub limit: Limit,
    /// What it makes of the run: `Degraded` or `Invalid`.
    pub validity: Validity,
    /// What is so, with the number and its limit, in a sentence without a full stop.
    pub text: String,
}

/// What a run is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// How late we were ourselves.
    Lateness,
    /// What a load thread used of its core.
    Cpu,
    /// Arrivals that the generator was too late for.
    Arrivals,
    /// Samples that were taken and are not in the percentiles.
    SamplesLost,
    /// Descriptors, ports or memory of this machine.
    Exhausted,
    /// No iteration came to an end.
    NothingFinished,
    /// A threshold on times that nothing happened for.
    NoData,
}

impl Limit {
    /// Every limit, in the order of this list.
    pub const ALL: &'static [Limit] = &[
        Limit::Lateness,
        Limit::Cpu,
        Limit::Arrivals,
        Limit::SamplesLost,
        Limit::Exhausted,
        Limit::NothingFinished,
        Limit::NoData,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Lateness => "lateness",
            Limit::Cpu => "cpu",
            Limit::Arrivals => "arrivals",
            Limit::SamplesLost => "samples_lost",
            Limit::Exhausted => "exhausted",
            Limit::NothingFinished => "nothing_finished",
            Limit::NoData => "no_data",
        }
    }
}

impl Validity {
    /// As reports say it: `VALID`.
    pub fn name(self) -> &'static str {
        match self {
            Validity::Valid => "VALID",
            Validity::Degraded => "DEGRADED",
            Validity::Invalid => "INVALID",
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Verdict {
    /// The verdict on a run of `plan` that saw `seen` and whose thresholds came out as `judged`.
    pub fn of(plan: &Plan, seen: &Snapshot, judged: &[Judged]) -> Verdict {
        let limits = [
            nothing_finished(seen),
            exhausted(seen),
            lateness(seen),
            cpu(plan, seen),
            arrivals(seen),
            samples_lost(seen),
            no_data(judged),
        ];
        let mut reasons: Vec<Reason> = limits.into_iter().flatten().collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.validity));
        Verdict { reasons }
    }

    /// The worst that a reason makes of the run.
    pub fn validity(&self) -> Validity {
        self.reasons.iter().map(|reason| reason.validity).max().unwrap_or_default()
    }
}

fn lateness(seen: &Snapshot) -> Option<Reason> {
    let p99 = seen.lateness.percentile(99.0)?;
    let (validity, limit) = match p99 {
        p99 if p99 > LATENESS_INVALID => (Validity::Invalid, LATENESS_INVALID),
        p99 if p99 > LATENESS_DEGRADED => (Validity::Degraded, LATENESS_DEGRADED),
        _ => return None,
    };
    let text = format!("steps began late: p99 {} after they were due, limit {}", millis(p99), millis(limit),);
    Some(Reason { limit: Limit::Lateness, validity, text })
}

fn cpu(plan: &Plan, seen: &Snapshot) -> Option<Reason> {
    let busiest = seen.health.busiest(CPU_SPAN, CPU_SPAN_LEAST)?;
    let asked_for = saturates_on_purpose(plan);
    let (validity, limit) = match busiest.share {
        share if share > CPU_INVALID && !asked_for => (Validity::Invalid, CPU_INVALID),
        share if share > CPU_DEGRADED => (Validity::Degraded, CPU_DEGRADED),
        _ => return None,
    };
    let mut text = format!(
        "load thread {} used {:.1} % of its core over {:.0} s, limit {:.0} %",
        busiest.thread,
        busiest.share * 100.0,
        busiest.length.as_secs_f64(),
        limit * 100.0,
    );
    if asked_for {
        text += "; users that do not think ask for as much as there is";
    }
    Some(Reason { limit: Limit::Cpu, validity, text })
}

/// Users of a closed load without think time send as fast as they can: that the generator is busy then says nothing
/// against the run. Where arrivals call the tune, nobody asks for as much as there is.
fn saturates_on_purpose(plan: &Plan) -> bool {
    let restless = |think: &Delay| match think {
        Delay::None => true,
        Delay::Fixed(Expr::Literal(Value::Duration(pause))) => pause.is_zero(),
        _ => false,
    };
    (0..).map(UserId).zip(plan.classes()).any(|(class, user)| {
        let closed = user.share > 0.0 && plan.load.rate_of(class).is_none();
        closed && user.pace.is_none() && restless(&user.think)
    })
}

/// Arrivals that were dropped at `max_users` count as started: they are the target's.
fn arrivals(seen: &Snapshot) -> Option<Reason> {
    let (started, missed) = (seen.counter(Counter::Arrivals), seen.counter(Counter::ArrivalsMissed));
    let planned = started + missed;
    let share = started as f64 / planned.max(1) as f64;
    let (validity, limit) = match share {
        _ if planned == 0 => return None,
        share if share < ARRIVALS_INVALID => (Validity::Invalid, ARRIVALS_INVALID),
        share if share < ARRIVALS_DEGRADED => (Validity::Degraded, ARRIVALS_DEGRADED),
        _ => return None,
    };
    let text = format!(
        "{started} of {planned} planned arrivals were started, {:.1} %, limit {:.0} %",
        share * 100.0,
        limit * 100.0
    );
    Some(Reason { limit: Limit::Arrivals, validity, text })
}

fn samples_lost(seen: &Snapshot) -> Option<Reason> {
    let lost = seen.counter(Counter::SamplesLost);
    if lost == 0 {
        return None;
    }
    let share = lost as f64 / (lost + seen.totals().requests) as f64;
    let (validity, limit) = match share {
        share if share > LOST_INVALID => (Validity::Invalid, LOST_INVALID),
        _ => (Validity::Degraded, 0.0),
    };
    let text = format!("{lost} samples were lost, {:.2} % of all, limit {:.0} %", share * 100.0, limit * 100.0);
    Some(Reason { limit: Limit::SamplesLost, validity, text })
}

fn exhausted(seen: &Snapshot) -> Option<Reason> {
    let count = seen.failures_of(ErrorKind::Local);
    let text = || format!("{count} × this machine ran out of descriptors, ports or memory, limit 0");
    (count > 0).then(|| Reason { limit: Limit::Exhausted, validity: Validity::Invalid, text: text() })
}

fn nothing_finished(seen: &Snapshot) -> Option<Reason> {
    let totals = seen.totals();
    if totals.iterations > 0 {
        return None;
    }
    let text = match totals.abandoned_iterations {
        0 => "0 iterations finished, at least 1 is needed".into(),
        abandoned => format!("0 iterations finished ({abandoned} were cut off by the end), at least 1 is needed"),
    };
    Some(Reason { limit: Limit::NothingFinished, validity: Validity::Invalid, text })
}

fn no_data(judged: &[Judged]) -> Option<Reason> {
    let empty: Vec<&str> =
        judged.iter().filter(|one| one.judgement == Judgement::NoData).map(|one| one.text.as_str()).collect();
    let text = |first: &str| match empty.len() {
        1 => format!("1 threshold has no data: `{first}`"),
        count => format!("{count} thresholds have no data, first: `{first}`"),
    };
    let first = empty.first()?;
    Some(Reason { limit: Limit::NoData, validity: Validity::Degraded, text: text(first) })
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
