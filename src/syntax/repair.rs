//! Text with the braces that were missing, and the way back to the author's places.
//!
//! Only looked at when braces do not match. Which block lacks its `}` is guessed by indentation: a block ends where a
//! line begins no deeper than its opener; without any indentation, where a word begins that cannot stand in it.

use super::nesting::{Event, leading_word, scan};
use crate::base::{FileId, Span};
use crate::diagnostic::{Diagnostic, Rule};

/// A text that pest can read, and where braces were put into it.
pub(super) struct Repaired {
    /// What pest reads.
    pub text: String,
    /// The author's text.
    pub written: String,
    /// Bytes of `text` that the author did not write, in order.
    inserted: Vec<usize>,
}

impl Repaired {
    /// The text as it is; `read` is what pest gets of it, of the same length.
    pub fn unchanged(written: &str, read: String) -> Repaired {
        Repaired { text: read, written: written.to_owned(), inserted: Vec::new() }
    }

    /// The byte of the author's text for a byte of `text`.
    pub fn original(&self, byte: usize) -> usize {
        byte - self.inserted.partition_point(|&inserted| inserted < byte)
    }

    /// What the author wrote at a place.
    pub fn slice(&self, span: Span) -> &str {
        &self.written[span.range()]
    }

    /// `read` with its missing braces, and what is to be said about them. `None` when they match.
    pub fn mended(file: FileId, written: &str, read: &str) -> Option<(Repaired, Vec<Diagnostic>)> {
        let mut opened: Vec<usize> = Vec::new();
        let (mut strays, mut crooked, mut line) = (0usize, false, (0, 0));
        // Behind a line that goes on, what its block holds may be indented from there.
        let mut deeper = 0;
        let mut opened_deeper: Vec<usize> = Vec::new();
        scan(read, |event| match event {
            Event::Line { first, indent } => {
                deeper = indent;
                if !goes_on(leading_word(&read[first..])) {
                    line = (first, indent);
                }
            }
            Event::Open { bracket: b'{', inner: false, .. } => {
                opened.push(line.1);
                opened_deeper.push(deeper);
            }
            Event::Close { at, bracket: b'}', inner: false } => match opened.pop() {
                Some(indent) => {
                    let deeper = opened_deeper.pop().unwrap_or(indent);
                    crooked |= line.0 == at && line.1 != indent && line.1 != deeper;
                }
                None => strays += 1,
            },
            _ => {}
        });
        // One brace too few of each kind: they match in number, but not in their indentation.
        let both = opened.is_empty() && strays == 0 && crooked;
        if opened.is_empty() && strays == 0 && !both {
            return None;
        }
        let mut mender = Mender {
            file,
            text: read,
            blocks: Vec::new(),
            indented: false,
            lacks_closing: both || !opened.is_empty(),
            lacks_opening: both || strays > 0,
            previous: None,
            edits: Vec::new(),
            blanked: Vec::new(),
            diagnostics: Vec::new(),
        };
        scan(read, |event| mender.indented |= matches!(event, Event::Line { indent: 1.., .. }));
        let swallowed = scan(read, |event| mender.meet(event));
        mender.end(swallowed);
        let Mender { mut edits, blanked, diagnostics, .. } = mender;
        if edits.is_empty() && blanked.is_empty() {
            return None;
        }
        let mut base = read.to_owned().into_bytes();
        blanked.iter().for_each(|&at| base[at] = b' ');
        let base = String::from_utf8(base).expect("a brace is one byte");
        edits.sort_by_key(|(at, _)| *at);
        let (mut text, mut inserted, mut from) = (String::new(), Vec::new(), 0);
        for (at, brace) in edits {
            text += &base[from..at];
            inserted.extend(text.len()..text.len() + brace.len());
            text += brace;
            from = at;
        }
        text += &base[from..];
        Some((Repaired { text, written: written.to_owned(), inserted }, diagnostics))
    }
}

/// An open brace.
struct Open {
    at: usize,
    /// Of the line that it stands on.
    indent: usize,
    /// Byte where that line's text begins.
    line: usize,
    holds: Holds,
}

/// What a block is for, as far as its first word tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Items of a user.
    Tasks,
    /// Statements.
    Statements,
    /// Parts of a step.
    Parts,
    /// Settings, thresholds, JSON: nothing that begins like a statement of a task.
    Other,
}

/// The line before the one that is looked at.
#[derive(Clone, Copy)]
struct Line {
    first: usize,
    indent: usize,
    /// Whether a brace was left open on it.
    opens: bool,
}

struct Mender<'t> {
    file: FileId,
    text: &'t str,
    blocks: Vec<Open>,
    /// Whether the file is indented at all.
    indented: bool,
    lacks_closing: bool,
    lacks_opening: bool,
    previous: Option<Line>,
    edits: Vec<(usize, &'static str)>,
    blanked: Vec<usize>,
    diagnostics: Vec<Diagnostic>,
}

