//! Mistakes that people make, each in a small file with what is said about it written under its line; and the tricky
//! snippets that the grammar was drawn up with.

use crate::check::understand;
use crate::marks;

#[test]
fn each_mistake_is_told_once_where_it_is_with_what_would_mend_it() {
    marks::assert_golden("mistakes", |text| understand(text).0);
}

#[test]
fn tricky_snippets_are_read_as_they_are_meant() {
    marks::assert_golden("snippets", |text| understand(text).0);
}

#[test]
fn every_file_of_mistakes_says_what_would_help() {
    let files = marks::golden_files("mistakes");
    assert!(files.len() >= 70, "there are {}", files.len());
    for (path, text) in &files {
        let marks = marks::marks(text);
        assert!(!marks.is_empty(), "{} shows no mistake", path.display());
        assert!(marks.iter().all(|mark| !mark.words.is_empty()), "{} lacks the words that help", path.display());
    }
}
