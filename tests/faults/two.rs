//! What a server of HTTP/2 can do wrong, and what it may do that is seldom done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use scn::metrics::{Counter, ErrorKind};

use crate::frames::{
    CANCEL, ENHANCE_YOUR_CALM, Frames, INITIAL_WINDOW, INTERNAL_ERROR, NO_ERROR, OK, PROTOCOL_ERROR, REFUSED_STREAM,
    STREAMS_MAX, server,
};
use crate::rogue::Rogue;
use crate::trial::{Seen, Trial, alone};

/// Three iterations of one step of one user, over so many connections: each fails as `kind`, and says `note`.
#[track_caller]
fn fails_as(kind: &'static str, note: &str, connections: u64, rogue: impl FnOnce() -> Rogue) -> Seen {
    let (held, mut rogue) = (alone(), rogue());
    let seen = Trial::over_two(kind, &rogue.url(), "step: GET /x { expect length(body) >= 0 }").run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples(), seen.row("step")), ((0, 3), (3, 3), (0, 3)));
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsOpened)), (connections, connections));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
    seen
}

/// A server that does this with every request.
fn each(conduct: impl Fn(&mut Frames<'_>, u32) -> bool + Send + Sync + 'static) -> Rogue {
    server(&[], move |frames| {
        while let Some(stream) = frames.request() {
            if !conduct(frames, stream) {
                return false;
            }
        }
        false
    })
}

/// One that answers every request.
fn answers(frames: &mut Frames<'_>, stream: u32) -> bool {
    frames.answer(stream);
    true
}

#[test]
fn a_stream_of_http_2_is_reset_before_the_head_or_in_the_body() {
    for (reason, kind) in [(INTERNAL_ERROR, "reset"), (CANCEL, "reset"), (PROTOCOL_ERROR, "protocol")] {
        for (begins, note) in [(false, "before the answer's head"), (true, "in the body, after 4B")] {
            let held = alone();
            // Of each two requests the first is reset.
            let mut rogue = server(&[], move |frames| {
                while let Some(bad) = frames.request() {
                    if begins {
                        frames.head(bad, OK);
                        frames.body(bad, b"half");
                    }
                    frames.reset_stream(bad, reason);
                    let Some(good) = frames.request() else { return false };
                    frames.answer(good);
                }
                false
            });
            let task =
                "attempt { bad: GET /bad { expect length(body) >= 0 } }\ngood: GET /good { expect body == \"ok\" }";
            let seen = Trial::over_two(kind, &rogue.url(), task).run();
            assert_eq!((seen.kinds(), seen.iterations()), (vec![(kind, 3)], (3, 0)), "{:?}", seen.notes());
            assert_eq!((seen.row("bad"), seen.row("good"), rogue.accepted()), ((0, 3), (3, 0), 1));
            let words = format!("the server reset the stream {note}");
            assert!(seen.notes().iter().all(|said| said.starts_with(&words)), "{:?}", seen.notes());
            held.nothing_leaks(&mut [&mut rogue]);
        }
    }
}

#[test]
fn a_stream_of_http_2_is_refused_once() {
    let held = alone();
    let mut rogue = each(|frames, stream| {
        if frames.number() == 0 {
            frames.reset_stream(stream, REFUSED_STREAM);
        } else {
            frames.answer(stream);
        }
        true
    });
    let seen = Trial::over_two("", &rogue.url(), "step: GET /x { expect status 200 }").run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsStale)), (2, 1));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn streams_of_http_2_are_refused_again_and_again() {
    let refuses = || {
        each(|frames, stream| {
            frames.reset_stream(stream, REFUSED_STREAM);
            true
        })
    };
    // Each request goes out twice.
    let seen = fails_as("reset", "the server reset the stream before the answer's head", 6, refuses);
    assert_eq!(seen.counter(Counter::ConnectionsStale), 3);
}

