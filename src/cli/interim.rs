//! The state so far: while a run goes, `summary.json` in its folder is written anew once a second, so that a run that is
//! killed (`kill -9`, out of memory) leaves what was measured up to its last second.
//!
//! Its words are made on the thread that hears the load threads, and written on a thread of its own: a disk that stands
//! still holds up nobody. Only the newest state waits for that thread. The last summary is written when
//! [`Interim::finish`] has waited for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::folder::Room;

/// Making the words takes at most one part in so many of a core: where a plan has thousands of steps, the state is
/// written less often than once a second.
const PARTS_OF_A_CORE: u32 = 50;

/// The last summary may be longer than the state before it, by this part of it: room is held for so much.
const GROWS_BY: u64 = 2;

/// The state of one run, in its folder.
#[derive(Debug)]
pub struct Interim {
    /// `None`: there is no folder.
    writer: Option<Writer>,
    /// No state is told before this.
    next: Instant,
    /// Whether it was said that a state could not be written.
    warned: bool,
}

#[derive(Debug)]
struct Writer {
    place: PathBuf,
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

/// Where states are handed over.
#[derive(Debug, Default)]
struct Desk {
    pile: Mutex<Pile>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pile {
    /// What is to be written next.
    waiting: Option<String>,
    /// States that were told.
    told: u64,
    /// Those of them that were not written.
    skipped: u64,
    /// Why the first one was not.
    trouble: Option<String>,
    /// Nothing more comes.
    ended: bool,
}

impl Desk {
    fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().expect("nobody panics with it")
    }
}

impl Pile {
    fn skip(&mut self, why: impl FnOnce() -> String) {
        self.skipped += 1;
        self.trouble.get_or_insert_with(why);
    }
}

impl Interim {
    /// Begins to write states to `place`, and holds `room` for the last summary; nothing at all without a place.
    /// Errors: the system refuses a thread.
    pub fn start(place: Option<(PathBuf, Room)>) -> io::Result<Interim> {
        let writer = place.map(|(place, room)| {
            let desk = Arc::<Desk>::default();
            let (shared, to) = (desk.clone(), place.clone());
            let thread = thread::Builder::new().name("state".into()).spawn(move || write(&shared, &to, room))?;
            Ok::<_, io::Error>(Writer { place, desk, thread })
        });
        Ok(Interim { writer: writer.transpose()?, next: Instant::now(), warned: false })
    }

    /// Hands over the state that `text` tells, unless telling it so soon would cost too much. A warning, once, when
    /// one could not be written.
    pub fn keep(&mut self, text: impl FnOnce() -> String) -> Option<String> {
        let writer = self.writer.as_ref()?;
        let now = Instant::now();
        if now >= self.next {
            let begun = own_time();
            let text = text();
            self.next = now + own_time().saturating_sub(begun) * PARTS_OF_A_CORE;
            let mut pile = writer.desk.pile();
            pile.told += 1;
            if pile.waiting.replace(text).is_some() {
                pile.skip(|| "the disk is slower than the run".to_owned());
            }
            writer.desk.changed.notify_one();
        }
        let trouble = writer.desk.pile().trouble.clone().filter(|_| !self.warned)?;
        self.warned = true;
        Some(format!(
            "warning: the state of the run cannot be written to `{}`: {trouble}; it is tried again each second",
            writer.place.display()
        ))
    }

