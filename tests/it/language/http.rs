//! Cases of the rows about targets, defaults by level and HTTP steps.

use super::world::{Answer, Case, ONCE, Seen, case};

pub fn cases() -> Vec<Case> {
    [targets(), defaults(), requests(), answers(), redirects(), cookies(), failures()].into_iter().flatten().collect()
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}

/// A scenario with this target and nothing but one task of one user, done once.
fn alone(row: &str, targets: &str, statements: &str) -> Case {
    case(row).scenario(&format!("scenario \"Case\"\n{targets}\nuser u {{\n{ONCE}\ntask t {{\n{statements}\n}}\n}}\n"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn fine(seen: &Seen) {
    assert_eq!(seen.notes(), Vec::<&str>::new());
    assert_eq!(seen.iterations(), (1, 0));
}

/// Host and path of each request.
fn places(seen: &Seen) -> Vec<String> {
    seen.requests.iter().map(|request| format!("{}{}", request.host, request.path)).collect()
}

fn targets() -> Vec<Case> {
    vec![
        alone("`target URL { … }`", "target \"http://127.0.0.1:80/api/\" { header X-Api \"1\" }", "GET /things")
            .expect(|seen| {
                assert_eq!(places(seen), ["127.0.0.1/api/things"]);
                assert_eq!(seen.headers("x-api"), ["1"]);
                fine(seen);
            }),
        alone(
            "`auth:/token`",
            "target \"http://api\"\ntarget auth: \"http://auth:81/v1\" { header X-Auth \"yes\" }",
            "POST auth:/token { capture next = header Location }\nGET auth:${next}\nGET /home",
        )
        .server(|request| match request.path.as_str() {
            "/v1/token" => Answer::ok().header("location", "/v1/me"),
            _ => Answer::ok(),
        })
        .expect(|seen| {
            assert_eq!(places(seen), ["auth:81/v1/token", "auth:81/v1/me", "api/home"]);
            assert_eq!(seen.headers("x-auth"), ["yes", "yes", ""]);
            fine(seen);
        }),
        alone(
            "`timeout 15s`",
            "target \"http://api\" { timeout 15s }",
            "GET /x { expect time == 14s }\nGET /y",
        )
        .server(|request| Answer::ok().after(if request.number == 0 { 14_000 } else { 16_000 }))
        .expect(|seen| assert_eq!(seen.kinds(), [("timeout", 1)])),
        alone(
            "`header Accept \"text/html\"`",
            "target \"http://api\" { header Accept \"text/html\" }",
            "GET /a\nGET /b { header ACCEPT \"text/css\" }\nGET /c { header accept null }",
        )
        .expect(|seen| {
            assert_eq!(seen.headers("accept"), ["text/html", "text/css", "*/*"]);
            fine(seen);
        }),
        alone(
            "`auth bearer token`, `auth basic \"u\", \"p\"` in a target",
            "target \"http://api\" { auth basic \"u\", \"p\" }\ntarget b: \"http://b\" { auth bearer env(\"T\", \"t\") }",
            "GET /a\nGET b:/b",
        )
        .expect(|seen| {
            assert_eq!(seen.headers("authorization"), ["Basic dTpw", "Bearer t"]);
            fine(seen);
        }),
        alone("`cookies on`, `cookies off`", "target \"http://api\" { cookies off }", "GET /a\nGET /b { expect cookie s missing }")
            .server(|request| match request.number {
                0 => Answer::ok().header("set-cookie", "s=1; Path=/"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                assert!(seen.requests.iter().all(|request| request.header("cookie").is_none()));
                fine(seen);
            }),
        alone(
            "`compression on`, `compression off`",
            "target \"http://api\"\ntarget raw: \"http://raw\" { compression off }",
            "GET /a {\nexpect body == \"tea and cups\"\nexpect size == 12B\n}\nGET /b { header Accept-Encoding \"gzip\"\nexpect size == 12B }\nGET raw:/c { expect size > 12B }",
        )
        .server(|_| Answer::text(gzip(b"tea and cups")).header("content-encoding", "gzip"))
        .expect(|seen| {
            assert_eq!(seen.headers("accept-encoding"), ["gzip, deflate, br, zstd", "gzip", ""]);
            fine(seen);
        }),
        alone(
            "`proxy \"http://proxy:3128\"`",
            "target \"http://api.test\" { proxy \"http://proxy:3128\" }",
            "GET /a?b=1 { expect url == \"http://api.test/a?b=1\" }",
        )
        .allow("api.test")
        .expect(|seen| {
            assert_eq!(seen.paths(), ["http://api.test/a?b=1"]);
            assert_eq!(seen.requests[0].host, "api.test");
            fine(seen);
        }),
        // Nobody looks into it: then it is counted as it comes, whatever it is.
        alone("`compression on`, `compression off`", "target \"http://api\"", "GET /a\nGET /b { expect status 200 }")
            .server(|_| Answer::text("not gzip at all").header("content-encoding", "gzip"))
            .expect(fine),
        alone("`compression on`, `compression off`", "target \"http://api\"", "GET /a { expect body exists }")
            .server(|_| Answer::text("not gzip at all").header("content-encoding", "gzip"))
            .expect(|seen| assert_eq!(seen.kinds(), [("protocol", 1)])),
        alone("`compression on`, `compression off`", "target \"http://api\"", "GET /a { expect body exists }")
            .server(|_| Answer::text(&gzip(b"tea and cups")[..20]).header("content-encoding", "gzip"))
            .expect(|seen| {
                assert_eq!(seen.kinds(), [("protocol", 1)]);
                assert!(seen.notes()[0].contains("ends too early"), "{:?}", seen.notes());
            }),
        alone("`compression on`, `compression off`", "target \"http://api\"", "GET /a { expect body exists }")
            .server(|_| Answer::text("x").header("content-encoding", "compress"))
            .expect(|seen| {
                assert_eq!(seen.kinds(), [("protocol", 1)]);
                assert_eq!(seen.notes(), ["the body is coded as `compress`, which was not asked for"]);
            }),
        // A bomb: what looks for something in its first MiB is told that there is more, and its size has a limit.
        alone(
            "`compression on`, `compression off`",
            "target \"http://api\"",
            "attempt { GET /a { expect body contains \"tea\" } }\nGET /b { expect size > 1B }",
        )
        .server(|_| Answer::text(gzip(&vec![0; 70 << 20])).header("content-encoding", "gzip"))
        .expect(|seen| assert_eq!(seen.kinds(), [("body_too_large", 2)])),
        // HTTP/2 and certificates against servers that speak them: `secure`.
        alone(
            "`http 1.1`, `http 2`, `http auto`",
            "target \"http://api\" { http 1.1 }\ntarget auto: \"http://auto\" { http auto }",
            "GET /a\nGET auto:/b",
        )
        .expect(|seen| {
            assert_eq!(seen.paths(), ["/a", "/b"]);
            fine(seen);
        }),
        alone(
            "`tls { ca \"f\"; cert \"f\"; key \"f\"; verify off }`",
            "target \"http://api\" { tls { verify off } }",
            "GET /a",
        )
        .expect(fine),
        alone("`redirects 5`, `redirects none`", "target \"http://api\" { redirects 2 }", "GET /0")
            .server(|request| Answer::to(302, &format!("/{}", request.number + 1)))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/0", "/1", "/2"]);
                assert_eq!(seen.kinds(), [("protocol", 1)]);
                assert_eq!(seen.notes(), ["still redirected after 2 redirects, to `/3`"]);
            }),
    ]
}

fn defaults() -> Vec<Case> {
    vec![
        alone(
            "`header Accept \"text/html\"` as a default",
            "target \"http://api\" { header X \"target\" }",
            "GET /a\nheader X \"task\"\nGET /b\ngroup g {\nheader x \"group\"\nGET /c\nGET /d { header X \"step\" }\nGET /e { header X null }\n}\nGET /f",
        )
        .expect(|seen| {
            assert_eq!(seen.headers("x"), ["target", "task", "group", "step", "", "task"]);
            fine(seen);
        }),
        case("`cookie theme \"dark\"` as a default")
            .user("cookie theme \"dark\"\non start { GET /start }\ntask t { GET /a { cookie size 2 } }")
            .expect(|seen| {
                assert_eq!(seen.headers("cookie"), ["", "theme=dark; size=2"]);
                assert_eq!(seen.paths(), ["/start", "/a"]);
                fine(seen);
            }),
        case("`auth bearer token` as a default")
            .user("let token = \"t1\"\nauth bearer token\ntask t { GET /a\nGET /b { auth none }\nGET /c { auth basic \"u\", \"p\" } }")
            .expect(|seen| {
                assert_eq!(seen.headers("authorization"), ["Bearer t1", "", "Basic dTpw"]);
                fine(seen);
            }),
        case("`query { v: 2 }` as a default")
            .user("query { v: 2, w: 1 }\ntask t { GET /a { query { w: 3, x: 4 } } }")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a?v=2&w=3&x=4"]);
                fine(seen);
            }),
        case("`timeout 2s` as a default")
            .user("timeout 2s\ntask t { GET /a { timeout 4s }\nGET /b }")
            .server(|_| Answer::ok().after(3_000))
            .expect(|seen| {
                assert_eq!(seen.kinds(), [("timeout", 1)]);
                assert_eq!(seen.row("GET /a"), (1, 0));
            }),
        case("`redirects none` as a default")
            .user("redirects none\ntask t { GET /a { expect status 302 } }")
            .server(|_| Answer::to(302, "/b"))
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a"]);
                fine(seen);
            }),
    ]
}

