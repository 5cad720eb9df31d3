//! What the tree knows of the words: which `{` is an object, which `-` a subtraction, where a statement begins.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::base::Span;
use crate::syntax::ast::*;

/// Places in the text, as bytes.
#[derive(Default)]
pub struct Marks {
    /// Words that are copied as they are, by their first byte: where they end, and how they are written now.
    pub atoms: HashMap<usize, (usize, String)>,
    /// Where statements, settings and thresholds begin.
    pub starts: HashSet<usize>,
    /// Operators between two operands.
    pub binary: HashSet<usize>,
    /// Names of functions that are called.
    pub calls: HashSet<usize>,
    /// Objects: the first `{` from here on is theirs.
    pub objects: Vec<usize>,
    /// Lists: the first `[` from here on is theirs.
    pub lists: Vec<usize>,
    /// `status 200, 404`: these commas separate no elements.
    pub statuses: Vec<Range<usize>>,
}

impl Marks {
    /// The marks of one file.
    pub fn of(text: &str, file: &File) -> Marks {
        let mut reader = Reader { text, marks: Marks::default(), paths: Vec::new() };
        file.items.iter().for_each(|item| reader.item(item));
        let Reader { mut marks, paths, .. } = reader;
        for path in paths {
            let written = path_as_it_should_be(text, path, &marks);
            marks.atoms.insert(path.span.range().start, (path.span.range().end, written));
        }
        marks
    }
}

/// A path whose `${…}` hold no blanks at their edges.
fn path_as_it_should_be(text: &str, path: &Text, marks: &Marks) -> String {
    let mut written = String::new();
    let mut at = path.span.range().start;
    for piece in &path.pieces {
        let Piece::Hole(value) = piece else { continue };
        let Range { start, end } = value.span.range();
        let open = at + text[at..start].rfind("${").expect("a hole opens before its expression");
        let close = end + text[end..].find('}').expect("a hole is closed") + 1;
        written += &text[at..open];
        match super::inline(text, start..end, marks) {
            Some(value) => written += &format!("${{{value}}}"),
            None => written += &text[open..close],
        }
        at = close;
    }
    written + &text[at..path.span.range().end]
}

struct Reader<'t> {
    text: &'t str,
    marks: Marks,
    paths: Vec<&'t Text>,
}

impl<'t> Reader<'t> {
    fn atom(&mut self, span: Span) {
        let Range { start, end } = span.range();
        if start < end {
            self.marks.atoms.insert(start, (end, self.text[start..end].to_owned()));
        }
    }

    fn start(&mut self, span: Span) {
        self.marks.starts.insert(span.range().start);
    }

    fn item(&mut self, item: &'t Item) {
        match item {
            Item::Scenario { span, title } => {
                self.start(*span);
                self.atom(title.span);
            }
            Item::Target(target) => {
                self.start(target.span);
                self.expr(&target.url);
                self.parts(&target.settings);
            }
            Item::Let(statement) => self.let_statement(statement),
            Item::Data(data) => {
                self.start(data.span);
                match &data.source {
                    DataSource::File(path) => self.atom(path.span),
                    DataSource::Inline(list) => self.expr(list),
                }
                data.options.iter().for_each(|option| self.data_option(option));
            }
            Item::Use { span, path } => {
                self.start(*span);
                self.atom(path.span);
            }
            Item::Flow(flow) => {
                self.start(flow.span);
                self.marks.calls.insert(flow.name.span.range().start);
                self.block(&flow.body);
            }
            Item::Setup(once) | Item::Teardown(once) => {
                self.start(once.span);
                self.block(&once.body);
            }
            Item::User(user) => {
                self.start(user.span);
                user.weight.iter().for_each(|weight| self.expr(weight));
                user.items.iter().for_each(|item| self.user_item(item));
            }
            Item::Thresholds(thresholds) => {
                self.start(thresholds.span);
                thresholds.items.iter().for_each(|item| self.threshold(item));
            }
            Item::Bad(bad) => self.start(bad.span),
        }
    }

    fn data_option(&mut self, option: &'t DataOption) {
        match option {
            DataOption::Pick { span, .. } | DataOption::WhenEmpty { span, .. } => self.start(*span),
            DataOption::Columns { span, names } => {
                self.start(*span);
                names.iter().for_each(|name| self.atom(name.span));
                self.marks.lists.push(span.range().start);
            }
            DataOption::Separator { span, value } => {
                self.start(*span);
                self.atom(value.span);
            }
            DataOption::Bad(bad) => self.start(bad.span),
        }
    }

    fn let_statement(&mut self, statement: &'t Let) {
        self.start(statement.span);
        self.expr(&statement.value);
    }

