//! Cases of the rows about data, extractors, operators and functions.

use std::time::Duration;

use scn::metrics::Counter;
use serde_json::json;

use super::world::{Answer, Case, Seen, case};

pub fn cases() -> Vec<Case> {
    [data(), extractors(), operators(), functions(), secrets(), failures()].into_iter().flatten().collect()
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}

/// A case whose value is sent, and what must have been sent: `expressions` are joined by `|` in the path of a request.
fn gives(row: &str, expressions: &[&str], expected: &[&str]) -> Case {
    let holes: Vec<String> = expressions.iter().map(|expression| format!("${{{expression}}}")).collect();
    let expected = expected.join("|");
    case(row).task(&format!("POST /x {{ body \"{}\" }}", holes.join("|"))).expect(move |seen| {
        assert_eq!(seen.bodies(), [expected.as_str()]);
        assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes());
    })
}

/// A case whose one request is answered with `body`, and whose parts all hold.
fn holds(row: &str, body: &'static str, parts: &str) -> Case {
    case(row)
        .task(&format!("GET /x {{\n{parts}\n}}"))
        .server(move |_| Answer::text(body).header("x-kind", "tea").header("set-cookie", "sid=s1; Path=/"))
        .expect(|seen| {
            assert_eq!(seen.notes(), Vec::<&str>::new());
            assert_eq!(seen.iterations(), (1, 0));
        })
}

fn sorted(mut of: Vec<&str>) -> Vec<&str> {
    of.sort_unstable();
    of
}

