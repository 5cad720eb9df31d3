//! What the YAML of a profile means. Every key is judged on its own, so that one pass tells all.

use std::collections::HashMap;
use std::time::Duration;

use super::load::{LoadDraft, Shared};
use super::tree::{self, Kind, Node};
use super::{MixShare, Profile, WrittenThreshold};
use crate::base::units::{duration_text, read_duration, read_rate, read_share};
use crate::base::{FileId, Span};
use crate::diagnostic::{Diagnostic, Rule, Severity, nearest};

/// Largest profile that is read. Real ones have some 500 bytes; the bound keeps reading within milliseconds.
pub const PROFILE_BYTES_MAX: usize = 64 << 10;

/// So many mistakes are told; who has more has given us something else than a profile.
const DIAGNOSTICS_MAX: usize = 50;

/// Keys of this length and more are not compared with ours.
const KEY_LENGTH_MAX: usize = 64;

/// Most users of a run; more is a slip.
pub const USERS_MAX: f64 = 10_000_000.0;

/// Most users that can start in a second; more is a slip.
pub const SPAWN_RATE_MAX: f64 = 1_000_000.0;

/// A year: what is longer is a slip.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Keys that a profile may have.
const KEYS: &[&str] = &[
    "name",
    "description",
    "users",
    "spawn_rate",
    "duration",
    "mix",
    "stages",
    "arrival_rate",
    "max_users",
    "load",
    "iterations",
    "warm_up",
    "graceful_stop",
    "thresholds",
    "scenarios",
];

/// The end of a key of the older spelling: `http_weight: 60`.
const WEIGHT: &str = "_weight";

/// A profile, read.
#[derive(Debug)]
pub struct Parsed {
    /// The profile; `None` where an error is among the diagnostics.
    pub profile: Option<Profile>,
    /// What was wrong, in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `text`, which is the text of `file`, as a profile.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let mut reader = Reader { text, diagnostics: Vec::new() };
    let profile = reader.profile(file);
    let mut diagnostics = reader.diagnostics;
    diagnostics.truncate(DIAGNOSTICS_MAX);
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span.start);
    let broken = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    Parsed { profile: profile.filter(|_| !broken), diagnostics }
}

pub(super) struct Reader<'a> {
    text: &'a str,
    diagnostics: Vec<Diagnostic>,
}

/// What has been read so far; a hole where it is missing or was wrong.
#[derive(Default)]
struct Draft {
    name: String,
    description: String,
    load: LoadDraft,
    duration: Option<Duration>,
    iterations: Option<u64>,
    warm_up: Option<(Duration, Span)>,
    graceful_stop: Option<Duration>,
    mix: Vec<MixShare>,
    thresholds: Vec<WrittenThreshold>,
}

