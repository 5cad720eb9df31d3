//! Steps on a WebSocket: which socket they mean, whether it is open, and what their times begin with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::checker::{Answer, Checker};
use super::constants::Constant;
use super::http::{PartsOf, token_fault};
use super::meaning::{
    self, Call, Expr, Payload, SeriesId, SeriesKind, Since, SocketId, Statement, Step, Type, WebSocket,
};
use super::receives::{CALL, last_of};
use super::series::Wanted;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

/// What is known of a socket on the way that leads here.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    /// Its path as rows are named by it.
    pub path: String,
    /// What the series of its steps are counted as: `WS` or `SSE`.
    pub method: &'static str,
    /// The label of its `connect`.
    label: Option<String>,
    /// Whether it was dialled in this iteration.
    dialled: bool,
    /// Whether it is open on some path that leads here.
    pub open: bool,
    /// Whether there is a path that leads here and has not opened it.
    pub unopened: bool,
    /// A step that closes it on some path that leads here.
    pub closed: Option<Step>,
    /// Labels of steps that have begun on every path.
    begun: BTreeSet<String>,
    /// Labels of steps that have begun on some path, with row and place.
    seen: BTreeMap<String, (SeriesId, Span)>,
}

impl Socket {
    /// A socket that has just been opened.
    pub fn opened(path: String, method: &'static str, label: Option<&ast::Name>) -> Socket {
        Socket {
            path,
            method,
            label: label.map(|label| label.value.clone()),
            dialled: true,
            open: true,
            unopened: false,
            closed: None,
            begun: BTreeSet::new(),
            seen: BTreeMap::new(),
        }
    }

    /// What a new iteration knows of it: no step on it has run yet.
    pub fn of_user(self) -> Socket {
        Socket { dialled: false, begun: BTreeSet::new(), seen: BTreeMap::new(), ..self }
    }

    /// What is known where two ways meet.
    pub fn join(mut self, other: Socket) -> Socket {
        self.open |= other.open;
        self.unopened |= other.unopened;
        self.closed = self.closed.or(other.closed);
        self.dialled &= other.dialled;
        self.begun.retain(|label| other.begun.contains(label));
        self.seen.extend(other.seen);
        self
    }

    /// What is known where another way meets that never comes by its opening.
    pub fn maybe(mut self) -> Socket {
        self.unopened = true;
        self.begun.clear();
        self
    }
}

