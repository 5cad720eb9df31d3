//! A rehearsal as lines for people: written as it happens.

use std::cell::RefCell;
use std::sync::Arc;

use crate::base::units::duration_text;
use crate::base::{Sources, Span};
use crate::cli::render::text::Drawing;
use crate::cli::screen::Screen;
use crate::diagnostic::Severity;
use crate::metrics::{ErrorKind, IterationOutcome, Snapshot};
use crate::plan::{Plan, PointId, StepId, Value};
use crate::report::{self, Ink};
use crate::run::trace::{Event, Message, Part, Scene, Trace};

/// Longest value that is shown on a line.
const VALUE_CHARS_MAX: usize = 100;

/// What a listener needs to know of the run.
pub(super) type Told = Arc<(Plan, Sources, Screen)>;

/// Writes a line for each thing that happens.
pub(super) struct Lines {
    told: Told,
    /// The step that spoke last: what belongs to it stands below its head.
    step: RefCell<Option<StepId>>,
}

impl Lines {
    /// A writer to standard output.
    pub(super) fn new(told: Told) -> Lines {
        Lines { told, step: RefCell::new(None) }
    }

    fn paint(&self, ink: Ink, text: &str) -> String {
        self.told.2.out.style().paint(ink, text)
    }

    /// What this step is called, with its label where it has one.
    fn name(&self, step: StepId) -> &str {
        let plan = &self.told.0;
        &plan.series[plan.steps[step.0 as usize].series.0 as usize].name
    }

    fn text(&self, point: PointId) -> &str {
        &self.told.0.points[point.0 as usize].text
    }

    fn part(&self, scene: &Scene<'_>, part: Part) -> String {
        let plan = &self.told.0;
        let class = || &plan.users[scene.class.0 as usize].name;
        match part {
            Part::Setup => "setup".into(),
            Part::Teardown => "teardown".into(),
            Part::OnStart => format!("{} / on start", class()),
            Part::OnStop => format!("{} / on stop", class()),
            Part::Task(task) => format!("{} / {}", class(), plan.tasks[task.0 as usize].name),
        }
    }

    /// The head of a step, unless it was the last one to speak.
    fn head(&self, step: StepId, text: &str) -> String {
        if self.step.replace(Some(step)) == Some(step) {
            return String::new();
        }
        format!("  {}\n", self.paint(Ink::Strong, text))
    }

