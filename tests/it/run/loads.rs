//! Loads in virtual time: stages, arrivals, counted iterations, warm-up. Exact counts.

use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::load::Shape;
use scn::plan::schedule::ramp::Stage;
use scn::plan::{Delay, Expr, Op, PointId, UserId, Value};
use scn::run::Finished;

use crate::run::world::{BAD, Draft, Memory, OK, SECOND};

const TENTH: Duration = Duration::from_millis(100);

/// One step to `/` per iteration.
fn simple(shape: Shape, duration: Duration) -> Draft {
    let mut draft = Draft::new().duration(duration);
    let step = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft.plan.load.parts[0].shape = shape;
    draft
}

fn stages(of: &[(f64, u64)]) -> Vec<Stage> {
    of.iter().map(|&(to, over)| Stage { to, over: Duration::from_secs(over) }).collect()
}

fn steady(rate: f64, seconds: u64, max_users: u32) -> Draft {
    let shape = Shape::Open { stages: stages(&[(rate, 0), (rate, seconds)]), max_users };
    simple(shape, Duration::from_secs(seconds))
}

fn counts(finished: &Finished) -> (u64, u64, u64, u64) {
    let (total, users) = (&finished.total, finished.total.users_of(UserId(0)));
    (total.totals().iterations, total.counter(Counter::Dropped), users.started, users.ended)
}

#[test]
fn arrivals_start_on_schedule_and_idle_users_take_them() {
    // Ten a second, answered within a tenth: one user is enough, and takes them all.
    let finished = steady(10.0, 60, 5).run(&Memory::ok(TENTH / 2));
    assert_eq!(counts(&finished), (600, 0, 1, 1));
    assert_eq!(finished.total.counter(Counter::Arrivals), 600);
    assert_eq!(finished.total.counter(Counter::ArrivalsMissed), 0);
    assert_eq!(finished.length, 60 * SECOND - TENTH + TENTH / 2 + TENTH / 2);
}

#[test]
fn users_are_made_as_they_are_needed_and_beyond_max_users_arrivals_are_dropped() {
    // Ten a second for ten seconds, each answered after a second: ten users are busy, five may be.
    let finished = steady(10.0, 10, 20).run(&Memory::ok(SECOND - TENTH / 2));
    assert_eq!(counts(&finished), (100, 0, 10, 10));
    let finished = steady(10.0, 10, 5).run(&Memory::ok(SECOND - TENTH / 2));
    assert_eq!(counts(&finished), (50, 50, 5, 5));
    assert_eq!(finished.total.counter(Counter::Arrivals), 100);
}

#[test]
fn a_stalled_server_cannot_hide_behind_a_stalled_client() {
    // The server is away for the first two of ten seconds: whoever came then waited for its end.
    let finished = {
        let service = Memory::new({
            let first = std::cell::Cell::new(true);
            move |_| if first.replace(false) { (2 * SECOND, OK) } else { (Duration::ZERO, OK) }
        });
        // One user may be: the others queue nowhere, they are dropped and counted.
        steady(10.0, 10, 1).run(&service)
    };
    // The first of the hundred was busy until the twentieth behind it was due.
    assert_eq!(counts(&finished), (80, 20, 1, 1));
}

#[test]
fn think_time_does_not_apply_to_arrivals() {
    let finished = steady(10.0, 10, 1).think(SECOND).run(&Memory::ok(TENTH / 2));
    assert_eq!(counts(&finished), (100, 0, 1, 1));
}

#[test]
fn a_new_users_on_start_bears_the_arrivals_due_moment() {
    let mut draft = steady(1.0, 3, 3);
    let login = draft.get("/login");
    draft.on_start(vec![Op::Http(Box::new(login))]);
    let finished = draft.run(&Memory::ok(TENTH));
    assert_eq!(counts(&finished), (3, 0, 1, 1));
    let times = finished.total.series[1].response_times();
    assert_eq!((times.count(), times.max()), (1, Some(TENTH)));
    // The first step is due when `on start` ends.
    assert_eq!(finished.total.series[0].response_times().max(), Some(TENTH));
}

#[test]
fn a_failed_on_start_takes_its_arrival_with_it_and_leaves_its_place() {
    let mut draft = steady(1.0, 5, 1);
    let login = draft.get("/login");
    draft.on_start(vec![Op::Http(Box::new(login))]);
    let finished = draft.run(&Memory::new(|path| (TENTH, if path == "/login" { BAD } else { OK })));
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations), (5, 5));
    assert_eq!(counts(&finished).1, 0);
}

#[test]
fn a_ramp_of_arrivals_has_as_many_as_its_area() {
    let shape = Shape::Open { stages: stages(&[(20.0, 10), (20.0, 10), (0.0, 10)]), max_users: 100 };
    let finished = simple(shape, 30 * SECOND).run(&Memory::ok(TENTH));
    assert_eq!(finished.total.totals().iterations, 100 + 200 + 100);
}

#[test]
fn a_falling_stage_retires_the_youngest_users_after_their_iteration() {
    let shape = Shape::Closed { stages: stages(&[(4.0, 0), (4.0, 10), (2.0, 0), (2.0, 10)]) };
    let finished = simple(shape, 20 * SECOND).think(SECOND - TENTH).run(&Memory::ok(TENTH));
    let users = finished.total.users_of(UserId(0));
    assert_eq!((users.started, users.ended), (4, 4));
    // Four users for ten seconds, two for twenty, one request a second.
    assert_eq!(finished.total.totals().requests, 2 * 10 + 2 * 20);
}

