//! Flows: pieces of tasks that are written once. Each call is understood anew at its place, so that its steps are steps
//! of the task that calls: rows, values and sockets follow from there. What is wrong with a flow's own text is said
//! once, however often it is called.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::checker::{Checker, Flow, Place};
use super::functions::Signature;
use super::meaning::{Expr, ExprKind, Let, Owner, Statement, Type};
use super::names::Declaration;
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::{ast, keyword};

/// Most statements that all calls of flows bring into one scenario.
const STATEMENTS_MAX: usize = 100_000;

/// What is known of a flow.
pub(super) struct Known {
    written: Rc<ast::Flow>,
    called: bool,
}

impl Checker<'_> {
    /// Notes the flows of the file.
    pub fn flows(&mut self, file: &ast::File) {
        for item in &file.items {
            let ast::Item::Flow(flow) = item else { continue };
            let name = &flow.name.value;
            if Signature::find(name).is_some() {
                self.report(called_like_a_function(&flow.name));
            } else if keyword::STATEMENTS.contains(&name.as_str()) || keyword::is_reserved(name) {
                self.report(called_like_a_word(&flow.name));
            }
            if let Some(first) = self.flows.get(name) {
                let first = first.written.name.span;
                self.report(super::names::duplicate_item("flows", &flow.name, first));
                continue;
            }
            self.flows.insert(name.clone(), Known { written: Rc::new(flow.clone()), called: false });
        }
    }

    /// Whether a call of this name calls a flow.
    pub fn is_flow(&self, name: &str) -> bool {
        self.flows.contains_key(name)
    }

    /// The flow of this name, as it was written.
    pub fn flow_called(&self, name: &str) -> Option<Rc<ast::Flow>> {
        self.flows.get(name).map(|known| known.written.clone())
    }

    /// Notes that a flow is called where it cannot be: it is not unused.
    pub fn is_called(&mut self, name: &str) {
        if let Some(known) = self.flows.get_mut(name) {
            known.called = true;
        }
    }

    /// A call as a statement.
    pub fn call_statement(&mut self, name: &ast::Name, arguments: &[ast::Expr], span: Span) -> Option<Statement> {
        if !self.is_flow(&name.value) {
            for argument in arguments {
                self.expr(argument);
            }
            if !self.holes.may_declare(&name.value) {
                let known = self.flows.keys().map(String::as_str);
                let near = nearest(&name.value, known).map(str::to_owned);
                let function = Signature::find(&name.value).is_some();
                self.wanted.insert(name.value.clone());
                self.wanted.extend(near.clone());
                self.report(undefined_flow(name, near.as_deref(), function));
            }
            return None;
        }
        let (statements, _) = self.call_flow(name, arguments, span)?;
        Some(Statement::Sequence(statements))
    }

    /// `let x = flow(…)`, `set x = flow(…)`: what is done, and what the flow returns. `None`: `value` calls no flow.
    pub fn called(&mut self, value: &ast::Expr) -> Option<(Vec<Statement>, Expr)> {
        let ast::ExprKind::Call { name, arguments } = &value.kind else { return None };
        if !self.is_flow(&name.value) {
            return None;
        }
        let hole = Expr { span: value.span, ty: Type::Unknown, kind: ExprKind::Bad };
        let Some((statements, returned)) = self.call_flow(name, arguments, value.span) else {
            return Some((Vec::new(), hole));
        };
        if returned.is_none() {
            let flow = self.flows[&name.value].written.clone();
            // A `return` that stands too early has been complained about.
            let tries = |statement: &ast::Statement| matches!(statement.kind, ast::StatementKind::Return(_));
            if !flow.body.statements.iter().any(tries) {
                self.report(returns_nothing(name, &flow));
            }
        }
        Some((statements, returned.unwrap_or(hole)))
    }

    /// What a call does, and the value that the flow returns, if it does. `None`: it cannot be called here.
    fn call_flow(
        &mut self,
        name: &ast::Name,
        arguments: &[ast::Expr],
        span: Span,
    ) -> Option<(Vec<Statement>, Option<Expr>)> {
        let values: Vec<Expr> = arguments.iter().map(|argument| self.expr(argument)).collect();
        let known = self.flows.get_mut(&name.value).expect("the caller has asked");
        known.called = true;
        let flow = known.written.clone();
        if let Some(at) = self.place.calls.iter().position(|(called, _)| *called == name.value) {
            let mut cycle: Vec<String> = self.place.calls[at..].iter().map(|(called, _)| called.clone()).collect();
            // Whoever begins it, it is one cycle.
            if self.cycles.insert(cycle.iter().cloned().collect()) {
                cycle.push(name.value.clone());
                self.report(recursion(name, &cycle));
            }
            return None;
        }
        if self.place.user.is_none() {
            self.report(no_flow_here(name));
            return None;
        }
        if flow.parameters.len() != values.len() {
            self.report(argument_count(name, values.len(), &flow));
            return None;
        }
        self.inlined += 1 + count(&flow.body);
        if self.inlined > STATEMENTS_MAX {
            if !self.said_too_much {
                self.report(too_much(span));
            }
            self.said_too_much = true;
            return None;
        }
        self.place.calls.push((name.value.clone(), span));
        let outer = Outer {
            values: std::mem::take(&mut self.place.values),
            declared: std::mem::take(&mut self.flow.declared),
            user_values: std::mem::take(&mut self.user_values),
            ahead: std::mem::take(&mut self.place.ahead),
            blocks: std::mem::replace(&mut self.place.blocks, vec![self.place.next_block]),
        };
        self.place.next_block += 1;
        super::names::declared_in(&flow.body, &name.value, &mut self.place.ahead);
        let mut statements = Vec::new();
        let said = self.diagnostics.len();
        for (parameter, value) in flow.parameters.iter().zip(values) {
            let variable = self.declare(parameter, value.ty);
            let span = value.span;
            statements.push(Statement::Let(Let { variable, value, span }));
        }
        let returned = self.flow_body(&flow.body, &mut statements);
        self.place.values = outer.values;
        self.flow.declared = outer.declared;
        self.user_values = outer.user_values;
        self.place.ahead = outer.ahead;
        self.place.blocks = outer.blocks;
        self.place.calls.pop();
        // Whether there is a socket is the caller's to see to.
        for diagnostic in &mut self.diagnostics[said..] {
            if diagnostic.rule == Rule::NoSocketHere && diagnostic.primary.span.file == flow.span.file {
                *diagnostic = no_socket_at_call(name, diagnostic.primary.span);
            }
        }
        Some((statements, returned))
    }

    /// The statements of a flow, and what its last one returns.
    fn flow_body(&mut self, body: &ast::Block, to: &mut Vec<Statement>) -> Option<Expr> {
        let (last, before) = match body.statements.split_last() {
            Some((last, before)) if matches!(last.kind, ast::StatementKind::Return(_)) => (Some(last), before),
            _ => (None, body.statements.as_slice()),
        };
        let before = ast::Block { span: body.span, statements: before.to_vec() };
        to.extend(self.statements(&before));
        match last.map(|last| &last.kind) {
            Some(ast::StatementKind::Return(value)) => Some(self.expr(value)),
            _ => None,
        }
    }

    /// Understands the flows that nothing calls, for what is wrong with them. In a library that is no fault of theirs.
    pub fn uncalled_flows(&mut self, library: bool) {
        let uncalled: Vec<Rc<ast::Flow>> =
            self.flows.values().filter(|known| !known.called).map(|known| known.written.clone()).collect();
        for flow in &uncalled {
            self.understand_alone(flow);
        }
        // What another of them calls goes with that one.
        for flow in uncalled.iter().filter(|_| !library) {
            let name = &flow.name.value;
            if !self.flows[name].called && !self.holes.mention(name) {
                self.report(unused_flow(&flow.name));
            }
        }
    }

    /// Understands a flow as if some user called it, and forgets what that meant. Nothing is said of what only a
    /// caller can know: whether there is a socket, and which.
    fn understand_alone(&mut self, flow: &ast::Flow) {
        let (series, rows) = (self.scenario.series.len(), self.rows.len());
        let said = self.diagnostics.len();
        self.place = Place { user: Some(usize::MAX), owner: Owner::Iteration(usize::MAX), ..Place::default() };
        self.flow = Flow::default();
        self.place.task = flow.name.value.clone();
        self.place.calls.push((flow.name.value.clone(), flow.name.span));
        super::names::declared_in(&flow.body, &flow.name.value, &mut self.place.ahead);
        for parameter in &flow.parameters {
            self.declare(parameter, Type::Unknown);
        }
        self.flow_body(&flow.body, &mut Vec::new());
        let callers = [Rule::NoSocketHere, Rule::MaybeUnopened, Rule::ClosedSocket, Rule::SinceNotBefore];
        let kept: Vec<Diagnostic> =
            self.diagnostics.drain(said..).filter(|diagnostic| !callers.contains(&diagnostic.rule)).collect();
        self.diagnostics.extend(kept);
        self.scenario.series.truncate(series);
        self.rows.truncate(rows);
        self.place = Place::default();
        self.flow = Flow::default();
    }
}

