//! Exit codes, all in one place, and the failures of a verb that end it early.

use std::fmt;
use std::process::ExitCode;

use super::screen::Screen;

/// How a verb ends. k6's numbers where k6 has one; `ExitCode` is chosen here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The run held its thresholds, or the file is sound: 0.
    Good,
    /// `scn fmt --check` found files that are not formatted: 1.
    WouldChange,
    /// Usage: an unknown flag or profile, a missing argument, a path that cannot be read: 2.
    Usage,
    /// The run is not valid: the generator was saturated, or nothing was finished: 98.
    Invalid,
    /// A threshold was broken: 99.
    Threshold,
    /// The scenario or the profile is not sound: 104.
    Unsound,
    /// Stopped by a signal, after the report: 105.
    Stopped,
    /// The run could not start or go on: 107.
    CannotRun,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::WouldChange => 1,
            Exit::Usage => 2,
            Exit::Invalid => 98,
            Exit::Threshold => 99,
            Exit::Unsound => 104,
            Exit::Stopped => 105,
            Exit::CannotRun => 107,
        }
    }

    /// Of all that hold for one run, the one that is told: the first of 107, 105, 98, 99.
    pub fn first(all: impl IntoIterator<Item = Exit>) -> Exit {
        const ORDER: [Exit; 4] = [Exit::CannotRun, Exit::Stopped, Exit::Invalid, Exit::Threshold];
        let rank = |exit: &Exit| ORDER.iter().position(|one| one == exit).unwrap_or(ORDER.len());
        all.into_iter().min_by_key(rank).unwrap_or(Exit::Good)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a verb ended before its work was done.
#[derive(Debug)]
pub struct Failure {
    /// With which code.
    pub exit: Exit,
    /// What is so, in a sentence without a full stop; several lines where there is a list. Empty: it is said already.
    pub message: String,
    /// What would help.
    pub help: Option<String>,
}

impl Failure {
    /// The command line is at fault.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Usage, message: message.into(), help: None }
    }

    /// The machine around us is at fault.
    pub fn cannot_run(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::CannotRun, message: message.into(), help: None }
    }

    /// The scenario or profile is at fault, and its diagnostics have been shown.
    pub fn unsound() -> Failure {
        Failure { exit: Exit::Unsound, message: String::new(), help: None }
    }

    /// All that went wrong, as one failure: each is told, and the first one's code holds.
    pub fn together(all: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
        let joined = all.into_iter().filter_map(Result::err).reduce(|first, next| {
            let help: Vec<_> = first.help.into_iter().chain(next.help).collect();
            let message = format!("{}\n{}", first.message, next.message);
            Failure { exit: first.exit, message, help: (!help.is_empty()).then(|| help.join("\n")) }
        });
        joined.map_or(Ok(()), Err)
    }

    /// Says what would help.
    pub fn help(mut self, text: impl Into<String>) -> Failure {
        self.help = Some(text.into());
        self
    }

    /// Says it on the error stream, in the words and colours of clap's own errors.
    pub fn show(&self, screen: &Screen) {
        if !self.message.is_empty() {
            screen.say(&format!("{} {self}", screen.error_style("error:")));
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", help.replace('\n', "\n        ")),
            None => Ok(()),
        }
    }
}

/// Standard output would not take the result: a full disk behind `>`, not a closed pipe.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::cannot_run(format!("cannot write to standard output: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_reasons_the_gravest_is_the_exit_code() {
        use Exit::*;
        assert_eq!(Exit::first([Good, Threshold, Invalid, Stopped, CannotRun]), CannotRun);
        assert_eq!(Exit::first([Threshold, Invalid, Stopped]), Stopped);
        assert_eq!(Exit::first([Good, Threshold, Invalid]), Invalid);
        assert_eq!(Exit::first([Threshold, Good]), Threshold);
        assert_eq!(Exit::first([Good]), Good);
        assert_eq!(Exit::first([]), Good);
    }
}
