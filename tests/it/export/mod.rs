//! Metrics while a run goes: what a scrape reads and what a collector is sent, of snapshots made by hand.

mod collector;
mod stack;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use scn::base::Offset;
use scn::export::metric::{self, Kind};
use scn::export::{Error, Exporter, Facts, Now, Push, Pushed, SERIES_MAX, Settings};
use scn::metrics::{Recorder, Sample, Snapshot, Verdict, thresholds};
use scn::plan::{Plan, SeriesKind};

use self::collector::Collector;
use self::text::{ask, lines, scrape, sum, sum_where};
use crate::metrics::world::*;

const LENGTH: Duration = Duration::from_secs(30);

fn started() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_000_000_250)
}

/// Serves on a free port.
fn settings() -> Settings {
    Settings {
        serve: Some(([127, 0, 0, 1], 0).into()),
        like_locust: false,
        push: None,
        facts: Facts {
            run_id: "abcd1234".into(),
            scenario: "Oscilloscope".into(),
            profile: "smoke".into(),
            version: "0.1.0".into(),
        },
    }
}

/// Pushes to this collector only, at the end.
fn pushing_to(url: &str) -> Settings {
    let push = Push {
        endpoint: format!("{url}/v1/metrics"),
        timeout: Duration::from_secs(5),
        interval: Duration::from_secs(3_600),
    };
    Settings { serve: None, push: Some(push), ..settings() }
}

/// Hands these windows over and ends the run.
fn replay(plan: &Plan, settings: &Settings, windows: &[Snapshot]) -> (Exporter, Pushed) {
    let mut exporter = Exporter::start(plan, settings).expect("it can begin");
    let mut total = Snapshot::default();
    for window in windows {
        total.merge(window);
        let judged = thresholds::judge(plan, &total, LENGTH);
        exporter.see(window, false, Some(Now::of(plan, &total, &judged, started())));
    }
    let judged = thresholds::judge(plan, &total, LENGTH);
    let verdict = Verdict::of(plan, &total, &judged);
    let pushed = exporter.finish(Now::ended(&judged, &verdict, started()), LENGTH);
    (exporter, pushed)
}

/// What a scrape reads after these windows.
fn scraped(plan: &Plan, settings: &Settings, windows: &[Snapshot]) -> String {
    let (exporter, _) = replay(plan, settings, windows);
    let (head, body) = ask(exporter.address().expect("it is served"), "GET", "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
    body
}

/// Compares with `tests/golden/export/NAME`; `SCN_BLESS=1 cargo test` writes it, to be read before it is kept.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/export").join(name);
    if std::env::var_os("SCN_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folders can be made");
        fs::write(&path, text).expect("files can be written");
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == wanted, "differs from {}; it is now:\n{text}", path.display());
}

#[test]
fn a_scrape_of_half_a_minute_is_the_golden_one() {
    let plan = with_thresholds(world().1);
    golden("metrics.txt", &scraped(&plan, &settings(), &[half_a_minute(&plan)]));
}

/// As the conventions have them.
const METRICS: &[(&str, &str, &str)] = &[
    ("scn_requests_total", "counter", "method name status"),
    ("scn_request_duration_seconds", "histogram", "method name"),
    ("scn_service_duration_seconds", "histogram", "method name"),
    ("scn_errors_total", "counter", "exception method name"),
    ("scn_checks_total", "counter", "check name outcome"),
    ("scn_users_active", "gauge", "user"),
    ("scn_requests_per_second", "gauge", ""),
    ("scn_iterations_total", "counter", "outcome task user"),
    ("scn_dropped_iterations_total", "counter", "outcome task user"),
    ("scn_group_duration_seconds", "histogram", "name"),
    ("scn_measure", "histogram", "name"),
    ("scn_phase_duration_seconds", "histogram", "phase target"),
    ("scn_run_info", "gauge", "profile scenario"),
    ("scn_run_start_time_seconds", "gauge", "profile scenario"),
    ("scn_run_end_time_seconds", "gauge", "profile scenario"),
    ("scn_bytes_sent_total", "counter", ""),
    ("scn_bytes_received_total", "counter", ""),
    ("scn_websocket_connections", "gauge", "name"),
    ("scn_websocket_messages_total", "counter", "direction name"),
    ("scn_threshold_ok", "gauge", "threshold"),
    ("scn_run_valid", "gauge", ""),
    ("scn_generator_lateness_seconds", "histogram", "worker"),
    ("scn_generator_cpu_ratio", "gauge", "worker"),
];

