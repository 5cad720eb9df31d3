//! The file, its targets, data and flows.

use super::misplaced::Place;
use super::{Builder, G, P};
use crate::base::{Span, Spanned};
use crate::diagnostic::Rule;
use crate::syntax::ast::{
    Block, Data, DataOption, DataSource, Expr, ExprKind, File, Flow, Item, Let, Name, Once, Part, Piece, Target,
};

impl<'t> Builder<'t> {
    /// The whole file.
    pub(in crate::syntax) fn file(&mut self, pair: P<'t>) -> File {
        let mut items = Vec::new();
        for child in pair.into_inner() {
            match child.as_rule() {
                G::statement => items.push(self.item(child)),
                G::stray => {
                    let span = self.place(&child);
                    self.wrong(span, "this `}` closes nothing").label("no block is open here").fix(span, "");
                }
                _ => {}
            }
        }
        File { items }
    }

    fn item(&mut self, pair: P<'t>) -> Item {
        let whole = pair.clone();
        let (label, kind) = split_statement(pair);
        let belongs = matches!(
            kind.as_rule(),
            G::scenario_s
                | G::target_s
                | G::let_s
                | G::data_s
                | G::use_s
                | G::flow_s
                | G::user_s
                | G::setup_s
                | G::teardown_s
                | G::thresholds_s
        );
        if !belongs {
            return Item::Bad(self.misplaced(whole, kind, Place::File));
        }
        self.no_label(label.as_ref());
        let span = self.place(&kind);
        let Some(tail) = tail_of(&kind) else { return Item::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::scenario_s => {
                let value = self.value(tail);
                let help = "`scenario \"Checkout\"`";
                match self.plain_value(&value, "the title of a scenario is plain text in quotes", help) {
                    Some(title) => Item::Scenario { span, title },
                    None => Item::Bad(self.bad(span, "")),
                }
            }
            G::use_s => {
                let value = self.value(tail);
                let help = "`use \"lib/login.scn\"`";
                match self.plain_value(&value, "another file is named in quotes, as plain text", help) {
                    Some(path) => Item::Use { span, path },
                    None => Item::Bad(self.bad(span, "")),
                }
            }
            G::target_s => match self.target(span, tail) {
                Some(target) => Item::Target(target),
                None => Item::Bad(self.bad(span, "")),
            },
            G::let_s => Item::Let(self.let_item(span, tail)),
            G::data_s => match self.data(span, kind.as_span().start(), tail) {
                Some(data) => Item::Data(data),
                None => Item::Bad(self.bad(span, kind.as_str())),
            },
            G::flow_s => Item::Flow(self.flow(span, kind.as_span().start(), tail)),
            G::setup_s => Item::Setup(self.once(span, kind.as_span().start(), tail)),
            G::teardown_s => Item::Teardown(self.once(span, kind.as_span().start(), tail)),
            G::user_s => Item::User(self.user(span, kind.as_span().start(), tail)),
            _ => Item::Thresholds(self.thresholds(span, tail)),
        }
    }

    /// The text of a value that must be plain text; complains when it is something else.
    fn plain_value(&mut self, value: &Expr, wanted: &str, help: &str) -> Option<Spanned<String>> {
        let text = plain_text(value);
        if text.is_none() && value.kind != ExprKind::Bad {
            self.wrong(value.span, wanted).help(help);
        }
        text.map(|text| Spanned::new(text, value.span))
    }

    fn target(&mut self, span: Span, tail: P<'t>) -> Option<Target> {
        let (mut name, mut url): (Option<Name>, _) = (None, None);
        let mut settings = Vec::new();
        for child in tail.into_inner() {
            match child.as_rule() {
                G::target_name => {
                    let word = inner_first(child.clone());
                    let word = self.declared(&word);
                    let place = word.span;
                    if !child.into_inner().any(|child| child.as_rule() == G::name_colon) {
                        let name = &word.value;
                        self.wrong_as(Rule::NamedTargetColon, place, "the name of a target is followed by `:`")
                            .help(format!("write `target {name}: \"https://…\"`"))
                            .fix(place, format!("{name}:"));
                    }
                    name = Some(word);
                }
                G::expr => url = Some(self.expr(child)),
                G::block => {
                    for statement in statements_of(child) {
                        settings.push(self.part(statement, Place::Target));
                    }
                }
                _ => {}
            }
        }
        Some(Target { span, name, url: url?, settings })
    }

