//! Thresholds: which metric, whose, and a limit in the metric's unit.

use super::checker::Checker;
use super::constants::Constant;
use super::meaning::{
    Comparison, IterationTime, MeasureUnit, Metric, Operator, SeriesId, SeriesKind, Subject, Threshold, Type,
};
use super::types;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::{ast, keyword};

/// What a metric is called, beside `pN`.
const METRICS: &[(&str, Metric)] = &[
    ("min", Metric::Min),
    ("mean", Metric::Mean),
    ("max", Metric::Max),
    ("error_rate", Metric::ErrorRate),
    ("checks", Metric::Checks),
    ("rate", Metric::Rate),
    ("count", Metric::Count),
    ("dropped", Metric::Dropped),
];

/// What other tools call them.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("avg", "mean"),
    ("average", "mean"),
    ("med", "p50"),
    ("median", "p50"),
    ("error", "error_rate"),
    ("errors", "error_rate"),
    ("failed", "error_rate"),
    ("failures", "error_rate"),
    ("fail_rate", "error_rate"),
    ("rps", "rate"),
    ("throughput", "rate"),
    ("requests", "count"),
    ("total", "count"),
    ("dropped_iterations", "dropped"),
];

/// Something that a threshold can speak of.
struct Candidate {
    /// Its full name: user, user and task, or user, task and step.
    path: Vec<String>,
    subject: Subject,
    span: Span,
}

impl Candidate {
    /// Whether both are rows of one step as it stands in the file.
    fn is_the_same_step(&self, other: &Candidate) -> bool {
        self.span == other.span && !self.rows().is_empty() && !other.rows().is_empty()
    }

    /// Whether it is a step, and no group or measure, in the task that the other one is.
    fn is_a_step_of(&self, task: &Candidate, scenario: &super::meaning::Scenario) -> bool {
        let is_step = |row: &SeriesId| scenario.series[row.0 as usize].kind.is_request();
        matches!(task.subject, Subject::Task(..))
            && self.path.len() == task.path.len() + 1
            && self.path.starts_with(&task.path)
            && self.rows().iter().all(is_step)
    }

    fn rows(&self) -> Vec<SeriesId> {
        match &self.subject {
            Subject::Series(rows) => rows.clone(),
            _ => Vec::new(),
        }
    }
}

