//! Data: where rows come from, how they are dealt, and what is known of them before the run.

use std::sync::Arc;

use super::checker::Checker;
use super::files::DATA_BYTES_MAX;
use super::http::duplicate_setting;
use super::meaning::{Data, DataId, Expr, ExprKind, Let, Pick, Rows, Type, WhenEmpty};
use super::names;
use super::table::{self, Fault, Format};
use super::types;
use crate::base::{ByteSize, Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

/// The words behind `pick`.
const PICKS: &[(&str, Pick)] =
    &[("sequential", Pick::Sequential), ("random", Pick::Random), ("shuffle", Pick::Shuffle), ("unique", Pick::Unique)];

/// The words behind `when empty`.
const WHEN_EMPTY: &[(&str, WhenEmpty)] = &[("recycle", WhenEmpty::Recycle), ("stop", WhenEmpty::Stop)];

/// What the options of one `data` say.
#[derive(Default)]
struct Options {
    pick: Option<(Pick, Span)>,
    when_empty: Option<(WhenEmpty, Span)>,
    columns: Option<(Vec<Spanned<String>>, Span)>,
    separator: Option<(u8, Span)>,
}

impl Checker<'_> {
    /// Understands one `data`. Whoever takes from it comes later, wherever it stands.
    pub fn data(&mut self, written: &ast::Data) {
        if let Some(known) = self.scenario.data.iter().find(|known| known.name.value == written.name.value) {
            let first = known.name.span;
            self.report(names::duplicate_item("data", &written.name, first));
            return;
        }
        let options = self.data_options(&written.options);
        let (rows, columns, ty) = match &written.source {
            ast::DataSource::File(path) => self.data_file(path, &options),
            ast::DataSource::Inline(list) => {
                for (word, span) in [
                    ("columns", options.columns.as_ref().map(|(_, span)| *span)),
                    ("separator", options.separator.map(|(_, span)| span)),
                ] {
                    if let Some(span) = span {
                        self.report(only_of_files(word, span));
                    }
                }
                self.data_inline(list)
            }
        };
        let ty = match columns.is_empty() {
            true => ty,
            false => Type::Row(DataId(self.scenario.data.len() as u32)),
        };
        self.scenario.data.push(Data {
            name: written.name.clone(),
            doc: written.doc.clone(),
            span: written.span,
            rows,
            columns,
            ty,
            pick: options.pick.map_or(Pick::Sequential, |(pick, _)| pick),
            when_empty: options.when_empty.map_or(WhenEmpty::Recycle, |(what, _)| what),
        });
        self.data_used.push(false);
    }

    /// The data called `name`, noted as used; `None`: there is none.
    pub fn data_named(&mut self, name: &str) -> Option<DataId> {
        let index = self.scenario.data.iter().position(|known| known.name.value == name)?;
        self.data_used[index] = true;
        Some(DataId(index as u32))
    }

    /// What is known of a row of this data.
    pub fn row_type(&self, data: DataId) -> Type {
        self.scenario.data[data.0 as usize].ty
    }

    /// `take row from data`: a `let` whose value is the next row that is dealt to the user.
    pub fn take(&mut self, written: &ast::Take) -> Let {
        let name = &written.data;
        let (kind, ty) = match self.data_named(&name.value) {
            Some(data) => (ExprKind::Take(data), self.row_type(data)),
            None => {
                self.wanted.insert(name.value.clone());
                if !self.holes.mention(&name.value) {
                    let known = self.scenario.data.iter().map(|known| known.name.value.as_str());
                    let near = nearest(&name.value, known).map(str::to_owned);
                    self.report(undefined_data(name, near.as_deref()));
                    // What was probably meant is not unused.
                    self.wanted.extend(near);
                }
                (ExprKind::Bad, Type::Unknown)
            }
        };
        let value = Expr { span: name.span, ty, kind };
        let variable = self.declare(&written.name, ty);
        Let { variable, value, span: written.span }
    }

    /// What the member `key` of a row is. Complains where the data has no such column.
    pub fn column(&mut self, data: DataId, key: &Spanned<String>) -> Type {
        let data = &self.scenario.data[data.0 as usize];
        if let Some((_, ty)) = data.columns.iter().find(|(name, _)| *name == key.value) {
            return *ty;
        }
        let names: Vec<&str> = data.columns.iter().map(|(name, _)| name.as_str()).collect();
        let diagnostic = unknown_column(key, &data.name, &names);
        self.report(diagnostic);
        Type::Unknown
    }

    /// Complains about data that nothing takes rows from. Call it when the whole file is understood.
    pub fn unused_data(&mut self) {
        let unused = self.scenario.data.iter().zip(&self.data_used).filter(|(data, used)| {
            let name = &data.name.value;
            !**used && !name.starts_with('_') && !self.wanted.contains(name) && !self.holes.mention(name)
        });
        let diagnostics: Vec<Diagnostic> = unused.map(|(data, _)| unused_data(&data.name)).collect();
        self.diagnostics.extend(diagnostics);
    }

    fn data_options(&mut self, written: &[ast::DataOption]) -> Options {
        let mut options = Options::default();
        for option in written {
            match option {
                ast::DataOption::Pick { span, how } => {
                    let pick = self.word(how, PICKS, "rows are picked");
                    self.once("pick", *span, options.pick.map(|(_, span)| span));
                    options.pick = options.pick.or(Some((pick.unwrap_or(Pick::Sequential), *span)));
                }
                ast::DataOption::WhenEmpty { span, what } => {
                    let what = self.word(what, WHEN_EMPTY, "when empty, data does one of");
                    self.once("when empty", *span, options.when_empty.map(|(_, span)| span));
                    options.when_empty = options.when_empty.or(Some((what.unwrap_or(WhenEmpty::Recycle), *span)));
                }
                ast::DataOption::Columns { span, names } => {
                    self.once("columns", *span, options.columns.as_ref().map(|(_, span)| *span));
                    for (index, name) in names.iter().enumerate() {
                        if let Some(first) = names[..index].iter().find(|known| known.value == name.value) {
                            self.report(names::duplicate_item("columns", name, first.span));
                        }
                    }
                    options.columns.get_or_insert((names.clone(), *span));
                }
                ast::DataOption::Separator { span, value } => {
                    self.once("separator", *span, options.separator.map(|(_, span)| span));
                    let separator = match value.value.as_bytes() {
                        [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => *one,
                        _ => {
                            self.report(malformed_separator(value.span));
                            b','
                        }
                    };
                    options.separator = options.separator.or(Some((separator, *span)));
                }
                ast::DataOption::Bad(bad) => self.hole(bad),
            }
        }
        options
    }

    /// What one of a few words means; complains about any other.
    fn word<T: Copy>(&mut self, written: &Spanned<String>, words: &[(&str, T)], what: &str) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == written.value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.report(unknown_option(written, &words, what));
        }
        found
    }

    fn once(&mut self, what: &str, span: Span, first: Option<Span>) {
        if let Some(first) = first {
            self.report(duplicate_setting(what, span, first));
        }
    }

    fn data_file(&mut self, path: &Spanned<String>, options: &Options) -> (Rows, Vec<(String, Type)>, Type) {
        let hole = (Rows::Bad, Vec::new(), Type::Unknown);
        let Some(bytes) = self.beside(&path.value, path.span, DATA_BYTES_MAX) else { return hole };
        let format = format_of(&path.value, &bytes, options);
        if !matches!(format, Format::Csv { .. }) {
            for (word, span) in [
                ("columns", options.columns.as_ref().map(|(_, span)| *span)),
                ("separator", options.separator.map(|(_, span)| span)),
            ] {
                if let Some(span) = span {
                    self.report(only_of_csv(word, span));
                }
            }
        }
        match table::read(&bytes, &format) {
            Ok((table, types)) => {
                let single = types.first().copied().unwrap_or(Type::Json);
                let columns = table.columns().iter().cloned().zip(types).collect();
                (Rows::Table(Arc::new(table)), columns, single)
            }
            Err(fault) => {
                let named = matches!(&format, Format::Csv { columns: Some(_), .. });
                self.report(malformed_data(path, &fault, named));
                hole
            }
        }
    }

    /// Rows that stand in the scenario: known in number, and evaluated when the run starts.
    fn data_inline(&mut self, list: &ast::Expr) -> (Rows, Vec<(String, Type)>, Type) {
        let list = self.expr(list);
        let ExprKind::List(items) = &list.kind else { return (Rows::Bad, Vec::new(), Type::Unknown) };
        if items.is_empty() {
            let span = list.span;
            self.report(empty_data(span));
            return (Rows::Bad, Vec::new(), Type::Unknown);
        }
        let mut columns: Vec<(String, Type)> = Vec::new();
        let mut objects = true;
        for (index, item) in items.iter().enumerate() {
            let ExprKind::Object(members) = &item.kind else {
                objects = false;
                continue;
            };
            for (key, value) in members {
                match columns.iter_mut().find(|(name, _)| name == key) {
                    Some((_, ty)) => *ty = types::join(*ty, value.ty),
                    // Rows before this one lack it.
                    None => columns.push((key.clone(), if index == 0 { value.ty } else { Type::Json })),
                }
            }
            for (name, ty) in &mut columns {
                if !members.iter().any(|(key, _)| key == name) {
                    *ty = Type::Json;
                }
            }
        }
        if !objects {
            columns.clear();
        }
        let ty = items.iter().map(|item| item.ty).reduce(types::join).unwrap_or(Type::Unknown);
        let count = items.len() as u32;
        (Rows::Inline(list, count), columns, ty)
    }
}

