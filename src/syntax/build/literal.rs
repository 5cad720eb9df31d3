//! Strings, paths, methods, JSON paths and regular expressions as they are written.

use super::item::inner_first;
use super::{Builder, G, P};
use crate::base::Spanned;
use crate::diagnostic::{Rule, nearest};
use crate::syntax::ast::{Expr, ExprKind, Extractor, Piece, Text};
use crate::syntax::keyword;

/// A piece of text before blanks and escapes are looked at.
enum Raw<'t> {
    Written(&'t str),
    Meant(String),
    Hole(Expr),
}

impl<'t> Builder<'t> {
    pub(super) fn text_expr(&mut self, pair: P<'t>) -> Expr {
        let text = self.text(pair);
        Expr { span: text.span, kind: ExprKind::Text(text) }
    }

    /// `"…"` or `"""…"""`.
    pub(super) fn text(&mut self, pair: P<'t>) -> Text {
        let span = self.place(&pair);
        let several_lines = pair.as_rule() == G::triple;
        let mut raw = Vec::new();
        let mut high: Option<u16> = None;
        for child in pair.into_inner() {
            match child.as_rule() {
                G::chars | G::triple_chars => {
                    self.other_interpolation(&child);
                    raw.push(Raw::Written(child.as_str()));
                }
                G::escape => {
                    if let Some(meant) = self.escape(&child, &mut high) {
                        raw.push(Raw::Meant(meant.to_string()));
                    }
                }
                G::hole => {
                    let value = child.into_inner().find(|child| child.as_rule() == G::expr);
                    raw.push(Raw::Hole(self.expr(value.expect("`${…}` holds a value"))));
                }
                G::bad_hole => raw.push(Raw::Hole(self.bad_hole(&child))),
                _ => {}
            }
        }
        if several_lines {
            dedent(&mut raw);
        }
        Text { span, pieces: joined(raw) }
    }

    /// One escape; `None` for the first half of a pair of surrogates.
    fn escape(&mut self, pair: &P<'t>, high: &mut Option<u16>) -> Option<char> {
        let written = pair.as_str();
        let first_half = high.take();
        let meant = match &written[1..] {
            "\"" => '"',
            "\\" => '\\',
            "/" => '/',
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "$" => '$',
            code if code.starts_with('u') && code.len() == 5 => {
                let unit = u16::from_str_radix(&code[1..], 16).expect("the grammar wants four hexadecimal digits");
                match (first_half, unit) {
                    (None, 0xD800..=0xDBFF) => {
                        *high = Some(unit);
                        return None;
                    }
                    (Some(first), 0xDC00..=0xDFFF) => {
                        char::decode_utf16([first, unit]).next().and_then(Result::ok).unwrap_or('\u{fffd}')
                    }
                    (_, unit) => char::from_u32(unit.into()).unwrap_or('\u{fffd}'),
                }
            }
            other => {
                let span = self.place(pair);
                let other = other.to_owned();
                self.wrong(span, format!("there is no escape `\\{other}`"))
                    .help("a backslash is written `\\\\`; others are `\\\" \\n \\r \\t \\b \\f \\/ \\$ \\u0041`");
                return Some('\u{fffd}');
            }
        };
        Some(meant)
    }

    /// `{{ x }}` and `#{x}`, as other tools write it: text here, which is hardly ever meant.
    fn other_interpolation(&mut self, pair: &P<'t>) {
        let text = pair.as_str();
        for (open, close) in [("{{", "}}"), ("#{", "}")] {
            let Some(at) = text.find(open) else { continue };
            let Some(length) = text[at + open.len()..].find(close) else { continue };
            let inside = text[at + open.len()..at + open.len() + length].trim();
            let name = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if inside.split('.').all(name) && !inside.starts_with(|c: char| c.is_ascii_digit()) {
                let start = pair.as_span().start() + at;
                let span = self.span(start, start + open.len() + length + close.len());
                let better = format!("${{{inside}}}");
                self.wrong_as(Rule::OtherInterpolation, span, "this is sent as it stands, not replaced by a value")
                    .label(format!("did you mean `{better}`?"))
                    .fix(span, better);
            }
        }
    }

