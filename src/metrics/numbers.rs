//! Many measured numbers of one kind: percentiles to three digits; least, mean, deviation and greatest exact to three
//! decimals.

use hdrhistogram::Histogram;

/// The greatest number that is kept, and its negative the least; what lies beyond counts as the nearer end, and is
/// counted as clamped.
pub const NUMBER_MAX: f64 = 1e9;

/// So many parts of one are told apart: three decimals.
const PARTS: f64 = 1_000.0;

/// So many numbers are kept one by one before histograms are made, as with times.
const LOOSE_MAX: usize = 2048;

/// Significant digits of percentiles.
const DIGITS: u8 = 3;

/// Many measured numbers of one kind.
///
/// Unit: thousandths inside, −10⁹ to 10⁹; what lies outside is clamped and counted.
/// Shape: up to 2,048 numbers as they are, beyond that an HDR histogram for those below zero and one for the others.
/// Errors: none; what is not a number at all must not come here.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    loose: Vec<i64>,
    dense: Option<Box<Dense>>,
    count: u64,
    sum: i128,
    squares: f64,
    least: i64,
    greatest: i64,
    clamped: u64,
}

/// Numbers that were too many to be kept one by one.
#[derive(Clone, Debug)]
struct Dense {
    /// Of those below zero, their negatives.
    below: Histogram<u32>,
    above: Histogram<u32>,
}

impl Numbers {
    /// Notes one number; it is neither infinite nor NaN.
    pub fn record(&mut self, number: f64) {
        let kept = number.clamp(-NUMBER_MAX, NUMBER_MAX);
        self.clamped += u64::from(kept != number);
        let parts = (kept * PARTS).round() as i64;
        self.add_sums(1, i128::from(parts), (parts as f64).powi(2), parts, parts);
        if self.loose.len() == LOOSE_MAX {
            self.fold();
        }
        self.loose.push(parts);
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether none was noted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many of them lay outside −10⁹ to 10⁹ and count as the nearer end.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The least. `None` when none was noted.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then(|| whole(self.least))
    }

    /// The greatest. `None` when none was noted.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then(|| whole(self.greatest))
    }

    /// The mean. `None` when none was noted.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / PARTS)
    }

    /// The standard deviation of all of them. `None` when none was noted.
    pub fn stddev(&self) -> Option<f64> {
        let mean = self.mean()? * PARTS;
        let variance = (self.squares / self.count as f64 - mean * mean).max(0.0);
        Some(variance.sqrt() / PARTS)
    }

    /// The number that so many percent (0 to 100) of all did not exceed, to three digits, never above the greatest.
    /// `None` when none was noted.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let quantile = percent.clamp(0.0, 100.0) / 100.0;
        let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count);
        let parts = match &self.dense {
            None => {
                let mut numbers = self.loose.clone();
                *numbers.select_nth_unstable(rank as usize - 1).1
            }
            Some(_) => {
                let mut folded = self.clone();
                folded.fold();
                let dense = folded.dense.expect("folding makes it");
                dense.at(rank)
            }
        };
        Some(whole(parts.clamp(self.least, self.greatest)))
    }

    /// Shows each number and how often it was noted: as it was where there are few, else to three digits.
    pub fn each(&self, mut see: impl FnMut(f64, u64)) {
        if let Some(dense) = &self.dense {
            for (side, sign) in [(&dense.below, -1.0), (&dense.above, 1.0)] {
                for place in side.iter_recorded() {
                    let middle = side.median_equivalent(place.value_iterated_to());
                    see(sign * middle as f64 / PARTS, place.count_at_value().into());
                }
            }
        }
        self.loose.iter().for_each(|&parts| see(whole(parts), 1));
    }

    /// Adds what others noted.
    pub fn merge(&mut self, other: &Numbers) {
        if other.count == 0 {
            return;
        }
        self.add_sums(other.count, other.sum, other.squares, other.least, other.greatest);
        self.clamped += other.clamped;
        if let Some(theirs) = &other.dense {
            let dense = self.dense();
            dense.below.add(&theirs.below).expect("histograms grow on demand");
            dense.above.add(&theirs.above).expect("histograms grow on demand");
        }
        if self.loose.len() + other.loose.len() > LOOSE_MAX {
            self.fold();
        }
        self.loose.extend(&other.loose);
        if self.loose.len() > LOOSE_MAX {
            self.fold();
        }
    }

    fn add_sums(&mut self, count: u64, sum: i128, squares: f64, least: i64, greatest: i64) {
        (self.least, self.greatest) = match self.count {
            0 => (least, greatest),
            _ => (self.least.min(least), self.greatest.max(greatest)),
        };
        self.count += count;
        self.sum += sum;
        self.squares += squares;
    }

    fn dense(&mut self) -> &mut Dense {
        self.dense.get_or_insert_with(|| {
            let histogram = || Histogram::new(DIGITS).expect("three digits are within 0 to 5");
            Box::new(Dense { below: histogram(), above: histogram() })
        })
    }

    /// Moves the loose numbers into the histograms.
    fn fold(&mut self) {
        let loose = std::mem::take(&mut self.loose);
        let dense = self.dense();
        for parts in loose {
            let side = if parts < 0 { &mut dense.below } else { &mut dense.above };
            side.record(parts.unsigned_abs()).expect("histograms grow on demand, and numbers are clamped");
        }
    }
}

