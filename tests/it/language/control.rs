//! Cases of the rows about the flow of a task, and about what a failure means in it.

use std::time::Duration;

use scn::metrics::Counter;
use serde_json::json;

use super::world::{Answer, Case, Seen, case};

pub fn cases() -> Vec<Case> {
    let mut cases = loops();
    cases.extend(branches());
    cases.extend(blocks());
    cases.extend(retries());
    cases.extend(together());
    cases.extend(ends());
    cases.extend(recorded());
    cases
}

/// When each request came, in milliseconds after the first.
fn moments(seen: &Seen) -> Vec<u128> {
    let first = seen.requests.first().map_or(Duration::ZERO, |request| request.at);
    seen.requests.iter().map(|request| (request.at - first).as_millis()).collect()
}

fn loops() -> Vec<Case> {
    vec![
        case("`repeat N { … }`").also("`repeat N as i { … }`").task(
            "repeat 2 { GET /plain }
             repeat 3 as i { GET /${i} }
             repeat int(0, 0) { GET /never }",
        )
        .expect(|seen| {
            assert_eq!(seen.paths(), ["/plain", "/plain", "/0", "/1", "/2"]);
            assert_eq!((seen.row("GET /plain"), seen.row("GET /${i}"), seen.row("GET /never")), ((2, 0), (3, 0), (0, 0)));
        }),
        case("`repeat N while C { … }`")
            .also("`repeat N until C { … }`")
            .task(
                r#"
                let left = 2
                repeat 9 while left > 0 { GET /while { capture n = json $.n; set left = json $.n } }
                repeat 9 while left > 0 { GET /never }
                let found = "no"
                repeat 9 as i until found == "3" { GET /until/${i} { set found = body } }
                repeat 2 until found == "none" { GET /bounded }
                "#,
            )
            .server(|request| match request.path.strip_prefix("/until/") {
                Some(number) => Answer::text((number.parse::<u32>().expect("a number") + 1).to_string()),
                None if request.path == "/while" => Answer::json(json!({ "n": if request.number < 3 { 1 } else { 0 } })),
                None => Answer::ok(),
            })
            .expect(|seen| {
                let count = |path: &str| seen.paths().iter().filter(|heard| **heard == path).count();
                assert!(count("/while") >= 3, "{:?}", seen.paths());
                assert_eq!((count("/never"), count("/bounded")), (0, 2));
                assert_eq!((count("/until/0"), count("/until/2"), count("/until/3")), (1, 1, 0));
            }),
        case("`repeat for 30s { … }`")
            .task("repeat for 3s { GET /slow }\nrepeat for 1s { let _nothing = 1 }\nrepeat for 0s { GET /never }\nGET /end")
            .server(|request| if request.path == "/slow" { Answer::ok().after(700) } else { Answer::ok() })
            .expect(|seen| {
                // The last turn begins at 2.8 s and is not cut; then a loop of nothing lasts its second.
                assert_eq!((seen.row("GET /slow"), seen.row("GET /end")), ((5, 0), (1, 0)));
                assert_eq!(moments(seen), [0, 700, 1400, 2100, 2800, 4500]);
            }),
        case("`for x in list { … }`")
            .also("`for n in 1..5 { … }`")
            .task(
                r#"
                for tea in ["green", "black"] { GET /${tea} }
                for n in 2..4 { GET /${n} }
                GET /list { capture ids = json $.ids }
                for id in ids { GET /id/${id} }
                for none in [] { GET /never/${none} }
                "#,
            )
            .server(|_| Answer::json(json!({ "ids": [7, 8] })))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/green", "/black", "/2", "/3", "/4", "/list", "/id/7", "/id/8"]);
                assert_eq!(seen.iterations(), (1, 0));
            }),
        case("`for row in data { … }`")
            .file_of(
                "data teas from \"teas.csv\"",
                "task t { for tea in teas { GET /${tea.name}/${tea.price} } }",
            )
            .file("teas.csv", "name,price\ngreen,3\nblack,2\n")
            .expect(|seen| assert_eq!(seen.paths(), ["/green/3", "/black/2"])),
        case("`for x in list limit 50 { … }`")
            .task("for n in 1..9 limit 2 { GET /${n} }\nfor n in 1..1002 { GET /many/${n} }")
            .expect(|seen| {
                assert_eq!((seen.row("GET /${n}"), seen.row("GET /many/${n}")), ((2, 0), (1000, 0)));
                assert_eq!(seen.counter(Counter::LimitsReached), 2);
            }),
        case("`for x in list { … }`").also("an expression has no value").task(
            "GET /a { capture list = json $.n }\nfor x in list { GET /${x} }\nGET /never",
        )
        .server(|_| Answer::json(json!({ "n": 5 })))
        .expect(|seen| {
            assert_eq!((seen.paths(), seen.iterations()), (vec!["/a"], (0, 1)));
            assert_eq!((seen.kinds(), seen.samples()), (vec![("value", 1)], (1, 0)));
            assert_eq!(seen.notes(), ["`for` goes through a list, not a number"]);
        }),
    ]
}

