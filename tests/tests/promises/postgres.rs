//! What the PostgreSQL target promises, shown on a real server.

mod conformance;
mod connections;
mod first_load;
mod locks;
mod modes;
mod refusals;
mod replace;
mod tables;
mod transactions;
mod values;

use std::sync::Arc;

use apitap::Result;
use apitap::definition::{Connection, Mode, TargetKind, Template};
use apitap::schema::{Field, Item, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Load, Target, Written, resolve};
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use arrow_json::ReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, Row};

/// A database of its own.
struct Database {
    url: String,
}

impl Database {
    async fn new() -> Self {
        Self { url: apitap_tests::postgres::database().await }
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.connection().await.execute(sql).await.unwrap();
    }

    /// Each row's columns, which must be text, separated by `|`.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let rows: Vec<PgRow> = self.connection().await.fetch_all(sql).await.unwrap();
        let text =
            |row: &PgRow, at| row.get::<Option<String>, _>(at).unwrap_or_else(|| "NULL".to_owned());
        rows.iter()
            .map(|row| (0..row.len()).map(|at| text(row, at)).collect::<Vec<_>>().join("|"))
            .collect()
    }

    /// The table's rows as PostgreSQL writes them, in some order of their own.
    async fn table(&self, name: &str) -> Vec<String> {
        self.rows(&format!("SELECT t::text FROM {name} t ORDER BY 1")).await
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        let key = if row.field("id").is_some() { vec!["id".to_owned()] } else { Vec::new() };
        open(&destination(&self.url), table, mode, &key, row).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        let mut sink = self.open(table, mode, row).await?;
        sink.write(batch(row, rows)).await?;
        sink.commit().await
    }
}

fn destination(url: &str) -> Arc<dyn Target> {
    let connection = Connection::Url(Template(url.to_owned()));
    let kind = TargetKind::Postgres;
    let target = apitap::definition::Target { name: "db".to_owned(), kind, connection };
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
    let schema = apitap::schema::arrow::schema(row);
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
