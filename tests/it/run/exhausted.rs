//! A machine that runs out of something: each such failure is our own, counted, and makes the run invalid.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;
use scn::metrics::{Counter, ErrorKind, Validity, Verdict};
use scn::plan::Op;
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Stop};

use super::world::{Draft, Memory, SECOND, kinds, options};

/// As the service in memory, but every `every`th connection fails with what the system says.
struct Poor {
    service: Memory,
    lacks: Errno,
    every: u32,
    asked: Cell<u32>,
}

impl Network for Poor {
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
        self.service.resolve(host, port)
    }

    fn connect(&self, to: SocketAddr) -> Local<io::Result<Stream>> {
        self.asked.set(self.asked.get() + 1);
        match self.asked.get() % self.every {
            0 => Box::pin(std::future::ready(Err(self.lacks.into()))),
            _ => self.service.connect(to),
        }
    }
}

const CLOSES: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn whatever_this_machine_runs_out_of_is_counted_and_makes_the_run_invalid() {
    for lacks in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM] {
        // One user, ten iterations, each with a connection of its own: the fifth and the tenth are not to be had.
        let mut draft = Draft::new().think(SECOND).duration(10 * SECOND);
        let get = draft.get("/");
        draft.task(1.0, vec![Op::Http(Box::new(get))]);
        let service = Memory::new(|_| (Duration::ZERO, CLOSES));
        let network = Rc::new(Poor { service, lacks, every: 5, asked: Cell::new(0) });
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
        let finished = runtime.block_on(run::drive(&draft.plan, network, &options(), &Stop::default(), &mut |_| {}));
        let total = finished.expect("the plan can run").total;
        assert_eq!(kinds(&total), [("local", 2)], "{lacks:?}");
        assert_eq!(total.failures_of(ErrorKind::Local), 2);
        let counters = [Counter::ConnectionsOpened, Counter::ConnectionsFailed, Counter::ConnectionsReused];
        assert_eq!(counters.map(|counter| total.counter(counter)), [8, 2, 0], "{lacks:?}");
        let verdict = Verdict::of(&draft.plan, &total, &[]);
        assert_eq!(verdict.validity(), Validity::Invalid);
        assert_eq!(verdict.reasons[0].limit.name(), "exhausted");
        assert_eq!(verdict.reasons[0].text, "2 × this machine ran out of descriptors, ports or memory, limit 0");
    }
}
