//! Tests that start the real program, as a user would, against our own service and against servers that are not ours.
//!
//! `scripts/test` installs what they need and runs them. A component that is missing fails a test; none is passed over.

mod against_others;
mod clocks;
#[path = "../it/export/collector.rs"]
mod collector;
mod containers;
mod demo;
mod disks;
mod ending;
mod grafana;
mod killed;
mod observability;
mod others;
mod ports;
mod program;
mod prometheus;
mod rogues;
mod signals;
