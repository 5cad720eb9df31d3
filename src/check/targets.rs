//! Where the load goes: the default target and those with a name, their settings, and which step goes to which.

use super::checker::Checker;
use super::constants::Constant;
use super::http::{PartsOf, duplicate_setting};
use super::levels::Level;
use super::meaning::{Expr, ExprKind, Function, Piece, Target, Template, Type, Version};
use super::names;
use super::scenario::is_library;
use super::tls::Tls;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

/// What the settings of a target that are one word can say.
const SWITCHES: &[(&str, &[&str])] =
    &[("http", &["1.1", "2", "auto"]), ("cookies", &["on", "off"]), ("compression", &["on", "off"])];

impl Checker<'_> {
    /// Understands the targets of a file. `start` is where it is said that there is none.
    pub fn targets(&mut self, file: &ast::File, start: Span) {
        let mut spans: Vec<Span> = Vec::new();
        for item in &file.items {
            let ast::Item::Target(written) = item else { continue };
            // Without the colon, which has been missed already, it is not known whether the name was meant as one.
            let has_colon = |name: &&ast::Name| {
                let behind = Span { start: name.span.end, end: written.url.span.start, ..name.span };
                self.sources.text(behind).trim_start().starts_with(':')
            };
            let name = written.name.as_ref();
            let unclear = name.as_ref().is_some_and(|name| !has_colon(name));
            self.unclear_target |= unclear;
            let same = |known: &Target| known.name.as_ref().map(|name| &name.value) == name.map(|name| &name.value);
            let first = self.scenario.targets.iter().position(same);
            match (first, name) {
                (Some(first), None) => self.report(duplicate_setting("target", written.span, spans[first])),
                (Some(first), Some(name)) => {
                    let first = self.scenario.targets[first].name.as_ref().map_or(spans[first], |name| name.span);
                    self.report(names::duplicate_item("targets", name, first));
                }
                (None, _) => {}
            }
            let target = self.target(written, name);
            if first.is_none() {
                self.scenario.targets.push(target.0);
                self.target_levels.push(target.1);
                self.targets_used.push(unclear);
                spans.push(written.span);
            }
        }
        // Something that could not be read may have been meant as one.
        let unread = file.items.iter().any(|item| matches!(item, ast::Item::Bad(_)));
        if spans.is_empty() && !unread && !self.holes.mention("target") && !is_library(file) {
            self.report(missing_target(start));
        }
    }

    fn target(&mut self, written: &ast::Target, name: Option<&ast::Name>) -> (Target, Level) {
        self.may_lack_environment = name.is_none();
        let url = self.typed(&written.url, &[Type::String], "a target");
        self.may_lack_environment = false;
        self.url_is_sound(&url);
        let level = Level::of(self.parts(&written.settings, PartsOf::Level));
        let mut target = Target {
            name: name.cloned(),
            url,
            cookies: true,
            compression: true,
            proxy: None,
            http: Version::default(),
            tls: Tls::default(),
            settings: written.settings.iter().map(ast::Part::span).collect(),
        };
        let mut switches: Vec<(&str, Span)> = Vec::new();
        for part in &written.settings {
            let (name, span) = match part {
                ast::Part::Switch { span, name, .. } => (name.value.as_str(), *span),
                ast::Part::Tls { span, .. } => ("tls", *span),
                ast::Part::Proxy { span, .. } => ("proxy", *span),
                _ => continue,
            };
            if let Some((_, first)) = switches.iter().find(|(known, _)| *known == name) {
                self.report(duplicate_setting(name, span, *first));
            }
            switches.push((name, span));
            match part {
                ast::Part::Switch { name, value, .. } => self.switch(name, value, &mut target),
                ast::Part::Tls { settings, .. } => target.tls = self.tls(settings),
                ast::Part::Proxy { value, .. } => {
                    let url = self.typed(value, &[Type::String], "a proxy");
                    self.proxy_is_sound(&url);
                    target.proxy = Some(url);
                }
                _ => {}
            }
        }
        (target, level)
    }

    fn switch(&mut self, name: &Spanned<String>, value: &Spanned<String>, target: &mut Target) {
        let Some((_, words)) = SWITCHES.iter().find(|(known, _)| *known == name.value) else { return };
        if !words.contains(&value.value.as_str()) {
            self.report(unknown_choice(&name.value, value, words));
            return;
        }
        match (name.value.as_str(), value.value.as_str()) {
            ("cookies", word) => target.cookies = word == "on",
            ("http", "1.1") => target.http = Version::One,
            ("http", "2") => target.http = Version::Two,
            ("compression", word) => target.compression = word == "on",
            _ => {}
        }
    }

    /// The target that a path goes to, by index; its name is taken off the path.
    pub fn target_of(&mut self, path: &mut Template) -> usize {
        let found = match named(path) {
            Some((name, length)) => {
                let name = name.to_owned();
                if let Some(Piece::Literal(text)) = path.pieces.first_mut() {
                    text.drain(..length);
                    if text.is_empty() {
                        path.pieces.remove(0);
                    }
                }
                let known = || self.scenario.targets.iter().filter_map(|target| target.name.as_ref());
                let position = self
                    .scenario
                    .targets
                    .iter()
                    .position(|target| target.name.as_ref().is_some_and(|known| known.value == name));
                if position.is_none() && !self.holes.mention(&name) {
                    let near = nearest(&name, known().map(|name| name.value.as_str())).map(str::to_owned);
                    let span = Span { end: path.span.start + name.len() as u32, ..path.span };
                    self.report(undefined_target(span, &name, near.as_deref()));
                }
                position
            }
            None => {
                let position = self.scenario.targets.iter().position(|target| match &target.name {
                    None => true,
                    // Its colon is missing, which has been said.
                    Some(name) => matches!(path.pieces.first(), Some(Piece::Literal(text))
                        if text.strip_prefix(name.value.as_str()).is_some_and(|rest| rest.starts_with('/'))),
                });
                if position.is_none()
                    && !self.unclear_target
                    && !self.scenario.targets.is_empty()
                    && !self.holes.mention("target")
                {
                    let names = self.scenario.targets.iter().filter_map(|target| target.name.as_ref());
                    let first = names.map(|name| name.value.clone()).next().unwrap_or_default();
                    self.report(no_default_target(path.span, &first));
                }
                position
            }
        };
        if let Some(used) = found.and_then(|index| self.targets_used.get_mut(index)) {
            *used = true;
        }
        found.unwrap_or(0)
    }

    /// Complains about targets that no step goes to. Call it when the whole file is understood.
    pub fn unused_targets(&mut self) {
        let unused = self.scenario.targets.iter().zip(&self.targets_used).filter(|(_, used)| !**used);
        let said: Vec<Diagnostic> = unused
            .filter(|(target, _)| match &target.name {
                Some(name) => !self.holes.mention(&name.value),
                // Somebody who has no step at all is told so already.
                None => self.targets_used.contains(&true),
            })
            .map(|(target, _)| unused_target(target))
            .collect();
        said.into_iter().for_each(|diagnostic| self.report(diagnostic));
    }

    /// Complains about a literal URL, or the literal default of `env`, that load cannot be sent to.
    pub fn url_is_sound(&mut self, url: &Expr) {
        let literal = match &url.kind {
            ExprKind::Call(Function::Env, arguments) => match arguments.get(1) {
                Some(default) => default,
                None => return,
            },
            _ => url,
        };
        let Some(Constant::Text(text)) = self.constant(literal) else { return };
        match url::Url::parse(&text) {
            Err(error) => self.report(malformed_url(literal.span, &text, &error.to_string())),
            Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() => {
                self.report(malformed_url(literal.span, &text, "its scheme is neither http nor https"));
            }
            Ok(parsed) if parsed.password().is_some() => self.report(credential_in_url(literal.span)),
            Ok(_) => {}
        }
    }

    /// Complains about a literal that is no proxy, or tells everyone its password.
    fn proxy_is_sound(&mut self, url: &Expr) {
        let Some(Constant::Text(text)) = self.constant(url) else { return };
        let why = match url::Url::parse(&text) {
            Err(error) => error.to_string(),
            Ok(parsed) if !matches!(parsed.scheme(), "http" | "socks5" | "socks5h") || parsed.host_str().is_none() => {
                "proxies are spoken to over `http`, `socks5` or `socks5h`".into()
            }
            Ok(parsed) if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() => {
                "a proxy has no path and no query".into()
            }
            Ok(parsed) if parsed.password().is_some() => return self.report(credential_in_proxy(url.span)),
            Ok(_) => return,
        };
        self.report(malformed_proxy(url.span, &text, &why));
    }
}