/// The plan with a group and a measure, and a window in which everything happened.
fn everything() -> (Plan, Snapshot) {
    let mut plan = with_thresholds(world().1);
    plan.series[Row::Put as usize].kind = SeriesKind::Group;
    plan.series[Row::Get as usize].kind = SeriesKind::Measure(scn::plan::MeasureUnit::Number);
    let mut recorder = Recorder::new(&plan, 0);
    recorder.user_started(HTTP);
    recorder.record(&sample(Row::Health, 0, 5));
    recorder.record(&failed(Row::Health, 10, 5, scn::metrics::ErrorKind::Expect, EXPECT));
    recorder.check(CHECK, true);
    recorder.group(scn::plan::StepId(Row::Put as u32), millis(40), true);
    recorder.measure(Row::Get.id(), 12.5);
    recorder.iteration(&iteration(HEALTH, HTTP, scn::metrics::IterationOutcome::Ok, 5));
    recorder.phase(scn::plan::TargetId(0), scn::metrics::Phase::Wait, Offset::ZERO, Offset::from(millis(4)));
    recorder.dropped(HTTP);
    recorder.socket_opened(Row::Connect.id());
    recorder.message_sent(Row::Connect.id());
    let window = recorder.take(Offset::from(Duration::from_secs(1)), millis(120));
    (plan, window)
}

