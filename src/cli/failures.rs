//! `failures.jsonl` in the run folder: the first failures with all that was there, a line each, written as they come.
//!
//! A run that is killed loses those of its last second. Where nothing fails there is no such file.

use std::fs::File;
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
    /// Why it could not be written on.
    broken: Option<io::Error>,
}

impl Failures {
    /// Those of the run that leaves its results in `folder`, if it leaves any.
    pub fn new(folder: Option<&Path>) -> Failures {
        Failures { place: folder.map(|folder| folder.join(NAME)), file: None, broken: None }
    }

    /// Writes down what has come, each as the line that `line` makes of it.
    pub fn keep(&mut self, kept: &[Exchange], line: impl Fn(&Exchange) -> String) {
        let Some(place) = self.place.as_ref().filter(|_| !kept.is_empty() && self.broken.is_none()) else { return };
        let lines: String = kept.iter().map(|exchange| line(exchange) + "\n").collect();
        let file = match &mut self.file {
            Some(file) => Ok(file),
            none => File::create(place).map(|file| none.insert(file)),
        };
        // At once, so that no line stands there half when the process is killed between two.
        self.broken = file.and_then(|file| file.write_all(lines.as_bytes())).err();
    }

    /// Where they lie; `None`: there are none. Errors: not all of them could be written.
    pub fn finish(self) -> Result<Option<PathBuf>, Failure> {
        match (self.broken, self.place) {
            (Some(error), Some(place)) => {
                Err(Failure::cannot_run(format!("cannot write `{}`: {error}", place.display())))
            }
            (_, place) => Ok(place.filter(|_| self.file.is_some())),
        }
    }
}
