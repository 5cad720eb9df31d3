//! A plan in words: the text of `scn plan`.

use std::fmt::Write as _;

use super::expr::{Expr, Function};
use super::outline::{Node, outline};
use super::reach::{Most, reach, task_share};
use super::{
    Block, Measure, MeasureUnit, Op, OpId, Part, Plan, PointId, SeriesKind, StepId, Subject, Threshold, UserId, When,
};
use crate::base::Share;
use crate::base::units::duration_text;

/// What will be done, for a person to read: the load, the users with their tasks and steps, the rows of the report,
/// the thresholds, and the most requests a second that pauses allow. Ends with a line end.
pub fn describe(plan: &Plan) -> String {
    let mut text = Text { plan, out: String::new() };
    text.head();
    text.once("setup", |user| user.on_start);
    let there = |index: &usize| !plan.users[*index].tasks.is_empty();
    for index in (0..plan.classes().len()).filter(there) {
        text.user(UserId(index as u32));
    }
    text.once("teardown", |user| user.on_stop);
    text.rows();
    text.thresholds();
    text.reach();
    text.out
}

struct Text<'a> {
    plan: &'a Plan,
    out: String,
}

impl Text<'_> {
    /// One line, so many levels in.
    fn line(&mut self, depth: usize, words: &str) {
        // Writing into a `String` cannot fail.
        let _ = writeln!(self.out, "{:1$}{words}", "", depth * 2);
    }

    fn head(&mut self) {
        let (plan, load) = (self.plan, &self.plan.load);
        self.line(0, &format!("scenario  {}", plan.scenario));
        for target in &plan.targets {
            let name = target.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            self.line(0, &format!("target    {name}{}", target.text));
            for setting in &target.settings {
                self.line(0, &format!("          {setting}"));
            }
        }
        let grace = duration_text(load.graceful_stop);
        self.line(0, &format!("profile   {}: {}", load.profile, load.text()));
        self.line(0, &format!("          at the end up to {grace} for iterations that still run"));
        for data in &plan.data {
            self.line(0, &format!("data      {}", data.text()));
        }
        let secrets = plan.constants.iter().filter_map(|constant| match constant {
            Expr::Call(Function::Secret, name) => match name.as_slice() {
                [Expr::Literal(name)] => Some(name.text().into_owned()),
                _ => None,
            },
            _ => None,
        });
        let secrets: Vec<String> = secrets.collect();
        if !secrets.is_empty() {
            self.line(0, &format!("secrets   {}", secrets.join(", ")));
        }
    }

    fn user(&mut self, id: UserId) {
        let plan = self.plan;
        let user = &plan.users[id.0 as usize];
        let count = plan.user_counts()[id.0 as usize];
        let think = &plan.points[user.think_point.0 as usize].text;
        let mut think = if think.starts_with("think ") { think.clone() } else { "no think time".to_owned() };
        if let Some((_, point)) = &user.pace {
            think = plan.points[point.0 as usize].text.clone();
        }
        if user.session_per_iteration {
            think += ", session per iteration";
        }
        let share = percent(user.share);
        self.out.push('\n');
        self.line(0, &format!("user {}: {share}, {}, {think}", user.name, counted(f64::from(count), "user")));
        self.doc(1, user.doc.as_deref());
        for (_, _, point) in &user.lets {
            self.point(1, *point);
        }
        self.block("on start", user.on_start);
        for id in &user.tasks {
            let task = &plan.tasks[id.0 as usize];
            let (share, weight) = (percent(task_share(plan, *id)), shown(task.weight));
            match user.pass {
                Some(_) => self.line(1, &format!("task {}, in order", task.name)),
                None => self.line(1, &format!("task {}: {share} of its iterations (weight {weight})", task.name)),
            }
            self.doc(2, task.doc.as_deref());
            self.nodes(2, &outline(plan, task.start));
        }
        self.block("on stop", user.on_stop);
    }

    /// `setup` or `teardown`, where there is one.
    fn once(&mut self, name: &str, start: impl Fn(&crate::plan::User) -> Option<OpId>) {
        let once = self.plan.once.map(|once| &self.plan.users[once.0 as usize]);
        if let Some(start) = once.and_then(start) {
            self.out.push('\n');
            self.line(0, name);
            self.nodes(1, &outline(self.plan, start));
        }
    }

    fn doc(&mut self, depth: usize, doc: Option<&str>) {
        for line in doc.into_iter().flat_map(str::lines) {
            self.line(depth, format!("# {}", line.trim()).trim_end());
        }
    }

    fn block(&mut self, name: &str, start: Option<OpId>) {
        if let Some(start) = start {
            self.line(1, name);
            self.nodes(2, &outline(self.plan, start));
        }
    }

    fn nodes(&mut self, depth: usize, nodes: &[Node<'_>]) {
        for node in nodes {
            match node {
                Node::Single(op) => self.single(depth, op),
                Node::Repeat { point, body, .. } => {
                    self.point(depth, *point);
                    self.nodes(depth + 1, body);
                }
                Node::Loop { op, point, body } => {
                    let head = &self.plan.points[point.0 as usize].text;
                    match op {
                        Op::For { most, .. } => self.line(depth, &format!("{head} limit {most}")),
                        _ => self.line(depth, head),
                    }
                    self.nodes(depth + 1, body);
                }
                Node::Choose { branches } => {
                    self.line(depth, "choose");
                    for (share, body) in branches {
                        self.line(depth + 1, &Share(*share).to_string());
                        self.nodes(depth + 2, body);
                    }
                }
                Node::Block { block, body } => {
                    match block {
                        Block::Attempt => self.line(depth, "attempt"),
                        Block::Parallel => self.line(depth, "parallel"),
                        Block::Retry { pause: Some((_, pause)), point, .. } => {
                            let texts = [point, pause].map(|point| self.plan.points[point.0 as usize].text.as_str());
                            self.line(depth, &texts.join(" "));
                        }
                        Block::Retry { point, .. } => self.point(depth, *point),
                        Block::Group { step } => self.step(depth, *step),
                    }
                    self.nodes(depth + 1, body);
                }
                Node::If { branches, otherwise } => {
                    for (point, body) in branches {
                        self.point(depth, *point);
                        self.nodes(depth + 1, body);
                    }
                    if !otherwise.is_empty() {
                        self.line(depth, "else");
                        self.nodes(depth + 1, otherwise);
                    }
                }
                Node::Events { events, body } => {
                    self.step(depth, events.step);
                    self.parts(depth + 1, &events.request.parts);
                    self.nodes(depth + 1, body);
                }
                Node::With { point, body } | Node::Standing { point, body } => {
                    self.point(depth, *point);
                    self.nodes(depth + 1, body);
                }
                Node::Open { body } => {
                    let (connect, body) = body.split_at(body.len().min(1));
                    self.nodes(depth, connect);
                    self.nodes(depth + 1, body);
                }
                Node::Socket { connect, body, .. } => {
                    self.step(depth, connect.step);
                    self.nodes(depth + 1, body);
                }
            }
        }
    }

    fn single(&mut self, depth: usize, op: &Op) {
        let none: &[Part] = &[];
        let (step, parts) = match op {
            Op::Http(http) => (http.step, http.parts.as_slice()),
            Op::Send(send) => (send.step, none),
            Op::Receive(receive) => (receive.step, receive.parts.as_slice()),
            Op::Call(call) => (call.step, call.parts.as_slice()),
            Op::Close(close) => (close.step, none),
            Op::ReceiveClose(close) => (close.step, none),
            Op::ReceiveAll(all) => {
                self.point(depth, all.point);
                for expected in &all.expected {
                    self.step(depth + 1, expected.step);
                    self.parts(depth + 2, &expected.parts);
                }
                return;
            }
            Op::Pause { point, .. }
            | Op::Let { point, .. }
            | Op::Take { point, .. }
            | Op::Fail { point, .. }
            | Op::Log { point, .. }
            | Op::Unless { point, .. }
            | Op::When { point, .. } => return self.point(depth, *point),
            Op::Measure(measure) => return self.point(depth, measure.point),
            Op::Stop { user } => return self.line(depth, if *user { "stop user" } else { "stop iteration" }),
            // The outline has made blocks of these.
            Op::Connect(connect) => (connect.step, none),
            // Said where the socket is opened.
            Op::Reopen { .. } => return,
            Op::Events(_)
            | Op::With { .. }
            | Op::LeaveEvents { .. }
            | Op::OnReceive(_)
            | Op::Every(_)
            | Op::Open { .. }
            | Op::Jump { .. }
            | Op::Loop { .. }
            | Op::Again { .. }
            | Op::LoopFor { .. }
            | Op::AgainFor { .. }
            | Op::For { .. }
            | Op::Next { .. }
            | Op::Choose { .. }
            | Op::Enter { .. }
            | Op::Leave
            | Op::End => return,
        };
        self.step(depth, step);
        self.parts(depth + 1, parts);
    }

    fn parts(&mut self, depth: usize, parts: &[Part]) {
        for part in parts {
            let (Part::Expect { point, .. }
            | Part::Check { point, .. }
            | Part::Capture { point, .. }
            | Part::Measure(Measure { point, .. })) = part;
            self.point(depth, *point);
        }
    }

    fn step(&mut self, depth: usize, step: StepId) {
        let step = &self.plan.steps[step.0 as usize];
        self.doc(depth, step.doc.as_deref());
        self.point(depth, step.point);
    }

    fn point(&mut self, depth: usize, point: PointId) {
        self.line(depth, &self.plan.points[point.0 as usize].text);
    }

    fn rows(&mut self) {
        let plan = self.plan;
        self.out.push('\n');
        self.line(0, "rows of the report");
        let cells = plan.series.iter().filter(|row| !plan.is_left_out(row)).map(|row| {
            let user = &plan.users[row.user.0 as usize].name;
            let task = if user.is_empty() { row.task_name.clone() } else { format!("{user}.{}", row.task_name) };
            [task, row.name.clone(), timed(row.kind, &row.method)]
        });
        self.table(&cells.collect::<Vec<_>>());
    }

    fn thresholds(&mut self) {
        self.out.push('\n');
        if self.plan.thresholds.is_empty() {
            return self.line(0, "no thresholds: only the run itself is judged");
        }
        self.line(0, "thresholds");
        let texts = self.plan.thresholds.iter().map(|threshold| threshold.text.chars().count());
        let width = texts.max().unwrap_or(0);
        for threshold in &self.plan.thresholds {
            let said = format!("{:width$}  {}", threshold.text, judged(self.plan, threshold));
            self.line(1, said.trim_end());
        }
    }

    fn reach(&mut self) {
        let plan = self.plan;
        self.out.push('\n');
        self.line(0, "most requests a second, if answers took no time");
        let mut cells = Vec::new();
        let mut sum = Some(0.0);
        for (index, user) in plan.classes().iter().enumerate().filter(|(_, user)| !user.tasks.is_empty()) {
            let reach = reach(plan, UserId(index as u32));
            let why = match (reach.most, reach.requests, reach.pauses) {
                (Most::Rate(_), Some(requests), Some(pauses)) if reach.users > 0 && !pauses.is_zero() => {
                    let users = counted(f64::from(reach.users), "user");
                    format!("{users} × {} ÷ {}", counted(requests, "request"), duration_text(rounded(pauses)))
                }
                (Most::Rate(_), ..) => "nobody asks for anything".into(),
                (Most::Unbounded, ..) => "no pause holds it back".into(),
                (Most::Unknown, ..) => "a count or a pause is computed during the run".into(),
            };
            let most = match reach.most {
                Most::Rate(rate) => format!("{}/s", shown(rate)),
                Most::Unbounded => "unbounded".into(),
                Most::Unknown => "not known".into(),
            };
            sum = sum.and_then(|sum| if let Most::Rate(rate) = reach.most { Some(sum + rate) } else { None });
            cells.push([user.name.clone(), most, why]);
        }
        if let (Some(sum), true) = (sum, cells.len() > 1) {
            cells.push(["together".into(), format!("{}/s", shown(sum)), String::new()]);
        }
        self.table(&cells);
        self.line(1, "counted: HTTP steps, connects, messages sent, each message received, calls, closes;");
        self.line(1, "per user: the mean requests of an iteration ÷ its mean think time and pauses");
    }

    /// Columns under each other, but for the last one.
    fn table(&mut self, rows: &[[String; 3]]) {
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        for [a, b, c] in rows {
            self.line(1, format!("{a:first$}  {b:second$}  {c}").trim_end());
        }
    }
}

