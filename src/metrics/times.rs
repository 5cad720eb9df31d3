//! Many times of one kind: percentiles to three digits; least, mean, deviation and greatest exact.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The least time that is told apart from zero; what is shorter counts as this, and is counted as clamped.
pub const TIME_MIN: Duration = Duration::from_micros(1);
/// The greatest time that is kept; what is longer counts as this, and is counted as clamped.
pub const TIME_MAX: Duration = Duration::from_secs(3600);

const MICROS_MIN: u64 = TIME_MIN.as_micros() as u64;
const MICROS_MAX: u64 = TIME_MAX.as_micros() as u64;

/// So many times are kept one by one before a histogram is made: 8 KiB, where a histogram that reaches to a second
/// takes 45. Most rows of most runs see fewer in a second, so a window costs what was seen and no more.
const LOOSE_MAX: usize = 2048;

/// Significant digits of percentiles.
const DIGITS: u8 = 3;

/// A histogram reaches so far (µs) from its beginning, and further only once a time is greater: so that what a run weighs
/// hangs on how many rows it has, and not on the one slow second of its tenth minute.
const REACH: u64 = 1_000_000;

/// Many times of one kind.
///
/// Unit: microseconds inside, 1 µs to 1 h; what lies outside is clamped and counted.
/// Shape: up to 2,048 times as they are, beyond that one HDR histogram with 32-bit counts that grows on demand; the
/// shortest, which most samples of some kinds are, are only counted as long as there is no histogram to be read.
/// Errors: none; recording cannot fail, and after [`Times::take`] it does not allocate until it meets a greater time
/// or a fuller window than ever before.
/// Cost: some 10 ns to record one; both shapes answer alike, so nobody can tell which one holds the times.
#[derive(Clone, Debug, Default)]
pub struct Times {
    loose: Vec<u32>,
    dense: Option<Box<Histogram<u32>>>,
    /// Those of [`TIME_MIN`] that are neither loose nor dense.
    shortest: u64,
    count: u64,
    sum: u64,
    squares: u128,
    least: u32,
    greatest: u32,
    clamped: u64,
}

impl Times {
    /// Notes one time.
    pub fn record(&mut self, time: Duration) {
        self.record_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Notes one time, in nanoseconds.
    #[inline]
    pub fn record_nanos(&mut self, nanos: u64) {
        let given = nanos / 1_000;
        let micros = given.clamp(MICROS_MIN, MICROS_MAX);
        self.clamped += u64::from(micros != given);
        self.least = if self.count == 0 { micros as u32 } else { self.least.min(micros as u32) };
        self.greatest = self.greatest.max(micros as u32);
        self.count += 1;
        self.sum += micros;
        // An hour in microseconds, squared, just fits into 64 bits.
        self.squares += u128::from(micros * micros);
        if micros == MICROS_MIN {
            self.shortest += 1;
            return;
        }
        if self.loose.len() == LOOSE_MAX {
            self.fold();
        }
        self.loose.push(micros as u32);
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether none was noted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many of them lay outside 1 µs to 1 h and count as the nearer end.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// How many of them percentiles know nothing of: a place of the histogram counts to 2³² − 1, and what comes on top
    /// is only in count, mean and deviation.
    pub fn lost(&self) -> u64 {
        if self.count <= u64::from(u32::MAX) {
            return 0;
        }
        let dense = self.dense.iter().flat_map(|dense| dense.iter_recorded());
        let known: u64 = dense.map(|place| u64::from(place.count_at_value())).sum();
        self.count - known - self.shortest - self.loose.len() as u64
    }

    /// The least, exact. `None` when none was noted.
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_micros(self.least.into()))
    }