    fn message(&self, scene: &Scene<'_>, sign: &str, message: Message<'_>, note: &str) -> String {
        let lines = match message {
            Message::Text(text) => {
                let text = scene.hide(text);
                report::body(text.as_bytes(), text.len() as u64)
            }
            Message::Binary(bytes) => report::body(bytes, bytes.len() as u64),
        };
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let (sign, note) = if index == 0 { (sign, note) } else { (" ", "") };
            text += &format!("    {sign} {line}{}\n", self.paint(Ink::Faint, note));
        }
        if lines.is_empty() {
            text += &format!("    {sign} (empty){}\n", self.paint(Ink::Faint, note));
        }
        text
    }

    fn headers(&self, scene: &Scene<'_>, headers: impl Iterator<Item = (String, String)>) -> String {
        let line = |(name, value): (String, String)| {
            let value = header_shown(&name, &value).map_or_else(|| scene.hide(&value).into_owned(), str::to_owned);
            format!("      {}\n", self.paint(Ink::Faint, &format!("{name}: {value}")))
        };
        headers.map(line).collect()
    }

    fn body(&self, scene: &Scene<'_>, bytes: &[u8], size: u64) -> String {
        let shown = match std::str::from_utf8(bytes) {
            Ok(text) => {
                let hidden = scene.hide(text);
                let size = if bytes.len() as u64 == size { hidden.len() as u64 } else { size };
                report::body(hidden.as_bytes(), size)
            }
            Err(_) => report::body(bytes, size),
        };
        shown.iter().map(|line| format!("      {line}\n")).collect()
    }

    /// The scenario's own line with what is wrong there.
    fn drawing(&self, span: Span, why: &str) -> String {
        let (_, sources, screen) = &*self.told;
        let drawing = Drawing {
            code: None,
            message: String::new(),
            severity: Severity::Error,
            labels: vec![(span, why.to_owned())],
            help: None,
        };
        let drawn = drawing.draw(sources, screen.out);
        // The words stand above already.
        let lines = drawn.lines().filter(|line| !line.trim().is_empty() && line.trim() != "×");
        lines.map(|line| format!("    {line}\n")).collect()
    }

    fn told(&self, scene: &Scene<'_>, event: &Event<'_>) -> String {
        match event {
            Event::Begun(part) => {
                self.step.replace(None);
                format!("\n{}\n", self.paint(Ink::Strong, &self.part(scene, *part)))
            }
            Event::Ended(part, outcome) => {
                self.step.replace(None);
                let what = self.part(scene, *part);
                match outcome {
                    IterationOutcome::Ok => String::new(),
                    IterationOutcome::Failed => format!("  {}\n", self.paint(Ink::Bad, &format!("✗ {what} failed"))),
                    IterationOutcome::Abandoned => {
                        format!("  {}\n", self.paint(Ink::Warn, &format!("– {what} was cut off")))
                    }
                }
            }
            Event::Request { step, method, url, headers, body, size } => {
                self.step.replace(None);
                let line = format!("{method} {}", scene.hide(url));
                let name = self.name(*step);
                let head = if name.contains(' ') { line } else { format!("{name}: {line}") };
                let pairs = headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
                self.head(*step, &head) + &self.headers(scene, pairs) + &self.body(scene, body, *size)
            }
            Event::Redirected { step, status, method, url } => {
                let to = self.paint(Ink::Faint, &format!(" redirected to {method} {}", scene.hide(url)));
                self.head(*step, self.name(*step)) + &format!("    ↳ {status}{to}\n")
            }
            Event::Response { step, status, headers, body, size, time } => {
                let ink = if *status >= 400 { Ink::Warn } else { Ink::Good };
                let took = format!(" · {} · {}", report::time(*time), report::bytes(*size));
                let head = format!("    ← {}{}\n", self.paint(ink, &status.to_string()), self.paint(Ink::Faint, &took));
                let pairs = headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
                self.head(*step, self.name(*step))
                    + &head
                    + &self.headers(scene, pairs)
                    + &self.body(scene, body, *size)
            }
            Event::Opened { time, .. } => {
                format!(
                    "    {} open{}\n",
                    self.paint(Ink::Good, "✓"),
                    self.paint(Ink::Faint, &format!(" · {}", report::time(*time)))
                )
            }
            Event::Sent { step, message } => {
                self.head(*step, self.name(*step)) + &self.message(scene, "→", *message, "")
            }
            Event::Received { step, message, time } => {
                let took = format!(" · {}", report::time(*time));
                self.head(*step, self.name(*step)) + &self.message(scene, "←", *message, &took)
            }
            Event::PassedOver { step, message } => {
                self.head(*step, self.name(*step)) + &self.message(scene, "↷", *message, " · passed over")
            }
            Event::Closed { step, time } => {
                let took = format!("    closed{}\n", self.paint(Ink::Faint, &format!(" · {}", report::time(*time))));
                self.head(*step, self.name(*step)) + &took
            }
            Event::Judged { point, held: true, actual } => {
                let actual = actual.as_deref().map(|actual| format!(" · {}", scene.hide(actual))).unwrap_or_default();
                let (sign, actual) = (self.paint(Ink::Good, "✓"), self.paint(Ink::Faint, &actual));
                format!("    {sign} {}{actual}\n", self.text(*point))
            }
            Event::Judged { point, held: false, actual } => {
                let why = actual.as_deref().map(|actual| format!(" · {}", scene.hide(actual))).unwrap_or_default();
                format!("    {} {}{}\n", self.paint(Ink::Warn, "✗"), self.text(*point), self.paint(Ink::Warn, &why))
            }
            Event::Value { point, value, .. } => match point {
                Some(point) if is_named(self.text(*point)) => {
                    let (name, secret) = named(self.text(*point));
                    let shown = if secret { "***".into() } else { value_shown(scene, value) };
                    format!("    {} {name} = {shown}\n", self.paint(Ink::Faint, "="))
                }
                _ => String::new(),
            },
            Event::Measured { point, value } => {
                let (name, _) = named(self.text(*point));
                format!("    {} {name} is {}\n", self.paint(Ink::Faint, "◷"), value_shown(scene, value))
            }
            Event::Log { text, .. } => format!("    {} {}\n", self.paint(Ink::Strong, "»"), scene.hide(text)),
            Event::Pause { length } => {
                format!("    {}\n", self.paint(Ink::Faint, &format!("pause {}", duration_text(*length))))
            }
            Event::Entered { point, note } => {
                self.step.replace(None);
                let note = if note.is_empty() { String::new() } else { format!(" · {note}") };
                format!("  {}\n", self.paint(Ink::Faint, &format!("{}{note}", self.text(*point))))
            }
            Event::Failed { point, kind, why } => {
                let why = scene.hide(why);
                let head = format!("✗ {}: {why}", kind.name());
                format!("    {}\n", self.paint(Ink::Bad, &head))
                    + &self.drawing(self.told.0.points[point.0 as usize].span, kind.name())
            }
        }
    }
}