/// How a file is read: as its name says, else as it begins.
fn format_of(path: &str, bytes: &[u8], options: &Options) -> Format {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let csv = |separator: u8| Format::Csv {
        separator: options.separator.map_or(separator, |(separator, _)| separator),
        columns: options.columns.as_ref().map(|(names, _)| names.iter().map(|name| name.value.clone()).collect()),
    };
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match (ending.as_deref(), first) {
        (Some("csv" | "txt"), _) => csv(b','),
        (Some("tsv"), _) => csv(b'\t'),
        (Some("ndjson" | "jsonl"), _) => Format::JsonLines,
        (Some("json"), Some(b'{')) => Format::JsonLines,
        (Some("json"), _) | (_, Some(b'[')) => Format::JsonArray,
        (_, Some(b'{')) => Format::JsonLines,
        _ => csv(b','),
    }
}

/// `undefined-name`: rows are taken from data that nothing declares.
fn undefined_data(name: &ast::Name, near: Option<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UndefinedName, name.span, format!("no data is called `{}`", name.value));
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(name.span, near),
        None => diagnostic.help(format!("declare it at the top of the file: `data {0} from \"{0}.csv\"`", name.value)),
    }
}

/// `type-mismatch`: data stands where a value belongs.
pub(super) fn data_is_no_value(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::TypeMismatch, span, format!("`{name}` is data, all its rows together, and no value")).help(
        format!("take a row of it, `take row from {name}`, draw one, `pick({name})`, or go through them with `for`"),
    )
}

