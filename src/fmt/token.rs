//! The words of a text, and how many line ends stand before each.

use std::ops::Range;

use super::marks::Marks;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name, a keyword, a number, or something that is copied as it is.
    Word,
    /// An operator or a separator.
    Symbol,
    /// `(`, `[`, `{`
    Open,
    /// `)`, `]`, `}`
    Close,
    /// From `#` to before the line end.
    Comment,
}

/// One word.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// How it should be written.
    pub text: String,
    /// Its first byte.
    pub start: usize,
    /// Line ends between the word before and this one.
    pub newlines: usize,
}

impl Token {
    /// Whether it is this sign or word.
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Comment && self.text == text
    }
}

/// The words of a piece of a text that holds no mistake.
pub fn tokens(text: &str, range: Range<usize>, marks: &Marks) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut at, mut newlines) = (range.start, 0);
    while let Some(first) = text[at..range.end].chars().next() {
        if first.is_whitespace() {
            newlines += usize::from(first == '\n');
            at += first.len_utf8();
            continue;
        }
        let rest = &text[at..range.end];
        let (kind, length, written) = match marks.atoms.get(&at) {
            Some((end, written)) => (Kind::Word, end - at, written.clone()),
            None => {
                let (kind, length) = word(rest, first);
                (kind, length, rest[..length].trim_end().to_owned())
            }
        };
        tokens.push(Token { kind, text: written, start: at, newlines });
        at += length;
        newlines = 0;
    }
    tokens
}

/// What the word at the beginning of `rest` is, and how many bytes it has.
fn word(rest: &str, first: char) -> (Kind, usize) {
    let second = rest[first.len_utf8()..].chars().next();
    match first {
        '#' => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        '0'..='9' => (Kind::Word, number(rest)),
        '.' if second.is_some_and(|c| c.is_ascii_digit()) => (Kind::Word, number(rest)),
        _ if continues(first) => (Kind::Word, rest.find(|c| !continues(c)).unwrap_or(rest.len())),
        '.' if second == Some('.') => (Kind::Symbol, 2),
        '=' | '!' | '<' | '>' if second == Some('=') => (Kind::Symbol, 2),
        _ => (Kind::Symbol, first.len_utf8()),
    }
}

fn continues(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

/// The length of a number with its unit: `1m30s`, `1.5e-3`, `1%`, `20/s`.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'.' if digit(at + 1) && bytes.get(at.wrapping_sub(1)) != Some(&b'.') => at += 1,
            b'+' | b'-' if digit(at + 1) && is_exponent(&bytes[..at]) => at += 1,
            b'_' | 0x80.. => at += 1,
            byte if byte.is_ascii_alphanumeric() => at += 1,
            _ => break,
        }
    }
    let unit: &str = rest[at..].strip_prefix('/').unwrap_or("");
    let unit = &unit[..unit.find(|c: char| !continues(c)).unwrap_or(unit.len())];
    match bytes.get(at) {
        Some(b'%') => at + 1,
        Some(b'/') if RATE_UNITS.contains(&unit) => at + 1 + unit.len(),
        _ => at,
    }
}

/// Whether a sign behind this belongs to a power of ten.
fn is_exponent(before: &[u8]) -> bool {
    match before {
        [digits @ .., b'e' | b'E'] => {
            !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        }
        _ => false,
    }
}

/// What may stand behind the `/` of a rate.
const RATE_UNITS: [&str; 15] = [
    "seconds", "second", "secs", "sec", "minutes", "minute", "mins", "min", "hours", "hour", "hr", "ms", "s", "m", "h",
];
