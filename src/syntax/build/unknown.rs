//! Lines that begin with nothing known: other tools' words, words misspelt, and what is no word at all.

use super::misplaced::Place;
use super::{Builder, P};
use crate::base::Span;
use crate::diagnostic::{Rule, nearest};
use crate::syntax::keyword;

impl<'t> Builder<'t> {
    /// A line that begins with nothing known.
    pub(super) fn unknown(&mut self, kind: &P<'t>, place: Place) {
        let text = kind.as_str().trim_end();
        let start = kind.as_span().start();
        let first_line = text.lines().next().unwrap_or(text).trim_end();
        let head_end = first_line.find('{').map_or(first_line.len(), |at| if at == 0 { 1 } else { at });
        let head = first_line[..head_end].trim_end();
        let whole = self.span(start, start + head.len());
        let length = head.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(head.len());
        let word = &head[..length];
        let rest = head[length..].trim_start();
        if self.braces_in_path(start, kind.as_str()) {
            return;
        }
        if self.quoted_label(start, head) || self.call_of_client(whole, head) {
            return;
        }
        if word.is_empty() {
            let what = head.chars().next().unwrap_or(' ');
            let complaint = self.wrong(whole, "no statement begins like this");
            match what {
                '/' if head.starts_with("/*") => {
                    drop(complaint.help("a comment begins with `#`, on each of its lines"))
                }
                '-' if head.starts_with("--") => drop(complaint.help("a comment begins with `#`")),
                '/' => drop(complaint.help("a request begins with its method: `GET /path`")),
                '{' => drop(complaint.help("a block belongs to the statement before it, on the same line")),
                '$' => drop(complaint.help("a condition stands behind `expect`: `expect json $.ok == true`")),
                '@' => drop(complaint.help("a weight stands behind the name: `task browse weight 3 { … }`")),
                _ => drop(complaint.help(beginnings(place))),
            }
            return;
        }
        let span = self.span(start, start + length);
        // `my-step: GET /x`
        if let Some((label, _)) = head.split_once(':')
            && label.contains('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        {
            let place = self.span(start, start + label.len());
            let better = super::as_name(label);
            self.wrong(place, format!("`{label}` is not a name"))
                .label("lower-case letters, digits and `_`")
                .help(format!("write `{better}`"))
                .fix(place, better);
            return;
        }
        if self.declares_word("flow", word) && rest.is_empty() {
            let better = format!("{word}()");
            self.wrong(span, "a flow is called with parentheses")
                .label(format!("did you mean `{better}`?"))
                .fix(span, better);
            return;
        }
        if let Some(operator) = ["+=", "-=", "*=", "/=", "++", "--"].into_iter().find(|sign| rest.starts_with(sign)) {
            let (sign, rest) = rest.split_at(operator.len());
            let value = if matches!(sign, "++" | "--") { "1" } else { rest.trim() };
            let better = format!("set {word} = {word} {} {value}", &sign[..1]);
            self.wrong(whole, "a value is changed with `set`")
                .label(format!("did you mean `{better}`?"))
                .fix(whole, better);
            return;
        }
        if keyword::METHODS.contains(&word.to_uppercase().as_str()) && rest.starts_with(['"', '\'']) {
            let path = rest[1..].split(['"', '\'']).next().unwrap_or_default();
            let better = format!("{} {path}", word.to_uppercase());
            self.wrong_as(Rule::MethodCase, span, "methods are upper case, and paths stand without quotes")
                .label(format!("did you mean `{better}`?"));
            return;
        }
        if let Some((_, help)) = keyword::FOREIGN.iter().find(|(theirs, _)| *theirs == word.to_lowercase()) {
            self.wrong_as(Rule::UnknownWord, span, format!("nothing here is called `{word}`")).help(*help);
            return;
        }
        if word == "as" && place != Place::File {
            self.wrong(span, "an answer has no name; what is needed of it is captured")
                .help("`GET /path { capture id = json $.id }`");
            return;
        }
        if keyword::EXTRACTORS.contains(&word) {
            self.wrong(span, format!("`{word}` says what to look at, not what to do with it"))
                .label(format!("did you mean `expect {word}`?"))
                .fix(span, format!("expect {word}"));
            return;
        }
        if keyword::INFIX.contains(&word) {
            self.wrong(span, format!("`{word}` cannot begin a statement"))
                .help("such a word goes on with the line above, when that can go on");
            return;
        }
        if keyword::METHODS.contains(&word) && rest.starts_with([':', '(']) {
            let sign = &rest[..1];
            self.wrong(span, format!("behind a method stand a blank and its path, no `{sign}`"))
                .help(format!("`{word} /path {{ … }}`"));
            return;
        }
        if rest.starts_with('=') && !rest.starts_with("==") {
            if let Some((_, ours)) = keyword::SYNONYMS.iter().find(|(theirs, _)| *theirs == word.to_lowercase()) {
                let complaint = self.wrong_as(Rule::UnknownWord, span, format!("nothing here is called `{word}`"));
                let complaint = complaint.label(format!("did you mean `{ours}`?"));
                match *ours {
                    "think" | "pause" => drop(complaint.help(format!("a time from a range is `{ours} 1s..3s`"))),
                    _ => drop(complaint),
                }
                return;
            }
            let known = self.declares_word("let", word) || self.declares_word("capture", word);
            let (better, message) = match known {
                true => ("set", "a value is changed with `set`"),
                false => ("let", "a value is named with `let`"),
            };
            self.wrong(span, message)
                .label(format!("did you mean `{better} {word}`?"))
                .fix(span, format!("{better} {word}"));
            return;
        }
        let known = place.words();
        let synonym =
            keyword::SYNONYMS.iter().find(|(theirs, _)| *theirs == word.to_lowercase()).map(|(_, ours)| *ours);
        let everywhere = || {
            let lists = [keyword::ITEMS, keyword::USER_ITEMS, keyword::STATEMENTS, keyword::REQUEST_PARTS];
            [lists.concat(), keyword::TARGET_SETTINGS.to_vec(), keyword::SOCKET_SETTINGS.to_vec()].concat()
        };
        let block = kind.as_str()[head.len()..].trim_start();
        let elsewise = match synonym {
            Some("use") if !rest.starts_with('"') => Some("another file is brought in whole: `use \"lib/login.scn\"`"),
            Some("header") if rest.is_empty() && block.starts_with('{') => {
                Some("each header is a line of its own: `header Accept \"application/json\"`")
            }
            _ => None,
        };
        if let Some(help) = elsewise {
            self.wrong_as(Rule::UnknownWord, span, format!("nothing here is called `{word}`")).help(help);
            return;
        }
        let better = synonym
            .or_else(|| nearest(word, known.iter().copied()))
            .or_else(|| nearest(word, keyword::METHODS.iter().copied()).filter(|_| rest.starts_with('/')))
            .or_else(|| nearest(word, everywhere()));
        let complaint = self.wrong_as(Rule::UnknownWord, span, format!("nothing here is called `{word}`"));
        match better {
            Some(better) => {
                // A whole statement takes the place of the whole one.
                let place = if better.ends_with('}') { whole } else { span };
                drop(complaint.label(format!("did you mean `{better}`?")).fix(place, better));
            }
            None => drop(complaint.help(beginnings(place))),
        }
    }

