//! Cases of the rows that belong to no construct of their own, and the blocks of the reference.

use std::time::Duration;

use scn::metrics::Counter;
use serde_json::json;

use super::world::{Answer, Case, Seen, case};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("the status is 400 or above, and no `expect` of the step mentions `status`")
            .also("a step fails")
            .task(
                r#"
                GET /good
                expected: GET /bad { expect status 503 }
                unexpected: GET /bad { expect size < 1KiB }
                GET /never
                "#,
            )
            .server(|request| if request.path == "/bad" { Answer::status(503) } else { Answer::ok() })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/good", "/bad", "/bad"]);
                assert_eq!(seen.iterations(), (0, 1));
                assert_eq!((seen.row("expected"), seen.row("unexpected")), ((1, 0), (0, 1)));
                assert_eq!(seen.kinds(), [("status", 1)]);
            }),
        case("`check condition`")
            .also("a `check` does not hold")
            .task("GET /a { check body == \"ok\"; check size > 2B }\nGET /b")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b"]);
                assert_eq!(seen.checks(), (1, 1));
                assert_eq!((seen.iterations(), seen.samples()), ((1, 0), (2, 0)));
            }),
    ];
    cases.extend(of_the_file());
    cases.extend(of_answers());
    cases.extend(of_tasks());
    cases
}

/// A second.
const SECOND: Duration = Duration::from_secs(1);

/// A user with these items, who is not told to think for two hours.
fn plain(items: &str) -> String {
    format!("target \"http://127.0.0.1:80\"\nuser u {{\n{items}\n}}\n")
}

/// The time between a request and the next one, in milliseconds.
fn gaps(seen: &Seen) -> Vec<u128> {
    seen.requests.windows(2).map(|two| (two[1].at - two[0].at).as_millis()).collect()
}