fn data() -> Vec<Case> {
    /// Two users that take a row of five each time, six iterations in all.
    fn dealt(row: &str, data: &str) -> Case {
        case(row).scenario(&format!(
            "target \"http://127.0.0.1:80\"\n{data}\nuser u {{\nthink 1s\ntask t {{\ntake n from numbers\nGET /${{user.id}}/${{n}}\n}}\n}}"
        ))
    }
    const NUMBERS: &str = "data numbers from [0, 1, 2, 3, 4]";
    let taken_by = |seen: &Seen, user: &str| -> Vec<String> {
        seen.paths().into_iter().filter_map(|path| path.strip_prefix(user).map(str::to_owned)).collect()
    };
    let accounts = |row: &str, options: &str| {
        case(row)
            .file("accounts.csv", "name\nada\nbob\n")
            .scenario(&format!(
                "target \"http://127.0.0.1:80\"\ndata accounts from \"accounts.csv\" {{ pick unique{options} }}\n\
                 user u {{\nthink 1s\ntake account from accounts\non start {{ GET /in/${{account.name}} }}\n\
                 task t {{ GET /${{account.name}} }}\n}}"
            ))
            .lasts(Duration::from_millis(2500))
    };
    vec![
        case("`data name from … { … }`")
            .also("`data a from \"rows.csv\"`")
            .file("rows.csv", "name,\"note\"\nada,\"a, \"\"b\"\"\"\r\n\nbob,\"two\nlines\"\n")
            .scenario(
                "target \"http://127.0.0.1:80\"\ndata rows from \"rows.csv\" { pick sequential; when empty recycle }\n\
                 user u { think 1s\ntask t { take row from rows\nPOST /${row.name} { body row.note } } }",
            )
            .iterations(3)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/ada", "/bob", "/ada"]);
                assert_eq!(seen.bodies(), ["a, \"b\"", "two\nlines", "a, \"b\""]);
            }),
        case("`data a from \"rows.ndjson\"`")
            .file("rows.ndjson", "{\"id\": 1, \"tags\": [\"x\", \"y\"]}\n\n{\"id\": 2, \"new\": true}\n")
            .scenario(
                "target \"http://127.0.0.1:80\"\ndata rows from \"rows.ndjson\"\n\
                 user u { think 1s\ntask t { take row from rows\nPOST /${row.id + 10} { json row } } }",
            )
            .iterations(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/11", "/12"]);
                assert_eq!(seen.bodies(), [r#"{"id":1,"tags":["x","y"]}"#, r#"{"id":2,"new":true}"#]);
            }),
        case("`data a from \"rows.json\"`")
            .file("rows.json", "[\"tea\",\n \"cup & saucer\"]")
            .scenario(
                "target \"http://127.0.0.1:80\"\ndata rows from \"rows.json\"\n\
                 user u { think 1s\ntask t { take row from rows\nGET /${row}?of=${length(rows)} } }",
            )
            .iterations(2)
            .expect(|seen| assert_eq!(seen.paths(), ["/tea?of=2", "/cup%20%26%20saucer?of=2"])),
        case("`data a from [\"tea\", \"cup\"]`")
            .scenario(
                "target \"http://127.0.0.1:80\"\nlet first = \"tea\"\n\
                 data words from [first, \"cup\"]\ndata things from [{ name: first, n: 1 }, { name: \"cup\" }]\n\
                 user u { think 1s\ntask t { take word from words\ntake thing from things\n\
                 GET /${word}/${thing.name} { expect thing.n == 1 or thing.n missing } } }",
            )
            .iterations(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/tea/tea", "/cup/cup"]);
                assert_eq!(seen.iterations(), (2, 0), "{:?}", seen.notes());
            }),
        case("`columns [name, path]`")
            .also("`separator \";\"`")
            .file("steps.csv", "home;/\n\"a;b\";/x\n")
            .scenario(
                "target \"http://127.0.0.1:80\"\ndata steps from \"steps.csv\" { columns [name, \"the path\"]; separator \";\" }\n\
                 user u { think 1s\ntask t { take step from steps\nPOST ${step[\"the path\"]} { body step.name } } }",
            )
            .iterations(2)
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/", "/x"]);
                assert_eq!(seen.bodies(), ["home", "a;b"]);
            }),
        dealt("`take row from data`", NUMBERS).also("`pick sequential`").users(2).iterations(6).expect(move |seen| {
            // User u's i-th take is row (u + 2·i) mod 5.
            assert_eq!(taken_by(seen, "/0/"), ["0", "2", "4"]);
            assert_eq!(taken_by(seen, "/1/"), ["1", "3", "0"]);
        }),
        dealt("`when empty stop`", &format!("{NUMBERS} {{ when empty stop }}")).users(2).expect(|seen| {
            assert_eq!(sorted(seen.paths()), ["/0/0", "/0/2", "/0/4", "/1/1", "/1/3"]);
            assert_eq!(seen.iterations(), (5, 0), "nothing has failed");
            assert!(seen.finished.length < Duration::from_secs(10), "the users have ended, and so has the run");
        }),
        dealt("`pick random`", &format!("{NUMBERS} {{ pick random }}")).iterations(200).expect(|seen| {
            for number in 0..5 {
                let path = format!("/0/{number}");
                let count = seen.paths().iter().filter(|drawn| **drawn == path).count();
                assert!((20..=60).contains(&count), "{path} was drawn {count} times of 200");
            }
        }),
        dealt("`pick shuffle`", &format!("{NUMBERS} {{ pick shuffle }}")).iterations(10).expect(|seen| {
            let (first, second) = (&seen.paths()[..5], &seen.paths()[5..]);
            assert_eq!(first, second, "the order stays");
            assert_ne!(first, ["/0/0", "/0/1", "/0/2", "/0/3", "/0/4"]);
            assert_eq!(sorted(first.to_vec()), ["/0/0", "/0/1", "/0/2", "/0/3", "/0/4"]);
        }),
        accounts("`pick unique`", "").also("`take account from accounts` in `user`").users(2).expect(|seen| {
            assert_eq!(sorted(seen.paths())[..2], ["/ada", "/ada"]);
            let of = |path: &str| seen.paths().iter().filter(|heard| **heard == path).count();
            assert_eq!([of("/in/ada"), of("/in/bob"), of("/ada"), of("/bob")], [1, 1, 3, 3]);
        }),
        // A user whose `on start` fails gives its row back, and who replaces it waits for none.
        accounts("`when empty recycle`", "")
            .users(2)
            .server(|request| if request.number < 3 { Answer::status(500) } else { Answer::ok() })
            .expect(|seen| {
                let tried = seen.paths().iter().filter(|path| path.starts_with("/in/")).count();
                assert_eq!(tried, 5, "three failed, and two live");
                let of = |path: &str| seen.paths().contains(&path);
                assert!(of("/ada") && of("/bob"), "each of the two has a row of its own");
                assert_eq!(seen.counter(Counter::RowsWaited), 0);
            }),
        accounts("`when empty stop`", "\nwhen empty stop").users(3).expect(|seen| {
            assert_eq!(seen.paths().iter().filter(|path| path.starts_with("/in/")).count(), 2);
            assert_eq!(seen.iterations().1, 0, "the third user has ended without failure");
        }),
    ]
}

