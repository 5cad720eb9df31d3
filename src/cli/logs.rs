//! `scn run --verbose`: the lines of `log`, as they come.

use std::cell::Cell;
use std::rc::Rc;

use super::screen::Screen;
use crate::base::Offset;
use crate::run::trace::{Event, Listener, Scene, Trace};

/// Most lines a second of one load thread: more would be a load of their own, and nobody reads them. What is left out
/// is counted and told.
pub const LINES_PER_SECOND_MAX: u32 = 50;

/// Writes what is logged to standard error.
pub fn listener(screen: &Screen) -> Listener {
    let screen = screen.clone();
    Listener::new(move || Rc::new(Logs { screen: screen.clone(), second: Cell::default(), left_out: Cell::new(0) }))
}

struct Logs {
    screen: Screen,
    /// The running second, and how many lines it had.
    second: Cell<(u64, u32)>,
    left_out: Cell<u64>,
}

impl Logs {
    /// Whether there is room for one more line; tells how many there was none for.
    fn has_room(&self, at: Offset) -> bool {
        let now = at.since(Offset::ZERO).as_secs();
        let (second, lines) = self.second.get();
        let lines = if second == now { lines } else { 0 };
        if lines == LINES_PER_SECOND_MAX {
            self.left_out.set(self.left_out.get() + 1);
            return false;
        }
        self.tell_left_out();
        self.second.set((now, lines + 1));
        true
    }

    fn tell_left_out(&self) {
        match self.left_out.take() {
            0 => {}
            1 => self.screen.say("… 1 more line was logged"),
            count => self.screen.say(&format!("… {count} more lines were logged")),
        }
    }
}

impl Trace for Logs {
    fn tell(&self, scene: &Scene<'_>, event: &Event<'_>) {
        if let Event::Log { text, .. } = event
            && self.has_room(scene.at)
        {
            self.screen.say(&format!("» user {}: {}", scene.id, scene.hide(text)));
        }
    }

    fn wants_all(&self) -> bool {
        false
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.tell_left_out();
    }
}
