//! Streams of server-sent events: `events POST /path { json …; receive … }`.

use super::checker::{Answer, Checker};
use super::http::PartsOf;
use super::meaning::{Events, SeriesKind, Statement};
use super::sockets::Socket;
use crate::base::{Span, Spanned};
use crate::diagnostic::{Diagnostic, Rule};
use crate::syntax::ast;

impl Checker<'_> {
    /// `events METHOD /path { … }`
    pub fn events(
        &mut self,
        statement: &ast::Statement,
        method: &Spanned<String>,
        path: &ast::Text,
        settings: &[ast::Part],
        body: &ast::Block,
    ) -> Statement {
        self.method_is_known(method);
        let path = self.looking_into(Answer::NotYet, |checker| checker.template(path));
        let name = self.path_name(&path);
        let head = self.head(statement, Some(path.span));
        let parts = self.parts(settings, PartsOf::Request);
        let label = statement.label.as_ref();
        let socket = self.new_socket(None);
        let connect = self.socket_row(label, "connect", &name, SeriesKind::Connect, "SSE", head);
        self.count_checks(connect.series.0, &parts.asks);
        let request = self.request(connect, &method.value, path, parts);
        let (body, _) = self.on_socket(socket, Socket::opened(name, "SSE", label), false, body);
        Statement::Events(Events { socket, request, body })
    }

    /// Complains about a step that would send over a stream of events; true where it would.
    pub fn not_on_events(&mut self, word: &str, head: Span) -> bool {
        let on_events = self.socket().is_some_and(|socket| socket.method == "SSE");
        if on_events {
            self.report(not_on_events(word, head));
        }
        on_events
    }
}

/// `not-on-events`: a stream of events only comes.
fn not_on_events(word: &str, head: Span) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(Rule::NotOnEvents, head, format!("there is no `{word}` on a stream of server-sent events"));
    match word {
        "close" => diagnostic.help("leaving the block closes its connection; there is no closing handshake"),
        "receive close" => diagnostic
            .help("a stream ends without a code: `receive close` waits for its end, whatever the server's reason"),
        _ => diagnostic.help("it only comes: send it with the request, or with a request of its own inside the block"),
    }
}
