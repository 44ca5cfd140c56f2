//! Where rows go: Arrow batches → a table, and the state that says which rows they are.
//!
//! `contract` says what a target is; each target has a module of its own, and those that speak SQL
//! share a skeleton. A target knows the row schema, the table and the mode. It does not know where
//! the rows come from.

mod adbc;
pub mod conformance;
mod contract;
mod destination;
mod document;
mod dry;
mod feed;
mod files;
mod load;
mod locked;
mod mysql;
mod postgres;
mod refusal;
mod runs;
mod server;
mod slices;
mod sql;
mod sqlite;
mod text;
mod values;

pub use contract::{Difference, Remembered, Session, State, StateChange, Target, Writer, Written};
pub(crate) use destination::dry;
pub use destination::resolve;
pub(crate) use feed::feed;
pub use files::Files;
pub use load::{Column, Load, Missing, Required};
pub use mysql::Mysql;
pub use postgres::Postgres;
pub use runs::{KEPT as KEPT_RUNS, RunEntry, RunStatus};
pub use sqlite::Sqlite;

#[cfg(test)]
mod tests;
