//! The corpus of the fuzz targets, replayed: what once broke something stays mended.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/promises.rs"]
mod promises;

/// Every text of a target's corpus.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 20, "{} holds {} texts", folder.display(), paths.len());
    paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

#[test]
fn every_text_of_the_corpus_becomes_a_tree() {
    corpus("parse").iter().for_each(|text| promises::parse(text));
}

#[test]
fn no_text_of_the_corpus_makes_check_panic() {
    corpus("check").iter().for_each(|text| promises::check(text));
}

#[test]
fn no_text_of_the_corpus_means_something_else_when_it_is_laid_out() {
    corpus("fmt").iter().for_each(|text| promises::fmt(text));
}
