//! Fixes are edits: each one takes away what it is offered for.

use scn::base::Sources;
use scn::check::check;
use scn::diagnostic::{Diagnostic, allow};
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
        for one in before.iter().filter(|one| one.fix.is_some()) {
            let fix = one.fix.as_ref().expect("it was asked for");
            fixes += 1;
            let (start, end) = (fix.span.start as usize, fix.span.end as usize);
            let mended = format!("{}{}{}", &text[..start], fix.replacement, &text[end..]);
            let after = found(&mended);
            // It may have hidden others, which come to light now; the same must be gone.
            let is_same = |other: &&Diagnostic| {
                let places = (other.primary.span.start, one.primary.span.start);
                (other.rule, &other.message) == (one.rule, &one.message) && places.0 == places.1
            };
            let line = text[..start].matches('\n').count() + 1;
            if after.iter().any(|other| is_same(&other)) {
                wrong += &format!("{}:{line}: after {fix:?} there is still: {}\n", path.display(), one.message);
            }
        }
    }
    assert!(wrong.is_empty(), "of {fixes} fixes:\n{wrong}");
    assert!(fixes > 50, "{fixes}");
}
