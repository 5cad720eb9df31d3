//! Who may look at whom: the `use` paths under `src/` against one table, which is also the table of `ARCHITECTURE.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and every room it may name. Reading order is build order.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("diagnostic", &["base"]),
    ("syntax", &["base", "diagnostic"]),
    ("fmt", &["base", "syntax"]),
    ("check", &["base", "diagnostic", "syntax"]),
    ("plan", &["base", "diagnostic", "check"]),
    ("metrics", &["base", "plan"]),
    ("run", &["base", "plan", "metrics"]),
    ("export", &["base", "plan", "metrics"]),
    ("report", &["base", "diagnostic", "plan", "metrics"]),
    ("demo", &["base"]),
    ("cli", &["base", "diagnostic", "syntax", "fmt", "check", "plan", "metrics", "run", "export", "report", "demo"]),
];

/// Dependencies with one home: the crate as it is named in code, and the rooms that may name it.
const GUESTS: &[(&str, &[&str])] = &[
    ("pest", &["syntax"]),
    ("pest_derive", &["syntax"]),
    ("saphyr_parser", &["plan"]),
    ("hdrhistogram", &["metrics"]),
    ("csv_core", &["check"]),
    ("base64", &["plan"]),
    ("hmac", &["plan"]),
    ("jiff", &["base", "cli"]),
    ("cookie_store", &["run"]),
    ("nix", &["run"]),
    ("hickory_resolver", &["run"]),
    ("tokio_socks", &["run"]),
    ("flate2", &["run"]),
    ("brotli_decompressor", &["run"]),
    ("ruzstd", &["run"]),
    ("hyper", &["run", "demo", "export"]),
    ("hyper_util", &["export"]),
    ("opentelemetry", &["export"]),
    ("opentelemetry_sdk", &["export"]),
    ("opentelemetry_prometheus", &["export"]),
    ("opentelemetry_otlp", &["export"]),
    ("opentelemetry_http", &["export"]),
    ("opentelemetry_proto", &["export"]),
    ("prometheus", &["export"]),
    ("prost", &["export"]),
    ("reqwest", &["export"]),
    ("tokio_tungstenite", &["run", "demo"]),
    ("tokio", &["run", "demo", "export", "cli"]),
    ("miette", &["cli"]),
    ("clap", &["cli"]),
];

#[test]
fn each_room_names_only_the_rooms_it_may() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let room = room_of(&file);
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: the room `{room}` is missing from the table", file.display()));
            continue;
        };
        for other in named_rooms(&text) {
            if other != room && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{}: `{room}` may not use `{other}`", file.display()));
            }
        }
        if text.contains("super::super::") {
            wrong.push(format!("{}: write `crate::{room}::…`, not `super::super::…`", file.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_dependency_stays_in_its_home() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let room = room_of(&file);
        for (guest, homes) in GUESTS {
            let named = paths(&text).any(|path| path.split("::").next() == Some(guest));
            if named && !homes.contains(&room.as_str()) {
                wrong.push(format!("{}: `{guest}` lives in {homes:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_pure_rooms_deny_the_world() {
    for room in ["base", "diagnostic", "syntax", "fmt", "check", "plan", "metrics", "report"] {
        let path = root().join(format!("src/{room}/mod.rs"));
        let text = fs::read_to_string(&path).expect("each room has a mod.rs");
        assert!(
            text.contains("#![deny(clippy::disallowed_methods)]"),
            "src/{room}/mod.rs does not deny clippy::disallowed_methods"
        );
    }
}

#[test]
fn the_picture_in_architecture_md_is_this_table() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md stands at the root");
    for (room, allowed) in ROOMS {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {room} |")))
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for `{room}`"));
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).skip(1).collect();
        let drawn: Vec<&str> =
            ROOMS.iter().zip(&cells).filter(|(_, cell)| **cell == "●").map(|((name, _), _)| *name).collect();
        assert_eq!(drawn, *allowed, "ARCHITECTURE.md, row `{room}`");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file but `lib.rs` and `main.rs`, which stand above the rooms.
fn sources() -> Vec<(PathBuf, String)> {
    let src = root().join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src/ can be read") {
            let path = entry.expect("src/ can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && path.parent() != Some(&src) {
                let text = fs::read_to_string(&path).expect("sources are text");
                found.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn room_of(file: &Path) -> String {
    let room = file.components().nth(1).expect("src/ROOM/…").as_os_str();
    room.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The rooms that a text names: `crate::room…` and each `crate::{a::…, b}`.
fn named_rooms(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut fresh = true;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => fresh = true,
                    c if depth == 1 && fresh && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ if !word.is_empty() => {
                        rooms.push(std::mem::take(&mut word));
                        fresh = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            rooms.extend((!word.is_empty()).then_some(word));
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms.retain(|room| ROOMS.iter().any(|(name, _)| name == room));
    rooms
}

/// Everything in the code that looks like the beginning of a path: `word::`. Comments do not count.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| {
        line.match_indices("::").map(move |(at, _)| {
            let start = line[..at]
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
            &line[start..at]
        })
    })
}

#[test]
fn names_in_groups_are_seen() {
    assert_eq!(named_rooms("use crate::{base::Span, plan::{Plan, Op}, run};"), ["base", "plan", "run"]);
    assert_eq!(named_rooms("crate::metrics::Sample"), ["metrics"]);
    assert!(paths("let x = tokio::time::sleep(y);").any(|path| path == "tokio"));
}