fn extractors() -> Vec<Case> {
    const ITEMS: &str = r#"{"items": [{"id": 1, "tags": ["a"]}, {"id": 2}], "text": "{\"a\": {\"b\": 7}}"}"#;
    vec![
        holds("`status`", "", "expect status == 200 and status < 300"),
        holds(
            "`header Name`",
            "",
            "expect header X-Kind == \"tea\"\nexpect header \"x-kind\" exists\nexpect header X-Other missing",
        ),
        holds("`body`", "größe", "expect body == \"größe\" and length(body) == 5"),
        holds(
            "`json $.path`",
            ITEMS,
            "expect json $.items[1].id == 2\nexpect json $['items'][0].tags == [\"a\"]\nexpect json $.none missing\n\
             expect json $.items[?@.id > 1] exists\nexpect json $.items[*].none missing",
        ),
        holds(
            "`regex /…/`",
            "order 17 of 20",
            "expect regex /order (\\d+)/ == \"17\"\nexpect regex /\\d+ of/ == \"17 of\"\nexpect regex /x/ missing",
        ),
        case("`size`")
            .task("GET /x { expect size == 2MiB }")
            .server(|_| Answer::text("x".repeat(2 << 20)))
            .expect(|seen| assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes())),
        case("`url`")
            .task("GET /a?b=1 { expect url == \"http://127.0.0.1/a?b=1\" }")
            .expect(|seen| assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes())),
        case("`time`")
            .task("GET /x { expect time >= 250ms and time < 251ms }")
            .server(|_| Answer::ok().after(250))
            .expect(|seen| assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes())),
        holds(
            "`all json $.items[*].id`",
            ITEMS,
            "expect all json $.items[*].id == [1, 2]\nexpect length(all json $..id) == 2\n\
             expect all json $.none[*] == []\nexpect all json $.items[*].id contains 2",
        ),
        holds(
            "`all regex /…/`",
            "<a href=\"/x\"><a href=\"/y\">",
            "expect all regex /href=\"([^\"]+)\"/ == [\"/x\", \"/y\"]\nexpect length(all regex /img/) == 0",
        ),
        holds(
            "`json $.a of value`",
            ITEMS,
            "expect json $.a.b of json $.text == 7\nexpect json $.id of json $.items[1] == 2\n\
             expect all json $[*].id of json $.items == [1, 2]\nexpect json $.a of \"no json\" missing",
        ),
        case("`regex /…/ of value`")
            .task("GET /x {\ncapture code = regex /code=([^&]+)/ of header Location\n}\nGET /${code}")
            .server(|_| Answer::ok().header("location", "/cb?code=a1&state=z"))
            .expect(|seen| assert_eq!(seen.paths(), ["/x", "/a1"])),
        // What a loop goes through may be called so, too; in the block of a step the word is the answer's.
        case("`url`")
            .task("for url in [\"/a\", \"/b\"] { GET ${url} { expect url == \"http://127.0.0.1${regex /.$/ of url}\" else url } }")
            .expect(|seen| assert_eq!(seen.paths()[..1], ["/a"])),
        case("`capture name = extractor default value`")
            .task(
                "GET /x {\ncapture a = json $.none default \"other\"\ncapture links = all regex /href/ default [\"none\"]\n\
                 capture n = json $.n default null\n}\nGET /${a}/${links[0]}/${n}",
            )
            .server(|_| Answer::text("{\"n\": 3}"))
            .expect(|seen| assert_eq!(seen.paths()[1], "/other/none/3")),
    ]
}

