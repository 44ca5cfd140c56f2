//! Databases behind ADBC drivers: what each can itself, less what a driver cannot promise.
//!
//! No SQL of the user's runs there: some drivers run only the first of several statements, and say nothing.

use super::{
    Capabilities, Key, LAST_DAY, Length, MICROS_PER_DAY, Schemas, Values, YEAR_1, micros, postgres,
    sqlite,
};
use crate::definition::AdbcDialect;
use crate::schema::Type;

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
        AdbcDialect::Standard => &STANDARD,
        AdbcDialect::Snowflake => &SNOWFLAKE,
        AdbcDialect::Bigquery => &BIGQUERY,
        AdbcDialect::Mssql => &MSSQL,
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
        null_text: None,
        days: -DUCKDB_DAYS..=DUCKDB_DAYS,
        micros: DUCKDB_FIRST..=i64::MAX - 1,
    },
    ..POSTGRESQL
};

/// What any database is taken to have: of what they differ in, the least.
const STANDARD: Capabilities = Capabilities {
    name: "Standard SQL (ADBC)",
    // How one is created, and for whom, is not the same everywhere.
    schemas: Schemas::Existing,
    longest_name: Some(Length::Characters(128)),
    // In some they are the same.
    folds_case: true,
    system_columns: &[],
    // `VARBINARY`, `BYTEA`, `BLOB`, `BYTES`: there is no name that all know.
    without: &[Type::Binary],
    columns: 1000,
    key: Key::of_columns(16),
    // No session-level lock exists in all of these databases.
    keeps_runs_apart: false,
    values: Values {
        non_finite: false,
        nul: false,
        null_text: None,
        days: YEAR_1..=LAST_DAY,
        micros: micros(YEAR_1, LAST_DAY),
    },
    ..POSTGRESQL
};

const SNOWFLAKE: Capabilities = Capabilities {
    name: "Snowflake (ADBC)",
    longest_name: Some(Length::Characters(255)),
    // Ours are quoted.
    folds_case: false,
    without: &[],
    scale: 37,
    // Rows are loaded from Parquet files, of which `COPY INTO` takes this text for NULL.
    values: Values { non_finite: true, null_text: Some("\\N"), ..STANDARD.values },
    ..STANDARD
};

const BIGQUERY: Capabilities = Capabilities {
    name: "BigQuery (ADBC)",
    longest_name: Some(Length::Characters(300)),
    unfit_in_columns: &[
        '!', '"', '$', '(', ')', '*', ',', '.', '/', ';', '?', '@', '[', '\\', ']', '^', '`', '{',
        '}', '~',
    ],
    without: &[],
    columns: 10_000 - 1,
    values: Values { non_finite: true, ..STANDARD.values },
    ..STANDARD
};

const MSSQL: Capabilities = Capabilities {
    name: "SQL Server (ADBC)",
    without: &[],
    columns: 1024 - 1,
    // A character has two bytes or four.
    key: Key { columns: 16, text: Some(200), bytes: Some(900) },
    ..STANDARD
};
