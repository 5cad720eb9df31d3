//! HTTP steps: the parts of a request, and what is asked of its answer.

use std::time::Duration;

use super::checker::{Answer, Checker};
use super::conditions::each;
use super::constants::Constant;
use super::meaning::{Body, Expr, ExprKind, Part, SeriesKind, Statement, Type};
use super::series::Wanted;
use super::types;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::{ast, keyword};

/// Methods that servers know beside those of [`keyword::METHODS`]: registered with IANA, or in wide use.
const RARE_METHODS: &[&str] = &[
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "BIND",
    "MERGE",
    "LINK",
    "UNLINK",
    "PURGE",
    "ACL",
];

/// Headers whose literal value is somebody's secret.
const CREDENTIALS: &[&str] =
    &["authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "x-access-token", "x-csrf-token"];

/// What stands in the block of a step, sorted.
#[derive(Default)]
pub(super) struct Parts {
    /// `header`
    pub headers: Vec<(Spanned<String>, Expr)>,
    /// `query`
    pub query: Vec<(String, Expr)>,
    /// `cookie`
    pub cookies: Vec<(Spanned<String>, Expr)>,
    /// `json`, `form`, `multipart`, `body`
    pub body: Option<(Body, Span)>,
    /// `timeout`
    pub timeout: Option<Duration>,
    /// `redirects`
    pub redirects: Option<u32>,
    /// `subprotocol`, of a socket.
    pub subprotocol: Option<(Expr, Span)>,
    /// `expect`, `check`, `capture`
    pub asks: Vec<Part>,
}

/// Whose parts they are; which parts may stand where, the parser has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartsOf {
    /// Defaults: of a target, a user, a block.
    Level,
    /// A request.
    Request,
    /// The upgrade of a socket.
    Upgrade,
    /// A message.
    Message,
}

