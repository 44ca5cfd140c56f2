//! A query → its rows in PostgreSQL, as texts that can be compared.

use apitap_tests::postgres;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::runtime::Runtime;

use super::query::Query;
use super::tables::{Table, script};

/// A fresh database.
pub(super) struct Server {
    runtime: Runtime,
    connection: PgConnection,
}

/// Why there are no rows.
#[derive(Debug)]
pub(super) enum Error {
    /// It is no query that PostgreSQL takes.
    Refused(String),
    /// It fails on some value.
    Failed(String),
}

impl Server {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(async {
            let url = postgres::database().await;
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let settings = "SET TIME ZONE 'UTC'; SET statement_timeout = '10s'; \
                            SET client_min_messages = 'error'";
            sqlx::raw_sql(settings).execute(&mut connection).await.unwrap();
            connection
        });
        Self { runtime, connection }
    }

    pub(super) fn create(&mut self, tables: &[Table]) {
        let script = sqlx::AssertSqlSafe(script(tables));
        self.runtime.block_on(sqlx::raw_sql(script).execute(&mut self.connection)).unwrap();
    }

    /// The rows as [`super::engine::answer`] has them.
    pub(super) fn rows(&mut self, query: &Query) -> Result<Vec<Vec<String>>, Error> {
        let columns = query.columns.iter();
        let columns: Vec<_> = columns.map(|(name, _)| format!("q.\"{name}\"::text")).collect();
        let sql = format!("SELECT {} FROM ({}) AS q", columns.join(", "), query.sql);
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        let rows = self.runtime.block_on(rows).map_err(|error| {
            let code = error.as_database_error().and_then(|error| error.code());
            match code.is_some_and(|code| code.starts_with("22") || code.starts_with("21")) {
                true => Error::Failed(error.to_string()),
                false => Error::Refused(error.to_string()),
            }
        })?;
        let cell = |row: &sqlx::postgres::PgRow, column: usize| {
            let text: Option<String> = row.get(column);
            let kind = query.columns[column].1;
            text.map_or_else(|| "-".to_owned(), |text| super::engine::comparable(kind, &text))
        };
        let rows = rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect());
        let mut rows: Vec<Vec<String>> = rows.collect();
        rows.sort();
        Ok(rows)
    }
}
