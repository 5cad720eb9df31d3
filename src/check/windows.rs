//! When thresholds are judged: `over 30s`, `abort if … for 10s`.

use std::time::Duration;

use super::checker::Checker;
use super::constants::Constant;
use super::meaning::{Type, When};
use crate::base::Span;
use crate::base::units::duration_text;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

/// The longest that `abort if … for D` looks back: each of its seconds is kept, some 100 KiB in the worst case.
pub const LOOK_BACK_MAX: Duration = Duration::from_secs(600);
/// The longest window: beyond a day nothing is told that the whole run does not tell.
pub const WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);

impl Checker<'_> {
    /// When a threshold is judged; `None` where that was said wrongly.
    pub fn when(&mut self, written: &ast::Threshold) -> Option<When> {
        match (&written.abort, &written.over, &written.lasting) {
            (None, None, None) => Some(When::AtEnd),
            (None, Some(over), None) => self.whole_seconds(over, "a window", WINDOW_MAX).map(When::Windows),
            (Some(_), None, lasting) => match lasting {
                Some(lasting) => {
                    let length = self.whole_seconds(lasting, "what an `abort if` looks back over", LOOK_BACK_MAX);
                    length.map(|length| When::Abort(Some(length)))
                }
                None => Some(When::Abort(None)),
            },
            (Some(_), Some(over), _) => {
                let word = self.word_before(written, over.span, "over");
                self.report(window_of_abort(word, over.span, written.lasting.is_none()));
                None
            }
            (None, _, Some(lasting)) => {
                let word = self.word_before(written, lasting.span, "for");
                self.report(look_back_of_promise(word, lasting.span, written.over.is_none()));
                None
            }
        }
    }

    fn whole_seconds(&mut self, written: &ast::Expr, what: &str, most: Duration) -> Option<Duration> {
        let Constant::Duration(length) = self.known(written, &[Type::Duration], what)? else { return None };
        if length.is_zero() || length.subsec_nanos() != 0 || length > most {
            self.report(window_length(written.span, what, length, most));
            return None;
        }
        Some(length)
    }

    /// The word `wanted` in front of `value`.
    fn word_before(&self, written: &ast::Threshold, value: Span, wanted: &str) -> Span {
        let between = Span { start: written.value.span.end, end: value.start, ..value };
        let start = self.sources.text(between).rfind(wanted).map_or(value.start, |at| between.start + at as u32);
        Span { start, end: start + wanted.len() as u32, ..value }
    }
}

/// `threshold-window`: seconds are what a run is judged by.
fn window_length(span: Span, what: &str, length: Duration, most: Duration) -> Diagnostic {
    let message = format!("{what} is whole seconds, from 1s to {}", duration_text(most));
    let diagnostic = Diagnostic::new(Rule::ThresholdWindow, span, message);
    if length > most {
        return diagnostic.help("a longer stretch is what a threshold without it is judged over: the whole run");
    }
    let near = duration_text(Duration::from_secs(length.as_secs_f64().round().max(1.0) as u64));
    diagnostic.label("a run is judged second by second").help(format!("did you mean `{near}`?")).fix(span, near)
}

/// `threshold-window`: `over` is for promises.
fn window_of_abort(word: Span, length: Span, alone: bool) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::ThresholdWindow, word, "an `abort if` has no windows")
        .also(length, "it looks back over the last seconds, each second anew");
    match alone {
        true => diagnostic.help("did you mean `for`?").fix(word, "for"),
        false => diagnostic.help("`for 10s` is enough"),
    }
}

/// `threshold-window`: `for` is for aborts.
fn look_back_of_promise(word: Span, length: Span, alone: bool) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::ThresholdWindow, word, "`for` stands only behind `abort if …`")
        .also(length, "a promise is held in every window of some length");
    match alone {
        true => diagnostic.help("did you mean `over`?").fix(word, "over"),
        false => diagnostic.help("`over 30s` is enough"),
    }
}