impl Checker<'_> {
    /// An HTTP step.
    pub fn http(
        &mut self,
        statement: &ast::Statement,
        method: &Spanned<String>,
        path: &ast::Text,
        parts: &[ast::Part],
    ) -> Statement {
        self.method_is_known(method);
        let path = self.looking_into(Answer::NotYet, |checker| checker.template(path));
        let template = format!("{} {}", method.value, self.path_name(&path));
        let step = self.step(Wanted {
            label: statement.label.as_ref(),
            name: template.clone(),
            template,
            method: &method.value,
            kind: SeriesKind::Http,
            gaps: false,
            head: self.head(statement, Some(path.span)),
        });
        let holes = parts.iter().any(|part| matches!(part, ast::Part::Bad(_)));
        let parts = self.parts(parts, PartsOf::Request);
        self.count_checks(step.series.0, &parts.asks);
        let in_task = !matches!(self.place.task.as_str(), "on_start" | "on_stop" | "setup" | "teardown");
        if in_task && !holes && !parts.asks.iter().any(expects) {
            self.report(no_expectation(step.span));
        }
        self.expectations_agree(&parts.asks);
        Statement::Http(self.request(step, &method.value, path, parts))
    }

    /// Sorts and understands what stands in a block. What makes the request is understood before what is asked of
    /// the answer, whatever the order in the file: that is the order in which it happens.
    pub fn parts(&mut self, written: &[ast::Part], of: PartsOf) -> Parts {
        let mut parts = Parts::default();
        let (mut timeout_span, mut redirects_span): (Option<Span>, Option<Span>) = (None, None);
        for part in written {
            self.looking_into(Answer::NotYet, |checker| match part {
                ast::Part::Header { name, value, .. } => checker.header(name, value, &mut parts.headers),
                ast::Part::Query { fields, .. } => {
                    let fields = checker.fields(fields);
                    checker.no_credentials(&fields);
                    parts.query.extend(fields);
                }
                ast::Part::Timeout { span, value } => {
                    let timeout = checker.known_duration(value, "a timeout");
                    if let Some(first) = timeout_span {
                        checker.report(duplicate_setting("timeout", *span, first));
                    }
                    (parts.timeout, timeout_span) = (timeout, Some(*span));
                }
                ast::Part::Redirects { span, most } => {
                    let most = checker.redirects(most.as_ref());
                    if let Some(first) = redirects_span {
                        checker.report(duplicate_setting("redirects", *span, first));
                    }
                    (parts.redirects, redirects_span) = (most, Some(*span));
                }
                ast::Part::Cookie { name, value, .. } => checker.cookie(name, value, &mut parts.cookies),
                ast::Part::Auth { span, auth } => checker.auth(auth, *span, &mut parts.headers),
                ast::Part::Json { span, value } => {
                    let value = checker.expr(value);
                    checker.no_credentials_in(&value);
                    checker.body(Body::Json(value), *span, &mut parts.body);
                }
                ast::Part::Form { span, fields } => {
                    let fields = checker.fields(fields);
                    checker.no_credentials(&fields);
                    checker.body(Body::Form(fields), *span, &mut parts.body);
                }
                ast::Part::Multipart { span, fields } => {
                    let fields = checker.sent_fields(fields);
                    checker.body(Body::Multipart(fields), *span, &mut parts.body);
                }
                ast::Part::Body { span, value } => {
                    let value = checker.sent(value);
                    checker.body(Body::Text(value), *span, &mut parts.body);
                }
                ast::Part::Subprotocol { span, value } => {
                    let value = checker.subprotocol(value);
                    if let Some((_, first)) = parts.subprotocol {
                        checker.report(duplicate_setting("subprotocol", *span, first));
                    }
                    parts.subprotocol = Some((value, *span));
                }
                ast::Part::Bad(bad) => checker.hole(bad),
                ast::Part::Expect { .. }
                | ast::Part::Check { .. }
                | ast::Part::Capture { .. }
                | ast::Part::Measure { .. }
                | ast::Part::Set { .. } => {}
                // A target's own, understood with it.
                ast::Part::Switch { .. } | ast::Part::Tls { .. } | ast::Part::Proxy { .. } => {}
            });
        }
        let answer = if of == PartsOf::Message { self.message_answer() } else { Answer::Http };
        self.looking_into(answer, |checker| {
            parts.asks = written.iter().filter_map(|part| checker.ask(part)).collect();
        });
        parts
    }

    /// Counts the `check`s of a row.
    pub fn count_checks(&mut self, series: u32, asks: &[Part]) {
        self.rows[series as usize].checks += asks.iter().filter(|part| matches!(part, Part::Check { .. })).count();
    }

    /// Complains about a method that is probably another one, misspelled.
    pub fn method_is_known(&mut self, method: &Spanned<String>) {
        let known = || keyword::METHODS.iter().chain(RARE_METHODS).copied();
        // In lower case it is the parser's to say.
        let as_written = self.sources.text(method.span) == method.value;
        if as_written
            && !known().any(|name| name == method.value)
            && let Some(near) = nearest(&method.value, known())
        {
            self.report(unknown_method(method, near));
        }
    }

    fn header(&mut self, name: &Spanned<String>, value: &ast::Expr, headers: &mut Vec<(Spanned<String>, Expr)>) {
        if let Some(fault) = token_fault(&name.value) {
            self.report(malformed_header_name(name, fault));
        }
        if let Some((first, _)) = headers.iter().find(|(known, _)| known.value.eq_ignore_ascii_case(&name.value)) {
            self.report(duplicate_setting(&format!("header {}", first.value), name.span, first.span));
        }
        let written = self.sources.text(value.span);
        if let ast::ExprKind::Binary(media, operator, _) = &value.kind
            && operator.value == ast::BinaryOperator::Divide
            && matches!(media.kind, ast::ExprKind::Name(_))
            && MEDIA.contains(&self.sources.text(media.span))
        {
            self.report(unquoted_header_value(value.span, written));
            return;
        }
        let value = self.expr(value);
        if value.ty == Type::List {
            self.report(list_in_header(&value));
        }
        if let Some(Constant::Text(text)) = self.constant(&value) {
            if CREDENTIALS.contains(&name.value.to_ascii_lowercase().as_str()) && !text.is_empty() {
                self.report(literal_credential(value.span, &name.value));
            }
            if text.chars().any(|c| c.is_control() && c != '\t') {
                self.report(malformed_header_value(value.span));
            }
        }
        headers.push((name.clone(), value));
    }

    fn body(&mut self, body: Body, span: Span, to: &mut Option<(Body, Span)>) {
        match to {
            Some((_, first)) => {
                let first = *first;
                self.report(two_bodies(span, first));
            }
            None => *to = Some((body, span)),
        }
    }

    /// What one part asks of the answer; `None` for parts of the request.
    fn ask(&mut self, part: &ast::Part) -> Option<Part> {
        match part {
            ast::Part::Expect { span, condition, otherwise } => {
                let condition = self.condition(condition, "what is expected");
                self.condition_says_something(&condition);
                let otherwise = otherwise.as_ref().map(|text| self.typed(text, &[Type::String], "the message"));
                Some(Part::Expect { condition, otherwise, span: *span })
            }
            ast::Part::Check { span, condition } => {
                let condition = self.condition(condition, "what is checked");
                self.condition_says_something(&condition);
                Some(Part::Check { condition, span: *span })
            }
            ast::Part::Capture { span, name, value, default, secret } => {
                let value = self.expr(value);
                let mut looks = false;
                each(&value, &mut |part| {
                    looks |= matches!(
                        part.kind,
                        ExprKind::Extract(_) | ExprKind::Find { .. } | ExprKind::Bad | ExprKind::StatusIs(_)
                    )
                });
                if !looks {
                    let written = self.sources.text(value.span).to_owned();
                    self.report(not_an_extractor(name, value.span, &written));
                }
                let default = default.as_ref().map(|value| self.expr(value));
                let ty = default.as_ref().map_or(value.ty, |default| types::join(value.ty, default.ty));
                let variable = self.declare(name, ty);
                self.scenario.variables[variable.0 as usize].secret |= secret.is_some();
                if let Some(landing) = &mut self.place.landing {
                    landing.push(variable);
                    self.flow.assigned.remove(&variable);
                }
                Some(Part::Capture { variable, value, default, span: *span })
            }
            ast::Part::Set { span, name, value, default } => {
                let value = self.expr(value);
                let default = default.as_ref().map(|value| self.expr(value));
                let ty = default.as_ref().map_or(value.ty, |default| types::join(value.ty, default.ty));
                let variable = self.change(name, ty)?;
                Some(Part::Capture { variable, value, default, span: *span })
            }
            ast::Part::Measure { span, name, value } => Some(Part::Measure(self.measure(name, value, *span))),
            _ => None,
        }
    }
}

