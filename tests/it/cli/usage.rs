//! Every kind of wrong usage: exit code 2, and words that help.

use super::world::scn;

#[test]
fn without_a_verb_it_says_what_there_is() {
    scn("").run().exits(2).says("Usage: scn <COMMAND>").prints_nothing();
}

#[test]
fn help_and_version_are_results() {
    scn("--help").run().exits(0).prints("scn run scenarios/oscilloscope.scn --demo").says_nothing();
    scn("--version").run().exits(0).prints(concat!("scn ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_verb_tells_its_exit_codes_and_shows_examples() {
    for verb in ["check", "plan", "run", "demo"] {
        let ended = scn(verb).arg("--help").run().exits(0).prints("Exit codes:").prints("Examples:");
        assert!(ended.stdout.contains(&format!("scn {verb} ")), "{}", ended.stdout);
    }
}

#[test]
fn an_unknown_verb_or_flag_is_met_with_the_nearest() {
    scn("chek a.scn").run().exits(2).says("'check'");
    scn("check a.scn --profil x").run().exits(2).says("'--profile'");
}

#[test]
fn a_missing_file_name_is_asked_for() {
    scn("check").run().exits(2).says("<FILE>");
    scn("run").run().exits(2).says("<FILE>");
    scn("plan").run().exits(2).says("<FILE>");
}

#[test]
fn a_path_that_cannot_be_read_is_named() {
    scn("check nowhere.scn").run().exits(2).says("cannot read `nowhere.scn`: there is no such file").prints_nothing();
    scn("check folder").file("folder/a.scn", "").run().exits(2).says("it is a folder").says("folder/*.scn");
    scn("run nowhere.scn").run().exits(2).says("cannot read `nowhere.scn`");
    scn("plan nowhere.scn").run().exits(2).says("cannot read `nowhere.scn`");
}
