//! Statements: laid out flat, with a step and points for each place where something can go wrong.

use super::lower::Lower;
use super::sockets::Places;
use crate::base::{Sources, Span};
use crate::check::meaning::{self, Content, ExprKind, Statement};
use crate::plan::expr::{Expr, Extractor, Function, Piece, Template};
use crate::plan::{
    Block, Body, Field, Http, LooksAt, Op, OpId, Part, Point, PointId, PointKind, SlotId, Step, StepId, TargetId,
    Upload, Value,
};

/// The tables of a plan that statements fill.
pub(super) struct Tables {
    pub(super) steps: Vec<Step>,
    pub(super) points: Vec<Point>,
    pub(super) ops: Vec<Op>,
}

/// Lays statements out, one class of users after the other.
pub(super) struct Program<'a> {
    sources: &'a Sources,
    pub(super) lower: Lower<'a>,
    /// Comment blocks above statements.
    docs: &'a [(Span, String)],
    pub(super) tables: Tables,
    /// How many slots the present class has.
    slots: u32,
    /// Where sockets are kept, and which are open where we stand.
    pub(super) open: Places,
}

impl<'a> Program<'a> {
    pub(super) fn new(scenario: &'a meaning::Scenario, sources: &'a Sources, lower: Lower<'a>) -> Program<'a> {
        let steps = Vec::with_capacity(scenario.series.len());
        let tables = Tables { steps, points: Vec::new(), ops: Vec::new() };
        Program { sources, lower, docs: &scenario.docs, tables, slots: 0, open: Places::default() }
    }

    /// What follows belongs to a class whose names need so many slots.
    pub(super) fn enter_class(&mut self, slots: u32, sockets: &[meaning::SocketId], in_once: bool) {
        self.slots = slots;
        self.lower.in_once = in_once;
        self.open = Places::new(sockets);
    }

    /// How many operations there are so far.
    pub(super) fn op_count(&self) -> usize {
        self.tables.ops.len()
    }

    /// How many slots the present class has, those of loops included.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    pub(super) fn finish(self) -> Tables {
        self.tables
    }

    /// A whole block, up to its [`Op::End`].
    pub(super) fn block(&mut self, statements: &[Statement]) -> OpId {
        self.task(statements, &[])
    }

    /// The whole block of a task that uses these sockets of the user's.
    pub(super) fn task(&mut self, statements: &[Statement], sockets: &[meaning::SocketId]) -> OpId {
        let start = self.here();
        self.open.begin();
        for socket in sockets {
            let socket = self.open.place_of(*socket);
            self.tables.ops.push(Op::Reopen { socket });
        }
        self.statements(statements);
        self.tables.ops.push(Op::End);
        start
    }

    /// Where the `think` of a class stands.
    pub(super) fn think_point(&mut self, user: &meaning::User) -> PointId {
        let point = self.delay_point(&user.think, "think");
        point.unwrap_or_else(|| self.statement_point(user.name.span, "user "))
    }

    /// A value of the user's own.
    pub(super) fn user_let(&mut self, binding: &meaning::Let) -> (SlotId, Expr, PointId) {
        // What a flow is given has no `let` of its own.
        let given = binding.span == binding.value.span;
        let name = self.text(self.lower.variables.span(binding.variable)).to_owned();
        let point = self.statement_point(binding.span, &if given { format!("{name} = ") } else { String::new() });
        (self.lower.variables.slot(binding.variable), self.lower.expr(&binding.value), point)
    }

