//! `scn explain`.

use scn::diagnostic::Rule;

use super::world::scn;

#[test]
fn a_rule_is_told_as_text() {
    scn("explain maybe-unset").run().exits(0).prints_golden("explain.txt").says_nothing();
}

#[test]
fn every_rule_has_a_page_that_keeps_to_the_width() {
    for rule in Rule::ALL {
        let ended = scn("explain").arg(rule.name()).run().exits(0).prints(rule.name()).says_nothing();
        let long: Vec<&str> = ended.stdout.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(long.is_empty(), "{long:?}");
        assert!(!ended.stdout.contains("```"), "{}", ended.stdout);
    }
}

#[test]
fn without_a_name_all_rules_are_listed_with_severity_and_first_sentence() {
    let ended = scn("explain").run().exits(0).says_nothing();
    let names: Vec<&str> = ended.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>());
    ended.prints("unused-value            warning  A value is set and never read.\n");
}

#[test]
fn an_unknown_rule_is_met_with_the_nearest() {
    let ended = scn("explain undefind-name").run().exits(2).prints_nothing();
    ended.says("no rule is called `undefind-name`").says("did you mean `undefined-name`?");
    scn("explain teapot").run().exits(2).says("`scn explain` lists them all").prints_nothing();
}
