//! Source files and places in them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// The way to the disk for rooms that may not touch it themselves: `cli` hands in the real one, tests a map.
pub trait Files {
    /// The bytes of one file. Errors are the operating system's.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The same for files that may be larger than sources: all bytes, or more than `bytes_max` where there are more.
    fn read_most(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let _ = bytes_max;
        self.read(path)
    }

    /// How long a file is that can be read, in bytes, without reading it.
    fn size(&self, path: &Path) -> io::Result<u64> {
        self.read(path).map(|bytes| bytes.len() as u64)
    }
}

impl Files for HashMap<PathBuf, Vec<u8>> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Handle of one file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A piece of one source file: byte offsets, always on character boundaries, `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file it lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The piece of `file` from byte `start` up to byte `end`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        debug_assert!(start <= end);
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that holds both; `other` must lie in the same file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// As a range of bytes, for slicing the text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The empty span at its start.
    pub fn at_start(self) -> Span {
        Span { end: self.start, ..self }
    }

    /// The empty span just behind it.
    pub fn at_end(self) -> Span {
        Span { start: self.end, ..self }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// One file as it was read: its name as the user would say it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as given on the command line or in a `use`.
    pub name: String,
    /// The whole text, without a byte order mark.
    pub text: String,
    /// Whether the file began with a byte order mark.
    pub byte_order_mark: bool,
    line_starts: Vec<u32>,
}

/// Largest source file that is read; spans are 32 bits wide and a scenario is written by hand.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;

impl SourceFile {
    /// A file called `name` that holds `text`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> SourceFile {
        let text = text.into();
        let (text, byte_order_mark) = match text.strip_prefix('\u{feff}') {
            Some(rest) => (rest.to_owned(), true),
            None => (text, false),
        };
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1)).collect();
        SourceFile { name: name.into(), text, byte_order_mark, line_starts }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_column(&self, byte: u32) -> (usize, usize) {
        let line = self.line_starts.partition_point(|&start| start <= byte) - 1;
        let start = self.line_starts[line] as usize;
        let end = (byte as usize).min(self.text.len());
        (line + 1, self.text[start..end].chars().count() + 1)
    }

    /// The text of a 1-based line, without its line end.
    pub fn line(&self, number: usize) -> &str {
        let start = self.line_starts[number - 1] as usize;
        let end = self.line_starts.get(number).map_or(self.text.len(), |&next| next as usize);
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// Every file that took part: the scenario, what it uses, the profile.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// Why a source file could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The operating system would not give it.
    Io(io::Error),
    /// It is not UTF-8; the offset is the first byte that does not fit.
    NotUtf8(usize),
    /// It is larger than [`SOURCE_BYTES_MAX`]; its size in bytes.
    TooLarge(usize),
}

impl Sources {
    /// Reads `path` through `files` and keeps it.
    pub fn load(&mut self, path: &Path, files: &dyn Files) -> Result<FileId, LoadError> {
        let bytes = files.read(path).map_err(LoadError::Io)?;
        if bytes.len() > SOURCE_BYTES_MAX {
            return Err(LoadError::TooLarge(bytes.len()));
        }
        let text = String::from_utf8(bytes).map_err(|e| LoadError::NotUtf8(e.utf8_error().valid_up_to()))?;
        Ok(self.add(path.display().to_string(), text))
    }

    /// Keeps a text that is already at hand (a built-in profile, a test).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile::new(name, text));
        FileId(self.files.len() as u32 - 1)
    }

    /// The file behind a handle that this `Sources` gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.range()]
    }
}
