//! `scn new`: a first scenario with profiles, to be changed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;

use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::values;

/// The scenario; `NAME` and `TITLE` stand for what the user calls it.
pub const SCENARIO: &str = include_str!("scenario.scn");

/// The profiles beside it: their files' names and texts.
pub const PROFILES: &[(&str, &str)] = &[
    ("smoke.yml", include_str!("smoke.yml")),
    ("load.yml", include_str!("load.yml")),
    ("stress.yml", include_str!("stress.yml")),
];

/// Write a first scenario with profiles, to be changed
///
/// NAME.scn is a commented scenario that checks without a word and runs against `--demo`; profiles/ beside it holds
/// smoke, load and stress. Nothing is ever overwritten: where the scenario exists nothing is written, and profiles that
/// exist are kept.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// What the scenario is called: `shop`, `shop.scn` or `load/shop`
    #[arg(value_name = "NAME", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    name: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  scn new shop
  scn new load/shop

Files:
  NAME.scn                  the scenario
  profiles/smoke.yml        how much load, beside the scenario; also load.yml and stress.yml

Exit codes:
  0    the scenario is written
  2    usage: the scenario exists already, or its folder cannot be written to
";

/// Writes the files and tells what to do next.
pub fn new(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let path = match arguments.name.extension() {
        Some(extension) if extension == "scn" => arguments.name,
        _ => {
            let mut name = arguments.name.into_os_string();
            name.push(".scn");
            PathBuf::from(name)
        }
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if stem.is_empty() || stem == ".scn" || stem.chars().any(|c| c == '"' || c == '\\' || c.is_control()) {
        return Err(Failure::usage(format!("`{}` cannot name a scenario", path.display())));
    }
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let profiles = folder.join("profiles");
    let shown = path.display().to_string();
    fs::create_dir_all(&profiles).map_err(|error| unwritable(&profiles, &error))?;
    write(&path, &scenario(&stem, &shown))?.then_some(()).ok_or_else(|| {
        Failure::usage(format!("`{shown}` exists already; nothing was written")).help("give the new one another name")
    })?;
    let mut text = format!("{shown}\n");
    for (name, profile) in PROFILES {
        let path = profiles.join(name);
        let kept = if write(&path, profile)? { "" } else { "   (kept as it was)" };
        text += &format!("{}{kept}\n", path.display());
    }
    text += &format!("\nNext:\n  scn try {shown} --demo\n  scn run {shown} --demo\n");
    screen.print(&text)?;
    Ok(Exit::Good)
}

/// The text of a new scenario that is called `name` and lies at `path`.
fn scenario(name: &str, path: &str) -> String {
    let mut title = name.replace(['-', '_'], " ");
    if let Some(first) = title.chars().next() {
        let capital: String = first.to_uppercase().collect();
        title.replace_range(..first.len_utf8(), &capital);
    }
    let shell = if path.contains(' ') { format!("'{path}'") } else { path.to_owned() };
    SCENARIO.replace("TITLE", &title.replace("${", "\\${")).replace("NAME.scn", &shell).replace("NAME", name)
}

/// Writes a file that is not there yet; `false`: it is there, and stays as it is.
fn write(path: &Path, text: &str) -> Result<bool, Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(path, &error)),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot write `{}`: {error}", path.display()))
}
