//! The second pass: what was missing in a statement that could not be read.
//!
//! Its text alone is parsed again by the rule of its tail. The farthest place that pest came to then lies in this
//! statement, and what it expected there is short enough to be put into nouns. Pest's own lists are never shown.

mod needs;
mod slips;
mod words;

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use super::unknown::host_left_out;
use super::{Builder, G, P};
use crate::diagnostic::nearest;
use crate::syntax::grammar::Grammar;
use crate::syntax::keyword;
use crate::syntax::nesting::begins_statement;
use needs::{clauses_of, needs};
use words::{
    begins_with_extractor, closing, first_token, first_words, lacks_equals, last_word, names_request, open_quote,
    waiting,
};

impl<'t> Builder<'t> {
    /// Says what is missing in `broken`, which stands behind the keyword `word`.
    pub(super) fn explain(&mut self, broken: &P<'t>, tail: G, word: &str) {
        let start = broken.as_span().start();
        let before = self.text[..start].trim_end();
        let word_start = last_word(before);
        let written = &before[word_start..];
        // A request begins with its method, which is the word to speak of.
        let word = if tail == G::request_tail && word != "websocket" { written } else { word };
        self.explain_from(broken, tail, word, word_start);
    }

    /// Says what is missing in a text that has no keyword before it.
    pub(super) fn explain_at(&mut self, broken: &P<'t>, tail: G, word: &str) {
        let start = broken.as_span().start();
        self.explain_from(broken, tail, word, start);
    }

    fn explain_from(&mut self, broken: &P<'t>, tail: G, word: &str, word_start: usize) {
        let start = broken.as_span().start();
        let head = broken.clone().into_inner().find(|child| matches!(child.as_rule(), G::head_text | G::head_some));
        let block = broken.clone().into_inner().find(|child| child.as_rule() == G::block);
        let text = match (broken.as_rule(), &block) {
            (G::bad, _) => broken.as_str(),
            // The brace of the block belongs to the head, so that one that is missing is missed.
            (_, Some(block)) => &self.text[start..block.as_span().start() + 1],
            (_, None) => head.map_or(broken.as_str(), |head| &self.text[start..head.as_span().end()]),
        };
        let text = text.trim_end();
        let has_block = block.is_some();
        let Trouble { at, expected } = trouble(tail, text);
        Explanation { word, word_start, text, start, at, expected, has_block }.tell(self);
    }
}

/// What cannot do without a block.
const HEADS: &[&str] = &[
    "user",
    "task",
    "on",
    "if",
    "repeat",
    "thresholds",
    "flow",
    "setup",
    "teardown",
    "tls",
    "with",
    "every",
    "for",
    "choose",
    "a branch of `choose`",
    "group",
    "retry",
    "attempt",
    "parallel",
];

/// Where the second pass came to, and what it expected there.
struct Trouble {
    at: usize,
    expected: Vec<G>,
}

fn trouble(tail: G, text: &str) -> Trouble {
    match Grammar::parse(tail, text) {
        Ok(_) => Trouble { at: text.len(), expected: Vec::new() },
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(text.len()),
            };
            let expected = match error.variant {
                ErrorVariant::ParsingError { positives, .. } => positives,
                ErrorVariant::CustomError { .. } => Vec::new(),
            };
            Trouble { at, expected }
        }
    }
}

/// One statement that could not be read, and how far it could.
struct Explanation<'a> {
    word: &'a str,
    word_start: usize,
    /// What stands behind the word.
    text: &'a str,
    /// Where that begins in the file.
    start: usize,
    /// Where reading stopped, in `text`.
    at: usize,
    expected: Vec<G>,
    /// Whether a block stands behind `text`, whose `{` is the last of it.
    has_block: bool,
}

