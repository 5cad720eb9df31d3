//! A run with a counted number of iterations, and what its summary must say.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Ended, Folder, finish};

/// What came of a run.
pub struct Counted {
    /// What it printed.
    pub ended: Ended,
    /// What it wrote down.
    pub summary: Value,
}

/// Runs a scenario of `folder` against `target`: so many users, so many iterations in all.
#[track_caller]
pub fn run(folder: &Folder, scenario: &str, target: &str, users: u32, iterations: u64) -> Counted {
    let profile = format!("name: counted\nusers: {users}\nspawn_rate: 1000\nduration: 1m\niterations: {iterations}\n");
    let profile = folder.write("counted.yml", &profile);
    let scenario = folder.path().join(scenario).display().to_string();
    let ended = finish(folder.run(&[&scenario, "--target", target, "--profile", &profile, "--verbose"]));
    // A busy machine makes a run invalid, for its times; what is counted is right all the same.
    let ended = if ended.code == 98 { ended } else { ended.with(0) };
    let counted = Counted { ended, summary: folder.summary() };
    assert_eq!(counted.total("iterations"), iterations, "{}", counted.ended.out);
    counted
}

/// The same with a scenario of one task, by one user who trusts `ca.pem`.
#[track_caller]
pub fn one(folder: &Folder, target: &str, task: &str, iterations: u64) -> Counted {
    let settings = "timeout 10s; tls { ca \"ca.pem\" }";
    let text = format!("target \"http://127.0.0.1:1\" {{ {settings} }}\nuser visitor {{\n  {task}\n}}\n");
    folder.write("one.scn", &text);
    run(folder, "one.scn", target, 1, iterations)
}

impl Counted {
    /// Of `totals`.
    pub fn total(&self, name: &str) -> u64 {
        self.summary["totals"][name].as_u64().expect("a count")
    }

    /// Of `counters`.
    pub fn counter(&self, name: &str) -> u64 {
        self.summary["counters"][name].as_u64().expect("a count")
    }

    /// So many requests, and none of them has failed.
    #[track_caller]
    pub fn all_well(&self, requests: u64) {
        assert_eq!(self.total("failures"), 0, "{}\n{:#}", self.ended.out, self.summary["errors"]);
        assert_eq!(self.total("requests"), requests, "{}", self.ended.out);
    }

    /// Answers by status, over all rows.
    pub fn statuses(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for row in self.summary["series"].as_array().expect("series is a list") {
            for (status, count) in row["statuses"].as_object().expect("statuses is an object") {
                *all.entry(status.clone()).or_insert(0) += count.as_u64().expect("a count");
            }
        }
        all
    }

    /// Each failure's kind, words and count, in the order of the scenario.
    pub fn failures(&self) -> Vec<(String, String, u64)> {
        let errors = self.summary["errors"].as_array().expect("errors is a list").iter();
        let text = |error: &Value, key: &str| error[key].as_str().expect("a text").to_owned();
        errors
            .map(|error| (text(error, "kind"), text(error, "message"), error["count"].as_u64().expect("a count")))
            .collect()
    }
}

/// How many there are of each of these values in a log.
pub fn tally(log: &[Value], keys: &[&str]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for line in log {
        let said = keys.iter().map(|key| line[key].as_str().map_or_else(|| line[key].to_string(), str::to_owned));
        *all.entry(said.collect::<Vec<_>>().join(" ")).or_insert(0) += 1;
    }
    all
}

/// What [`tally`] should give.
pub fn tallied<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// What [`tally`] should give where each of so many iterations has these counts.
pub fn of_each(iterations: u64, counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), count * iterations)).collect()
}
