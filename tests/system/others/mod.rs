//! The program against servers that others have written, as Debian brings them: nginx, haproxy, Python's `websockets`,
//! uvicorn. What was sent is counted on both sides.

mod counted;
mod haproxy;
mod nginx;
mod server;
mod talkers;
mod uvicorn;
