//! Tests of `run`: whole lives in virtual time over a network in memory, and real sockets against servers that
//! misbehave.

mod aborts;
mod answers;
mod exhausted;
mod failures;
mod life;
mod loads;
mod misbehaviour;
mod names;
mod once;
mod proxies;
mod requests;
mod stop;
mod trace;
mod world;
