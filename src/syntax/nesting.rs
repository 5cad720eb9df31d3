//! How deep brackets may nest.

/// Deepest nesting of brackets, and longest run of members: trees are walked by recursion, and nobody reads more.
pub(super) const DEPTH_MAX: usize = 64;
