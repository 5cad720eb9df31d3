//! How much load, and in which model: users at a time (closed), or iterations a second (open).

use std::time::Duration;

use super::describe::shown;
use super::profile::GRACEFUL_STOP;
use super::schedule::ramp::{self, Stage};
use super::schedule::{classes, counts};
use super::{Plan, UserId};
use crate::base::units::duration_text;
use crate::base::{Offset, Rate};

/// How much load.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The profile's name.
    pub profile: String,
    /// What is asked of which classes: one part for all, or one for each class that has its own.
    pub parts: Vec<Part>,
    /// From the first start, ramp and warm-up included.
    pub duration: Duration,
    /// So many iterations in all, then the run ends.
    pub iterations: Option<u64>,
    /// From the first start: what is seen in it is kept apart.
    pub warm_up: Duration,
    /// What running iterations get after the end.
    pub graceful_stop: Duration,
}

/// What is asked of some classes of users.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The share of each class, by [`UserId`]; 0 for those of other parts. They sum to 1.
    pub shares: Vec<f64>,
    /// How much.
    pub shape: Shape,
}

/// The two models.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// So many users at a time.
    Closed {
        /// How many, over time.
        stages: Vec<Stage>,
    },
    /// So many iterations started a second, whatever becomes of them.
    Open {
        /// How many a second, over time.
        stages: Vec<Stage>,
        /// At most so many users to take them.
        max_users: u32,
    },
}

/// One virtual user of a closed load, before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its number over the whole run, from 0.
    pub user: u64,
    /// Its class.
    pub class: UserId,
    /// When it starts.
    pub due: Offset,
    /// When it takes up no further iteration; [`Offset::NEVER`] where a falling stage does not retire it.
    pub until: Offset,
    /// The load thread that it lives on.
    pub thread: usize,
}

/// An iteration that is to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub due: Offset,
    /// For a user of which class.
    pub class: UserId,
}

impl Shape {
    /// Closed: so many users, started at a steady rate; all at once where it is infinite.
    pub fn users(users: u32, spawn_rate: f64) -> Shape {
        let to = f64::from(users);
        let over = Duration::try_from_secs_f64(to / spawn_rate).unwrap_or(Duration::MAX);
        Shape::Closed { stages: vec![Stage { to, over }] }
    }
}

impl Load {
    /// A single part: these classes share so many users, started at a steady rate.
    pub fn closed(profile: &str, shares: Vec<f64>, users: u32, spawn_rate: f64, duration: Duration) -> Load {
        Load {
            profile: profile.to_owned(),
            parts: vec![Part { shares, shape: Shape::users(users, spawn_rate) }],
            duration,
            iterations: None,
            warm_up: Duration::ZERO,
            graceful_stop: GRACEFUL_STOP,
        }
    }

    /// The duration without the warm-up.
    pub fn measured(&self) -> Duration {
        self.duration.saturating_sub(self.warm_up)
    }

    /// Users who live at the same time, at most: what the stages reach, and what arrivals may make.
    pub fn users(&self) -> u32 {
        self.parts.iter().map(Part::users).sum()
    }