impl Dense {
    /// The number at a rank, from 1.
    fn at(&self, rank: u64) -> i64 {
        let below = self.below.len();
        // The histogram wants a quantile; half a step down, so that rounding never reaches the next rank.
        let at = |side: &Histogram<u32>, rank: u64| {
            side.value_at_quantile((rank as f64 - 0.5).max(0.0) / side.len() as f64) as i64
        };
        match rank <= below {
            true => -at(&self.below, below - rank + 1),
            false => at(&self.above, rank - below),
        }
    }
}

/// Equal when no question about them is answered differently.
impl PartialEq for Numbers {
    fn eq(&self, other: &Numbers) -> bool {
        let sums = |numbers: &Numbers| (numbers.count, numbers.sum, numbers.least, numbers.greatest, numbers.clamped);
        let marks = |numbers: &Numbers| [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9].map(|p| numbers.percentile(p));
        sums(self) == sums(other)
            && (self.dense.is_none() == other.dense.is_none() || self.count > LOOSE_MAX as u64)
            && {
                let alike = |a: Option<f64>, b: Option<f64>| match (a, b) {
                    (Some(a), Some(b)) => (a - b).abs() <= a.abs().max(b.abs()) * 2e-3,
                    (a, b) => a == b,
                };
                marks(self).into_iter().zip(marks(other)).all(|(a, b)| alike(a, b))
            }
    }
}

fn whole(parts: i64) -> f64 {
    parts as f64 / PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(given: impl IntoIterator<Item = f64>) -> Numbers {
        let mut numbers = Numbers::default();
        given.into_iter().for_each(|number| numbers.record(number));
        numbers
    }

    #[test]
    fn three_decimals_are_kept_up_to_a_milliard() {
        let few = numbers([0.001, 12.345, -0.5, 1e9]);
        assert_eq!((few.min(), few.max(), few.count()), (Some(-0.5), Some(1e9), 4));
        assert_eq!((few.percentile(50.0), few.percentile(75.0)), (Some(0.001), Some(12.345)));
        assert_eq!(numbers([1.0, 2.0, 3.0, 6.0]).mean(), Some(3.0));
        assert_eq!(numbers([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).stddev(), Some(2.0));
    }

    #[test]
    fn what_lies_beyond_is_clamped_and_counted() {
        let far = numbers([2e9, -3e12, 5.0]);
        assert_eq!((far.min(), far.max(), far.clamped()), (Some(-1e9), Some(1e9), 2));
    }

    #[test]
    fn many_numbers_answer_to_three_digits() {
        let many = numbers((0..10_000).map(|n| f64::from(n) - 5_000.0));
        for (percent, wanted) in [(0.0, -5_000.0), (10.0, -4_001.0), (50.0, -1.0), (90.0, 3_999.0), (100.0, 4_999.0)] {
            let told = many.percentile(percent).unwrap();
            assert!((told - wanted).abs() <= wanted.abs() * 2e-3, "p{percent}: {told}");
        }
    }

    #[test]
    fn merging_equals_recording_both() {
        let spread = |from: u32, to: u32| (from..to).map(|n| f64::from(n.wrapping_mul(2_654_435_761) >> 8) / 7.0);
        for (left, right) in [(0, 0), (0, 5), (5, 0), (3, 4), (2000, 48), (2000, 2000), (5000, 3), (3, 5000)] {
            let mut merged = numbers(spread(0, left));
            merged.merge(&numbers(spread(left, left + right)));
            assert_eq!(merged, numbers(spread(0, left + right)), "{left} and {right}");
        }
    }

    #[test]
    fn each_number_is_shown_where_it_was_or_next_to_it() {
        for count in [10_u32, 10_000] {
            let numbers = numbers((0..count).map(|n| f64::from(n) - 5.0));
            let (mut shown, mut sum) = (0, 0.0);
            numbers.each(|number, count| {
                shown += count;
                sum += number * count as f64;
            });
            let exact = numbers.mean().unwrap() * f64::from(count);
            assert_eq!(shown, u64::from(count));
            assert!((sum - exact).abs() <= exact.abs() * 1e-3, "{sum} for {exact}");
        }
    }

    #[test]
    fn nothing_has_no_numbers() {
        let none = Numbers::default();
        assert_eq!(
            (none.min(), none.max(), none.mean(), none.stddev(), none.percentile(50.0)),
            (None, None, None, None, None)
        );
    }
}
