//! How diagnostics look in each format.

use scn::base::{Sources, Span};
use scn::cli::render::{Format, render};
use scn::cli::screen::Look;
use scn::diagnostic::{Diagnostic, Rule};

use super::world::assert_golden;

const SCENARIO: &str = "\
scenario \"Shöp\"

user buyer {
  task browse { ä: GET /a%b,c { expect status = 200 } }
  task pay {
    GET /x
  }
}
";

const PROFILE: &str = "name: a,b\nmix:\n  byer: 60\n";

const LOOK: Look = Look { terminal: false, colour: false, width: 80 };

/// A file with an edit, several labels in two files, a place over several lines, and one at the very end.
fn world() -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let scenario = sources.add("shop, old.scn", SCENARIO);
    let profile = sources.add("profiles/a.yml", PROFILE);
    let at = |words: &str| {
        let start = SCENARIO.find(words).expect("the words stand there");
        Span::new(scenario, start, start + words.len())
    };
    let byer = PROFILE.find("byer").expect("the word stands there");
    let diagnostics = vec![
        Diagnostic::new(Rule::Syntax, at("= 200"), "`=` gives a value; `100%` of conditions compare")
            .label("compares nothing")
            .also(at("GET /a%b,c"), "of this step")
            .fix(at("= "), "== "),
        Diagnostic::new(
            Rule::UnclosedBlock,
            at("task pay {\n    GET /x\n  }"),
            "this block, says nobody, is not closed",
        )
        .help("add a `}`\nor take the `{` away"),
        Diagnostic::new(Rule::Syntax, Span::new(profile, byer, byer + 4), "no class of users is called `byer`")
            .label("named here")
            .also(at("buyer"), "did you mean this one?"),
        Diagnostic::new(Rule::Syntax, Span::new(scenario, SCENARIO.len(), SCENARIO.len()), "the file ends too early"),
    ];
    (sources, diagnostics)
}

#[test]
fn a_line_of_any_length_is_drawn_around_its_labels() {
    let long =
        format!("head\njson {{ a: \"{}\", oops: 1, b: \"{}\" }}\ntail\n", "ä".repeat(40_000), "z".repeat(40_000));
    let mut sources = Sources::default();
    let file = sources.add("long.scn", &long);
    let (oops, tail) = (long.find("oops").expect("it stands there"), long.find("tail").expect("it stands there"));
    let diagnostic = Diagnostic::new(Rule::Syntax, Span::new(file, oops, oops + 4), "no")
        .label("this")
        .also(Span::new(file, tail, tail + 4), "and that")
        .also(Span::new(file, oops + 1000, oops + 1004), "cut away");
    let text = render(Format::Text, &[diagnostic], &sources, LOOK);
    assert!(text.contains("long.scn:2:40015"), "{text}");
    assert!(text.contains("äää\", oops: 1, b: \"zzz") && text.contains("this") && text.contains("and that"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 400), "{text}");
}

fn rendered(format: Format) -> String {
    let (sources, diagnostics) = world();
    render(format, &diagnostics, &sources, LOOK)
}

#[test]
fn text_is_drawn_on_the_lines_it_speaks_of() {
    assert_golden("render.txt", &rendered(Format::Text));
}

#[test]
fn colours_are_drawn_only_where_they_are_wanted() {
    let (sources, diagnostics) = world();
    let plain = render(Format::Text, &diagnostics, &sources, LOOK);
    let coloured = render(Format::Text, &diagnostics, &sources, Look { colour: true, ..LOOK });
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn text_keeps_to_the_width_of_the_terminal() {
    let mut sources = Sources::default();
    let file = sources.add("a.scn", "x\n");
    let long = Diagnostic::new(Rule::Syntax, Span::new(file, 0, 1), "word ".repeat(60)).help("word ".repeat(60));
    let text = render(Format::Text, &[long], &sources, Look { width: 50, ..LOOK });
    assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
}

#[test]
fn a_file_cannot_command_the_terminal() {
    let mut sources = Sources::default();
    let file = sources.add("a.scn", "pause \u{1b}[2J 5\n");
    let diagnostic = Diagnostic::new(Rule::Syntax, Span::new(file, 6, 7), "a pause needs a duration");
    let text = render(Format::Text, &[diagnostic], &sources, LOOK);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn json_is_one_array_of_objects() {
    let text = rendered(Format::Json);
    assert_golden("render.json", &text);
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(value.as_array().map(Vec::len), Some(4));
    // `ä:` stands before it on the line: columns count characters.
    assert_eq!((&value[0]["line"], &value[0]["column"]), (&4.into(), &47.into()));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&render(Format::Json, &[], &Sources::default(), LOOK)).unwrap(),
        serde_json::json!([])
    );
}

#[test]
fn github_annotations_are_one_escaped_line_each() {
    let text = rendered(Format::Github);
    assert_golden("render.github", &text);
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("file=shop%2C old.scn,"));
    assert!(text.contains("100%25"));
    assert!(text.contains("%0Aor take"));
}

#[test]
fn sarif_has_what_its_standard_asks_for() {
    let text = rendered(Format::Sarif);
    assert_golden("render.sarif", &text);
    let log: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "scn");
    for result in run["results"].as_array().expect("results are an array") {
        assert!(!result["message"]["text"].as_str().expect("a result has a message").is_empty());
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a result has a level")));
        let rule = &driver["rules"][result["ruleIndex"].as_u64().expect("a result has a rule") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(!rule["shortDescription"]["text"].as_str().expect("a rule is described").is_empty());
        for location in result["locations"].as_array().expect("a result has places") {
            let place = &location["physicalLocation"];
            // A URI reference: neither blanks nor characters beyond ASCII.
            let uri = place["artifactLocation"]["uri"].as_str().expect("a place has a file");
            assert!(uri.chars().all(|c| c.is_ascii_graphic()), "{uri}");
            let number = |name: &str| place["region"][name].as_u64().expect("a region has lines and columns");
            assert!(number("startLine") >= 1 && number("startColumn") >= 1);
            assert!((number("endLine"), number("endColumn")) >= (number("startLine"), number("startColumn")));
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let change = &fix["artifactChanges"][0];
            assert!(change["artifactLocation"]["uri"].is_string());
            assert!(change["replacements"][0]["deletedRegion"]["startLine"].is_u64());
        }
    }
    let empty: serde_json::Value =
        serde_json::from_str(&render(Format::Sarif, &[], &Sources::default(), LOOK)).expect("it is JSON");
    assert_eq!(empty["runs"][0]["results"], serde_json::json!([]));
}
