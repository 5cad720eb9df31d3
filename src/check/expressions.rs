//! Expressions: typed, names resolved, extractors only where there is something to look into.

use super::checker::{Answer, Checker};
use super::constants::Constant;
use super::functions::{self, FUNCTIONS, Gives, Signature};
use super::meaning::{Expr, ExprKind, Extractor, Function, Operator, Piece, StatusPattern, Template, Type};
use super::names;
use super::patterns::{self, Path};
use super::types;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::syntax::ast;

impl Checker<'_> {
    /// `300/m` is so many a minute, also where a value is called `m`.
    fn rate_or_division(&mut self, span: Span) {
        let written = self.sources.text(span);
        let Some((number, unit)) = written.split_once('/').filter(|(_, unit)| self.is_value(unit)) else { return };
        let diagnostic = rate_or_division(number, unit, span);
        self.wanted.insert(unit.to_owned());
        self.report(diagnostic);
    }

    /// What `written` means; a hole where it means nothing.
    pub fn expr(&mut self, written: &ast::Expr) -> Expr {
        let span = written.span;
        let (kind, ty) = match &written.kind {
            ast::ExprKind::Null => (ExprKind::Null, Type::Null),
            ast::ExprKind::Bool(truth) => (ExprKind::Bool(*truth), Type::Bool),
            ast::ExprKind::Number(number) => (ExprKind::Number(*number), Type::Number),
            ast::ExprKind::Duration(duration) => (ExprKind::Duration(*duration), Type::Duration),
            ast::ExprKind::Rate(rate) => {
                self.rate_or_division(span);
                (ExprKind::Rate(*rate), Type::Rate)
            }
            ast::ExprKind::Share(share) => (ExprKind::Share(*share), Type::Share),
            ast::ExprKind::Size(size) => (ExprKind::Size(*size), Type::Size),
            ast::ExprKind::Text(text) => (ExprKind::Text(self.template(text)), Type::String),
            ast::ExprKind::Name(name) => self.resolve(name, span),
            ast::ExprKind::Context(context) => self.context(*context, span),
            ast::ExprKind::Call { name, arguments } => self.function(name, arguments, span),
            ast::ExprKind::List(items) => {
                (ExprKind::List(items.iter().map(|item| self.expr(item)).collect()), Type::List)
            }
            ast::ExprKind::Object(fields) => (ExprKind::Object(self.fields(fields)), Type::Json),
            ast::ExprKind::Member(value, key) => {
                let value = self.expr(value);
                let mut ty = Type::Json;
                match value.ty {
                    Type::Row(data) => ty = self.column(data, key),
                    open if types::is_open(open) => {}
                    _ => {
                        let owner = self.sources.text(value.span).to_owned();
                        self.report(no_member(&value, &owner, key, span));
                    }
                }
                (ExprKind::Member(Box::new(value), key.value.clone()), ty)
            }
            ast::ExprKind::Index(value, index) => {
                let value = self.expr(value);
                if !types::is_open(value.ty) && value.ty != Type::List {
                    self.report(no_items(&value));
                }
                let index = self.typed(index, &[Type::Number], "a place in a list");
                (ExprKind::Index(Box::new(value), Box::new(index)), Type::Json)
            }
            ast::ExprKind::Unary(ast::UnaryOperator::Not, value) => {
                let value = self.condition(value, "what stands under `not`");
                (ExprKind::Not(Box::new(value)), Type::Bool)
            }
            ast::ExprKind::Unary(ast::UnaryOperator::Negate, value) => {
                let value = self.typed(value, &[Type::Number, Type::Share], "what stands under `-`");
                let ty = if value.ty == Type::Json { Type::Number } else { value.ty };
                (ExprKind::Negate(Box::new(value)), ty)
            }
            ast::ExprKind::Binary(left, operator, right) => self.binary(left, operator, right),
            ast::ExprKind::Presence { value, exists } => {
                (ExprKind::Presence(Box::new(self.looked_for(value)), *exists), Type::Bool)
            }
            ast::ExprKind::Extract { extractor, all, of } => {
                self.find(extractor, all.is_some(), of.as_deref(), span, false)
            }
            ast::ExprKind::StatusIs(patterns) => self.status_is(patterns, span),
            ast::ExprKind::Bad => {
                self.hole_expr(span);
                (ExprKind::Bad, Type::Unknown)
            }
        };
        Expr { span, ty, kind }
    }

    /// What `written` means, where one of `wanted` must stand; `what` says for what: "a timeout".
    pub fn typed(&mut self, written: &ast::Expr, wanted: &[Type], what: &str) -> Expr {
        let value = self.expr(written);
        self.must_be(&value, wanted, what);
        value
    }

    /// Complains where `value` is surely none of `wanted`.
    pub fn must_be(&mut self, value: &Expr, wanted: &[Type], what: &str) {
        if !wanted.is_empty() && !types::is_open(value.ty) && !wanted.contains(&value.ty) {
            let constant = self.constant(value);
            self.report(types::mismatch(value, constant.as_ref(), wanted, what));
        }
    }

    /// What `written` means, where something true or false must stand.
    pub fn condition(&mut self, written: &ast::Expr, what: &str) -> Expr {
        let value = self.expr(written);
        if !types::is_open(value.ty) && value.ty != Type::Bool {
            self.report(not_a_condition(&value, what));
            return Expr { kind: ExprKind::Bad, ..value };
        }
        value
    }

    /// The text of a string or path, its holes understood.
    pub fn template(&mut self, text: &ast::Text) -> Template {
        let pieces = text.pieces.iter().map(|piece| match piece {
            ast::Piece::Literal(literal) => Piece::Literal(literal.clone()),
            ast::Piece::Hole(value) => Piece::Value(self.expr(value)),
        });
        Template { span: text.span, pieces: pieces.collect() }
    }

    /// Keys and values, each key once.
    pub fn fields(&mut self, fields: &[ast::Field]) -> Vec<(String, Expr)> {
        self.keys_differ(fields);
        fields.iter().map(|field| (field.key.value.clone(), self.expr(&field.value))).collect()
    }

    /// The parts of a body: their names and values. A file among them may be larger than memory.
    pub fn sent_fields(&mut self, fields: &[ast::Field]) -> Vec<(String, Expr)> {
        self.keys_differ(fields);
        fields.iter().map(|field| (field.key.value.clone(), self.sent(&field.value))).collect()
    }

    /// A value that is sent as it is: a file then may be larger than memory.
    pub fn sent(&mut self, written: &ast::Expr) -> Expr {
        self.sends_file = matches!(&written.kind, ast::ExprKind::Call { name, .. } if name.value == "file");
        let value = self.expr(written);
        self.sends_file = false;
        value
    }

    fn keys_differ(&mut self, fields: &[ast::Field]) {
        for (index, field) in fields.iter().enumerate() {
            if let Some(first) = fields[..index].iter().find(|earlier| earlier.key.value == field.key.value) {
                self.report(duplicate_key(&field.key, first.key.span));
            }
        }
    }

    /// A value known before the run, where one of `wanted` must stand.
    pub fn known(&mut self, written: &ast::Expr, wanted: &[Type], what: &str) -> Option<Constant> {
        let value = self.typed(written, wanted, what);
        if value.ty == Type::Unknown || (!types::is_open(value.ty) && !wanted.contains(&value.ty)) {
            return None;
        }
        let constant = self.constant(&value);
        if constant.is_none() {
            self.report(not_constant(value.span, what));
        }
        constant
    }

    /// A duration known before the run.
    pub fn known_duration(&mut self, written: &ast::Expr, what: &str) -> Option<std::time::Duration> {
        match self.known(written, &[Type::Duration], what)? {
            Constant::Duration(duration) => {
                if duration.is_zero() {
                    self.report(no_time(written.span, what));
                }
                Some(duration)
            }
            _ => None,
        }
    }

    /// What stands under `exists`: any path will do there.
    fn looked_for(&mut self, written: &ast::Expr) -> Expr {
        match &written.kind {
            ast::ExprKind::Extract { extractor, all, of } => {
                let (kind, ty) = self.find(extractor, all.is_some(), of.as_deref(), written.span, true);
                Expr { span: written.span, ty, kind }
            }
            _ => self.expr(written),
        }
    }

    fn context(&mut self, context: ast::Context, span: Span) -> (ExprKind, Type) {
        let (kind, ty) = match context {
            ast::Context::UserId => (ExprKind::UserId, Type::Number),
            ast::Context::UserIteration => (ExprKind::UserIteration, Type::Number),
            ast::Context::RunId => return (ExprKind::RunId, Type::String),
        };
        if (self.place.user.is_none() || self.place.user == Some(self.once)) && self.answer != Answer::NotYet {
            self.report(no_user_here(span));
        }
        (kind, ty)
    }

    fn function(&mut self, name: &ast::Name, arguments: &[ast::Expr], span: Span) -> (ExprKind, Type) {
        let Some(signature) = Signature::find(&name.value) else {
            for argument in arguments {
                self.expr(argument);
            }
            if self.is_flow(&name.value) {
                self.is_called(&name.value);
                self.report(super::flows::call_in_expression(name));
                return (ExprKind::Bad, Type::Unknown);
            }
            let near = nearest(&name.value, FUNCTIONS.iter().map(|signature| signature.name));
            let near = near.or_else(|| functions::elsewhere_called(&name.value));
            self.report(names::undefined_function(name, near));
            return (ExprKind::Bad, Type::Unknown);
        };
        let most = if signature.variadic { usize::MAX } else { signature.parameters.len() };
        if !(signature.required..=most).contains(&arguments.len()) {
            self.report(argument_count(signature, arguments.len(), span));
        }
        let whole = matches!(signature.function, Function::Pick | Function::Length);
        let values: Vec<Expr> = arguments
            .iter()
            .map(|argument| match &argument.kind {
                ast::ExprKind::Name(name) if whole && !self.is_value(name) => self.rows_or_value(argument, name),
                _ => self.expr(argument),
            })
            .collect();
        for (index, value) in values.iter().enumerate() {
            let last = if signature.variadic { signature.parameters.last() } else { None };
            if let Some(parameter) = signature.parameters.get(index).or(last) {
                let what = format!("`{}` of `{}`", parameter.name, signature.usage());
                self.must_be(value, parameter.accepts, &what);
            }
        }
        if matches!(signature.name, "uniform" | "int")
            && let [from, to] = &values[..]
            && let (Some(Constant::Number(least)), Some(Constant::Number(most))) =
                (self.constant(from), self.constant(to))
            && least > most
        {
            self.report(empty_range(from.span, to.span));
        }
        if let Some(special) = self.special(signature, &values, span) {
            return special;
        }
        if let (Function::Pick, [Expr { kind: ExprKind::Rows(data), .. }]) = (signature.function, &values[..]) {
            let ty = self.row_type(*data);
            return (ExprKind::Call(Function::Pick, values), ty);
        }
        let ty = match signature.result {
            Gives::Type(ty) => ty,
            // Of a single list it is one of the items.
            Gives::OneOfItsArguments
                if signature.function != Function::OneOf && matches!(&values[..], [one] if one.ty == Type::List) =>
            {
                Type::Json
            }
            Gives::OneOfItsArguments => {
                values.iter().map(|value| value.ty).reduce(types::join).unwrap_or(Type::Unknown)
            }
        };
        (ExprKind::Call(signature.function, values), ty)
    }

    /// The rows of the data called `name`, else what the name means as a value.
    fn rows_or_value(&mut self, written: &ast::Expr, name: &str) -> Expr {
        match self.data_named(name) {
            Some(data) => Expr { span: written.span, ty: Type::List, kind: ExprKind::Rows(data) },
            None => self.expr(written),
        }
    }

    fn binary(
        &mut self,
        left: &ast::Expr,
        operator: &Spanned<ast::BinaryOperator>,
        right: &ast::Expr,
    ) -> (ExprKind, Type) {
        if operator.value == Operator::Matches {
            return self.matches(left, right);
        }
        if matches!(operator.value, Operator::And | Operator::Or) {
            let what = format!("each side of `{}`", operator.value.symbol());
            let left = self.condition(left, &what);
            let right = self.condition(right, &what);
            return (ExprKind::Binary(Box::new(left), operator.value, Box::new(right)), Type::Bool);
        }
        let (left, right) = (self.expr(left), self.expr(right));
        let result = types::binary(left.ty, operator.value, right.ty);
        if result.is_none() {
            let sources = self.sources;
            let diagnostic =
                types::operands(&left, operator.value, operator.span, &right, |span| sources.text(span).to_owned());
            self.report(diagnostic);
        }
        let (item, list) = if operator.value == Operator::In { (&left, &right) } else { (&right, &left) };
        if matches!(operator.value, Operator::In | Operator::Contains)
            && let Some(diagnostic) = types::never_among(item, list, operator.span)
        {
            self.report(diagnostic);
        }
        match result {
            Some(ty) => (ExprKind::Binary(Box::new(left), operator.value, Box::new(right)), ty),
            None => (ExprKind::Bad, Type::Unknown),
        }
    }

    fn matches(&mut self, left: &ast::Expr, right: &ast::Expr) -> (ExprKind, Type) {
        let left = self.typed(left, &[Type::String], "what `matches` looks into");
        let pattern = match &right.kind {
            ast::ExprKind::Extract { extractor: ast::Extractor::Regex(pattern), .. } => Some(pattern.value.clone()),
            ast::ExprKind::Bad => {
                self.hole_expr(right.span);
                None
            }
            _ => match self.known(right, &[Type::String], "the pattern of `matches`") {
                Some(Constant::Text(text)) => Some(text),
                _ => None,
            },
        };
        let Some(pattern) = pattern else { return (ExprKind::Bad, Type::Bool) };
        if let Some(why) = patterns::regex_fault(&pattern) {
            self.report(patterns::malformed_regex(right.span, &why));
        }
        (ExprKind::Matches(Box::new(left), pattern), Type::Bool)
    }

    /// What looks into the answer, or into the value behind `of`.
    fn find(
        &mut self,
        written: &ast::Extractor,
        all: bool,
        of: Option<&ast::Expr>,
        span: Span,
        any_query: bool,
    ) -> (ExprKind, Type) {
        let of = of.map(|of| {
            let json = matches!(written, ast::Extractor::Json(_));
            let (wanted, what) = match json {
                true => (&[Type::String, Type::List][..], "what `json` looks into"),
                false => (&[Type::String][..], "what `regex` looks into"),
            };
            let of = self.expr(of);
            if !(json && matches!(of.ty, Type::Row(_))) {
                self.must_be(&of, wanted, what);
            }
            Box::new(of)
        });
        // What a loop goes through may be called as something that an answer has: where there is no answer, that is it.
        let word = extractor_word(written);
        if of.is_none()
            && !all
            && matches!(self.answer, Answer::None | Answer::NotYet)
            && self.flow.declared.contains_key(word)
        {
            return self.resolve(word, span);
        }
        if of.is_none() {
            self.must_have_answer(extractor_word(written), span);
        }
        let (extractor, ty) = self.extractor(written, span, all || any_query);
        match (all, of) {
            (false, None) => (ExprKind::Extract(extractor), ty),
            (_, of) => (ExprKind::Find { extractor, all, of }, if all { Type::List } else { ty }),
        }
    }

    fn extractor(&mut self, extractor: &ast::Extractor, span: Span, any_query: bool) -> (Extractor, Type) {
        match extractor {
            ast::Extractor::Status => (Extractor::Status, Type::Number),
            ast::Extractor::Header(name) => {
                if let Some(fault) = super::http::token_fault(&name.value) {
                    self.report(super::http::malformed_header_name(name, fault));
                }
                (Extractor::Header(name.value.clone()), Type::String)
            }
            ast::Extractor::Cookie(name) => (Extractor::Cookie(name.value.clone()), Type::String),
            ast::Extractor::Body => (Extractor::Body, Type::String),
            ast::Extractor::Json(path) => {
                match patterns::path(&path.value) {
                    Path::Singular => {}
                    Path::Plural(_) if any_query => {}
                    Path::Plural(nearest) => self.report(patterns::query_needs_all(path, span, nearest.as_deref())),
                    Path::Malformed(at) => self.report(patterns::malformed_path(path, at)),
                }
                (Extractor::Json(path.value.clone()), Type::Json)
            }
            ast::Extractor::Regex(pattern) => {
                if let Some(why) = patterns::regex_fault(&pattern.value) {
                    self.report(patterns::malformed_regex(pattern.span, &why));
                }
                (Extractor::Regex(pattern.value.clone()), Type::String)
            }
            ast::Extractor::Size => (Extractor::Size, Type::Size),
            ast::Extractor::Url => (Extractor::Url, Type::String),
            ast::Extractor::Time => (Extractor::Time, Type::Duration),
            ast::Extractor::Event => (Extractor::Event, Type::String),
        }
    }

    fn status_is(&mut self, patterns: &[Spanned<StatusPattern>], span: Span) -> (ExprKind, Type) {
        self.must_have_answer("status", span);
        let mut all_possible = true;
        for pattern in patterns {
            let possible = match pattern.value {
                StatusPattern::Code(code) => (100..=599).contains(&code),
                StatusPattern::Class(class) => (1..=5).contains(&class),
                StatusPattern::Range(from, to) => from <= to && from >= 100 && to <= 599,
            };
            if !possible {
                all_possible = false;
                let text = self.sources.text(pattern.span).to_owned();
                self.report(impossible_status(pattern.span, &text));
            }
        }
        if !all_possible {
            return (ExprKind::Bad, Type::Bool);
        }
        (ExprKind::StatusIs(patterns.iter().map(|pattern| pattern.value).collect()), Type::Bool)
    }

    /// Complains where there is nothing that `word` could look into.
    fn must_have_answer(&mut self, word: &'static str, span: Span) {
        match self.answer {
            Answer::Http => {}
            Answer::Message if matches!(word, "body" | "json" | "regex" | "size" | "time") => {}
            Answer::Event if matches!(word, "event" | "body" | "json" | "regex" | "size" | "time") => {}
            Answer::Message | Answer::Event => self.report(not_in_a_message(word, span)),
            Answer::None => self.report(no_response_here(word, span)),
            Answer::NotYet => self.report(no_response_yet(word, span)),
        }
    }
}

