//! `setup` before all users and `teardown` after them, in virtual time and on several threads.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use scn::base::{Seed, Sources};
use scn::plan::{Plan, SETUP_BYTES_MAX, UserId, profile};
use scn::run::{self, Finished, Options, SetupFailed, Stop};

use super::world::{BAD, Draft, Memory, OK, SECOND, kinds, notes, options};

const TENTH: Duration = Duration::from_millis(100);

/// The plan of `items` under a load of `profile`.
fn plan(items: &str, profile: &str) -> Plan {
    let mut sources = Sources::default();
    let text = format!("target \"http://127.0.0.1:80\"\n{items}");
    let parsed = scn::syntax::parse(sources.add("once.scn", text.as_str()), &text);
    let checked = scn::check::check(&parsed.ast, &sources);
    let sound = checked.sound(&parsed.diagnostics).expect("it is sound");
    let read = profile::parse(sources.add("once.yml", profile), profile);
    let compiled = scn::plan::compile(&sound, &read.profile.expect("a profile"), Seed(7), &sources);
    compiled.expect("it can be planned").plan
}

/// Two users for ten seconds, who think for a minute, with a graceful stop of five seconds.
fn draft(items: &str) -> Draft {
    let profile = "name: p\nusers: 2\nspawn_rate: 1000\nduration: 10s\ngraceful_stop: 5s\n";
    let users = "user u { think 1m; task t { GET /task { expect status 200 } } }";
    Draft { plan: plan(&format!("{items}\n{users}"), profile), ..Draft::new() }
}

/// The paths that a service heard, in order.
fn paths(service: &Memory) -> Vec<String> {
    service.heard.borrow().iter().map(|head| head.split(' ').nth(1).expect("a path").to_owned()).collect()
}

/// Presses the stop button at each of these moments, counted from the start.
fn presses(moments: &'static [u64]) -> impl AsyncFnOnce(Stop) + 'static {
    async move |stop| {
        let start = tokio::time::Instant::now();
        for seconds in moments {
            tokio::time::sleep_until(start + *seconds as u32 * SECOND).await;
            stop.press();
        }
    }
}

fn started(finished: &Finished) -> u64 {
    finished.total.users_of(UserId(0)).started
}

/// `setup` and `teardown` of one request each.
const BOTH: &str = "setup { GET /setup }\nteardown { GET /teardown }";

/// Answers to these paths after so many seconds, to others at once.
fn slow(path: &'static str, seconds: u32) -> Memory {
    Memory::new(move |heard| (if heard == path { seconds * SECOND } else { Duration::ZERO }, OK))
}

#[test]
fn the_load_begins_when_setup_has_ended_and_teardown_when_the_last_user_has() {
    let service = Memory::new(|path| (if path == "/task" { 12 * SECOND } else { 3 * SECOND }, OK));
    let finished = draft(BOTH).run(&service);
    assert_eq!(paths(&service), ["/setup", "/task", "/task", "/teardown"]);
    // Neither is part of the run's own time.
    assert_eq!(finished.length.as_secs(), 12);
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.iterations, totals.abandoned_iterations), (4, 2, 0));
    assert_eq!((finished.setup_failed, finished.stopped), (None, false));
}

#[test]
fn a_failing_setup_starts_nobody_and_teardown_still_runs() {
    let service = Memory::new(|path| (TENTH, if path == "/setup" { BAD } else { OK }));
    let finished = draft(BOTH).run(&service);
    assert_eq!(paths(&service), ["/setup", "/teardown"]);
    assert_eq!(finished.setup_failed, Some(SetupFailed::Failed));
    assert_eq!((started(&finished), finished.length), (0, Duration::ZERO));
    assert_eq!(kinds(&finished.total), [("status", 1)]);
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.failures, totals.iterations), (2, 1, 0));
    assert!(!finished.stopped);
}

#[test]
fn a_setup_fails_outside_its_steps_too() {
    let service = Memory::ok(Duration::ZERO);
    let finished = draft("setup { GET /setup { capture n = body }\nfail \"the shop says ${n}\" }").run(&service);
    assert_eq!(paths(&service), ["/setup"]);
    assert_eq!(finished.setup_failed, Some(SetupFailed::Failed));
    assert_eq!(notes(&finished.total), ["the shop says ok"]);
}

#[test]
fn a_setup_that_tries_again_waits_until_the_target_is_there() {
    let asked = std::cell::Cell::new(0);
    let service = Memory::new(move |path| {
        asked.set(asked.get() + 1);
        (Duration::ZERO, if path == "/ready" && asked.get() < 4 { BAD } else { OK })
    });
    let finished = draft("setup { retry 10 every 30s { GET /ready } }").run(&service);
    assert_eq!(paths(&service), ["/ready", "/ready", "/ready", "/ready", "/task", "/task"]);
    assert_eq!((finished.setup_failed.is_none(), started(&finished)), (true, 2));
    assert_eq!(finished.length, 10 * SECOND);
}

#[test]
fn a_failing_teardown_is_told_and_spoils_nothing() {
    let service = Memory::new(|path| (TENTH, if path == "/teardown" { BAD } else { OK }));
    let finished = draft("teardown { GET /teardown; GET /never }").run(&service);
    assert_eq!(paths(&service), ["/task", "/task", "/teardown"]);
    let totals = finished.total.totals();
    assert_eq!((totals.requests, totals.failures), (3, 1));
    assert_eq!((totals.iterations, totals.failed_iterations), (2, 0));
    assert_eq!(finished.setup_failed, None);
}

/// An answer whose body has so many bytes.
fn long(bytes: usize) -> &'static str {
    Box::leak(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(bytes)).into_boxed_str())
}