fn branches() -> Vec<Case> {
    vec![
        case("`if C { … } else if D { … } else { … }`")
            .task("for n in 1..4 { if n == 1 { GET /one } else if n == 2 { GET /two } else { GET /more } }")
            .expect(|seen| assert_eq!(seen.paths(), ["/one", "/two", "/more", "/more"])),
        case("`choose { 70% { … } 30% { … } }`")
            .user("task t { repeat 1000 { choose { 70% { GET /often } 20% { GET /seldom } } } }")
            .expect(|seen| {
                let ((often, 0), (seldom, 0)) = (seen.row("GET /often"), seen.row("GET /seldom")) else { panic!() };
                // The seed is fixed; about one in ten does nothing.
                assert!((670..=730).contains(&often) && (170..=230).contains(&seldom), "{often} {seldom}");
                assert!(often + seldom < 950, "{often} {seldom}");
            }),
    ]
}

fn blocks() -> Vec<Case> {
    vec![
        case("`group name { … }`")
            .user(
                "task good { group all { GET /a; pause 5s; group inner { GET /b } } }
                 on stop { attempt { group bad { GET /c; GET /broken } } }",
            )
            .server(|request| match request.path.as_str() {
                "/broken" => Answer::status(500).after(50),
                _ => Answer::ok().after(100),
            })
            .expect(|seen| {
                assert_eq!((seen.beside("all"), seen.beside("inner"), seen.beside("bad")), ((1, 0), (1, 0), (0, 1)));
                assert_eq!((seen.beside_millis("all"), seen.beside_millis("inner")), (200, 100));
                assert_eq!(seen.beside_millis("bad"), 150);
                assert_eq!(seen.samples(), (4, 1), "groups are no requests");
            }),
        case("`attempt { … }`")
            .also("a step in `attempt` fails")
            .task("attempt { GET /bad; GET /never }\nGET /on { capture ok = body }\nattempt { let _x = number(ok) }\nattempt { fail \"no\" }\nGET /end")
            .server(|request| if request.path == "/bad" { Answer::status(500) } else { Answer::ok() })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/bad", "/on", "/end"]);
                assert_eq!((seen.iterations(), seen.samples()), ((1, 0), (3, 1)));
                assert_eq!(seen.kinds(), [("status", 1), ("value", 1), ("fail", 1)]);
            }),
    ]
}

fn retries() -> Vec<Case> {
    vec![
        case("`retry N every 1s { … }`")
            .also("a step in `retry` fails")
            .task("retry 5 every 1s { poll: GET /poll { expect body == \"ready\" } }\nGET /on")
            .server(|request| match (request.path.as_str(), request.number) {
                ("/poll", 3) => Answer::text("ready"),
                _ => Answer::text("wait"),
            })
            .expect(|seen| {
                assert_eq!(seen.row("poll").1, 0);
                assert_eq!(seen.row("poll").0, 1);
                assert_eq!(seen.iterations(), (1, 0));
                let retried = seen.row("poll (retry)");
                assert_eq!(retried.0, 0);
                assert_eq!(seen.paths().len() as u64, retried.1 + 2, "{:?}", seen.paths());
                assert_eq!(moments(seen)[1], 1_000);
            }),
        case("`retry N every 1s { … }`")
            .task("attempt { retry 3 { poll: GET /poll } }\nretry 2 { attempt { in: GET /in }; GET /x }\nGET /on")
            .server(
                |request| {
                    if request.path == "/on" || request.path == "/x" { Answer::ok() } else { Answer::status(503) }
                },
            )
            .expect(|seen| {
                // The last failure counts, and is caught; what an inner `attempt` catches is no failure of the retry.
                assert_eq!(seen.paths(), ["/poll", "/poll", "/poll", "/in", "/x", "/on"]);
                assert_eq!((seen.row("poll"), seen.row("poll (retry)")), ((0, 1), (0, 2)));
                assert_eq!((seen.row("in"), seen.iterations()), ((0, 1), (1, 0)));
            }),
        case("a step in `retry` fails")
            .task("repeat 1000 { attempt { retry 1000 { GET /a } } }")
            .refuses()
            .lasts(Duration::from_secs(10))
            .expect(|seen| {
                // Nobody answers: a hundred tries a second, and no core is burnt.
                let (all, _) = seen.samples();
                assert!(all <= 1_002 + 3_000, "{all}");
            }),
    ]
}

