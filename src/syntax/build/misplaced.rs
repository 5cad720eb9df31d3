//! What stands where it does not belong, what belongs to a later language, and words nobody knows.

use super::{Builder, G, P};
use crate::base::Span;
use crate::diagnostic::{Rule, nearest};
use crate::syntax::ast::Bad;
use crate::syntax::keyword;

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top level.
    File,
    /// In the block of `target`.
    Target,
    /// In the block of `user`.
    User,
    /// Among the statements of a task.
    Task,
    /// In the block of `websocket`.
    Socket,
    /// In the block of an HTTP step.
    Request,
    /// In the block of `receive` or `call`.
    Message,
}

impl Place {
    /// Whether a part belongs here.
    pub(super) fn takes(self, rule: G) -> bool {
        match self {
            Place::Target => matches!(rule, G::timeout_s | G::header_s),
            Place::Socket => matches!(rule, G::timeout_s | G::header_s | G::query_s),
            Place::Request => matches!(
                rule,
                G::header_s
                    | G::query_s
                    | G::json_s
                    | G::form_s
                    | G::body_s
                    | G::timeout_s
                    | G::expect_s
                    | G::check_s
                    | G::capture_s
            ),
            Place::Message => matches!(rule, G::expect_s | G::check_s | G::capture_s),
            Place::File | Place::User | Place::Task => false,
        }
    }

    /// The words that belong here.
    fn words(self) -> Vec<&'static str> {
        let lists: &[&[&'static str]] = match self {
            Place::File => &[keyword::ITEMS],
            Place::Target => &[keyword::TARGET_SETTINGS],
            Place::User => &[keyword::USER_ITEMS],
            Place::Task => &[keyword::STATEMENTS],
            Place::Socket => &[keyword::STATEMENTS, keyword::SOCKET_SETTINGS],
            Place::Request => &[keyword::REQUEST_PARTS],
            Place::Message => &[keyword::MESSAGE_PARTS],
        };
        lists.concat()
    }

    /// As a message says it: "… stands …".
    fn said(self) -> &'static str {
        match self {
            Place::File => "at the top level",
            Place::Target => "in the block of `target`",
            Place::User => "in the block of `user`",
            Place::Task => "among the statements of a task",
            Place::Socket => "in the block of `websocket`",
            Place::Request => "in the block of a request",
            Place::Message => "in the block of a received message",
        }
    }
}

impl<'t> Builder<'t> {
    /// Complains about a statement that has no place here, and leaves a hole.
    pub(super) fn misplaced(&mut self, whole: P<'t>, kind: P<'t>, place: Place) -> Bad {
        let span = self.place(&whole);
        let text = whole.as_str();
        match kind.as_rule() {
            G::later_s => self.later(&kind),
            G::unknown_s => self.unknown(&kind, place),
            G::empty_label => {
                let name = text.trim_end().trim_end_matches(':').trim_end();
                self.wrong(span, format!("the label `{name}` needs a statement behind it"))
                    .help(format!("`{name}: GET /path`, on one line"));
            }
            G::else_s => {
                self.wrong(first_word(self, &kind), "`else` stands behind the block of an `if`")
                    .label("there is no `if` right before it");
            }
            rule => {
                let word_span = first_word(self, &kind);
                let word = self.repaired.slice(word_span).to_owned();
                let (belongs, example) = home(rule, &word);
                let part = matches!(place, Place::Target | Place::Socket | Place::Request | Place::Message)
                    && (Place::Request.takes(rule) || Place::Socket.takes(rule));
                let broken = if part { Rule::MisplacedPart } else { Rule::Misplaced };
                self.wrong_as(broken, word_span, format!("`{word}` cannot stand {}", place.said()))
                    .label(belongs)
                    .help(example);
            }
        }
        self.bad(span, text)
    }

    /// A word of the later language.
    fn later(&mut self, kind: &P<'t>) {
        let Some(word) = kind.clone().into_inner().find(|child| child.as_rule() == G::later) else { return };
        let span = self.place(&word);
        let help = match word.as_str() {
            "flow" | "use" => Some("write the steps out in each task"),
            "setup" | "teardown" => Some("`on start` and `on stop` run once for each user"),
            "group" => Some("take its steps out of the block; each is a row of its own"),
            "for" => Some("`repeat N as i { … }` repeats a known number of times"),
            "choose" => Some("tasks with `weight` are drawn at random"),
            "set" => Some("`let` and `capture` name a new value"),
            "data" | "take" => Some("`oneof(…)` draws from a few values"),
            "auth" => Some("write `header Authorization \"Bearer …\"`"),
            "pace" => Some("`think` pauses between tasks"),
            "stop" => Some("`if` can leave the rest of a task out"),
            _ => None,
        };
        let complaint = self.wrong_as(Rule::NotYetSupported, span, format!("`{}` is not supported yet", word.as_str()));
        if let Some(help) = help {
            drop(complaint.help(help));
        }
    }

