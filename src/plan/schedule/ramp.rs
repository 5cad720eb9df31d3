//! A quantity that changes in stages: linear from one level to the next, or held, or jumping.
//!
//! Two questions are answered, both from numbers alone, so that rounding never adds up however long a run is: when the
//! level passes a whole number (users), and when the area below it does (arrivals).

use std::time::Duration;

use crate::base::Offset;

/// One stage: from the level before it to `to`, in a straight line that takes `over`. With `over` zero it jumps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The level at its end: users, or arrivals a second. Finite, not negative.
    pub to: f64,
    /// How long it takes.
    pub over: Duration,
}

/// A piece of the line: a stage with what came before it.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where it begins, in seconds.
    begin: f64,
    /// How long it is, in seconds; more than 0.
    length: f64,
    from: f64,
    to: f64,
}

impl Piece {
    /// The area below it, up to `seconds` from its begin.
    fn area(self, seconds: f64) -> f64 {
        self.from * seconds + (self.to - self.from) / self.length * seconds * seconds / 2.0
    }

    /// When the area below it is `area`, in seconds from its begin: the smaller root, in the form that loses no digits
    /// where the slope is small.
    fn when_area(self, area: f64) -> f64 {
        if area <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.length;
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        (2.0 * area / (self.from + root)).min(self.length)
    }
}

/// The pieces of a line that begins at level 0.
fn pieces(stages: &[Stage]) -> impl Iterator<Item = Piece> + '_ {
    let (mut begin, mut from) = (0.0, 0.0);
    stages.iter().filter_map(move |stage| {
        let length = stage.over.as_secs_f64();
        let piece = Piece { begin, length, from, to: stage.to };
        begin += length;
        from = stage.to;
        (length > 0.0).then_some(piece)
    })
}

/// How long all stages take together.
pub fn length(stages: &[Stage]) -> Duration {
    stages.iter().map(|stage| stage.over).sum()
}

/// The highest level that is reached.
pub fn highest(stages: &[Stage]) -> f64 {
    stages.iter().map(|stage| stage.to).fold(0.0, f64::max)
}

/// The level at `elapsed`; behind the last stage its level.
pub fn level_at(stages: &[Stage], elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    let inside = pieces(stages).find(|piece| seconds < piece.begin + piece.length);
    match inside {
        Some(piece) => piece.from + (piece.to - piece.from) * (seconds - piece.begin) / piece.length,
        None => stages.last().map_or(0.0, |stage| stage.to),
    }
}

/// The steepest rise, a second; infinite where it jumps up.
pub fn steepest(stages: &[Stage]) -> f64 {
    let mut from = 0.0;
    let mut steepest = 0.0_f64;
    for stage in stages {
        if stage.to > from {
            steepest = steepest.max((stage.to - from) / stage.over.as_secs_f64());
        }
        from = stage.to;
    }
    steepest
}

/// How many places are filled at `elapsed`: see [`places`].
pub fn places_at(stages: &[Stage], elapsed: Duration) -> u64 {
    let (mut begin, mut from) = (Duration::ZERO, 0_u64);
    for stage in stages {
        let to = stage.to.round() as u64;
        if elapsed < begin + stage.over {
            let share = (elapsed - begin).as_secs_f64() / stage.over.as_secs_f64();
            let passed = (share * to.abs_diff(from) as f64) as u64;
            return if to > from { (from + passed + 1).min(to) } else { from - passed };
        }
        begin += stage.over;
        from = to;
    }
    from
}

/// When each arrival is due, in order: number `k` at the moment when the area below the rate is `k`, the first at once
/// where there is a rate at once. So there are as many as the area, rounded up.
///
/// A ramp from one rate to another is solved in closed form for each number: no drift, and nothing is kept.
pub fn arrivals(stages: &[Stage]) -> impl Iterator<Item = Offset> + '_ {
    let (mut before, mut next) = (0.0_f64, 0_u64);
    pieces(stages).flat_map(move |piece| {
        let (first, until) = (next, before + piece.area(piece.length));
        // What lies within a millionth of a whole number is that number, but for rounding.
        let end = ((until - 1e-6).ceil().max(0.0) as u64).max(first);
        let offset = before;
        (before, next) = (until, end);
        (first..end).map(move |number| at(piece.begin + piece.when_area(number as f64 - offset)))
    })
}

