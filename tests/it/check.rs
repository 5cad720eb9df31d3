//! Tests of `check`: golden files with marks, and what a sound scenario means.

use std::path::Path;

use scn::base::{Files, Sources};
use scn::check::meaning::{SeriesId, SeriesKind, Statement, Subject};
use scn::check::{Checked, check_with};
use scn::diagnostic::{Diagnostic, Rule, Severity, allow};
use scn::syntax::parse_whole;

use crate::marks;

/// The real files.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// What parser and check find in a text, in order of place, and what it means.
pub fn understand(text: &str) -> (Vec<Diagnostic>, Checked) {
    understand_at("tests/golden/check/golden.scn", text)
}

/// A scenario as if it stood at `path` of the repository.
fn understand_at(path: &str, text: &str) -> (Vec<Diagnostic>, Checked) {
    let mut sources = Sources::default();
    let file = sources.add(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")), text);
    let parsed = parse_whole(file, &mut sources, &Disk);
    let checked = check_with(&parsed.ast, &sources, &Disk);
    let mut found = parsed.diagnostics;
    found.extend(checked.diagnostics.iter().cloned());
    allow::apply(&sources, &mut found);
    found.sort_by_key(|diagnostic| diagnostic.primary.span.start);
    (found, checked)
}

#[test]
fn golden_files_say_what_they_are_marked_with() {
    marks::assert_golden("check", |text| understand(text).0);
}

#[test]
fn every_rule_about_a_scenarios_text_is_shown_by_a_golden_file() {
    let files = ["syntax", "check", "snippets", "mistakes"].into_iter().flat_map(marks::golden_files);
    let shown: Vec<String> = files.flat_map(|(_, text)| marks::marks(&text)).map(|mark| mark.rule).collect();
    let place = |wanted: Rule| Rule::ALL.iter().position(|rule| *rule == wanted).expect("it is in the registry");
    let about_text = &Rule::ALL[place(Rule::Syntax)..=place(Rule::UnknownRule)];
    // Shown beside a file of its own: `a_used_file_brings_only_what_can_be_shared`.
    let elsewhere = [Rule::NotForOthers];
    let missing: Vec<&str> = about_text
        .iter()
        .filter(|rule| !elsewhere.contains(rule))
        .map(|rule| rule.name())
        .filter(|name| !shown.iter().any(|shown| shown == name))
        .collect();
    assert!(missing.is_empty(), "no golden file shows {missing:?}");
}

#[test]
fn a_used_file_brings_only_what_can_be_shared() {
    let files = std::collections::HashMap::from([
        (
            std::path::PathBuf::from("lib/a.scn"),
            b"use \"b.scn\"\ntarget \"http://127.0.0.1:1\"\nflow a() { b() }\nuser u { task t { a() } }\n".to_vec(),
        ),
        (std::path::PathBuf::from("lib/b.scn"), b"use \"a.scn\"\nflow b() { GET /b { expect status 200 } }\n".to_vec()),
    ]);
    let text = "use \"lib/a.scn\"\nuse \"./lib/b.scn\"\ntarget \"http://127.0.0.1:80\"\nuser u { task t { a() } }\n";
    let mut sources = Sources::default();
    let file = sources.add("main.scn", text);
    let parsed = parse_whole(file, &mut sources, &files as &dyn Files);
    let told: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|one| (one.rule, sources.file(one.primary.span.file).name.as_str(), one.primary.span.start))
        .collect();
    // One for the target and one for the user; each file was read once, though they use each other.
    assert_eq!(told, [(Rule::NotForOthers, "lib/a.scn", 12), (Rule::NotForOthers, "lib/a.scn", 57)]);
    assert_eq!(check_with(&parsed.ast, &sources, &files as &dyn Files).diagnostics, []);
}

