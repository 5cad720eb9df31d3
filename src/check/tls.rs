//! How a target is spoken to over TLS: which authorities are trusted, what the user shows of itself.
//!
//! The files are read here, so that a run needs none, and looked at as far as text goes: what stands in them between
//! `BEGIN` and `END`. Whether that is a certificate, and a key that fits it, is known when the run starts.

use std::sync::Arc;

use super::checker::Checker;
use super::http::duplicate_setting;
use super::targets::unknown_choice;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};

/// Largest file of certificates.
const CERTIFICATE_BYTES_MAX: usize = 1 << 20;

/// How TLS is spoken with a target.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The authorities whose certificates are trusted, in place of those that the machine trusts.
    pub ca: Option<Pem>,
    /// What a user shows where it is asked who it is.
    pub identity: Option<Identity>,
    /// Whether the server's certificate is looked at.
    pub verify: bool,
    /// Where it was said that it is not.
    pub unverified: Option<Span>,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls { ca: None, identity: None, verify: true, unverified: None }
    }
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, and those that lead from it to an authority.
    pub certificate: Pem,
    /// Its private key, PKCS #8, PKCS #1 or SEC 1.
    pub key: Pem,
}

/// A file in the format of PEM that holds what it should, as far as its text tells.
#[derive(Clone, Debug)]
pub struct Pem {
    /// All that stands in it.
    pub text: Arc<Vec<u8>>,
    /// Where the file is named.
    pub span: Span,
}

/// What a file of a target's `tls` should hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Certificates,
    Key,
}

impl Checker<'_> {
    /// Understands `tls { … }`.
    pub(super) fn tls(&mut self, settings: &[(Spanned<String>, Spanned<String>)]) -> Tls {
        let mut tls = Tls::default();
        let (mut certificate, mut key) = (None, None);
        for (index, (name, value)) in settings.iter().enumerate() {
            if let Some((first, _)) = settings[..index].iter().find(|(known, _)| known.value == name.value) {
                self.report(duplicate_setting(&name.value, name.span, first.span));
                continue;
            }
            match (name.value.as_str(), value.value.as_str()) {
                ("verify", "on") => {}
                ("verify", "off") => {
                    let span = Span { end: value.span.end, ..name.span };
                    (tls.verify, tls.unverified) = (false, Some(span));
                }
                ("verify", _) => self.report(unknown_choice("verify", value, &["on", "off"])),
                ("ca", _) => tls.ca = self.pem(value, Holds::Certificates),
                ("cert", _) => certificate = self.pem(value, Holds::Certificates),
                _ => key = self.pem(value, Holds::Key),
            }
        }
        let said = |wanted: &str| settings.iter().find(|(name, _)| name.value == wanted).map(|(name, _)| name.span);
        match (said("cert"), said("key")) {
            (Some(span), None) => self.report(half_of_a_pair(span, "cert", "key")),
            (None, Some(span)) => self.report(half_of_a_pair(span, "key", "cert")),
            _ => {}
        }
        if let Some(span) = tls.unverified {
            self.report(unverified_certificate(span, said("ca")));
        }
        tls.identity = certificate.zip(key).map(|(certificate, key)| Identity { certificate, key });
        tls
    }

    fn pem(&mut self, name: &Spanned<String>, holds: Holds) -> Option<Pem> {
        let text = self.beside(&name.value, name.span, CERTIFICATE_BYTES_MAX)?;
        match fault(&text, holds) {
            None => Some(Pem { text, span: name.span }),
            Some(fault) => {
                self.report(malformed_certificate(name, holds, fault));
                None
            }
        }
    }
}

/// Why a file does not hold what it should.
enum Fault {
    /// It is no text, or none with `BEGIN` and `END`; perhaps the same in binary.
    NoPem { binary: bool },
    /// It holds other things: the first one's name.
    Other(String),
    /// The key is locked with a passphrase.
    Locked,
    /// A part of it is cut off, or is not base64.
    Broken(String),
}

