//! What a person sees while a run goes: a few lines redrawn in place on a terminal, a plain line every few seconds
//! elsewhere. All of it on standard error; the terminal is never switched into another mode, so there is nothing to
//! restore.

use std::io::Write;
use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::screen::{Look, Screen};
use crate::base::units::duration_text;
use crate::metrics::thresholds::judge;
use crate::metrics::{Judged, Judgement, Recent, Times, Totals};
use crate::plan::Plan;
use crate::run::Tick;

/// What the numbers in the middle look back over.
const LOOKS_BACK: Duration = Duration::from_secs(10);
/// Redrawn at most so often: four times a second.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// Where lines cannot be redrawn, one every so often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// At most so many thresholds are shown, so that the view fits a small terminal.
const THRESHOLDS_MAX: usize = 8;

/// The view of one run.
pub struct Live<'a> {
    plan: &'a Plan,
    look: Look,
    mode: Mode,
    recent: Recent,
    /// When the view was last drawn.
    drawn: Option<Duration>,
    /// Lines of the view that stand on the terminal.
    lines: usize,
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
    /// The view of a run of `plan`.
    pub fn new(plan: &'a Plan, quiet: bool, screen: &Screen) -> Live<'a> {
        let mode = match (quiet, screen.err.terminal) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::InPlace,
            (false, false) => Mode::Plain,
        };
        Live { plan, look: screen.err, mode, recent: Recent::new(plan, LOOKS_BACK), drawn: None, lines: 0 }
    }

    /// Whether a signal should be answered with words of its own: the view in place says it itself.
    pub fn tells_of_stopping(&self) -> bool {
        self.mode != Mode::InPlace
    }

    /// Takes in what was seen, and draws it when it is time.
    pub fn show(&mut self, tick: &Tick<'_>) {
        let every = match self.mode {
            Mode::Quiet => return,
            Mode::InPlace => REDRAW_EVERY,
            Mode::Plain => PLAIN_EVERY,
        };
        self.recent.push(tick.window);
        // Ticks come a little early or late: half a period of grace keeps five seconds from becoming six.
        let soon = self.drawn.is_some_and(|drawn| tick.elapsed.saturating_sub(drawn) + every / 10 < every);
        if soon || (self.mode == Mode::Plain && self.drawn.is_none() && tick.elapsed + every / 10 < every) {
            return;
        }
        self.drawn = Some(tick.elapsed);
        let now = Now {
            elapsed: tick.elapsed,
            duration: self.plan.load.duration,
            stopping: tick.stopping,
            users: tick.total.active_users(),
            users_planned: planned(self.plan, tick.elapsed),
            totals: tick.total.totals(),
            requests_per_second: self.recent.requests_per_second(),
            times: self.recent.times(),
        };
        match self.mode {
            Mode::Quiet => {}
            Mode::Plain => self.write(&format!("{}\n", now.line())),
            Mode::InPlace => {
                let judged = judge(self.plan, tick.total, tick.elapsed);
                self.redraw(&now.view(&judged, self.look));
            }
        }
    }

    /// Takes the view away, so that what follows stands where it stood.
    pub fn clear(&mut self) {
        if self.lines > 0 {
            self.redraw(&[]);
        }
    }

    fn redraw(&mut self, lines: &[String]) {
        let mut text = String::new();
        if self.lines > 0 {
            // To the first of our lines, and away with everything from there on.
            text += &format!("\u{1b}[{}A\r\u{1b}[J", self.lines);
        }
        for line in lines {
            text += &format!("{}\n", cut(line, self.look.width.saturating_sub(1)));
        }
        self.lines = lines.len();
        self.write(&text);
    }

    fn write(&self, text: &str) {
        // There is nobody to tell when nobody watches.
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

/// However the run ends, a panic included, the shell's prompt comes on a line of its own below what was drawn: each
/// drawing ends with a line end.
impl Drop for Live<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

/// How many users should live by now.
fn planned(plan: &Plan, elapsed: Duration) -> u64 {
    let started = (elapsed.as_secs_f64() * plan.load.spawn_rate).floor() as u64 + 1;
    started.min(plan.load.users.into())
}

/// What the view shows at one moment.
struct Now {
    elapsed: Duration,
    duration: Duration,
    stopping: bool,
    users: u64,
    users_planned: u64,
    totals: Totals,
    requests_per_second: f64,
    times: Times,
}

impl Now {
    fn stage(&self) -> String {
        let (elapsed, whole) = (seconds(self.elapsed), duration_text(self.duration));
        if self.stopping {
            format!("{elapsed}, stopping (Ctrl-C again: at once)")
        } else {
            format!("{elapsed} of {whole}")
        }
    }

    fn failures(&self) -> String {
        let Totals { requests, failures, .. } = self.totals;
        let share = if requests > 0 { 100.0 * failures as f64 / requests as f64 } else { 0.0 };
        format!("{failures} ({share:.1}%)")
    }

    fn percentiles(&self) -> String {
        let one = |percent: f64| self.times.percentile(percent).map_or("–".into(), time_text);
        format!("p50 {}  p95 {}  p99 {}", one(50.0), one(95.0), one(99.0))
    }

    /// All on one line, for a log.
    fn line(&self) -> String {
        format!(
            "{}: {}/{} users, {} requests, {:.1}/s, failures {}, {}",
            self.stage(),
            self.users,
            self.users_planned,
            self.totals.requests,
            self.requests_per_second,
            self.failures(),
            self.percentiles().replace("  ", " ")
        )
    }

    /// Line by line, for a terminal.
    fn view(&self, judged: &[Judged], look: Look) -> Vec<String> {
        const BAR: usize = 30;
        let done = (self.elapsed.as_secs_f64() / self.duration.as_secs_f64().max(1e-9)).min(1.0);
        let full = (done * BAR as f64).round() as usize;
        let mut lines = vec![
            String::new(),
            format!(
                "  {}{}  {}",
                paint("36", &"━".repeat(full), look),
                paint("2", &"━".repeat(BAR - full), look),
                self.stage()
            ),
            format!(
                "  users {} of {} planned   requests {}   failures {}",
                self.users,
                self.users_planned,
                self.totals.requests,
                paint(if self.totals.failures > 0 { "31" } else { "0" }, &self.failures(), look)
            ),
            format!(
                "  last {} s: {:.1} requests/s   {}",
                LOOKS_BACK.as_secs(),
                self.requests_per_second,
                self.percentiles()
            ),
        ];
        for one in judged.iter().take(THRESHOLDS_MAX) {
            let (sign, colour) = match one.judgement {
                Judgement::Kept => ("✓", "32"),
                Judgement::Broken => ("✗", "31"),
                Judgement::NoData => ("·", "2"),
            };
            lines.push(format!("  {} {}", paint(colour, sign, look), one.text));
        }
        if judged.len() > THRESHOLDS_MAX {
            lines.push(format!("    and {} more thresholds", judged.len() - THRESHOLDS_MAX));
        }
        lines
    }
}

fn seconds(duration: Duration) -> String {
    duration_text(Duration::from_secs(duration.as_secs()))
}

/// A measured time in three digits or so: `0.42ms`, `12.3ms`, `1.23s`.
fn time_text(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.2}ms"),
        ms if ms < 100.0 => format!("{ms:.1}ms"),
        ms if ms < 1000.0 => format!("{ms:.0}ms"),
        ms => format!("{:.2}s", ms / 1e3),
    }
}