fn requests() -> Vec<Case> {
    vec![
        case("`GET /x`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `PURGE`")
            .task("GET /x\nHEAD /x\nPOST /x\nPUT /x\nPATCH /x\nDELETE /x\nOPTIONS /x\nPURGE /x")
            .server(|request| match request.method.as_str() {
                "DELETE" => Answer::status(204),
                "HEAD" => Answer::status(200),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                let methods: Vec<&str> = seen.requests.iter().map(|request| request.method.as_str()).collect();
                assert_eq!(methods, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]);
                assert_eq!(seen.dialled, 1);
                fine(seen);
            }),
        case("`header Name value`")
            .task("GET /x { header X-A \"1\"\nheader \"X-B\" 2\nheader X-C null }")
            .expect(|seen| {
                assert_eq!((seen.headers("x-a"), seen.headers("x-b")), (vec!["1"], vec!["2"]));
                assert_eq!(seen.requests[0].header("x-c"), None);
                fine(seen);
            }),
        case("`query { q: term }`")
            .task("GET /x?a=1 { query { q: \"tea & cup\", id: [1, 2], none: null } }")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/x?a=1&q=tea%20%26%20cup&id=1&id=2"]);
                fine(seen);
            }),
        case("`cookie name value`")
            .task("GET /a\nGET /b { cookie theme \"dark\" }\nGET /c")
            .server(|request| match request.path.as_str() {
                "/a" => Answer::ok().header("set-cookie", "sid=1"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                assert_eq!(seen.headers("cookie"), ["", "sid=1; theme=dark", "sid=1"]);
                fine(seen);
            }),
        case("`auth basic user, password`")
            .task("GET /x { auth basic \"Aladdin\", \"open sesame\" }")
            .expect(|seen| assert_eq!(seen.headers("authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])),
        case("`auth bearer token`")
            .task("let token = \"t${user.id}\"\nGET /x { auth bearer token }")
            .expect(|seen| assert_eq!(seen.headers("authorization"), ["Bearer t0"])),
        case("`auth none`")
            .task("auth bearer \"t\"\nGET /x { auth none }")
            .expect(|seen| {
                assert_eq!(seen.headers("authorization"), [""]);
                fine(seen);
            }),
        case("`json value`")
            .task("POST /x { json { a: [1, \"two\"], b: null } }\nPOST /y { header Content-Type \"application/x\"\njson 1 }")
            .expect(|seen| {
                assert_eq!(seen.bodies(), ["{\"a\":[1,\"two\"],\"b\":null}", "1"]);
                assert_eq!(seen.headers("content-type"), ["application/json", "application/x"]);
            }),
        case("`form { name: value }`")
            .task("POST /x { form { a: \"1 2\", b: [\"x\", \"&\"], c: null } }")
            .expect(|seen| {
                assert_eq!(seen.bodies(), ["a=1+2&b=x&b=%26"]);
                assert_eq!(seen.headers("content-type"), ["application/x-www-form-urlencoded"]);
            }),
        case("`multipart { photo: file(\"cat.png\", \"image/png\") }`")
            .file("cat.png", [0x89, b'P', 0xff])
            .task("POST /x { multipart { photo: file(\"cat.png\", \"image/png\"), tag: [\"a\", \"b\"], none: null } }")
            .expect(|seen| {
                assert_eq!(seen.headers("content-type"), ["multipart/form-data; boundary=scn-boundary-0"]);
                let mut wanted = b"--scn-boundary-0\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"cat.png\"\r\n\
                    Content-Type: image/png\r\n\r\n\x89P\xff\r\n"
                    .to_vec();
                for tag in ["a", "b"] {
                    let part = format!(
                        "--scn-boundary-0\r\nContent-Disposition: form-data; name=\"tag\"\r\n\r\n{tag}\r\n"
                    );
                    wanted.extend_from_slice(part.as_bytes());
                }
                wanted.extend_from_slice(b"--scn-boundary-0--\r\n");
                assert_eq!(seen.requests[0].body, wanted);
                fine(seen);
            }),
        case("`body value`")
            .file("cat.png", [0x89, b'P', 0xff])
            .task("POST /x { body \"text\" }\nPOST /y { body from_hex(\"ff00\") }\nPOST /z { body file(\"cat.png\", \"image/png\") }")
            .expect(|seen| {
                let bodies: Vec<&[u8]> = seen.requests.iter().map(|request| request.body.as_slice()).collect();
                assert_eq!(bodies, [&b"text"[..], &[0xff, 0], &[0x89, b'P', 0xff]]);
                let types = ["text/plain; charset=utf-8", "application/octet-stream", "image/png"];
                assert_eq!(seen.headers("content-type"), types);
            }),
        case("`timeout 2s`")
            .task("GET /x { timeout 2s }")
            .server(|_| Answer::ok().after(2_001))
            .expect(|seen| assert_eq!(seen.kinds(), [("timeout", 1)])),
        case("`redirects 3`, `redirects none` of a step")
            .task("GET /a { redirects none\nexpect status 302 }\nGET /b { redirects 1\nexpect status 200\nexpect url == \"http://127.0.0.1/c\" }")
            .server(|request| match request.path.as_str() {
                "/c" => Answer::ok(),
                _ => Answer::to(302, "/c"),
            })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b", "/c"]);
                assert_eq!(seen.samples(), (2, 0));
                fine(seen);
            }),
        case("`${next}`")
            .task("GET /list?page=1 { capture next = json $.next }\nGET ${next} { capture far = json $.next }\nGET ${far}")
            .server(|request| match request.path.as_str() {
                "/list?page=1" => Answer::text("{\"next\":\"more?page=2\"}"),
                _ => Answer::text("{\"next\":\"http://localhost:81/far\"}"),
            })
            .expect(|seen| {
                assert_eq!(places(seen), ["127.0.0.1/list?page=1", "127.0.0.1/more?page=2", "localhost:81/far"]);
                fine(seen);
            }),
    ]
}

