//! A collector of our own: takes pushes over OTLP, decodes them, and keeps the latest.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use prost::Message;

/// A collector on a free port. Its thread lives as long as the process.
pub struct Collector {
    pub url: String,
    pushes: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// Answers each push with this status.
    pub fn answering(status: &'static str) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let pushes = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let theirs = (Arc::clone(&pushes), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pushes, heads) = theirs.clone();
                thread::spawn(move || serve(stream, &pushes, &heads, status));
            }
        });
        Collector { url, pushes, heads }
    }

    /// How many pushes have come.
    pub fn count(&self) -> usize {
        self.pushes.lock().unwrap().len()
    }

    /// Each line of the heads of all pushes, in small letters.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The latest push.
    pub fn latest(&self) -> Push {
        Push(self.pushes.lock().unwrap().last().expect("something was pushed").clone())
    }
}

fn serve(
    stream: TcpStream,
    pushes: &Mutex<Vec<ExportMetricsServiceRequest>>,
    heads: &Mutex<Vec<String>>,
    status: &str,
) {
    let mut out = stream.try_clone().expect("a second handle");
    let mut input = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, true);
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if std::mem::take(&mut first) {
                assert_eq!(line, "post /v1/metrics http/1.1");
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length is a number");
            }
            if let Some(value) = line.strip_prefix("content-type: ") {
                assert_eq!(value, "application/x-protobuf");
            }
            if line.is_empty() {
                break;
            }
            heads.lock().unwrap().push(line);
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).expect("the body is as long as was said");
        let push = ExportMetricsServiceRequest::decode(body.as_slice()).expect("it is a push of metrics");
        pushes.lock().unwrap().push(push);
        write!(out, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").expect("it reads the answer");
    }
}

/// What was pushed at once.
pub struct Push(ExportMetricsServiceRequest);

impl Push {
    /// What the resource says of this key.
    pub fn resource(&self, key: &str) -> Option<String> {
        let resource = self.0.resource_metrics[0].resource.as_ref().expect("there is one");
        resource.attributes.iter().find(|attribute| attribute.key == key).map(text)
    }

    /// The metrics, each with its name and unit.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.0.resource_metrics.iter().flat_map(|of| &of.scope_metrics).flat_map(|of| &of.metrics)
    }

    pub fn metric(&self, name: &str) -> &Metric {
        self.metrics().find(|metric| metric.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// All counts of a counter or a histogram whose attributes say this, added up.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let fits = |attributes: &[KeyValue]| {
            labels.iter().all(|(key, value)| attributes.iter().any(|one| one.key == *key && text(one) == *value))
        };
        match self.metric(name).data.as_ref().expect("a metric has data") {
            Data::Sum(sum) => {
                let points = sum.data_points.iter().filter(|point| fits(&point.attributes));
                points
                    .map(|point| match point.value {
                        Some(number_data_point::Value::AsInt(count)) => count as u64,
                        _ => panic!("{name} counts in whole numbers"),
                    })
                    .sum()
            }
            Data::ExponentialHistogram(histogram) => {
                histogram.data_points.iter().filter(|point| fits(&point.attributes)).map(|point| point.count).sum()
            }
            other => panic!("{name} is neither a sum nor an exponential histogram: {other:?}"),
        }
    }
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{} is no text: {other:?}", attribute.key),
    }
}
