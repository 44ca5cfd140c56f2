//! The text of a query: its tokens, its expressions and where each stands.
//!
//! Knows the grammar, and nothing of tables, types or plans.

pub(crate) mod text;
#[cfg_attr(not(feature = "compiler"), allow(dead_code, reason = "repairs are the compiler's"))]
pub(crate) mod tree;
