//! Programs started on a core, what they cost, and how a figure is told.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, WaitId, WaitIdOptions};
use rustix::thread::CpuSet;
use serde_json::Value;

/// Where clients run.
pub const CLIENT_CORE: usize = 0;
/// Where servers run.
pub const SERVER_CORE: usize = 1;

/// The program under test, built with the same profile as this one.
pub const SCN: &str = env!("CARGO_BIN_EXE_scn");

/// Clock ticks in a second, as /proc counts them; the same on every Linux that Rust's standard library supports.
const USER_HZ: f64 = 100.0;

/// What a program printed and what it cost.
pub struct Cost {
    /// User and system time of all its threads, in seconds.
    pub cpu_seconds: f64,
    /// Its standard output.
    pub output: String,
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
}

/// Starts `command` on one core. The core is set for this thread and inherited, so that nothing runs elsewhere before.
pub fn spawn_on(core: usize, command: &mut Command) -> Child {
    let before = rustix::thread::sched_getaffinity(None).expect("Linux tells the cores");
    let mut only = CpuSet::new();
    only.set(core);
    // On a machine with one core both sides share it; the figures are worse then, not wrong.
    let _ = rustix::thread::sched_setaffinity(None, &only);
    let child = command.spawn();
    let _ = rustix::thread::sched_setaffinity(None, &before);
    child.unwrap_or_else(|error| panic!("{:?} cannot be started: {error}", command.get_program()))
}

/// Runs `command` on the clients' core to its end.
pub fn cost_of(command: &mut Command) -> Cost {
    let mut child = spawn_on(CLIENT_CORE, command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut output = String::new();
    let mut stdout = child.stdout.take().expect("piped above");
    std::io::Read::read_to_string(&mut stdout, &mut output).expect("programs print UTF-8");
    let pid = Pid::from_child(&child);
    // Ended but not yet waited for, so that its account can still be read.
    rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("it is our child");
    let cpu_seconds = cpu_seconds(child.id());
    let code = child.wait().expect("it has ended").code().unwrap_or(-1);
    Cost { cpu_seconds, output, code }
}

/// User and system time of a process so far, all threads, in seconds. The kernel's grain is 10 ms.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // The name in parentheses may hold blanks; counting begins after it. utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / USER_HZ
}

/// Resident memory of a process, in KiB.
pub fn resident_kib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A server in a process of its own on the servers' core; ends when dropped.
pub struct Server {
    child: Child,
    /// Where it listens, `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// The floor server.
    pub fn floor() -> Server {
        let this = std::env::current_exe().expect("the program knows itself");
        let mut child = spawn_on(
            SERVER_CORE,
            Command::new(this).arg("as-floor-server").stdin(Stdio::null()).stdout(Stdio::piped()),
        );
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped above")).read_line(&mut address).expect("it says its address");
        Server { child, address: address.trim().to_owned() }
    }

    /// Another program on this core, once it listens at `address`.
    pub fn of(core: usize, command: &mut Command, address: &str) -> Server {
        let child = spawn_on(core, command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        let mut server = Server { child, address: address.to_owned() };
        while std::net::TcpStream::connect(address).is_err() {
            assert!(server.child.try_wait().is_ok_and(|end| end.is_none()), "{:?} has ended", command.get_program());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        server
    }

    /// The oscilloscope service that scn brings, with these switches.
    pub fn demo(switches: &[&str]) -> Server {
        let mut command = Command::new(SCN);
        command.args(["demo", "--listen", "127.0.0.1:0"]).args(switches);
        let mut child = spawn_on(SERVER_CORE, command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped above")).read_line(&mut said).expect("it says its address");
        let address = said.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address in it");
        Server { child, address: address.to_owned() }
    }

    /// What it has cost so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder for scenarios and summaries of one measurement; removed when dropped.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a temporary file can be written");
        path
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// `scn run` on a scenario with all users at once, quiet, the summary going to `summary`.
pub fn scn_run(scenario: &Path, target: &str, users: u32, spawn_rate: u32, duration: &str, summary: &Path) -> Command {
    let mut command = Command::new(SCN);
    command.arg("run").arg(scenario).args(["--quiet", "--no-results", "--target", target, "--duration", duration]);
    command.args(["--users", &users.to_string(), "--spawn-rate", &spawn_rate.to_string()]);
    command.arg("--summary-export").arg(summary).stdin(Stdio::null());
    command
}

/// `scn run` on a scenario with a profile of its own, quiet, the summary going to `summary`.
pub fn scn_profile(scenario: &Path, target: &str, profile: &Path, summary: &Path) -> Command {
    let mut command = Command::new(SCN);
    command.arg("run").arg(scenario).args(["--quiet", "--no-results", "--target", target, "--profile"]).arg(profile);
    command.arg("--summary-export").arg(summary).stdin(Stdio::null());
    command
}

/// A summary that scn has written.
pub fn summary(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("scn wrote no summary: {error}"));
    serde_json::from_slice(&text).expect("the summary is JSON")
}

/// The middle of the values; of an even number, the mean of the two in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

/// One line: what was measured, the figure, its limit, whether it held.
pub fn tell(what: &str, figure: f64, limit: f64, unit: &str) {
    let held = if figure <= limit { "ok" } else { "missed" };
    println!("{what:<58} {figure:>9.2}{unit}  limit {limit}{unit}  {held}");
}

/// One line: what must be so, what was found, whether it is.
pub fn tell_whether(what: &str, found: &str, holds: bool) {
    println!("{what:<58} {found}  {}", if holds { "ok" } else { "missed" });
}

/// As many descriptors as the system allows.
pub fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
