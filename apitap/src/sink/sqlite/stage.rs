//! Rows → multi-row INSERTs into the staging table, each row with its number in front.

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Executor, SqliteConnection};

use super::refused;
use crate::Result;
use crate::sink::load::Load;
use crate::sink::sql::{STAGING, Stage, staged};
use crate::sink::{refusal, slices, values};

/// The most rows of one INSERT: more are not faster.
const INSERT_ROWS: usize = 128;
/// SQLite's limit of parameters in one statement.
const MAX_PARAMETERS: usize = 32_766;

pub(in crate::sink) struct Insert {
    load: Load,
    /// Batches are taken apart into pieces of about this many bytes.
    limit: usize,
    staged: u64,
}

impl Insert {
    pub(super) fn new(load: &Load, limit: usize) -> Self {
        Self { load: load.clone(), limit: limit.max(1), staged: 0 }
    }

    /// Stages rows with as many statements as it takes; `first` is the number of the first row.
    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        batch: &RecordBatch,
        first: u64,
    ) -> Result<()> {
        let columns = values::columns(&self.load, batch, first)?;
        let width = columns.len() + 1;
        let per_insert = (MAX_PARAMETERS / width).clamp(1, INSERT_ROWS);
        for start in (0..batch.num_rows()).step_by(per_insert) {
            let rows = start..batch.num_rows().min(start + per_insert);
            let mut arguments = SqliteArguments::default();
            for row in rows.clone() {
                let number = first + row as u64;
                arguments.add(number as i64).map_err(|error| unsent(&self.load, error))?;
                for (column, values) in self.load.columns.iter().zip(&columns) {
                    super::values::bind(values, row, &mut arguments)
                        .map_err(|why| refusal::value(column, number, &why))?;
                }
            }
            let insert =
                sqlx::query_with(AssertSqlSafe(statement(columns.len(), rows.len())), arguments)
                    .persistent(rows.len() == per_insert);
            let done = connection.execute(insert).await;
            let done = done.map_err(|error| refused(&self.load, "the rows for", &error))?;
            self.staged += done.rows_affected();
        }
        Ok(())
    }

    /// It touches the temporary table only, so that it does not lock the database.
    async fn run(&self, connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
        let done = connection.execute(statement).await;
        done.map(drop).map_err(|error| refused(&self.load, "the rows for", &error))
    }
}

#[async_trait]
impl Stage<SqliteConnection> for Insert {
    async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        let mut next = first;
        self.run(connection, "BEGIN").await?;
        for slice in slices::of(batch, self.limit) {
            self.insert(connection, &slice, next).await?;
            next += slice.num_rows() as u64;
        }
        self.run(connection, "COMMIT").await
    }

    async fn flush(&mut self, _connection: &mut SqliteConnection) -> Result<u64> {
        Ok(self.staged)
    }
}

fn statement(columns: usize, rows: usize) -> String {
    let names: Vec<_> = (0..columns).map(staged).collect();
    let row = format!("({})", vec!["?"; columns + 1].join(","));
    let rows = vec![row; rows].join(",");
    format!("INSERT INTO temp.{STAGING} (seq,{}) VALUES {rows}", names.join(","))
}

fn unsent(load: &Load, error: impl std::fmt::Display) -> crate::Error {
    crate::Error::target(format!("the rows for `{}` cannot be sent: {error}", load.table))
}
