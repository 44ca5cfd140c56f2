//! Rows → multi-row INSERTs: into the staging table, each row with its number in front, or straight into a new table.
//!
//! SQLite works on a thread of its own: while it does, the values of the next statement are made ready.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::future::join;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Executor, SqliteConnection};

use super::{Sqlite, refused};
use crate::Result;
use crate::sink::load::Load;
use crate::sink::sql::{self, Place, STAGING, Stage, staged};
use crate::sink::values::Values;
use crate::sink::{refusal, slices, values};

/// The most rows of one INSERT: more are not faster.
const INSERT_ROWS: usize = 256;
/// SQLite's limit of parameters in one statement.
const MAX_PARAMETERS: usize = 32_766;

pub(in crate::sink) struct Insert {
    load: Arc<Load>,
    /// Batches are taken apart into pieces of about this many bytes.
    limit: usize,
    /// What stands before the rows of a statement.
    into: String,
    /// What stands behind them: what becomes of a key that is there.
    conflict: String,
    /// Whether each row has its number in front.
    numbered: bool,
    /// The statement of as many rows as one takes.
    full: Option<Arc<str>>,
    /// How many rows the database says it has taken.
    taken: u64,
}

impl Insert {
    /// Into the staging table.
    pub(super) fn staging(load: &Load, limit: usize) -> Self {
        let names: Vec<_> = (0..load.columns.len()).map(staged).collect();
        let into = format!("INSERT INTO temp.{STAGING} (seq,{}) VALUES ", names.join(","));
        Self::new(load, limit, into, true)
    }

    /// Into a table that the load has made, with its columns and its key. Of several rows of one key the one that
    /// counts stays.
    pub(super) fn direct(sqlite: &Sqlite, load: &Load, limit: usize, table: &Place) -> Self {
        let names = sql::list(sqlite, load.columns.iter().map(|column| column.name.as_str()));
        Self::new(load, limit, format!("INSERT INTO {table} {names} VALUES "), false)
    }

    fn new(load: &Load, limit: usize, into: String, numbered: bool) -> Self {
        let (load, limit, conflict) = (Arc::new(load.clone()), limit.max(1), String::new());
        Self { load, limit, into, conflict, numbered, full: None, taken: 0 }
    }

    /// Whether a key came twice among the rows of a new table.
    pub(super) fn has_key_twice(&self) -> bool {
        !self.conflict.is_empty()
    }

    /// The rows that the database says it has taken; where a key came twice, its rows may be counted or not.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Within a transaction: inserts rows with as many statements as it takes; `first` is the number of the first
    /// one.
    pub(super) async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        let mut next = first;
        for slice in slices::of(batch, self.limit) {
            self.insert_slice(connection, next, &slice).await?;
            next += slice.num_rows() as u64;
        }
        Ok(())
    }

    async fn insert_slice(
        &mut self,
        connection: &mut SqliteConnection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        let load = Arc::clone(&self.load);
        let columns = values::columns(&load, batch, first)?;
        let (numbered, all) = (self.numbered, batch.num_rows());
        let bind = |rows: Range<usize>| {
            let arguments = bound(&load, &columns, numbered, first, rows.clone());
            Ok::<_, crate::Error>((rows, arguments?))
        };
        let most = self.most_rows();
        let mut pieces =
            (0..all).step_by(most).map(|start| start..all.min(start.saturating_add(most)));
        let mut ready = pieces.next().map(bind).transpose()?;
        while let Some((rows, arguments)) = ready.take() {
            let following = async { pieces.next().map(bind).transpose() };
            let executed = self.execute(connection, arguments, rows.len());
            let (executed, following) = join(executed, following).await;
            let executed = match executed {
                // The statement has stored none of its rows.
                Err(error) if self.may_update(&error) => {
                    self.conflict = sql::on_conflict(&load, sql::double_quoted);
                    self.full = None;
                    let (rows, arguments) = bind(rows)?;
                    self.execute(connection, arguments, rows.len()).await
                }
                executed => executed,
            };
            executed.map_err(|error| refused(&load, "the rows for", &error))?;
            ready = following?;
        }
        Ok(())
    }

    /// Whether a statement failed because a key is there, and rows of one key have not been looked for yet.
    fn may_update(&self, error: &sqlx::Error) -> bool {
        let looks = self.numbered || self.load.key.is_empty() || !self.conflict.is_empty();
        !looks && error.as_database_error().is_some_and(|error| error.is_unique_violation())
    }

    async fn execute(
        &mut self,
        connection: &mut SqliteConnection,
        arguments: SqliteArguments,
        rows: usize,
    ) -> sqlx::Result<()> {
        let is_full = rows == self.most_rows();
        let statement = match &self.full {
            Some(full) if is_full => Arc::clone(full),
            _ => self.statement(rows).into(),
        };
        if is_full {
            self.full = Some(Arc::clone(&statement));
        }
        let insert = sqlx::query_with(AssertSqlSafe(statement), arguments).persistent(is_full);
        self.taken += connection.execute(insert).await?.rows_affected();
        Ok(())
    }

    /// How many parameters a row has.
    fn width(&self) -> usize {
        self.load.columns.len() + usize::from(self.numbered)
    }

    /// How many rows a statement takes.
    fn most_rows(&self) -> usize {
        (MAX_PARAMETERS / self.width()).clamp(1, INSERT_ROWS)
    }

    fn statement(&self, rows: usize) -> String {
        let row = format!("({}),", vec!["?"; self.width()].join(","));
        let rows = row.repeat(rows);
        format!("{}{}{}", self.into, rows.trim_end_matches(','), self.conflict)
    }

    /// It touches the temporary table only, so that it does not lock the database.
    async fn run(&self, connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
        let done = connection.execute(statement).await;
        done.map(drop).map_err(|error| refused(&self.load, "the rows for", &error))
    }
}

/// The values of rows, `first` being the number of the first one of the batch; with their numbers in front, or not.
fn bound(
    load: &Load,
    columns: &[Values<'_>],
    numbered: bool,
    first: u64,
    rows: Range<usize>,
) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(rows.len() * (columns.len() + usize::from(numbered)), 0);
    for row in rows {
        let number = first + row as u64;
        if numbered {
            arguments.add(number as i64).map_err(|error| unsent(load, error))?;
        }
        for (column, values) in load.columns.iter().zip(columns) {
            super::values::bind(values, row, &mut arguments)
                .map_err(|why| refusal::value(column, number, &why))?;
        }
    }
    Ok(arguments)
}

#[async_trait]
impl Stage<SqliteConnection> for Insert {
    async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        self.run(connection, "BEGIN").await?;
        self.insert(connection, first, batch).await?;
        self.run(connection, "COMMIT").await
    }

    async fn flush(&mut self, _connection: &mut SqliteConnection) -> Result<u64> {
        Ok(self.taken)
    }
}

fn unsent(load: &Load, error: impl std::fmt::Display) -> crate::Error {
    crate::Error::target(format!("the rows for `{}` cannot be sent: {error}", load.table))
}