/// When a threshold is judged, and of how many rows.
fn judged(plan: &Plan, threshold: &Threshold) -> String {
    let run = plan.load.measured();
    let when = match threshold.when {
        When::AtEnd => String::new(),
        When::Windows(length) => {
            let windows = run.as_nanos() / length.as_nanos().max(1);
            format!("in each of {} of {}", counted(windows as f64, "window"), duration_text(length))
        }
        When::Abort(None) => "each second, over all so far; ends the run".to_owned(),
        When::Abort(Some(length)) => {
            let length = duration_text(length);
            format!("each second from {length} on, over the last {length}; ends the run")
        }
    };
    let whose = match &threshold.subject {
        Subject::Each(rows) => format!("{}, each on its own", counted(rows.len() as f64, "step")),
        Subject::Series(rows) if rows.len() > 1 => format!("{} pooled", counted(rows.len() as f64, "row")),
        _ => String::new(),
    };
    [when, whose].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What the times of a row are.
fn timed(kind: SeriesKind, method: &str) -> String {
    let words = match kind {
        SeriesKind::Http => "request",
        SeriesKind::Connect => "dial and upgrade",
        SeriesKind::Send => "send",
        SeriesKind::Receive => "each message received",
        SeriesKind::Call => "round trip",
        SeriesKind::Close => "closing handshake",
        SeriesKind::Retry => "request that failed and was made again",
        SeriesKind::Group => "whole block, less its pauses",
        SeriesKind::Measure(MeasureUnit::Time) => "measured duration",
        SeriesKind::Measure(MeasureUnit::Number) => "measured number",
    };
    format!("{method} {words}").trim_start().to_owned()
}

/// A number with as many digits as help: three that count, at most two behind the point.
pub(super) fn shown(number: f64) -> String {
    let digits = match number {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 0.01 || n == 0.0 => 2,
        _ => 5,
    };
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn percent(share: f64) -> String {
    Share((share * 1000.0).round() / 1000.0).to_string()
}

fn counted(number: f64, noun: &str) -> String {
    let number = shown(number);
    format!("{number} {noun}{}", if number == "1" { "" } else { "s" })
}

/// To milliseconds, if there are any.
fn rounded(duration: std::time::Duration) -> std::time::Duration {
    match duration.as_micros() {
        0..1000 => duration,
        micros => std::time::Duration::from_millis(((micros + 500) / 1000) as u64),
    }
}
