//! TLS and HTTP/2 over it: handshakes, certificates that are good and bad, and what a server chooses to speak.

mod certificates;
mod two;
mod world;
