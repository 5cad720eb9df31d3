//! A server that goes away in the middle of a run, and comes back.

use std::net::TcpListener;

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
