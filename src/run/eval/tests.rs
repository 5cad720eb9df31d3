//! Each operator, function and extractor, and each way to find nothing or have no value.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use regex::Regex;
use serde_json::json;

use super::*;
use crate::base::{ByteSize, Offset};
use crate::plan::expr::{Extractor, Find, Function, JsonPath, Segment};
use crate::plan::{SlotId, Template};
use crate::run::fixture;
use crate::run::user::User;

fn lit(value: impl Into<Value>) -> Expr {
    Expr::Literal(value.into())
}

fn num(number: f64) -> Expr {
    lit(number)
}

fn bin(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::Binary(Box::new(left), operator, Box::new(right))
}

fn call(function: Function, arguments: Vec<Expr>) -> Expr {
    Expr::Call(function, arguments)
}

fn extract(extractor: Extractor) -> Expr {
    Expr::Extract(extractor)
}

fn json(names: &[&str]) -> Expr {
    extract(Extractor::Json(JsonPath::Simple(names.iter().map(|name| Segment::Name((*name).into())).collect())))
}

fn user() -> User {
    let plan = fixture::plan(&[], &["expect something"]);
    fixture::user(&fixture::thread(plan, fixture::nowhere()))
}

/// What a test's answer is made of.
struct Response {
    headers: HeaderMap,
    body: Bytes,
    cut: u64,
}

fn response(body: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.append("vary", HeaderValue::from_static("a"));
    headers.append("vary", HeaderValue::from_static("b"));
    headers.append("set-cookie", HeaderValue::from_static("sid=old; Path=/"));
    headers.append("set-cookie", HeaderValue::from_static("theme=dark"));
    headers.append("set-cookie", HeaderValue::from_static("sid=abc=; Path=/; HttpOnly"));
    Response { headers, body: Bytes::copy_from_slice(body.as_bytes()), cut: 0 }
}

impl Response {
    fn answer(&self) -> Answer<'_> {
        Answer {
            status: 200,
            headers: Some(&self.headers),
            body: &self.body,
            size: self.body.len() as u64 + self.cut,
            digest: None,
            url: "http://127.0.0.1/x",
            time: Duration::from_millis(12),
            event: None,
            session: None,
        }
    }
}

/// The value of `expr` without an answer.
fn value(expr: Expr) -> Result<Option<Value>, NoValue> {
    user().eval(&expr, None)
}

/// The value of `expr` over an answer with this body.
fn over(body: &str, expr: Expr) -> Result<Option<Value>, NoValue> {
    user().eval(&expr, Some(&response(body).answer()))
}

fn some(value: impl Into<Value>) -> Result<Option<Value>, NoValue> {
    Ok(Some(value.into()))
}

fn why(result: Result<Option<Value>, NoValue>) -> String {
    result.expect_err("there should be no value").why
}

#[test]
fn names_are_looked_up_where_they_live() {
    let mut user = user();
    user.id = 3;
    user.iteration = 4;
    user.slots[2] = Some(Value::from("kept"));
    for (expr, expected) in [
        (Expr::Slot(SlotId(2)), some("kept")),
        (Expr::Slot(SlotId(1)), Ok(None)),
        (Expr::Constant(0), some("constant")),
        (Expr::UserId, some(3.0)),
        (Expr::UserIteration, some(4.0)),
        (Expr::RunId, some("run-1")),
    ] {
        assert_eq!(user.eval(&expr, None), expected, "{expr:?}");
    }
}

#[test]
fn text_lists_and_objects_are_put_together() {
    let template = |expr| {
        Expr::Text(Template {
            pieces: vec![Piece::Literal("id ".into()), Piece::Value(expr), Piece::Literal("!".into())],
        })
    };
    assert_eq!(value(template(num(7.0))), some("id 7!"));
    assert_eq!(value(Expr::List(vec![num(1.0), lit("a")])), some(vec![Value::Number(1.0), Value::from("a")]));
    let object = Expr::Object(vec![("a".into(), num(1.0)), ("b".into(), lit(true))]);
    assert_eq!(value(object), Ok(Some(Value::from_json(json!({"a": 1, "b": true})))));
    // What is made from nothing is nothing.
    assert_eq!(over("{}", template(json(&["a"]))), Ok(None));
    assert_eq!(over("{}", Expr::List(vec![json(&["a"])])), Ok(None));
    assert_eq!(over("{}", Expr::Object(vec![("k".into(), json(&["a"]))])), Ok(None));
    assert_eq!(over("{}", bin(json(&["a"]), Operator::Add, num(1.0))), Ok(None));
    assert_eq!(over("{}", Expr::Negate(Box::new(json(&["a"])))), Ok(None));
}

