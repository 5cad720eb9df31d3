//! A fluent builder: files in a folder of their own, arguments, and what came of them.
//!
//! ```ignore
//! scn("check a.scn").file("a.scn", "…").run().exits(104).says("did you mean `browse`?");
//! ```

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tempfile::TempDir;

/// Longest that any command may take before it counts as hung. Far above what one takes on a busy machine.
const HUNG_AFTER: Duration = Duration::from_secs(60);

/// The real binary with these arguments, separated by blanks, in a new empty folder.
pub fn scn(arguments: &str) -> Call {
    let folder = tempfile::tempdir().expect("a folder for temporary files is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_scn"));
    command.args(arguments.split_whitespace()).current_dir(folder.path());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SCN_") || text.starts_with("OTEL_") || text == "NO_COLOR" {
            command.env_remove(&name);
        }
    }
    Call { folder, command, stdin: Vec::new() }
}

/// A command that is still to be run.
pub struct Call {
    folder: TempDir,
    command: Command,
    stdin: Vec<u8>,
}

impl Call {
    /// A file in the folder that the command runs in; folders on the way are made.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Call {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(path, content).expect("files can be written");
        self
    }

    /// One more argument, blanks and all.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Call {
        self.command.arg(argument);
        self
    }

    /// More arguments, separated by blanks.
    pub fn args(mut self, arguments: &str) -> Call {
        self.command.args(arguments.split_whitespace());
        self
    }

    /// A variable.
    pub fn env(mut self, name: &str, value: &str) -> Call {
        self.command.env(name, value);
        self
    }

    /// So many descriptors at most, hard and soft; to be called last.
    pub fn descriptors(mut self, count: u32) -> Call {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!(r#"ulimit -n {count} && exec "$0" "$@""#)]).current_dir(self.folder.path());
        limited.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        self.command = limited;
        self
    }

    /// What stands on standard input.
    pub fn stdin(mut self, text: &str) -> Call {
        self.stdin = text.into();
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Ended {
        self.start().wait()
    }

    /// Starts it and lets it run.
    pub fn start(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary is built with the tests");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // It may end without having read.
        let _ = stdin.write_all(&self.stdin);
        drop(stdin);
        let stdout = gather(child.stdout.take().expect("standard output is a pipe"));
        let stderr = gather(child.stderr.take().expect("standard error is a pipe"));
        Running { folder: self.folder, child, stdout, stderr }
    }
}

type Gathered = std::sync::Arc<std::sync::Mutex<(Vec<u8>, bool)>>;

/// Reads a stream to its end on a thread of its own; the flag says that the end was reached.
fn gather(mut stream: impl Read + Send + 'static) -> Gathered {
    let gathered = Gathered::default();
    let filled = gathered.clone();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            let count = stream.read(&mut bytes).unwrap_or(0);
            let mut filled = filled.lock().expect("nobody panics with the lock");
            filled.0.extend_from_slice(&bytes[..count]);
            if count == 0 {
                filled.1 = true;
                return;
            }
        }
    });
    gathered
}

fn text(gathered: &Gathered) -> String {
    String::from_utf8_lossy(&gathered.lock().expect("nobody panics with the lock").0).into_owned()
}

/// A command that runs.
pub struct Running {
    folder: TempDir,
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
}

impl Running {
    /// Waits until standard output holds `words` and gives it; panics when the command ends without.
    pub fn printed(&mut self, words: &str) -> String {
        let stdout = self.stdout.clone();
        self.until(words, move || text(&stdout))
    }

    /// Waits until standard error holds `words` and gives it; panics when the command ends without.
    pub fn said(&mut self, words: &str) -> String {
        let stderr = self.stderr.clone();
        self.until(words, move || text(&stderr))
    }

    fn until(&mut self, words: &str, stream: impl Fn() -> String) -> String {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("a child can be asked").is_some();
            let so_far = stream();
            if so_far.contains(words) {
                return so_far;
            }
            if ended || start.elapsed() > HUNG_AFTER {
                let _ = self.child.kill();
                panic!("never said {words:?}\n{}\n{}", text(&self.stdout), text(&self.stderr));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the child has not been waited for");
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            if start.elapsed() > HUNG_AFTER {
                let _ = self.child.kill();
                panic!("hangs\n{}\n{}", text(&self.stdout), text(&self.stderr));
            }
            thread::sleep(Duration::from_millis(2));
        };
        for stream in [&self.stdout, &self.stderr] {
            while !stream.lock().expect("nobody panics with the lock").1 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        Ended { folder: self.folder, code: status.code(), stdout, stderr }
    }
}

/// A command that has ended.
pub struct Ended {
    folder: TempDir,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// The text of a file in the folder that the command ran in.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).expect("the file is there and is text")
    }

    /// Ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output holds these words.
    #[track_caller]
    pub fn prints(self, words: &str) -> Ended {
        assert!(self.stdout.contains(words), "{words:?} is not in\n{}", self.stdout);
        self
    }

    /// Standard output holds none of these words.
    #[track_caller]
    pub fn prints_no(self, words: &[&str]) -> Ended {
        for words in words {
            assert!(!self.stdout.contains(words), "{words:?} is on standard output:\n{}", self.stdout);
        }
        self
    }

    /// Standard output is empty.
    #[track_caller]
    pub fn prints_nothing(self) -> Ended {
        assert_eq!(self.stdout, "");
        self
    }

    /// Standard error holds these words.
    #[track_caller]
    pub fn says(self, words: &str) -> Ended {
        assert!(self.stderr.contains(words), "{words:?} is not in\n{}", self.stderr);
        self
    }

    /// Standard error is empty.
    #[track_caller]
    pub fn says_nothing(self) -> Ended {
        assert_eq!(self.stderr, "");
        self
    }

    /// Standard output is what `tests/golden/cli/NAME` holds.
    #[track_caller]
    pub fn prints_golden(self, name: &str) -> Ended {
        assert_golden(name, &self.without_folder(&self.stdout));
        self
    }

    /// The folder that it ran in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn without_folder(&self, text: &str) -> String {
        let real = self.folder.path().canonicalize().unwrap_or_default();
        let text = text.replace(&*real.to_string_lossy(), "FOLDER");
        text.replace(&*self.folder.path().to_string_lossy(), "FOLDER")
    }
}

/// Compares with a golden file. With the variable SCN_ACCEPT set the file is written instead: read it before you keep
/// it.
#[track_caller]
pub fn assert_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cli").join(name);
    if env::var_os("SCN_ACCEPT").is_some() {
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(&path, text).expect("golden files can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{} differs\n── golden\n{golden}\n── now\n{text}", path.display());
}
