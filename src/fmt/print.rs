//! The tree as text.

use super::WIDTH;
use super::tree::{Bracket, Entry, Group, Node, NodeKind};

/// A step of indentation.
const STEP: usize = 2;

/// Words that may begin a line that goes on with the statement before; operators may too.
const GOES_ON: [&str; 14] = [
    "exists", "missing", "where", "within", "since", "at", "keep", "default", "else", "of", "as", "while", "until",
    "limit",
];

/// Words that begin a clause of a step.
const CLAUSES: [&str; 3] = ["where", "within", "since"];

/// A whole file.
pub fn file(entries: &[Entry]) -> String {
    let mut printer = Printer { out: String::new() };
    printer.entries(Bracket::Block, entries, 0);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

/// One expression on one line; `None` where that cannot be.
pub fn one_line(entries: &[Entry]) -> Option<String> {
    match entries {
        [Entry { nodes, comment: None, .. }] => flat(nodes),
        _ => None,
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

impl Bracket {
    fn signs(self) -> (&'static str, &'static str) {
        match self {
            Bracket::Block | Bracket::Object => ("{", "}"),
            Bracket::List | Bracket::Index => ("[", "]"),
            Bracket::Call | Bracket::Paren => ("(", ")"),
        }
    }

    /// Whether what was written on one line is put on several where it does not fit.
    fn yields(self) -> bool {
        matches!(self, Bracket::Block | Bracket::Object | Bracket::List)
    }

    fn separator(self) -> &'static str {
        match self {
            Bracket::Block => ";",
            _ => ",",
        }
    }
}

/// Whether a blank stands between two neighbours.
fn blank_between(before: &Node, after: &Node) -> bool {
    let glued_left = match &after.kind {
        NodeKind::Token { text, word: false, .. } => matches!(text.as_str(), "," | ":" | ";" | "." | ".."),
        NodeKind::Group(group) => matches!(group.bracket, Bracket::Call | Bracket::Index),
        _ => false,
    };
    let glued_right = match &before.kind {
        NodeKind::Token { text, word: false, binary } => {
            matches!(text.as_str(), "." | "..") || (!binary && matches!(text.as_str(), "-" | "!"))
        }
        _ => false,
    };
    !glued_left && !glued_right
}

/// Whether the line end that was written before a node stays.
fn breaks_before(before: &Node, node: &Node) -> bool {
    let operator = |node: &Node| matches!(node.kind, NodeKind::Token { binary: true, .. });
    let infix = match &node.kind {
        NodeKind::Token { text, .. } if text == "else" => !matches!(before.kind, NodeKind::Group(_)),
        NodeKind::Token { text, .. } => GOES_ON.contains(&text.as_str()),
        _ => false,
    };
    node.newline && (infix || operator(node) || operator(before))
}

/// A statement on one line; `None` where something in it needs several.
fn flat(nodes: &[Node]) -> Option<String> {
    let mut text = String::new();
    for (index, node) in nodes.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| &nodes[before]) {
            if breaks_before(before, node) {
                return None;
            }
            if blank_between(before, node) {
                text.push(' ');
            }
        }
        match &node.kind {
            NodeKind::Token { text: word, .. } if word.contains('\n') => return None,
            NodeKind::Token { text: word, .. } => text += word,
            NodeKind::Comment(_) => return None,
            NodeKind::Group(group) => text += &flat_group(group)?,
        }
    }
    Some(text)
}

fn flat_group(group: &Group) -> Option<String> {
    let (open, close) = group.bracket.signs();
    if group.entries.is_empty() && group.comment.is_none() {
        return Some(format!("{open}{close}"));
    }
    if !group.flat {
        return None;
    }
    let mut inside = String::new();
    for (index, entry) in group.entries.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| &group.entries[before]) {
            // A statement that ends in its block needs no `;`.
            let closed = matches!(before.nodes.last(), Some(Node { kind: NodeKind::Group(group), .. }) if group.bracket == Bracket::Block);
            inside += if closed { " " } else { group.bracket.separator() };
            inside += if closed { "" } else { " " };
        }
        inside += &flat(&entry.nodes)?;
    }
    Some(if open == "{" { format!("{{ {inside} }}") } else { format!("{open}{inside}{close}") })
}