/// The word that an extractor begins with.
fn extractor_word(extractor: &ast::Extractor) -> &'static str {
    match extractor {
        ast::Extractor::Status => "status",
        ast::Extractor::Header(_) => "header",
        ast::Extractor::Cookie(_) => "cookie",
        ast::Extractor::Body => "body",
        ast::Extractor::Json(_) => "json",
        ast::Extractor::Regex(_) => "regex",
        ast::Extractor::Size => "size",
        ast::Extractor::Url => "url",
        ast::Extractor::Time => "time",
        ast::Extractor::Event => "event",
    }
}

/// `not-a-condition`: a value stands where something true or false belongs.
fn not_a_condition(value: &Expr, what: &str) -> Diagnostic {
    let said = format!("{what} is true or false, and this is {}", types::words(value.ty));
    let diagnostic = Diagnostic::new(Rule::NotACondition, value.span, said);
    match value.kind {
        ExprKind::Extract(Extractor::Status) => diagnostic.help("compare it: `status 200`, `status == 200`"),
        ExprKind::Extract(_) | ExprKind::Find { .. } => diagnostic.help("compare it, or ask whether it `exists`"),
        _ => diagnostic.help("compare it with something: `==`, `<`, `contains` …"),
    }
}

/// `not-constant`: it must be known before the run, and is not.
pub(super) fn not_constant(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Rule::NotConstant, span, format!("{what} must be known before the run starts"))
        .label("only known while the run goes")
        .help("write it out, or use a top-level `let` that holds such a value")
}

