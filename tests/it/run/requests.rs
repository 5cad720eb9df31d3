//! What goes out, as a service in memory hears it, and what comes back.

use std::time::Duration;

use scn::metrics::Counter;
use scn::plan::expr::{Extractor, Piece, Template};
use scn::plan::{Body, Expr, Http, Op, Part, PointKind, Value};

use crate::run::world::{Draft, Memory, OK, SECOND, kinds, notes, text};

const NONE: Duration = Duration::ZERO;

/// The one request of a plan with one step, made by `change`.
fn heard(change: impl FnOnce(&mut Http)) -> String {
    let mut draft = Draft::new().think(SECOND).duration(SECOND);
    let mut step = draft.http("POST", "/things");
    change(&mut step);
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let service = Memory::ok(NONE);
    let finished = draft.run(&service);
    assert_eq!(kinds(&finished.total), [], "{:?}", notes(&finished.total));
    service.heard.take().remove(0)
}

fn list(items: &[Value]) -> Expr {
    Expr::Literal(Value::List(items.into()))
}

#[test]
fn a_bare_request_says_who_asks_and_what_it_takes() {
    assert_eq!(
        heard(|step| step.method = "GET".into()),
        "GET /things HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: scn/0.1.0\r\naccept: */*\r\naccept-encoding: gzip, deflate, br, zstd\n\n"
    );
}

#[test]
fn values_in_a_path_and_query_are_percent_encoded_lists_repeat_and_null_leaves_out() {
    let request = heard(|step| {
        step.path = Template {
            pieces: vec![
                Piece::Literal("/users/".into()),
                Piece::Value(text("a/b c")),
                Piece::Literal("/x?v=1".into()),
            ],
        };
        step.query = vec![
            ("q".into(), text("tea & cup")),
            ("id".into(), list(&[Value::Number(1.0), Value::Number(2.0)])),
            ("none".into(), Expr::Literal(Value::Null)),
        ];
    });
    assert!(request.starts_with("POST /users/a%2Fb%20c/x?v=1&q=tea%20%26%20cup&id=1&id=2 HTTP/1.1\r\n"), "{request}");
}

#[test]
fn a_body_sets_its_content_type_unless_one_is_given() {
    let request = heard(|step| step.body = Body::Json(Expr::Object(vec![("a".into(), Expr::UserId)])));
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("content-length: 7\n\n{\"a\":0}"), "{request}");
    let request = heard(|step| {
        let fields =
            [("a", text("1 2")), ("b", list(&[text_value("x"), text_value("&")])), ("c", Expr::Literal(Value::Null))];
        step.body = Body::Form(fields.map(|(name, value)| (name.to_owned(), value)).into());
    });
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.ends_with("\n\na=1+2&b=x&b=%26"), "{request}");
    let request = heard(|step| {
        step.body = Body::Text(text("hi"));
        step.headers = vec![("Content-Type".into(), text("text/csv")), ("ACCEPT".into(), text("text/*"))];
    });
    assert!(request.contains("content-type: text/csv\r\n") && request.contains("accept: text/*\r\n"), "{request}");
    assert_eq!(request.matches("content-type").count(), 1);
}

fn text_value(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn a_line_break_in_a_header_fails_as_value_before_anything_is_sent() {
    let mut draft = Draft::new().think(SECOND).duration(SECOND);
    let mut step = draft.get("/");
    let value = Expr::Text(Template { pieces: vec![Piece::Value(Expr::UserId), Piece::Literal("\r\nx: y".into())] });
    step.headers = vec![("X".into(), value)];
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let service = Memory::ok(NONE);
    let finished = draft.run(&service);
    assert_eq!(kinds(&finished.total), [("value", 1)]);
    assert!(notes(&finished.total)[0].contains("line break"));
    assert_eq!(service.heard.borrow().len(), 0);
}

#[test]
fn a_path_that_begins_with_a_value_may_be_absolute_or_relative_to_the_last_answer() {
    let mut draft = Draft::new().think(SECOND).duration(SECOND);
    draft.plan.targets[0].url = text("http://127.0.0.1:80/api");
    let mut steps = Vec::new();
    for path in ["/page?x=1", "http://127.0.0.1:81/other", "next?n=2", "http://example.com/"] {
        let mut step = draft.get(path);
        if steps.len() == 1 {
            // The first one is written as a path; it stands below the target's own.
            assert_eq!(steps.len(), 1);
        }
        step.path = Template { pieces: vec![Piece::Value(text(path))] };
        steps.push(Op::Http(Box::new(step)));
    }
    draft.task(1.0, steps);
    let service = Memory::ok(NONE);
    let finished = draft.run(&service);
    let lines: Vec<String> =
        service.heard.take().iter().map(|head| head.lines().take(2).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(
        lines,
        [
            "GET /api/page?x=1 HTTP/1.1|host: 127.0.0.1",
            "GET /other HTTP/1.1|host: 127.0.0.1:81",
            "GET /next?n=2 HTTP/1.1|host: 127.0.0.1:81",
        ]
    );
    assert_eq!(kinds(&finished.total), [("host_not_allowed", 1)]);
    assert!(notes(&finished.total)[0].contains("--allow example.com"));
}

#[test]
fn one_connection_carries_all_requests_of_a_user() {
    let mut draft = Draft::new().users(3, 1000.0).duration(SECOND);
    let step = draft.get("/");
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let service = Memory::ok(Duration::from_millis(100));
    let finished = draft.run(&service);
    let count = |counter| finished.total.counter(counter);
    assert_eq!(finished.total.totals().requests, 30);
    assert_eq!((count(Counter::ConnectionsOpened), count(Counter::ConnectionsReused)), (3, 27));
    assert_eq!((count(Counter::ConnectionsFailed), count(Counter::ConnectionsStale)), (0, 0));
}

#[test]
fn a_server_that_wants_no_more_requests_on_a_connection_is_dialled_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let mut draft = Draft::new().duration(SECOND);
        let step = draft.get("/");
        draft.task(1.0, vec![Op::Http(Box::new(step))]);
        let service = Memory::new(move |_| (Duration::from_millis(100), answer));
        let finished = draft.run(&service);
        assert_eq!(finished.total.totals().requests, 10);
        assert_eq!(kinds(&finished.total), []);
        assert_eq!(*service.dialled.borrow(), 10, "{answer}");
    }
}

