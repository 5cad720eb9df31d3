//! `scn fmt`: scenarios in the one layout.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;

use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::{diff, files, scenario, values};
use crate::base::Sources;
use crate::{fmt, syntax};

/// Put scenarios into the one layout
///
/// Two blanks of indentation, one statement a line; blocks, objects and lists that were written on one line stay there
/// when they fit in 100 columns. Comments and blank lines stay where they are. What a scenario means never changes, and
/// a file with mistakes in its syntax is left as it is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// Scenarios to format in place; `-` reads one from standard input and prints it
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    files: Vec<PathBuf>,

    /// Change nothing; name the files that would change, and end with 1 when there are any
    #[arg(long)]
    check: bool,

    /// Change nothing; print what would change, as a unified diff
    #[arg(long)]
    diff: bool,
}

const AFTER_HELP: &str = "\
Examples:
  scn fmt scenarios/*.scn
  scn fmt --check scenarios/*.scn     in CI: which files are not formatted?
  scn fmt --diff shop.scn             what would change?
  scn fmt - < shop.scn                for editors: from standard input to standard output

Each file is replaced at once and whole, and keeps its permissions. The files that were changed are named on standard
error, those that --check would change on standard output.

Exit codes:
  0    every file is formatted now (with --diff: could be)
  1    --check: some file would change
  2    usage: an unknown flag, a path that cannot be read
  104  a file has mistakes in its syntax and was left as it is
  107  a file could not be written
";

/// Formats all files. Errors: one cannot be written, or standard output is full.
pub fn fmt(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    if arguments.files.iter().filter(|path| files::is_stdin(path)).count() > 1 {
        return Err(Failure::usage("`-` stands for standard input, which can be read only once"));
    }
    let (mut unreadable, mut unsound, mut unwritten, mut would_change) = (false, false, false, false);
    for path in &arguments.files {
        let mut sources = Sources::default();
        let formatted = match formatted(path, &mut sources, screen) {
            Ok(Some(formatted)) => formatted,
            Ok(None) => {
                unsound = true;
                continue;
            }
            Err(failure) => {
                failure.show(screen);
                unreadable = true;
                continue;
            }
        };
        let Formatted { name, before, after } = &formatted;
        would_change |= before != after;
        if arguments.diff {
            screen.print(&diff::unified(name, before, after))?;
        }
        if arguments.check && !arguments.diff && before != after {
            screen.print(&format!("{name}\n"))?;
        }
        if arguments.check || arguments.diff {
            continue;
        }
        if files::is_stdin(path) {
            screen.print(after)?;
        } else if before != after {
            match replace(path, after) {
                Ok(()) => screen.say(&format!("formatted {name}")),
                Err(error) => {
                    Failure::cannot_run(format!("cannot write `{name}`: {error}")).help("it is as it was").show(screen);
                    unwritten = true;
                }
            }
        }
    }
    Ok(match () {
        () if unreadable => Exit::Usage,
        () if unwritten => Exit::CannotRun,
        () if unsound => Exit::Unsound,
        () if arguments.check && would_change => Exit::WouldChange,
        () => Exit::Good,
    })
}

/// A file before and after.
struct Formatted {
    name: String,
    before: String,
    after: String,
}

/// Reads and formats a file; `None` where it has mistakes, which have been shown. Errors: it cannot be read.
fn formatted(path: &Path, sources: &mut Sources, screen: &Screen) -> Result<Option<Formatted>, Failure> {
    let (file, mut diagnostics) = files::load(path, sources)?;
    let source = sources.file(file);
    let parsed = syntax::parse(file, &source.text);
    if diagnostics.is_empty() {
        diagnostics.extend(parsed.diagnostics.iter().cloned());
    }
    if scenario::any_error(&diagnostics) {
        scenario::show(&diagnostics, sources, screen);
        return Ok(None);
    }
    let mark = if source.byte_order_mark { "\u{feff}" } else { "" };
    let before = format!("{mark}{}", source.text);
    Ok(Some(Formatted { name: source.name.clone(), before, after: fmt::format(&source.text, &parsed) }))
}

/// Puts `text` in the place of a file, at once and whole; a link goes on pointing at it. Errors: the system's, and the
/// file is as it was.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let place = fs::canonicalize(path)?;
    let known = fs::metadata(&place)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}.part", std::process::id()));
    let part = place.with_file_name(name);
    let write = || -> io::Result<()> {
        // A file that may not be written is not to be replaced either, though its folder would allow it.
        fs::OpenOptions::new().write(true).open(&place)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&part)?;
        file.set_permissions(known.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, &place)
    };
    write().inspect_err(|_| drop(fs::remove_file(&part)))
}
