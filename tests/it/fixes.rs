//! Fixes are edits: each one takes away what it is offered for and brings in nothing graver.

use scn::base::Sources;
use scn::check::check;
use scn::diagnostic::{Diagnostic, Severity, allow};
use scn::syntax::parse;

use crate::marks;

fn found(text: &str) -> Vec<Diagnostic> {
    let mut sources = Sources::default();
    let file = sources.add("golden.scn", text);
    let parsed = parse(file, text);
    let mut found = parsed.diagnostics;
    found.extend(check(&parsed.ast, &sources).diagnostics);
    allow::apply(&sources, &mut found);
    found
}

/// What is compared before and after an edit: spans move with it.
fn told(one: &Diagnostic, text: &str) -> (String, String, usize) {
    let line = text[..one.primary.span.start as usize].matches('\n').count();
    (one.rule.name().to_owned(), one.message.clone(), line)
}

fn is_there(room: &str) -> bool {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(room).is_dir()
}

#[test]
fn a_fix_takes_away_what_it_is_offered_for() {
    let mut wrong = String::new();
    let mut fixes = 0;
    for (path, text) in
        ["check", "syntax", "mistakes"].into_iter().filter(|room| is_there(room)).flat_map(marks::golden_files)
    {
        let before = found(&text);
        let errors = |found: &[Diagnostic]| found.iter().filter(|one| one.severity() == Severity::Error).count();
        for one in before.iter().filter(|one| one.fix.is_some()) {
            let fix = one.fix.as_ref().expect("it was asked for");
            fixes += 1;
            let (start, end) = (fix.span.start as usize, fix.span.end as usize);
            let mended = format!("{}{}{}", &text[..start], fix.replacement, &text[end..]);
            let after = found(&mended);
            let is_same = |other: &&Diagnostic| told(other, &mended) == told(one, &text);
            let still_there = after.iter().filter(is_same).count();
            let were_there = before.iter().filter(|other| told(other, &text) == told(one, &text)).count();
            let line = text[..start].matches('\n').count() + 1;
            if still_there >= were_there {
                wrong += &format!("{}:{line}: after {fix:?} there is still: {}\n", path.display(), one.message);
            } else if errors(&after) > errors(&before) {
                let new: Vec<_> = after
                    .iter()
                    .filter(|one| !before.iter().any(|other| other.message == one.message))
                    .map(|one| &one.message)
                    .collect();
                wrong += &format!("{}:{line}: {fix:?} brings in {new:?}\n", path.display());
            }
        }
    }
    assert!(wrong.is_empty(), "of {fixes} fixes:\n{wrong}");
    assert!(fixes > 50, "{fixes}");
}
