//! `scn demo`: the oscilloscope service, to try scenarios on.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::{signals, switches};
use crate::demo;

/// Serve the oscilloscope service, to try scenarios on
///
/// A small REST and WebSocket service that lives in this program, so that a first run needs nothing else. Its switches
/// make it misbehave, to see what a load test tells of it. It runs until it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// Where to listen; with port 0 the system chooses, and the printed line says which
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000", value_parser = address)]
    listen: SocketAddr,

    #[command(flatten)]
    switches: switches::Flags,

    /// What the service's own chance follows from
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    seed: u64,
}

const AFTER_HELP: &str = "\
Examples:
  scn demo                                      then, elsewhere: scn run scenarios/oscilloscope.scn
  scn demo --listen 127.0.0.1:0 --latency 20ms --latency-jitter 5ms
  scn demo --stall 1s/5s                        what does a pause of a second do to p99?
  scn demo --capacity 500/s                     a service with a breaking point
  scn demo --drop-connections 1% --error-rate 1%

What it serves:
  GET /api/health, GET /api/status
  GET and PUT /api/oscilloscope/config
  GET /api/oscilloscope/status, POST /api/oscilloscope/start and /stop
  GET /api/oscilloscope/snapshot
  WebSocket /api/oscilloscope/ws      commands start, configure and stop; ten frames a second

Exit codes:
  0    stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP (its terminal was closed; not with nohup)
  2    usage: an unknown flag, a value that cannot be read
  107  the address is taken or may not be used
";

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are needed, as in 127.0.0.1:8000 or [::1]:0".into())
}

/// Serves until a signal comes.
pub fn demo(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let switches = arguments.switches.switches(arguments.seed);
    let (signalled, signal) = mpsc::channel();
    signals::listen(move |_| {
        let _ = signalled.send(());
    })
    .map_err(no_signals)?;
    let service = demo::start(arguments.listen, switches).map_err(|error| {
        let failure = Failure::cannot_run(format!("cannot listen on {}: {error}", arguments.listen));
        failure.help("--listen 127.0.0.1:0 lets the system choose a port")
    })?;
    screen.print(&format!("serving the oscilloscope on {} (Ctrl-C stops it)\n", service.url()))?;
    // The sender lives as long as the process.
    let _ = signal.recv();
    let counters = service.counters();
    let (requests, frames) = (counters.requests.load(Ordering::Relaxed), counters.frames.load(Ordering::Relaxed));
    let connections = counters.connections.load(Ordering::Relaxed);
    service.stop();
    screen.say(&format!("served {requests} requests and {frames} frames over {connections} connections"));
    Ok(Exit::Good)
}

/// The system refuses to tell us of signals.
pub fn no_signals(error: std::io::Error) -> Failure {
    Failure::cannot_run(format!("cannot listen for signals: {error}"))
}