impl Explanation<'_> {
    fn tell(&self, builder: &mut Builder<'_>) {
        let (wants, example) = needs(self.word);
        let found = &self.text[self.at..];
        let content = self.content();
        let head = builder.span(self.word_start, self.start + content.len());
        if content.trim().is_empty() {
            let keyword = builder.span(self.word_start, self.start + content.len());
            let keyword = crate::base::Span {
                end: keyword.start + builder.repaired.slice(keyword).trim_end().len() as u32,
                ..keyword
            };
            let place =
                if keyword.start == keyword.end { builder.span(self.word_start, self.word_start + 1) } else { keyword };
            builder.wrong(place, format!("{} needs {wants}", self.named())).help(example);
            return;
        }
        if self.special(builder) {
            return;
        }
        let stopped_at_end = found.trim().is_empty() || self.at >= content.trim_end().len();
        if stopped_at_end {
            if let Some(open) = self.unclosed_bracket(content) {
                let span = builder.span(self.start + open, self.start + open + 1);
                let bracket = &self.text[open..=open];
                builder
                    .wrong(span, format!("`{bracket}` is not closed"))
                    .label(format!("its `{}` is missing", closing(bracket)));
                return;
            }
            if let Some((from, to, token, what)) = waiting(content) {
                let span = builder.span(self.start + from, self.start + to);
                let before = if self.has_block { " before the block" } else { "" };
                builder.wrong(span, format!("`{token}` needs {what}{before}")).help(example);
                return;
            }
            let heads = HEADS.contains(&self.word);
            if heads && !self.has_block {
                // Of a head over several lines, the last: there the brace is missing.
                let head = match content.trim_end().rfind('\n') {
                    Some(line) => {
                        let indent = content[line..].len() - content[line..].trim_start().len();
                        builder.span(self.start + line + indent, self.start + content.trim_end().len())
                    }
                    None => head,
                };
                builder
                    .wrong(head, format!("{} needs a block", self.named()))
                    .label("`{ … }` is missing behind it")
                    .help(example);
                return;
            }
            builder.wrong(head, format!("{} needs {wants}", self.named())).help(example);
            return;
        }
        if !self.slip(builder) {
            self.found_something(builder);
        }
    }

    /// Mistakes that are told by more than the place where reading stopped. Whether it was one of them.
    fn special(&self, builder: &mut Builder<'_>) -> bool {
        let content = self.content();
        let trimmed = content.trim_start();
        let from = self.start + content.len() - trimmed.len();
        let trimmed = trimmed.trim_end();
        let quoted = trimmed.starts_with(['"', '\'']);
        let is_request = self.word == "websocket" || self.word.bytes().all(|byte| byte.is_ascii_uppercase());
        match self.word {
            "user" | "task" | "let" | "capture" | "group" | "flow" | "set" | "measure" | "for" | "take" if quoted => {
                let inside = trimmed[1..].split(['"', '\'']).next().unwrap_or("");
                let name: String =
                    inside.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let span = builder.span(from, (from + inside.len() + 2).min(from + trimmed.len()));
                let complaint = builder.wrong(span, "a name stands without quotes");
                if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
                    drop(complaint.label(format!("did you mean `{name}`?")).fix(span, name));
                }
                true
            }
            "json" if trimmed.starts_with('$') && trimmed.split_whitespace().nth(1) == Some("as") => {
                let words: Vec<&str> = trimmed.split_whitespace().collect();
                let better = format!("capture {} = json {}", words.get(2).unwrap_or(&"name"), words[0]);
                let span = builder.span(self.word_start, from + trimmed.len());
                builder
                    .wrong(span, "a value of the answer is kept with `capture`")
                    .label(format!("did you mean `{better}`?"))
                    .fix(span, better);
                true
            }
            "json" if trimmed.starts_with('$') => {
                let span = builder.span(self.word_start, from + trimmed.len());
                builder
                    .wrong(span, "a condition stands behind `expect` or `check`")
                    .label(format!("did you mean `expect json {}`?", first_words(trimmed)))
                    .fix(span.at_start(), "expect ");
                true
            }
            "capture" if begins_with_extractor(trimmed) => {
                let words: Vec<&str> = trimmed.split_whitespace().collect();
                let (what, name) = match words.iter().position(|word| ["as", "->", "=>", "into"].contains(word)) {
                    Some(at) => (words[..at].join(" "), words.get(at + 1).copied().unwrap_or("name")),
                    None => (first_words(trimmed).to_owned(), "name"),
                };
                let span = builder.span(self.word_start, from + trimmed.len());
                let better = format!("capture {name} = {what}");
                builder
                    .wrong(span, "the name of what is captured stands first")
                    .label(format!("did you mean `{better}`?"))
                    .fix(span, better);
                true
            }
            "flow" if !trimmed.contains('(') && trimmed.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                let span = builder.span(from, from + trimmed.len());
                builder
                    .wrong(span, "the parameters of a flow stand in parentheses, also when there are none")
                    .label(format!("did you mean `{trimmed}()`?"))
                    .fix(span.at_end(), "()");
                true
            }
            "check" if trimmed.starts_with('(') && trimmed.contains(',') => {
                let span = builder.span(self.word_start, self.word_start + "check".len());
                builder.wrong(span, "`check` is followed by its condition alone").help("`check status 200`");
                true
            }
            "let" | "set" if names_request(trimmed) => {
                let span = builder.span(self.word_start, from + trimmed.len());
                builder
                    .wrong(span, "a request is a statement of its own, and gives no value")
                    .help("what is needed of its answer is captured: `GET /path { capture id = json $.id }`");
                true
            }
            "let" | "capture" | "set" | "measure" if lacks_equals(trimmed).is_some() => {
                let name = lacks_equals(trimmed).unwrap_or_default();
                let at = from + trimmed.find(name).unwrap_or(0);
                let span = builder.span(at, at + name.len());
                builder
                    .wrong(span, format!("`=` is missing behind `{name}`"))
                    .help(needs(self.word).1)
                    .fix(span.at_end(), " =");
                true
            }
            "auth" if quoted => {
                let span = builder.span(from, from + trimmed.len());
                builder
                    .wrong(span, "say how it is meant: `basic` or `bearer`")
                    .label(format!("did you mean `bearer {}`?", first_words(trimmed)))
                    .fix(span.at_start(), "bearer ");
                true
            }
            "auth" if trimmed == "bearer" || trimmed.starts_with("basic") && !trimmed.contains([',', ':']) => {
                let span = builder.span(self.word_start, from + trimmed.len());
                let wants = if trimmed == "bearer" { "a token" } else { "a user and a password, with `,` between" };
                let word = trimmed.split_whitespace().next().unwrap_or(trimmed);
                builder.wrong(span, format!("`auth {word}` needs {wants}")).help(needs("auth").1);
                true
            }
            "header" | "body" | "json" if trimmed.starts_with("==") || trimmed.contains(" == ") => {
                let span = builder.span(self.word_start, from + trimmed.len());
                builder
                    .wrong(span, "a condition stands behind `expect` or `check`")
                    .label(format!("did you mean `expect {} …`?", self.word))
                    .fix(span.at_start(), "expect ");
                true
            }
            _ if is_request && quoted => {
                let inside = trimmed[1..].split(['"', '\'']).next().unwrap_or("").to_owned();
                let span = builder.span(from, (from + inside.len() + 2).min(from + trimmed.len()));
                let path = host_left_out(&inside);
                let message = match path == inside {
                    true => "a path is written without quotes",
                    false => "a path is written without quotes, and the host stands once, at `target`",
                };
                let inside = path.to_owned();
                builder.wrong(span, message).label(format!("did you mean `{inside}`?")).fix(span, inside);
                true
            }
            "user" | "task" if trimmed.starts_with("weight") => {
                let head = builder.span(self.word_start, from + trimmed.len());
                builder.wrong(head, format!("{} needs a name before `weight`", self.named())).help(needs(self.word).1);
                true
            }
            _ => false,
        }
    }

    /// Reading stopped at something.
    fn found_something(&self, builder: &mut Builder<'_>) {
        let (wants, example) = needs(self.word);
        let found = &self.text[self.at..];
        let token = first_token(found);
        let place = builder.span(self.start + self.at, self.start + self.at + token.len());
        let before = self.text[..self.at].trim_end();
        let expects = |rules: &[G]| self.expected.iter().any(|rule| rules.contains(rule));
        let at_end = expects(&[G::eos, G::block_open, G::block]);
        if let Some(percent) = before.rsplit(|c: char| !(c.is_ascii_digit() || c == '%' || c == '.')).next()
            && percent.ends_with('%')
            && token.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '(')
        {
            let from = self.start + before.len() - percent.len();
            let span = builder.span(from, from + percent.len());
            let number = &percent[..percent.len() - 1];
            let replaced = builder.span(from, self.start + self.at);
            builder
                .wrong(span, format!("`{percent}` is a percentage"))
                .label(format!("for the remainder write `{number} % {token}`"))
                .fix(replaced, format!("{number} % "));
            return;
        }
        if found.starts_with("..") || found.starts_with('.') && before.ends_with('.') {
            let from = self.start + self.at - usize::from(!found.starts_with(".."));
            let place = builder.span(from, from + 2);
            builder.wrong(place, "a range cannot stand here").help("functions take both ends: `uniform(1s, 2s)`");
            return;
        }
        if found.starts_with("${") {
            let length = found.find('}').map_or(2, |end| end + 1);
            let inside = found[2..length].trim_end_matches('}').trim().to_owned();
            let place = builder.span(self.start + self.at, self.start + self.at + length);
            let complaint = builder.wrong(place, "`${…}` stands inside strings and paths; here the value stands alone");
            let of_shell = inside.starts_with(|c: char| c.is_ascii_uppercase())
                && inside.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if of_shell {
                let better = format!("env(\"{inside}\")");
                drop(complaint.label(format!("did you mean `{better}`?")).fix(place, better));
            } else if !inside.is_empty() {
                drop(complaint.label(format!("did you mean `{inside}`?")).fix(place, inside));
            }
            return;
        }
        if found.starts_with("==") && matches!(self.word, "let" | "capture") {
            builder
                .wrong(place, format!("{} names a value with one `=`", self.named()))
                .label("did you mean `=`?")
                .fix(place, "=");
            return;
        }
        if found.starts_with(':') && before.ends_with([',', '{']) {
            builder.wrong(place, "a key is missing before `:`").help("`{ key: value, \"other key\": value }`");
            return;
        }
        if expects(&[G::colon]) {
            // The brace of a block, taken for that of a value that is missing before it.
            if let Some(open) = self.unclosed_bracket(before)
                && let Some((from, to, token, what)) = waiting(&self.text[..open])
                && self.text[open + 1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n')
                && !matches!(token, "json" | "binary" | "text")
            {
                let span = builder.span(self.start + from, self.start + to);
                builder.wrong(span, format!("`{token}` needs {what} before the block")).help(example);
                return;
            }
            let key = before.rsplit(|c: char| c.is_whitespace() || c == '{' || c == ',').next().unwrap_or(before);
            let from = self.start + before.len() - key.len();
            let span = builder.span(from, from + key.len());
            builder
                .wrong(span, format!("`:` is missing after `{key}`"))
                .help("`{ key: value, \"other key\": value }`")
                .fix(span.at_end(), ":");
            return;
        }
        if let Some((from, to, operator, what)) = waiting(before) {
            let span = builder.span(self.start + from, self.start + to);
            builder.wrong(span, format!("`{operator}` needs {what}")).label(format!("`{token}` is none")).help(example);
            return;
        }
        if let Some(open) = self.unclosed_bracket(before) {
            if self.line_above(builder, before) {
                return;
            }
            let bracket = &self.text[open..=open];
            let span = builder.span(self.start + open, self.start + open + 1);
            if [")", "]", "}"].contains(&token) && token != closing(bracket) && !before.ends_with([',', ':']) {
                builder
                    .wrong(span, format!("`{bracket}` is not closed"))
                    .label(format!("its `{}` is missing", closing(bracket)))
                    .also(place, format!("before this `{token}`"));
                return;
            }
            if expects(&[G::comma, G::call_close, G::list_close, G::object_close, G::paren_close])
                && !token.is_empty()
                && !")]}".contains(token)
            {
                let closing = closing(bracket);
                let due = if bracket == "(" && !expects(&[G::comma]) {
                    format!("`{closing}`")
                } else {
                    format!("`,` or `{closing}`")
                };
                builder.wrong(place, format!("{due} is missing before `{token}`")).also(span, "opened here");
            } else {
                builder
                    .wrong(place, format!("a value is missing before `{token}`"))
                    .also(span, "inside what is opened here");
            }
            return;
        }
        if begins_statement(found) && !before.trim().is_empty() {
            builder
                .wrong(place, "one statement a line, or `;` between")
                .label(format!("`{token}` begins another one"))
                .fix(place.at_start(), "; ");
            return;
        }
        let word_like = token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if expects(&[G::op_word, G::op_symbol, G::presence]) && word_like && !token.is_empty() {
            let known = keyword::WORD_OPERATORS.iter().chain(&["exists", "missing"]).copied();
            let clauses = clauses_of(self.word).iter().copied();
            let theirs = match token {
                "equals" | "eq" => Some("=="),
                "not" if found.starts_with("not in") => {
                    builder.wrong(place, "`not` stands before the whole comparison").help("`not status in [200, 404]`");
                    return;
                }
                "ne" => Some("!="),
                "gt" => Some(">"),
                "lt" => Some("<"),
                "includes" | "has" => Some("contains"),
                "like" => Some("matches"),
                _ => nearest(token, known.chain(clauses)),
            };
            if let Some(better) = theirs {
                builder
                    .wrong(place, format!("there is no operator `{token}`"))
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
                return;
            }
        }
        if at_end || expects(&[G::op_symbol]) {
            let shown = before.trim_start();
            let message = match shown.is_empty() {
                true => format!("{} needs {wants}", self.named()),
                false => format!("{} ends before `{token}`", self.named()),
            };
            builder.wrong(place, message).label("this is too much, or something is missing before it").help(example);
            return;
        }
        builder
            .wrong(place, format!("{} needs {wants}", self.named()))
            .label(format!("`{token}` cannot stand here"))
            .help(example);
    }

    /// Inside brackets reading goes on with the next line, and stops at something there that is only wrong because of how
    /// the line above ends. Whether that was so, and has been said.
    fn line_above(&self, builder: &mut Builder<'_>, before: &str) -> bool {
        let found = &self.text[self.at..];
        // A string that lost its second quote.
        let last_line = before.rfind('\n').map_or(0, |end| end + 1);
        if let Some(quote) = open_quote(&before[last_line..]) {
            let span = builder.span(self.start + last_line + quote, self.start + before.len());
            builder.wrong(span, "this string is not closed on its line").label("its closing `\"` is missing");
            return true;
        }
        // `id:` and then `type: 1`, which was read as `id: type`.
        if found.starts_with(':') {
            let word = last_word(before);
            let above = before[..word].trim_end();
            if above.ends_with(':') && before[above.len()..word].contains('\n') {
                let key = last_word(above[..above.len() - 1].trim_end());
                let span = builder.span(self.start + key, self.start + above.len());
                builder.wrong(span, format!("`{}` needs a value behind it", &above[key..]));
                return true;
            }
        }
        if !self.text[before.len()..self.at].contains('\n') {
            return false;
        }
        let from = match before.chars().next_back() {
            Some(c) if c.is_alphanumeric() || c == '_' => last_word(before),
            Some(c) => before.len() - c.len_utf8(),
            None => return false,
        };
        if let Some(key) = before.strip_suffix(':') {
            let key = last_word(key.trim_end());
            let span = builder.span(self.start + key, self.start + before.len());
            builder.wrong(span, format!("`{}` needs a value behind it", &before[key..]));
            return true;
        }
        let separates = self.expected.iter().any(|rule| matches!(rule, G::comma));
        if separates && !found.starts_with([')', ']', '}']) {
            let span = builder.span(self.start + from, self.start + before.len());
            let open = self.unclosed_bracket(before).unwrap_or(0);
            let bracket = &self.text[open..=open];
            let opened = builder.span(self.start + open, self.start + open + 1);
            builder
                .wrong(span, format!("`,` or `{}` is missing at the end of this line", closing(bracket)))
                .also(opened, "opened here")
                .fix(span.at_end(), ",");
            return true;
        }
        false
    }

    /// The text without the brace of the block behind it.
    fn content(&self) -> &str {
        match self.has_block {
            true => self.text.strip_suffix('{').unwrap_or(self.text),
            false => self.text,
        }
    }

    /// The word as a message names it.
    fn named(&self) -> String {
        match self.word {
            word if word.starts_with("a ") => word.into(),
            word => format!("`{word}`"),
        }
    }

    /// Where the innermost bracket is that `text` leaves open.
    fn unclosed_bracket(&self, text: &str) -> Option<usize> {
        let mut open = Vec::new();
        let mut quoted = false;
        let mut escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'\n' => quoted = false,
                _ if quoted => {}
                b'(' | b'[' | b'{' => open.push(at),
                b')' | b']' | b'}' => drop(open.pop()),
                _ => {}
            }
        }
        open.pop()
    }
}
