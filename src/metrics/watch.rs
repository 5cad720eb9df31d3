//! Judging while the run goes: each second is taken in as it is seen, windows are judged when they are complete, and
//! an `abort if` says when the run is to end.

use std::collections::VecDeque;
use std::time::Duration;

use super::snapshot::Snapshot;
use super::tally::{Pool, Tally, unit};
use super::thresholds::{BREAKS_MAX, Break, How, Judged, Judgement, Unit, holds, row_name};
use crate::plan::{Comparison, Plan, SeriesId, Subject, Threshold, When};

/// Watches over the thresholds of a run.
///
/// Shape: for each threshold with a window one tally of it, for each `abort if … for D` one tally a second of D; both
/// lengths are bounded by `check`. The seconds themselves are not kept.
pub struct Watch<'a> {
    plan: &'a Plan,
    watched: Vec<Watched>,
    /// Full seconds seen since then.
    seconds: u64,
    aborted: Option<Aborted>,
}

/// Why a run was ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Aborted {
    /// Which threshold, by its place in the plan.
    pub threshold: usize,
    /// As written: `abort if error_rate > 50% for 10s`.
    pub text: String,
    /// What was measured then.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// The row, where it is one of `every step`; else empty.
    pub name: String,
    /// When, since the first start.
    pub at: Duration,
}

/// One threshold while the run goes.
struct Watched {
    /// What it speaks of: one, or the rows of `every step`.
    parts: Vec<Part>,
    /// Windows judged so far.
    judged: u64,
    breaks: Vec<Break>,
    broken_times: u64,
    worst: Option<f64>,
    fired: Option<Duration>,
}

/// A threshold's subject, or one row of `every step`.
struct Part {
    row: Option<SeriesId>,
    subject: Subject,
    pool: Pool,
    /// The window so far.
    window: Option<Tally>,
    /// The last seconds, of `abort if … for D`.
    last: VecDeque<Tally>,
}