impl Checker<'_> {
    /// `websocket /path { … }`, `feed: open websocket /path { … }`
    pub fn websocket(
        &mut self,
        statement: &ast::Statement,
        open: Option<Span>,
        path: &ast::Text,
        settings: &[ast::Part],
        body: &ast::Block,
    ) -> Statement {
        let path = self.looking_into(Answer::NotYet, |checker| checker.template(path));
        let name = self.path_name(&path);
        let head = self.head(statement, Some(path.span));
        let mut parts = self.parts(settings, PartsOf::Upgrade);
        let label = statement.label.as_ref();
        let socket = match open {
            Some(word) => self.opens(label, word),
            None => self.new_socket(None),
        };
        // A label before `open` names the socket; before a plain `websocket` there is nothing else for it to name.
        let row = label.filter(|_| open.is_none());
        let connect = self.socket_row(row, "connect", &name, SeriesKind::Connect, "WS", head);
        let subprotocol = parts.subprotocol.take().map(|(value, _)| value);
        let request = self.request(connect, "GET", path, parts);
        let (body, left) = self.on_socket(socket, Socket::opened(name.clone(), "WS", label), open.is_some(), body);
        let close = match left {
            // Nothing is left to close: no row that would stay empty.
            Some(Socket { open: false, closed: Some(step), .. }) if open.is_none() => {
                Step { series: step.series, span: head }
            }
            _ => self.socket_row(None, "close", &name, SeriesKind::Close, "WS", head),
        };
        let outlives = open.is_some();
        Statement::WebSocket(WebSocket { socket, outlives, request, subprotocol, close, body })
    }

    /// What is offered as the protocol spoken on a socket.
    pub fn subprotocol(&mut self, written: &ast::Expr) -> Expr {
        let value = self.typed(written, &[Type::String], "a subprotocol");
        if let Some(Constant::Text(text)) = self.constant(&value)
            && let Some(fault) = text.split(',').find_map(|name| token_fault(name.trim()))
        {
            self.report(malformed_subprotocol(value.span, &text, fault));
        }
        value
    }

    /// A socket, without a name unless it outlives its block.
    pub fn new_socket(&mut self, name: Option<Spanned<String>>) -> SocketId {
        let id = SocketId(self.scenario.sockets.len() as u32);
        self.scenario.sockets.push(meaning::Socket { name, owner: self.place.owner });
        id
    }

    /// The statements of a block whose socket steps mean this socket, which is now known to be so. Where it does not
    /// stay, nothing is known of it afterwards; what was known at the end of the block is given back.
    pub fn on_socket(
        &mut self,
        id: SocketId,
        socket: Socket,
        stays: bool,
        body: &ast::Block,
    ) -> (Vec<Statement>, Option<Socket>) {
        self.flow.sockets.insert(id, socket);
        self.place.innermost.push(id);
        let body = self.in_block(|checker| checker.statements(body));
        self.place.innermost.pop();
        let left = match stays {
            true => self.flow.sockets.get(&id).cloned(),
            false => self.flow.sockets.remove(&id),
        };
        (body, left)
    }

    /// The innermost socket.
    pub fn socket(&self) -> Option<&Socket> {
        self.flow.sockets.get(self.place.innermost.last()?)
    }

    /// The innermost socket, to know more of it.
    pub fn socket_mut(&mut self) -> Option<&mut Socket> {
        self.flow.sockets.get_mut(self.place.innermost.last()?)
    }

    /// `send VALUE`
    pub fn send(&mut self, statement: &ast::Statement, payload: &ast::Payload) -> Option<Statement> {
        let head = self.head(statement, Some(payload_span(payload)));
        let open = self.socket_step("send", head) && !self.not_on_events("send", head);
        let payload = self.payload(payload);
        let step = self.socket_step_row(statement.label.as_ref(), "send", SeriesKind::Send, false, head);
        self.begins(statement.label.as_ref(), step);
        open.then_some(Statement::Send { step, payload })
    }

    /// `call VALUE …`
    pub fn call(
        &mut self,
        statement: &ast::Statement,
        payload: &ast::Payload,
        clauses: &ast::Clauses,
        parts: &[ast::Part],
    ) -> Option<Statement> {
        let head = self.head(statement, last_of(clauses, None).or(Some(payload_span(payload))));
        let open = self.socket_step("call", head) && !self.not_on_events("call", head);
        let payload = self.payload(payload);
        let condition = self.where_clause(clauses);
        let within = self.within_clause(clauses);
        if let Some(label) = &clauses.since {
            self.report(since_on_call(label.span));
        }
        CALL.check(self, clauses);
        let step = self.socket_step_row(statement.label.as_ref(), "call", SeriesKind::Call, false, head);
        self.begins(statement.label.as_ref(), step);
        let parts = self.message_parts(parts, step, true);
        open.then_some(Statement::Call(Call { step, payload, condition, within, parts }))
    }

    /// `close 1000 "bye"`
    pub fn close(
        &mut self,
        statement: &ast::Statement,
        code: Option<&ast::Expr>,
        reason: Option<&ast::Expr>,
    ) -> Option<Statement> {
        let head = self.head(statement, reason.or(code).map(|last| last.span));
        let open = self.socket_step("close", head) && !self.not_on_events("close", head);
        let code = code.and_then(|written| {
            let Constant::Number(code) = self.known(written, &[Type::Number], "a close code")? else { return None };
            if code != 1000.0 && !(code.fract() == 0.0 && (3000.0..5000.0).contains(&code)) {
                self.report(close_code(written.span));
                return None;
            }
            Some(code as u16)
        });
        let reason = reason.map(|written| {
            let reason = self.typed(written, &[Type::String], "the reason of a close");
            if let Some(Constant::Text(text)) = self.constant(&reason)
                && text.len() > REASON_BYTES_MAX
            {
                self.report(long_reason(reason.span, text.len()));
            }
            reason
        });
        let path = self.socket().map(|socket| socket.path.clone()).unwrap_or_default();
        let step = self.socket_row(statement.label.as_ref(), "close", &path, SeriesKind::Close, "WS", head);
        self.begins(statement.label.as_ref(), step);
        self.closes_here(step);
        open.then_some(Statement::Close { step, code: code.unwrap_or(1000), reason })
    }

    /// The row of `connect` and `close`, which are called just that without a label.
    pub fn socket_row(
        &mut self,
        label: Option<&ast::Name>,
        word: &str,
        path: &str,
        kind: SeriesKind,
        method: &str,
        head: Span,
    ) -> Step {
        let template = format!("{word} {path}");
        self.step(Wanted { label, name: word.to_owned(), template, method, kind, gaps: false, head })
    }

    /// The row of a step that is called after the socket's path without a label.
    pub fn socket_step_row(
        &mut self,
        label: Option<&ast::Name>,
        word: &str,
        kind: SeriesKind,
        gaps: bool,
        head: Span,
    ) -> Step {
        let (path, method) = self.socket().map_or(("", "WS"), |socket| (socket.path.as_str(), socket.method));
        let template = format!("{word} {path}");
        self.step(Wanted { label, name: template.clone(), template, method, kind, gaps, head })
    }

    /// Complains where there is no open socket; false where there is none at all.
    pub fn socket_step(&mut self, word: &str, head: Span) -> bool {
        let Some(socket) = self.socket_mut() else {
            self.report(no_socket_here(word, head));
            return false;
        };
        // One mistake, one message: from here on the socket counts as open.
        let (open, closed) = (std::mem::replace(&mut socket.open, true), socket.closed.take());
        if let Some(step) = closed {
            self.report(closed_socket(word, head, step.span, if open { "may be" } else { "is" }));
        }
        true
    }

    /// From here on the innermost socket is closed, by this step.
    pub fn closes_here(&mut self, step: Step) {
        if let Some(socket) = self.socket_mut() {
            (socket.open, socket.closed) = (false, Some(step));
        }
    }

    /// Notes that a labelled step begins here.
    pub fn begins(&mut self, label: Option<&ast::Name>, step: Step) {
        // What a standing answer does is no part of the dialogue.
        if self.place.standing {
            return;
        }
        if let (Some(label), Some(socket)) = (label, self.socket_mut()) {
            socket.begun.insert(label.value.clone());
            socket.seen.insert(label.value.clone(), (step.series, step.span));
        }
    }

    /// What extractors look into in a message of the innermost socket.
    pub fn message_answer(&self) -> Answer {
        match self.socket() {
            Some(socket) if socket.method == "SSE" => Answer::Event,
            _ => Answer::Message,
        }
    }

    fn payload(&mut self, payload: &ast::Payload) -> Payload {
        // In a standing answer there is the message that is answered.
        let answer = if self.place.standing { self.answer } else { Answer::NotYet };
        self.looking_into(answer, |checker| match payload {
            ast::Payload::Text(value) => Payload::Text(checker.expr(value)),
            ast::Payload::Json(value) => Payload::Json(checker.expr(value)),
            ast::Payload::Binary(value) => Payload::Binary(checker.expr(value)),
        })
    }

    pub fn where_clause(&mut self, clauses: &ast::Clauses) -> Option<Expr> {
        let written = clauses.condition.as_ref()?;
        Some(self.message_condition(written, "what stands behind `where`"))
    }

    /// A condition on a message; `what` says which: "what stands behind `where`".
    pub fn message_condition(&mut self, written: &ast::Expr, what: &str) -> Expr {
        let answer = self.message_answer();
        let condition = self.looking_into(answer, |checker| checker.condition(written, what));
        self.condition_says_something(&condition);
        condition
    }

    pub fn within_clause(&mut self, clauses: &ast::Clauses) -> Option<Duration> {
        self.known_duration(clauses.within.as_ref()?, "what stands behind `within`")
    }

    /// What `since LABEL` refers to; `None` where it refers to nothing that surely came before.
    pub fn since(&mut self, label: &ast::Name) -> Option<Since> {
        let socket = self.socket()?;
        if label.value == "connect" || socket.label.as_ref() == Some(&label.value) {
            if !socket.dialled {
                self.report(since_another_iteration(label));
            }
            return Some(Since::Connect);
        }
        if let Some(&(series, first)) = socket.seen.get(&label.value) {
            if !socket.begun.contains(&label.value) {
                self.report(since_on_some_paths(label, first));
            }
            return Some(Since::Step(series));
        }
        let elsewhere = self.place.labels.iter().find(|(known, ..)| *known == label.value);
        if let Some((_, span, kind)) = elsewhere {
            let diagnostic = match *kind {
                "socket" => since_not_before(label, *span),
                _ => since_not_on_socket(label, *span),
            };
            self.report(diagnostic);
        } else if !self.holes.may_declare(&label.value) && !self.holes.mention(&label.value) {
            let known =
                self.socket().into_iter().flat_map(|socket| socket.seen.keys().map(String::as_str)).chain(["connect"]);
            let near = nearest(&label.value, known).map(str::to_owned);
            self.report(undefined_label(label, near.as_deref()));
        }
        None
    }
}

