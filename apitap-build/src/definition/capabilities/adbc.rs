//! Databases behind ADBC drivers: what each can itself, less what a driver cannot promise.
//!
//! No SQL of the user's runs there: some drivers run only the first of several statements, and say nothing.

use super::{Capabilities, Key, MICROS_PER_DAY, Schemas, Values, postgres, sqlite};
use crate::definition::AdbcDialect;

/// What the staging table's name begins with: a temporary table hides another one of its name.
const RESERVED: Option<(&str, &str)> = Some(("_apitap_", "apitap"));

/// The first and the last day of DuckDB, in days from 1970-01-01: 5877642-06-25 BC and 5881580-07-10. What is
/// beyond is an infinity.
const DUCKDB_DAYS: i32 = i32::MAX - 1;
/// The first instant of DuckDB: 290309-12-22 BC.
const DUCKDB_FIRST: i64 = -106_751_991 * MICROS_PER_DAY;

pub(super) fn of(dialect: AdbcDialect) -> &'static Capabilities {
    match dialect {
        AdbcDialect::Duckdb => &DUCKDB,
        AdbcDialect::Postgresql => &POSTGRESQL,
        AdbcDialect::Sqlite => &SQLITE,
    }
}

const POSTGRESQL: Capabilities = Capabilities {
    name: "PostgreSQL (ADBC)",
    reserved_prefix: RESERVED,
    hooks: false,
    renews_tables: false,
    writers: 1,
    ..postgres::CAPABILITIES
};

/// Names that begin with `sqlite_` the database itself refuses, before the first row.
const SQLITE: Capabilities = Capabilities {
    name: "SQLite (ADBC)",
    reserved_prefix: RESERVED,
    hooks: false,
    renews_tables: false,
    ..sqlite::CAPABILITIES
};

const DUCKDB: Capabilities = Capabilities {
    name: "DuckDB (ADBC)",
    schemas: Schemas::Any,
    longest_name: None,
    folds_case: true,
    system_columns: &[],
    columns: 10_000,
    key: Key::of_columns(1_000),
    scale: 38,
    values: Values {
        non_finite: true,
        nul: true,
        days: -DUCKDB_DAYS..=DUCKDB_DAYS,
        micros: DUCKDB_FIRST..=i64::MAX - 1,
    },
    ..POSTGRESQL
};