    /// `"label": GET /x`. Whether it was that.
    fn quoted_label(&mut self, start: usize, head: &str) -> bool {
        let Some(quote @ ('"' | '\'')) = head.chars().next() else { return false };
        let Some((inside, rest)) = head[1..].split_once(quote) else { return false };
        if !rest.trim_start().starts_with(':') {
            return false;
        }
        let place = self.span(start, start + inside.len() + 2);
        let name = super::as_name(inside);
        let complaint = self.wrong(place, "a label is a name without quotes");
        drop(
            complaint
                .label(format!("did you mean `{name}: {}`?", rest[rest.find(':').unwrap_or(0) + 1..].trim()))
                .fix(place, name),
        );
        true
    }

    /// `http.get("/a")`, `self.client.post('/a', …)`: a request as a call of a client in another language. Whether it was
    /// that.
    fn call_of_client(&mut self, whole: Span, head: &str) -> bool {
        let Some((chain, arguments)) = head.split_once('(') else { return false };
        let Some((client, method)) = chain.rsplit_once('.') else { return false };
        let known = ["http", "self.client", "client", "requests", "axios", "session", "this.http"].contains(&client);
        let method = match method.to_ascii_uppercase().as_str() {
            "DEL" => "DELETE".to_owned(),
            method => method.to_owned(),
        };
        if !known || !keyword::METHODS.contains(&method.as_str()) {
            return false;
        }
        let path = arguments.split(['"', '\'', '`']).nth(1).map(host_left_out).filter(|path| path.starts_with('/'));
        let complaint = self.wrong_as(Rule::UnknownWord, whole, "a request is a statement that begins with its method");
        let better = format!("{method} {}", path.unwrap_or("/path"));
        drop(complaint.label(format!("did you mean `{better}`?")));
        true
    }

    /// `/users/{id}` and `/users/{{ id }}`: what other tools put into paths reads as a block here. Whether it was that,
    /// or what is left over behind it.
    fn braces_in_path(&mut self, start: usize, text: &str) -> bool {
        let before = &self.text[..start];
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        let touches_path = |brace: usize| line[..brace].ends_with(|c: char| !c.is_whitespace()) && line.contains(" /");
        if text.starts_with(['{', '/']) && line.trim_end().ends_with('}') {
            let opened = line.find('{').unwrap_or(0);
            return touches_path(opened) && is_word(line[opened..].trim_matches(['{', '}', ' ']));
        }
        let outer = line.trim_end();
        let opened = outer.trim_end_matches('{').len();
        let word = text.split(['}', '\n']).next().unwrap_or_default().trim_matches(['{', ' ']);
        if opened == outer.len() || !touches_path(opened) || !is_word(word) {
            return false;
        }
        // Of `#{b}`, the whole.
        let hash = usize::from(line[..opened].ends_with('#'));
        let from = before.len() - line.len() + opened - hash;
        let rest = &self.text[start..];
        let closing =
            rest.find('}').map_or(rest.len(), |at| at + rest[at..].len() - rest[at..].trim_start_matches('}').len());
        let place = self.span(from, start + closing);
        self.wrong(place, "a value in a path stands in `${…}`")
            .label(format!("did you mean `${{{word}}}`?"))
            .fix(place, format!("${{{word}}}"));
        true
    }
}

/// A URL without what `target` says: `/a` of `http://127.0.0.1:8000/a`.
pub(super) fn host_left_out(url: &str) -> &str {
    match ["http://", "https://", "ws://", "wss://"].iter().find_map(|scheme| url.strip_prefix(scheme)) {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    }
}

/// Whether it could name a value.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What may begin a line at a place.
fn beginnings(place: Place) -> String {
    match place {
        Place::Task | Place::Socket => {
            "a statement is a request such as `GET /path`, a flow such as `login()`, or begins with a word such as `websocket`, `send`, `receive`, `pause`, `repeat`, `if`, `let` or `group`".into()
        }
        _ => {
            let words = place.words();
            let (last, others) = words.split_last().expect("something stands everywhere");
            format!("here can stand {} or `{last}`", others.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
        }
    }
}