    /// `${` that is not closed, or that holds something else than an expression.
    fn bad_hole(&mut self, pair: &P<'t>) -> Expr {
        let span = self.place(pair);
        let written = pair.as_str();
        let start = pair.as_span().start();
        let open = self.span(start, start + 2);
        match written.strip_suffix('}') {
            None => drop(self.wrong(open, "`${` is not closed").label("its `}` is missing")),
            Some(inside) if inside[2..].trim().is_empty() => {
                drop(self.wrong(span, "`${}` needs a value inside").help("for the characters themselves write `\\${`"));
            }
            Some(_) => {
                drop(self.wrong(span, "what stands inside `${…}` is not an expression").help("`${name}`, `${user.id}`"))
            }
        }
        Expr { span, kind: ExprKind::Bad }
    }

    /// A string that is not closed, or in single quotes.
    pub(super) fn broken_text(&mut self, pair: &P<'t>) -> Expr {
        let span = self.place(pair);
        let written = pair.as_str().trim_end();
        match pair.as_rule() {
            G::single => {
                let inside = &written[1..written.len() - 1];
                let better = format!("\"{}\"", inside.replace('\\', "\\\\").replace('"', "\\\""));
                self.wrong_as(Rule::SingleQuotes, span, "strings stand in double quotes")
                    .label(format!("did you mean `{better}`?"))
                    .fix(span, better);
                let literal = Piece::Literal(inside.to_owned());
                let pieces = if inside.is_empty() { vec![] } else { vec![literal] };
                Expr { span, kind: ExprKind::Text(Text { span, pieces }) }
            }
            G::open_triple => {
                let start = pair.as_span().start();
                let open = self.span(start, start + 3);
                self.wrong(open, "this string is never closed").label("its closing `\"\"\"` is missing");
                Expr { span, kind: ExprKind::Bad }
            }
            _ => {
                self.wrong(span, "this string is not closed on its line")
                    .label("its closing `\"` is missing")
                    .help("a string over several lines stands in `\"\"\"`");
                Expr { span, kind: ExprKind::Bad }
            }
        }
    }

    /// The method of a request.
    pub(super) fn method(&mut self, pair: &P<'t>) -> Spanned<String> {
        let word = self.word(pair);
        let upper = word.value.to_ascii_uppercase();
        let known = keyword::METHODS.contains(&upper.as_str());
        if word.value != upper {
            let better = match known {
                true => Some(upper.as_str()),
                false => nearest(&upper, keyword::METHODS.iter().copied()),
            };
            let synonym = keyword::SYNONYMS.iter().find(|(theirs, _)| *theirs == word.value.to_lowercase());
            match (better, synonym) {
                (_, Some((_, ours))) => {
                    self.wrong_as(Rule::UnknownWord, word.span, format!("nothing here is called `{}`", word.value))
                        .label(format!("did you mean `{ours}`?"))
                        .fix(word.span, *ours);
                }
                (Some(better), None) if known => {
                    self.wrong_as(Rule::MethodCase, word.span, "methods are upper case")
                        .label(format!("did you mean `{better}`?"))
                        .fix(word.span, better);
                }
                (Some(better), None) => {
                    self.wrong_as(Rule::UnknownWord, word.span, format!("nothing here is called `{}`", word.value))
                        .label(format!("did you mean `{better}`?"))
                        .fix(word.span, better);
                }
                (None, None) => {
                    let lower = word.value.to_lowercase();
                    let words = [keyword::STATEMENTS, keyword::REQUEST_PARTS, keyword::USER_ITEMS].concat();
                    let better = nearest(&lower, words).map(str::to_owned);
                    let complaint =
                        self.wrong_as(Rule::UnknownWord, word.span, format!("nothing here is called `{}`", word.value));
                    match better {
                        Some(better) => {
                            drop(complaint.label(format!("did you mean `{better}`?")).fix(word.span, better))
                        }
                        None => drop(complaint.help("a request begins with its method in upper case: `GET /path`")),
                    }
                }
            }
        }
        Spanned::new(upper, word.span)
    }

