//! How much scn costs beside its peers, how much memory a user takes, and whether its numbers are true.
//!
//! `cargo bench --bench peers -- WHAT…` with any of `http websocket memory start truth`; `just bench` and `just truth`
//! call it. Each line printed is one measured figure, its limit, and `ok` or `missed`; nothing here fails for being
//! slow. Numbers are medians of pairs that alternate (scn, peer, scn, peer …) in this one run, since a machine's mood
//! changes by the minute. Clients run on core 0, servers on core 1.

mod bare;
mod floor;
mod measure;
mod memory;
mod speed;
mod start;
mod tap;
mod truth;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        // What this program starts itself as, in processes of their own.
        ["as-floor-server"] => floor::serve(),
        ["as-bare-websocket", address, seconds] => bare::run(address, seconds),
        [] => all(&["http", "websocket", "memory", "start"]),
        chosen => all(chosen),
    }
}

fn all(chosen: &[&str]) -> ExitCode {
    for what in chosen {
        match *what {
            "http" => speed::http(),
            "websocket" => speed::websocket(),
            "memory" => memory::slope(),
            "start" => start::all(),
            "truth" => truth::all(),
            other => {
                eprintln!("there is no `{other}` to measure: http, websocket, memory, start or truth");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