fn operators() -> Vec<Case> {
    const ABC: &str = r#"{"n": 3, "list": [1, 2], "o": {"any key": {"k": "v"}}, "text": "abc", "no": null}"#;
    vec![
        holds("`a or b`", ABC, "expect json $.n == 1 or json $.n == 3"),
        holds(
            "`a and b`",
            ABC,
            "expect json $.n == 3 and json $.text == \"abc\"\nexpect not (json $.n == 3 and false == true)",
        ),
        holds("`not a`", ABC, "expect not json $.n == 4\nexpect not (json $.x == 1)"),
        holds(
            "`a == b`, `a != b`",
            ABC,
            "expect json $.n == 3 and json $.n != 4\nexpect json $.list == [1, 2]\nexpect json $.no == null\n\
             expect not (json $.none != 1) and not (json $.none == 1)\nexpect not (json $.n == \"3\")",
        ),
        holds(
            "`a < b`, `a <= b`, `a > b`, `a >= b`",
            ABC,
            "expect json $.n < 4 and json $.n <= 3 and json $.n > 2 and json $.n >= 3\nexpect \"a\" < json $.text\n\
             expect size > 1B and time < 1h",
        ),
        holds(
            "`a contains b`",
            ABC,
            "expect json $.text contains \"b\" and json $.list contains 2\nexpect not (json $.list contains 3)",
        ),
        holds(
            "`a starts_with b`, `a ends_with b`",
            ABC,
            "expect json $.text starts_with \"ab\" and json $.text ends_with \"bc\"",
        ),
        holds("`a matches /…/`", ABC, "expect json $.text matches /^a.c$/\nexpect not (body matches /xyz/)"),
        holds("`a in [b, c]`", ABC, "expect json $.n in [1, 3]\nexpect not (json $.text in [\"x\"])"),
        holds(
            "`a exists`, `a missing`",
            ABC,
            "expect json $.no exists and json $.none missing\nexpect json $.list[5] missing\nexpect json $..k exists",
        ),
        gives("`a + b`, `a - b`", &["1 + 2 - 4", "1s + 500ms", "1 - -1"], &["-1", "1.5s", "2"]),
        gives(
            "`a * b`, `a / b`, `a % b`",
            &["1 + 2 * 3", "7 % 4", "2s * 3", "1m / 30s", "10/s * 3s", "(1 + 2) * 3"],
            &["7", "3", "6s", "2", "30", "9"],
        ),
        gives("`-a`", &["-(1 + 2)", "2 * -3"], &["-3", "-6"]),
        holds(
            "`a.key`, `a[\"any key\"]`",
            ABC,
            "capture o = json $.o\nexpect (json $.o)[\"any key\"].k == \"v\"\nexpect (json $.o).none missing\nexpect o[\"any key\"].k == \"v\"",
        ),
        holds(
            "`a[0]`",
            ABC,
            "capture list = json $.list\nexpect list[0] == 1 and list[1] == 2\nexpect list[2] missing",
        ),
    ]
}