    /// The greatest, exact. `None` when none was noted.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_micros(self.greatest.into()))
    }

    /// The mean, exact. `None` when none was noted.
    pub fn mean(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos((u128::from(self.sum) * 1_000 / u128::from(self.count)) as u64))
    }

    /// All of them, added up.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum)
    }

    /// The standard deviation of all of them (not an estimate from a sample). `None` when none was noted.
    pub fn stddev(&self) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let (count, sum) = (u128::from(self.count), u128::from(self.sum));
        // In whole numbers as far as they reach: subtracting two nearly equal squares in floating point loses digits.
        let variance = match (count.checked_mul(self.squares), sum.checked_mul(sum)) {
            (Some(all), Some(mean)) => all.saturating_sub(mean) as f64 / (self.count as f64 * self.count as f64),
            _ => (self.squares as f64 / self.count as f64 - (self.sum as f64 / self.count as f64).powi(2)).max(0.0),
        };
        Some(Duration::from_nanos((variance.sqrt() * 1e3).round() as u64))
    }

    /// The time that so many percent (0 to 100) of all did not exceed, to three digits, never above the greatest.
    /// `None` when none was noted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let quantile = percent.clamp(0.0, 100.0) / 100.0;
        let micros = match &self.dense {
            None => {
                let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count);
                match rank.checked_sub(self.shortest + 1) {
                    None => MICROS_MIN,
                    Some(index) => {
                        let mut times = self.loose.clone();
                        highest_equivalent(u64::from(*times.select_nth_unstable(index as usize).1))
                    }
                }
            }
            Some(dense) if self.loose.is_empty() && self.shortest == 0 => dense.value_at_quantile(quantile),
            Some(_) => {
                let mut folded = self.clone();
                folded.fold();
                return folded.percentile(percent);
            }
        };
        Some(Duration::from_micros(micros.clamp(self.least.into(), self.greatest.into())))
    }

    /// The times as counts, rising: the greatest time (µs) that falls into a place of the histogram, and how many did.
    /// Only places where some did.
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        let mut buckets: Vec<(u64, u64)> = Vec::new();
        if let Some(dense) = &self.dense {
            let places = dense.iter_recorded();
            buckets.extend(
                places.map(|place| (highest_equivalent(place.value_iterated_to()), u64::from(place.count_at_value()))),
            );
        }
        buckets.extend((self.shortest > 0).then_some((MICROS_MIN, self.shortest)));
        buckets.extend(self.loose.iter().map(|&micros| (highest_equivalent(micros.into()), 1)));
        buckets.sort_unstable();
        buckets.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
        buckets
    }

    /// Shows each time (µs) and how often it was noted: as it was where there are few, else the middle of its place in
    /// the histogram, which is less than 0.05 % away.
    pub fn each(&self, mut see: impl FnMut(f64, u64)) {
        if let Some(dense) = &self.dense {
            for place in dense.iter_recorded() {
                let greatest = highest_equivalent(place.value_iterated_to());
                let least = dense.lowest_equivalent(greatest);
                see((least + greatest) as f64 / 2.0, place.count_at_value().into());
            }
        }
        if self.shortest > 0 {
            see(MICROS_MIN as f64, self.shortest);
        }
        self.loose.iter().for_each(|&micros| see(micros.into(), 1));
    }

    /// Adds all times of another.
    pub fn merge(&mut self, other: &Times) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.greatest = self.greatest.max(other.greatest);
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        self.clamped += other.clamped;
        self.shortest += other.shortest;
        let few = self.dense.is_none() && other.dense.is_none() && self.loose.len() + other.loose.len() <= LOOSE_MAX;
        self.loose.extend_from_slice(&other.loose);
        if !few {
            self.fold();
        }
        if let Some(dense) = &other.dense {
            self.dense().add(&**dense).expect("histograms grow on demand, so any other can be added");
        }
    }

    /// Hands over what was noted and starts afresh. The room for times stays here, so that recording goes on without
    /// asking for memory.
    pub fn take(&mut self) -> Times {
        if self.count == 0 {
            return Times::default();
        }
        // The histogram may be there from an earlier, fuller window, and empty.
        if self.count > self.shortest + self.loose.len() as u64 {
            self.fold();
        }
        let dense = self.dense.as_ref().filter(|dense| !dense.is_empty()).cloned();
        let taken = Times { loose: self.loose.clone(), dense, ..*self };
        self.loose.clear();
        if taken.dense.is_some() {
            self.dense().reset();
        }
        (self.shortest, self.count, self.sum, self.squares) = (0, 0, 0, 0);
        (self.least, self.greatest, self.clamped) = (0, 0, 0);
        taken
    }

    fn dense(&mut self) -> &mut Histogram<u32> {
        self.dense.get_or_insert_with(|| {
            let bounds = Histogram::new_with_bounds(MICROS_MIN, REACH, DIGITS);
            let mut dense = bounds.expect("three digits are within 0 to 5");
            dense.auto(true);
            // Its pages are the system's own until something is written to them.
            dense.reset();
            Box::new(dense)
        })
    }

    /// Moves the loose and the shortest times into the histogram.
    fn fold(&mut self) {
        let (loose, mut shortest) = (std::mem::take(&mut self.loose), std::mem::take(&mut self.shortest));
        let dense = self.dense();
        for &micros in &loose {
            dense.record(micros.into()).expect("histograms grow on demand, and times are clamped to an hour");
        }
        while shortest > 0 {
            let some = u32::try_from(shortest).unwrap_or(u32::MAX);
            dense.record_n(MICROS_MIN, some).expect("it can be recorded from the beginning");
            shortest -= u64::from(some);
        }
        self.loose = loose;
        self.loose.clear();
    }
}

/// Equal when no question about them is answered differently.
impl PartialEq for Times {
    fn eq(&self, other: &Times) -> bool {
        let sums = |times: &Times| (times.count, times.sum, times.squares, times.least, times.greatest, times.clamped);
        sums(self) == sums(other) && self.buckets() == other.buckets()
    }
}

