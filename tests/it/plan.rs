//! Tests of `plan`: text in, tables out.

use std::path::Path;
use std::time::Duration;

use scn::base::{Seed, Sources};
use scn::check::check;
use scn::diagnostic::{Diagnostic, Rule};
use scn::plan::expr::{Expr, Extractor, JsonPath, Piece, Segment};
use scn::plan::profile::{self, Overrides};
use scn::plan::reach::{Most, reach};
use scn::plan::{self, Body, Compiled, Delay, Http, Op, Part, Plan, PointKind, Since, UserId, Value};
use scn::syntax::parse;

use super::marks;

/// Plans `text` under a built-in profile, changed by `overrides`.
fn compile(text: &str, profile: &str, overrides: &Overrides) -> Result<Compiled, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let file = sources.add("test.scn", text);
    let parsed = parse(file, text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    let checked = check(&parsed.ast, &sources);
    let told = format!("{:?}", checked.diagnostics);
    let sound = checked.sound(&[]).unwrap_or_else(|| panic!("the test's scenario is sound: {text}\n{told}"));
    let profile_text = profile::built_in(profile).unwrap_or(profile);
    let profile_file = sources.add("profile", profile_text);
    let mut profile = profile::parse(profile_file, profile_text).profile.expect("the test's profile is sound");
    overrides.apply(&mut profile).expect("users and a mix fit");
    plan::compile(&sound, &profile, Seed(7), &sources)
}

fn plan(text: &str) -> Plan {
    compile(text, "smoke", &Overrides::default()).expect("nothing is wrong").plan
}

/// A scenario with one user whose one task is `body`.
fn task(body: &str) -> String {
    format!(
        "scenario \"T\"\ntarget \"http://127.0.0.1:1\" {{ timeout 7s; header Accept \"a\"; header X-Default \"d\" }}\n\
         user u {{ task t {{\n{body}\n}} }}\n"
    )
}

fn requests(plan: &Plan) -> Vec<&Http> {
    plan.ops.iter().filter_map(|op| if let Op::Http(http) = op { Some(&**http) } else { None }).collect()
}

fn rules(diagnostics: &[Diagnostic]) -> Vec<Rule> {
    diagnostics.iter().map(|diagnostic| diagnostic.rule).collect()
}

