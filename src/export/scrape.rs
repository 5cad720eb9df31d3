//! `/metrics`: the text that Prometheus scrapes, and the small server that answers with it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpStream;

use super::birth::Births;
use super::family::{Naming, SERIES_MAX};
use super::replay::Replay;
use super::{Error, Facts};
use crate::plan::Plan;

/// So many connections are served at once; more wait in the system's own queue. Scrapers keep one each.
pub const CONNECTIONS_MAX: usize = 32;
/// A connection that asks for nothing in this time is closed; scrapes are rarely more than a minute apart.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// A connection is closed after this time, whatever it does: one whose peer does not read would hold its place.
const LIFE_MAX: Duration = Duration::from_secs(600);
/// So much of a request's head is read.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// A header that Prometheus sends, and all that scrape as it does: Alloy, collectors, vmagent. People do not.
const OF_SCRAPERS: &str = "x-prometheus-scrape-timeout-seconds";

/// Where the instruments of `/metrics` are read.
#[derive(Clone)]
pub struct Scrape {
    registry: Registry,
    births: Arc<Mutex<Births>>,
    /// Holds the instruments' values.
    _provider: SdkMeterProvider,
}

impl Scrape {
    /// The instruments of a run of `plan`, and where they are read.
    pub fn new(plan: &Plan, naming: Naming, facts: &Facts) -> Result<(Scrape, Replay), Error> {
        let registry = Registry::new();
        // Names hold their units, and `run` says what the resource would.
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| Error::Sdk(error.to_string()))?;
        let provider = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_resource(Resource::builder_empty().build())
            .with_view(roomy)
            .build();
        let replay = Replay::new(plan, &provider.meter("scn"), naming, facts.clone());
        let births = Arc::new(Mutex::new(Births::new(Instant::now())));
        Ok((Scrape { registry, births, _provider: provider }, replay))
    }

    /// The run has ended: from now on whoever asks reads totals.
    pub fn end(&self) {
        self.births().end();
    }

    fn births(&self) -> MutexGuard<'_, Births> {
        self.births.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text of all metrics as they stand, or, for a scraper, as it is to see them.
    fn text(&self, for_scraper: bool) -> String {
        let mut families = self.registry.gather();
        if for_scraper {
            self.births().show(&mut families, Instant::now());
        }
        let mut text = Vec::new();
        // It fails only for a family without metrics or name, and such are not gathered.
        let _ = TextEncoder::new().encode(&families, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        let (status, body) = match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => (StatusCode::OK, self.text(request.headers().contains_key(OF_SCRAPERS))),
            (&Method::HEAD, "/metrics") => (StatusCode::OK, self.text(false)),
            (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, plain);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }

    /// Serves one connection until either side ends it.
    pub async fn serve(self, stream: TcpStream) {
        let answer = service_fn(|request| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(SILENCE_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), answer);
        // What a client does wrong ends its connection only.
        let _ = tokio::time::timeout(LIFE_MAX, connection).await;
    }
}

/// Room for all series that a family may have: the SDK must not fold any itself.
fn roomy(_: &Instrument) -> Option<Stream> {
    Stream::builder().with_cardinality_limit(SERIES_MAX + 8).build().ok()
}