#[test]
fn half_a_file_is_understood_without_a_panic() {
    for (_, text) in marks::golden_files("check") {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        for cut in (0..lines.len()).step_by(7) {
            understand(&lines[..cut].join("\n"));
            let (before, behind) = (&lines[..cut], &lines[cut + 1..]);
            understand(&[before, behind].concat().join("\n"));
        }
    }
}

#[test]
fn what_cannot_be_read_may_declare_and_use_anything() {
    let holes = r#"
        scenario "Holes"
        target "http://127.0.0.1:8000"
        user visitor {
          let used_in_a_hole = 1
          task look {
            let token =
            GET /${token} {
              expect status 200
              capture id == json $.id
              check json $.x == used_in_a_hole +
            }
            GET /${id} { expect status 200 }
            GET /open {
              expect status 200
              capture found = regex /a(
            }
            GET /x/${found} { expect status 200 }
          }
          task { GET / { expect status 200 } }
        }
        thresholds {
          p95 of look <
          checks of look > 99%
        }
    "#;
    let (all, checked) = understand(holes);
    assert_eq!(checked.diagnostics, [], "one mistake, one message");
    assert!(!all.is_empty());
    assert!(checked.sound(&all).is_none());
}

#[test]
fn a_sound_scenario_has_its_rows_in_order_and_its_defaults_filled_in() {
    let (found, checked) = understand(
        r#"
        target "http://127.0.0.1:8000"
        user visitor {
          task listen {
            page: GET /page/${ user.id }?q=${oneof("a", "b")} { expect status 200 }
            websocket /ws/${user.id} {
              send text "a"
              receive since connect
            }
            GET /end/${ user.id } { expect status 200 }
          }
          on start { hello: GET /hello }
        }
        thresholds {
          p95 of hello < 300ms
          max of "GET /end/${ user.id }" < 2s
          error_rate of listen < 1%
        }
        "#,
    );
    assert_eq!(found, []);
    let sound = checked.sound(&found).expect("nothing was found");
    let scenario = sound.scenario();
    let rows: Vec<(&str, &str, SeriesKind)> =
        scenario.series.iter().map(|row| (row.task.as_str(), row.name.as_str(), row.kind)).collect();
    assert_eq!(
        rows,
        [
            ("on_start", "hello", SeriesKind::Http),
            ("listen", "page", SeriesKind::Http),
            ("listen", "connect", SeriesKind::Connect),
            ("listen", "send /ws/${user.id}", SeriesKind::Send),
            ("listen", "receive /ws/${user.id}", SeriesKind::Receive),
            ("listen", "close", SeriesKind::Close),
            ("listen", "GET /end/${user.id}", SeriesKind::Http),
        ]
    );
    assert_eq!(scenario.title, "golden");
    let Statement::Http(hello) = &scenario.users[0].on_start[0] else { panic!("a request comes first") };
    assert_eq!((hello.timeout, hello.redirects), (std::time::Duration::from_secs(30), 10));
    let limits: Vec<(&Subject, f64)> =
        scenario.thresholds.iter().map(|threshold| (&threshold.subject, threshold.limit)).collect();
    assert_eq!(
        limits,
        [
            (&Subject::Series(vec![SeriesId(0)]), 0.3),
            (&Subject::Series(vec![SeriesId(6)]), 2.0),
            (&Subject::Task(0, 0), 0.01)
        ]
    );
    assert_eq!(scenario.thresholds[0].text, "p95 of hello < 300ms");
}

#[test]
fn the_scenarios_and_examples_of_the_repository_check_clean() {
    for folder in ["scenarios", "examples"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            if path.extension().is_some_and(|extension| extension == "scn") {
                let text = std::fs::read_to_string(&path).expect("a scenario is UTF-8");
                let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("it lies there").display().to_string();
                let found = understand_at(&name, &text).0;
                let errors: Vec<_> = found.iter().filter(|one| one.severity() == Severity::Error).collect();
                assert_eq!(errors, Vec::<&Diagnostic>::new(), "{name}");
            }
        }
    }
}
