//! Standing answers and timers: what happens on a socket beside the dialogue.

use std::time::Duration;

use super::checker::{Answer, Checker};
use super::constants::Constant;
use super::meaning::{Delay, Every, OnReceive, Statement};
use super::receives::{ON_RECEIVE, last_of};
use super::sockets::Socket;
use crate::base::Span;
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

impl Checker<'_> {
    /// `on receive where C keep { … }`
    pub fn on_receive(
        &mut self,
        statement: &ast::Statement,
        clauses: &ast::Clauses,
        keep: Option<Span>,
        body: &ast::Block,
    ) -> Option<Statement> {
        let last = last_of(clauses, None).into_iter().chain(keep).max_by_key(|span| span.end);
        let head = match last {
            Some(last) => self.head(statement, Some(last)),
            None => self.words_before(statement, body),
        };
        let open = self.socket_step("on receive", head);
        ON_RECEIVE.check(self, clauses);
        let condition = self.where_clause(clauses);
        let answer = self.message_answer();
        let body = self.standing(body, "answer", answer);
        let keep = keep.is_some();
        open.then_some(Statement::OnReceive(OnReceive { condition, keep, body, head }))
    }

    /// `every 25s { … }`
    pub fn every(&mut self, statement: &ast::Statement, interval: &ast::Delay, body: &ast::Block) -> Option<Statement> {
        let head = self.words_before(statement, body);
        let open = self.socket_step("every", head);
        let interval = self.delay(interval, "the time of a timer");
        if let Some(span) = self.never_rests(&interval) {
            self.report(no_rest(span));
        }
        let body = self.standing(body, "timer", Answer::None);
        open.then_some(Statement::Every(Every { interval, body, head }))
    }

    /// A statement up to its block.
    fn words_before(&self, statement: &ast::Statement, body: &ast::Block) -> Span {
        let words = Span { end: body.span.start, ..statement.span };
        let blanks = self.sources.text(words).len() - self.sources.text(words).trim_end().len();
        Span { end: words.end - blanks as u32, ..words }
    }

    /// The block of a standing answer or timer. It may run any number of times, or never: nothing that it sets is sure
    /// to be set behind it.
    fn standing(&mut self, body: &ast::Block, what: &'static str, answer: Answer) -> Vec<Statement> {
        self.only_what_may_stand(body, what);
        let before = self.flow.clone();
        let outer = std::mem::replace(&mut self.place.standing, true);
        let nowhere = self.socket().is_none();
        let body = self.looking_into(answer, |checker| match nowhere {
            // Told already: what stands inside has some socket.
            true => {
                let id = checker.new_socket(None);
                checker.on_socket(id, Socket::opened(String::new(), "WS", None), false, body).0
            }
            false => checker.in_block(|checker| checker.statements(body)),
        });
        self.place.standing = outer;
        let after = self.replace_flow(Default::default());
        self.flow = before.join(after);
        body
    }

    fn only_what_may_stand(&mut self, body: &ast::Block, what: &'static str) {
        use ast::StatementKind as Kind;
        for statement in &body.statements {
            match &statement.kind {
                Kind::Send { .. }
                | Kind::Call { .. }
                | Kind::Let { .. }
                | Kind::Set { .. }
                | Kind::Measure { .. }
                | Kind::Log(_)
                | Kind::Fail(_)
                | Kind::Bad(_) => {}
                Kind::If { .. } => {
                    statement.kind.blocks().into_iter().for_each(|body| self.only_what_may_stand(body, what));
                }
                _ => {
                    let head = self.head(statement, None);
                    self.report(misplaced_in_standing(head, what));
                }
            }
        }
    }

    /// Where the interval of a timer is surely nothing.
    fn never_rests(&mut self, interval: &Delay) -> Option<Span> {
        let (Delay::Fixed(most) | Delay::Range(_, most) | Delay::Exponential(most)) = interval else { return None };
        match self.constant(most) {
            Some(Constant::Duration(Duration::ZERO)) => Some(most.span),
            _ => None,
        }
    }
}

/// `misplaced-in-standing`: a statement that would hold up what stands behind it.
fn misplaced_in_standing(head: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Rule::MisplacedInStanding, head, format!("a standing {what} cannot hold this"))
        .help("it holds `send`, `call`, `let`, `set`, `measure`, `if`, `log` and `fail`")
}

/// `empty-range`: a timer that is always due.
fn no_rest(span: Span) -> Diagnostic {
    Diagnostic::new(Rule::EmptyRange, span, "there is no time between one turn of this timer and the next")
        .help("give it some: `every 25s { … }`")
}
