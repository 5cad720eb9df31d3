//! What a person sees while a run goes: a few lines redrawn in place on a terminal, a plain line every few seconds
//! elsewhere. All of it on standard error; the terminal is never switched into another mode, so there is nothing to
//! restore. What the lines say is `report`'s; when and where they stand is decided here.

use std::io::Write;
use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::screen::{Look, Screen};
use crate::metrics::Recent;
use crate::plan::Plan;
use crate::report::{Now, abort_reason, beside_line, live, plain_line};
use crate::run::{Act, Stop, Tick};

/// What the numbers in the middle look back over.
const LOOKS_BACK: Duration = Duration::from_secs(10);
/// Redrawn at most so often: four times a second.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// Where lines cannot be redrawn, one every so often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The view of one run.
pub struct Live<'a> {
    plan: &'a Plan,
    look: Look,
    mode: Mode,
    recent: Recent,
    stop: Stop,
    /// The part of the run that goes on.
    act: Act,
    /// When something was last drawn; the part's start before that.
    drawn: Duration,
    /// Lines of the view that stand on the terminal.
    lines: usize,
    /// Whether it was said that a threshold ended the run.
    told_of_abort: bool,
}

/// How the view is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Not at all.
    Quiet,
    /// Over itself.
    InPlace,
    /// A line now and then.
    Plain,
}

impl<'a> Live<'a> {
    /// The view of a run of `plan` that `stop` can end.
    pub fn new(plan: &'a Plan, stop: Stop, quiet: bool, screen: &Screen) -> Live<'a> {
        let mode = match (quiet, screen.err.terminal) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::InPlace,
            (false, false) => Mode::Plain,
        };
        let recent = Recent::new(plan, LOOKS_BACK);
        Live {
            plan,
            look: screen.err,
            mode,
            recent,
            stop,
            act: Act::Setup,
            drawn: Duration::ZERO,
            lines: 0,
            told_of_abort: false,
        }
    }

    /// Whether a signal should be answered with words of its own: the view in place says it itself.
    pub fn tells_of_stopping(&self) -> bool {
        self.mode != Mode::InPlace
    }

    /// Takes in what was seen, and draws it when it is time.
    pub fn show(&mut self, tick: &Tick<'_>) {
        if let Some(aborted) = tick.watch.aborted()
            && !self.told_of_abort
            && self.mode == Mode::Plain
        {
            self.told_of_abort = true;
            write(&format!("stopping: {}\n", abort_reason(aborted)));
        }
        let every = match self.mode {
            Mode::Quiet => return,
            Mode::InPlace => REDRAW_EVERY,
            Mode::Plain => PLAIN_EVERY,
        };
        if self.act != tick.act {
            // Each part of a run counts its own time.
            (self.act, self.drawn) = (tick.act, Duration::ZERO);
        }
        if tick.act == Act::Load {
            self.recent.push(tick.window);
        }
        // Ticks come a little early or late: some grace keeps five seconds from becoming six.
        if tick.elapsed.saturating_sub(self.drawn) + every / 10 < every {
            return;
        }
        self.drawn = tick.elapsed;
        if let Some(word) = beside(tick.act) {
            let line = beside_line(word, tick.elapsed, tick.total);
            match self.mode {
                Mode::InPlace => {
                    self.redraw(&[format!("{} · {}", self.plan.scenario, self.plan.load.profile), format!("  {line}")])
                }
                Mode::Plain | Mode::Quiet => write(&format!("{line}\n")),
            }
            return;
        }
        let apart = if tick.warming { Duration::ZERO } else { self.plan.load.warm_up };
        let judged = tick.watch.judge(tick.total, tick.elapsed.saturating_sub(apart));
        let now = Now {
            plan: self.plan,
            elapsed: tick.elapsed,
            total: tick.total,
            recent: &self.recent,
            judged: &judged,
            stopping: tick.stopping,
        };
        match self.mode {
            Mode::InPlace => {
                let mut lines = live(&now, self.columns(), self.look.style());
                if let Some(aborted) = tick.watch.aborted() {
                    lines.push(format!("  {}", abort_reason(aborted)));
                }
                if self.stop.presses() > 0 {
                    lines.push("  running iterations may end; Ctrl-C once more stops at once".to_owned());
                }
                self.redraw(&lines);
            }
            Mode::Plain | Mode::Quiet => write(&format!("{}\n", plain_line(&now))),
        }
    }

    /// Takes the view away, so that what follows stands where it stood.
    pub fn clear(&mut self) {
        if self.lines > 0 {
            self.redraw(&[]);
        }
    }

    fn redraw(&mut self, lines: &[String]) {
        let text = redrawing(self.lines, lines, self.columns());
        self.lines = lines.len();
        write(&text);
    }

    /// One column stays free: a character in the last one makes some terminals begin a new line.
    fn columns(&self) -> usize {
        self.look.width - 1
    }
}

/// The word for a part of the run that is not its load.
fn beside(act: Act) -> Option<&'static str> {
    match act {
        Act::Setup => Some("setup"),
        Act::Load => None,
        Act::Teardown => Some("teardown"),
    }
}

/// What takes `before` lines away and puts others in their place. Every line ends with a line end, so that the shell's
/// prompt comes on a line of its own however the run ends, by a panic too.
fn redrawing(before: usize, lines: &[String], columns: usize) -> String {
    // To the first of our lines, and away with everything from there on.
    let mut text = if before > 0 { format!("\u{1b}[{before}A\r\u{1b}[J") } else { String::new() };
    for line in lines {
        text += &cut(line, columns);
        text.push('\n');
    }
    text
}

/// `line` in at most so many columns, so that it never wraps and the view stays as tall as it says. Colours take none.
fn cut(line: &str, columns: usize) -> String {
    let (mut kept, mut used, mut in_code) = (String::new(), 0, false);
    for c in line.chars() {
        if c == '\u{1b}' || in_code {
            in_code = c != 'm';
            kept.push(c);
            continue;
        }
        used += c.width().unwrap_or(0);
        if used <= columns {
            kept.push(c);
        }
    }
    kept
}

fn write(text: &str) {
    // There is nobody to tell when nobody watches.
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_takes_the_place_of_the_one_before() {
        let lines = ["a".to_owned(), "b".to_owned()];
        assert_eq!(redrawing(0, &lines, 10), "a\nb\n");
        assert_eq!(redrawing(2, &lines[..1], 10), "\u{1b}[2A\r\u{1b}[Ja\n");
        assert_eq!(redrawing(1, &[], 10), "\u{1b}[1A\r\u{1b}[J");
    }

    #[test]
    fn a_line_is_cut_to_the_terminal_and_keeps_its_colours() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\u{1b}[31mabc\u{1b}[0mdef", 4), "\u{1b}[31mabc\u{1b}[0md");
        assert_eq!(cut("日本語", 4), "日本");
    }
}
