//! The flags that make the embedded service misbehave: shared by `scn demo` and `scn run --demo`.

use std::time::Duration;

use super::values;
use crate::base::units::parse_duration;
use crate::base::{Rate, Share};
use crate::demo::{Stall, Switches};

/// How the embedded service misbehaves.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The demo's misbehaviour")]
#[group(skip)]
pub struct Flags {
    /// Answer so much later
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    latency: Option<Duration>,

    /// Add up to so much to the latency, or take it away, by chance
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    latency_jitter: Option<Duration>,

    /// Answer this share of the requests with 503
    #[arg(long, value_name = "SHARE", value_parser = values::share)]
    error_rate: Option<Share>,

    /// Stop answering for a while, again and again: 1s/5s is one second in every five
    #[arg(long, value_name = "LENGTH/EVERY")]
    stall: Option<Stall>,

    /// Answer no more than so many requests a second; the others wait in line
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    capacity: Option<Rate>,

    /// Drop the connection in place of this share of answers and frames, without a closing handshake
    #[arg(long, value_name = "SHARE", value_parser = values::share)]
    drop_connections: Option<Share>,

    /// Turn away connections beyond so many, with 503
    #[arg(long, value_name = "NUMBER")]
    max_connections: Option<usize>,
}

impl Flags {
    /// The first of them that was given.
    pub fn given(&self) -> Option<&'static str> {
        let all = [
            ("--latency", self.latency.is_some()),
            ("--latency-jitter", self.latency_jitter.is_some()),
            ("--error-rate", self.error_rate.is_some()),
            ("--stall", self.stall.is_some()),
            ("--capacity", self.capacity.is_some()),
            ("--drop-connections", self.drop_connections.is_some()),
            ("--max-connections", self.max_connections.is_some()),
        ];
        all.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// The switches, with dice that follow from `seed`.
    pub fn switches(&self, seed: u64) -> Switches {
        let standard = Switches::default();
        Switches {
            latency: self.latency.unwrap_or(standard.latency),
            latency_jitter: self.latency_jitter.unwrap_or(standard.latency_jitter),
            error_rate: self.error_rate.unwrap_or(standard.error_rate),
            stall: self.stall,
            capacity: self.capacity,
            drop_connections: self.drop_connections.unwrap_or(standard.drop_connections),
            max_connections: self.max_connections,
            seed,
        }
    }
}
