//! How the generator itself fared: what share of its core each load thread used, second by second.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::Offset;

/// How the load threads fared, by thread number.
///
/// Shape: 12 bytes a thread and second, so a day of eight threads is 8 MiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    threads: BTreeMap<u32, Vec<Slot>>,
}

/// What one thread used of its core in the windows that ended within one second of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    second: u32,
    cpu_micros: u32,
    wall_micros: u32,
}

/// The busiest stretch of a load thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Busiest {
    /// Which thread, from 0.
    pub thread: u32,
    /// What it used of its core; 1 is all of it.
    pub share: f64,
    /// How long the stretch was.
    pub length: Duration,
    /// When it ended, to the second.
    pub end: Offset,
}

impl Health {
    /// Notes that `thread` used `cpu` of its core in the window from `from` to `to`.
    pub fn record(&mut self, thread: u32, from: Offset, to: Offset, cpu: Duration) {
        let wall = to.since(from);
        if wall.is_zero() {
            return;
        }
        let slot = Slot {
            second: u32::try_from(to.0.saturating_sub(1) / 1_000_000_000).unwrap_or(u32::MAX),
            cpu_micros: saturating_micros(cpu),
            wall_micros: saturating_micros(wall),
        };
        merge_slots(self.threads.entry(thread).or_default(), &[slot]);
    }

    /// Adds what other threads or later windows saw.
    pub fn merge(&mut self, other: &Health) {
        for (thread, slots) in &other.threads {
            merge_slots(self.threads.entry(*thread).or_default(), slots);
        }
    }

    /// The busiest stretch of `span` of any thread; of a thread that lived for less, its whole life, but not when
    /// that was shorter than `least`. `None` when no thread lived that long.
    pub fn busiest(&self, span: Duration, least: Duration) -> Option<Busiest> {
        let stretches = self.threads.iter().filter_map(|(thread, slots)| busiest(*thread, slots, span, least));
        stretches.max_by(|a, b| a.share.total_cmp(&b.share))
    }

    /// What each thread used of its core, all windows together: thread number and share.
    pub fn shares(&self) -> impl Iterator<Item = (u32, f64)> {
        self.threads.iter().map(|(thread, slots)| {
            let (cpu, wall) = slots.iter().fold((0, 0), add);
            (*thread, cpu as f64 / wall.max(1) as f64)
        })
    }
}

/// Windows are about a second long: five of them may be a little less than five seconds.
const SPAN_PART: f64 = 0.95;

fn busiest(thread: u32, slots: &[Slot], span: Duration, least: Duration) -> Option<Busiest> {
    let stretch = |cpu: u64, wall: u64, second: u32| Busiest {
        thread,
        share: cpu as f64 / wall as f64,
        length: Duration::from_micros(wall),
        end: Offset((u64::from(second) + 1) * 1_000_000_000),
    };
    let enough = (span.as_micros() as f64 * SPAN_PART) as u64;
    let mut best: Option<Busiest> = None;
    let (mut first, mut cpu, mut wall) = (0, 0, 0);
    for slot in slots {
        (cpu, wall) = add((cpu, wall), slot);
        // Leave behind what is not needed for the span.
        while wall - u64::from(slots[first].wall_micros) >= enough {
            cpu -= u64::from(slots[first].cpu_micros);
            wall -= u64::from(slots[first].wall_micros);
            first += 1;
        }
        if wall >= enough && best.is_none_or(|best| cpu as f64 / wall as f64 > best.share) {
            best = Some(stretch(cpu, wall, slot.second));
        }
    }
    let whole =
        || (wall >= least.as_micros() as u64 && wall > 0).then(|| stretch(cpu, wall, slots[slots.len() - 1].second));
    best.or_else(whole)
}

fn add((cpu, wall): (u64, u64), slot: &Slot) -> (u64, u64) {
    (cpu + u64::from(slot.cpu_micros), wall + u64::from(slot.wall_micros))
}

/// Merges two lists that are sorted by second.
fn merge_slots(into: &mut Vec<Slot>, other: &[Slot]) {
    for slot in other {
        // Nearly always the last or a new one: windows come in order.
        let after = into.iter().rposition(|have| have.second <= slot.second).map_or(0, |index| index + 1);
        match after.checked_sub(1).map(|index| &mut into[index]) {
            Some(have) if have.second == slot.second => {
                have.cpu_micros = have.cpu_micros.saturating_add(slot.cpu_micros);
                have.wall_micros = have.wall_micros.saturating_add(slot.wall_micros);
            }
            _ => into.insert(after, *slot),
        }
    }
}

fn saturating_micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(5);
    const LEAST: Duration = Duration::from_secs(1);

    /// One thread's windows of a second each, with these percentages of CPU.
    fn health(thread: u32, percents: &[u64]) -> Health {
        let mut health = Health::default();
        for (second, percent) in (0..).zip(percents) {
            let from = Offset(second * 1_000_000_000);
            health.record(thread, from, from + Duration::from_secs(1), Duration::from_millis(percent * 10));
        }
        health
    }

    #[test]
    fn the_busiest_five_seconds_are_found_wherever_they_begin() {
        let busiest = health(0, &[0, 0, 100, 100, 80, 100, 100, 0, 0]).busiest(SPAN, LEAST).unwrap();
        assert_eq!((busiest.share, busiest.length, busiest.end), (0.96, SPAN, Offset(7_000_000_000)));
    }

    #[test]
    fn a_single_full_second_is_not_five() {
        assert_eq!(health(0, &[0, 0, 100, 0, 0, 0]).busiest(SPAN, LEAST).unwrap().share, 0.2);
    }

    #[test]
    fn a_short_life_is_judged_as_a_whole_and_a_very_short_one_not_at_all() {
        assert_eq!(health(0, &[50, 100]).busiest(SPAN, LEAST).unwrap().share, 0.75);
        let mut blink = Health::default();
        blink.record(0, Offset::ZERO, Offset(300_000_000), Duration::from_millis(300));
        assert_eq!(blink.busiest(SPAN, LEAST), None);
    }

    #[test]
    fn threads_are_judged_each_on_its_own() {
        let mut both = health(0, &[10; 6]);
        both.merge(&health(1, &[90; 6]));
        let busiest = both.busiest(SPAN, LEAST).unwrap();
        assert_eq!((busiest.thread, busiest.share), (1, 0.9));
        assert_eq!(both.shares().collect::<Vec<_>>(), [(0, 0.1), (1, 0.9)]);
    }

    #[test]
    fn the_order_of_merging_does_not_matter() {
        let mut forth = health(0, &[10, 20, 30]);
        let later = {
            let mut later = Health::default();
            later.record(0, Offset(1_500_000_000), Offset(2_500_000_000), Duration::from_millis(500));
            later
        };
        let mut back = later.clone();
        back.merge(&forth);
        forth.merge(&later);
        assert_eq!(forth, back);
    }
}
