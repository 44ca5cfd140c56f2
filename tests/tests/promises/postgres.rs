//! What the PostgreSQL target promises, shown on a real server.

mod conformance;
mod connections;
mod evolve;
mod first_load;
mod hooks;
mod locks;
mod modes;
mod pool;
mod refusals;
mod replace;
mod swap;
mod tables;
mod transactions;
mod unchanged;
mod values;

use std::sync::Arc;
use std::time::Duration;

use apitap::Result;
use apitap::definition::{Mode, TargetKind};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Load, Missing, Target, Written};
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, Row};

use super::loads::{self, batch, fails, list, open, orders, schema};

/// A database of its own.
pub(super) struct Database {
    url: String,
}

impl Database {
    pub(super) async fn new() -> Self {
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

    /// Ends the sessions of the database of which that holds, and waits until they are gone.
    async fn end_sessions(&self, condition: &str) {
        let theirs = format!(
            "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
             AND {condition}"
        );
        let ended = self.rows(&format!("SELECT pg_terminate_backend(pid)::text {theirs}")).await;
        assert!(!ended.is_empty());
        while !self.rows(&format!("SELECT pid::text {theirs}")).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        loads::open_by_id(&destination(&self.url), table, mode, row).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        loads::load(&destination(&self.url), table, mode, row, rows).await
    }
}

fn destination(url: &str) -> Arc<dyn Target> {
    loads::destination(TargetKind::Postgres, url)
}