    /// In words: `200 users, 20/s started, 10m`.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(Part::text).collect();
        let mut text = format!("{}, {}", parts.join("; "), duration_text(self.duration));
        if let Some(iterations) = self.iterations {
            text += &format!(" or {iterations} iterations");
        }
        if !self.warm_up.is_zero() {
            text += &format!(", of it {} to warm up", duration_text(self.warm_up));
        }
        text
    }

    /// Of these how many belong to each class, by [`UserId`].
    pub fn user_counts(&self) -> Vec<u32> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.resize(part.shares.len(), 0);
            for (sum, count) in all.iter_mut().zip(counts(&part.shares, part.users())) {
                *sum += count;
            }
        }
        all
    }

    /// How many users a closed load means to have at `elapsed`; `None` where a part is open: then the target decides.
    pub fn users_at(&self, elapsed: Duration) -> Option<u64> {
        self.parts.iter().map(|part| part.users_at(elapsed)).sum()
    }

    /// The arrivals a second that are meant at `elapsed`, all open parts together; `None` where there is none.
    pub fn rate_at(&self, elapsed: Duration) -> Option<f64> {
        let rates = self.parts.iter().filter_map(|part| match &part.shape {
            Shape::Open { stages, .. } => Some(ramp::level_at(stages, elapsed)),
            Shape::Closed { .. } => None,
        });
        rates.reduce(|sum, rate| sum + rate)
    }

    /// The most arrivals a second that a class takes; `None`: it takes none, its users call the tune.
    pub fn rate_of(&self, class: UserId) -> Option<f64> {
        self.parts.iter().find_map(|part| match (&part.shape, part.shares[class.0 as usize]) {
            (Shape::Open { stages, .. }, share) if share > 0.0 => Some(ramp::highest(stages) * share),
            _ => None,
        })
    }

    /// Users started a second at the steepest, of the closed parts; 0 where there is none.
    pub fn spawn_rate(&self) -> f64 {
        let steepest = self.parts.iter().map(|part| match &part.shape {
            Shape::Closed { stages } => ramp::steepest(stages),
            Shape::Open { .. } => 0.0,
        });
        steepest.fold(0.0, f64::max)
    }

    /// Arrivals that are due before `end`, for the load thread `thread` of `threads`, in order. The k-th arrival of a
    /// class goes to the same thread as its k-th user would.
    ///
    /// Cost: every thread walks the arrivals of all, some nanoseconds each; nothing is kept.
    pub fn arrivals(&self, thread: usize, threads: usize, end: Offset) -> impl Iterator<Item = Arrival> + use<'_> {
        let before = self.users_before();
        let mut parts: Vec<_> = self
            .parts
            .iter()
            .filter_map(|part| match &part.shape {
                Shape::Open { stages, .. } => {
                    Some(part.arrivals_of(stages, before.clone(), thread, threads).peekable())
                }
                Shape::Closed { .. } => None,
            })
            .collect();
        std::iter::from_fn(move || {
            let due = |(index, part): (usize, &mut std::iter::Peekable<_>)| {
                Some((part.peek().map(|a: &Arrival| a.due)?, index))
            };
            let (_, index) = parts.iter_mut().enumerate().filter_map(due).min()?;
            parts[index].next().filter(|arrival| arrival.due < end)
        })
    }

    /// How many users of a class a load thread may make for arrivals; 0 for classes of closed parts.
    pub fn users_for_arrivals(&self, class: UserId, thread: usize, threads: usize) -> u32 {
        let index = class.0 as usize;
        let open = |part: &&Part| part.shares[index] > 0.0 && matches!(part.shape, Shape::Open { .. });
        let count = self.parts.iter().find(open).map_or(0, |part| counts(&part.shares, part.users())[index]);
        let before = self.users_before()[index];
        (0..count as usize).filter(|number| (number + before) % threads == thread).count() as u32
    }

    /// How many users the classes before each class have, by [`UserId`]. Each class begins to be dealt over the threads
    /// where the one before it ended, so that all threads carry the same.
    fn users_before(&self) -> Vec<usize> {
        let before = |sum: &mut usize, count: u32| Some(std::mem::replace(sum, *sum + count as usize));
        self.user_counts().into_iter().scan(0, before).collect()
    }
}

impl Part {
    /// Users who live at the same time, at most.
    pub fn users(&self) -> u32 {
        match &self.shape {
            Shape::Closed { stages } => ramp::highest(stages).round() as u32,
            Shape::Open { max_users, .. } => *max_users,
        }
    }

    fn text(&self) -> String {
        let users = match self.users() {
            1 => "1 user".to_owned(),
            users => format!("{users} users"),
        };
        let peak = |stages: &[Stage]| Rate(ramp::highest(stages));
        match &self.shape {
            Shape::Closed { stages } => match stages[..] {
                [Stage { over, .. }] if over.is_zero() => format!("{users} at once"),
                [Stage { to, over }] => format!("{users}, {} started a second", shown(to / over.as_secs_f64())),
                _ => format!("up to {users} in {} stages", stages.len()),
            },
            Shape::Open { stages, .. } => match stages[..] {
                [Stage { over: Duration::ZERO, .. }, _] => format!("{} arrivals, up to {users}", peak(stages)),
                _ => format!("up to {} arrivals in {} stages, up to {users}", peak(stages), stages.len()),
            },
        }
    }

    fn users_at(&self, elapsed: Duration) -> Option<u64> {
        match &self.shape {
            Shape::Closed { stages } => Some(ramp::places_at(stages, elapsed)),
            Shape::Open { .. } => None,
        }
    }

    fn arrivals_of<'a>(
        &'a self,
        stages: &'a [Stage],
        before: Vec<usize>,
        thread: usize,
        threads: usize,
    ) -> impl Iterator<Item = Arrival> + 'a {
        let mut placed = vec![0_usize; self.shares.len()];
        ramp::arrivals(stages).zip(classes(&self.shares)).filter_map(move |(due, class)| {
            let index = class.0 as usize;
            let number = placed[index];
            placed[index] += 1;
            ((number + before[index]) % threads == thread).then_some(Arrival { due, class })
        })
    }
}

impl Plan {
    /// Every user of the closed parts, in order of starting, dealt over `threads` load threads (at least 1): the places
    /// of a class one after another, beginning where those of the class before it ended. So all threads carry the same
    /// of each class and in all, give or take one user.
    pub fn starts(&self, threads: usize) -> Vec<Start> {
        starts(&self.load, threads)
    }

