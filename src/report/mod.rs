//! Telling it: a finished run → the terminal's table, the summary JSON.
#![deny(clippy::disallowed_methods)]
