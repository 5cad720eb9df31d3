//! What a scenario means: every name a handle, every value typed, every default filled in.

mod expression;
mod scenario;
mod statement;
mod step;
mod threshold;

pub use expression::*;
pub use scenario::*;
pub use statement::*;
pub use step::*;
pub use threshold::*;

pub use crate::check::table::{Cell, Table};
pub use crate::syntax::ast::{BinaryOperator as Operator, LoopWord, StatusPattern};
