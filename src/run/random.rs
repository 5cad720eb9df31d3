//! A user's random stream: follows from the run's seed and the user's number, so neither threads nor workers change it.
//!
//! **A promise for ever**: the same seed and user draw the same numbers in every version of scn, so that a run can be
//! repeated. The stream is PCG XSH-RR 64/32 (`pcg32`), a published generator; its 128 bits of seed are two words of
//! SplitMix64, started at `seed ⊕ mix(user + 1)`, where `mix` is SplitMix64's output function. What is made of the
//! words (how a range, a float, a choice uses them) is written here and not taken from a library whose algorithms may
//! change. A test holds the first draws.

use std::time::Duration;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::base::Seed;
use crate::plan::EXPONENTIAL_TIMES_MAX;

/// One user's dice: 16 bytes.
#[derive(Clone, Debug)]
pub struct Random(Pcg32);

impl Random {
    /// The stream of user `id`.
    pub fn new(seed: Seed, id: u64) -> Random {
        // Mixing the number first keeps the streams of users 0, 1, 2 … of one seed, and of one user under seeds
        // 0, 1, 2 …, apart: without it user 1 of seed 0 would be a shifted user 0.
        let mut state = seed.0 ^ mix(id.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA));
        let mut next = || {
            state = state.wrapping_add(GOLDEN_GAMMA);
            mix(state)
        };
        Random(Pcg32::new(next(), next()))
    }

    /// 64 random bits: two words of the stream, the first one low.
    pub fn bits(&mut self) -> u64 {
        let low = u64::from(self.0.next_u32());
        u64::from(self.0.next_u32()) << 32 | low
    }

    /// A number in 0 (included) to 1 (not), in steps of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number from `low` to `high`; either order.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        // Not `low + (high - low) * unit`: that difference may be infinite where both ends are finite.
        let part = self.unit();
        low * (1.0 - part) + high * part
    }

    /// A whole number in `0..count`, each equally likely; 0 when `count` is 0.
    pub fn index(&mut self, count: u64) -> u64 {
        // The high half of a 64 × 64 bit product; the bias is below count ÷ 2⁶⁴, which no run can see.
        ((u128::from(self.bits()) * u128::from(count)) >> 64) as u64
    }

    /// A whole number from `low` to `high`, both included; either order. Both within ±2⁵³.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let (low, high) = (low.min(high), low.max(high));
        low.wrapping_add(self.index(high.abs_diff(low).saturating_add(1)) as i64)
    }

    /// An index into `weights`, each as likely as its weight; `None` when no weight is positive.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> Option<usize> {
        let total: f64 = weights.clone().sum();
        let positive = weights.enumerate().filter(|(_, weight)| *weight > 0.0);
        let mut left = self.unit() * total;
        let mut last = None;
        for (index, weight) in positive {
            if left < weight {
                return Some(index);
            }
            left -= weight;
            // Rounding can leave a crumb behind the last weight.
            last = Some(index);
        }
        last
    }

    /// A duration from `low` to `high`; either order.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let (low, high) = (low.min(high), low.max(high));
        low + (high - low).mul_f64(self.unit())
    }

    /// An exponential duration of this mean, cut off at [`EXPONENTIAL_TIMES_MAX`] times it.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        // `1 - unit` is never 0, so the logarithm is finite.
        let times = -(1.0 - self.unit()).ln();
        let seconds = mean.as_secs_f64() * times.min(EXPONENTIAL_TIMES_MAX);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// SplitMix64's increment: 2⁶⁴ ÷ the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_draws_of_a_seed_and_a_user_never_change() {
        let mut first = Random::new(Seed(7), 0);
        assert_eq!(
            [first.bits(), first.bits(), first.bits()],
            [10922361203726103399, 17409061243250420488, 18312474723902914463]
        );
        let mut second = Random::new(Seed(7), 1);
        assert_eq!([second.bits(), second.bits()], [14480665995539151281, 4662532458446393149]);
        let mut other = Random::new(Seed(0), 0);
        assert_eq!([other.bits(), other.bits()], [12908838635978674901, 17985564150169448823]);
        let mut all = Random::new(Seed(42), 12_345);
        assert_eq!(all.unit(), 0.8051136277294026);
        assert_eq!(all.uniform(0.1, 100.0), 40.8161250973075);
        assert_eq!([all.int(1, 6), all.int(1, 6), all.int(1, 6), all.int(-3, 3)], [4, 5, 6, -2]);
        assert_eq!([all.index(10), all.index(1_000)], [1, 739]);
        assert_eq!(all.weighted([5.0, 0.0, 3.0].into_iter()), Some(2));
        assert_eq!(all.between(Duration::from_secs(1), Duration::from_secs(3)), Duration::from_nanos(2696003503));
        assert_eq!(all.exponential(Duration::from_secs(2)), Duration::from_nanos(2809635513));
    }

    #[test]
    fn every_draw_stays_in_its_bounds() {
        let mut random = Random::new(Seed(1), 1);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&random.unit()));
            assert!((-1.0..=1.0).contains(&random.uniform(-1.0, 1.0)));
            assert!((1..=6).contains(&random.int(6, 1)));
            assert!(random.index(3) < 3);
            assert!(random.exponential(Duration::from_secs(1)) <= Duration::from_secs(10));
        }
        assert_eq!(random.index(0), 0);
        assert_eq!(random.int(4, 4), 4);
        assert!(random.uniform(-f64::MAX, f64::MAX).is_finite());
        assert_eq!(random.between(Duration::from_secs(2), Duration::from_secs(2)), Duration::from_secs(2));
    }

    #[test]
    fn an_int_takes_both_its_ends_and_each_about_as_often() {
        let mut random = Random::new(Seed(3), 9);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[random.int(1, 6) as usize - 1] += 1;
        }
        assert!(counts.iter().all(|&count| (9_600..10_400).contains(&count)), "{counts:?}");
    }

    #[test]
    fn weights_are_kept_and_a_weight_of_zero_is_never_drawn() {
        let mut random = Random::new(Seed(3), 10);
        let mut counts = [0u32; 3];
        for _ in 0..40_000 {
            counts[random.weighted([1.0, 0.0, 3.0].into_iter()).unwrap()] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((9_600..10_400).contains(&counts[0]), "{counts:?}");
        assert_eq!(random.weighted([0.0, 0.0].into_iter()), None);
        assert_eq!(random.weighted([].into_iter()), None);
    }

    #[test]
    fn an_exponential_pause_has_its_mean() {
        let mut random = Random::new(Seed(3), 11);
        let sum: f64 = (0..40_000).map(|_| random.exponential(Duration::from_secs(2)).as_secs_f64()).sum();
        assert!((1.95..2.05).contains(&(sum / 40_000.0)), "{sum}");
    }

    #[test]
    fn neighbouring_users_and_seeds_have_streams_of_their_own() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..40 {
            for user in 0..40 {
                let mut random = Random::new(Seed(seed), user);
                assert!((0..4).all(|_| seen.insert(random.bits())), "seed {seed}, user {user}");
            }
        }
    }
}