impl Checker<'_> {
    /// The promises of one `thresholds` block.
    pub fn thresholds(&mut self, written: &ast::Thresholds) {
        for item in &written.items {
            match item {
                ast::ThresholdItem::Bad(bad) => self.hole(bad),
                ast::ThresholdItem::Threshold(threshold) => {
                    let understood = self.threshold(threshold);
                    self.scenario.thresholds.extend(understood);
                }
            }
        }
    }

    fn threshold(&mut self, written: &ast::Threshold) -> Option<Threshold> {
        let metric = self.metric(written);
        let subject = match &written.subject {
            None => Some(Subject::Run),
            Some(ast::Subject::EveryStep(span)) => metric.and_then(|metric| self.every_step(written, metric, *span)),
            Some(subject) => self.subject(subject),
        };
        let limit = metric.and_then(|metric| self.limit(metric, subject.as_ref(), &written.value));
        let comparison = comparison(written.operator.value);
        if comparison.is_none() {
            self.report(no_comparison(&written.operator));
        }
        let when = self.when(written);
        let (metric, subject) = (metric?, subject?);
        self.threshold_speaks_of_something(written, metric, &subject);
        let text = self.folded(written.span);
        let (limit, comparison, when) = (limit?, comparison?, when?);
        let threshold = Threshold { text, span: written.span, metric, subject, comparison, limit, when };
        self.promise_says_something(written, &threshold);
        Some(threshold)
    }

    fn metric(&mut self, written: &ast::Threshold) -> Option<Metric> {
        let word = &written.metric;
        let metric = match percentile(&word.value) {
            Some(percentile) => Some(Metric::Percentile(percentile)),
            None => METRICS.iter().find(|(name, _)| *name == word.value).map(|(_, metric)| *metric),
        };
        let Some(metric) = metric else {
            self.report(unknown_metric(word));
            return None;
        };
        if written.iteration_time.is_none() {
            return Some(metric);
        }
        Some(Metric::IterationTime(match metric {
            Metric::Percentile(percentile) => IterationTime::Percentile(percentile),
            Metric::Min => IterationTime::Min,
            Metric::Mean => IterationTime::Mean,
            Metric::Max => IterationTime::Max,
            _ => {
                self.report(no_iteration_time(word));
                return None;
            }
        }))
    }

    /// The limit in the metric's unit; without a subject that is known, a time may be one of a measure.
    fn limit(&mut self, metric: Metric, subject: Option<&Subject>, written: &ast::Expr) -> Option<f64> {
        let (wanted, what) = unit(metric);
        let wanted = match (wanted, subject) {
            (Type::Duration, None) => vec![Type::Duration, Type::Number],
            (Type::Duration, Some(subject)) if self.is_uncertain(subject) => vec![Type::Duration, Type::Number],
            (Type::Duration, Some(subject)) if self.measures_numbers(subject) => vec![Type::Number],
            (wanted, _) => vec![wanted],
        };
        match self.known(written, &wanted, what)? {
            Constant::Duration(duration) => Some(duration.as_secs_f64()),
            Constant::Share(share) => Some(share.0),
            Constant::Rate(rate) => Some(rate.0),
            Constant::Number(number) => Some(number),
            _ => None,
        }
    }

    fn subject(&mut self, written: &ast::Subject) -> Option<Subject> {
        match written {
            ast::Subject::Path(names) => self.subject_by_path(names),
            ast::Subject::Text(text) => self.subject_by_template(text),
            ast::Subject::EveryStep(_) => unreachable!("told apart before"),
        }
    }

    /// The steps of `every step`: for times those whose times are latencies, for checks those that have any.
    fn every_step(&mut self, written: &ast::Threshold, metric: Metric, span: Span) -> Option<Subject> {
        let is_one = |(row, series): (&super::series::Row, &super::meaning::Series)| {
            // What is done once for all is no user's.
            let is_step = series.kind.is_request() && series.kind != SeriesKind::Retry && series.user < self.once;
            is_step
                && match metric {
                    Metric::Percentile(_) | Metric::Min | Metric::Mean | Metric::Max => !row.gaps,
                    Metric::Checks => row.checks > 0,
                    _ => true,
                }
        };
        let rows = self.rows.iter().zip(&self.scenario.series).enumerate();
        let rows: Vec<SeriesId> =
            rows.filter(|(_, pair)| is_one(*pair)).map(|(index, _)| SeriesId(index as u32)).collect();
        if matches!(metric, Metric::IterationTime(_) | Metric::Dropped) || !rows.is_empty() {
            return Some(Subject::Each(rows));
        }
        if self.holes.is_empty() {
            let diagnostic = match metric {
                Metric::Checks => no_checks(written.metric.span, false),
                _ => no_step(span),
            };
            self.report(diagnostic);
        }
        None
    }

    /// Whether it is a measure that was said to measure nothing.
    fn is_uncertain(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Series(rows) if rows.iter().any(|row| self.rows[row.0 as usize].uncertain))
    }

    /// Whether it is a measure of plain numbers.
    pub fn measures_numbers(&self, subject: &Subject) -> bool {
        let (Subject::Series(rows) | Subject::Each(rows)) = subject else { return false };
        let kind = rows.first().map(|row| self.scenario.series[row.0 as usize].kind);
        kind == Some(SeriesKind::Measure(MeasureUnit::Number))
    }

    /// What a path names. A full name wins over a short one, so that everything can be named; among short ones there
    /// must be only one.
    fn subject_by_path(&mut self, names: &[ast::Name]) -> Option<Subject> {
        let typed: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        let span = names.first()?.span.to(names.last()?.span);
        let candidates = self.candidates();
        if let Some(full) = candidates.iter().find(|candidate| candidate.path == typed) {
            return Some(full.subject.clone());
        }
        let found: Vec<&Candidate> = candidates.iter().filter(|candidate| ends_with(&candidate.path, &typed)).collect();
        match &found[..] {
            [one] => Some(one.subject.clone()),
            [] => {
                if !typed.iter().any(|name| self.holes.mention(name) || self.holes.may_declare(name)) {
                    let flow = typed.len() == 1 && self.is_flow(typed[0]);
                    let diagnostic = match flow {
                        true => names_a_flow(typed[0], span),
                        false => names_nothing(names, span, &candidates),
                    };
                    self.report(diagnostic);
                }
                None
            }
            // Of a task and a step in it that are called the same the step is meant, which says more.
            [task, step] if step.is_a_step_of(task, &self.scenario) => Some(step.subject.clone()),
            // A step of a flow stands in every task that calls it: its bare name pools the callers.
            [first, others @ ..] if others.iter().all(|other| other.is_the_same_step(first)) => {
                let rows = found.iter().flat_map(|candidate| candidate.rows()).collect();
                Some(Subject::Series(rows))
            }
            several => {
                let diagnostic = ambiguous_name(&typed.join("."), span, several);
                self.report(diagnostic);
                None
            }
        }
    }

    /// The rows of a quoted name, pooled: a template names an endpoint, wherever it is called.
    fn subject_by_template(&mut self, text: &Spanned<String>) -> Option<Subject> {
        let wanted = normalised(&text.value);
        let series = self.scenario.series.iter().enumerate();
        let rows: Vec<SeriesId> =
            series.filter(|(_, series)| series.name == wanted).map(|(index, _)| SeriesId(index as u32)).collect();
        if !rows.is_empty() {
            return Some(Subject::Series(rows));
        }
        let labelled =
            self.rows.iter().zip(&self.scenario.series).find(|(row, _)| row.labelled && row.template == wanted);
        let diagnostic = match labelled {
            Some((row, series)) => step_has_a_label(text, &series.name, row.first),
            None if self.holes.mention(wanted.split(' ').next_back().unwrap_or(&wanted)) => return None,
            None => {
                let known = self.scenario.series.iter().map(|series| series.name.as_str());
                let near = nearest(&wanted, known).map(str::to_owned);
                template_names_nothing(text, near.as_deref())
            }
        };
        self.report(diagnostic);
        None
    }

    /// Everything that has a name of its own.
    fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (index, user) in self.scenario.users.iter().enumerate() {
            let name = &user.name.value;
            found.push(Candidate { path: vec![name.clone()], subject: Subject::User(index), span: user.name.span });
            for (task_index, task) in user.tasks.iter().enumerate() {
                let path = vec![name.clone(), task.name.value.clone()];
                found.push(Candidate { path, subject: Subject::Task(index, task_index), span: task.name.span });
            }
            for part in ["on_start", "on_stop"] {
                let rows: Vec<SeriesId> = self
                    .rows_of(|series| series.user == index && series.task == part)
                    .filter(|id| self.scenario.series[id.0 as usize].kind.is_timed())
                    .collect();
                if let Some(first) = rows.first() {
                    let span = self.rows[first.0 as usize].first;
                    found.push(Candidate {
                        path: vec![name.clone(), part.into()],
                        subject: Subject::Series(rows),
                        span,
                    });
                }
            }
        }
        for part in ["setup", "teardown"] {
            let of_part =
                |series: &super::meaning::Series| series.user == self.scenario.users.len() && series.task == part;
            let rows: Vec<SeriesId> =
                self.rows_of(of_part).filter(|id| self.scenario.series[id.0 as usize].kind.is_timed()).collect();
            if let Some(first) = rows.first() {
                let span = self.rows[first.0 as usize].first;
                found.push(Candidate { path: vec![part.into()], subject: Subject::Series(rows), span });
            }
        }
        for (index, (series, row)) in self.scenario.series.iter().zip(&self.rows).enumerate() {
            if row.labelled || matches!(series.kind, SeriesKind::Connect | SeriesKind::Close) {
                let user = self.scenario.class(series.user).name.value.clone();
                let path = vec![user, series.task.clone(), series.name.clone()];
                let subject = Subject::Series(vec![SeriesId(index as u32)]);
                found.push(Candidate { path, subject, span: row.first });
            }
        }
        found
    }

    fn rows_of(&self, wanted: impl Fn(&super::meaning::Series) -> bool) -> impl Iterator<Item = SeriesId> {
        let series = self.scenario.series.iter().enumerate();
        series.filter(move |(_, series)| wanted(series)).map(|(index, _)| SeriesId(index as u32))
    }

    /// Complains about promises that nothing can break or keep, and about latencies that are none.
    fn threshold_speaks_of_something(&mut self, written: &ast::Threshold, metric: Metric, subject: &Subject) {
        let in_task = |user: usize, task: Option<usize>| {
            let name = task.map(|task| self.scenario.users[user].tasks[task].name.value.clone());
            let rows = self
                .rows_of(move |series| series.user == user && name.as_ref().is_none_or(|name| series.task == *name));
            rows.collect::<Vec<_>>()
        };
        let rows: Vec<SeriesId> = match subject {
            Subject::Run => self.rows_of(|_| true).collect(),
            Subject::User(user) => in_task(*user, None),
            Subject::Task(user, task) => in_task(*user, Some(*task)),
            Subject::Series(rows) | Subject::Each(rows) => rows.clone(),
        };
        let kind = |id: &SeriesId| self.scenario.series[id.0 as usize].kind;
        let pooled = !matches!(subject, Subject::Series(_) | Subject::Each(_));
        let measured = |id: &SeriesId| matches!(kind(id), SeriesKind::Measure(_));
        let diagnostic = match metric {
            Metric::Percentile(_) | Metric::Min | Metric::Mean | Metric::Max => {
                let gaps = rows.iter().find(|id| self.rows[id.0 as usize].gaps);
                match gaps {
                    _ if pooled && !rows.iter().any(|id| kind(id).is_timed()) => {
                        Some(no_times(written.metric.span, written.subject.is_some()))
                    }
                    Some(gap) if !pooled => Some(threshold_on_gaps(written.span, self.rows[gap.0 as usize].first)),
                    _ => None,
                }
            }
            Metric::IterationTime(_) if !pooled => Some(iteration_time_of_step(written)),
            Metric::Dropped if *subject != Subject::Run => Some(dropped_of(written)),
            Metric::ErrorRate | Metric::Checks if !pooled && rows.iter().any(measured) => {
                Some(measure_never_fails(&written.metric))
            }
            Metric::Checks if rows.iter().all(|id| self.rows[id.0 as usize].checks == 0) => {
                Some(no_checks(written.metric.span, written.subject.is_some()))
            }
            _ => None,
        };
        if let Some(diagnostic) = diagnostic {
            // What could not be read may hold the very step that is missing.
            if diagnostic.rule != Rule::ThresholdWithoutData || self.holes.is_empty() {
                self.report(diagnostic);
            }
        }
    }
}

