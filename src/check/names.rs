//! Names: what is declared where, which value a use means, and whether that value is surely set there.
//!
//! A task's values belong to its iteration, whatever block they are declared in; what `on start` declares and the
//! user's own `let`s belong to the user; top-level `let`s to the run. Nearer names hide farther ones. A name may be
//! declared again where the block of its first declaration is closed (the branches of an `if`, two loops): it is then
//! the same value.

use std::collections::HashSet;

use super::checker::{Checker, Flow};
use super::functions::FUNCTIONS;
use super::meaning::{ExprKind, Owner, Type, VarId, Variable};
use super::types;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::{ast, keyword};

/// A name that is declared somewhere, for messages.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    /// The name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    /// The task that declares it.
    pub task: String,
}

/// What could not be read: it may declare or use names, and nothing is said about those.
#[derive(Debug, Default)]
pub(super) struct Holes {
    texts: Vec<String>,
    declares: HashSet<String>,
}

impl Holes {
    /// Whether everything could be read.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether a hole may declare `name`.
    pub fn may_declare(&self, name: &str) -> bool {
        self.declares.contains(name)
    }

    /// Whether `name` stands as a word in something that could not be read.
    pub fn mention(&self, name: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.texts.iter().any(|text| {
            text.match_indices(name).any(|(at, _)| {
                !text[..at].chars().next_back().is_some_and(is_word)
                    && !text[at + name.len()..].chars().next().is_some_and(is_word)
            })
        })
    }
}

impl Checker<'_> {
    /// Notes a hole.
    pub fn hole(&mut self, bad: &ast::Bad) {
        self.holes.texts.push(self.sources.text(bad.span).to_owned());
        self.holes.declares.extend(bad.declares.iter().cloned());
    }

    /// Notes an expression that could not be read.
    pub fn hole_expr(&mut self, span: Span) {
        self.holes.texts.push(self.sources.text(span).to_owned());
    }

    /// Declares a value at this place; it is set from here on.
    pub fn declare(&mut self, name: &ast::Name, ty: Type) -> VarId {
        if keyword::is_reserved(&name.value) && !(self.names_item && names_part_of_answer(&name.value)) {
            self.report(reserved_name(name));
        }
        if let Some(&(earlier, block)) = self.flow.declared.get(&name.value)
            && self.place.blocks.contains(&block)
        {
            let first = self.scenario.variables[earlier.0 as usize].name.span;
            self.report(duplicate_value(name, first));
        }
        // Where it is changed later nothing is known of it beside what both have in common.
        let ty = if self.changed.contains(&name.value) { types::changeable(ty) } else { ty };
        let variable = match self.place.values.get(&name.value) {
            Some(&known) => {
                let declared = &mut self.scenario.variables[known.0 as usize];
                declared.ty = types::join(declared.ty, ty);
                known
            }
            None => self.new_variable(name, ty),
        };
        self.place.values.insert(name.value.clone(), variable);
        let block = *self.place.blocks.last().expect("the task's own block is open");
        self.flow.declared.insert(name.value.clone(), (variable, block));
        self.flow.assigned.insert(variable);
        variable
    }

    /// The value that `set` changes, which is set from here on; a hole where it means nothing, or nothing that changes.
    pub fn change(&mut self, name: &ast::Name, ty: Type) -> Option<VarId> {
        let near = self.flow.declared.get(&name.value).map(|(variable, _)| *variable);
        let Some(variable) = near.or_else(|| self.user_values.get(&name.value).copied()) else {
            match self.run_values.get(&name.value) {
                Some(constant) => {
                    let first = self.scenario.variables[constant.0 as usize].name.span;
                    self.report(set_of_constant(name, first));
                }
                None => self.unresolved(&name.value, name.span),
            }
            return None;
        };
        let declared = &mut self.scenario.variables[variable.0 as usize];
        declared.ty = types::join(declared.ty, ty);
        self.flow.assigned.insert(variable);
        Some(variable)
    }

    /// A fresh variable that is in no scope yet.
    pub fn new_variable(&mut self, name: &ast::Name, ty: Type) -> VarId {
        self.scenario.variables.push(Variable { name: name.clone(), owner: self.place.owner, ty, secret: false });
        self.read.push(false);
        VarId(self.scenario.variables.len() as u32 - 1)
    }

    /// What `name` means here, and of what type it is. A hole where it means nothing.
    pub fn resolve(&mut self, name: &str, span: Span) -> (ExprKind, Type) {
        let near = self.flow.declared.get(name).map(|(variable, _)| *variable);
        let of_user = self.user_values.get(name).copied();
        let Some(variable) = near.or(of_user).or_else(|| self.run_values.get(name).copied()) else {
            self.unresolved(name, span);
            return (ExprKind::Bad, Type::Unknown);
        };
        self.read[variable.0 as usize] = true;
        let declared = &self.scenario.variables[variable.0 as usize];
        let ty = declared.ty;
        let set = match declared.owner {
            Owner::Run => true,
            Owner::User(class) if class == self.once && near.is_none() => self.setup_assigned.contains(&variable),
            Owner::User(_) if near.is_none() => self.user_assigned.contains(&variable),
            Owner::User(_) | Owner::Iteration(_) => self.flow.assigned.contains(&variable),
        };
        if !set {
            let of_setup = declared.owner == Owner::User(self.once);
            let diagnostic = maybe_unset(name, span, declared.name.span, declared.owner, of_setup);
            // One mistake, one message.
            if self.excused.insert(variable) {
                self.report(diagnostic);
            }
        }
        (ExprKind::Variable(variable), ty)
    }

    /// Whether `name` means a value here.
    pub fn is_value(&self, name: &str) -> bool {
        self.flow.declared.contains_key(name)
            || self.user_values.contains_key(name)
            || self.run_values.contains_key(name)
    }

    /// Says that `name` means nothing here, unless a hole may have declared it.
    fn unresolved(&mut self, name: &str, span: Span) {
        self.wanted.insert(name.to_owned());
        if self.holes.may_declare(name) {
            return;
        }
        if self.data_named(name).is_some() {
            return self.report(super::data::data_is_no_value(name, span));
        }
        if let Some(later) = self.place.ahead.iter().find(|declaration| declaration.name == name) {
            let later = later.span;
            // Two ways to come here: it is declared further down, or inside its own value.
            return self.report(not_set_yet(name, span, later));
        }
        let known = self.flow.declared.keys().chain(self.user_values.keys()).chain(self.run_values.keys());
        let near = nearest(name, known.map(String::as_str)).map(str::to_owned);
        let near = near.or_else(|| elsewhere_called(name));
        self.wanted.extend(near.clone());
        if near.is_none() && !self.missing.insert(name.to_owned()) {
            return;
        }
        let elsewhere = self.declarations.iter().find(|declaration| declaration.name == name).cloned();
        self.report(undefined_value(name, span, near.as_deref(), elsewhere.as_ref()));
    }

    /// Opens a block: what it declares may be declared again behind it.
    pub fn in_block<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.place.blocks.push(self.place.next_block);
        self.place.next_block += 1;
        let result = work(self);
        self.place.blocks.pop();
        result
    }

    /// Complains about values that nothing reads, nor would read if it were not for another mistake. Call it when the
    /// whole file is understood.
    pub fn unused_values(&mut self) {
        let unused = self.scenario.variables.iter().zip(&self.read).filter(|(variable, read)| {
            let name = &variable.name.value;
            let spared = name.starts_with('_') || keyword::is_reserved(name) || self.wanted.contains(name);
            !**read && !spared && !self.holes.mention(name)
        });
        let diagnostics: Vec<Diagnostic> = unused.map(|(variable, _)| unused_value(&variable.name)).collect();
        self.diagnostics.extend(diagnostics);
    }

    /// Takes the flow away and puts `flow` in its place.
    pub fn replace_flow(&mut self, flow: Flow) -> Flow {
        std::mem::replace(&mut self.flow, flow)
    }
}

