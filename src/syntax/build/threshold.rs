//! What the run must hold.

use super::item::inner_first;
use super::{Builder, G, P};
use crate::base::{Span, Spanned};
use crate::syntax::ast::{BinaryOperator, ExprKind, Subject, Threshold, ThresholdItem, Thresholds};

impl<'t> Builder<'t> {
    pub(super) fn thresholds(&mut self, span: Span, tail: P<'t>) -> Thresholds {
        let mut items = Vec::new();
        for child in tail.into_inner() {
            if child.as_rule() == G::threshold {
                items.push(self.threshold(child));
            }
        }
        Thresholds { span, items }
    }

    fn threshold(&mut self, pair: P<'t>) -> ThresholdItem {
        let span = self.place(&pair);
        let child = inner_first(pair);
        if child.as_rule() != G::threshold_tail {
            return ThresholdItem::Bad(self.bad_threshold(child));
        }
        let text = child.as_str();
        let (mut metric, mut iteration_time, mut subject, mut operator, mut value) = (None, None, None, None, None);
        let (mut abort, mut over, mut lasting) = (None, None, None);
        for part in child.into_inner() {
            match part.as_rule() {
                G::abort => abort = Some(self.place(&part)),
                G::over => over = Some(self.value(part)),
                G::lasting => lasting = Some(self.value(part)),
                G::metric => metric = Some(self.word(&part)),
                G::iteration_time => iteration_time = Some(self.place(&part)),
                G::subject => subject = self.subject(part),
                G::op_symbol if part.as_str() == "=" => {
                    let place = self.place(&part);
                    self.wrong(place, "a threshold compares with `<`, `<=`, `>` or `>=`").label("not with `=`");
                    return ThresholdItem::Bad(self.bad(span, text));
                }
                G::op_symbol => operator = Some(self.operator(&part)),
                G::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        let (metric, value) = (metric.expect("a threshold has a metric"), value.expect("a threshold has a limit"));
        if let ExprKind::Binary(_, joint, _) = &value.kind
            && matches!(joint.value, BinaryOperator::And | BinaryOperator::Or)
        {
            self.wrong(joint.span, "a threshold is one comparison")
                .help("write each in a line of its own; all must hold");
            return ThresholdItem::Bad(self.bad(span, text));
        }
        let Some(operator) = operator.flatten() else { return ThresholdItem::Bad(self.bad(span, text)) };
        use BinaryOperator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        if operator.value == BinaryOperator::Divide {
            self.wrong(operator.span, "a step without a label is named by method and path, in quotes")
                .help("`p95 of \"GET /users/${id}\" < 300ms`");
            return ThresholdItem::Bad(self.bad(span, text));
        }
        if !matches!(operator.value, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual) {
            self.wrong(operator.span, "a threshold compares").label("`<`, `<=`, `>` or `>=` is due here");
            return ThresholdItem::Bad(self.bad(span, text));
        }
        ThresholdItem::Threshold(Box::new(Threshold {
            span,
            abort,
            metric,
            iteration_time,
            subject,
            operator,
            value,
            over,
            lasting,
        }))
    }

    fn subject(&mut self, pair: P<'t>) -> Option<Subject> {
        let child = pair.into_inner().find(|child| matches!(child.as_rule(), G::every_step | G::dotted | G::text))?;
        if child.as_rule() == G::every_step {
            return Some(Subject::EveryStep(self.place(&child)));
        }
        if child.as_rule() == G::dotted {
            return Some(Subject::Path(child.into_inner().map(|name| self.word(&name)).collect()));
        }
        // The name of a step is a template: its `${…}` is compared as text.
        let written = child.as_str().trim_end();
        let inside = &written[1..written.len() - 1];
        Some(Subject::Text(Spanned::new(inside.replace("\\\"", "\""), self.place(&child))))
    }
}
