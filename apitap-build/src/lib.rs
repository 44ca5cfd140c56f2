//! The apitap compiler: YAML and SQL in, a checked [`definition::Definition`] out, then Rust.
//!
//! ```text
//! load files → parse (YAML, SQL template, attribute) → spec (spanned) → check → Definition → Rust
//! ```
//! No stage reaches back, files are touched at the two ends only, and every stage reports all that
//! it can find before it stops.

pub mod bounded;
pub mod caught;
pub mod codes;
/// The tests that the macros share name this crate as they do.
#[cfg(test)]
extern crate self as apitap_build;

pub mod definition;
pub mod duration;
pub mod engine;
pub mod expression;
pub mod keys;
pub mod nearest;
pub mod pointer;
pub mod schema;
pub mod secret_names;
pub mod shown;
pub mod size;
mod sql;
#[cfg(feature = "compiler")]
pub mod stored;
mod template;

#[cfg(feature = "compiler")]
pub mod check;
#[cfg(feature = "compiler")]
pub mod codegen;
#[cfg(feature = "compiler")]
pub mod compile;
#[cfg(feature = "compiler")]
pub mod diagnostic;
#[cfg(feature = "compiler")]
mod emit;
#[cfg(feature = "compiler")]
pub mod fix;
#[cfg(feature = "compiler")]
mod load;
#[cfg(feature = "compiler")]
pub mod names;
#[cfg(feature = "compiler")]
pub mod parse;
#[cfg(feature = "compiler")]
pub mod project;
#[cfg(feature = "compiler")]
pub mod render;
#[cfg(feature = "compiler")]
pub mod spec;
#[cfg(feature = "compiler")]
pub mod tree;
#[cfg(feature = "compiler")]
mod unclosed;

#[cfg(feature = "compiler")]
pub use compile::{Compilation, compile};
