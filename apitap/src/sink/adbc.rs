//! Databases behind ADBC drivers: shared libraries, which are loaded when a load begins.
//!
//! A driver takes Arrow batches as they are, and SQL. What the SQL is, and where the catalog is, each
//! database has in a module of its own ([`Database`]), or as data beside the others that speak standard SQL
//! ([`standard`]); the way of a load is that of all targets that speak
//! SQL: rows go into a temporary table by the driver's bulk ingestion, and one transaction puts them
//! into theirs.
//!
//! Calls of a driver block. Each connection has a thread of its own for them ([`connection`]).

#[cfg(not(feature = "adbc"))]
mod absent;
#[cfg(feature = "adbc")]
mod connection;
#[cfg(feature = "adbc")]
mod database;
#[cfg(feature = "adbc")]
mod driver;
#[cfg(feature = "adbc")]
mod duckdb;
#[cfg(feature = "adbc")]
mod foreign;
#[cfg(feature = "adbc")]
mod ingest;
#[cfg(feature = "adbc")]
mod postgresql;
#[cfg(feature = "adbc")]
mod query;
#[cfg(feature = "adbc")]
mod refusal;
#[cfg_attr(not(feature = "adbc"), allow(dead_code, reason = "there is no driver to tell"))]
mod settings;
#[cfg(feature = "adbc")]
mod sqlite;
#[cfg(feature = "adbc")]
mod standard;

use std::sync::Arc;

use super::contract::Target;
use crate::definition::{AdbcDialect, Connection};
use crate::environment::Environment;
use settings::Settings;

/// A target's driver and its options, with the variables' values in place of their names.
#[cfg(feature = "adbc")]
pub(super) fn resolve(
    dialect: AdbcDialect,
    connection: &Connection,
    environment: &mut Environment,
) -> Arc<dyn Target> {
    use database::Adbc;
    use standard::Standard;

    let settings = Settings::resolve(connection, environment);
    match dialect {
        AdbcDialect::Duckdb => Arc::new(Adbc::<duckdb::Duckdb>::new(settings)),
        AdbcDialect::Postgresql => Arc::new(Adbc::<postgresql::Postgresql>::new(settings)),
        AdbcDialect::Sqlite => Arc::new(Adbc::<sqlite::Sqlite>::new(settings)),
        AdbcDialect::Standard => Arc::new(Standard::<standard::Ansi>::new(settings)),
        AdbcDialect::Snowflake => Arc::new(Standard::<standard::Snowflake>::new(settings)),
        AdbcDialect::Bigquery => Arc::new(Standard::<standard::Bigquery>::new(settings)),
        AdbcDialect::Mssql => Arc::new(Standard::<standard::Mssql>::new(settings)),
    }
}

/// The same, for a target that says that it cannot be reached.
#[cfg(not(feature = "adbc"))]
pub(super) fn resolve(
    dialect: AdbcDialect,
    connection: &Connection,
    environment: &mut Environment,
) -> Arc<dyn Target> {
    Arc::new(absent::Absent::new(dialect, &Settings::resolve(connection, environment)))
}
