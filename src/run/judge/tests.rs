//! Which part fails first, what it is called, and what is said about it.

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::base::Offset;
use crate::metrics::Snapshot;
use crate::plan::SlotId;
use crate::plan::expr::{Extractor, Function, JsonPath, Operator, Segment, StatusPattern};
use crate::run::fixture;

fn json(name: &str) -> Expr {
    Expr::Extract(Extractor::Json(JsonPath::Simple(vec![Segment::Name(name.into())])))
}

fn lit(value: impl Into<Value>) -> Expr {
    Expr::Literal(value.into())
}

fn bin(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::Binary(Box::new(left), operator, Box::new(right))
}

fn expect(condition: Expr, point: u32) -> Part {
    Part::Expect { condition, otherwise: None, point: PointId(point) }
}

fn capture(value: Expr, default: Option<Expr>, point: u32) -> Part {
    Part::Capture { slot: SlotId(0), value, default, point: PointId(point) }
}

const ANSWERED: &str = r#"{"n": 9, "text": "ten", "flag": false, "samples": [1, 2]}"#;

/// What comes of `parts`, written as `texts`, over a 503 with this body: the first reason, the user, what was seen.
fn judged_over(body: &str, texts: &[&str], parts: &[Part]) -> (Result<(), (ErrorKind, PointId)>, User, Snapshot) {
    let thread = fixture::thread(fixture::plan(&[], texts), fixture::nowhere());
    let mut user = fixture::user(&thread);
    let (headers, body) = (HeaderMap::new(), Bytes::copy_from_slice(body.as_bytes()));
    let answer = Answer {
        status: 503,
        headers: Some(&headers),
        body: &body,
        size: body.len() as u64,
        digest: None,
        url: "http://127.0.0.1/",
        time: Duration::from_millis(1_200),
        event: None,
        session: None,
    };
    let judged = user.judge(parts, &answer);
    let seen = thread.recorder.borrow_mut().take(Offset::ZERO, Duration::ZERO);
    (judged, user, seen)
}

fn judged(texts: &[&str], parts: &[Part]) -> (Result<(), (ErrorKind, PointId)>, User, Snapshot) {
    judged_over(ANSWERED, texts, parts)
}

/// The message for one part that fails.
fn said(text: &str, part: Part) -> String {
    said_over(ANSWERED, text, part)
}

fn said_over(body: &str, text: &str, part: Part) -> String {
    let (judged, _, seen) = judged_over(body, &[text], &[part]);
    let (kind, point) = judged.expect_err(text);
    let failures = &seen.point(point).expect("a note").failures;
    let failure = failures.iter().find(|failure| failure.kind == kind).expect("a note of the kind");
    failure.notes.join("\n")
}

fn unmet(text: &str, condition: Expr) -> String {
    said(text, expect(condition, 0))
}

#[test]
fn parts_run_in_order_and_stop_at_the_first_failure() {
    let check = |held: bool, point| Part::Check { condition: lit(held), point: PointId(point) };
    let texts = ["check a", "expect b", "check c", "expect d"];
    let parts = [check(true, 0), expect(lit(false), 1), check(true, 2), expect(lit(false), 3)];
    let (judged, _, seen) = judged(&texts, &parts);
    assert_eq!(judged, Err((ErrorKind::Expect, PointId(1))));
    assert_eq!(seen.point(PointId(0)).map(|point| point.passed), Some(1));
    assert_eq!(seen.point(PointId(2)).map(|point| point.passed), Some(0));
}

#[test]
fn checks_are_counted_and_never_fail_the_step() {
    let broken = bin(lit(1.0), Operator::Divide, lit(0.0));
    let check = |condition| Part::Check { condition, point: PointId(0) };
    let parts =
        [check(lit(true)), check(lit(false)), check(bin(broken, Operator::Equal, lit(1.0))), check(json("none"))];
    let (judged, _, seen) = judged(&["check x"], &parts);
    assert_eq!(judged, Ok(()));
    let point = seen.point(PointId(0)).expect("counted");
    assert_eq!((point.passed, point.failed), (1, 3));
}

#[test]
fn captures_keep_values_for_the_parts_behind_them() {
    let parts = [capture(json("n"), None, 0), expect(bin(Expr::Slot(SlotId(0)), Operator::Equal, lit(9.0)), 0)];
    let (judged, user, _) = judged(&["capture x = json $.n"], &parts);
    assert_eq!(judged, Ok(()));
    assert_eq!(user.slots[0], Some(Value::Number(9.0)));
}

#[test]
fn a_capture_that_finds_nothing_takes_its_default_or_fails() {
    let (kept, user, _) = judged(&["capture x = json $.none default 3"], &[capture(json("none"), Some(lit(3.0)), 0)]);
    assert_eq!(kept, Ok(()));
    assert_eq!(user.slots[0], Some(Value::Number(3.0)));
    let (failed, _, _) = judged(&["capture x = json $.none"], &[capture(json("none"), None, 0)]);
    assert_eq!(failed, Err((ErrorKind::Capture, PointId(0))));
    let said_nothing = said("capture x = json $.none", capture(json("none"), None, 0));
    assert_eq!(said_nothing, "`json $.none` found nothing");
    assert_eq!(
        said_over("<html>", "capture x = json $.none", capture(json("none"), None, 0)),
        "`json $.none` found nothing: the body is not JSON, it begins with \"<html>\""
    );
}