/// Every value that `block` declares, blocks inside it included.
pub(super) fn declared_in(block: &ast::Block, task: &str, to: &mut Vec<Declaration>) {
    for statement in &block.statements {
        let mut add = |name: &ast::Name| {
            to.push(Declaration { name: name.value.clone(), span: name.span, task: task.to_owned() });
        };
        let captures = |parts: &[ast::Part], add: &mut dyn FnMut(&ast::Name)| {
            for part in parts {
                if let ast::Part::Capture { name, .. } = part {
                    add(name);
                }
            }
        };
        match &statement.kind {
            ast::StatementKind::Let { name, .. } => add(name),
            ast::StatementKind::Take(take) => add(&take.name),
            ast::StatementKind::Receive { form: ast::ReceiveForm::All(expected), .. } => {
                expected.iter().for_each(|entry| captures(&entry.parts, &mut add));
            }
            ast::StatementKind::Http { parts, .. }
            | ast::StatementKind::Receive { parts, .. }
            | ast::StatementKind::Call { parts, .. } => captures(parts, &mut add),
            _ => {}
        }
        statement.kind.blocks().into_iter().for_each(|body| declared_in(body, task, to));
    }
}

/// Whether an answer has something of that name which stands alone. `for url in links` means what it says: nothing is
/// looked into before the block of a step, and in it the word is the answer's.
fn names_part_of_answer(name: &str) -> bool {
    matches!(name, "status" | "body" | "size" | "url" | "time" | "event")
}

