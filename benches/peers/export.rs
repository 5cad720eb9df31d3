//! What metrics cost: the load threads, which should not notice, and the exporter's own thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use scn::base::{Offset, Seed, Sources};
use scn::export::{Exporter, Facts, Now, Push, Settings};
use scn::metrics::{Outcome, Recorder, Sample, Snapshot};
use scn::plan::{Plan, StepId, profile};

use crate::measure::{CLIENT_CORE, Folder, Server, median, scn_run, spawn_on, summary, tell};

/// Alternating runs, with and without a scrape each second.
const PAIRS: usize = 20;
const SECONDS: u32 = 3;
const CONNECTIONS: u32 = 50;

/// Samples of one second, over so many rows, for so many seconds.
const SAMPLES: u64 = 100_000;
const ROWS: u32 = 20;
const LONG: u64 = 10;

/// Both.
pub fn all() {
    load_threads();
    own_thread();
}

/// CPU of the load thread for a request, with and without metrics; the median of the pairs' ratios.
fn load_threads() {
    let (folder, server) = (Folder::new(), Server::floor());
    let text = "target \"http://127.0.0.1:1\"\nuser one { task get { GET / { expect status 200 } } }\n";
    let scenario = folder.write("floor.scn", text);
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    let (path, target) = (folder.path("summary.json"), format!("http://{}", server.address));
    let one = |metrics: bool| {
        let mut command = scn_run(&scenario, &target, CONNECTIONS, 1000, &format!("{SECONDS}s"), &path);
        command.args(["--threads", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
        if metrics {
            command.args(["--metrics-addr", &port.to_string()]);
        }
        let mut child = spawn_on(CLIENT_CORE, &mut command);
        while child.try_wait().expect("it is our child").is_none() {
            if metrics {
                scrape(port);
            }
            std::thread::sleep(Duration::from_secs(1) / if metrics { 1 } else { 20 });
        }
        let summary = summary(&path);
        assert_eq!(summary["totals"]["failures"], 0, "what is measured is requests that are answered");
        let share = summary["generator"]["threads_cpu"][0].as_f64().expect("one load thread");
        let seconds = summary["run"]["duration_s"].as_f64().expect("a duration");
        share * seconds / summary["totals"]["requests"].as_f64().expect("a count") * 1e6
    };
    let (mut ratios, mut without, mut with) = (vec![], vec![], vec![]);
    for _ in 0..PAIRS {
        let (off, on) = (one(false), one(true));
        ratios.push(on / off);
        without.push(off);
        with.push(on);
    }
    println!(
        "CPU of the load thread per request: {:.2} µs, with metrics {:.2} µs",
        median(&mut without),
        median(&mut with)
    );
    tell("with a scrape each second ÷ without", median(&mut ratios), 1.02, "");
}

/// Reads all metrics once; nothing where nobody listens yet or any more.
fn scrape(at: SocketAddr) -> Option<usize> {
    let mut stream = TcpStream::connect(at).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).ok()
}

/// The share of a core that the exporter's thread takes at 100,000 samples a second.
fn own_thread() {
    let plan = plan();
    let second = second(&plan);
    let serve = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let push = Push {
        endpoint: format!("http://{}/v1/metrics", sink()),
        timeout: Duration::from_secs(5),
        interval: Duration::from_secs(5),
    };
    tell("exporter's thread at 100,000/s, % of a core", share(&plan, &second, serve, None), 5.0, " %");
    tell("the same with OTLP beside it", share(&plan, &second, serve, Some(push)), 10.0, " %");
}

fn share(plan: &Plan, second: &Snapshot, serve: Option<SocketAddr>, push: Option<Push>) -> f64 {
    let facts = Facts { run_id: "r".into(), scenario: "s".into(), profile: "p".into(), version: "v".into() };
    let settings = Settings { serve, like_locust: false, push, facts };
    let mut exporter = Exporter::start(plan, &settings).expect("it can begin");
    let at = exporter.address().expect("it is served");
    let begun = Instant::now();
    for turn in 1..=LONG {
        let now = Now { started: SystemTime::now(), thresholds: Vec::new(), valid: true };
        exporter.see(second, false, Some(now));
        scrape(at).expect("it answers");
        std::thread::sleep(Duration::from_secs(turn).saturating_sub(begun.elapsed()));
    }
    let share = thread_seconds("scn-export") / begun.elapsed().as_secs_f64() * 100.0;
    let pushed =
        exporter.finish(Now { started: SystemTime::now(), thresholds: Vec::new(), valid: true }, begun.elapsed());
    assert!(settings.push.is_none() || pushed.pushes > 1, "it pushes while it goes: {pushed:?}");
    assert_eq!((pushed.failures, pushed.trouble), (0, None), "pushes arrive");
    share
}

/// User and system time of the thread with this name, in seconds.
fn thread_seconds(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux tells of threads").flatten();
    for task in tasks {
        let own = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if own.trim() == name {
            // Nanoseconds on a core, the first of three numbers.
            let stat = std::fs::read_to_string(task.path().join("schedstat")).expect("the thread is there");
            return stat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("a number") / 1e9;
        }
    }
    panic!("no thread is called {name}")
}

/// A collector that takes everything and looks at nothing, on a thread of its own, whose time is not counted.
fn sink() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::Builder::new()
        .name("sink".into())
        .spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || while take(&mut stream).is_some() {});
            }
        })
        .expect("a thread");
    address
}

/// Reads one push and answers it; nothing where the other side has gone.
fn take(stream: &mut TcpStream) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0].to_ascii_lowercase());
    }
    let head = String::from_utf8(head).expect("heads are text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a push says its length");
    let mut body = vec![0; length.parse().expect("a length is a number")];
    stream.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

/// One user with so many steps.
fn plan() -> Plan {
    let steps: String = (0..ROWS).map(|row| format!("    GET /items/{row} {{ expect status 200 }}\n")).collect();
    let text = format!("target \"http://127.0.0.1:80\"\nuser one {{\n  task get {{\n{steps}  }}\n}}\n");
    let profile = "name: p\nusers: 1\nspawn_rate: 1\nduration: 1m\n";
    let mut sources = Sources::default();
    let parsed = scn::syntax::parse(sources.add("rows.scn", text.as_str()), &text);
    let checked = scn::check::check(&parsed.ast, &sources);
    let sound = checked.sound(&parsed.diagnostics).expect("it is sound");
    let read = profile::parse(sources.add("p.yml", profile), profile);
    let compiled = scn::plan::compile(&sound, &read.profile.expect("a profile"), Seed(7), &sources);
    compiled.expect("it can be planned").plan
}

/// What is seen in one second, times from some 100 µs to some 100 ms.
fn second(plan: &Plan) -> Snapshot {
    let mut recorder = Recorder::new(plan, 0);
    for n in 0..SAMPLES {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let micros = 100 + (mixed >> 44) % (100 << (mixed & 7));
        let at = Offset::from(Duration::from_micros(n * 10));
        recorder.record(&Sample {
            step: StepId((mixed >> 32) as u32 % ROWS),
            due: at,
            ready: at,
            begun: at,
            sent: at,
            done: at + Duration::from_micros(micros),
            outcome: Outcome::Ok,
            status: 200,
            bytes_sent: 100,
            bytes_received: 500,
        });
    }
    recorder.take(Offset::from(Duration::from_secs(1)), Duration::from_millis(800))
}
