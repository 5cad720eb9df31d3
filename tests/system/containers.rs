//! The stack in containers: a Docker daemon of our own, an image around the program that was just built, and what
//! `just load-test` does with it. As root, on Debian's docker.io and docker-compose.
//!
//! The daemon has a data root, a socket, a pid file and a network of its own: what it does to addresses and filters
//! is gone with it, and no other daemon of the machine is touched.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::program::{Ended, ROOT};

/// Longest that anything here is waited for.
const HUNG_AFTER: Duration = Duration::from_secs(300);

/// The image that ours stands on: Debian, from `debootstrap`.
const BASE: &str = "scn-base:local";

/// A Docker daemon; ended when dropped.
struct Docker {
    daemon: Child,
    folder: tempfile::TempDir,
}

impl Docker {
    fn start() -> Docker {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let daemon = format!(
            "ip link set lo up && exec /usr/sbin/dockerd --data-root {} --exec-root {} --pidfile {} --host unix://{} --log-level error",
            at("data"),
            at("exec"),
            at("docker.pid"),
            at("docker.sock")
        );
        let daemon = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", &daemon])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(at("dockerd.log")).expect("the folder can be written"))
            .spawn()
            .expect("unshare starts");
        let docker = Docker { daemon, folder };
        let begun = Instant::now();
        while !docker.command("/usr/bin/docker", &["info"]).output().is_ok_and(|output| output.status.success()) {
            let log = std::fs::read_to_string(docker.folder.path().join("dockerd.log")).unwrap_or_default();
            assert!(begun.elapsed() < HUNG_AFTER, "dockerd does not start (`scripts/test` installs it): {log}");
            std::thread::sleep(Duration::from_millis(200));
        }
        docker
    }

    /// A program that talks to this daemon, in the repository.
    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings
            .filter(|name| ["SCN_", "DOCKER_", "COMPOSE_"].iter().any(|own| name.to_string_lossy().starts_with(own)))
        {
            command.env_remove(name);
        }
        command
            .args(words)
            .current_dir(ROOT)
            .stdin(Stdio::null())
            .env("DOCKER_HOST", format!("unix://{}", self.folder.path().join("docker.sock").display()))
            // Debian's client, whatever else is installed.
            .env("PATH", "/usr/bin:/usr/sbin:/bin")
            .env("DOCKER_BUILDKIT", "1")
            .env("COMPOSE_DOCKER_CLI_BUILD", "1")
            .env("SCN_BASE", BASE)
            .env("SCN_BINARY", "prebuilt");
        command
    }

    fn docker(&self, words: &[&str]) -> Ended {
        Ended::from(self.command("/usr/bin/docker", words).output().expect("docker starts"))
    }

    fn load_test(&self, words: &[&str]) -> Command {
        self.command("scripts/load-test", words)
    }

    /// Waits until a container on the load's network can read what `/metrics` says, and it holds this.
    fn metrics_with(&self, wanted: &str) -> String {
        let ask = "exec 3<>/dev/tcp/scn/9646 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3";
        let begun = Instant::now();
        loop {
            let asked = self.docker(&["run", "--rm", "--network", "scn_load", BASE, "bash", "-c", ask]);
            if asked.code == 0 && asked.out.contains(wanted) {
                return asked.out;
            }
            assert!(begun.elapsed() < HUNG_AFTER, "no `{wanted}` in\n{}\n{}", asked.out, asked.err);
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // `sh` has become the daemon: it ends its containers and itself.
        let _ = rustix::process::kill_process(Pid::from_child(&self.daemon), Signal::TERM);
        let _ = self.daemon.wait();
    }
}

/// Debian in one archive, kept outside of the clone.
fn base() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    let archive = home.join(".cache/scn-tests/bookworm.tar");
    if !archive.exists() {
        let made = Command::new("scripts/debian-archive").arg(&archive).current_dir(ROOT).output().expect("it starts");
        Ended::from(made).with(0);
    }
    archive
}