#[test]
fn metrics_have_the_names_types_and_labels_of_the_conventions() {
    let (plan, window) = everything();
    let text = scraped(&plan, &settings(), &[window]);
    for (name, kind, labels) in METRICS {
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is a {kind}:\n{text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is explained");
        let own =
            |line: &text::Line| ["", "_bucket", "_sum", "_count"].iter().any(|end| line.name == format!("{name}{end}"));
        let lines: Vec<_> = lines(&text).into_iter().filter(own).collect();
        assert!(!lines.is_empty(), "{name} has a value");
        for line in lines {
            assert_eq!(line.labels.get("run").map(String::as_str), Some("abcd1234"), "{name}");
            let have: Vec<_> =
                line.labels.keys().map(String::as_str).filter(|own| !["run", "le"].contains(own)).collect();
            assert_eq!(have.join(" "), *labels, "{name}");
        }
    }
    let own = ["scn_export_folded_total", "scn_export_failures_total"];
    let known: BTreeSet<&str> = METRICS.iter().map(|(name, ..)| *name).chain(own).collect();
    assert_eq!(metric::ALL.iter().map(|metric| metric.name).collect::<BTreeSet<_>>(), known);
    assert!(!text.contains("otel_") && !text.contains("target_info"), "{text}");
}

#[test]
fn raw_counters_are_the_totals_of_warm_up_and_run_and_what_stood_beside_them() {
    let plan = world().1;
    let (warm_up, run) = (half_a_minute(&plan), half_a_minute(&plan));
    let mut exporter = Exporter::start(&plan, &settings()).unwrap();
    let mut recorder = Recorder::new(&plan, 0);
    recorder.record(&sample(Row::Login, 0, 3));
    let aside = recorder.take(Offset::from(millis(10)), millis(1));
    exporter.see(&aside, true, None);
    exporter.see(&warm_up, false, None);
    exporter.see(&run, false, None);
    let now = Now { started: started(), thresholds: Vec::new(), valid: true };
    exporter.finish(now, LENGTH);
    let text = ask(exporter.address().unwrap(), "GET", "/metrics").1;
    let all = [aside.totals(), warm_up.totals(), run.totals()];
    let total = |of: fn(&scn::metrics::Totals) -> u64| all.iter().map(of).sum::<u64>() as f64;
    assert_eq!(sum(&text, "scn_requests_total"), total(|totals| totals.requests));
    assert_eq!(sum(&text, "scn_request_duration_seconds_count"), total(|totals| totals.requests));
    assert_eq!(sum(&text, "scn_service_duration_seconds_count"), total(|totals| totals.requests));
    assert_eq!(sum(&text, "scn_errors_total"), total(|totals| totals.failures));
    assert_eq!(sum(&text, "scn_bytes_sent_total"), total(|totals| totals.bytes_sent));
    assert_eq!(sum(&text, "scn_bytes_received_total"), total(|totals| totals.bytes_received));
    assert_eq!(sum_where(&text, "scn_checks_total", &[("outcome", "ok")]), total(|totals| totals.checks_passed));
    assert_eq!(sum_where(&text, "scn_checks_total", &[("outcome", "failed")]), total(|totals| totals.checks_failed));
    let iterations = |outcome| sum_where(&text, "scn_iterations_total", &[("outcome", outcome)]);
    assert_eq!(iterations("ok") + iterations("failed"), total(|totals| totals.iterations));
    assert_eq!(iterations("failed"), total(|totals| totals.failed_iterations));
    assert_eq!(iterations("abandoned"), total(|totals| totals.abandoned_iterations));
}

#[test]
fn the_five_metrics_of_locust_bear_its_names_and_neither_run_nor_user() {
    let (plan, window) = everything();
    let text = scraped(&plan, &Settings { like_locust: true, ..settings() }, &[window]);
    let labels = |wanted: &str| -> BTreeSet<String> {
        lines(&text).iter().filter(|line| line.name == wanted).flat_map(|line| line.labels.keys().cloned()).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(labels("locust_requests_total"), set(&["method", "name", "status"]));
    assert_eq!(labels("locust_request_duration_seconds_bucket"), set(&["method", "name", "le"]));
    assert_eq!(labels("locust_errors_total"), set(&["method", "name", "exception"]));
    assert_eq!(labels("locust_users_active"), set(&[]));
    assert_eq!(labels("locust_requests_per_second"), set(&[]));
    assert!(text.contains(r#"locust_requests_total{method="GET",name="/api/health",status="200"} 1"#), "{text}");
    assert!(!text.contains("scn_requests_total") && text.contains("scn_run_valid{run="), "{text}");
}

#[test]
fn users_stand_as_they_live_and_at_none_when_the_run_has_ended() {
    let plan = world().1;
    let mut exporter = Exporter::start(&plan, &settings()).unwrap();
    exporter.see(&half_a_minute(&plan), false, None);
    let at = exporter.address().unwrap();
    let users = || sum_where(&ask(at, "GET", "/metrics").1, "scn_users_active", &[("user", "http")]);
    while users() != 4.0 {
        std::thread::yield_now();
    }
    exporter.finish(Now { started: started(), thresholds: Vec::new(), valid: true }, LENGTH);
    assert_eq!(users(), 0.0);
}

#[test]
fn a_scraper_sees_each_series_at_zero_before_its_value_and_a_person_sees_what_is_so() {
    let plan = world().1;
    let mut exporter = Exporter::start(&plan, &settings()).unwrap();
    let at = exporter.address().unwrap();
    let requests = |text: &str| sum(text, "scn_requests_total");
    let handed_over = |count: f64| {
        while requests(&ask(at, "GET", "/metrics").1) != count {
            std::thread::yield_now();
        }
    };
    let window = half_a_minute(&plan);
    let total = window.totals().requests as f64;
    exporter.see(&window, false, None);
    handed_over(total);
    let first = scrape(at);
    assert_eq!((requests(&first), sum(&first, "scn_request_duration_seconds_count")), (0.0, 0.0));
    assert!(sum(&first, "scn_users_active") > 0.0, "gauges stand as they do");
    let second = scrape(at);
    assert_eq!((requests(&second), sum(&second, "scn_request_duration_seconds_bucket") > total), (total, true));

    // A status that nobody expected is born later, and in its turn at zero.
    let mut recorder = Recorder::new(&plan, 0);
    recorder.record(&Sample { status: 418, ..sample(Row::Health, 0, 3) });
    exporter.see(&recorder.take(Offset::from(Duration::from_secs(1)), millis(1)), false, None);
    handed_over(total + 1.0);
    let teapots = |text: &str| {
        let series = lines(text).into_iter().filter(|line| line.labels.get("status").is_some_and(|own| own == "418"));
        series.map(|line| line.value).collect::<Vec<_>>()
    };
    assert_eq!((teapots(&scrape(at)), teapots(&scrape(at))), (vec![0.0], vec![1.0]));

    // Behind the end whoever asks reads totals: there may be no other scrape.
    let mut recorder = Recorder::new(&plan, 0);
    recorder.record(&Sample { status: 507, ..sample(Row::Health, 0, 3) });
    exporter.see(&recorder.take(Offset::from(Duration::from_secs(2)), millis(1)), false, None);
    exporter.finish(Now { started: started(), thresholds: Vec::new(), valid: true }, LENGTH);
    assert_eq!(requests(&scrape(at)), total + 2.0);
}

#[test]
fn only_metrics_are_served_and_only_to_be_read() {
    let exporter = Exporter::start(&world().1, &settings()).unwrap();
    let at = exporter.address().unwrap();
    let head = |method, path| ask(at, method, path).0;
    assert!(head("GET", "/").starts_with("HTTP/1.1 404"));
    assert!(head("GET", "/metrics/").starts_with("HTTP/1.1 404"));
    let posted = head("POST", "/metrics").to_ascii_lowercase();
    assert!(posted.starts_with("http/1.1 405") && posted.contains("allow: get, head"), "{posted}");
    let (head, body) = ask(at, "HEAD", "/metrics?x=1");
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}\n{body}");
}

#[test]
fn a_port_that_is_taken_is_an_error_before_anything_is_sent() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let started = Exporter::start(&world().1, &Settings { serve: Some(at), ..settings() });
    assert!(matches!(started.err(), Some(Error::Listen(refused, _)) if refused == at));
}

#[test]
fn series_beyond_the_limit_are_counted_as_other_and_nothing_is_lost() {
    let plan = world().1;
    let mut recorder = Recorder::new(&plan, 0);
    for row in [Row::Health, Row::Put, Row::Get] {
        for status in 100..=999 {
            recorder.record(&Sample { status, ..sample(row, 0, 3) });
        }
    }
    let window = recorder.take(Offset::from(Duration::from_secs(1)), millis(1));
    let text = scraped(&plan, &settings(), &[window]);
    assert_eq!(sum(&text, "scn_requests_total"), 2_700.0);
    let series = lines(&text).iter().filter(|line| line.name == "scn_requests_total").count();
    assert_eq!(series, SERIES_MAX + 1);
    let other = sum_where(&text, "scn_requests_total", &[("name", "other"), ("status", "other"), ("method", "other")]);
    assert_eq!(sum(&text, "scn_export_folded_total"), other);
    assert!(other > 600.0, "{other}");
}

/// Times in milliseconds of several shapes, each of so many samples: below and above what is told one by one.
fn shapes() -> [(&'static str, Vec<u64>); 5] {
    let mixed = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let of = |count: u64, time: &dyn Fn(u64) -> u64| (0..count).map(|n| time(mixed(n))).collect::<Vec<_>>();
    [
        ("long tail", of(20_000, &|mixed| 1 + (mixed % 997) * (mixed % 13) / 7)),
        ("even", of(1_500, &|mixed| 1 + mixed % 900)),
        ("two humps", of(5_000, &|mixed| if mixed % 10 == 0 { 2_000 + mixed % 300 } else { 3 + mixed % 4 })),
        ("all the same", vec![42; 3_000]),
        ("beyond the last bound", of(2_500, &|mixed| 40_000 + mixed % 60_000)),
    ]
}

/// A window with these times, and the histogram that the report would use.
fn window_of(plan: &Plan, times: &[u64]) -> (Snapshot, scn::metrics::Times) {
    let mut recorder = Recorder::new(plan, 0);
    for time in times {
        recorder.record(&sample(Row::Health, 0, *time));
    }
    let window = recorder.take(Offset::from(Duration::from_secs(1)), millis(1));
    let exact = window.times([Row::Health.id()]);
    (window, exact)
}

/// Each quantile lies in the bucket that holds it by `buckets` (upper bound, count up to it), or one beside it.
fn assert_quantiles(shape: &str, exact: &scn::metrics::Times, buckets: &[(f64, f64)]) {
    let total = buckets.last().expect("there are buckets").1;
    for percent in [1.0, 10.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0] {
        let told = buckets.iter().position(|(_, count)| *count >= percent / 100.0 * total).expect("the last has all");
        let exact = exact.percentile(percent).expect("there are times").as_secs_f64();
        // Three digits of one value all alike may lie beyond what holds it.
        let own = buckets.iter().position(|(bound, _)| *bound >= exact).unwrap_or(buckets.len() - 1);
        assert!(told.abs_diff(own) <= 1, "{shape}, p{percent}: {exact} s lies in {own}, told in {told}");
    }
}

#[test]
fn quantiles_of_the_buckets_lie_within_one_bucket_of_the_exact_ones() {
    let plan = world().1;
    let Kind::Histogram(bounds) = metric::REQUEST_DURATION.kind else { unreachable!() };
    for (shape, times) in shapes() {
        let (window, exact) = window_of(&plan, &times);
        let text = scraped(&plan, &settings(), &[window]);
        let of_health = |line: &text::Line| {
            line.name == "scn_request_duration_seconds_bucket" && line.labels["name"] == "GET /api/health"
        };
        let buckets: Vec<(f64, f64)> = lines(&text)
            .iter()
            .filter(|line| of_health(line))
            .map(|line| (line.labels["le"].parse().unwrap_or(f64::INFINITY), line.value))
            .collect();
        assert_eq!(buckets.len(), bounds.len() + 1);
        assert_eq!(buckets.last().map(|(_, count)| *count), Some(times.len() as f64));
        assert_quantiles(shape, &exact, &buckets);
    }
}

/// The buckets of the one series that holds anything: upper bounds, and how many values lie up to each.
fn exponential(metric: &Metric) -> Vec<(f64, f64)> {
    let Some(Data::ExponentialHistogram(histogram)) = &metric.data else { panic!("{} is another", metric.name) };
    let mut points = histogram.data_points.iter().filter(|point| point.count > 0);
    let (Some(point), None) = (points.next(), points.next()) else { panic!("one row has seen something") };
    let buckets = point.positive.as_ref().expect("times are positive");
    let (base, mut sum) = (2f64.powf(2f64.powi(-point.scale)), point.zero_count);
    let bounds = (1..).map(|index| base.powi(buckets.offset + index));
    let counts = buckets.bucket_counts.iter().map(|count| {
        sum += count;
        sum as f64
    });
    bounds.zip(counts).collect()
}

#[test]
fn quantiles_of_exponential_buckets_lie_within_one_bucket_of_the_exact_ones() {
    let plan = world().1;
    for (shape, times) in shapes() {
        let (window, exact) = window_of(&plan, &times);
        let collector = Collector::answering("200 OK");
        replay(&plan, &pushing_to(&collector.url), &[window]);
        let buckets = exponential(collector.latest().metric("scn.request.duration"));
        assert_eq!(buckets.last().map(|(_, count)| *count), Some(times.len() as f64));
        // As narrow as they are for times from 1 µs to 1 h, or narrower.
        assert!(buckets.windows(2).all(|pair| pair[1].0 <= pair[0].0 * 1.19), "{shape}");
        assert_quantiles(shape, &exact, &buckets);
    }
}

#[test]
fn a_collector_is_sent_the_totals_in_exponential_histograms_under_dotted_names() {
    let plan = with_thresholds(world().1);
    let window = half_a_minute(&plan);
    let collector = Collector::answering("200 OK");
    let (_, pushed) = replay(&plan, &pushing_to(&collector.url), std::slice::from_ref(&window));
    assert_eq!(pushed, Pushed { pushes: 1, failures: 0, trouble: None });
    let push = collector.latest();
    let totals = window.totals();
    assert!(collector.heads().iter().any(|line| line.starts_with("user-agent: ")), "{:?}", collector.heads());
    assert_eq!(push.count("scn.requests", &[]), totals.requests);
    assert_eq!(push.count("scn.request.duration", &[]), totals.requests);
    assert_eq!(push.count("scn.errors", &[]), totals.failures);
    assert_eq!(push.count("scn.errors", &[("exception", "expect")]), 3);
    assert_eq!(push.count("scn.bytes.received", &[]), totals.bytes_received);
    let units: BTreeMap<_, _> = push.metrics().map(|one| (one.name.as_str(), one.unit.as_str())).collect();
    assert_eq!((units["scn.request.duration"], units["scn.bytes.sent"]), ("s", "By"));
    assert!(units.keys().all(|name| metric::ALL.iter().any(|metric| metric.dotted == *name)), "{units:?}");
    let resource = |key: &str| push.resource(key).unwrap_or_default();
    assert_eq!(["service.name", "service.version"].map(resource), ["scn", "0.1.0"]);
    assert_eq!(["scn.run.id", "scn.scenario", "scn.profile"].map(resource), ["abcd1234", "Oscilloscope", "smoke"]);
}

#[test]
fn a_collector_is_sent_metrics_while_the_run_goes() {
    let plan = world().1;
    let collector = Collector::answering("200 OK");
    let mut settings = pushing_to(&collector.url);
    settings.push.as_mut().unwrap().interval = millis(20);
    let mut exporter = Exporter::start(&plan, &settings).unwrap();
    exporter.see(&half_a_minute(&plan), false, None);
    while collector.count() < 3 {
        std::thread::yield_now();
    }
    let pushed = exporter.finish(Now { started: started(), thresholds: Vec::new(), valid: true }, LENGTH);
    assert!(pushed.pushes >= 3 && pushed.failures == 0, "{pushed:?}");
}

#[test]
fn a_collector_that_is_not_there_is_told_of_once_and_counted() {
    let plan = world().1;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = Settings { serve: Some(([127, 0, 0, 1], 0).into()), ..pushing_to(&format!("http://{gone}")) };
    settings.push.as_mut().unwrap().interval = millis(20);
    let mut exporter = Exporter::start(&plan, &settings).unwrap();
    let at = exporter.address().unwrap();
    while sum(&ask(at, "GET", "/metrics").1, "scn_export_failures_total") < 3.0 {
        std::thread::yield_now();
    }
    let pushed = exporter.finish(Now { started: started(), thresholds: Vec::new(), valid: true }, LENGTH);
    let warnings = exporter.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(&gone.to_string()) && warnings[0].contains("refused"), "{warnings:?}");
    assert!(pushed.failures >= 4 && pushed.failures == pushed.pushes, "{pushed:?}");
}

#[test]
fn a_collector_that_refuses_is_told_of_with_its_status() {
    let plan = world().1;
    let collector = Collector::answering("403 Forbidden");
    let (exporter, pushed) = replay(&plan, &pushing_to(&collector.url), &[half_a_minute(&plan)]);
    assert_eq!((pushed.pushes, pushed.failures), (1, 1));
    assert!(exporter.warnings()[0].contains("403 Forbidden"));
}

#[test]
fn a_collector_that_never_answers_holds_the_end_up_no_longer_than_its_timeout() {
    let plan = world().1;
    // The system takes the connection, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = pushing_to(&format!("http://{}", silent.local_addr().unwrap()));
    settings.push.as_mut().unwrap().timeout = millis(100);
    let (_, pushed) = replay(&plan, &settings, &[half_a_minute(&plan)]);
    assert_eq!((pushed.pushes, pushed.failures), (1, 1));
}
