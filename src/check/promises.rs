//! Promises that say nothing: what always holds, what never can, what stands twice, and what contradicts another.

use super::checker::Checker;
use super::meaning::{Comparison, IterationTime, MeasureUnit, Metric, SeriesKind, Subject, Threshold, When};
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// Times are kept from 1 µs to 1 h.
const TIMES: (f64, f64) = (1e-6, 3_600.0);

impl Checker<'_> {
    /// Complains about a threshold that says nothing, alone or beside those before it.
    pub fn promise_says_something(&mut self, written: &ast::Threshold, threshold: &Threshold) {
        let aborts = matches!(threshold.when, When::Abort(_));
        let diagnostic = match self.outcome(threshold) {
            Some(always) => Some(constant_promise(written.span, always, aborts)),
            None if is_exact(threshold) && !self.measures_numbers(&threshold.subject) => {
                Some(exact(&written.operator, threshold))
            }
            None if aborts && ends_when_well(threshold) => Some(ends_a_good_run(&written.operator, threshold)),
            None => self.beside_others(threshold),
        };
        if let Some(diagnostic) = diagnostic {
            self.report(diagnostic);
        }
    }

    /// Whether it always holds, or never; `None`: that depends.
    fn outcome(&self, threshold: &Threshold) -> Option<bool> {
        let (least, most) = match threshold.metric {
            Metric::ErrorRate | Metric::Checks => (0.0, 1.0),
            Metric::Rate | Metric::Count | Metric::Dropped => (0.0, f64::INFINITY),
            Metric::IterationTime(_) => TIMES,
            Metric::Percentile(_) | Metric::Min | Metric::Mean | Metric::Max => match &threshold.subject {
                Subject::Series(rows) if rows.iter().any(|row| self.scenario.series[row.0 as usize].kind == NUMBER) => {
                    return None;
                }
                _ => TIMES,
            },
        };
        let limit = threshold.limit;
        let (always, never) = match threshold.comparison {
            Comparison::Less => (limit > most, limit <= least),
            Comparison::LessEqual => (limit >= most, limit < least),
            Comparison::Greater => (limit < least, limit >= most),
            Comparison::GreaterEqual => (limit <= least, limit > most),
            Comparison::Equal => (false, limit < least || limit > most),
            Comparison::NotEqual => (limit < least || limit > most, false),
        };
        if always { Some(true) } else { never.then_some(false) }
    }

    /// What another threshold before it has to say about this one.
    fn beside_others(&self, threshold: &Threshold) -> Option<Diagnostic> {
        let others = self.scenario.thresholds.iter().filter(|other| other.subject == threshold.subject);
        let mut others = others.filter(|other| other.when == threshold.when);
        others.find_map(|other| {
            let same = other.metric == threshold.metric
                && other.comparison == threshold.comparison
                && other.limit == threshold.limit;
            match same {
                true => Some(said_twice(threshold.span, other.span)),
                false if matches!(threshold.when, When::Abort(_)) => None,
                false => contradict(other, threshold).then(|| contradiction(threshold.span, other.span)),
            }
        })
    }
}

const NUMBER: SeriesKind = SeriesKind::Measure(MeasureUnit::Number);

/// Whether it asks for one exact value of what is never twice the same. None failed, all held and so many are exact.
fn is_exact(threshold: &Threshold) -> bool {
    let at_an_end = threshold.limit == 0.0 || threshold.limit == 1.0;
    matches!(threshold.comparison, Comparison::Equal | Comparison::NotEqual)
        && match threshold.metric {
            Metric::Count | Metric::Dropped => false,
            Metric::ErrorRate | Metric::Checks => !at_an_end,
            _ => true,
        }
}

/// Whether more of the metric is better.
fn wants_much(metric: Metric) -> bool {
    matches!(metric, Metric::Checks | Metric::Rate | Metric::Count)
}