/// The greatest time (µs) that a histogram of three digits cannot tell from `micros`: eleven bits count.
fn highest_equivalent(micros: u64) -> u64 {
    let bits = u64::BITS - micros.leading_zeros();
    micros | ((1 << bits.saturating_sub(11)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(micros: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::default();
        micros.into_iter().for_each(|micros| times.record(Duration::from_micros(micros)));
        times
    }

    /// Values that spread over all magnitudes, always the same.
    fn spread(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(|n| {
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            // The shortest are many, as they are where nothing has to be waited for.
            if mixed & 7 == 0 { n & 1 } else { (mixed >> 40) >> (mixed & 15) }
        })
    }

    #[test]
    fn few_times_and_many_answer_as_the_histogram_does() {
        for count in [1, 2, 3, 100, 2048, 2049, 10_000] {
            let mut reference = Histogram::<u32>::new(3).unwrap();
            spread(count).for_each(|micros| reference.record(micros.max(1)).unwrap());
            let times = times(spread(count));
            for percent in [0.1, 7.0, 50.0, 75.0, 95.0, 99.0, 99.9, 99.99, 100.0] {
                let wanted = reference.value_at_quantile(percent / 100.0).min(reference.max());
                let wanted = wanted.min(times.max().unwrap().as_micros() as u64);
                assert_eq!(times.percentile(percent).unwrap().as_micros() as u64, wanted, "p{percent} of {count}");
            }
        }
    }

    #[test]
    fn least_mean_deviation_and_greatest_are_exact() {
        let times = times([2, 4, 4, 4, 5, 5, 7, 9].map(|n| n * 1_000_003));
        assert_eq!(times.min(), Some(Duration::from_micros(2_000_006)));
        assert_eq!(times.max(), Some(Duration::from_micros(9_000_027)));
        assert_eq!(times.mean(), Some(Duration::from_micros(5_000_015)));
        assert_eq!(times.stddev(), Some(Duration::from_micros(2_000_006)));
    }

    #[test]
    fn what_lies_outside_is_clamped_and_counted() {
        let mut times = times([5]);
        times.record(Duration::ZERO);
        times.record(Duration::from_secs(7_200));
        assert_eq!((times.min(), times.max()), (Some(TIME_MIN), Some(TIME_MAX)));
        assert_eq!((times.count(), times.clamped()), (3, 2));
    }

    #[test]
    fn each_time_is_shown_where_it_was_or_next_to_it() {
        for count in [10, 10_000] {
            let times = times(spread(count).map(|micros| micros + 1));
            let (mut shown, mut sum) = (0, 0.0);
            times.each(|micros, count| {
                shown += count;
                sum += micros * count as f64;
            });
            assert_eq!(shown, count);
            let exact = times.sum().as_micros() as f64;
            assert!((sum - exact).abs() <= exact * 5e-4, "{sum} for {exact}");
        }
    }

    #[test]
    fn nothing_has_no_times() {
        let none = Times::default();
        assert_eq!((none.min(), none.max(), none.mean(), none.stddev()), (None, None, None, None));
        assert_eq!(none.percentile(50.0), None);
        assert_eq!(none.buckets(), []);
    }

    #[test]
    fn merging_equals_recording_both() {
        for (left, right) in
            [(0, 0), (0, 5), (5, 0), (3, 4), (2000, 2000), (2000, 48), (5000, 3), (3, 5000), (4000, 9000)]
        {
            let mut merged = times(spread(left));
            merged.merge(&times(spread(right)));
            let both = times(spread(left).chain(spread(right)));
            assert_eq!(merged, both, "{left} and {right}");
            assert_eq!(merged.percentile(99.0), both.percentile(99.0));
            assert_eq!(merged.stddev(), both.stddev());
        }
    }

    #[test]
    fn recording_asks_for_no_memory_once_a_window_as_full_has_been_seen() {
        for count in [100, 10_000] {
            let mut recording = Times::default();
            let rooms = [(); 3].map(|()| {
                spread(count).for_each(|micros| recording.record(Duration::from_micros(micros)));
                recording.take();
                let dense = recording.dense.as_ref().map(|dense| (&raw const **dense, dense.distinct_values()));
                (recording.loose.as_ptr(), recording.loose.capacity(), dense)
            });
            assert_eq!(rooms[0], rooms[1]);
            assert_eq!(rooms[1], rooms[2]);
        }
    }

    #[test]
    fn one_slow_time_makes_no_histogram_larger_that_reaches_so_far() {
        let mut recording = times([300; 5_000]);
        let places = |times: &Times| times.dense.as_ref().map(|dense| dense.distinct_values()).expect("it is dense");
        let before = places(&recording);
        recording.merge(&times([REACH; 5_000]));
        assert_eq!(places(&recording), before);
        recording.merge(&times([2 * REACH; 5_000]));
        assert!(places(&recording) > before);
    }

    #[test]
    fn taking_hands_over_everything_and_starts_afresh() {
        let mut recording = Times::default();
        for count in [10, 5_000, 0, 2048, 3, 4096] {
            spread(count).for_each(|micros| recording.record(Duration::from_micros(micros)));
            assert_eq!(recording.take(), times(spread(count)), "{count}");
            assert_eq!(recording, Times::default());
        }
    }
}
