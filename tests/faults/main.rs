//! Every way in which a service and the network go wrong, over real sockets on loopback: each is an outcome with its kind
//! and an exact count, the run goes on, and when it has ended nothing is left open.
//!
//! A binary of its own, because descriptors and threads are counted for the whole process; its tests wait for one another.

mod blocks;
mod ending;
mod events;
mod events_over_two;
mod frames;
mod http;
#[path = "../it/secure/papers.rs"]
#[allow(dead_code, reason = "tests in memory use more of it")]
mod papers;
mod redirects;
mod restart;
mod rogue;
mod sockets;
mod tls;
mod trial;
mod two;
