//! The file as a whole: title, target, constants, users and their tasks.

use std::collections::HashSet;

use super::checker::{Checker, Flow, Place};
use super::constants::Constant;
use super::http::duplicate_setting;
use super::meaning::{Delay, Let, Owner, Task, Type, User};
use super::names::{self, Declaration};
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

impl Checker<'_> {
    /// Understands a whole file.
    pub fn file(&mut self, file: &ast::File) {
        for item in &file.items {
            match item {
                ast::Item::Bad(bad) => self.hole(bad),
                ast::Item::User(user) => self.declared_by(user),
                _ => {}
            }
        }
        changed_in(file, &mut self.changed);
        self.flows(file);
        // What the run knows comes first, wherever it stands: users may read a `let` that stands below them.
        self.title(file);
        self.constants_of_run(file);
        for item in &file.items {
            if let ast::Item::Data(data) = item {
                self.data(data);
            }
        }
        self.targets(file, self.file_start(file));
        self.setup(file);
        for item in &file.items {
            if let ast::Item::User(user) = item {
                self.user(user);
            }
        }
        self.teardown(file);
        let library = is_library(file);
        self.uncalled_flows(library);
        if !library {
            self.users_as_a_whole(file);
        }
        for item in &file.items {
            if let ast::Item::Thresholds(thresholds) = item {
                self.thresholds(thresholds);
            }
        }
        if !library {
            self.unused_values();
            self.unused_data();
            self.unused_targets();
        }
    }

    fn title(&mut self, file: &ast::File) {
        let mut first: Option<Span> = None;
        for item in &file.items {
            let ast::Item::Scenario { span, title } = item else { continue };
            match first {
                Some(first) => self.report(duplicate_setting("scenario", *span, first)),
                None => self.scenario.title = title.value.clone(),
            }
            first = first.or(Some(*span));
        }
        if first.is_none() {
            self.scenario.title = file.items.first().map_or_else(|| "scenario".to_owned(), |item| self.stem(item));
        }
    }

    /// The file's name without folders and ending: the title where nobody gives one.
    fn stem(&self, item: &ast::Item) -> String {
        let name = &self.sources.file(item.span().file).name;
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        name.strip_suffix(".scn").unwrap_or(name).to_owned()
    }

    fn constants_of_run(&mut self, file: &ast::File) {
        let lets = || {
            file.items.iter().filter_map(|item| match item {
                ast::Item::Let(value) => Some(value),
                _ => None,
            })
        };
        self.place =
            Place { ahead: lets().map(|value| declaration(&value.name, "the run")).collect(), ..Place::default() };
        for written in lets() {
            let value = self.expr(&written.value);
            let variable = self.declare(&written.name, value.ty);
            if let Some(constant) = self.constant(&value) {
                self.constants.insert(variable, constant);
            }
            self.scenario.lets.push(Let { variable, value, span: written.span });
        }
        let flow = self.replace_flow(Flow::default());
        self.run_values = flow.declared.into_iter().map(|(name, (variable, _))| (name, variable)).collect();
        self.place = Place::default();
    }

    fn declared_by(&mut self, user: &ast::User) {
        for item in &user.items {
            match item {
                ast::UserItem::OnStart(block) => names::declared_in(block, "on start", &mut self.declarations),
                ast::UserItem::OnStop(block) => names::declared_in(block, "on stop", &mut self.declarations),
                ast::UserItem::Task(task) => {
                    names::declared_in(&task.body, &task.name.value, &mut self.declarations);
                }
                ast::UserItem::Let(ast::Let { name, .. }) | ast::UserItem::Take(ast::Take { name, .. }) => {
                    self.declarations.push(declaration(name, &user.name.value));
                }
                _ => {}
            }
        }
    }

    fn user(&mut self, written: &ast::User) {
        let index = self.scenario.users.len();
        let known = self.scenario.users.iter().find(|known| known.name.value == written.name.value);
        if let Some(first) = known.map(|known| known.name.span) {
            self.report(names::duplicate_item("users", &written.name, first));
        }
        for item in &written.items {
            if let ast::UserItem::Bad(bad) = item {
                self.hole(bad);
            }
        }
        let weight = self.weight(written.weight.as_ref());
        self.place = Place { user: Some(index), owner: Owner::User(index), ..Place::default() };
        let think = self.think(written);
        let pace = self.pace(written);
        let session_per_iteration = self.session(written);
        // The user is in place before its blocks are understood, so that rows can refer to it.
        self.scenario.users.push(User {
            name: written.name.clone(),
            doc: written.doc.clone(),
            weight,
            think,
            pace,
            in_order: written.in_order.is_some(),
            session_per_iteration,
            lets: Vec::new(),
            on_start: Vec::new(),
            on_stop: Vec::new(),
            tasks: Vec::new(),
            left_out: false,
        });
        let lets = self.lets_of_user(written);
        let on_start = self.on_start(written);
        self.place = Place { user: Some(index), owner: Owner::Iteration(index), ..Place::default() };
        self.flow = self.beginning();
        self.enter_user(written);
        let mut tasks: Vec<Task> = Vec::new();
        for item in &written.items {
            let ast::UserItem::Task(task) = item else { continue };
            if let Some(first) = tasks.iter().find(|known| known.name.value == task.name.value) {
                self.report(names::duplicate_item(
                    &format!("tasks of `{}`", written.name.value),
                    &task.name,
                    first.name.span,
                ));
            }
            tasks.push(self.task(task, index));
        }
        let on_stop = self.on_stop(written, index);
        self.leave_user();
        self.tasks_as_a_whole(written, &tasks);
        self.user_values.clear();
        self.user_assigned.clear();
        self.user_sockets.clear();
        self.user_socket_states.clear();
        self.place = Place::default();
        let user = &mut self.scenario.users[index];
        (user.lets, user.on_start, user.on_stop, user.tasks) = (lets, on_start, on_stop, tasks);
    }

    fn think(&mut self, written: &ast::User) -> Delay {
        let mut first: Option<(Span, Delay)> = None;
        for item in &written.items {
            let ast::UserItem::Think { span, delay } = item else { continue };
            let delay = self.delay(delay, "think time");
            match &first {
                Some((first, _)) => self.report(duplicate_setting("think", *span, *first)),
                None => first = Some((*span, delay)),
            }
        }
        first.map_or(Delay::None, |(_, delay)| delay)
    }

    fn pace(&mut self, written: &ast::User) -> Option<super::meaning::Expr> {
        let mut first: Option<(Span, super::meaning::Expr)> = None;
        for item in &written.items {
            let ast::UserItem::Pace { span, every } = item else { continue };
            let every = self.typed(every, &[Type::Duration], "a pace");
            match &first {
                Some((first, _)) => self.report(duplicate_setting("pace", *span, *first)),
                None => first = Some((*span, every)),
            }
        }
        let think = written.items.iter().find_map(|item| match item {
            ast::UserItem::Think { span, .. } => Some(*span),
            _ => None,
        });
        if let (Some((pace, _)), Some(think)) = (&first, think) {
            self.report(pace_and_think(*pace, think));
        }
        first.map(|(_, every)| every)
    }

    /// Whether each iteration is a new person.
    fn session(&mut self, written: &ast::User) -> bool {
        let mut first: Option<(Span, bool)> = None;
        for item in &written.items {
            let ast::UserItem::Session { span, per } = item else { continue };
            let anew = match per.value.as_str() {
                "iteration" => true,
                "user" => false,
                _ => {
                    let said = super::data::unknown_option(per, &["user", "iteration"], "a session is per");
                    self.report(said);
                    continue;
                }
            };
            match first {
                Some((first, _)) => self.report(duplicate_setting("session", *span, first)),
                None => first = Some((*span, anew)),
            }
        }
        first.is_some_and(|(_, anew)| anew)
    }

    fn lets_of_user(&mut self, written: &ast::User) -> Vec<Let> {
        let names = written.items.iter().filter_map(|item| match item {
            ast::UserItem::Let(ast::Let { name, .. }) | ast::UserItem::Take(ast::Take { name, .. }) => Some(name),
            _ => None,
        });
        self.place.ahead = names.map(|name| declaration(name, &written.name.value)).collect();
        let mut understood = Vec::new();
        for item in &written.items {
            match item {
                ast::UserItem::Let(written) => {
                    let value = self.expr(&written.value);
                    let variable = self.declare(&written.name, value.ty);
                    understood.push(Let { variable, value, span: written.span });
                }
                ast::UserItem::Take(written) => understood.push(self.take(written)),
                _ => {}
            }
        }
        understood
    }

    /// Goes on in the flow of the user's own values: what `on start` declares stands beside them.
    fn on_start(&mut self, written: &ast::User) -> Vec<super::meaning::Statement> {
        let mut first: Option<Span> = None;
        let mut statements = Vec::new();
        for item in &written.items {
            let ast::UserItem::OnStart(block) = item else { continue };
            self.enter("on_start", block);
            let understood = self.statements(block);
            match first {
                Some(first) => self.report(duplicate_setting("on start", block.span, first)),
                None => statements = understood,
            }
            first = first.or(Some(block.span));
        }
        let flow = self.replace_flow(Flow::default());
        self.user_sockets = std::mem::take(&mut self.place.sockets);
        self.user_socket_states = flow.sockets.into_iter().map(|(id, socket)| (id, socket.of_user())).collect();
        self.user_values = flow.declared.into_iter().map(|(name, (variable, _))| (name, variable)).collect();
        self.user_assigned = flow.assigned;
        statements
    }

    fn on_stop(&mut self, written: &ast::User, index: usize) -> Vec<super::meaning::Statement> {
        let mut first: Option<Span> = None;
        let mut statements = Vec::new();
        for item in &written.items {
            let ast::UserItem::OnStop(block) = item else { continue };
            self.place = Place { user: Some(index), owner: Owner::Iteration(index), ..Place::default() };
            self.flow = self.beginning();
            self.enter("on_stop", block);
            let understood = self.statements(block);
            match first {
                Some(first) => self.report(duplicate_setting("on stop", block.span, first)),
                None => statements = understood,
            }
            first = first.or(Some(block.span));
        }
        statements
    }

    fn task(&mut self, written: &ast::Task, user: usize) -> Task {
        if matches!(written.name.value.as_str(), "on_start" | "on_stop" | "setup" | "teardown") {
            self.report(reserved_task(&written.name));
        }
        let weight = self.weight(written.weight.as_ref());
        self.place = Place { user: Some(user), owner: Owner::Iteration(user), ..Place::default() };
        self.flow = self.beginning();
        self.enter(&written.name.value, &written.body);
        let body = self.statements(&written.body);
        let sockets = std::mem::take(&mut self.place.uses).into_iter().collect();
        Task { name: written.name.clone(), doc: written.doc.clone(), weight, body, sockets, left_out: false }
    }

    /// What is known when an iteration begins.
    fn beginning(&self) -> Flow {
        Flow { sockets: self.user_socket_states.clone(), ..Flow::default() }
    }

    /// Makes the place ready for the block of a task.
    pub(super) fn enter(&mut self, task: &str, block: &ast::Block) {
        self.place.task = task.to_owned();
        self.place.ahead.clear();
        names::declared_in(block, task, &mut self.place.ahead);
        self.place.labels.clear();
        labels_in(block, &mut self.place.labels);
    }

    /// A weight; 1 where none is written.
    fn weight(&mut self, written: Option<&ast::Expr>) -> f64 {
        let Some(written) = written else { return 1.0 };
        match self.known(written, &[Type::Number], "a weight") {
            Some(Constant::Number(weight)) if weight >= 0.0 => weight,
            Some(Constant::Number(_)) => {
                self.report(negative_weight(written.span));
                1.0
            }
            _ => 1.0,
        }
    }

    fn tasks_as_a_whole(&mut self, written: &ast::User, tasks: &[Task]) {
        let holes = written.items.iter().any(|item| matches!(item, ast::UserItem::Bad(_)));
        if tasks.is_empty() && !holes {
            self.report(no_tasks(&written.name));
        } else if !holes && tasks.iter().all(|task| task.weight == 0.0) {
            self.report(weights_sum_to_zero(
                written.name.span,
                &format!("every task of `{}` has", written.name.value),
                "it does nothing",
            ));
        }
    }

    fn users_as_a_whole(&mut self, file: &ast::File) {
        let users = &self.scenario.users;
        if users.is_empty() {
            // Another word for it, or a task outside a user: told already.
            if !["user", "users", "vu", "task"].iter().any(|word| self.holes.mention(word)) {
                self.report(no_users(self.file_start(file)));
            }
        } else if users.iter().all(|user| user.weight == 0.0) {
            let span = users[0].name.span;
            self.report(weights_sum_to_zero(span, "every user has", "no user ever starts"));
        }
    }

    /// The place for what is missing in the whole file: the title, else the file's first character.
    fn file_start(&self, file: &ast::File) -> Span {
        let items = file.items.iter();
        let title = items.clone().find_map(|item| match item {
            ast::Item::Scenario { span, .. } => Some(*span),
            _ => None,
        });
        let first = || {
            items.clone().find_map(|item| match item {
                ast::Item::User(user) => Some(user.name.span),
                ast::Item::Let(value) => Some(value.name.span),
                ast::Item::Target(target) => Some(target.url.span),
                ast::Item::Thresholds(thresholds) => Some(thresholds.span.at_start()),
                _ => None,
            })
        };
        let start = || self.sources.iter().last().map(|(file, _)| Span::new(file, 0, 0));
        title.or_else(first).or_else(start).unwrap_or(Span::new(crate::base::FileId(0), 0, 0))
    }
}