fn functions() -> Vec<Case> {
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    /// A case in which `expression` is sent fifty times, and what must be so of what was sent.
    fn drawn(row: &str, expression: &str, judge: impl Fn(&[String]) + 'static) -> Case {
        case(row).task(&format!("repeat 50 {{ POST /x {{ body \"${{{expression}}}\" }} }}")).expect(move |seen| {
            assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes());
            let sent = seen.bodies();
            assert_eq!(sent.len(), 50);
            judge(&sent);
        })
    }
    fn different(sent: &[String]) -> usize {
        sent.iter().collect::<std::collections::BTreeSet<_>>().len()
    }
    fn number(text: impl AsRef<str>) -> f64 {
        text.as_ref().parse().expect("a number")
    }
    vec![
        gives(
            "`env(name, default)`",
            &["env(\"SHOP\", \"x\")", "env(\"NONE\", \"other\")", "env(\"SHOP\")"],
            &["tea", "other", "tea"],
        )
        .env("SHOP", "tea"),
        case("`file(path, type)`")
            .file("order.xml", "<order/>")
            .file("raw.bin", [0xff, 0x00, 0x80])
            .task(
                "POST /x { body file(\"order.xml\") }\nPOST /x { body file(\"raw.bin\") }\n\
                 POST /x { body \"${sha256(file(\"order.xml\"))} ${to_hex(file(\"raw.bin\"))}\" }",
            )
            .expect(|seen| {
                assert_eq!(seen.requests[0].text(), "<order/>");
                assert_eq!(seen.requests[1].body, [0xff, 0x00, 0x80]);
                let digest = "9326fef1a0a45c3f7ad8ee2c3579c143887e292e8d9140fd2e154cb4faf39929";
                assert_eq!(seen.bodies()[2], format!("{digest} ff0080"));
            }),
        gives(
            "`length(value)`",
            &["length(\"größe\")", "length([1, 2])", "length(from_hex(\"fffe\"))"],
            &["5", "2", "2"],
        ),
        gives("`lower(text)`", &["lower(\"ÄB\")"], &["äb"]),
        gives("`number(value)`", &["number(\"0x1f\") + 1", "number(\" -2.5 \")", "number(7)"], &["32", "-2.5", "7"]),
        gives(
            "`string(value)`",
            &["string([1, { a: 2 }])", "length(string(12))", "string(90s)"],
            &["[1,{\"a\":2}]", "2", "1m30s"],
        ),
        gives("`replace(text, old, new)`", &["replace(\"a-b-c\", \"-\", \"+\")"], &["a+b+c"]),
        holds(
            "`after(text, mark)`",
            "id=7;x=1",
            "expect after(body, \"=\") == \"7;x=1\"\nexpect after(body, \"?\") missing\nexpect before(after(body, \"id=\"), \";\") == \"7\"",
        ),
        holds(
            "`before(text, mark)`",
            "id=7;x=1",
            "expect before(body, \";\") == \"id=7\"\nexpect before(body, \"?\") missing",
        ),
        drawn("`pick(list)`", "pick([1, 2, 3])", |sent| {
            assert_eq!(different(sent), 3);
            assert!(sent.iter().all(|one| ["1", "2", "3"].contains(&one.as_str())));
        }),
        drawn("`oneof(value, …)`", "oneof(\"a\", string(counter()))", |sent| {
            let counts: Vec<&String> = sent.iter().filter(|one| *one != "a").collect();
            assert!((10..40).contains(&counts.len()), "{counts:?}");
            // Only what is drawn is evaluated: the counter has no gaps.
            let expected: Vec<String> = (0..counts.len()).map(|count| count.to_string()).collect();
            assert!(counts.into_iter().eq(expected.iter()));
        }),
        gives("`min(value, …)`", &["min(3, 1, 2)", "min([\"b\", \"a\"])", "min(1s, 2s)"], &["1", "a", "1s"]),
        gives("`max(value, …)`", &["max(3, 1, 2, 5)", "max([4, 9])"], &["5", "9"]),
        gives("`base64(text)`", &["base64(\"fooba\")", "base64(from_hex(\"fffe00\"))"], &["Zm9vYmE=", "//4A"]),
        gives(
            "`unbase64(text)`",
            &["unbase64(\"Zm9vYmE=\")", "unbase64(\"Zm9vYmE\")", "to_hex(unbase64(\"__4A\"))"],
            &["fooba", "fooba", "fffe00"],
        ),
        gives("`base64url(text)`", &["base64url(from_hex(\"fffe\"))"], &["__4"]),
        gives("`to_hex(value)`", &["to_hex(\"AZ\")", "to_hex(255)"], &["415a", "ff"]),
        gives("`from_hex(text)`", &["from_hex(\"0x415A\")"], &["AZ"]),
        gives(
            "`sha256(text, encoding)`",
            &["sha256(\"abc\")", "sha256(\"abc\", \"base64\")"],
            &[sha, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="],
        ),
        gives(
            "`hmac_sha256(key, text, encoding)`",
            &["hmac_sha256(\"Jefe\", \"what do ya want for nothing?\")"],
            &[hmac],
        ),
        gives("`url_encode(text)`", &["url_encode(\"a b&c/é~\")"], &["a%20b%26c%2F%C3%A9~"]),
        drawn("`uuid()`", "uuid()", |sent| {
            assert_eq!(different(sent), 50);
            assert!(sent.iter().all(|one| one.len() == 36 && one.as_bytes()[14] == b'4'), "{sent:?}");
        }),
        case("`now()`")
            .task("let before = now()\npause 90s\nPOST /x { body \"${now() - before}\" }")
            .expect(|seen| assert!((number(&seen.bodies()[0]) - 90.0).abs() < 0.01, "{:?}", seen.bodies())),
        gives(
            "`date(format, seconds)`",
            &["date(\"%Y-%m-%d %H:%M\", 1700000000)", "length(date(\"%F\"))"],
            &["2023-11-14 22:13", "10"],
        ),
        drawn("`uniform(from, to)`", "uniform(-1, 1)", |sent| {
            assert!(sent.iter().map(number).all(|one| (-1.0..=1.0).contains(&one)));
            assert!(different(sent) > 40);
        }),
        drawn("`int(from, to)`", "int(1, 6)", |sent| {
            assert!(sent.iter().map(number).all(|one| (1.0..=6.0).contains(&one) && one.fract() == 0.0));
            assert_eq!(different(sent), 6);
        }),
        drawn("`random_string(length)`", "random_string(8)", |sent| {
            assert_eq!(different(sent), 50);
            assert!(sent.iter().all(|one| one.len() == 8 && one.chars().all(|c| c.is_ascii_alphanumeric())));
        }),
        case("`counter()`")
            .user("task t { repeat 3 { POST /${user.id} { body string(counter()) } } }")
            .users(2)
            .expect(|seen| {
                let mut all: Vec<f64> = seen.bodies().iter().map(number).collect();
                let of = |user: &str| -> Vec<f64> {
                    let own = seen.requests.iter().filter(|request| request.path == user);
                    own.map(|request| number(request.text())).collect()
                };
                for user in ["/0", "/1"] {
                    assert!(of(user).is_sorted(), "it rises within a user");
                }
                all.sort_by(f64::total_cmp);
                all.dedup();
                assert_eq!(all.len(), 6);
            }),
        case("`user.id`")
            .also("`user.iteration`")
            .scenario(
                "target \"http://127.0.0.1:80\"\nuser u { think 1s\ntask t { GET /${user.id}/${user.iteration} } }",
            )
            .users(2)
            .iterations(4)
            .expect(|seen| assert_eq!(sorted(seen.paths()), ["/0/0", "/0/1", "/1/0", "/1/1"])),
        gives("`run.id`", &["run.id"], &["run"]),
    ]
}

