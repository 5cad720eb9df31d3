//! Series are born at zero: what a scraper is shown of one for the first time.
//!
//! Prometheus knows growth only between two scrapes. What a series holds when it is first seen is in no `rate` and no
//! `increase`, so panels would miss the first interval of each: all that happened before the first scrape, and the
//! first answers with a status that nobody expected. So a scraper sees each series stand at 0 once, and what it holds
//! at the next scrape. That cannot be told from a series that was born a moment later; nothing is lost, only its first
//! growth moves by one scrape.
//!
//! What is shown never falls, whoever scrapes: there is one list of what was shown, for all scrapers.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use prometheus::proto::{Bucket, Counter, Histogram, Metric, MetricFamily, MetricType};

/// Where nobody has scraped for so long, what a series holds is old: shown as growth of one interval it would be a
/// spike that never was. Scrapes are rarely more than a minute apart.
pub const LATE: Duration = Duration::from_secs(75);

/// Which series scrapers have been shown.
pub struct Births {
    /// Hashes of names and labels: as many as there are series.
    shown: HashSet<u64>,
    /// When the last scrape was, or the series began to be.
    before: Instant,
    /// Whether the run is over: now whole totals matter more than rates, as there may be no other scrape.
    ended: bool,
}

impl Births {
    /// Nothing was shown yet; all there is began `now`.
    pub fn new(now: Instant) -> Births {
        Births { shown: HashSet::new(), before: now, ended: false }
    }

    /// From now on everything is shown as it is.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Makes of what there is what a scraper is shown `now`: counters and histograms that no scraper has seen stand at 0.
    pub fn show(&mut self, families: &mut [MetricFamily], now: Instant) {
        let at_zero = !self.ended && now.saturating_duration_since(self.before) <= LATE;
        self.before = now;
        for family in families {
            let grows = [MetricType::COUNTER, MetricType::HISTOGRAM].contains(&family.get_field_type());
            if !grows {
                continue;
            }
            let name = family.name().to_owned();
            for series in family.mut_metric() {
                if self.shown.insert(key(&name, series)) && at_zero {
                    empty(series);
                }
            }
        }
    }
}

fn key(name: &str, series: &Metric) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    for label in series.get_label() {
        (label.name(), label.value()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Puts a series back to where it began. Of counter and histogram it has one; the other is not printed.
fn empty(series: &mut Metric) {
    let mut histogram = Histogram::default();
    let bounds = series.get_histogram().get_bucket().iter().map(|bucket| {
        let mut empty = Bucket::default();
        empty.set_upper_bound(bucket.upper_bound());
        empty
    });
    histogram.set_bucket(bounds.collect());
    series.set_histogram(histogram);
    series.set_counter(Counter::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn family(kind: MetricType, value: u64) -> MetricFamily {
        let mut series = Metric::default();
        match kind {
            MetricType::HISTOGRAM => {
                let (mut histogram, mut bucket) = (Histogram::default(), Bucket::default());
                bucket.set_upper_bound(0.5);
                bucket.set_cumulative_count(value);
                histogram.set_bucket(vec![bucket]);
                histogram.set_sample_count(value);
                histogram.set_sample_sum(value as f64);
                series.set_histogram(histogram);
            }
            MetricType::GAUGE => {
                let mut gauge = prometheus::proto::Gauge::default();
                gauge.set_value(value as f64);
                series.set_gauge(gauge);
            }
            _ => {
                let mut counter = Counter::default();
                counter.set_value(value as f64);
                series.set_counter(counter);
            }
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("{kind:?}").to_lowercase());
        family.set_field_type(kind);
        family.set_metric(vec![series]);
        family
    }

    /// What is shown of a counter, a histogram and a gauge that hold `value`.
    fn shown(births: &mut Births, value: u64, now: Instant) -> [f64; 3] {
        let mut all = [MetricType::COUNTER, MetricType::HISTOGRAM, MetricType::GAUGE].map(|kind| family(kind, value));
        births.show(&mut all, now);
        let [counter, histogram, gauge] = &all;
        let histogram = histogram.get_metric()[0].get_histogram();
        let bucket = &histogram.get_bucket()[0];
        assert_eq!(bucket.upper_bound(), 0.5);
        assert_eq!(bucket.cumulative_count(), histogram.get_sample_count());
        assert_eq!(histogram.get_sample_sum(), histogram.get_sample_count() as f64);
        let counter = counter.get_metric()[0].get_counter().get_value();
        [counter, histogram.get_sample_count() as f64, gauge.get_metric()[0].get_gauge().get_value()]
    }

    #[test]
    fn what_grows_is_shown_at_zero_once_and_then_as_it_is() {
        let now = Instant::now();
        let mut births = Births::new(now);
        assert_eq!(shown(&mut births, 7, now + INTERVAL), [0.0, 0.0, 7.0]);
        assert_eq!(shown(&mut births, 9, now + 2 * INTERVAL), [9.0, 9.0, 9.0]);
    }

    #[test]
    fn what_stood_at_zero_when_it_was_seen_is_shown_as_it_is() {
        let now = Instant::now();
        let mut births = Births::new(now);
        assert_eq!(shown(&mut births, 0, now), [0.0; 3]);
        assert_eq!(shown(&mut births, 9, now + INTERVAL), [9.0; 3]);
    }

    #[test]
    fn labels_tell_series_apart() {
        let now = Instant::now();
        let mut births = Births::new(now);
        assert_eq!(shown(&mut births, 1, now), [0.0, 0.0, 1.0]);
        let mut other = [family(MetricType::COUNTER, 5)];
        let mut label = prometheus::proto::LabelPair::default();
        label.set_name("status".into());
        label.set_value("503".into());
        other[0].mut_metric()[0].set_label(vec![label]);
        births.show(&mut other, now + INTERVAL);
        assert_eq!(other[0].get_metric()[0].get_counter().get_value(), 0.0);
    }

    #[test]
    fn a_scraper_that_comes_late_is_shown_no_spike() {
        let now = Instant::now();
        let mut births = Births::new(now);
        assert_eq!(shown(&mut births, 7, now + LATE + INTERVAL), [7.0; 3]);
    }

    #[test]
    fn when_the_run_has_ended_totals_go_first() {
        let now = Instant::now();
        let mut births = Births::new(now);
        births.end();
        assert_eq!(shown(&mut births, 7, now + INTERVAL), [7.0; 3]);
    }
}