/// Rows about the file, its users and their pauses.
fn of_the_file() -> Vec<Case> {
    vec![
        case("`scenario \"Title\"`")
            .scenario(&format!("scenario \"Tea shop\"\n{}", plain("think 2h\ntask t { GET / }")))
            .expect(|seen| {
                assert_eq!(seen.plan.scenario, "Tea shop");
                assert_eq!(seen.iterations(), (1, 0));
            }),
        case("`target URL { … }`")
            .also("`header Accept \"text/html\"`")
            .scenario(
                "target env(\"SHOP\", \"http://nowhere\") { header Accept \"text/html\" }
                 user u { think 2h; task t { GET /x; GET /y { header Accept \"text/plain\" } } }",
            )
            .env("SHOP", "http://shop/base")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/base/x", "/base/y"]);
                assert_eq!(seen.headers("accept"), ["text/html", "text/plain"]);
                assert_eq!(seen.headers("host"), ["shop", "shop"]);
            }),
        case("`timeout 15s`")
            .scenario("target \"http://127.0.0.1:80\" { timeout 2s }\nuser u { think 2h; task t { GET /slow } }")
            .server(|_| Answer::ok().after(3_000))
            .expect(|seen| {
                assert_eq!((seen.iterations(), seen.kinds()), ((0, 1), vec![("timeout", 1)]));
                assert_eq!(seen.millis("GET /slow"), 2_000);
            }),
        case("`let name = expression`")
            .file_of("let n = int(1, 1000000)\nlet twice = 2 * n", "task t { GET /${n}/${twice}; GET /${n} }")
            .expect(|seen| {
                let n: u64 = seen.paths()[1][1..].parse().expect("a number");
                assert_eq!(seen.paths()[0], format!("/{n}/{}", 2 * n));
            }),
        case("`thresholds { … }`")
            .scenario(&format!(
                "{}thresholds {{ error_rate < 1%; count of t > 3 }}",
                plain("think 2h\ntask t {{ GET / }}").replace("{{", "{").replace("}}", "}")
            ))
            .expect(|seen| {
                let kept: Vec<bool> = seen.judged.iter().map(|one| !one.broken()).collect();
                assert_eq!(kept, [true, false]);
            }),
        case("`user name weight N { … }`")
            .also("`user name weight N { … }` with several classes")
            .scenario(
                "target \"http://127.0.0.1:80\"
                 user many weight 3 { think 2h; task t { GET /many } }
                 user few weight 1 { think 2h; task t { GET /few } }",
            )
            .users(8)
            .expect(|seen| {
                let few: Vec<bool> = seen.paths().iter().map(|path| *path == "/few").collect();
                // Each class has its share of every first n, within one user.
                for n in 1..=8 {
                    let count = few[..n].iter().filter(|few| **few).count();
                    assert!((4 * count).abs_diff(n) <= 4, "{few:?}");
                }
                assert_eq!(few.iter().filter(|few| **few).count(), 2);
            }),
        case("`task name weight N { … }`")
            .scenario(&plain("task often weight 3 { GET /often }\ntask seldom { GET /seldom }\ntask never weight 0 { GET /never }"))
            .iterations(400)
            .expect(|seen| {
                let seldom = seen.paths().iter().filter(|path| **path == "/seldom").count();
                assert_eq!((seen.iterations(), seen.requests.len()), ((400, 0), 400));
                assert!((70..=130).contains(&seldom), "{seldom} of 400");
                assert!(!seen.paths().contains(&"/never"));
            }),
        case("`think 2s`")
            .scenario(&plain("think 2s\ntask t { GET / }"))
            .server(|_| Answer::ok().after(500))
            .lasts(10 * SECOND)
            .expect(|seen| {
                // From the end of a task to the next: 2.5 s from request to request, and none at the end.
                assert_eq!(gaps(seen), [2_500, 2_500, 2_500]);
                assert_eq!(seen.finished.length.as_millis(), 10_000);
            }),
        case("`think 1s..3s`").scenario(&plain("think 1s..3s\ntask t { GET / }")).iterations(100).expect(|seen| {
            let gaps = gaps(seen);
            assert_eq!(gaps.len(), 99);
            assert!(gaps.iter().all(|gap| (1_000..=3_000).contains(gap)), "{gaps:?}");
            assert!(gaps.iter().any(|gap| *gap < 1_500) && gaps.iter().any(|gap| *gap > 2_500), "{gaps:?}");
        }),
        case("`think exponential(2s)`")
            .scenario(&plain("think exponential(2s)\ntask t { GET / }"))
            .iterations(401)
            .expect(|seen| {
                let mean = gaps(seen).iter().sum::<u128>() / 400;
                assert!((1_700..=2_300).contains(&mean), "{mean}");
                assert!(gaps(seen).iter().all(|gap| *gap <= 20_000));
            }),
        case("`think none`").scenario(&plain("think none\ntask t { GET / }")).iterations(50).expect(|seen| {
            assert_eq!((seen.requests.len(), seen.finished.length.as_millis()), (50, 0));
        }),
        case("`let name = expression` in `user`")
            .scenario(&plain("think 1s\nlet shoe = int(30, 1000000)\ntask t { GET /${shoe} }"))
            .users(2)
            .iterations(6)
            .expect(|seen| {
                let mut paths = seen.paths();
                paths.sort_unstable();
                paths.dedup();
                assert_eq!((seen.requests.len(), paths.len()), (6, 2), "one shoe a user, for life");
            }),
        case("`on start { … }`")
            .also("`on stop { … }`")
            .scenario(&plain(
                "think 1s\non start { GET /start { capture id = body } }\ntask t { GET /t/${id} }\non stop { GET /stop/${id} }",
            ))
            .server(|request| Answer::text(request.number.to_string()))
            .iterations(3)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/start", "/t/0", "/t/0", "/t/0", "/stop/0"]);
                assert_eq!((seen.iterations(), seen.samples()), ((3, 0), (5, 0)));
            }),
    ]
}