impl Reader<'_> {
    fn profile(&mut self, file: FileId) -> Option<Profile> {
        if self.text.len() > PROFILE_BYTES_MAX {
            let message = format!("the profile has {} bytes", self.text.len());
            let label = format!("a profile has at most {PROFILE_BYTES_MAX}");
            self.tell(Diagnostic::new(Rule::ProfileSyntax, Span::new(file, 0, 0), message).label(label));
            return None;
        }
        let root = match tree::read(file, self.text) {
            Ok(root) => root.unwrap_or(Node { span: Span::new(file, 0, 0), kind: Kind::Map(Vec::new()) }),
            Err(diagnostic) => {
                self.tell(*diagnostic);
                return None;
            }
        };
        let pairs = match &root.kind {
            Kind::Map(pairs) => pairs.as_slice(),
            Kind::Scalar { .. } if is_nothing(&root) => &[],
            _ => {
                let diagnostic = Diagnostic::new(Rule::ProfileValue, root.span, "a profile is keys with values")
                    .label(format!("this is {}", what(&root)))
                    .help("write `users: 50` and the other keys, each on a line");
                self.tell(diagnostic);
                return None;
            }
        };
        let mut draft = Draft::default();
        let seen = self.keys(pairs, &mut draft);
        let place = pairs.first().map_or(root.span, |(key, _)| key.span);
        let shared = Shared { duration: draft.duration, counted: seen.contains_key("iterations") };
        let (wanted, duration) = self.wanted(&draft.load, &seen, &shared, place)?;
        if let Some((warm_up, span)) = draft.warm_up
            && warm_up >= duration
        {
            let diagnostic = Diagnostic::new(Rule::ProfileValue, span, "the warm-up is as long as the run")
                .label(format!("the run takes {}", duration_text(duration)))
                .help("the warm-up is the first part of the run: make it shorter, or the run longer");
            self.tell(diagnostic);
        }
        Some(Profile {
            name: draft.name,
            description: draft.description,
            wanted,
            duration,
            iterations: draft.iterations,
            warm_up: draft.warm_up.map_or(Duration::ZERO, |(warm_up, _)| warm_up),
            graceful_stop: draft.graceful_stop,
            mix: draft.mix,
            thresholds: draft.thresholds,
        })
    }

    /// Reads every key; gives those that were there, or were probably meant.
    fn keys<'n>(&mut self, pairs: &'n [(Node, Node)], draft: &mut Draft) -> HashMap<&'n str, Span> {
        let mut seen = HashMap::new();
        let mut old_spelling: Option<(Span, Vec<MixShare>)> = None;
        for (key, value) in pairs {
            if self.has_enough() {
                break;
            }
            let Kind::Scalar { text: name, .. } = &key.kind else {
                let message = "the key of a profile is a word";
                let label = format!("this is {}", what(key));
                self.tell(Diagnostic::new(Rule::UnknownKey, key.span, message).label(label));
                continue;
            };
            if self.repeated(&mut seen, name, key) {
                continue;
            }
            match name.as_str() {
                "name" => draft.name = self.words(name, key, value).unwrap_or_default(),
                "description" => draft.description = self.words(name, key, value).unwrap_or_default(),
                "users" | "spawn_rate" | "stages" | "arrival_rate" | "max_users" | "load" => {
                    self.load_key(name, key, value, &mut draft.load);
                }
                "iterations" => draft.iterations = self.iterations(key, value),
                "warm_up" => {
                    draft.warm_up = self.duration(name, key, value).map(|length| (length, value.span));
                }
                "duration" => {
                    draft.duration = self.duration(name, key, value);
                    if draft.duration == Some(Duration::ZERO) {
                        self.wrong_value(name, key, value, "a run needs some time", "write `30s` or `5m`");
                    }
                }
                "graceful_stop" => draft.graceful_stop = self.duration(name, key, value),
                "mix" => draft.mix = self.mix(name, key, value),
                "scenarios" => old_spelling = Some((key.span, self.mix(name, key, value))),
                "thresholds" => draft.thresholds = self.thresholds(name, key, value),
                weight if weight.len() > WEIGHT.len() && weight.ends_with(WEIGHT) => {
                    let share = self.mix_share(weight, key, value);
                    old_spelling.get_or_insert((key.span, Vec::new())).1.extend(share);
                }
                _ => {
                    let words = KEYS.iter().copied();
                    if let Some(meant) = self.unknown_key(name, key, words) {
                        // One mistake, one message: the key that was meant is not missing.
                        seen.entry(meant).or_insert(key.span);
                    }
                }
            }
        }
        if let Some((span, shares)) = old_spelling {
            match seen.get("mix") {
                Some(mix) => {
                    let diagnostic = Diagnostic::new(Rule::DuplicateKey, span, "the mix is given twice")
                        .label("here in the older spelling")
                        .also(*mix, "and here")
                        .help("keep `mix`");
                    self.tell(diagnostic);
                }
                None => draft.mix = shares,
            }
        }
        let sum: f64 = draft.mix.iter().map(|entry| entry.share).sum();
        if let (Some(first), true) = (draft.mix.first().and_then(|entry| entry.span), sum == 0.0) {
            let diagnostic = Diagnostic::new(Rule::ProfileValue, first, "all shares of the mix are 0")
                .label("so nobody would get any users")
                .help("give at least one class of users a share above 0");
            self.tell(diagnostic);
        }
        seen
    }

    pub(super) fn users(&mut self, name: &str, key: &Node, value: &Node) -> Option<u32> {
        let found = self.number(name, key, value, "write a whole number, `50`")?;
        if found.fract() == 0.0 && (1.0..=USERS_MAX).contains(&found) {
            return Some(found as u32);
        }
        let help = format!("write a whole number from 1 to {USERS_MAX}");
        self.wrong_value(name, key, value, "users are counted in whole numbers from 1 up", &help);
        None
    }

    pub(super) fn spawn_rate(&mut self, key: &Node, value: &Node) -> Option<f64> {
        let rate = match &value.kind {
            Kind::Scalar { text, .. } => read_rate(text).map(|rate| rate.0),
            _ => None,
        };
        let found = match rate {
            Some(rate) => rate,
            None => self.number("spawn_rate", key, value, "write users a second, `5` or `0.5`, or a rate, `30/m`")?,
        };
        if found > 0.0 && found <= SPAWN_RATE_MAX {
            return Some(found);
        }
        let help = format!("write how many users start a second: more than 0, at most {SPAWN_RATE_MAX}");
        self.wrong_value("spawn_rate", key, value, "at that rate the users could not start", &help);
        None
    }

    pub(super) fn duration(&mut self, name: &str, key: &Node, value: &Node) -> Option<Duration> {
        let help = "write a number with its unit, `30s`, `5m` or `1h30m`";
        let Kind::Scalar { text, .. } = &value.kind else {
            self.wrong_value(name, key, value, "a duration belongs here", help);
            return None;
        };
        if let Some(duration) = read_duration(text) {
            if duration > DURATION_MAX {
                self.wrong_value(name, key, value, "this is longer than a year", help);
            }
            return Some(duration);
        }
        let joined: String = text.split_whitespace().collect();
        if plain_number(text).is_some_and(|number| number >= 0.0) {
            let help = format!("did you mean `{text}s`?");
            let unit = "a duration needs its unit";
            self.wrong_value(name, key, value, unit, &help).fix(value.span, format!("{text}s"));
        } else if read_duration(&joined).is_some() {
            let help = format!("write `{joined}`");
            let blank = "no blank stands before a unit";
            self.wrong_value(name, key, value, blank, &help).fix(value.span, joined);
        } else {
            self.wrong_value(name, key, value, "a duration belongs here", help);
        }
        None
    }

    /// The entries of `mix`, or of `scenarios` in the older spelling.
    fn mix(&mut self, name: &str, key: &Node, value: &Node) -> Vec<MixShare> {
        let old = name == "scenarios";
        let example = if old { "{http_weight: 60, websocket_weight: 40}" } else { "{http: 60, websocket: 40}" };
        let help = format!("write `{name}: {example}`");
        let Kind::Map(pairs) = &value.kind else {
            self.wrong_value(name, key, value, "each class of users with its share belongs here", &help);
            return Vec::new();
        };
        if pairs.is_empty() {
            self.wrong_value(name, key, value, "no class of users is named", &help);
        }
        let mut seen = HashMap::new();
        let mut shares = Vec::new();
        for (key, value) in pairs {
            if self.has_enough() {
                break;
            }
            let Kind::Scalar { text: class, .. } = &key.kind else {
                let label = format!("this is {}", what(key));
                self.tell(Diagnostic::new(Rule::UnknownKey, key.span, "a class of users is a word").label(label));
                continue;
            };
            if self.repeated(&mut seen, class, key) {
                continue;
            }
            if old && !class.ends_with(WEIGHT) {
                let message = format!("`{class}` is no weight");
                let diagnostic = Diagnostic::new(Rule::UnknownKey, key.span, message)
                    .label(format!("keys of `scenarios` end in `{WEIGHT}`"))
                    .help(format!("write `{class}{WEIGHT}`, or use `mix: {{{class}: …}}`"));
                self.tell(diagnostic);
                continue;
            }
            shares.extend(self.mix_share(class, key, value));
        }
        shares
    }

    fn mix_share(&mut self, name: &str, key: &Node, value: &Node) -> Option<MixShare> {
        let percentage = match &value.kind {
            Kind::Scalar { text, .. } => read_share(text).map(|share| share.0 * 100.0),
            _ => None,
        };
        let share = match percentage {
            Some(share) => share,
            None => self.number(name, key, value, "write its share against the others, `60`")?,
        };
        if share < 0.0 {
            self.wrong_value(name, key, value, "a share is never below 0", "write a number from 0 up");
            return None;
        }
        let user = name.strip_suffix(WEIGHT).unwrap_or(name).to_owned();
        Some(MixShare { user, share, span: Some(key.span) })
    }

    pub(super) fn words(&mut self, name: &str, key: &Node, value: &Node) -> Option<String> {
        match &value.kind {
            Kind::Scalar { text, .. } if !is_nothing(value) => Some(text.trim().to_owned()),
            _ => {
                self.wrong_value(name, key, value, "some words belong here", "write text, in quotes if need be");
                None
            }
        }
    }

    /// A plain number, finite.
    pub(super) fn number(&mut self, name: &str, key: &Node, value: &Node, help: &str) -> Option<f64> {
        if let Kind::Scalar { text, plain } = &value.kind {
            match (plain_number(text), plain) {
                (Some(number), true) => return Some(number),
                (Some(_), false) => {
                    let help = format!("write `{text}` without quotes");
                    let text = text.clone();
                    self.wrong_value(name, key, value, "a number belongs here", &help).fix(value.span, text);
                    return None;
                }
                (None, _) => {}
            }
        }
        self.wrong_value(name, key, value, "a number belongs here", help);
        None
    }

    /// Whether the key was there before; then says so.
    pub(super) fn repeated<'n>(&mut self, seen: &mut HashMap<&'n str, Span>, name: &'n str, key: &Node) -> bool {
        if let Some(earlier) = seen.get(name) {
            let diagnostic = Diagnostic::new(Rule::DuplicateKey, key.span, format!("`{name}` is given twice"))
                .label("here again")
                .also(*earlier, "first here");
            self.tell(diagnostic);
            return true;
        }
        seen.insert(name, key.span);
        false
    }

    /// `unknown-key`; gives the key that was probably meant.
    pub(super) fn unknown_key<'w>(
        &mut self,
        name: &str,
        key: &Node,
        words: impl Iterator<Item = &'w str>,
    ) -> Option<&'w str> {
        let meant = if name.len() < KEY_LENGTH_MAX { nearest(name, words) } else { None };
        let mut diagnostic = Diagnostic::new(Rule::UnknownKey, key.span, format!("a profile has no key `{name}`"));
        diagnostic = match meant {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).fix(key.span, meant),
            None => diagnostic.help(format!("the keys are {}", KEYS[..KEYS.len() - 1].join(", "))),
        };
        self.tell(diagnostic.label("nothing reads this"));
        meant
    }

    /// `profile-value`, at the value, or at its key where nothing was written.
    pub(super) fn wrong_value(&mut self, name: &str, key: &Node, value: &Node, why: &str, help: &str) -> Fixable<'_> {
        let (message, span) = match &value.kind {
            _ if is_nothing(value) => (format!("`{name}` has no value"), key.span),
            Kind::Scalar { text, .. } => (format!("`{name}` is `{}`", shortened(text)), value.span),
            _ => (format!("`{name}` is {}", what(value)), value.span),
        };
        self.tell(Diagnostic::new(Rule::ProfileValue, span, message).label(why).help(help));
        Fixable(self.diagnostics.last_mut().filter(|_| !value_is_empty(value)))
    }

    /// Thresholds, as they stand in a scenario; what they mean is understood beside one.
    fn thresholds(&mut self, name: &str, key: &Node, value: &Node) -> Vec<WrittenThreshold> {
        let items = match &value.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Scalar { .. } if is_nothing(value) => &[],
            _ => {
                let help = "write one in each line: `- p95 < 300ms`";
                self.wrong_value(name, key, value, "a list of thresholds belongs here", help);
                &[]
            }
        };
        let mut written = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Scalar { plain, .. } if !is_nothing(item) => {
                    let Span { file, start, end } = item.span;
                    let quotes = u32::from(!plain);
                    written.push(WrittenThreshold {
                        span: Span { file, start: start + quotes, end: end.saturating_sub(quotes).max(start + quotes) },
                        meaning: None,
                    });
                }
                _ => {
                    let help = "as in a scenario: `p95 < 300ms`";
                    self.wrong_value(name, key, item, "a threshold belongs here", help);
                }
            }
        }
        written
    }

    /// Whether so much is wrong that more would help nobody.
    pub(super) fn has_enough(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
    }

    pub(super) fn tell(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

/// The diagnostic just told, for which there may be an edit.
pub(super) struct Fixable<'a>(Option<&'a mut Diagnostic>);

impl Fixable<'_> {
    pub(super) fn fix(self, span: Span, replacement: String) {
        if let Some(diagnostic) = self.0 {
            diagnostic.fix = Some(crate::diagnostic::Fix { span, replacement });
        }
    }
}

/// Whether there is no value at all: `users:` and nothing behind it.
fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
}

fn value_is_empty(node: &Node) -> bool {
    node.span.start == node.span.end
}

pub(super) fn what(node: &Node) -> &'static str {
    match node.kind {
        Kind::Scalar { .. } if is_nothing(node) => "nothing",
        Kind::Scalar { .. } => "a single value",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a mapping",
    }
}

/// A number as YAML writes it, finite.
fn plain_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The beginning of a long text, on one line.
fn shortened(text: &str) -> String {
    let line: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
}
