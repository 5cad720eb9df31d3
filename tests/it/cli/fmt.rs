//! `scn fmt`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::check::SOUND;
use super::world::scn;

const UNTIDY: &str = "scenario \"A\"\nuser a {\nthink 1s }\n";
const TIDY: &str = "scenario \"A\"\nuser a {\n  think 1s\n}\n";

#[test]
fn files_are_formatted_in_place() {
    let ended = scn("fmt a.scn b.scn").file("a.scn", UNTIDY).file("b.scn", SOUND).run().exits(0).prints_nothing();
    assert_eq!(ended.stderr, "formatted a.scn\n");
    assert_eq!(ended.read("a.scn"), TIDY);
    assert_eq!(ended.read("b.scn"), SOUND);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let ended = scn("fmt -").stdin(UNTIDY).run().exits(0).says_nothing();
    assert_eq!(ended.stdout, TIDY);
    assert_eq!(scn("fmt - --check").stdin(UNTIDY).run().exits(1).stdout, "<stdin>\n");
    scn("fmt - -").run().exits(2).says("only once");
}

#[test]
fn check_names_what_would_change_and_changes_nothing() {
    let ended = scn("fmt --check a.scn b.scn").file("a.scn", UNTIDY).file("b.scn", SOUND).run().exits(1);
    assert_eq!(ended.stdout, "a.scn\n");
    assert_eq!(ended.read("a.scn"), UNTIDY);
    scn("fmt --check b.scn").file("b.scn", SOUND).run().exits(0).prints_nothing().says_nothing();
    scn("fmt --check a.scn").file("a.scn", format!("\u{feff}{TIDY}")).run().exits(1);
}

#[test]
fn diff_shows_what_would_change_and_changes_nothing() {
    let ended = scn("fmt --diff a.scn").file("a.scn", UNTIDY).run().exits(0).says_nothing();
    assert_eq!(
        ended.stdout,
        "--- a.scn\n+++ a.scn\n@@ -1,3 +1,4 @@\n scenario \"A\"\n user a {\n-think 1s }\n+  think 1s\n+}\n"
    );
    assert_eq!(ended.read("a.scn"), UNTIDY);
    scn("fmt --diff --check a.scn").file("a.scn", UNTIDY).run().exits(1).prints("@@");
}

#[test]
fn a_file_with_mistakes_is_left_as_it_is_and_the_others_are_formatted() {
    let broken = "user a {\nthink\n}\n";
    let ended = scn("fmt a.scn b.scn c.scn").file("a.scn", broken).file("b.scn", UNTIDY).run();
    let ended = ended.exits(2).says("a.scn:2").says("cannot read `c.scn`").prints_nothing();
    assert_eq!(ended.read("a.scn"), broken);
    assert_eq!(ended.read("b.scn"), TIDY);
    scn("fmt a.scn").file("a.scn", broken).run().exits(104).says("1 error");
}

#[test]
fn permissions_and_links_stay() {
    let folder = tempfile::tempdir().expect("a folder for temporary files is there");
    let (file, link) = (folder.path().join("a.scn"), folder.path().join("link.scn"));
    fs::write(&file, UNTIDY).expect("files can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("permissions can be set");
    std::os::unix::fs::symlink("a.scn", &link).expect("links can be made");
    scn("fmt").arg(&link).run().exits(0);
    assert!(fs::symlink_metadata(&link).expect("the link is there").is_symlink());
    assert_eq!(fs::read_to_string(&file).expect("the file is there"), TIDY);
    assert_eq!(fs::metadata(&file).expect("the file is there").permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 2, "something was left behind");
}