/// Most bytes that the reason of a close frame holds (RFC 6455, 5.5.1).
const REASON_BYTES_MAX: usize = 123;

fn payload_span(payload: &ast::Payload) -> Span {
    match payload {
        ast::Payload::Text(value) | ast::Payload::Json(value) | ast::Payload::Binary(value) => value.span,
    }
}

/// `no-socket-here`: a socket step outside a socket.
fn no_socket_here(word: &str, head: Span) -> Diagnostic {
    Diagnostic::new(Rule::NoSocketHere, head, format!("there is no socket here to `{word}` on"))
        .help("put it inside the block of a socket: `websocket /path { … }`")
}

/// `closed-socket`: a socket step behind a `close`.
fn closed_socket(word: &str, head: Span, close: Span, how: &str) -> Diagnostic {
    Diagnostic::new(Rule::ClosedSocket, head, format!("the socket {how} closed here"))
        .label(format!("`{word}` needs an open socket"))
        .also(close, "closed here")
        .help("move the `close` behind the last step on the socket; leaving the block closes it too")
}

/// `malformed-header`: a subprotocol that cannot be sent.
fn malformed_subprotocol(span: Span, text: &str, fault: char) -> Diagnostic {
    let said = match fault {
        ' ' if text.trim().is_empty() => "a subprotocol needs a name".to_owned(),
        ' ' => format!("the subprotocol `{text}` holds a blank"),
        _ => format!("the subprotocol `{text}` holds `{fault}`"),
    };
    Diagnostic::new(Rule::MalformedHeader, span, said)
        .help("it is a word like `graphql-transport-ws`; several stand with commas between: `\"v2, v1\"`")
}

