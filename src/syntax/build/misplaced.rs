//! What stands where it does not belong.

use super::{Builder, G, P};
use crate::base::Span;
use crate::diagnostic::Rule;
use crate::syntax::ast::Bad;
use crate::syntax::keyword;

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top level.
    File,
    /// In the block of `target`.
    Target,
    /// In the block of `tls`.
    Tls,
    /// In the block of `data`.
    Data,
    /// In the block of `user`.
    User,
    /// Among the statements of a task.
    Task,
    /// In the block of `websocket`.
    Socket,
    /// In the block of `events`.
    Events,
    /// In the block of an HTTP step.
    Request,
    /// In the block of `receive` or `call`.
    Message,
}

impl Place {
    /// Whether a part belongs here.
    pub(super) fn takes(self, rule: G) -> bool {
        let default =
            matches!(rule, G::timeout_s | G::header_s | G::cookie_s | G::auth_s | G::query_s | G::redirects_s);
        let body = matches!(rule, G::json_s | G::form_s | G::multipart_s | G::body_s);
        let message = matches!(rule, G::expect_s | G::check_s | G::capture_s | G::set_s | G::measure_s);
        match self {
            Place::Target => {
                matches!(rule, G::timeout_s | G::header_s | G::redirects_s | G::auth_s)
                    || matches!(rule, G::switch_s | G::tls_s | G::proxy_s)
            }
            Place::User | Place::Task => default,
            Place::Socket => default && rule != G::redirects_s || rule == G::subprotocol_s,
            // What is asked of the answer's head; `set` and `measure` are statements there.
            Place::Events => default || body || matches!(rule, G::expect_s | G::check_s | G::capture_s),
            Place::Request => default || body || message,
            Place::Message => message,
            Place::File | Place::Tls | Place::Data => false,
        }
    }

    /// The words that belong here.
    pub(super) fn words(self) -> Vec<&'static str> {
        let lists: &[&[&'static str]] = match self {
            Place::File => &[keyword::ITEMS],
            Place::Target => &[keyword::TARGET_SETTINGS],
            Place::Tls => &[keyword::TLS_SETTINGS],
            Place::Data => &[keyword::DATA_OPTIONS],
            Place::User => &[keyword::USER_ITEMS, keyword::DEFAULTS],
            Place::Task => &[keyword::STATEMENTS, keyword::DEFAULTS],
            Place::Socket => &[keyword::STATEMENTS, keyword::SOCKET_SETTINGS],
            Place::Events => &[keyword::STATEMENTS, keyword::EVENTS_SETTINGS],
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
            Place::Tls => "in the block of `tls`",
            Place::Data => "in the block of `data`",
            Place::User => "in the block of `user`",
            Place::Task => "among the statements of a task",
            Place::Socket => "in the block of `websocket`",
            Place::Events => "in the block of `events`",
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
            G::data_s if matches!(place, Place::Request | Place::Events) => {
                let span = first_word(self, &kind);
                let better = if text.contains('{') { "form" } else { "body" };
                self.wrong_as(Rule::MisplacedPart, span, "`data` names rows at the top level of the file")
                    .label(format!("did you mean `{better}`?"))
                    .help("what a request sends is said by `json`, `form`, `multipart` or `body`")
                    .fix(span, better);
            }
            rule => {
                let word_span = first_word(self, &kind);
                let word = self.repaired.slice(word_span).to_owned();
                let answers =
                    rule == G::on_s && kind.clone().into_inner().any(|child| child.as_rule() == G::answer_tail);
                let (belongs, example) = match answers {
                    true => (
                        "with `receive` it belongs into the block of a socket",
                        "`websocket /ws { on receive where json $.type == \"ping\" { … } }`".into(),
                    ),
                    false => home(rule, &word),
                };
                let blocks = [Place::Target, Place::Socket, Place::Events, Place::Request, Place::Message];
                let part = blocks.contains(&place) && blocks.iter().any(|place| place.takes(rule));
                let broken = if part { Rule::MisplacedPart } else { Rule::Misplaced };
                self.wrong_as(broken, word_span, format!("`{word}` cannot stand {}", place.said()))
                    .label(belongs)
                    .help(example);
            }
        }
        self.bad(span, text)
    }

    /// A line of thresholds that could not be read.
    pub(super) fn bad_threshold(&mut self, pair: P<'t>) -> Bad {
        let span = self.place(&pair);
        let text = pair.as_str();
        if !self.threshold_slip(pair.as_span().start(), text) {
            self.explain_at(&pair, G::threshold_tail, "a threshold");
        }
        self.bad(span, text)
    }

    /// A branch of `choose` that could not be read.
    pub(super) fn bad_choice(&mut self, pair: &P<'t>) {
        self.explain_at(pair, G::choice_head, "a branch of `choose`");
    }

    /// A message of `receive all` that could not be read.
    pub(super) fn bad_expected(&mut self, pair: &P<'t>) {
        self.explain_at(pair, G::expected_tail, "a message of `receive all`");
    }

    /// A line of `tls` that could not be read.
    pub(super) fn bad_tls(&mut self, pair: &P<'t>) {
        let word = crate::syntax::nesting::leading_word(pair.as_str());
        match keyword::TLS_SETTINGS.contains(&word) {
            true => self.explain_at(pair, G::tls_tail, "a setting of `tls`"),
            false => self.unknown(pair, Place::Tls),
        }
    }

