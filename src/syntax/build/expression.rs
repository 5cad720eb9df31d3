//! Expressions: the grammar gives a flat run of operands and operators, precedence is decided here.

use std::iter::Peekable;

use super::item::{inner_first, plain_text};
use super::{Builder, G, P};
use crate::base::Spanned;
use crate::diagnostic::{Rule, nearest};
use crate::syntax::ast::{
    BinaryOperator, Context, Expr, ExprKind, Extractor, Field, Piece, StatusPattern, Text, UnaryOperator,
};
use crate::syntax::keyword;

/// Most operators, prefixes and members of one expression: trees are walked by recursion later, and nobody reads more.
const OPERATORS_MAX: usize = 256;

const COMPARISON: u8 = 4;
const PRESENCE: u8 = 5;

impl<'t> Builder<'t> {
    /// An expression, with or without free line ends.
    pub(super) fn expr(&mut self, pair: P<'t>) -> Expr {
        let span = self.place(&pair);
        let tokens: Vec<P<'t>> = pair
            .into_inner()
            .filter(|child| matches!(child.as_rule(), G::prefix | G::primary | G::presence | G::op_symbol | G::op_word))
            .collect();
        if tokens.len() > OPERATORS_MAX {
            self.wrong_as(Rule::TooDeep, span, format!("this expression has more than {OPERATORS_MAX} parts"))
                .help("name a part of it with `let`");
            return Expr { span, kind: ExprKind::Bad };
        }
        let mut tokens = tokens.into_iter().peekable();
        self.binary(&mut tokens, 0)
    }

    /// Reads on as long as operators bind at least as tightly as `least`.
    fn binary(&mut self, tokens: &mut Peekable<std::vec::IntoIter<P<'t>>>, least: u8) -> Expr {
        let mut left = self.unary(tokens);
        let mut compared: Option<Spanned<BinaryOperator>> = None;
        while let Some(next) = tokens.peek() {
            if next.as_rule() == G::presence {
                if PRESENCE < least {
                    break;
                }
                let presence = tokens.next().expect("it was peeked");
                let span = left.span.to(self.place(&presence));
                let exists = inner_first(presence).as_rule() == G::kw_exists;
                left = Expr { span, kind: ExprKind::Presence { value: Box::new(left), exists } };
                continue;
            }
            let binds = binding(next.as_str());
            if binds < least {
                break;
            }
            let token = tokens.next().expect("it was peeked");
            let operator = self.operator(&token);
            let right = self.binary(tokens, binds + 1);
            let span = left.span.to(right.span);
            let Some(operator) = operator else {
                left = Expr { span, kind: ExprKind::Bad };
                continue;
            };
            if binds == COMPARISON {
                if let Some(earlier) = compared.take() {
                    left = self.chained(left, earlier, operator, right);
                    continue;
                }
                compared = Some(operator.clone());
            }
            left = self.joined(left, operator, right);
        }
        left
    }

    fn unary(&mut self, tokens: &mut Peekable<std::vec::IntoIter<P<'t>>>) -> Expr {
        let first = tokens.next().expect("an operand is due");
        if first.as_rule() != G::prefix {
            return self.primary(first);
        }
        let place = self.place(&first);
        let (operator, value) = match first.as_str() {
            "-" => (UnaryOperator::Negate, self.unary(tokens)),
            word => {
                if word == "!" {
                    self.wrong(place, "`!` is written `not` here").label("did you mean `not`?").fix(place, "not ");
                }
                (UnaryOperator::Not, self.binary(tokens, COMPARISON))
            }
        };
        Expr { span: place.to(value.span), kind: ExprKind::Unary(operator, Box::new(value)) }
    }

    /// `a < b < c`.
    fn chained(
        &mut self,
        left: Expr,
        first: Spanned<BinaryOperator>,
        second: Spanned<BinaryOperator>,
        right: Expr,
    ) -> Expr {
        let span = left.span.to(right.span);
        let middle = match &left.kind {
            ExprKind::Binary(_, _, middle) => Some(self.repaired.slice(middle.span).to_owned()),
            _ => None,
        };
        let complaint = self.wrong_as(Rule::ChainedComparison, second.span, "comparisons do not chain");
        let complaint = complaint.also(first.span, "the first comparison");
        if let Some(middle) = middle.filter(|middle| middle.len() <= 60 && !middle.contains('\n')) {
            let insertion = second.span.at_start();
            drop(complaint.label(format!("did you mean `and {middle}`?")).fix(insertion, format!("and {middle} ")));
        } else {
            drop(complaint.help("join two comparisons with `and`"));
        }
        Expr { span, kind: ExprKind::Bad }
    }

