//! `scn check`.
