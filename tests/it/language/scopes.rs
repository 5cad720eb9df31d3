//! Cases of the rows about the file, users, tasks and flows.

use super::world::{Answer, Case, case};

/// A flow that logs in, and gives back the token.
const LOGIN: &str = r#"
flow login(name, password) {
  login: POST /session {
    json { name: name, password: password }
    expect status 200
    capture token = json $.token
  }
  return token
}
"#;

fn flows() -> Vec<Case> {
    let session = |request: &super::world::Request| match request.path.as_str() {
        "/session" => Answer::json(serde_json::json!({ "token": format!("t{}", request.number) })),
        _ => Answer::ok(),
    };
    vec![
        case("`flow name(a, b) { … }`")
            .also("`let token = login(\"a\", \"b\")`")
            .also("`return expression`")
            .file_of(
                LOGIN,
                r#"task t {
                  let one = login("ada", "a1")
                  let two = login("bob", "b${user.id}")
                  GET /${one}/${two} { expect status 200 }
                }
                task other weight 0 { login("never", "never") }"#,
            )
            .server(session)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/session", "/session", "/t0/t1"]);
                let (ada, bob) = (r#"{"name":"ada","password":"a1"}"#, r#"{"name":"bob","password":"b0"}"#);
                assert_eq!(seen.bodies(), [ada, bob, ""]);
                assert_eq!(seen.row("login"), (2, 0), "both calls in one task are one row");
                let of_login = seen.plan.series.iter().filter(|series| series.name == "login");
                assert_eq!(of_login.map(|series| series.task_name.as_str()).collect::<Vec<_>>(), ["t", "other"]);
            }),
        case("`login(\"a\", \"b\")`")
            .file_of(
                LOGIN,
                r#"task t {
                  let token = "mine"
                  login("ada", "a1")
                  GET /${token} { expect status 200 }
                }"#,
            )
            .server(session)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/session", "/mine"], "what a flow names is its own");
                assert_eq!(seen.iterations(), (1, 0));
            }),
        case("`use \"lib/login.scn\"`")
            .file("lib/login.scn", format!("use \"../realm.scn\"\nlet path = \"/in/${{realm}}\"\n{LOGIN}"))
            .file("realm.scn", "let realm = \"shop\"\n")
            .file_of(
                "use \"lib/login.scn\"\nuse \"realm.scn\"\n",
                r#"task t {
                  let token = login("ada", realm)
                  GET ${path}/${token} { expect status 200 }
                }"#,
            )
            .server(session)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/session", "/in/shop/t0"]);
                let files: Vec<&str> = seen.sources.iter().map(|(_, file)| file.name.as_str()).collect();
                assert_eq!(files, ["case.scn", "lib/login.scn", "realm.scn", "case.yml"]);
            }),
    ]
}

fn values() -> Vec<Case> {
    vec![
        case("`set name = expression`")
            .user(
                r#"let page = 1
                task t {
                  let seen = null
                  repeat 3 { GET /${page} { expect status 200 }; set page = page + 1; set seen = page }
                  GET /end/${page}/${seen} { expect status 200 }
                }"#,
            )
            .expect(|seen| assert_eq!(seen.paths(), ["/1", "/2", "/3", "/end/4/4"])),
        case("`set name = extractor`")
            .user(
                r#"let next = "/0"
                task t {
                  repeat 3 { GET ${next} { set next = json $.next default "/none" } }
                }"#,
            )
            .server(|request| match request.number {
                0 => Answer::json(serde_json::json!({ "next": "/1" })),
                _ => Answer::json(serde_json::json!({})),
            })
            .expect(|seen| assert_eq!(seen.paths(), ["/0", "/1", "/none"])),
    ]
}

