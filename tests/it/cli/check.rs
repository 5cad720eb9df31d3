//! `scn check`.

use super::world::scn;

/// A scenario with nothing to say about it.
pub const SOUND: &str = "\
scenario \"Small\"

target env(\"SCN_TARGET\", \"http://127.0.0.1:8000\")

user http {
  think 100ms

  task health {
    GET /api/health { expect status 200 }
  }
}
";

/// Two mistakes, each on its own line.
const BROKEN: &str = "\
scenario \"Small\"

target \"http://127.0.0.1:8000\"

user http {
  think 5

  task health {
    GET /api/health { expct status 200 }
  }
}
";

const PROFILE: &str = "name: small\ndescription: Little\nusers: 2\nspawn_rate: 2\nduration: 1s\nmix:\n  http: 100\n";

#[test]
fn a_profile_given_as_a_scenario_is_said_to_be_one() {
    scn("check load.yml")
        .file("load.yml", "users: 5\n")
        .run()
        .exits(2)
        .says("`load.yml` is a profile")
        .says("--profile load.yml");
}

#[test]
fn sound_files_are_said_to_be_sound() {
    scn("check a.scn").file("a.scn", SOUND).run().exits(0).prints("1 file is sound\n").says_nothing();
    let two = scn("check a.scn b.scn").file("a.scn", SOUND).file("b.scn", SOUND);
    two.run().exits(0).prints("2 files are sound\n");
}

#[test]
fn several_mistakes_are_drawn_in_one_pass_and_counted() {
    let ended = scn("check a.scn b.scn").file("a.scn", BROKEN).file("b.scn", SOUND).run();
    ended.exits(104).prints("2 errors in 2 files").prints_golden("check.txt").says_nothing();
}

#[test]
fn only_where_something_was_found_it_says_where_to_read_on() {
    let hint = "`scn explain RULE` tells more of a rule\n";
    scn("check a.scn").file("a.scn", BROKEN).run().exits(104).prints(&format!("\n2 errors in 1 file\n{hint}"));
    assert!(!scn("check a.scn").file("a.scn", SOUND).run().exits(0).stdout.contains("scn explain"));
}

#[test]
fn machines_get_standard_output_for_themselves() {
    let check = |format: &str| scn("check a.scn --format").arg(format).file("a.scn", BROKEN).run().exits(104);
    let json = check("json").says("2 errors in 1 file").stdout;
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&json).expect("it is JSON").len(), 2);
    assert_eq!(check("github").stdout.lines().filter(|line| line.starts_with("::error file=a.scn,")).count(), 2);
    let sarif: serde_json::Value = serde_json::from_str(&check("sarif").stdout).expect("it is JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_scenario_may_come_by_standard_input() {
    scn("check -").stdin(SOUND).run().exits(0).prints("1 file is sound");
    scn("check -").stdin(BROKEN).run().exits(104).prints("<stdin>:");
    scn("check - -").stdin(SOUND).run().exits(2).says("only once");
}

#[test]
fn an_unreadable_file_does_not_hide_what_is_wrong_with_the_others() {
    scn("check a.scn nowhere.scn").file("a.scn", BROKEN).run().exits(2).prints("2 errors").says("nowhere.scn");
}

#[test]
fn a_file_that_is_no_text_is_not_sound() {
    let ended = scn("check a.scn").file("a.scn", b"scenario \"\xff\"\n").run();
    ended.exits(104).prints("not-utf8").prints("a.scn:1:11");
}

#[test]
fn profiles_beside_the_scenario_are_checked_with_it() {
    let world = || scn("check a.scn").file("a.scn", SOUND).file("profiles/good.yml", PROFILE);
    world().run().exits(0);
    let broken = PROFILE.replace("users", "user");
    let ended = world().file("profiles/bad.yml", &broken).run();
    ended.exits(104).prints("profiles/bad.yml").prints("unknown-key").prints("did you mean `users`");
}

#[test]
fn a_profile_is_checked_once_however_many_scenarios_it_speaks_to() {
    let mixed = PROFILE.replace("http: 100", "http: 60\n  websocket: 40");
    let world = scn("check a.scn b.scn").file("a.scn", SOUND).file("b.scn", SOUND).file("profiles/mixed.yml", mixed);
    world.run().exits(0).prints("2 files are sound, with 1 note");
}

