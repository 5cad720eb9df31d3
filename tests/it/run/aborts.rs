//! Runs that a threshold ends, in virtual time.

use std::cell::Cell;
use std::time::Duration;

use scn::base::Span;
use scn::metrics::thresholds::{How, Judgement};
use scn::plan::{Comparison, Metric, Op, Subject, Threshold, When};
use scn::run::Finished;

use super::world::{BAD, Draft, Memory, OK, SECOND};

fn threshold(draft: &Draft, when: When, metric: Metric, comparison: Comparison, limit: f64) -> Threshold {
    let span: Span = draft.plan.points[0].span;
    Threshold { text: "?".into(), span, metric, subject: Subject::Run, comparison, limit, when }
}

/// One user whose iteration number k begins at k + 0.5 s and lasts a tenth of a second; from the tenth on they fail.
fn run(duration: Duration, thresholds: impl FnOnce(&Draft) -> Vec<Threshold>) -> Finished {
    let mut draft = Draft::new().duration(duration).think(SECOND * 9 / 10);
    let half = draft.pause(SECOND / 2);
    draft.on_start(vec![half]);
    let get = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(get))]);
    draft.plan.thresholds = thresholds(&draft);
    let asked = Cell::new(0);
    draft.run(&Memory::new(move |_| {
        asked.set(asked.get() + 1);
        (SECOND / 10, if asked.get() > 10 { BAD } else { OK })
    }))
}

#[test]
fn an_abort_ends_the_run_in_the_second_in_which_it_holds() {
    let finished = run(SECOND * 60, |draft| {
        let five = When::Abort(Some(SECOND * 5));
        vec![
            threshold(draft, five, Metric::ErrorRate, Comparison::Greater, 0.5),
            threshold(draft, When::AtEnd, Metric::ErrorRate, Comparison::Less, 0.5),
        ]
    });
    // The seconds 8 to 13 hold two good iterations and three bad ones.
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations, totals.abandoned_iterations), (13, 3, 0));
    assert_eq!(finished.length, SECOND * 13);
    let aborted = finished.aborted.expect("a threshold ended it");
    assert_eq!((aborted.threshold, aborted.value, aborted.at), (0, 0.6, SECOND * 13));
    assert!(!finished.stopped, "nobody pressed the button by hand");
    assert_eq!(finished.judged[0].how, How::Abort(Some(SECOND * 13)));
    assert_eq!(
        finished.judged.iter().map(|one| one.judgement).collect::<Vec<_>>(),
        [Judgement::Broken, Judgement::Kept]
    );
}

#[test]
fn an_abort_gives_running_iterations_their_graceful_stop() {
    // Each answer takes 2.5 s; at 5 s the third is on its way, and comes.
    let mut draft = Draft::new().duration(SECOND * 60);
    let get = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(get))]);
    let five = When::Abort(Some(SECOND * 5));
    draft.plan.thresholds = vec![threshold(&draft, five, Metric::Percentile(50.0), Comparison::Greater, 1.0)];
    draft.plan.thresholds[0].subject = Subject::Series(vec![scn::plan::SeriesId(0)]);
    let finished = draft.run(&Memory::ok(SECOND * 23 / 10));
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.abandoned_iterations), (3, 0));
    assert_eq!(finished.aborted.map(|aborted| aborted.at), Some(SECOND * 5));
    assert_eq!(finished.length, SECOND * 69 / 10);
}

#[test]
fn windows_are_judged_while_the_run_goes_and_the_last_partial_one_is_not() {
    let finished = run(SECOND * 14, |draft| {
        let four = When::Windows(SECOND * 4);
        vec![
            threshold(draft, four, Metric::ErrorRate, Comparison::Less, 0.5),
            threshold(draft, When::Windows(SECOND * 7), Metric::ErrorRate, Comparison::Less, 0.5),
        ]
    });
    assert_eq!(finished.total.totals().failed_iterations, 4);
    let judged = &finished.judged;
    // Seconds 8 to 12: two of four failed. The partial window from 12 on has only failures.
    assert_eq!((judged[0].how, judged[0].value, judged[0].broken_times), (How::Windows(3), Some(0.5), 1));
    assert_eq!(judged[0].breaks[0].window, Some((SECOND * 8, SECOND * 12)));
    assert_eq!((judged[1].how, judged[1].broken_times), (How::Windows(2), 1));
    assert_eq!(judged[1].value, Some(4.0 / 7.0));
}
