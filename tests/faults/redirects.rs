//! Redirects to what does not answer as it should.

use scn::metrics::Counter;

use crate::rogue::{Call, Rogue, nobody};
use crate::trial::{Trial, alone};

/// `/start` leads to `location`, which gets `fault`; all else is well.
fn rogue(location: &str, fault: fn(&mut Call) -> bool) -> Rogue {
    let location = location.to_owned();
    Rogue::new(move |call| match call.path() {
        "/start" => call.redirect(&location),
        "/bad" => fault(call),
        _ => call.answer(200, "fine"),
    })
}

/// Three iterations of one redirected step, which all fail as `kind` and with `note`.
#[track_caller]
fn fails_as(kind: &'static str, note: &str, location: &str, fault: fn(&mut Call) -> bool) {
    let (held, mut rogue) = (alone(), rogue(location, fault));
    let seen = Trial::failing_as(kind, &rogue.url(), "start: GET /start\nafter: GET /after").run();
    assert_eq!(seen.kinds(), [(kind, 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (3, 3)), "all hops are one sample");
    assert_eq!((seen.row("start"), rogue.asked_for("GET /after")), ((0, 3), 0));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_redirect_is_answered_by_nothing() {
    fails_as("closed", "closed by the peer", "/bad", |_| false);
}

#[test]
fn a_redirect_is_answered_by_a_reset() {
    fails_as("reset", "reset by the peer", "/bad", Call::reset);
}

#[test]
fn a_redirect_is_answered_by_half_a_body() {
    fails_as("closed", "in the body, after 4B", "/bad", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\nhalf");
        call.ends()
    });
}

#[test]
fn a_redirect_is_answered_by_silence() {
    fails_as("timeout", "within 150ms", "/bad", Call::stays_silent);
}

#[test]
fn a_redirect_is_answered_by_garbage() {
    fails_as("protocol", "not HTTP", "/bad", |call| {
        call.write("220 mail.example ESMTP\r\n\r\n");
        call.ends()
    });
}

#[test]
fn a_redirect_leads_to_where_nobody_listens() {
    let nobody = nobody();
    fails_as("connect_refused", "connection refused by", &format!("{nobody}/x"), |_| false);
}

#[test]
fn a_redirect_leads_to_a_handshake_that_is_cut() {
    let held = alone();
    let mut secure = Rogue::at_the_door(Call::ends);
    let url = secure.url().replace("http:", "https:");
    let mut rogue = rogue(&format!("{url}/x"), |_| false);
    let seen = Trial::new(&rogue.url(), "start: GET /start").run();
    assert_eq!((seen.kinds(), seen.samples()), (vec![("tls", 3)], (3, 3)), "{:?}", seen.notes());
    assert_eq!((rogue.asked_for("GET /start"), secure.accepted()), (3, 3));
    held.nothing_leaks(&mut [&mut rogue, &mut secure]);
}

#[test]
fn a_redirect_leads_to_a_host_that_nobody_allowed() {
    fails_as("host_not_allowed", "shop.example", "http://shop.example/x", |_| false);
    fails_as("host_not_allowed", "10.1.2.3", "http://10.1.2.3/x", |_| false);
}

#[test]
fn a_redirect_leads_to_what_is_no_url() {
    fails_as("protocol", "", "http://[broken", |_| false);
}

#[test]
fn a_redirect_leads_in_a_circle() {
    let held = alone();
    let mut rogue = Rogue::new(|call| match call.path() {
        "/start" => call.redirect("/other"),
        _ => call.redirect("/start"),
    });
    let seen = Trial::new(&rogue.url(), "start: GET /start { redirects 4 }").run();
    assert_eq!(seen.kinds(), [("protocol", 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (3, 3)));
    // The request and four redirects.
    assert_eq!(rogue.asked().len(), 15);
    assert_eq!(seen.counter(Counter::RedirectsRefused), 3);
    assert_eq!(rogue.accepted(), 1);
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_redirect_that_fails_is_tried_again_from_its_start_by_retry() {
    let held = alone();
    let mut rogue = Rogue::new(|call| match call.path() {
        "/start" => call.redirect("/next"),
        "/next" if call.number % 3 < 2 => call.reset(),
        _ => call.answer(200, "fine"),
    });
    let seen = Trial::new(&rogue.url(), "retry 5 every 1ms { start: GET /start }").run();
    assert_eq!((seen.iterations(), seen.samples()), ((3, 0), (9, 0)), "{:?}", seen.notes());
    assert_eq!((seen.row("start"), seen.row("start (retry)"), seen.kinds()), ((3, 0), (0, 6), vec![("reset", 6)]));
    assert_eq!((rogue.asked_for("GET /start"), rogue.asked_for("GET /next")), (9, 9));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn redirects_in_parallel_fail_each_for_itself() {
    let held = alone();
    let mut rogue = Rogue::new(|call| match call.path() {
        "/good" => call.redirect("/fine"),
        "/dead" => call.redirect("/reset"),
        "/reset" => call.reset(),
        "/circle" => call.redirect("/circle"),
        _ => call.answer(200, "fine"),
    });
    let statements = "parallel { good: GET /good; dead: GET /dead; circle: GET /circle { redirects 2 } }";
    let seen = Trial::new(&rogue.url(), statements).run();
    assert_eq!(seen.kinds(), [("reset", 3), ("protocol", 3)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 3), (9, 6)));
    assert_eq!((seen.row("good"), seen.row("dead"), seen.row("circle")), ((3, 0), (0, 3), (0, 3)));
    held.nothing_leaks(&mut [&mut rogue]);
}