    /// A statement whose keyword is known and whose rest is not.
    pub(super) fn bad_statement(&mut self, kind: &P<'t>) -> Bad {
        let span = self.place(kind);
        let text = kind.as_str();
        let (tail, word) = match kind.as_rule() {
            G::scenario_s => (G::scenario_tail, "scenario"),
            G::target_s => (G::target_tail, "target"),
            G::switch_s => (G::switch_tail, text.split_whitespace().next().map_or("http", known_switch)),
            G::tls_s => (G::body_head, "tls"),
            G::proxy_s => (G::value_tail, "proxy"),
            G::data_s => (G::data_head, "data"),
            G::pick_o => (G::word_tail, "pick"),
            G::when_o => (G::when_tail, "when"),
            G::columns_o => (G::columns_tail, "columns"),
            G::separator_o => (G::value_tail, "separator"),
            G::use_s => (G::value_tail, "use"),
            G::flow_s => (G::flow_head, "flow"),
            G::setup_s => (G::body_head, "setup"),
            G::teardown_s => (G::body_head, "teardown"),
            G::user_s => (G::user_head, "user"),
            G::task_s => (G::task_head, "task"),
            G::on_s => (G::on_head, "on"),
            G::think_s => (G::delay_tail, "think"),
            G::pace_s => (G::value_tail, "pace"),
            G::session_s => (G::session_tail, "session"),
            G::take_s => (G::take_tail, "take"),
            G::pause_s => (G::delay_tail, "pause"),
            G::thresholds_s => (G::thresholds_head, "thresholds"),
            G::http_s => (G::request_tail, "GET"),
            G::websocket_s => (G::request_tail, "websocket"),
            G::open_s => (G::open_tail, "open"),
            G::with_s => (G::with_head, "with"),
            G::events_s => (G::events_tail, "events"),
            G::every_s => (G::every_head, "every"),
            G::send_s => (G::send_tail, "send"),
            G::receive_s if text.split_whitespace().nth(1) == Some("all") => (G::all_head, "receive"),
            G::receive_s => (G::receive_tail, "receive"),
            G::call_s => (G::call_tail, "call"),
            G::close_s => (G::close_tail, "close"),
            G::repeat_s => (G::repeat_head, "repeat"),
            G::for_s => (G::for_head, "for"),
            G::choose_s => (G::body_head, "choose"),
            G::group_s => (G::group_head, "group"),
            G::retry_s => (G::retry_head, "retry"),
            G::attempt_s => (G::body_head, "attempt"),
            G::parallel_s => (G::body_head, "parallel"),
            G::let_s => (G::let_tail, "let"),
            G::set_s => (G::capture_tail, "set"),
            G::measure_s => (G::let_tail, "measure"),
            G::log_s => (G::value_tail, "log"),
            G::stop_s => (G::word_tail, "stop"),
            G::fail_s => (G::fail_tail, "fail"),
            G::return_s => (G::value_tail, "return"),
            G::called_s => (G::called_tail, "a call"),
            G::header_s => (G::header_tail, "header"),
            G::cookie_s => (G::header_tail, "cookie"),
            G::auth_s => (G::auth_tail, "auth"),
            G::query_s => (G::object_tail, "query"),
            G::form_s => (G::object_tail, "form"),
            G::multipart_s => (G::object_tail, "multipart"),
            G::json_s => (G::value_tail, "json"),
            G::body_s => (G::value_tail, "body"),
            G::timeout_s => (G::value_tail, "timeout"),
            G::redirects_s => (G::value_tail, "redirects"),
            G::subprotocol_s => (G::value_tail, "subprotocol"),
            G::expect_s => (G::expect_tail, "expect"),
            G::check_s => (G::value_tail, "check"),
            G::capture_s => (G::capture_tail, "capture"),
            _ => (G::value_tail, "statement"),
        };
        let broken = kind.clone().into_inner().find(|child| matches!(child.as_rule(), G::bad | G::head_bad));
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

/// The words of the settings that take one word.
fn known_switch(word: &str) -> &'static str {
    ["http", "cookies", "compression"].into_iter().find(|known| *known == word).unwrap_or("http")
}

/// The first word of a statement.
fn first_word(builder: &Builder<'_>, kind: &P<'_>) -> Span {
    let text = kind.as_str();
    let length = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let start = kind.as_span().start();
    builder.span(start, start + length)
}

/// Where a statement belongs, as a label, and an example of it.
fn home(rule: G, word: &str) -> (&'static str, String) {
    match rule {
        G::scenario_s
        | G::target_s
        | G::data_s
        | G::use_s
        | G::flow_s
        | G::user_s
        | G::setup_s
        | G::teardown_s
        | G::thresholds_s => ("it belongs to the top level of the file", format!("close the blocks before `{word}`")),
        G::switch_s | G::tls_s | G::proxy_s => {
            ("it belongs into the block of `target`", format!("`target \"https://shop.test\" {{ {word} … }}`"))
        }
        G::task_s | G::on_s | G::think_s | G::pace_s | G::session_s => {
            ("it belongs into the block of `user`", "`user visitor { think 1s; task browse { … } }`".into())
        }
        G::expect_s | G::check_s | G::capture_s => {
            ("it belongs into the block of a step", format!("`GET /path {{ {word} … }}`"))
        }
        G::subprotocol_s => {
            ("it belongs to the first lines of `websocket`", "`websocket /ws { subprotocol \"v1\"; … }`".into())
        }
        G::header_s | G::cookie_s | G::auth_s | G::query_s | G::timeout_s | G::redirects_s => (
            "it belongs into the block of a request, or to the first lines of `websocket`",
            format!("`GET /path {{ {word} … }}`"),
        ),
        G::json_s | G::form_s | G::multipart_s | G::body_s => {
            ("it belongs into the block of a request", format!("`POST /path {{ {word} … }}`"))
        }
        G::let_s => ("it belongs before the step", "`let` stands in a task, in a user or at the top level".into()),
        G::take_s => ("it belongs into a user or a task", "`take account from accounts`".into()),
        _ => ("it belongs into a task", "`task browse { GET /path }`".into()),
    }
}
