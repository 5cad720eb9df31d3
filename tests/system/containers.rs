//! The stack in containers: a Docker daemon of our own, an image around the program that was just built, and what
//! `just load-test` does with it. As root, on Debian's docker.io and docker-compose, with the `just` that `scripts/test`
//! brings.
//!
//! The daemon has a data root, a socket, a pid file and a network of its own: what it does to addresses and filters
//! is gone with it, and no other daemon of the machine is touched.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::program::{Ended, ROOT};

/// Longest that anything here is waited for.
const HUNG_AFTER: Duration = Duration::from_secs(300);

/// The image that ours stands on: Debian, from `debootstrap`.
const BASE: &str = "scn-base:local";

/// A network that is there before the load test, as the one of an application.
const GIVEN: &str = "durable-network-dev";

/// `just load-test` with these words, as users call it.
fn load_test(words: &[&str]) -> Command {
    let just = Path::new(ROOT).join("target/just/just");
    assert!(just.exists(), "just is missing: scripts/test installs it");
    let mut command = Command::new(just);
    command.arg("load-test").args(words).current_dir(ROOT).stdin(Stdio::null());
    let settings = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        ["SCN_", "DOCKER_", "COMPOSE_", "OTEL_"].iter().any(|own| name.to_string_lossy().starts_with(own))
    });
    settings.for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// How that ends.
