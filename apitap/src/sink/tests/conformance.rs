//! The promises of every target, kept by SQLite.

use async_trait::async_trait;

use super::*;
use crate::sink::conformance::{Place, Subject, check};

struct Sqlite;

#[async_trait]
impl Subject for Sqlite {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Database::new()))
    }
}

#[async_trait]
impl Place for Database {
    fn target(&self) -> Arc<dyn Target> {
        self.destination()
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let mut connection = self.connection().await;
        let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)";
        let is_there: bool =
            sqlx::query_scalar(is_there).bind(table).fetch_one(&mut connection).await.unwrap();
        if !is_there {
            return Ok(None);
        }
        let rows = format!("SELECT id, value FROM \"{table}\" ORDER BY id, value");
        let rows = sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        Ok(Some(rows))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_what_every_target_promises() {
    assert_eq!(check(&Sqlite).await, []);
}
