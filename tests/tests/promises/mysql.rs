//! What the MySQL target promises, shown on a real MariaDB.

mod conformance;
mod connections;
mod evolve;
mod hooks;
mod modes;
mod tables;
mod values;

use std::sync::Arc;

use apitap::Result;
use apitap::definition::{Mode, TargetKind};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Load, Missing, Target, Written};
use serde_json::{Value, json};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor, MySqlConnection, Row};

use super::loads::{self, batch, fails, list, open, orders, schema};

/// A database of its own.
pub(super) struct Database {
    url: String,
}

impl Database {
    pub(super) async fn new() -> Self {
        Self { url: apitap_tests::mariadb::database().await }
    }

    async fn connection(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url).await.unwrap()
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    async fn execute(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.connection().await.execute(sql).await.unwrap();
    }

    /// Each row's columns, which must be text, separated by `|`.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::query(AssertSqlSafe(sql.to_owned()));
        let rows: Vec<MySqlRow> = self.connection().await.fetch_all(sql).await.unwrap();
        let text = |row: &MySqlRow, at| {
            row.get::<Option<String>, _>(at).unwrap_or_else(|| "NULL".to_owned())
        };
        rows.iter()
            .map(|row| (0..row.len()).map(|at| text(row, at)).collect::<Vec<_>>().join("|"))
            .collect()
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        loads::open_by_id(&destination(&self.url), table, mode, row).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        loads::load(&destination(&self.url), table, mode, row, rows).await
    }
}

fn destination(url: &str) -> Arc<dyn Target> {
    loads::destination(TargetKind::Mysql, url)
}
