//! The promises of every target, kept by MySQL.

use apitap::sink::conformance::{Place, Subject, check};
use async_trait::async_trait;

use super::*;

struct Mysql;

#[async_trait]
impl Subject for Mysql {
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
        let is_there = "SELECT COUNT(*) FROM information_schema.tables
                        WHERE table_schema = DATABASE() AND table_name = ?";
        let is_there: i64 =
            sqlx::query_scalar(is_there).bind(table).fetch_one(&mut connection).await.unwrap();
        if is_there == 0 {
            return Ok(None);
        }
        let rows = format!("SELECT id, value FROM `{table}` ORDER BY id, value");
        let rows = sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        Ok(Some(rows))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_keeps_what_every_target_promises() {
    assert_eq!(check(&Mysql).await, []);
}