/// `p99.9`: 99.9
fn percentile(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    digits.parse().ok().filter(|percentile| (0.0..=100.0).contains(percentile))
}

fn unit(metric: Metric) -> (Type, &'static str) {
    match metric {
        Metric::Percentile(_) | Metric::Min | Metric::Mean | Metric::Max | Metric::IterationTime(_) => {
            (Type::Duration, "the limit of a time")
        }
        Metric::ErrorRate => (Type::Share, "the limit of `error_rate`"),
        Metric::Checks => (Type::Share, "the limit of `checks`"),
        Metric::Rate => (Type::Rate, "the limit of `rate`"),
        Metric::Count => (Type::Number, "the limit of `count`"),
        Metric::Dropped => (Type::Number, "the limit of `dropped`"),
    }
}

fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Less => Comparison::Less,
        Operator::LessEqual => Comparison::LessEqual,
        Operator::Greater => Comparison::Greater,
        Operator::GreaterEqual => Comparison::GreaterEqual,
        Operator::Equal => Comparison::Equal,
        Operator::NotEqual => Comparison::NotEqual,
        _ => return None,
    })
}

fn ends_with(path: &[String], typed: &[&str]) -> bool {
    path.len() >= typed.len() && path[path.len() - typed.len()..] == *typed
}

