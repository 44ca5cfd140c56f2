//! REST APIs into your database, as a Rust program that the compiler has checked.
//!
//! Describe an API in YAML and the transform in SQL, or both in Rust under [`macro@pipeline`]; the
//! compiler plans every query against the API's declared schema. What runs is
//!
//! ```text
//! pages (HTTP) → records (JSON) → Arrow batches → SQL (DataFusion) → Arrow batches → target
//! ```
//! with one transaction per pipeline and run.

pub mod engine;
pub mod environment;
pub mod error;
pub mod function;
pub mod map;
pub mod pipeline;
pub mod report;
pub mod sink;
pub mod source;
mod typed;
pub mod types;

mod blocking;
mod commands;
mod features;
mod hashed;
mod infer;
mod logging;
#[doc(hidden)]
pub mod private;
mod program;
mod rows;
mod transform;
mod value;

#[cfg(feature = "cli")]
pub mod cli;

pub use apitap_build::{definition, schema};
pub use apitap_macros::pipeline;
pub use blocking::block_on;
pub use engine::{run, run_in, run_into};
pub use environment::Environment;
pub use error::{Error, ErrorKind, Result};
pub use pipeline::Pipeline;
pub use program::command_line;
pub use report::Report;
pub use rows::{Rows, rows, rows_in};
pub use typed::Row;

/// Includes what `apitap_build::compile` has generated: one module per pipeline, and `PIPELINES`.
#[macro_export]
macro_rules! include_pipelines {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/apitap_pipelines.rs"));
    };
}

/// The whole of a single-purpose ingest binary: the generated pipelines under a command line.
///
/// `apitap::main!(a, b)` takes the `PIPELINES` of modules written in Rust instead.
#[macro_export]
macro_rules! main {
    () => {
        $crate::include_pipelines!();
        $crate::main!(PIPELINES);
    };
    ($($pipelines:expr),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::private::main(&[$($pipelines),+])
        }
    };
}
