//! The stop button, in virtual time.

use std::time::Duration;

use scn::plan::Op;

use crate::run::world::{Draft, Memory, SECOND};

/// A slow step of three seconds per iteration, then an `on stop`.
fn slow() -> Draft {
    let mut draft = Draft::new().users(4, 1000.0).duration(60 * SECOND).think(10 * SECOND);
    let (step, stop) = (draft.get("/slow"), draft.get("/stop"));
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    draft.on_stop(vec![Op::Http(Box::new(stop))]);
    draft
}

fn service() -> Memory {
    Memory::new(|path| (if path == "/slow" { 3 * SECOND } else { Duration::from_millis(100) }, crate::run::world::OK))
}

#[test]
fn pressed_once_running_iterations_end_on_their_own() {
    let finished = slow().run_until(&service(), async |stop| {
        tokio::time::sleep(SECOND).await;
        stop.press();
    });
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.abandoned_iterations, totals.requests), (4, 0, 8));
    assert!(finished.stopped);
    assert!(finished.length < Duration::from_millis(3_200), "{:?}", finished.length);
}

#[test]
fn pressed_while_all_think_the_run_ends_at_once() {
    let finished = slow().run_until(&service(), async |stop| {
        tokio::time::sleep(5 * SECOND).await;
        stop.press();
    });
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.abandoned_iterations, totals.requests), (4, 0, 8));
    assert_eq!(finished.length.as_millis(), 5_100);
}

#[test]
fn pressed_twice_all_ends_at_once_and_what_ran_is_abandoned() {
    let finished = slow().run_until(&service(), async |stop| {
        tokio::time::sleep(SECOND).await;
        stop.press();
        tokio::time::sleep(SECOND).await;
        stop.press();
    });
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.abandoned_iterations, totals.requests), (0, 4, 0));
    assert_eq!(finished.length, 2 * SECOND);
    assert!(finished.stopped);
}

#[test]
fn pressed_before_the_start_nothing_is_sent() {
    let service = service();
    let draft = slow();
    let finished = draft.run_until(&service, async |stop| stop.press());
    assert_eq!(finished.total.totals().iterations, finished.total.users_of(scn::plan::UserId(0)).started);
}
