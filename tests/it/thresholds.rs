//! Thresholds while a run goes and in its reports: windows, aborts, every step, groups, measures and tries.

use std::time::Duration;

use scn::base::Offset;
use scn::metrics::thresholds::{How, Judgement};
use scn::metrics::{Counter, ErrorKind, IterationOutcome, Judged, Recorder, Snapshot, Verdict, Watch, thresholds};
use scn::plan::{
    Comparison, MeasureUnit, Metric, Plan, PointId, SeriesId, SeriesKind, Step, StepId, Subject, Threshold, When,
};
use scn::report::{self, Finished, Meta, SUMMARY_SCHEMA, Style};

use crate::metrics::world::*;

const SECOND: Duration = Duration::from_secs(1);

fn with(when: When, threshold: Threshold) -> Threshold {
    Threshold { when, ..threshold }
}

fn seconds(count: u64) -> Duration {
    SECOND * count as u32
}

/// Watches over a run of a plan with one threshold; `happen` says what each second brings. Says in which second it was
/// ended, and what became of the threshold.
fn watched(threshold: Threshold, duration: u64, happen: impl Fn(u64, &mut Recorder)) -> (Option<Duration>, Judged) {
    let (_, mut plan) = world();
    plan.thresholds = vec![threshold];
    set_duration(&mut plan, seconds(duration));
    let mut recorder = Recorder::new(&plan, 0);
    let mut watch = Watch::new(&plan);
    let mut total = Snapshot::default();
    for second in 0..duration {
        happen(second, &mut recorder);
        let now = Offset::from(seconds(second + 1));
        let seen = recorder.take(now, Duration::ZERO);
        total.merge(&seen);
        let stopping = second + 1 == duration;
        if watch.see(&seen, &total, seconds(second + 1), stopping) {
            break;
        }
    }
    let judged = watch.judge(&total, seconds(duration)).remove(0);
    let ended = watch.aborted().map(|aborted| aborted.at);
    assert_eq!(ended, if let How::Abort(at) = judged.how { at } else { None });
    (ended, judged)
}

fn set_duration(plan: &mut Plan, duration: Duration) {
    plan.load.duration = duration;
}

fn over(length: u64, metric: Metric, comparison: Comparison, limit: f64) -> Threshold {
    let subject = Subject::Series(vec![Row::Health.id()]);
    with(When::Windows(seconds(length)), threshold("?", metric, subject, comparison, limit))
}

fn abort(lasting: Option<u64>, metric: Metric, comparison: Comparison, limit: f64) -> Threshold {
    with(When::Abort(lasting.map(seconds)), threshold("?", metric, Subject::Run, comparison, limit))
}

// ── windows ──

#[test]
fn windows_follow_one_another_and_each_is_judged_on_its_own() {
    // 100 ms in the seconds 10 to 14, else 1 ms: the p50 of the whole run would hide it.
    let slow = |second: u64, recorder: &mut Recorder| {
        let took = if (10..15).contains(&second) { 100 } else { 1 };
        (0..10).for_each(|n| recorder.record(&sample(Row::Health, second * 1_000 + n, took)));
    };
    let (_, judged) = watched(over(5, Metric::Percentile(50.0), Comparison::Less, 0.05), 30, slow);
    assert_eq!((judged.judgement, judged.how, judged.broken_times), (Judgement::Broken, How::Windows(6), 1));
    assert_eq!(judged.breaks[0].window, Some((seconds(10), seconds(15))));
    assert_eq!((judged.value, judged.breaks[0].value), (Some(0.1), Some(0.1)));
    let (_, judged) = watched(over(30, Metric::Percentile(50.0), Comparison::Less, 0.05), 30, slow);
    assert_eq!((judged.judgement, judged.how, judged.value), (Judgement::Kept, How::Windows(1), Some(0.001)));
}

#[test]
fn a_partial_last_window_is_not_judged_and_an_empty_one_holds() {
    let late = |second: u64, recorder: &mut Recorder| {
        if second == 0 || second >= 9 {
            recorder.record(&sample(Row::Health, second * 1_000, if second == 0 { 1 } else { 900 }));
        }
    };
    // Windows 0–3, 3–6, 6–9; the slow second 9 lies in a partial one.
    let (_, judged) = watched(over(3, Metric::Max, Comparison::Less, 0.5), 10, late);
    assert_eq!((judged.judgement, judged.how, judged.value), (Judgement::Kept, How::Windows(3), Some(0.001)));
    // No complete window at all is no data.
    let (_, judged) = watched(over(20, Metric::Max, Comparison::Less, 0.5), 10, late);
    assert_eq!((judged.judgement, judged.how), (Judgement::NoData, How::Windows(0)));
    // Where no window saw anything, the threshold did not hold: nothing is no success.
    let (_, judged) = watched(over(2, Metric::ErrorRate, Comparison::Less, 0.5), 10, |_, _| {});
    assert_eq!((judged.judgement, judged.how), (Judgement::Broken, How::Windows(5)));
}

