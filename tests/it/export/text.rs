//! Reading what `/metrics` says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// One line of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Every line that bears a value.
pub fn lines(text: &str) -> Vec<Line> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(line).collect()
}

fn line(text: &str) -> Line {
    let (series, value) = text.rsplit_once(' ').expect("a value stands behind a blank");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut rest = labels.strip_suffix('}').expect("labels end with a brace");
    let mut labels = BTreeMap::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (mut said, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().expect("labels are closed") {
                (at, '"') => break at,
                (_, '\\') => said.push(match chars.next().expect("something is escaped").1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => said.push(other),
            }
        };
        labels.insert(label.trim_start_matches(',').to_owned(), said);
        rest = &after[end + 1..];
    }
    Line { name: name.to_owned(), labels, value: value.parse().expect("values are numbers") }
}

/// All values of one metric, added up.
pub fn sum(text: &str, name: &str) -> f64 {
    sum_where(text, name, &[])
}

/// Those of its values whose labels say this, added up.
pub fn sum_where(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = |line: &Line| {
        line.name == name && labels.iter().all(|(label, value)| line.labels.get(*label).is_some_and(|own| own == value))
    };
    lines(text).iter().filter(|line| wanted(line)).map(|line| line.value).sum()
}

/// Asks once and reads the whole answer: head and body.
pub fn ask(at: SocketAddr, method: &str, path: &str) -> (String, String) {
    ask_with(at, method, path, "")
}

/// The metrics, read as Prometheus reads them.
pub fn scrape(at: SocketAddr) -> String {
    ask_with(at, "GET", "/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n").1
}

fn ask_with(at: SocketAddr, method: &str, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(at).expect("it listens");
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {at}\r\n{header}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}
