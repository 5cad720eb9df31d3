//! YAML with its places: as much of it as a profile can hold.
//!
//! Bounded: text of at most [`super::PROFILE_BYTES_MAX`] bytes, nesting of at most [`DEPTH_MAX`]; an alias may stand
//! for a scalar only, so nothing can grow by repetition.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::base::{FileId, Span};
use crate::diagnostic::{Diagnostic, Rule};

/// A profile nests two deep; whoever goes beyond this means something else.
const DEPTH_MAX: usize = 16;

/// A piece of YAML.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it stands; empty where nothing was written.
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Scalar {
        text: String,
        /// Written without quotes: then it may be a number, or nothing at all.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Reads one document. `None`: there is none. Errors: the first place that is not YAML, or beyond the bounds.
pub(super) fn read(file: FileId, text: &str) -> Result<Option<Node>, Box<Diagnostic>> {
    // The parser counts characters, a span counts bytes.
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |marker: Marker| starts[marker.index().min(starts.len() - 1)];
    let wrong = |at: usize, message: &str, label: String| {
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        Box::new(Diagnostic::new(Rule::ProfileSyntax, Span::new(file, at, end), message).label(label))
    };

    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Node> = HashMap::new();
    let mut root = None;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, place) =
            event.map_err(|error| wrong(byte(*error.marker()), "the profile is not YAML", error.info().to_owned()))?;
        let (start, end) = (byte(place.start), byte(place.end).max(byte(place.start)));
        let node = match event {
            Event::Scalar(value, style, anchor, _) => {
                let span = Span::new(file, start, end);
                let node =
                    Node { span, kind: Kind::Scalar { text: value.into_owned(), plain: style == ScalarStyle::Plain } };
                if anchor > 0 {
                    anchors.insert(anchor, node.clone());
                }
                node
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => Node { span: Span::new(file, start, end), kind: node.kind.clone() },
                None => {
                    let label = "a profile reads aliases of single values only; write this one out".to_owned();
                    return Err(wrong(start, "this alias stands for a mapping or a list", label));
                }
            },
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if open.len() == DEPTH_MAX {
                    let label = format!("this is {} levels deep", DEPTH_MAX + 1);
                    return Err(wrong(start, "a profile is two levels deep at most", label));
                }
                let is_map = matches!(event, Event::MappingStart(..));
                open.push(Open { start, is_map, key: None, pairs: Vec::new() });
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let done = open.pop().expect("the parser ends only what it began");
                // A block ends where the next thing begins: behind the blanks and comments between.
                let written = done.pairs.last().map_or(done.start, |(_, value)| value.span.end as usize);
                let end = if text[..end].ends_with(['}', ']']) { end } else { written.max(done.start) };
                let kind = match done.is_map {
                    true => Kind::Map(done.pairs),
                    false => Kind::List(done.pairs.into_iter().map(|(_, value)| value).collect()),
                };
                Node { span: Span::new(file, done.start, end), kind }
            }
            Event::DocumentStart(_) if root.is_some() => {
                let label = "a second document begins here".to_owned();
                return Err(wrong(start, "a profile is one document", label));
            }
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(node),
            Some(parent) if !parent.is_map => parent.pairs.push((node.clone(), node)),
            Some(parent) => match parent.key.take() {
                None => parent.key = Some(node),
                Some(key) => parent.pairs.push((key, node)),
            },
        }
    }
    Ok(root)
}

/// A mapping or list that has begun.
struct Open {
    start: usize,
    is_map: bool,
    /// A key that waits for its value.
    key: Option<Node>,
    /// Keys with their values; in a list each item twice.
    pairs: Vec<(Node, Node)>,
}