    /// Two operands with their operator, if that makes sense.
    fn joined(&mut self, left: Expr, operator: Spanned<BinaryOperator>, right: Expr) -> Expr {
        use BinaryOperator::{Add, And, Matches, Or, Subtract};
        let span = left.span.to(right.span);
        let hole = Expr { span, kind: ExprKind::Bad };
        match operator.value {
            And | Or if matches!(right.kind, ExprKind::Number(_) | ExprKind::Text(_)) => {
                let written = self.repaired.slice(right.span).to_owned();
                let word = if operator.value == Or { "or" } else { "and" };
                let statuses =
                    ends_in_statuses(&left) && matches!(right.kind, ExprKind::Number(n) if (100.0..600.0).contains(&n));
                let between = left.span.at_end().to(right.span.at_start());
                let complaint = self.wrong_as(
                    Rule::NotACondition,
                    right.span,
                    format!("`{written}` alone is no condition: each side of `{word}` is a whole one"),
                );
                if statuses && operator.value == Or {
                    drop(
                        complaint
                            .label(format!("did you mean `, {written}`?"))
                            .help("`status 200, 404` holds for either")
                            .fix(between, ", "),
                    );
                } else {
                    drop(complaint.help(format!("write the comparison again: `a == 1 {word} a == 2`")));
                }
                hole
            }
            Subtract if matches!(left.kind, ExprKind::StatusIs(_)) && matches!(right.kind, ExprKind::Number(_)) => {
                let to = self.repaired.slice(right.span).to_owned();
                let written = self.repaired.slice(left.span);
                let from = written.rsplit([' ', ',']).next().unwrap_or_default().to_owned();
                let place = left.span.at_end().to(right.span);
                let place = crate::base::Span { start: place.start - from.len() as u32, ..place };
                let better = format!("{from}..{to}");
                self.wrong(place, "a range of statuses is written with `..`")
                    .label(format!("did you mean `{better}`?"))
                    .fix(place, better);
                hole
            }
            Add if matches!(left.kind, ExprKind::Text(_)) || matches!(right.kind, ExprKind::Text(_)) => {
                let glued = self.glued(&left).zip(self.glued(&right)).map(|(a, b)| format!("\"{a}{b}\""));
                let complaint = self.wrong_as(
                    Rule::TextPlus,
                    operator.span,
                    "`+` adds numbers; text is put together in one string",
                );
                match glued {
                    Some(better) => drop(complaint.label(format!("did you mean `{better}`?")).fix(span, better)),
                    None => drop(complaint.help("`\"user-${id}\"`")),
                }
                hole
            }
            Matches => {
                let right = match right.kind {
                    ExprKind::Extract { extractor: Extractor::Regex(_), .. } | ExprKind::Text(_) | ExprKind::Bad => {
                        right
                    }
                    _ => {
                        self.wrong(right.span, "`matches` wants a regular expression behind it")
                            .help("`matches /^[a-z]+$/`");
                        return hole;
                    }
                };
                Expr { span, kind: ExprKind::Binary(Box::new(left), operator, Box::new(right)) }
            }
            _ => Expr { span, kind: ExprKind::Binary(Box::new(left), operator, Box::new(right)) },
        }
    }

    /// What an operand looks like inside a string; only what is short and simple.
    fn glued(&self, value: &Expr) -> Option<String> {
        let written = self.repaired.slice(value.span);
        match value.kind {
            ExprKind::Text(_) => {
                let inner = written.strip_prefix('"')?.strip_suffix('"')?;
                (!inner.starts_with('"')).then(|| inner.to_owned())
            }
            ExprKind::Name(_) | ExprKind::Member(..) | ExprKind::Context(_) => Some(format!("${{{written}}}")),
            _ => None,
        }
    }

