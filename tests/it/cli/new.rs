//! `scn new`: what it writes is good to go on with, and it writes over nothing.

use super::world::scn;

/// `SCN_TARGET`-less arguments for a quick run of what was written.
fn written() -> String {
    scn("new shop").run().exits(0).says_nothing().read("shop.scn")
}

#[test]
fn a_new_scenario_and_its_profiles_are_there_and_named() {
    let ended = scn("new load/tea-shop").run().exits(0).says_nothing();
    let ended = ended.prints("load/tea-shop.scn\nload/profiles/smoke.yml\n").prints("scn try load/tea-shop.scn --demo");
    let text = ended.read("load/tea-shop.scn");
    assert!(text.contains("scenario \"Tea shop\"\n") && !text.contains("NAME") && !text.contains("TITLE"), "{text}");
    assert!(ended.read("load/profiles/stress.yml").contains("users: 200"));
}

#[test]
fn what_is_written_checks_without_a_word_under_each_of_its_profiles_and_is_laid_out() {
    let text = written();
    for profile in ["smoke", "load", "stress"] {
        let profiles = scn("new shop").run().read(&format!("profiles/{profile}.yml"));
        let path = format!("profiles/{profile}.yml");
        let check = scn("check shop.scn --deny warnings").args(&format!("--profile {profile}"));
        check.file("shop.scn", &text).file(&path, profiles).run().exits(0).says_nothing();
    }
    scn("fmt --check shop.scn").file("shop.scn", &text).run().exits(0);
}

#[test]
fn what_is_written_runs_against_the_demo() {
    let told = scn("try shop.scn --demo").file("shop.scn", written()).run().exits(0);
    told.prints("visitor / look").prints("✓ 2 tasks, 4 requests, 2 of 2 checks held, nothing failed");
    let run = scn("run shop.scn --demo --quiet --no-results --users 2 --spawn-rate 100 --duration 2s");
    run.file("shop.scn", written()).run().exits(0).prints("✓  error_rate < 1%");
}

#[test]
fn nothing_is_overwritten() {
    let ended = scn("new shop").file("shop.scn", "mine").run().exits(2).says("`shop.scn` exists already");
    assert_eq!(ended.read("shop.scn"), "mine");
    let ended = scn("new shop.scn").file("profiles/load.yml", "mine").run().exits(0);
    assert_eq!(ended.read("profiles/load.yml"), "mine");
    ended.prints("profiles/load.yml   (kept as it was)");
    scn("new").arg("").run().exits(2);
}
