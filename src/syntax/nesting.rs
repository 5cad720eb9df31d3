//! Brackets and lines, seen without a grammar: how deep they nest, and where the blocks are.

/// Deepest nesting of brackets, and longest run of members: trees are walked by recursion, and nobody reads more.
pub(super) const DEPTH_MAX: usize = 64;

/// What a reader of brackets meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A line that holds more than blanks and a comment; `first` is the byte where it begins behind its `indent` blanks.
    Line { first: usize, indent: usize },
    /// `(`, `[`, `{`, or the `{` of `${`; `inner` inside a `${…}`.
    Open { at: usize, bracket: u8, inner: bool },
    /// `)`, `]`, `}`.
    Close { at: usize, bracket: u8, inner: bool },
}

/// Reads a text once and tells of its brackets and lines; strings, comments and regular expressions are passed over.
/// Gives whether a string over several lines goes on to the end, and so has swallowed what closes the blocks.
pub(super) fn scan(text: &str, mut tell: impl FnMut(Event)) -> bool {
    let bytes = text.as_bytes();
    // What we are in, innermost last: `"` a string, `t` one over several lines, `h` a hole, `{` braces in a hole.
    let mut inside: Vec<u8> = Vec::new();
    let mut at = 0;
    let mut line_begins = true;
    let mut line_start = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let hole = bytes[at..].starts_with(b"${");
        match inside.last() {
            Some(b'"') => match byte {
                b'\n' => {
                    let first = inside.iter().position(|&kind| kind == b'"').unwrap_or(0);
                    // A string that is not closed leaves the braces at the end of its line to the blocks.
                    if first == 0 && inside.len() == 1 {
                        shutting(&text[line_start..at]).into_iter().for_each(|brace| {
                            tell(Event::Close { at: line_start + brace, bracket: b'}', inner: false });
                        });
                    }
                    inside.truncate(first);
                    line_begins = true;
                    line_start = at + 1;
                }
                b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 1,
                b'"' => drop(inside.pop()),
                _ if hole => {
                    inside.push(b'h');
                    at += 1;
                    tell(Event::Open { at, bracket: b'{', inner: true });
                }
                _ => {}
            },
            Some(b't') => match byte {
                b'\\' => at += 1,
                b'"' if bytes[at..].starts_with(b"\"\"\"") => {
                    inside.pop();
                    at += 2;
                }
                _ if hole => {
                    inside.push(b'h');
                    at += 1;
                    tell(Event::Open { at, bracket: b'{', inner: true });
                }
                _ => {}
            },
            _ => {
                if line_begins && !byte.is_ascii_whitespace() {
                    line_begins = false;
                    if inside.is_empty() && byte != b'#' {
                        tell(Event::Line { first: at, indent: at - line_start });
                    }
                }
                let inner = !inside.is_empty();
                match byte {
                    b'\n' => {
                        let first = inside.iter().position(|&kind| kind == b'"');
                        match first {
                            Some(first) => inside.truncate(first),
                            None if inside.first() != Some(&b't') => inside.clear(),
                            None => {}
                        }
                        line_begins = true;
                        line_start = at + 1;
                    }
                    b'#' if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'}' | b';' | b'{' | b'\r') => {
                        at += bytes[at..].iter().take_while(|&&byte| byte != b'\n').count();
                        continue;
                    }
                    b'"' if bytes[at..].starts_with(b"\"\"\"") => {
                        inside.push(b't');
                        at += 2;
                    }
                    b'"' => inside.push(b'"'),
                    b'\'' => at += single_quoted(&bytes[at..]),
                    b'/' if wants_regex(&text[line_start..at]) => at += regex_length(&bytes[at..]),
                    _ if hole => {
                        inside.push(b'h');
                        at += 1;
                        tell(Event::Open { at, bracket: b'{', inner: true });
                    }
                    b'{' => {
                        if inner {
                            inside.push(b'{');
                        }
                        tell(Event::Open { at, bracket: byte, inner });
                    }
                    b'}' => {
                        inside.pop();
                        tell(Event::Close { at, bracket: byte, inner });
                    }
                    b'(' | b'[' => tell(Event::Open { at, bracket: byte, inner }),
                    b')' | b']' => tell(Event::Close { at, bracket: byte, inner }),
                    _ => {}
                }
            }
        }
        at += 1;
    }
    inside.first() == Some(&b't')
}

/// The braces at the end of a line that close blocks though a string before them is not closed: the rule `shut` of the
/// grammar.
fn shutting(line: &str) -> Vec<usize> {
    let mut braces = Vec::new();
    let mut blanks = 0;
    for (at, byte) in line.bytes().enumerate().rev() {
        match byte {
            b' ' | b'\t' | b'\r' if blanks < 2 => blanks += 1,
            b'}' if braces.len() < 4 => {
                blanks = 0;
                braces.push(at);
            }
            _ => break,
        }
    }
    // Those of a hole are its own.
    let open = line.rfind("${").filter(|open| !line[*open..].contains('"'));
    if let Some(open) = open
        && braces.last().is_some_and(|first| !line[open..*first].contains('}'))
    {
        braces.pop();
    }
    braces.reverse();
    braces
}

/// How far the closing quote is, when it stands on the same line.
fn single_quoted(bytes: &[u8]) -> usize {
    let length = bytes[1..].iter().take(200).position(|&byte| byte == b'\'' || byte == b'\n');
    length.filter(|&length| bytes[1 + length] == b'\'').map_or(0, |length| length + 1)
}

/// Whether a regular expression is due behind this piece of a line.
fn wants_regex(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with("regex") || before.ends_with("matches")
}