#[test]
fn golden_plans_are_described_as_accepted() {
    let mut differences = String::new();
    for (path, text) in marks::golden_files("plan") {
        let described = plan::describe(&compile(&text, "stress", &Overrides::default()).expect("it is sound").plan);
        let accepted = path.with_extension("txt");
        if std::env::var_os("SCN_ACCEPT").is_some() {
            std::fs::write(&accepted, &described).expect("the golden folder can be written to");
        }
        if std::fs::read_to_string(&accepted).unwrap_or_default() != described {
            differences += &format!("── {}\n{described}\n", file_name(&path));
        }
    }
    assert!(differences.is_empty(), "not as accepted (SCN_ACCEPT=1 accepts):\n{differences}");
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn constants_are_folded_and_draws_are_not() {
    let plan = plan(&format!(
        "let base = 2 * 3 + 1\nlet name = \"n${{base}}\"\nlet dice = int(1, 6)\nlet now_and_then = now()\n{}",
        task(
            "GET /x { header A name; header B \"${name}-${uuid()}\"; json { n: base, list: [base, -base] } }
             GET /y { json { n: dice, s: string(1) } }"
        )
    ));
    let [x, y] = requests(&plan)[..] else { panic!("two requests") };
    let header = |name: &str| &x.headers.iter().find(|(other, _)| other == name).expect("it was given").1;
    assert!(matches!(header("A"), Expr::Literal(value) if value.text() == "n7"));
    let Expr::Text(template) = header("B") else { panic!("a draw is in it") };
    assert!(matches!(&template.pieces[..], [Piece::Literal(text), Piece::Value(Expr::Call(..))] if text == "n7-"));
    assert!(matches!(&x.body, Body::Json(Expr::Literal(value)) if value.text() == r#"{"n":7,"list":[7,-7]}"#));
    let Body::Json(Expr::Object(members)) = &y.body else { panic!("a draw is in it") };
    assert!(matches!(members[0].1, Expr::Constant(2)));
    assert_eq!(plan.constants.len(), 4);
    assert!(matches!(plan.constants[0], Expr::Literal(Value::Number(7.0))));
    assert!(matches!(plan.constants[2], Expr::Call(..)));
}

#[test]
fn a_value_that_cannot_be_is_left_to_the_run() {
    let plan = plan(&task("let x = 1 / 0\nlet y = 1s - 2s\nlet z = -(2 - 5)"));
    let values: Vec<&Expr> =
        plan.ops.iter().filter_map(|op| if let Op::Let { value, .. } = op { Some(value) } else { None }).collect();
    assert!(matches!(values[..], [Expr::Binary(..), Expr::Binary(..), Expr::Literal(Value::Number(3.0))]));
}

#[test]
fn default_headers_are_folded_in_and_give_way_to_own_ones() {
    let plan = plan(&task("GET /x { header accept \"own\"; header B \"b\" }\nGET /y { header X-Default null }"));
    let names = |http: &Http| -> Vec<String> {
        http.headers
            .iter()
            .map(|(name, value)| match value {
                Expr::Literal(value) => format!("{name}={value}"),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let found = requests(&plan);
    assert_eq!(names(found[0]), ["X-Default=d", "accept=own", "B=b"]);
    assert_eq!(names(found[1]), ["Accept=a"]);
}

#[test]
fn a_step_has_its_own_timeout_or_the_targets() {
    let plan = plan(&task("GET /x { timeout 2s }\nGET /y\nwebsocket /ws { timeout 3s\n receive within 1s\n receive }"));
    let found = requests(&plan);
    assert_eq!((found[0].timeout, found[1].timeout), (Duration::from_secs(2), Duration::from_secs(7)));
    let within: Vec<u64> = plan
        .ops
        .iter()
        .filter_map(|op| if let Op::Receive(r) = op { Some(r.within.as_secs()) } else { None })
        .collect();
    assert_eq!(within, [1, 3]);
}

#[test]
fn a_step_keeps_of_the_answer_what_it_looks_at() {
    for (block, body, status) in [
        ("", false, false),
        ("{ expect status 200 }", false, true),
        ("{ expect status == 200 or status == 404 }", false, true),
        ("{ check status 200 }", false, false),
        ("{ expect header Etag exists }", false, false),
        ("{ expect size > 10B }", false, false),
        ("{ expect json $.a == 1 }", true, false),
        ("{ check body contains \"x\" }", true, false),
        ("{ capture a = regex /a(b)/ }", true, false),
        ("{ expect status 200 else \"said ${body}\" }", true, true),
        ("{ expect length(json $.a) == 1 }", true, false),
    ] {
        let plan = plan(&task(&format!("GET /x {block}")));
        let looks_at = requests(&plan)[0].looks_at;
        assert_eq!((looks_at.body, looks_at.status), (body, status), "{block}");
    }
}

#[test]
fn paths_into_json_are_simple_where_they_can_be() {
    let plan = plan(&task("GET /x { expect json $.a[0]['b c'] == 1; expect json $.a[?@.b == 1] exists }"));
    let parts = &requests(&plan)[0].parts;
    let path = |part: &Part| match part {
        Part::Expect { condition: Expr::Binary(left, ..) | Expr::Presence(left, _), .. } => match &**left {
            Expr::Extract(Extractor::Json(path)) => path.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let simple = [Segment::Name("a".into()), Segment::Index(0), Segment::Name("b c".into())];
    assert!(matches!(path(&parts[0]), JsonPath::Simple(segments) if segments == simple));
    assert!(matches!(path(&parts[1]), JsonPath::Query(_)));
}

#[test]
fn what_a_user_keeps_for_life_comes_first_among_its_slots() {
    let plan = plan(
        "scenario \"S\"\ntarget \"http://127.0.0.1:1\"
         user a { task t { let x = 1; repeat 2 as i { let y = x } } }
         user b {
           let mine = uuid()
           task t { let x = mine; GET /${x} }
           on start { GET /s { capture token = body } }
           task s { GET /${token} }
         }",
    );
    // x, i and y, and the limit of the loop.
    assert_eq!((plan.users[0].user_slots, plan.users[0].slots), (0, 4));
    assert_eq!((plan.users[1].user_slots, plan.users[1].slots), (2, 3));
    let on_start = plan.users[1].on_start.expect("it has one").0 as usize;
    let Op::Http(login) = &plan.ops[on_start] else { panic!("a request") };
    assert!(matches!(login.parts[0], Part::Capture { slot, .. } if slot.0 < 2));
    assert_eq!(plan.users[1].lets.len(), 1);
}

#[test]
fn branches_and_loops_become_jumps() {
    let plan = plan(&task(
        "let x = uuid()
         if x == \"a\" { GET /a } else if x == \"b\" { GET /b } else { GET /c }
         repeat 3 { GET /d }",
    ));
    let start = plan.tasks[0].start.0;
    let shape: Vec<String> = plan.ops[start as usize..]
        .iter()
        .map(|op| match op {
            Op::Let { .. } => "let".into(),
            Op::Http(_) => "GET".into(),
            Op::Unless { to, .. } => format!("unless {}", to.0 - start),
            Op::Jump { to } => format!("jump {}", to.0 - start),
            Op::Loop { end, .. } => format!("loop {}", end.0 - start),
            Op::Again { body, .. } => format!("again {}", body.0 - start),
            Op::End => "end".into(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        shape,
        ["let", "unless 4", "GET", "jump 8", "unless 7", "GET", "jump 8", "GET", "loop 11", "GET", "again 9", "end"]
    );
}

#[test]
fn a_socket_within_a_socket_has_a_place_of_its_own() {
    let plan = plan(&task(
        "websocket /outer {
           first: send text \"1\"
           websocket /inner { second: send text \"2\" }
           third: receive since first
         }
         websocket /again { close 3000 \"bye\" }",
    ));
    assert_eq!(plan.users[0].sockets, 2);
    let shape: Vec<String> = plan
        .ops
        .iter()
        .map(|op| match op {
            Op::Connect(op) => format!("connect {}", op.socket.0),
            Op::Send(op) => format!("send {}", op.socket.0),
            Op::Receive(op) => {
                let Some(Since::Step(series)) = op.since else { panic!("it says since when") };
                format!("receive {} since {}", op.socket.0, plan.series[series.0 as usize].name)
            }
            Op::Close(op) => format!("close {} {} {}", op.socket.0, op.code, op.leaving),
            Op::End => "end".into(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        shape,
        [
            "connect 0",
            "send 0",
            "connect 1",
            "send 1",
            "close 1 1000 true",
            "receive 0 since first",
            "close 0 1000 true",
            "connect 0",
            "close 0 3000 false",
            "close 0 1000 true",
            "end"
        ]
    );
}

#[test]
fn every_place_where_something_can_go_wrong_has_its_words() {
    let plan = plan(&task(
        "let x = 1 +
             2
         pause 1s..2s
         login: POST /a/${x} {
           json {
             # a comment
             a: 1
           }
           expect status 200 else \"no\"
           check   json $.a ==  1
           capture y = json $.y default 0
         }
         if x > 1 { repeat x { pause exponential(1s) } }",
    ));
    let words: Vec<(PointKind, &str)> = plan.points.iter().map(|point| (point.kind, point.text.as_str())).collect();
    assert_eq!(
        words,
        [
            (PointKind::Statement, "user u"),
            (PointKind::Statement, "let x = 1 + 2"),
            (PointKind::Statement, "pause 1s..2s"),
            (PointKind::Step, "login: POST /a/${x}"),
            (PointKind::Expect, "expect status 200 else \"no\""),
            (PointKind::Check, "check json $.a == 1"),
            (PointKind::Capture, "capture y = json $.y default 0"),
            (PointKind::Statement, "if x > 1"),
            (PointKind::Statement, "repeat x"),
            (PointKind::Statement, "pause exponential(1s)"),
        ]
    );
    assert!(plan.points.iter().all(|point| (point.kind == PointKind::Statement) == point.step.is_none()));
}

#[test]
fn a_copy_of_a_plan_shares_no_literal_with_it() {
    let plan = plan(&task("GET /x { body \"text\" }"));
    let copy = plan.clone();
    let body = |plan: &Plan| match &requests(plan)[0].body {
        Body::Text(Expr::Literal(Value::Text(text))) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(body(&plan), body(&copy));
    assert!(!std::sync::Arc::ptr_eq(&body(&plan), &body(&copy)));
}

const TWO: &str = "scenario \"S\"\ntarget \"http://127.0.0.1:1\"
    user http weight 3 { think 1s..3s; task a weight 3 { GET /a { expect status 200 } } task b { GET /b; GET /c; pause 2s } }
    user buyer weight 1 { think 2s; task c { GET /d } }
    thresholds { rate of http > 5/s; rate > 1000/s; rate of \"GET /d\" >= 0.1/s }";

fn mix(shares: &[(&str, f64)]) -> Overrides {
    let mix = shares.iter().map(|(name, share)| (name.to_string(), *share)).collect();
    Overrides { mix: Some(mix), ..Overrides::default() }
}

#[test]
fn a_mix_applies_to_the_classes_that_a_scenario_has() {
    // The profile names `websocket`, which is not here, and not `buyer`, which is.
    let compiled = compile(TWO, "smoke", &Overrides::default()).expect("notes and warnings only");
    assert_eq!(compiled.plan.load.parts[0].shares, [1.0, 0.0]);
    assert_eq!(
        rules(&compiled.diagnostics),
        [Rule::MixWithoutUser, Rule::MixLeavesOut, Rule::UnreachableRate, Rule::UnreachableRate, Rule::UnreachableRate]
    );
    let compiled = compile(TWO, "stress", &mix(&[("buyer", 1.0), ("http", 1.0)])).expect("all are named");
    assert_eq!(compiled.plan.load.parts[0].shares, [0.5, 0.5]);
    assert_eq!(compiled.plan.user_counts(), [100, 100]);
    let compiled = compile(TWO, "stress", &mix(&[("buyer", 1.0), ("http", 0.0)])).expect("0 is on purpose");
    assert_eq!(compiled.plan.user_counts(), [0, 200]);
    assert!(!rules(&compiled.diagnostics).contains(&Rule::MixLeavesOut));
}

#[test]
fn where_a_mix_leaves_nobody_the_weights_hold() {
    let plan = plan(
        "scenario \"S\"\ntarget \"http://127.0.0.1:1\"\nuser a weight 3 { task t { GET /a } }\nuser b { task t { GET /b } }\n",
    );
    assert_eq!(plan.load.parts[0].shares, [0.75, 0.25]);
}

#[test]
fn a_name_in_mix_that_no_user_has_is_an_error() {
    let wrong = compile(TWO, "smoke", &mix(&[("htpp", 1.0)])).expect_err("nobody is called so");
    assert_eq!(rules(&wrong), [Rule::MixUndefinedUser]);
    assert_eq!(wrong[0].help.as_deref(), Some("did you mean `http`?"));
}

#[test]
fn a_rate_beyond_the_reach_of_the_users_is_warned_about() {
    let compiled = compile(TWO, "stress", &mix(&[("http", 1.0), ("buyer", 1.0)])).expect("warnings only");
    // 100 users, 1.25 requests and 2.5 s an iteration; 100 users, 1 request and 2 s.
    let most = |user| reach(&compiled.plan, UserId(user)).most;
    assert_eq!((most(0), most(1)), (Most::Rate(50.0), Most::Rate(50.0)));
    assert_eq!(rules(&compiled.diagnostics), [Rule::UnreachableRate]);
    assert!(compiled.diagnostics[0].message.contains("100 requests"), "{}", compiled.diagnostics[0].message);
}

#[test]
fn what_is_computed_during_the_run_has_no_reach_that_is_known() {
    let most = |user: &str| {
        let text =
            format!("scenario \"S\"\ntarget \"http://127.0.0.1:1\"\nlet n = number(env(\"N\", \"1\"))\n{user}\n");
        reach(&plan(&text), UserId(0)).most
    };
    assert_eq!(most("user u { task t { GET /a } }"), Most::Unbounded);
    assert_eq!(most("user u { think 1s; task t { repeat n { GET /a } } }"), Most::Unknown);
    assert_eq!(most("user u { think 1s * n; task t { GET /a } }"), Most::Unknown);
    assert_eq!(most("user u { think 1s; task t { repeat int(1, 3) { GET /a } } }"), Most::Rate(10.0));
    assert_eq!(most("user u { think 1s; task t { let x = 1 } }"), Most::Rate(0.0));
    // Connect, ten messages, and the close said by hand: the block is left without another.
    assert_eq!(most("user u { think 1s; task t { websocket /w { receive 10\n close } } }"), Most::Rate(60.0));
    // The branch with more requests, and the one with shorter pauses.
    let branch = "user u { think 1s; task t { if n > 1 { GET /a; GET /b; pause 1s } else { GET /a } } }";
    assert_eq!(most(branch), Most::Rate(10.0));
}

#[test]
fn think_and_pauses_keep_their_kind() {
    let delays = |think: &str| {
        plan(&format!("scenario \"S\"\ntarget \"http://127.0.0.1:1\"\nuser u {{ {think}\n task t {{ GET /a }} }}\n"))
    };
    assert!(matches!(delays("think none").users[0].think, Delay::None));
    assert!(matches!(delays("think 1s").users[0].think, Delay::Fixed(Expr::Literal(Value::Duration(_)))));
    assert!(matches!(delays("think 1s..2s").users[0].think, Delay::Range(..)));
    assert!(matches!(delays("think exponential(1s)").users[0].think, Delay::Exponential(_)));
    assert_eq!(delays("think 1s..2s").points[0].text, "think 1s..2s");
}

#[test]
fn what_follows_from_literals_is_known_before_the_run() {
    let plan = plan(&task(
        "POST /x { body \"${lower(\"A\")} ${sha256(\"abc\")} ${length([1, 2])} ${after(\"a=b\", \"=\")}\" }\n\
         POST /x { body \"${after(\"ab\", \"=\")} ${uuid()}\" }",
    ));
    let [first, second] = requests(&plan)[..] else { panic!("there are two") };
    let text = "a ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 2 b";
    assert!(matches!(&first.body, Body::Text(Expr::Literal(value)) if value.text() == text), "{:?}", first.body);
    // What finds nothing, and what draws, is the run's.
    assert!(matches!(&second.body, Body::Text(Expr::Text(_))), "{:?}", second.body);
}

#[test]
fn what_is_computed_from_a_secret_is_secret_however_it_gets_there() {
    let text = r#"
        target "http://127.0.0.1:1"
        let key = secret("KEY")
        let greeting = "hello"
        let header_value = "Bearer ${key}"
        user u {
          let own = base64(key)
          let open = greeting
          task t {
            let round = "x"
            repeat 3 {
              GET /${round}
              let next = own
              log next
            }
            GET /x { capture secret token = json $.token }
            let said = lower("${token}!")
            for item in [said, "b"] { GET /${item}/${open}/${header_value} }
          }
        }
    "#;
    let plan = plan(text);
    assert_eq!(plan.secrets.constants, [true, true, false, true]);
    // `own`, `next`, `token`, `said`, `item`: the places of the user, then of its iteration.
    let names = ["own", "open", "round", "next", "token", "said", "item"];
    let secret: Vec<&str> = plan.secrets.slots[0].iter().map(|slot| names[slot.0 as usize]).collect();
    let mut sorted = secret.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["item", "next", "own", "said", "token"]);
    let made = plan.ops.iter().filter(|op| matches!(op, Op::Let { value: Expr::Secret(_), .. })).count();
    assert_eq!(made, 1, "what `lower` makes of a captured secret is remembered, too");
}

#[test]
fn unique_data_needs_a_row_for_each_user_that_takes_one() {
    let text = |rows: &str, options: &str| {
        format!(
            "target \"http://127.0.0.1:1\"\ndata d from [{rows}] {{ pick unique{options} }}\n\
             user a {{ take x from d\ntask t {{ GET /${{x}} }} }}\nuser b {{ task t {{ GET /y }} }}"
        )
    };
    let two = Overrides { users: Some(4), ..Overrides::default() };
    let wrong = compile(&text("1", ""), "smoke", &two).expect_err("two of four users take a row");
    let few = wrong.last().expect("it is wrong");
    assert_eq!(few.rule, Rule::TooFewRows);
    assert!(few.message.contains("1 row for 2 users"), "{}", few.message);
    assert!(compile(&text("1, 2", ""), "smoke", &two).is_ok());
    assert!(compile(&text("1", "; when empty stop"), "smoke", &two).is_ok());
}
