//! The apitap compiler: YAML and SQL in, a checked [`definition::Definition`] out, then Rust.
//!
//! ```text
//! load files → parse (YAML, SQL template, attribute) → spec (spanned) → check → Definition → Rust
//! ```
//! No stage reaches back, files are touched at the two ends only, and every stage reports all that
//! it can find before it stops.

pub mod definition;
pub mod schema;

#[cfg(feature = "compiler")]
pub mod diagnostic;
#[cfg(feature = "compiler")]
pub mod tree;
