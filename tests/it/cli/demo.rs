//! `scn demo`.

use rustix::process::Signal;

use super::world::scn;

#[test]
fn it_says_where_it_serves_and_ends_by_a_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut service = scn("demo --listen 127.0.0.1:0").start();
        let line = service.printed("Ctrl-C");
        assert!(line.contains("http://127.0.0.1:") && !line.contains(":0 "), "{line}");
        service.signal(signal);
        service.wait().exits(0).says("served 0 requests");
    }
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    scn("demo --listen").arg(&address).run().exits(107).says(&address).says("--listen 127.0.0.1:0");
}

#[test]
fn a_switch_that_cannot_be_read_says_what_would_help() {
    scn("demo --latency 20").run().exits(2).says("did you mean `20s`?");
    scn("demo --error-rate 1").run().exits(2).says("did you mean `1%`?");
    scn("demo --error-rate 101%").run().exits(2).says("no more than 100%");
    scn("demo --stall 5s/1s").run().exits(2).says("--stall");
    scn("demo --listen 8000").run().exits(2).says("127.0.0.1:8000");
}