#[test]
fn a_server_of_http_2_goes_away_before_it_has_begun() {
    for reason in [NO_ERROR, ENHANCE_YOUR_CALM] {
        let held = alone();
        let mut rogue = each(move |frames, stream| {
            if frames.number() > 0 {
                return answers(frames, stream);
            }
            frames.go_away(0, reason);
            frames.stays_silent()
        });
        let seen = Trial::over_two("", &rogue.url(), "step: GET /x { expect status 200 }").run();
        assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
        assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsStale)), (2, 1));
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_server_of_http_2_goes_away_from_every_connection_before_it_has_begun() {
    let held = alone();
    let mut rogue = each(|frames, _| {
        frames.go_away(0, NO_ERROR);
        frames.stays_silent()
    });
    let seen = Trial::over_two("", &rogue.url(), "step: GET /x { expect status 200 }").iterations(2).run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![("closed", 2)], (0, 2), (2, 2)));
    // Ten are followed by another.
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsStale)), (22, 22));
    assert_eq!(seen.counter(Counter::LimitsReached), 2);
    assert!(seen.notes()[0].starts_with("the server ended the connection"), "{:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_server_of_http_2_goes_away_and_answers_what_it_has_begun_with() {
    let held = alone();
    let mut rogue = each(|frames, stream| {
        frames.go_away(stream, NO_ERROR);
        frames.settle();
        frames.answer(stream);
        frames.stays_silent()
    });
    let seen = Trial::over_two("", &rogue.url(), "step: GET /x { expect status 200 }").run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsOpened)), (3, 3));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_server_of_http_2_goes_away_and_leaves_what_it_has_begun_with() {
    fails_as("closed", "connection closed by the peer before the answer's head", 3, || {
        each(|frames, stream| {
            frames.go_away(stream, INTERNAL_ERROR);
            frames.ends()
        })
    });
}

#[test]
fn a_server_of_http_2_is_silent() {
    // The connection is good for the next request.
    fails_as("timeout", "no answer within 150ms", 1, || each(|frames, _| frames.stays_silent()));
}

#[test]
fn a_server_of_http_2_stalls_in_the_body() {
    fails_as("timeout", "the head had arrived, 4 bytes of the body read", 1, || {
        each(|frames, stream| {
            frames.head(stream, OK);
            frames.body(stream, b"half")
        })
    });
}

#[test]
fn a_connection_of_http_2_ends_or_is_reset_in_the_body() {
    let half = |frames: &mut Frames<'_>, stream| {
        frames.head(stream, OK);
        frames.body(stream, b"half");
    };
    fails_as("closed", "in the body, after 4B", 3, || {
        each(move |frames, stream| {
            half(frames, stream);
            frames.ends()
        })
    });
    fails_as("reset", "in the body, after 4B", 3, || {
        each(move |frames, stream| {
            half(frames, stream);
            frames.reset()
        })
    });
}

