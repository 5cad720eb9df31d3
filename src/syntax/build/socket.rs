//! Sockets and streams of events, and the steps on them.

use super::item::{inner_first, split_statement, statements_of};
use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::Span;
use crate::diagnostic::Rule;
use crate::syntax::ast::{
    Block, Clauses, Expected, Expr, ExprKind, Name, Part, Payload, ReceiveForm, Statement, StatementKind,
};

impl<'t> Builder<'t> {
    /// `websocket /path { … }`; `open`: where that word stands before it.
    pub(super) fn websocket(&mut self, open: Option<Span>, tail: P<'t>) -> StatementKind {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::path | G::block));
        let path = children.next().expect("`websocket` has a path");
        let path = self.path(path);
        let (settings, body) = match children.next() {
            Some(block) => self.settings_and_body(block, Place::Socket),
            None => (Vec::new(), Block { span: path.span.at_end(), statements: Vec::new() }),
        };
        StatementKind::WebSocket { open, path, settings, body }
    }

    /// `events POST /path { json …; receive … }`
    pub(super) fn events(&mut self, tail: P<'t>) -> StatementKind {
        let (mut method, mut path, mut block) = (None, None, None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::method => method = Some(self.method(&child)),
                G::path => path = Some(self.path(child)),
                G::block => block = Some(child),
                _ => {}
            }
        }
        let (method, path) = (method.expect("`events` has a method"), path.expect("`events` has a path"));
        let (settings, body) = match block {
            Some(block) => self.settings_and_body(block, Place::Events),
            None => (Vec::new(), Block { span: path.span.at_end(), statements: Vec::new() }),
        };
        StatementKind::Events { method, path, settings, body }
    }

    /// The settings that stand first in a block, and the statements behind them.
    fn settings_and_body(&mut self, block: P<'t>, place: Place) -> (Vec<Part>, Block) {
        let span = self.place(&block);
        let (mut settings, mut statements): (Vec<Part>, Vec<Statement>) = (Vec::new(), Vec::new());
        for child in statements_of(block) {
            let (_, kind) = split_statement(child.clone());
            match place.takes(kind.as_rule()) && statements.is_empty() {
                true => settings.push(self.part(child, place)),
                false => statements.push(self.statement(child, Place::Socket)),
            }
        }
        (settings, Block { span, statements })
    }

    /// `with feed { … }`
    pub(super) fn with(&mut self, tail: P<'t>) -> StatementKind {
        let name = tail.clone().into_inner().find(|child| child.as_rule() == G::ident);
        let socket = self.word(&name.expect("`with` names a socket"));
        StatementKind::With { socket, body: self.body(tail) }
    }

    /// `on receive where C keep { … }`
    pub(super) fn on_receive(&mut self, tail: P<'t>) -> StatementKind {
        let (mut keep, mut body): (Option<Span>, Option<Block>) = (None, None);
        let mut clauses = Vec::new();
        for child in tail.into_inner() {
            match child.as_rule() {
                G::keep => keep = Some(self.place(&child)),
                G::clause => clauses.push(inner_first(child)),
                G::block => body = Some(self.block(child)),
                _ => {}
            }
        }
        let clauses = self.clauses(clauses);
        StatementKind::OnReceive { clauses, keep, body: body.expect("`on receive` has a block") }
    }

    /// `receive` in all its forms.
    pub(super) fn receive(&mut self, tail: P<'t>) -> StatementKind {
        let mut form = ReceiveForm::Count(None);
        for child in tail.clone().into_inner() {
            match child.as_rule() {
                G::form => {
                    let written = inner_first(child);
                    form = match written.as_rule() {
                        G::until_f => ReceiveForm::Until(self.value(written)),
                        G::for_f => ReceiveForm::For(self.value(written)),
                        G::close_f => ReceiveForm::Close(self.expr_in(written)),
                        _ => ReceiveForm::Count(Some(self.value(written))),
                    };
                }
                G::all_block => {
                    let entries = child.into_inner().filter(|child| child.as_rule() == G::expected);
                    form = ReceiveForm::All(entries.filter_map(|entry| self.expected(inner_first(entry))).collect());
                }
                _ => {}
            }
        }
        let (clauses, parts) = self.clauses_and_parts(tail);
        StatementKind::Receive { form, clauses, parts }
    }

    /// `ack: where C { … }`; `None` after a complaint.
    fn expected(&mut self, pair: P<'t>) -> Option<Expected> {
        if pair.as_rule() == G::unknown_s {
            self.bad_expected(&pair);
            return None;
        }
        let span = self.place(&pair);
        let (mut label, mut parts, mut clauses): (Option<Name>, Vec<Part>, _) = (None, Vec::new(), Vec::new());
        for child in pair.into_inner() {
            match child.as_rule() {
                G::label => label = child.into_inner().next().map(|label| self.declared(&label)),
                G::block => parts = self.parts(child, Place::Message),
                G::where_c | G::within_c | G::since_c => clauses.push(child),
                _ => {}
            }
        }
        Some(Expected { span, label, clauses: self.clauses(clauses), parts })
    }

    /// `text "…"`, `json …`; complains when neither was said.
    pub(super) fn payload(&mut self, pair: P<'t>) -> Option<Payload> {
        let mut how: fn(Expr) -> Payload = Payload::Text;
        let pair_start = self.place(&pair).at_start();
        for child in pair.into_inner() {
            match child.as_rule() {
                G::kw_json => how = Payload::Json,
                G::kw_binary => how = Payload::Binary,
                G::expr => return Some(how(self.expr(child))),
                G::bare_payload => {
                    let value = self.expr(inner_first(child));
                    if let ExprKind::Call { name, .. } = &value.kind
                        && self.declares_word("flow", &name.value)
                    {
                        let place = pair_start.to(value.span);
                        let better = self.repaired.slice(value.span).to_owned();
                        self.wrong(place, "a flow is called by its name alone")
                            .label(format!("did you mean `{}`?", short(&better)));
                        return None;
                    }
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

    pub(super) fn clauses_and_parts(&mut self, tail: P<'t>) -> (Clauses, Vec<Part>) {
        let (mut clauses, mut parts) = (Vec::new(), Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::block => parts = self.parts(child, Place::Message),
                G::clause => clauses.push(inner_first(child)),
                _ => {}
            }
        }
        (self.clauses(clauses), parts)
    }

    /// Clauses in any order; complains about those that stand twice.
    fn clauses(&mut self, written: Vec<P<'t>>) -> Clauses {
        let mut clauses = Clauses::default();
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for clause in written {
            let span = self.place(&clause);
            let rule = clause.as_rule();
            let word = match rule {
                G::where_c => "where",
                G::within_c => "within",
                G::since_c => "since",
                _ => "at least",
            };
            let value = clause.into_inner().find(|c| matches!(c.as_rule(), G::expr | G::ident));
            let value = value.expect("a clause has a value");
            if let Some((_, first)) = seen.iter().find(|(earlier, _)| *earlier == word) {
                let first = *first;
                let message = format!("`{word}` stands twice in this step");
                let complaint = self.wrong_as(Rule::DuplicateSetting, span, message).also(first, "it is first here");
                if word == "where" {
                    drop(complaint.help("join both conditions with `and`"));
                }
                continue;
            }
            seen.push((word, span));
            match rule {
                G::where_c => clauses.condition = Some(self.expr(value)),
                G::within_c => clauses.within = Some(self.expr(value)),
                G::since_c => clauses.since = Some(self.word(&value)),
                _ => clauses.at_least = Some(self.expr(value)),
            }
        }
        clauses
    }

    pub(super) fn close(&mut self, tail: P<'t>) -> StatementKind {
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
