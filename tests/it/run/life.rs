//! Users' lives, in virtual time: exact counts.

use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::{Delay, Expr, Op, PointKind, UserId, Value};

use crate::run::world::{BAD, Draft, Memory, OK, SECOND, kinds};

const TENTH: Duration = Duration::from_millis(100);

/// One step to `/` per iteration, answered after a tenth of a second.
fn simple() -> Draft {
    let mut draft = Draft::new();
    let step = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft
}

#[test]
fn a_user_without_think_sends_one_request_after_another() {
    let finished = simple().run(&Memory::ok(TENTH));
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.failures), (100, 0));
    assert_eq!((totals.iterations, totals.abandoned_iterations), (100, 0));
    assert_eq!(finished.length, 10 * SECOND);
    let times = finished.total.series[0].response_times();
    assert_eq!((times.min(), times.max()), (Some(TENTH), Some(TENTH)));
    // The least that is kept.
    assert_eq!(finished.total.lateness.max(), Some(Duration::from_micros(1)));
}

#[test]
fn thinking_stands_after_every_task_and_not_before_the_first() {
    // At 0, 1.1, 2.2 … 9.9 seconds.
    let finished = simple().think(SECOND).run(&Memory::ok(TENTH));
    assert_eq!(finished.total.totals().requests, 10);
    // The tenth begins at 9.9 and ends with the run; whoever thinks then ends at once.
    assert_eq!(finished.length, 10 * SECOND);
}

#[test]
fn users_start_at_the_spawn_rate_and_stay_to_the_end() {
    // User n starts at n / 2 s and lives on: 10 × 5 s in ramp-up halves, then all ten.
    let draft = simple().users(10, 2.0).think(Duration::from_millis(900));
    let finished = draft.run(&Memory::ok(TENTH));
    let users = finished.total.users_of(UserId(0));
    assert_eq!((users.started, users.ended), (10, 10));
    // User n has 10 - n / 2 seconds, one request a second: 10, 10, 9, 9, 8, 8, 7, 7, 6, 6.
    assert_eq!(finished.total.totals().requests, 80);
}

#[test]
fn users_that_would_start_after_the_end_never_start() {
    let finished = simple().users(100, 1.0).duration(4 * SECOND).think(SECOND).run(&Memory::ok(TENTH));
    assert_eq!(finished.total.users_of(UserId(0)).started, 4);
}

#[test]
fn a_running_iteration_gets_its_graceful_stop() {
    let mut draft = Draft::new().duration(SECOND).graceful(5 * SECOND);
    let (first, second) = (draft.get("/first"), draft.get("/second"));
    let pause = draft.pause(2 * SECOND);
    draft.task(1.0, vec![Op::Http(Box::new(first)), pause, Op::Http(Box::new(second))]);
    let finished = draft.run(&Memory::ok(TENTH));
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.iterations, totals.abandoned_iterations), (2, 1, 0));
    assert_eq!(finished.length, Duration::from_millis(2_200));
    // Wall time less pauses.
    assert_eq!(finished.total.tasks[0].time.max(), Some(2 * TENTH));
}

#[test]
fn what_outlasts_the_graceful_stop_is_abandoned_and_in_no_rate() {
    let mut draft = Draft::new().users(3, 1000.0).duration(SECOND).graceful(2 * SECOND);
    let step = draft.get("/slow");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let finished = draft.run(&Memory::ok(9 * SECOND));
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.iterations, totals.abandoned_iterations), (0, 0, 3));
    assert_eq!(finished.length, 3 * SECOND);
    let users = finished.total.users_of(UserId(0));
    assert_eq!((users.started, users.ended), (3, 3));
}

#[test]
fn on_start_runs_once_before_and_on_stop_once_after_the_tasks() {
    let mut draft = Draft::new().users(2, 1000.0).think(SECOND).duration(3 * SECOND);
    let (start, step, stop) = (draft.get("/start"), draft.get("/task"), draft.get("/stop"));
    draft.on_start(vec![Op::Http(Box::new(start))]);
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft.on_stop(vec![Op::Http(Box::new(stop))]);
    let service = Memory::ok(TENTH);
    let finished = draft.run(&service);
    let paths: Vec<_> = service.heard.borrow().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect();
    let count = |path: &str| paths.iter().filter(|heard| *heard == path).count();
    // Tasks at 0.1, 1.2, 2.3.
    assert_eq!((count("/start"), count("/task"), count("/stop")), (2, 6, 2));
    assert_eq!(paths[..2], ["/start", "/start"]);
    assert_eq!(paths[8..], ["/stop", "/stop"]);
    // An `on start` that succeeds is no iteration.
    assert_eq!(finished.total.totals().iterations, 6);
}

#[test]
fn a_failing_on_start_ends_the_user_and_another_takes_its_place_at_the_spawn_rate() {
    let mut draft = Draft::new().users(1, 1.0).duration(Duration::from_millis(4_500));
    let (start, step, stop) = (draft.get("/start"), draft.get("/task"), draft.get("/stop"));
    draft.on_start(vec![Op::Http(Box::new(start))]);
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft.on_stop(vec![Op::Http(Box::new(stop))]);
    let service = Memory::new(|path| (TENTH, if path == "/start" { BAD } else { OK }));
    let finished = draft.run(&service);
    // At 0, 1, 2, 3, 4 seconds; no task, and no `on stop`, which is for users that have started.
    assert_eq!(kinds(&finished.total), [("status", 5)]);
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.iterations, totals.failed_iterations), (5, 5, 5));
    assert_eq!(finished.total.users_of(UserId(0)).started, 5);
    assert_eq!(finished.total.counter(Counter::UsersFailed), 5);
}