    pub(super) fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Http(http) => self.http(http),
            Statement::WebSocket(socket) => self.websocket(socket),
            Statement::Events(events) => self.events(events),
            Statement::With { socket, body, name } => self.with_socket(*socket, body, *name),
            Statement::OnReceive(answer) => self.on_receive(answer),
            Statement::Every(timer) => self.every(timer),
            Statement::Send { step, payload } => self.send(*step, payload),
            Statement::Receive(receive) => self.receive(receive),
            Statement::ReceiveAll(all) => self.receive_all(all),
            Statement::ReceiveClose(close) => self.receive_close(close),
            Statement::Call(call) => self.call(call),
            Statement::Close { step, code, reason } => self.close(*step, *code, reason.as_ref()),
            Statement::Pause(delay) => {
                // A pause without a length is none: there is nothing to do and no place where it could fail.
                let Some(point) = self.delay_point(delay, "pause") else { return };
                self.tables.ops.push(Op::Pause { delay: self.lower.delay(delay), point });
            }
            Statement::Repeat { bound, index, condition, body } => {
                self.repeat(bound, *index, condition.as_ref(), body);
            }
            Statement::For { item, items, limit, body } => self.for_each(*item, items, *limit, body),
            Statement::Choose { branches } => self.choose(branches),
            Statement::Group { step, body } => {
                let step = self.step(*step);
                self.enclosed(Block::Group { step }, body);
            }
            Statement::Retry(retry) => self.retry(retry),
            Statement::Attempt(body) => self.enclosed(Block::Attempt, body),
            Statement::Parallel(body) => self.enclosed(Block::Parallel, body),
            Statement::Stop { user } => self.stop(*user),
            Statement::Fail { why, span } => {
                let point = self.statement_point(*span, "");
                self.tables.ops.push(Op::Fail { why: self.lower.optional(why.as_ref()), point });
            }
            Statement::Log { text, span } => {
                let point = self.statement_point(*span, "");
                self.tables.ops.push(Op::Log { text: self.lower.expr(text), point });
            }
            Statement::Measure(measure) => {
                let measure = self.measure(measure);
                self.tables.ops.push(Op::Measure(measure));
            }
            Statement::If { branches, otherwise } => self.branch(branches, otherwise),
            Statement::Sequence(statements) => self.statements(statements),
            Statement::Let(binding) => {
                let (slot, value, point) = self.user_let(binding);
                self.tables.ops.push(match value {
                    Expr::Take(data) => Op::Take { slot, data, point },
                    value => Op::Let { slot, value, point },
                });
            }
        }
    }

    fn http(&mut self, http: &meaning::Http) {
        let request = self.request(http);
        self.tables.ops.push(Op::Http(Box::new(request)));
    }

    /// The request of a step.
    pub(super) fn request(&mut self, http: &meaning::Http) -> Http {
        let step = self.step(http.step);
        let parts = self.parts(&http.parts, step);
        let body = match &http.body {
            meaning::Body::None => Body::None,
            meaning::Body::Json(value) => Body::Json(self.lower.expr(value)),
            meaning::Body::Form(fields) => Body::Form(self.lower.fields(fields)),
            meaning::Body::Multipart(fields) => {
                let field = |(name, value): &(String, meaning::Expr)| {
                    let field = upload(value).map_or_else(|| Field::Value(self.lower.expr(value)), Field::File);
                    (name.clone(), field)
                };
                Body::Multipart(fields.iter().map(field).collect())
            }
            meaning::Body::Text(value) => upload(value).map_or_else(|| Body::Text(self.lower.expr(value)), Body::File),
        };
        let named = |(name, value): &(crate::base::Spanned<String>, _)| (name.value.clone(), self.lower.expr(value));
        let is_said = |(_, value): &(String, Expr)| !matches!(value, Expr::Literal(Value::Null));
        Http {
            step,
            method: http.method.clone(),
            target: TargetId(http.target as u32),
            path: self.lower.path(&http.path),
            headers: http.headers.iter().map(named).filter(is_said).collect(),
            query: self.lower.fields(&http.query),
            cookies: http.cookies.iter().map(named).filter(is_said).collect(),
            body,
            timeout: http.timeout,
            redirects: http.redirects,
            looks_at: looks_at(&parts),
            parts,
        }
    }

    /// Each branch is skipped `Unless` its condition holds, and ends with a `Jump` behind the whole: but for the last
    /// one, from which that would be no way at all. [`crate::plan::outline`] relies on this shape.
    fn branch(&mut self, branches: &[(meaning::Expr, Vec<Statement>)], otherwise: &[Statement]) {
        let mut jumps = Vec::new();
        for (number, (condition, body)) in branches.iter().enumerate() {
            let point = self.statement_point(condition.span, if number == 0 { "if " } else { "else if " });
            let head = self.here();
            self.tables.ops.push(Op::Unless { condition: self.lower.expr(condition), to: head, point });
            self.statements(body);
            if number + 1 < branches.len() || !otherwise.is_empty() {
                jumps.push(self.here());
                self.tables.ops.push(Op::Jump { to: head });
            }
            let behind = self.here();
            if let Op::Unless { to, .. } = &mut self.tables.ops[head.0 as usize] {
                *to = behind;
            }
        }
        self.statements(otherwise);
        let behind = self.here();
        for jump in jumps {
            self.tables.ops[jump.0 as usize] = Op::Jump { to: behind };
        }
    }

    pub(super) fn parts(&mut self, parts: &[meaning::Part], step: StepId) -> Vec<Part> {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            lowered.push(match part {
                meaning::Part::Expect { condition, otherwise, span } => Part::Expect {
                    condition: self.lower.expr(condition),
                    otherwise: self.lower.optional(otherwise.as_ref()),
                    point: self.point(*span, Some(step), PointKind::Expect, ""),
                },
                meaning::Part::Check { condition, span } => Part::Check {
                    condition: self.lower.expr(condition),
                    point: self.point(*span, Some(step), PointKind::Check, ""),
                },
                meaning::Part::Capture { variable, value, default, span } => Part::Capture {
                    slot: self.lower.variables.slot(*variable),
                    value: self.lower.expr(value),
                    default: self.lower.optional(default.as_ref()),
                    point: self.point(*span, Some(step), PointKind::Capture, ""),
                },
                meaning::Part::Measure(measure) => {
                    let point = self.point(measure.span, Some(step), PointKind::Statement, "");
                    Part::Measure(self.measure_at(measure, point))
                }
            });
        }
        lowered
    }

    pub(super) fn spare_slot(&mut self) -> SlotId {
        self.slots += 1;
        SlotId(self.slots - 1)
    }

    /// The source text under a span.
    pub(super) fn text(&self, span: Span) -> &str {
        self.sources.text(span)
    }

    pub(super) fn here(&self) -> OpId {
        OpId(self.tables.ops.len() as u32)
    }

    pub(super) fn step(&mut self, step: meaning::Step) -> StepId {
        let id = StepId(self.tables.steps.len() as u32);
        let point = self.point(step.span, Some(id), PointKind::Step, "");
        // The statement begins with its head, label included; its block may follow.
        let docs = self.docs.iter().find(|(statement, _)| statement.at_start() == step.span.at_start());
        let doc = docs.map(|(_, doc)| doc.clone());
        self.tables.steps.push(Step { series: step.series, point, doc });
        id
    }

    pub(super) fn statement_point(&mut self, span: Span, keyword: &str) -> PointId {
        self.point(span, None, PointKind::Statement, keyword)
    }

    /// Where a pause stands; `None`: it is none.
    pub(super) fn delay_point(&mut self, delay: &meaning::Delay, keyword: &str) -> Option<PointId> {
        Some(match delay {
            meaning::Delay::None => return None,
            meaning::Delay::Fixed(length) => self.statement_point(length.span, &format!("{keyword} ")),
            meaning::Delay::Range(least, most) => {
                self.statement_point(least.span.to(most.span), &format!("{keyword} "))
            }
            meaning::Delay::Exponential(mean) => {
                let point = self.statement_point(mean.span, &format!("{keyword} exponential("));
                self.tables.points[point.0 as usize].text.push(')');
                point
            }
        })
    }

    /// A place; `keyword` is what stands before the span and belongs to the words.
    fn point(&mut self, span: Span, step: Option<StepId>, kind: PointKind, keyword: &str) -> PointId {
        let text = format!("{keyword}{}", fold_blanks(self.sources.text(span)));
        self.tables.points.push(Point { span, step, kind, text });
        PointId(self.tables.points.len() as u32 - 1)
    }
}