    /// An operator; complains about those of other languages and takes them for ours. `None` when there is nothing like it.
    pub(super) fn operator(&mut self, pair: &P<'t>) -> Option<Spanned<BinaryOperator>> {
        use BinaryOperator as B;
        let place = self.place(pair);
        let written = pair.as_str();
        let theirs = |builder: &mut Self, value, ours: &str| {
            builder
                .wrong(place, format!("`{written}` is not an operator here"))
                .label(format!("did you mean `{ours}`?"))
                .fix(place, ours);
            value
        };
        let value = match written {
            "or" => B::Or,
            "and" => B::And,
            "==" => B::Equal,
            "!=" => B::NotEqual,
            "<" => B::Less,
            "<=" => B::LessEqual,
            ">" => B::Greater,
            ">=" => B::GreaterEqual,
            "contains" => B::Contains,
            "starts_with" => B::StartsWith,
            "ends_with" => B::EndsWith,
            "matches" => B::Matches,
            "in" => B::In,
            "+" => B::Add,
            "-" => B::Subtract,
            "*" => B::Multiply,
            "/" => B::Divide,
            "%" => B::Remainder,
            "=" | "===" => theirs(self, B::Equal, "=="),
            "!==" | "<>" => theirs(self, B::NotEqual, "!="),
            "=>" => theirs(self, B::GreaterEqual, ">="),
            "=<" => theirs(self, B::LessEqual, "<="),
            "&&" => theirs(self, B::And, "and"),
            "||" => theirs(self, B::Or, "or"),
            "=~" => theirs(self, B::Matches, "matches"),
            _ => {
                self.wrong(place, format!("`{written}` is not an operator here"));
                return None;
            }
        };
        Some(Spanned::new(value, place))
    }

    /// An operand with its members.
    fn primary(&mut self, pair: P<'t>) -> Expr {
        let whole = self.place(&pair);
        let mut children = pair.into_inner();
        let atom = children.next().expect("an operand is something");
        let mut value = self.atom(atom);
        for (count, access) in children.enumerate() {
            if count >= crate::syntax::nesting::DEPTH_MAX {
                self.wrong_as(Rule::TooDeep, whole, "too many members in a row");
                return Expr { span: whole, kind: ExprKind::Bad };
            }
            let span = value.span.to(self.place(&access));
            value = match access.as_rule() {
                G::dot => {
                    let member = self.word(&inner_first(access));
                    self.member(value, member)
                }
                _ => {
                    let index = access.into_inner().find(|child| child.as_rule() == G::expr_free);
                    let index = self.expr(index.expect("an index has a value"));
                    match plain_text(&index) {
                        Some(key) if matches!(&value.kind, ExprKind::Name(name) if name == "header" || name == "cookie") =>
                        {
                            let word = self.repaired.slice(value.span).to_owned();
                            let better = format!("{word} {key}");
                            self.wrong(span, format!("a {word} is looked at without brackets"))
                                .label(format!("did you mean `{better}`?"))
                                .fix(span, better);
                            Expr { span, kind: ExprKind::Bad }
                        }
                        Some(key) => {
                            let key = Spanned::new(key, index.span);
                            Expr { span, kind: ExprKind::Member(Box::new(value), key) }
                        }
                        None => Expr { span, kind: ExprKind::Index(Box::new(value), Box::new(index)) },
                    }
                }
            };
        }
        value
    }

    fn member(&mut self, value: Expr, member: Spanned<String>) -> Expr {
        let span = value.span.to(member.span);
        if let ExprKind::Name(name) = &value.kind
            && let Some(better) = of_the_answer(name, &member.value)
        {
            self.wrong(span, "what an answer holds is looked at by a word of its own")
                .label(format!("did you mean `{better}`?"))
                .fix(span, better);
            return Expr { span, kind: ExprKind::Bad };
        }
        let known: &[(&str, Context)] = match &value.kind {
            ExprKind::Name(name) if name == "user" => &[("id", Context::UserId), ("iteration", Context::UserIteration)],
            ExprKind::Name(name) if name == "run" => &[("id", Context::RunId)],
            _ => return Expr { span, kind: ExprKind::Member(Box::new(value), member) },
        };
        if let Some((_, context)) = known.iter().find(|(name, _)| *name == member.value) {
            return Expr { span, kind: ExprKind::Context(*context) };
        }
        let owner = self.repaired.slice(value.span).to_owned();
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let listed = names.iter().map(|name| format!("`{owner}.{name}`")).collect::<Vec<_>>().join(" and ");
        let better = nearest(&member.value, names);
        let complaint = self.wrong(member.span, format!("there is no `{owner}.{}`", member.value));
        match better {
            Some(better) => drop(complaint.label(format!("did you mean `{better}`?")).fix(member.span, better)),
            None => drop(complaint.label(format!("there is {listed}"))),
        }
        Expr { span, kind: ExprKind::Bad }
    }