fn together() -> Vec<Case> {
    vec![
        case("`parallel { … }`")
            .task(
                r#"
                parallel {
                  for n in 1..13 { asset: GET /${n} { expect body == "/${n}"; capture _last = body } }
                  if true { GET /x { capture x = body } }
                }
                GET /after${x}
                "#,
            )
            .server(|request| Answer::text(&request.path).after(100))
            .expect(|seen| {
                assert_eq!((seen.row("asset"), seen.row("GET /x"), seen.iterations()), ((13, 0), (1, 0), (1, 0)));
                let moments = moments(seen);
                assert_eq!(moments.iter().filter(|at| **at == 0).count(), 6, "at most six at a time: {moments:?}");
                assert_eq!(moments.last(), Some(&300));
                assert_eq!(seen.dialled, 6);
                // Waiting for a connection is waiting: all were due when the block was reached.
                assert_eq!(seen.millis("asset") + seen.millis("GET /x"), 6 * 100 + 6 * 200 + 2 * 300);
                assert_eq!(seen.paths().last(), Some(&"/after%2Fx"));
            }),
        case("a step in `parallel` fails")
            .task("parallel { GET /bad; GET /slow; GET /slower }\nGET /never")
            .server(|request| match request.path.as_str() {
                "/bad" => Answer::status(500),
                "/slow" => Answer::ok().after(1_000),
                _ => Answer::ok().after(2_000),
            })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/bad", "/slow", "/slower"]);
                assert_eq!((seen.samples(), seen.iterations()), ((3, 1), (0, 1)));
                assert_eq!((seen.millis("GET /slow"), seen.millis("GET /slower")), (1_000, 2_000));
            }),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        case("`stop iteration`")
            .user("task t { group all { GET /a; if user.id == 0 { stop iteration }; GET /b } }")
            .users(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/a", "/b"]);
                assert_eq!((seen.iterations(), seen.kinds()), ((2, 0), vec![]));
                assert_eq!(seen.beside("all"), (2, 0));
            }),
        case("`stop user`")
            .scenario(
                "target \"http://127.0.0.1:80\"
                 user u { task t { attempt { GET /a; if user.iteration == 2 { stop user } } } on stop { GET /bye } }",
            )
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/a", "/a", "/bye"]);
                assert_eq!((seen.iterations(), seen.kinds()), ((3, 0), vec![]));
            }),
        case("`fail \"why\"`").task("GET /a\nif true { fail \"the cart is ${user.id}\" }\nGET /never").expect(|seen| {
            assert_eq!((seen.paths(), seen.iterations()), (vec!["/a"], (0, 1)));
            assert_eq!((seen.kinds(), seen.notes()), (vec![("fail", 1)], vec!["the cart is 0"]));
        }),
    ]
}

fn recorded() -> Vec<Case> {
    vec![
        case("`measure name = expression`")
            .also("`measure name = expression` in a step")
            .task(
                "GET /a { measure depth = json $.depth; measure waited = time * 2 }
                 measure lag = 3s
                 measure lag = (1 - 2) * 1s
                 measure depth = 2.5",
            )
            .server(|_| Answer::json(json!({ "depth": 4 })).after(100))
            .expect(|seen| {
                assert_eq!((seen.beside("depth"), seen.beside("waited"), seen.beside("lag")), ((2, 0), (1, 0), (2, 0)));
                assert_eq!((seen.beside_millis("waited"), seen.beside_millis("lag")), (200, 3_000));
                assert_eq!((seen.samples(), seen.iterations()), ((1, 0), (1, 0)));
            }),
        case("`log \"…\"`").task("log \"before\"\nGET /a\nlog \"after ${user.id}\"").expect(|seen| {
            // Who reads them is `scn try` and `--verbose`: tests of the command line. A run goes its way.
            assert_eq!((seen.paths(), seen.iterations(), seen.samples()), (vec!["/a"], (1, 0), (1, 0)));
        }),
        // Nobody reads it here either, and it fails as it does where somebody does.
        case("`log \"…\"`").task("GET /a { capture n = body }\nlog \"${number(n)}\"\nGET /never").expect(|seen| {
            assert_eq!((seen.kinds(), seen.iterations(), seen.paths()), (vec![("value", 1)], (0, 1), vec!["/a"]));
        }),
    ]
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