#[test]
fn comparisons_hold_or_do_not() {
    use Operator::*;
    let list = || Expr::List(vec![num(1.0), num(2.0)]);
    for (left, operator, right, expected) in [
        (num(1.0), Equal, num(1.0), true),
        (num(1.0), NotEqual, num(2.0), true),
        (lit("a"), Less, lit("b"), true),
        (num(2.0), LessEqual, num(2.0), true),
        (num(2.0), Greater, num(2.0), false),
        (lit(Duration::from_secs(2)), GreaterEqual, lit(Duration::from_millis(1)), true),
        (lit("haystack"), Contains, lit("st"), true),
        (list(), Contains, num(2.0), true),
        (list(), Contains, num(3.0), false),
        (lit("haystack"), StartsWith, lit("hay"), true),
        (lit("haystack"), EndsWith, lit("hay"), false),
        (num(2.0), In, list(), true),
        (num(3.0), In, list(), false),
        (lit("abc"), Matches, lit("^a.c$"), true),
        (lit(Value::Null), Equal, lit("x"), false),
        (lit(Value::Null), NotEqual, lit("x"), true),
    ] {
        let shown = format!("{left:?} {operator:?} {right:?}");
        assert_eq!(value(bin(left, operator, right)), some(expected), "{shown}");
    }
    let matches = Expr::Matches(Box::new(lit("order 17")), Regex::new(r"\d+").unwrap());
    assert_eq!(value(matches), some(true));
}

#[test]
fn comparing_different_types_is_false_and_counted() {
    let mut user = user();
    let mistyped = [
        bin(num(1.0), Operator::Equal, lit("1")),
        bin(num(1.0), Operator::NotEqual, lit("1")),
        bin(num(1.0), Operator::Less, lit("2")),
        bin(num(1.0), Operator::Contains, lit("2")),
        bin(num(1.0), Operator::StartsWith, lit("2")),
        bin(lit("a"), Operator::In, Expr::List(vec![num(1.0)])),
        bin(lit("a"), Operator::In, lit("abc")),
        bin(Expr::Object(vec![("a".into(), num(1.0))]), Operator::Contains, lit("a")),
        Expr::Matches(Box::new(num(1.0)), Regex::new("1").unwrap()),
        bin(num(1.0), Operator::And, lit(true)),
    ];
    for expr in &mistyped {
        assert_eq!(user.eval(expr, None), some(false), "{expr:?}");
    }
    let seen = user.thread.recorder.borrow_mut().take(Offset::ZERO, Duration::ZERO);
    assert_eq!(seen.counter(Counter::Mistyped), mistyped.len() as u64);
}