/// What other languages call so, and what is written here.
fn elsewhere_called(name: &str) -> Option<String> {
    let ours = match name {
        "None" | "nil" | "undefined" | "NULL" | "Null" => "null",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "status_code" | "response_code" => "status",
        "response_time" | "duration" | "elapsed" => "time",
        _ => {
            let function = FUNCTIONS.iter().find(|function| function.name == name && function.required == 0)?;
            return Some(format!("{}()", function.name));
        }
    };
    Some(ours.to_owned())
}

/// `undefined-name`: a value is used that nothing declares.
fn undefined_value(name: &str, span: Span, near: Option<&str>, elsewhere: Option<&Declaration>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UndefinedName, span, format!("no value is called `{name}` here"));
    match (near, elsewhere) {
        (_, Some(declaration)) => diagnostic
            .also(declaration.span, format!("`{name}` of `{}` is set here", declaration.task))
            .help("what a task declares lives for one iteration of it; what `on start` declares, for the user's life"),
        (Some(near), None) => diagnostic.help(format!("did you mean `{near}`?")).fix(span, near),
        (None, None) if matches!(name, "__ENV" | "ENV" | "process" | "os" | "environ") => {
            diagnostic.help("a variable of the environment is read with `env(\"NAME\", \"default\")`")
        }
        (None, None) => diagnostic.help(format!("`let {name} = …` or `capture {name} = …` before it declares one")),
    }
}

/// `undefined-name`: something is called that is no function.
pub(super) fn undefined_function(name: &ast::Name, near: Option<&str>) -> Diagnostic {
    let said = format!("no function is called `{}`", name.value);
    let diagnostic = Diagnostic::new(Rule::UndefinedName, name.span, said);
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(name.span, near),
        None if name.value == "range" => diagnostic.help("a range is written with `..`: `for i in 0..9 { … }`"),
        None if keyword::EXTRACTORS.contains(&name.value.as_str()) => diagnostic
            .help(format!("{} is looked into without parentheses: `json $.id`, `header Location`", name.value)),
        None => diagnostic.help(format!(
            "there are {}",
            types::list(&FUNCTIONS.iter().map(|known| known.name).collect::<Vec<_>>(), "and")
        )),
    }
}

/// `duplicate-name`: a value is declared where one of that name is in force already.
pub(super) fn duplicate_value(name: &ast::Name, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateName, name.span, format!("`{}` is declared already", name.value))
        .label("declared again")
        .also(first, "declared first")
        .help("give one of them another name")
}

/// `duplicate-name`: two users, or two tasks of one user, of the same name.
pub(super) fn duplicate_item(what: &str, name: &ast::Name, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateName, name.span, format!("there are two {what} called `{}`", name.value))
        .label("the second")
        .also(first, "the first")
        .help("give one of them another name")
}

/// `reserved-name`: a value is called what the language calls something else.
fn reserved_name(name: &ast::Name) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Rule::ReservedName,
        name.span,
        format!("`{}` is a word of the language and cannot name a value", name.value),
    );
    let better = match name.value.as_str() {
        "status" => "state",
        "time" => "moment",
        "size" => "bytes",
        "url" => "link",
        "body" => "content",
        "user" => "person",
        "event" => "notice",
        other => return diagnostic.help(format!("`{other}_value` would do")),
    };
    diagnostic.help(format!("`{better}` would do")).fix(name.span, better)
}

/// `maybe-unset`: on some path to this use the value is not set.
fn maybe_unset(name: &str, span: Span, declared: Span, owner: Owner, of_setup: bool) -> Diagnostic {
    let help = match owner {
        Owner::User(_) if of_setup => "set it on every path through `setup`",
        Owner::User(_) => "set it on every path through `on start`, or give it a first value with `let` in the user",
        _ => "set it on every path that leads here, or move this use into the block that sets it",
    };
    Diagnostic::new(Rule::MaybeUnset, span, format!("`{name}` may not be set here"))
        .label("used here")
        .also(declared, "set here, which not every path comes by")
        .help(help)
}

/// `maybe-unset`: the value is declared, but further down.
pub(super) fn not_set_yet(name: &str, span: Span, later: Span) -> Diagnostic {
    Diagnostic::new(Rule::MaybeUnset, span, format!("`{name}` is not set here yet"))
        .label("used here")
        .also(later, "set only here")
        .help("move the declaration above its first use")
}

/// `set-of-constant`
fn set_of_constant(name: &ast::Name, first: Span) -> Diagnostic {
    let message = format!("`{}` is the same for the whole run, and cannot be changed", name.value);
    Diagnostic::new(Rule::SetOfConstant, name.span, message)
        .also(first, "declared at the top level")
        .help("a `let` in the user or in the task declares a value that `set` can change")
}

/// `unused-value`: nothing reads it.
fn unused_value(name: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(Rule::UnusedValue, name.span, format!("nothing uses `{}`", name.value))
        .help(format!("remove it, or call it `_{}` to keep it", name.value))
}