#[test]
fn who_is_retired_in_the_middle_of_an_iteration_comes_to_its_end() {
    // Three users from the beginning, one from the fifth second on; each iteration takes two seconds.
    let shape = Shape::Closed { stages: stages(&[(3.0, 0), (3.0, 5), (1.0, 0), (1.0, 5)]) };
    let finished = simple(shape, 10 * SECOND).run(&Memory::ok(2 * SECOND));
    let totals = finished.total.totals();
    // The two youngest begin their third one in the fourth second; the eldest has five.
    assert_eq!((totals.iterations, totals.abandoned_iterations), (2 * 3 + 5, 0));
    assert_eq!(finished.total.users_of(UserId(0)).ended, 3);
}

#[test]
fn who_thinks_when_it_is_retired_ends_at_once() {
    let shape = Shape::Closed { stages: stages(&[(2.0, 0), (2.0, 5), (1.0, 0), (1.0, 15)]) };
    let mut draft = simple(shape, 20 * SECOND).think(9 * SECOND);
    let bye = draft.get("/bye");
    draft.on_stop(vec![Op::Http(Box::new(bye))]);
    let service = Memory::new(|_| (SECOND, OK));
    let finished = draft.run(&service);
    // One iteration of the younger, which thinks until the fifth second; two of the elder.
    assert_eq!(finished.total.totals().iterations, 1 + 2);
    let byes = service.heard.borrow().iter().filter(|head| head.starts_with("GET /bye")).count();
    assert_eq!(byes, 2, "each has gone through `on stop`");
}

#[test]
fn iterations_that_keep_a_pace_begin_at_their_times_however_long_each_took() {
    let mut draft = simple(Shape::users(1, 1.0), 10 * SECOND);
    let pace = Delay::Fixed(Expr::Literal(Value::Duration(SECOND)));
    draft.plan.users[0].pace = Some((pace, PointId(0)));
    let finished = draft.run(&Memory::ok(TENTH));
    assert_eq!(finished.total.totals().iterations, 10);
    assert_eq!(finished.total.lateness.max(), Some(Duration::from_micros(1)), "none but the least that is told apart");

    // The third is away for two seconds and a half: the two behind it begin late, and that is the target's doing.
    let turn = std::cell::Cell::new(0);
    let service = Memory::new(move |_| {
        turn.set(turn.get() + 1);
        (if turn.get() == 3 { 5 * SECOND / 2 } else { TENTH }, OK)
    });
    let finished = draft.run(&service);
    assert_eq!(finished.total.totals().iterations, 10);
    let times = finished.total.series[0].response_times();
    // Due at 3 and 4 s, begun at 4.5 and 4.6 s: waiting for its turn is part of what the user felt.
    let of =
        |millis: u64| times.buckets().iter().filter(|(time, _)| time / 1_000 == millis).map(|(_, n)| n).sum::<u64>();
    assert_eq!((of(100), of(700), of(1_600), of(2_500)), (7, 1, 1, 1), "{:?}", times.buckets());
    assert_eq!(finished.total.lateness.max(), Some(Duration::from_micros(1)));
}

#[test]
fn on_stop_has_what_is_left_of_the_graceful_stop() {
    let mut draft = simple(Shape::users(1, 1.0), 2 * SECOND).graceful(3 * SECOND);
    let bye = draft.get("/bye");
    draft.on_stop(vec![Op::Http(Box::new(bye))]);
    // The last iteration ends at 3 s: `on stop` has until 5 s.
    let in_time = Memory::new(|path| (if path == "/bye" { 2 * SECOND - TENTH } else { 3 * SECOND / 2 }, OK));
    let finished = draft.run(&in_time);
    assert_eq!((finished.total.totals().requests, finished.length), (3, 5 * SECOND - TENTH));
    let too_late = Memory::new(|path| (if path == "/bye" { 9 * SECOND } else { 3 * SECOND / 2 }, OK));
    let finished = draft.run(&too_late);
    assert_eq!((finished.total.totals().requests, finished.length), (2, 5 * SECOND));
}

#[test]
fn counted_iterations_end_the_run_when_the_last_has_ended() {
    let mut draft = simple(Shape::users(3, f64::INFINITY), 600 * SECOND);
    draft.plan.load.iterations = Some(100);
    let finished = draft.run(&Memory::ok(TENTH));
    assert_eq!(counts(&finished), (100, 0, 3, 3));
    assert_eq!(finished.length, 34 * TENTH);
}

#[test]
fn each_second_tells_the_warm_up_and_what_counts_apart() {
    let mut draft = simple(Shape::users(1, 1.0), 6 * SECOND).think(SECOND - TENTH);
    draft.plan.load.warm_up = 3 * SECOND;
    let mut seconds = Vec::new();
    draft.run_watched(&Memory::ok(TENTH), async |_| {}, &mut |tick| {
        let requests = |seen: &scn::metrics::Snapshot| seen.totals().requests;
        seconds.push((tick.warm_up.map(requests), requests(tick.counted), requests(tick.total)));
    });
    let (warming, counting) = ([(Some(1), 0, 1), (Some(2), 0, 2), (Some(3), 0, 3)], [1, 2, 3]);
    assert_eq!(seconds[..3], warming);
    assert_eq!(seconds[3..6], counting.map(|count| (Some(3), count, count)));
}

#[test]
fn what_the_warm_up_saw_is_kept_apart() {
    let mut draft = simple(Shape::users(1, 1.0), 10 * SECOND).think(SECOND - TENTH);
    draft.plan.load.warm_up = 3 * SECOND;
    let finished = draft.run(&Memory::ok(TENTH));
    let warm = finished.warm_up.as_ref().expect("there was one");
    assert_eq!((warm.totals().requests, finished.total.totals().requests), (3, 7));
    assert_eq!(finished.total.length(), 7 * SECOND);
    // Who lives, lives on.
    assert_eq!(finished.total.users_of(UserId(0)).started, 1);
}
