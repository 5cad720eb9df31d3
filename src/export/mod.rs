//! Telling a run while it goes, to those who watch services: the merged snapshots, once a second, replayed into
//! OpenTelemetry instruments, which Prometheus scrapes and a collector is sent.
//!
//! Takes [`Snapshot`]s, gives numbers to others: [`Exporter`] runs on one thread of its own, so that the load threads
//! do not know that metrics exist. Knows neither who runs nor what is printed; what is worth a word it hands back.

mod birth;
mod exporter;
mod family;
pub mod metric;
mod push;
mod replay;
mod scrape;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

pub use exporter::{Exporter, FLUSH_TIME_MAX, Pushed};
pub use family::{Naming, OTHER, SERIES_MAX};
pub use scrape::CONNECTIONS_MAX;

use crate::metrics::verdict::Limit;
use crate::metrics::{Judged, Judgement, Snapshot, Validity, Verdict};
use crate::plan::Plan;

/// What is exported, and whereto.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where `/metrics` is served.
    pub serve: Option<SocketAddr>,
    /// Whether the five metrics that Locust's users know bear its names there.
    pub like_locust: bool,
    /// Where metrics are pushed.
    pub push: Option<Push>,
    /// Which run it is.
    pub facts: Facts,
}

/// A collector that is sent all metrics over OTLP: HTTP with protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Its whole URL, `/v1/metrics` included.
    pub endpoint: String,
    /// How long one push may take.
    pub timeout: Duration,
    /// From the start of one push to that of the next.
    pub interval: Duration,
}

/// Which run it is.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The run's name.
    pub run_id: String,
    /// The scenario's title.
    pub scenario: String,
    /// The profile's name.
    pub profile: String,
    /// Of scn.
    pub version: String,
}

/// How a run stands.
#[derive(Clone, Debug)]
pub struct Now {
    /// When its first user started, by the wall clock.
    pub started: SystemTime,
    /// The thresholds that can be judged, as written, and whether they hold.
    pub thresholds: Vec<(String, bool)>,
    /// Whether the run is to be trusted.
    pub valid: bool,
}

impl Now {
    /// How a run of `plan` that goes stands by what `total` holds and its thresholds came out as until now. Nothing is
    /// said of what has not happened yet.
    pub fn of(plan: &Plan, total: &Snapshot, judged: &[Judged], started: SystemTime) -> Now {
        let verdict = Verdict::of(plan, total, judged);
        let mut against = verdict.reasons.iter().filter(|reason| reason.validity == Validity::Invalid);
        let valid = against.all(|reason| reason.limit == Limit::NothingFinished);
        let judged = judged.iter().filter(|one| one.value.is_some());
        Now { started, thresholds: judged.map(held).collect(), valid }
    }

    /// How a run stands that has ended.
    pub fn ended(judged: &[Judged], verdict: &Verdict, started: SystemTime) -> Now {
        let judged = judged.iter().filter(|one| one.judgement != Judgement::NoData);
        let valid = verdict.validity() != Validity::Invalid;
        Now { started, thresholds: judged.map(held).collect(), valid }
    }
}

fn held(judged: &Judged) -> (String, bool) {
    (judged.text.clone(), !judged.broken())
}

/// Why nothing can be exported.
#[derive(Debug)]
pub enum Error {
    /// The address cannot be listened at.
    Listen(SocketAddr, std::io::Error),
    /// The system refuses a thread or what it waits with.
    Thread(std::io::Error),
    /// The SDK refuses its settings, in its words.
    Sdk(String),
}