#[test]
fn what_setup_sets_is_at_most_a_mebibyte_of_json() {
    let set = |bytes: usize| {
        let answer = long(bytes / 2 - 2);
        let service = Memory::new(move |path| (Duration::ZERO, if path == "/setup" { answer } else { OK }));
        let once = r#"setup { GET /setup { capture a = body }; let b = a }
                      teardown { let both = "${a}${b}"; GET /teardown/${length(both)} }"#;
        (draft(once).run(&service), paths(&service))
    };
    let (finished, paths) = set(SETUP_BYTES_MAX);
    assert_eq!((finished.setup_failed, paths.len()), (None, 4));
    let (finished, paths) = set(SETUP_BYTES_MAX + 2);
    assert_eq!(finished.setup_failed, Some(SetupFailed::TooLarge(SETUP_BYTES_MAX + 2)));
    // Who cleans up may need it all the same.
    assert_eq!(paths, ["/setup".to_owned(), format!("/teardown/{}", SETUP_BYTES_MAX - 2)]);
    assert_eq!(finished.total.users_of(UserId(0)).started, 0);
}

#[test]
fn pressed_once_a_setup_has_the_graceful_stop_to_end() {
    let service = slow("/setup", 4);
    let finished = draft(BOTH).run_until(&service, presses(&[1]));
    assert_eq!(paths(&service), ["/setup", "/teardown"], "nobody begins any more");
    assert_eq!((finished.setup_failed, finished.stopped), (None, true));
    assert_eq!(finished.total.totals().iterations, 0);

    let service = slow("/setup", 9);
    let finished = draft(BOTH).run_until(&service, presses(&[1]));
    assert_eq!(paths(&service), ["/setup", "/teardown"]);
    assert_eq!((finished.setup_failed, finished.stopped), (Some(SetupFailed::Stopped), true));
    assert_eq!(finished.total.totals().requests, 1, "what was cut off is in no rate");
}

#[test]
fn pressed_twice_a_setup_ends_at_once_and_nothing_follows() {
    let service = slow("/setup", 9);
    let finished = draft(BOTH).run_until(&service, presses(&[1, 2]));
    assert_eq!(paths(&service), ["/setup"]);
    assert_eq!((started(&finished), finished.total.totals().requests), (0, 0));
    assert_eq!((finished.setup_failed, finished.stopped), (Some(SetupFailed::Stopped), true));
}

#[test]
fn a_teardown_has_the_graceful_stop_and_a_second_press_ends_it_at_once() {
    let after = |seconds: u32, moments: &'static [u64]| {
        let service = slow("/teardown", seconds);
        let draft = draft("teardown { GET /teardown; GET /last }");
        draft.run_until(&service, presses(moments));
        paths(&service)[2..].to_vec()
    };
    assert_eq!(after(4, &[]), ["/teardown", "/last"]);
    assert_eq!(after(6, &[]), ["/teardown"], "cut off at 15 s");
    // The load ends at 1 s, and what cleans up begins then.
    assert_eq!(after(4, &[1]), ["/teardown", "/last"]);
    assert_eq!(after(4, &[1, 2]), ["/teardown"]);
    assert_eq!(after(4, &[1, 1]), [""; 0], "twice before it began: not at all");
}

#[test]
fn what_setup_and_teardown_see_lies_in_no_window_and_not_in_the_warm_up() {
    let profile = "name: p\nusers: 1\nspawn_rate: 1\nduration: 4s\nwarm_up: 2s\n";
    let items = "setup { make: GET /setup }\nteardown { GET /teardown }
        user u { think 900ms; task t { GET /task } }
        thresholds { count of make == 1; count of t >= 1 over 1s }";
    let draft = Draft { plan: plan(items, profile), ..Draft::new() };
    let service = Memory::ok(TENTH);
    let finished = draft.run(&service);
    let warm_up = finished.warm_up.as_ref().expect("there was one").totals();
    let totals = finished.total.totals();
    assert_eq!(paths(&service).len() as u64, warm_up.requests + totals.requests);
    assert_eq!(warm_up.requests, 2);
    assert!(finished.judged.iter().all(|one| !one.broken()), "{:?}", finished.judged);
}

#[test]
fn every_step_is_every_step_of_users_and_not_of_setup_and_teardown() {
    let finished =
        draft(&format!("{BOTH}\nthresholds {{ max of every step < 2s; max of setup < 2s }}")).run(&slow("/setup", 4));
    let broken: Vec<bool> = finished.judged.iter().map(|one| one.broken()).collect();
    assert_eq!(broken, [false, true]);
}

#[test]
fn what_setup_sets_is_read_on_every_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let (tell, hear) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let tell = tell.clone();
            thread::spawn(move || {
                let (mut text, mut bytes) = (String::new(), [0; 4096]);
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
                        let path = head.split(' ').nth(1).expect("a path").to_owned();
                        // Who has been sent the answer has been counted here.
                        let _ = tell.send(path);
                        text = rest.to_owned();
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"ids\":[4,5]}");
                    }
                }
            });
        }
    });
    let items = "setup { GET /setup { capture ids = json $.ids } }
        user u { think 1ms; task t { GET /task/${ids[0]}/${length(ids)} } }
        teardown { GET /teardown/${ids[1]} }";
    let profile = "name: p\nusers: 8\nspawn_rate: 1000\nduration: 1m\niterations: 40\n";
    let options = Options { threads: 4, target: Some(url), ..options() };
    let finished = run::run(&plan(items, profile), &options, &Stop::default(), &mut |_| {}).expect("it can run");
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations, totals.requests), (40, 0, 42));
    let paths: Vec<String> = hear.try_iter().collect();
    assert_eq!((paths[0].as_str(), paths[41].as_str()), ("/setup", "/teardown/5"));
    assert!(paths[1..41].iter().all(|path| path == "/task/4/2"), "{paths:?}");
}