    /// Whether what stands as a method is a word of another tool for something that is no request.
    pub(super) fn no_method(&self, pair: &P<'t>) -> bool {
        let word = pair.as_str();
        let known = |(theirs, ours): &(&str, &str)| *theirs == word.to_lowercase() && !keyword::METHODS.contains(ours);
        word.chars().any(|c| c.is_ascii_lowercase()) && keyword::SYNONYMS.iter().any(known)
    }

    /// The path of a request.
    pub(super) fn path(&mut self, pair: P<'t>) -> Text {
        let span = self.place(&pair);
        let mut raw = Vec::new();
        let mut first = true;
        for child in pair.into_inner() {
            match child.as_rule() {
                G::path_text => {
                    if first {
                        self.path_start(&child);
                    }
                    self.other_parameter(&child);
                    match self.bare_dollar(&child) {
                        Some(hole) => raw.push(Raw::Hole(hole)),
                        None => raw.push(Raw::Meant(self.path_text(&child))),
                    }
                }
                G::hole => {
                    let value = child.into_inner().find(|child| child.as_rule() == G::expr);
                    raw.push(Raw::Hole(self.expr(value.expect("`${…}` holds a value"))));
                }
                G::open_hole => {
                    let start = child.as_span().start();
                    let open = self.span(start, start + 2);
                    self.wrong(open, "`${` is not closed").label("its `}` is missing");
                    raw.push(Raw::Hole(Expr { span: self.place(&child), kind: ExprKind::Bad }));
                }
                // `#{x}`: what is left of it is told as what it is.
                _ if child.as_str() == "#" && self.text[child.as_span().end()..].starts_with('{') => {}
                _ => {
                    let place = self.place(&child);
                    self.wrong_as(Rule::FragmentInPath, place, "a fragment is never sent to the server")
                        .label("leave it out, or put a blank before `#` for a comment")
                        .fix(place, "");
                }
            }
            first = false;
        }
        Text { span, pieces: joined(raw) }
    }

    fn path_start(&mut self, pair: &P<'t>) {
        let written = pair.as_str();
        let on_target = written.split_once(':').is_some_and(|(name, rest)| {
            let known = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
            known && (rest.is_empty() || rest.starts_with('/') && !rest.starts_with("//"))
        });
        if written.starts_with('/') || on_target {
            return;
        }
        let span = self.place(pair);
        let host = ["http://", "https://", "ws://", "wss://"].iter().find_map(|scheme| written.strip_prefix(scheme));
        if let Some(rest) = host {
            let complaint = self.wrong(span, "the host stands once, at `target`; a step has only the path");
            match rest.find('/') {
                Some(at) => {
                    let better = rest[at..].to_owned();
                    drop(complaint.label(format!("did you mean `{better}`?")).fix(span, better));
                }
                None => drop(complaint.label("did you mean `/`?").fix(span, "/")),
            }
        } else if let Some((name, rest)) =
            written.split_once('/').filter(|(name, _)| self.declares_word("target", name))
        {
            let better = format!("{name}:/{rest}");
            self.wrong(span, "a path on a named target begins with its name and `:`")
                .label(format!("did you mean `{better}`?"))
                .fix(span, better);
        } else {
            let better = format!("/{written}");
            self.wrong(span, "a path begins with `/`").label(format!("did you mean `{better}`?")).fix(span, better);
        }
    }

