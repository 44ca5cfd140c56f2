//! The promises of every target, kept by PostgreSQL.

use apitap::sink::conformance::{Place, Subject, check};
use async_trait::async_trait;

use super::*;

struct Postgres;

#[async_trait]
impl Subject for Postgres {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Database::new().await))
    }
}

#[async_trait]
impl Place for Database {
    fn target(&self) -> Arc<dyn Target> {
        destination(&self.url)
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let mut connection = self.connection().await;
        let is_there = "SELECT to_regclass($1) IS NOT NULL";
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
async fn postgresql_keeps_what_every_target_promises() {
    assert_eq!(check(&Postgres).await, []);
}
