//! When users start and of which class they are. Functions only: nothing here knows how anything is sent.

pub mod ramp;

use super::UserId;

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
    fn counts_are_the_mix() {
        assert_eq!(counts(&[0.8, 0.2], 5), [4, 1]);
        assert_eq!(counts(&[0.6, 0.4], 200), [120, 80]);
        assert_eq!(counts(&[0.5, 0.5], 1), [1, 0]);
    }
}