/// `argument-count`: a function is given too many or too few arguments.
fn argument_count(signature: &Signature, found: usize, span: Span) -> Diagnostic {
    let counts = match (signature.required, signature.parameters.len()) {
        _ if signature.variadic => format!("at least {}", signature.required),
        (0, 0) => "no".to_owned(),
        (least, most) if least == most => most.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    let plural = if counts == "1" || counts == "at least 1" { "" } else { "s" };
    let said = format!("`{}` takes {counts} argument{plural}, and {found} stand here", signature.name);
    let said = if found == 1 { said.replace("1 stand here", "1 stands here") } else { said };
    Diagnostic::new(Rule::ArgumentCount, span, said).help(format!("write `{}`: {}", signature.usage(), signature.doc))
}

/// `no-response-here`: an extractor outside the block of a step.
fn no_response_here(word: &str, span: Span) -> Diagnostic {
    let name = if word == "status" { "code".to_owned() } else { "found".to_owned() };
    Diagnostic::new(Rule::NoResponseHere, span, format!("there is no answer here that `{word}` could look into")).help(
        format!(
            "capture it in the block of the step, `capture {name} = {word}{}`, and use `{name}` here",
            match word {
                "json" => " $.…",
                "header" => " Name",
                "cookie" => " name",
                "regex" => " /…/",
                _ => "",
            }
        ),
    )
}

/// `no-response-here`: an extractor in a part of the request itself.
fn no_response_yet(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        Rule::NoResponseHere,
        span,
        format!("`{word}` looks into an answer, and this is sent before there is one"),
    )
    .help("capture what you need in an earlier step")
}

