//! How much scn costs beside its peers, how much memory a user takes, and whether its numbers are true.
//!
//! `cargo bench --bench peers -- WHAT…` with any of the words below; `just bench` and `just truth` call it. Each line printed is one measured figure, its limit, and `ok` or `missed`; nothing here fails for being
//! slow. Numbers are medians of pairs that alternate (scn, peer, scn, peer …) in this one run, since a machine's mood
//! changes by the minute. Clients run on core 0, servers on core 1.

mod bare;
mod eight;
mod export;
mod floor;
mod growth;
mod hard;
mod histograms;
mod load;
mod measure;
mod memory;
mod secure;
mod sockets;
mod speed;
mod stalled;
mod start;
mod tap;
mod truth;

use std::process::ExitCode;

/// What can be measured, in this order; and whether it is part of a measurement without words.
const ALL: [(&str, fn(), bool); 16] = [
    ("http", speed::http, true),
    ("eight", eight::all, true),
    ("websocket", speed::websocket, true),
    ("tls", secure::tls, true),
    ("two", secure::two, true),
    ("memory", memory::slopes, true),
    ("sockets", sockets::all, true),
    ("start", start::all, true),
    ("export", export::all, true),
    ("open", load::open, true),
    ("stall", load::stall, true),
    ("crowd", load::crowd, true),
    ("histograms", histograms::memory, true),
    ("growth", growth::memory, true),
    ("stalled", stalled::all, false),
    ("truth", truth::all, false),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        // What this program starts itself as, in processes of their own.
        ["as-floor-server"] => floor::serve(),
        ["as-bare-websocket", address, seconds] => bare::run(address, seconds),
        ["as-hard-coded", address, seconds] => hard::run(address, seconds),
        ["as-histograms"] => histograms::run(),
        chosen => all(chosen),
    }
}

fn all(chosen: &[&str]) -> ExitCode {
    if let Some(other) = chosen.iter().find(|what| ALL.iter().all(|(name, ..)| name != *what)) {
        let names: Vec<&str> = ALL.iter().map(|(name, ..)| *name).collect();
        eprintln!("there is no `{other}` to measure; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    for (name, measure, usual) in ALL {
        if chosen.contains(&name) || chosen.is_empty() && usual {
            measure();
        }
    }
    ExitCode::SUCCESS
}
