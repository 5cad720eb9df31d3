//! The words of the language, each list once: suggestions are drawn from them, and a test compares them with the
//! grammar.

/// Words that begin an item of the file.
pub const ITEMS: &[&str] = &["scenario", "target", "let", "user", "thresholds"];

/// Words that begin something inside `user`.
pub const USER_ITEMS: &[&str] = &["think", "let", "on", "task"];

/// Words that begin a statement of a task.
pub const STATEMENTS: &[&str] =
    &["websocket", "send", "receive", "call", "close", "pause", "repeat", "if", "else", "let"];

/// Words that begin a part of a request.
pub const REQUEST_PARTS: &[&str] =
    &["header", "query", "json", "form", "body", "timeout", "expect", "check", "capture"];

/// Words that begin a part of a received message.
pub const MESSAGE_PARTS: &[&str] = &["expect", "check", "capture"];

/// Words that begin a setting of a target.
pub const TARGET_SETTINGS: &[&str] = &["timeout", "header"];

/// Words that begin a setting of a socket.
pub const SOCKET_SETTINGS: &[&str] = &["header", "query", "timeout"];

/// Words that belong to the language but come later: they are known, skipped whole and said to be so.
pub const LATER: &[&str] = &[
    "abort",
    "attempt",
    "auth",
    "choose",
    "compression",
    "cookies",
    "cookie",
    "data",
    "events",
    "every",
    "fail",
    "flow",
    "for",
    "group",
    "http",
    "log",
    "measure",
    "multipart",
    "open",
    "pace",
    "parallel",
    "proxy",
    "redirects",
    "retry",
    "return",
    "session",
    "setup",
    "set",
    "stop",
    "subprotocol",
    "take",
    "teardown",
    "tls",
    "use",
    "with",
];

/// Words between the parts of a statement or expression; a line that begins with one goes on with the statement above.
pub const INFIX: &[&str] = &[
    "and", "or", "not", "in", "of", "as", "where", "within", "since", "while", "until", "limit", "default", "else",
    "exists", "missing",
];

/// Operators that are words.
pub const WORD_OPERATORS: &[&str] = &["and", "or", "contains", "starts_with", "ends_with", "matches", "in"];

/// What a response has; no value can bear such a name.
pub const EXTRACTORS: &[&str] =
    &["status", "header", "cookie", "body", "json", "regex", "size", "url", "time", "event"];

/// Other words that no value can be called.
pub const RESERVED: &[&str] = &["user", "run", "true", "false", "null"];

/// What a threshold can measure; `pN` stands for every percentile.
pub const METRICS: &[&str] = &["p95", "min", "mean", "max", "iteration_time", "error_rate", "checks", "rate", "count"];

/// Methods that HTTP clients use every day.
pub const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Units of durations, smallest first.
pub const DURATION_UNITS: &[&str] = &["us", "ms", "s", "m", "h"];

/// Units of sizes, smallest first.
pub const SIZE_UNITS: &[&str] = &["B", "KiB", "MiB", "GiB"];

/// Every unit that may stand behind a number.
pub const UNITS: &[&str] = &["us", "ms", "s", "m", "h", "%", "/s", "/m", "/h", "B", "KiB", "MiB", "GiB"];

/// What users of other tools write, and what it is called here.
pub const SYNONYMS: &[(&str, &str)] = &[
    ("sleep", "pause"),
    ("wait", "pause"),
    ("delay", "pause"),
    ("loop", "repeat"),
    ("assert", "expect"),
    ("extract", "capture"),
    ("save", "capture"),
    ("var", "let"),
    ("const", "let"),
    ("ws", "websocket"),
    ("recv", "receive"),
    ("headers", "header"),
    ("params", "query"),
    ("data", "body"),
    ("vu", "user"),
    ("users", "user"),
    ("tasks", "task"),
    ("threshold", "thresholds"),
    ("base_url", "target"),
    ("host", "target"),
    ("on_start", "on start"),
    ("on_stop", "on stop"),
];

/// Whether a name may not be declared by the author.
pub fn is_reserved(word: &str) -> bool {
    INFIX.contains(&word) || EXTRACTORS.contains(&word) || RESERVED.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: &str = include_str!("../../grammar/scn.pest");

    #[test]
    fn every_word_of_the_lists_stands_in_the_grammar() {
        let lists = [ITEMS, USER_ITEMS, STATEMENTS, REQUEST_PARTS, LATER, INFIX, WORD_OPERATORS, DURATION_UNITS];
        for word in lists.concat() {
            assert!(GRAMMAR.contains(&format!("\"{word}\"")), "the grammar does not know `{word}`");
        }
    }

    #[test]
    fn every_later_word_of_the_grammar_stands_in_the_list() {
        let rule = GRAMMAR.split_once("later = @{").expect("the rule is there").1;
        let rule = rule.split_once('}').expect("the rule ends").0;
        let words: Vec<&str> = rule.split('"').skip(1).step_by(2).collect();
        assert!(words.iter().all(|word| LATER.contains(word)) && words.len() == LATER.len());
    }
}