/// A quoted name as rows are named: no blanks at the edges of `${…}`, single ones elsewhere.
fn normalised(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    folded.replace("${ ", "${").replace(" }", "}")
}

/// `undefined-name`: a threshold that names nothing.
fn names_nothing(names: &[ast::Name], span: Span, candidates: &[Candidate]) -> Diagnostic {
    let typed: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
    let said = format!("no step, group, measure, task or user is called `{}`", typed.join("."));
    let diagnostic = Diagnostic::new(Rule::UndefinedName, span, said);
    // Paths of the same length are compared whole: the mistake may stand in any of their names.
    let known: Vec<String> = candidates
        .iter()
        .filter(|candidate| candidate.path.len() >= typed.len())
        .map(|candidate| candidate.path[candidate.path.len() - typed.len()..].join("."))
        .collect();
    match nearest(&typed.join("."), known.iter().map(String::as_str)) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(span, near),
        None => {
            diagnostic.help("a step is named by its label, or by method and path in quotes: `\"GET /users/${id}\"`")
        }
    }
}

/// `undefined-name`: a flow has no row of its own.
fn names_a_flow(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::UndefinedName, span, format!("`{name}` is a flow, which is not measured as a whole"))
        .help("name a step in it by its label, or put its call into a `group` and name that")
}

