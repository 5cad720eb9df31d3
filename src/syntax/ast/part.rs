//! What stands in the block of a step: what is sent, what is wanted of the answer.

use super::{Bad, Expr, Name};
use crate::base::{Span, Spanned};

/// What stands inside the block of a step, or as a setting of a target or socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// `header Name value`
    Header {
        /// The whole part.
        span: Span,
        /// The header's name, as written.
        name: Spanned<String>,
        /// Its value.
        value: Expr,
    },
    /// `query { q: term }`
    Query {
        /// The whole part.
        span: Span,
        /// Keys and values, in order.
        fields: Vec<Field>,
    },
    /// `cookie name value`
    Cookie {
        /// The whole part.
        span: Span,
        /// The cookie's name, as written.
        name: Spanned<String>,
        /// Its value.
        value: Expr,
    },
    /// `auth basic u, p`, `auth bearer t`, `auth none`
    Auth {
        /// The whole part.
        span: Span,
        /// Which, and with what.
        auth: Auth,
    },
    /// `json VALUE`
    Json {
        /// The whole part.
        span: Span,
        /// The body.
        value: Expr,
    },
    /// `form { … }`
    Form {
        /// The whole part.
        span: Span,
        /// Keys and values, in order.
        fields: Vec<Field>,
    },
    /// `multipart { photo: file("cat.png", "image/png") }`
    Multipart {
        /// The whole part.
        span: Span,
        /// Names and values, in order.
        fields: Vec<Field>,
    },
    /// `body VALUE`
    Body {
        /// The whole part.
        span: Span,
        /// The body.
        value: Expr,
    },
    /// `timeout 2s`
    Timeout {
        /// The whole part.
        span: Span,
        /// How long.
        value: Expr,
    },
    /// `redirects 5`, `redirects none`
    Redirects {
        /// The whole part.
        span: Span,
        /// How many at most; `None`: the word `none`.
        most: Option<Expr>,
    },
    /// `subprotocol "v1"`, of a socket.
    Subprotocol {
        /// The whole part.
        span: Span,
        /// Its name.
        value: Expr,
    },
    /// `http 1.1`, `cookies off`, `compression on`, of a target: the setting's name and what stands behind it, as
    /// written.
    Switch {
        /// The whole part.
        span: Span,
        /// `http`, `cookies` or `compression`.
        name: Spanned<String>,
        /// `1.1`, `2`, `auto`, `on`, `off`.
        value: Spanned<String>,
    },
    /// `tls { ca "f"; cert "f"; key "f"; verify off }`, of a target.
    Tls {
        /// The whole part.
        span: Span,
        /// `ca`, `cert`, `key` with a file, `verify` with `on` or `off`; in order.
        settings: Vec<(Spanned<String>, Spanned<String>)>,
    },
    /// `proxy "…"`, of a target.
    Proxy {
        /// The whole part.
        span: Span,
        /// Its URL.
        value: Expr,
    },
    /// `expect C else "why"`
    Expect {
        /// The whole part.
        span: Span,
        /// What must hold.
        condition: Expr,
        /// The message when it does not.
        otherwise: Option<Expr>,
    },
    /// `check C`
    Check {
        /// The whole part.
        span: Span,
        /// What is counted.
        condition: Expr,
    },
    /// `capture name = extractor default value`
    Capture {
        /// The whole part.
        span: Span,
        /// `secret`, where written.
        secret: Option<Span>,
        /// What is named.
        name: Name,
        /// What is looked for.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
    },
    /// `set name = extractor default value`
    Set {
        /// The whole part.
        span: Span,
        /// What is changed.
        name: Name,
        /// Its new value.
        value: Expr,
        /// What stands in when nothing is found.
        default: Option<Expr>,
    },
    /// `measure name = expression`
    Measure {
        /// The whole part.
        span: Span,
        /// What the number is called in the report.
        name: Name,
        /// A duration or a number.
        value: Expr,
    },
    /// Something that could not be read.
    Bad(Bad),
}

impl Part {
    /// The whole part.
    pub fn span(&self) -> Span {
        match self {
            Part::Header { span, .. }
            | Part::Query { span, .. }
            | Part::Json { span, .. }
            | Part::Form { span, .. }
            | Part::Body { span, .. }
            | Part::Timeout { span, .. }
            | Part::Expect { span, .. }
            | Part::Check { span, .. }
            | Part::Capture { span, .. }
            | Part::Cookie { span, .. }
            | Part::Auth { span, .. }
            | Part::Multipart { span, .. }
            | Part::Redirects { span, .. }
            | Part::Subprotocol { span, .. }
            | Part::Switch { span, .. }
            | Part::Tls { span, .. }
            | Part::Proxy { span, .. }
            | Part::Set { span, .. }
            | Part::Measure { span, .. } => *span,
            Part::Bad(bad) => bad.span,
        }
    }
}

/// How a request says who sends it.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// `basic user, password`
    Basic(Expr, Expr),
    /// `bearer token`
    Bearer(Expr),
    /// `none`: not at all, whatever the levels above say.
    None,
}

/// `key: value` in JSON braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key, unquoted.
    pub key: Spanned<String>,
    /// The value.
    pub value: Expr,
}

/// Text with `${…}` in it: a string or a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// As written, quotes included.
    pub span: Span,
    /// Its pieces, in order; neighbouring literals are joined, empty ones left out.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Characters as meant: escapes resolved.
    Literal(String),
    /// `${expression}`
    Hole(Expr),
}
