//! Telling a finished run and a running one: text and JSON of a snapshot made by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scn::base::{Offset, Sources};
use scn::metrics::verdict::Limit;
use scn::metrics::{ErrorKind, Judged, Phase, Recent, Recorder, Snapshot, Verdict, thresholds};
use scn::plan::{Op, Plan, PointId, Receive, Since, SocketId, StepId, TargetId};
use scn::report::{self, Finished, Meta, Now, SUMMARY_SCHEMA, Style};
use serde_json::Value;

use crate::metrics::world::*;

/// A finished run, and what it is made of.
struct Told {
    sources: Sources,
    plan: Plan,
    seen: Snapshot,
    judged: Vec<Judged>,
    verdict: Verdict,
    meta: Meta,
}

impl Told {
    fn new(plan: Plan, seen: Snapshot) -> Told {
        let length = Duration::from_secs(30);
        let judged = thresholds::judge(&plan, &seen, length);
        let meta = Meta {
            run_id: "20261123-abcdef".into(),
            started: "2026-11-23T21:35:00Z".into(),
            length,
            measured: length,
            version: "0.1.0".into(),
            sources: vec![("oscilloscope.scn".into(), "ab".repeat(32))],
            finished: true,
            stopped: false,
            notes: vec!["the embedded demo service answered".into()],
        };
        let verdict = Verdict::of(&plan, &seen, &judged);
        Told { sources: world().0, plan, seen, judged, verdict, meta }
    }

    fn run(&self) -> Finished<'_> {
        let Told { sources, plan, seen, judged, verdict, meta } = self;
        Finished { plan, sources, seen, warm_up: None, judged, verdict, meta }
    }

    fn summary(&self) -> Value {
        serde_json::to_value(report::summary(&self.run())).unwrap()
    }
}

fn half_a_minute_told() -> Told {
    let plan = with_thresholds(world().1);
    let seen = half_a_minute(&plan);
    Told::new(plan, seen)
}

/// The same scenario, where nothing happened.
fn nothing_told() -> Told {
    Told::new(with_thresholds(world().1), Snapshot::default())
}

/// Compares with `tests/golden/report/NAME`; `SCN_BLESS=1 cargo test` writes it, to be read before it is kept.
pub fn golden(name: &str, text: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report").join(name);
    if std::env::var_os("SCN_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == wanted, "differs from {}; it is now:\n{text}", path.display());
}

fn widest(text: &str) -> usize {
    text.lines().map(unicode_width::UnicodeWidthStr::width).max().unwrap_or(0)
}

// ── the table ──

#[test]
fn the_table_tells_thresholds_rows_iterations_checks_and_validity() {
    golden("table.txt", &report::table(&half_a_minute_told().run(), 120, Style::plain()));
}

#[test]
fn a_narrow_terminal_gets_shorter_names_and_fewer_columns() {
    for width in [60, 80, 100, 120] {
        let text = report::table(&half_a_minute_told().run(), width, Style::plain());
        assert!(widest(&text) <= width, "{width}:\n{text}");
    }
    golden("table-narrow.txt", &report::table(&half_a_minute_told().run(), 80, Style::plain()));
}

#[test]
fn a_run_in_which_nothing_happened_says_so() {
    golden("table-nothing.txt", &report::table(&nothing_told().run(), 100, Style::plain()));
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let told = half_a_minute_told();
    let coloured = report::table(&told.run(), 100, Style::coloured());
    assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m"));
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        bare += &rest[..at];
        rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
    }
    assert_eq!(bare + rest, report::table(&told.run(), 100, Style::plain()));
}

#[test]
fn a_receive_that_says_since_is_a_latency_and_any_other_a_gap() {
    let gap = |sinces: &[Option<Since>]| {
        let mut told = half_a_minute_told();
        told.plan.ops.extend(sinces.iter().map(|since| {
            Op::Receive(Box::new(Receive {
                step: StepId(Row::Frame as u32),
                socket: SocketId(0),
                form: scn::plan::ReceiveForm::Count(None),
                condition: None,
                within: Duration::from_secs(5),
                since: *since,
                parts: Vec::new(),
            }))
        }));
        told.summary()["series"][Row::Frame as usize]["gap"].as_bool().unwrap()
    };
    let since = Some(Since::Step(Row::Start.id()));
    assert_eq!([gap(&[None]), gap(&[since]), gap(&[since, None])], [true, false, true]);
}

