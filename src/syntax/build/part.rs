//! The parts of a step, and the settings of targets and sockets.

use super::item::{inner_first, split_statement, tail_of};
use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::{Span, Spanned};
use crate::syntax::ast::{Auth, Expr, ExprKind, Field, Name, Part};

impl<'t> Builder<'t> {
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
            G::header_s => {
                let (name, value) = self.named_value(tail, "header");
                Part::Header { span, name, value }
            }
            G::cookie_s => {
                let (name, value) = self.named_value(tail, "cookie");
                Part::Cookie { span, name, value }
            }
            G::auth_s => Part::Auth { span, auth: self.auth(tail) },
            G::query_s => Part::Query { span, fields: self.fields(inner_first(tail)) },
            G::form_s => Part::Form { span, fields: self.fields(inner_first(tail)) },
            G::multipart_s => Part::Multipart { span, fields: self.fields(inner_first(tail)) },
            G::json_s => Part::Json { span, value: self.value(tail) },
            G::body_s => Part::Body { span, value: self.value(tail) },
            G::timeout_s => Part::Timeout { span, value: self.value(tail) },
            G::redirects_s => {
                let most = self.value(tail);
                let none = matches!(&most.kind, ExprKind::Name(name) if name == "none");
                Part::Redirects { span, most: (!none).then_some(most) }
            }
            G::subprotocol_s => Part::Subprotocol { span, value: self.value(tail) },
            G::proxy_s => Part::Proxy { span, value: self.value(tail) },
            G::switch_s => {
                let name = self.word(&inner_first(kind));
                Part::Switch { span, name, value: self.word(&inner_first(tail)) }
            }
            G::tls_s => Part::Tls { span, settings: self.tls(tail) },
            G::check_s => Part::Check { span, condition: self.value(tail) },
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
            G::measure_s => {
                let written = self.let_item(span, tail);
                Part::Measure { span, name: written.name, value: written.value }
            }
            rule => {
                let (secret, name, value, default) = self.capture_tail(tail);
                match rule {
                    G::set_s => Part::Set { span, name, value, default },
                    _ => Part::Capture { span, secret, name, value, default },
                }
            }
        }
    }

    /// The tail of `capture` and `set`.
    pub(super) fn capture_tail(&mut self, tail: P<'t>) -> (Option<Span>, Name, Expr, Option<Expr>) {
        let (mut secret, mut name, mut value, mut default) = (None, None, None, None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::secret => secret = Some(self.place(&child)),
                G::declared => name = Some(self.declared(&child)),
                G::expr => value = Some(self.expr(child)),
                G::default => default = self.expr_in(child),
                _ => {}
            }
        }
        (secret, name.expect("it has a name"), value.expect("it has a value"), default)
    }

    /// `basic u, p`, `bearer t`, `none`
    fn auth(&mut self, tail: P<'t>) -> Auth {
        let mut values = tail.into_inner().filter(|child| child.as_rule() == G::expr);
        let (first, second) = (values.next(), values.next());
        match (first.map(|value| self.expr(value)), second.map(|value| self.expr(value))) {
            (Some(user), Some(password)) => Auth::Basic(user, password),
            (Some(token), None) => Auth::Bearer(token),
            _ => Auth::None,
        }
    }

    /// What stands in the block of `tls`: a word and its value, in order.
    fn tls(&mut self, block: P<'t>) -> Vec<(Spanned<String>, Spanned<String>)> {
        let mut settings = Vec::new();
        for setting in block.into_inner().filter(|child| child.as_rule() == G::tls_setting) {
            let setting = inner_first(setting);
            if setting.as_rule() == G::unknown_s {
                self.bad_tls(&setting);
                continue;
            }
            let mut children = setting.into_inner().filter(|c| matches!(c.as_rule(), G::tls_word | G::text | G::ident));
            let (name, value) = (children.next().expect("it has a word"), children.next().expect("it has a value"));
            let name = self.word(&name);
            let value = match value.as_rule() {
                G::text => {
                    let text = self.text(value);
                    self.plain(text)
                }
                _ => self.word(&value),
            };
            settings.push((name, value));
        }
        settings
    }

    /// The expression among the children of a pair.
    pub(super) fn expr_in(&mut self, pair: P<'t>) -> Option<Expr> {
        pair.into_inner().find(|child| child.as_rule() == G::expr).map(|child| self.expr(child))
    }

    /// The name and the value of a header or cookie.
    fn named_value(&mut self, tail: P<'t>, word: &str) -> (Spanned<String>, Expr) {
        let mut name: Option<Spanned<String>> = None;
        let mut value = None;
        for child in tail.into_inner() {
            match child.as_rule() {
                G::field_name => name = Some(self.field_name(child)),
                G::header_mark => {
                    let place = self.place(&child);
                    let mark = child.as_str();
                    let example =
                        if word == "header" { "header Accept \"application/json\"" } else { "cookie theme \"dark\"" };
                    self.wrong(place, format!("nothing stands between a {word}'s name and its value, no `{mark}`"))
                        .help(format!("write `{example}`"))
                        .fix(place, "");
                }
                G::expr => value = Some(self.expr(child)),
                _ => {}
            }
        }
        (name.expect("it has a name"), value.expect("it has a value"))
    }

    /// The fields of an object.
    pub(super) fn fields(&mut self, object: P<'t>) -> Vec<Field> {
        object.into_inner().filter(|child| child.as_rule() == G::field).map(|child| self.field(child)).collect()
    }
}
