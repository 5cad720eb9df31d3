//! `scn explain`: what a rule is, why it matters, and what keeps it.

use super::exit::{Exit, Failure};
use super::screen::{Look, Screen};
use crate::diagnostic::{Part, Rule, Severity, nearest};
use crate::report::{Ink, Style};

/// Tell more of a rule that a message named
///
/// Each message of scn stands under the name of a rule. This prints the page of one: what it is, why it matters, an
/// example that breaks it and one that keeps it. Without a name it lists all rules.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// The rule, by the name that stands above its message; none lists them all
    #[arg(value_name = "RULE")]
    rule: Option<String>,
}

const AFTER_HELP: &str = "\
Examples:
  scn explain                       all rules, a line each
  scn explain undefined-name
  scn explain | grep warning

Environment:
  NO_COLOR         no colours

Exit codes:
  0    the page or the list is printed
  2    usage: an unknown flag or rule
";

/// Prints the page of one rule, or a list of all.
pub fn explain(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let text = match arguments.rule {
        None => list(screen.out),
        Some(name) => page(find(&name)?, screen.out),
    };
    screen.print(&text)?;
    Ok(Exit::Good)
}

fn find(name: &str) -> Result<Rule, Failure> {
    let known = || Rule::ALL.iter().map(|rule| rule.name());
    Rule::ALL.iter().copied().find(|rule| rule.name() == name).ok_or_else(|| {
        let help = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`scn explain` lists them all".to_owned(),
        };
        Failure::usage(format!("no rule is called `{name}`")).help(help)
    })
}

/// A line for each rule: name, severity, first sentence. One line each also where the terminal is narrower: it is
/// searched more often than read.
fn list(look: Look) -> String {
    let style = look.style();
    let longest = Rule::ALL.iter().map(|rule| rule.name().len()).max().unwrap_or_default();
    let line = |rule: &Rule| {
        let name = style.paint(Ink::Strong, &format!("{:longest$}", rule.name()));
        let severity = painted(rule.severity(), &format!("{:7}", word(rule.severity())), style);
        format!("{name}  {severity}  {}\n", first_sentence(&summary(*rule)))
    };
    Rule::ALL.iter().map(line).collect()
}

/// A rule's page as text: its name, its summary, paragraphs wrapped to the width, examples indented.
pub fn page(rule: Rule, look: Look) -> String {
    let style = look.style();
    let severity = painted(rule.severity(), word(rule.severity()), style);
    let mut text = format!("{} · {severity}\n", style.paint(Ink::Strong, rule.name()));
    let first = Part::Words(summary(rule));
    for part in std::iter::once(first).chain(rule.page().parts()) {
        text.push('\n');
        match part {
            Part::Words(words) => text += &wrapped(&words, look.width),
            Part::Example { text: example, .. } => text.extend(example.lines().map(|line| match line {
                "" => "\n".to_owned(),
                line => format!("    {line}\n"),
            })),
        }
    }
    text
}

/// What a rule says, on one line.
pub fn summary(rule: Rule) -> String {
    rule.summary().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| &text[..=first.len()])
}

fn word(severity: Severity) -> &'static str {
    super::render::severity_word(severity)
}

fn painted(severity: Severity, text: &str, style: Style) -> String {
    let ink = match severity {
        Severity::Error => Ink::Bad,
        Severity::Warning => Ink::Warn,
        Severity::Note => Ink::Faint,
    };
    style.paint(ink, text)
}

/// Words on lines of at most `width` columns where none of them is longer.
fn wrapped(words: &str, width: usize) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in words.split(' ') {
        let length = unicode_width::UnicodeWidthStr::width(word);
        if column > 0 && column + 1 + length > width {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text.push('\n');
    text
}