// ── the summary ──

#[test]
fn the_summary_has_the_promised_shape() {
    golden("summary.json", &(serde_json::to_string_pretty(&half_a_minute_told().summary()).unwrap() + "\n"));
}

#[test]
fn every_summary_fits_its_schema() {
    let schema: Value = serde_json::from_str(SUMMARY_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for told in [half_a_minute_told(), nothing_told()] {
        let summary = told.summary();
        let wrong: Vec<String> = validator.iter_errors(&summary).map(|wrong| wrong.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new());
    }
    let mut other = half_a_minute_told().summary();
    other["schema"] = "scn-summary/2".into();
    assert!(!validator.is_valid(&other), "a schema that accepts all says nothing");
}

#[test]
fn the_schema_describes_every_key_and_knows_no_other() {
    let schema: Value = serde_json::from_str(SUMMARY_SCHEMA).unwrap();
    described("", &schema, &schema, &half_a_minute_told().summary());
}

/// Walks the summary and its schema side by side.
pub fn described(at: &str, schema: &Value, root: &Value, value: &Value) {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect("references point into the schema"),
        None => schema,
    };
    match value {
        Value::Object(members) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                assert!(schema["additionalProperties"].is_object(), "{at}: names are free, their values are not");
                return;
            };
            assert_eq!(schema["additionalProperties"], false, "{at}");
            let keys = |map: &serde_json::Map<String, Value>| {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            assert_eq!(keys(members), keys(properties), "{at}");
            for (key, member) in members {
                let path = format!("{at}/{key}");
                assert!(properties[key]["description"].is_string(), "{path} has no description");
                described(&path, &properties[key], root, member);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| {
                described(&format!("{at}/{index}"), &schema["items"], root, item);
            });
        }
        _ => {}
    }
}

#[test]
fn the_schema_lists_the_words_that_the_code_knows() {
    let schema: Value = serde_json::from_str(SUMMARY_SCHEMA).unwrap();
    let words = |pointer: &str| -> Vec<String> {
        let list = schema.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}"));
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(words("/properties/errors/items/properties/kind/enum"), kinds);
    assert_eq!(words("/properties/series/items/properties/errors/propertyNames/enum"), kinds);
    let limits: Vec<&str> = Limit::ALL.iter().map(|limit| limit.name()).collect();
    assert_eq!(words("/properties/validity/properties/reasons/items/properties/limit/enum"), limits);
}

#[test]
fn the_summary_holds_what_was_seen() {
    let summary = half_a_minute_told().summary();
    assert_eq!(summary["totals"]["iterations"], 88);
    assert_eq!(summary["totals"]["requests"], 151);
    assert_eq!(summary["series"][1]["errors"], serde_json::json!({ "expect": 3 }));
    assert_eq!(summary["series"][1]["statuses"], serde_json::json!({ "200": 60, "503": 3 }));
    assert_eq!(summary["checks"][0]["name"], "json $.status == \"healthy\"");
    assert_eq!(summary["errors"][0]["line"], 12);
    assert_eq!(summary["errors"][0]["message"], "status is 500");
    assert_eq!(summary["validity"]["verdict"], "VALID");
}

#[test]
fn where_nothing_was_seen_the_summary_says_null_and_not_zero() {
    let summary = nothing_told().summary();
    assert_eq!(summary["series"][0]["response_time_ms"]["p95"], Value::Null);
    assert_eq!(summary["thresholds"][0]["ok"], false, "an error rate of nothing is no success");
    assert_eq!(summary["thresholds"][1]["ok"], Value::Null);
    assert_eq!(summary["validity"]["verdict"], "INVALID");
}

// ── errors on the scenario's lines ──

#[test]
fn errors_stand_on_the_lines_they_belong_to() {
    let told = half_a_minute_told();
    let files = report::errors_on_lines(&told.plan, &told.seen);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].title, "5 failures in 3 places");
    let labels: Vec<_> =
        files[0].labels.iter().map(|label| (told.sources.text(label.span), label.text.as_str())).collect();
    assert_eq!(
        labels,
        [
            ("expect status 200", "3 × expect: status is 500"),
            ("PUT /api/oscilloscope/config", "1 × timeout: no answer within 1s"),
            ("capture applied = json $.frequency", "1 × capture"),
        ]
    );
}

