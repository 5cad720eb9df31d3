//! The command line as a user meets it: files and arguments in; exit code, standard output and standard error out.

mod check;
mod demo;
mod explain;
mod fmt;
mod metrics;
mod new;
mod parts;
mod plan;
mod preflight;
mod rehearsal;
mod rendering;
mod run;
mod tls;
mod usage;
mod values;
mod world;