fn ended(mut command: Command) -> Ended {
    Ended::from(command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}")))
}

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
        while !docker.is_up() {
            let log = std::fs::read_to_string(docker.folder.path().join("dockerd.log")).unwrap_or_default();
            assert!(begun.elapsed() < HUNG_AFTER, "dockerd does not start (`scripts/test` installs it): {log}");
            std::thread::sleep(Duration::from_millis(200));
        }
        docker
    }

    fn is_up(&self) -> bool {
        let mut ask = Command::new("/usr/bin/docker");
        ask.arg("info").stdin(Stdio::null());
        self.here(ask).output().is_ok_and(|output| output.status.success())
    }

    /// Lets a program talk to this daemon.
    fn here(&self, mut command: Command) -> Command {
        command
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
        let mut command = Command::new("/usr/bin/docker");
        command.args(words).stdin(Stdio::null());
        ended(self.here(command))
    }

    /// `just load-test` with this daemon.
    fn load_test(&self, words: &[&str]) -> Command {
        self.here(load_test(words))
    }

    /// Waits until a container beside the load, on this network, can read what `/metrics` says, and it holds this.
    fn metrics_on(&self, network: &str, wanted: &str) -> String {
        let ask = "exec 3<>/dev/tcp/scn/9646 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3";
        let begun = Instant::now();
        loop {
            let asked = self.docker(&["run", "--rm", "--network", network, BASE, "bash", "-c", ask]);
            if asked.code == 0 && asked.out.contains(wanted) {
                return asked.out;
            }
            assert!(begun.elapsed() < HUNG_AFTER, "no `{wanted}` in\n{}\n{}", asked.out, asked.err);
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// The summaries that the load's volume holds, oldest first.
    fn summaries(&self) -> Vec<Value> {
        let ask = "for run in /results/*/; do cat \"$run/summary.json\"; done";
        let told = self.docker(&["run", "--rm", "--volume", "scn_results:/results", BASE, "bash", "-c", ask]).with(0);
        let summaries = serde_json::Deserializer::from_str(&told.out).into_iter();
        summaries.map(|summary| summary.expect("a summary is JSON")).collect()
    }

    /// No container is there, and no network but Docker's own and these.
    fn assert_empty_but(&self, networks: &[&str]) {
        assert_eq!(self.docker(&["ps", "--all", "--quiet"]).with(0).out, "");
        let left = self.docker(&["network", "ls", "--format", "{{.Name}}"]).with(0).out;
        let own = left.lines().filter(|name| !["bridge", "host", "none"].contains(name));
        assert_eq!(own.collect::<Vec<_>>(), networks);
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
    run.env("SCN_LINGER", "1s");
    let held = ended(run).with(0);
    assert!(held.out.contains("error_rate < 1%"), "{}\n{}", held.out, held.err);
    let user = docker.docker(&["image", "inspect", "--format", "{{.Config.User}}", "scn:local"]).with(0);
    assert_eq!(user.out.trim(), "10001:10001");
    // Target and load as the environment says.
    let mut run = docker.load_test(&["run"]);
    run.envs([("SCN_LINGER", "1s"), ("SCN_USERS", "3"), ("SCN_DURATION", "3s"), ("SCN_DEMO_ARGS", "--error-rate 50%")]);
    ended(run).with(99);

    // Stopped on the way: metrics are read by a neighbour, then it ends with its report and 105, and nothing is left.
    let mut run = docker.load_test(&["run", "--profile", "load", "--users", "3", "--duration", "10m"]);
    let run = run.env("SCN_LINGER", "1s").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let text = docker.metrics_on("scn_load", "scn_requests_total{");
    assert!(text.contains(r#"profile="load""#), "{text}");
    let status = ended(docker.load_test(&["status"])).with(0);
    let up = |name: &str| status.out.lines().any(|line| line.starts_with(name) && line.contains(" Up "));
    assert!(up("scn_scn_1") && up("scn_target_1"), "{}", status.out);
    ended(docker.load_test(&["stop"])).with(0);
    let stopped = Ended::from(run.wait_with_output().expect("it is our child")).with(105);
    assert!(stopped.out.contains("error_rate < 1%"), "the report comes before the end: {}", stopped.out);
    docker.assert_empty_but(&[]);
    let summaries = docker.summaries();
    let profiles: Vec<_> =
        summaries.iter().map(|summary| summary["run"]["profile"].as_str().expect("a name")).collect();
    assert_eq!(profiles, ["smoke", "smoke", "load"]);

    // A network that is there already: the load reaches what runs on it, is read there, and leaves it where it was.
    docker.docker(&["network", "create", "--internal", GIVEN]).with(0);
    let service = ["run", "--detach", "--name", "app", "--network", GIVEN, "scn:local"];
    docker.docker(&[&service[..], &["demo", "--listen", "0.0.0.0:8000"]].concat()).with(0);
    let mut run = docker.load_test(&["run", "--users", "3", "--duration", "10m"]);
    run.envs([("SCN_LINGER", "1s"), ("SCN_NETWORK", GIVEN), ("SCN_TARGET", "http://app:8000"), ("SCN_ALLOW", "app")]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    docker.metrics_on(GIVEN, "scn_run_start_time_seconds{");
    ended(docker.load_test(&["stop"])).with(0);
    Ended::from(run.wait_with_output().expect("it is our child")).with(105);
    let totals = &docker.summaries().pop().expect("it has reported")["totals"];
    assert!(totals["requests"].as_u64().is_some_and(|count| count > 0) && totals["failures"] == 0, "{totals}");
    docker.docker(&["rm", "--force", "app"]).with(0);
    docker.assert_empty_but(&[GIVEN]);
}

#[test]
fn unknown_profiles_and_deeds_are_answered_with_those_there_are() {
    let unknown = ended(load_test(&["run", "--profile", "smoek"])).with(2);
    assert!(unknown.err.contains("smoek") && unknown.err.contains("load smoke soak stress"), "{}", unknown.err);
    let unknown = ended(load_test(&["fly"])).with(2);
    assert!(unknown.err.contains("run, stop, status, report, help"), "{}", unknown.err);
    assert!(ended(load_test(&["run", "--profile"])).with(2).err.contains("load smoke soak stress"));
    assert!(ended(load_test(&["help"])).with(0).out.contains("Profiles: load smoke soak stress"));
}

#[test]
fn the_dashboard_is_where_the_report_says() {
    let mut report = load_test(&["report"]);
    report.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    assert_eq!(ended(report).with(0).out, "http://127.0.0.1:3000/d/scn-load-testing/load-testing\n");
    // Where a browser is, it is opened.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let browser = folder.path().join("xdg-open");
    std::fs::write(&browser, "#!/bin/sh\necho \"$1\" >\"$(dirname \"$0\")/opened\"\n").expect("it can be written");
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is ours");
    let mut report = load_test(&["report"]);
    report.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    report.envs([("DISPLAY", ":0"), ("SCN_GRAFANA_PORT", "3001")]);
    let told = ended(report).with(0).out;
    let opened = std::fs::read_to_string(folder.path().join("opened")).expect("the browser was called");
    assert_eq!((told, opened.as_str()), (opened.clone(), "http://127.0.0.1:3001/d/scn-load-testing/load-testing\n"));
}

#[test]
fn a_local_load_test_runs_the_program_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let words = ["run", "--local", "--users", "1", "--duration", "2s", "--metrics-addr", "127.0.0.1:0", "--out"];
    let mut command = load_test(&[&words[..], &[&folder.path().display().to_string()]].concat());
    command.env("SCN", env!("CARGO_BIN_EXE_scn"));
    let local = ended(command).with(0);
    assert!(local.err.contains("/metrics"), "{}", local.err);
}

#[test]
fn compose_takes_the_files_also_with_a_network_that_is_there_already() {
    for words in [&[][..], &["-f", "compose/network.yml"]] {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", "scn", "-f", "compose/compose.yml"]).args(words).args(["config", "--quiet"]);
        let output = command.current_dir(ROOT).env("SCN_NETWORK", GIVEN).output();
        Ended::from(output.expect("docker-compose starts (`scripts/test` installs it)")).with(0);
    }
}