/// `not-in-a-message`: a message has no status, headers, cookies or URL.
fn not_in_a_message(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NotInAMessage, span, format!("a message on a socket has no {word}"))
        .help("it has `body`, `json`, `regex`, `size` and `time`")
}

/// `no-user-here`: a user's value where there is no user.
fn no_user_here(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::NoUserHere, span, "this is evaluated once for the whole run, where there is no user")
        .help("put the `let` into the `user`")
}

/// `empty-range`: a time in which nothing can happen.
fn no_time(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Rule::EmptyRange, span, format!("{what} is 0: it is over before anything can come"))
        .help("say how long is too long, such as `10s`")
}

/// `type-mismatch`: a member of something that has none.
fn no_member(value: &Expr, owner: &str, key: &Spanned<String>, whole: Span) -> Diagnostic {
    let said = format!("{} has no member `{}`", types::words(value.ty), key.value);
    // What other languages ask of a text or list as a member of it.
    let function = match (key.value.as_str(), value.ty) {
        ("length" | "len" | "size" | "count", Type::String | Type::List) => "length",
        ("lower" | "toLowerCase" | "lowercase", Type::String) => "lower",
        _ => return Diagnostic::new(Rule::TypeMismatch, key.span, said).also(value.span, types::words(value.ty)),
    };
    let better = format!("{function}({owner})");
    Diagnostic::new(Rule::TypeMismatch, whole, said).label(format!("did you mean `{better}`?")).fix(whole, better)
}