/// `undefined-name`: a quoted name that no row has.
fn template_names_nothing(text: &Spanned<String>, near: Option<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UndefinedName, text.span, format!("no step is called `{}`", text.value));
    match near {
        Some(near) => diagnostic.help(format!("did you mean `\"{near}\"`?")).fix(text.span, format!("\"{near}\"")),
        None => {
            diagnostic.help("a step without a label is named by method and path as written: `\"GET /users/${id}\"`")
        }
    }
}

/// `undefined-name`: the step is there, under a label.
fn step_has_a_label(text: &Spanned<String>, label: &str, step: Span) -> Diagnostic {
    Diagnostic::new(Rule::UndefinedName, text.span, format!("`{}` is reported under its label, `{label}`", text.value))
        .also(step, "the step")
        .help(format!("did you mean `{label}`?"))
        .fix(text.span, label)
}

/// `ambiguous-name`: several things bear the name.
fn ambiguous_name(typed: &str, span: Span, found: &[&Candidate]) -> Diagnostic {
    let paths: Vec<String> = found.iter().map(|candidate| format!("`{}`", candidate.path.join("."))).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut diagnostic = Diagnostic::new(Rule::AmbiguousName, span, format!("`{typed}` names {} things", found.len()))
        .help(format!("say which: {}", types::list(&paths, "or")));
    for candidate in found {
        diagnostic = diagnostic.also(candidate.span, format!("`{}`", candidate.path.join(".")));
    }
    diagnostic
}

/// `unknown-metric`
fn unknown_metric(word: &Spanned<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UnknownMetric, word.span, format!("no metric is called `{}`", word.value));
    if word.value == "iteration_time" {
        return diagnostic
            .help("say which of the times: did you mean `p95 iteration_time`?")
            .fix(word.span, "p95 iteration_time");
    }
    if word.value.strip_prefix('p').is_some_and(|digits| digits.parse::<f64>().is_ok()) {
        return diagnostic.help("percentiles go from `p0` to `p100`");
    }
    let other = OTHER_WORDS.iter().find(|(known, _)| *known == word.value).map(|(_, metric)| *metric);
    match other.or_else(|| nearest(&word.value, keyword::METRICS.iter().copied())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(word.span, near),
        None => {
            let names: Vec<String> = METRICS.iter().map(|(name, _)| format!("`{name}`")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            diagnostic.help(format!("there are `p95` and every other percentile, {}", types::list(&names, "and")))
        }
    }
}

