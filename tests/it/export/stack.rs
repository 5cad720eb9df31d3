//! What stands around the exporter: dashboards, provisioning, Alloy's and compose's files must agree with it and with
//! each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use scn::export::metric::{self, Kind};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboards/load-testing.json")).expect("the dashboard is JSON")
}

/// Each text in a tree of JSON that stands under this key.
fn under<'a>(key: &str, tree: &'a Value, found: &mut Vec<&'a str>) {
    match tree {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => under(key, value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| under(key, value, found)),
        _ => {}
    }
}

/// The words of a query that begin as a metric does.
fn metrics_in(query: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    query.split(move |c| !is_word(c)).filter(|word| word.starts_with("scn_"))
}

#[test]
fn dashboards_name_only_metrics_and_labels_that_exist() {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for key in ["expr", "definition"] {
        under(key, &dashboard, &mut queries);
    }
    assert!(queries.len() > 20, "the queries were not found");
    let parts = |kind: Kind| if let Kind::Histogram(_) = kind { &["_bucket", "_count", "_sum"][..] } else { &[""] };
    let names: BTreeSet<String> = metric::ALL
        .iter()
        .flat_map(|metric| parts(metric.kind).iter().map(move |part| format!("{}{part}", metric.name)))
        .collect();
    for query in &queries {
        for name in metrics_in(query) {
            assert!(names.contains(name), "there is no {name}: {query}");
        }
        for (at, _) in query.match_indices("sum by (") {
            let labels = &query[at + "sum by (".len()..];
            for label in labels[..labels.find(')').expect("closed")].split(", ") {
                let own = metric::ALL.iter().filter(|metric| query.contains(metric.name));
                let known = own.into_iter().any(|metric| metric.labels.contains(&label) || label == "le");
                assert!(known, "`{label}` is no label of it: {query}");
            }
        }
    }
    let shown: BTreeSet<&str> = queries.iter().flat_map(|query| metrics_in(query)).collect();
    for wanted in ["scn_errors_total", "scn_threshold_ok", "scn_websocket_connections", "scn_run_end_time_seconds"] {
        assert!(shown.contains(wanted), "{wanted} is shown nowhere");
    }
}

#[test]
fn the_dashboard_has_the_panels_variables_and_annotations_that_docs_promise() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("a list");
    let has = |title: &str, kind: &str| panels.iter().any(|panel| panel["title"] == title && panel["type"] == kind);
    for (title, kind) in [
        ("Request rate by endpoint", "timeseries"),
        ("Error percentage", "stat"),
        ("Error percentage", "timeseries"),
        ("Response time", "timeseries"),
        ("Active users", "timeseries"),
        ("Requests per second", "stat"),
        ("Errors by exception", "table"),
        ("Response times", "heatmap"),
        ("Service time against response time", "timeseries"),
        ("Thresholds", "state-timeline"),
        ("Validity and generator CPU", "timeseries"),
        ("Generator lateness", "timeseries"),
        ("WebSocket connections", "timeseries"),
        ("WebSocket messages", "timeseries"),
    ] {
        assert!(has(title, kind), "no {kind} `{title}`");
    }
    let variables: Vec<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(variables, ["datasource", "run", "interval", "method", "name"]);
    let choices = |at: usize| &dashboard["templating"]["list"][at]["query"];
    assert_eq!(choices(3), "GET,POST,PUT,DELETE,WS");
    // Twice the scrape interval of Alloy's and Prometheus' files is the least that a rate can be taken over.
    assert!(choices(2).as_str().is_some_and(|choices| choices.starts_with("30s,1m,")), "{}", choices(2));
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}