/// Whether the step fails where this part is not met. A capture without `default` does.
fn expects(part: &Part) -> bool {
    match part {
        Part::Expect { .. } | Part::Check { .. } => true,
        Part::Capture { default, .. } => default.is_none(),
        Part::Measure(_) => false,
    }
}

/// The first character of `text` that a header's name cannot hold (RFC 9110, "token"); a blank where it is empty.
pub(super) fn token_fault(text: &str) -> Option<char> {
    if text.is_empty() {
        return Some(' ');
    }
    // A dot may stand in a name, but before one it is the member access of another language.
    let dot = text.starts_with('.').then_some('.');
    dot.or_else(|| text.chars().find(|c| !c.is_ascii_alphanumeric() && !"!#$%&'*+-.^_`|~".contains(*c)))
}

/// `unknown-method`: upper case, but probably another one was meant.
fn unknown_method(method: &Spanned<String>, near: &str) -> Diagnostic {
    Diagnostic::new(Rule::UnknownMethod, method.span, format!("`{}` is no method that servers know", method.value))
        .help(format!("did you mean `{near}`?"))
        .fix(method.span, near)
}

/// `no-expectation`: a step of a task that asks nothing of its answer.
fn no_expectation(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NoExpectation, span, "nothing is expected of this step")
        .help("any status below 400 passes, whatever the body: say what a good answer is, `{ expect status 200 }`")
}

/// `two-bodies`: a request has one body.
fn two_bodies(span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::TwoBodies, span, "a request has one body, and this is the second")
        .label("the second")
        .also(first, "the first")
        .help("keep one of `json`, `form`, `multipart` and `body`")
}

/// `duplicate-setting`: it is said twice.
pub(super) fn duplicate_setting(what: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateSetting, span, format!("`{what}` is said twice"))
        .label("the second")
        .also(first, "the first")
        .help("keep one of them")
}

/// `not-an-extractor`: a capture that looks into nothing.
fn not_an_extractor(name: &ast::Name, span: Span, written: &str) -> Diagnostic {
    let said = format!("`{}` captures nothing of the answer", name.value);
    let diagnostic = Diagnostic::new(Rule::NotAnExtractor, span, said);
    // A path in quotes, as other tools want it.
    match written.trim_matches('"') {
        path if path.len() + 2 == written.len() && (path.starts_with("$.") || path.starts_with("$[")) => {
            let better = format!("json {path}");
            diagnostic.label(format!("did you mean `{better}`?")).fix(span, better)
        }
        _ => diagnostic.help(format!(
            "capture `json $.…`, `header Name`, `body` …, or write `let {} = …` outside the block",
            name.value
        )),
    }
}

/// `literal-credential`: a secret in the file.
pub(super) fn literal_credential(span: Span, header: &str) -> Diagnostic {
    Diagnostic::new(Rule::LiteralCredential, span, format!("`{header}` holds a credential that everyone can read here"))
        .help("take it from where `scn run` is typed: `secret(\"TOKEN\")`")
}

/// `malformed-header`: a name that no header can have.
pub(super) fn malformed_header_name(name: &Spanned<String>, fault: char) -> Diagnostic {
    let said = match fault {
        ' ' if name.value.is_empty() => "a header needs a name".to_owned(),
        ' ' => format!("the header name `{}` holds a blank", name.value),
        _ => format!("the header name `{}` holds `{fault}`", name.value),
    };
    let diagnostic = Diagnostic::new(Rule::MalformedHeader, name.span, said);
    match name.value.strip_prefix('.') {
        Some(bare) => diagnostic.help(format!("a blank stands before it: `header {bare}`")),
        None => diagnostic.help("letters, digits and `-` are safe: `X-Request-Id`"),
    }
}

/// `malformed-header`: a value with a line end in it.
fn malformed_header_value(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::MalformedHeader, span, "a header's value cannot hold line ends or other control characters")
}

/// `type-mismatch`: a list as a header's value.
fn list_in_header(value: &Expr) -> Diagnostic {
    Diagnostic::new(Rule::TypeMismatch, value.span, "a header's value is text, and this is a list")
        .help("join the values in one string: `\"a, b\"`")
}

/// What media types begin with: nobody means a division by these.
const MEDIA: &[&str] = &["application", "text", "image", "audio", "video", "multipart", "font", "model"];

/// `syntax`: a header's value without its quotes.
fn unquoted_header_value(span: Span, written: &str) -> Diagnostic {
    Diagnostic::new(Rule::Syntax, span, "the value of a header stands in quotes")
        .label(format!("did you mean `\"{written}\"`?"))
        .fix(span, format!("\"{written}\""))
}
