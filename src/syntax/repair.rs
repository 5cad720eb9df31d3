//! Text with the braces that were missing, and the way back to the author's places.

/// A text that pest can read, and where braces were put into it.
pub(super) struct Repaired {
    /// What pest reads.
    pub text: String,
    /// The author's text.
    pub written: String,
    /// Bytes of `text` that the author did not write, in order.
    pub inserted: Vec<usize>,
}

impl Repaired {
    /// The text as it is.
    pub fn unchanged(text: &str) -> Repaired {
        Repaired { text: text.to_owned(), written: text.to_owned(), inserted: Vec::new() }
    }

    /// The byte of the author's text for a byte of `text`.
    pub fn original(&self, byte: usize) -> usize {
        byte - self.inserted.partition_point(|&inserted| inserted < byte)
    }

    /// What the author wrote at a place.
    pub fn slice(&self, span: crate::base::Span) -> &str {
        &self.written[span.range()]
    }
}
