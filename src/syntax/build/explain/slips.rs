//! Slips that are told by what stands where reading stopped, and where the usual words would mislead.

use super::{Explanation, first_token};
use crate::syntax::build::Builder;
use crate::syntax::keyword;

impl Explanation<'_> {
    /// Whether it was one of them, which has been said then.
    pub(super) fn slip(&self, builder: &mut Builder<'_>) -> bool {
        let found = &self.text[self.at..];
        let token = first_token(found);
        let before = self.text[..self.at].trim_end();
        let rest = found[token.len()..].trim_start();
        let here = |length: usize| (self.start + self.at, self.start + self.at + length);
        match (self.word, token) {
            ("a threshold", "=") => {
                let place = builder.span(here(1).0, here(1).1);
                builder.wrong(place, "a threshold compares with `<`, `<=`, `>` or `>=`").label("instead of `=`");
            }
            ("a threshold", "of") if before.ends_with('%') || before.ends_with(|c: char| c.is_ascii_alphanumeric()) => {
                let place = builder.span(here(2).0, here(2).1);
                builder
                    .wrong(place, "`of` stands behind the metric, before the comparison")
                    .help("`error_rate of checkout < 1%`");
            }
            ("target", ":")
                if before.trim_start().chars().all(|c| c.is_ascii_alphanumeric()) && rest.starts_with("//") =>
            {
                let url = self.content().trim();
                let url = url.split_whitespace().next().unwrap_or(url);
                let from = self.start + self.text.find(url).unwrap_or(0);
                let place = builder.span(from, from + url.len());
                builder
                    .wrong(place, "the URL of a target stands in quotes")
                    .label(format!("did you mean `\"{url}\"`?"))
                    .fix(place, format!("\"{url}\""));
            }
            ("think" | "pause" | "every" | "retry", "," | "to" | "and")
                if before.ends_with(|c: char| c.is_ascii_alphanumeric()) =>
            {
                let from = self.start + before.len() - before.split_whitespace().next_back().map_or(0, str::len);
                let place = builder.span(from, here(found.len() - rest.len() + first_number(rest).len()).1);
                let better =
                    format!("{}..{}", before.split_whitespace().next_back().unwrap_or_default(), first_number(rest));
                builder
                    .wrong(place, "a range is written with `..`")
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
            }
            (_, ":") if self.unclosed_bracket(before).is_some_and(|open| self.text[open..].starts_with('[')) => {
                let open = self.unclosed_bracket(before).unwrap_or(0);
                let place = builder.span(self.start + open, self.start + open + 1);
                let colon = builder.span(here(0).0, here(1).1);
                builder.wrong(place, "`[` is not closed").label("its `]` is missing").also(colon, "a list has no keys");
            }
            // `expect json $.items length > 0`: words of other tools stand behind what they measure.
            ("expect" | "check" | "capture" | "let" | "if", "length" | "count" | "len") if ends_with_path(before) => {
                let operand = last_operand(before);
                let from = self.start + before.len() - operand.len();
                let place = builder.span(from, here(token.len()).1);
                let better = format!("length({operand})");
                builder
                    .wrong(place, "a function stands before what it is given, in parentheses")
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
            }
            ("repeat" | "retry", "times" | "time" | "x") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                let message = format!("the number alone says how often, no `{token}`");
                builder.wrong(place, message).label("leave it out").fix(place, "");
            }
            ("retry", "delay" | "wait" | "pause" | "after" | "sleep" | "interval" | "with") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "the pause between attempts stands behind `every`")
                    .label("did you mean `every`?")
                    .fix(place, "every");
            }
            ("repeat", "while" | "until") if before.trim().is_empty() => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "repetition has a bound: a number, or `for` and a duration")
                    .label(format!("did you mean `100 {token}`?"))
                    .fix(place.at_start(), "100 ");
            }
            ("for", "of" | "from") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder.wrong(place, "between name and list stands `in`").label("did you mean `in`?").fix(place, "in");
            }
            ("for", "(") if before.trim().is_empty() => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, "`for` goes through a list or a range, without parentheses")
                    .help("`for i in 1..10 { … }`");
            }
            ("if" | "else", "then") => {
                let place = builder.span(here(4).0, here(4).1);
                builder
                    .wrong(place, "the block stands right behind the condition, no `then`")
                    .label("leave it out")
                    .fix(place, "");
            }
            ("data" | "take", "=" | "in" | ":") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "where rows come from stands behind `from`")
                    .label("did you mean `from`?")
                    .fix(place, "from");
            }
            ("flow", "{" | "") if !before.contains('(') && !before.trim().is_empty() => {
                let name = before.trim();
                let from = self.start + before.len() - name.len();
                let place = builder.span(from, from + name.len());
                builder
                    .wrong(place, "the parameters of a flow stand in parentheses, also when there are none")
                    .label(format!("did you mean `{name}()`?"))
                    .fix(place, format!("{name}()"));
            }
            ("user" | "task", "(") if before.trim().is_empty() => {
                let place = builder.span(here(1).0, here(found.find(')').map_or(1, |end| end + 1)).1);
                builder
                    .wrong(place, "a weight stands behind the name")
                    .help(format!("`{} browse weight 3 {{ … }}`", self.word));
            }
            ("user" | "task", ":" | "=") if before.ends_with("weight") => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, format!("the number stands right behind `weight`, no `{token}`"))
                    .label("leave it out")
                    .fix(place, "");
            }
            ("session", "iteration" | "user") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "how long a session lasts stands behind `per`")
                    .label(format!("did you mean `per {token}`?"))
                    .fix(place.at_start(), "per ");
            }
            ("auth", ":" | "/") => {
                let place = builder.span(here(1).0, here(1).1);
                builder.wrong(place, "between user and password stands `,`").label("did you mean `,`?").fix(place, ",");
            }
            ("set" | "let", "+" | "-" | "*" | "/") if rest.starts_with('=') => {
                let name = before.trim();
                let place = builder.span(here(2).0, here(2).1);
                builder
                    .wrong(place, format!("there is no `{token}=`"))
                    .label(format!("did you mean `= {name} {token}`?"))
                    .fix(place, format!("= {name} {token}"));
            }
            ("let", ":") => {
                let to = found.find('=').unwrap_or(1);
                let place = builder.span(here(0).0, here(found[..to].trim_end().len()).1);
                builder.wrong(place, "types are not written").label("leave it out").fix(place, "");
            }
            ("measure", "(") if before.trim().is_empty() => {
                let place = builder.span(here(1).0, here(1).1);
                builder.wrong(place, "`measure` needs a name, `=` and a value").help("`measure delay = time`");
            }
            ("log", ",") => {
                let place = builder.span(here(1).0, here(1).1);
                builder.wrong(place, "`log` takes one text").help("values stand inside it: `log \"order ${id}\"`");
            }
            ("a threshold", "(") if before.trim() == "p" => {
                let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
                let length = found.find(')').map_or(1, |end| end + 1);
                let place = builder.span(here(0).0 - 1, here(length).1);
                builder
                    .wrong(place, "a percentile is written without parentheses")
                    .label(format!("did you mean `p{number}`?"))
                    .fix(place, format!("p{number}"));
            }
            ("a threshold", ":") => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, "a threshold is a comparison on a line of its own")
                    .help("`p95 of http < 500ms`, `error_rate < 1%`");
            }
            ("a threshold", "when" | "unless") if before.trim() == "abort" => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "what ends the run stands behind `abort if`")
                    .label("did you mean `if`?")
                    .fix(place, "if");
            }
            ("a threshold", _) if ["expect", "assert", "check"].contains(&before.trim()) => {
                let word = before.trim();
                let place = builder.span(self.start + before.len() - word.len(), self.start + before.len());
                builder
                    .wrong(place, format!("a threshold stands alone, no `{word}`"))
                    .label("leave it out")
                    .fix(place, "");
            }
            ("receive" | "call", _) if before.trim() == "timeout" => {
                let place = builder.span(self.start + before.len() - 7, self.start + before.len());
                builder
                    .wrong(place, "how long to wait stands behind `within`")
                    .label("did you mean `within`?")
                    .fix(place, "within");
            }
            ("on", "message" | "messages" | "msg") => {
                let place = builder.span(here(token.len()).0, here(token.len()).1);
                builder
                    .wrong(place, "a standing answer begins with `on receive`")
                    .label("did you mean `receive`?")
                    .fix(place, "receive");
            }
            ("open", "/") => {
                let place = builder.span(here(0).0, here(found.find([' ', '{']).unwrap_or(found.len())).1);
                builder
                    .wrong(place, "what is opened is a `websocket`")
                    .label("did you mean `websocket` before it?")
                    .fix(place.at_start(), "websocket ");
            }
            ("events", "/") => {
                let place = builder.span(here(0).0, here(found.find([' ', '{']).unwrap_or(found.len())).1);
                builder
                    .wrong(place, "a stream of events begins with a method and a path")
                    .label("did you mean `GET` before it?")
                    .fix(place.at_start(), "GET ");
            }
            ("pace", ".") if found.starts_with("..") || before.ends_with('.') => {
                let first = before.trim_end_matches('.').split_whitespace().next_back().unwrap_or_default();
                let from = self.text[..self.at].rfind(first).unwrap_or(self.at);
                let last = first_number(self.text[self.at..].trim_start_matches('.'));
                let place = builder.span(self.start + from, self.start + from + first.len() + 2 + last.len());
                builder
                    .wrong(place, "a pace is one duration, from the start of a task to the start of the next")
                    .help(format!("a pause between two lengths is `think {first}..{last}`"));
            }
            ("header", "{") => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, "each header is a line of its own, without braces")
                    .help("`header Accept \"application/json\"`");
            }
            ("target", "{") if before.trim().is_empty() => {
                let place = builder.span(self.word_start, self.word_start + 6);
                builder
                    .wrong(place, "`target` needs a URL before its block")
                    .help("`target \"http://127.0.0.1:8000\" { timeout 10s }`");
            }
            ("http" | "cookies" | "compression", "\"") => {
                let inside = found[1..].split('"').next().unwrap_or_default();
                let place = builder.span(here(0).0, here(inside.len() + 2).1.min(self.start + self.text.len()));
                builder
                    .wrong(place, format!("`{}` takes a word without quotes", self.word))
                    .label(format!("did you mean `{inside}`?"))
                    .fix(place, inside);
            }
            (_, "`") => {
                let length = found[1..].find('`').map_or(found.len(), |end| end + 2);
                let place = builder.span(here(0).0, here(length).1);
                let complaint = builder.wrong(place, "strings stand in double quotes");
                drop(complaint.help("values stand in them as `${name}`"));
            }
            (_, "\"") if before.ends_with(" f") || before.trim() == "f" => {
                // Without the letter alone the braces would be text.
                let inside = found[1..].split('"').next().unwrap_or_default();
                let place = builder.span(here(0).0 - 1, here(inside.len() + 2).1.min(self.start + self.text.len()));
                let better = format!("\"{}\"", inside.replace('{', "${"));
                builder
                    .wrong(place, "strings need no letter before them, and a value in a string stands in `${…}`")
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
            }
            (_, "\"") if before.ends_with("json") && rest.starts_with('$') => {
                let inside = found[1..].split('"').next().unwrap_or_default();
                let place = builder.span(here(0).0, here(inside.len() + 2).1.min(self.start + self.text.len()));
                builder
                    .wrong(place, "a path into JSON stands without quotes")
                    .label(format!("did you mean `{inside}`?"))
                    .fix(place, inside);
            }
            (_, "?") if rest.starts_with('?') => {
                let place = builder.span(here(2).0, here(2).1);
                builder
                    .wrong(place, "there is no `??`")
                    .help("`capture name = json $.name default \"none\"` stands in for what is missing");
            }
            (_, "?") => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, "there is no `? :`")
                    .help("`let` a value, then `if c { set value = … } else { set value = … }`");
            }
            (_, flags) if regex_flags(before, flags).is_some() => {
                let regex = regex_flags(before, flags).unwrap_or_default();
                let from = self.start + before.len() - regex.len();
                let place = builder.span(from, here(flags.len()).1);
                let better = format!("/(?{flags}){}", &regex[1..]);
                builder
                    .wrong(place, "flags of a regular expression stand inside")
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
            }
            (_, "does") if rest.starts_with("not ") => {
                let third = first_token(rest["not ".len()..].trim_start());
                let length = found.find(third).unwrap_or(0) + third.len();
                let place = builder.span(here(length).0, here(length).1);
                builder
                    .wrong(place, format!("there is no operator `{}`", &found[..length]))
                    .help("`not` stands before the whole comparison: `expect not body contains \"x\"`");
            }
            (_, "not") if keyword::WORD_OPERATORS.contains(&first_token(rest)) || first_token(rest) == "contain" => {
                let second = first_token(rest);
                let length = found.len() - rest.len() + second.len();
                let place = builder.span(here(length).0, here(length).1);
                builder
                    .wrong(place, format!("there is no operator `not {second}`"))
                    .help(format!("`not` stands before the whole comparison: `expect not body {second} …`"));
            }
            (_, "between") => {
                let place = builder.span(here(7).0, here(7).1);
                let help = match before.ends_with("status") {
                    true => "`expect status 200..299`",
                    false => "`expect json $.n >= 1 and json $.n <= 9`",
                };
                builder.wrong(place, "there is no operator `between`").help(help);
            }
            (_, ",") if self.unclosed_bracket(before).is_none() && !before.trim().is_empty() => {
                let place = builder.span(here(1).0, here(1).1);
                builder
                    .wrong(place, "between statements stands `;` or a line end, no `,`")
                    .label("did you mean `;`?")
                    .fix(place, ";");
            }
            (_, "is") => {
                let second = first_token(rest);
                let (better, length) = match second {
                    "in" => ("in", found.len() - rest.len() + second.len()),
                    "not" => ("!=", found.len() - rest.len() + second.len()),
                    "exists" | "missing" => (second, found.len() - rest.len() + second.len()),
                    _ => ("==", token.len()),
                };
                let place = builder.span(here(length).0, here(length).1);
                let written = &found[..length];
                builder
                    .wrong(place, format!("there is no operator `{written}`"))
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
            }
            (_, "not") if first_token(rest) == "exists" => {
                let length = found.len() - rest.len() + "exists".len();
                let place = builder.span(here(length).0, here(length).1);
                builder
                    .wrong(place, "there is no operator `not exists`")
                    .label("did you mean `missing`?")
                    .fix(place, "missing");
            }
            (_, "json" | "header" | "cookie" | "regex" | "body")
                if before.ends_with("length") || before.ends_with("number") || before.ends_with("string") =>
            {
                let function = &before[before.len() - "length".len()..];
                let place = builder.span(self.start + before.len() - function.len(), here(token.len()).1);
                builder
                    .wrong(place, "what a function is given stands in parentheses")
                    .help(format!("`{function}({token} …)`"));
            }
            (_, name) if before.ends_with("json $") && !name.is_empty() => {
                let place = builder.span(here(0).0 - 1, here(name.len()).1);
                builder
                    .wrong(place, "members stand behind `$.`")
                    .label(format!("did you mean `$.{name}`?"))
                    .fix(place, format!("$.{name}"));
            }
            _ => return false,
        }
        true
    }
}

/// The number with its unit that a text begins with.
fn first_number(text: &str) -> &str {
    &text[..text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len())]
}

/// The regular expression that `before` ends with, when `flags` stand right behind it.
fn regex_flags<'a>(before: &'a str, flags: &str) -> Option<&'a str> {
    if flags.is_empty() || !flags.chars().all(|c| "gimsux".contains(c)) {
        return None;
    }
    let text = before.strip_suffix('/')?;
    let from =
        ["matches /", "regex /"].into_iter().filter_map(|word| text.rfind(word).map(|at| at + word.len())).max()?;
    Some(&before[from - 1..])
}

/// Whether a text ends with a JSONPath or the word `body`.
fn ends_with_path(text: &str) -> bool {
    text.split_whitespace().next_back().is_some_and(|last| last.starts_with('$') || last == "body")
}

/// The operand at the end of a text: `json $.items`, `all json $.items[*]`, `body`.
fn last_operand(text: &str) -> &str {
    let start = ["all json ", "json ", "body"].iter().filter_map(|word| text.rfind(word)).min();
    start.map_or(text, |start| &text[start..]).trim()
}
