//! Statements of a task.

use super::item::{inner_first, split_statement, tail_of};
use super::misplaced::Place;
use super::{Builder, G, P};
use crate::syntax::ast::{Statement, StatementKind};

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
        let rule = kind.as_rule();
        if Place::Task.takes(rule) && place != Place::Socket {
            return StatementKind::Default(self.part(whole, Place::Task));
        }
        let belongs = matches!(
            rule,
            G::http_s
                | G::websocket_s
                | G::open_s
                | G::with_s
                | G::events_s
                | G::on_s
                | G::every_s
                | G::send_s
                | G::receive_s
                | G::call_s
                | G::close_s
                | G::pause_s
                | G::repeat_s
                | G::for_s
                | G::choose_s
                | G::group_s
                | G::retry_s
                | G::attempt_s
                | G::parallel_s
                | G::if_s
                | G::let_s
                | G::set_s
                | G::take_s
                | G::measure_s
                | G::log_s
                | G::stop_s
                | G::fail_s
                | G::return_s
                | G::called_s
        );
        if !belongs {
            return StatementKind::Bad(self.misplaced(whole, kind, place));
        }
        if rule == G::if_s {
            return self.if_statement(kind);
        }
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return StatementKind::Bad(self.bad_statement(&kind)) };
        match rule {
            G::http_s => self.http(kind, tail),
            G::websocket_s => self.websocket(None, tail),
            G::open_s => {
                let word = self.span(kind.as_span().start(), kind.as_span().start() + "open".len());
                self.websocket(Some(word), tail)
            }
            G::with_s => self.with(tail),
            G::events_s => self.events(tail),
            G::on_s if tail.as_rule() == G::answer_tail => self.on_receive(tail),
            G::on_s => StatementKind::Bad(self.misplaced(whole, kind, place)),
            G::every_s => StatementKind::Every { interval: self.delay(tail.clone()), body: self.body(tail) },
            G::send_s => match self.payload(inner_first(tail)) {
                Some(payload) => StatementKind::Send { payload },
                None => StatementKind::Bad(self.bad(span, "")),
            },
            G::receive_s => self.receive(tail),
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
            G::repeat_s => self.repeat(tail),
            G::for_s => self.for_each(tail),
            G::choose_s => self.choose(tail),
            G::group_s => {
                let name = tail.clone().into_inner().find(|child| child.as_rule() == G::declared);
                let name = self.declared(&name.expect("`group` has a name"));
                StatementKind::Group { name, body: self.body(tail) }
            }
            G::retry_s => self.retry(tail),
            G::attempt_s => StatementKind::Attempt(self.body(tail)),
            G::parallel_s => StatementKind::Parallel(self.body(tail)),
            G::set_s => {
                let (_, name, value, default) = self.capture_tail(tail);
                if let Some(default) = default {
                    self.wrong(default.span, "`default` stands behind what is looked for in an answer")
                        .label("nothing can be missing here")
                        .help("`GET /path { set next = json $.next default null }`");
                }
                StatementKind::Set { name, value }
            }
            G::take_s => StatementKind::Take(self.take(span, tail)),
            G::measure_s => {
                let written = self.let_item(span, tail);
                StatementKind::Measure { name: written.name, value: written.value }
            }
            G::log_s => StatementKind::Log(self.value(tail)),
            G::return_s => StatementKind::Return(self.value(tail)),
            G::fail_s => StatementKind::Fail(self.expr_in(tail)),
            G::stop_s => StatementKind::Stop(self.word(&inner_first(tail))),
            G::called_s => self.called(kind, tail),
            _ => {
                let written = self.let_item(span, tail);
                StatementKind::Let { name: written.name, value: written.value }
            }
        }
    }

    /// `login(account.name, account.password)`
    fn called(&mut self, kind: P<'t>, tail: P<'t>) -> StatementKind {
        let name = self.word(&inner_first(kind));
        let arguments = inner_first(tail).into_inner().filter(|child| child.as_rule() == G::expr_free);
        StatementKind::Flow { name, arguments: arguments.map(|child| self.expr(child)).collect() }
    }

    fn http(&mut self, kind: P<'t>, tail: P<'t>) -> StatementKind {
        let (span, text) = (self.place(&kind), kind.as_str());
        let method = kind.into_inner().find(|child| child.as_rule() == G::method).expect("a request has a method");
        let strange = self.no_method(&method);
        let method = self.method(&method);
        let (mut path, mut parts) = (None, Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::path => path = Some(self.path(child)),
                G::block if strange => {
                    self.quiet += 1;
                    parts = self.parts(child, Place::Request);
                    self.quiet -= 1;
                }
                G::block => parts = self.parts(child, Place::Request),
                _ => {}
            }
        }
        if strange {
            return StatementKind::Bad(self.bad(span, text));
        }
        StatementKind::Http { method, path: path.expect("a request has a path"), parts }
    }
}
