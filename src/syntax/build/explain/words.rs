//! Words, brackets and quotes of a text that could not be read: where they are, and what they wait for.

use crate::syntax::keyword;

/// Whether what stands behind `capture` begins with what is looked for, not with a name.
pub(super) fn begins_with_extractor(text: &str) -> bool {
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len()));
    match word {
        "json" => rest.trim_start().starts_with('$'),
        "regex" => rest.trim_start().starts_with('/'),
        "header" | "cookie" => rest.starts_with(' ') && !rest.trim_start().starts_with('='),
        _ => false,
    }
}

/// Whether a value is a request: `r = GET /x`.
pub(super) fn names_request(text: &str) -> bool {
    let Some((_, value)) = text.split_once('=') else { return false };
    let word = value.trim_start();
    let (word, rest) = word.split_at(word.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(word.len()));
    keyword::METHODS.contains(&word) && rest.trim_start().starts_with(['/', '$', '"'])
}

/// The name that a value follows without `=`.
pub(super) fn lacks_equals(text: &str) -> Option<&str> {
    let text = text.strip_prefix("secret ").unwrap_or(text);
    let name = &text[..text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())];
    let rest = text[name.len()..].strip_prefix(' ')?.trim_start();
    let value = rest.starts_with(|c: char| c.is_alphanumeric() || "\"[{$".contains(c));
    (!name.is_empty() && value).then_some(name)
}

/// The first token of a text: a word, or one character.
pub(super) fn first_token(text: &str) -> &str {
    let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    match word {
        0 => {
            let operator = text.find(|c: char| !"=<>!&|".contains(c)).unwrap_or(text.len());
            &text[..operator.max(text.chars().next().map_or(0, char::len_utf8))]
        }
        word => &text[..word],
    }
}

/// Where the word begins that a text ends with.
pub(super) fn last_word(text: &str) -> usize {
    text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len()
}

/// Where the string begins that a line leaves open.
pub(super) fn open_quote(line: &str) -> Option<usize> {
    let (mut open, mut escaped) = (None, false);
    for (at, byte) in line.bytes().enumerate() {
        match (open, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(_), b'"') => open = None,
            (None, b'"') => open = Some(at),
            _ => {}
        }
    }
    open
}

/// The first few words of a line, to show in a proposal.
pub(super) fn first_words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(40) {
        None => line.to_owned(),
        Some((at, _)) => format!("{}…", &line[..at]),
    }
}

pub(super) fn closing(bracket: &str) -> &'static str {
    match bracket {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// The operator or word at the end of `text` that waits for something: from, to, itself, what for.
pub(super) fn waiting(text: &str) -> Option<(usize, usize, &str, &'static str)> {
    let text = text.trim_end();
    let last = text.chars().next_back()?;
    if last.is_ascii_alphanumeric() || last == '_' {
        let from = last_word(text);
        let word = &text[from..];
        if text[..from].trim().is_empty() && !matches!(word, "where" | "within" | "since" | "until" | "for") {
            return None;
        }
        let what = match word {
            "where" => "a condition",
            "within" => "a duration",
            "since" => "the label of an earlier step",
            "else" => "a message in quotes",
            "default" | "and" | "or" | "not" | "contains" | "starts_with" | "ends_with" | "in" => "a value behind it",
            "matches" => "a regular expression behind it",
            "weight" | "limit" | "least" => "a number",
            "while" | "until" => "a condition",
            "every" | "over" | "for" => "a duration",
            "as" | "of" => "a name",
            "from" => "the name of data",
            "text" | "json" | "binary" | "regex" | "header" | "cookie" => "a value behind it",
            _ => return None,
        };
        return Some((from, text.len(), word, what));
    }
    if "=<>!+-*/%&|,.".contains(last) {
        let from = text
            .rfind(|c: char| !"=<>!+-*/%&|,.".contains(c))
            .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
        return Some((from, text.len(), &text[from..], "a value behind it"));
    }
    None
}
