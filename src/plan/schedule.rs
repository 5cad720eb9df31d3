//! When users start and of which class they are. Functions only: nothing here knows how anything is sent.

use super::{Plan, UserId};
use crate::base::Offset;

/// One virtual user, before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its number over the whole run, from 0.
    pub user: u64,
    /// Its class.
    pub class: UserId,
    /// When it starts.
    pub due: Offset,
    /// The load thread that it lives on.
    pub thread: usize,
}

/// Which class each user belongs to, from user 0 on, without end: the class furthest below its share, ties in file
/// order. So every prefix is within one user of the mix.
///
/// `shares` sum to 1 and hold at least one above 0; classes with a share of 0 get nobody. Costs one comparison per
/// class and user.
pub fn classes(shares: &[f64]) -> impl Iterator<Item = UserId> + '_ {
    let mut counts = vec![0_u64; shares.len()];
    (1_u64..).map(move |users| {
        let mut best = None;
        for (class, (&share, &count)) in shares.iter().zip(&counts).enumerate() {
            let below = share * users as f64 - count as f64;
            // What differs by less than this differs by rounding: a tie, and ties go in file order.
            if share > 0.0 && best.is_none_or(|(_, most)| below > most + 1e-9) {
                best = Some((class, below));
            }
        }
        let (class, _) = best.expect("a plan has a class with a share above 0");
        counts[class] += 1;
        UserId(class as u32)
    })
}

/// How many of the first `users` users belong to each class.
pub fn counts(shares: &[f64], users: u32) -> Vec<u32> {
    let mut counts = vec![0; shares.len()];
    for class in classes(shares).take(users as usize) {
        counts[class.0 as usize] += 1;
    }
    counts
}

/// When user `number` starts: `number ÷ spawn_rate`, from the number alone, so that rounding never adds up.
pub fn start_of(number: u64, spawn_rate: f64) -> Offset {
    Offset((number as f64 * 1e9 / spawn_rate).round() as u64)
}

/// Every user of a closed load, in order of starting, dealt over `threads` load threads: the k-th user of class c
/// lives on thread (k + c) mod `threads`, so that all threads carry the same number of each class, within one.
pub fn starts(shares: &[f64], users: u32, spawn_rate: f64, threads: usize) -> impl Iterator<Item = Start> + '_ {
    let mut placed = vec![0_usize; shares.len()];
    (0..u64::from(users)).zip(classes(shares)).map(move |(user, class)| {
        let index = class.0 as usize;
        let thread = (placed[index] + index) % threads;
        placed[index] += 1;
        Start { user, class, due: start_of(user, spawn_rate), thread }
    })
}

impl Plan {
    /// The share of each class, by [`UserId`].
    pub fn shares(&self) -> Vec<f64> {
        self.users.iter().map(|user| user.share).collect()
    }

    /// Every user of the run, in order of starting, dealt over `threads` load threads (at least 1).
    pub fn starts(&self, threads: usize) -> Vec<Start> {
        starts(&self.shares(), self.load.users, self.load.spawn_rate, threads).collect()
    }

    /// How many users of each class the run has once all have started, by [`UserId`].
    pub fn user_counts(&self) -> Vec<u32> {
        counts(&self.shares(), self.load.users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(shares: &[f64], users: usize) -> String {
        classes(shares).take(users).map(|class| (b'a' + class.0 as u8) as char).collect()
    }

    #[test]
    fn users_are_placed_by_share() {
        assert_eq!(letters(&[0.8, 0.2], 10), "aabaaaabaa");
        assert_eq!(letters(&[0.5, 0.5], 6), "ababab");
        assert_eq!(letters(&[1.0], 3), "aaa");
        assert_eq!(letters(&[0.0, 1.0], 3), "bbb");
        let third = 1.0 / 3.0;
        assert_eq!(letters(&[third, third, third], 9), "abcabcabc");
    }

    #[test]
    fn every_prefix_is_within_one_user_of_the_mix() {
        // All mixes of up to four classes in steps of a twentieth.
        for a in 0..=20 {
            for b in 0..=20 - a {
                for c in 0..=20 - a - b {
                    let shares = [a, b, c, 20 - a - b - c].map(|part| f64::from(part) / 20.0);
                    let mut counts = [0.0; 4];
                    for (index, class) in classes(&shares).take(60).enumerate() {
                        counts[class.0 as usize] += 1.0;
                        for (share, count) in shares.iter().zip(counts) {
                            let off = count - share * (index + 1) as f64;
                            assert!(off.abs() < 1.0 + 1e-9, "{shares:?}: {off} after {index}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn starts_do_not_drift() {
        assert_eq!(start_of(0, 3.0), Offset(0));
        assert_eq!(start_of(1, 3.0), Offset(333_333_333));
        assert_eq!(start_of(3_000_000, 3.0), Offset(1_000_000_000_000_000));
        assert_eq!(start_of(7, 0.5), Offset(14_000_000_000));
        assert_eq!(start_of(199, 20.0), Offset(9_950_000_000));
    }

    #[test]
    fn each_thread_carries_the_same_of_each_class() {
        for threads in 1..=5 {
            for shares in [&[0.6, 0.4][..], &[0.7, 0.3], &[0.5, 0.25, 0.25]] {
                let mut carried = vec![vec![0_i32; shares.len()]; threads];
                for start in starts(shares, 203, 20.0, threads) {
                    carried[start.thread][start.class.0 as usize] += 1;
                }
                for class in 0..shares.len() {
                    let of_class: Vec<i32> = carried.iter().map(|thread| thread[class]).collect();
                    let (most, least) = (of_class.iter().max().unwrap(), of_class.iter().min().unwrap());
                    assert!(most - least <= 1, "{shares:?} over {threads}: {of_class:?}");
                }
            }
        }
    }

    #[test]
    fn counts_are_the_mix() {
        assert_eq!(counts(&[0.8, 0.2], 5), [4, 1]);
        assert_eq!(counts(&[0.6, 0.4], 200), [120, 80]);
        assert_eq!(counts(&[0.5, 0.5], 1), [1, 0]);
    }
}
