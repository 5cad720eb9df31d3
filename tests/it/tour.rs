//! `docs/tour.md` is true: its commands are run, in order and in one folder, and say what stands below them.
//!
//! A block marked `console` holds a command behind `$` and what it prints; `exits=CODE` tells its exit code, else it is
//! 0. A command that ends with `&` goes on in the background, on a free port. A block marked `file=NAME` is written to
//! that file. Of what is printed the words must be there, in their order; numbers differ from run to run, and `…` is
//! for what is left out.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Mark and text of each block, in order.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some((_, text)), _) => *text += &format!("{line}\n"),
            (None, Some(mark)) => open = Some((mark.to_owned(), String::new())),
            (None, None) => {}
        }
    }
    blocks
}

/// The words of a line: runs of letters in what has no digits.
fn words(text: &str) -> Vec<&str> {
    let plain = text.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    let words = plain.flat_map(|word| word.split(|c: char| !c.is_alphabetic()));
    words.filter(|word| word.chars().count() > 2).collect()
}

/// Panics unless every line of `wanted` has its words in a line of `printed`, one behind the other.
fn compare(command: &str, wanted: &str, printed: &str) {
    let mut lines = printed.lines();
    // Whether the generator kept up is the machine's affair, and a busy one is no mistake of the tour.
    let counts = |line: &&str| *line != "…" && !line.starts_with("VALID") && !words(line).is_empty();
    for line in wanted.lines().filter(counts) {
        let wanted = words(line);
        let found = lines.any(|line| {
            let mut there = words(line).into_iter();
            wanted.iter().all(|word| there.any(|other| other == *word))
        });
        assert!(found, "`{command}` does not say {line:?} there:\n{printed}");
    }
}

fn scn(arguments: &[String], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scn"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCN_") || name == "NO_COLOR" {
            command.env_remove(&name);
        }
    }
    command
}

/// A demo in the background, ended with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a demo; gives it, its first line and its URL.
fn background(arguments: &[String], folder: &Path) -> (Demo, String, String) {
    use std::io::{BufRead, BufReader};
    let mut command = scn(arguments, folder);
    let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split(' ').find(|word| word.starts_with("http://")).expect("a URL").to_owned();
    (Demo(child), line, url)
}

#[test]
fn every_command_of_the_tour_says_what_the_tour_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tour.md");
    let page = std::fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut demos, mut target, mut ran) = (Vec::new(), None, 0);
    for (mark, text) in blocks(&page) {
        if let Some((_, name)) = mark.split_once("file=") {
            std::fs::write(folder.path().join(name), text).unwrap();
            continue;
        }
        let Some(options) = mark.strip_prefix("console") else { continue };
        let exits: i32 = options.trim().strip_prefix("exits=").map_or(0, |code| code.parse().unwrap());
        let (command, wanted) = text.split_once('\n').unwrap();
        let command = command.strip_prefix("$ scn ").expect("a command of scn");
        let words: Vec<String> = command.trim_end_matches(" &").split(' ').map(str::to_owned).collect();
        ran += 1;
        if command.ends_with(" &") {
            let (demo, line, url) = background(&words, folder.path());
            compare(command, wanted, &line);
            demos.push(demo);
            target = Some(url);
            continue;
        }
        let mut command_line = scn(&words, folder.path());
        if let Some(url) = target.as_ref().filter(|_| words[0] == "run" && !words.contains(&"--target".to_owned())) {
            command_line.args(["--target", url]);
        }
        let Output { status, stdout, stderr } = command_line.output().unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let invalid = status.code() == Some(98) && printed.contains("INVALID");
        assert!(status.code() == Some(exits) || invalid, "`scn {command}`: {status}\n{printed}");
        compare(command, wanted, &printed);
    }
    assert!(ran >= 8, "{ran} commands");
}
