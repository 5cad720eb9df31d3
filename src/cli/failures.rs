//! `failures.jsonl` in the run folder: the first failures with all that was there, a line each, written as they come.
//!
//! A run that is killed loses those of its last second. Where nothing fails there is no such file. Those that find no
//! room on the disk are counted; when there is room again, the next ones are kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::metrics::Exchange;

/// The file's name in the run folder.
pub const NAME: &str = "failures.jsonl";

/// The file of one run.
#[derive(Debug)]
pub struct Failures {
    /// `None`: nothing is kept.
    place: Option<PathBuf>,
    file: Option<File>,
    /// What of it is whole lines.
    bytes: u64,
    /// Those that could not be written.
    left_out: usize,
    /// Why the first of them could not.
    broken: Option<io::Error>,
}

impl Failures {
    /// Those of the run that leaves its results in `folder`, if it leaves any.
    pub fn new(folder: Option<&Path>) -> Failures {
        let place = folder.map(|folder| folder.join(NAME));
        Failures { place, file: None, bytes: 0, left_out: 0, broken: None }
    }

    /// Writes down what has come, each as the line that `line` makes of it.
    pub fn keep(&mut self, kept: &[Exchange], line: impl Fn(&Exchange) -> String) {
        if self.place.is_none() || kept.is_empty() {
            return;
        }
        let lines: String = kept.iter().map(|exchange| line(exchange) + "\n").collect();
        if let Err(error) = self.write(&lines) {
            self.left_out += kept.len();
            self.broken.get_or_insert(error);
        }
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).create(true).open(place)?),
        };
        // At once, so that no line stands there half when the process is killed between two.
        match file.write_all(lines.as_bytes()) {
            Ok(()) => self.bytes += lines.len() as u64,
            Err(error) => {
                // Nor where the disk was full in the middle of one.
                let _ = file.set_len(self.bytes);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Where they lie; `None`: there are none. Errors: not all of them could be written.
    pub fn finish(self) -> Result<Option<PathBuf>, Failure> {
        match (self.broken, self.place) {
            (Some(error), Some(place)) => {
                let failures = if self.left_out == 1 { "failure is" } else { "failures are" };
                let (left_out, place) = (self.left_out, place.display());
                Err(Failure::cannot_run(format!(
                    "cannot write `{place}`: {error}; {left_out} {failures} not kept there"
                )))
            }
            (_, place) => Ok(place.filter(|_| self.file.is_some())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::Offset;
    use crate::metrics::ErrorKind;
    use crate::plan::{PointId, UserId};

    fn exchange() -> Exchange {
        Exchange {
            step: None,
            point: PointId(0),
            kind: ErrorKind::Timeout,
            message: String::new(),
            user: UserId(0),
            user_id: 0,
            iteration: 0,
            warm_up: false,
            due: Offset::ZERO,
            begun: Offset::ZERO,
            sent: None,
            done: Offset::ZERO,
            request: None,
            response: None,
            messages: Vec::new(),
        }
    }

    #[test]
    fn failures_that_find_no_room_are_counted_and_the_next_ones_are_kept() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let place = folder.path().join(NAME);
        let mut failures = Failures::new(Some(folder.path()));
        symlink("/dev/full", &place).expect("links can be made");
        failures.keep(&[exchange(), exchange()], |_| "lost".to_owned());
        fs::remove_file(&place).expect("it is there");
        failures.file = None;
        failures.keep(&[exchange()], |_| "kept".to_owned());
        assert_eq!(fs::read_to_string(&place).expect("it is there"), "kept\n");
        let failure = failures.finish().expect_err("two are not there");
        assert_eq!(failure.exit.code(), 107);
        assert!(failure.message.contains("No space left on device"), "{failure}");
        assert!(failure.message.ends_with("2 failures are not kept there"), "{failure}");
    }
}