    fn user_item(&mut self, item: &'t UserItem) {
        match item {
            UserItem::Think { span, delay } => {
                self.start(*span);
                self.delay(delay);
            }
            UserItem::Pace { span, every } => {
                self.start(*span);
                self.expr(every);
            }
            UserItem::Session { span, .. } => self.start(*span),
            UserItem::Let(statement) => self.let_statement(statement),
            UserItem::Take(take) => self.start(take.span),
            UserItem::Default(part) => self.parts(std::slice::from_ref(part)),
            UserItem::OnStart(block) | UserItem::OnStop(block) => {
                // The tree holds the block only; `on` and the word behind it stand before it.
                let at = self.text[..block.span.range().start].trim_end_matches([' ', '\t', '\r']);
                let at = at.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let on = at.trim_end_matches([' ', '\t', '\r']);
                self.marks.starts.insert(on.len() - "on".len());
                self.block(block);
            }
            UserItem::Task(task) => {
                self.start(task.span);
                task.weight.iter().for_each(|weight| self.expr(weight));
                self.block(&task.body);
            }
            UserItem::Bad(bad) => self.start(bad.span),
        }
    }

    fn threshold(&mut self, item: &'t ThresholdItem) {
        match item {
            ThresholdItem::Threshold(threshold) => {
                self.start(threshold.span);
                self.atom(threshold.metric.span);
                if let Some(Subject::Text(text)) = &threshold.subject {
                    self.atom(text.span);
                }
                self.marks.binary.insert(threshold.operator.span.range().start);
                self.expr(&threshold.value);
                threshold.over.iter().chain(&threshold.lasting).for_each(|value| self.expr(value));
            }
            ThresholdItem::Bad(bad) => self.start(bad.span),
        }
    }

    fn delay(&mut self, delay: &'t Delay) {
        match delay {
            Delay::None(_) => {}
            Delay::Fixed(value) => self.expr(value),
            Delay::Range(from, to) => {
                self.expr(from);
                self.expr(to);
            }
            Delay::Exponential(mean) => {
                // `exponential(` is a call in all but its node: its name is the word before the bracket.
                let before = self.text[..mean.span.range().start].trim_end();
                if let Some(before) = before.strip_suffix('(') {
                    let name = before.trim_end().trim_end_matches(|c: char| c.is_ascii_alphabetic());
                    self.marks.calls.insert(name.len());
                }
                self.expr(mean);
            }
        }
    }

