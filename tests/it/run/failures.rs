//! The first failures, kept with all that was there: exact content, limits, secrets.

use std::rc::Rc;
use std::time::Duration;

use scn::base::{Seed, Sources};
use scn::metrics::exchange::{KEPT_BYTES_MAX, KEPT_MAX, KEPT_PER_KIND};
use scn::plan::profile;
use scn::report::{FAILURE_SCHEMA, failure};
use scn::run::{self, Act, Options, Stop};
use serde_json::{Value, json};

use super::world::{BAD, Memory, OK, SECOND};

const TENTH: Duration = Duration::from_millis(100);

/// The failures that a run of `items` keeps, as they stand in the file, and the parts of the run that brought them.
fn kept_of(items: &str, profile: &str, options: Options, service: &Memory) -> (Vec<Value>, Vec<Act>) {
    let mut sources = Sources::default();
    let text = format!("target \"http://127.0.0.1:80\"\n{items}");
    let parsed = scn::syntax::parse(sources.add("kept.scn", text.as_str()), &text);
    let checked = scn::check::check(&parsed.ast, &sources);
    let why = format!("{:?} {:?}", parsed.diagnostics, checked.diagnostics);
    let sound = checked.sound(&parsed.diagnostics).expect(&why);
    let read = profile::parse(sources.add("kept.yml", profile), profile);
    let compiled = scn::plan::compile(&sound, &read.profile.expect("a profile"), Seed(7), &sources);
    let plan = compiled.expect("it can be planned").plan;
    let schema: Value = serde_json::from_str(FAILURE_SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let (mut lines, mut acts) = (Vec::new(), Vec::new());
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
    runtime.block_on(async {
        let network = Rc::new(service.clone());
        let watch = &mut |tick: &run::Tick<'_>| {
            for exchange in tick.kept {
                let line = failure(&plan, &sources, "run", exchange);
                assert!(!line.contains('\n'));
                let line: Value = serde_json::from_str(&line).expect("it is JSON");
                let wrong: Vec<String> = validator.iter_errors(&line).map(|wrong| wrong.to_string()).collect();
                assert_eq!(wrong, Vec::<String>::new());
                lines.push(line);
                acts.push(tick.act);
            }
        };
        run::drive(&plan, network, &options, &Stop::default(), watch).await.expect("the plan can run")
    });
    (lines, acts)
}

fn keeping() -> Options {
    Options { threads: 1, run_id: "run".into(), keeps_failures: true, ..Options::default() }
}

const ONE_USER: &str = "name: p\nusers: 1\nspawn_rate: 1\nduration: 10s\n";

fn kept(items: &str, service: &Memory) -> Vec<Value> {
    kept_of(items, ONE_USER, keeping(), service).0
}

