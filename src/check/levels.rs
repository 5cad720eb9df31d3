//! Defaults by level: what is said once for many steps, and folded into each of them.
//!
//! The nearest level wins: the step, then the blocks around it from inside out, then its user, then its target. Later
//! rooms see only finished steps.

use std::collections::BTreeSet;
use std::time::Duration;

use super::checker::Checker;
use super::constants::Constant;
use super::http::{Parts, PartsOf, duplicate_setting, literal_credential, token_fault};
use super::meaning::{Body, Expr, ExprKind, Function, Http, Piece, Step, Template, Type};
use super::statements::not_a_count;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// How long a request may take where nobody says.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// How many redirects are followed where nobody says.
const REDIRECTS: u32 = 10;

/// Most redirects that a step may follow: whoever needs more is sent in a circle.
const REDIRECTS_MAX: f64 = 100.0;

/// The header in which a request says who sends it.
const AUTHORIZATION: &str = "Authorization";

/// What is said for all steps of a target, user or block.
#[derive(Clone, Default)]
pub(super) struct Level {
    headers: Vec<(Spanned<String>, Expr)>,
    query: Vec<(String, Expr)>,
    cookies: Vec<(Spanned<String>, Expr)>,
    timeout: Option<Duration>,
    redirects: Option<u32>,
}

impl Level {
    /// What these parts say.
    pub fn of(parts: Parts) -> Level {
        let Parts { headers, query, cookies, timeout, redirects, .. } = parts;
        Level { headers, query, cookies, timeout, redirects }
    }

    /// What `inner` says, and where it says nothing, what this says.
    fn under(&self, inner: Level) -> Level {
        Level {
            headers: beneath(&self.headers, inner.headers, |a, b| a.value.eq_ignore_ascii_case(&b.value)),
            query: beneath(&self.query, inner.query, |a, b| a == b),
            cookies: beneath(&self.cookies, inner.cookies, |a, b| a.value == b.value),
            timeout: inner.timeout.or(self.timeout),
            redirects: inner.redirects.or(self.redirects),
        }
    }

    fn authorization(&self) -> Option<Span> {
        let found = self.headers.iter().find(|(name, _)| name.value.eq_ignore_ascii_case(AUTHORIZATION));
        found.filter(|(_, value)| !matches!(value.kind, ExprKind::Null)).map(|(name, _)| name.span)
    }
}

/// The outer entries that no inner one replaces, and the inner ones.
fn beneath<N: Clone>(outer: &[(N, Expr)], inner: Vec<(N, Expr)>, same: impl Fn(&N, &N) -> bool) -> Vec<(N, Expr)> {
    let kept = outer.iter().filter(|(name, _)| !inner.iter().any(|(other, _)| same(name, other))).cloned();
    kept.collect::<Vec<_>>().into_iter().chain(inner).collect()
}

/// The levels around the present place, and who has used them.
#[derive(Default)]
pub(super) struct Levels {
    /// Outermost first, without the targets'; the user's own stands first where there is one.
    around: Vec<Level>,
    /// Where the credentials are said that hold for the whole of the present user, and the targets they go to.
    of_user: Option<(Span, BTreeSet<usize>)>,
}