fn fault(bytes: &[u8], holds: Holds) -> Option<Fault> {
    // A DER file begins with a SEQUENCE of more than 127 bytes.
    let binary = matches!(bytes, [0x30, 0x81..=0x84, ..]);
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(Fault::NoPem { binary }) };
    let mut other = None;
    let mut found = false;
    let mut rest = text;
    while let Some((_, from)) = rest.split_once("-----BEGIN ") {
        let Some((label, behind)) = from.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((inside, behind)) = behind.split_once(end.as_str()) else {
            return Some(Fault::Broken(label.to_owned()));
        };
        rest = behind;
        let wanted = match holds {
            Holds::Certificates => label == "CERTIFICATE",
            Holds::Key => label.ends_with("PRIVATE KEY"),
        };
        if !wanted {
            other.get_or_insert_with(|| label.to_owned());
            continue;
        }
        // As old tools lock one: with headers in front of the key.
        if label == "ENCRYPTED PRIVATE KEY" || inside.contains("ENCRYPTED") {
            return Some(Fault::Locked);
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        let mut body = inside.bytes().filter(|byte| !byte.is_ascii_whitespace()).peekable();
        if body.peek().is_none() || !body.all(|byte| is_base64(&byte)) {
            return Some(Fault::Broken(label.to_owned()));
        }
        found = true;
    }
    match (found, other) {
        (true, _) => None,
        (false, Some(other)) => Some(Fault::Other(other)),
        (false, None) => Some(Fault::NoPem { binary }),
    }
}

/// `unknown-option`: a certificate without its key, or the other way round.
fn half_of_a_pair(span: Span, have: &str, lack: &str) -> Diagnostic {
    Diagnostic::new(Rule::UnknownOption, span, format!("`{have}` says nothing without `{lack}`"))
        .help(format!("add the other half: `{lack} \"client.pem\"`"))
}

/// `malformed-certificate`: a file that should hold certificates or a key does not.
fn malformed_certificate(name: &Spanned<String>, holds: Holds, fault: Fault) -> Diagnostic {
    let (what, format) = match holds {
        Holds::Certificates => ("certificate", "-----BEGIN CERTIFICATE-----"),
        Holds::Key => ("private key", "-----BEGIN PRIVATE KEY-----"),
    };
    let new = |message: String| Diagnostic::new(Rule::MalformedCertificate, name.span, message);
    let file = &name.value;
    match fault {
        Fault::NoPem { binary: true } => {
            let tool = if holds == Holds::Key { "pkey" } else { "x509" };
            new(format!("`{file}` is not in the format PEM, but in the binary one, DER")).help(
                format!("turn it into text: `openssl {tool} -inform der -in {file} -out {what}.pem`")
                    .replace("private key.pem", "key.pem"),
            )
        }
        Fault::NoPem { binary: false } => {
            new(format!("`{file}` holds no {what}")).help(format!("a file in the format PEM has a line `{format}`"))
        }
        Fault::Other(label) => new(format!("`{file}` holds no {what}, but `{label}`"))
            .help(format!("name the file that has a line `{format}`")),
        Fault::Locked => new(format!("the key in `{file}` is locked with a passphrase"))
            .help(format!("a run asks nobody: write an unlocked copy with `openssl pkey -in {file} -out key.pem`")),
        Fault::Broken(label) => new(format!("`{label}` in `{file}` is cut off or not base64")).help(format!(
            "it goes from `-----BEGIN {label}-----` to `-----END {label}-----`, with only base64 between"
        )),
    }
}

/// `unverified-certificate`: nobody looks who answers.
fn unverified_certificate(span: Span, ca: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Rule::UnverifiedCertificate,
        span,
        "the server's certificate is not looked at: anyone may answer",
    );
    match ca {
        Some(ca) => diagnostic.also(ca, "so this says nothing").help("take one of the two away"),
        None => diagnostic
            .help("where the certificate is your own, name who signed it: `ca \"ca.pem\"`; every report of a run says that nobody looked"),
    }
}
