//! What somebody or the system tells the program while it runs: signals, a terminal that is closed, a reader that goes
//! away. The load ends in order, or goes on, and in either case the results are there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use scn::demo::{Running, Switches};
use serde_json::Value;

use crate::program::{Ended, Folder, errors, finish, scn};

fn service(switches: Switches) -> Running {
    scn::demo::start(([127, 0, 0, 1], 0).into(), switches).expect("a free port")
}

fn served(service: &Running) -> u64 {
    service.counters().requests.load(Ordering::Relaxed)
}

/// `program` with these words, where and with what variables scn is started.
fn beside(program: &str, words: &[&str]) -> Command {
    let (scn, mut command) = (scn(&[]), Command::new(program));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in scn.get_envs() {
        command.env_remove(name);
    }
    command.current_dir(scn.get_current_dir().expect("it has one"));
    command
}

/// The same, which starts `scn` in its turn.
fn through(program: &str, words: &[&str], scn: &Command) -> Child {
    let mut command = beside(program, words);
    command.arg(scn.get_program()).args(scn.get_args()).spawn().expect("it is installed")
}

/// Waits until the service has answered ten requests of what this child runs.
fn until_it_runs(child: &mut Child, service: &Running) {
    while served(service) < 10 {
        assert!(child.try_wait().expect("it is our child").is_none(), "it ended before it asked anything");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ten users who ask all the time, and leave their results in `results` of the folder.
fn load(folder: &Folder, service: &Running, words: &[&str]) -> Command {
    let text = "target \"http://127.0.0.1:1\"\nuser one { think 20ms\n  task ask { GET /api/health { expect status 200 } } }\n";
    let scenario = folder.write("ask.scn", text);
    let mut command = scn(&["run", &scenario, "--target", &service.url(), "--users", "10", "--spawn-rate", "100"]);
    command.arg("--out").arg(folder.path().join("results")).args(words);
    command
}

/// Starts it so that signals do what they do in a terminal, whoever runs the tests; it runs when this returns.
fn start(command: &Command, service: &Running) -> Child {
    let mut child = through("env", &["--default-signal=HUP,INT,TERM,PIPE"], command);
    until_it_runs(&mut child, service);
    child
}

fn signal(child: &Child, signal: Signal) {
    rustix::process::kill_process(Pid::from_child(child), signal).expect("it still runs");
}

fn ended(child: Child) -> Ended {
    Ended::from(child.wait_with_output().expect("it is our child"))
}

/// The only run folder.
fn run_folder(folder: &Folder) -> PathBuf {
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("results")).expect("results are there").flatten().collect();
    let [run] = runs.as_slice() else { panic!("one run folder, not {runs:?}") };
    run.path()
}

/// The summary in the run folder, which holds all that the service has answered, and nothing that is half there.
#[track_caller]
fn whole(folder: &Folder, service: &Running) -> Value {
    let run = run_folder(folder);
    let names = std::fs::read_dir(&run).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["summary.json"]);
    let summary: Value = serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["run"]["finished"], true);
    assert_eq!(summary["totals"]["requests"], served(service));
    assert_eq!((&summary["totals"]["failures"], errors(&summary).len()), (&0.into(), 0));
    summary
}

#[test]
fn each_signal_that_asks_for_the_end_ends_the_run_in_order_and_leaves_its_results() {
    for asks in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (folder, service) = (Folder::new(), service(Switches::default()));
        let child = start(&load(&folder, &service, &["--duration", "5m"]), &service);
        signal(&child, asks);
        let ended = ended(child).with(105);
        assert!(ended.out.contains("/api/health") && ended.out.contains("results in"), "{asks:?}: {}", ended.out);
        let summary = whole(&folder, &service);
        assert_eq!(summary["run"]["stopped"], true);
        assert_eq!(summary["totals"]["abandoned_iterations"], 0);
        assert_eq!(summary["totals"]["iterations"], summary["totals"]["requests"]);
    }
}

#[test]
fn a_hangup_that_is_said_several_times_counts_once() {
    let (folder, slow) = (Folder::new(), Switches { latency: Duration::from_secs(2), ..Switches::default() });
    let service = service(slow);
    let child = start(&load(&folder, &service, &["--duration", "5m"]), &service);
    for _ in 0..3 {
        signal(&child, Signal::HUP);
        // Signals of one kind that are pending at once are one.
        std::thread::sleep(Duration::from_millis(100));
    }
    ended(child).with(105);
    let summary = whole(&folder, &service);
    assert_eq!(summary["totals"]["abandoned_iterations"], 0, "those that ran came to their end");
}

