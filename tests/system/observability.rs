//! Metrics, read by Debian's Prometheus while a run goes: what it scraped is what the summary says, and each query of each
//! panel of the dashboard finds something.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::process::Signal;
use serde_json::Value;

use crate::collector::Collector;
use crate::program::{Beside, Ended, Folder, ROOT, finish, scn};

/// Longest that anything here is waited for.
const HUNG_AFTER: Duration = Duration::from_secs(120);

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port()
}

/// Asks once; the body of an answer with status 200.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}

/// Waits until `look` finds something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < HUNG_AFTER, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Debian's Prometheus, scraping one port each second; ended when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Prometheus {
    fn scraping(target: u16) -> Prometheus {
        let folder = Folder::new();
        // As the repository's own configuration, but each second and on the port at hand.
        let text = std::fs::read_to_string(PathBuf::from(ROOT).join("dashboards/prometheus.yml")).expect("it is there");
        let text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace(":9646", &format!(":{target}"));
        let config = folder.write("prometheus.yml", &text);
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus cannot be started (`scripts/test` installs it): {error}"));
        let prometheus = Prometheus { child, port, _folder: folder };
        wait_for("Prometheus", || get(port, "/-/ready"));
        prometheus
    }

    fn api(&self, path: &str) -> Value {
        let body = get(self.port, &format!("/api/v1/{path}")).unwrap_or_else(|| panic!("it refuses {path}"));
        let answer: Value = serde_json::from_str(&body).expect("its answers are JSON");
        answer["data"].clone()
    }

    /// What a query finds at a moment; `None`: now.
    fn query(&self, query: &str, at: Option<f64>) -> Vec<Value> {
        let at = at.map(|at| format!("&time={at:.3}")).unwrap_or_default();
        let found = self.api(&format!("query?query={}{at}", utf8_percent_encode(query, NON_ALPHANUMERIC)));
        found["result"].as_array().expect("a list").clone()
    }

    /// The one number that a query finds.
    fn number(&self, query: &str, at: Option<f64>) -> f64 {
        let found = self.query(query, at);
        let [one] = found.as_slice() else { panic!("{query} finds {found:?}") };
        value(&one["value"][1])
    }

    /// The numbers that a query finds from one moment to another, this many seconds apart.
    fn range(&self, query: &str, from: f64, to: f64, step: f64) -> Vec<f64> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let found = self.api(&format!("query_range?query={query}&start={from:.3}&end={to:.3}&step={step}"));
        let series = found["result"].as_array().expect("a list");
        let values = series.iter().flat_map(|series| series["values"].as_array().expect("a list"));
        values.map(|pair| value(&pair[1])).collect()
    }

    /// What a panel of a rate comes to from one moment to another: the area below its lines.
    fn area(&self, rate: &str, from: f64, to: f64) -> f64 {
        // Finer than scrapes lie apart: what a rate makes of the ends of its window levels out.
        let step = 0.25;
        self.range(&format!("sum({rate})"), from, to, step).iter().sum::<f64>() * step
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn value(text: &Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).expect("a number")
}

/// What `$interval` says where Prometheus scrapes each second.
const INTERVAL_SECONDS: f64 = 5.0;

/// A panel's query with its variables filled in, as Grafana does it.
fn filled_in(query: &str) -> String {
    let interval = format!("{INTERVAL_SECONDS}s");
    let filled = [("$interval", &*interval), ("$__range", "5m"), ("$run", ".*"), ("$method", ".*"), ("$name", ".*")];
    let query = filled.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value));
    assert!(!query.contains('$'), "a variable is left: {query}");
    query
}

fn dashboard() -> Value {
    let text = std::fs::read_to_string(PathBuf::from(ROOT).join("dashboards/load-testing.json")).expect("it is there");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

/// Each query of each panel, its variables filled in, with the panel's title.
fn panels() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("a list").iter();
    let queries = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("a list").iter();
        targets.map(|target| {
            let title = panel["title"].as_str().expect("a title").to_owned();
            (title, filled_in(target["expr"].as_str().expect("a query")))
        })
    });
    queries.collect()
}