#[test]
fn several_kinds_at_one_place_share_a_label_the_most_frequent_first() {
    let (_, plan) = world();
    let mut recorder = Recorder::new(&plan, 0);
    let connect = PointId(Row::Connect as u32);
    // The head of a socket stands for its connect and its close.
    recorder.record(&failed(Row::Connect, 0, 1, ErrorKind::ConnectRefused, connect));
    (0..2).for_each(|_| recorder.record(&failed(Row::Connect, 0, 1, ErrorKind::Reset, connect)));
    recorder.record(&failed(Row::Close, 0, 1, ErrorKind::Timeout, PointId(Row::Close as u32)));
    recorder.note(connect, ErrorKind::Reset, "a very long\nmessage ".repeat(20));
    let seen = recorder.take(Offset(1), Duration::ZERO);
    let files = report::errors_on_lines(&plan, &seen);
    assert_eq!(files[0].title, "4 failures in 1 place");
    let text = &files[0].labels[0].text;
    assert!(text.starts_with("2 × reset: a very long message"), "{text}");
    assert!(text.ends_with("…; 1 × connect_refused; 1 × timeout"), "{text}");
}

#[test]
fn without_failures_there_is_nothing_to_draw() {
    let (_, plan) = world();
    assert_eq!(report::errors_on_lines(&plan, &Snapshot::default()), []);
}

// ── the live view ──

/// Twelve seconds in, in lines of this width, and as one line.
fn twelve_seconds(told: &Told, width: usize, stopping: bool) -> String {
    let mut recent = Recent::new(&told.plan, Duration::from_secs(10));
    recent.push(&told.seen);
    let now = Now {
        plan: &told.plan,
        elapsed: Duration::from_secs(12),
        total: &told.seen,
        recent: &recent,
        judged: &told.judged,
        stopping,
    };
    let lines = report::live(&now, width, Style::plain()).join("\n");
    assert!(widest(&lines) <= width, "{width}:\n{lines}");
    format!("{lines}\n\n{}\n", report::plain_line(&now))
}

#[test]
fn the_live_view_tells_progress_users_requests_times_and_thresholds() {
    golden("live.txt", &twelve_seconds(&half_a_minute_told(), 90, false));
    golden("live-stopping.txt", &twelve_seconds(&half_a_minute_told(), 50, true));
    assert!(twelve_seconds(&half_a_minute_told(), 80, true).contains("stopping, Ctrl-C again: at once"));
}

#[test]
fn before_anything_has_happened_no_threshold_is_broken_yet() {
    let text = twelve_seconds(&nothing_told(), 90, false);
    assert!(!text.contains('✗') && !text.contains("broken"), "{text}");
    assert!(text.contains("no answer yet"), "{text}");
}

#[test]
fn when_there_are_many_thresholds_the_broken_ones_are_shown() {
    let mut told = half_a_minute_told();
    let kept = told.judged[1].clone();
    let broken = told.judged[0].clone();
    told.judged = vec![kept; 20];
    told.judged.push(broken);
    let text = twelve_seconds(&told, 90, false);
    assert!(text.contains("✗ error_rate < 1%") && text.contains("… and 13 more"), "{text}");
}

// ── phases ──

#[test]
fn where_the_time_went_is_in_the_table_and_in_the_summary_by_target() {
    let plan = world().1;
    let mut recorder = Recorder::new(&plan, 0);
    let at = |millis: u64| Offset::ZERO + Duration::from_millis(millis);
    for (phase, from, to) in [(Phase::Connect, 0, 2), (Phase::Wait, 2, 42), (Phase::Wait, 50, 110)] {
        recorder.phase(TargetId(0), phase, at(from), at(to));
    }
    let told = Told::new(plan, recorder.take(at(110), Duration::ZERO));
    let summary = told.summary();
    let phases = summary["phases"].as_array().expect("they are listed");
    let rows: Vec<_> = phases.iter().map(|row| (row["phase"].as_str(), row["count"].as_u64())).collect();
    assert_eq!(rows, [(Some("connect"), Some(1)), (Some("wait"), Some(2))]);
    let wait = &phases[1]["time_ms"];
    assert_eq!((wait["mean"].as_f64(), wait["max"].as_f64().map(f64::round)), (Some(50.0), Some(60.0)));
    assert_eq!(phases[0]["target"], "default");
    let table = report::table(&told.run(), 100, Style::plain());
    assert!(table.contains("Phases  connect 1 × 2.00ms · wait 50.0ms, on average"), "{table}");
}
