//! `dialect` of a target that is reached through a driver.

use super::declare::choices;

choices! {
    /// Which SQL a database speaks that is reached through a driver.
    pub enum AdbcDialect {
        /// DuckDB: a file that one process writes at a time.
        Duckdb = "duckdb";
        /// PostgreSQL 13 or newer, and what speaks its SQL and has its catalog.
        Postgresql = "postgresql", also ["postgres", "pg"];
        /// A SQLite file.
        Sqlite = "sqlite", also ["sqlite3"];
        /// Any other database: standard SQL with transactions, `MERGE` and an `information_schema`.
        Standard = "standard", also ["ansi", "generic"];
        /// Snowflake.
        Snowflake = "snowflake";
        /// BigQuery.
        Bigquery = "bigquery", also ["bq"];
        /// SQL Server 2016 or newer, and Azure SQL.
        Mssql = "mssql", also ["sqlserver", "sql_server", "azure_sql"];
    }
}
