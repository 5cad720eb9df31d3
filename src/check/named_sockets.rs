//! Sockets that outlive their blocks: `feed: open websocket /ws { … }` and `with feed { … }`.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::meaning::{SeriesId, SocketId, Statement, Step};
use super::sockets::Socket;
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

/// So many calls of flows are looked into to know what a block may do to sockets; flows that call others several
/// times multiply.
const FLOWS_MAX: usize = 1_000;

/// What a block of statements does to sockets, blocks inside it included.
#[derive(Default)]
struct Effects {
    /// Where it closes the socket around it.
    closes_innermost: Option<Span>,
    /// The named sockets that it closes, and where.
    closes: Vec<(String, Span)>,
    /// The named sockets that it opens, and where.
    opens: Vec<(String, Span)>,
    /// How many calls of flows were looked into.
    flows: usize,
}

impl Checker<'_> {
    /// The socket that this `open websocket` opens: one that exclusive branches share, or a new one.
    pub fn opens(&mut self, label: Option<&ast::Name>, word: Span) -> SocketId {
        let Some(label) = label else {
            self.report(unnamed_socket(word));
            return self.new_socket(None);
        };
        if let Some(&(id, first)) = self.place.sockets.get(&label.value) {
            if self.flow.sockets.get(&id).is_some_and(|socket| socket.open) {
                self.report(already_open(label, first, false));
            }
            return id;
        }
        if let Some(&(_, first)) = self.user_sockets.get(&label.value) {
            self.report(already_open(label, first, true));
        }
        let id = self.new_socket(Some(label.clone()));
        self.place.sockets.insert(label.value.clone(), (id, label.span));
        id
    }

    /// `with feed { … }`
    pub fn with_socket(&mut self, name: &ast::Name, body: &ast::Block) -> Option<Statement> {
        let Some((id, opened)) = self.named(name) else {
            // The block is understood for what is wrong in it; its steps have some socket.
            let id = self.new_socket(None);
            self.on_socket(id, Socket::opened(String::new(), "WS", None), false, body);
            return None;
        };
        let socket = match self.flow.sockets.get(&id).cloned() {
            Some(mut socket) => {
                if socket.unopened && self.said_of_sockets.insert(id) {
                    self.report(maybe_unopened(name, opened));
                }
                socket.unopened = false;
                socket
            }
            // Opened on a branch that does not lead here at all.
            None => {
                if self.said_of_sockets.insert(id) {
                    self.report(maybe_unopened(name, opened));
                }
                Socket::opened(String::new(), "WS", Some(name))
            }
        };
        let (body, _) = self.on_socket(id, socket, true, body);
        Some(Statement::With { socket: id, body, name: name.span })
    }

    /// The socket of this name, and where it is opened; says so where there is none.
    fn named(&mut self, name: &ast::Name) -> Option<(SocketId, Span)> {
        if let Some(&known) = self.place.sockets.get(&name.value) {
            return Some(known);
        }
        if let Some(&known) = self.user_sockets.get(&name.value) {
            self.place.uses.insert(known.0);
            return Some(known);
        }
        // A flow that nothing calls: which sockets there are is its callers' to say.
        let alone = self.place.user == Some(usize::MAX);
        if alone || self.holes.may_declare(&name.value) || self.holes.mention(&name.value) {
            return None;
        }
        if let Some((_, later, _)) =
            self.place.labels.iter().find(|(label, _, kind)| *label == name.value && *kind == "open")
        {
            let later = *later;
            self.report(not_opened_yet(name, later));
            return None;
        }
        let known = self.place.sockets.keys().chain(self.user_sockets.keys()).map(String::as_str);
        let near = nearest(&name.value, known).map(str::to_owned);
        self.report(undefined_socket(name, near.as_deref()));
        None
    }

    /// Makes known, before the body of a loop is understood, what an earlier turn of it may have done to sockets.
    pub fn may_come_again(&mut self, body: &ast::Block) {
        let mut effects = Effects::default();
        effects.of(body, self, &mut Vec::new());
        self.may_have_done(&effects);
    }

    /// The same of a `retry`: what a failed attempt has opened is cut before the next.
    pub fn may_be_tried_again(&mut self, body: &ast::Block) {
        let mut effects = Effects::default();
        effects.of(body, self, &mut Vec::new());
        effects.opens.clear();
        self.may_have_done(&effects);
    }

    fn may_have_done(&mut self, effects: &Effects) {
        let closed = |span| Some(Step { series: SeriesId(0), span });
        if let (Some(span), Some(socket)) = (effects.closes_innermost, self.socket_mut())
            && socket.closed.is_none()
        {
            socket.closed = closed(span);
        }
        let reopened: BTreeSet<&str> = effects.opens.iter().map(|(name, _)| name.as_str()).collect();
        for (name, span) in &effects.closes {
            let known = self.place.sockets.get(name).or_else(|| self.user_sockets.get(name));
            if let Some(socket) = known.and_then(|(id, _)| self.flow.sockets.get_mut(id))
                && socket.closed.is_none()
                && !reopened.contains(name.as_str())
            {
                socket.closed = closed(*span);
            }
        }
        for (name, span) in &effects.opens {
            if !effects.closes.iter().any(|(closed, _)| closed == name) && !self.place.sockets.contains_key(name) {
                let id = self.new_socket(Some(crate::base::Spanned { value: name.clone(), span: *span }));
                self.place.sockets.insert(name.clone(), (id, *span));
                self.flow.sockets.insert(id, Socket::opened(String::new(), "WS", None).maybe());
            }
        }
    }
}

