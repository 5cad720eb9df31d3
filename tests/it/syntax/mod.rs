//! Tests of `syntax`.

use scn::base::FileId;
use scn::syntax::ast::{Item, Statement, StatementKind, UserItem};
use scn::syntax::{Parsed, parse};

use crate::marks;

mod broken;

/// The whole scenario of the language page.
const WHOLE: &str = include_str!("../../golden/syntax/whole.scn");

/// Every construct of the language, once.
const LANGUAGE: &str = include_str!("../../golden/syntax/language.scn");

fn read(text: &str) -> Parsed {
    parse(FileId(0), text)
}

#[test]
fn golden_files_have_the_mistakes_that_are_marked_and_no_others() {
    marks::assert_golden("syntax", |text| read(text).diagnostics);
}

#[test]
fn the_whole_scenario_becomes_a_tree_without_holes() {
    let parsed = read(WHOLE);
    assert_eq!(parsed.diagnostics, []);
    assert!(!format!("{:?}", parsed.ast).contains("Bad"), "{:#?}", parsed.ast);
    assert_eq!(parsed.comments.len(), 2);
    let users: Vec<_> = parsed
        .ast
        .items
        .iter()
        .filter_map(|item| if let Item::User(user) = item { Some(user) } else { None })
        .collect();
    assert_eq!(users.len(), 2);
    let tasks = |index: usize| {
        let items = users[index].items.iter();
        items.filter_map(|item| if let UserItem::Task(task) = item { Some(task) } else { None }).collect::<Vec<_>>()
    };
    assert_eq!(tasks(0).len(), 2);
    let [Statement { kind: StatementKind::WebSocket { body, .. }, .. }] = tasks(1)[0].body.statements.as_slice() else {
        panic!("the second user watches a stream");
    };
    assert_eq!(body.statements.len(), 6);
    assert!(body.statements.iter().all(|statement| statement.label.is_some()));
}
