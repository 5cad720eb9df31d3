//! Cases of the rows about how a scenario is written: each word, number and path means what the reference says.

use serde_json::json;

use super::world::{Answer, Case, case};

pub fn cases() -> Vec<Case> {
    [lines(), strings(), numbers(), compounds(), paths(), finders()].into_iter().flatten().collect()
}

fn lines() -> Vec<Case> {
    vec![
        case("`# …`")
            .file_of(
                "# not a word of this, as a blank line follows\n",
                "# does it # once
                task t { # behind a brace
                  # asks
                  # twice
                  GET /a # behind a path
                  GET /b { header X-Tag \"b#c\" } # in quotes it is none
                }",
            )
            .expect(|seen| {
                assert_eq!((seen.paths(), seen.headers("x-tag")), (vec!["/a", "/b"], vec!["", "b#c"]));
                assert_eq!(seen.plan.users[0].doc, None);
                assert_eq!(seen.plan.tasks[0].doc.as_deref(), Some("does it # once"));
                assert_eq!(seen.plan.steps[0].doc.as_deref(), Some("asks\ntwice"));
            }),
        case("`GET /a; GET /b`")
            .user("task t { GET /a; GET /b;; GET /c; }; on stop { GET /d }")
            .expect(|seen| assert_eq!(seen.paths(), ["/a", "/b", "/c", "/d"])),
        case("`login: GET /x`").task("login: GET /x\npause: GET /y\nlogin: GET /z\nGET /x").expect(|seen| {
            assert_eq!((seen.row("login"), seen.row("pause"), seen.row("GET /x")), ((2, 0), (1, 0), (1, 0)));
            assert_eq!(seen.paths(), ["/x", "/y", "/z", "/x"]);
        }),
    ]
}

fn strings() -> Vec<Case> {
    vec![
        case("`\"…\"`")
            .task(r#"POST /a { body "a\tb\n\"c\" \u00e9 \\ \${n}" }"#)
            .expect(|seen| assert_eq!(seen.bodies(), ["a\tb\n\"c\" é \\ ${n}"])),
        case("`\"\"\"…\"\"\"`")
            .task("let n = 1\nPOST /a {\n  body \"\"\"\n    one \"two\" ${n}\n      three\n    \"\"\"\n}")
            .expect(|seen| assert_eq!(seen.bodies(), ["one \"two\" 1\n  three"])),
        case("`${expression}`")
            .task(r#"let n = 2; POST /a/${n * 3}/${"x" == "x"} { body "${n} of ${length([1, 2])}, ${1.5}" }"#)
            .expect(|seen| assert_eq!((seen.paths(), seen.bodies()[0].as_str()), (vec!["/a/6/true"], "2 of 2, 1.5"))),
    ]
}

fn numbers() -> Vec<Case> {
    vec![
        case("`42`, `0.5`, `-3`")
            .task("POST /a { json [42, 0.5, -3, 1 - 3] }")
            .expect(|seen| assert_eq!(seen.bodies(), ["[42,0.5,-3,-2]"])),
        case("`true`, `false`, `null`").task("POST /a { json [true, false, null] }\nif true { GET /b }").expect(|seen| {
            assert_eq!((seen.bodies()[0].as_str(), seen.paths().len()), ("[true,false,null]", 2));
        }),
        case("`250us 10ms 1.5s 5m 1h`, `1m30s`")
            .user("task t { GET /\npause 1h; GET /\npause 5m; GET /\npause 1m30s; GET /\npause 1.5s; GET /\npause 10ms; GET /\npause 4 * 250us; GET / }")
            .lasts(std::time::Duration::from_secs(3 * 3600))
            .expect(|seen| {
                let gaps = seen.requests.windows(2).map(|two| (two[1].at - two[0].at).as_millis());
                assert_eq!(gaps.collect::<Vec<_>>(), [3_600_000, 300_000, 90_000, 1_500, 10, 1]);
            }),
        case("`20/s`, `30/m`, `5/h`")
            .also("`1%`, `0.1%`")
            .scenario(
                "target \"http://127.0.0.1:80\"
                 user u { think 10s; task t { GET /x { expect status 200 } } }
                 thresholds { rate < 20/s; rate < 30/m; rate > 5/h; error_rate < 1%; error_rate < 0.1%; checks == 100% }",
            )
            .lasts(std::time::Duration::from_secs(100))
            .expect(|seen| {
                let limits: Vec<f64> = seen.judged.iter().map(|one| one.limit).collect();
                assert_eq!(limits, [20.0, 0.5, 5.0 / 3600.0, 0.01, 0.001, 1.0]);
                assert_eq!(seen.judged[1].value, Some(0.1));
                assert!(seen.judged[..5].iter().all(|one| !one.broken()));
            }),
        case("`512B 4KiB 1MiB`")
            .task("GET /512 { expect size == 512B }\nGET /4096 { expect size == 4KiB }\nGET /1048576 { expect size == 1MiB }")
            .server(|request| Answer::text("x".repeat(request.path[1..].parse().expect("a size"))))
            .expect(|seen| assert_eq!((seen.iterations(), seen.samples()), ((1, 0), (3, 0)))),
        case("`1s..3s`, `200..299`")
            .task("GET /200 { expect status 200..299 }\nGET /299 { expect status 200..299 }\npause 1s..3s\nfor n in 1..2 { GET /${200 + n} }")
            .server(|request| Answer::status(request.path[1..].parse().expect("a status")))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/200", "/299", "/201", "/202"]);
                let paused = (seen.requests[2].at - seen.requests[1].at).as_millis();
                assert!((1_000..=3_000).contains(&paused), "{paused}");
            }),
    ]
}

fn compounds() -> Vec<Case> {
    vec![
        case("`[1, \"two\", 3]`")
            .task("let list = [\n  1,\n  \"two\",\n  3,\n]\nPOST /${list[1]} { json [list, []] }")
            .expect(|seen| assert_eq!((seen.paths(), seen.bodies()[0].as_str()), (vec!["/two"], "[[1,\"two\",3],[]]"))),
        case("`{ key: 1, \"any key\": [true] }`")
            .task("let n = 2\nPOST /a { json { key: n - 1, \"any key\": [true], $ref: {}, header: \"x\", } }")
            .expect(|seen| {
                let wanted = json!({ "key": 1, "any key": [true], "$ref": {}, "header": "x" });
                assert_eq!(seen.requests[0].json(), wanted);
            }),
    ]
}

fn paths() -> Vec<Case> {
    vec![
        case("`/users/${id}?full=1`")
            .task("let id = \"a b/c&d?é%\"\nGET /users/${id}?full=1&id=${id}\nGET /~x/;v=1,(2)'@:!$&*+=-._%20")
            .expect(|seen| {
                let [first, second] = seen.paths()[..] else { panic!("{:?}", seen.paths()) };
                assert_eq!(first, "/users/a%20b%2Fc%26d%3F%C3%A9%25?full=1&id=a%20b%2Fc%26d%3F%C3%A9%25");
                assert_eq!(second, "/~x/;v=1,(2)'@:!$&*+=-._%20");
            }),
    ]
}

fn finders() -> Vec<Case> {
    vec![
        case("`$.items[0]['user-id']`")
            .task("GET /a { capture id = json $.items[0]['user-id']; capture last = json $['items'][ -1 ].n }\nGET /${id}/${last}")
            .server(|_| Answer::json(json!({ "items": [{ "user-id": 7 }, { "n": 8 }] })))
            .expect(|seen| assert_eq!(seen.paths(), ["/a", "/7/8"])),
        case("`/code=(\\d+)/`")
            .task("GET /a { capture code = regex /code=(\\d+)/; capture whole = regex /c\\w+=\\d/; capture slash = regex /<\\/(b)>/ }\nGET /${code}/${whole}/${slash}")
            .server(|_| Answer::text("<b>code=42</b>"))
            .expect(|seen| assert_eq!(seen.paths()[1], "/42/code%3D4/b")),
        case("`cookie name`")
            .task("GET /a { capture mine = cookie sid }\nGET /b { capture held = cookie sid; capture none = cookie gone default \"-\" }\nGET /${mine}/${held}/${none}")
            .server(|request| match request.path.as_str() {
                "/a" => Answer::ok().header("set-cookie", "sid=s1; Path=/"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b", "/s1/s1/-"]);
                assert_eq!(seen.headers("cookie"), ["", "sid=s1", "sid=s1"]);
            }),
        case("`event`")
            .task("events GET /e { a: receive within 1s { capture kind = event }; b: receive where event == \"message\" within 1s { expect body == \"2\" }\nGET /${kind} }")
            .server(|request| match request.path.as_str() {
                "/e" => Answer::stream(&[(10, "event: price\ndata: 1\n\n"), (10, "data: 2\n\n")], false),
                _ => Answer::ok(),
            })
            .expect(|seen| assert_eq!((seen.paths(), seen.samples()), (vec!["/e", "/price"], (4, 0)))),
    ]
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
