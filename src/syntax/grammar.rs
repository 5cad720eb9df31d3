//! The parser that pest makes of `grammar/scn.pest`.

// The derive writes its own enum of rules, without comments.
#![allow(missing_docs)]

use pest_derive::Parser;

/// Reads text by a rule of the grammar.
#[derive(Parser)]
#[grammar = "../grammar/scn.pest"]
pub(super) struct Grammar;