#[test]
fn a_failure_is_kept_with_its_request_answer_and_times() {
    const SORRY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\nx-why: db\r\n\r\nsorry";
    let service = Memory::new(|_| (TENTH, SORRY));
    let items = r#"
user u {
  think 1m
  task buy {
    PUT /items/${1 + 6} {
      header X-Turn "${user.iteration}"
      cookie basket "b7"
      json { amount: 2 }
      expect status 200
    }
  }
}"#;
    let lines = kept(items, &service);
    assert_eq!(
        lines,
        [json!({
            "schema": "scn-failure/1",
            "run": "run",
            "seed": 7,
            "user": "u",
            "user_id": 0,
            "iteration": 0,
            "task": "buy",
            "step": "PUT /items/${1 + 6}",
            "warm_up": false,
            "kind": "expect",
            "message": "`status` is 503, expected 200",
            "file": "kept.scn",
            "line": 10,
            "column": 7,
            "text": "expect status 200",
            "due_s": 0.0,
            "begun_s": 0.0,
            "sent_s": 0.0,
            "done_s": 0.1,
            "request": {
                "method": "PUT",
                "url": "http://127.0.0.1/items/7",
                "headers": [
                    { "name": "host", "value": "127.0.0.1" },
                    { "name": "user-agent", "value": concat!("scn/", env!("CARGO_PKG_VERSION")) },
                    { "name": "accept", "value": "*/*" },
                    { "name": "accept-encoding", "value": "gzip, deflate, br, zstd" },
                    { "name": "content-type", "value": "application/json" },
                    { "name": "x-turn", "value": "0" },
                    { "name": "cookie", "value": "basket=b7" },
                ],
                "body": { "size": 12, "text": "{\"amount\":2}", "base64": null },
            },
            "response": {
                "url": null,
                "status": 503,
                "headers": [
                    { "name": "content-length", "value": "5" },
                    { "name": "x-why", "value": "db" },
                ],
                "body": { "size": 5, "text": "sorry", "base64": null },
            },
            "messages": [],
        })]
    );
    // What is kept is what was heard, but for what only the wire has.
    let heard = service.heard.borrow()[0].to_lowercase();
    for header in lines[0]["request"]["headers"].as_array().expect("headers") {
        let header = format!("{}: {}", header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
        assert!(heard.contains(&header), "{header} in {heard}");
    }
}

#[test]
fn without_an_answer_there_is_none_and_where_nothing_was_sent_no_moment_of_sending() {
    let lines = kept("user u { think 1m; task t { GET /x } }", &Memory::new(|_| (TENTH, "")));
    let [line] = &lines[..] else { panic!("one failure: {lines:?}") };
    assert_eq!((line["kind"].as_str(), &line["response"]), (Some("closed"), &Value::Null));
    assert_eq!(line["request"]["url"], "http://127.0.0.1/x");
    assert_eq!(line["request"]["body"], Value::Null);
    // Where a path has no value, nothing can be asked.
    let lines = kept("user u { think 1m; task t { GET /${number(\"x${user.id}\")} } }", &Memory::ok(TENTH));
    let [line] = &lines[..] else { panic!("one failure: {lines:?}") };
    assert_eq!((line["kind"].as_str(), &line["request"], &line["sent_s"]), (Some("value"), &Value::Null, &Value::Null));
    assert_ne!(line["message"], "");
}

#[test]
fn of_each_kind_at_each_step_the_first_three_are_kept() {
    let service = Memory::new(|path| match path {
        "/a" => (TENTH, BAD),
        "/b" => (TENTH, ""),
        _ => (TENTH, OK),
    });
    let items = "user u { task t { attempt { GET /a } attempt { GET /b } GET /c { expect json $.x == 1 } } }";
    let lines = kept(items, &service);
    let told: Vec<_> =
        lines.iter().map(|line| (line["step"].as_str().unwrap(), line["iteration"].as_u64().unwrap())).collect();
    let of = |step: &str| told.iter().filter(|(name, _)| *name == step).map(|(_, turn)| *turn).collect::<Vec<_>>();
    assert_eq!((of("GET /a"), of("GET /b"), of("GET /c")), (vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2]));
    assert_eq!(KEPT_PER_KIND, 3);
    assert_eq!(told.len(), 9);
}

#[test]
fn there_is_an_end_to_how_many_are_kept_of_a_run() {
    let steps: String = (0..KEPT_MAX).map(|number| format!("attempt {{ GET /{number} }}\n")).collect();
    let lines = kept(&format!("user u {{ task t {{ {steps} }} }}"), &Memory::new(|_| (TENTH, BAD)));
    assert_eq!(lines.len(), KEPT_MAX);
}

#[test]
fn tries_after_which_another_is_made_are_no_failures() {
    let turn = Rc::new(std::cell::Cell::new(0));
    let service = Memory::new({
        let turn = turn.clone();
        move |_| {
            turn.set(turn.get() + 1);
            (TENTH, if turn.get() < 5 { BAD } else { "" })
        }
    });
    let lines = kept("user u { think 1m; task t { retry 5 { GET /x } } }", &service);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, turn.get()), (vec!["closed"], 5), "the last try alone");
}

#[test]
fn a_long_body_is_cut_and_bytes_are_told_as_base64() {
    let long = "x".repeat(KEPT_BYTES_MAX + 1);
    let answer: &'static str =
        Box::leak(format!("HTTP/1.1 500 Oh\r\ncontent-length: {}\r\n\r\n{long}", long.len()).into_boxed_str());
    let lines =
        kept("user u { think 1m; task t { POST /x { body base64(\"\") } } }", &Memory::new(move |_| (TENTH, answer)));
    let body = &lines[0]["response"]["body"];
    assert_eq!(body["size"], KEPT_BYTES_MAX as u64 + 1);
    assert_eq!(body["text"].as_str().map(|text| (text.len(), text.ends_with("x…"))), Some((KEPT_BYTES_MAX + 3, true)));
    let items = "user u { think 1m; task t { POST /x { body unbase64(\"/wAB\") } } }";
    let lines = kept(items, &Memory::new(|_| (TENTH, BAD)));
    assert_eq!(lines[0]["request"]["body"], json!({ "size": 3, "text": null, "base64": "/wAB" }));
}

