//! Expressions: names become slots, what is constant is folded, patterns and paths are compiled.
//!
//! Never folded: draws, `now`, `counter`, `uuid` and `env`, nor anything that would fail: that is the run's to tell.

use std::collections::HashSet;
use std::sync::Arc;

use regex::Regex;

use crate::check::each;
use crate::check::meaning::{self, Content, ExprKind, Operator, Owner, VarId};
use crate::plan::arithmetic::{arithmetic, negate};
use crate::plan::expr::{Expr, Extractor, Find, Function, JsonPath, Piece, Segment, Template};
use crate::plan::value::File;
use crate::plan::{Delay, Secrets, SlotId, Value, functions};

/// Where each named value is kept.
pub(super) struct Variables {
    places: Vec<Place>,
    /// Where each was declared.
    spans: Vec<crate::base::Span>,
    /// By class: how many slots live as long as the user, and how many there are.
    slots: Vec<(u32, u32)>,
    /// Those of the variables that hold a secret; none as long as that is not known.
    secret: HashSet<VarId>,
    /// The constant of the first variable that `env` must find.
    environment_begins: u32,
}

enum Place {
    Slot(SlotId),
    /// A value of `setup`: a slot there, and for everyone else what lies in it at its end.
    Setup(SlotId),
    /// A constant of the run: its index.
    Constant(u32),
    /// A constant of the run whose value is known already.
    Known(Value),
}

impl Variables {
    /// Slots for every variable: a user's own first, then those of its iterations.
    pub(super) fn new(scenario: &meaning::Scenario) -> Variables {
        let once = scenario.users.len();
        let mut slots = vec![(0, 0); once + 1];
        for variable in &scenario.variables {
            if let Owner::User(user) = variable.owner {
                slots[user].0 += 1;
            }
        }
        let mut next_of_user = vec![0; slots.len()];
        for slots in &mut slots {
            slots.1 = slots.0;
        }
        let places = scenario.variables.iter().enumerate().map(|(index, variable)| match variable.owner {
            Owner::Run => {
                let is_it = |binding: &meaning::Let| binding.variable == VarId(index as u32);
                let constant = scenario.lets.iter().position(is_it);
                let index = constant.expect("a constant of the run has its `let`") + lets_begin(scenario);
                Place::Constant(index as u32)
            }
            Owner::User(user) if user == once => Place::Setup(next(&mut next_of_user[user])),
            Owner::User(user) => Place::Slot(next(&mut next_of_user[user])),
            Owner::Iteration(user) => Place::Slot(next(&mut slots[user].1)),
        });
        let places = places.collect();
        let spans = scenario.variables.iter().map(|variable| variable.name.span).collect();
        let environment_begins = scenario.secrets.len() as u32;
        Variables { places, spans, slots, secret: HashSet::new(), environment_begins }
    }

    /// Lowers the constants of the run: its secrets, then what `env` must find, then its `let`s, then rows that stand in the scenario. `let`s that turn out to be literals stand for
    /// themselves from then on.
    pub(super) fn fold_constants(&mut self, scenario: &meaning::Scenario) -> Vec<Expr> {
        let secret = |name: &str| Expr::Call(Function::Secret, vec![Expr::Literal(Value::from(name))]);
        let variable = |name: &str| Expr::Call(Function::Env, vec![Expr::Literal(Value::from(name))]);
        let mut constants: Vec<Expr> = scenario.secrets.iter().map(|name| secret(&name.value)).collect();
        constants.extend(scenario.environment.iter().map(|name| variable(&name.value)));
        for binding in &scenario.lets {
            let value = Lower { variables: self, in_once: false }.expr(&binding.value);
            if let Expr::Literal(known) = &value {
                self.places[binding.variable.0 as usize] = Place::Known(known.clone());
            }
            constants.push(value);
        }
        // Lists of rows may name `let`s, and no `let` names them.
        let lists = scenario.data.iter().filter_map(|data| match &data.rows {
            meaning::Rows::Inline(list, _) => Some(Lower { variables: self, in_once: false }.expr(list)),
            _ => None,
        });
        constants.extend(lists);
        constants
    }

    /// Notes which variables hold a secret: the constants and slots that `secrets` names.
    pub(super) fn learn(&mut self, scenario: &meaning::Scenario, secrets: &Secrets) {
        let known = scenario.variables.iter().zip(&self.places).enumerate();
        let secret = known.filter(|(_, (variable, place))| match (place, variable.owner) {
            (Place::Constant(index), _) => secrets.constants[*index as usize],
            (Place::Slot(slot) | Place::Setup(slot), Owner::User(class) | Owner::Iteration(class)) => {
                secrets.slots[class].contains(slot)
            }
            _ => false,
        });
        self.secret = secret.map(|(index, _)| VarId(index as u32)).collect();
    }