#[test]
fn prometheus_sees_what_the_summary_says_and_every_panel_finds_something() {
    let folder = Folder::new();
    let metrics = free_port();
    let prometheus = Prometheus::scraping(metrics);
    let at = format!("127.0.0.1:{metrics}");
    let mut command = folder.run(&["scenarios/oscilloscope.scn", "--demo", "--error-rate", "5%", "--quiet"]);
    command.args(["--users", "600", "--spawn-rate", "30", "--duration", "30s", "--seed", "7"]);
    command.args(["--metrics-addr", &at, "--metrics-linger", "1h"]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("scn starts");

    let end = "max(scn_run_end_time_seconds)";
    wait_for("the end of the run", || (!prometheus.query(end, None).is_empty()).then_some(()));
    let text = get(metrics, "/metrics").expect("metrics stay after the run");
    check_metrics(&text);
    let (begun, ended) = (prometheus.number("max(scn_run_start_time_seconds)", None), prometheus.number(end, None));
    // Rates look back; what they find behind the end must be nothing more.
    let behind = ended + INTERVAL_SECONDS + 4.0;
    wait_for("scrapes after the end", || (prometheus.number("vector(time())", None) > behind).then_some(()));

    assert_panels(&prometheus, ended - 4.0);
    let summary_of = |query: &str| prometheus.number(query, None);
    let users = prometheus.range("sum(scn_users_active)", begun, ended, 1.0);
    let raw = [
        ("requests", summary_of("sum(scn_requests_total)")),
        ("failures", summary_of("sum(scn_errors_total)")),
        ("bytes_sent", summary_of("sum(scn_bytes_sent_total)")),
        ("bytes_received", summary_of("sum(scn_bytes_received_total)")),
        ("iterations", summary_of(r#"sum(scn_iterations_total{outcome!="abandoned"})"#)),
        ("failed_iterations", summary_of(r#"sum(scn_iterations_total{outcome="failed"})"#)),
        ("abandoned_iterations", summary_of(r#"sum(scn_iterations_total{outcome="abandoned"})"#)),
        ("checks_passed", summary_of(r#"sum(scn_checks_total{outcome="ok"})"#)),
    ];
    // What panels of rates come to, and those whose rates are divided by each other.
    let panel = |title: &str, at: usize| {
        let mut queries = panels().into_iter().filter(|(own, _)| own == title).map(|(_, query)| query);
        let query = queries.nth(at).unwrap_or_else(|| panic!("`{title}` has no query {at}"));
        prometheus.area(&query, begun - 1.0, behind)
    };
    let rate = |metric: &str| prometheus.area(&format!("rate({metric}[{INTERVAL_SECONDS}s])"), begun - 1.0, behind);
    let by_rate = [
        ("requests", panel("Request rate by endpoint", 0)),
        ("requests", panel("Answers by status", 0)),
        ("requests", rate("scn_service_duration_seconds_count")),
        ("failures", rate("scn_errors_total")),
        ("bytes_received", panel("Data", 0)),
        ("bytes_sent", panel("Data", 1)),
        ("checks_passed", rate(r#"scn_checks_total{outcome="ok"}"#)),
    ];
    let iterations = panel("Iterations", 0);
    let messages = (panel("WebSocket messages", 0), summary_of("sum(scn_websocket_messages_total)"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&run), Signal::TERM).expect("it lingers");
    let status = run.wait().expect("it is our child");
    // Five of a hundred answers break the scenario's threshold; the signal came behind the run.
    assert_eq!(status.code(), Some(99));

    let summary = folder.summary();
    let total =
        |key: &str| summary["totals"][key].as_f64().unwrap() + summary["warm_up"][key].as_f64().unwrap_or_default();
    for (key, seen) in raw {
        assert_eq!(seen, total(key), "{key}");
    }
    assert!(total("failures") > 0.0 && users.contains(&600.0), "{users:?}");
    let agrees = |what: &str, by_rate: f64, total: f64| {
        let share = by_rate / total;
        assert!((0.98..=1.02).contains(&share), "{what}: rates come to {by_rate} of {total}: {share:.4}");
    };
    for (key, by_rate) in by_rate {
        agrees(key, by_rate, total(key));
    }
    agrees("iterations", iterations, total("iterations") + total("abandoned_iterations"));
    agrees("messages", messages.0, messages.1);
}

/// `promtool check metrics` has nothing to say.
fn check_metrics(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool cannot be started (`scripts/test` installs it): {error}"));
    promtool.stdin.take().expect("piped above").write_all(text.as_bytes()).expect("it reads");
    let ended = Ended::from(promtool.wait_with_output().expect("it is our child")).with(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
}

/// Each query of the dashboard finds something: of panels and annotations at this moment, of variables at all.
fn assert_panels(prometheus: &Prometheus, at: f64) {
    let panels = panels();
    assert!(panels.len() > 20, "{} queries", panels.len());
    for (title, query) in panels {
        let found = prometheus.query(&query, Some(at));
        assert!(!found.is_empty(), "the panel {title} finds nothing: {query}");
        let is_number = |one: &Value| one["value"][1].as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        assert!(found.iter().all(is_number), "{query}: {found:?}");
    }
    let dashboard = dashboard();
    for annotation in dashboard["annotations"]["list"].as_array().expect("a list") {
        let query = filled_in(annotation["expr"].as_str().expect("a query"));
        assert!(!prometheus.query(&query, None).is_empty(), "{query}");
    }
    for variable in dashboard["templating"]["list"].as_array().expect("a list") {
        let Some(definition) = variable["definition"].as_str() else { continue };
        let inside =
            definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
        let (series, label) = inside.rsplit_once(", ").expect("a series and a label");
        let series = filled_in(series);
        let path = format!("label/{label}/values?match[]={}", utf8_percent_encode(&series, NON_ALPHANUMERIC));
        assert!(prometheus.api(&path).as_array().is_some_and(|values| !values.is_empty()), "{definition}");
    }
}

#[test]
fn the_configurations_of_prometheus_are_sound() {
    let mut command = Command::new("promtool");
    command.args(["check", "config", "dashboards/prometheus.yml"]).current_dir(ROOT);
    finish(command).with(0);
}

#[test]
fn a_port_that_is_taken_ends_the_run_before_anything_is_sent() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let service = scn::demo::start(([127, 0, 0, 1], 0).into(), Default::default()).expect("a free port");
    let at = taken.local_addr().unwrap().to_string();
    let ended =
        finish(folder.run(&["scenarios/http.scn", "--target", &service.url(), "--metrics-addr", &at])).with(107);
    assert!(ended.err.contains(&at) && ended.err.contains("--metrics-addr"), "{}", ended.err);
    assert_eq!(service.counters().connections.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[test]
fn a_collector_that_is_not_there_is_told_of_and_harms_nothing() {
    let folder = Folder::new();
    let gone = format!("http://127.0.0.1:{}", free_port());
    let mut command = folder.run(&[
        "scenarios/http.scn",
        "--demo",
        "--users",
        "20",
        "--spawn-rate",
        "100",
        "--seed",
        "7",
        "--duration",
        "3s",
    ]);
    command.args(["--otlp", &gone]).env("OTEL_METRIC_EXPORT_INTERVAL", "500");
    let ended = finish(command).with(0);
    assert_eq!(ended.err.matches("metrics do not reach").count(), 1, "{}", ended.err);
    let notes = folder.summary()["run"]["notes"].to_string();
    assert!(notes.contains("pushes of metrics did not reach") && notes.contains("refused"), "{notes}");
}

#[test]
fn a_collector_has_the_totals_of_the_summary_and_what_the_standard_variables_say() {
    let folder = Folder::new();
    let collector = Collector::answering("200 OK");
    let mut command = folder.run(&["scenarios/oscilloscope.scn", "--demo", "--error-rate", "10%", "--users", "10"]);
    command.args(["--spawn-rate", "20", "--duration", "4s"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-scope-orgid=team%201").env("OTEL_METRIC_EXPORT_INTERVAL", "700");
    command
        .env("OTEL_SERVICE_NAME", "shop-load")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging");
    finish(command).with(99);
    let (push, summary) = (collector.latest(), folder.summary());
    assert!(collector.count() > 3);
    let total = |key: &str| summary["totals"][key].as_u64().expect("a count");
    assert_eq!(push.count("scn.requests", &[]), total("requests"));
    assert_eq!(push.count("scn.request.duration", &[]), total("requests"));
    assert_eq!(push.count("scn.errors", &[]), total("failures"));
    assert_eq!(push.count("scn.bytes.sent", &[]), total("bytes_sent"));
    assert_eq!(push.resource("scn.run.id").as_deref(), summary["run"]["id"].as_str());
    assert_eq!(push.resource("service.name").as_deref(), Some("shop-load"));
    assert_eq!(push.resource("deployment.environment.name").as_deref(), Some("staging"));
    assert!(collector.heads().contains(&"x-scope-orgid: team 1".to_owned()), "{:?}", collector.heads());
}

#[test]
fn a_signal_ends_the_lingering_with_the_code_of_the_run() {
    let folder = Folder::new();
    let mut command = folder.run(&[
        "scenarios/http.scn",
        "--demo",
        "--users",
        "20",
        "--spawn-rate",
        "100",
        "--seed",
        "7",
        "--duration",
        "1s",
    ]);
    command.args(["--metrics-addr", "127.0.0.1:0", "--metrics-linger", "1h"]);
    // Standard output holds the report: its first line comes when the run has ended.
    let run = Beside::start(command);
    std::thread::sleep(Duration::from_millis(300));
    run.signal(Signal::TERM);
    let ended = run.finish().with(0);
    assert!(ended.err.contains("stays for 1h"), "{}", ended.err);
}

#[test]
fn thousands_of_urls_from_one_template_are_one_series() {
    let folder = Folder::new();
    let text = "target \"http://127.0.0.1:1\"\nuser one { task get { GET /api/status?n=${counter()} } }\n";
    let scenario = folder.write("many.scn", text);
    let port = free_port();
    let mut command = folder.run(&[&scenario, "--demo", "--users", "2", "--spawn-rate", "10", "--duration", "2s"]);
    command.args(["--metrics-addr", &format!("127.0.0.1:{port}"), "--metrics-linger", "1h"]);
    let run = Beside::start(command);
    let text = get(port, "/metrics").expect("metrics stay after the run");
    let series: Vec<&str> = text.lines().filter(|line| line.starts_with("scn_requests_total{")).collect();
    let [one] = series.as_slice() else { panic!("{series:?}") };
    let count: f64 = one.rsplit_once(' ').and_then(|(_, count)| count.parse().ok()).expect("a count");
    assert!(one.contains("${counter()}") && count > 100.0, "{one}");
    run.signal(Signal::TERM);
    run.finish().with(0);
}

#[test]
fn without_metrics_no_port_is_bound_and_no_thread_made() {
    let mut command = scn(&["run", "scenarios/http.scn", "--demo", "--no-results", "--quiet"]);
    command.args(["--users", "20", "--spawn-rate", "100", "--seed", "7", "--duration", "3s"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("scn starts");
    let tasks = format!("/proc/{}/task", run.id());
    let names = || -> Vec<String> {
        let tasks = std::fs::read_dir(&tasks).into_iter().flatten().flatten();
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok()).collect()
    };
    wait_for("a load thread", || names().iter().any(|name| name.starts_with("scn-load")).then_some(()));
    assert!(names().iter().all(|name| !name.starts_with("scn-export")), "{:?}", names());
    assert_eq!(run.wait().expect("it is our child").code(), Some(0));
}