/// What brackets hold when it is all they hold: both open and close on the same line then.
fn only_group(group: &Group) -> Option<&[Node]> {
    match group.entries.as_slice() {
        [Entry { nodes, comment: None, .. }] if group.comment.is_none() && group.bracket != Bracket::Block => {
            match nodes.as_slice() {
                [Node { kind: NodeKind::Group(inner), .. }] if inner.bracket.yields() => Some(nodes),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The label's width with its colon, where a statement has one.
fn label_width(entry: &Entry) -> Option<usize> {
    match entry.nodes.as_slice() {
        [
            Node { kind: NodeKind::Token { text: label, word: true, .. }, .. },
            Node { kind: NodeKind::Token { text: colon, word: false, .. }, .. },
            _,
            ..,
        ] if colon == ":" => Some(width(label) + 1),
        _ => None,
    }
}

/// Where a statement that is too long for its line goes on with the next: before its first clause, when all before it
/// fits and nothing of it was written on several lines.
fn clause_break(nodes: &[Node], room: usize) -> Option<usize> {
    let clause = |node: &Node| matches!(&node.kind, NodeKind::Token { text, .. } if CLAUSES.contains(&text.as_str()));
    let at = nodes.iter().position(clause).filter(|at| *at > 0)?;
    let whole = match nodes.split_last()? {
        (Node { kind: NodeKind::Group(Group { bracket: Bracket::Block, .. }), .. }, head) => width(&flat(head)?) + 2,
        _ => width(&flat(nodes)?),
    };
    let yields = |node: &Node| matches!(&node.kind, NodeKind::Group(group) if group.bracket.yields());
    let worth = whole > room && nodes[..at].iter().any(yields);
    (worth && width(&flat(&nodes[..at])?) <= room).then_some(at)
}

struct Printer {
    out: String,
}

/// A comment that waits for its column.
struct Waiting<'t> {
    at: usize,
    column: usize,
    text: &'t str,
}

impl Printer {
    fn column(&self) -> usize {
        width(&self.out[self.out.rfind('\n').map_or(0, |end| end + 1)..])
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out += &" ".repeat(indent);
    }

    /// Entries, each on lines of its own; the first begins where the text stands.
    fn entries(&mut self, bracket: Bracket, entries: &[Entry], indent: usize) {
        let labels = entries.iter().filter_map(label_width).max().filter(|_| bracket == Bracket::Block);
        let last = entries.iter().rposition(|entry| !entry.nodes.is_empty());
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                if entry.blank {
                    self.settle(&mut waiting);
                    self.out.push('\n');
                }
                self.line(indent);
            }
            let Some(comment) = entry.comment.as_deref().filter(|_| !entry.nodes.is_empty()) else {
                self.settle(&mut waiting);
                self.out += entry.comment.as_deref().unwrap_or_default();
                self.entry(bracket, entry, indent, labels, last != Some(index));
                continue;
            };
            let start = self.out.len();
            self.entry(bracket, entry, indent, labels, last != Some(index));
            let several = self.out[start..].contains('\n');
            if several {
                self.settle(&mut waiting);
            }
            waiting.push(Waiting { at: self.out.len(), column: self.column(), text: comment });
            if several {
                self.settle(&mut waiting);
            }
        }
        self.settle(&mut waiting);
    }

    fn entry(&mut self, bracket: Bracket, entry: &Entry, indent: usize, labels: Option<usize>, more: bool) {
        if entry.nodes.is_empty() {
            return;
        }
        let pad = labels.zip(label_width(entry)).map_or(0, |(longest, own)| longest - own);
        let separated = more && matches!(bracket, Bracket::Object | Bracket::List | Bracket::Call);
        self.nodes(&entry.nodes, indent, usize::from(separated), pad);
        if separated {
            self.out.push(',');
        }
    }

    /// Puts comments of lines that follow each other in one column, unless one of them would not fit there.
    fn settle(&mut self, waiting: &mut Vec<Waiting<'_>>) {
        let column = waiting.iter().map(|one| one.column).max().unwrap_or(0);
        let fits = waiting.iter().all(|one| column + 2 + width(one.text) <= WIDTH);
        for one in waiting.drain(..).rev() {
            let blanks = 2 + if fits { column - one.column } else { 0 };
            self.out.insert_str(one.at, &format!("{}{}", " ".repeat(blanks), one.text));
        }
    }

    /// One statement or element; `tail` columns stand behind it, `pad` blanks behind its label.
    fn nodes(&mut self, nodes: &[Node], indent: usize, tail: usize, pad: usize) {
        let block = |node: &&Node| matches!(&node.kind, NodeKind::Group(group) if group.bracket == Bracket::Block);
        // The blocks of `if … else …` stand on one line together or not at all.
        let fits = |text: &String| self.column() + width(text) + pad + tail <= WIDTH;
        let spread = nodes.iter().filter(block).count() > 1 && !flat(nodes).is_some_and(|text| fits(&text));
        let mut current = indent;
        let mut after_comment = false;
        let clause = clause_break(nodes, WIDTH.saturating_sub(self.column() + pad));
        for (index, node) in nodes.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &nodes[before]);
            let breaks =
                after_comment || clause == Some(index) || before.is_some_and(|before| breaks_before(before, node));
            let comment = matches!(node.kind, NodeKind::Comment(_));
            if breaks || (comment && node.newline) {
                // `else` behind a block and its comments stands below its `if`.
                let rest = || nodes[index..].iter().find(|node| !matches!(node.kind, NodeKind::Comment(_)));
                let earlier = nodes[..index].iter().rfind(|node| !matches!(node.kind, NodeKind::Comment(_)));
                let otherwise = earlier.is_some_and(|node| block(&node))
                    && rest().is_some_and(|node| matches!(&node.kind, NodeKind::Token { text, .. } if text == "else"));
                current = if otherwise { indent } else { indent + STEP };
                self.line(current);
            } else if comment {
                self.out += "  ";
            } else if before.is_some_and(|before| blank_between(before, node)) {
                self.out.push(' ');
            }
            after_comment = comment;
            match &node.kind {
                NodeKind::Token { text, .. } => self.out += text,
                NodeKind::Comment(text) => self.out += text,
                NodeKind::Group(group) => {
                    let behind = match clause.filter(|at| *at > index) {
                        Some(at) => tail_width(&nodes[index..at], 0),
                        None => tail_width(&nodes[index..], tail),
                    };
                    self.group(group, current, behind, spread && group.bracket == Bracket::Block);
                }
            }
            if index == 1 {
                self.out += &" ".repeat(pad);
            }
        }
    }

    fn group(&mut self, group: &Group, indent: usize, tail: usize, spread: bool) {
        let (open, close) = group.bracket.signs();
        if group.entries.is_empty() && group.comment.is_none() {
            self.out += open;
            self.out += close;
            return;
        }
        if let Some(text) = flat_group(group).filter(|_| !spread) {
            let fits = self.column() + width(&text) + tail <= WIDTH;
            if fits || (!group.bracket.yields() && only_group(group).is_none()) {
                self.out += &text;
                return;
            }
        }
        self.out += open;
        if let Some(nodes) = only_group(group) {
            self.nodes(nodes, indent, tail + 1, 0);
        } else {
            if let Some(comment) = &group.comment {
                self.out += "  ";
                self.out += comment;
            }
            if !group.entries.is_empty() {
                self.line(indent + STEP);
                self.entries(group.bracket, &group.entries, indent + STEP);
            }
            self.line(indent);
        }
        self.out += close;
    }
}

/// The columns that the line needs behind the first of `nodes`, up to where it may end.
fn tail_width(nodes: &[Node], tail: usize) -> usize {
    let mut columns = 0;
    for (before, node) in nodes.iter().zip(&nodes[1..]) {
        if breaks_before(before, node) {
            return columns;
        }
        columns += usize::from(blank_between(before, node));
        match &node.kind {
            NodeKind::Token { text, .. } => match text.split_once('\n') {
                Some((first, _)) => return columns + width(first),
                None => columns += width(text),
            },
            NodeKind::Comment(_) => return columns,
            NodeKind::Group(group) => match flat_group(group) {
                Some(text) if !group.bracket.yields() => columns += width(&text),
                _ => return columns + 1,
            },
        }
    }
    columns + tail
}
