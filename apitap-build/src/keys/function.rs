//! `functions`, and `map(…)` of a SQL file: Rust that takes part in a pipeline.

use super::declare::keys;
use super::rust_path::{RustPath, rust_path};
use super::schema::{Arguments, ValueType};

keys! {
    /// A Rust function: names and types of its arguments, and what it returns.
    pub struct FunctionKeys, spec FunctionKeysSpec {
        /// The path of the function.
        path: RustPath = required("\"crate::text::domain_of\"").filled().rule(rust_path),
        /// Names and types, in order; leave it out where there are none. An argument with `!` never sees null.
        arguments: Option<Arguments> = optional().example("{email: string!}"),
        /// The type of what it returns.
        returns: ValueType = required("string!"),
        /// Whether it returns a `Result`.
        fallible: bool = default(false).example("true"),
    }
}

keys! {
    /// A Rust function in place of the query.
    pub struct MapKeys, spec MapKeysSpec {
        /// The path of the function.
        path: RustPath = required("\"crate::orders::lines\"").filled().rule(rust_path),
        /// The source whose records it takes.
        source: String = required("\"orders\"").filled(),
        /// The fields of the rows that it gives, and their types.
        row: String = required("\"{id: int64!, sku: string!}\"").filled(),
        /// Whether it returns a `Result`.
        fallible: bool = default(false).example("true"),
    }
}