/// `type-mismatch`: an item of something that has none.
fn no_items(value: &Expr) -> Diagnostic {
    Diagnostic::new(
        Rule::TypeMismatch,
        value.span,
        format!("only a list has items, and this is {}", types::words(value.ty)),
    )
}

/// `duplicate-key`: the same key twice in one object, query or form.
fn duplicate_key(key: &Spanned<String>, first: Span) -> Diagnostic {
    Diagnostic::new(Rule::DuplicateKey, key.span, format!("the key `{}` is there already", key.value))
        .label("the second")
        .also(first, "the first")
        .help("in a query or form a list repeats the key: `tag: [\"a\", \"b\"]`")
}

/// `empty-range`: it ends before it begins.
pub(super) fn empty_range(from: Span, to: Span) -> Diagnostic {
    Diagnostic::new(Rule::EmptyRange, from.to(to), "this range ends before it begins").help("swap its ends")
}

/// `impossible-status`: no answer has it.
pub(super) fn impossible_status(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Rule::ImpossibleStatus, span, format!("no answer has the status `{text}`"))
        .help("a status is 100 to 599: `200`, `2xx`, `200..299`")
}

/// `rate-or-division`: a rate whose unit is also the name of a value.
fn rate_or_division(number: &str, unit: &str, span: Span) -> Diagnostic {
    let better = format!("{number} / {unit}");
    let what = match unit {
        "s" => "second",
        "m" => "minute",
        _ => "hour",
    };
    Diagnostic::new(
        Rule::RateOrDivision,
        span,
        format!("this is the rate {number} a {what}, not a division by `{unit}`"),
    )
    .label(format!("to divide write `{better}`"))
    .help(format!("call the value something else than `{unit}` when the rate is meant"))
    .fix(span, better)
}
