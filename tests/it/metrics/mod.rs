//! What was seen: recorders, snapshots, thresholds, verdict.

pub mod world;

use std::time::Duration;

use scn::base::Offset;
use scn::metrics::recorder::{NOTE_BYTES_MAX, NOTES_MAX};
use scn::metrics::thresholds::{self, Judgement};
use scn::metrics::verdict::{self, Limit, Validity, Verdict};
use scn::metrics::{Counter, ErrorKind, IterationEnd, IterationOutcome, Recent, Recorder, Sample, Snapshot};
use scn::plan::load::Shape;
use scn::plan::{Comparison, Delay, Expr, IterationTime, Metric, Plan, PointId, Subject, Value};
use world::*;

const SECOND: Duration = Duration::from_secs(1);

/// All that can happen to a recorder, in a mix that depends on `seed`.
fn happen(recorder: &mut Recorder, seed: u64, count: u64) {
    for n in 0..count {
        let mixed = (n + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let row = [Row::Login, Row::Health, Row::Put, Row::Frame][(mixed % 4) as usize];
        let took = mixed % 3_000;
        recorder.user_started(HTTP);
        match mixed % 11 {
            0 => {
                recorder.record(&failed(row, mixed % 1000, took, ErrorKind::Timeout, PointId(row as u32)));
                recorder.note(PointId(row as u32), ErrorKind::Timeout, format!("{mixed}"));
                recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Failed, took));
            }
            1 => recorder.failure(CAPTURE, ErrorKind::Value),
            2 => recorder.check(CHECK, mixed % 2 == 0),
            3 => recorder.count(Counter::PassedOver, mixed % 5),
            4 => recorder.user_ended(HTTP),
            _ => {
                recorder.record(&Sample { status: 200 + (mixed % 3) as u16, ..sample(row, mixed % 1000, took) });
                recorder.iteration(&iteration(STREAM, WEBSOCKET, IterationOutcome::Ok, took));
            }
        }
    }
}

/// What one recorder saw of several mixes, in one window.
fn seen(plan: &Plan, mixes: &[(u64, u64)]) -> Snapshot {
    let mut recorder = Recorder::new(plan, 0);
    mixes.iter().for_each(|&(seed, count)| happen(&mut recorder, seed, count));
    recorder.take(Offset::from(SECOND), millis(100))
}

fn merged(parts: &[&Snapshot]) -> Snapshot {
    let mut merged = Snapshot::default();
    parts.iter().for_each(|part| merged.merge(part));
    merged
}

#[test]
fn merging_two_snapshots_equals_recording_both() {
    let (_, plan) = world();
    for (a, b) in [((1, 10), (2, 10)), ((3, 1000), (4, 20)), ((5, 30_000), (6, 3)), ((7, 9_000), (8, 30_000))] {
        let mut both = seen(&plan, &[a, b]);
        let mut apart = merged(&[&seen(&plan, &[a]), &seen(&plan, &[b])]);
        assert_eq!(apart.totals(), both.totals());
        // Two threads used their cores for as long; one thread did so once.
        assert_ne!(apart.health, both.health);
        (apart.health, both.health) = Default::default();
        assert_eq!(apart, both);
    }
}

#[test]
fn merging_is_associative_and_the_empty_snapshot_is_neutral() {
    let (_, plan) = world();
    let [a, b, c] = [(1, 5_000), (2, 40), (3, 9_000)].map(|mix| seen(&plan, &[mix]));
    let left = merged(&[&merged(&[&a, &b]), &c]);
    let right = merged(&[&a, &merged(&[&b, &c])]);
    assert_eq!(left, right);
    assert_eq!(merged(&[&a, &Snapshot::default()]), a);
    assert_eq!(merged(&[&Snapshot::default(), &a]), a);
}