#[test]
fn who_starts_it_with_nohup_is_not_stopped_by_a_hangup() {
    let (folder, service) = (Folder::new(), service(Switches::default()));
    let mut child = through("nohup", &[], &load(&folder, &service, &["--duration", "2s"]));
    until_it_runs(&mut child, &service);
    signal(&child, Signal::HUP);
    ended(child).of_itself();
    assert_eq!(whole(&folder, &service)["run"]["stopped"], false);
}

#[test]
fn a_pipe_signal_is_nothing_to_it() {
    let (folder, service) = (Folder::new(), service(Switches::default()));
    let child = start(&load(&folder, &service, &["--duration", "2s"]), &service);
    signal(&child, Signal::PIPE);
    ended(child).of_itself();
    assert_eq!(whole(&folder, &service)["run"]["stopped"], false);
}

/// What a shell reads as one word.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_str().expect("the words of these tests are text"))
}

/// The command line for a shell.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn waited_for(path: &Path) -> String {
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_in_order_and_leaves_its_results() {
    let (folder, service) = (Folder::new(), service(Switches::default()));
    let code = folder.path().join("code");
    // `script` makes the terminal, and takes it away when it is killed. The shell that has it dies of that, and then
    // the system tells whoever it has started. Another shell notes how scn has ended: it has a handler of its own.
    let run = line(&load(&folder, &service, &["--duration", "5m"]));
    let script = format!("( trap : HUP; {run}; echo $? >{} ); :", quoted(code.as_os_str()));
    let mut terminal = beside("script", &["--quiet", "--command", &script, "/dev/null"]);
    let mut terminal = terminal.env("SHELL", "/bin/sh").spawn().expect("Debian has it");
    until_it_runs(&mut terminal, &service);
    terminal.kill().expect("it still runs");
    terminal.wait().expect("it is our child");
    assert_eq!(waited_for(&code), "105\n");
    assert_eq!(whole(&folder, &service)["run"]["stopped"], true);
}

#[test]
fn readers_that_go_away_are_no_failure() {
    let (folder, service) = (Folder::new(), service(Switches::default()));
    let (run, code) = (load(&folder, &service, &["--duration", "1s"]), folder.path().join("code"));
    let before_the_report = "true";
    for (streams, reader) in [("", "head -n 1"), ("", before_the_report), ("2>&1", "head -n 1"), ("2>&1", "true")] {
        let _ = std::fs::remove_dir_all(folder.path().join("results"));
        let before = served(&service);
        let script = format!("{{ {} {streams}; echo $? >{}; }} | {reader}", line(&run), quoted(code.as_os_str()));
        finish(beside("sh", &["-c", &script])).with(0);
        assert!(["0\n", "98\n"].contains(&waited_for(&code).as_str()), "{streams} {reader}");
        let summary: Value =
            serde_json::from_slice(&std::fs::read(run_folder(&folder).join("summary.json")).unwrap()).unwrap();
        assert_eq!(summary["totals"]["requests"], served(&service) - before, "{streams} {reader}");
    }
    let scenario = folder.path().join("ask.scn");
    let scenario = scenario.to_str().expect("text");
    for words in [&["plan", scenario][..], &["check", "--format", "json", scenario], &["try", "--demo", scenario]] {
        let script = format!("{{ {}; echo $? >{}; }} | true", line(&scn(words)), quoted(code.as_os_str()));
        finish(beside("sh", &["-c", &script])).with(0);
        assert_eq!(waited_for(&code), "0\n", "{words:?}");
    }
}

#[test]
fn a_full_disk_behind_standard_output_ends_with_107_and_the_report_is_told_all_the_same() {
    let (folder, service) = (Folder::new(), service(Switches::default()));
    let run = load(&folder, &service, &["--duration", "1s"]);
    let ended = finish(beside("sh", &["-c", &format!("{} >/dev/full", line(&run))])).with(107);
    assert!(ended.err.contains("cannot write to standard output: No space left on device"), "{}", ended.err);
    assert!(ended.err.contains("/api/health"), "the report stands on the other stream: {}", ended.err);
    whole(&folder, &service);
}
