//! A server that goes away in the middle of a run, and comes back.

use std::net::TcpListener;
use std::sync::{Arc, Barrier};

use scn::metrics::Counter;

use crate::rogue::Rogue;
use crate::trial::{Trial, alone};

#[test]
fn a_server_that_restarts_costs_what_was_on_its_way_and_no_more() {
    let held = alone();
    let first = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = first.local_addr().expect("its address");
    // Answers ten times and is gone then, its connections with it.
    let (gone, was_gone) = std::sync::mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let mut before = Rogue::on(first, true, move |call| {
        call.answer(200, "first");
        if call.number == 9 {
            let _ = gone.lock().expect("nobody panics with it").send(());
        }
        call.number < 9
    });
    let (asked, second) = std::sync::mpsc::channel();
    let keeper = std::thread::Builder::new().name("rogue".into()).spawn(move || {
        was_gone.recv().expect("it goes");
        before.end();
        let served = before.asked().len() as u64;
        // It is back a while later.
        std::thread::sleep(std::time::Duration::from_millis(60));
        let again = TcpListener::bind(address).expect("its port is free again");
        asked.send((served, Rogue::on(again, true, |call| call.answer(200, "second")))).expect("somebody waits");
    });
    let seen =
        Trial::new(&format!("http://{address}"), "step: GET /x { expect status 200 }\npause 2ms").iterations(60).run();
    keeper.expect("a thread").join().expect("it does not panic");
    let (served, mut after) = second.recv().expect("it is back");
    let (good, failed) = seen.iterations();
    assert_eq!(good + failed, 60);
    assert!(failed >= 1 && after.asked_for("GET /x") >= 1, "{failed} failed, {:?}", seen.notes());
    // Whoever was answered has succeeded, and whoever was not has failed: none twice, none lost.
    assert_eq!(good, served + after.asked_for("GET /x"), "{:?} {:?}", seen.kinds(), seen.notes());
    assert_eq!(seen.samples(), (60, failed));
    let kinds = seen.kinds();
    assert!(kinds.iter().all(|(kind, _)| ["connect_refused", "closed", "reset"].contains(kind)), "{kinds:?}");
    assert_eq!(kinds.iter().map(|(_, count)| count).sum::<u64>(), failed);
    held.nothing_leaks(&mut [&mut after]);
}

#[test]
fn a_server_that_restarts_under_open_sockets_costs_each_of_them_once() {
    let held = alone();
    let first = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = first.local_addr().expect("its address");
    // Four users have a socket each; when all of them stand and nobody listens any more, two are cut and two are reset.
    let (open, gone) = (Arc::new(Barrier::new(5)), Arc::new(Barrier::new(5)));
    let (all_open, nobody_listens) = (open.clone(), gone.clone());
    let mut before = Rogue::on(first, true, move |call| {
        call.upgrade();
        open.wait();
        gone.wait();
        if call.number % 2 == 0 { call.ends() } else { call.reset() }
    });
    let keeper = std::thread::Builder::new().name("rogue".into()).spawn(move || {
        all_open.wait();
        before.stops_listening();
        nobody_listens.wait();
        before.end();
        // It is back a while later, and says something at once.
        std::thread::sleep(std::time::Duration::from_millis(60));
        let again = TcpListener::bind(address).expect("its port is free again");
        let after = Rogue::on(again, true, |call| {
            call.upgrade();
            call.write(b"\x81\x05hello\x88\x02\x03\xe8");
            call.stays_silent()
        });
        (before.accepted(), after)
    });
    let statements = "websocket /ws { message: receive within 20s { expect body == \"hello\" } }\npause 2ms";
    let seen = Trial::new(&format!("http://{address}"), statements).users(4).iterations(600).run();
    let (accepted, mut after) = keeper.expect("a thread").join().expect("it does not panic");
    let (good, failed) = seen.iterations();
    assert_eq!((accepted, good, good + failed), (4, after.accepted(), 600), "{:?} {:?}", seen.kinds(), seen.notes());
    // Four sockets were lost, and whoever found nobody has tried again.
    let refused = failed - 4;
    assert!(good > 0 && refused > 0, "{good} good, {refused} refused");
    assert_eq!(seen.kinds(), [("connect_refused", refused), ("reset", 2), ("closed", 2)], "{:?}", seen.notes());
    assert_eq!((seen.row("connect"), seen.row("message")), ((4 + good, refused), (good, 4)));
    assert_eq!(seen.counter(Counter::MessagesReceived), good);
    held.nothing_leaks(&mut [&mut after]);
}