impl Mender<'_> {
    fn meet(&mut self, event: Event) {
        match event {
            // It belongs to the line above, whose indentation counts.
            Event::Line { first, .. } if goes_on(leading_word(&self.text[first..])) => {}
            Event::Line { first, indent } => {
                if self.lacks_opening {
                    self.maybe_opened(indent);
                }
                if self.lacks_closing {
                    self.maybe_closed(first, indent);
                }
                self.previous = Some(Line { first, indent, opens: false });
            }
            Event::Open { at, bracket: b'{', inner: false } => {
                let Some(line) = &mut self.previous else { return };
                line.opens = true;
                let holds = holds(leading_word(&self.text[line.first..]));
                self.blocks.push(Open { at, indent: line.indent, line: line.first, holds });
            }
            Event::Close { at, bracket: b'}', inner: false } => self.close(at),
            _ => {}
        }
    }

    /// Before a line: were blocks above meant to be closed?
    fn maybe_closed(&mut self, first: usize, indent: usize) {
        let closes = self.text.as_bytes()[first] == b'}';
        let word = leading_word(&self.text[first..]);
        while let Some(block) = self.blocks.last() {
            let over = match self.indented {
                true if closes => indent < block.indent,
                true => indent <= block.indent && block.line != first,
                false => !closes && cannot_stand(word, block.holds),
            };
            if !over {
                break;
            }
            self.unclosed(first - if self.indented { indent } else { 0 });
        }
    }

    /// The innermost block ends at `at`, without its brace.
    fn unclosed(&mut self, at: usize) {
        let Some(block) = self.blocks.pop() else { return };
        // With a line end: the line behind it is a statement of its own.
        self.edits.push((at, "}\n"));
        self.tell_unclosed(&block, at);
    }

    fn tell_unclosed(&mut self, block: &Open, at: usize) {
        let before = self.text[..at].trim_end().len();
        // A comment at the end of the line before would swallow the brace, so it gets a line of its own.
        let replacement = format!("\n{}}}", " ".repeat(block.indent));
        let span = Span::new(self.file, block.at, block.at + 1);
        let word = leading_word(&self.text[block.line..]);
        let whose = match word {
            "" => "this block is".to_owned(),
            word => format!("the block of `{word}` is"),
        };
        self.diagnostics.push(
            Diagnostic::new(Rule::UnclosedBlock, span, format!("{whose} never closed"))
                .label("its `}` is missing")
                .fix(Span::new(self.file, before.max(block.at + 1), before.max(block.at + 1)), replacement),
        );
    }

    /// Before a line that is indented deeper than the one above: was a block meant to be opened there?
    fn maybe_opened(&mut self, indent: usize) {
        let Some(line) = self.previous else { return };
        if indent <= line.indent || line.opens {
            return;
        }
        let word = leading_word(&self.text[line.first..]);
        if !heads_block(word) {
            return;
        }
        let text = &self.text[line.first..];
        let text = text.lines().next().unwrap_or(text);
        let code = text.find(" #").map_or(text, |at| &text[..at]).trim_end();
        if code.ends_with(['{', '}', '(', '[', ',', '=', '+']) {
            return;
        }
        let end = line.first + code.len();
        self.edits.push((end, " {"));
        let span = Span::new(self.file, line.first, end);
        self.diagnostics.push(
            Diagnostic::new(Rule::Syntax, span, format!("`{word}` needs a block"))
                .label("`{` is missing at the end of this line")
                .fix(span.at_end(), " {"),
        );
        self.blocks.push(Open { at: end, indent: line.indent, line: line.first, holds: holds(word) });
    }

    fn close(&mut self, at: usize) {
        let first_on_line = self.previous.is_some_and(|line| line.first == at);
        let Some(block) = self.blocks.last() else { return };
        let here = self.previous.map_or(0, |line| line.first);
        let indent = self.previous.map_or(0, |line| line.indent);
        // `json a: 1 }` lost its `{`: its `}` must not close the block around it.
        if self.lacks_opening && !first_on_line && block.line != here && indent > block.indent {
            self.blanked.push(at);
            return;
        }
        self.blocks.pop();
    }

    /// At the end of the text; `swallowed`: an unclosed string has what closes the blocks, and that is said of it.
    fn end(&mut self, swallowed: bool) {
        while let Some(block) = self.blocks.pop() {
            let at = self.text.len();
            self.edits.push((at, "\n}"));
            if !swallowed {
                self.tell_unclosed(&block, at);
            }
        }
    }
}

/// What a block holds whose line begins with `word`.
fn holds(word: &str) -> Holds {
    match word {
        "user" => Holds::Tasks,
        "task" | "on" | "websocket" | "open" | "with" | "events" | "every" | "repeat" | "for" | "if" | "else"
        | "group" | "retry" | "attempt" | "parallel" | "flow" | "setup" | "teardown" => Holds::Statements,
        "receive" | "call" => Holds::Parts,
        word if is_method(word) => Holds::Parts,
        _ => Holds::Other,
    }
}

fn is_method(word: &str) -> bool {
    word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a line that begins with `word` opens a block at its end.
fn heads_block(word: &str) -> bool {
    matches!(word, "target" | "thresholds" | "query" | "form" | "multipart" | "json" | "choose")
        || holds(word) != Holds::Other
}

/// Whether a line that begins with `word` goes on with the one above.
fn goes_on(word: &str) -> bool {
    use super::keyword::{CLAUSES, INFIX};
    (INFIX.contains(&word) && word != "else") || CLAUSES.contains(&word)
}

/// Whether a statement that begins with `word` cannot stand in such a block.
fn cannot_stand(word: &str, block: Holds) -> bool {
    match word {
        "user" | "thresholds" | "scenario" | "target" | "flow" | "setup" | "teardown" | "use" => true,
        "task" | "think" | "pace" | "session" => block != Holds::Tasks,
        "on" => !matches!(block, Holds::Tasks | Holds::Statements),
        "websocket" | "send" | "receive" | "call" | "pause" | "repeat" | "open" | "with" | "events" | "for"
        | "choose" | "group" | "retry" | "attempt" | "parallel" | "log" | "stop" | "fail" => {
            matches!(block, Holds::Parts | Holds::Other)
        }
        word if is_method(word) => matches!(block, Holds::Parts | Holds::Other),
        _ => false,
    }
}