#[test]
fn no_secret_is_kept() {
    const ECHO: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 21\r\nx-echo: open-sesame\r\n\r\nno, not {open-sesame}!";
    let mut options = keeping();
    options.environment.insert("WORD".into(), "open-sesame".into());
    let items = r#"
let word = secret("WORD")
user u {
  think 1m
  task t {
    POST /in?word=${word} {
      auth basic "me", word
      header X-Word word
      cookie word word
      json { word: word }
      expect header x-echo == word
      expect status 200
    }
  }
}"#;
    let (lines, _) = kept_of(items, ONE_USER, options, &Memory::new(|_| (TENTH, ECHO)));
    let text = serde_json::to_string(&lines[0]).expect("it is JSON");
    for form in ["open-sesame", "bWU6b3Blbi1zZXNhbWU="] {
        assert!(!text.contains(form), "{text}");
    }
    assert_eq!(lines[0]["request"]["url"], "http://127.0.0.1/in?word=***");
    assert_eq!(lines[0]["request"]["body"]["text"], "{\"word\":\"***\"}");
    assert_eq!(lines[0]["response"]["body"]["text"], "no, not {***}");
}

#[test]
fn a_redirected_step_tells_what_was_asked_first_and_who_answered() {
    const AWAY: &str = "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n";
    let service = Memory::new(|path| (TENTH, if path == "/here" { AWAY } else { BAD }));
    let lines = kept("user u { think 1m; task t { POST /here { json { a: 1 } } } }", &service);
    assert_eq!(
        (&lines[0]["request"]["method"], &lines[0]["request"]["url"]),
        (&"POST".into(), &"http://127.0.0.1/here".into())
    );
    assert_eq!(
        (&lines[0]["response"]["url"], &lines[0]["response"]["status"]),
        (&"http://127.0.0.1/there".into(), &503.into())
    );
}

#[test]
fn what_fails_outside_of_any_step_is_kept_with_its_words() {
    let lines =
        kept("user u { think 1m; task t { GET /x\n fail \"that is ${user.id} too many\" } }", &Memory::ok(TENTH));
    let [line] = &lines[..] else { panic!("one failure: {lines:?}") };
    assert_eq!((&line["kind"], &line["message"]), (&"fail".into(), &"that is 0 too many".into()));
    assert_eq!((&line["step"], &line["request"], &line["done_s"]), (&Value::Null, &Value::Null, &json!(0.1)));
}

#[test]
fn setup_and_teardown_bring_theirs_and_a_long_setup_is_told_of_each_second() {
    let users = "user u { think 1m; task t { GET /t } }";
    let items = format!("setup {{ retry 3 every 1s {{ GET /setup }} }}\nteardown {{ GET /teardown }}\n{users}");
    let (lines, acts) = kept_of(&items, ONE_USER, keeping(), &Memory::new(|_| (TENTH, BAD)));
    let told: Vec<_> =
        lines.iter().map(|line| (line["task"].as_str().unwrap(), line["user"].as_str().unwrap())).collect();
    assert_eq!((told, acts), (vec![("setup", ""), ("teardown", "")], vec![Act::Setup, Act::Teardown]));
    // Since setup began: three tries, a second apart.
    assert_eq!((&lines[0]["due_s"], &lines[0]["done_s"]), (&json!(2.2), &json!(2.3)));
}

#[test]
fn those_of_the_warm_up_are_kept_beside_and_the_first_behind_it_are_the_first() {
    let profile = "name: p\nusers: 1\nspawn_rate: 1\nduration: 20s\nwarm_up: 10s\n";
    let items = "user u { think 1s; task t { GET /x } }";
    let (lines, _) = kept_of(items, profile, keeping(), &Memory::new(|_| (Duration::ZERO, BAD)));
    let told: Vec<_> =
        lines.iter().map(|line| (line["warm_up"].as_bool().unwrap(), line["due_s"].as_f64().unwrap())).collect();
    assert_eq!(told, [(true, 0.0), (true, 1.0), (true, 2.0), (false, 10.0), (false, 11.0), (false, 12.0)]);
}

#[test]
fn without_a_keeper_nothing_is_kept() {
    let options = Options { keeps_failures: false, ..keeping() };
    let items = "user u { think 1m; task t { GET /x } }";
    assert_eq!(kept_of(items, ONE_USER, options, &Memory::new(|_| (SECOND, BAD))).0, Vec::<Value>::new());
}