/// Rows about what is asked of an answer.
fn of_answers() -> Vec<Case> {
    vec![
        case("`expect condition`")
            .also("an `expect` does not hold")
            .task("GET /a { expect body == \"ok\"; expect size == 3B; expect size == 4B }\nGET /never")
            .expect(|seen| {
                assert_eq!((seen.paths(), seen.iterations()), (vec!["/a"], (0, 1)));
                // A step fails once, with its first reason.
                assert_eq!((seen.kinds(), seen.notes()), (vec![("expect", 1)], vec!["`size` is 2B, expected 3B"]));
            }),
        case("`expect condition else \"why\"`")
            .task("GET /a { expect json $.n > 5 else \"too few: ${json $.n}\" }")
            .server(|_| Answer::json(json!({ "n": 3 })))
            .expect(|seen| assert_eq!(seen.notes(), ["too few: 3"])),
        case("`expect status 200, 404`")
            .task("a: GET /200 { expect status 200, 404 }\nb: GET /404 { expect status 200, 404 }\nc: GET /201 { expect status 200, 404 }")
            .server(|request| Answer::status(request.path[1..].parse().expect("a status")))
            .expect(|seen| {
                assert_eq!((seen.row("a"), seen.row("b"), seen.row("c")), ((1, 0), (1, 0), (0, 1)));
                assert_eq!(seen.notes(), ["`status` is 201, expected 200 or 404"]);
            }),
        case("`expect status 2xx`, `expect status 200..299`")
            .task(
                "a: GET /204 { expect status 2xx }\nb: GET /299 { expect status 200..299 }
                 attempt { c: GET /300 { expect status 200..299 } }\nd: GET /302 { expect status 2xx }",
            )
            .server(|request| Answer::status(request.path[1..].parse().expect("a status")))
            .expect(|seen| {
                assert_eq!((seen.row("a"), seen.row("b"), seen.row("c"), seen.row("d")), ((1, 0), (1, 0), (0, 1), (0, 1)));
                assert_eq!(seen.kinds(), [("expect", 2)]);
            }),
        case("`capture name = extractor`")
            .task("GET /a { capture id = json $.id }\nGET /b/${id} { capture id2 = json $.nothing }\nGET /never/${id2}")
            .server(|_| Answer::json(json!({ "id": 7 })))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b/7"]);
                assert_eq!((seen.iterations(), seen.kinds()), ((0, 1), vec![("capture", 1)]));
                assert_eq!(seen.notes(), ["`json $.nothing` found nothing"]);
            }),
        case("`set name = extractor`")
            .task("let n = 1\nGET /a { set n = json $.n }\nGET /b/${n} { set n = json $.gone default 9 }\nGET /c/${n} { set n = json $.gone }")
            .server(|_| Answer::json(json!({ "n": 2 })))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b/2", "/c/9"]);
                assert_eq!(seen.kinds(), [("capture", 1)]);
            }),
        case("`timeout 2s`")
            .task("GET /slow { timeout 2s }")
            .server(|_| Answer::ok().after(2_001))
            .expect(|seen| {
                assert_eq!((seen.kinds(), seen.millis("GET /slow")), (vec![("timeout", 1)], 2_000));
                assert_eq!(seen.notes(), ["no answer within 2s"]);
            }),
    ]
}

