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
    for verb in ["new", "check", "fmt", "plan", "try", "run", "demo", "explain"] {
        let ended = scn(verb).arg("--help").run().exits(0).prints("Exit codes:").prints("Examples:");
        assert!(ended.stdout.contains(&format!("scn {verb} ")), "{}", ended.stdout);
    }
}

#[test]
fn no_line_of_help_is_torn_by_its_width() {
    for verb in ["check", "plan", "try", "run", "demo"] {
        let help = scn(verb).arg("--help").run().exits(0).stdout;
        // A line that clap had to break ends in mid-sentence and leaves a word or two for the next.
        let torn = help
            .lines()
            .filter(|line| ["once, still with the report.", "line,", "second", "within"].contains(&line.trim()));
        assert_eq!(torn.collect::<Vec<_>>(), Vec::<&str>::new(), "{verb}");
    }
}

#[test]
fn a_number_below_zero_is_refused_as_a_number() {
    scn("run a.scn --users -1").run().exits(2).says("a whole number of users is needed");
    scn("run a.scn --seed -1").run().exits(2).says("a whole number from 0");
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
