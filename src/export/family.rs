//! One metric of one output: its SDK instrument, and the series that it has so far.

use std::collections::HashMap;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, BoundHistogram, Counter, Gauge, Histogram, Meter};

use super::metric::{self, Kind, Metric};

/// So many series one metric has at most; what comes beyond is counted in one whose labels all say [`OTHER`]. A plan
/// with hundreds of steps stays far below; a target that answers with every status there is does not.
pub const SERIES_MAX: usize = 2_000;

/// What the labels of that series say.
pub const OTHER: &str = "other";

/// How metrics and labels are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As on `/metrics`, each series with the label `run`.
    Scn {
        /// What it says.
        run: String,
    },
    /// The same, but the five metrics that Locust's users know bear its names, without the labels `run` and `user`.
    Locust {
        /// What `run` says on the others.
        run: String,
    },
    /// With dots, as over OTLP; the resource says which run it is.
    Dotted,
}

/// The metrics that have another name with Locust's.
const LOCUST: [(&Metric, &str); 5] = [
    (&metric::REQUESTS, "locust_requests_total"),
    (&metric::REQUEST_DURATION, "locust_request_duration_seconds"),
    (&metric::ERRORS, "locust_errors_total"),
    (&metric::USERS_ACTIVE, "locust_users_active"),
    (&metric::REQUESTS_PER_SECOND, "locust_requests_per_second"),
];

impl Naming {
    /// What a metric is called.
    pub fn name(&self, metric: &Metric) -> &'static str {
        match self {
            Naming::Dotted => metric.dotted,
            Naming::Locust { .. } => self.locust(metric).unwrap_or(metric.name),
            Naming::Scn { .. } => metric.name,
        }
    }

    /// Its name with Locust's, if that is how it is called.
    fn locust(&self, metric: &Metric) -> Option<&'static str> {
        let known = LOCUST.iter().find(|(known, _)| known.name == metric.name);
        known.filter(|_| matches!(self, Naming::Locust { .. })).map(|(_, name)| *name)
    }

    /// Its labels, without `run`.
    pub fn labels(&self, metric: &Metric) -> Vec<&'static str> {
        let all = metric.labels.iter().copied();
        all.filter(|label| self.locust(metric).is_none() || *label != "user").collect()
    }

    /// What the label `run` of a metric says, if it has one.
    fn run(&self, metric: &Metric) -> Option<&str> {
        match self {
            Naming::Scn { run } => Some(run),
            Naming::Locust { run } => self.locust(metric).is_none().then_some(run),
            Naming::Dotted => None,
        }
    }
}

/// One metric with an instrument `I`, and what each of its series is bound to.
///
/// Cost: a series is looked up by its labels when a row of the plan meets it first; from then on the row holds its
/// number.
pub struct Family<I, B> {
    labels: Vec<&'static str>,
    run: Option<String>,
    instrument: I,
    bind: fn(&I, &[KeyValue]) -> B,
    series: Vec<B>,
    known: HashMap<Vec<String>, SeriesNumber>,
    /// Series that were counted as [`OTHER`].
    pub folded: u64,
}

/// A series of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesNumber(usize);

/// A metric that only grows.
pub type Counts = Family<Counter<u64>, BoundCounter<u64>>;
/// A metric of times or numbers.
pub type Spread = Family<Histogram<f64>, BoundHistogram<f64>>;
/// A metric that stands as it is: the instrument, and the labels of each series.
pub type Stands = Family<Gauge<f64>, Vec<KeyValue>>;

impl<I, B> Family<I, B> {
    fn new(metric: &Metric, naming: &Naming, instrument: I, bind: fn(&I, &[KeyValue]) -> B) -> Family<I, B> {
        let run = naming.run(metric).map(str::to_owned);
        let (series, known) = (Vec::new(), HashMap::new());
        Family { labels: naming.labels(metric), run, instrument, bind, series, known, folded: 0 }
    }

    /// The series whose labels say `values`, in the order of the metric's labels; made where there is none.
    pub fn series(&mut self, values: &[&str]) -> SeriesNumber {
        debug_assert_eq!(values.len(), self.labels.len());
        let mut values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        if let Some(number) = self.known.get(&values) {
            return *number;
        }
        if self.known.len() >= SERIES_MAX {
            self.folded += 1;
            values.iter_mut().for_each(|value| OTHER.clone_into(value));
            if let Some(number) = self.known.get(&values) {
                return *number;
            }
        }
        let labels = self.labels.iter().zip(&values).map(|(label, value)| KeyValue::new(*label, value.clone()));
        let run = self.run.iter().map(|run| KeyValue::new("run", run.clone()));
        let attributes: Vec<KeyValue> = labels.chain(run).collect();
        let number = SeriesNumber(self.series.len());
        self.series.push((self.bind)(&self.instrument, &attributes));
        self.known.insert(values, number);
        number
    }
}

impl Counts {
    /// A counter of `meter`.
    pub fn counts(meter: &Meter, metric: &Metric, naming: &Naming) -> Counts {
        debug_assert_eq!(metric.kind, Kind::Counter);
        let instrument = meter.u64_counter(naming.name(metric)).with_unit(metric.unit).with_description(metric.help);
        Family::new(metric, naming, instrument.build(), Counter::bind)
    }

    /// So many more.
    pub fn add(&self, series: SeriesNumber, count: u64) {
        self.series[series.0].add(count);
    }

    /// So many more in the series with these labels, which is made also for none at all.
    pub fn count(&mut self, values: &[&str], count: u64) {
        let series = self.series(values);
        self.add(series, count);
    }
}

impl Spread {
    /// A histogram of `meter`.
    pub fn spread(meter: &Meter, metric: &Metric, naming: &Naming) -> Spread {
        let Kind::Histogram(bounds) = metric.kind else { unreachable!("{} is a histogram", metric.name) };
        let instrument = meter.f64_histogram(naming.name(metric)).with_unit(metric.unit);
        let instrument = instrument.with_description(metric.help).with_boundaries(bounds.to_vec());
        Family::new(metric, naming, instrument.build(), Histogram::bind)
    }

    /// The same value so many times. The SDK has no such call: a bound instrument is the cheapest way.
    pub fn record(&self, series: SeriesNumber, value: f64, times: u64) {
        let series = &self.series[series.0];
        (0..times).for_each(|_| series.record(value));
    }
}

impl Stands {
    /// A gauge of `meter`.
    pub fn stands(meter: &Meter, metric: &Metric, naming: &Naming) -> Stands {
        debug_assert_eq!(metric.kind, Kind::Gauge);
        let instrument = meter.f64_gauge(naming.name(metric)).with_unit(metric.unit).with_description(metric.help);
        // Not bound: a series that is bound shows a value before it has one.
        Family::new(metric, naming, instrument.build(), |_, attributes| attributes.to_vec())
    }

    /// It stands at `value` now.
    pub fn set(&mut self, values: &[&str], value: f64) {
        let series = self.series(values);
        self.instrument.record(value, &self.series[series.0]);
    }
}
