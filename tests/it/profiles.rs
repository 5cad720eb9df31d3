//! Tests of profiles: golden files with marks, the built-in ones, and texts that are no profiles at all.

use std::time::Duration;

use scn::base::{FileId, SourceFile};
use scn::diagnostic::Rule;
use scn::plan::Profile;
use scn::plan::profile::{self, Contradiction, Overrides, PROFILE_BYTES_MAX, Parsed, Wanted};
use scn::plan::schedule::ramp::Stage;

use super::marks;

fn parse(text: &str) -> Parsed {
    profile::parse(FileId(0), text)
}

fn sound(text: &str) -> Profile {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.profile.expect("nothing was wrong")
}

fn mix(profile: &Profile) -> Vec<(&str, f64)> {
    profile.mix.iter().map(|entry| (entry.user.as_str(), entry.share)).collect()
}

#[test]
fn golden_profiles_have_the_mistakes_that_are_marked() {
    for file in std::fs::read_dir("tests/golden/profiles").expect("the golden profiles lie there") {
        let path = file.expect("it can be listed").path();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let parsed = parse(&text);
        if path.ends_with("not-yaml.yml") {
            assert_eq!(parsed.diagnostics[0].rule, Rule::ProfileSyntax);
            continue;
        }
        if let Err(difference) = marks::compare(&text, &parsed.diagnostics) {
            panic!("{}:\n{difference}", path.display());
        }
        assert_eq!(parsed.profile.is_some(), parsed.diagnostics.is_empty(), "{}", path.display());
    }
}

#[test]
fn the_built_in_profiles_are_what_they_promise() {
    let promised = [
        ("smoke", 5, 1.0, 30, [("http", 80.0), ("websocket", 20.0)]),
        ("load", 50, 5.0, 5 * 60, [("http", 70.0), ("websocket", 30.0)]),
        ("stress", 200, 20.0, 10 * 60, [("http", 60.0), ("websocket", 40.0)]),
        ("soak", 30, 2.0, 30 * 60, [("http", 70.0), ("websocket", 30.0)]),
    ];
    assert_eq!(profile::BUILT_IN.len(), promised.len());
    for (name, users, spawn_rate, seconds, shares) in promised {
        let profile = sound(profile::built_in(name).expect("it is built in"));
        assert_eq!(profile.name, name);
        assert!(!profile.description.is_empty());
        assert_eq!(profile.wanted, Wanted::Users { users, spawn_rate });
        assert_eq!(profile.duration, Duration::from_secs(seconds));
        assert_eq!(mix(&profile), shares);
    }
    assert_eq!(profile::built_in("smoak"), None);
}

#[test]
fn a_sound_profile_holds_what_was_written() {
    let profile = sound(include_str!("../golden/profiles/sound.yml"));
    assert_eq!(profile.name, "größer");
    assert_eq!(profile.description, "quoted: fine");
    assert_eq!(profile.wanted, Wanted::Users { users: 50, spawn_rate: 0.5 });
    assert_eq!(profile.duration, Duration::from_secs(5400));
    assert_eq!(profile.graceful_stop, Some(Duration::from_secs(10)));
    assert_eq!(mix(&profile), [("http", 60.5), ("websocket", 40.0)]);
}

#[test]
fn the_older_spellings_mean_the_same_mix() {
    for text in
        [include_str!("../golden/profiles/older-spelling.yml"), include_str!("../golden/profiles/oldest-spelling.yml")]
    {
        assert_eq!(mix(&sound(text)), [("http", 60.0), ("websocket", 40.0)]);
    }
}

#[test]
fn overrides_take_the_place_of_what_the_profile_says() {
    let mut profile = sound(profile::built_in("smoke").unwrap());
    assert_eq!(Overrides::default().apply(&mut profile), Ok(()));
    assert_eq!(profile, sound(profile::built_in("smoke").unwrap()));
    let overrides = Overrides {
        users: Some(7),
        spawn_rate: Some(0.5),
        duration: Some(Duration::from_secs(1)),
        mix: Some(vec![("http".into(), 1.0)]),
    };
    assert_eq!(overrides.apply(&mut profile), Ok(()));
    assert_eq!(profile.wanted, Wanted::Users { users: 7, spawn_rate: 0.5 });
    assert_eq!(profile.duration, Duration::from_secs(1));
    assert_eq!(mix(&profile), [("http", 1.0)]);
    assert_eq!(profile.mix[0].span, None);
}

#[test]
fn every_load_means_what_was_written() {
    let stage = |to: f64, seconds: u64| Stage { to, over: Duration::from_secs(seconds) };
    let stages = sound("stages: [{users: 50, over: 1m}, {users: 50, over: 5m}, {users: 0, over: 0s}]\n");
    assert_eq!(stages.wanted, Wanted::UserStages(vec![stage(50.0, 60), stage(50.0, 300), stage(0.0, 0)]));
    assert_eq!(stages.duration, Duration::from_secs(360));
    let rate = sound("arrival_rate: 30/m\nmax_users: 300\nduration: 10m\nwarm_up: 30s\n");
    assert_eq!(rate.wanted, Wanted::Rate { rate: 0.5, max_users: 300 });
    assert_eq!(rate.warm_up, Duration::from_secs(30));
    let rates =
        sound("stages:\n  - {arrival_rate: 500/s, over: 1m}\n  - {arrival_rate: 0/s, over: 10s}\nmax_users: 9\n");
    assert_eq!(rates.wanted, Wanted::RateStages { stages: vec![stage(500.0, 60), stage(0.0, 10)], max_users: 9 });
    let counted = sound("iterations: 1000\n");
    assert_eq!(counted.wanted, Wanted::Users { users: 1, spawn_rate: f64::INFINITY });
    assert_eq!((counted.iterations, counted.duration), (Some(1000), profile::ITERATIONS_DURATION));
    let classes = sound("load: {http: {arrival_rate: 100/s, max_users: 300}, websocket: {users: 500}}\nduration: 5m\n");
    let Wanted::Classes(classes) = classes.wanted else { panic!("each class has its own") };
    let told: Vec<_> = classes.into_iter().map(|class| (class.user, class.wanted)).collect();
    assert_eq!(
        told,
        [
            ("http".to_owned(), Wanted::Rate { rate: 100.0, max_users: 300 }),
            ("websocket".to_owned(), Wanted::Users { users: 500, spawn_rate: f64::INFINITY }),
        ]
    );
}

