//! `scn try`: what is shown of a scenario that is run once.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::world::scn;

const SCENARIO: &str = r#"scenario "Scope"
target "http://127.0.0.1:9" { timeout 5s }
user http {
  think 1h
  on start { GET /api/status { capture version = json $.version } }
  task read {
    let known = version
    again: GET /api/oscilloscope/config {
      header Authorization "Bearer ${env("TOKEN", "")}"
      check json $.frequency == 0
      expect status 200
      expect json $.wave_type == "sawtooth" else "it was ${json $.wave_type}, ${known}"
    }
    GET /never
  }
  task health { GET /api/health { expect status 200 } }
}
user websocket {
  task stream {
    websocket /api/oscilloscope/ws {
      start: send json { command: "start" }
      frame: receive within 5s { expect length(json $.samples) == 100 }
    }
  }
}
"#;

#[test]
fn a_try_shows_requests_answers_values_messages_and_draws_the_line_that_failed() {
    let told = scn("try a.scn --demo --seed 1").file("a.scn", SCENARIO).env("TOKEN", "hush").run().exits(99);
    for words in [
        "Scope · http://127.0.0.1:",
        " · seed 1\n",
        "\nhttp / on start\n  GET http://127.0.0.1:",
        "    ← 200 · ",
        "    = version = \"0.1.0\"\n",
        "\nhttp / read\n    = known = \"0.1.0\"\n  again: GET http://",
        "      authorization: Bearer ***\n",
        "    ✗ check json $.frequency == 0 · `json $.frequency` is 10, expected 0\n",
        "    ✓ expect status 200 · 200\n",
        "    ✗ expect: it was sine, 0.1.0\n",
        "12 │       expect json $.wave_type == \"sawtooth\" else",
        "  ✗ http / read failed\n\nhttp / health\n",
        "\nwebsocket / stream\n  connect: GET ws://127.0.0.1:",
        "    → { \"command\": \"start\" }\n  frame\n    ← {",
        "    ✓ expect length(json $.samples) == 100 · 100\n",
        "\n✗ 3 tasks, 7 requests, 0 of 1 checks held; failed: 1 × expect\n",
    ] {
        assert!(told.stdout.contains(words), "{words:?} is not in\n{}", told.stdout);
    }
    assert!(!told.stdout.contains("hush") && !told.stdout.contains("/never"), "{}", told.stdout);
    // Nobody thinks for an hour, and nothing is coloured in a pipe.
    assert!(!told.stdout.contains('\u{1b}'));
}

#[test]
fn a_try_shows_every_redirect_on_the_way_to_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let to =
            |status: &str, place: &str| format!("HTTP/1.1 {status}\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n");
        for answer in
            [to("307 X", "/login?next=1"), to("303 X", "/home"), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into()]
        {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let scenario = format!("target \"{url}\"\nuser u {{ task t {{ POST /start {{ expect status 200 }} }} }}\n");
    let told = scn("try a.scn").file("a.scn", &scenario).run().exits(0);
    server.join().unwrap();
    let shown = [
        format!("  POST {url}/start\n"),
        format!(
            "    ↳ 307 redirected to POST {url}/login?next=1\n    ↳ 303 redirected to GET {url}/home\n    ← 200 · "
        ),
    ];
    assert!(shown.iter().all(|words| told.stdout.contains(words)), "{}", told.stdout);
}

#[test]
fn a_try_of_one_task_that_succeeds_ends_with_0() {
    scn("try a.scn --demo --task http.health")
        .file("a.scn", SCENARIO)
        .run()
        .exits(0)
        .prints("✓ 1 task, 2 requests, nothing failed\n");
}

#[test]
fn a_try_in_json_is_an_object_a_line() {
    let told = scn("try a.scn --demo --user http --format json").file("a.scn", SCENARIO).run().exits(99);
    let objects: Vec<serde_json::Value> = told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = objects.iter().filter(|object| object["event"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["line"], "a.scn:12:7");
    assert_eq!(failed[0]["why"], "it was sine, 0.1.0");
    assert!(objects.iter().all(|object| object["user"] == "http"));
}

#[test]
fn a_name_that_is_no_task_is_told_with_the_nearest() {
    let told = scn("try a.scn --task helth").file("a.scn", SCENARIO).run().exits(2);
    told.says("no task is called `helth`").says("did you mean `health`?").prints_nothing();
    scn("try a.scn --user http --task stream").file("a.scn", SCENARIO).run().exits(2).says("no such task belongs");
}

#[test]
fn a_scenario_that_is_not_sound_and_a_host_that_is_not_allowed_are_not_tried() {
    scn("try a.scn").file("a.scn", "user u { task t { GET } }").run().exits(104);
    scn("try a.scn --target http://example.com").file("a.scn", SCENARIO).run().exits(107).says("--allow example.com");
}

#[test]
fn what_attempt_and_retry_catch_is_shown_and_is_no_failure() {
    let text = "target \"http://127.0.0.1:9\"\nuser u { task t {\n  attempt { GET /nope { expect status 200 } }\n  log \"gone on\"\n} }\n";
    let told = scn("try a.scn --demo").file("a.scn", text).run().exits(0).prints("    » gone on\n");
    told.prints("✓ 1 task, 1 request; caught by `attempt` or `retry`: 1 × expect\n");
}

#[test]
fn a_verbose_run_shows_what_is_logged_and_no_more_than_can_be_read() {
    let text = "target \"http://127.0.0.1:9\"\nuser u { think 10s\n task t {\n  repeat 60 as i { log \"turn ${i}\" }\n  GET /api/health { expect status 200 }\n} }\n";
    let told =
        scn("run a.scn --demo --verbose --no-results --users 1 --duration 1s").file("a.scn", text).run().exits(0);
    let told = told
        .says("» user 0: turn 0\n» user 0: turn 1\n")
        .says("» user 0: turn 49\n")
        .says("… 10 more lines were logged");
    assert!(!told.stderr.contains("turn 50"), "{}", told.stderr);
}
