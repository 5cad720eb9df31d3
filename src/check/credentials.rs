//! Credentials that stand in the file, for everyone to read.

use super::checker::Checker;
use super::meaning::{Expr, ExprKind, Piece};
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};

/// What a field that holds a credential is called, without signs between its words.
const FIELDS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "clientsecret",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "privatekey",
];

impl Checker<'_> {
    /// Complains where a field of a form, query or JSON body holds a literal credential.
    pub fn no_credentials(&mut self, fields: &[(String, Expr)]) {
        for (name, value) in fields {
            match &value.kind {
                ExprKind::Object(members) => self.no_credentials(members),
                _ if is_literal(value) && is_credential(name) => {
                    self.report(literal_credential(value.span, name));
                }
                _ => {}
            }
        }
    }

    /// The same of a whole JSON value.
    pub fn no_credentials_in(&mut self, value: &Expr) {
        if let ExprKind::Object(members) = &value.kind {
            self.no_credentials(members);
        }
    }
}

/// Whether a value is some text that stands here as it is.
fn is_literal(value: &Expr) -> bool {
    let ExprKind::Text(template) = &value.kind else { return false };
    matches!(&template.pieces[..], [Piece::Literal(_)])
}

fn is_credential(name: &str) -> bool {
    let word: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    FIELDS.contains(&word.to_ascii_lowercase().as_str())
}

/// `literal-credential`: a secret in the file.
fn literal_credential(span: Span, field: &str) -> Diagnostic {
    Diagnostic::new(Rule::LiteralCredential, span, format!("`{field}` holds a credential that everyone can read here"))
        .help("take it from where `scn run` is typed: `secret(\"PASSWORD\")`")
}
