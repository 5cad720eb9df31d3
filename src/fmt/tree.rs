//! Words in their brackets: statements and elements, each with its comment.

use std::collections::HashSet;

use super::marks::Marks;
use super::token::{Kind, Token};

/// What brackets enclose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// `{ … }` with statements, settings or thresholds; the whole file too.
    Block,
    /// `{ key: value }`
    Object,
    /// `[a, b]`
    List,
    /// `(a, b)` behind a function.
    Call,
    /// `(a)`
    Paren,
    /// `[0]` behind a value.
    Index,
}

/// Brackets and what they enclose.
#[derive(Debug)]
pub struct Group {
    /// What they are.
    pub bracket: Bracket,
    /// Everything in them was written on one line, without a comment.
    pub flat: bool,
    /// The comment behind the opening bracket.
    pub comment: Option<String>,
    /// Statements or elements, in order.
    pub entries: Vec<Entry>,
}

/// A statement or an element; without nodes a comment on a line of its own.
#[derive(Debug, Default)]
pub struct Entry {
    /// A blank line stands before it.
    pub blank: bool,
    /// What it is made of, in order.
    pub nodes: Vec<Node>,
    /// The comment behind it, or all there is.
    pub comment: Option<String>,
}

/// A piece of a statement.
#[derive(Debug)]
pub struct Node {
    /// A line end stands before it.
    pub newline: bool,
    /// What it is.
    pub kind: NodeKind,
}

/// What a piece is.
#[derive(Debug)]
pub enum NodeKind {
    /// A word or sign.
    Token {
        /// How it is written.
        text: String,
        /// It stands between two operands.
        binary: bool,
        /// It may not be taken for a sign: it is copied, a name or a number.
        word: bool,
    },
    /// A comment in the middle of a statement.
    Comment(String),
    /// Brackets.
    Group(Group),
}

/// The tree of a whole text, without brackets around it.
pub fn file(tokens: &[Token], marks: &Marks) -> Vec<Entry> {
    let opens = |starts: &[usize], bracket: &str| -> HashSet<usize> {
        let brackets: Vec<usize> =
            tokens.iter().filter(|t| t.kind == Kind::Open && t.is(bracket)).map(|t| t.start).collect();
        let first = |start: &usize| brackets.get(brackets.partition_point(|at| at < start)).copied();
        // Of a piece of the text, what lies before it says nothing about its brackets.
        let begins = tokens.first().map_or(0, |token| token.start);
        starts.iter().filter(|start| **start >= begins).filter_map(first).collect()
    };
    let (objects, lists) = (opens(&marks.objects, "{"), opens(&marks.lists, "["));
    let mut reader = Reader { tokens, marks, objects, lists, at: 0 };
    reader.entries(Bracket::Block, true).1
}

struct Reader<'t> {
    tokens: &'t [Token],
    marks: &'t Marks,
    objects: HashSet<usize>,
    lists: HashSet<usize>,
    at: usize,
}

impl Reader<'_> {
    fn separates(&self, token: &Token, bracket: Bracket) -> bool {
        match bracket {
            Bracket::Block => token.kind == Kind::Symbol && token.is(";"),
            Bracket::Paren | Bracket::Index => false,
            Bracket::Object | Bracket::List | Bracket::Call => {
                let listed = || self.marks.statuses.iter().any(|status| status.contains(&token.start));
                token.kind == Kind::Symbol && token.is(",") && !listed()
            }
        }
    }

    /// The comment behind the opening bracket, and all entries up to the closing one.
    fn entries(&mut self, bracket: Bracket, whole_file: bool) -> (Option<String>, Vec<Entry>) {
        let mut opening = None;
        let mut entries: Vec<Entry> = Vec::new();
        // A blank line before a `;` that is left out stands before what is behind it.
        let mut carried = false;
        while let Some(token) = self.tokens.get(self.at).filter(|token| token.kind != Kind::Close) {
            let blank = (token.newlines > 1 || carried) && !entries.is_empty();
            carried = blank && self.separates(token, bracket);
            if self.separates(token, bracket) {
                self.at += 1;
            } else if token.kind == Kind::Comment {
                self.at += 1;
                let comment = Some(token.text.clone());
                match entries.last_mut() {
                    Some(last) if token.newlines == 0 && last.comment.is_none() => last.comment = comment,
                    None if token.newlines == 0 && !whole_file => opening = comment,
                    _ => entries.push(Entry { blank, nodes: Vec::new(), comment }),
                }
            } else {
                let nodes = self.nodes(bracket);
                entries.push(Entry { blank, nodes, comment: None });
            }
        }
        (opening, entries)
    }

    /// One statement or element.
    fn nodes(&mut self, bracket: Bracket) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            // Comments belong to the statement only when it goes on behind them.
            let comments = self.tokens[self.at..].iter().take_while(|token| token.kind == Kind::Comment).count();
            let Some(token) = self.tokens.get(self.at + comments) else { return nodes };
            let begins = bracket == Bracket::Block && self.marks.starts.contains(&token.start);
            if token.kind == Kind::Close || self.separates(token, bracket) || (begins && !nodes.is_empty()) {
                return nodes;
            }
            for comment in &self.tokens[self.at..self.at + comments] {
                let kind = NodeKind::Comment(comment.text.clone());
                nodes.push(Node { newline: comment.newlines > 0, kind });
            }
            self.at += comments;
            let newline = token.newlines > 0;
            let kind = if token.kind == Kind::Open {
                NodeKind::Group(self.group())
            } else {
                self.at += 1;
                let binary = self.marks.binary.contains(&token.start);
                NodeKind::Token { text: token.text.clone(), binary, word: token.kind == Kind::Word }
            };
            nodes.push(Node { newline, kind });
        }
    }

    fn group(&mut self) -> Group {
        let open = self.at;
        let token = &self.tokens[open];
        let called = open.checked_sub(1).is_some_and(|before| self.marks.calls.contains(&self.tokens[before].start));
        let bracket = match token.text.as_str() {
            "{" if self.objects.contains(&token.start) => Bracket::Object,
            "{" => Bracket::Block,
            "[" if self.lists.contains(&token.start) => Bracket::List,
            "[" => Bracket::Index,
            _ if called => Bracket::Call,
            _ => Bracket::Paren,
        };
        self.at += 1;
        let (comment, entries) = self.entries(bracket, false);
        let inside = &self.tokens[open + 1..=self.at];
        let flat = |t: &Token| t.newlines == 0 && t.kind != Kind::Comment && !t.text.contains('\n');
        let flat = inside.iter().all(flat);
        self.at += 1;
        Group { bracket, flat, comment, entries }
    }
}