/// `unknown-column`: a member of a row that its data does not have.
fn unknown_column(key: &Spanned<String>, data: &Spanned<String>, names: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Rule::UnknownColumn,
        key.span,
        format!("rows of `{}` have no column `{}`", data.value, key.value),
    );
    match nearest(&key.value, names.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(key.span, near),
        None => {
            let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            diagnostic.help(format!("its columns are {}", types::list(&shown, "and")))
        }
    }
}

/// `unknown-option`: a setting holds a word that it cannot hold.
pub(super) fn unknown_option(word: &Spanned<String>, words: &[&str], what: &str) -> Diagnostic {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let said = format!("{what} {}, not `{}`", types::list(&quoted, "or"), word.value);
    let diagnostic = Diagnostic::new(Rule::UnknownOption, word.span, said);
    match nearest(&word.value, words.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(word.span, near),
        None => diagnostic,
    }
}

/// `misplaced`: an option of CSV files on a list.
fn only_of_files(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::Misplaced, span, format!("`{word}` is about CSV files, and these rows stand right here"))
        .help("leave it out: the keys of the rows are their columns")
}

/// `misplaced`: an option of CSV files on JSON.
fn only_of_csv(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::Misplaced, span, format!("`{word}` is about CSV files, and this one holds JSON"))
        .help("leave it out: the keys of the rows are their columns")
}

/// `malformed-data`: a separator of no or several characters.
fn malformed_separator(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::MalformedData, span, "a separator is one character: a comma, `;`, `|`, a tab")
        .help("`separator \";\"`, `separator \"\\t\"`")
}

/// `empty-data`: a list without items.
fn empty_data(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::EmptyData, span, "there are no rows in this list")
}

/// `malformed-data`, `empty-data`, `not-utf8`: a data file without sound rows. `named`: the scenario names its columns.
fn malformed_data(path: &Spanned<String>, fault: &Fault, named: bool) -> Diagnostic {
    let file = &path.value;
    let malformed = |said: String| Diagnostic::new(Rule::MalformedData, path.span, said);
    let fields = |count: usize| format!("{count} field{}", if count == 1 { "" } else { "s" });
    match fault {
        Fault::NotUtf8 { line } => {
            Diagnostic::new(Rule::NotUtf8, path.span, format!("line {line} of `{file}` is not UTF-8 text"))
                .help("save it as UTF-8")
        }
        Fault::Ragged { line, found, wanted } => {
            let who = if named { "`columns` names" } else { "its first row names" };
            let said = format!("line {line} of `{file}` has {}, and {who} {wanted} columns", fields(*found));
            malformed(said.replace(" 1 columns", " 1 column"))
                .help("a field with a separator in it stands in quotes: `\"a, b\"`; another separator is set with `separator \";\"`")
        }
        Fault::SameColumn(name) => malformed(format!("two columns of `{file}` are called `{name}`"))
            .help("name them yourself: `columns [a, b]`"),
        Fault::NamelessColumn(index) => malformed(format!("column {index} of `{file}` has no name"))
            .help("the first row of a CSV file names its columns, unless you do: `columns [a, b]`"),
        Fault::NotJson { line, why } => malformed(format!("line {line} of `{file}` is no JSON: {why}")),
        Fault::NotAnArray => malformed(format!("`{file}` holds JSON, but no array of rows"))
            .help("rows are the items of one array, or stand each on a line of its own in a `.ndjson` file"),
        Fault::NoRows => {
            Diagnostic::new(Rule::EmptyData, path.span, format!("there are no rows in `{file}`")).help(if named {
                "it is empty"
            } else {
                "the first row of a CSV file names its columns; rows follow behind it"
            })
        }
        Fault::TooLarge => {
            Diagnostic::new(Rule::FileTooLarge, path.span, format!("`{file}` holds more than {}", ByteSize(4 << 30)))
        }
    }
}

/// `unused-data`: nothing takes a row from it.
fn unused_data(name: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(Rule::UnusedData, name.span, format!("nothing uses the rows of `{}`", name.value))
        .help(format!("remove it, or take from it: `take row from {}`", name.value))
}