/// `unknown-metric`: `iteration_time` behind something that is no time.
fn no_iteration_time(word: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(
        Rule::UnknownMetric,
        word.span,
        format!("`{}` is not a time, so it has no `iteration_time`", word.value),
    )
    .help("before `iteration_time` stands `p95`, `min`, `mean` or `max`")
}

/// `unknown-metric`: a step has no iterations.
fn iteration_time_of_step(written: &ast::Threshold) -> Diagnostic {
    let span = written.iteration_time.unwrap_or(written.metric.span);
    Diagnostic::new(Rule::UnknownMetric, span, "a step has no iterations")
        .help("`iteration_time` is that of a task or user; the times of a step need no word: `p95 of login`")
}

/// `unknown-metric`: an operator that compares nothing.
fn no_comparison(operator: &Spanned<Operator>) -> Diagnostic {
    Diagnostic::new(Rule::Syntax, operator.span, format!("`{}` compares no numbers", operator.value.symbol()))
        .help("a threshold is kept or broken by `<`, `<=`, `>` or `>=`")
}

/// `threshold-on-gaps`: the times of a receive without `since` are no latencies.
fn threshold_on_gaps(span: Span, receive: Span) -> Diagnostic {
    Diagnostic::new(Rule::ThresholdOnGaps, span, "these times are gaps between messages, not latencies")
        .also(receive, "timed from the end of the step before it, or from the message before")
        .help("for a latency use `call`, or say what it is timed from: `receive … since LABEL`")
}

/// `threshold-without-data`: no HTTP step and no call.
fn no_times(span: Span, of: bool) -> Diagnostic {
    let who = if of { "what it speaks of" } else { "this scenario" };
    let said = format!("{who} has no HTTP step and no `call`, so there will be no times");
    Diagnostic::new(Rule::ThresholdWithoutData, span, said).help("name a step by its label: `p95 of LABEL`")
}

/// `unknown-metric`: what a measure records is neither right nor wrong.
fn measure_never_fails(word: &Spanned<String>) -> Diagnostic {
    let message = format!("a measure is a number, it has no `{}`", word.value);
    Diagnostic::new(Rule::UnknownMetric, word.span, message)
        .help("a measure has times or numbers (`p95`, `min`, `mean`, `max`), `count` and `rate`")
}

/// `unknown-metric`: arrivals belong to the run.
fn dropped_of(written: &ast::Threshold) -> Diagnostic {
    Diagnostic::new(Rule::UnknownMetric, written.metric.span, "`dropped` counts arrivals of the whole run")
        .help("leave out `of …`: `dropped < 10`")
}

/// `threshold-without-data`: `every step` of none.
fn no_step(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::ThresholdWithoutData, span, "there is no step whose times are latencies")
        .help("receives without `since` are timed from the message before; a request or `call` is timed from its start")
}

/// `threshold-without-data`: no check.
fn no_checks(span: Span, of: bool) -> Diagnostic {
    let who = if of { "what it speaks of" } else { "this scenario" };
    Diagnostic::new(Rule::ThresholdWithoutData, span, format!("{who} has no `check`, so this is always broken"))
        .help("`expect`s are counted in `error_rate`, only `check`s here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_grammar_is_known_here_and_the_other_way_round() {
        for word in keyword::METRICS {
            let known = METRICS.iter().any(|(name, _)| name == word) || percentile(word).is_some();
            assert!(known || *word == "iteration_time", "{word}");
        }
        for (name, _) in METRICS {
            assert!(keyword::METRICS.contains(name), "{name}");
        }
    }

    #[test]
    fn percentiles_lie_between_0_and_100() {
        assert_eq!(percentile("p99.9"), Some(99.9));
        assert_eq!(percentile("p100"), Some(100.0));
        assert_eq!(percentile("p101"), None);
        assert_eq!(percentile("poor"), None);
        assert_eq!(percentile("p"), None);
    }
}