#[test]
fn a_rate_stands_still_in_a_window_without_requests() {
    let stalls = |second: u64, recorder: &mut Recorder| {
        if !(4..8).contains(&second) {
            (0..20).for_each(|n| recorder.record(&sample(Row::Health, second * 1_000 + n, 1)));
        }
    };
    let (_, judged) = watched(over(4, Metric::Rate, Comparison::Greater, 10.0), 12, stalls);
    assert_eq!((judged.judgement, judged.broken_times, judged.value), (Judgement::Broken, 1, Some(0.0)));
}

#[test]
fn what_happens_after_the_run_was_stopped_completes_no_window() {
    let (_, mut plan) = world();
    plan.thresholds = vec![over(2, Metric::Count, Comparison::Greater, 1.0)];
    let mut recorder = Recorder::new(&plan, 0);
    let (mut watch, mut total) = (Watch::new(&plan), Snapshot::default());
    for second in 1..=6 {
        recorder.record(&sample(Row::Health, 0, 1));
        let seen = recorder.take(Offset::from(seconds(second)), Duration::ZERO);
        total.merge(&seen);
        assert!(!watch.see(&seen, &total, seconds(second), second > 4));
    }
    assert_eq!(watch.judge(&total, seconds(6))[0].how, How::Windows(2));
}

#[test]
fn windows_begin_where_the_warm_up_ends() {
    let (_, mut plan) = world();
    plan.thresholds = vec![over(2, Metric::Max, Comparison::Less, 0.5)];
    let mut recorder = Recorder::new(&plan, 0);
    plan.load.warm_up = seconds(3);
    let (mut watch, mut total) = (Watch::new(&plan), Snapshot::default());
    for second in 1..=4 {
        recorder.record(&sample(Row::Health, 0, 600));
        let seen = recorder.take(Offset::from(seconds(3 + second)), Duration::ZERO);
        total.merge(&seen);
        watch.see(&seen, &total, seconds(second), false);
    }
    let judged = watch.judge(&total, seconds(4)).remove(0);
    assert_eq!((judged.how, judged.value), (How::Windows(2), Some(0.6)));
    assert_eq!(judged.breaks[0].window, Some((seconds(3), seconds(5))));
}

// ── aborts ──

/// Iterations that succeed before second 10 and fail from then on.
fn fails_from_ten(second: u64, recorder: &mut Recorder) {
    let outcome = if second < 10 { IterationOutcome::Ok } else { IterationOutcome::Failed };
    (0..10).for_each(|_| recorder.iteration(&iteration(HEALTH, HTTP, outcome, 5)));
}

#[test]
fn an_abort_looks_back_over_its_last_seconds_each_second_anew() {
    // In second 12 (from 12 to 13 s) three of the last five seconds fail: 60 %.
    let (ended, judged) = watched(abort(Some(5), Metric::ErrorRate, Comparison::Greater, 0.5), 60, fails_from_ten);
    assert_eq!((ended, judged.value, judged.judgement), (Some(seconds(13)), Some(0.6), Judgement::Broken));
    // From D on: not before so many seconds have passed, however bad they are.
    let (ended, _) = watched(abort(Some(5), Metric::ErrorRate, Comparison::Greater, 0.5), 60, |_, recorder| {
        recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Failed, 5));
    });
    assert_eq!(ended, Some(seconds(5)));
}

#[test]
fn an_abort_without_for_is_judged_over_all_so_far() {
    // 10 good seconds, then bad ones: more than half are bad once there are eleven.
    let (ended, judged) = watched(abort(None, Metric::ErrorRate, Comparison::Greater, 0.5), 60, fails_from_ten);
    assert_eq!(ended, Some(seconds(21)));
    assert!((judged.value.unwrap() - 11.0 / 21.0).abs() < 1e-9);
}

