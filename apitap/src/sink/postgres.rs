//! PostgreSQL: binary COPY into a temporary table, then one transaction.
//!
//! Each COPY commits by itself, so no transaction is open while rows are fetched: nothing is locked
//! and nothing holds back VACUUM before the commit.

mod address;
mod catalog;
mod copy;
mod types;
mod wire;

use std::borrow::Cow;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::load::Load;
use super::statement::{self, STAGING, quote, staged};
use super::{Sink, Written, refusal, slices};
use crate::definition::{Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::{Error, Result};

pub use address::Address;

/// What PostgreSQL calls a key that occurs twice.
const UNIQUE_VIOLATION: &str = "23505";

/// A load into a table of PostgreSQL.
pub(super) struct Postgres {
    connection: PgConnection,
    load: Load,
    table: catalog::Place,
    copy: copy::Copy,
    received: u64,
    limits: Limits,
}

impl Postgres {
    pub(super) async fn open(address: &Address, mut load: Load, limits: &Limits) -> Result<Self> {
        load.check_names(TargetKind::Postgres)?;
        let mut connection = address.connect().await?;
        let table = catalog::place(&mut connection, &load.table).await?;
        let types: Vec<_> = load.columns.iter().map(|c| types::staged(&c.ty)).collect();
        let columns: Vec<_> =
            types.iter().enumerate().map(|(at, ty)| format!(", {} {ty}", staged(at))).collect();
        // Arrays of timestamps are staged without a time zone: theirs is UTC.
        let session = format!(
            "SET client_min_messages = warning; SET TIME ZONE 'UTC';
             CREATE TEMPORARY TABLE {STAGING} (seq bigint NOT NULL{})",
            columns.concat()
        );
        run(&mut connection, session).await.map_err(|error| refused(&load, "to stage", error))?;
        let copy = copy::Copy::new(&load)?;
        let ready = rehearse(&mut connection, &load, &table).await?;
        load.require(&ready.not_null);
        Ok(Self { connection, load, table, copy, received: 0, limits: *limits })
    }
}

#[async_trait]
impl Sink for Postgres {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let first = self.received + 1;
        // Counted before anything can fail: the commit refuses unless as many have arrived.
        self.received += batch.num_rows() as u64;
        self.load.check(&batch, first)?;
        let mut next = first;
        for slice in slices::of(&batch, self.limits.copy) {
            self.copy.append(&self.load, &slice, next)?;
            next += slice.num_rows() as u64;
            if self.copy.bytes() >= self.limits.copy {
                self.copy.send(&mut self.connection, &self.load).await?;
            }
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<Written> {
        let Self { connection, load, table, copy, received, .. } = &mut *self;
        copy.send(connection, load).await?;
        if copy.staged() != *received {
            return Err(refusal::lost(&load.table, *received, copy.staged()));
        }
        let to_write = |error| refused(load, "the rows for", error);
        let mut transaction = connection.begin().await.map_err(to_write)?;
        let ready = prepare(&mut transaction, load, table).await?;
        if load.mode == Mode::Replace {
            let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
            run(&mut transaction, lock).await.map_err(to_write)?;
        }
        let stored = match ready.new {
            true => fill(&mut transaction, load, table).await,
            false => all(&mut transaction, apply(load, table, &last_rows(load), false)).await,
        };
        let stored = stored.map_err(to_write)?;
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
async fn rehearse(
    connection: &mut PgConnection,
    load: &Load,
    table: &catalog::Place,
) -> Result<Ready> {
    let to_take = |error| refused(load, "to take rows into", error);
    let mut transaction = connection.begin().await.map_err(to_take)?;
    let ready = prepare(&mut transaction, load, table).await?;
    for statement in apply(load, table, &last_rows(load), ready.new) {
        // Planned, with all rights checked, and not run: a DELETE of millions of rows is not free.
        run(&mut transaction, format!("EXPLAIN {statement}")).await.map_err(to_take)?;
    }
    if ready.new {
        add_key(&mut transaction, load, table).await.map_err(to_take)?;
    }
    transaction.rollback().await.map_err(to_take)?;
    Ok(ready)
}

/// Within a transaction: one run at a time, and a table that takes the rows.
async fn prepare(
    connection: &mut PgConnection,
    load: &Load,
    table: &catalog::Place,
) -> Result<Ready> {
    let to_create = |error| refused(load, "to create", error);
    lock(connection, &table.to_string()).await.map_err(to_create)?;
    if let Some(found) = catalog::find(connection, load, table).await? {
        catalog::check(&found, load, table)?;
        return Ok(Ready { new: false, not_null: found.not_null() });
    }
    if !catalog::schema_exists(connection, load, table).await? {
        let schema = quote(&table.schema);
        lock(connection, &schema).await.map_err(to_create)?;
        run(connection, format!("CREATE SCHEMA IF NOT EXISTS {schema}"))
            .await
            .map_err(to_create)?;
    }
    let types: Vec<_> = load.columns.iter().map(|column| types::sql(&column.ty)).collect();
    let mut create = vec![statement::create_table(load, &table.to_string(), &types, None)];
    create.extend(load.columns.iter().filter_map(|column| {
        let description = column.description.as_deref()?.replace('\'', "''");
        let name = quote(&column.name);
        Some(format!("COMMENT ON COLUMN {table}.{name} IS '{description}'"))
    }));
    run(connection, create.join(";\n")).await.map_err(to_create)?;
    Ok(Ready { new: true, not_null: Vec::new() })
}

/// Waits until no other run of apitap is at work on that name; ends with the transaction.
async fn lock(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))";
    connection.execute(sqlx::query(lock).bind(name)).await.map(drop)
}

/// A new table gets its key when the rows are in: that is faster, and there is nothing to update.
async fn add_key(
    connection: &mut PgConnection,
    load: &Load,
    table: &catalog::Place,
) -> sqlx::Result<()> {
    match statement::primary_key(load) {
        Some(key) => run(connection, format!("ALTER TABLE {table} ADD {key}")).await,
        None => Ok(()),
    }
}

/// Fills a new table and gives it its key.
///
/// Mostly, no key comes twice: then the rows need not be sorted by it, which would take as long as
/// the rest. The index of the key tells.
async fn fill(
    connection: &mut PgConnection,
    load: &Load,
    table: &catalog::Place,
) -> sqlx::Result<u64> {
    let mut attempt = connection.begin().await?;
    let stored = all(&mut attempt, apply(load, table, &every_row(load), true)).await?;
    match add_key(&mut attempt, load, table).await {
        Ok(()) => return attempt.commit().await.map(|()| stored),
        Err(error) if code(&error).as_deref() == Some(UNIQUE_VIOLATION) => {}
        Err(error) => return Err(error),
    }
    attempt.rollback().await?;
    // What was taken back would stay in the table's file.
    run(connection, format!("TRUNCATE {table}")).await?;
    let stored = all(connection, apply(load, table, &last_rows(load), true)).await?;
    add_key(connection, load, table).await.map(|()| stored)
}

/// The statements that put these rows into the table.
fn apply(load: &Load, table: &catalog::Place, rows: &str, new: bool) -> Vec<String> {
    statement::apply(load, &table.to_string(), rows, new)
}

/// The query of all staged rows.
fn every_row(load: &Load) -> String {
    format!("SELECT {} FROM pg_temp.{STAGING}", values(load))
}

/// The query of the last staged row of each key.
fn last_rows(load: &Load) -> String {
    match statement::staged_key(load).as_str() {
        "" => every_row(load),
        // Sorted by the key, the rows also go into its index in order.
        key => format!(
            "SELECT DISTINCT ON ({key}) {} FROM pg_temp.{STAGING} ORDER BY {key}, seq DESC",
            values(load)
        ),
    }
}

/// The staged values as those of the table.
fn values(load: &Load) -> String {
    let columns = load.columns.iter().enumerate();
    let values: Vec<_> = columns
        .map(|(place, column)| format!("{}{}", staged(place), types::cast(&column.ty)))
        .collect();
    values.join(", ")
}

/// Runs the statements of a load; gives the rows that the last one has stored.
async fn all(connection: &mut PgConnection, statements: Vec<String>) -> sqlx::Result<u64> {
    let mut stored = 0;
    for statement in statements {
        stored = connection.execute(AssertSqlSafe(statement)).await?.rows_affected();
    }
    Ok(stored)
}

/// Runs statements that yield no rows.
async fn run(connection: &mut PgConnection, statements: String) -> sqlx::Result<()> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await.map(drop)
}

/// PostgreSQL's own words about what it refused to do with the table.
fn refused(load: &Load, what: &str, error: sqlx::Error) -> Error {
    let table = &load.table;
    let said = address::said(&error);
    let refused = Error::target(format!("PostgreSQL refused {what} `{table}`: {said}"));
    match code(&error).as_deref() {
        Some(UNIQUE_VIOLATION) if load.mode == Mode::Append => {
            refused.help("to update the rows that are there already, use the mode `merge`")
        }
        Some("42501") => refused.help("grant the user what is missing, or connect as another"),
        _ => refused,
    }
}

/// PostgreSQL's code of an error, where it is one of its own.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}
