//! The words of the language, each list once: suggestions are drawn from them, and a test compares them with the
//! grammar.

/// Words that begin an item of the file.
pub const ITEMS: &[&str] =
    &["scenario", "target", "let", "data", "use", "flow", "user", "setup", "teardown", "thresholds"];

/// Words that begin something inside `user`; defaults of its steps stand in [`DEFAULTS`].
pub const USER_ITEMS: &[&str] = &["think", "pace", "session", "let", "take", "on", "task"];

/// Words that begin a default of the steps in a block.
pub const DEFAULTS: &[&str] = &["header", "cookie", "auth", "query", "timeout", "redirects"];

/// Words that begin a statement of a task.
pub const STATEMENTS: &[&str] = &[
    "websocket",
    "open",
    "with",
    "events",
    "send",
    "receive",
    "call",
    "close",
    "on",
    "every",
    "pause",
    "repeat",
    "for",
    "if",
    "else",
    "choose",
    "group",
    "retry",
    "attempt",
    "parallel",
    "let",
    "set",
    "take",
    "measure",
    "log",
    "stop",
    "fail",
    "return",
];

/// Words that begin a part of a request.
pub const REQUEST_PARTS: &[&str] = &[
    "header",
    "query",
    "cookie",
    "auth",
    "json",
    "form",
    "multipart",
    "body",
    "timeout",
    "redirects",
    "expect",
    "check",
    "capture",
    "set",
    "measure",
];

/// Words that begin a part of a received message.
pub const MESSAGE_PARTS: &[&str] = &["expect", "check", "capture", "set", "measure"];

/// Words that begin a setting of a target.
pub const TARGET_SETTINGS: &[&str] =
    &["timeout", "header", "redirects", "http", "cookies", "compression", "tls", "proxy", "auth"];

/// Words that begin a setting in `tls`.
pub const TLS_SETTINGS: &[&str] = &["ca", "cert", "key", "verify"];

/// Words that begin a setting of a socket.
pub const SOCKET_SETTINGS: &[&str] = &["header", "query", "cookie", "auth", "subprotocol", "timeout"];

/// Words that begin a setting of a stream of events.
pub const EVENTS_SETTINGS: &[&str] = &[
    "header",
    "query",
    "cookie",
    "auth",
    "json",
    "form",
    "multipart",
    "body",
    "timeout",
    "redirects",
    "expect",
    "check",
    "capture",
];

/// Words that begin an option of data.
pub const DATA_OPTIONS: &[&str] = &["pick", "when", "columns", "separator"];

/// Words between the parts of a statement or expression; a line that begins with one goes on with the statement above.
pub const INFIX: &[&str] = &[
    "and", "or", "not", "in", "of", "as", "where", "within", "since", "while", "until", "limit", "default", "else",
    "exists", "missing",
];

/// Other words that a line which goes on with the statement above may begin with; values may be called so.
pub const CLAUSES: &[&str] = &["keep", "at"];

/// Operators that are words.
pub const WORD_OPERATORS: &[&str] = &["and", "or", "contains", "starts_with", "ends_with", "matches", "in"];

/// What a response has; no value can bear such a name.
pub const EXTRACTORS: &[&str] =
    &["status", "header", "cookie", "body", "json", "regex", "size", "url", "time", "event"];

/// Other words that no value can be called.
pub const RESERVED: &[&str] = &["user", "run", "true", "false", "null"];

/// What a threshold can measure; `pN` stands for every percentile.
pub const METRICS: &[&str] =
    &["p95", "min", "mean", "max", "iteration_time", "error_rate", "checks", "rate", "count", "dropped"];

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
    ("foreach", "for"),
    ("each", "for"),
    ("assert", "expect"),
    ("assertthat", "expect"),
    ("assert_that", "expect"),
    ("should", "expect"),
    ("ensure", "expect"),
    ("verify", "expect"),
    ("extract", "capture"),
    ("save", "capture"),
    ("var", "let"),
    ("const", "let"),
    ("val", "let"),
    ("ws", "websocket"),
    ("recv", "receive"),
    ("emit", "send"),
    ("publish", "send"),
    ("sse", "events"),
    ("eventsource", "events"),
    ("stream", "events"),
    ("interval", "every"),
    ("setinterval", "every"),
    ("on_message", "on receive"),
    ("onmessage", "on receive"),
    ("headers", "header"),
    ("params", "query"),
    ("payload", "body"),
    ("max_redirects", "redirects"),
    ("insecure", "tls { verify off }"),
    ("http2", "http 2"),
    ("http1", "http 1.1"),
    ("print", "log"),
    ("println", "log"),
    ("echo", "log"),
    ("try", "attempt"),
    ("batch", "parallel"),
    ("concurrent", "parallel"),
    ("transaction", "group"),
    ("random_switch", "choose"),
    ("pacing", "pace"),
    ("constant_pacing", "pace"),
    ("wait_time", "think"),
    ("thinktime", "think"),
    ("vu", "user"),
    ("users", "user"),
    ("virtual_user", "user"),
    ("tasks", "task"),
    ("function", "flow"),
    ("func", "flow"),
    ("fn", "flow"),
    ("def", "flow"),
    ("import", "use"),
    ("include", "use"),
    ("require", "use"),
    ("feeder", "data"),
    ("csv", "data"),
    ("before", "setup"),
    ("before_all", "setup"),
    ("after", "teardown"),
    ("after_all", "teardown"),
    ("threshold", "thresholds"),
    ("base_url", "target"),
    ("baseurl", "target"),
    ("host", "target"),
    ("on_start", "on start"),
    ("on_stop", "on stop"),
];