#[test]
fn an_abort_that_never_holds_is_kept_and_tells_how_near_it_came() {
    let (ended, judged) = watched(abort(Some(5), Metric::ErrorRate, Comparison::Greater, 0.9), 13, fails_from_ten);
    assert_eq!((ended, judged.judgement, judged.value), (None, Judgement::Kept, Some(0.4)));
    // Over nothing it does not hold, and that is no reason to doubt the run.
    let (ended, judged) = watched(abort(Some(2), Metric::ErrorRate, Comparison::Greater, 0.5), 12, |_, _| {});
    assert_eq!((ended, judged.judgement, judged.value), (None, Judgement::Kept, None));
    let (ended, _) = watched(abort(None, Metric::Percentile(99.0), Comparison::Greater, 1.0), 12, |_, _| {});
    assert_eq!(ended, None);
}

// ── every step, groups, measures, tries ──

/// The world with a group, two measures and a row of tries; their rows and steps.
struct More {
    plan: Plan,
    group: StepId,
    items: SeriesId,
    fan_out: SeriesId,
}

fn more() -> More {
    let (_, mut plan) = world();
    let mut row = |name: &str, method: &str, kind| {
        let like = plan.series[Row::Put as usize].clone();
        plan.series.push(scn::plan::Series { name: name.into(), method: method.into(), kind, ..like });
        SeriesId(plan.series.len() as u32 - 1)
    };
    let group = row("change", "", SeriesKind::Group);
    let items = row("items", "", SeriesKind::Measure(MeasureUnit::Number));
    let fan_out = row("fan_out", "", SeriesKind::Measure(MeasureUnit::Time));
    row("PUT /api/oscilloscope/config (retry)", "PUT", SeriesKind::Retry);
    plan.steps.push(Step { series: group, point: PointId(Row::Put as u32), doc: None });
    More { group: StepId(plan.steps.len() as u32 - 1), plan, items, fan_out }
}

impl More {
    fn seen(&self) -> Snapshot {
        let mut recorder = Recorder::new(&self.plan, 0);
        for n in 0..10 {
            recorder.record(&sample(Row::Put, n * 1_000, 20));
            recorder.group(self.group, millis(40 + n), n != 3);
            recorder.measure(self.items, n as f64 / 8.0 - 0.25);
            recorder.measure(self.fan_out, 0.2 + n as f64 / 100.0);
            recorder.iteration(&iteration(RECONFIGURE, HTTP, IterationOutcome::Ok, 40 + n));
        }
        recorder.measure(self.fan_out, -0.5);
        for n in 0..3 {
            recorder.retried(&failed(Row::Put, n * 1_000, 5, ErrorKind::Expect, EXPECT));
        }
        recorder.record(&failed(Row::Put, 9_000, 5, ErrorKind::Expect, EXPECT));
        recorder.count(Counter::RowsWaited, 2);
        recorder.take(Offset::from(seconds(30)), millis(300))
    }
}

#[test]
fn groups_and_measures_are_no_requests_and_tries_no_failures() {
    let more = more();
    let totals = more.seen().totals();
    assert_eq!((totals.requests, totals.failures), (14, 1));
    assert_eq!(more.seen().counter(Counter::MeasuresNegative), 1);
}

#[test]
fn thresholds_speak_of_groups_and_measures_as_of_steps() {
    let more = more();
    let seen = more.seen();
    let value = |metric, row: SeriesId| judged(&more.plan, &seen, metric, Subject::Series(vec![row])).value;
    let group = more.plan.steps[more.group.0 as usize].series;
    assert_eq!(value(Metric::Max, group), Some(0.049));
    assert_eq!(value(Metric::ErrorRate, group), Some(0.1));
    assert_eq!(value(Metric::Count, group), Some(10.0));
    assert_eq!(value(Metric::Min, more.items), Some(-0.25));
    assert_eq!(value(Metric::Mean, more.items), Some(0.3125));
    assert_eq!(value(Metric::Percentile(50.0), more.items), Some(0.25));
    assert_eq!(value(Metric::Max, more.fan_out), Some(0.29));
    // A task's own times and counts are those of its requests.
    assert_eq!(judged(&more.plan, &seen, Metric::Max, Subject::Task(RECONFIGURE)).value, Some(0.02));
    assert_eq!(judged(&more.plan, &seen, Metric::Count, Subject::Task(RECONFIGURE)).value, Some(14.0));
    // Of the step itself only the last try counts.
    let one_of_eleven = value(Metric::ErrorRate, Row::Put.id()).unwrap();
    assert!((one_of_eleven - 1.0 / 11.0).abs() < 1e-9);
}

fn every_step(metric: Metric, comparison: Comparison, limit: f64) -> Threshold {
    let rows = [Row::Login, Row::Health, Row::Put, Row::Get, Row::Tuned].map(Row::id);
    threshold("p95 of every step < 45ms", metric, Subject::Each(rows.to_vec()), comparison, limit)
}

