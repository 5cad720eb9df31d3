//! A run that ends while something is on its way.

use std::time::Duration;

use crate::rogue::Rogue;
use crate::trial::{Trial, alone};

/// Four users whose first iteration succeeds, whose second fails, and whose third is never answered; all ends when the
/// last of them waits.
#[track_caller]
fn cut_off(answered: &'static str, in_third: &str) {
    let held = alone();
    let mut rogue = Rogue::new(move |call| match (call.path(), call.number) {
        ("/first", _) => call.answer(200, ""),
        ("/then", number) if number < 4 => call.answer(200, ""),
        ("/then", number) if number < 8 => call.answer(503, ""),
        _ => {
            call.write(answered);
            call.stays_silent()
        }
    });
    let scenario = format!(
        "target \"{}\" {{ timeout 5m }}\nuser u {{ task t {{\nfirst: GET /first\n{in_third}\n}} }}\n",
        rogue.url()
    );
    let trial = Trial::of(&scenario).users(4).iterations(1_000);
    let seen = trial.run_until(|| {
        while rogue.asked_for("GET /then") < 12 {
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let totals = seen.total().totals();
    assert_eq!((seen.kinds(), seen.iterations()), (vec![("status", 4)], (4, 4)), "{:?}", seen.notes());
    assert_eq!(totals.abandoned_iterations, 4);
    assert_eq!(rogue.asked_for("GET /first"), 4 + 4 + 4, "started = succeeded + failed + abandoned");
    assert_eq!((seen.row("first"), seen.row("then")), ((12, 0), (4, 4)), "what was cut off is no sample");
    assert!(seen.finished.stopped);
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn what_waits_for_an_answer_when_all_ends_is_abandoned_and_leaves_nothing_open() {
    cut_off("", "then: GET /then");
}

#[test]
fn what_is_in_the_middle_of_an_answer_when_all_ends_is_abandoned_and_leaves_nothing_open() {
    cut_off("HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf", "then: GET /then { expect length(body) >= 0 }");
}

#[test]
fn what_runs_side_by_side_when_all_ends_is_abandoned_and_leaves_nothing_open() {
    cut_off("", "parallel { then: GET /then }");
}