    /// `/users/:id` and `/users/<id>`, as routers write it: sent as it stands here.
    fn other_parameter(&mut self, pair: &P<'t>) {
        let text = pair.as_str();
        let path = text.split('?').next().unwrap_or(text);
        for (at, _) in path.match_indices("/:") {
            let word = &path[at + 2..];
            let word = &word[..word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len())];
            let ends = path[at + 2 + word.len()..].is_empty() || path[at + 2 + word.len()..].starts_with('/');
            if word.starts_with(|c: char| c.is_ascii_alphabetic()) && ends {
                let start = pair.as_span().start() + at + 1;
                let span = self.span(start, start + 1 + word.len());
                let better = format!("${{{word}}}");
                self.wrong_as(Rule::OtherInterpolation, span, "this is sent as it stands, not replaced by a value")
                    .label(format!("did you mean `{better}`?"))
                    .fix(span, better);
            }
        }
    }

    /// `/users/$id` where a value is called `id`, as shells write it. The value, which it would mean.
    fn bare_dollar(&mut self, pair: &P<'t>) -> Option<Expr> {
        let text = pair.as_str();
        let (at, word) = text.match_indices('$').find_map(|(at, _)| {
            let word = &text[at + 1..];
            let word = &word[..word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len())];
            let named = ["let", "capture", "for", "take"].iter().any(|keyword| self.declares_word(keyword, word));
            (!word.is_empty() && named).then_some((at, word))
        })?;
        let start = pair.as_span().start() + at;
        let span = self.span(start, start + 1 + word.len());
        let better = format!("${{{word}}}");
        self.wrong(span, "a value in a path stands in `${…}`")
            .label(format!("did you mean `{better}`?"))
            .help("a `$` of the path itself is written `%24`")
            .fix(span, better);
        Some(Expr { span, kind: ExprKind::Name(word.to_owned()) })
    }

    /// Characters that a URI may not hold are complained about and percent-encoded.
    fn path_text(&mut self, pair: &P<'t>) -> String {
        let written = pair.as_str();
        if written.is_ascii() {
            return written.to_owned();
        }
        let mut encoded = String::new();
        for c in written.chars() {
            match c.is_ascii() {
                true => encoded.push(c),
                false => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| encoded += &format!("%{byte:02X}")),
            }
        }
        let span = self.place(pair);
        self.wrong(span, "a path holds ASCII characters only")
            .label(format!("did you mean `{encoded}`?"))
            .fix(span, encoded.clone());
        encoded
    }

    /// `$.a.b[0]`; only its outer form is looked at here.
    pub(super) fn json_path(&mut self, pair: &P<'t>) -> ExprKind {
        let path = self.word(pair);
        let start = pair.as_span().start();
        let text = path.value.as_str();
        // Outside brackets only: a dash or a dot inside is quoted or a filter's.
        let (mut depth, mut quote) = (0usize, None);
        let bytes = text.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') if depth > 0 => quote = Some(byte),
                (None, b'[') => depth += 1,
                (None, b']') => depth = depth.saturating_sub(1),
                (None, b'-') if depth == 0 => {
                    let from = text[..at].rfind(['.', ']']).map_or(at, |dot| dot + 1);
                    let to = text[at..].find(['.', '[']).map_or(text.len(), |end| at + end);
                    let key = &text[from..to];
                    let span = self.span(start + from, start + to);
                    let dotted = from > 0 && bytes[from - 1] == b'.' && !key.starts_with('-');
                    let complaint =
                        self.wrong_as(Rule::JsonpathDash, span, "a member with `-` in its name stands in brackets");
                    let complaint = complaint.help("for a subtraction put blanks around the `-`");
                    if dotted {
                        let better = format!("{}['{key}']{}", &text[..from - 1], &text[to..]);
                        drop(complaint.label(format!("did you mean `{better}`?")).fix(path.span, better));
                    }
                    return ExprKind::Bad;
                }
                (None, b'.') if depth == 0 => {
                    let next = bytes.get(at + 1);
                    let second = at > 0 && bytes[at - 1] == b'.';
                    let ends = matches!(next, None | Some(b'-')) || (next == Some(&b'[') && !second);
                    if ends {
                        let dots = if second { "$.." } else { "$." };
                        let from = if second { at - 1 } else { at };
                        let span = self.span(start + from, start + at + 1);
                        let shown = if from == 1 { dots } else { &text[from..=at] };
                        self.wrong(span, format!("`{shown}` wants a member name"))
                            .help("`$.items[0].id`, or `$` alone for the whole document");
                        return ExprKind::Bad;
                    }
                }
                _ => {}
            }
        }
        super::expression::extract(Extractor::Json(path))
    }

    /// `/…/`
    pub(super) fn regex(&mut self, pair: P<'t>) -> ExprKind {
        let span = self.place(&pair);
        if pair.as_rule() == G::open_regex {
            self.wrong(span, "this regular expression is not closed on this line").label("its closing `/` is missing");
            return ExprKind::Bad;
        }
        let text = inner_first(pair);
        let pattern = text.as_str().replace("\\/", "/");
        super::expression::extract(Extractor::Regex(Spanned::new(pattern, span)))
    }
}