impl<'a> Watch<'a> {
    /// Nothing seen yet of a run of `plan`.
    pub fn new(plan: &'a Plan) -> Watch<'a> {
        let part = |threshold: &Threshold, subject: Subject, row| {
            let pool = Pool::of(plan, threshold.metric, &subject);
            Part { row, subject, pool, window: None, last: VecDeque::new() }
        };
        let watched = plan.thresholds.iter().map(|threshold| {
            let parts = match &threshold.subject {
                Subject::Each(rows) => {
                    rows.iter().map(|row| part(threshold, Subject::Series(vec![*row]), Some(*row))).collect()
                }
                subject => vec![part(threshold, subject.clone(), None)],
            };
            Watched { parts, judged: 0, breaks: Vec::new(), broken_times: 0, worst: None, fired: None }
        });
        Watch { plan, watched: watched.collect(), seconds: 0, aborted: None }
    }

    /// Why the run was ended, if a threshold did so.
    pub fn aborted(&self) -> Option<&Aborted> {
        self.aborted.as_ref()
    }

    /// Takes in what was seen in one more second, up to `elapsed` since the end of the warm-up, `total` included;
    /// `stopping` once no new iterations begin. True when that makes the run end: once at most.
    ///
    /// The last hand-over of a run is no full second, and a run that stops does less than was asked for: neither
    /// completes a window nor aborts.
    pub fn see(&mut self, second: &Snapshot, total: &Snapshot, elapsed: Duration, stopping: bool) -> bool {
        let full = elapsed >= Duration::from_secs(self.seconds + 1);
        // The second that ends with the plan's duration is the last whole one.
        let whole = full && (!stopping || elapsed.as_secs() == self.plan.load.measured().as_secs());
        if !whole || self.aborted.is_some() {
            return false;
        }
        self.seconds += 1;
        for (index, (threshold, watched)) in self.plan.thresholds.iter().zip(&mut self.watched).enumerate() {
            match threshold.when {
                When::AtEnd => {}
                When::Windows(length) => {
                    watched.window(self.plan, threshold, length, second, self.seconds);
                }
                When::Abort(_) if stopping => {}
                When::Abort(lasting) => {
                    let seen = watched.abort(self.plan, threshold, lasting, (second, total), self.seconds);
                    if let Some((value, row)) = seen
                        && self.aborted.is_none()
                    {
                        let at = elapsed + self.plan.load.warm_up;
                        watched.fired = Some(at);
                        watched.breaks.extend(row.map(|row| Break {
                            row: Some(row),
                            name: row_name(self.plan, row),
                            window: None,
                            value: Some(value),
                        }));
                        self.aborted = Some(Aborted {
                            threshold: index,
                            text: threshold.text.clone(),
                            value,
                            unit: unit(self.plan, threshold.metric, &threshold.subject),
                            name: row.map(|row| row_name(self.plan, row)).unwrap_or_default(),
                            at,
                        });
                    }
                }
            }
        }
        self.aborted.is_some()
    }

    /// All thresholds, in their order, as they stand by what `total` holds of a run that took `length`.
    pub fn judge(&self, total: &Snapshot, length: Duration) -> Vec<Judged> {
        let mut pools = Pools { plan: self.plan, seen: total, pools: Vec::new() };
        let pairs = self.plan.thresholds.iter().zip(&self.watched);
        pairs.map(|(threshold, watched)| watched.judge(threshold, &mut pools, length)).collect()
    }
}

impl Watched {
    /// Takes a second into the present window, and judges that when it is complete.
    fn window(&mut self, plan: &Plan, threshold: &Threshold, length: Duration, second: &Snapshot, seconds: u64) {
        let complete = seconds.is_multiple_of(length.as_secs().max(1));
        for part in &mut self.parts {
            let tally = Tally::of(plan, &part.subject, part.pool, second);
            let window = match &mut part.window {
                Some(window) => {
                    window.merge(&tally);
                    window
                }
                None => part.window.insert(tally),
            };
            if !complete {
                continue;
            }
            // No request a second is a rate of its own: nothing else tells that the target stands still.
            let nothing = (part.pool == Pool::Count).then_some(0.0);
            let value = window.value(threshold.metric, length).or(nothing);
            part.window = None;
            // An empty window holds.
            let Some(value) = value else { continue };
            self.worst = worse(threshold, self.worst, value);
            if !holds(value, threshold.comparison, threshold.limit) {
                self.broken_times += 1;
                if self.breaks.len() < BREAKS_MAX {
                    let end = plan.load.warm_up + Duration::from_secs(seconds);
                    self.breaks.push(Break {
                        row: part.row,
                        name: part.row.map(|row| row_name(plan, row)).unwrap_or_default(),
                        window: Some((end - length, end)),
                        value: Some(value),
                    });
                }
            }
        }
        self.judged += u64::from(complete);
    }

    /// Takes a second in and says what is seen where the condition of an `abort if` holds now.
    fn abort(
        &mut self,
        plan: &Plan,
        threshold: &Threshold,
        lasting: Option<Duration>,
        (second, total): (&Snapshot, &Snapshot),
        seconds: u64,
    ) -> Option<(f64, Option<SeriesId>)> {
        let mut fires = None;
        for part in &mut self.parts {
            let value = match lasting {
                None => Tally::of(plan, &part.subject, part.pool, total)
                    .value(threshold.metric, Duration::from_secs(seconds)),
                Some(length) => {
                    part.last.push_back(Tally::of(plan, &part.subject, part.pool, second));
                    if (part.last.len() as u64) < length.as_secs() {
                        continue;
                    }
                    let mut last = part.last.iter();
                    let mut pooled = last.next().expect("one was just pushed").clone();
                    last.for_each(|tally| pooled.merge(tally));
                    part.last.pop_front();
                    let nothing = (part.pool == Pool::Count).then_some(0.0);
                    pooled.value(threshold.metric, length).or(nothing)
                }
            };
            // Nothing has happened that the condition could speak of.
            let Some(value) = value else { continue };
            let holds = holds(value, threshold.comparison, threshold.limit);
            self.worst = nearer(threshold, self.worst, value);
            if holds && fires.is_none() {
                fires = Some((value, part.row));
                self.worst = Some(value);
            }
        }
        fires
    }