    pub(super) fn atom(&mut self, pair: P<'t>) -> Expr {
        let span = self.place(&pair);
        let kind = match pair.as_rule() {
            G::text | G::triple => return self.text_expr(pair),
            G::open_text | G::open_triple | G::single => return self.broken_text(&pair),
            G::number => self.number(pair),
            G::null => ExprKind::Null,
            G::boolean => ExprKind::Bool(pair.as_str() == "true"),
            G::name => ExprKind::Name(pair.as_str().to_owned()),
            G::paren => {
                let inner = pair.into_inner().find(|child| child.as_rule() == G::expr_free);
                let value = self.expr(inner.expect("parentheses hold a value"));
                // The parentheses belong to the place, so that a fix takes them along.
                return Expr { span, kind: value.kind };
            }
            G::list => {
                let values = pair.into_inner().filter(|child| child.as_rule() == G::expr_free);
                ExprKind::List(values.map(|child| self.expr(child)).collect())
            }
            G::object => ExprKind::Object(self.fields(pair)),
            G::call => {
                let mut name: Option<Spanned<String>> = None;
                let mut arguments = Vec::new();
                for child in pair.into_inner() {
                    match child.as_rule() {
                        G::function => name = Some(self.word(&child)),
                        G::expr_free => arguments.push(self.expr(child)),
                        _ => {}
                    }
                }
                let name = name.expect("a call names its function");
                if keyword::EXTRACTORS.contains(&name.value.as_str())
                    && let [argument] = arguments.as_slice()
                    && let Some(text) = plain_text(argument)
                {
                    let word = &name.value;
                    let better = format!("{word} {text}");
                    self.wrong(span, format!("`{word}` stands before what it looks for, without parentheses"))
                        .label(format!("did you mean `{better}`?"))
                        .fix(span, better);
                    return Expr { span, kind: ExprKind::Bad };
                }
                ExprKind::Call { name, arguments }
            }
            G::status_is => {
                let patterns: Vec<P<'t>> =
                    pair.into_inner().filter(|child| child.as_rule() == G::status_pattern).collect();
                let mut statuses = Vec::new();
                for pattern in patterns {
                    match self.status_pattern(&pattern) {
                        Some(status) => statuses.push(Spanned::new(status, self.place(&pattern))),
                        None => return Expr { span, kind: ExprKind::Bad },
                    }
                }
                ExprKind::StatusIs(statuses)
            }
            G::simple_x => extract(match pair.as_str() {
                "status" => Extractor::Status,
                "body" => Extractor::Body,
                "size" => Extractor::Size,
                "url" => Extractor::Url,
                "event" => Extractor::Event,
                _ => Extractor::Time,
            }),
            G::header_x => extract(Extractor::Header(self.named_field(pair))),
            G::cookie_x => extract(Extractor::Cookie(self.named_field(pair))),
            G::json_x | G::regex_x => self.looked_into(pair),
            G::bare_path => {
                self.wrong(span, "a path into JSON stands behind `json`")
                    .label(format!("did you mean `json {}`?", pair.as_str()))
                    .fix(span.at_start(), "json ");
                self.json_path(&inner_first(pair))
            }
            G::bare_regex => {
                // Whether it may stand bare is known to the operator: see `joined`.
                return Expr { span, kind: self.regex(inner_first(pair)) };
            }
            G::all_x => {
                let mut children = pair.into_inner().filter(|child| child.as_rule() != G::comment);
                let word = children.next().expect("`all` stands first");
                let all = self.place(&word);
                match self.looked_into(children.next().expect("an extractor stands behind `all`")) {
                    ExprKind::Extract { extractor, of, .. } => ExprKind::Extract { extractor, all: Some(all), of },
                    other => other,
                }
            }
            other => unreachable!("{other:?} is not an operand"),
        };
        Expr { span, kind }
    }

    fn named_field(&mut self, pair: P<'t>) -> Spanned<String> {
        let name = pair.into_inner().find(|child| child.as_rule() == G::field_name);
        self.field_name(name.expect("it has a name"))
    }

    /// `json $.path` and `regex /…/`, with what they look into.
    fn looked_into(&mut self, pair: P<'t>) -> ExprKind {
        let mut kind = ExprKind::Bad;
        for child in pair.into_inner() {
            match child.as_rule() {
                G::json_path => kind = self.json_path(&child),
                G::regex | G::open_regex => kind = self.regex(child),
                G::of_x => {
                    let value = child.into_inner().find(|child| child.as_rule() == G::primary);
                    let value = self.primary(value.expect("a value stands behind `of`"));
                    if let ExprKind::Extract { of, .. } = &mut kind {
                        *of = Some(Box::new(value));
                    }
                }
                _ => {}
            }
        }
        kind
    }

