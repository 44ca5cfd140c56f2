//! SQLite: multi-row INSERTs into a temporary table in a file of its own, then one transaction.
//!
//! The database itself is locked only while the commit runs. What the values look like there is
//! said in [`values`].

mod catalog;
mod file;
mod values;

use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use super::load::Load;
use super::statement::{self, STAGING, quote, staged};
use super::{Sink, Written, refusal, slices};
use crate::definition::{Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::{Error, Result};

pub use file::File;

/// How long another writer may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most rows of one INSERT: more are not faster.
const INSERT_ROWS: usize = 128;
/// SQLite's limit of parameters in one statement.
const MAX_PARAMETERS: usize = 32_766;

/// A load into a table of a SQLite file.
pub(super) struct Sqlite {
    connection: SqliteConnection,
    load: Load,
    /// Its quoted name.
    table: String,
    received: u64,
    staged: u64,
    limits: Limits,
}

impl Sqlite {
    pub(super) async fn open(file: &File, mut load: Load, limits: &Limits) -> Result<Self> {
        load.check_names(TargetKind::Sqlite)?;
        let mut connection = file.connect(PATIENCE).await?;
        let table = format!("main.{}", quote(&load.table.name));
        let columns: Vec<_> =
            (0..load.columns.len()).map(|at| format!(", {}", staged(at))).collect();
        let staging = format!(
            "CREATE TEMPORARY TABLE {STAGING} (seq INTEGER PRIMARY KEY{})",
            columns.concat()
        );
        run(&mut connection, staging).await.map_err(|error| refused(&load, "to stage", &error))?;
        let ready = rehearse(&mut connection, &load, &table).await?;
        load.require(&ready.not_null);
        Ok(Self { connection, load, table, received: 0, staged: 0, limits: *limits })
    }

    /// Stages rows with as many statements as it takes; `first` is the number of the first row.
    async fn stage(&mut self, batch: &RecordBatch, first: u64) -> Result<()> {
        let columns = values::columns(&self.load, batch, first)?;
        let width = columns.len();
        let per_insert = (MAX_PARAMETERS / width.max(1)).clamp(1, INSERT_ROWS);
        for start in (0..batch.num_rows()).step_by(per_insert) {
            let rows = start..batch.num_rows().min(start + per_insert);
            let mut arguments = SqliteArguments::default();
            for row in rows.clone() {
                for (column, values) in self.load.columns.iter().zip(&columns) {
                    values
                        .bind(row, &mut arguments)
                        .map_err(|why| refusal::value(column, first + row as u64, &why))?;
                }
            }
            let insert = sqlx::query_with(AssertSqlSafe(insert(width, rows.len())), arguments)
                .persistent(rows.len() == per_insert);
            let done = self.connection.execute(insert).await;
            let done = done.map_err(|error| refused(&self.load, "the rows for", &error))?;
            self.staged += done.rows_affected();
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for Sqlite {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut next = self.received + 1;
        // Counted before anything can fail: the commit refuses unless as many have arrived.
        self.received += batch.num_rows() as u64;
        self.load.check(&batch, next)?;
        // It touches the temporary table only, so that it does not lock the database.
        let to_stage = |error| refused(&self.load, "the rows for", &error);
        run(&mut self.connection, "BEGIN".to_owned()).await.map_err(to_stage)?;
        for slice in slices::of(&batch, self.limits.copy) {
            self.stage(&slice, next).await?;
            next += slice.num_rows() as u64;
        }
        let to_stage = |error| refused(&self.load, "the rows for", &error);
        run(&mut self.connection, "COMMIT".to_owned()).await.map_err(to_stage)
    }

    async fn commit(mut self: Box<Self>) -> Result<Written> {
        let Self { connection, load, table, received, staged, .. } = &mut *self;
        if staged != received {
            return Err(refusal::lost(&load.table, *received, *staged));
        }
        let to_write = |error| refused(load, "the rows for", &error);
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(to_write)?;
        let ready = prepare(&mut transaction, load, table).await?;
        let mut stored = 0;
        for statement in apply(load, table, ready.new) {
            let done = transaction.execute(AssertSqlSafe(statement)).await.map_err(to_write)?;
            stored = done.rows_affected();
        }
        transaction.commit().await.map_err(to_write)?;
        Ok(Written { received: *received, stored })
    }
}

/// A table that takes the rows.
struct Ready {
    /// Whether this transaction has created it.
    new: bool,
    /// The columns that take no null.
    not_null: Vec<String>,
}

/// Does what the commit will do, with no rows, and takes it back.
async fn rehearse(connection: &mut SqliteConnection, load: &Load, table: &str) -> Result<Ready> {
    let to_take = |error| refused(load, "to take rows into", &error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(to_take)?;
    let ready = prepare(&mut transaction, load, table).await?;
    for statement in apply(load, table, ready.new) {
        // Compiled and not run: a DELETE of millions of rows is not free.
        run(&mut transaction, format!("EXPLAIN {statement}")).await.map_err(to_take)?;
    }
    transaction.rollback().await.map_err(to_take)?;
    Ok(ready)
}

/// Within a transaction: a table that takes the rows.
async fn prepare(connection: &mut SqliteConnection, load: &Load, table: &str) -> Result<Ready> {
    if let Some(found) = catalog::find(connection, load).await? {
        catalog::check(&found, load, table)?;
        return Ok(Ready { new: false, not_null: found.not_null() });
    }
    let types: Vec<_> =
        load.columns.iter().map(|column| catalog::sql(&column.ty).to_owned()).collect();
    run(connection, statement::create_table(load, table, &types, statement::primary_key(load)))
        .await
        .map_err(|error| refused(load, "to create", &error))?;
    Ok(Ready { new: true, not_null: Vec::new() })
}

fn apply(load: &Load, table: &str, new: bool) -> Vec<String> {
    let values: Vec<_> = (0..load.columns.len()).map(staged).collect();
    let staging = format!("temp.{STAGING}");
    let last = match statement::staged_key(load).as_str() {
        // Without a WHERE, SQLite takes ON CONFLICT for part of a join.
        "" => "true".to_owned(),
        key => format!("seq IN (SELECT max(seq) FROM {staging} GROUP BY {key})"),
    };
    let rows = format!("SELECT {} FROM {staging} WHERE {last}", values.join(", "));
    statement::apply(load, table, &rows, new)
}

fn insert(width: usize, rows: usize) -> String {
    let names: Vec<_> = (0..width).map(staged).collect();
    let row = format!("({})", vec!["?"; width].join(","));
    format!("INSERT INTO temp.{STAGING} ({}) VALUES {}", names.join(","), vec![row; rows].join(","))
}

/// Runs a statement that yields no rows.
async fn run(connection: &mut SqliteConnection, statement: String) -> sqlx::Result<()> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.map(drop)
}

/// SQLite's own words about what it refused to do with the table.
fn refused(load: &Load, what: &str, error: &sqlx::Error) -> Error {
    let table = &load.table;
    let refused = Error::target(format!("SQLite refused {what} `{table}`: {}", file::said(error)));
    match error.as_database_error() {
        Some(error) if error.is_unique_violation() && load.mode == Mode::Append => {
            refused.help("to update the rows that are there already, use the mode `merge`")
        }
        Some(error) if file::is_busy(error) => {
            refused.help("another program keeps the file locked: let it finish, then run again")
        }
        _ => refused,
    }
}
