//! Files that a scenario names: read while it is checked, so that the run needs none.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checker::Checker;
use super::meaning::Content;
use crate::base::{ByteSize, Span};
use crate::diagnostic::{Diagnostic, Rule};

/// Largest file that `file(…)` reads: it is kept in memory, once for each load thread. As a body, or a part of one, it
/// may be larger: then it is read while it is sent.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// Largest file that `data` reads: it is kept in memory, once. A million rows of 256 bytes.
pub const DATA_BYTES_MAX: usize = 256 << 20;

/// No files at all: for texts that name none.
pub struct NoFiles;

impl crate::base::Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Files that were read, by path: a flow that is inlined ten times reads its file once.
pub(super) type Shelf = HashMap<PathBuf, Arc<Vec<u8>>>;

impl Checker<'_> {
    /// Where the file called `name` lies that the source of `span` speaks of.
    fn path_beside(&self, name: &str, span: Span) -> PathBuf {
        let source = Path::new(&self.sources.file(span.file).name);
        source.parent().unwrap_or(Path::new("")).join(name)
    }

    /// What the file called `name` holds. One that is `sent` as it is need not fit into memory. `None`: it cannot be
    /// read, and that has been said.
    pub fn content_beside(&mut self, name: &str, span: Span, sent: bool) -> Option<Content> {
        let path = self.path_beside(name, span);
        if sent
            && !self.shelf.contains_key(&path)
            && let Ok(size) = self.files.size(&path)
            && size > FILE_BYTES_MAX as u64
        {
            return Some(Content::OnDisk { path, size });
        }
        self.beside(name, span, FILE_BYTES_MAX).map(Content::Read)
    }

    /// The bytes of the file called `name` in the source that `span` lies in: a relative path begins beside that
    /// source. `None`: it cannot be read, and that has been said.
    pub fn beside(&mut self, name: &str, span: Span, bytes_max: usize) -> Option<Arc<Vec<u8>>> {
        let path = self.path_beside(name, span);
        if let Some(known) = self.shelf.get(&path) {
            return Some(known.clone());
        }
        match self.files.read_most(&path, bytes_max) {
            Ok(bytes) if bytes.len() > bytes_max => {
                self.report(file_too_large(span, name, bytes_max));
                None
            }
            Ok(bytes) => {
                let bytes = Arc::new(bytes);
                self.shelf.insert(path, bytes.clone());
                Some(bytes)
            }
            Err(error) => {
                self.report(missing_file(span, name, &path, &error));
                None
            }
        }
    }
}

/// `missing-file`: it is not there, or cannot be read.
pub(super) fn missing_file(span: Span, name: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let said = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{name}`"),
        io::ErrorKind::IsADirectory => format!("`{name}` is a folder"),
        io::ErrorKind::PermissionDenied => format!("`{name}` may not be read"),
        _ => format!("`{name}` cannot be read: {error}"),
    };
    Diagnostic::new(Rule::MissingFile, span, said)
        .help(format!("it is looked for beside this file, as `{}`", path.display()))
}

/// `file-too-large`: it would not fit into memory beside the load.
fn file_too_large(span: Span, name: &str, bytes_max: usize) -> Diagnostic {
    let most = ByteSize(bytes_max as u64);
    let help = match bytes_max {
        FILE_BYTES_MAX => {
            "it is kept in memory for the whole run; `body file(…)` and a part of `multipart` send any file"
        }
        _ => "it is kept in memory for the whole run: take a part of it",
    };
    Diagnostic::new(Rule::FileTooLarge, span, format!("`{name}` is larger than {most}")).help(help)
}