#[test]
fn a_profile_is_found_beside_the_scenario_above_it_or_built_in() {
    let marked = PROFILE.replace("users: 2", "users: none");
    let check = |place: &str| {
        let world = scn("check deep/er/a.scn --profile mine").file("deep/er/a.scn", SOUND).file(place, &marked);
        world.run().exits(104).prints(place);
    };
    check("deep/er/profiles/mine.yml");
    check("deep/profiles/mine.yml");
    check("profiles/mine.yml");
    scn("check a.scn --profile stress").file("a.scn", SOUND).run().exits(0);
    scn("check a.scn --profile x/mine.yaml").file("a.scn", SOUND).file("x/mine.yaml", &marked).run().exits(104);
}

#[test]
fn an_unknown_profile_is_met_with_where_it_was_looked_for() {
    let world = || scn("check sub/a.scn --profile").file("sub/a.scn", SOUND).file("profiles/mine.yml", PROFILE);
    let ended = world().arg("stres").run().exits(2).says("no profile is called `stres`");
    ended.says("  sub/profiles/stres.yml\n  profiles/stres.yml\n").says("did you mean `stress`?").says("mine");
    world().arg("nothing/like").run().exits(2).says("nothing/like");
    world().arg("gone.yml").run().exits(2).says("cannot read `gone.yml`");
}

/// One warning: nothing is expected of the step.
const WARNED: &str = "\
target \"http://127.0.0.1:9\"
user visitor { task look {
  GET /
} }
";

#[test]
fn warnings_can_be_denied() {
    scn("check a.scn").file("a.scn", WARNED).run().exits(0).prints("1 file is sound, with 1 warning");
    let denied = scn("check a.scn --deny warnings").file("a.scn", WARNED).run();
    denied.exits(104).prints("no-expectation").says("1 warning, and warnings are denied").says("# scn: allow RULE");
    scn("check a.scn --deny warnings").file("a.scn", SOUND).run().exits(0);
    scn("check a.scn --deny errors").file("a.scn", SOUND).run().exits(2);
    // Nothing is sent: the target would refuse, and that ends with another code.
    let ended = scn("run a.scn --deny warnings").file("a.scn", WARNED).run();
    ended.exits(104).says("1 warning, and warnings are denied");
}

#[test]
fn a_comment_silences_a_warning_on_the_next_line() {
    let allowed = WARNED.replace("  GET", "  # scn: allow no-expectation\n  GET");
    scn("check a.scn --deny warnings").file("a.scn", allowed).run().exits(0).prints("1 file is sound\n");
    let unused = SOUND.replace("    GET", "    # scn: allow no-expectation\n    GET");
    scn("check a.scn --deny warnings").file("a.scn", unused).run().exits(104).prints("unused-allow");
}

#[test]
fn thresholds_of_a_profile_are_checked_beside_the_scenario() {
    let profile = "name: strict\nusers: 2\nspawn_rate: 2\nduration: 10s\nthresholds:\n  - p95 of health < 300ms\n  \
                   - \"count of \\\"GET /api/health\\\" > 0\"\n  - error_rate < 1\n  - p95 of healht < 1s over 2s\n";
    let ended = scn("check a.scn -p strict.yml").file("a.scn", SOUND).file("strict.yml", profile).run();
    let ended = ended.exits(104).prints("2 errors in 1 file");
    ended.prints("strict.yml:8:18").prints("missing-unit").prints("strict.yml:9:12").prints("did you mean `health`?");
}

#[test]
fn fixes_are_put_into_the_file_on_request() {
    let ended = scn("check a.scn --fix").file("a.scn", BROKEN).run();
    let ended = ended.exits(0).says("2 mistakes mended").prints("1 file is sound\n");
    let text = std::fs::read_to_string(ended.folder().join("a.scn")).expect("the file is there");
    assert_eq!(text, BROKEN.replace("think 5", "think 5s").replace("expct", "expect"));
}