/// How far the closing slash is, when it stands on the same line.
fn regex_length(bytes: &[u8]) -> usize {
    let (mut at, mut class) = (1, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => return 0,
            b'\\' => at += 1,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return at,
            _ => {}
        }
        at += 1;
    }
    0
}

/// A text whose brackets do not nest deeper than [`DEPTH_MAX`]: what lies deeper is overwritten with blanks. With it, the
/// places of the brackets that were one too many. `None` when nothing is too deep.
pub(super) fn flattened(text: &str) -> Option<(String, Vec<usize>)> {
    let mut open: Vec<u8> = Vec::new();
    let mut too_deep: Vec<(usize, Option<usize>)> = Vec::new();
    scan(text, |event| match event {
        // An unclosed parenthesis ends at the latest where a statement begins.
        Event::Line { first, .. } if is_statement(&text[first..]) => {
            if open.len() > DEPTH_MAX
                && let Some((_, end @ None)) = too_deep.last_mut()
                && open[DEPTH_MAX] != b'{'
            {
                *end = Some(first);
            }
            while matches!(open.last(), Some(b'(' | b'[')) {
                open.pop();
            }
        }
        Event::Line { .. } => {}
        Event::Open { at, bracket, .. } => {
            open.push(bracket);
            if open.len() == DEPTH_MAX + 1 && too_deep.last().is_none_or(|(_, end)| end.is_some()) {
                too_deep.push((at, None));
            }
        }
        Event::Close { at, bracket, .. } => {
            let opener = match bracket {
                b')' => b'(',
                b']' => b'[',
                _ => b'{',
            };
            if let Some(last) = open.iter().rposition(|&open| open == opener) {
                open.truncate(last);
            }
            if open.len() <= DEPTH_MAX
                && let Some((_, end @ None)) = too_deep.last_mut()
            {
                *end = Some(at);
            }
        }
    });
    if too_deep.is_empty() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for &(start, end) in &too_deep {
        let end = end.unwrap_or(bytes.len());
        let keep = bytes[start] == b'{' && text.as_bytes().get(start.wrapping_sub(1)) != Some(&b'$');
        for byte in &mut bytes[start + 1..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        // A number as long as the character that it covers, so that its place is one of whole characters.
        let first = text[start + 1..end].chars().next().filter(|_| !keep).map_or(0, char::len_utf8);
        bytes[start + 1..start + 1 + first].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'0');
    }
    let text = String::from_utf8(bytes).expect("whole characters were overwritten");
    Some((text, too_deep.into_iter().map(|(start, _)| start).collect()))
}

/// The word that a line begins with, its label left out.
pub(super) fn leading_word(line: &str) -> &str {
    let word = |text: &str| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let first = word(line);
    let rest = line[first..].trim_start_matches([' ', '\t']);
    match rest.strip_prefix(':') {
        Some(rest) if first > 0 => {
            let rest = rest.trim_start_matches([' ', '\t']);
            &rest[..word(rest)]
        }
        _ => &line[..first],
    }
}

/// Whether a line inside brackets is a statement, so that they were not closed: the rule `statement_line` of the grammar.
fn is_statement(line: &str) -> bool {
    if !begins_statement(line) || is_extractor(leading_word(line)) {
        return false;
    }
    let word = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(line.len());
    let rest = line[word..].lines().next().unwrap_or_default();
    let next = rest.trim_start();
    let operator = super::keyword::WORD_OPERATORS.contains(&leading_word(next));
    let goes_on = next.is_empty()
        || next.starts_with([',', ')', ']', '}', ':', '.', '[', '#', '=', '!', '<', '>', '+', '-', '*', '%']);
    let method = line[..word].bytes().all(|byte| byte.is_ascii_uppercase());
    if method {
        next.starts_with('/') && !rest.starts_with('/')
    } else {
        !goes_on && !operator && !rest.starts_with('(')
    }
}

/// Words that begin an operand as well as a statement.
fn is_extractor(word: &str) -> bool {
    ["header", "cookie", "body", "json"].contains(&word)
}

/// Whether a line begins a statement for certain: by a keyword, a method or a label.
pub(super) fn begins_statement(line: &str) -> bool {
    use super::keyword::{ITEMS, REQUEST_PARTS, STATEMENTS, TARGET_SETTINGS, USER_ITEMS};
    let word = leading_word(line);
    let method = word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    method || [ITEMS, USER_ITEMS, STATEMENTS, REQUEST_PARTS, TARGET_SETTINGS].iter().any(|words| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_comments_and_patterns_do_not_count() {
        let mut events = Vec::new();
        let text = "a { # }\n \"}${f({})}\" regex /[}/]{2}/ 'a }' /x#} }\n";
        scan(text, |event| {
            if let Event::Open { at, inner: false, .. } | Event::Close { at, inner: false, .. } = event {
                events.push(&text[at..=at]);
            }
        });
        assert_eq!(events, ["{", "}", "}"]);
    }

    #[test]
    fn only_what_is_too_deep_is_overwritten() {
        assert_eq!(flattened(&"(".repeat(64)), None);
        let (text, places) = flattened(&format!("{}x{}", "(".repeat(70), ")".repeat(70))).expect("it is too deep");
        assert_eq!(places, [64]);
        assert_eq!(text.len(), 141);
        assert!(text.ends_with(&")".repeat(65)), "{text}");
        let (text, _) = flattened(&format!("{}éb", "(".repeat(65))).expect("it is too deep");
        assert_eq!(text, "(".repeat(65) + "00 ");
    }
}