    /// A header's or cookie's name, bare or quoted.
    pub(super) fn field_name(&mut self, pair: P<'t>) -> Spanned<String> {
        let child = inner_first(pair);
        if child.as_rule() == G::bare_field {
            return self.word(&child);
        }
        let text = self.text(child);
        self.plain(text)
    }

    /// The characters of a text that may not hold `${…}`; complains when it does.
    pub(super) fn plain(&mut self, text: Text) -> Spanned<String> {
        let mut plain = String::new();
        for piece in &text.pieces {
            match piece {
                Piece::Literal(literal) => plain += literal,
                Piece::Hole(hole) => {
                    self.wrong(hole.span, "a name is plain text and holds no `${…}`");
                }
            }
        }
        Spanned::new(plain, text.span)
    }

    /// `key: value`
    pub(super) fn field(&mut self, pair: P<'t>) -> Field {
        let (mut key, mut value) = (None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                G::key => {
                    let child = inner_first(child);
                    key = Some(match child.as_rule() {
                        G::text => {
                            let text = self.text(child);
                            self.plain(text)
                        }
                        G::single => {
                            let span = self.place(&child);
                            let text = self.broken_text(&child);
                            Spanned::new(plain_text(&text).unwrap_or_default(), span)
                        }
                        _ => {
                            let word = self.word(&child);
                            if word.value.contains('-') {
                                let better = format!("\"{}\"", word.value);
                                self.wrong(word.span, format!("the key `{}` needs quotes", word.value))
                                    .label(format!("did you mean `{better}`?"))
                                    .fix(word.span, better);
                            }
                            word
                        }
                    });
                }
                G::colon if child.as_str() != ":" => {
                    let span = self.place(&child);
                    self.wrong(span, "between key and value stands `:`").label("did you mean `:`?").fix(span, ":");
                }
                G::expr_free => value = Some(self.expr(child)),
                _ => {}
            }
        }
        Field { key: key.expect("a field has a key"), value: value.expect("a field has a value") }
    }

    /// `200`, `2xx`, `200..299`
    fn status_pattern(&mut self, pair: &P<'t>) -> Option<StatusPattern> {
        let span = self.place(pair);
        let written = pair.as_str();
        let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..1000).contains(code));
        let pattern = match written.split_once("..") {
            Some((from, to)) => code(from).zip(code(to)).map(|(from, to)| StatusPattern::Range(from, to)),
            None => match written.strip_suffix("xx").or_else(|| written.strip_suffix("XX")) {
                Some(class) => class.parse().ok().filter(|class| (1..=5).contains(class)).map(StatusPattern::Class),
                None => code(written).map(StatusPattern::Code),
            },
        };
        if pattern.is_none() {
            self.wrong(span, format!("`{written}` is not a status"))
                .help("`200`, `2xx` or `200..299`, several with commas");
        }
        pattern
    }
}

/// How tightly an operator binds its operands.
fn binding(operator: &str) -> u8 {
    match operator {
        "or" | "||" => 1,
        "and" | "&&" => 2,
        "+" | "-" => 6,
        "*" | "/" | "%" | "**" => 7,
        _ => COMPARISON,
    }
}

/// Whether an expression ends in `status 200`.
fn ends_in_statuses(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::StatusIs(_) => true,
        ExprKind::Binary(_, _, right) => ends_in_statuses(right),
        _ => false,
    }
}

/// How a member of what other tools call the response is written here.
fn of_the_answer(name: &str, member: &str) -> Option<String> {
    match (name, member) {
        ("json", member) => Some(format!("json $.{member}")),
        ("header" | "headers", member) => Some(format!("header {member}")),
        ("cookie" | "cookies", member) => Some(format!("cookie {member}")),
        ("response" | "res" | "resp" | "r", "status" | "status_code" | "code") => Some("status".into()),
        ("response" | "res" | "resp" | "r", "body" | "text" | "content") => Some("body".into()),
        ("response" | "res" | "resp" | "r", "url") => Some("url".into()),
        _ => None,
    }
}

/// What looks into the answer, and gives one find.
pub(super) fn extract(extractor: Extractor) -> ExprKind {
    ExprKind::Extract { extractor, all: None, of: None }
}