    /// Ends, when what is being written has been written. What a report should note.
    pub fn finish(self) -> Option<String> {
        let Writer { place, desk, thread } = self.writer?;
        {
            let mut pile = desk.pile();
            pile.ended = true;
            desk.changed.notify_one();
        }
        thread.join().expect("the writer does not panic");
        let pile = desk.pile();
        let trouble = pile.trouble.as_ref()?;
        let (skipped, told) = (pile.skipped, pile.told);
        Some(format!("{skipped} of {told} states of the run were not written to `{}`: {trouble}", place.display()))
    }
}

/// Writes what is handed over until nothing more comes.
fn write(desk: &Desk, place: &Path, mut room: Room) {
    loop {
        let text = {
            let pile = desk.pile();
            let mut pile =
                desk.changed.wait_while(pile, |pile| pile.waiting.is_none() && !pile.ended).expect("nobody panics");
            match pile.waiting.take() {
                // The last summary is about to take its place.
                _ if pile.ended => return,
                Some(text) => text,
                None => continue,
            }
        };
        let written = put(place, &text).and_then(|()| room.hold(GROWS_BY * text.len() as u64));
        if let Err(error) = written {
            desk.pile().skip(|| error.to_string());
        }
    }
}

/// Puts `text` into its place, whole and at once; what cannot be written leaves what was there before.
fn put(place: &Path, text: &str) -> io::Result<()> {
    let fresh = place.with_extension("json.now");
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, place));
    if written.is_err() {
        // Gives back what room there was.
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// What this thread has used of its core.
fn own_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cli::folder::Pending;

    /// A place in a folder of its own, and the room beside it.
    fn place() -> (tempfile::TempDir, PathBuf, Room) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let place = folder.path().join("summary.json");
        let room = Pending::reserve(&place).expect("it can be written").room().expect("it is a file");
        (folder, place, room)
    }

    /// Hands this over and waits until it was written, or not.
    fn keep(interim: &mut Interim, text: &str) {
        interim.next = Instant::now();
        interim.keep(|| text.to_owned());
        let desk = &interim.writer.as_ref().expect("there is a place").desk;
        // Whoever writes has it in hand, and has it done when it asks for the next one.
        while desk.pile().waiting.is_some() {
            thread::yield_now();
        }
    }

    #[test]
    fn each_state_takes_the_place_of_the_one_before() {
        let (folder, place, room) = place();
        let mut interim = Interim::start(Some((place.clone(), room))).expect("a thread");
        for text in ["one", "two", "three"] {
            keep(&mut interim, text);
        }
        assert_eq!(interim.finish(), None);
        assert_eq!(fs::read_to_string(place).expect("it is there"), "three");
        let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["summary.json", "summary.json.part"], "nothing else is left");
    }

    #[test]
    fn a_full_disk_costs_the_states_meanwhile_and_is_told_once() {
        let (_folder, place, room) = place();
        let mut interim = Interim::start(Some((place.clone(), room))).expect("a thread");
        keep(&mut interim, "before");
        while !place.exists() {
            thread::yield_now();
        }
        // The next one meets a disk without room; its rest is taken away, and the one after it has room again.
        symlink("/dev/full", place.with_extension("json.now")).expect("links can be made");
        keep(&mut interim, "lost");
        while interim.writer.as_ref().expect("there is a place").desk.pile().skipped == 0 {
            thread::yield_now();
        }
        assert_eq!(fs::read_to_string(&place).expect("it is there"), "before");
        interim.next = Instant::now();
        let said = interim.keep(|| "after".to_owned()).expect("it is told");
        assert!(said.contains("No space left on device"), "{said}");
        assert_eq!(interim.keep(|| "after".to_owned()), None, "once");
        while fs::read_to_string(&place).expect("it is there") != "after" {
            thread::yield_now();
        }
        let noted = interim.finish().expect("it is noted");
        assert!(noted.starts_with("1 of ") && noted.contains("No space left on device"), "{noted}");
    }

    #[test]
    fn a_disk_that_stands_still_holds_up_nobody() {
        let (_folder, place, room) = place();
        // Whoever writes to a pipe waits until somebody reads.
        let pipe = place.with_extension("json.now");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("Linux has it").success());
        let mut interim = Interim::start(Some((place, room))).expect("a thread");
        keep(&mut interim, "one");
        for (text, told) in [("two", false), ("three", true)] {
            interim.next = Instant::now();
            let said = interim.keep(|| text.to_owned());
            assert_eq!(said.is_some_and(|said| said.contains("the disk is slower than the run")), told, "{text}");
        }
        assert_eq!(fs::read_to_string(&pipe).expect("a pipe"), "one");
        let noted = interim.finish().expect("it is noted");
        assert!(noted.starts_with("1 of 3 states"), "{noted}");
    }

    #[test]
    fn room_is_held_for_more_than_the_longest_state() {
        let (_folder, place, room) = place();
        let mut interim = Interim::start(Some((place.clone(), room))).expect("a thread");
        keep(&mut interim, &"x".repeat(1 << 20));
        assert_eq!(interim.finish(), None);
        let held = fs::metadata(place.with_extension("json.part")).expect("it is there").len();
        assert_eq!(held, 2 << 20);
    }

    #[test]
    fn what_costs_much_to_tell_is_told_less_often() {
        let (_folder, place, room) = place();
        let mut interim = Interim::start(Some((place, room))).expect("a thread");
        let mut told = 0;
        interim.keep(|| {
            let begun = own_time();
            while own_time() - begun < Duration::from_millis(20) {
                told += 1;
            }
            "dear".to_owned()
        });
        assert!(told > 0 && interim.next >= Instant::now() + Duration::from_millis(20 * 40));
        interim.keep(|| unreachable!("its time has not come"));
        assert_eq!(interim.finish(), None);
    }

    #[test]
    fn without_a_folder_nothing_is_told() {
        let mut interim = Interim::start(None).expect("no thread is needed");
        assert_eq!(interim.keep(|| unreachable!("nobody wants it")), None);
        assert_eq!(interim.finish(), None);
    }
}
