//! The promises of every target, kept behind each driver.

use apitap::sink::conformance::{Place, Subject, check};
use async_trait::async_trait;

use super::*;

/// A dialect, and the database that it is spoken to.
struct Databases(AdbcDialect, AdbcDialect);

#[async_trait]
impl Subject for Databases {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Database::speaking(self.0, self.1).await))
    }
}

#[async_trait]
impl Place for Database {
    fn target(&self) -> Arc<dyn Target> {
        self.target()
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        if !self.is_there(table) {
            return Ok(None);
        }
        let rows = self.rows(&format!("SELECT id, value FROM \"{table}\" ORDER BY id, value"));
        let row = |row: String| {
            let (id, value) = row.split_once('|').unwrap();
            (id.parse().unwrap(), Some(value.to_owned()).filter(|value| value != "NULL"))
        };
        Ok(Some(rows.into_iter().map(row).collect()))
    }
}

async fn keeps(dialect: AdbcDialect, engine: AdbcDialect) {
    assert_eq!(check(&Databases(dialect, engine)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_behind_its_driver_keeps_what_every_target_promises() {
    keeps(AdbcDialect::Duckdb, AdbcDialect::Duckdb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_behind_its_driver_keeps_what_every_target_promises() {
    keeps(AdbcDialect::Postgresql, AdbcDialect::Postgresql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_behind_its_driver_keeps_what_every_target_promises() {
    keeps(AdbcDialect::Sqlite, AdbcDialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_sql_to_postgresql_keeps_what_every_target_promises() {
    keeps(AdbcDialect::Standard, AdbcDialect::Postgresql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_sql_to_duckdb_keeps_what_every_target_promises() {
    keeps(AdbcDialect::Standard, AdbcDialect::Duckdb).await;
}
