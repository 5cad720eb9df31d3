//! A file with everything that it brings in by `use`, as one tree.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use super::{Parsed, ast, parse};
use crate::base::source::LoadError;
use crate::base::{FileId, Files, Sources, Spanned};
use crate::diagnostic::{Diagnostic, Rule};

/// Most files that one scenario brings in.
pub const FILES_MAX: usize = 100;

/// Reads the text of `file`, and that of every file that it uses; those are kept in `sources`, too.
///
/// What a used file brings stands right behind its `use`, in its order: each file once, whoever uses it and however
/// often, so files may use each other. Comments are those of `file` alone.
pub fn parse_whole(file: FileId, sources: &mut Sources, files: &dyn Files) -> Parsed {
    let mut parsed = parse(file, &sources.file(file).text);
    if !parsed.ast.items.iter().any(|item| matches!(item, ast::Item::Use { .. })) {
        return parsed;
    }
    let own = normal(Path::new(&sources.file(file).name));
    let mut whole = Whole { sources, files, known: HashSet::from([own]), diagnostics: Vec::new() };
    let items = std::mem::take(&mut parsed.ast.items);
    parsed.ast.items = whole.spliced(items);
    parsed.diagnostics.extend(whole.diagnostics);
    parsed
}

struct Whole<'a> {
    sources: &'a mut Sources,
    files: &'a dyn Files,
    known: HashSet<PathBuf>,
    diagnostics: Vec<Diagnostic>,
}

impl Whole<'_> {
    /// The items, with those of used files behind each `use`.
    fn spliced(&mut self, items: Vec<ast::Item>) -> Vec<ast::Item> {
        let mut all = Vec::new();
        for item in items {
            let brought = match &item {
                ast::Item::Use { path, .. } => self.brought(path),
                _ => Vec::new(),
            };
            all.push(item);
            all.extend(brought);
        }
        all
    }

    /// What a used file brings; nothing where it has been brought already, or cannot be read.
    fn brought(&mut self, path: &Spanned<String>) -> Vec<ast::Item> {
        let user = Path::new(&self.sources.file(path.span.file).name);
        let place = normal(&user.parent().unwrap_or(Path::new("")).join(&path.value));
        if !self.known.insert(place.clone()) {
            return Vec::new();
        }
        if self.known.len() > FILES_MAX {
            self.diagnostics.push(too_many_files(path));
            return Vec::new();
        }
        let file = match self.sources.load(&place, self.files) {
            Ok(file) => file,
            Err(error) => {
                self.diagnostics.push(unreadable(path, &place, &error));
                return Vec::new();
            }
        };
        let parsed = parse(file, &self.sources.file(file).text);
        self.diagnostics.extend(parsed.diagnostics);
        let items = self.spliced(parsed.ast.items);
        let (brought, others): (Vec<_>, Vec<_>) = items.into_iter().partition(may_be_brought);
        for other in others.iter().filter(|other| other.span().file == file) {
            self.diagnostics.push(not_for_others(other, path));
        }
        brought
    }
}

/// Whether an item is of use to another file. What could not be read was complained about.
fn may_be_brought(item: &ast::Item) -> bool {
    use ast::Item;
    matches!(item, Item::Flow(_) | Item::Let(_) | Item::Data(_) | Item::Use { .. } | Item::Bad(_))
}

/// The path without `.` and, as far as names go, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// `missing-file`: a used file is not there, or cannot be read.
fn unreadable(path: &Spanned<String>, place: &Path, error: &LoadError) -> Diagnostic {
    let why = match error {
        LoadError::Io(error) => error.to_string(),
        LoadError::NotUtf8(_) => "it is not UTF-8 text".to_owned(),
        LoadError::TooLarge(bytes) => format!("it has {bytes} bytes, more than any scenario"),
    };
    Diagnostic::new(Rule::MissingFile, path.span, format!("`{}` cannot be read: {why}", path.value))
        .help(format!("it was looked for at {}: the path begins beside this file", place.display()))
}

/// `missing-file`: more than anyone can follow.
fn too_many_files(path: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(Rule::MissingFile, path.span, format!("a scenario brings in at most {FILES_MAX} files"))
}

/// `not-for-others`: a used file holds what only a scenario can.
fn not_for_others(item: &ast::Item, path: &Spanned<String>) -> Diagnostic {
    let what = match item {
        ast::Item::Scenario { .. } => "a title",
        ast::Item::Target(_) => "a target",
        ast::Item::User(_) => "users",
        ast::Item::Setup(_) => "a setup",
        ast::Item::Teardown(_) => "a teardown",
        _ => "thresholds",
    };
    let start = item.span().at_start();
    Diagnostic::new(Rule::NotForOthers, start, format!("this file is used by another, and holds {what}"))
        .also(path.span, "used here")
        .help("only `flow`, `let` and `data` are brought in: move the rest into the scenario")
}
