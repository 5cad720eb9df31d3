//! Steps on a WebSocket: which socket they mean, whether it is open, and what their times begin with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::checker::{Answer, Checker};
use super::constants::Constant;
use super::http::{Parts, PartsOf};
use super::meaning::{Call, Expr, Payload, SeriesId, SeriesKind, Since, Statement, Step, Type, WebSocket};
use super::receives::{CALL, last_of};
use super::series::Wanted;
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

/// What is known of the innermost socket on the way that leads here.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    /// Its path as rows are named by it.
    pub path: String,
    /// The label of its `connect`.
    label: Option<String>,
    /// Whether it is open.
    pub open: Open,
    /// Labels of steps that have begun on every path.
    begun: BTreeSet<String>,
    /// Labels of steps that have begun on some path, with row and place.
    seen: BTreeMap<String, (SeriesId, Span)>,
}

/// Whether a socket is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// On every path.
    Yes,
    /// Some path comes by this `close`.
    Maybe(Step),
    /// Every path comes by this `close` or another.
    No(Step),
}

impl Socket {
    /// What is known where two ways meet.
    pub fn join(mut self, other: Socket) -> Socket {
        self.open = match (self.open, other.open) {
            (Open::Yes, Open::Yes) => Open::Yes,
            (Open::No(step), Open::No(_)) => Open::No(step),
            (Open::No(step) | Open::Maybe(step), _) | (_, Open::No(step) | Open::Maybe(step)) => Open::Maybe(step),
        };
        self.begun.retain(|label| other.begun.contains(label));
        self.seen.extend(other.seen);
        self
    }
}