fn secrets() -> Vec<Case> {
    vec![
        case("`secret(name)`")
            .env("API_KEY", "hunter2-key")
            .task(
                "let signature = hmac_sha256(secret(\"API_KEY\"), \"x\")\n\
                 GET /x {\nheader X-Key secret(\"API_KEY\")\n\
                 expect json $.key == \"other\"\n}",
            )
            .server(|request| Answer::json(json!({ "key": request.header("x-key") })))
            .expect(|seen| {
                assert_eq!(seen.headers("x-key"), ["hunter2-key"], "the target gets it");
                assert_eq!(seen.notes(), ["`json $.key` is \"***\", expected \"other\""]);
            }),
        // What is computed from a secret is secret, wherever it is computed.
        case("`secret(name)`")
            .env("API_KEY", "hunter2-key")
            .task(
                "let token = \"t-${secret(\"API_KEY\")}\"\nlet other = token\n\
                 GET /${base64(\"u:${other}\")} {\ncheck true == json $.ok\nexpect body == other\n}",
            )
            .server(|request| Answer::text(&request.path[1..]))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/dTp0LWh1bnRlcjIta2V5"]);
                assert_eq!(seen.notes(), ["`body` is \"***\", expected \"***\" (`other`)"]);
            }),
        case("`capture secret name = extractor`")
            .task(
                "GET /login { capture secret token = json $.token }\n\
                 GET /me {\nheader Authorization \"Bearer ${token}\"\nexpect body == \"mine\"\n}",
            )
            .server(|request| match request.path.as_str() {
                "/login" => Answer::json(json!({ "token": "s3cr3t&token" })),
                _ => Answer::text(format!("no {} today", request.header("authorization").unwrap_or(""))),
            })
            .expect(|seen| {
                assert_eq!(seen.headers("authorization")[1], "Bearer s3cr3t&token");
                assert_eq!(seen.notes(), ["`body` is \"no Bearer *** today\", expected \"mine\""]);
            }),
    ]
}

fn failures() -> Vec<Case> {
    vec![
        case("a `capture` without `default` finds nothing")
            .task("GET /x { capture id = json $.id }\nGET /never")
            .server(|_| Answer::json(json!({ "ids": [] })))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/x"]);
                assert_eq!((seen.kinds(), seen.iterations()), (vec![("capture", 1)], (0, 1)));
            }),
        case("an expression has no value")
            .task("let list = [1, 2]\nGET /x { expect list[2] == 1 }\nGET /never")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/x"]);
                assert_eq!((seen.kinds(), seen.iterations()), (vec![("value", 1)], (0, 1)));
                assert_eq!(seen.notes(), ["index 2 is out of range: there are 2 items, 0 to 1"]);
            }),
        case("a step looks beyond what is kept of a body")
            .task("GET /x { expect body contains \"end\" }\nGET /never")
            .server(|_| Answer::text(format!("{}end", "x".repeat(1 << 20))))
            .expect(|seen| {
                assert_eq!((seen.kinds(), seen.iterations()), (vec![("body_too_large", 1)], (0, 1)));
            }),
        // Kept or not, a digest is of the whole body.
        case("`sha256(text, encoding)`")
            .task("GET /x { expect sha256(body) == \"3bea8a9a07c1e8dcaa4c1b816815c35a29b4fb585ba6ecc70ea44840a794cfb3\" }")
            .server(|_| Answer::text("x".repeat(3 << 20)))
            .expect(|seen| assert_eq!(seen.iterations(), (1, 0), "{:?}", seen.notes())),
    ]
}
