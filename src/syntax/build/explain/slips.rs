//! Slips that are told by what stands where reading stopped, and where the usual words would mislead.

use super::{Explanation, first_token};
use crate::syntax::build::Builder;

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
            (_, "is") => {
                let second = first_token(rest);
                let (better, length) = match second {
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