fn paint(code: &str, text: &str, look: Look) -> String {
    if look.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        let mut times = Times::default();
        (1..=100).for_each(|ms| times.record(Duration::from_millis(ms)));
        Now {
            elapsed: Duration::from_millis(15_020),
            duration: Duration::from_secs(30),
            stopping: false,
            users: 5,
            users_planned: 5,
            totals: Totals { requests: 200, failures: 3, ..Totals::default() },
            requests_per_second: 12.34,
            times,
        }
    }

    #[test]
    fn a_plain_line_says_it_all() {
        assert_eq!(
            now().line(),
            "15s of 30s: 5/5 users, 200 requests, 12.3/s, failures 3 (1.5%), p50 50.0ms p95 95.0ms p99 99.0ms"
        );
        let stopping = Now { stopping: true, times: Times::default(), ..now() };
        assert!(stopping.line().starts_with("15s, stopping: "), "{}", stopping.line());
        assert!(stopping.line().ends_with("p50 – p95 – p99 –"), "{}", stopping.line());
    }

    #[test]
    fn the_view_is_half_full_at_half_time() {
        let plain = Look { terminal: true, colour: false, width: 80 };
        let lines = now().view(&[], plain);
        assert!(lines[1].ends_with("15s of 30s"));
        let coloured = now().view(&[], Look { colour: true, ..plain });
        assert!(coloured[1].contains(&format!("\u{1b}[36m{}\u{1b}[0m", "━".repeat(15))), "{:?}", coloured[1]);
    }

    #[test]
    fn a_line_is_cut_to_the_terminal_and_keeps_its_colours() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\u{1b}[31mabc\u{1b}[0mdef", 4), "\u{1b}[31mabc\u{1b}[0md");
        assert_eq!(cut("日本語", 4), "日本");
    }

    #[test]
    fn times_are_shown_in_few_digits() {
        for (micros, text) in [(420, "0.42ms"), (12_300, "12.3ms"), (123_000, "123ms"), (1_234_000, "1.23s")] {
            assert_eq!(time_text(Duration::from_micros(micros)), text);
        }
    }
}
