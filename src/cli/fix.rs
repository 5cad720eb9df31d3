//! `scn check --fix`: puts the edits that findings offer into the files.

use std::collections::BTreeMap;
use std::path::Path;

use super::exit::Failure;
use super::files::Disk;
use crate::base::{FileId, Files, SourceFile, Sources};
use crate::diagnostic::{Diagnostic, Fix};

/// Puts the fixes of `findings` into their files; says how many. Of fixes that overlap only the first is put in: the
/// next pass finds what is left. Files that have changed meanwhile, or are none, stay as they are.
///
/// Errors: a file cannot be written.
pub fn mend(findings: &[Diagnostic], sources: &Sources) -> Result<usize, Failure> {
    let mut files: BTreeMap<FileId, Vec<&Fix>> = BTreeMap::new();
    for fix in findings.iter().filter_map(|one| one.fix.as_ref()) {
        files.entry(fix.span.file).or_default().push(fix);
    }
    let mut mended = 0;
    for (id, fixes) in files {
        let file = sources.file(id);
        let path = Path::new(&file.name);
        if !Disk.read(path).is_ok_and(|bytes| bytes == whole(file, &file.text).as_bytes()) {
            continue;
        }
        let (text, count) = with(&file.text, fixes);
        std::fs::write(path, whole(file, &text))
            .map_err(|error| Failure::cannot_run(format!("cannot write `{}`: {error}", file.name)))?;
        mended += count;
    }
    Ok(mended)
}

/// The text with these edits, and how many of them there was room for.
fn with(text: &str, mut fixes: Vec<&Fix>) -> (String, usize) {
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let (mut mended, mut at, mut count) = (String::with_capacity(text.len()), 0, 0);
    for fix in fixes {
        let (start, end) = (fix.span.start as usize, fix.span.end as usize);
        if start < at || (count > 0 && start == at) {
            continue;
        }
        mended += &text[at..start];
        mended += &fix.replacement;
        (at, count) = (end, count + 1);
    }
    mended += &text[at..];
    (mended, count)
}

/// A text as its file holds it.
fn whole(file: &SourceFile, text: &str) -> String {
    let mark = if file.byte_order_mark { "\u{feff}" } else { "" };
    format!("{mark}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn of_overlapping_edits_the_first_is_put_in() {
        let fix = |start, end, replacement: &str| Fix {
            span: Span::new(FileId(0), start, end),
            replacement: replacement.to_owned(),
        };
        let [a, b, c, d] = [fix(0, 3, "one"), fix(2, 5, "never"), fix(6, 9, ""), fix(10, 10, "!")];
        assert_eq!(with("eno two six-", vec![&d, &c, &b, &a]), ("one twi!x-".to_owned(), 3));
        assert_eq!(with("", vec![]), (String::new(), 0));
    }
}