/// The name of the target that a path begins with, and how much of the path's first piece it takes: `auth:/token`,
/// `auth:${location}`.
fn named(path: &Template) -> Option<(&str, usize)> {
    let Some(Piece::Literal(text)) = path.pieces.first() else { return None };
    let (name, rest) = text.split_once(':')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let is_path = (rest.starts_with('/') && !rest.starts_with("//")) || (rest.is_empty() && path.pieces.len() > 1);
    (is_name && is_path).then_some((name, name.len() + 1))
}

/// `missing-target`: nothing says where the load goes.
fn missing_target(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::MissingTarget, span, "nothing says where the load goes")
        .help("add a target: `target env(\"SCN_TARGET\", \"http://127.0.0.1:8000\")`")
}

/// `missing-target`: all targets have names, and this path says none.
fn no_default_target(span: Span, first: &str) -> Diagnostic {
    Diagnostic::new(Rule::MissingTarget, span, "every target has a name, and this path names none")
        .help(format!("write where it goes, `{first}:/…`, or take the name off one target"))
}

/// `undefined-name`: a path on a target that there is not.
fn undefined_target(span: Span, name: &str, near: Option<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UndefinedName, span, format!("no target is named `{name}`"));
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(span, near),
        None => diagnostic.help(format!("add it: `target {name}: \"http://127.0.0.1:8001\"`")),
    }
}

