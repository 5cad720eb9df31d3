//! `setup` and `teardown`: once for the whole run, by a class of its own of which one lives before all users and after.

use super::checker::{Checker, Flow, Place};
use super::http::duplicate_setting;
use super::meaning::{Delay, Owner, Statement, User};
use super::names;
use crate::base::{Span, Spanned};
use crate::syntax::ast;

impl Checker<'_> {
    /// `setup { … }`: what it captures and names every user reads.
    pub fn setup(&mut self, file: &ast::File) {
        self.once = file.items.iter().filter(|item| matches!(item, ast::Item::User(_))).count();
        let blocks: Vec<&ast::Once> = written(file, true).collect();
        let Some(first) = blocks.first() else { return };
        let body = self.once_only("setup", &blocks, Owner::User(self.once));
        let flow = self.replace_flow(Flow::default());
        self.setup_assigned = flow.assigned;
        for (name, (variable, _)) in flow.declared {
            if let Some(known) = self.run_values.get(&name) {
                let known = self.scenario.variables[known.0 as usize].name.span;
                let here = self.scenario.variables[variable.0 as usize].name.clone();
                self.report(names::duplicate_value(&here, known));
            }
            self.run_values.entry(name).or_insert(variable);
        }
        self.class_of_once(first.span).on_start = body;
    }

    /// `teardown { … }`
    pub fn teardown(&mut self, file: &ast::File) {
        let blocks: Vec<&ast::Once> = written(file, false).collect();
        let Some(first) = blocks.first() else { return };
        let body = self.once_only("teardown", &blocks, Owner::Iteration(self.once));
        self.flow = Flow::default();
        self.class_of_once(first.span).on_stop = body;
    }

    /// The blocks of this name: the first is understood, and any other is one too many.
    fn once_only(&mut self, name: &str, blocks: &[&ast::Once], owner: Owner) -> Vec<Statement> {
        for second in &blocks[1..] {
            self.report(duplicate_setting(name, word(second.span, name), word(blocks[0].span, name)));
        }
        self.place = Place { user: Some(self.once), owner, ..Place::default() };
        self.flow = Flow::default();
        self.enter(name, &blocks[0].body);
        let body = self.statements(&blocks[0].body);
        self.place = Place::default();
        body
    }

    fn class_of_once(&mut self, span: Span) -> &mut User {
        self.scenario.once.get_or_insert_with(|| User {
            name: Spanned::new(String::new(), span.at_start()),
            doc: None,
            weight: 0.0,
            think: Delay::None,
            pace: None,
            in_order: false,
            session_per_iteration: false,
            lets: Vec::new(),
            on_start: Vec::new(),
            on_stop: Vec::new(),
            tasks: Vec::new(),
            left_out: false,
        })
    }
}

fn written(file: &ast::File, setup: bool) -> impl Iterator<Item = &ast::Once> {
    file.items.iter().filter_map(move |item| match item {
        ast::Item::Setup(once) if setup => Some(once),
        ast::Item::Teardown(once) if !setup => Some(once),
        _ => None,
    })
}

/// The word that an item begins with.
fn word(span: Span, word: &str) -> Span {
    Span { end: span.start + word.len() as u32, ..span }
}
