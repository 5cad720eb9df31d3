//! Debian's Prometheus and its tool.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::program::{Ended, Folder, ROOT};

/// Longest that anything here is waited for.
const HUNG_AFTER: Duration = Duration::from_secs(120);

/// A port that was free just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port()
}

/// Asks once; the body of an answer with status 200.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}

/// Waits until `look` finds something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < HUNG_AFTER, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Debian's Prometheus, scraping one port each second; ended when dropped.
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Prometheus {
    /// Scrapes this port of this machine.
    pub fn scraping(target: u16) -> Prometheus {
        let folder = Folder::new();
        // As the repository's own configuration, but each second and on the port at hand.
        let text = std::fs::read_to_string(PathBuf::from(ROOT).join("dashboards/prometheus.yml")).expect("it is there");
        let text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace(":9646", &format!(":{target}"));
        let config = folder.write("prometheus.yml", &text);
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus cannot be started (`scripts/test` installs it): {error}"));
        let prometheus = Prometheus { child, port, _folder: folder };
        wait_for("Prometheus", || get(port, "/-/ready"));
        prometheus
    }

    /// What it answers.
    pub fn api(&self, path: &str) -> Value {
        let body = get(self.port, &format!("/api/v1/{path}")).unwrap_or_else(|| panic!("it refuses {path}"));
        let answer: Value = serde_json::from_str(&body).expect("its answers are JSON");
        answer["data"].clone()
    }

    /// What a query finds at a moment; `None`: now.
    pub fn query(&self, query: &str, at: Option<f64>) -> Vec<Value> {
        let at = at.map(|at| format!("&time={at:.3}")).unwrap_or_default();
        let found = self.api(&format!("query?query={}{at}", utf8_percent_encode(query, NON_ALPHANUMERIC)));
        found["result"].as_array().expect("a list").clone()
    }

    /// The one number that a query finds.
    pub fn number(&self, query: &str, at: Option<f64>) -> f64 {
        let found = self.query(query, at);
        let [one] = found.as_slice() else { panic!("{query} finds {found:?}") };
        value(&one["value"][1])
    }

    /// The numbers that a query finds from one moment to another, this many seconds apart.
    pub fn range(&self, query: &str, from: f64, to: f64, step: f64) -> Vec<f64> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let found = self.api(&format!("query_range?query={query}&start={from:.3}&end={to:.3}&step={step}"));
        let series = found["result"].as_array().expect("a list");
        let values = series.iter().flat_map(|series| series["values"].as_array().expect("a list"));
        values.map(|pair| value(&pair[1])).collect()
    }

    /// What a panel of a rate comes to from one moment to another: the area below its lines.
    pub fn area(&self, rate: &str, from: f64, to: f64) -> f64 {
        // Finer than scrapes lie apart: what a rate makes of the ends of its window levels out.
        let step = 0.25;
        self.range(&format!("sum({rate})"), from, to, step).iter().sum::<f64>() * step
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn value(text: &Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).expect("a number")
}

/// `promtool check metrics` has nothing to say.
pub fn check_metrics(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool cannot be started (`scripts/test` installs it): {error}"));
    promtool.stdin.take().expect("piped above").write_all(text.as_bytes()).expect("it reads");
    let ended = Ended::from(promtool.wait_with_output().expect("it is our child")).with(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
}
