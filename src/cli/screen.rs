//! The terminal, or what stands in for it: what may be drawn on each stream, and how wide.
//!
//! Results go to standard output; progress, notes and errors to standard error. A reader that goes away is no error: a
//! pipe that nobody reads any more (`| head`), a terminal that was closed.

use std::env;
use std::io::{self, IsTerminal, Write};

use rustix::io::Errno;

use crate::report::Style;

/// Lines are never drawn wider than this: longer ones are hard to read.
const WIDTH_MAX: usize = 120;
/// And never narrower: below it, wrapping does more harm than the terminal's own.
const WIDTH_MIN: usize = 40;
/// Where the width is not known: a pipe, a file.
const WIDTH_ELSEWHERE: usize = 100;

/// What standard output and standard error are.
#[derive(Clone, Debug)]
pub struct Screen {
    /// How results are drawn.
    pub out: Look,
    /// How progress, notes and errors are drawn.
    pub err: Look,
    /// Whether results went to a terminal at the start: one that was closed since is none any more.
    to_terminal: bool,
}

/// How text on one stream is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// A person is watching, lines can be redrawn.
    pub terminal: bool,
    /// Colours are wanted.
    pub colour: bool,
    /// Columns.
    pub width: usize,
}

impl Look {
    /// The inks of reports.
    pub fn style(self) -> Style {
        if self.colour { Style::coloured() } else { Style::plain() }
    }
}

impl Screen {
    /// The real one. Colours only on a terminal, without `NO_COLOR` (set and not empty), and not on `TERM=dumb`.
    pub fn real() -> Screen {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        let look = |terminal: bool, size: Option<usize>| Look {
            terminal: terminal && !dumb,
            colour: terminal && !dumb && !plain,
            width: size.unwrap_or(WIDTH_ELSEWHERE).clamp(WIDTH_MIN, WIDTH_MAX),
        };
        let (out, err) = (io::stdout(), io::stderr());
        let columns = |winsize: rustix::io::Result<rustix::termios::Winsize>| match winsize {
            Ok(size) if size.ws_col > 0 => Some(usize::from(size.ws_col)),
            _ => None,
        };
        Screen {
            out: look(out.is_terminal(), columns(rustix::termios::tcgetwinsize(&out))),
            err: look(err.is_terminal(), columns(rustix::termios::tcgetwinsize(&err))),
            to_terminal: out.is_terminal(),
        }
    }

    /// Writes a result to standard output. Errors: whatever the system says, except that nobody reads any more.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if self.nobody_reads(&error) => Ok(()),
            other => other,
        }
    }

    fn nobody_reads(&self, error: &io::Error) -> bool {
        // A terminal that is gone answers as a broken disk does.
        let hung_up = self.to_terminal && Errno::from_io_error(error) == Some(Errno::IO);
        hung_up || error.kind() == io::ErrorKind::BrokenPipe
    }

    /// Writes a line for the person at the terminal to standard error. There is nobody to tell when that fails.
    pub fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// `text` in the colour of errors, where standard error has colours.
    pub fn error_style(&self, text: &str) -> String {
        if self.err.colour { format!("\u{1b}[1;31m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
