//! Metrics that cannot be told as asked for: what is said of it, and with which code the run ends.

use std::fmt::Write;
use std::net::TcpListener;

use super::world::{Call, assert_golden, scn};

/// Good for the embedded service.
const SCENARIO: &str = "\
target \"http://127.0.0.1:1\"

user one {
  think 10ms
  task get { GET /api/status { expect status 200 } }
}
";

fn run(arguments: &str) -> Call {
    let world = scn("run a.scn --demo --users 1 --spawn-rate 100 --duration 1500ms --no-results --quiet");
    world.file("a.scn", SCENARIO).args(arguments)
}

/// Whose port somebody else has.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address").to_string();
    (listener, address)
}

#[test]
fn what_cannot_be_served_or_pushed_is_refused_in_these_words() {
    let (_listener, address) = taken();
    let otlp = "--otlp http://127.0.0.1:4318";
    let cases: &[(&str, &[(&str, &str)])] = &[
        (&format!("--metrics-addr {address}"), &[]),
        ("--metrics-addr 192.0.2.1:9646 --metrics-allow-remote", &[]),
        ("--metrics-addr 0.0.0.0:9646", &[]),
        ("--metrics-addr [::]:9646", &[]),
        ("--metrics-addr 9646", &[]),
        ("--metrics-addr localhost:9646", &[]),
        ("--metrics --metrics-prefix k6", &[]),
        ("--metrics --metrics-linger 30", &[]),
        ("--metrics-linger 30s", &[]),
        ("", &[("SCN_METRICS_EXPORT", "maybe")]),
        ("", &[("SCN_METRICS_ADDR", "0.0.0.0:9646")]),
        ("--otlp collector:4318", &[]),
        ("--otlp ftp://collector", &[]),
        ("--otlp http://[collector", &[]),
        ("--otlp http://me:hunter2@collector", &[]),
        ("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]),
        ("", &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318/v1/metrics")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")]),
        (otlp, &[("OTEL_METRIC_EXPORT_INTERVAL", "0")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "authorization=Bearer%0Ahunter2")]),
        (otlp, &[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both")]),
        (otlp, &[("OTEL_RESOURCE_ATTRIBUTES", "team=search,staging")]),
    ];
    let mut told = String::new();
    for (arguments, variables) in cases {
        let call = variables.iter().fold(run(arguments), |call, (name, value)| call.env(name, value));
        let ended = call.run().prints_nothing();
        for (name, value) in *variables {
            write!(told, "{name}={value} ").expect("a string takes all");
        }
        let code = ended.code.expect("no signal ends it");
        let call = format!("scn run {arguments}");
        writeln!(told, "{}\n{}-> {code}\n", call.trim_end(), ended.stderr).expect("a string takes all");
    }
    assert_golden("metrics.txt", &told.replace(&address, "127.0.0.1:PORT"));
}

#[test]
fn a_collector_that_is_not_there_is_told_of_once_and_the_run_is_as_ever() {
    let (listener, address) = taken();
    drop(listener);
    let pushing = run("--summary-export out.json").args(&format!("--otlp http://{address}"));
    let ended = pushing.env("OTEL_METRIC_EXPORT_INTERVAL", "100").run();
    let endpoint = format!("http://{address}/v1/metrics");
    let told =
        format!("warning: metrics do not reach {endpoint}: Connection refused (os error 111); the run goes on\n");
    assert_eq!(ended.stderr, told);
    let ended = ended.prints("pushes of metrics did not reach").prints(&endpoint);
    let summary: serde_json::Value = serde_json::from_str(&ended.read("out.json")).expect("the summary is JSON");
    // On a busy machine a run may be judged for itself; never for what its metrics met.
    let invalid = summary["validity"]["verdict"] == "INVALID";
    assert_eq!(ended.code, Some(if invalid { 98 } else { 0 }));
    assert!(summary["totals"]["requests"].as_u64().is_some_and(|count| count > 0), "{summary}");
    assert_eq!(summary["totals"]["failures"], 0);
}

/// As small images are: such a machine could not speak TLS, and a collector without it does not ask for that.
#[test]
fn a_machine_that_trusts_no_authority_pushes_to_a_collector_without_tls() {
    let nowhere = |arguments: &str| run(arguments).env("SSL_CERT_FILE", "/gone").env("SSL_CERT_DIR", "/gone");
    let (listener, address) = taken();
    drop(listener);
    nowhere(&format!("--otlp http://{address}")).run().prints("did not reach").prints("Connection refused");
    let ended = nowhere(&format!("--otlp https://{address}")).run().exits(107);
    ended.says("metrics cannot be exported").says("No CA certificates").prints_nothing();
}
