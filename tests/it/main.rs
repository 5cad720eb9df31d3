//! One binary for all tests that need the whole library; each room of `src/` has a module of the same name.

mod check;
mod cli;
mod demo;
mod drops;
mod examples;
mod explain;
mod export;
mod faults;
mod fixes;
mod fmt;
mod fuzz;
mod language;
mod layers;
mod marks;
mod metrics;
mod mistakes;

mod parts;
mod plan;
mod profiles;
mod report;
mod run;
mod scenarios;
mod secure;
mod sockets;
mod syntax;
mod thresholds;
mod tour;
