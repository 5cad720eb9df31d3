//! Conditions that say nothing, or that no answer can meet. Simple cases only: what an author plainly did not mean.

use super::checker::Checker;
use super::constants::Constant;
use super::functions::Signature;
use super::meaning::{Expr, ExprKind, Extractor, Function, Operator, Part, Piece, StatusPattern};
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};

/// Statuses that an answer can have: 100 to 599.
const STATUSES: std::ops::Range<usize> = 100..600;

impl Checker<'_> {
    /// Complains about a condition that is the same whatever happens.
    pub fn condition_says_something(&mut self, condition: &Expr) {
        let always = match self.constant(condition) {
            Some(Constant::Bool(truth)) => Some(truth),
            _ => self.compared_with_itself(condition),
        };
        if let Some(truth) = always {
            self.report(constant_condition(condition.span, truth));
        } else if let Some(statuses) = self.statuses(condition) {
            match statuses.iter().filter(|possible| **possible).count() {
                0 => self.report(contradiction(condition.span, None)),
                all if all == STATUSES.len() => self.report(constant_condition(condition.span, true)),
                _ => {}
            }
        } else if let Some((first, second)) = self.different_at_once(condition) {
            self.report(contradiction(second, Some(first)));
        }
    }

    /// Complains where the `expect`s of one step ask for statuses that no answer has together.
    pub fn expectations_agree(&mut self, parts: &[Part]) {
        let mut met: Vec<bool> = vec![true; STATUSES.len()];
        let mut narrowed: Option<Span> = None;
        for part in parts {
            let Part::Expect { condition, .. } = part else { continue };
            let Some(statuses) = self.statuses(condition) else { continue };
            if !statuses.contains(&true) {
                continue; // said already, of this condition alone
            }
            let both: Vec<bool> = met.iter().zip(&statuses).map(|(a, b)| *a && *b).collect();
            if !both.contains(&true) {
                return self.report(contradiction(condition.span, narrowed));
            }
            met = both;
            narrowed = Some(condition.span);
        }
    }

    /// The statuses under which `condition` may hold; `None`: it does not speak of the status.
    fn statuses(&self, condition: &Expr) -> Option<Vec<bool>> {
        let among = |holds: &dyn Fn(usize) -> bool| Some(STATUSES.map(holds).collect());
        match &condition.kind {
            ExprKind::StatusIs(patterns) => among(&|status| {
                patterns.iter().any(|pattern| match *pattern {
                    StatusPattern::Code(code) => usize::from(code) == status,
                    StatusPattern::Class(class) => usize::from(class) == status / 100,
                    StatusPattern::Range(from, to) => (usize::from(from)..=usize::from(to)).contains(&status),
                })
            }),
            ExprKind::Binary(left, Operator::And, right) => match (self.statuses(left), self.statuses(right)) {
                (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| *a && *b).collect()),
                (one, other) => one.or(other),
            },
            ExprKind::Binary(left, Operator::Or, right) => {
                let (a, b) = (self.statuses(left)?, self.statuses(right)?);
                Some(a.iter().zip(&b).map(|(a, b)| *a || *b).collect())
            }
            ExprKind::Binary(left, operator, right) if matches!(left.kind, ExprKind::Extract(Extractor::Status)) => {
                let Some(Constant::Number(code)) = self.constant(right) else { return None };
                let holds: fn(f64, f64) -> bool = match operator {
                    Operator::Equal => |a, b| a == b,
                    Operator::NotEqual => |a, b| a != b,
                    Operator::Less => |a, b| a < b,
                    Operator::LessEqual => |a, b| a <= b,
                    Operator::Greater => |a, b| a > b,
                    Operator::GreaterEqual => |a, b| a >= b,
                    _ => return None,
                };
                among(&|status| holds(status as f64, code))
            }
            _ => None,
        }
    }

    /// Whether both sides of a comparison are the same words, and what comes of that.
    fn compared_with_itself(&self, condition: &Expr) -> Option<bool> {
        let ExprKind::Binary(left, operator, right) = &condition.kind else { return None };
        if !self.is_steady(left) || self.folded(left.span) != self.folded(right.span) {
            return None;
        }
        match operator {
            Operator::Equal | Operator::LessEqual | Operator::GreaterEqual => Some(true),
            Operator::NotEqual | Operator::Less | Operator::Greater => Some(false),
            _ => None,
        }
    }

    /// Two places in an `and` where the same thing is said to equal two different constants.
    fn different_at_once(&self, condition: &Expr) -> Option<(Span, Span)> {
        let mut said: Vec<(String, Constant, Span)> = Vec::new();
        let mut pending = vec![condition];
        while let Some(part) = pending.pop() {
            match &part.kind {
                ExprKind::Binary(left, Operator::And, right) => pending.extend([&**right, &**left]),
                ExprKind::Binary(left, Operator::Equal, right) if self.is_steady(left) => {
                    let Some(constant) = self.constant(right) else { continue };
                    let subject = self.folded(left.span);
                    if let Some((_, _, first)) =
                        said.iter().find(|(known, other, _)| *known == subject && *other != constant)
                    {
                        return Some((*first, part.span));
                    }
                    said.push((subject, constant, part.span));
                }
                ExprKind::Presence(of, exists) if self.is_steady(of) => {
                    let (subject, constant) = (format!("{} exists", self.folded(of.span)), Constant::Bool(*exists));
                    if let Some((_, _, first)) =
                        said.iter().find(|(known, other, _)| *known == subject && *other != constant)
                    {
                        return Some((*first, part.span));
                    }
                    said.push((subject, constant, part.span));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether it is the same each time it is evaluated in one place.
    fn is_steady(&self, expr: &Expr) -> bool {
        let mut steady = true;
        each(expr, &mut |part| {
            steady &= match &part.kind {
                ExprKind::Call(function, _) => {
                    matches!(function, Function::Env | Function::Secret) || Signature::of(*function).steady
                }
                ExprKind::Bad => false,
                _ => true,
            }
        });
        steady
    }
}

/// Visits an expression and everything inside it.
pub fn each(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    match &expr.kind {
        ExprKind::Text(template) => {
            for piece in &template.pieces {
                if let Piece::Value(value) = piece {
                    each(value, visit);
                }
            }
        }
        ExprKind::Call(_, items) | ExprKind::List(items) => items.iter().for_each(|item| each(item, visit)),
        ExprKind::Object(fields) => fields.iter().for_each(|(_, value)| each(value, visit)),
        ExprKind::Member(value, _)
        | ExprKind::Not(value)
        | ExprKind::Negate(value)
        | ExprKind::Presence(value, _)
        | ExprKind::Matches(value, _)
        | ExprKind::Find { of: Some(value), .. } => each(value, visit),
        ExprKind::Index(left, right) | ExprKind::Binary(left, _, right) => {
            each(left, visit);
            each(right, visit);
        }
        _ => {}
    }
}

/// `constant-condition`: it holds always, or never.
fn constant_condition(span: Span, truth: bool) -> Diagnostic {
    let word = if truth { "always" } else { "never" };
    Diagnostic::new(Rule::ConstantCondition, span, format!("this condition {word} holds"))
        .help("compare with something that the answer or an earlier step gives, or remove it")
}

/// `contradiction`: what is asked for cannot be true together.
fn contradiction(span: Span, with: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Rule::Contradiction, span, "no answer can meet this");
    match with {
        Some(first) => diagnostic
            .label("asks for something else")
            .also(first, "than this does")
            .help("for one of several, write `status 200, 404`, or join the conditions with `or`"),
        None => diagnostic.help("for one of several, write `status 200, 404`, or join the conditions with `or`"),
    }
}