    fn data(&mut self, span: Span, start: usize, tail: P<'t>) -> Option<Data> {
        let doc = self.doc(start);
        let (mut name, mut source, mut options) = (None, None, Vec::new());
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::expr => {
                    let value = self.expr(child);
                    source = match (&value.kind, plain_text(&value)) {
                        (_, Some(path)) => Some(DataSource::File(Spanned::new(path, value.span))),
                        (ExprKind::List(_), _) => Some(DataSource::Inline(value)),
                        (ExprKind::Bad, _) => None,
                        _ => {
                            self.wrong(value.span, "rows come from a file, named in quotes, or from a list")
                                .help("`data accounts from \"accounts.csv\"`, `data terms from [\"tea\", \"cup\"]`");
                            None
                        }
                    };
                }
                G::data_block => {
                    let inside = child.into_inner().filter(|child| child.as_rule() == G::data_option);
                    options = inside.map(|option| self.data_option(inner_first(option))).collect();
                }
                _ => {}
            }
        }
        Some(Data { span, doc, name: name?, source: source?, options })
    }

    fn data_option(&mut self, kind: P<'t>) -> DataOption {
        let span = self.place(&kind);
        if kind.as_rule() == G::unknown_s {
            return DataOption::Bad(self.misplaced(kind.clone(), kind, Place::Data));
        }
        let Some(tail) = tail_of(&kind) else { return DataOption::Bad(self.bad_statement(&kind)) };
        match kind.as_rule() {
            G::columns_o => {
                let list = inner_first(tail);
                let values: Vec<Expr> = match self.atom(list).kind {
                    ExprKind::List(values) => values,
                    _ => Vec::new(),
                };
                let mut names = Vec::new();
                for value in values {
                    match (&value.kind, plain_text(&value)) {
                        (_, Some(text)) => names.push(Spanned::new(text, value.span)),
                        (ExprKind::Name(name), _) => names.push(Spanned::new(name.clone(), value.span)),
                        (ExprKind::Bad, _) => {}
                        _ => {
                            self.wrong(value.span, "a column is a name, or text in quotes")
                                .help("`columns [name, \"date of birth\"]`");
                        }
                    }
                }
                DataOption::Columns { span, names }
            }
            G::separator_o => {
                let value = self.value(tail);
                match self.plain_value(&value, "a separator is one character in quotes", "`separator \";\"`") {
                    Some(value) => DataOption::Separator { span, value },
                    None => DataOption::Bad(self.bad(span, "")),
                }
            }
            rule => {
                let word = tail.into_inner().find(|child| child.as_rule() == G::ident);
                let word = self.word(&word.expect("it has a word"));
                match rule {
                    G::pick_o => DataOption::Pick { span, how: word },
                    _ => DataOption::WhenEmpty { span, what: word },
                }
            }
        }
    }

    fn flow(&mut self, span: Span, start: usize, tail: P<'t>) -> Flow {
        let doc = self.doc(start);
        let (mut name, mut parameters, mut body) = (None, Vec::new(), None);
        for child in tail.into_inner() {
            match child.as_rule() {
                G::declared => name = Some(self.declared(&child)),
                G::parameters => {
                    let names = child.into_inner().filter(|child| child.as_rule() == G::declared);
                    parameters = names.map(|name| self.declared(&name)).collect();
                }
                G::block => body = Some(self.block(child)),
                _ => {}
            }
        }
        let (name, body) = (name.expect("`flow` has a name"), body.expect("`flow` has a block"));
        Flow { span, doc, name, parameters, body }
    }

    fn once(&mut self, span: Span, start: usize, tail: P<'t>) -> Once {
        Once { span, doc: self.doc(start), body: self.body(tail) }
    }

    /// The block of a statement that consists of it.
    pub(super) fn body(&mut self, tail: P<'t>) -> Block {
        let block = tail.into_inner().find(|child| child.as_rule() == G::block);
        self.block(block.expect("it has a block"))
    }

    /// The one expression of a tail.
    pub(super) fn value(&mut self, tail: P<'t>) -> Expr {
        self.expr(tail.into_inner().find(|child| child.as_rule() == G::expr).expect("it has a value"))
    }

    /// The tail of `let`.
    pub(super) fn let_item(&mut self, span: Span, tail: P<'t>) -> Let {
        let mut children = tail.into_inner().filter(|child| matches!(child.as_rule(), G::declared | G::expr));
        let name = self.declared(&children.next().expect("`let` has a name"));
        let value = self.expr(children.next().expect("`let` has a value"));
        Let { span, name, value }
    }

    /// A block of statements.
    pub(super) fn block(&mut self, pair: P<'t>) -> Block {
        let span = self.place(&pair);
        Block { span, statements: statements_of(pair).map(|child| self.statement(child, Place::Task)).collect() }
    }

    /// The parts of a block that all go to one place.
    pub(super) fn parts(&mut self, block: P<'t>, place: Place) -> Vec<Part> {
        statements_of(block).map(|child| self.part(child, place)).collect()
    }
}