/// `close-code`: a code that only the socket itself may send.
fn close_code(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::CloseCode, span, "this code is not an application's to send")
        .help("1000 says that all is done; 3000 to 4999 are free for applications")
}

/// `close-code`: a reason that does not fit its frame.
fn long_reason(span: Span, bytes: usize) -> Diagnostic {
    Diagnostic::new(
        Rule::CloseCode,
        span,
        format!("the reason has {bytes} bytes, and a close frame holds {REASON_BYTES_MAX}"),
    )
}

/// `since-not-before`: the label comes before on some paths only.
fn since_on_some_paths(label: &ast::Name, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::SinceNotBefore, label.span, format!("`{}` may not have run here", label.value))
        .label("timed from it")
        .also(first, "which not every path comes by")
        .help("move this step into the same block, or time it from a step that always runs")
}

/// `since-not-before`: the socket was dialled in another iteration.
fn since_another_iteration(label: &ast::Name) -> Diagnostic {
    Diagnostic::new(Rule::SinceNotBefore, label.span, "this socket was opened before this iteration began")
        .label("timed from its dial")
        .help("name an earlier step of this iteration on the same socket")
}

/// `since-not-before`: the label comes later, or on another socket.
fn since_not_before(label: &ast::Name, span: Span) -> Diagnostic {
    Diagnostic::new(
        Rule::SinceNotBefore,
        label.span,
        format!("`{}` does not come before this on this socket", label.value),
    )
    .label("timed from it")
    .also(span, "here it is")
    .help("name an earlier step on the same socket, or `connect`")
}

/// `since-not-before`: the label is that of a step on no socket.
fn since_not_on_socket(label: &ast::Name, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::SinceNotBefore, label.span, format!("`{}` is no step on this socket", label.value))
        .label("timed from it")
        .also(span, "an HTTP step")
        .help("name an earlier step on the same socket, or `connect`")
}

/// `undefined-name`: no step has this label.
fn undefined_label(label: &ast::Name, near: Option<&str>) -> Diagnostic {
    let said = format!("no step before this is labelled `{}`", label.value);
    let diagnostic = Diagnostic::new(Rule::UndefinedName, label.span, said);
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(label.span, near),
        None => diagnostic.help(format!("put a label before an earlier step: `{}: send …`", label.value)),
    }
}

/// `since-on-call`: a call is timed from its own send.
fn since_on_call(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::SinceOnCall, span, "a `call` is timed from its own send, so it takes no `since`")
        .help("remove it, or use `send` and `receive … since`")
}