impl Checker<'_> {
    /// The request of a step: also the upgrade of a socket, and what a stream of events is the answer to.
    pub fn request(&mut self, step: Step, method: &str, mut path: Template, mut parts: Parts) -> Http {
        let target = self.target_of(&mut path);
        let asks = std::mem::take(&mut parts.asks);
        let body = parts.body.take().map_or(Body::None, |(body, _)| body);
        let mut level = Level::of(parts);
        for (index, outer) in self.levels.around.iter().enumerate().rev() {
            let said = level.headers.iter().any(|(name, _)| name.value.eq_ignore_ascii_case(AUTHORIZATION));
            level = outer.under(level);
            if let (0, false, Some((_, targets))) = (index, said, &mut self.levels.of_user) {
                targets.insert(target);
            }
        }
        if let Some(outermost) = self.target_levels.get(target) {
            level = outermost.under(level);
        }
        Http {
            step,
            method: method.to_owned(),
            target,
            path,
            headers: level.headers,
            query: level.query,
            cookies: level.cookies,
            body,
            timeout: level.timeout.unwrap_or(TIMEOUT),
            redirects: level.redirects.unwrap_or(REDIRECTS),
            parts: asks,
        }
    }

    /// A default of the steps behind it in the present block.
    pub fn default_of_block(&mut self, part: &ast::Part) {
        let level = Level::of(self.parts(std::slice::from_ref(part), PartsOf::Level));
        if let Some(present) = self.levels.around.pop() {
            self.levels.around.push(present.under(level));
        }
    }

    /// Runs `work` in a block, whose defaults end with it.
    pub fn on_level<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.levels.around.push(Level::default());
        let result = work(self);
        self.levels.around.pop();
        result
    }

    /// What a user says for the steps of all its tasks holds from here to [`Checker::leave_user`].
    pub fn enter_user(&mut self, written: &ast::User) {
        let parts: Vec<ast::Part> = written.items.iter().filter_map(default_of_user).cloned().collect();
        let level = Level::of(self.parts(&parts, PartsOf::Level));
        let auth = parts.iter().find(|part| matches!(part, ast::Part::Auth { .. })).map(ast::Part::span);
        self.levels.of_user = level.authorization().map(|name| (auth.unwrap_or(name), BTreeSet::new()));
        self.levels.around.push(level);
    }

    /// The user's steps are understood.
    pub fn leave_user(&mut self) {
        self.levels.around.pop();
        if let Some((span, targets)) = self.levels.of_user.take()
            && targets.len() > 1
        {
            self.report(auth_for_two_targets(span));
        }
    }

    /// `auth …`: a header like others.
    pub fn auth(&mut self, auth: &ast::Auth, span: Span, headers: &mut Vec<(Spanned<String>, Expr)>) {
        if let Some((first, _)) = headers.iter().find(|(known, _)| known.value.eq_ignore_ascii_case(AUTHORIZATION)) {
            self.report(duplicate_setting("auth", span, first.span));
        }
        let expr = |ty, kind| Expr { span, ty, kind };
        let text = |pieces| expr(Type::String, ExprKind::Text(Template { span, pieces }));
        let value = match auth {
            ast::Auth::None => expr(Type::Null, ExprKind::Null),
            ast::Auth::Bearer(token) => {
                let token = self.credential(token, "a token");
                text(vec![Piece::Literal("Bearer ".into()), Piece::Value(token)])
            }
            ast::Auth::Basic(user, password) => {
                let user = self.typed(user, &[Type::String, Type::Number], "a user name");
                let password = self.credential(password, "a password");
                let both = text(vec![Piece::Value(user), Piece::Literal(":".into()), Piece::Value(password)]);
                let encoded = expr(Type::String, ExprKind::Call(Function::Base64, vec![both]));
                text(vec![Piece::Literal("Basic ".into()), Piece::Value(encoded)])
            }
        };
        headers.push((Spanned { value: AUTHORIZATION.to_owned(), span }, value));
    }

    fn credential(&mut self, written: &ast::Expr, what: &str) -> Expr {
        let value = self.typed(written, &[Type::String], what);
        if let Some(Constant::Text(text)) = self.constant(&value)
            && !text.is_empty()
        {
            self.report(literal_credential(value.span, "auth"));
        }
        value
    }

    /// `cookie name value`
    pub fn cookie(&mut self, name: &Spanned<String>, value: &ast::Expr, cookies: &mut Vec<(Spanned<String>, Expr)>) {
        if let Some(fault) = token_fault(&name.value) {
            self.report(malformed_cookie_name(name, fault));
        }
        if let Some((first, _)) = cookies.iter().find(|(known, _)| known.value == name.value) {
            self.report(duplicate_setting(&format!("cookie {}", first.value), name.span, first.span));
        }
        let value = self.expr(value);
        if let Some(Constant::Text(text)) = self.constant(&value)
            && let Some(fault) = text.chars().find(|c| !is_cookie_octet(*c))
        {
            self.report(malformed_cookie_value(value.span, fault));
        }
        cookies.push((name.clone(), value));
    }

    /// `redirects N`, `redirects none`
    pub fn redirects(&mut self, most: Option<&ast::Expr>) -> Option<u32> {
        let Some(written) = most else { return Some(0) };
        match self.known(written, &[Type::Number], "a count of redirects") {
            Some(Constant::Number(most)) if (0.0..=REDIRECTS_MAX).contains(&most) && most.fract() == 0.0 => {
                Some(most as u32)
            }
            Some(Constant::Number(most)) if most > REDIRECTS_MAX => {
                self.report(too_many_redirects(written.span));
                None
            }
            Some(_) => {
                self.report(not_a_count(written.span, "of redirects", 0));
                None
            }
            None => None,
        }
    }
}

fn default_of_user(item: &ast::UserItem) -> Option<&ast::Part> {
    match item {
        ast::UserItem::Default(part) => Some(part),
        _ => None,
    }
}

/// What may stand in a cookie's value unquoted (RFC 6265, `cookie-octet`), and a blank, which servers take too.
fn is_cookie_octet(c: char) -> bool {
    !(c.is_control() || matches!(c, ';' | ',' | '\\' | '"'))
}

/// `malformed-header`: a name that no cookie can have.
fn malformed_cookie_name(name: &Spanned<String>, fault: char) -> Diagnostic {
    let said = match name.value.is_empty() {
        true => "a cookie needs a name".to_owned(),
        false => format!("the cookie name `{}` holds `{fault}`", name.value),
    };
    Diagnostic::new(Rule::MalformedHeader, name.span, said).help("letters, digits, `-` and `_` are safe: `session_id`")
}

/// `malformed-header`: a value that would end the cookie.
fn malformed_cookie_value(span: Span, fault: char) -> Diagnostic {
    Diagnostic::new(Rule::MalformedHeader, span, format!("a cookie's value cannot hold `{}`", fault.escape_default()))
        .help("encode it: `url_encode(…)` or `base64url(…)`")
}

/// `not-a-count`: more redirects than anybody follows.
fn too_many_redirects(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NotACount, span, format!("at most {REDIRECTS_MAX} redirects are followed"))
        .help("whoever needs more is sent in a circle")
}

/// `auth-for-two-targets`: credentials of a whole user that go to several servers.
fn auth_for_two_targets(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::AuthForTwoTargets, span, "these credentials go to more than one target")
        .help("say them in the target that they are for, or take them away where they are not: `auth none`")
}