#[test]
fn setup_and_teardown_leave_nothing_of_http_2_behind() {
    let (held, mut rogue) = (alone(), each(answers));
    let scenario = format!(
        "target \"{}\" {{ timeout 20s; http 2 }}\n\
         setup {{ before: GET /x }}\nteardown {{ after: GET /x }}\nuser u {{ task t {{ step: GET /x }} }}\n",
        rogue.url()
    );
    let seen = Trial::of(&scenario).run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (5, 0)), "{:?}", seen.notes());
    assert_eq!((seen.row("before"), seen.row("after"), seen.row("step")), ((1, 0), (1, 0), (3, 0)));
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsOpened)), (3, 3));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_rehearsal_leaves_nothing_of_http_2_behind() {
    let held = alone();
    let mut rogue =
        each(|frames, stream| if frames.requests == 1 { answers(frames, stream) } else { frames.stays_silent() });
    let seen = Trial::over_two("timeout", &rogue.url(), "GET /x { timeout 20s }\nGET /y").rehearse().seen;
    let totals = seen.totals();
    assert_eq!((totals.requests, totals.failures, totals.failed_iterations), (2, 1, 1));
    assert_eq!((seen.failures_of(ErrorKind::Timeout), rogue.accepted()), (1, 1));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_head_of_http_2_never_ends() {
    fails_as("protocol", "the server sends without end what is no answer, before the answer's head", 3, || {
        each(|frames, stream| {
            frames.endless_head(stream);
            false
        })
    });
}

#[test]
fn http_2_is_answered_in_http_1_1() {
    fails_as("protocol", "what came is not HTTP/2", 3, || {
        Rogue::new(|call| {
            call.answer(400, "what is PRI?");
            call.ends()
        })
    });
}

#[test]
fn a_server_of_http_2_never_takes_a_body() {
    let held = alone();
    // Of no stream anything is taken, from the second request on: the first may be there before this is known.
    let mut shut = server(&[(INITIAL_WINDOW, 0)], |frames| {
        while let Some(stream) = frames.request() {
            frames.settle();
            frames.answer(stream);
        }
        assert_eq!((frames.requests, frames.data), (6, 0));
        false
    });
    let seen = Trial::over_two("timeout", &shut.url(), "GET /x\nstep: POST /x { json { a: 1 } }").run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![("timeout", 3)], (0, 3), (6, 3)));
    assert!(seen.notes().iter().all(|said| *said == "no answer within 150ms"), "{:?}", seen.notes());
    // Of all together no more than a connection begins with.
    let mut full = server(&[(INITIAL_WINDOW, 1 << 30)], |frames| {
        frames.stays_silent();
        assert_eq!(frames.requests, 3);
        assert!(frames.data <= 65_535, "{}", frames.data);
        false
    });
    let large = "step: POST /x { multipart { file: file(\"large.bin\", \"a/b\") } }";
    let seen = Trial::over_two("timeout", &full.url(), large).run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![("timeout", 3)], (0, 3), (3, 3)));
    assert_eq!((shut.accepted(), full.accepted()), (1, 1));
    held.nothing_leaks(&mut [&mut shut, &mut full]);
}

#[test]
fn a_server_of_http_2_changes_how_many_streams_it_takes() {
    let held = alone();
    let mut rogue = server(&[(STREAMS_MAX, 4)], |frames| {
        let answer = |frames: &mut Frames<'_>| {
            let stream = frames.asked.remove(0);
            frames.answer(stream);
        };
        // The first iteration: all four at once.
        assert!(frames.wait(|frames| frames.asked.len() == 4));
        // Fewer than there are; the second goes on one by one.
        frames.settings(&[(STREAMS_MAX, 1)]);
        frames.settle();
        (0..4).for_each(|_| answer(frames));
        for left in (0..4).rev() {
            assert!(frames.wait(|frames| frames.asked.len() == 1));
            frames.settle();
            assert_eq!(frames.asked.len(), 1);
            if left == 0 {
                // Nothing any more, whatever the third has to ask.
                frames.settings(&[(STREAMS_MAX, 0)]);
                frames.settle();
            }
            answer(frames);
        }
        frames.settle();
        assert_eq!((frames.asked.len(), frames.requests), (0, 8));
        // And then more than before.
        frames.settings(&[(STREAMS_MAX, 3)]);
        assert!(frames.wait(|frames| frames.asked.len() == 3));
        frames.settle();
        assert_eq!(frames.asked.len(), 3);
        answer(frames);
        assert!(frames.wait(|frames| frames.asked.len() == 3));
        (0..3).for_each(|_| answer(frames));
        frames.stays_silent();
        assert_eq!(frames.requests, 12);
        false
    });
    let seen =
        Trial::over_two("", &rogue.url(), "parallel { for n in 1..4 { step: GET /${n} { expect status 200 } } }").run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (12, 0)), "{:?}", seen.notes());
    assert_eq!((seen.row("step"), rogue.accepted()), ((12, 0), 1));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_server_of_http_2_takes_less_of_a_body_than_it_had_said() {
    let held = alone();
    let mut rogue = server(&[], |frames| {
        let taken = |frames: &mut Frames<'_>, bytes: usize| {
            assert!(frames.wait(|frames| frames.data >= bytes));
            frames.settle();
            assert_eq!(frames.data, bytes);
        };
        taken(frames, 65_535);
        // More has come than may have: as much must be allowed for until anything comes again.
        frames.open_window(0, 1 << 30);
        frames.settings(&[(INITIAL_WINDOW, 10)]);
        taken(frames, 65_535);
        frames.open_window(1, 65_525);
        taken(frames, 65_535);
        frames.open_window(1, 1_000);
        taken(frames, 66_535);
        frames.open_window(1, 1 << 30);
        let Some(stream) = frames.request() else { return false };
        frames.answer(stream);
        // The next stream begins with what was said last.
        let all = frames.data;
        taken(frames, all + 10);
        frames.open_window(3, 1 << 30);
        let Some(stream) = frames.request() else { return false };
        assert_eq!(frames.data, 2 * all);
        frames.answer(stream);
        frames.stays_silent()
    });
    let large = "step: POST /x { multipart { file: file(\"large.bin\", \"a/b\") }; expect status 200 }";
    let seen = Trial::over_two("", &rogue.url(), large).iterations(2).run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (2, 0), (2, 0)), "{:?}", seen.notes());
    assert_eq!(rogue.accepted(), 1);
    held.nothing_leaks(&mut [&mut rogue]);
}