    /// The slots of each class whose variables the scenario itself calls secret.
    pub(super) fn marked(&self, scenario: &meaning::Scenario) -> Vec<Vec<SlotId>> {
        let mut marked = vec![Vec::new(); scenario.users.len() + usize::from(scenario.once.is_some())];
        for (variable, place) in scenario.variables.iter().zip(&self.places) {
            if let (true, Place::Slot(slot) | Place::Setup(slot), Owner::User(class) | Owner::Iteration(class)) =
                (variable.secret, place, variable.owner)
            {
                marked[class].push(*slot);
            }
        }
        marked
    }

    /// Whether an expression is computed from a secret.
    fn is_secret(&self, expr: &meaning::Expr) -> bool {
        let mut secret = false;
        each(expr, &mut |part| {
            secret |= match &part.kind {
                ExprKind::Secret(_) => true,
                ExprKind::Variable(variable) => self.secret.contains(variable),
                _ => false,
            }
        });
        secret
    }

    /// Where a value was declared.
    pub(super) fn span(&self, variable: VarId) -> crate::base::Span {
        self.spans[variable.0 as usize]
    }

    /// Where a value that is not the run's is kept.
    pub(super) fn slot(&self, variable: VarId) -> SlotId {
        match &self.places[variable.0 as usize] {
            Place::Slot(slot) | Place::Setup(slot) => *slot,
            Place::Constant(_) | Place::Known(_) => panic!("only the top level declares constants of the run"),
        }
    }

    /// How many slots of a class live as long as the user.
    pub(super) fn user_slots(&self, user: usize) -> u32 {
        self.slots[user].0
    }

    /// How many slots the names of a class need.
    pub(super) fn slots_of(&self, user: usize) -> u32 {
        self.slots[user].1
    }
}

/// The constant of the first `let`: before it stand the secrets and what `env` must find.
pub(super) fn lets_begin(scenario: &meaning::Scenario) -> usize {
    scenario.secrets.len() + scenario.environment.len()
}

fn next(counter: &mut u32) -> SlotId {
    *counter += 1;
    SlotId(*counter - 1)
}

/// Lowers expressions.
#[derive(Clone, Copy)]
pub(super) struct Lower<'a> {
    pub(super) variables: &'a Variables,
    /// Whether this is inside of `setup` or `teardown`.
    pub(super) in_once: bool,
}

