//! `scn plan`.

use super::check::SOUND;
use super::world::scn;

#[test]
fn it_prints_what_a_run_would_do() {
    let ended = scn("plan a.scn --seed 7").file("a.scn", SOUND).run().exits(0).says_nothing();
    ended.prints_golden("plan.txt");
}

#[test]
fn a_flag_beats_a_variable_beats_the_profile() {
    let plan = |flags: &str| scn("plan a.scn").file("a.scn", SOUND).env("SCN_USERS", "17").arg(flags).run().exits(0);
    plan("--users=23").prints("23 users");
    plan("--seed=1").prints("17 users");
    scn("plan a.scn").file("a.scn", SOUND).run().exits(0).prints("5 users");
    scn("plan a.scn").file("a.scn", SOUND).env("SCN_PROFILE", "stress").run().exits(0).prints("200 users");
}

#[test]
fn a_value_that_cannot_be_read_is_named_with_its_flag_or_variable() {
    let plan = || scn("plan a.scn").file("a.scn", SOUND);
    plan().arg("--users=0").run().exits(2).says("--users").says("at least one user");
    plan().arg("--duration=30").run().exits(2).says("did you mean `30s`?");
    plan().arg("--mix=http").run().exits(2).says("http=60,websocket=40");
    for (variable, value) in [
        ("SCN_USERS", "many"),
        ("SCN_SPAWN_RATE", "0"),
        ("SCN_DURATION", "30"),
        ("SCN_MIX", "http"),
        ("SCN_PROFILE", "stres"),
    ] {
        let ended = plan().env(variable, value).run().exits(2);
        assert!(variable == "SCN_PROFILE" || ended.stderr.contains(variable), "{}", ended.stderr);
    }
}

#[test]
fn a_class_that_the_scenario_lacks_is_an_error_in_mix() {
    let ended = scn("plan a.scn --mix htp=1").file("a.scn", SOUND).run();
    ended.exits(104).says("mix-undefined-user").says("`htp`").prints_nothing();
}

#[test]
fn an_unsound_scenario_has_no_plan() {
    scn("plan a.scn").file("a.scn", "scenario").run().exits(104).prints_nothing();
}