    /// A line that begins with nothing known.
    fn unknown(&mut self, kind: &P<'t>, place: Place) {
        let text = kind.as_str().trim_end();
        let start = kind.as_span().start();
        let first_line = text.lines().next().unwrap_or(text).trim_end();
        let head_end = first_line.find('{').map_or(first_line.len(), |at| if at == 0 { 1 } else { at });
        let head = first_line[..head_end].trim_end();
        let whole = self.span(start, start + head.len());
        let length = head.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(head.len());
        let word = &head[..length];
        let rest = head[length..].trim_start();
        if self.braces_in_path(start, kind.as_str()) {
            return;
        }
        if word.is_empty() {
            let what = head.chars().next().unwrap_or(' ');
            let complaint = self.wrong(whole, "no statement begins like this");
            match what {
                '/' => drop(complaint.help("a request begins with its method: `GET /path`")),
                '{' => drop(complaint.help("a block belongs to the statement before it, on the same line")),
                '$' => drop(complaint.help("a condition stands behind `expect`: `expect json $.ok == true`")),
                _ => drop(complaint.help(beginnings(place))),
            }
            return;
        }
        let span = self.span(start, start + length);
        if keyword::EXTRACTORS.contains(&word) {
            self.wrong(span, format!("`{word}` says what to look at, not what to do with it"))
                .label(format!("did you mean `expect {word}`?"))
                .fix(span, format!("expect {word}"));
            return;
        }
        if keyword::INFIX.contains(&word) {
            self.wrong(span, format!("`{word}` cannot begin a statement"))
                .help("such a word goes on with the line above, when that can go on");
            return;
        }
        if keyword::METHODS.contains(&word) && rest.starts_with([':', '(']) {
            let sign = &rest[..1];
            self.wrong(span, format!("behind a method stand a blank and its path, no `{sign}`"))
                .help(format!("`{word} /path {{ … }}`"));
            return;
        }
        if rest.starts_with('(') && place != Place::File {
            self.wrong_as(Rule::UnknownWord, span, format!("no statement is called `{word}`"))
                .help("functions give values: `let x = …`; calling a flow is not supported yet");
            return;
        }
        if rest.starts_with('=') && !rest.starts_with("==") {
            self.wrong(span, "a value is named with `let`")
                .label(format!("did you mean `let {word}`?"))
                .fix(span, format!("let {word}"));
            return;
        }
        let known = place.words();
        let synonym =
            keyword::SYNONYMS.iter().find(|(theirs, _)| *theirs == word.to_lowercase()).map(|(_, ours)| *ours);
        let everywhere = || [keyword::ITEMS, keyword::USER_ITEMS, keyword::STATEMENTS, keyword::REQUEST_PARTS].concat();
        let better = synonym
            .or_else(|| nearest(word, known.iter().copied()))
            .or_else(|| nearest(word, keyword::METHODS.iter().copied()).filter(|_| rest.starts_with('/')))
            .or_else(|| nearest(word, everywhere()));
        let complaint = self.wrong_as(Rule::UnknownWord, span, format!("nothing here is called `{word}`"));
        match better {
            Some(better) => drop(complaint.label(format!("did you mean `{better}`?")).fix(span, better)),
            None => drop(complaint.help(beginnings(place))),
        }
    }

    /// `/users/{id}` and `/users/{{ id }}`: what other tools put into paths reads as a block here. Whether it was that,
    /// or what is left over behind it.
    fn braces_in_path(&mut self, start: usize, text: &str) -> bool {
        let before = &self.text[..start];
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        let touches_path = |brace: usize| line[..brace].ends_with(|c: char| !c.is_whitespace()) && line.contains(" /");
        if text.starts_with(['{', '/']) && line.trim_end().ends_with('}') {
            let opened = line.find('{').unwrap_or(0);
            return touches_path(opened) && is_word(line[opened..].trim_matches(['{', '}', ' ']));
        }
        let outer = line.trim_end();
        let opened = outer.trim_end_matches('{').len();
        let word = text.split(['}', '\n']).next().unwrap_or_default().trim_matches(['{', ' ']);
        if opened == outer.len() || !touches_path(opened) || !is_word(word) {
            return false;
        }
        let from = before.len() - line.len() + opened;
        let rest = &self.text[start..];
        let closing =
            rest.find('}').map_or(rest.len(), |at| at + rest[at..].len() - rest[at..].trim_start_matches('}').len());
        let place = self.span(from, start + closing);
        self.wrong(place, "a value in a path stands in `${…}`")
            .label(format!("did you mean `${{{word}}}`?"))
            .fix(place, format!("${{{word}}}"));
        true
    }

