//! `#[apitap::pipeline]`: the Rust front end of the compiler.
//!
//! ```text
//! tokens → words (attribute) and structs (module) → spec → check → Definition → code (expand)
//! ```
//! The words, their checks and the definition are those of `apitap-build`; here is only what is
//! about tokens.

use proc_macro::TokenStream;

mod attribute;
mod custom;
mod expand;
mod function;
mod map;
mod module;
mod record;
mod report;
mod row;

/// Makes a pipeline of a module: `#[source]` structs come in, `#[target]` structs go out.
///
/// The module keeps its items, and gains `PIPELINE` (where it has one `#[target]`), `PIPELINES` and
/// `run()`. What cannot work does not compile: the query is planned against the source structs, and
/// each `#[target]` struct is compared with what its query yields.
#[proc_macro_attribute]
pub fn pipeline(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::pipeline(attribute.into(), item.into()).into()
}
