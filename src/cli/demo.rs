//! `scn demo`: the oscilloscope service, to try scenarios on.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::{signals, values};
use crate::base::units::parse_duration;
use crate::base::{Rate, Share};
use crate::demo::{self, Stall, Switches};

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

    /// Answer so much later
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration, hide_default_value = true)]
    latency: Duration,

    /// Add up to so much to the latency, or take it away, by chance
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration, hide_default_value = true)]
    latency_jitter: Duration,

    /// Answer this share of the requests with 503
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = values::share, hide_default_value = true)]
    error_rate: Share,

    /// Stop answering for a while, again and again: 1s/5s is one second in every five
    #[arg(long, value_name = "LENGTH/EVERY")]
    stall: Option<Stall>,

    /// Answer no more than so many requests a second; the others wait in line
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    capacity: Option<Rate>,

    /// Drop the connection in place of this share of answers and frames, without a closing handshake
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = values::share, hide_default_value = true)]
    drop_connections: Share,

    /// Turn away connections beyond so many, with 503
    #[arg(long, value_name = "NUMBER")]
    max_connections: Option<usize>,

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
  0    stopped by SIGINT (Ctrl-C) or SIGTERM
  2    usage: an unknown flag, a value that cannot be read
  107  the address is taken or may not be used
";

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are needed, as in 127.0.0.1:8000 or [::1]:0".into())
}

/// Serves until a signal comes.
pub fn demo(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let switches = Switches {
        latency: arguments.latency,
        latency_jitter: arguments.latency_jitter,
        error_rate: arguments.error_rate,
        stall: arguments.stall,
        capacity: arguments.capacity,
        drop_connections: arguments.drop_connections,
        max_connections: arguments.max_connections,
        seed: arguments.seed,
    };
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
