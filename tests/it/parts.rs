//! Runs of some parts of a scenario: `--only` and `--without`.

use scn::base::{Seed, Sources};
use scn::check::{NoSuchPart, Parts, Sound, check};
use scn::plan::{self, Plan, profile};

const SHOP: &str = r#"
    target "http://127.0.0.1:8000"
    user visitor weight 3 {
      task look { page: GET / { expect status 200 } }
      task find { search: GET /find { expect status 200 } }
    }
    user buyer { task buy { order: POST /orders { expect status 201 } } }
    thresholds {
      error_rate < 1%
      p95 of search < 1s
      p95 of buyer < 1s
      error_rate of look < 1%
      p95 of every step < 2s
    }
"#;

fn shop(sources: &mut Sources) -> Sound {
    let file = sources.add("shop.scn", SHOP);
    let parsed = scn::syntax::parse(file, SHOP);
    check(&parsed.ast, sources).sound(&parsed.diagnostics).expect("it is sound")
}

fn parts(only: &[&str], without: &[&str]) -> Parts {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Parts { only: owned(only), without: owned(without) }
}

/// The plan of these parts, and the thresholds that are not judged.
fn planned(only: &[&str], without: &[&str]) -> (Plan, Vec<String>) {
    let mut sources = Sources::default();
    let sound = shop(&mut sources).select(&parts(only, without)).expect("these parts are there");
    let text = "users: 8\nspawn_rate: 1\nduration: 1m\nmix: { visitor: 50, buyer: 50 }\n";
    let profile = profile::parse(sources.add("p.yml", text), text).profile.expect("it is sound");
    let compiled = plan::compile(&sound, &profile, Seed(7), &sources).expect("it can be planned");
    (compiled.plan, compiled.not_judged)
}

/// Users by class, and the tasks that are done.
fn done(plan: &Plan) -> (Vec<u32>, Vec<&str>) {
    let tasks = plan.users.iter().flat_map(|user| &user.tasks);
    (plan.user_counts(), tasks.map(|task| plan.tasks[task.0 as usize].name.as_str()).collect())
}

#[test]
fn without_a_choice_all_is_run() {
    let (plan, not_judged) = planned(&[], &[]);
    assert_eq!(done(&plan), (vec![4, 4], vec!["look", "find", "buy"]));
    assert!(not_judged.is_empty());
}

#[test]
fn only_these_users_and_tasks_are_run_and_the_thresholds_of_others_are_not_judged() {
    let (plan, not_judged) = planned(&["buyer"], &[]);
    assert_eq!(done(&plan), (vec![0, 8], vec!["buy"]));
    assert_eq!(not_judged, ["p95 of search < 1s", "error_rate of look < 1%"]);
    assert_eq!(plan.thresholds.len(), 3);
    let (plan, not_judged) = planned(&["visitor.look", "buyer"], &[]);
    assert_eq!(done(&plan), (vec![4, 4], vec!["look", "buy"]));
    assert_eq!(not_judged, ["p95 of search < 1s"]);
}

#[test]
fn what_is_to_be_left_out_is() {
    let (plan, not_judged) = planned(&[], &["visitor.look", "buyer"]);
    assert_eq!(done(&plan), (vec![8, 0], vec!["find"]));
    assert_eq!(not_judged, ["p95 of buyer < 1s", "error_rate of look < 1%"]);
    let (plan, _) = planned(&["visitor"], &["visitor.find"]);
    assert_eq!(done(&plan), (vec![8, 0], vec!["look"]));
}

#[test]
fn a_name_that_is_not_there_and_a_choice_of_nothing_are_refused() {
    let wrong = |only: &[&str], without: &[&str]| {
        let mut sources = Sources::default();
        shop(&mut sources).select(&parts(only, without)).map(|_| ()).expect_err("it cannot be chosen")
    };
    let unknown = |name: &str, near: &str| NoSuchPart::Unknown(name.into(), Some(near.into()));
    assert_eq!(wrong(&["vistor"], &[]), unknown("vistor", "visitor"));
    assert_eq!(wrong(&[], &["visitor.loko"]), unknown("visitor.loko", "visitor.look"));
    assert_eq!(wrong(&["buyer"], &["buyer.buy"]), NoSuchPart::NothingLeft);
}
