//! The program, started and listened to.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

/// The repository: scenarios and profiles are named from there, as the README does.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// `scn` with the words of a command line, without the settings of whoever runs the tests.
pub fn scn(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scn"));
    let settings = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| ["SCN_", "OTEL_"].iter().any(|own| name.to_string_lossy().starts_with(own)));
    for name in settings {
        command.env_remove(name);
    }
    command.args(words).current_dir(ROOT).stdin(Stdio::null());
    command
}

/// What `command` printed, and how it ended.
pub fn finish(mut command: Command) -> Ended {
    Ended::from(command.output().expect("the program starts"))
}

/// A program that has ended.
pub struct Ended {
    /// Its exit code; a signal that ended it fails the test.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("scn prints UTF-8");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}\n{out}\n{err}", output.status));
        Ended { code, out, err }
    }
}

impl Ended {
    /// The run came to its own end, whatever a busy machine made of its validity.
    #[track_caller]
    pub fn of_itself(self) -> Ended {
        let code = if self.code == 98 { 98 } else { 0 };
        self.with(code)
    }

    /// Fails with everything that was printed unless the exit code is this one.
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "\n--- standard output\n{}\n--- standard error\n{}", self.out, self.err);
        self
    }
}

/// A folder for one test.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; its path, for a command line.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("a temporary file can be written");
        path.display().to_string()
    }

    /// `scn run` with these words, its summary kept here and no run folder.
    pub fn run(&self, words: &[&str]) -> Command {
        let mut command = scn(&["run", "--no-results", "--summary-export"]);
        command.arg(self.path().join("summary.json")).args(words);
        command
    }

    /// The summary of the last [`Folder::run`].
    #[track_caller]
    pub fn summary(&self) -> Value {
        let text = std::fs::read(self.path().join("summary.json")).expect("scn wrote its summary");
        serde_json::from_slice(&text).expect("the summary is JSON")
    }
}

/// A program that runs beside the test; killed when dropped.
pub struct Beside {
    child: Child,
    /// The first line it printed.
    pub first_line: String,
}

impl Beside {
    /// Starts `command` and waits for its first line.
    pub fn start(mut command: Command) -> Beside {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started (`scripts/test` installs it): {error}"));
        let mut first_line = String::new();
        BufReader::with_capacity(1, child.stdout.as_mut().expect("piped above"))
            .read_line(&mut first_line)
            .expect("programs print UTF-8");
        if first_line.is_empty() {
            let mut why = String::new();
            let _ = child.stderr.take().expect("piped above").read_to_string(&mut why);
            panic!("{name} ended before it was ready (`scripts/test` installs what it needs): {why}");
        }
        Beside { child, first_line: first_line.trim_end().to_owned() }
    }

    /// A script of this folder, run by Debian's Python in `folder`. It prints its port first.
    pub fn python(script: &str, folder: impl AsRef<OsStr>) -> Beside {
        // Not the first Python of the path: Debian's packages belong to Debian's.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(PathBuf::from(ROOT).join("tests/system").join(script)).current_dir(PathBuf::from(folder.as_ref()));
        Beside::start(command)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("it still runs");
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Ended {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        // Little is printed there, so that reading one after the other cannot block it.
        self.child.stdout.take().expect("piped at the start").read_to_end(&mut out).expect("a pipe");
        self.child.stderr.take().expect("piped at the start").read_to_end(&mut err).expect("a pipe");
        let status = self.child.wait().expect("it is our child");
        Ended::from(Output { status, stdout: out, stderr: err })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sums a number over the rows of a summary.
pub fn sum(summary: &Value, count: impl Fn(&Value) -> Option<u64>) -> u64 {
    summary["series"].as_array().expect("series is a list").iter().filter_map(count).sum()
}

/// Error kinds and their counts, over all rows, without those that did not happen.
pub fn errors(summary: &Value) -> std::collections::BTreeMap<String, u64> {
    let mut kinds = std::collections::BTreeMap::new();
    for row in summary["series"].as_array().expect("series is a list") {
        for (kind, count) in row["errors"].as_object().expect("errors is an object") {
            *kinds.entry(kind.clone()).or_insert(0) += count.as_u64().expect("a count");
        }
    }
    kinds.retain(|_, count| *count > 0);
    kinds
}