/// Whether a file is only there to be used by others: it holds flows, values or data, and nothing that runs.
pub(super) fn is_library(file: &ast::File) -> bool {
    use ast::Item;
    let brings = |item: &Item| matches!(item, Item::Flow(_) | Item::Let(_) | Item::Data(_) | Item::Use { .. });
    file.items.iter().any(brings) && file.items.iter().all(|item| brings(item) || matches!(item, Item::Bad(_)))
}

/// The names that some `set` of the file changes.
fn changed_in(file: &ast::File, to: &mut HashSet<String>) {
    for item in &file.items {
        match item {
            ast::Item::Flow(flow) => changed_in_block(&flow.body, to),
            ast::Item::Setup(once) | ast::Item::Teardown(once) => changed_in_block(&once.body, to),
            ast::Item::User(user) => {
                for item in &user.items {
                    match item {
                        ast::UserItem::OnStart(block) | ast::UserItem::OnStop(block) => changed_in_block(block, to),
                        ast::UserItem::Task(task) => changed_in_block(&task.body, to),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn changed_in_block(block: &ast::Block, to: &mut HashSet<String>) {
    use ast::StatementKind as Kind;
    let of_parts = |parts: &[ast::Part], to: &mut HashSet<String>| {
        for part in parts {
            if let ast::Part::Set { name, .. } = part {
                to.insert(name.value.clone());
            }
        }
    };
    for statement in &block.statements {
        match &statement.kind {
            Kind::Set { name, .. } => {
                to.insert(name.value.clone());
            }
            Kind::Receive { form: ast::ReceiveForm::All(expected), .. } => {
                expected.iter().for_each(|entry| of_parts(&entry.parts, to));
            }
            Kind::Http { parts, .. } | Kind::Receive { parts, .. } | Kind::Call { parts, .. } => of_parts(parts, to),
            _ => {}
        }
        statement.kind.blocks().into_iter().for_each(|body| changed_in_block(body, to));
    }
}

fn declaration(name: &ast::Name, task: &str) -> Declaration {
    Declaration { name: name.value.clone(), span: name.span, task: task.to_owned() }
}

/// Every label of a block, with what it stands before: `socket` for steps on one.
fn labels_in(block: &ast::Block, to: &mut Vec<(String, Span, &'static str)>) {
    use ast::StatementKind as Kind;
    let mut seen: HashSet<String> = to.iter().map(|(label, ..)| label.clone()).collect();
    for statement in &block.statements {
        let kind = match &statement.kind {
            Kind::Send { .. } | Kind::Receive { .. } | Kind::Call { .. } | Kind::Close { .. } => "socket",
            Kind::Http { .. } => "http",
            Kind::WebSocket { open: Some(_), .. } => "open",
            _ => "other",
        };
        if let Some(label) = &statement.label
            && kind != "other"
            && seen.insert(label.value.clone())
        {
            to.push((label.value.clone(), label.span, kind));
        }
        if let Kind::Receive { form: ast::ReceiveForm::All(expected), .. } = &statement.kind {
            let labels = expected.iter().filter_map(|entry| entry.label.as_ref());
            to.extend(labels.map(|label| (label.value.clone(), label.span, "socket")));
        }
        statement.kind.blocks().into_iter().for_each(|body| labels_in(body, to));
    }
}

/// `duplicate-setting`: both say when the next task starts.
fn pace_and_think(pace: Span, think: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateSetting, pace, "`pace` and `think` both say when the next task starts")
        .label("from start to start")
        .also(think, "from end to start")
        .help("keep one of them")
}

/// `no-users`: nobody does anything.
fn no_users(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NoUsers, span, "this scenario has no users")
        .help("add one: `user visitor { task browse { GET / { expect status 200 } } }`")
}

/// `no-tasks`: a user that does nothing.
fn no_tasks(name: &Spanned<String>) -> Diagnostic {
    Diagnostic::new(Rule::NoTasks, name.span, format!("`{}` has no task, so it does nothing", name.value))
        .help("add one: `task browse { GET / { expect status 200 } }`")
}

/// `weights-sum-to-zero`: nothing can ever be drawn.
fn weights_sum_to_zero(span: Span, who: &str, so: &str) -> Diagnostic {
    Diagnostic::new(Rule::WeightsSumToZero, span, format!("{who} weight 0, so {so}"))
        .help("give at least one a weight above 0")
}

/// `negative-weight`
fn negative_weight(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NegativeWeight, span, "a weight is 0 or more").help("0 switches it off")
}

/// `reserved-name`: names that stand where a task stands.
fn reserved_task(name: &ast::Name) -> Diagnostic {
    Diagnostic::new(
        Rule::ReservedName,
        name.span,
        format!("`{}` is what reports call another part of a run", name.value),
    )
    .help("give the task another name")
}