/// Rows about statements and failures that belong to no file of their own.
fn of_tasks() -> Vec<Case> {
    vec![
        case("`let name = expression` in a task")
            .user("task t {\n let n = user.iteration\n if n == 0 { let m = n + 10\n GET /${m} }\n GET /${n}\n}")
            .expect(|seen| assert_eq!(seen.paths(), ["/10", "/0"])),
        case("`pause 500ms`").task("GET /a\npause 500ms\nGET /b").expect(|seen| {
            assert_eq!(gaps(seen), [500]);
            // Iterations are timed less their pauses.
            assert_eq!(seen.total().tasks[0].time.sum().as_millis(), 0);
        }),
        case("`pause 500ms..2s`, `pause exponential(2s)`")
            .scenario(&plain("task t { GET /\npause 500ms..2s }\ntask e weight 0 { pause exponential(2s) }"))
            .iterations(100)
            .expect(|seen| {
                assert!(gaps(seen).iter().all(|gap| (500..=2_000).contains(gap)), "{:?}", gaps(seen));
                assert!(gaps(seen).windows(2).any(|two| two[0] != two[1]));
            }),
        case("`repeat N { … }`").task("repeat 3 { GET / }\nrepeat 0 { GET /never }").expect(|seen| {
            assert_eq!(seen.paths(), ["/", "/", "/"]);
        }),
        case("`repeat N as i { … }`").task("let n = 2\nrepeat n + 1 as i { GET /${i} }").expect(|seen| {
            assert_eq!(seen.paths(), ["/0", "/1", "/2"]);
        }),
        case("`if C { … } else if D { … } else { … }`")
            .task("repeat 3 as i { if i == 0 { GET /if } else if i == 1 { GET /else-if } else { GET /else } }")
            .expect(|seen| assert_eq!(seen.paths(), ["/if", "/else-if", "/else"])),
        case("no answer comes in time").task("GET /slow\nGET /never").server(|_| Answer::ok().after(11_000)).expect(
            |seen| {
                assert_eq!((seen.paths(), seen.kinds()), (vec!["/slow"], vec![("timeout", 1)]));
                assert_eq!(seen.iterations(), (0, 1));
            },
        ),
        case("nobody listens at the target").task("GET /a\nGET /never").refuses().expect(|seen| {
            assert_eq!((seen.requests.len(), seen.kinds()), (0, vec![("connect_refused", 1)]));
            assert_eq!((seen.iterations(), seen.samples()), ((0, 1), (1, 1)));
        }),
        case("the connection breaks").task("GET /a\nGET /never").server(|_| Answer::cut()).expect(|seen| {
            assert_eq!((seen.paths(), seen.kinds(), seen.iterations()), (vec!["/a"], vec![("closed", 1)], (0, 1)));
        }),
        case("what comes is not HTTP")
            .task("GET /a\nGET /never")
            .server(|_| Answer::raw("+OK Hello, this is POP3\r\n"))
            .expect(|seen| {
                assert_eq!(
                    (seen.paths(), seen.kinds(), seen.iterations()),
                    (vec!["/a"], vec![("protocol", 1)], (0, 1))
                );
            }),
        case("`on start` fails")
            .scenario(&plain("think 1s\non start { GET /start }\ntask t { GET /t }"))
            .users(1)
            .server(|request| if request.number < 2 { Answer::status(503) } else { Answer::ok() })
            .lasts(5 * SECOND)
            .expect(|seen| {
                // Two users fail at once, the third lives.
                assert_eq!(seen.paths()[..4], ["/start", "/start", "/start", "/t"]);
                assert_eq!((seen.iterations().1, seen.counter(Counter::UsersFailed)), (2, 2));
                assert_eq!((seen.row("GET /start"), seen.row("GET /t").1), ((1, 2), 0));
            }),
        case("the run ends while an iteration runs")
            .scenario(&plain("task quick { pause 4s\nGET /quick\npause 8s\nGET /more }\ntask slow weight 0 { GET / }"))
            .users(1)
            .lasts(10 * SECOND)
            .server(|request| if request.path == "/more" { Answer::ok().after(60_000) } else { Answer::ok() })
            .expect(|seen| {
                // The answer would come long after the graceful stop of thirty seconds.
                let totals = seen.total().totals();
                assert_eq!((totals.iterations, totals.abandoned_iterations), (0, 1), "{:?}", seen.kinds());
                assert_eq!(seen.paths(), ["/quick", "/more"]);
            }),
        case("`log \"…\"`").task("let n = 3\nlog \"there are ${n}\"\nGET /").expect(|seen| {
            // It is for whoever looks over one user's shoulder, and leaves nothing behind.
            assert_eq!((seen.iterations(), seen.samples()), ((1, 0), (1, 0)));
        }),
    ]
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
