//! The real files, and the words for those that cannot be read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::exit::Failure;
use crate::base::source::SOURCE_BYTES_MAX;
use crate::base::{FileId, Files, Sources, Span};
use crate::diagnostic::{Diagnostic, Rule};

/// The disk.
pub struct Disk;

impl Files for Disk {
    /// Reads at most a byte more than a source may have, so that a device without an end does not fill the memory.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_most(path, SOURCE_BYTES_MAX)
    }

    fn read_most(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        let about = std::fs::metadata(path)?;
        if about.is_file() {
            File::open(path)?;
        }
        Ok(about.len())
    }
}

/// The name under which standard input stands in messages.
pub const STDIN_NAME: &str = "<stdin>";

/// Reads a file that the command line names (`-` is standard input) and keeps it in `sources`.
///
/// A file that is no text, or too large, is kept as far as it can be shown, with a diagnostic. Errors: it cannot be
/// read at all; that is a mistake on the command line.
pub fn load(path: &Path, sources: &mut Sources) -> Result<(FileId, Vec<Diagnostic>), Failure> {
    let (name, bytes) = if is_stdin(path) {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        (STDIN_NAME.to_owned(), read.map(|_| bytes))
    } else {
        (path.display().to_string(), Disk.read(path))
    };
    let bytes = bytes.map_err(|error| unreadable(&name, &error))?;
    if bytes.len() > SOURCE_BYTES_MAX {
        let file = sources.add(name, "");
        let message = format!("this file is larger than {} MiB", SOURCE_BYTES_MAX >> 20);
        return Ok((file, vec![Diagnostic::new(Rule::FileTooLarge, Span::new(file, 0, 0), message)]));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((sources.add(name, text), Vec::new())),
        Err(error) => {
            // Up to the first bad byte the lossy text has the same offsets as the file.
            let at = error.utf8_error().valid_up_to();
            let file = sources.add(name, String::from_utf8_lossy(error.as_bytes()));
            let bom = if error.as_bytes().starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let start = at - bom.min(at);
            let span = Span::new(file, start, start + char::REPLACEMENT_CHARACTER.len_utf8());
            let diagnostic = Diagnostic::new(Rule::NotUtf8, span, "this file is not UTF-8 text")
                .label("the first byte that does not fit")
                .help("save it as UTF-8");
            Ok((file, vec![diagnostic]))
        }
    }
}

/// Whether a path on the command line means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A path on the command line that the system will not give us.
fn unreadable(name: &str, error: &io::Error) -> Failure {
    let failure = |what: &str| Failure::usage(format!("cannot read `{name}`: {what}"));
    match error.kind() {
        io::ErrorKind::NotFound => failure("there is no such file"),
        io::ErrorKind::IsADirectory => {
            failure("it is a folder").help(format!("name the files in it: {}/*.scn", name.trim_end_matches('/')))
        }
        io::ErrorKind::PermissionDenied => failure("permission denied"),
        _ => failure(&error.to_string()),
    }
}
