//! What every target keeps, shown on SQLite. PostgreSQL's own suite is in the package `tests`.

mod conformance;
mod destinations;
mod evolve;
mod files;
mod first_load;
mod modes;
mod refusals;
mod shared;
mod tables;
mod transactions;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Date32Array, Float64Array, RecordBatch, StringArray};
use arrow_json::ReaderBuilder;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqliteConnection};
use tempfile::TempDir;

use super::conformance::Run;
use super::{Load, Target, Written, resolve};
use crate::Result;
use crate::definition::{Connection, Mode, TargetKind, Template};
use crate::schema::{Field, Item, Schema, Type, scalar};

/// A type of each kind that a column can have, but for lists.
pub(super) fn every_type() -> Vec<Type> {
    let others = [Type::Decimal { precision: 38, scale: 9 }, Type::Record(Vec::new())];
    scalar::plain().map(|scalar| scalar.ty.clone()).chain(others).collect()
}

/// A SQLite file of its own.
struct Database {
    folder: TempDir,
}

impl Database {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    fn destination(&self) -> Arc<dyn Target> {
        sqlite(self.path().to_str().unwrap())
    }

    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        options.connect().await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.connection().await.execute(sql).await.unwrap();
    }

    /// Each row's values, separated by `|`, as SQLite itself writes them.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let rows: Vec<SqliteRow> = self.connection().await.fetch_all(sql).await.unwrap();
        let text = |row: &SqliteRow, at| {
            row.get_unchecked::<Option<String>, _>(at).unwrap_or_else(|| "NULL".to_owned())
        };
        rows.iter()
            .map(|row| (0..row.len()).map(|at| text(row, at)).collect::<Vec<_>>().join("|"))
            .collect()
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        let key = if row.field("id").is_some() { vec!["id".to_owned()] } else { Vec::new() };
        open(&self.destination(), table, mode, &key, row).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        let mut sink = self.open(table, mode, row).await?;
        sink.write(batch(row, rows)).await?;
        sink.commit().await
    }
}

fn sqlite(url: &str) -> Arc<dyn Target> {
    target(TargetKind::Sqlite, Connection::Url(Template(url.to_owned())))
}

fn target(kind: TargetKind, connection: Connection) -> Arc<dyn Target> {
    let target =
        crate::definition::Target { name: "db".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, &mut Default::default())
}

async fn open(
    target: &Arc<dyn Target>,
    table: &str,
    mode: Mode,
    key: &[String],
    row: &Schema,
) -> Result<Run> {
    Run::open(target.as_ref(), table, mode, key, row).await
}

fn batch(row: &Schema, rows: Value) -> RecordBatch {
    let schema = crate::schema::arrow::schema(row);
    let rows: Vec<Value> = rows.as_array().unwrap().clone();
    let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().unwrap();
    decoder.serialize(&rows).unwrap();
    decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(schema))
}

fn schema(fields: &[(&str, Type, bool)]) -> Schema {
    fields.iter().map(|(name, ty, nullable)| Field::new(*name, ty.clone(), *nullable)).collect()
}

fn orders() -> Schema {
    schema(&[("id", Type::Int64, false), ("status", Type::String, true)])
}

fn list(ty: Type) -> Type {
    Type::List(Box::new(Item { ty, nullable: true }))
}

#[track_caller]
fn fails<T>(result: Result<T>, expected: &str) {
    match result {
        Ok(_) => panic!("this was to fail with: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}