#[test]
fn windows_add_up_to_what_one_window_would_have_seen() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    let mut total = Snapshot::default();
    for (second, (seed, count)) in (1..).zip([(1, 10), (2, 9_000), (3, 0), (4, 5_000)]) {
        happen(&mut recorder, seed, count);
        total.merge(&recorder.take(Offset::from(SECOND * second), millis(100)));
    }
    let mut once = seen(&plan, &[(1, 10), (2, 9_000), (3, 0), (4, 5_000)]);
    assert_eq!(total.window, Some((Offset::ZERO, Offset::from(SECOND * 4))));
    total.window = once.window;
    (total.health, once.health) = Default::default();
    assert_eq!(total, once);
}

#[test]
fn a_sample_keeps_response_service_time_and_lateness_apart() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    let late = Sample {
        due: Offset::from(millis(100)),
        ready: Offset::from(millis(100)),
        begun: Offset::from(millis(107)),
        sent: Offset::from(millis(110)),
        done: Offset::from(millis(150)),
        ..sample(Row::Health, 0, 0)
    };
    recorder.record(&late);
    let seen = recorder.take(Offset::from(SECOND), Duration::ZERO);
    let row = seen.series(Row::Health.id()).unwrap();
    assert_eq!(row.ok.max(), Some(millis(50)));
    assert_eq!(row.service.max(), Some(millis(40)));
    assert_eq!(seen.lateness.max(), Some(millis(7)));
    assert_eq!((row.requests(), row.failures(), row.bytes_sent, row.bytes_received), (1, 0, 100, 1_000));
    assert_eq!(row.statuses, [(200, 1)]);
}

#[test]
fn only_the_first_few_messages_are_kept_and_long_ones_are_cut() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    let mut total = Snapshot::default();
    for second in 1..=5 {
        let wanted = recorder.wants_note(EXPECT, ErrorKind::Expect);
        assert_eq!(wanted, second <= NOTES_MAX as u32);
        recorder.note(EXPECT, ErrorKind::Expect, "ä".repeat(NOTE_BYTES_MAX));
        recorder.failure(EXPECT, ErrorKind::Expect);
        total.merge(&recorder.take(Offset::from(SECOND * second), Duration::ZERO));
    }
    let failure = &total.point(EXPECT).unwrap().failures[0];
    assert_eq!((failure.count, failure.notes.len()), (5, NOTES_MAX));
    assert!(failure.notes.iter().all(|note| note.len() <= NOTE_BYTES_MAX + '…'.len_utf8()));
    assert!(recorder.wants_note(EXPECT, ErrorKind::Status), "another kind has messages of its own");
}

#[test]
fn users_that_start_on_one_thread_and_windows_later_end_are_counted_once() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    (0..3).for_each(|_| recorder.user_started(HTTP));
    let mut total = recorder.take(Offset::from(SECOND), Duration::ZERO);
    recorder.user_ended(HTTP);
    recorder.user_started(WEBSOCKET);
    total.merge(&recorder.take(Offset::from(SECOND * 2), Duration::ZERO));
    assert_eq!((total.users_of(HTTP).active(), total.users_of(WEBSOCKET).active(), total.active_users()), (2, 1, 3));
}

// ── thresholds ──

fn half() -> (Plan, Snapshot) {
    let (_, plan) = world();
    let seen = half_a_minute(&plan);
    (plan, seen)
}

#[test]
fn without_of_times_are_those_of_http_steps_and_calls_outside_on_start() {
    let (plan, seen) = half();
    // The timed-out PUT took a second and is counted although it failed; frames (gaps) and the login are not.
    assert_eq!(judged(&plan, &seen, Metric::Max, Subject::Run).value, Some(1.0));
    let pooled = seen.times(thresholds::timed_rows(&plan, &Subject::Run));
    assert_eq!(pooled.count(), 63 + 22 + 20 + 3);
    assert_eq!(judged(&plan, &seen, Metric::Min, Subject::Run).value, Some(0.002));
    // Of the user, its `on start` is part.
    assert_eq!(seen.times(thresholds::timed_rows(&plan, &Subject::User(HTTP))).count(), 4 + 63 + 22 + 20);
    // Of a named row, all its times, whatever they mean.
    let frames = Subject::Series(vec![Row::Frame.id()]);
    assert_eq!(judged(&plan, &seen, Metric::Mean, frames).value, Some(0.1));
}

