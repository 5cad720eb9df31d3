//! The second pass: what was missing in a statement that could not be read.

use super::{Builder, G, P};

impl<'t> Builder<'t> {
    /// Says what is missing in `broken`, which stands behind the keyword `word`.
    pub(super) fn explain(&mut self, broken: &P<'t>, tail: G, word: &str) {
        self.explain_at(broken, tail, word);
    }

    /// Says what is missing in a text without a keyword.
    pub(super) fn explain_at(&mut self, broken: &P<'t>, _tail: G, what: &str) {
        let span = self.place(broken);
        self.wrong(span, format!("`{what}` cannot be read"));
    }
}
