//! What `format` promises, on snippets.

use super::format;
use crate::base::FileId;
use crate::syntax::{Parsed, parse};

fn read(text: &str) -> Parsed {
    let parsed = parse(FileId(0), text);
    assert!(parsed.diagnostics.is_empty(), "{text}\n{:#?}", parsed.diagnostics);
    parsed
}

/// A tree in words, without places.
fn told(parsed: &Parsed) -> String {
    let span = regex::Regex::new(r"Span \{[^}]*\}").expect("it is a pattern");
    span.replace_all(&format!("{:#?}", parsed.ast), "_").into_owned()
}

#[track_caller]
fn formatted(text: &str) -> String {
    let before = read(text);
    let out = format(text, &before);
    let after = read(&out);
    assert_eq!(told(&before), told(&after), "\n{out}");
    let comments = |parsed: &Parsed, text: &str| -> Vec<String> {
        parsed.comments.iter().map(|span| text[span.range()].to_owned()).collect()
    };
    assert_eq!(comments(&before, text), comments(&after, &out));
    assert_eq!(format(&out, &after), out, "it is not stable");
    out
}

/// The layout of statements in a task.
#[track_caller]
fn task(written: &str, expected: &str) {
    let out = formatted(&format!("user u {{\n  task t {{\n{written}\n  }}\n}}\n"));
    let inside = out.strip_prefix("user u {\n  task t {\n").and_then(|out| out.strip_suffix("\n  }\n}\n"));
    let inside = inside.unwrap_or_else(|| panic!("{out}"));
    let lines: Vec<&str> = inside.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn blanks_stand_around_operators_and_inside_braces() {
    task("GET /health{expect status 200}", "GET /health { expect status 200 }");
    task("let a=- 1+2*( 3-b )", "let a = -1 + 2 * (3 - b)");
    task("let a=f (1,2 ,- 3)", "let a = f(1, 2, -3)");
    task("pause 1s .. 3s", "pause 1s..3s");
    task("pause exponential (2s)", "pause exponential(2s)");
    task("GET /a {expect status 200,404}", "GET /a { expect status 200, 404 }");
    task("send json {a:1,\"b c\":[1,2,],}", "send json { a: 1, \"b c\": [1, 2] }");
    task("let a=b[0].c", "let a = b[0].c");
}

#[test]
fn one_statement_stands_on_a_line() {
    task("let a = 1; let b = 2", "let a = 1\nlet b = 2");
    task("GET /a { header A \"1\";header B \"2\"; }", "GET /a { header A \"1\"; header B \"2\" }");
    task("GET /a {\nheader A \"1\";header B \"2\" }", "GET /a {\n  header A \"1\"\n  header B \"2\"\n}");
}

#[test]
fn what_was_on_one_line_stays_there_when_it_fits() {
    task("if a { GET /x } else { GET /y }", "if a { GET /x } else { GET /y }");
    task("if a { GET /x }\nelse {\nGET /y }", "if a {\n  GET /x\n} else {\n  GET /y\n}");
    task("GET /a {\n}", "GET /a {}");
    let long = "x".repeat(50);
    task(
        &format!("PUT /a {{ json {{ text: \"{long}\", other: [1, 2, 3], more: 1 }} }}"),
        &format!("PUT /a {{\n  json {{ text: \"{long}\", other: [1, 2, 3], more: 1 }}\n}}"),
    );
    let list = format!("let a = [\n  \"{long}\",\n  \"{long}\"\n]");
    task(&format!("let a = [\"{long}\", \"{long}\"]"), &list);
    let call = format!("let a = f([\n  \"{long}\",\n  \"{long}\"\n])");
    task(&format!("let a = f([\"{long}\", \"{long}\"])"), &call);
    let branches = format!("if a {{\n  GET /{long}\n}} else {{\n  GET /{long}\n}}");
    task(&format!("if a {{ GET /{long} }} else {{ GET /{long} }}"), &branches);
}

#[test]
fn lines_that_go_on_keep_their_ends() {
    task(
        "GET /a {\nexpect json $.a==1\n     and json $.b==2\nelse \"no\"\n}",
        "GET /a {\n  expect json $.a == 1\n    and json $.b == 2\n    else \"no\"\n}",
    );
    task("let a = 1 +\n2", "let a = 1 +\n  2");
    task(
        "websocket /w {\nreceive\nwhere json $.a exists\nwithin 2s { expect size < 1KiB\n}\n}",
        "websocket /w {\n  receive\n    where json $.a exists\n    within 2s {\n      expect size < 1KiB\n    }\n}",
    );
}

#[test]
fn comments_and_blank_lines_stay_where_they_are() {
    task(
        "# first\n\n\n\nGET /a { # why\n\nexpect status 200 # all\n# last\n\n}# behind\n\n",
        "# first\n\nGET /a {  # why\n  expect status 200  # all\n  # last\n}  # behind",
    );
    task(
        "let a = [ # why\n1 # one\n, 2, # two\n\n# end\n]",
        "let a = [  # why\n  1,  # one\n  2   # two\n\n  # end\n]",
    );
    task("let a = [1 # one\n, # two\n2]", "let a = [\n  1,  # one\n  # two\n  2\n]");
    task("let a = (b # why\n+ # so\nc)", "let a = (\n  b  # why\n    +  # so\n    c\n)");
    task("if a {\nGET /x\n} # no\n# so\nelse {\nGET /y\n}", "if a {\n  GET /x\n}  # no\n# so\nelse {\n  GET /y\n}");
    assert_eq!(formatted("\n\n# a\n\n\n"), "# a\n");
    assert_eq!(formatted("\n \n"), "");
}

#[test]
fn labels_and_comments_stand_in_columns() {
    task(
        "websocket /w {\nstart: send text \"a\" # one\nlonger : receive # two\nreceive\n}",
        "websocket /w {\n  start:  send text \"a\"  # one\n  longer: receive        # two\n  receive\n}",
    );
}

#[test]
fn words_are_copied_as_they_are() {
    task("GET /users/${ user.id }/x?q=${f( a,b )}", "GET /users/${user.id}/x?q=${f(a, b)}");
    task("let a = [1]\nGET /${ a[0] }", "let a = [1]\nGET /${a[0]}");
    task("send text \"a${ b }  # c\"", "send text \"a${ b }  # c\"");
    task(
        "GET /a { capture b=regex /\\/a[/#] {2}/ default 1.50 }",
        "GET /a { capture b = regex /\\/a[/#] {2}/ default 1.50 }",
    );
    task("GET /a { expect json $.items[?(@.a<10)].b exists }", "GET /a { expect json $.items[?(@.a<10)].b exists }");
    task("let a = 1e-3+300/m+10 / b", "let a = 1e-3 + 300/m + 10 / b");
    task("GET /a { header X-A.b*c \"1\" }", "GET /a { header X-A.b*c \"1\" }");
    assert_eq!(formatted("let a = \"\"\"\n  b \n    c\n  \"\"\" \n"), "let a = \"\"\"\n  b \n    c\n  \"\"\"\n");
    assert_eq!(
        formatted("thresholds{p99.9   of a.b<1s;error_rate<1%}"),
        "thresholds { p99.9 of a.b < 1s; error_rate < 1% }\n"
    );
}

#[test]
fn lines_end_as_on_unix() {
    assert_eq!(formatted("let a = 1 # b\r\n\r\nlet c = 2"), "let a = 1  # b\n\nlet c = 2\n");
}

#[test]
fn every_construct_has_its_layout() {
    task("choose{70%{GET /a}30% {GET /b}}", "choose { 70% { GET /a } 30% { GET /b } }");
    task("choose{\n70%{GET /a};30% {GET /b}\n}", "choose {\n  70% { GET /a }\n  30% { GET /b }\n}");
    task("for x in 1 .. 5 limit 3{GET /a}", "for x in 1..5 limit 3 { GET /a }");
    task("repeat 4 as i\nwhile a{GET /a}", "repeat 4 as i\n  while a { GET /a }");
    task("repeat for 30s{GET /a}", "repeat for 30s { GET /a }");
    task("retry 10 every 1s .. 2s{GET /a}", "retry 10 every 1s..2s { GET /a }");
    task("attempt{GET /a};group g{GET /b}", "attempt { GET /a }\ngroup g { GET /b }");
    task("login (a,b)", "login(a, b)");
    task("set x=login( a )", "set x = login(a)");
    task("stop iteration;fail;fail \"a\"", "stop iteration\nfail\nfail \"a\"");
    task(
        "GET /a{auth basic a,b;auth none;set x=json $.a default -1}",
        "GET /a { auth basic a, b; auth none; set x = json $.a default -1 }",
    );
    task("GET /a{capture secret a=all json $.a of b.c}", "GET /a { capture secret a = all json $.a of b.c }");
    task(
        "with feed{receive all within 3s{a:where b {check c} where d}}",
        "with feed { receive all within 3s { a: where b { check c } where d } }",
    );
    task(
        "with feed{receive all\nwithin 3s{a:where b\nlonger:where d\n where e}}",
        "with feed {\n  receive all\n    within 3s {\n      a:      where b\n      longer: where d\n      where e\n    }\n}",
    );
    task(
        "a:open websocket /x{on receive where b\nkeep{log c}every 1s..2s{send binary d}}",
        "a: open websocket /x {\n  on receive where b\n    keep { log c }\n  every 1s..2s { send binary d }\n}",
    );
    task("events POST /x{json{a:1};receive 10}", "events POST /x { json { a: 1 }; receive 10 }");
    assert_eq!(
        formatted("target a:\"http://b\"{tls{ca \"x\";verify off}http 1.1}"),
        "target a: \"http://b\" { tls { ca \"x\"; verify off } http 1.1 }\n"
    );
    assert_eq!(
        formatted("data a from [1,2]{pick unique;columns [b,\"c d\"]}"),
        "data a from [1, 2] { pick unique; columns [b, \"c d\"] }\n"
    );
    assert_eq!(formatted("flow a( b,c ){return b}\nuse \"x\""), "flow a(b, c) { return b }\nuse \"x\"\n");
    assert_eq!(
        formatted("thresholds{abort if p95 of every step>1s for 3s;dropped<1 over 3s}"),
        "thresholds { abort if p95 of every step > 1s for 3s; dropped < 1 over 3s }\n"
    );
}
