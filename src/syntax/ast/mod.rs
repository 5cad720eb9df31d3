//! The tree of what was written. Names are not resolved and nothing is judged; every node knows its place.
//!
//! A hole — [`Bad`], [`ExprKind::Bad`] — stands where the author was wrong and has already been told so; later stages
//! pass it by in silence.

mod expression;
mod part;
mod scenario;
mod statement;
mod threshold;

use crate::base::Spanned;

pub use expression::*;
pub use part::*;
pub use scenario::*;
pub use statement::*;
pub use threshold::*;

/// A name as it was written: `[a-z_][a-z0-9_]*`.
pub type Name = Spanned<String>;