/// What a call puts aside.
struct Outer {
    values: std::collections::HashMap<String, super::meaning::VarId>,
    declared: BTreeMap<String, (super::meaning::VarId, u32)>,
    user_values: BTreeMap<String, super::meaning::VarId>,
    ahead: Vec<Declaration>,
    blocks: Vec<u32>,
}

/// How many statements a block holds, blocks inside it included.
fn count(block: &ast::Block) -> usize {
    block.statements.iter().map(|one| 1 + one.kind.blocks().into_iter().map(count).sum::<usize>()).sum()
}

/// As it is called: `login(name, password)`.
fn usage(flow: &ast::Flow) -> String {
    let parameters: Vec<&str> = flow.parameters.iter().map(|parameter| parameter.value.as_str()).collect();
    format!("{}({})", flow.name.value, parameters.join(", "))
}

/// `undefined-name`: no flow of this name.
fn undefined_flow(name: &ast::Name, near: Option<&str>, function: bool) -> Diagnostic {
    let said = format!("no flow is called `{}`", name.value);
    let diagnostic = Diagnostic::new(Rule::UndefinedName, name.span, said);
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(name.span, near),
        None if function => {
            diagnostic.help(format!("`{0}` is a function, which gives a value: `let x = {0}(…)`", name.value))
        }
        None => match keyword::elsewhere(&name.value) {
            Some("pause") => diagnostic.help("did you mean `pause 1s`?"),
            Some(ours) => diagnostic.help(format!("did you mean `{ours}`?")),
            None => diagnostic.help(format!("declare one at the top level: `flow {}() {{ … }}`", name.value)),
        },
    }
}

