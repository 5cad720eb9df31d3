//! Statements of a task and the parts of a step.

use super::item::{inner_first, split_statement, statements_of, tail_of};
use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::{Span, Spanned};
use crate::diagnostic::Rule;
use crate::syntax::ast::{
    Block, Clauses, Expr, ExprKind, Field, Part, Payload, ReceiveForm, RepeatBound, Statement, StatementKind, Text,
};

impl<'t> Builder<'t> {
    /// One statement of a block at `place`.
    pub(super) fn statement(&mut self, pair: P<'t>, place: Place) -> Statement {
        let span = self.place(&pair);
        let doc = self.doc(pair.as_span().start());
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        let label = label.map(|label| self.declared(&label));
        let kind = self.statement_kind(whole, kind, place);
        Statement { span, doc, label, kind }
    }

    fn statement_kind(&mut self, whole: P<'t>, kind: P<'t>, place: Place) -> StatementKind {
        let belongs = matches!(
            kind.as_rule(),
            G::http_s
                | G::websocket_s
                | G::send_s
                | G::receive_s
                | G::call_s
                | G::close_s
                | G::pause_s
                | G::repeat_s
                | G::if_s
                | G::let_s
        );
        if !belongs {
            return StatementKind::Bad(self.misplaced(whole, kind, place));
        }
        if kind.as_rule() == G::if_s {
            return self.if_statement(kind);
        }
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return StatementKind::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::http_s => self.http(kind, tail),
            G::websocket_s => self.websocket(tail),
            G::send_s => match self.payload(inner_first(tail)) {
                Some(payload) => StatementKind::Send { payload },
                None => StatementKind::Bad(self.bad(span, "")),
            },
            G::receive_s => {
                let count = tail.clone().into_inner().find(|child| child.as_rule() == G::count);
                let count = count.map(|count| self.expr(inner_first(count)));
                let (clauses, parts) = self.clauses_and_parts(tail);
                StatementKind::Receive { form: ReceiveForm::Count(count), clauses, parts }
            }
            G::call_s => {
                let payload = inner_first(tail.clone());
                let payload = self.payload(payload);
                let (clauses, parts) = self.clauses_and_parts(tail);
                match payload {
                    Some(payload) => StatementKind::Call { payload, clauses, parts },
                    None => StatementKind::Bad(self.bad(span, kind.as_str())),
                }
            }
            G::close_s => self.close(tail),
            G::pause_s => StatementKind::Pause(self.delay(tail)),
            G::repeat_s => {
                let (mut count, mut index, mut body) = (None, None, None);
                for child in tail.into_inner() {
                    match child.as_rule() {
                        G::expr => count = Some(self.expr(child)),
                        G::index_name => {
                            let name = child.into_inner().find(|child| child.as_rule() == G::ident);
                            index = name.map(|name| self.declared(&name));
                        }
                        G::block => body = Some(self.block(child)),
                        _ => {}
                    }
                }
                let (count, body) = (count.expect("`repeat` has a count"), body.expect("`repeat` has a block"));
                StatementKind::Repeat { bound: RepeatBound::Count(count), index, condition: None, body }
            }
            _ => {
                let written = self.let_item(span, tail);
                StatementKind::Let { name: written.name, value: written.value }
            }
        }
    }

    fn http(&mut self, kind: P<'t>, tail: P<'t>) -> StatementKind {
        let method = kind.into_inner().find(|child| child.as_rule() == G::method).expect("a request has a method");
        let method = self.method(&method);
        let (mut path, mut parts) = (None, Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::path => path = Some(self.path(child)),
                G::block => parts = self.parts(child, Place::Request),
                _ => {}
            }
        }
        StatementKind::Http { method, path: path.expect("a request has a path"), parts }
    }

    fn websocket(&mut self, tail: P<'t>) -> StatementKind {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::path | G::block));
        let path = children.next().expect("`websocket` has a path");
        let path: Text = self.path(path);
        let Some(block) = children.next() else {
            let body = Block { span: path.span.at_end(), statements: Vec::new() };
            return StatementKind::WebSocket { open: None, path, settings: Vec::new(), body };
        };
        let span = self.place(&block);
        let (mut settings, mut statements) = (Vec::new(), Vec::new());
        for child in statements_of(block) {
            let (_, kind) = split_statement(child.clone());
            let setting = matches!(kind.as_rule(), G::header_s | G::query_s | G::timeout_s);
            match setting && statements.is_empty() {
                true => settings.push(self.part(child, Place::Socket)),
                false => statements.push(self.statement(child, Place::Socket)),
            }
        }
        StatementKind::WebSocket { open: None, path, settings, body: Block { span, statements } }
    }

    fn if_statement(&mut self, kind: P<'t>) -> StatementKind {
        let span = self.place(&kind);
        let text = kind.as_str();
        let mut branches = Vec::new();
        let mut otherwise: Option<Block> = None;
        let mut broken = false;
        for child in kind.clone().into_inner() {
            match child.as_rule() {
                G::if_tail => branches.push(self.branch(child)),
                G::head_bad => {
                    self.explain(&child, G::if_head, "if");
                    broken = true;
                }
                G::else_branch => {
                    if let Some(first) = &otherwise {
                        let (first, place) = (first.span, self.place(&child));
                        self.wrong(place, "nothing can come behind the last `else`").also(first, "it is here");
                        continue;
                    }
                    for part in child.into_inner() {
                        match part.as_rule() {
                            G::elif => {
                                let place = self.place(&part);
                                self.wrong(place, format!("`{}` is two words here", part.as_str()))
                                    .label("did you mean `else if`?")
                                    .fix(place, "else if");
                            }
                            G::if_tail => branches.push(self.branch(part)),
                            G::block => otherwise = Some(self.block(part)),
                            G::head_bad => {
                                self.explain(&part, G::else_head, "else");
                                broken = true;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        match broken {
            true => StatementKind::Bad(self.bad(span, text)),
            false => StatementKind::If { branches, otherwise },
        }
    }

    fn branch(&mut self, tail: P<'t>) -> (Expr, Block) {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::expr | G::block));
        let condition = self.expr(children.next().expect("`if` has a condition"));
        (condition, self.block(children.next().expect("`if` has a block")))
    }

    /// `text "…"`, `json …`; complains when neither was said.
    fn payload(&mut self, pair: P<'t>) -> Option<Payload> {
        let mut is_json = false;
        for child in pair.into_inner() {
            match child.as_rule() {
                G::kw_json => is_json = true,
                G::expr => {
                    let value = self.expr(child);
                    return Some(if is_json { Payload::Json(value) } else { Payload::Text(value) });
                }
                G::bare_payload => {
                    let value = self.expr(inner_first(child));
                    let word = match value.kind {
                        ExprKind::Bad => return None,
                        ExprKind::Object(_) | ExprKind::List(_) => "json",
                        _ => "text",
                    };
                    let written = self.repaired.slice(value.span).to_owned();
                    let complaint =
                        self.wrong(value.span.at_start().to(value.span), "say how it is sent: as `text` or as `json`");
                    let _ = complaint
                        .label(format!("did you mean `{word} {}`?", short(&written)))
                        .fix(value.span.at_start(), format!("{word} "));
                    return Some(if word == "json" { Payload::Json(value) } else { Payload::Text(value) });
                }
                _ => {}
            }
        }
        None
    }

    fn clauses_and_parts(&mut self, tail: P<'t>) -> (Clauses, Vec<Part>) {
        let mut clauses = Clauses::default();
        let (mut seen, mut parts): (Vec<(&str, Span)>, _) = (Vec::new(), Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::block => parts = self.parts(child, Place::Message),
                G::clause => {
                    let clause = inner_first(child);
                    let span = self.place(&clause);
                    let rule = clause.as_rule();
                    let word = match rule {
                        G::where_c => "where",
                        G::within_c => "within",
                        _ => "since",
                    };
                    let value = clause.into_inner().find(|c| matches!(c.as_rule(), G::expr | G::ident));
                    let value = value.expect("a clause has a value");
                    if let Some((_, first)) = seen.iter().find(|(earlier, _)| *earlier == word) {
                        let first = *first;
                        let complaint =
                            self.wrong_as(Rule::DuplicateSetting, span, format!("`{word}` stands twice in this step"));
                        let complaint = complaint.also(first, "it is first here");
                        if word == "where" {
                            drop(complaint.help("join both conditions with `and`"));
                        }
                        continue;
                    }
                    seen.push((word, span));
                    match rule {
                        G::where_c => clauses.condition = Some(self.expr(value)),
                        G::within_c => clauses.within = Some(self.expr(value)),
                        _ => clauses.since = Some(self.word(&value)),
                    }
                }
                _ => {}
            }
        }
        (clauses, parts)
    }

    fn close(&mut self, tail: P<'t>) -> StatementKind {
        let values: Vec<Expr> =
            tail.into_inner().filter(|child| child.as_rule() == G::expr).map(|child| self.expr(child)).collect();
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(reason), None) if matches!(reason.kind, ExprKind::Text(_)) => {
                StatementKind::Close { code: None, reason: Some(reason) }
            }
            (code, reason) => StatementKind::Close { code, reason },
        }
    }

    /// One part in the block of a step, or one setting.
    pub(super) fn part(&mut self, pair: P<'t>, place: Place) -> Part {
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        if !place.takes(kind.as_rule()) {
            return Part::Bad(self.misplaced(whole, kind, place));
        }
        self.no_label(label.as_ref());
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return Part::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::header_s => self.header(span, tail),
            G::query_s => Part::Query { span, fields: self.fields(inner_first(tail)) },
            G::form_s => Part::Form { span, fields: self.fields(inner_first(tail)) },
            G::json_s => Part::Json { span, value: self.expr(inner_first(tail)) },
            G::body_s => Part::Body { span, value: self.expr(inner_first(tail)) },
            G::timeout_s => Part::Timeout { span, value: self.expr(inner_first(tail)) },
            G::check_s => Part::Check { span, condition: self.expr(inner_first(tail)) },
            G::expect_s => {
                let mut condition = None;
                let mut otherwise = None;
                for child in tail.into_inner() {
                    match child.as_rule() {
                        G::expr => condition = Some(self.expr(child)),
                        G::otherwise => otherwise = self.expr_in(child),
                        _ => {}
                    }
                }
                Part::Expect { span, condition: condition.expect("`expect` has a condition"), otherwise }
            }
            _ => {
                let (mut name, mut value, mut default) = (None, None, None);
                for child in tail.into_inner() {
                    match child.as_rule() {
                        G::declared => name = Some(self.declared(&child)),
                        G::expr => value = Some(self.expr(child)),
                        G::default => default = self.expr_in(child),
                        _ => {}
                    }
                }
                let (name, value) = (name.expect("`capture` has a name"), value.expect("`capture` has a value"));
                Part::Capture { span, secret: None, name, value, default }
            }
        }
    }

    /// The expression among the children of a pair.
    fn expr_in(&mut self, pair: P<'t>) -> Option<Expr> {
        pair.into_inner().find(|child| child.as_rule() == G::expr).map(|child| self.expr(child))
    }

    fn header(&mut self, span: Span, tail: P<'t>) -> Part {
        let mut name: Option<Spanned<String>> = None;
        let mut value = None;
        for child in tail.into_inner() {
            match child.as_rule() {
                G::field_name => name = Some(self.field_name(child)),
                G::header_mark => {
                    let place = self.place(&child);
                    self.wrong(
                        place,
                        format!("nothing stands between a header's name and its value, no `{}`", child.as_str()),
                    )
                    .help("write `header Accept \"application/json\"`")
                    .fix(place, "");
                }
                G::expr => value = Some(self.expr(child)),
                _ => {}
            }
        }
        Part::Header { span, name: name.expect("`header` has a name"), value: value.expect("`header` has a value") }
    }

    /// The fields of an object.
    pub(super) fn fields(&mut self, object: P<'t>) -> Vec<Field> {
        object.into_inner().filter(|child| child.as_rule() == G::field).map(|child| self.field(child)).collect()
    }
}

/// The first line of a text, cut to a length that fits a message.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(24) {
        None if line.len() == text.len() => line.to_owned(),
        Some((at, _)) => format!("{}…", &line[..at]),
        None => format!("{line} …"),
    }
}