fn setup_and_teardown() -> Vec<Case> {
    let posts = |request: &super::world::Request| match request.method.as_str() {
        "POST" => Answer::json(serde_json::json!({ "id": "p7", "n": 2 })),
        _ => Answer::ok(),
    };
    vec![
        case("`setup { … }`")
            .scenario(
                r#"target "http://127.0.0.1:80"
                setup {
                  create: POST /posts { capture post = json $.id; capture count = json $.n }
                  let path = "/posts/${post}"
                }
                user a { think 2h; task t { GET ${path} { expect status 200 } } }
                user b { think 2h; let mine = count + 1; task t { GET /b/${mine}/${counter()} { expect status 200 } } }
                thresholds { error_rate of setup.create < 1%; count of create == 1 }"#,
            )
            .users(2)
            .server(posts)
            .expect(|seen| {
                let mut paths = seen.paths();
                assert_eq!(paths.remove(0), "/posts", "before any user starts, once");
                paths.sort();
                assert_eq!(paths, ["/b/3/0", "/posts/p7"]);
                assert_eq!(seen.row("create"), (1, 0));
                assert_eq!(seen.iterations(), (2, 0), "`setup` is no iteration");
                assert!(seen.judged.iter().all(|threshold| !threshold.broken()));
            }),
        case("`teardown { … }`")
            .scenario(
                r#"target "http://127.0.0.1:80"
                setup { POST /posts { capture post = json $.id }; let first = counter() }
                user a { think 20m; task t { GET /x { expect status 200 } } }
                teardown { drop: DELETE /posts/${post}/${first}/${counter()} { expect status 200 } }"#,
            )
            .server(posts)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/posts", "/x", "/x", "/x", "/posts/p7/0/1024"]);
                assert_eq!(seen.row("drop"), (1, 0));
            }),
        case("`setup` fails")
            .scenario(
                r#"target "http://127.0.0.1:80"
                setup { POST /posts { expect status 201; capture post = json $.id } }
                user a { task t { GET /x/${post} { expect status 200 } } }
                teardown { GET /down { expect status 200 }; DELETE /posts/${post} { expect status 200 } }"#,
            )
            .server(posts)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/posts", "/down"], "`teardown` always runs, as far as it has values");
                assert_eq!(seen.finished.setup_failed, Some(scn::run::SetupFailed::Failed));
                assert_eq!(seen.iterations(), (0, 0));
                assert_eq!(seen.kinds(), [("expect", 1), ("value", 1)]);
            }),
    ]
}

fn lives() -> Vec<Case> {
    vec![
        case("`user name in order { … }`")
            .scenario(
                r#"target "http://127.0.0.1:80"
                user a in order {
                  think 10m
                  task one { GET /one { expect status 200 } }
                  task two { GET /two { expect status 200 } }
                  task three { GET /three { expect status 200 } }
                }"#,
            )
            .iterations(2)
            .server(|request| if request.number == 4 { Answer::status(500) } else { Answer::ok() })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/one", "/two", "/three", "/one", "/two"], "a failing task ends the pass");
                assert_eq!(seen.iterations(), (1, 1));
            }),
        case("`session per iteration`")
            .scenario(
                r#"target "http://127.0.0.1:80"
                user a {
                  session per iteration
                  think 10m
                  let n = 0
                  on start { set n = n + 1; GET /start/${n} }
                  task t { set n = n + 1; GET /t/${n}/${user.iteration}/${user.id} { expect status 200 } }
                }"#,
            )
            .iterations(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/start/1", "/t/2/0/0", "/start/1", "/t/2/1/0"]);
                assert_eq!(seen.dialled, 2, "a new person has a connection of its own");
            }),
        case("`session per user`")
            .scenario(
                r#"target "http://127.0.0.1:80"
                user a {
                  session per user
                  think 10m
                  let n = 0
                  on start { set n = n + 1; GET /start/${n} }
                  task t { set n = n + 1; GET /t/${n} { expect status 200 } }
                }"#,
            )
            .iterations(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/start/1", "/t/2", "/t/3"]);
                assert_eq!(seen.dialled, 1);
            }),
        case("`pace 10s`")
            .scenario(
                r#"target "http://127.0.0.1:80" { timeout 60s }
                user a { pace 10s; task t { look: GET /x { expect status 200 } } }"#,
            )
            .lasts(std::time::Duration::from_secs(50))
            .server(|request| match request.number {
                1 => Answer::ok().after(15_000),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                // Due at 0, 10, 20, 30 and 40 s: the one behind the slow answer begins 5 s after it was due.
                assert_eq!(seen.row("look"), (5, 0));
                assert_eq!(seen.millis("look"), 15_000 + 5_000);
            }),
    ]
}

pub fn cases() -> Vec<Case> {
    [flows(), values(), setup_and_teardown(), lives()].into_iter().flatten().collect()
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