#[test]
fn a_failed_step_ends_the_iteration_and_thinking_follows_as_usual() {
    let mut draft = Draft::new().think(SECOND).duration(5 * SECOND);
    let (bad, never) = (draft.get("/bad"), draft.get("/never"));
    draft.task(1.0, vec![Op::Http(Box::new(bad)), Op::Http(Box::new(never))]);
    let service = Memory::new(|_| (Duration::ZERO, BAD));
    let finished = draft.run(&service);
    assert_eq!(kinds(&finished.total), [("status", 5)]);
    assert_eq!(finished.total.totals().failed_iterations, 5);
    // One connection carries them all: a bad status is no reason to hang up.
    assert_eq!(*service.dialled.borrow(), 1);
}

#[test]
fn a_user_that_nobody_answers_tries_at_most_a_hundred_times_a_second() {
    let draft = simple().duration(SECOND);
    let finished = draft.run(&Memory::new(|_| (Duration::ZERO, "")));
    assert_eq!(kinds(&finished.total), [("closed", 100)]);
    assert_eq!(finished.total.totals().failed_iterations, 100);
}

#[test]
fn a_task_that_asks_nothing_does_not_hold_its_thread() {
    let mut draft = Draft::new().duration(SECOND);
    draft.task(1.0, Vec::new());
    let finished = draft.run(&Memory::ok(TENTH));
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations, totals.requests), (100, 0, 0));
    assert_eq!(finished.length, SECOND);
}

#[test]
fn tasks_are_drawn_by_weight_and_the_same_seed_draws_the_same() {
    let mut draft = Draft::new().users(20, 1000.0).duration(20 * SECOND);
    for (path, weight) in [("/five", 5.0), ("/three", 3.0), ("/two", 2.0), ("/never", 0.0)] {
        let step = draft.get(path);
        draft.task(weight, vec![Op::Http(Box::new(step))]);
    }
    let counts = |draft: &Draft| {
        let finished = draft.run(&Memory::ok(TENTH));
        let total = finished.total;
        (0..4).map(|row| total.series.get(row).map_or(0, |row| row.requests())).collect::<Vec<_>>()
    };
    let first = counts(&draft);
    assert_eq!(first.iter().sum::<u64>(), 4_000, "20 users, 200 iterations each");
    for (count, share) in first.iter().zip([0.5, 0.3, 0.2, 0.0]) {
        assert!((*count as f64 / 4_000.0 - share).abs() < 0.03, "{first:?}");
    }
    assert_eq!(first, counts(&draft));
    draft.plan.seed = scn::base::Seed(8);
    assert_ne!(first, counts(&draft));
}

#[test]
fn a_repeat_runs_its_body_so_often_and_a_count_that_is_none_fails() {
    let run = |count: f64| {
        let mut draft = Draft::new().duration(Duration::from_millis(500)).think(SECOND);
        let (counter, limit) = (draft.slot(), draft.slot());
        let (point, step) = (draft.point(PointKind::Statement), draft.get("/"));
        let count = Expr::Literal(Value::Number(count));
        let start = draft.plan.ops.len() as u32;
        let (body, end) = (scn::plan::OpId(start + 1), scn::plan::OpId(start + 3));
        let ops = vec![
            Op::Loop { count, counter, limit, end, point },
            Op::Http(Box::new(step)),
            Op::Again { counter, limit, body },
        ];
        draft.task(1.0, ops);
        let finished = draft.run(&Memory::ok(Duration::ZERO));
        let totals = finished.total.totals();
        (totals.requests, totals.iterations, totals.failed_iterations)
    };
    assert_eq!(run(3.0), (3, 1, 0));
    assert_eq!(run(1.0), (1, 1, 0));
    assert_eq!(run(0.0), (0, 1, 0));
    for count in [-1.0, 1.5, 1e7] {
        assert_eq!(run(count), (0, 1, 1), "{count}");
    }
}

#[test]
fn a_pause_counts_from_the_end_of_the_step_before_it() {
    let mut draft = Draft::new().duration(SECOND);
    let (first, second) = (draft.get("/first"), draft.get("/second"));
    let pause = draft.pause(SECOND);
    draft.task(1.0, vec![Op::Http(Box::new(first)), pause, Op::Http(Box::new(second))]);
    let finished = draft.run(&Memory::ok(TENTH));
    assert_eq!(finished.length, Duration::from_millis(1_200));
    // The least that is kept.
    assert_eq!(finished.total.lateness.max(), Some(Duration::from_micros(1)));
    assert_eq!(finished.total.tasks[0].time.max(), Some(2 * TENTH));
}

#[test]
fn a_think_that_varies_is_drawn_from_the_users_own_stream() {
    let mut draft = simple().users(50, 1000.0).duration(60 * SECOND);
    let seconds = |seconds: u64| Expr::Literal(Value::Duration(Duration::from_secs(seconds)));
    draft.plan.users[0].think = Delay::Range(seconds(1), seconds(3));
    let first = draft.run(&Memory::ok(Duration::ZERO)).total.totals().requests;
    // 50 users, 60 s, 2 s each on average.
    assert!((1_450..1_570).contains(&first), "{first}");
    assert_eq!(first, draft.run(&Memory::ok(Duration::ZERO)).total.totals().requests);
}
