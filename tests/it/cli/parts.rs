//! `--only` and `--without`, of each verb that takes them.

use super::world::{Call, scn};

const SCENARIO: &str = r#"target "http://127.0.0.1:9"
user http {
  think 1h
  task health { up: GET /api/health { expect status 200 } }
  task status { GET /api/status { expect status 200 } }
}
user websocket {
  think 1h
  task stream { websocket /api/oscilloscope/ws { frame: call json { command: "status" } within 5s } }
}
user ordered in order {
  think 1h
  task one { first: GET /api/health { expect status 200 } }
  task two { second: GET /api/health { expect status 200 } }
}
thresholds {
  error_rate < 1%
  p95 of up < 10s
  error_rate of stream < 50%
}
"#;

fn on(arguments: &str) -> Call {
    scn(arguments).file("a.scn", SCENARIO)
}

#[test]
fn a_plan_shows_only_what_is_to_be_run() {
    let told = on("plan a.scn --only http.health,ordered.two --only websocket").run().exits(0);
    told.prints("health").prints("two").prints("stream").prints_no(&["first", "/api/status"]);
    let told = on("plan a.scn --without http --without ordered").run().exits(0);
    told.prints("stream")
        .prints_no(&["/api/health", "http  "])
        .says("not judged, as what it speaks of is left out: p95 of up");
}

#[test]
fn a_run_does_only_what_is_chosen_and_judges_no_threshold_of_the_rest() {
    let arguments = "run a.scn --demo --quiet --no-results --users 2 --duration 1s --only http.health";
    let told = on(arguments).run().exits(0).says("not judged, as what it speaks of is left out: error_rate of stream");
    told.prints("p95 of up").prints_no(&["error_rate of stream"]);
}

#[test]
fn a_try_does_only_what_is_chosen() {
    let told = on("try a.scn --demo --without http.status,websocket,ordered.one").run().exits(0);
    told.prints("http / health").prints("second: GET").prints("✓ 2 tasks, 2 requests, nothing failed\n");
    on("try a.scn --demo --only http --task health").run().exits(0).prints("✓ 1 task, 1 request");
    on("try a.scn --demo --only websocket --task health").run().exits(2).says("or it is left out");
}

#[test]
fn a_name_that_is_not_there_and_nothing_at_all_are_refused_with_2() {
    for verb in ["run a.scn --no-results", "plan a.scn", "try a.scn"] {
        let wrong = |flags: &str| on(verb).args(flags).run().exits(2).prints_nothing();
        wrong("--only htp").says("no user or task of this scenario is called `htp`").says("did you mean `http`?");
        wrong("--without http,ordered.tow").says("did you mean `ordered.two`?");
        wrong("--only stream").says("did you mean `websocket.stream`?");
        wrong("--only quite_another").says("customer.checkout");
        wrong("--only http --without http.health,http.status").says("--only and --without leave nothing to run");
    }
}

#[test]
fn a_load_that_names_only_users_who_are_left_out_is_told_so() {
    let profile = "load: {http: {users: 2}}\nduration: 1s\n";
    let told = on("plan a.scn --profile p.yml --without http").file("p.yml", profile).run();
    told.exits(104).says("names no user of this scenario that is not left out").says("websocket, ordered");
}
