//! `kind: custom`: a Rust type says which page is next.

pub use crate::definition::Custom;
