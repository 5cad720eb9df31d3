//! The keys that say how much load: users, stages, arrival rates, or each class its own. Which go together is decided
//! in one place, [`Reader::wanted`].

use std::collections::HashMap;
use std::time::Duration;

use super::read::{Reader, what};
use super::tree::{Kind, Node};
use super::{ClassLoad, Wanted};
use crate::base::Span;
use crate::base::units::{duration_text, read_rate};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::plan::schedule::ramp::{self, Stage};

/// Most arrivals a second; more is a slip.
pub const ARRIVAL_RATE_MAX: f64 = 1_000_000.0;

/// Most stages of a load.
pub const STAGES_MAX: usize = 1_000;

/// How long a run with `iterations` takes at most, where nothing else says so.
pub const ITERATIONS_DURATION: Duration = Duration::from_secs(600);

/// Keys of one class in `load`.
const CLASS_KEYS: &[&str] = &["users", "spawn_rate", "stages", "arrival_rate", "max_users"];

/// Keys of one stage.
const STAGE_KEYS: &[&str] = &["users", "arrival_rate", "over"];

/// What of the load has been read so far; a hole where it is missing or was wrong.
#[derive(Default)]
pub(super) struct LoadDraft {
    users: Option<u32>,
    spawn_rate: Option<f64>,
    stages: Option<Stages>,
    arrival_rate: Option<f64>,
    max_users: Option<u32>,
    classes: Option<Vec<ClassDraft>>,
}

/// Stages, and of what.
struct Stages {
    of_rate: bool,
    stages: Vec<Stage>,
}

struct ClassDraft {
    user: String,
    span: Span,
    load: LoadDraft,
    seen: HashMap<String, Span>,
}

/// What the whole profile says about every load in it.
pub(super) struct Shared {
    pub(super) duration: Option<Duration>,
    /// Whether `iterations` end the run.
    pub(super) counted: bool,
}