#[test]
fn each_query_of_a_panel_heeds_the_variables() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("a list");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("a list"));
    for query in targets.map(|target| target["expr"].as_str().expect("a query")) {
        let selectors: Vec<&str> = query.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        assert_eq!(selectors.len(), metrics_in(query).count(), "each metric is selected from: {query}");
        for (name, selector) in metrics_in(query).zip(selectors) {
            assert!(selector.contains(r#"run=~"$run""#), "{query}");
            let of = metric::ALL.iter().find(|metric| name.starts_with(metric.name)).expect("it exists");
            if of.labels.starts_with(&["method", "name"]) {
                assert!(selector.contains(r#"method=~"$method",name=~"$name""#), "{query}");
            }
        }
        assert_eq!(query.matches("rate(").count(), query.matches("[$interval]").count(), "{query}");
    }
}

#[test]
fn panels_say_their_unit_and_lie_beside_each_other() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("a list") {
        let unit = &panel["fieldConfig"]["defaults"]["unit"];
        if ["timeseries", "stat"].iter().any(|kind| panel["type"] == *kind) && panel["title"] != "Run valid" {
            assert!(unit.is_string(), "{}", panel["title"]);
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a number"));
        assert!(x + w <= 24, "{}", panel["title"]);
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{} lies on another panel", panel["title"]);
        }
    }
}

/// The value behind `key` on a line of its own, in YAML or Alloy's words.
fn said(text: &str, key: &str) -> String {
    let line = text
        .lines()
        .map(str::trim_start)
        .find(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with([':', '='])));
    let line = line.unwrap_or_else(|| panic!("no `{key}` in\n{text}"));
    let value = line[key.len()..].trim_start().trim_start_matches([':', '=']);
    value.trim().trim_matches(['"', '[', ']']).to_owned()
}

/// The services of compose.yml: what stands two blanks deep below `services:`.
fn services(compose: &str) -> BTreeSet<&str> {
    let services = compose.split("\nservices:\n").nth(1).expect("there are services");
    let services = services.split("\nnetworks:").next().expect("and networks behind them");
    services
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   ") && !line.trim_start().starts_with('#'))
        .map(|line| line.trim().trim_end_matches(':'))
        .collect()
}

#[test]
fn paths_uids_ports_and_services_agree() {
    let (compose, alloy) = (read("compose/compose.yml"), read("alloy/scn.alloy"));
    let services = services(&compose);
    assert_eq!(services, BTreeSet::from(["scn", "target", "mimir", "alloy", "grafana"]));

    // Alloy looks for the service that serves metrics, and hands them to the one that keeps them.
    assert_eq!(said(&alloy, "names"), "scn");
    assert_eq!(said(&alloy, "port"), "9646");
    assert!(compose.contains("--metrics-addr 0.0.0.0:9646 --metrics-allow-remote"));
    assert_eq!(said(&alloy, "job_name"), "scn");
    assert_eq!(said(&alloy, "scrape_interval"), "15s");
    let mimir_port = said(&read("compose/mimir.yml"), "http_listen_port");
    assert_eq!(said(&alloy, "url"), format!("http://mimir:{mimir_port}/api/v1/push"));

    // Grafana asks the same one, under the name by which the dashboard knows it.
    let source = read("dashboards/provisioning/datasources/scn.yml");
    assert_eq!(said(&source, "url"), format!("http://mimir:{mimir_port}/prometheus"));
    let dashboard = dashboard();
    assert_eq!(dashboard["templating"]["list"][0]["current"]["value"], said(&source, "uid"));
    let mut uids = Vec::new();
    under("uid", &dashboard, &mut uids);
    uids.retain(|uid| *uid != dashboard["uid"]);
    assert!(uids.iter().all(|uid| *uid == "${datasource}"), "{uids:?}");
    let folder = said(&read("dashboards/provisioning/dashboards/scn.yml"), "path");
    assert!(compose.contains(&format!("../dashboards/load-testing.json:{folder}/load-testing.json:ro")));
    assert!(read("scripts/load-test").contains(&format!("/d/{}/", dashboard["uid"].as_str().unwrap())));

    // What is mounted is there.
    let mounts = compose.lines().filter_map(|line| line.trim().strip_prefix("- ")).filter(|line| line.starts_with('.'));
    let mut count = 0;
    for mount in mounts {
        let own = mount.split(':').next().expect("a path");
        assert!(root().join("compose").join(own).exists(), "{own} is not there");
        count += 1;
    }
    assert_eq!(count, 5);

    // The load reaches nothing outside; only Grafana is published, and to this machine alone.
    assert!(compose.contains("  load:\n    internal: true\n"));
    let ports: Vec<_> = compose.lines().map(str::trim).filter(|line| line.contains("SCN_GRAFANA_PORT")).collect();
    assert_eq!(ports, [r#"- "127.0.0.1:${SCN_GRAFANA_PORT:-3000}:3000""#]);
    assert!(said(&read("dashboards/prometheus.yml"), "- targets").contains("127.0.0.1:9646"));
}

#[test]
fn a_stopped_container_has_time_for_its_report() {
    let compose = read("compose/compose.yml");
    let seconds = |text: &str| -> u64 {
        let (_, default) = text.split_once(":-").expect("a variable with a default");
        default.trim_end_matches("s}").parse().expect("seconds")
    };
    let grace = seconds(&said(&compose, "stop_grace_period"));
    let linger = compose.split("--metrics-linger ").nth(1).unwrap().split(' ').next().unwrap();
    let graceful_stop = 30;
    assert!(grace > graceful_stop + seconds(linger), "{grace} s");
}

#[test]
fn each_file_says_who_reads_it() {
    for path in [
        "alloy/scn.alloy",
        "compose/compose.yml",
        "compose/network.yml",
        "compose/mimir.yml",
        "compose/Dockerfile",
        ".dockerignore",
        "dashboards/prometheus.yml",
        "dashboards/provisioning/datasources/scn.yml",
        "dashboards/provisioning/dashboards/scn.yml",
    ] {
        let text = read(path);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("# Read by") || first.starts_with("// Read by"), "{path}: {first}");
    }
    assert!(dashboard()["description"].as_str().unwrap().starts_with("Read by Grafana"));
    assert!(read("justfile").contains("load-test *ARGUMENTS:\n    scripts/load-test {{ARGUMENTS}}"));
}

#[test]
fn what_the_image_is_made_of_is_there_and_let_in() {
    let (recipe, let_in) = (read("compose/Dockerfile"), read(".dockerignore"));
    let copied =
        recipe.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
    for line in copied {
        let words: Vec<&str> = line.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            let own = source.strip_suffix("/scn").unwrap_or(source);
            assert!(let_in.lines().any(|line| line == format!("!{own}")), "{own} is not let in");
            assert!(own == "compose/prebuilt" || root().join(own).exists(), "{own} is not there");
        }
    }
    for line in recipe.lines().filter(|line| line.starts_with("FROM ") || line.starts_with("ARG BASE")) {
        let pinned = line.contains("scratch") || line.contains("binary-${BINARY}") || line.contains("${BASE}");
        assert!(pinned || line.chars().any(|c| c.is_ascii_digit()), "{line} names no version");
    }
    assert!(recipe.contains("USER 10001:10001"));
}

#[test]
fn the_reference_of_metrics_is_the_list_of_metrics() {
    let page = read("docs/observability.md");
    for metric in metric::ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels = match metric.labels {
            [] => "–".to_owned(),
            labels => labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
        };
        let unit = if metric.unit.is_empty() { "–".to_owned() } else { format!("`{}`", metric.unit) };
        let row = format!("| `{}` | `{}` | {kind} | {unit} | {labels} | {} |", metric.name, metric.dotted, metric.help);
        assert!(page.contains(&row), "docs/observability.md lacks this row:\n{row}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `scn_")).count();
    assert_eq!(rows, metric::ALL.len());
}
