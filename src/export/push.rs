//! OTLP: all metrics, pushed to a collector every few seconds and once more at the end of the run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
};

use super::family::{Naming, SERIES_MAX};
use super::replay::Replay;
use super::{Error, Facts, Push};
use crate::plan::Plan;

/// Buckets of an exponential histogram; with 160 of them values from 1 µs to 1 h are told apart to some 8 %.
const EXPONENTIAL_BUCKETS: u32 = 160;
/// Their finest scale, as the specification has it.
const EXPONENTIAL_SCALE_MAX: i8 = 20;
/// So much of a collector's answer is read; it says next to nothing.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where the instruments are read for a collector, and the way to it.
pub struct Collector {
    reader: Reader,
    exporter: Arc<MetricExporter>,
    trouble: Arc<Mutex<Option<String>>>,
    _provider: SdkMeterProvider,
}

/// A push that is under way.
pub type UnderWay = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Collector {
    /// The instruments of a run of `plan`, and the way to the collector. Nothing is sent yet.
    pub fn new(plan: &Plan, push: &Push, facts: &Facts) -> Result<(Collector, Replay), Error> {
        // The TLS of scn's own targets is ring's, too; where it is installed already, it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder().timeout(push.timeout).redirect(reqwest::redirect::Policy::none());
        if !push.endpoint.starts_with("https:") {
            // Without TLS a machine that trusts no authority, as small images do, is none the worse.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| Error::Sdk(reason(&error)))?;
        let trouble = Arc::default();
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(Client { client, trouble: Arc::clone(&trouble) })
            .with_endpoint(push.endpoint.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(push.timeout)
            .build()
            .map_err(|error| Error::Sdk(error.to_string()))?;
        let reader = Reader(Arc::new(ManualReader::builder().with_temporality(exporter.temporality()).build()));
        let provider = SdkMeterProvider::builder()
            .with_reader(reader.clone())
            .with_resource(resource(facts))
            .with_view(view)
            .build();
        let replay = Replay::new(plan, &provider.meter("scn"), Naming::Dotted, facts.clone());
        Ok((Collector { reader, exporter: Arc::new(exporter), trouble, _provider: provider }, replay))
    }

    /// Takes the metrics as they stand, and sends them while the returned future is polled. It ends within the push's
    /// timeout; its error says why the collector did not take them.
    pub fn push(&self) -> UnderWay {
        let mut metrics = ResourceMetrics::default();
        let collected = self.reader.collect(&mut metrics);
        let (exporter, trouble) = (Arc::clone(&self.exporter), Arc::clone(&self.trouble));
        Box::pin(async move {
            collected.map_err(|error| error.to_string())?;
            let pushed = exporter.export(&metrics).await;
            let trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (pushed, trouble) {
                (Ok(()), None) => Ok(()),
                (_, Some(trouble)) => Err(trouble),
                (Err(error), None) => Err(error.to_string()),
            }
        })
    }
}

/// What the resource says: the standard variables first, then what scn knows better.
fn resource(facts: &Facts) -> Resource {
    let of_variables = Resource::builder().build();
    let name = of_variables.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let mut resource = Resource::builder();
    if !is_named {
        resource = resource.with_service_name("scn");
    }
    let own = [
        ("service.version", &facts.version),
        ("scn.run.id", &facts.run_id),
        ("scn.scenario", &facts.scenario),
        ("scn.profile", &facts.profile),
    ];
    resource.with_attributes(own.map(|(key, value)| KeyValue::new(key, value.clone()))).build()
}

/// Histograms are exponential here; and no family's series is folded by the SDK itself.
fn view(instrument: &Instrument) -> Option<Stream> {
    let stream = Stream::builder().with_cardinality_limit(SERIES_MAX + 8);
    let exponential = Aggregation::Base2ExponentialHistogram {
        max_size: EXPONENTIAL_BUCKETS,
        max_scale: EXPONENTIAL_SCALE_MAX,
        record_min_max: true,
    };
    match instrument.kind() {
        InstrumentKind::Histogram => stream.with_aggregation(exponential).build().ok(),
        _ => stream.build().ok(),
    }
}

/// A reader that the provider has and we keep.
#[derive(Clone, Debug)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// The way to the collector. Remembers why it could not be gone: the exporter above it forgets that.
struct Client {
    client: reqwest::Client,
    trouble: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut response = self.client.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err("the answer is longer than anything a collector says".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }

    fn remember(&self, trouble: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
}

impl HttpClient for Client {
    // As `async_trait` writes it.
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let sent = self.send(request).await;
            match &sent {
                Err(error) => self.remember(reason(&**error)),
                Ok(answer) if !answer.status().is_success() => self.remember(format!("it answers {}", answer.status())),
                Ok(answer) => rejected(answer.body()).into_iter().for_each(|trouble| self.remember(trouble)),
            }
            sent
        })
    }
}

/// What a collector that took the push says it did not want of it.
fn rejected(answer: &[u8]) -> Option<String> {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
    let answer = <ExportMetricsServiceResponse as prost::Message>::decode(answer).ok()?;
    let partial = answer.partial_success.filter(|partial| partial.rejected_data_points > 0)?;
    Some(format!("it rejected {} data points: {}", partial.rejected_data_points, partial.error_message))
}

/// The last of an error's causes, which says what happened; the first only says that something did.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