    /// A line of thresholds that could not be read.
    pub(super) fn bad_threshold(&mut self, pair: P<'t>) -> Bad {
        let span = self.place(&pair);
        let text = pair.as_str();
        self.explain_at(&pair, G::threshold_tail, "a threshold");
        self.bad(span, text)
    }

    /// A statement whose keyword is known and whose rest is not.
    pub(super) fn bad_statement(&mut self, kind: &P<'t>) -> Bad {
        let span = self.place(kind);
        let text = kind.as_str();
        let (tail, word) = match kind.as_rule() {
            G::scenario_s => (G::scenario_tail, "scenario"),
            G::target_s => (G::target_tail, "target"),
            G::user_s => (G::user_head, "user"),
            G::task_s => (G::task_head, "task"),
            G::on_s => (G::on_head, "on"),
            G::think_s => (G::delay_tail, "think"),
            G::pause_s => (G::delay_tail, "pause"),
            G::thresholds_s => (G::thresholds_head, "thresholds"),
            G::http_s => (G::request_tail, "GET"),
            G::websocket_s => (G::request_tail, "websocket"),
            G::send_s => (G::send_tail, "send"),
            G::receive_s => (G::receive_tail, "receive"),
            G::call_s => (G::call_tail, "call"),
            G::close_s => (G::close_tail, "close"),
            G::repeat_s => (G::repeat_head, "repeat"),
            G::let_s => (G::let_tail, "let"),
            G::header_s => (G::header_tail, "header"),
            G::query_s => (G::object_tail, "query"),
            G::form_s => (G::object_tail, "form"),
            G::json_s => (G::value_tail, "json"),
            G::body_s => (G::value_tail, "body"),
            G::timeout_s => (G::value_tail, "timeout"),
            G::expect_s => (G::expect_tail, "expect"),
            G::check_s => (G::value_tail, "check"),
            G::capture_s => (G::capture_tail, "capture"),
            _ => (G::value_tail, "statement"),
        };
        let broken = kind
            .clone()
            .into_inner()
            .find(|child| matches!(child.as_rule(), G::bad | G::head_bad | G::receive_later | G::repeat_later));
        if let Some(broken) = broken {
            self.explain(&broken, tail, word);
        }
        self.bad(span, text)
    }

    /// Complains about a label where none can stand.
    pub(super) fn no_label(&mut self, label: Option<&P<'t>>) {
        if let Some(label) = label {
            let span = self.place(label);
            self.wrong_as(Rule::MisplacedLabel, span, "a label names a step; nothing else can have one")
                .help("put the label before the request or the socket step");
        }
    }
}

/// Whether it could name a value.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The first word of a statement.
fn first_word(builder: &Builder<'_>, kind: &P<'_>) -> Span {
    let text = kind.as_str();
    let length = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let start = kind.as_span().start();
    builder.span(start, start + length)
}

/// What may begin a line at a place.
fn beginnings(place: Place) -> String {
    match place {
        Place::Task | Place::Socket => {
            "a statement is a request such as `GET /path`, `websocket`, `send`, `receive`, `call`, `close`, `pause`, `repeat`, `if` or `let`".into()
        }
        _ => {
            let words = place.words();
            let (last, others) = words.split_last().expect("something stands everywhere");
            format!("here can stand {} or `{last}`", others.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Where a statement belongs, as a label, and an example of it.
fn home(rule: G, word: &str) -> (&'static str, String) {
    match rule {
        G::scenario_s | G::target_s | G::user_s | G::thresholds_s => {
            ("it belongs to the top level of the file", format!("close the blocks before `{word}`"))
        }
        G::task_s | G::on_s | G::think_s => {
            ("it belongs into the block of `user`", "`user visitor { think 1s; task browse { … } }`".into())
        }
        G::expect_s | G::check_s | G::capture_s => {
            ("it belongs into the block of a step", format!("`GET /path {{ {word} … }}`"))
        }
        G::header_s | G::query_s | G::timeout_s => (
            "it belongs into the block of a request, or to the first lines of `websocket`",
            format!("`GET /path {{ {word} … }}`"),
        ),
        G::json_s | G::form_s | G::body_s => {
            ("it belongs into the block of a request", format!("`POST /path {{ {word} … }}`"))
        }
        G::let_s => ("it belongs before the step", "`let` stands in a task, in a user or at the top level".into()),
        _ => ("it belongs into a task", "`task browse { GET /path }`".into()),
    }
}
