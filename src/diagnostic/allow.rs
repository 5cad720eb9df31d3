//! `# scn: allow rule-name`: a comment that silences warnings on the next line.

use super::{Diagnostic, Rule, Severity, nearest};
use crate::base::{FileId, Sources, Span};

/// Words that people put where `allow` belongs.
const OTHER_WORDS: &[&str] = &["ignore", "disable", "silence", "skip", "off", "permit"];

/// One rule that a comment allows.
#[derive(Debug)]
struct Allowed {
    rule: Rule,
    /// Its name in the comment.
    name: Span,
    /// The whole comment line, with its line end, where it names this rule alone.
    alone: Option<Span>,
    /// The line it speaks of.
    line: Span,
    /// Whether code stands before the comment.
    trailing: bool,
}

/// Takes out of `found` what comments of the files allow.
pub fn silence(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let (allowed, _) = read(sources);
    found.retain(|one| !allowed.iter().any(|allowed| allowed.speaks_of(one)));
}

/// The same; and says which comments silence nothing or name no rule. `found` holds all there is to say of the files;
/// what a profile has to say may be missing.
pub fn apply(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let (allowed, complaints) = read(sources);
    let mut used = vec![false; allowed.len()];
    found.retain(|one| {
        let mut silenced = false;
        for (allowed, used) in allowed.iter().zip(&mut used) {
            if allowed.speaks_of(one) {
                (silenced, *used) = (true, true);
            }
        }
        !silenced
    });
    found.extend(complaints);
    let idle = allowed.iter().zip(used).filter(|(allowed, used)| !used && !allowed.depends_on_profile());
    found.extend(idle.map(|(allowed, _)| allowed.silences_nothing()));
}

/// Whether a comment is one of these, and so no words about what stands below it. `comment` is what stands behind `#`.
pub fn is_allow(comment: &str) -> bool {
    behind_scn(comment).is_some_and(|rest| first_word(rest) == "allow")
}

impl Allowed {
    fn speaks_of(&self, one: &Diagnostic) -> bool {
        let place = one.primary.span;
        let here = place.file == self.line.file && (self.line.start..=self.line.end).contains(&place.start);
        !self.trailing && here && one.rule == self.rule && one.severity() < Severity::Error
    }

    /// Whether the rule speaks of scenario and profile together: another profile may break it.
    fn depends_on_profile(&self) -> bool {
        self.rule >= Rule::ProfileSyntax && !self.trailing
    }

    fn silences_nothing(&self) -> Diagnostic {
        let name = self.rule.name();
        if self.rule.severity() == Severity::Error {
            let message = format!("`{name}` is an error, and errors cannot be silenced");
            return self.with_fix(Diagnostic::new(Rule::UnusedAllow, self.name, message));
        }
        if self.trailing {
            return Diagnostic::new(Rule::UnusedAllow, self.name, "this silences nothing: it speaks of the next line")
                .help("put it on a line of its own, above the line that it is about");
        }
        let message = format!("nothing on the next line breaks `{name}`");
        self.with_fix(Diagnostic::new(Rule::UnusedAllow, self.name, message).also(self.line, "the next line"))
    }

    fn with_fix(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self.alone {
            Some(line) => diagnostic.help("the comment can go").fix(line, ""),
            None => diagnostic.help("its name can go"),
        }
    }
}

/// Every such comment of all scenarios, and what is wrong with them.
fn read(sources: &Sources) -> (Vec<Allowed>, Vec<Diagnostic>) {
    let (mut allowed, mut complaints) = (Vec::new(), Vec::new());
    for (file, source) in sources.iter() {
        let lines = Lines::of(file, &source.text);
        for (index, (start, line)) in lines.comments() {
            let Some((at, rest)) = allow_in(line) else { continue };
            let trailing = !line[..at].trim().is_empty();
            let own = |from: usize, length: usize| Span::new(file, start + from, start + from + length);
            let offset = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
            let word = first_word(rest);
            if word != "allow" {
                let looks_like_it = OTHER_WORDS.contains(&word) || nearest(word, ["allow"]).is_some();
                if looks_like_it {
                    complaints.push(not_allow(own(offset(rest), word.len()), word));
                }
                continue;
            }
            let names = rest["allow".len()..].split(|c: char| c == ',' || c.is_whitespace());
            let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                complaints.push(names_no_rule(own(offset(rest), word.len())));
            }
            for name in &names {
                let place = own(offset(name), name.len());
                match Rule::ALL.iter().find(|rule| rule.name() == *name) {
                    None => complaints.push(unknown_rule(place, name)),
                    Some(&rule) => allowed.push(Allowed {
                        rule,
                        name: place,
                        alone: (names.len() == 1 && !trailing).then(|| Span::new(file, start, lines.behind(index))),
                        line: lines.next(index),
                        trailing,
                    }),
                }
            }
        }
    }
    (allowed, complaints)
}

/// Where a comment with `scn:` begins in a line, and what stands behind that.
fn allow_in(line: &str) -> Option<(usize, &str)> {
    line.match_indices('#').find_map(|(at, _)| behind_scn(&line[at + 1..]).map(|rest| (at, rest)))
}

fn behind_scn(comment: &str) -> Option<&str> {
    comment.trim_start().strip_prefix("scn:").map(str::trim_start)
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or("")
}

/// The lines of a file.
struct Lines<'a> {
    file: FileId,
    /// Where each begins, and what it says without its line end.
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Lines<'a> {
    fn of(file: FileId, text: &'a str) -> Lines<'a> {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let whole = (start, line.trim_end_matches(['\n', '\r']));
            start += line.len();
            whole
        });
        Lines { file, lines: lines.collect() }
    }

    /// Those that may hold a comment: the inside of `"""…"""` is none.
    fn comments(&self) -> impl Iterator<Item = (usize, (usize, &'a str))> {
        let mut inside = false;
        self.lines.iter().copied().enumerate().filter(move |(_, (_, line))| {
            let was_inside = inside;
            inside ^= line.matches("\"\"\"").count() % 2 == 1;
            !was_inside && line.contains('#')
        })
    }

    /// The line that a comment on line `index` speaks of: the next that is no comment itself.
    fn next(&self, index: usize) -> Span {
        let mut rest = self.lines[index + 1..].iter();
        let next = rest.find(|(_, line)| !line.trim_start().starts_with('#'));
        let (start, line) = next.copied().unwrap_or((self.behind(index), ""));
        Span::new(self.file, start, start + line.len())
    }

    /// Where the line behind line `index` begins.
    fn behind(&self, index: usize) -> usize {
        match self.lines.get(index + 1) {
            Some((start, _)) => *start,
            None => self.lines[index].0 + self.lines[index].1.len(),
        }
    }
}

/// `unknown-rule`
fn unknown_rule(span: Span, name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::UnknownRule, span, format!("no rule is called `{name}`"));
    match nearest(name, Rule::ALL.iter().map(|rule| rule.name())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(span, near),
        None => diagnostic.help("the rule's name stands in brackets behind each warning"),
    }
}

/// `unknown-rule`: no name at all.
fn names_no_rule(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::UnknownRule, span, "this allows no rule")
        .help("write the rule's name behind it: `# scn: allow no-expectation`")
}

/// `unknown-rule`: another word in the place of `allow`.
fn not_allow(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(Rule::UnknownRule, span, format!("`{word}` silences nothing"))
        .help("did you mean `allow`?")
        .fix(span, "allow")
}