#[test]
fn an_error_rate_is_of_iterations_unless_it_is_of_a_step() {
    let (plan, seen) = half();
    let rate = |subject| judged(&plan, &seen, Metric::ErrorRate, subject).value.unwrap();
    assert_eq!(rate(Subject::Run), 5.0 / 88.0);
    assert_eq!(rate(Subject::User(HTTP)), 5.0 / 85.0);
    assert_eq!(rate(Subject::User(WEBSOCKET)), 0.0);
    assert_eq!(rate(Subject::Task(RECONFIGURE)), 2.0 / 22.0);
    assert_eq!(rate(Subject::Series(vec![Row::Put.id()])), 2.0 / 22.0);
    assert_eq!(rate(Subject::Series(vec![Row::Health.id(), Row::Put.id()])), 5.0 / 85.0);
}

#[test]
fn a_failed_on_start_is_a_failed_iteration() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Ok, 5));
    recorder.iteration(&IterationEnd { user: HTTP, task: None, outcome: IterationOutcome::Failed, time: millis(1) });
    recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Abandoned, 5));
    let seen = recorder.take(Offset::from(SECOND), Duration::ZERO);
    let rate = |subject| judged(&plan, &seen, Metric::ErrorRate, subject).value;
    assert_eq!(rate(Subject::Run), Some(0.5));
    assert_eq!(rate(Subject::User(HTTP)), Some(0.5));
    assert_eq!(rate(Subject::Task(HEALTH)), Some(0.0));
    let totals = seen.totals();
    assert_eq!((totals.iterations, totals.failed_iterations, totals.abandoned_iterations), (2, 1, 1));
}

#[test]
fn checks_rates_counts_and_iteration_times_are_those_of_their_subject() {
    let (plan, seen) = half();
    let value = |metric, subject| judged(&plan, &seen, metric, subject).value;
    assert_eq!(value(Metric::Checks, Subject::Run), Some(58.0 / 60.0));
    assert_eq!(value(Metric::Checks, Subject::Series(vec![Row::Health.id()])), Some(58.0 / 60.0));
    assert_eq!(value(Metric::Checks, Subject::Task(STREAM)), None);
    // All requests but the four logins.
    assert_eq!(value(Metric::Count, Subject::Run), Some(105.0 + 42.0));
    assert_eq!(value(Metric::Rate, Subject::Series(vec![Row::Frame.id()])), Some(1.0));
    assert_eq!(value(Metric::IterationTime(IterationTime::Max), Subject::Run), Some(1.102));
    assert_eq!(value(Metric::IterationTime(IterationTime::Max), Subject::Task(HEALTH)), Some(0.008));
    assert_eq!(value(Metric::IterationTime(IterationTime::Min), Subject::User(WEBSOCKET)), Some(1.102));
    assert_eq!(
        value(Metric::IterationTime(IterationTime::Percentile(50.0)), Subject::Task(HEALTH)),
        Some(0.005003),
        "three digits"
    );
}

#[test]
fn a_share_or_rate_of_nothing_breaks_a_time_of_nothing_has_no_data_and_a_count_is_zero() {
    let (_, plan) = world();
    let nothing = Snapshot::default();
    let judged = |metric| judged(&plan, &nothing, metric, Subject::Run);
    for metric in [Metric::ErrorRate, Metric::Checks, Metric::Rate] {
        assert_eq!((judged(metric).value, judged(metric).judgement), (None, Judgement::Broken), "{metric:?}");
    }
    for metric in [Metric::Percentile(95.0), Metric::Max, Metric::IterationTime(IterationTime::Mean)] {
        assert_eq!((judged(metric).value, judged(metric).judgement), (None, Judgement::NoData), "{metric:?}");
    }
    assert_eq!((judged(Metric::Count).value, judged(Metric::Count).judgement), (Some(0.0), Judgement::Kept));
}

