//! `scn` is a load tester whose scenarios you can read, check and trust.
//!
//! ```text
//! text ──syntax──▶ ast ──check──▶ meaning ──plan──▶ plan ──run──▶ samples ──metrics──▶ snapshot ──report──▶ you
//! ```
//!
//! **syntax**: what was written · **check**: what was meant · **plan**: what will be done · **run**: doing it ·
//! **metrics**: what was seen · **report**, **export**: telling it. Each room looks only at those before it.

pub mod base;
pub mod check;
pub mod cli;
pub mod demo;
pub mod diagnostic;
pub mod export;
pub mod fmt;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod run;
pub mod syntax;