/// Puts the program where the image is made of it.
fn prebuilt() {
    let folder = Path::new(ROOT).join("compose/prebuilt");
    std::fs::create_dir_all(&folder).expect("folders can be made");
    std::fs::copy(env!("CARGO_BIN_EXE_scn"), folder.join("scn")).expect("the program was just built");
}

#[test]
fn a_load_test_in_containers_ends_as_the_run_does_and_leaves_nothing_behind() {
    let docker = Docker::start();
    docker.docker(&["import", &base().display().to_string(), BASE]).with(0);
    prebuilt();

    // To its end: the exit code of the run, its report among the words.
    let mut run = docker.load_test(&["run", "--users", "3", "--duration", "3s"]);
    let ended = Ended::from(run.env("SCN_LINGER", "1s").output().expect("it starts")).with(0);
    assert!(ended.out.contains("error_rate < 1%"), "{}\n{}", ended.out, ended.err);
    let user = docker.docker(&["image", "inspect", "--format", "{{.Config.User}}", "scn:local"]).with(0);
    assert_eq!(user.out.trim(), "10001:10001");
    let mut run = docker.load_test(&["run", "--users", "3", "--duration", "3s"]);
    let run = run.env("SCN_LINGER", "1s").env("SCN_DEMO_ARGS", "--error-rate 50%");
    Ended::from(run.output().expect("it starts")).with(99);

    // Stopped on the way: metrics are read by a neighbour, then it ends with its report and 105, and nothing is left.
    let mut run = docker.load_test(&["run", "--profile", "load", "--users", "3", "--duration", "10m"]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let text = docker.metrics_with("scn_requests_total{");
    assert!(text.contains(r#"profile="load""#), "{text}");
    let stopped = docker.load_test(&["stop"]).output().expect("it starts");
    Ended::from(stopped).with(0);
    let ended = Ended::from(run.wait_with_output().expect("it is our child")).with(105);
    assert!(ended.out.contains("error_rate < 1%"), "the report comes before the end: {}", ended.out);
    assert_eq!(docker.docker(&["ps", "--all", "--quiet"]).with(0).out, "");
    let networks = docker.docker(&["network", "ls", "--format", "{{.Name}}"]).with(0).out;
    assert!(!networks.contains("scn_"), "{networks}");
}

#[test]
fn unknown_profiles_and_deeds_are_answered_with_those_there_are() {
    let load_test = |words: &[&str]| {
        let command = Command::new("scripts/load-test").args(words).current_dir(ROOT).stdin(Stdio::null()).output();
        Ended::from(command.expect("it starts"))
    };
    let ended = load_test(&["run", "--profile", "smoek"]).with(2);
    assert!(ended.err.contains("smoek") && ended.err.contains("load smoke soak stress"), "{}", ended.err);
    let ended = load_test(&["fly"]).with(2);
    assert!(ended.err.contains("run, stop, status, report, help"), "{}", ended.err);
    assert!(load_test(&["help"]).with(0).out.contains("Profiles: load smoke soak stress"));
    assert!(load_test(&["report"]).with(0).out.contains("/d/scn-load-testing/"));
}

#[test]
fn a_local_load_test_runs_the_program_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = Command::new("scripts/load-test");
    command.args(["run", "--local", "--users", "1", "--duration", "2s", "--metrics-addr", "127.0.0.1:0", "--out"]);
    command.arg(folder.path()).current_dir(ROOT).stdin(Stdio::null()).env("SCN", env!("CARGO_BIN_EXE_scn"));
    let ended = Ended::from(command.output().expect("it starts")).with(0);
    assert!(ended.err.contains("/metrics"), "{}", ended.err);
}

#[test]
fn compose_takes_the_files_also_with_a_network_that_is_there_already() {
    for words in [&[][..], &["-f", "compose/network.yml"]] {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", "scn", "-f", "compose/compose.yml"]).args(words).args(["config", "--quiet"]);
        let output = command.current_dir(ROOT).env("SCN_NETWORK", "durable-network-dev").output();
        Ended::from(output.expect("docker-compose starts (`scripts/test` installs it)")).with(0);
    }
}