/// The text of a string without `${…}`.
pub(super) fn plain_text(value: &Expr) -> Option<String> {
    let ExprKind::Text(text) = &value.kind else { return None };
    match text.pieces.as_slice() {
        [] => Some(String::new()),
        [Piece::Literal(literal)] => Some(literal.clone()),
        _ => None,
    }
}

/// The statements of a block.
pub(super) fn statements_of<'t>(block: P<'t>) -> impl Iterator<Item = P<'t>> {
    block.into_inner().filter(|child| child.as_rule() == G::statement)
}

/// A statement's label, if any, and what it is.
pub(super) fn split_statement(pair: P<'_>) -> (Option<P<'_>>, P<'_>) {
    let mut label = None;
    for child in pair.into_inner() {
        match child.as_rule() {
            G::label => label = child.into_inner().find(|child| child.as_rule() == G::ident),
            G::comment => {}
            _ => return (label, child),
        }
    }
    unreachable!("a statement is something")
}

/// The tail of a statement that could be read; `None` when it is `bad`.
pub(super) fn tail_of<'t>(kind: &P<'t>) -> Option<P<'t>> {
    kind.clone().into_inner().find(|child| {
        matches!(
            child.as_rule(),
            G::scenario_tail
                | G::target_tail
                | G::user_tail
                | G::task_tail
                | G::on_tail
                | G::delay_tail
                | G::threshold_block
                | G::request_tail
                | G::send_tail
                | G::receive_tail
                | G::call_tail
                | G::close_tail
                | G::repeat_tail
                | G::let_tail
                | G::header_tail
                | G::object_tail
                | G::value_tail
                | G::expect_tail
                | G::capture_tail
                | G::switch_tail
                | G::tls_block
                | G::data_tail
                | G::word_tail
                | G::when_tail
                | G::columns_tail
                | G::flow_tail
                | G::body_tail
                | G::answer_tail
                | G::session_tail
                | G::take_tail
                | G::open_tail
                | G::with_tail
                | G::events_tail
                | G::every_tail
                | G::all_tail
                | G::for_tail
                | G::choose_block
                | G::group_tail
                | G::retry_tail
                | G::fail_tail
                | G::called_tail
                | G::auth_tail
        )
    })
}

/// The first child that is not a comment.
pub(super) fn inner_first(pair: P<'_>) -> P<'_> {
    pair.into_inner().find(|child| child.as_rule() != G::comment).expect("the grammar gives it a child")
}
