//! REST APIs into your database, as a Rust program that the compiler has checked.

pub mod environment;
pub mod error;
pub mod sink;
pub mod source;
pub mod types;

pub use apitap_build::{definition, schema};
pub use error::{Error, ErrorKind, Result};