#[test]
fn every_step_is_judged_on_its_own_and_the_broken_ones_are_named() {
    let (_, mut plan) = world();
    plan.thresholds = vec![
        every_step(Metric::Percentile(50.0), Comparison::Less, 0.045),
        every_step(Metric::Max, Comparison::Less, 0.5),
        every_step(Metric::Max, Comparison::Less, 2.0),
    ];
    let seen = half_a_minute(&plan);
    let judged = thresholds::judge(&plan, &seen, seconds(30));
    let names = |judged: &Judged| judged.breaks.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&judged[0]), ["PUT /api/oscilloscope/config"]);
    assert_eq!(names(&judged[1]), ["PUT /api/oscilloscope/config"]);
    assert_eq!((judged[1].value, judged[1].judgement), (Some(1.0), Judgement::Broken));
    assert_eq!((judged[2].value, judged[2].judgement), (Some(1.0), Judgement::Kept));
    // Steps that were never reached are not judged; where none was, there is no data.
    let judged = thresholds::judge(&plan, &Snapshot::default(), seconds(30));
    assert!(judged.iter().all(|one| one.judgement == Judgement::NoData));
}

// ── told ──

struct Told {
    plan: Plan,
    seen: Snapshot,
    judged: Vec<Judged>,
    verdict: Verdict,
    meta: Meta,
}

/// A run with everything: a group, measures, tries, windows, an abort.
fn told() -> Told {
    let mut more = more();
    let group = more.plan.steps[more.group.0 as usize].series;
    more.plan.thresholds = vec![
        threshold("p95 of change < 1s", Metric::Percentile(95.0), Subject::Series(vec![group]), Comparison::Less, 1.0),
        threshold("mean of items > 3", Metric::Mean, Subject::Series(vec![more.items]), Comparison::Greater, 3.0),
        Threshold {
            text: "max of every step < 15ms over 10s".into(),
            ..with(When::Windows(seconds(10)), every_step(Metric::Max, Comparison::Less, 0.015))
        },
        Threshold {
            text: "abort if count > 10 for 10s".into(),
            ..abort(Some(10), Metric::Count, Comparison::Greater, 10.0)
        },
    ];
    let seen = more.seen();
    let mut watch = Watch::new(&more.plan);
    let mut recorder = Recorder::new(&more.plan, 0);
    for second in 1..=10 {
        let part =
            if second == 10 { seen.clone() } else { recorder.take(Offset::from(seconds(second)), Duration::ZERO) };
        assert_eq!(watch.see(&part, &seen, seconds(second), false), second == 10);
    }
    let judged = watch.judge(&seen, seconds(30));
    let verdict = Verdict::of(&more.plan, &seen, &judged);
    let meta = Meta {
        finished: true,
        run_id: "abcdef".into(),
        started: "2026-11-23T21:35:00Z".into(),
        length: seconds(30),
        measured: seconds(30),
        ..Meta::default()
    };
    Told { plan: more.plan, seen, judged, verdict, meta }
}

impl Told {
    fn tell<T>(&self, tell: impl FnOnce(&Finished<'_>) -> T) -> T {
        let (sources, _) = world();
        let Told { plan, seen, judged, verdict, meta } = self;
        tell(&Finished { plan, sources: &sources, seen, warm_up: None, judged, verdict, meta })
    }
}

#[test]
fn the_table_tells_groups_and_measures_apart_from_requests() {
    let told = told();
    crate::report::golden("beside.txt", &told.tell(|run| report::table(run, 100, Style::plain())));
    let narrow = told.tell(|run| report::table(run, 60, Style::plain()));
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn the_summary_with_groups_measures_and_an_abort_fits_its_schema() {
    let summary = told().tell(|run| serde_json::to_value(report::summary(run)).unwrap());
    let schema: serde_json::Value = serde_json::from_str(SUMMARY_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&summary).map(|wrong| wrong.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    crate::report::described("", &schema, &schema, &summary);
    assert_eq!(summary["groups"][0]["count"], 10);
    assert_eq!(summary["groups"][0]["failures"], 1);
    assert_eq!(summary["measures"][0]["values"]["mean"], 0.313);
    assert_eq!(summary["measures"][1]["unit"], "ms");
    assert_eq!(summary["run"]["aborted"]["at_s"], 10.0);
    assert_eq!(summary["thresholds"][2]["broken"][0]["to_s"], 10.0);
    assert_eq!(summary["errors"][0]["retried"], 3);
    assert_eq!(summary["counters"]["rows_waited"], 2);
}
