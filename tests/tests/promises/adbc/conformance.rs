//! The promises of every target, kept behind each driver.

use apitap::sink::conformance::{Place, Subject, check};
use async_trait::async_trait;

use super::*;

struct Databases(AdbcDialect);

#[async_trait]
impl Subject for Databases {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Database::new(self.0).await))
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

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_behind_its_driver_keeps_what_every_target_promises() {
    assert_eq!(check(&Databases(AdbcDialect::Duckdb)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_behind_its_driver_keeps_what_every_target_promises() {
    assert_eq!(check(&Databases(AdbcDialect::Postgresql)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_behind_its_driver_keeps_what_every_target_promises() {
    assert_eq!(check(&Databases(AdbcDialect::Sqlite)).await, []);
}