/// Whether an `abort if` ends the run because all is well: few errors, short times, good checks.
fn ends_when_well(threshold: &Threshold) -> bool {
    match (threshold.metric, threshold.comparison) {
        // Measured numbers, rates and counts may be meant either way.
        (Metric::Rate | Metric::Count, _) => false,
        (Metric::Checks, comparison) => matches!(comparison, Comparison::Greater | Comparison::GreaterEqual),
        (Metric::ErrorRate | Metric::Dropped, comparison) => {
            matches!(comparison, Comparison::Less | Comparison::LessEqual)
        }
        (_, comparison) => {
            !matches!(threshold.subject, Subject::Series(_))
                && matches!(comparison, Comparison::Less | Comparison::LessEqual)
        }
    }
}

/// Whether no value can keep both.
fn contradict(a: &Threshold, b: &Threshold) -> bool {
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual};
    let below = |one: &Threshold| match one.comparison {
        Less => Some((one.limit, true)),
        LessEqual | Equal => Some((one.limit, false)),
        _ => None,
    };
    let above = |one: &Threshold| match one.comparison {
        Greater => Some((one.limit, true)),
        GreaterEqual | Equal => Some((one.limit, false)),
        _ => None,
    };
    // What `low` is above is at least as much as what `high` is below.
    let apart = |low: &Threshold, high: &Threshold| match (above(low), below(high)) {
        (Some((least, open)), Some((most, closed))) => least > most || (least == most && (open || closed)),
        _ => false,
    };
    match (rank(a.metric), rank(b.metric)) {
        _ if a.metric == b.metric => apart(a, b) || apart(b, a),
        (Some((sort_a, rank_a)), Some((sort_b, rank_b))) if sort_a == sort_b => match rank_a < rank_b {
            true => apart(a, b),
            false => apart(b, a),
        },
        _ => false,
    }
}

/// Where a time stands among the times of one sort: a lower percentile is never above a higher one.
fn rank(metric: Metric) -> Option<(u8, f64)> {
    Some(match metric {
        Metric::Min => (0, -1.0),
        Metric::Percentile(percent) => (0, percent),
        Metric::Max => (0, 101.0),
        Metric::IterationTime(IterationTime::Min) => (1, -1.0),
        Metric::IterationTime(IterationTime::Percentile(percent)) => (1, percent),
        Metric::IterationTime(IterationTime::Max) => (1, 101.0),
        _ => return None,
    })
}

/// `constant-condition`: a threshold that is the same whatever happens.
fn constant_promise(span: Span, always: bool, aborts: bool) -> Diagnostic {
    let (message, help) = match (always, aborts) {
        (true, false) => ("this always holds, so it promises nothing", "take a limit that a bad run crosses"),
        (false, false) => ("this can never hold, so every run breaks it", "take a limit that a good run keeps"),
        (true, true) => ("this always holds, so it ends every run at once", "take a limit that a good run keeps"),
        (false, true) => ("this can never hold, so it never ends a run", "take a limit that a bad run crosses"),
    };
    Diagnostic::new(Rule::ConstantCondition, span, message).help(help)
}

/// `exact-threshold`
fn exact(operator: &Spanned<ast::BinaryOperator>, threshold: &Threshold) -> Diagnostic {
    let better = if wants_much(threshold.metric) { ">=" } else { "<=" };
    let message = match threshold.comparison {
        Comparison::Equal => "no two runs measure exactly the same, so this breaks by chance",
        _ => "no two runs measure exactly the same, so this holds by chance",
    };
    Diagnostic::new(Rule::ExactThreshold, operator.span, message)
        .help(format!("did you mean `{better}`?"))
        .fix(operator.span, better)
}

/// `abort-when-well`
fn ends_a_good_run(operator: &Spanned<ast::BinaryOperator>, threshold: &Threshold) -> Diagnostic {
    let turned = match threshold.comparison {
        Comparison::Less | Comparison::LessEqual => ">",
        _ => "<",
    };
    Diagnostic::new(Rule::AbortWhenWell, operator.span, "this ends the run as long as all is well")
        .label("`abort if` says when to give up")
        .help(format!("did you mean `{turned}`?"))
        .fix(operator.span, turned)
}

/// `duplicate-threshold`
fn said_twice(span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateThreshold, span, "this threshold stands here twice")
        .also(first, "the first")
        .fix(span, "")
}

/// `contradiction`: no run can keep both.
fn contradiction(span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::Contradiction, span, "no run can keep this and another threshold")
        .also(first, "the other")
        .help("one of them looks the wrong way round")
}