impl Trace for Lines {
    fn tell(&self, scene: &Scene<'_>, event: &Event<'_>) {
        let text = self.told(scene, event);
        if !text.is_empty() {
            // Whoever reads may have gone away; what is tried goes on.
            let _ = self.told.2.print(&text);
        }
    }
}

/// How a header's value is shown where it is not shown as it is: credentials are nobody's business.
pub(super) fn header_shown<'v>(name: &str, value: &'v str) -> Option<&'v str> {
    if !matches!(name, "authorization" | "proxy-authorization") {
        return None;
    }
    Some(match value.split_once(' ') {
        Some(("Bearer", _)) => "Bearer ***",
        Some(("Basic", _)) => "Basic ***",
        _ => "***",
    })
}

/// Whether a place gives something a name; an argument of a flow is only a value.
pub(super) fn is_named(text: &str) -> bool {
    let words = ["let ", "set ", "capture ", "take ", "for "];
    words.iter().any(|word| text.starts_with(word))
}

/// What a `let`, `set`, `capture` or `measure` names, and whether it says that the value is secret.
pub(super) fn named(text: &str) -> (&str, bool) {
    let rest = text.split_once(' ').map_or(text, |(_, rest)| rest);
    let (rest, secret) = match rest.strip_prefix("secret ") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let name = rest.split(|c: char| c == '=' || c.is_whitespace()).next().unwrap_or(rest);
    (name, secret)
}

fn value_shown(scene: &Scene<'_>, value: &Value) -> String {
    let text = match value {
        Value::Text(text) => serde_json::Value::from(&**text).to_string(),
        other => other.text().into_owned(),
    };
    let text = scene.hide(&text);
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// How often each kind of failure came, in steps and outside them.
pub(super) fn failures(seen: &Snapshot) -> Vec<(&'static str, u64)> {
    let count = |kind: &ErrorKind| (kind.name(), seen.failures_of(*kind));
    ErrorKind::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

/// What came of it all, in a line.
pub(super) fn summary(seen: &Snapshot, tasks: usize, failed: bool, screen: &Screen) -> String {
    let totals = seen.totals();
    let counted = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![counted(tasks as u64, "task"), counted(totals.requests, "request")];
    if totals.checks_passed + totals.checks_failed > 0 {
        parts.push(format!("{} of {} checks held", totals.checks_passed, totals.checks_passed + totals.checks_failed));
    }
    let failures = failures(seen);
    let style = screen.out.style();
    let kinds: Vec<String> = failures.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    let (parts, kinds) = (parts.join(", "), kinds.join(", "));
    let text = match (failed, kinds.is_empty()) {
        (false, true) => style.paint(Ink::Good, &format!("✓ {parts}, nothing failed")),
        (false, false) => style.paint(Ink::Good, &format!("✓ {parts}; caught by `attempt` or `retry`: {kinds}")),
        (true, _) => style.paint(Ink::Bad, &format!("✗ {parts}; failed: {kinds}")),
    };
    format!("\n{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_stands_before_the_equals_sign() {
        assert_eq!(named("capture token = json $.token"), ("token", false));
        assert_eq!(named("capture secret token=json $.token"), ("token", true));
        assert_eq!(named("let n = 1"), ("n", false));
        assert_eq!(named("take row from rows"), ("row", false));
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(header_shown("authorization", "Bearer abc"), Some("Bearer ***"));
        assert_eq!(header_shown("authorization", "odd"), Some("***"));
        assert_eq!(header_shown("accept", "*/*"), None);
    }
}
