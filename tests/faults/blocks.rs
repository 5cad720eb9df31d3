//! What a fault does inside `group`, `attempt`, `retry` and `parallel`.

use scn::metrics::Counter;

use crate::rogue::{Call, Rogue, nobody};
use crate::trial::{Trial, alone, patience};

/// A way to answer `/bad`, and the kind of failure that it is.
type Fault = (&'static str, fn(&mut Call) -> bool);

const FAULTS: &[Fault] = &[
    ("closed", |_| false),
    ("reset", Call::reset),
    ("reset", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-le");
        call.reset()
    }),
    ("reset", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        call.reset()
    }),
    ("closed", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        call.ends()
    }),
    ("closed", |call| {
        call.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        call.ends()
    }),
    ("timeout", Call::stays_silent),
    ("timeout", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        call.stays_silent()
    }),
    ("protocol", |call| {
        call.write("220 mail.example ESMTP\r\n\r\n");
        call.ends()
    }),
    ("status", |call| call.answer(503, "")),
];

/// Answers everything but `/bad`, which gets the fault as long as `while_number` holds for how many came before.
fn rogue(fault: fn(&mut Call) -> bool, while_number: fn(usize) -> bool) -> Rogue {
    Rogue::new(move |call| match call.path() {
        "/bad" if while_number(call.number) => fault(call),
        _ => call.answer(200, "fine"),
    })
}

/// The step that meets the fault.
fn bad(kind: &str) -> String {
    format!("bad: GET /bad {{ timeout {} }}", patience(kind))
}

const ALWAYS: fn(usize) -> bool = |_| true;

