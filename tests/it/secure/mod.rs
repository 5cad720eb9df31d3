//! TLS and HTTP/2 over it: handshakes, certificates that are good and bad, and what a server chooses to speak.

mod answers;
mod certificates;
mod events;
mod papers;
mod phases;
mod tunnels;
mod two;
mod uploads;
pub mod world;
