//! `#[apitap::pipeline]`: the Rust front end of the compiler.
//!
//! ```text
//! tokens → arguments (attribute) and structs (module) → spec → check → Definition → code (expand)
//! ```
//! The keys, their checks and the definition are those of `apitap-build`; here is only what is
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
mod taken;

/// Makes a pipeline of a module: `#[source]` structs come in, `#[target]` structs go out.
///
/// The module keeps its items, and gains
///
/// - `PIPELINE` and `PIPELINES`, to be run with others;
/// - `run()` and `run_in(environment)`, which load the rows and report;
/// - `rows()` and `rows_in(environment)`, a stream of the `#[target]` structs without a target;
/// - `transform(records…)`, which runs the query over `#[source]` structs, offline: for tests.
///
/// Where there are several `#[target]`s, the names end with that of the row: `PIPELINE_PAID_ORDER`,
/// `rows_paid_order()`, `rows_paid_order_in()`, `transform_paid_order()`.
///
/// What cannot work does not compile: the query is planned against the source structs, and
/// each `#[target]` struct is compared with what its query yields.
#[proc_macro_attribute]
pub fn pipeline(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::pipeline(attribute.into(), item.into()).into()
}
