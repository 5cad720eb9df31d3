//! What single functions ask of their arguments, beyond count and type.

use std::sync::Arc;

use super::checker::Checker;
use super::constants::Constant;
use super::functions::Signature;
use super::meaning::{Expr, ExprKind, File, Function, Type};
use super::statements::not_a_count;
use crate::base::date::date_text;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};

/// How digests are written.
const ENCODINGS: &[&str] = &["hex", "base64", "base64url"];

impl Checker<'_> {
    /// Looks at what a function is given. Gives what stands for the call where that is no call: what a file holds.
    pub fn special(&mut self, signature: &Signature, values: &[Expr], span: Span) -> Option<(ExprKind, Type)> {
        match (signature.function, values) {
            (Function::File, [path, rest @ ..]) => return Some(self.read_file(path, rest.first())),
            (Function::Secret, [name]) => {
                let kind = match self.text_argument(name, "the name of a secret") {
                    Some(Constant::Text(text)) => {
                        ExprKind::Secret(listed(&mut self.scenario.secrets, Spanned::new(text, name.span)))
                    }
                    _ => ExprKind::Bad,
                };
                return Some((kind, Type::String));
            }
            (Function::Env, [name]) if !self.may_lack_environment => {
                if let Some(Constant::Text(text)) = self.constant(name) {
                    let index = listed(&mut self.scenario.environment, Spanned::new(text, name.span));
                    return Some((ExprKind::Env(index), Type::String));
                }
            }
            (Function::OneOf, [only]) => {
                self.report(single_choice(only, span, self.sources.text(only.span)));
            }
            (Function::RandomString, [length]) => {
                if let Some(Constant::Number(number)) = self.constant(length)
                    && (number < 0.0 || number.fract() != 0.0)
                {
                    self.report(not_a_count(length.span, "of characters", 0));
                }
            }
            (Function::Date, [format, ..]) => {
                if let Some(Constant::Text(text)) = self.constant(format)
                    && let Err(why) = date_text(&text, 0.0)
                {
                    self.report(malformed_date(format.span, &why));
                }
            }
            (Function::Sha256, [_, encoding]) | (Function::HmacSha256, [_, _, encoding]) => {
                if let Some(Constant::Text(text)) = self.constant(encoding)
                    && !ENCODINGS.contains(&text.as_str())
                {
                    self.report(unknown_encoding(encoding.span, &text));
                }
            }
            (Function::FromHex, [text]) => {
                if let Some(Constant::Text(written)) = self.constant(text)
                    && let Some(why) = hex_fault(&written)
                {
                    self.report(malformed(text.span, "`from_hex` reads two hexadecimal digits for each byte", why));
                }
            }
            (Function::Number, [text]) => {
                if let Some(Constant::Text(written)) = self.constant(text)
                    && !looks_like_a_number(&written)
                {
                    self.report(malformed(text.span, "`number` reads a number, and this text holds none", "no number"));
                }
            }
            (Function::Replace, [_, old, _]) => {
                if let Some(Constant::Text(written)) = self.constant(old)
                    && written.is_empty()
                {
                    self.report(malformed(old.span, "`replace` looks for a text, and this one is empty", "empty"));
                }
            }
            _ => {}
        }
        None
    }

    /// `file(path, type)`: what the file holds.
    fn read_file(&mut self, path: &Expr, media_type: Option<&Expr>) -> (ExprKind, Type) {
        let sent = std::mem::take(&mut self.sends_file);
        let bad = (ExprKind::Bad, Type::String);
        let media_type = match media_type {
            Some(written) => match self.text_argument(written, "the type of a file") {
                Some(Constant::Text(text)) => Some(text),
                _ => return bad,
            },
            None => None,
        };
        let Some(Constant::Text(path_text)) = self.text_argument(path, "the path of a file") else { return bad };
        let Some(content) = self.content_beside(&path_text, path.span, sent) else { return bad };
        let name = path_text.rsplit(['/', '\\']).next().unwrap_or(&path_text).to_owned();
        (ExprKind::File(Arc::new(File { name, media_type, content })), Type::String)
    }

    /// An argument that must be a text known before the run; complains where it is not.
    fn text_argument(&mut self, value: &Expr, what: &str) -> Option<Constant> {
        let constant = self.constant(value);
        // Another type, or a hole: told already.
        if constant.is_none() && matches!(value.ty, Type::String | Type::Json) {
            self.report(super::expressions::not_constant(value.span, what));
        }
        constant
    }
}

/// The place of a name in a list that holds each name once.
fn listed(names: &mut Vec<Spanned<String>>, name: Spanned<String>) -> u32 {
    let index = names.iter().position(|known| known.value == name.value).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    index as u32
}

/// `single-choice`: `oneof` with one argument.
fn single_choice(only: &Expr, call: Span, written: &str) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(Rule::SingleChoice, call, "`oneof` draws one of its arguments, and there is only this one")
            .also(only.span, "always drawn");
    match only.ty {
        Type::List | Type::Json => {
            let better = format!("pick({written})");
            diagnostic.help(format!("did you mean an item of the list, `{better}`?")).fix(call, better)
        }
        _ => diagnostic.help("give it several, or leave `oneof` out"),
    }
}

/// Why a text is no run of bytes in hexadecimal digits.
fn hex_fault(text: &str) -> Option<&'static str> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    match digits {
        _ if !digits.bytes().all(|c| c.is_ascii_hexdigit()) => Some("not all of this are digits from 0 to f"),
        _ if !digits.len().is_multiple_of(2) => Some("half a byte too many or too few"),
        _ => None,
    }
}

/// Whether `number(…)` makes anything of a text: what it makes is the run's to say.
fn looks_like_a_number(text: &str) -> bool {
    let digits = text.trim().trim_start_matches('-');
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => !hex.is_empty() && hex.bytes().all(|c| c.is_ascii_hexdigit()),
        None => digits.parse::<f64>().is_ok_and(f64::is_finite),
    }
}

/// `malformed-argument`: what the function can make nothing of.
fn malformed(span: Span, said: &str, why: &str) -> Diagnostic {
    Diagnostic::new(Rule::MalformedArgument, span, said).label(why.to_owned())
}

/// `malformed-argument`: `date` cannot read its format.
fn malformed_date(span: Span, why: &str) -> Diagnostic {
    Diagnostic::new(Rule::MalformedArgument, span, "`date` cannot write a moment so")
        .label(why.to_owned())
        .help("the signs are those of `strftime`: `%Y-%m-%d`, `%H:%M:%S`, `%s`, and `%%` for a percent sign")
}

/// `malformed-argument`: a digest is not written so.
fn unknown_encoding(span: Span, written: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::MalformedArgument, span, format!("no encoding is called `{written}`"))
        .help("`\"hex\"`, which is meant where nothing stands, `\"base64\"` or `\"base64url\"`");
    match crate::diagnostic::nearest(written, ENCODINGS.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `\"{near}\"`?")).fix(span, format!("\"{near}\"")),
        None => diagnostic,
    }
}