/// `unused-target`: no step goes there.
fn unused_target(target: &Target) -> Diagnostic {
    let (span, said) = match &target.name {
        Some(name) => (name.span, format!("no step goes to the target `{}`", name.value)),
        None => (target.url.span, "no step goes to the target without a name".to_owned()),
    };
    Diagnostic::new(Rule::UnusedTarget, span, said).help("take it away, or send a step there")
}

/// `unknown-option`: a setting of a target that says what it cannot.
pub(super) fn unknown_choice(setting: &str, value: &Spanned<String>, words: &[&str]) -> Diagnostic {
    let choices = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let said = format!("`{setting}` cannot be `{}`", value.value);
    let diagnostic = Diagnostic::new(Rule::UnknownOption, value.span, said).help(format!("it is one of {choices}"));
    match nearest(&value.value, words.iter().copied()) {
        Some(near) => diagnostic.fix(value.span, near),
        None => diagnostic,
    }
}

/// `malformed-url`
fn malformed_url(span: Span, text: &str, why: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::MalformedUrl, span, format!("`{text}` is no URL that load can be sent to"))
        .label(why.to_owned());
    if let Some((scheme, rest)) = text.split_once("://")
        && matches!(scheme, "ws" | "wss")
    {
        let whole = format!("\"{}://{rest}\"", if scheme == "ws" { "http" } else { "https" });
        return diagnostic
            .label("a `websocket` step upgrades a connection of HTTP")
            .help(format!("did you mean `{whole}`?"))
            .fix(span, whole);
    }
    if !text.contains("://") && !text.is_empty() {
        let whole = format!("\"http://{text}\"");
        return diagnostic.label("it has no scheme").help(format!("did you mean `{whole}`?")).fix(span, whole);
    }
    diagnostic.help("write it in full: `http://127.0.0.1:8000`")
}

/// `malformed-url`: a proxy that is none.
fn malformed_proxy(span: Span, text: &str, why: &str) -> Diagnostic {
    Diagnostic::new(Rule::MalformedUrl, span, format!("`{text}` is no proxy"))
        .label(why.to_owned())
        .help("write it in full: `http://127.0.0.1:3128` or `socks5://127.0.0.1:1080`")
}

/// `literal-credential`: a password in the proxy's URL.
fn credential_in_proxy(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::LiteralCredential, span, "this URL holds a password that everyone can read here")
        .help("take it from where nobody sees it: `proxy \"http://user:${secret(\"PROXY_PASSWORD\")}@proxy:3128\"`")
}

/// `literal-credential`: a password in the target's URL.
fn credential_in_url(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::LiteralCredential, span, "this URL holds a password that everyone can read here")
        .help("send it as a setting, with a value that nobody sees: `auth basic \"user\", secret(\"PASSWORD\")`")
}