/// Joins neighbouring literals and leaves empty ones out.
fn joined(raw: Vec<Raw<'_>>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for part in raw {
        let literal = match part {
            Raw::Hole(value) => {
                pieces.push(Piece::Hole(value));
                continue;
            }
            Raw::Written(written) => written.to_owned(),
            Raw::Meant(meant) => meant,
        };
        match pieces.last_mut() {
            _ if literal.is_empty() => {}
            Some(Piece::Literal(before)) => *before += &literal,
            _ => pieces.push(Piece::Literal(literal)),
        }
    }
    pieces
}

/// Takes the first line end, the last one with its blanks, and the common indentation from a text over several lines.
fn dedent(raw: &mut Vec<Raw<'_>>) {
    let text = |part: &Raw<'_>| match part {
        Raw::Written(written) => Some((*written).to_owned()),
        _ => None,
    };
    // A text that begins on the line of its quotes is taken as it is.
    let begins = raw.first().and_then(text);
    let Some(rest) = begins.as_deref().and_then(|first| {
        let (line, rest) = first.split_once('\n')?;
        line.trim().is_empty().then(|| rest.to_owned())
    }) else {
        return;
    };
    raw[0] = Raw::Meant(rest);
    for part in raw.iter_mut().skip(1) {
        if let Raw::Written(written) = part {
            *part = Raw::Meant((*written).to_owned());
        }
    }
    if let Some(Raw::Meant(last)) = raw.last_mut() {
        let kept = last.rfind('\n').filter(|at| last[*at..].trim().is_empty());
        match kept {
            Some(at) => last.truncate(last[..at].trim_end_matches('\r').len()),
            None => {
                if last.trim().is_empty() && raw.len() == 1 {
                    raw.clear();
                }
            }
        }
    }
    // Escapes were turned into what they mean already, each a piece of its own without a line end that was written;
    // a `\n` among them begins no line of the source. Pieces that were written hold all others.
    let count = raw.len();
    let mut common: Option<usize> = None;
    let mut starts = true;
    for (index, part) in raw.iter().enumerate() {
        let Raw::Meant(meant) = part else {
            if starts {
                common = Some(0);
            }
            starts = false;
            continue;
        };
        for (number, line) in meant.split('\n').enumerate() {
            if number > 0 || starts {
                let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
                let goes_on = !meant[..].ends_with(line) || index + 1 < count;
                if blanks < line.trim_end_matches('\r').len() || (goes_on && number == meant.split('\n').count() - 1) {
                    common = Some(common.map_or(blanks, |least| least.min(blanks)));
                }
            }
            starts = false;
        }
    }
    let Some(common) = common.filter(|common| *common > 0) else { return };
    let mut starts = true;
    for part in raw.iter_mut() {
        if let Raw::Meant(meant) = part {
            let lines: Vec<&str> = meant.split('\n').collect();
            let cut: Vec<&str> = lines
                .iter()
                .enumerate()
                .map(|(number, line)| match number > 0 || starts {
                    true => {
                        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
                        &line[common.min(blanks)..]
                    }
                    false => line,
                })
                .collect();
            *meant = cut.join("\n");
        }
        starts = false;
    }
}