impl Effects {
    /// Adds what a block does, flows that it calls included; `called` are those around it.
    fn of(&mut self, block: &ast::Block, checker: &Checker<'_>, called: &mut Vec<String>) {
        use ast::StatementKind as Kind;
        for statement in &block.statements {
            match &statement.kind {
                Kind::Close { .. } | Kind::Receive { form: ast::ReceiveForm::Close(_), .. } => {
                    self.closes_innermost.get_or_insert(statement.span);
                }
                Kind::With { socket, body } => self.inside(Some(&socket.value), body, checker, called),
                Kind::WebSocket { open: Some(_), body, .. } => {
                    let label = statement.label.as_ref();
                    self.opens.extend(label.map(|label| (label.value.clone(), label.span)));
                    self.inside(label.map(|label| label.value.as_str()), body, checker, called);
                }
                Kind::WebSocket { body, .. } | Kind::Events { body, .. } => self.inside(None, body, checker, called),
                Kind::Flow { name, .. } => self.of_flow(&name.value, checker, called),
                Kind::Let { value, .. } | Kind::Set { value, .. } => {
                    if let ast::ExprKind::Call { name, .. } = &value.kind {
                        self.of_flow(&name.value, checker, called);
                    }
                }
                kind => kind.blocks().into_iter().for_each(|body| self.of(body, checker, called)),
            }
        }
    }

    fn of_flow(&mut self, name: &str, checker: &Checker<'_>, called: &mut Vec<String>) {
        // One that calls itself is told elsewhere.
        if self.flows < FLOWS_MAX
            && !called.iter().any(|known| known == name)
            && let Some(flow) = checker.flow_called(name)
        {
            self.flows += 1;
            called.push(name.to_owned());
            self.of(&flow.body, checker, called);
            called.pop();
        }
    }

    /// A block whose socket steps mean another socket: this one, if it has a name.
    fn inside(&mut self, name: Option<&str>, body: &ast::Block, checker: &Checker<'_>, called: &mut Vec<String>) {
        let outer = self.closes_innermost.take();
        self.of(body, checker, called);
        let closes = std::mem::replace(&mut self.closes_innermost, outer);
        self.closes.extend(closes.zip(name).map(|(span, name)| (name.to_owned(), span)));
    }
}

/// `unnamed-socket`: an `open websocket` without a label.
fn unnamed_socket(word: Span) -> Diagnostic {
    Diagnostic::new(Rule::UnnamedSocket, word, "a socket that stays open needs a name")
        .label("nothing could use it")
        .help("put a label before it, `feed: open websocket …`, and use it in `with feed { … }`")
}

/// `already-open`: a socket is opened that is open already.
fn already_open(label: &ast::Name, first: Span, of_user: bool) -> Diagnostic {
    let again = first == label.span;
    let diagnostic = Diagnostic::new(
        Rule::AlreadyOpen,
        label.span,
        match again {
            true => format!("when this comes again, `{}` is open already", label.value),
            false => format!("`{}` is open already", label.value),
        },
    );
    let diagnostic = match again {
        true => diagnostic,
        false => diagnostic.also(first, if of_user { "opened here, for the user's life" } else { "opened here" }),
    };
    diagnostic.help(format!("close it first, `with {} {{ close }}`, or give this one another name", label.value))
}

/// `maybe-unopened`: on some path that leads here nothing has opened the socket.
fn maybe_unopened(name: &ast::Name, opened: Span) -> Diagnostic {
    Diagnostic::new(Rule::MaybeUnopened, name.span, format!("`{}` may not be open here", name.value))
        .label("used here")
        .also(opened, "opened here, which not every path comes by")
        .help("open it on every path that leads here, or move this use to where it is opened")
}

/// `maybe-unopened`: the socket is opened, but further down.
fn not_opened_yet(name: &ast::Name, later: Span) -> Diagnostic {
    Diagnostic::new(Rule::MaybeUnopened, name.span, format!("`{}` is not open here yet", name.value))
        .label("used here")
        .also(later, "opened only here")
        .help("open it before its first use")
}

/// `undefined-name`: no socket is called so.
fn undefined_socket(name: &ast::Name, near: Option<&str>) -> Diagnostic {
    let said = format!("no socket is called `{}` here", name.value);
    let diagnostic = Diagnostic::new(Rule::UndefinedName, name.span, said);
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(name.span, near),
        None => diagnostic.help(format!(
            "open one that outlives its block, in `on start` or before this: `{}: open websocket /path {{ … }}`",
            name.value
        )),
    }
}
