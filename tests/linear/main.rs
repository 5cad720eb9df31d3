//! Reading takes time in proportion to the text, however hostile: the parser's calls are counted, not the seconds.
//!
//! A binary of its own, because the count moves a guard that is one for the whole process.

use scn::syntax::calls;

/// Texts that grow by repetition of a piece, between a head and a foot.
const SHAPES: &[(&str, &str, &str, &str)] = &[
    (
        "tasks",
        "user u {\n",
        "  task t { GET /x?a=${b} { json { a: [1, 2, { b: c }] }; expect json $.a[0] == 1 } }\n",
        "}\n",
    ),
    ("flows", "", "flow f(a, b) { for x in a limit 3 { choose { 70% { GET /a } 30% { GET /b } } } }\n", ""),
    ("a sum", "let x = 1", " + a.b[0] * (c - 1)", "\n"),
    ("a list", "let x = [", "1, \"${a}\", ", "1]\n"),
    ("a list over lines", "let x = [\n", "  1, # one\n", "  1]\n"),
    ("conditions over lines", "user u { task t { GET /x {\nexpect a", "\n  and b == 1", "\n} } }\n"),
    ("a path", "user u { task t { GET ", "/a${b}", "\n} }\n"),
    ("a string", "let x = \"", "a ${b} \\n", "\"\n"),
    ("a string over lines", "let x = \"\"\"\n", "  a ${b} \\n\n", "\"\"\"\n"),
    ("a string that is never closed", "let x = \"\"\"\n", "  a ${b} ${c\n", ""),
    ("strings that are never closed", "", "let x = \"a ${b\n", ""),
    ("parentheses that are never closed", "user u { task t {\n", "pause ((((((((((((((((((((\n", "} }\n"),
    ("brackets that are never closed", "user u { task t {\n", "send json [[[[[[[[[[[[[[[[[[[[ a\n", "} }\n"),
    ("brackets and lines that say nothing", "user u { task t {\nsend json ", "[ a\n", "} }\n"),
    ("braces that are never closed", "user u { task t {\n", "POST /x { json { a: { b: {\n", ""),
    ("braces that close nothing", "user u { task t {\n", "GET /x }}}\n", ""),
    ("words nobody knows", "", "sleepy \"a\" { b ( c\n", ""),
    ("heads without their block", "user u { task t {\n", "if a == (b\n", "} }\n"),
    ("blocks below their heads", "user u { task t {\n", "if a == b\n\n{\n GET /x }\n", "} }\n"),
    ("clauses behind what cannot be read", "user u { task t { websocket /w {\ncall (", "\n  where ( b", "\n} } }\n"),
    ("blank lines", "user u {", "\n \n # a\n", "}\n"),
    ("labels", "user u { task t {\n", "a:\n", "} }\n"),
    ("regular expressions", "user u { task t { GET /x {\n", "capture a = regex /[[a]/(\n", "} } }\n"),
    ("paths into JSON", "user u { task t { GET /x {\n", "check json $.a[?(@.b == '[')].c[\n", "} } }\n"),
];

#[test]
fn four_times_the_text_takes_four_times_the_calls() {
    let mut steeper = Vec::new();
    for (name, head, piece, foot) in SHAPES {
        let of = |bytes: usize| calls(&format!("{head}{}{foot}", piece.repeat(bytes / piece.len())));
        let (small, large) = (of(1_000), of(4_000));
        println!("{name}: {small} calls, {large} for four times the text");
        if large > small * 9 / 2 {
            steeper.push(format!("{name}: {small} calls, and {large} for four times the text"));
        }
        // Some five hundred calls for a byte; a guard against a text that is dear from the start.
        if large > 4_000_000 {
            steeper.push(format!("{name}: {large} calls for four thousand bytes"));
        }
    }
    assert!(steeper.is_empty(), "{steeper:#?}");
}