impl Lower<'_> {
    /// One expression, folded as far as it is constant.
    pub(super) fn expr(self, expr: &meaning::Expr) -> Expr {
        match &expr.kind {
            ExprKind::Null => Expr::Literal(Value::Null),
            ExprKind::Bool(truth) => Expr::Literal(Value::Bool(*truth)),
            ExprKind::Number(number) => Expr::Literal(Value::Number(*number)),
            ExprKind::Duration(duration) => Expr::Literal(Value::Duration(*duration)),
            ExprKind::Rate(rate) => Expr::Literal(Value::Rate(*rate)),
            ExprKind::Share(share) => Expr::Literal(Value::Share(*share)),
            ExprKind::Size(size) => Expr::Literal(Value::Size(*size)),
            ExprKind::Text(template) => text(self.template(template)),
            ExprKind::Variable(variable) => match &self.variables.places[variable.0 as usize] {
                Place::Slot(slot) => Expr::Slot(*slot),
                Place::Setup(slot) if self.in_once => Expr::Slot(*slot),
                Place::Setup(slot) => Expr::Setup(*slot),
                Place::Constant(index) => Expr::Constant(*index),
                Place::Known(value) => Expr::Literal(value.clone()),
            },
            ExprKind::Secret(index) => Expr::Constant(*index),
            ExprKind::Env(index) => Expr::Constant(self.variables.environment_begins + index),
            ExprKind::Take(data) => Expr::Take(*data),
            ExprKind::Rows(data) => Expr::Rows(*data),
            ExprKind::UserId => Expr::UserId,
            ExprKind::UserIteration => Expr::UserIteration,
            ExprKind::RunId => Expr::RunId,
            ExprKind::Call(function, arguments) => {
                let call = called(*function, self.exprs(arguments));
                let made = functions::is_steady(*function) && !matches!(call, Expr::Literal(_));
                match made && self.variables.is_secret(expr) {
                    true => Expr::Secret(Box::new(call)),
                    false => call,
                }
            }
            ExprKind::List(items) => list(self.exprs(items)),
            ExprKind::Object(members) => {
                object(members.iter().map(|(key, value)| (key.clone(), self.expr(value))).collect())
            }
            ExprKind::Member(of, key) => {
                let of = self.expr(of);
                match literal(&of).and_then(|value| value.member(key)) {
                    Some(value) => Expr::Literal(value),
                    None => Expr::Member(Box::new(of), key.clone()),
                }
            }
            ExprKind::Index(of, index) => Expr::Index(self.boxed(of), self.boxed(index)),
            ExprKind::Not(of) => {
                let of = self.expr(of);
                match literal(&of).and_then(Value::truth) {
                    Some(truth) => Expr::Literal(Value::Bool(!truth)),
                    None => Expr::Not(Box::new(of)),
                }
            }
            ExprKind::Negate(of) => {
                let of = self.expr(of);
                match literal(&of).and_then(|value| negate(value).ok()) {
                    Some(value) => Expr::Literal(value),
                    None => Expr::Negate(Box::new(of)),
                }
            }
            ExprKind::Binary(left, operator, right) => self.binary(left, *operator, right),
            ExprKind::Presence(of, exists) => Expr::Presence(self.boxed(of), *exists),
            ExprKind::Extract(extractor) => Expr::Extract(lower_extractor(extractor)),
            ExprKind::Find { extractor, all, of } => {
                let of = self.optional(of.as_deref());
                Expr::Find(Box::new(Find { extractor: lower_extractor(extractor), all: *all, of }))
            }
            ExprKind::File(file) => match &file.content {
                Content::Read(bytes) => Expr::Literal(Value::File(Arc::new(File {
                    name: file.name.clone(),
                    media_type: file.media_type.clone(),
                    content: Value::from_bytes(bytes.to_vec()),
                }))),
                Content::OnDisk { .. } => panic!("a file stays on disk only where it is sent as it is"),
            },
            ExprKind::StatusIs(patterns) => Expr::StatusIs(patterns.clone()),
            ExprKind::Matches(of, pattern) => Expr::Matches(self.boxed(of), regex(pattern)),
            ExprKind::Bad => panic!("a sound scenario has no holes"),
        }
    }

    fn binary(self, left: &meaning::Expr, operator: Operator, right: &meaning::Expr) -> Expr {
        let (left, right) = (self.expr(left), self.expr(right));
        let is_arithmetic = matches!(
            operator,
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder
        );
        if let (true, Expr::Literal(a), Expr::Literal(b)) = (is_arithmetic, &left, &right)
            && let Ok(value) = arithmetic(a, operator, b)
        {
            return Expr::Literal(value);
        }
        Expr::Binary(Box::new(left), operator, Box::new(right))
    }

    fn boxed(self, expr: &meaning::Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn exprs(self, exprs: &[meaning::Expr]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// An expression that may be left out.
    pub(super) fn optional(self, expr: Option<&meaning::Expr>) -> Option<Expr> {
        expr.map(|expr| self.expr(expr))
    }

    /// Text with values in it, neighbouring literals joined.
    pub(super) fn template(self, template: &meaning::Template) -> Template {
        let mut pieces = Vec::new();
        for piece in &template.pieces {
            match piece {
                meaning::Piece::Literal(text) => append(&mut pieces, text),
                meaning::Piece::Value(expr) => match self.expr(expr) {
                    Expr::Literal(value) => append(&mut pieces, &value.text()),
                    value => pieces.push(Piece::Value(value)),
                },
            }
        }
        Template { pieces }
    }

    /// The template of a path. Its values stay values even where they are known: they are percent-encoded, or the
    /// whole URL, and only who sends it can tell which.
    pub(super) fn path(self, template: &meaning::Template) -> Template {
        let pieces = template.pieces.iter().map(|piece| match piece {
            meaning::Piece::Literal(text) => Piece::Literal(text.clone()),
            meaning::Piece::Value(expr) => Piece::Value(self.expr(expr)),
        });
        Template { pieces: pieces.collect() }
    }

    /// Keys with their values: a query, a form.
    pub(super) fn fields(self, fields: &[(String, meaning::Expr)]) -> Vec<(String, Expr)> {
        fields.iter().map(|(key, value)| (key.clone(), self.expr(value))).collect()
    }

    /// How long a pause is.
    pub(super) fn delay(self, delay: &meaning::Delay) -> Delay {
        match delay {
            meaning::Delay::None => Delay::None,
            meaning::Delay::Fixed(length) => Delay::Fixed(self.expr(length)),
            meaning::Delay::Range(least, most) => Delay::Range(self.expr(least), self.expr(most)),
            meaning::Delay::Exponential(mean) => Delay::Exponential(self.expr(mean)),
        }
    }
}

fn literal(expr: &Expr) -> Option<&Value> {
    match expr {
        Expr::Literal(value) => Some(value),
        _ => None,
    }
}

fn append(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

fn text(template: Template) -> Expr {
    match template.pieces.as_slice() {
        [] => Expr::Literal(Value::from("")),
        [Piece::Literal(text)] => Expr::Literal(Value::from(text.as_str())),
        _ => Expr::Text(template),
    }
}

fn list(items: Vec<Expr>) -> Expr {
    match items.iter().map(|item| literal(item).cloned()).collect::<Option<Vec<Value>>>() {
        Some(values) => Expr::Literal(values.into()),
        None => Expr::List(items),
    }
}

fn object(members: Vec<(String, Expr)>) -> Expr {
    let known = |(key, value): &(String, Expr)| Some((key.clone(), literal(value)?.to_json()));
    match members.iter().map(known).collect::<Option<serde_json::Map<_, _>>>() {
        Some(map) => Expr::Literal(Value::Json(Arc::new(serde_json::Value::Object(map)))),
        None => Expr::Object(members),
    }
}

fn called(function: Function, arguments: Vec<Expr>) -> Expr {
    if functions::is_steady(function)
        && let Some(values) = arguments.iter().map(|value| literal(value).cloned()).collect::<Option<Vec<Value>>>()
        && let Ok(Some(value)) = functions::call(function, &values)
    {
        return Expr::Literal(value);
    }
    Expr::Call(function, arguments)
}

fn lower_extractor(extractor: &meaning::Extractor) -> Extractor {
    match extractor {
        meaning::Extractor::Status => Extractor::Status,
        meaning::Extractor::Header(name) => Extractor::Header(name.to_lowercase()),
        meaning::Extractor::Cookie(name) => Extractor::Cookie(name.clone()),
        meaning::Extractor::Body => Extractor::Body,
        meaning::Extractor::Json(path) => Extractor::Json(json_path(path)),
        meaning::Extractor::Regex(pattern) => Extractor::Regex(regex(pattern)),
        meaning::Extractor::Size => Extractor::Size,
        meaning::Extractor::Url => Extractor::Url,
        meaning::Extractor::Time => Extractor::Time,
        meaning::Extractor::Event => Extractor::Event,
    }
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("`check` has compiled each pattern")
}

fn json_path(path: &str) -> JsonPath {
    match simple_path(path) {
        Some(segments) => JsonPath::Simple(segments),
        None => JsonPath::Query(serde_json_path::JsonPath::parse(path).expect("`check` has parsed each path")),
    }
}

/// The segments of a path of names and indices alone; `None`: it is more than that.
fn simple_path(path: &str) -> Option<Vec<Segment>> {
    let mut rest = path.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii();
            let length = after.find(|c| !is_name(c)).unwrap_or(after.len());
            if length == 0 || after.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            segments.push(Segment::Name(after[..length].to_owned()));
            rest = &after[length..];
            continue;
        }
        let inside = rest.strip_prefix('[')?.trim_ascii_start();
        let after = match inside.chars().next()? {
            quote @ ('\'' | '"') => {
                let (name, after) = inside[1..].split_once(quote)?;
                // Escapes are left to the full implementation.
                if name.contains('\\') {
                    return None;
                }
                segments.push(Segment::Name(name.to_owned()));
                after
            }
            _ => {
                let length = inside.find(|c: char| !c.is_ascii_digit())?;
                segments.push(Segment::Index(inside[..length].parse().ok()?));
                &inside[length..]
            }
        };
        rest = after.trim_ascii_start().strip_prefix(']')?;
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_names_and_indices_are_simple() {
        let name = |name: &str| Segment::Name(name.into());
        for (path, segments) in [
            ("$", vec![]),
            ("$.samples", vec![name("samples")]),
            ("$.a.b_2[0]", vec![name("a"), name("b_2"), Segment::Index(0)]),
            ("$['user-id'][ \"x y\" ]", vec![name("user-id"), name("x y")]),
            ("$.größe", vec![name("größe")]),
        ] {
            assert_eq!(simple_path(path), Some(segments), "{path}");
        }
    }

    #[test]
    fn everything_else_is_a_query() {
        for path in ["$..a", "$.a[*]", "$.a[-1]", "$[0:2]", "$['a','b']", "$.a[?@.x == 1]", r"$['a\'b']", "$.*"] {
            assert_eq!(simple_path(path), None, "{path}");
            assert!(matches!(json_path(path), JsonPath::Query(_)), "{path}");
        }
    }
}