    fn block(&mut self, block: &'t Block) {
        block.statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &'t Statement) {
        self.start(statement.span);
        match &statement.kind {
            StatementKind::Http { path, parts, .. } => {
                self.path(path);
                self.parts(parts);
            }
            StatementKind::WebSocket { path, settings, body, .. }
            | StatementKind::Events { path, settings, body, .. } => {
                self.path(path);
                self.parts(settings);
                self.block(body);
            }
            StatementKind::With { body, .. }
            | StatementKind::Group { body, .. }
            | StatementKind::Attempt(body)
            | StatementKind::Parallel(body) => self.block(body),
            StatementKind::OnReceive { clauses, body, .. } => {
                self.clauses(clauses);
                self.block(body);
            }
            StatementKind::Every { interval, body } => {
                self.delay(interval);
                self.block(body);
            }
            StatementKind::Send { payload } => self.payload(payload),
            StatementKind::Receive { form, clauses, parts } => {
                self.receive_form(form);
                self.clauses(clauses);
                self.parts(parts);
            }
            StatementKind::Call { payload, clauses, parts } => {
                self.payload(payload);
                self.clauses(clauses);
                self.parts(parts);
            }
            StatementKind::Close { code, reason } => code.iter().chain(reason).for_each(|value| self.expr(value)),
            StatementKind::Pause(delay) => self.delay(delay),
            StatementKind::Repeat { bound, condition, body, .. } => {
                let (RepeatBound::Count(value) | RepeatBound::For(value)) = bound;
                self.expr(value);
                condition.iter().for_each(|(_, condition)| self.expr(condition));
                self.block(body);
            }
            StatementKind::For { list, last, limit, body, .. } => {
                self.expr(list);
                last.iter().chain(limit).for_each(|value| self.expr(value));
                self.block(body);
            }
            StatementKind::Choose { branches } => {
                for (share, block) in branches {
                    self.start(share.span);
                    self.expr(share);
                    self.block(block);
                }
            }
            StatementKind::Retry { count, every, body } => {
                self.expr(count);
                every.iter().for_each(|every| self.delay(every));
                self.block(body);
            }
            StatementKind::If { branches, otherwise } => {
                for (condition, block) in branches {
                    self.expr(condition);
                    self.block(block);
                }
                otherwise.iter().for_each(|block| self.block(block));
            }
            StatementKind::Let { value, .. }
            | StatementKind::Set { value, .. }
            | StatementKind::Measure { value, .. }
            | StatementKind::Log(value)
            | StatementKind::Return(value) => self.expr(value),
            StatementKind::Fail(why) => why.iter().for_each(|why| self.expr(why)),
            StatementKind::Flow { name, arguments } => {
                self.marks.calls.insert(name.span.range().start);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            StatementKind::Default(part) => self.parts(std::slice::from_ref(part)),
            StatementKind::Take(_) | StatementKind::Stop(_) | StatementKind::Bad(_) => {}
        }
    }

    fn receive_form(&mut self, form: &'t ReceiveForm) {
        match form {
            ReceiveForm::Count(value) | ReceiveForm::Close(value) => value.iter().for_each(|value| self.expr(value)),
            ReceiveForm::Until(value) | ReceiveForm::For(value) => self.expr(value),
            ReceiveForm::All(entries) => {
                for entry in entries {
                    self.start(entry.span);
                    self.clauses(&entry.clauses);
                    self.parts(&entry.parts);
                }
            }
        }
    }

    fn path(&mut self, path: &'t Text) {
        self.holes(path);
        self.paths.push(path);
    }

    fn holes(&mut self, text: &'t Text) {
        for piece in &text.pieces {
            if let Piece::Hole(value) = piece {
                self.expr(value);
            }
        }
    }

    fn payload(&mut self, payload: &'t Payload) {
        let (Payload::Text(value) | Payload::Json(value) | Payload::Binary(value)) = payload;
        self.expr(value);
    }

    fn clauses(&mut self, clauses: &'t Clauses) {
        clauses.condition.iter().chain(&clauses.within).chain(&clauses.at_least).for_each(|value| self.expr(value));
    }

    fn parts(&mut self, parts: &'t [Part]) {
        for part in parts {
            self.start(part.span());
            match part {
                Part::Header { name, value, .. } | Part::Cookie { name, value, .. } => {
                    self.atom(name.span);
                    self.expr(value);
                }
                Part::Query { span, fields } | Part::Form { span, fields } | Part::Multipart { span, fields } => {
                    self.marks.objects.push(span.range().start);
                    self.fields(fields);
                }
                Part::Json { value, .. }
                | Part::Body { value, .. }
                | Part::Timeout { value, .. }
                | Part::Subprotocol { value, .. }
                | Part::Proxy { value, .. }
                | Part::Measure { value, .. } => self.expr(value),
                Part::Redirects { most, .. } => most.iter().for_each(|value| self.expr(value)),
                Part::Auth { auth, .. } => match auth {
                    Auth::Basic(user, password) => {
                        self.expr(user);
                        self.expr(password);
                    }
                    Auth::Bearer(token) => self.expr(token),
                    Auth::None => {}
                },
                Part::Switch { value, .. } => self.atom(value.span),
                Part::Tls { settings, .. } => {
                    for (name, value) in settings {
                        self.start(name.span);
                        self.atom(value.span);
                    }
                }
                Part::Expect { condition, otherwise, .. } => {
                    self.expr(condition);
                    otherwise.iter().for_each(|value| self.expr(value));
                }
                Part::Check { condition, .. } => self.expr(condition),
                Part::Capture { value, default, .. } | Part::Set { value, default, .. } => {
                    self.expr(value);
                    default.iter().for_each(|value| self.expr(value));
                }
                Part::Bad(_) => {}
            }
        }
    }

    fn fields(&mut self, fields: &'t [Field]) {
        for field in fields {
            self.atom(field.key.span);
            self.expr(&field.value);
        }
    }

    fn expr(&mut self, value: &'t Expr) {
        match &value.kind {
            ExprKind::Text(text) => {
                self.atom(text.span);
                self.holes(text);
            }
            ExprKind::Call { name, arguments } => {
                self.marks.calls.insert(name.span.range().start);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            ExprKind::List(values) => {
                self.marks.lists.push(value.span.range().start);
                values.iter().for_each(|value| self.expr(value));
            }
            ExprKind::Object(fields) => {
                self.marks.objects.push(value.span.range().start);
                self.fields(fields);
            }
            ExprKind::Member(value, key) => {
                self.expr(value);
                self.atom(key.span);
            }
            ExprKind::Index(value, index) => {
                self.expr(value);
                self.expr(index);
            }
            ExprKind::Unary(_, value) | ExprKind::Presence { value, .. } => self.expr(value),
            ExprKind::Binary(left, operator, right) => {
                self.expr(left);
                self.marks.binary.insert(operator.span.range().start);
                self.expr(right);
            }
            ExprKind::Extract { extractor, of, .. } => {
                match extractor {
                    Extractor::Header(word)
                    | Extractor::Cookie(word)
                    | Extractor::Json(word)
                    | Extractor::Regex(word) => {
                        self.atom(word.span);
                    }
                    Extractor::Status
                    | Extractor::Body
                    | Extractor::Size
                    | Extractor::Url
                    | Extractor::Time
                    | Extractor::Event => {}
                }
                of.iter().for_each(|of| self.expr(of));
            }
            ExprKind::StatusIs(_) => self.marks.statuses.push(value.span.range()),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Duration(_)
            | ExprKind::Rate(_)
            | ExprKind::Share(_)
            | ExprKind::Size(_)
            | ExprKind::Name(_)
            | ExprKind::Context(_)
            | ExprKind::Bad => {}
        }
    }
}
