//! The work of `eight.scn` as a Goose user does it, or with `one` as the first word a bare GET, one of it in each so
//! many milliseconds. Options behind that are Goose's own. Prints one line of JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use goose::goose::{GooseResponse, TransactionFunction};
use goose::prelude::*;
use serde_json::{Value, json};

/// Tasks and their weights, as in `eight.scn`.
const TASKS: [(&str, usize); 8] = [
    ("health", 5),
    ("status", 4),
    ("snapshot", 3),
    ("config", 3),
    ("scope", 3),
    ("items", 2),
    ("orders", 1),
    ("people", 1),
];

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let gap = std::env::var("PEER_GAP").ok().and_then(|gap| gap.parse().ok()).map(Duration::from_millis);
    let scenario = match gap {
        // Goose takes what the request took off the wait, so that there is one in each gap.
        Some(gap) => scenario!("one").register_transaction(transaction!(one_request)).set_wait_time(gap, gap)?,
        None => TASKS.into_iter().try_fold(scenario!("eight"), |scenario, (task, weight)| {
            // Once for each task, not for each request.
            let names: &'static [String; 2] =
                Box::leak(Box::new([format!("/api/{task}"), format!("/api/{task}/:state")]));
            let function: TransactionFunction = std::sync::Arc::new(move |user| Box::pin(two_requests(user, names)));
            Ok::<_, GooseError>(scenario.register_transaction(Transaction::new(function).set_weight(weight)?))
        })?,
    };
    let metrics = GooseAttack::initialize()?.register_scenario(scenario).execute().await?;
    println!("{}", summary(&metrics));
    Ok(())
}

async fn one_request(user: &mut GooseUser) -> TransactionResult {
    let GooseResponse { mut request, response } = user.get("/api/health").await?;
    match response {
        Ok(answer) if answer.status() == 200 => Ok(()),
        _ => user.set_failure("no 200", &mut request, None, None),
    }
}

async fn two_requests(user: &mut GooseUser, names: &'static [String; 2]) -> TransactionResult {
    let GooseResponse { mut request, response } = user.get(&names[0]).await?;
    let found: Value = match response {
        Ok(answer) if answer.status() == 200 => answer.json().await.unwrap_or_default(),
        _ => return user.set_failure("no 200", &mut request, None, None),
    };
    let Some(state) = found["status"].as_str().filter(|state| *state == "healthy") else {
        return user.set_failure("status is not healthy", &mut request, None, None);
    };
    let path = format!("{}/{state}", names[0]);
    let GooseResponse { mut request, response } = user.get_named(&path, &names[1]).await?;
    let again: Value = match response {
        Ok(answer) if answer.status() == 200 => answer.json().await.unwrap_or_default(),
        _ => return user.set_failure("no 200", &mut request, None, None),
    };
    if again["status"] == state {
        return Ok(());
    }
    user.set_failure("status is another", &mut request, None, None)
}

/// How many requests there were, how many of them failed, and their times in milliseconds: as Goose has measured them.
fn summary(metrics: &GooseMetrics) -> Value {
    let (mut good, mut bad, mut total) = (0, 0, 0);
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for request in metrics.requests.values() {
        good += request.success_count;
        bad += request.fail_count;
        total += request.raw_data.total_time_us;
        let times = serde_json::to_value(&request.raw_data.times_us).expect("Goose writes JSON itself");
        for (micros, count) in times.as_object().expect("bucket to count") {
            *buckets.entry(micros.parse().expect("microseconds")).or_default() += count.as_u64().expect("a count");
        }
    }
    let count: u64 = buckets.values().sum();
    let percentile = |share: f64| {
        let mut left = (count as f64 * share).ceil() as u64;
        let found = buckets.iter().find(|(_, times)| {
            left = left.saturating_sub(**times);
            left == 0
        });
        found.map_or(0.0, |(micros, _)| *micros as f64 / 1e3)
    };
    json!({
        "requests": good + bad, "failures": bad, "mean": total as f64 / count as f64 / 1e3,
        "p50": percentile(0.5), "p90": percentile(0.9), "p95": percentile(0.95), "p99": percentile(0.99),
    })
}