/// Source text on one line: outside of strings, runs of blanks and line ends become one blank and comments go.
pub(super) fn fold_blanks(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut chars = text.trim().chars();
    while let Some(c) = chars.next() {
        let after_blank = folded.is_empty() || folded.ends_with(' ');
        match c {
            '#' if !in_string && after_blank => {
                // Up to the line end, which is a blank that stands there already.
                chars.by_ref().take_while(|c| *c != '\n').for_each(drop);
            }
            c if !in_string && c.is_whitespace() => {
                if !after_blank {
                    folded.push(' ');
                }
            }
            c => {
                folded.push(c);
                in_string ^= c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
            }
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// What of an answer the parts look at. Only an `expect` that mentions the status takes it over.
fn looks_at(parts: &[Part]) -> LooksAt {
    let mut looks_at = LooksAt::default();
    for part in parts {
        let (exprs, expects) = match part {
            Part::Expect { condition, otherwise, .. } => (vec![Some(condition), otherwise.as_ref()], true),
            Part::Check { condition, .. } => (vec![Some(condition)], false),
            Part::Capture { value, default, .. } => (vec![Some(value), default.as_ref()], false),
            Part::Measure(measure) => (vec![Some(&measure.value)], false),
        };
        for (number, expr) in exprs.into_iter().enumerate() {
            let Some(expr) = expr else { continue };
            looks_at.body |= any(expr, &looks_into_body);
            looks_at.digest |= any(expr, &digests_body);
            looks_at.size |= any(expr, &|expr| matches!(expr, Expr::Extract(Extractor::Size)));
            // The words of an `else` may hold `${status}` without judging it.
            looks_at.status |= expects && number == 0 && any(expr, &looks_at_status);
        }
    }
    looks_at
}

fn looks_into_body(expr: &Expr) -> bool {
    match expr {
        Expr::Extract(extractor) => matches!(extractor, Extractor::Body | Extractor::Json(_) | Extractor::Regex(_)),
        Expr::Find(find) => find.of.is_none(),
        _ => false,
    }
}

fn digests_body(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(Function::Sha256, of) if matches!(of.first(), Some(Expr::Extract(Extractor::Body))))
}

fn looks_at_status(expr: &Expr) -> bool {
    matches!(expr, Expr::StatusIs(_) | Expr::Extract(Extractor::Status))
}

/// Whether `test` holds for the expression or one inside it.
pub(super) fn any(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    let inside = |expr: &Expr| any(expr, test);
    test(expr)
        || match expr {
            Expr::Literal(_)
            | Expr::Take(_)
            | Expr::Rows(_)
            | Expr::Slot(_)
            | Expr::Constant(_)
            | Expr::Setup(_)
            | Expr::UserId
            | Expr::UserIteration
            | Expr::RunId
            | Expr::Extract(_)
            | Expr::StatusIs(_) => false,
            Expr::Text(Template { pieces }) => {
                pieces.iter().any(|piece| matches!(piece, Piece::Value(value) if inside(value)))
            }
            Expr::Secret(of) => inside(of),
            Expr::Find(find) => find.of.as_ref().is_some_and(inside),
            Expr::Call(_, exprs) | Expr::List(exprs) => exprs.iter().any(inside),
            Expr::Object(members) => members.iter().any(|(_, value)| inside(value)),
            Expr::Member(of, _) | Expr::Not(of) | Expr::Negate(of) | Expr::Presence(of, _) | Expr::Matches(of, _) => {
                inside(of)
            }
            Expr::Index(left, right) | Expr::Binary(left, _, right) => inside(left) || inside(right),
        }
}

/// The file that this is, where it is read while it is sent.
fn upload(value: &meaning::Expr) -> Option<Upload> {
    let ExprKind::File(file) = &value.kind else { return None };
    let Content::OnDisk { path, size } = &file.content else { return None };
    let (name, media_type) = (file.name.clone(), file.media_type.clone());
    Some(Upload { path: path.clone(), name, media_type, size: *size })
}

#[cfg(test)]
mod tests {
    use super::fold_blanks;

    #[test]
    fn source_text_is_put_on_one_line() {
        for (text, folded) in [
            ("expect   status\t200", "expect status 200"),
            ("json {\n  # words\n  a: 1, # one\n\n  b: 2\n}", "json { a: 1, b: 2 }"),
            (r#"send text "two  blanks \"  # no comment""#, r#"send text "two  blanks \"  # no comment""#),
            ("regex /[/#]a/", "regex /[/#]a/"),
        ] {
            assert_eq!(fold_blanks(text), folded);
        }
    }
}
