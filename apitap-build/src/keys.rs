//! The configuration keys. Each is declared once, in the file of its group: its name, type, default
//! and documentation.
//!
//! From the declaration come the plain type of the definition, the spec (the same with the places of
//! all that was written), the reader, the printer of YAML and of the attribute, the JSON Schema, the
//! tables of `docs/reference.md` and the help of findings. How to add a key, a kind of pagination, a
//! way to authenticate, a target or a write mode stands in `docs/architecture.md`.

pub mod auth;
pub mod body;
pub mod checkpoint;
mod declare;
pub mod dialect;
pub mod drift;
pub mod filters;
pub mod format;
pub mod incremental;
pub mod job;
pub mod object_store;
pub mod on_response;
pub mod pagination;
pub mod rate_limit;
pub mod request;
pub mod retry;
pub mod sink;
pub mod tls;

#[cfg(feature = "compiler")]
pub mod api;
#[cfg(feature = "compiler")]
pub mod bad_record;
#[cfg(feature = "compiler")]
pub mod custom;
#[cfg(feature = "compiler")]
pub mod file;
#[cfg(feature = "compiler")]
pub mod for_each;
#[cfg(feature = "compiler")]
pub mod function;
#[cfg(feature = "compiler")]
pub mod group;
#[cfg(feature = "compiler")]
pub mod json;
#[cfg(feature = "compiler")]
mod json_schema;
#[cfg(feature = "compiler")]
pub mod key;
#[cfg(feature = "compiler")]
pub mod mapping;
#[cfg(feature = "compiler")]
pub mod pairs;
#[cfg(feature = "compiler")]
pub mod printed;
#[cfg(feature = "compiler")]
mod repeats;
#[cfg(feature = "compiler")]
mod rules;
#[cfg(feature = "compiler")]
pub mod rust_path;
#[cfg(feature = "compiler")]
pub mod schema;
#[cfg(feature = "compiler")]
pub mod sent;
#[cfg(feature = "compiler")]
pub mod shape;
#[cfg(feature = "compiler")]
mod size;
#[cfg(feature = "compiler")]
pub mod source;
#[cfg(feature = "compiler")]
pub mod target;
#[cfg(feature = "compiler")]
#[cfg(test)]
mod tests;
#[cfg(feature = "compiler")]
pub mod values;

#[cfg(feature = "compiler")]
pub use json_schema::json_schema;
#[cfg(feature = "compiler")]
pub use printed::{Printed, yaml_quoted};
