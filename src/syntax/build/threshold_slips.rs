//! What people write for a threshold who come from other tools, or from plain English.

use super::Builder;
use crate::syntax::keyword;

/// Words for comparisons.
const COMPARISONS: &[(&str, &str)] = &[
    ("under", "<"),
    ("below", "<"),
    ("less", "<"),
    ("lower", "<"),
    ("faster", "<"),
    ("above", ">"),
    ("more", ">"),
    ("greater", ">"),
    ("higher", ">"),
    ("lt", "<"),
    ("gt", ">"),
    ("lte", "<="),
    ("gte", ">="),
];

/// A word of a threshold, and where it begins in the text.
type Word<'t> = (usize, &'t str);

impl Builder<'_> {
    /// Whether the threshold `text`, which begins at `start`, is one of the usual slips; it has been said then.
    pub(super) fn threshold_slip(&mut self, start: usize, text: &str) -> bool {
        let words = words(text);
        let all: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        let place = |(at, word): Word<'_>| (start + at, start + at + word.len());
        match &all[..] {
            ["abort", word, ..] if *word != "if" => {
                let (from, to) = place(words[1]);
                if matches!(*word, "when" | "on" | "unless") {
                    let span = self.span(from, to);
                    self.wrong(span, "an `abort` has an `if`").label("did you mean `if`?").fix(span, "if");
                } else {
                    let span = self.span(from, from);
                    self.wrong(span, "an `abort` has an `if`").label("did you mean to add `if`?").fix(span, "if ");
                }
            }
            ["fail" | "stop" | "end", "if", ..] => {
                let (from, to) = place(words[0]);
                let span = self.span(from, to);
                self.wrong(span, "what ends a run begins with `abort`")
                    .label("did you mean `abort`?")
                    .fix(span, "abort");
            }
            [name, metric, ..] if is_name(name) && !is_metric(name) && is_metric(metric) && !is_condition(name) => {
                let span = self.span(start, place(words[1]).1);
                let meant = format!("{metric} of {name}");
                self.wrong(span, "the metric stands first").label(format!("did you mean `{meant}`?")).fix(span, meant);
            }
            [first, ..] if first.contains('(') && is_called(first) => self.called_metric(start, first),
            _ => return self.slip_behind_metric(start, &words),
        }
        true
    }

    /// `p(95)`, `p95(login)`
    fn called_metric(&mut self, start: usize, word: &str) {
        let span = self.span(start, start + word.len());
        let (name, argument) = word.split_once('(').unwrap_or((word, ""));
        let argument = argument.trim_end_matches(')');
        let meant = if name == "p" { format!("p{argument}") } else { format!("{name} of {argument}") };
        self.wrong(span, "a metric is no function").label(format!("did you mean `{meant}`?")).fix(span, meant);
    }

    fn slip_behind_metric(&mut self, start: usize, words: &[Word<'_>]) -> bool {
        let mut rest = words;
        if rest.first().is_some_and(|(_, word)| *word == "abort") {
            rest = rest.get(2..).unwrap_or(&[]);
        }
        if !rest.first().is_some_and(|(_, word)| is_metric(word)) {
            return false;
        }
        rest = &rest[1..];
        if rest.first().is_some_and(|(_, word)| *word == "iteration_time") {
            rest = &rest[1..];
        }
        let Some(&(at, word)) = rest.first() else { return false };
        let (from, to) = (start + at, start + at + word.len());
        let span = self.span(from, to);
        match (word, rest.get(1).copied()) {
            ("of", Some((next, other))) => {
                let subject = (start + next, other);
                return self.slip_in_subject(start, subject, &rest[1..]);
            }
            ("is", Some((next, other))) => {
                let both = self.span(from, start + next + other.len());
                let meant = if is_operator(other) { Some(other) } else { comparison(other) };
                let Some(meant) = meant else { return false };
                self.wrong(both, "a threshold compares with `<`, `<=`, `>` or `>=`")
                    .label(format!("did you mean `{meant}`?"))
                    .fix(both, meant);
            }
            _ if comparison(word).is_some() => self.comparison_in_words(start, rest),
            _ if word == "every" || word.starts_with('"') || (is_name(word) && word != "over") => {
                let here = self.span(from, from);
                self.wrong(span, format!("`of` is missing before `{word}`"))
                    .label("did you mean to add `of`?")
                    .fix(here, "of ");
            }
            _ if word.starts_with(|c: char| c.is_ascii_digit()) => self.missing_comparison(from),
            _ => return self.slip_behind_limit(start, rest),
        }
        true
    }

    /// What stands behind `of`, and what follows that.
    fn slip_in_subject(&mut self, start: usize, (from, word): (usize, &str), rest: &[Word<'_>]) -> bool {
        let behind = rest.get(1).copied();
        let span = self.span(from, from + word.len());
        match (word, behind) {
            (operator, _) if is_operator(operator) => return false,
            ("each" | "all" | "any", Some((_, "step" | "steps")))
            | ("every", Some((_, "steps" | "request" | "requests"))) => {
                let (at, last) = behind.expect("just seen");
                let both = self.span(from, start + at + last.len());
                self.wrong(both, "each step on its own is `every step`")
                    .label("did you mean `every step`?")
                    .fix(both, "every step");
            }
            ("every", Some((_, other))) if other != "step" => {
                self.wrong(span, "`every` stands only before `step`")
                    .help("name the others one by one, each in a line: `p95 of browse < 1s`");
            }
            (method, Some((at, path))) if path.starts_with('/') && method.chars().all(|c| c.is_ascii_uppercase()) => {
                let both = self.span(from, start + at + path.len());
                let meant = format!("\"{method} {path}\"");
                self.wrong(both, "a step without a label is named in quotes")
                    .label(format!("did you mean `{meant}`?"))
                    .fix(both, meant);
            }
            (path, _) if path.starts_with('/') => {
                self.wrong(span, "a step without a label is named by method and path, in quotes")
                    .help(format!("`of \"GET {path}\"`"));
            }
            (name, Some(_)) if name.ends_with(',') => {
                self.wrong(span, "a threshold speaks of one thing").help("write one in each line");
            }
            (_, Some((_, word))) if word == "is" || comparison(word).is_some() => {
                let rest = &rest[1..];
                if word != "is" {
                    self.comparison_in_words(start, rest);
                    return true;
                }
                let Some(&(next, other)) = rest.get(1) else { return false };
                let Some(meant) = (if is_operator(other) { Some(other) } else { comparison(other) }) else {
                    return false;
                };
                let both = self.span(start + rest[0].0, start + next + other.len());
                self.wrong(both, "a threshold compares with `<`, `<=`, `>` or `>=`")
                    .label(format!("did you mean `{meant}`?"))
                    .fix(both, meant);
            }
            (_, Some((at, word))) if word.starts_with(|c: char| c.is_ascii_digit()) => {
                self.missing_comparison(start + at)
            }
            _ => return self.slip_behind_limit(start, rest.get(1..).unwrap_or(&[])),
        }
        true
    }

    /// `under`, `less than`
    fn comparison_in_words(&mut self, start: usize, rest: &[Word<'_>]) {
        let (at, word) = rest[0];
        let meant = comparison(word).expect("that is what was asked");
        let end = match rest.get(1) {
            Some((next, "than")) => next + "than".len(),
            _ => at + word.len(),
        };
        let span = self.span(start + at, start + end);
        self.wrong(span, "a threshold compares with `<`, `<=`, `>` or `>=`")
            .label(format!("did you mean `{meant}`?"))
            .fix(span, meant);
    }

    fn missing_comparison(&mut self, at: usize) {
        let here = self.span(at, at);
        self.wrong(here, "a threshold compares").label("`<`, `<=`, `>` or `>=` is missing here").help("`p95 < 300ms`");
    }

    /// `p95 < 300ms every 30s`
    fn slip_behind_limit(&mut self, start: usize, rest: &[Word<'_>]) -> bool {
        let [(_, operator), (_, limit), (at, word), (_, length), ..] = rest else { return false };
        let is_time = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['s', 'm', 'h']);
        let looks_back = matches!(*word, "every" | "per" | "in" | "within" | "during" | "each");
        if !is_operator(operator) || limit.is_empty() || !looks_back || !is_time(length) {
            return false;
        }
        let span = self.span(start + at, start + at + word.len());
        self.wrong(span, "a threshold is judged in windows with `over`")
            .label("did you mean `over`?")
            .fix(span, "over");
        true
    }
}

/// Words and signs between blanks; what stands in quotes is one.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let at = text.len() - rest.trim_start().len();
        rest = rest.trim_start();
        let quoted = rest.strip_prefix('"').and_then(|behind| behind.find('"')).map(|end| end + 2);
        let length = quoted.unwrap_or_else(|| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        if length == 0 {
            return found;
        }
        found.push((at, &rest[..length]));
        rest = &rest[length..];
    }
}

fn is_metric(word: &str) -> bool {
    let percentile = |digits: &str| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    keyword::METRICS.contains(&word) || word.strip_prefix('p').is_some_and(percentile)
}

/// `p(95)`, `p95(login)`, `error_rate(login)`
fn is_called(word: &str) -> bool {
    let Some((name, argument)) = word.strip_suffix(')').and_then(|word| word.split_once('(')) else { return false };
    let number = !argument.is_empty() && argument.chars().all(|c| c.is_ascii_digit() || c == '.');
    (name == "p" && number) || (is_metric(name) && is_name(argument))
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

fn is_operator(word: &str) -> bool {
    matches!(word, "<" | "<=" | ">" | ">=" | "==" | "!=")
}

fn comparison(word: &str) -> Option<&'static str> {
    COMPARISONS.iter().find(|(known, _)| *known == word).map(|(_, operator)| *operator)
}

/// Whether it is a word for a condition of a step, which a threshold does without.
fn is_condition(word: &str) -> bool {
    ["expect", "check", "assert"].contains(&word)
}