#[test]
fn a_status_of_400_or_more_fails_unless_the_step_speaks_of_the_status() {
    let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let run = |expected: Option<u16>| {
        let mut draft = Draft::new().think(SECOND).duration(SECOND);
        let mut step = draft.get("/");
        if let Some(code) = expected {
            draft.expect_status(&mut step, code);
        }
        draft.task(1.0, vec![Op::Http(Box::new(step))]);
        let finished = draft.run(&Memory::new(move |_| (NONE, answer)));
        assert_eq!(finished.total.series[0].statuses, [(404, 1)]);
        kinds(&finished.total)
    };
    assert_eq!(run(None), [("status", 1)]);
    assert_eq!(run(Some(404)), []);
    assert_eq!(run(Some(200)), [("expect", 1)]);
}

#[test]
fn a_captured_value_goes_out_with_the_next_request() {
    let mut draft = Draft::new().think(SECOND).duration(SECOND);
    let slot = draft.slot();
    let (mut first, mut second) = (draft.get("/first"), draft.get("/second"));
    let point = draft.point(PointKind::Capture);
    first.looks_at.body = true;
    first.parts = vec![Part::Capture { slot, value: Expr::Extract(Extractor::Body), default: None, point }];
    second.query = vec![("was".into(), Expr::Slot(slot))];
    draft.task(1.0, vec![Op::Http(Box::new(first)), Op::Http(Box::new(second))]);
    let service = Memory::ok(NONE);
    let finished = draft.run(&service);
    assert_eq!(kinds(&finished.total), []);
    assert!(service.heard.borrow()[1].starts_with("GET /second?was=ok "));
}

#[test]
fn an_answer_in_many_pieces_and_answers_without_a_body_are_read_to_their_end() {
    for (answer, body) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", "x"),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        (OK, "ok"),
    ] {
        let mut draft = Draft::new().duration(Duration::from_millis(200));
        let mut step = draft.get("/");
        let point = draft.point(PointKind::Expect);
        step.looks_at.body = true;
        let condition = Expr::Binary(
            Box::new(Expr::Extract(Extractor::Body)),
            scn::plan::expr::Operator::Equal,
            Box::new(text(body)),
        );
        step.parts = vec![Part::Expect { condition, otherwise: None, point }];
        draft.task(1.0, vec![Op::Http(Box::new(step))]);
        let service = Memory::new(move |_| (Duration::from_millis(100), answer));
        let finished = draft.run(&service);
        assert_eq!(kinds(&finished.total), [], "{answer:?}: {:?}", notes(&finished.total));
        assert_eq!((finished.total.totals().requests, *service.dialled.borrow()), (2, 1), "{answer:?}");
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_fails_as_timeout_and_costs_the_connection() {
    let mut draft = Draft::new().think(SECOND).duration(3 * SECOND);
    let mut step = draft.get("/");
    step.timeout = SECOND;
    draft.task(1.0, vec![Op::Http(Box::new(step))]);
    let service = Memory::ok(5 * SECOND);
    let finished = draft.run(&service);
    assert_eq!(kinds(&finished.total), [("timeout", 2)]);
    assert_eq!(notes(&finished.total)[0], "no answer within 1s");
    assert_eq!(finished.total.series[0].response_times().max(), Some(SECOND));
    assert_eq!(*service.dialled.borrow(), 2);
}