#[test]
fn an_expression_without_a_value_fails_as_value_and_says_why() {
    let number = |name| Expr::Call(Function::Number, vec![json(name)]);
    let part = || expect(bin(number("text"), Operator::Equal, lit(10.0)), 0);
    let (failed, _, _) = judged(&["expect number(json $.text) == 10"], &[part()]);
    assert_eq!(failed, Err((ErrorKind::Value, PointId(0))));
    assert_eq!(said("expect number(json $.text) == 10", part()), "\"ten\" is no number");
}

#[test]
fn an_expectation_says_what_is_so_and_what_was_expected() {
    use Operator::*;
    let n = || json("n");
    let length = |name| Expr::Call(Function::Length, vec![json(name)]);
    for (text, condition, said) in [
        ("expect status 200", Expr::StatusIs(vec![StatusPattern::Code(200)]), "`status` is 503, expected 200"),
        (
            "expect status 200, 2xx, 300..304",
            Expr::StatusIs(vec![StatusPattern::Code(200), StatusPattern::Class(2), StatusPattern::Range(300, 304)]),
            "`status` is 503, expected 200, 2xx or 300..304",
        ),
        ("expect json $.n == 10", bin(n(), Equal, lit(10.0)), "`json $.n` is 9, expected 10"),
        ("expect json $.n != 9", bin(n(), NotEqual, lit(9.0)), "`json $.n` is 9, expected anything but 9"),
        ("expect json $.n > 9", bin(n(), Greater, lit(9.0)), "`json $.n` is 9, expected more than 9"),
        (
            "expect time <= 300ms",
            bin(Expr::Extract(Extractor::Time), LessEqual, lit(Duration::from_millis(300))),
            "`time` is 1.2s, expected at most 300ms",
        ),
        (
            "expect length(json $.samples) == 100",
            bin(length("samples"), Equal, lit(100.0)),
            "`length(json $.samples)` is 2, expected 100",
        ),
        (
            "expect json $.text starts_with \"tw\"",
            bin(json("text"), StartsWith, lit("tw")),
            "`json $.text` is \"ten\", expected it to start with \"tw\"",
        ),
        (
            "expect json $.n == json $.text",
            bin(n(), Equal, json("text")),
            "`json $.n` is 9 (a number), expected \"ten\" (`json $.text`) (a string): different types never compare",
        ),
        ("expect json $.none == 1", bin(json("none"), Equal, lit(1.0)), "`json $.none` found nothing, expected 1"),
        (
            "expect json $.n == json $.none",
            bin(n(), Equal, json("none")),
            "`json $.n` is 9, and `json $.none` found nothing",
        ),
        (
            "expect json $.none exists",
            Expr::Presence(Box::new(json("none")), true),
            "`json $.none` found nothing, expected it to exist",
        ),
        ("expect json $.n missing", Expr::Presence(Box::new(n()), false), "`json $.n` is 9, expected it to be missing"),
        (
            "expect json $.text matches /^a/",
            Expr::Matches(Box::new(json("text")), regex::Regex::new("^a").unwrap()),
            "`json $.text` is \"ten\", expected it to match /^a/",
        ),
        ("expect json $.flag", json("flag"), "`json $.flag` is false, expected true"),
        (
            "expect not json $.n == 9",
            Expr::Not(Box::new(bin(n(), Equal, lit(9.0)))),
            "`json $.n == 9` holds, expected it not to",
        ),
        (
            "expect json $.n == 9 and json $.text == \"x\"",
            bin(bin(n(), Equal, lit(9.0)), And, bin(json("text"), Equal, lit("x"))),
            "`json $.text` is \"ten\", expected \"x\"",
        ),
        (
            "expect json $.n == 1 or (json $.n == 2)",
            bin(bin(n(), Equal, lit(1.0)), Or, bin(n(), Equal, lit(2.0))),
            "`json $.n` is 9, expected 1; and `json $.n` is 9, expected 2",
        ),
    ] {
        assert_eq!(unmet(text, condition), said, "{text}");
    }
}

#[test]
fn the_authors_own_words_come_first() {
    let part = |words| Part::Expect { condition: lit(false), otherwise: Some(words), point: PointId(0) };
    assert_eq!(said("expect x else \"no luck\"", part(lit("no luck"))), "no luck");
    // Words that have no value leave the usual ones.
    assert_eq!(said("expect x else json $.none", part(json("none"))), "`x` is false, expected true");
}

#[test]
fn wording_a_failure_leaves_the_users_dice_alone() {
    let draw = Expr::Call(Function::Uniform, vec![lit(0.0), lit(1.0)]);
    let part = expect(bin(draw, Operator::Equal, lit(2.0)), 0);
    let (_, mut with_words, _) = judged(&["expect uniform(0, 1) == 2"], &[part]);
    let mut alone = fixture::user(&with_words.thread.clone());
    alone.random.unit();
    assert_eq!(with_words.random.bits(), alone.random.bits());
}

#[test]
fn a_pause_needs_durations() {
    let (_, mut user, _) = judged(&["pause x"], &[]);
    let second = || lit(Duration::from_secs(1));
    assert_eq!(user.pause_length(&Delay::None, PointId(0)), Ok(Duration::ZERO));
    assert_eq!(user.pause_length(&Delay::Fixed(second()), PointId(0)), Ok(Duration::from_secs(1)));
    assert_eq!(user.pause_length(&Delay::Range(second(), second()), PointId(0)), Ok(Duration::from_secs(1)));
    let drawn = user.pause_length(&Delay::Exponential(second()), PointId(0)).expect("a duration");
    assert!(drawn <= Duration::from_secs(10));
    let failed = user.pause_length(&Delay::Fixed(lit(5.0)), PointId(0));
    assert_eq!(failed, Err((ErrorKind::Value, PointId(0))));
}
