//! TLS and HTTP/2 over it: handshakes, certificates that are good and bad, and what a server chooses to speak.

mod certificates;
mod events;
mod phases;
mod two;
mod uploads;
mod world;