#[test]
fn a_fault_in_a_group_fails_the_group_and_ends_the_iteration() {
    for (kind, fault) in FAULTS {
        let (held, mut rogue) = (alone(), rogue(*fault, ALWAYS));
        let seen =
            Trial::new(&rogue.url(), &format!("group all {{ ok: GET /ok; {}; after: GET /after }}", bad(kind))).run();
        assert_eq!(seen.kinds(), [(*kind, 3)], "{:?}", seen.notes());
        assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (6, 3)));
        assert_eq!((seen.row("ok"), seen.row("bad"), seen.row("after")), ((3, 0), (0, 3), (0, 0)));
        assert_eq!(seen.group("all"), (0, 3));
        assert_eq!((rogue.asked_for("GET /bad"), rogue.asked_for("GET /after")), (3, 0));
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_fault_in_an_attempt_is_counted_and_the_flow_goes_on() {
    for (kind, fault) in FAULTS {
        let (held, mut rogue) = (alone(), rogue(*fault, ALWAYS));
        let seen =
            Trial::new(&rogue.url(), &format!("attempt {{ {}; inside: GET /inside }}\nafter: GET /after", bad(kind)))
                .run();
        assert_eq!(seen.kinds(), [(*kind, 3)], "{:?}", seen.notes());
        assert_eq!((seen.iterations(), seen.samples()), ((3, 0), (6, 3)));
        assert_eq!((seen.row("bad"), seen.row("inside"), seen.row("after")), ((0, 3), (0, 0), (3, 0)));
        assert_eq!(rogue.asked_for("GET /after"), 3);
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_retry_outlasts_a_fault_and_tells_the_earlier_attempts_apart() {
    for (kind, fault) in FAULTS {
        // The first two of each three requests go wrong.
        let (held, mut rogue) = (alone(), rogue(*fault, |number| number % 3 < 2));
        let seen = Trial::new(&rogue.url(), &format!("retry 5 every 1ms {{ {} }}\nafter: GET /after", bad(kind))).run();
        assert_eq!((seen.iterations(), seen.samples()), ((3, 0), (12, 0)), "{kind}: {:?}", seen.notes());
        assert_eq!((seen.row("bad"), seen.row("bad (retry)"), seen.row("after")), ((3, 0), (0, 6), (3, 0)));
        assert_eq!(seen.kinds(), [(*kind, 6)]);
        assert_eq!(rogue.asked_for("GET /bad"), 9);
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_retry_against_a_fault_that_stays_fails_once_with_its_last_attempt() {
    for (kind, fault) in FAULTS {
        let (held, mut rogue) = (alone(), rogue(*fault, ALWAYS));
        let seen = Trial::new(&rogue.url(), &format!("retry 3 every 1ms {{ {} }}\nafter: GET /after", bad(kind))).run();
        assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (9, 3)), "{kind}: {:?}", seen.notes());
        assert_eq!((seen.row("bad"), seen.row("bad (retry)"), seen.row("after")), ((0, 3), (0, 6), (0, 0)));
        assert_eq!(seen.kinds(), [(*kind, 9)]);
        assert_eq!(rogue.asked_for("GET /bad"), 9);
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_fault_in_parallel_lets_the_others_finish_and_then_ends_the_iteration() {
    for (kind, fault) in FAULTS {
        let (held, mut rogue) = (alone(), rogue(*fault, ALWAYS));
        let statements = format!("parallel {{ one: GET /one; {}; two: GET /two }}\nafter: GET /after", bad(kind));
        let seen = Trial::new(&rogue.url(), &statements).run();
        assert_eq!(seen.kinds(), [(*kind, 3)], "{:?}", seen.notes());
        assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (9, 3)));
        assert_eq!((seen.row("one"), seen.row("bad"), seen.row("two")), ((3, 0), (0, 3), (3, 0)));
        assert_eq!((seen.row("after"), rogue.asked_for("GET /after")), ((0, 0), 0));
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

#[test]
fn a_host_where_nobody_listens_is_refused_in_every_block() {
    let (held, mut rogue) = (alone(), rogue(|_| false, |_| false));
    let scenario = format!(
        "target \"{}\" {{ timeout 20s }}\ntarget gone: \"{}\"\nuser u {{ task t {{\n\
         attempt {{ first: GET gone:/x }}\n\
         attempt {{ retry 3 every 1ms {{ again: GET gone:/x }} }}\n\
         attempt {{ parallel {{ one: GET /one; beside: GET gone:/x }} }}\n\
         attempt {{ group all {{ in_group: GET gone:/x }} }}\n\
         after: GET /after\n}} }}\n",
        rogue.url(),
        nobody()
    );
    let seen = Trial::of(&scenario).run();
    assert_eq!(seen.kinds(), [("connect_refused", 18)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((3, 0), (24, 12)), "of a retry only the last failure counts");
    assert_eq!(seen.counter(Counter::ConnectionsFailed), 18);
    assert_eq!((seen.row("again"), seen.row("again (retry)")), ((0, 3), (0, 6)));
    assert_eq!((seen.row("one"), seen.row("beside"), seen.group("all")), ((3, 0), (0, 3), (0, 3)));
    assert_eq!(rogue.asked_for("GET /after"), 3);
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn hundreds_of_faults_leave_no_connection_open_behind_them() {
    let held = alone();
    let mut rogue = Rogue::new(|call| {
        let faults = FAULTS.iter().filter(|(kind, _)| *kind != "timeout").collect::<Vec<_>>();
        faults[call.number % faults.len()].1(call)
    });
    let seen = Trial::new(&rogue.url(), "bad: GET /bad").users(4).iterations(320).run();
    let kinds = [("reset", 120), ("closed", 120), ("protocol", 40), ("status", 40)];
    assert_eq!((seen.kinds(), seen.iterations()), (kinds.to_vec(), (0, 320)), "{:?}", seen.notes());
    // Four users with one connection each, and those whose end the server has not noticed yet.
    assert!(rogue.most() < 32, "{} of {} connections were open at once", rogue.most(), rogue.accepted());
    held.nothing_leaks(&mut [&mut rogue]);
}