    /// How many users of each class the run has at most at the same time, by [`UserId`].
    pub fn user_counts(&self) -> Vec<u32> {
        let mut counts = self.load.user_counts();
        counts.resize(self.users.len(), 0);
        counts
    }
}

/// See [`Plan::starts`].
pub fn starts(load: &Load, threads: usize) -> Vec<Start> {
    let mut all = Vec::new();
    let before = load.users_before();
    for part in &load.parts {
        let Shape::Closed { stages } = &part.shape else { continue };
        let mut placed = vec![0_usize; part.shares.len()];
        let places = classes(&part.shares).take(part.users() as usize).map(|class| {
            let index = class.0 as usize;
            placed[index] += 1;
            (class, (placed[index] - 1 + before[index]) % threads)
        });
        let places: Vec<(UserId, usize)> = places.collect();
        let first = all.len();
        // Where in `all` the one lives that holds a place now.
        let mut holders = vec![usize::MAX; places.len()];
        for (place, at, filled) in ramp::places(stages) {
            let (class, thread) = places[place as usize];
            match filled {
                true => {
                    holders[place as usize] = all.len();
                    all.push(Start { user: 0, class, due: at, until: Offset::NEVER, thread });
                }
                false => all[holders[place as usize]].until = at,
            }
        }
        debug_assert!(all[first..].windows(2).all(|pair| pair[0].due <= pair[1].due), "stages follow each other");
    }
    all.sort_by_key(|start| start.due);
    for (user, start) in (0..).zip(&mut all) {
        start.user = user;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(of: &[(f64, f64)]) -> Vec<Stage> {
        of.iter().map(|&(to, over)| Stage { to, over: Duration::from_secs_f64(over) }).collect()
    }

    fn load(parts: Vec<Part>) -> Load {
        let duration = Duration::from_secs(60);
        let profile = "test".to_owned();
        Load { profile, parts, duration, iterations: None, warm_up: Duration::ZERO, graceful_stop: Duration::ZERO }
    }

    fn closed(shares: &[f64], of: &[(f64, f64)]) -> Part {
        Part { shares: shares.to_vec(), shape: Shape::Closed { stages: stages(of) } }
    }

    fn open(shares: &[f64], of: &[(f64, f64)], max_users: u32) -> Part {
        Part { shares: shares.to_vec(), shape: Shape::Open { stages: stages(of), max_users } }
    }

    /// What the threads carry differs by one at most.
    fn even(carried: &[u32], of: &str) {
        let (most, least) = (carried.iter().max().unwrap(), carried.iter().min().unwrap());
        assert!(most - least <= 1, "{of}: {carried:?}");
    }

    /// Loads of several classes: mixes, and a load for each class, closed and open.
    fn several_classes() -> Vec<Load> {
        let mut loads = Vec::new();
        let mixes =
            [&[1.0][..], &[0.6, 0.4], &[0.7, 0.3], &[0.5, 0.25, 0.25], &[0.0, 0.9, 0.1], &[0.2, 0.2, 0.2, 0.2, 0.2]];
        for shares in mixes {
            for users in [1, 2, 5, 7, 203] {
                let to = f64::from(users);
                loads.push(load(vec![closed(shares, &[(to, 10.15), (to, 60.0)])]));
                loads.push(load(vec![open(shares, &[(50.0, 0.0), (50.0, 7.0)], users)]));
            }
        }
        for (a, b, c) in [(1, 1, 1), (3, 5, 7), (10, 1, 100), (7, 7, 7)] {
            loads.push(load(vec![
                closed(&[1.0, 0.0, 0.0], &[(f64::from(a), 1.0)]),
                open(&[0.0, 1.0, 0.0], &[(20.0, 3.0)], b),
                closed(&[0.0, 0.0, 1.0], &[(f64::from(c), 0.0), (f64::from(c), 9.0)]),
            ]));
        }
        loads
    }

    #[test]
    fn all_threads_carry_the_same_of_each_class_and_in_all() {
        for load in several_classes() {
            for threads in 1..=7 {
                let of = format!("{} over {threads}", load.text());
                let classes = load.user_counts().len();
                let mut carried = vec![vec![0; threads]; classes];
                for start in starts(&load, threads) {
                    carried[start.class.0 as usize][start.thread] += 1;
                }
                for (class, carried) in carried.iter_mut().enumerate() {
                    for (thread, users) in carried.iter_mut().enumerate() {
                        *users += load.users_for_arrivals(UserId(class as u32), thread, threads);
                    }
                    even(carried, &of);
                }
                let in_all: Vec<u32> =
                    (0..threads).map(|thread| carried.iter().map(|class| class[thread]).sum()).collect();
                even(&in_all, &of);
                assert_eq!(in_all.iter().sum::<u32>(), load.users(), "{of}");
            }
        }
    }

    #[test]
    fn all_threads_take_the_same_arrivals_of_each_class() {
        for load in several_classes() {
            for threads in 1..=4 {
                let classes = load.user_counts().len();
                let taken: Vec<Vec<Arrival>> =
                    (0..threads).map(|thread| load.arrivals(thread, threads, Offset::NEVER).collect()).collect();
                for class in (0..classes as u32).map(UserId) {
                    let of_class = |all: &Vec<Arrival>| all.iter().filter(|one| one.class == class).count() as u32;
                    let taken: Vec<u32> = taken.iter().map(of_class).collect();
                    even(&taken, &format!("{} over {threads}", load.text()));
                }
            }
        }
    }

    #[test]
    fn an_arrival_comes_first_to_a_thread_that_has_a_user_for_it() {
        // Three of each class over two threads: the first begins on one thread and the second on the other.
        let load = load(vec![open(&[0.5, 0.5], &[(10.0, 0.0), (10.0, 1.0)], 6)]);
        for class in [UserId(0), UserId(1)] {
            let first = (0..2).find(|thread| {
                let mut arrivals = load.arrivals(*thread, 2, Offset::NEVER);
                arrivals.find(|arrival| arrival.class == class).is_some_and(|first| first.due.0 < 200_000_000)
            });
            let first = first.expect("one of the first two arrivals is of this class");
            assert_eq!(load.users_for_arrivals(class, first, 2), 2);
        }
    }

    #[test]
    fn who_comes_back_after_a_fall_is_a_new_user_of_the_same_class() {
        let load = load(vec![closed(&[0.5, 0.5], &[(2.0, 0.0), (2.0, 10.0), (1.0, 0.0), (2.0, 10.0), (2.0, 5.0)])]);
        let all = starts(&load, 1);
        let told: Vec<(u64, u32, u64, Option<u64>)> = all
            .iter()
            .map(|start| {
                let until = (start.until != Offset::NEVER).then_some(start.until.0 / 1_000_000_000);
                (start.user, start.class.0, start.due.0 / 1_000_000_000, until)
            })
            .collect();
        assert_eq!(told, [(0, 0, 0, None), (1, 1, 0, Some(10)), (2, 1, 10, None)]);
        assert_eq!(load.users(), 2);
        assert_eq!(load.user_counts(), [1, 1]);
    }

    #[test]
    fn the_threads_share_all_arrivals_and_none_is_lost() {
        let load = load(vec![
            open(&[0.7, 0.3, 0.0], &[(100.0, 10.0)], 7),
            open(&[0.0, 0.0, 1.0], &[(50.0, 0.0), (50.0, 4.0)], 2),
        ]);
        for threads in 1..=3 {
            let mut all: Vec<Arrival> = Vec::new();
            for thread in 0..threads {
                let own: Vec<Arrival> = load.arrivals(thread, threads, Offset::NEVER).collect();
                assert!(own.windows(2).all(|pair| pair[0].due <= pair[1].due));
                all.extend(own);
            }
            let of_class = |class| all.iter().filter(|arrival| arrival.class == UserId(class)).count();
            assert_eq!([of_class(0), of_class(1), of_class(2)], [350, 150, 200], "{threads} threads");
            let users = |class| -> u32 {
                (0..threads).map(|thread| load.users_for_arrivals(UserId(class), thread, threads)).sum()
            };
            assert_eq!([users(0), users(1), users(2)], [5, 2, 2]);
        }
        assert_eq!(load.arrivals(0, 1, Offset(2_000_000_000)).count(), 120);
    }

    #[test]
    fn what_is_meant_at_a_moment() {
        let seconds = Duration::from_secs;
        let users = load(vec![closed(&[1.0], &[(50.0, 10.0), (50.0, 10.0), (0.0, 10.0)])]);
        assert_eq!(users.users_at(seconds(0)), Some(1));
        assert_eq!(users.users_at(seconds(5)), Some(26));
        assert_eq!(users.users_at(seconds(15)), Some(50));
        assert_eq!(users.users_at(seconds(25)), Some(25));
        assert_eq!(users.spawn_rate(), 5.0);
        let rate = load(vec![open(&[1.0], &[(50.0, 10.0), (50.0, 10.0)], 9)]);
        assert_eq!(rate.users_at(seconds(5)), None);
        assert_eq!(rate.rate_at(seconds(5)), Some(25.0));
        assert_eq!(rate.rate_of(UserId(0)), Some(50.0));
        assert_eq!(users.rate_of(UserId(0)), None);
    }
}