/// What users of other tools write that has no word of its own here, and what to do instead.
pub const FOREIGN: &[(&str, &str)] = &[
    ("while", "repetition has a bound here: `repeat 100 while status != \"done\" { … }`"),
    ("until", "repetition has a bound here: `repeat 100 until done { … }`"),
    ("catch", "in `attempt { … }` a failure is counted and the flow goes on; there is nothing to catch"),
    ("finally", "in `attempt { … }` a failure is counted and the flow goes on behind it"),
    ("break", "`repeat 100 while C { … }` ends by its condition; `stop iteration` ends the whole iteration"),
    ("continue", "put the rest of the block into an `if`"),
    ("switch", "write `if a == 1 { … } else if a == 2 { … }`"),
    ("match", "write `if a == 1 { … } else if a == 2 { … }`"),
    ("case", "write `if a == 1 { … } else if a == 2 { … }`"),
    ("unless", "write `if not (…) { … }`"),
    ("await", "leave it out: each step waits for its answer"),
    ("async", "leave it out: each step waits for its answer"),
    ("self", "a request is written `GET /path`, a flow is called `login()`"),
    ("http", "a request is written `GET /path`"),
    ("client", "a request is written `GET /path`"),
    ("requests", "a request is written `GET /path`"),
    ("axios", "a request is written `GET /path`"),
    ("fetch", "a request is written `GET /path`"),
    ("request", "a request is written `GET /path`"),
    ("console", "a line for the log is written `log \"…\"`"),
    ("step", "a step is named by a label before it: `home: GET /`"),
    ("name", "a step is named by a label before it: `home: GET /`"),
    ("label", "a step is named by a label before it: `home: GET /`"),
    ("follow_redirects", "`redirects none` follows none, `redirects 5` at most five"),
    ("allow_redirects", "`redirects none` follows none, `redirects 5` at most five"),
    ("rendezvous", "users do not wait for each other; how many there are is said in a profile"),
    ("options", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("stages", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("scenarios", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("vus", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("duration", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("ramp_up", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("rampup", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("phases", "how much load there is stands in a profile: `profiles/NAME.yml`"),
    ("export", "a scenario is a list of items: `target URL`, `user name { … }`"),
    ("class", "users are described by `user name { … }`"),
    ("from", "another file is brought in whole: `use \"lib/login.scn\"`"),
];

/// What is called here what other tools call `word`, if it is one word of theirs.
pub fn elsewhere(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    SYNONYMS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours)
}

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
        let lists = [
            ITEMS,
            USER_ITEMS,
            DEFAULTS,
            STATEMENTS,
            REQUEST_PARTS,
            TARGET_SETTINGS,
            TLS_SETTINGS,
            SOCKET_SETTINGS,
            DATA_OPTIONS,
            INFIX,
            CLAUSES,
            WORD_OPERATORS,
            EXTRACTORS,
            DURATION_UNITS,
        ];
        for word in lists.concat() {
            assert!(GRAMMAR.contains(&format!("\"{word}\"")), "the grammar does not know `{word}`");
        }
    }

    #[test]
    fn a_line_that_goes_on_begins_with_a_word_of_the_lists() {
        let rule = GRAMMAR.split_once("carrying = _{").expect("the rule is there").1;
        let rule = rule.split_once('}').expect("the rule ends").0;
        let words: Vec<&str> = rule.split('"').skip(1).step_by(2).collect();
        let known = [INFIX, CLAUSES, WORD_OPERATORS].concat();
        assert!(words.iter().all(|word| known.contains(word)), "{words:?}");
        let left_out = ["else", "not"];
        assert!(known.iter().all(|word| words.contains(word) || left_out.contains(word)), "{words:?}");
    }

    #[test]
    fn every_word_that_begins_a_statement_is_a_keyword_of_the_grammar_and_back() {
        let rule = GRAMMAR.split_once("keyword = _{").expect("the rule is there").1;
        let rule = rule.split_once('}').expect("the rule ends").0;
        let words: Vec<&str> = rule.split('"').skip(1).step_by(2).collect();
        let lists = [ITEMS, USER_ITEMS, DEFAULTS, STATEMENTS, REQUEST_PARTS, TARGET_SETTINGS, SOCKET_SETTINGS].concat();
        let missing: Vec<_> = lists.iter().filter(|word| !words.contains(word)).collect();
        assert!(missing.is_empty(), "the rule `keyword` lacks {missing:?}");
        let unknown: Vec<_> = words.iter().filter(|word| !lists.contains(word)).collect();
        assert!(unknown.is_empty(), "no list has {unknown:?}");
    }
}