#[test]
fn every_comparison_means_what_it_says() {
    use Comparison::*;
    let (mut plan, seen) = half();
    let kept = |plan: &mut Plan, comparison, limit| {
        plan.thresholds = vec![threshold("count", Metric::Count, Subject::Run, comparison, limit)];
        thresholds::judge(plan, &seen, SECOND * 30)[0].judgement == Judgement::Kept
    };
    for (comparison, wanted) in [
        (Less, [false, false, true]),
        (LessEqual, [false, true, true]),
        (Greater, [true, false, false]),
        (GreaterEqual, [true, true, false]),
        (Equal, [false, true, false]),
        (NotEqual, [true, false, true]),
    ] {
        assert_eq!([146.0, 147.0, 148.0].map(|limit| kept(&mut plan, comparison, limit)), wanted, "{comparison:?}");
    }
}

// ── verdict ──

/// A run that would be `VALID` but for what `spoil` does to it.
fn verdict(spoil: impl FnOnce(&mut Plan, &mut Recorder)) -> Verdict {
    verdict_of_seconds(10, |_| 100, spoil)
}

/// The same over so many seconds, with so many milliseconds of CPU in each.
fn verdict_of_seconds(
    seconds: u32,
    cpu_millis: impl Fn(u32) -> u64,
    spoil: impl FnOnce(&mut Plan, &mut Recorder),
) -> Verdict {
    let (_, mut plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    recorder.iteration(&iteration(HEALTH, HTTP, IterationOutcome::Ok, 5));
    spoil(&mut plan, &mut recorder);
    let mut total = Snapshot::default();
    for second in 0..seconds {
        total.merge(&recorder.take(Offset::from(SECOND * (second + 1)), millis(cpu_millis(second))));
    }
    let judged = thresholds::judge(&plan, &total, SECOND * seconds);
    Verdict::of(&plan, &total, &judged)
}

fn only(verdict: &Verdict) -> (Limit, Validity) {
    assert_eq!(verdict.reasons.len(), 1, "{verdict:?}");
    (verdict.reasons[0].limit, verdict.validity())
}

fn late(recorder: &mut Recorder, lateness: Duration) {
    for _ in 0..100 {
        let due = Offset::from(SECOND);
        let begun = due + lateness;
        recorder.record(&Sample { due, ready: due, begun, sent: begun, done: begun, ..sample(Row::Health, 0, 0) });
    }
}

#[test]
fn a_run_on_time_with_an_idle_core_is_valid() {
    let verdict = verdict(|_, _| {});
    assert_eq!((verdict.validity(), verdict.reasons.len()), (Validity::Valid, 0));
}

#[test]
fn lateness_at_its_limits_and_above() {
    let with = |lateness| verdict(|_, recorder| late(recorder, lateness));
    let hair = Duration::from_micros(100);
    assert_eq!(with(verdict::LATENESS_DEGRADED).validity(), Validity::Valid);
    assert_eq!(only(&with(verdict::LATENESS_DEGRADED + hair)), (Limit::Lateness, Validity::Degraded));
    assert_eq!(only(&with(verdict::LATENESS_INVALID)), (Limit::Lateness, Validity::Degraded));
    assert_eq!(only(&with(verdict::LATENESS_INVALID + hair)), (Limit::Lateness, Validity::Invalid));
    let text = &with(Duration::from_millis(250)).reasons[0].text;
    assert_eq!(text, "steps began late: p99 250.0 ms after they were due, limit 100.0 ms");
}

#[test]
fn one_late_step_in_a_thousand_is_no_lateness() {
    let verdict = verdict(|_, recorder| {
        (0..10).for_each(|_| late(recorder, Duration::ZERO));
        let due = Offset::from(SECOND);
        recorder.record(&Sample { due, ready: due, begun: due + SECOND, ..sample(Row::Health, 0, 0) });
    });
    assert_eq!(verdict.validity(), Validity::Valid);
}

#[test]
fn a_busy_core_at_its_limits_and_above() {
    let with = |cpu| verdict_of_seconds(10, |second| if (3..8).contains(&second) { cpu } else { 0 }, |_, _| {});
    assert_eq!(with(900).validity(), Validity::Valid);
    assert_eq!(only(&with(901)), (Limit::Cpu, Validity::Degraded));
    assert_eq!(only(&with(980)), (Limit::Cpu, Validity::Degraded));
    assert_eq!(only(&with(981)), (Limit::Cpu, Validity::Invalid));
    assert_eq!(with(1000).reasons[0].text, "load thread 0 used 100.0 % of its core over 5 s, limit 98 %");
}

#[test]
fn a_core_busy_for_less_than_five_seconds_is_nothing_to_speak_of() {
    let verdict = verdict_of_seconds(10, |second| if (3..7).contains(&second) { 1000 } else { 0 }, |_, _| {});
    assert_eq!(verdict.validity(), Validity::Valid);
}

#[test]
fn a_core_that_users_without_think_time_keep_busy_is_never_more_than_degraded() {
    let verdict = verdict_of_seconds(10, |_| 1000, |plan, _| plan.users[1].think = Delay::None);
    assert_eq!(only(&verdict), (Limit::Cpu, Validity::Degraded));
}

#[test]
fn a_core_that_arrivals_keep_busy_makes_a_run_invalid_though_nobody_thinks() {
    let verdict = verdict_of_seconds(
        10,
        |_| 1000,
        |plan, _| {
            plan.users[1].think = Delay::None;
            plan.load.parts[0].shape = Shape::Open { stages: Vec::new(), max_users: 10 };
        },
    );
    assert_eq!(only(&verdict), (Limit::Cpu, Validity::Invalid));
}

#[test]
fn users_that_keep_a_pace_do_not_ask_for_all_there_is() {
    let verdict = verdict_of_seconds(
        10,
        |_| 1000,
        |plan, _| {
            plan.users[1].think = Delay::None;
            plan.users[1].pace = Some((Delay::Fixed(Expr::Literal(Value::Duration(SECOND))), PointId(0)));
        },
    );
    assert_eq!(only(&verdict), (Limit::Cpu, Validity::Invalid));
}

#[test]
fn samples_beyond_what_a_place_of_a_histogram_counts_are_lost_and_counted() {
    let mut seen = {
        let (_, plan) = world();
        let mut recorder = Recorder::new(&plan, 0);
        recorder.record(&sample(Row::Health, 0, 1));
        recorder.take(Offset::from(SECOND), Duration::ZERO)
    };
    // Doubled until one more than fits has fallen into the same place.
    for _ in 0..31 {
        seen.merge(&seen.clone());
    }
    assert_eq!(seen.counter(Counter::SamplesLost), 0);
    let half = seen.clone();
    seen.merge(&half);
    assert_eq!((seen.totals().requests, seen.counter(Counter::SamplesLost)), (1 << 32, 1));
    seen.merge(&half);
    assert_eq!((seen.totals().requests, seen.counter(Counter::SamplesLost)), ((1 << 32) + (1 << 31), (1 << 31) + 1));
}

#[test]
fn lost_samples_at_their_limits_and_above() {
    let with = |lost| {
        verdict(|_, recorder| {
            (0..9_900).for_each(|_| recorder.record(&sample(Row::Health, 0, 1)));
            recorder.count(Counter::SamplesLost, lost);
        })
    };
    assert_eq!(with(0).validity(), Validity::Valid);
    assert_eq!(only(&with(1)), (Limit::SamplesLost, Validity::Degraded));
    assert_eq!(only(&with(100)), (Limit::SamplesLost, Validity::Degraded));
    assert_eq!(only(&with(101)), (Limit::SamplesLost, Validity::Invalid));
}

#[test]
fn arrivals_that_came_too_late_are_judged_by_their_share() {
    let with = |started, missed| {
        verdict(|_, recorder| {
            recorder.count(Counter::Arrivals, started);
            recorder.count(Counter::ArrivalsMissed, missed);
        })
    };
    assert_eq!(with(990, 10).validity(), Validity::Valid);
    assert_eq!(only(&with(989, 11)), (Limit::Arrivals, Validity::Degraded));
    assert_eq!(only(&with(950, 50)), (Limit::Arrivals, Validity::Degraded));
    assert_eq!(only(&with(949, 51)), (Limit::Arrivals, Validity::Invalid));
}

#[test]
fn arrivals_dropped_at_max_users_count_as_started() {
    let verdict = verdict(|_, recorder| {
        recorder.count(Counter::Arrivals, 1_000);
        recorder.count(Counter::Dropped, 900);
    });
    assert_eq!(verdict.validity(), Validity::Valid);
}

#[test]
fn any_exhaustion_of_this_machine_is_invalid_and_any_other_failure_is_data() {
    let with = |kind| verdict(|_, recorder| recorder.record(&failed(Row::Health, 0, 1, kind, PointId(1))));
    assert_eq!(only(&with(ErrorKind::Local)), (Limit::Exhausted, Validity::Invalid));
    for kind in ErrorKind::ALL.iter().filter(|kind| **kind != ErrorKind::Local) {
        assert_eq!(with(*kind).validity(), Validity::Valid, "{kind:?}");
    }
}

#[test]
fn a_run_without_a_finished_iteration_is_invalid_and_one_that_failed_is_finished() {
    let (_, plan) = world();
    let with = |outcome| {
        let mut recorder = Recorder::new(&plan, 0);
        recorder.iteration(&iteration(HEALTH, HTTP, outcome, 5));
        Verdict::of(&plan, &recorder.take(Offset::from(SECOND), Duration::ZERO), &[])
    };
    assert_eq!(only(&Verdict::of(&plan, &Snapshot::default(), &[])), (Limit::NothingFinished, Validity::Invalid));
    assert_eq!(only(&with(IterationOutcome::Abandoned)), (Limit::NothingFinished, Validity::Invalid));
    assert_eq!(with(IterationOutcome::Failed).validity(), Validity::Valid);
}

#[test]
fn a_time_threshold_without_data_degrades_and_one_with_a_single_sample_does_not() {
    let with = |record: bool| {
        verdict(|plan, recorder| {
            let metric = Metric::Percentile(95.0);
            plan.thresholds = vec![threshold("p95 < 1s", metric, Subject::Run, Comparison::Less, 1.0)];
            if record {
                recorder.record(&sample(Row::Health, 0, 1));
            }
        })
    };
    assert_eq!(with(true).validity(), Validity::Valid);
    assert_eq!(only(&with(false)), (Limit::NoData, Validity::Degraded));
    assert_eq!(with(false).reasons[0].text, "1 threshold has no data: `p95 < 1s`");
}

#[test]
fn the_worst_reason_comes_first_and_decides() {
    let verdict = verdict_of_seconds(10, |_| 950, |_, recorder| late(recorder, SECOND));
    let reasons: Vec<_> = verdict.reasons.iter().map(|reason| (reason.limit, reason.validity)).collect();
    assert_eq!(reasons, [(Limit::Lateness, Validity::Invalid), (Limit::Cpu, Validity::Degraded)]);
    assert_eq!(verdict.validity(), Validity::Invalid);
}

// ── the last ten seconds ──

#[test]
fn recent_reaches_back_ten_seconds_and_no_further() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    let mut recent = Recent::new(&plan, SECOND * 10);
    for second in 1..=25u32 {
        (0..second).for_each(|_| recorder.record(&sample(Row::Health, 0, second.into())));
        // Windows are never exactly a second.
        let jitter = millis((second % 3).into());
        recent.push(&recorder.take(Offset::from(SECOND * second + jitter), Duration::ZERO));
    }
    assert_eq!(recent.times().count(), (16..=25).sum::<u64>());
    assert_eq!(recent.times().min(), Some(millis(16)));
    assert_eq!(recent.failures(), 0);
    assert!((20.4..20.6).contains(&recent.requests_per_second()));
}