#[test]
fn flags_that_contradict_the_profile_are_refused() {
    let users = Overrides { users: Some(7), ..Overrides::default() };
    let duration = Overrides { duration: Some(Duration::from_secs(9)), ..Overrides::default() };
    let mix = Overrides { mix: Some(vec![("a".into(), 1.0)]), ..Overrides::default() };
    for (text, overrides, flag, has) in [
        ("stages: [{users: 5, over: 1m}]\n", &users, "--users", "stages"),
        ("stages: [{users: 5, over: 1m}]\n", &duration, "--duration", "stages"),
        ("arrival_rate: 5/s\nmax_users: 5\nduration: 1m\n", &users, "--users", "arrival_rate"),
        ("load: {a: {users: 5}}\nduration: 1m\n", &mix, "--mix", "load"),
        ("users: 5\nspawn_rate: 5\nduration: 1m\nwarm_up: 10s\n", &duration, "--duration", "warm_up"),
    ] {
        assert_eq!(overrides.apply(&mut sound(text)), Err(Contradiction { flag, has }), "{text}");
    }
}

#[test]
fn a_fix_makes_the_profile_sound() {
    let text = "users: \"50\"\nspawn_rat: 5\nduration: 5\n";
    let parsed = parse(text);
    let mut mended = text.to_owned();
    for diagnostic in parsed.diagnostics.iter().rev() {
        let fix = diagnostic.fix.as_ref().expect("each of these can be mended");
        mended.replace_range(fix.span.range(), &fix.replacement);
    }
    let profile = sound(&mended);
    assert_eq!(profile.wanted, Wanted::Users { users: 50, spawn_rate: 5.0 });
    assert_eq!(profile.duration, Duration::from_secs(5));
}

#[test]
fn an_alias_may_stand_for_a_value_but_not_for_a_list() {
    assert_eq!(
        sound("users: &n 5\nspawn_rate: *n\nduration: 1s\n").wanted,
        Wanted::Users { users: 5, spawn_rate: 5.0 }
    );
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
    assert_eq!(parse(bomb).diagnostics[0].rule, Rule::ProfileSyntax);
}

#[test]
fn what_is_no_profile_is_told_in_one_or_three_messages() {
    for text in ["", "\n", "# only a comment\n", "---\n", "~", "{}"] {
        let rules: Vec<Rule> = parse(text).diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
        assert_eq!(rules, [Rule::MissingKey; 3], "{text:?}");
    }
    for (text, rule) in [
        ("just words", Rule::ProfileValue),
        ("- a\n- list\n", Rule::ProfileValue),
        ("users: 5\n---\nusers: 6\n", Rule::ProfileSyntax),
        ("users: 5\n\tspawn_rate: 1\n", Rule::ProfileSyntax),
        ("users: 5\n  spawn_rate: 1\n", Rule::ProfileSyntax),
        ("{users: 5", Rule::ProfileSyntax),
        ("ü: \"", Rule::ProfileSyntax),
        ("\u{1}", Rule::ProfileValue),
    ] {
        let rules: Vec<Rule> = parse(text).diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
        assert_eq!(rules, [rule], "{text:?}");
    }
}

#[test]
fn neither_depth_nor_size_nor_number_of_mistakes_runs_away() {
    for text in [
        "[".repeat(PROFILE_BYTES_MAX),
        "{".repeat(PROFILE_BYTES_MAX),
        "- ".repeat(PROFILE_BYTES_MAX / 2),
        "a: ".repeat(PROFILE_BYTES_MAX / 3),
        "? ".repeat(PROFILE_BYTES_MAX / 2),
        "x".repeat(PROFILE_BYTES_MAX + 1),
        (0..9_000).map(|n| format!("k{n}:\n")).collect(),
        format!("{}: 5", "user".repeat(10_000)),
    ] {
        let parsed = parse(&text);
        assert!(parsed.profile.is_none());
        assert!((1..=50).contains(&parsed.diagnostics.len()));
    }
}

#[test]
fn every_beginning_of_a_profile_is_read_without_a_slip() {
    let whole = concat!(
        "# größer\nname: \"ü\"\nusers: &n 50\nspawn_rate: *n\nduration: 1m30s\n",
        "mix:\n  http: 60\n  websocket: !!int 40\nscenarios: {a_weight: [1, {b: c}]}\n"
    );
    for (end, _) in whole.char_indices() {
        let text = &whole[..end];
        let file = SourceFile::new("beginning", text);
        for diagnostic in parse(text).diagnostics {
            let span = diagnostic.primary.span.range();
            assert!(file.text.get(span).is_some(), "spans lie on character boundaries: {text:?}");
        }
    }
}
