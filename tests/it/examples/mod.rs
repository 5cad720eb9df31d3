//! The larger examples, each against a small server of its kind, in virtual time and with the counts that it implies.

mod ethereum;
mod graphql;
mod home_assistant;
mod shop;

use crate::language::world::Seen;

/// How many requests the service heard of this method, path without its query, and host.
fn heard(seen: &Seen, method: &str, path: &str) -> u64 {
    let is = |one: &&crate::language::world::Request| one.method == method && one.path.split('?').next() == Some(path);
    seen.requests.iter().filter(is).count() as u64
}

/// How many messages the service heard that hold these words.
fn said(seen: &Seen, words: &str) -> u64 {
    seen.messages.iter().filter(|message| message.contains(words)).count() as u64
}
