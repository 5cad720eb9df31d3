//! What looks into text and JSON: paths and regular expressions that must be sound before the run.

use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};

/// What a JSONPath is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Path {
    /// At most one place: names and indices only.
    Singular,
    /// Any number of places; the nearest path to one place, if there is one.
    Plural(Option<String>),
    /// Not a path: the byte from which it cannot be read.
    Malformed(usize),
}

/// Reads a JSONPath.
pub(super) fn path(text: &str) -> Path {
    if let Err(error) = serde_json_path::JsonPath::parse(text) {
        return Path::Malformed(error.position().min(text.len()));
    }
    if is_singular(text) {
        return Path::Singular;
    }
    let nearest = text.replace("[*]", "[0]").replace(".*", "[0]");
    Path::Plural(is_singular(&nearest).then_some(nearest))
}

/// Whether a sound path holds names and indices only (RFC 9535, "singular query").
fn is_singular(path: &str) -> bool {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return true };
        rest = &rest[first.len_utf8()..];
        match first {
            '.' => {
                let length = rest.find(['.', '[', ' ']).unwrap_or(rest.len());
                if length == 0 || rest.starts_with('*') {
                    return false;
                }
                rest = &rest[length..];
            }
            '[' => {
                rest = rest.trim_start();
                let selector = match rest.chars().next() {
                    Some(quote @ ('"' | '\'')) => quoted(rest, quote),
                    _ => rest.find(|c: char| !c.is_ascii_digit() && c != '-').filter(|length| *length > 0),
                };
                let Some(length) = selector else { return false };
                rest = rest[length..].trim_start();
                let Some(behind) = rest.strip_prefix(']') else { return false };
                rest = behind;
            }
            _ => return false,
        }
    }
}

/// How long the quoted text at the start of `text` is, quotes included.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Why a regular expression is none, in a few words; `None`: it is sound.
pub(super) fn regex_fault(pattern: &str) -> Option<String> {
    let error = regex::Regex::new(pattern).err()?;
    Some(match error {
        regex::Error::CompiledTooBig(_) => "it is too large".into(),
        // The library draws the place over several lines; its last line says what is wrong.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

/// `malformed-jsonpath`: it does not follow RFC 9535. The library says well where it gave up, but not why.
pub(super) fn malformed_path(path: &Spanned<String>, at: usize) -> Diagnostic {
    let label = match path.value.get(at..) {
        None | Some("") => "more is due at its end".to_owned(),
        Some(rest) => format!("cannot be read from `{rest}` on"),
    };
    Diagnostic::new(Rule::MalformedJsonPath, path.span, "this is no JSONPath")
        .label(label)
        .help("a path is `$` and its segments: `$.items[0].id`, `$['any key']`, `$[?@.price < 10]`")
}

/// `malformed-regex`: it does not follow the `regex` syntax of Rust.
pub(super) fn malformed_regex(span: Span, why: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::MalformedRegex, span, "this is no regular expression").label(why.to_owned());
    if why.contains("look-around") || why.contains("backreferences") {
        return diagnostic.help("regular expressions here run in linear time, so they have neither of these");
    }
    diagnostic
}

/// `query-needs-all`: a path to any number of places stands where one value is wanted. `whole` is the extractor with it.
pub(super) fn query_needs_all(path: &Spanned<String>, whole: Span, nearest: Option<&str>) -> Diagnostic {
    let said = format!("`{}` can find any number of values, and one is wanted here", path.value);
    let diagnostic = Diagnostic::new(Rule::QueryNeedsAll, path.span, said);
    let first = nearest.map(|one| format!(", or the first alone, `{one}`")).unwrap_or_default();
    diagnostic
        .help(format!("did you mean the list of all, `all json {}`{first}?", path.value))
        .fix(whole.at_start(), "all ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_are_singular() {
        for text in ["$", "$.a", "$.a.b[0]", "$['a b'].c", "$[\"x]\"][-1]", "$[0][ 1 ]", "$.ünder"] {
            assert_eq!(path(text), Path::Singular, "{text}");
        }
    }

    #[test]
    fn wildcards_slices_filters_and_descendants_are_plural() {
        for text in ["$..a", "$[?@.a > 1].id", "$[0,1]", "$[1:3]", "$['a','b']"] {
            assert_eq!(path(text), Path::Plural(None), "{text}");
        }
        assert_eq!(path("$.items[*].id"), Path::Plural(Some("$.items[0].id".into())));
    }

    #[test]
    fn faults_say_what_is_wrong() {
        assert!(matches!(path("$.a["), Path::Malformed(..)));
        assert!(matches!(path("$."), Path::Malformed(..)));
        assert_eq!(regex_fault("a(b"), Some("unclosed group".into()));
        assert_eq!(regex_fault("a(b)"), None);
    }
}