/// `flow-recursion`: a flow calls itself.
fn recursion(name: &ast::Name, cycle: &[String]) -> Diagnostic {
    let message = match cycle {
        [_, _] => format!("`{}` calls itself", name.value),
        _ => format!("`{}` calls itself: {}", name.value, cycle.join(" → ")),
    };
    Diagnostic::new(Rule::FlowRecursion, name.span, message)
        .label("this call would never end")
        .help("what is done several times stands in `repeat` or `for`")
}

/// `no-socket-here`: a flow with steps on a socket is called where there is none.
fn no_socket_at_call(name: &ast::Name, step: Span) -> Diagnostic {
    let message = format!("`{}` does steps on a socket, and there is none here", name.value);
    Diagnostic::new(Rule::NoSocketHere, name.span, message)
        .also(step, "such a step")
        .help("call it inside the block of a socket: `websocket /path { … }`")
}

/// `argument-count`
fn argument_count(name: &ast::Name, given: usize, flow: &ast::Flow) -> Diagnostic {
    let wanted = flow.parameters.len();
    let values = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
    let message = format!("`{}` takes {}, not {given}", name.value, values(wanted));
    Diagnostic::new(Rule::ArgumentCount, name.span, message)
        .also(flow.name.span, "declared here")
        .help(format!("it is called as `{}`", usage(flow)))
}

/// `flow-without-value`: nothing is returned.
fn returns_nothing(name: &ast::Name, flow: &ast::Flow) -> Diagnostic {
    Diagnostic::new(Rule::FlowWithoutValue, name.span, format!("`{}` returns nothing", name.value))
        .also(flow.name.span, "its last statement is no `return`")
        .help(format!("call it as a statement, `{}`, or let it `return` a value", usage(flow)))
}

/// `misplaced-call`: a flow inside of an expression.
pub(super) fn call_in_expression(name: &ast::Name) -> Diagnostic {
    let message = format!("`{}` is a flow, and its steps cannot be done inside of an expression", name.value);
    Diagnostic::new(Rule::MisplacedCall, name.span, message)
        .label("a flow is called as a statement, or as the whole right side of `let` or `set`")
        .help(format!("write `let value = {}(…)` before it, and use `value` here", name.value))
}

/// `misplaced-call`: where no user is.
fn no_flow_here(name: &ast::Name) -> Diagnostic {
    Diagnostic::new(Rule::MisplacedCall, name.span, format!("`{}` cannot be called here", name.value))
        .label("its steps need a task")
        .help("call it in a task, in `on start` or in `setup`")
}

/// `misplaced`: a `return` that is not the last statement of a flow.
pub(super) fn misplaced_return(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::Misplaced, span, "`return` is the last statement of a flow")
        .help("to end early write `stop iteration` or `fail \"why\"`")
}

/// `unused-flow`
fn unused_flow(name: &ast::Name) -> Diagnostic {
    Diagnostic::new(Rule::UnusedFlow, name.span, format!("nothing calls `{}`", name.value))
        .help("remove it, or call it in a task")
}

/// `reserved-name`: a flow that is called like a function.
fn called_like_a_function(name: &ast::Name) -> Diagnostic {
    let message = format!("`{}` is a function of the language already", name.value);
    Diagnostic::new(Rule::ReservedName, name.span, message).help("give the flow another name")
}

/// `reserved-name`: a flow that is called like a statement.
fn called_like_a_word(name: &ast::Name) -> Diagnostic {
    let message = format!("`{}` is a word of the language and cannot name a flow", name.value);
    Diagnostic::new(Rule::ReservedName, name.span, message).help("give the flow another name")
}

/// `too-deep`: calls that bring in more than anyone can read.
fn too_much(span: Span) -> Diagnostic {
    let message = format!("calls of flows bring in more than {STATEMENTS_MAX} statements");
    Diagnostic::new(Rule::TooDeep, span, message)
        .label("the first call beyond that")
        .help("flows that call each other several times multiply: repeat calls in a loop instead")
}