impl Checker<'_> {
    /// `websocket /path { … }`
    pub fn websocket(
        &mut self,
        statement: &ast::Statement,
        path: &ast::Text,
        settings: &[ast::Part],
        body: &ast::Block,
    ) -> Statement {
        let path = self.looking_into(Answer::NotYet, |checker| checker.template(path));
        let name = self.path_name(&path);
        let head = self.head(statement, Some(path.span));
        let parts = self.parts(settings, PartsOf::Upgrade);
        let label = statement.label.as_ref();
        let connect = self.socket_row(label, "connect", &name, SeriesKind::Connect, head);
        let socket = Socket {
            path: name.clone(),
            label: label.map(|label| label.value.clone()),
            open: Open::Yes,
            begun: BTreeSet::new(),
            seen: BTreeMap::new(),
        };
        let outer = self.flow.socket.replace(socket);
        let body = self.in_block(|checker| checker.statements(body));
        let left = std::mem::replace(&mut self.flow.socket, outer);
        let close = match left.map(|socket| socket.open) {
            // Nothing is left to close: no row that would stay empty.
            Some(Open::No(step)) => Step { series: step.series, span: head },
            _ => self.socket_row(None, "close", &name, SeriesKind::Close, head),
        };
        let Parts { headers, query, timeout, .. } = parts;
        Statement::WebSocket(WebSocket { connect, close, path, headers, query, timeout, body })
    }

    /// `send VALUE`
    pub fn send(&mut self, statement: &ast::Statement, payload: &ast::Payload) -> Option<Statement> {
        let head = self.head(statement, Some(payload_span(payload)));
        let open = self.socket_step("send", head);
        let payload = self.payload(payload);
        let step = self.socket_step_row(statement, "send", SeriesKind::Send, false, head);
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
        let open = self.socket_step("call", head);
        let payload = self.payload(payload);
        let condition = self.where_clause(clauses);
        let within = self.within_clause(clauses);
        if let Some(label) = &clauses.since {
            self.report(since_on_call(label.span));
        }
        CALL.check(self, clauses);
        let step = self.socket_step_row(statement, "call", SeriesKind::Call, false, head);
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
        let open = self.socket_step("close", head);
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
        let path = self.socket_path();
        let step = self.socket_row(statement.label.as_ref(), "close", &path, SeriesKind::Close, head);
        self.begins(statement.label.as_ref(), step);
        self.closes_here(step);
        open.then_some(Statement::Close { step, code: code.unwrap_or(1000), reason })
    }

    /// The row of `connect` and `close`, which are called just that without a label.
    fn socket_row(&mut self, label: Option<&ast::Name>, word: &str, path: &str, kind: SeriesKind, head: Span) -> Step {
        let template = format!("{word} {path}");
        self.step(Wanted { label, name: word.to_owned(), template, method: "WS", kind, gaps: false, head })
    }

    /// The row of a step that is called after the socket's path without a label.
    pub fn socket_step_row(
        &mut self,
        statement: &ast::Statement,
        word: &str,
        kind: SeriesKind,
        gaps: bool,
        head: Span,
    ) -> Step {
        self.socket_labelled_row(statement.label.as_ref(), word, kind, gaps, head)
    }

    /// The row of a step with this label, or called after the socket's path.
    pub fn socket_labelled_row(
        &mut self,
        label: Option<&ast::Name>,
        word: &str,
        kind: SeriesKind,
        gaps: bool,
        head: Span,
    ) -> Step {
        let template = format!("{word} {}", self.socket_path());
        self.step(Wanted { label, name: template.clone(), template, method: "WS", kind, gaps, head })
    }

    fn socket_path(&self) -> String {
        self.flow.socket.as_ref().map(|socket| socket.path.clone()).unwrap_or_default()
    }

    /// Complains where there is no open socket; false where there is none at all.
    pub fn socket_step(&mut self, word: &str, head: Span) -> bool {
        let Some(socket) = &mut self.flow.socket else {
            self.report(no_socket_here(word, head));
            return false;
        };
        let diagnostic = match socket.open {
            Open::Yes => return true,
            Open::Maybe(step) => closed_socket(word, head, step.span, "may be"),
            Open::No(step) => closed_socket(word, head, step.span, "is"),
        };
        // One mistake, one message: from here on the socket counts as open.
        socket.open = Open::Yes;
        self.report(diagnostic);
        true
    }

    /// From here on the innermost socket is closed, by this step.
    pub fn closes_here(&mut self, step: Step) {
        if let Some(socket) = &mut self.flow.socket {
            socket.open = Open::No(step);
        }
    }

    /// Notes that a labelled step begins here.
    pub fn begins(&mut self, label: Option<&ast::Name>, step: Step) {
        if let (Some(label), Some(socket)) = (label, &mut self.flow.socket) {
            socket.begun.insert(label.value.clone());
            socket.seen.insert(label.value.clone(), (step.series, step.span));
        }
    }

    fn payload(&mut self, payload: &ast::Payload) -> Payload {
        self.looking_into(Answer::NotYet, |checker| match payload {
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
        let condition = self.looking_into(Answer::Message, |checker| checker.condition(written, what));
        self.condition_says_something(&condition);
        condition
    }

    pub fn within_clause(&mut self, clauses: &ast::Clauses) -> Option<Duration> {
        self.known_duration(clauses.within.as_ref()?, "what stands behind `within`")
    }

    /// What `since LABEL` refers to; `None` where it refers to nothing that surely came before.
    pub fn since(&mut self, label: &ast::Name) -> Option<Since> {
        let socket = self.flow.socket.as_ref()?;
        if label.value == "connect" || socket.label.as_ref() == Some(&label.value) {
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
            let known = socket.seen.keys().map(String::as_str).chain(["connect"]);
            let near = nearest(&label.value, known).map(str::to_owned);
            self.report(undefined_label(label, near.as_deref()));
        }
        None
    }
}

/// Most bytes that the reason of a close frame holds (RFC 6455, 5.5.1).
const REASON_BYTES_MAX: usize = 123;

/// The `close` that ends the socket of this block, if there is one in it; sockets inside it are their own.
pub(super) fn closes(block: &ast::Block) -> Option<Span> {
    block.statements.iter().find_map(|statement| match &statement.kind {
        ast::StatementKind::Close { .. } | ast::StatementKind::Receive { form: ast::ReceiveForm::Close(_), .. } => {
            Some(statement.span)
        }
        ast::StatementKind::Repeat { body, .. } => closes(body),
        ast::StatementKind::If { branches, otherwise } => {
            branches.iter().map(|(_, body)| body).chain(otherwise).find_map(closes)
        }
        _ => None,
    })
}

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