    fn judge(&self, threshold: &Threshold, pools: &mut Pools<'_>, length: Duration) -> Judged {
        let plan = pools.plan;
        let mut judged = Judged {
            text: threshold.text.clone(),
            span: threshold.span,
            value: self.worst,
            limit: threshold.limit,
            comparison: threshold.comparison,
            unit: unit(plan, threshold.metric, &threshold.subject),
            judgement: Judgement::Kept,
            how: How::Once,
            breaks: self.breaks.clone(),
            broken_times: self.broken_times,
        };
        match threshold.when {
            When::Abort(_) => {
                judged.how = How::Abort(self.fired);
                judged.judgement = if self.fired.is_some() { Judgement::Broken } else { Judgement::Kept };
            }
            When::Windows(_) => {
                judged.how = How::Windows(self.judged);
                judged.judgement = match self.worst {
                    _ if self.broken_times > 0 => Judgement::Broken,
                    Some(_) => Judgement::Kept,
                    None if self.judged == 0 => Judgement::NoData,
                    None => nothing(judged.unit),
                };
            }
            When::AtEnd => self.judge_once(threshold, pools, length, &mut judged),
        }
        judged
    }

    fn judge_once(&self, threshold: &Threshold, pools: &mut Pools<'_>, length: Duration, judged: &mut Judged) {
        let plan = pools.plan;
        for part in &self.parts {
            let value = pools.tally(&part.subject, part.pool).value(threshold.metric, length);
            // A step of `every step` that was never reached is not judged.
            let Some(value) = value else { continue };
            let never_reached = part.row.is_some() && threshold.metric == crate::plan::Metric::Count && value == 0.0;
            if never_reached {
                continue;
            }
            judged.value = worse(threshold, judged.value, value);
            if holds(value, threshold.comparison, threshold.limit) {
                continue;
            }
            judged.judgement = Judgement::Broken;
            if let Some(row) = part.row {
                judged.broken_times += 1;
                let name = row_name(plan, row);
                judged.breaks.push(Break { row: Some(row), name, window: None, value: Some(value) });
            }
        }
        judged.breaks.truncate(BREAKS_MAX);
        if judged.value.is_none() {
            judged.judgement = nothing(judged.unit);
        }
    }
}

/// What becomes of a threshold when nothing happened that it speaks of: that is no success.
fn nothing(unit: Unit) -> Judgement {
    match unit {
        Unit::Seconds | Unit::Number => Judgement::NoData,
        Unit::Share | Unit::PerSecond | Unit::Count => Judgement::Broken,
    }
}

/// The one of two values that is farther from what a promise wants.
fn worse(threshold: &Threshold, have: Option<f64>, value: f64) -> Option<f64> {
    let Some(have) = have else { return Some(value) };
    Some(match threshold.comparison {
        Comparison::Less | Comparison::LessEqual => have.max(value),
        Comparison::Greater | Comparison::GreaterEqual => have.min(value),
        Comparison::Equal | Comparison::NotEqual => match holds(have, threshold.comparison, threshold.limit) {
            true => value,
            false => have,
        },
    })
}

/// The one of two values that comes nearer to what an `abort if` waits for.
fn nearer(threshold: &Threshold, have: Option<f64>, value: f64) -> Option<f64> {
    let Some(have) = have else { return Some(value) };
    Some(match threshold.comparison {
        Comparison::Less | Comparison::LessEqual => have.min(value),
        Comparison::Greater | Comparison::GreaterEqual => have.max(value),
        Comparison::Equal | Comparison::NotEqual => value,
    })
}

/// Tallies of the whole run, taken once for all thresholds that speak of the same.
struct Pools<'a> {
    plan: &'a Plan,
    seen: &'a Snapshot,
    pools: Vec<((Subject, Pool), Tally)>,
}

impl Pools<'_> {
    fn tally(&mut self, subject: &Subject, pool: Pool) -> &Tally {
        let known = self.pools.iter().position(|((known, its), _)| known == subject && *its == pool);
        let at = known.unwrap_or_else(|| {
            let tally = Tally::of(self.plan, subject, pool, self.seen);
            self.pools.push(((subject.clone(), pool), tally));
            self.pools.len() - 1
        });
        &self.pools[at].1
    }
}
