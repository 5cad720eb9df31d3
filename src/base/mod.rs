//! What every room shares: places in source text, the files they lie in, and numbers that know their unit.
//!
//! Takes nothing, gives plain types. Knows no language, no file system (it asks a [`Files`]) and no clock.
#![deny(clippy::disallowed_methods)]

pub mod date;
pub mod source;
pub mod units;

pub use source::{FileId, Files, SourceFile, Sources, Span, Spanned};
pub use units::{ByteSize, Offset, Rate, Seed, Share, UnitError};