impl Reader<'_> {
    /// Reads one of the keys of a load.
    pub(super) fn load_key(&mut self, name: &str, key: &Node, value: &Node, draft: &mut LoadDraft) {
        match name {
            "users" => draft.users = self.users("users", key, value),
            "max_users" => draft.max_users = self.users("max_users", key, value),
            "spawn_rate" => draft.spawn_rate = self.spawn_rate(key, value),
            "arrival_rate" => draft.arrival_rate = self.arrival_rate(key, value).filter(|rate| *rate > 0.0),
            "stages" => draft.stages = self.stages(key, value),
            _ => draft.classes = self.classes(key, value),
        }
    }

    pub(super) fn iterations(&mut self, key: &Node, value: &Node) -> Option<u64> {
        let found = self.number("iterations", key, value, "write a whole number, `1000`")?;
        if found.fract() == 0.0 && (1.0..=1e15).contains(&found) {
            return Some(found as u64);
        }
        let help = "write a whole number from 1 up";
        self.wrong_value("iterations", key, value, "iterations are counted in whole numbers from 1 up", help);
        None
    }

    fn arrival_rate(&mut self, key: &Node, value: &Node) -> Option<f64> {
        let rate = match &value.kind {
            Kind::Scalar { text, .. } => read_rate(text).map(|rate| rate.0),
            _ => None,
        };
        let help = "write a rate, `500/s` or `30/m`";
        let found = match rate {
            Some(rate) => rate,
            None => {
                let number = self.number("arrival_rate", key, value, help)?;
                let meant = format!("{number}/s");
                let words = format!("did you mean `{meant}`?");
                self.wrong_value("arrival_rate", key, value, "a rate needs its unit", &words).fix(value.span, meant);
                return None;
            }
        };
        if (0.0..=ARRIVAL_RATE_MAX).contains(&found) {
            return Some(found);
        }
        let help = format!("write at most `{ARRIVAL_RATE_MAX}/s`");
        self.wrong_value("arrival_rate", key, value, "nobody can start so many iterations", &help);
        None
    }

    fn stages(&mut self, key: &Node, value: &Node) -> Option<Stages> {
        let help = "write `stages: [{users: 50, over: 1m}, {users: 50, over: 5m}]`";
        let Kind::List(items) = &value.kind else {
            self.wrong_value("stages", key, value, "a list of stages belongs here", help);
            return None;
        };
        if items.is_empty() || items.len() > STAGES_MAX {
            let why = if items.is_empty() { "there is no stage" } else { "there are too many stages" };
            self.wrong_value("stages", key, value, why, &format!("{help}, with 1 to {STAGES_MAX} stages"));
            return None;
        }
        let mut stages = Vec::new();
        let (mut of_rate, mut sound): (Option<(bool, Span)>, bool) = (None, true);
        for item in items {
            if self.has_enough() {
                break;
            }
            let Some((rate, stage)) = self.stage(item, help) else {
                sound = false;
                continue;
            };
            match of_rate {
                Some((first, place)) if first != rate => {
                    let diagnostic =
                        Diagnostic::new(Rule::ProfileValue, item.span, "stages of users and of a rate do not mix")
                            .label(if rate { "this is of a rate" } else { "this is of users" })
                            .also(place, if first { "the first is of a rate" } else { "the first is of users" })
                            .help("give one class of users the one and another the other, with `load`");
                    self.tell(diagnostic);
                    sound = false;
                }
                Some(_) => {}
                None => of_rate = Some((rate, item.span)),
            }
            stages.push(stage);
        }
        let (of_rate, _) = of_rate?;
        if !sound {
            return None;
        }
        if ramp::length(&stages).is_zero() {
            self.wrong_value(
                "stages",
                key,
                value,
                "all stages together take no time",
                "give a stage some time: `over: 5m`",
            );
            return None;
        }
        if ramp::highest(&stages) <= 0.0 {
            self.wrong_value("stages", key, value, "no stage has any load", "give a stage users or a rate above 0");
            return None;
        }
        Some(Stages { of_rate, stages })
    }

    /// One stage, and whether it is of a rate.
    fn stage(&mut self, item: &Node, help: &str) -> Option<(bool, Stage)> {
        let Kind::Map(pairs) = &item.kind else {
            let diagnostic = Diagnostic::new(Rule::ProfileValue, item.span, "a stage is a mapping")
                .label(format!("this is {}", what(item)))
                .help(help);
            self.tell(diagnostic);
            return None;
        };
        let mut seen = HashMap::new();
        let (mut level, mut over, mut sound) = (None, None, true);
        for (key, value) in pairs {
            let Kind::Scalar { text: name, .. } = &key.kind else { continue };
            if self.repeated(&mut seen, name, key) {
                sound = false;
                continue;
            }
            match name.as_str() {
                "users" => level = Some((false, self.level_of_users(key, value)?)),
                "arrival_rate" => level = Some((true, self.arrival_rate(key, value)?)),
                "over" => over = Some(self.duration("over", key, value)?),
                "duration" => {
                    let diagnostic = Diagnostic::new(Rule::UnknownKey, key.span, "a stage has no key `duration`")
                        .label("nothing reads this")
                        .help("did you mean `over`?")
                        .fix(key.span, "over");
                    self.tell(diagnostic);
                    return None;
                }
                _ => {
                    let near = nearest(name, STAGE_KEYS.iter().copied());
                    let diagnostic =
                        Diagnostic::new(Rule::UnknownKey, key.span, format!("a stage has no key `{name}`"))
                            .label("nothing reads this");
                    self.tell(match near {
                        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(key.span, near),
                        None => diagnostic.help(format!("the keys are {}", STAGE_KEYS.join(", "))),
                    });
                    return None;
                }
            }
        }
        if seen.contains_key("users") && seen.contains_key("arrival_rate") {
            let diagnostic =
                Diagnostic::new(Rule::ProfileValue, item.span, "a stage is of users or of a rate, not of both");
            self.tell(diagnostic.help(help));
            return None;
        }
        let mut lacks = |is_there: bool, name: &str, example: &str| {
            if !is_there {
                let diagnostic = Diagnostic::new(Rule::MissingKey, item.span, format!("the stage has no {name}"))
                    .label("in this stage")
                    .help(format!("add `{example}`"));
                self.tell(diagnostic);
            }
        };
        lacks(level.is_some(), "`users` and no `arrival_rate`", "users: 50");
        lacks(over.is_some(), "`over`", "over: 1m");
        let (of_rate, to) = level?;
        sound.then_some((of_rate, Stage { to, over: over? }))
    }

    /// The users of a stage: none is fine here.
    fn level_of_users(&mut self, key: &Node, value: &Node) -> Option<f64> {
        match &value.kind {
            Kind::Scalar { text, plain: true } if text == "0" => Some(0.0),
            _ => self.users("users", key, value).map(f64::from),
        }
    }

    fn classes(&mut self, key: &Node, value: &Node) -> Option<Vec<ClassDraft>> {
        let help = "write `load: {http: {arrival_rate: 100/s, max_users: 300}, websocket: {users: 500}}`";
        let Kind::Map(pairs) = &value.kind else {
            self.wrong_value("load", key, value, "each class of users with its load belongs here", help);
            return None;
        };
        if pairs.is_empty() {
            self.wrong_value("load", key, value, "no class of users is named", help);
            return None;
        }
        let mut names = HashMap::new();
        let mut classes = Vec::new();
        for (key, value) in pairs {
            let Kind::Scalar { text: user, .. } = &key.kind else { continue };
            if self.has_enough() || self.repeated(&mut names, user, key) {
                continue;
            }
            let Kind::Map(inner) = &value.kind else {
                self.wrong_value(user, key, value, "the load of a class is a mapping", help);
                continue;
            };
            let mut class =
                ClassDraft { user: user.clone(), span: key.span, load: LoadDraft::default(), seen: HashMap::new() };
            let mut seen = HashMap::new();
            for (key, value) in inner {
                let Kind::Scalar { text: name, .. } = &key.kind else { continue };
                if self.repeated(&mut seen, name, key) {
                    continue;
                }
                if CLASS_KEYS.contains(&name.as_str()) {
                    self.load_key(name, key, value, &mut class.load);
                    continue;
                }
                let near = nearest(name, CLASS_KEYS.iter().copied());
                let message = format!("the load of a class has no key `{name}`");
                let diagnostic = Diagnostic::new(Rule::UnknownKey, key.span, message).label("nothing reads this");
                self.tell(match near {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(key.span, near),
                    None => diagnostic.help(format!("the keys are {}", CLASS_KEYS.join(", "))),
                });
            }
            class.seen = seen.into_iter().map(|(name, span)| (name.to_owned(), span)).collect();
            classes.push(class);
        }
        Some(classes)
    }

    /// What all the keys mean together, and how long the run takes. `None`: something was wrong, and was told; what is
    /// missing is told at `place`.
    pub(super) fn wanted(
        &mut self,
        draft: &LoadDraft,
        seen: &HashMap<&str, Span>,
        shared: &Shared,
        place: Span,
    ) -> Option<(Wanted, Duration)> {
        if let Some(load) = seen.get("load") {
            for other in CLASS_KEYS.iter().filter_map(|key| Some((*key, *seen.get(key)?))) {
                self.contradict(other, ("load", *load), "write it for each class, in `load`");
            }
            return self.wanted_of_classes(draft.classes.as_ref()?, seen, shared, place);
        }
        let (wanted, length) = self.wanted_of(draft, &|key| seen.get(key).copied(), shared, place)?;
        let duration = match (length, shared.duration) {
            (Some(length), Some(duration)) if length != duration => {
                self.other_length(seen["duration"], length);
                return None;
            }
            (Some(length), _) => length,
            (None, Some(duration)) => duration,
            (None, None) if shared.counted && !seen.contains_key("duration") => ITERATIONS_DURATION,
            (None, None) => {
                self.lack(seen.contains_key("duration"), "duration", "duration: 5m", place);
                return None;
            }
        };
        Some((wanted?, duration))
    }

    fn wanted_of_classes(
        &mut self,
        classes: &[ClassDraft],
        seen: &HashMap<&str, Span>,
        shared: &Shared,
        place: Span,
    ) -> Option<(Wanted, Duration)> {
        let mut loads = Vec::new();
        let mut longest: Option<Duration> = None;
        for class in classes {
            // A class of `load` starts its users at once where it does not say how fast.
            let inner = Shared { duration: shared.duration, counted: true };
            let (wanted, length) =
                self.wanted_of(&class.load, &|key| class.seen.get(key).copied(), &inner, class.span)?;
            longest = longest.max(length);
            loads.extend(wanted.map(|wanted| ClassLoad { user: class.user.clone(), span: class.span, wanted }));
        }
        let duration = match (shared.duration, longest) {
            (Some(duration), Some(longest)) if longest > duration => {
                self.other_length(seen["duration"], longest);
                return None;
            }
            (Some(duration), _) => duration,
            (None, Some(longest)) => longest,
            (None, None) if shared.counted && !seen.contains_key("duration") => ITERATIONS_DURATION,
            (None, None) => {
                self.lack(seen.contains_key("duration"), "duration", "duration: 5m", place);
                return None;
            }
        };
        (loads.len() == classes.len()).then_some((Wanted::Classes(loads), duration))
    }

    /// One load: what is wanted, unless it was wrong, and how long its stages take.
    fn wanted_of(
        &mut self,
        draft: &LoadDraft,
        seen: &dyn Fn(&str) -> Option<Span>,
        shared: &Shared,
        place: Span,
    ) -> Option<(Option<Wanted>, Option<Duration>)> {
        let mut contradicts = false;
        let mut only_one = |reader: &mut Self, one: &'static str, others: &[&'static str], help: &str| {
            let Some(one_place) = seen(one) else { return };
            for other in others {
                if let Some(span) = seen(other) {
                    reader.contradict((other, span), (one, one_place), help);
                    contradicts = true;
                }
            }
        };
        only_one(self, "stages", &["users", "spawn_rate", "arrival_rate"], "the stages say how many, and when");
        only_one(
            self,
            "arrival_rate",
            &["users", "spawn_rate"],
            "at a rate, `max_users` says how many users there may be",
        );
        if contradicts {
            return None;
        }
        let of_rate = draft.stages.as_ref().is_some_and(|stages| stages.of_rate);
        let open = seen("arrival_rate").is_some() || of_rate;
        if let (Some(span), false) = (seen("max_users"), open || (seen("stages").is_some() && draft.stages.is_none())) {
            let diagnostic =
                Diagnostic::new(Rule::ProfileValue, span, "`max_users` bounds the users of an arrival rate")
                    .label("there is no `arrival_rate` here")
                    .help("write `arrival_rate: 100/s`, or `users` alone");
            self.tell(diagnostic);
            return None;
        }
        if open {
            self.lack(seen("max_users").is_some(), "max_users", "max_users: 300", place);
        }
        if let Some(Stages { of_rate, stages }) = &draft.stages {
            let length = Some(ramp::length(stages));
            let wanted = match of_rate {
                true => draft.max_users.map(|max_users| Wanted::RateStages { stages: stages.clone(), max_users }),
                false => Some(Wanted::UserStages(stages.clone())),
            };
            return Some((wanted, length));
        }
        if seen("stages").is_some() {
            return None;
        }
        if seen("arrival_rate").is_some() {
            let wanted = draft.arrival_rate.zip(draft.max_users);
            return Some((wanted.map(|(rate, max_users)| Wanted::Rate { rate, max_users }), None));
        }
        // Where iterations are counted, one user that is there at once is a sensible load.
        let (users, spawn_rate) = match shared.counted {
            true => (
                draft.users.or(seen("users").is_none().then_some(1)),
                draft.spawn_rate.or(seen("spawn_rate").is_none().then_some(f64::INFINITY)),
            ),
            false => {
                self.lack(seen("users").is_some(), "users", "users: 50", place);
                self.lack(seen("spawn_rate").is_some(), "spawn_rate", "spawn_rate: 5", place);
                (draft.users, draft.spawn_rate)
            }
        };
        let wanted = users.zip(spawn_rate).map(|(users, spawn_rate)| Wanted::Users { users, spawn_rate });
        Some((wanted, None))
    }

    /// A key that is needed and not there. What is missing has no place: it is told at `place`.
    fn lack(&mut self, is_there: bool, key: &str, example: &str, place: Span) {
        if !is_there {
            let diagnostic = Diagnostic::new(Rule::MissingKey, place, format!("the profile has no `{key}`"))
                .label("in this profile")
                .help(format!("add a line such as `{example}`"));
            self.tell(diagnostic);
        }
    }

    fn contradict(&mut self, other: (&str, Span), one: (&str, Span), help: &str) {
        let diagnostic = Diagnostic::new(
            Rule::ProfileValue,
            other.1,
            format!("`{}` and `{}` contradict each other", other.0, one.0),
        )
        .label("this")
        .also(one.1, "and this")
        .help(format!("keep one of them: {help}"));
        self.tell(diagnostic);
    }

    fn other_length(&mut self, span: Span, length: Duration) {
        let diagnostic = Diagnostic::new(Rule::ProfileValue, span, "`duration` and `stages` contradict each other")
            .label(format!("the stages take {}", duration_text(length)))
            .help("leave `duration` out: the stages say how long the run takes");
        self.tell(diagnostic);
    }
}