/// When user places are filled and emptied: number, when, and whether it is filled. In order of time; within one
/// moment the youngest is emptied first, and the oldest filled first.
///
/// Place `n` is filled when the level rises to `n` (the first at once) and emptied when it falls to `n`: a ramp to 50
/// fills place 49 a fiftieth before its end, and a fall to 0 empties place 0 at its end. Levels are whole numbers at
/// the ends of stages; `to` is rounded.
pub fn places(stages: &[Stage]) -> Vec<(u64, Offset, bool)> {
    let mut events = Vec::new();
    let (mut begin, mut from) = (0.0, 0_u64);
    for stage in stages {
        let (length, to) = (stage.over.as_secs_f64(), stage.to.round() as u64);
        let steps = to.abs_diff(from) as f64;
        for step in 0..to.abs_diff(from) {
            match to > from {
                true => events.push((from + step, at(begin + length * step as f64 / steps), true)),
                false => events.push((from - 1 - step, at(begin + length * (step + 1) as f64 / steps), false)),
            }
        }
        begin += length;
        from = to;
    }
    events
}

fn at(seconds: f64) -> Offset {
    Offset((seconds * 1e9).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(of: &[(f64, f64)]) -> Vec<Stage> {
        of.iter().map(|&(to, over)| Stage { to, over: Duration::from_secs_f64(over) }).collect()
    }

    fn due(of: &[(f64, f64)]) -> Vec<u64> {
        arrivals(&stages(of)).map(|offset| offset.0).collect()
    }

    #[test]
    fn a_steady_rate_is_even_and_does_not_drift_in_an_hour() {
        let due = due(&[(3.0, 0.0), (3.0, 3_600.0)]);
        assert_eq!(due.len(), 10_800);
        for (number, due) in due.iter().enumerate() {
            assert_eq!(*due, (number as f64 / 3.0 * 1e9).round() as u64, "arrival {number}");
        }
    }

    #[test]
    fn counts_are_exact() {
        for (of, count) in [
            (vec![(10.0, 0.0), (10.0, 600.0)], 6_000),
            (vec![(0.5, 0.0), (0.5, 3.0)], 2),
            (vec![(100.0, 60.0)], 3_000),
            (vec![(100.0, 60.0), (100.0, 60.0), (0.0, 60.0)], 12_000),
            (vec![(10.0, 0.0), (20.0, 10.0)], 150),
            (vec![(20.0, 0.0), (10.0, 10.0)], 150),
            (vec![(0.0, 10.0)], 0),
            (vec![(10_000.0, 0.0), (10_000.0, 30.0)], 300_000),
            (vec![(7.0, 0.0), (7.0, 0.5), (0.0, 0.0), (0.0, 5.0), (7.0, 0.0), (7.0, 0.5)], 7),
        ] {
            assert_eq!(due(&of).len(), count, "{of:?}");
        }
    }

    #[test]
    fn a_ramps_count_equals_its_integral_at_every_moment() {
        let due = due(&[(200.0, 20.0), (50.0, 30.0)]);
        let rate = |t: f64| if t < 20.0 { 10.0 * t } else { 200.0 - 5.0 * (t - 20.0) };
        let mut area = 0.0;
        let step = 1e-3;
        let mut seen = 0;
        for tick in 0..50_000 {
            let t = f64::from(tick) * step;
            area += (rate(t) + rate(t + step)) / 2.0 * step;
            while seen < due.len() && (due[seen] as f64) < (t + step) * 1e9 {
                seen += 1;
            }
            assert!((seen as f64 - area).abs() <= 1.01, "{seen} for {area} at {t}");
        }
        assert_eq!(due.len(), 2_000 + 3_750);
    }

    #[test]
    fn arrivals_are_in_order_and_within_their_stages() {
        let due = due(&[(100.0, 7.0), (3.0, 0.0), (90.0, 11.0), (0.0, 5.0)]);
        assert!(due.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(*due.last().unwrap() < 23_000_000_000);
    }

    #[test]
    fn users_come_one_by_one_and_the_youngest_go_first() {
        let seconds = |of: &[(f64, f64)]| -> Vec<(u64, f64, bool)> {
            places(&stages(of)).into_iter().map(|(place, at, on)| (place, at.0 as f64 / 1e9, on)).collect()
        };
        assert_eq!(
            seconds(&[(4.0, 4.0), (4.0, 10.0), (2.0, 1.0), (0.0, 0.0)]),
            [
                (0, 0.0, true),
                (1, 1.0, true),
                (2, 2.0, true),
                (3, 3.0, true),
                (3, 14.5, false),
                (2, 15.0, false),
                (1, 15.0, false),
                (0, 15.0, false),
            ]
        );
        assert_eq!(seconds(&[(3.0, 0.0)]), [(0, 0.0, true), (1, 0.0, true), (2, 0.0, true)]);
    }

    #[test]
    fn the_whole_is_as_long_as_its_stages() {
        let of = stages(&[(50.0, 60.0), (50.0, 300.0), (0.0, 0.0)]);
        assert_eq!(length(&of), Duration::from_secs(360));
        assert_eq!(highest(&of), 50.0);
    }
}
