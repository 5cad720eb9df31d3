//! The pages of the rules: each shows what breaks its rule and what keeps it, and tells the truth.

use std::collections::HashMap;
use std::path::PathBuf;

use scn::base::{Seed, Sources};
use scn::check::check_with;
use scn::diagnostic::{Diagnostic, Part, Rule, allow};
use scn::plan;
use scn::plan::profile::{self, Overrides, Profile};
use scn::syntax::parse;

/// Rules that no short text can show.
const WORDS_ONLY: [Rule; 4] = [Rule::NotUtf8, Rule::FileTooLarge, Rule::TooDeep, Rule::NotForOthers];

/// The scenario that examples of profiles speak of.
const SHOP: &str = r#"
    target "http://127.0.0.1:8000"
    user reader { task read { GET /items { expect status 200 } } }
    user buyer { task buy { POST /orders { expect status 201 } } }
"#;

/// All that scn says of an example.
fn found(kind: &str, text: &str) -> Vec<Diagnostic> {
    match kind {
        "scn" => of_scenario(text, &built_in()),
        "scn task" => {
            let whole = format!("target \"http://127.0.0.1:8000\"\n\nuser visitor {{\ntask visit {{\n{text}}}\n}}\n");
            of_scenario(&whole, &built_in())
        }
        "yaml" => {
            let parsed = profile::parse(Sources::default().add("profile.yml", text), text);
            match parsed.profile {
                Some(profile) => of_scenario(SHOP, &profile),
                None => parsed.diagnostics,
            }
        }
        "sh" => {
            let (_, shares) = text.trim().split_once("--mix ").expect("commands of pages are about --mix");
            let share = |part: &str| {
                let (user, share) = part.split_once('=').expect("a share has a class and a number");
                (user.to_owned(), share.parse().expect("a share has a class and a number"))
            };
            let mix = Some(shares.split(',').map(share).collect());
            let mut profile = built_in();
            Overrides { mix, ..Overrides::default() }.apply(&mut profile).expect("a mix fits");
            of_scenario(SHOP, &profile)
        }
        other => panic!("no example is of the kind `{other}`"),
    }
}

/// The files that examples speak of.
fn files() -> HashMap<PathBuf, Vec<u8>> {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    HashMap::from([
        file("accounts.csv", "name,password\nada,a1\nbob,b2\n"),
        file("ragged.csv", "name,password\nada,a1\nbob\n"),
        file("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        file("key.pem", "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"),
    ])
}

fn built_in() -> Profile {
    let text = profile::built_in("smoke").expect("it is built in");
    let mut profile = profile::parse(Sources::default().add("smoke", text), text).profile.expect("it is sound");
    profile.mix.clear();
    profile
}

fn of_scenario(text: &str, profile: &Profile) -> Vec<Diagnostic> {
    let mut sources = Sources::default();
    let file = sources.add("page.scn", text);
    let parsed = parse(file, text);
    let checked = check_with(&parsed.ast, &sources, &files());
    let mut found = parsed.diagnostics;
    found.extend(checked.diagnostics.iter().cloned());
    if let Some(sound) = checked.sound(&found) {
        match plan::compile(&sound, profile, Seed(7), &sources) {
            Ok(compiled) => found.extend(compiled.diagnostics),
            Err(wrong) => found.extend(wrong),
        }
    }
    allow::apply(&sources, &mut found);
    found
}

#[test]
fn the_first_example_of_a_page_breaks_its_rule_alone_and_the_second_breaks_none() {
    let mut untrue = String::new();
    for &rule in Rule::ALL {
        let examples: Vec<_> = rule.page().parts().into_iter().filter_map(example).collect();
        let said: Vec<Vec<(Rule, String)>> = examples
            .iter()
            .map(|(kind, text)| found(kind, text).into_iter().map(|one| (one.rule, one.message)).collect())
            .collect();
        let holds = match &said[..] {
            [] => WORDS_ONLY.contains(&rule),
            [broken, kept] => matches!(&broken[..], [(one, _)] if *one == rule) && kept.is_empty(),
            _ => false,
        };
        if !holds {
            untrue += &format!("{}: {said:?}\n", rule.name());
        }
    }
    assert!(untrue.is_empty(), "not as the pages say:\n{untrue}");
}

fn example(part: Part) -> Option<(&'static str, &'static str)> {
    match part {
        Part::Example { kind, text } => Some((kind, text)),
        Part::Words(_) => None,
    }
}

#[test]
fn a_page_begins_with_words_and_no_other_file_lies_beside_the_pages() {
    for rule in Rule::ALL {
        assert!(matches!(&rule.page().parts()[..], [Part::Words(_), ..]), "{}", rule.name());
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnostic/pages");
    assert_eq!(std::fs::read_dir(folder).expect("the folder can be listed").count(), Rule::ALL.len());
}