#[test]
fn what_is_not_found_makes_every_comparison_false() {
    use Operator::*;
    for operator in
        [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, Contains, StartsWith, EndsWith, In, Matches]
    {
        assert_eq!(over("{}", bin(json(&["a"]), operator, lit("x"))), some(false), "{operator:?}");
        assert_eq!(over("{}", bin(lit("x"), operator, json(&["a"]))), some(false), "{operator:?} right");
    }
    let not = Expr::Not(Box::new(json(&["flag"])));
    assert_eq!(over("{}", not.clone()), Ok(None));
    assert!(!user().holds_over(&not, &response("{}").answer()).unwrap());
    assert_eq!(over(r#"{"flag": false}"#, not), some(true));
}

#[test]
fn and_and_or_do_not_look_further_than_they_must() {
    let broken = || bin(num(1.0), Operator::Divide, num(0.0));
    assert_eq!(value(bin(lit(false), Operator::And, broken())), some(false));
    assert_eq!(value(bin(lit(true), Operator::Or, broken())), some(true));
    assert_eq!(why(value(bin(lit(true), Operator::And, broken()))), "division by zero");
    assert_eq!(value(bin(lit(true), Operator::And, lit(true))), some(true));
    assert_eq!(value(bin(lit(false), Operator::Or, lit(false))), some(false));
}

#[test]
fn presence_asks_whether_anything_is_there() {
    let body = r#"{"a": null, "list": [1]}"#;
    let exists = |expr, wanted| Expr::Presence(Box::new(expr), wanted);
    for (expr, there) in [
        (json(&["a"]), true),
        (json(&["b"]), false),
        (extract(Extractor::Header("vary".into())), true),
        (extract(Extractor::Header("x".into())), false),
        (extract(Extractor::Cookie("sid".into())), true),
        (extract(Extractor::Regex(Regex::new("nope").unwrap())), false),
        (extract(Extractor::Body), true),
        (Expr::Index(Box::new(json(&["list"])), Box::new(num(0.0))), true),
        (Expr::Index(Box::new(json(&["list"])), Box::new(num(1.0))), false),
        (Expr::Member(Box::new(json(&["list"])), "x".into()), false),
        (Expr::Slot(SlotId(0)), false),
    ] {
        assert_eq!(over(body, exists(expr.clone(), true)), some(there), "{expr:?}");
        assert_eq!(over(body, exists(expr.clone(), false)), some(!there), "{expr:?}");
    }
}

#[test]
fn members_and_items_are_taken_out() {
    let object = || Box::new(Expr::Object(vec![("a".into(), Expr::List(vec![num(5.0)]))]));
    let list = || Box::new(Expr::Member(object(), "a".into()));
    let at = |of: Box<Expr>, index: Expr| Expr::Index(of, Box::new(index));
    assert_eq!(value(at(list(), num(0.0))), some(5.0));
    assert_eq!(value(Expr::Member(object(), "b".into())), Ok(None));
    assert_eq!(value(at(at(object(), lit("a")).into(), num(0.0))), some(5.0));
    assert_eq!(why(value(at(list(), num(1.0)))), "index 1 is out of range: there is one item, 0");
    assert_eq!(why(value(at(list(), num(-1.0)))), "-1 is no index: the first item is 0");
    assert_eq!(why(value(at(list(), lit(true)))), "a bool is no index");
    assert_eq!(why(value(at(Box::new(num(1.0)), num(0.0)))), "a number has no items");
}

#[test]
fn extractors_look_into_the_answer() {
    let body = r#"{"user": {"id": 7}, "items": [10, 20]}"#;
    let path = |text| JsonPath::Query(serde_json_path::JsonPath::parse(text).unwrap());
    for (extractor, expected) in [
        (Extractor::Status, some(200.0)),
        (Extractor::Header("content-type".into()), some("application/json")),
        (Extractor::Header("vary".into()), some("a, b")),
        (Extractor::Header("etag".into()), Ok(None)),
        (Extractor::Cookie("sid".into()), some("abc=")),
        (Extractor::Cookie("theme".into()), some("dark")),
        (Extractor::Cookie("path".into()), Ok(None)),
        (Extractor::Body, some(body)),
        (Extractor::Json(path("$.items[-1]")), some(20.0)),
        (Extractor::Json(path("$.nothing")), Ok(None)),
        (Extractor::Regex(Regex::new(r#""id": (\d+)"#).unwrap()), some("7")),
        (Extractor::Regex(Regex::new(r#"items|users"#).unwrap()), some("items")),
        (Extractor::Regex(Regex::new("(x)?user").unwrap()), Ok(None)),
        (Extractor::Size, some(Value::Size(ByteSize(body.len() as u64)))),
        (Extractor::Url, some("http://127.0.0.1/x")),
        (Extractor::Time, some(Duration::from_millis(12))),
    ] {
        assert_eq!(over(body, extract(extractor.clone())), expected, "{extractor:?}");
        assert_eq!(value(extract(extractor.clone())), Ok(None), "{extractor:?} without an answer");
    }
    assert_eq!(over(body, json(&["user", "id"])), some(7.0));
    assert_eq!(over("<html>", json(&["user"])), Ok(None));
}

#[test]
fn a_message_has_no_status_and_no_headers() {
    let response = response("{}");
    let message = Answer { status: 0, headers: None, ..response.answer() };
    let mut user = user();
    for extractor in [Extractor::Status, Extractor::Header("vary".into()), Extractor::Cookie("sid".into())] {
        assert_eq!(user.eval(&extract(extractor), Some(&message)), Ok(None));
    }
    assert_eq!(user.eval(&Expr::StatusIs(vec![StatusPattern::Code(200)]), Some(&message)), some(false));
}

#[test]
fn a_body_that_is_not_utf_8_is_read_as_far_as_it_goes() {
    let mut response = response("");
    response.body = Bytes::from_static(b"caf\xe9 17");
    let mut user = user();
    assert_eq!(user.eval(&extract(Extractor::Body), Some(&response.answer())), some("caf\u{fffd} 17"));
    let digits = extract(Extractor::Regex(Regex::new(r"\d+").unwrap()));
    assert_eq!(user.eval(&digits, Some(&response.answer())), some("17"));
}

#[test]
fn looking_beyond_a_body_that_was_cut_fails_as_too_large() {
    let mut response = response(r#"{"a": 1, "b"#);
    response.cut = 1_000;
    let mut user = user();
    let found = Regex::new("a").unwrap();
    assert_eq!(user.eval(&json(&["a"]), Some(&response.answer())), some(1.0));
    assert_eq!(user.eval(&extract(Extractor::Regex(found)), Some(&response.answer())), some("a"));
    assert_eq!(user.eval(&extract(Extractor::Size), Some(&response.answer())), some(Value::Size(ByteSize(1_011))));
    for beyond in [json(&["b"]), extract(Extractor::Body), extract(Extractor::Regex(Regex::new("z").unwrap()))] {
        let error = user.eval(&beyond, Some(&response.answer())).expect_err("it may lie behind the cut");
        assert_eq!(error.kind, ErrorKind::BodyTooLarge);
        assert_eq!(error.why, "the body has 1011 bytes, of which the first 11B are kept for looking into");
    }
}

#[test]
fn status_patterns_name_codes_classes_and_ranges() {
    for (pattern, held) in [
        (StatusPattern::Code(200), true),
        (StatusPattern::Code(201), false),
        (StatusPattern::Class(2), true),
        (StatusPattern::Class(3), false),
        (StatusPattern::Range(199, 200), true),
        (StatusPattern::Range(201, 299), false),
    ] {
        assert_eq!(over("", Expr::StatusIs(vec![pattern])), some(held), "{pattern:?}");
    }
    assert_eq!(over("", Expr::StatusIs(vec![StatusPattern::Code(404), StatusPattern::Code(200)])), some(true));
}

#[test]
fn length_counts_characters_items_and_members() {
    let body = r#"{"samples": [1, 2, 3], "name": "größe", "object": {"a": 1}, "n": 5}"#;
    for (key, expected) in [("samples", 3.0), ("name", 5.0), ("object", 1.0)] {
        assert_eq!(over(body, call(Function::Length, vec![json(&[key])])), some(expected), "{key}");
    }
    assert_eq!(over(body, call(Function::Length, vec![json(&["nothing"])])), Ok(None));
    assert_eq!(why(over(body, call(Function::Length, vec![json(&["n"])]))), "a number has no length");
    assert_eq!(value(call(Function::Length, vec![lit("abc")])), some(3.0));
    assert_eq!(value(call(Function::Length, vec![Expr::List(vec![])])), some(0.0));
}

#[test]
fn number_reads_decimals_exponents_and_hex() {
    for (text, expected) in
        [("12", 12.0), (" -0.5 ", -0.5), ("1e3", 1000.0), ("0x1f", 31.0), ("-0X10", -16.0), (".5", 0.5)]
    {
        assert_eq!(value(call(Function::Number, vec![lit(text)])), some(expected), "{text}");
    }
    assert_eq!(value(call(Function::Number, vec![num(3.0)])), some(3.0));
    for text in ["x", "", "inf", "nan", "--1", "-+1", "0x", "0x+1", "1e999", "12 apples"] {
        assert_eq!(why(value(call(Function::Number, vec![lit(text)]))), format!("{text:?} is no number"));
    }
    assert_eq!(why(value(call(Function::Number, vec![lit(true)]))), "a bool is no number");
}

#[test]
fn string_is_the_text_of_any_value() {
    assert_eq!(value(call(Function::String, vec![num(10.0)])), some("10"));
    assert_eq!(value(call(Function::String, vec![lit(Duration::from_secs(90))])), some("1m30s"));
}

#[test]
fn env_reads_the_environment_or_its_default() {
    assert_eq!(value(call(Function::Env, vec![lit("NAME")])), some("value"));
    assert_eq!(value(call(Function::Env, vec![lit("MISSING"), num(3.0)])), some(3.0));
    assert_eq!(
        why(value(call(Function::Env, vec![lit("MISSING")]))),
        "the environment variable `MISSING` is not set, and `env` has no default"
    );
}

#[test]
fn draws_come_from_the_users_stream_within_their_bounds() {
    let mut user = user();
    for _ in 0..200 {
        let Ok(Some(Value::Number(drawn))) = user.eval(&call(Function::Uniform, vec![num(0.1), num(2.0)]), None) else {
            panic!("a number was wanted")
        };
        assert!((0.1..=2.0).contains(&drawn));
        let Ok(Some(Value::Number(drawn))) = user.eval(&call(Function::Int, vec![num(1.0), num(3.0)]), None) else {
            panic!("a number was wanted")
        };
        assert!([1.0, 2.0, 3.0].contains(&drawn));
    }
    let duration = call(Function::Uniform, vec![lit(Duration::from_secs(1)), lit(Duration::from_secs(1))]);
    assert_eq!(user.eval(&duration, None), some(Duration::from_secs(1)));
    assert!(why(value(call(Function::Int, vec![num(0.5), num(3.0)]))).contains("0.5 is none"));
    assert_eq!(why(value(call(Function::Uniform, vec![lit("a"), num(3.0)]))), "a string is no number");
}

#[test]
fn oneof_evaluates_only_what_it_draws() {
    let counter = || call(Function::Counter, vec![]);
    let mut user = user();
    let mut drawn = std::collections::HashSet::new();
    for _ in 0..30 {
        let choice = call(Function::OneOf, vec![counter(), lit("b"), lit("c")]);
        drawn.insert(user.eval(&choice, None).unwrap().unwrap().to_string());
    }
    let counted = drawn.iter().filter(|text| text.parse::<u32>().is_ok()).count();
    assert!(drawn.contains("b") && drawn.contains("c") && counted > 0);
    // As many numbers were taken as drawn.
    assert_eq!(user.eval(&counter(), None), some(counted as f64));
    assert_eq!(why(value(call(Function::OneOf, vec![]))), "there is nothing to choose from");
}

#[test]
fn counters_rise_within_a_thread_and_never_meet_another() {
    let mut user = user();
    let next = |user: &mut User| match user.eval(&call(Function::Counter, vec![]), None) {
        Ok(Some(Value::Number(number))) => number as u64,
        other => panic!("{other:?}"),
    };
    assert_eq!([next(&mut user), next(&mut user)], [0, 1]);
    // Another thread takes a block.
    let taken = user.thread.shared.counter.fetch_add(functions::COUNTER_BLOCK, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(taken, functions::COUNTER_BLOCK);
    let rest: Vec<u64> = (2..=functions::COUNTER_BLOCK).map(|_| next(&mut user)).collect();
    assert!(rest.is_sorted());
    assert_eq!(rest.last(), Some(&(2 * functions::COUNTER_BLOCK)));
}

#[test]
fn uuids_are_of_version_4_and_follow_from_the_seed() {
    let uuid = || call(Function::Uuid, vec![]);
    let (mut one, mut same) = (user(), user());
    let first = one.eval(&uuid(), None).unwrap().unwrap().to_string();
    assert!(
        Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap().is_match(&first)
    );
    assert_eq!(same.eval(&uuid(), None).unwrap().unwrap().to_string(), first);
    assert_ne!(one.eval(&uuid(), None).unwrap().unwrap().to_string(), first);
}

#[test]
fn random_strings_have_their_length() {
    let Ok(Some(Value::Text(text))) = value(call(Function::RandomString, vec![num(12.0)])) else { panic!("a text") };
    assert_eq!(text.len(), 12);
    assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    assert_eq!(value(call(Function::RandomString, vec![num(0.0)])), some(""));
    assert!(why(value(call(Function::RandomString, vec![num(-1.0)]))).ends_with("not -1"));
    assert!(why(value(call(Function::RandomString, vec![num(1e9)]))).starts_with("`random_string` makes 0 to"));
}

#[test]
fn now_is_the_wall_clock_at_the_start_and_the_runs_clock_since() {
    fixture::pretend(async {
        let mut user = user();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(user.eval(&call(Function::Now, vec![]), None), some(1_700_000_001.5));
    });
}

#[test]
fn units_and_failures_of_arithmetic_come_through() {
    let sum = bin(lit(Duration::from_secs(1)), Operator::Add, lit(Duration::from_millis(500)));
    assert_eq!(value(sum), some(Duration::from_millis(1_500)));
    assert_eq!(value(Expr::Negate(Box::new(num(2.0)))), some(-2.0));
    assert_eq!(why(value(bin(num(1.0), Operator::Remainder, num(0.0)))), "division by zero");
    assert_eq!(why(value(Expr::Negate(Box::new(lit("a"))))), "a string has no negative");
}

fn find(extractor: Extractor, all: bool, of: Option<Expr>) -> Expr {
    Expr::Find(Box::new(Find { extractor, all, of }))
}

fn query(path: &str) -> Extractor {
    Extractor::Json(JsonPath::Query(serde_json_path::JsonPath::parse(path).unwrap()))
}

#[test]
fn every_find_is_a_list_and_none_an_empty_one() {
    let ids = || find(query("$.items[*].id"), true, None);
    let body = r#"{"items": [{"id": 1}, {"id": "b"}, {}]}"#;
    assert_eq!(over(body, ids()), some(vec![Value::Number(1.0), Value::from("b")]));
    assert_eq!(over(body, call(Function::Length, vec![ids()])), some(2.0));
    assert_eq!(over("{}", ids()), some(Vec::<Value>::new()));
    assert_eq!(over("<html>", ids()), Ok(None), "what is no JSON holds nothing");
    assert_eq!(over(body, Expr::Presence(Box::new(ids()), true)), some(true));
    assert_eq!(over("{}", Expr::Presence(Box::new(ids()), true)), some(false));
    let links = find(Extractor::Regex(Regex::new(r#"href="([^"]+)""#).unwrap()), true, None);
    assert_eq!(over(r#"<a href="/a"><a href="/b">"#, links), some(vec![Value::from("/a"), Value::from("/b")]));
}

#[test]
fn other_values_are_looked_into_with_of() {
    let code = || Extractor::Regex(Regex::new("code=([^&]+)").unwrap());
    let name = || Extractor::Json(JsonPath::Simple(vec![Segment::Name("name".into())]));
    assert_eq!(value(find(code(), false, Some(lit("/cb?code=a1&x=2")))), some("a1"));
    assert_eq!(value(find(code(), false, Some(lit("/cb")))), Ok(None));
    assert_eq!(value(find(code(), true, Some(lit("code=1&code=2")))), some(vec![Value::from("1"), Value::from("2")]));
    assert!(why(value(find(code(), false, Some(num(1.0))))).contains("a number"));
    // Text that holds JSON is read; what is JSON already is walked.
    assert_eq!(value(find(name(), false, Some(lit(r#"{"name": "ada"}"#)))), some("ada"));
    assert_eq!(value(find(name(), false, Some(lit("ada")))), Ok(None));
    assert_eq!(value(find(name(), false, Some(lit(Value::from_json(json!({"name": "ada"})))))), some("ada"));
    let names = || query("$[*].name");
    let list = Value::from_json(json!([{"name": "ada"}, {"name": "bob"}]));
    assert_eq!(value(find(names(), true, Some(lit(list.clone())))), some(vec![Value::from("ada"), Value::from("bob")]));
    assert_eq!(value(find(names(), false, Some(lit(list)))), some("ada"));
    let inner = r#"{"payload": "{\"name\": \"eve\"}"}"#;
    assert_eq!(over(inner, find(name(), false, Some(json(&["payload"])))), some("eve"));
    assert_eq!(over("{}", find(name(), false, Some(json(&["payload"])))), Ok(None));
}

#[test]
fn a_cut_body_has_no_list_of_all() {
    let mut response = response("[1, 2]");
    response.cut = 1;
    let found = user().eval(&find(query("$[*]"), true, None), Some(&response.answer()));
    assert_eq!(found.unwrap_err().kind, ErrorKind::BodyTooLarge);
}

#[test]
fn an_event_has_a_type() {
    let response = response("{}");
    let answer = Answer { event: Some("tick"), ..response.answer() };
    assert_eq!(user().eval(&extract(Extractor::Event), Some(&answer)), some("tick"));
    assert_eq!(over("{}", extract(Extractor::Event)), Ok(None));
}

#[test]
fn an_item_is_picked_and_the_day_is_written() {
    let list = || Expr::List(vec![lit("a"), lit("b")]);
    for _ in 0..20 {
        let picked = value(call(Function::Pick, vec![list()])).unwrap().unwrap();
        assert!(picked == Value::from("a") || picked == Value::from("b"));
    }
    assert!(why(value(call(Function::Pick, vec![lit(Vec::<Value>::new())]))).contains("empty"));
    assert!(why(value(call(Function::Pick, vec![num(1.0)]))).contains("a number"));
    // The fixture's clock stands at 1,700,000,000 seconds.
    assert_eq!(value(call(Function::Date, vec![lit("%Y-%m-%d")])), some("2023-11-14"));
    assert_eq!(value(call(Function::Date, vec![lit("%H:%M"), num(60.0)])), some("00:01"));
    assert_eq!(value(call(Function::Max, vec![num(1.0), num(4.0), num(2.0), num(3.0)])), some(4.0));
}