fn answers() -> Vec<Case> {
    let good = |row: &str, parts: &str| {
        case(row)
            .task(&format!("GET /x {{\n{parts}\n}}"))
            .server(|_| Answer::text("{\"n\": 1}").with_status(202))
            .expect(fine)
    };
    let bad = |row: &str, parts: &str, kind: &'static str| {
        case(row)
            .task(&format!("GET /x {{\n{parts}\n}}"))
            .server(|_| Answer::text("{\"n\": 1}").with_status(202))
            .expect(move |seen| {
                assert_eq!(seen.kinds(), [(kind, 1)]);
                assert_eq!(seen.iterations(), (0, 1));
            })
    };
    vec![
        good("`expect condition`", "expect json $.n == 1"),
        bad("`expect condition`", "expect json $.n == 2", "expect"),
        bad("`expect condition else \"why\"`", "expect json $.n == 2 else \"it is ${json $.n}\"", "expect"),
        good("`expect status 200, 404`", "expect status 202, 404"),
        bad("`expect status 200, 404`", "expect status 200, 404", "expect"),
        good("`expect status 2xx`, `expect status 200..299`", "expect status 2xx\nexpect status 200..299"),
        bad("`expect status 2xx`, `expect status 200..299`", "expect status 203..299", "expect"),
        case("`check condition`")
            .task("GET /x { check json $.n == 1\ncheck json $.n == 2 }")
            .server(|_| Answer::text("{\"n\": 1}"))
            .expect(|seen| {
                assert_eq!(seen.checks(), (1, 1));
                fine(seen);
            }),
        case("`capture name = extractor`")
            .task("GET /x { capture n = json $.n }\nGET /${n}")
            .server(|_| Answer::text("{\"n\": 7}"))
            .expect(|seen| assert_eq!(seen.paths(), ["/x", "/7"])),
        case("`capture name = extractor default value`")
            .task("GET /x { capture n = json $.m default 9 }\nGET /${n}")
            .server(|_| Answer::text("{\"n\": 7}"))
            .expect(|seen| assert_eq!(seen.paths(), ["/x", "/9"])),
    ]
}