/// How many frames a flood before an answer has.
const FLOOD: usize = 10_000;

#[test]
fn a_flood_of_frames_of_http_2_comes_before_each_answer() {
    let held = alone();
    let mut pings = server(&[], |frames| {
        while let Some(stream) = frames.request() {
            assert!((0..FLOOD).all(|_| frames.ping()));
            frames.answer(stream);
        }
        assert_eq!(frames.pongs, 3 * FLOOD);
        false
    });
    let mut settings = server(&[], |frames| {
        while let Some(stream) = frames.request() {
            assert!((0..FLOOD).all(|_| frames.settings(&[])));
            frames.answer(stream);
        }
        // One more began the connection.
        assert_eq!(frames.acks, 3 * FLOOD + 1);
        false
    });
    for rogue in [&pings, &settings] {
        let seen = Trial::over_two("", &rogue.url(), "step: GET /x { expect status 200 }").run();
        assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
        assert_eq!(rogue.accepted(), 1);
    }
    held.nothing_leaks(&mut [&mut pings, &mut settings]);
}

/// What the count of a flood says when it is over: more than any sends.
const OVER: usize = usize::MAX / 2;

#[test]
fn a_flood_of_frames_of_http_2_without_end_holds_nobody_else_up() {
    let floods: [fn(&mut Frames<'_>) -> bool; 2] = [|frames| frames.ping(), |frames| frames.settings(&[])];
    for flood in floods {
        let (held, sent, answered) = (alone(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (flooding, answering) = (sent.clone(), answered.clone());
        let mut rogue = each(move |frames, stream| {
            if frames.number() > 0 {
                // In the middle of the flood.
                let enough = (flooding.load(Ordering::SeqCst) + 1_000).min(OVER);
                while flooding.load(Ordering::SeqCst) < enough {
                    std::thread::yield_now();
                }
                answering.fetch_add(1, Ordering::SeqCst);
                return answers(frames, stream);
            }
            // What comes back is heard meanwhile, so that the flood goes on.
            let mut count = frames.pongs + frames.acks;
            while (0..100).all(|_| flood(frames)) {
                count += 100;
                flooding.store(count, Ordering::SeqCst);
                frames.wait(|frames| frames.pongs + frames.acks >= count);
            }
            // Whoever is not answered yet waits for it no longer.
            flooding.store(OVER, Ordering::SeqCst);
            false
        });
        let task = "step: GET /x { expect status 200; timeout 2s }";
        let seen = Trial::over_two("", &rogue.url(), task).users(2).iterations(20).run();
        let answered = answered.load(Ordering::SeqCst);
        assert_eq!(seen.kinds(), [("timeout", 20 - answered)], "{:?}", seen.notes());
        assert_eq!((seen.iterations(), rogue.accepted()), ((answered, 20 - answered), 2));
        assert!(answered > 10, "{answered}");
        held.nothing_leaks(&mut [&mut rogue]);
    }
}
