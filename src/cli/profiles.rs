//! Where profiles are found: beside the scenario, above it, in the working directory, or built in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::files;
use crate::base::{Seed, Sources, Span};
use crate::check::Sound;
use crate::diagnostic::{Diagnostic, nearest};
use crate::plan::{self, Profile, profile};
use crate::syntax::{self, ast::Item};

/// The folder, beside a scenario or above it, that holds profiles.
const FOLDER: &str = "profiles";

/// Where a profile lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// In a file.
    File(PathBuf),
    /// In this program, under this name.
    BuiltIn(&'static str),
}

impl Found {
    /// The name of a profile that does not say its own.
    fn name(&self) -> String {
        match self {
            Found::File(path) => stem(path).unwrap_or_default(),
            Found::BuiltIn(name) => name.to_string(),
        }
    }
}

/// The profile that `--profile` or `SCN_PROFILE` means: a path when it ends in `.yml` or `.yaml`, else a name that is
/// looked up as `profiles/NAME.yml` beside the scenario and in each folder above it, then in the working directory,
/// then among the built-in ones.
///
/// Errors: there is none; says where it was looked for and which name is near.
pub fn find(name: &str, scenario: &Path) -> Result<Found, Failure> {
    if is_path(Path::new(name)) {
        return Ok(Found::File(name.into()));
    }
    if name.contains('/') {
        let message = format!("`{name}` is neither the name of a profile nor a path that ends in .yml or .yaml");
        return Err(Failure::usage(message));
    }
    let folders = folders(scenario);
    let wanted: Vec<PathBuf> = folders.iter().map(|folder| folder.join(format!("{name}.yml"))).collect();
    // A file that is there and cannot be read is found too: falling through to another profile would hide it.
    if let Some(path) = wanted.iter().find(|path| path.exists()) {
        return Ok(Found::File(path.clone()));
    }
    if let Some((built_in, _)) = profile::BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        return Ok(Found::BuiltIn(built_in));
    }
    let mut known: Vec<String> =
        folders.iter().flat_map(|folder| files_in(folder)).filter_map(|path| stem(&path)).collect();
    known.extend(profile::BUILT_IN.iter().map(|(built_in, _)| built_in.to_string()));
    known.sort();
    known.dedup();
    let looked: Vec<String> = wanted.iter().map(|path| format!("  {}", path.display())).collect();
    let message = format!("no profile is called `{name}`; looked for\n{}\n  and the built-in ones", looked.join("\n"));
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? There are {}", known.join(", ")),
        None => format!("there are {}", known.join(", ")),
    };
    Err(Failure::usage(message).help(help))
}

/// Every profile in a `profiles` folder right beside the scenario, by name.
pub fn beside(scenario: &Path) -> Vec<Found> {
    if files::is_stdin(scenario) {
        return Vec::new();
    }
    files_in(&scenario.parent().unwrap_or(Path::new("")).join(FOLDER)).into_iter().map(Found::File).collect()
}

/// Profiles that have been read, each once, so that what is wrong with one is said once.
#[derive(Default)]
pub struct Shelf {
    read: HashMap<Found, Option<Profile>>,
}

impl Shelf {
    /// The profile, unless it has an error; and, the first time, what is wrong with it. Errors: it cannot be read.
    pub fn read(
        &mut self,
        found: &Found,
        sources: &mut Sources,
    ) -> Result<(Option<Profile>, Vec<Diagnostic>), Failure> {
        if let Some(profile) = self.read.get(found) {
            return Ok((profile.clone(), Vec::new()));
        }
        let (file, mut diagnostics) = match found {
            Found::File(path) => files::load(path, sources)?,
            Found::BuiltIn(name) => {
                let text = profile::built_in(name).expect("only names of built-in profiles are found");
                (sources.add(format!("{name} (built in)"), text), Vec::new())
            }
        };
        let mut profile = None;
        if diagnostics.is_empty() {
            let parsed = profile::parse(file, &sources.file(file).text);
            (profile, diagnostics) = (parsed.profile, parsed.diagnostics);
            if let Some(profile) = profile.as_mut().filter(|profile| profile.name.is_empty()) {
                profile.name = found.name();
            }
        }
        self.read.insert(found.clone(), profile.clone());
        Ok((profile, diagnostics))
    }
}

/// Understands the profile's thresholds beside a scenario; says what is wrong with them.
pub fn understand_thresholds(scenario: &Sound, profile: &mut Profile, sources: &Sources) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for written in &mut profile.thresholds {
        let span = written.span;
        let parsed = syntax::parse(span.file, &as_scenario(&sources.file(span.file).text, span));
        wrong.extend(parsed.diagnostics);
        let items = parsed.ast.items.iter();
        for thresholds in
            items.filter_map(|item| if let Item::Thresholds(written) = item { Some(written) } else { None })
        {
            let (mut understood, diagnostics) = scenario.thresholds(thresholds, sources);
            wrong.extend(diagnostics);
            written.meaning = understood.pop();
        }
    }
    wrong
}

/// The text of a profile with all but one threshold blanked out, and that one in a block of its own: what stands there
/// stands where it stood, so that it can be pointed at.
fn as_scenario(profile: &str, threshold: Span) -> String {
    const HEAD: &str = "thresholds {";
    let (start, end) = (threshold.start as usize, threshold.end as usize);
    // The key `thresholds` and a blank stand before it: there is room.
    let before = start.saturating_sub(HEAD.len());
    format!("{HEAD}{}{}\n}}", " ".repeat(before), profile[start..end].replace("\\\"", " \""))
}

/// What is wrong with a scenario under a profile.
pub fn try_out(scenario: &Sound, profile: &mut Profile, sources: &Sources) -> Vec<Diagnostic> {
    let mut wrong = understand_thresholds(scenario, profile, sources);
    wrong.extend(match plan::compile(scenario, profile, Seed(0), sources) {
        Ok(compiled) => compiled.diagnostics,
        Err(diagnostics) => diagnostics,
    });
    wrong
}

/// The `profiles` folders in which a name is looked up, nearest first, as the user would name them.
fn folders(scenario: &Path) -> Vec<PathBuf> {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let home = match scenario.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !files::is_stdin(scenario) => {
            parent.canonicalize().unwrap_or_else(|_| parent.to_owned())
        }
        _ => here.clone(),
    };
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in home.ancestors().chain([here.as_path()]) {
        let shown = folder.strip_prefix(&here).unwrap_or(folder).join(FOLDER);
        if !folders.contains(&shown) {
            folders.push(shown);
        }
    }
    folders
}

/// The profiles in one folder, by name; none when there is no such folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_path(path)).collect();
    paths.sort();
    paths
}

/// Whether it names the file of a profile.
pub fn is_path(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn stem(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_str()?.to_owned())
}