fn redirects() -> Vec<Case> {
    vec![
        // A `POST` becomes a `GET` without its body; a 307 keeps both.
        case("`redirects 3`, `redirects none` of a step")
            .task("POST /a { json { a: 1 }\nexpect status 200 }\nPOST /b { json { a: 1 }\nexpect status 200 }")
            .server(|request| match request.path.as_str() {
                "/a" => Answer::to(303, "c"),
                "/b" => Answer::to(307, "d#top"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                let lines: Vec<String> = seen.requests.iter().map(|request| request.line()).collect();
                assert_eq!(lines, ["POST /a", "GET /c", "POST /b", "POST /d"]);
                assert_eq!(seen.bodies(), ["{\"a\":1}", "", "{\"a\":1}", "{\"a\":1}"]);
                assert_eq!(seen.requests[1].header("content-type"), None);
                assert_eq!(seen.requests[3].header("content-type"), Some("application/json"));
                assert!(seen.requests.iter().all(|request| request.header("referer").is_none()));
                assert_eq!(seen.samples(), (2, 0));
                fine(seen);
            }),
        // Credentials and own cookies stay with the server they were meant for; what a hop sets is kept for its own.
        case("`redirects 3`, `redirects none` of a step")
            .task("header Authorization \"Bearer t\"\nGET /a { cookie own 1\nexpect status 200 }\nGET /b")
            .server(|request| match (request.host.as_str(), request.path.as_str()) {
                ("127.0.0.1", "/a") => Answer::to(302, "/hop").header("set-cookie", "hop=1; Path=/"),
                ("127.0.0.1", "/hop") => Answer::to(302, "http://localhost:81/x"),
                ("localhost:81", "/x") => Answer::to(302, "http://127.0.0.1/back"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                assert_eq!(places(seen)[..4], ["127.0.0.1/a", "127.0.0.1/hop", "localhost:81/x", "127.0.0.1/back"]);
                let said = |name: &str| -> Vec<Option<&str>> {
                    seen.requests.iter().map(|request| request.header(name)).collect()
                };
                assert_eq!(said("authorization"), [Some("Bearer t"), Some("Bearer t"), None, None, Some("Bearer t")]);
                assert_eq!(said("cookie"), [Some("own=1"), Some("hop=1; own=1"), None, Some("hop=1"), Some("hop=1")]);
                fine(seen);
            }),
    ]
}

fn cookies() -> Vec<Case> {
    vec![
        case("`cookies on`, `cookies off`")
            .task("GET /login\nGET /shop/cart\nGET /other\nGET /logout { expect cookie sid == \"\" }\nGET /shop/x { expect cookie sid missing\nexpect cookie cart == \"c\" }")
            .server(|request| match request.path.as_str() {
                "/login" => Answer::ok()
                    .header("set-cookie", "sid=1; Path=/; HttpOnly")
                    .header("set-cookie", "cart=c; Path=/shop")
                    .header("set-cookie", "alien=a; Domain=elsewhere.test"),
                "/logout" => Answer::ok().header("set-cookie", "sid=; Path=/; Max-Age=0"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                let said: Vec<Option<&str>> = seen.requests.iter().map(|request| request.header("cookie")).collect();
                assert_eq!(said, [None, Some("cart=c; sid=1"), Some("sid=1"), Some("sid=1"), Some("cart=c")]);
                fine(seen);
            }),
        // What is for TLS alone does not go without, but to this machine.
        alone("`cookies on`, `cookies off`", "target \"http://api\"", "GET /login\nGET /x")
            .server(|_| Answer::ok().header("set-cookie", "safe=s; Path=/; Secure"))
            .expect(|seen| {
                assert_eq!(seen.headers("cookie"), ["", ""]);
                fine(seen);
            }),
        // They end when they said they would.
        case("`cookies on`, `cookies off`")
            .task("GET /login\npause 9s\nGET /early\npause 1s\nGET /late { expect cookie sid missing }")
            .server(|request| match request.path.as_str() {
                "/login" => Answer::ok().header("set-cookie", "sid=1; Max-Age=10"),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                assert_eq!(seen.headers("cookie"), ["", "sid=1", ""]);
                fine(seen);
            }),
        // Each user has its own.
        case("`cookies on`, `cookies off`")
            .users(2)
            .task("GET /login\nGET /me")
            .server(|request| match request.path.as_str() {
                "/login" => Answer::ok().header("set-cookie", &format!("sid={}", request.number)),
                _ => Answer::ok(),
            })
            .expect(|seen| {
                let mut said = seen.headers("cookie");
                said.retain(|said| !said.is_empty());
                assert_eq!(said.len(), 2);
                assert_ne!(said[0], said[1]);
            }),
    ]
}

fn failures() -> Vec<Case> {
    let fails = |row: &str, location: &'static str, kind: &'static str, note: &'static str| {
        case(row).task("GET /x").server(move |_| Answer::to(302, location)).expect(move |seen| {
            assert_eq!(seen.kinds(), [(kind, 1)]);
            assert!(seen.notes()[0].contains(note), "{:?}", seen.notes());
            assert_eq!(seen.requests.len(), 1);
            assert_eq!(seen.iterations(), (0, 1));
        })
    };
    const ELSEWHERE: &str = "a URL leads to a host that is not allowed";
    vec![
        fails(ELSEWHERE, "http://example.com/", "host_not_allowed", "`example.com` is not allowed"),
        case(ELSEWHERE)
            .task("GET /x { capture there = body }\nGET ${there}")
            .server(|_| Answer::text("http://example.com/y"))
            .expect(|seen| {
                assert_eq!(seen.kinds(), [("host_not_allowed", 1)]);
                assert_eq!(seen.requests.len(), 1);
            }),
        case(ELSEWHERE)
            .allow("example.com")
            .task("GET /x { capture there = body }\nGET ${there}")
            .server(|_| Answer::text("http://example.com/y"))
            .expect(fine),
        fails("`redirects 3`, `redirects none` of a step", "http://[", "protocol", "redirected to `http://[`"),
    ]
}
