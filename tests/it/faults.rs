//! `docs/faults.md` is true: each row names tests that there are, which look for what it says; and no fault is tested
//! that the page keeps to itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use scn::metrics::ErrorKind;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/faults.md")).expect("the page is there")
}

/// A row: the fault, what it is counted as or ends with, and the tests it names.
struct Row {
    fault: String,
    counted: String,
    proof: Vec<String>,
}

/// The rows of all tables whose last column is called `proof`.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut in_table = false;
    for line in text.lines() {
        let cells: Vec<_> = line.replace("\\|", "\u{2502}").split('|').map(|cell| cell.trim().to_owned()).collect();
        if !line.starts_with('|') {
            in_table = false;
        } else if cells[cells.len() - 2] == "proof" {
            in_table = true;
        } else if in_table && !cells[1].starts_with("--") {
            let [_, fault, _, counted, proof, _] = cells.as_slice() else { panic!("four cells: {line}") };
            rows.push(Row { fault: fault.clone(), counted: counted.clone(), proof: quoted(proof) });
        }
    }
    rows
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).filter(|path| path.extension().is_some_and(|is| is == "rs")).collect()
}

/// The tests of a file by name, each with its text.
fn tests(text: &str) -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for part in text.split("#[test]\n").skip(1) {
        let head = part.trim_start();
        let indent = &part[..part.len() - head.len()];
        let Some((name, _)) = head.strip_prefix("fn ").and_then(|head| head.split_once('(')) else { continue };
        let end = part.find(&format!("\n{indent}}}\n")).expect("a test ends");
        tests.insert(name.to_owned(), part[..end].to_owned());
    }
    tests
}

fn all_tests() -> BTreeMap<String, String> {
    let folders = ["src", "tests"].map(|folder| files(&root().join(folder)));
    let texts = folders.iter().flatten().map(|path| std::fs::read_to_string(path).expect("text"));
    texts.flat_map(|text| tests(&text)).collect()
}

#[test]
fn every_row_names_tests_that_look_for_what_it_says() {
    let (all, rows, mut wrong) = (all_tests(), rows(&page()), Vec::new());
    assert!(rows.len() > 60, "only {} rows", rows.len());
    for Row { fault, counted, proof } in &rows {
        if proof.is_empty() {
            wrong.push(format!("{fault}: no test"));
        }
        for name in proof.iter().filter(|name| !all.contains_key(*name)) {
            wrong.push(format!("{fault}: there is no test {name}"));
        }
        let text: String = proof.iter().filter_map(|name| all.get(name)).map(String::as_str).collect();
        for kind in quoted(counted) {
            let Some(known) = ErrorKind::ALL.iter().find(|one| one.name() == kind) else {
                wrong.push(format!("{fault}: `{kind}` is no kind of failure"));
                continue;
            };
            if !text.contains(&format!("\"{kind}\"")) && !text.contains(&format!("ErrorKind::{known:?}")) {
                wrong.push(format!("{fault}: no test of it looks for `{kind}`"));
            }
        }
        if let Some((_, code)) = counted.split_once("exit code ")
            && !["with(", "exits(", "code(), "].iter().any(|before| text.contains(&format!("{before}{code})")))
        {
            wrong.push(format!("{fault}: no test of it looks for the exit code {code}"));
        }
    }
    assert!(wrong.is_empty(), "docs/faults.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_test_of_a_fault_stands_on_the_page() {
    let told: BTreeSet<String> = rows(&page()).into_iter().flat_map(|row| row.proof).collect();
    let system = ["signals", "killed", "disks", "clocks"].map(|name| root().join(format!("tests/system/{name}.rs")));
    let files = files(&root().join("tests/faults")).into_iter().chain(system);
    let texts = files.map(|path| std::fs::read_to_string(path).expect("text"));
    let kept_back: Vec<_> = texts.flat_map(|text| tests(&text)).map(|(name, _)| name).collect();
    let kept_back: Vec<_> = kept_back.iter().filter(|name| !told.contains(*name)).collect();
    assert!(kept_back.is_empty(), "docs/faults.md does not tell of {kept_back:#?}");
}

#[test]
fn the_page_names_every_kind_of_failure() {
    let page = page();
    let set = page.split("The kinds of failure: `").nth(1).and_then(|rest| rest.split('`').next());
    let named: Vec<_> = set.expect("they are listed").split_whitespace().collect();
    assert_eq!(named, ErrorKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>());
}

#[test]
fn tests_are_found_with_their_text() {
    let text = "fn helper() {}\n\n#[test]\nfn one() {\n    a();\n}\n\nmod tests {\n    #[test]\n    fn two() {\n        b();\n    }\n}\n";
    let found = tests(text);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert!(found["one"].contains("a();") && !found["one"].contains("b();") && found["two"].contains("b();"));
}
