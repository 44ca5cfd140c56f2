//! SQLite behind its driver: the types, the words and the lock of `type: sqlite`.

use std::path::PathBuf;

use async_trait::async_trait;

use super::connection::Connection;
use super::database::{Adbc, Database, STAGING};
use super::ingest::Sent;
use crate::definition::AdbcDialect;
use crate::definition::table::TableName;
use crate::schema::Type;
use crate::schema::scalar::Domain;
use crate::sink::load::Load;
use crate::sink::sql::{self, Change, Claim, Found, Place};
use crate::sink::sqlite::{catalog, claim};
use crate::{Error, Result};

#[derive(Debug, Clone, Copy)]
pub(super) struct Sqlite;

const DIALECT: AdbcDialect = AdbcDialect::Sqlite;

#[async_trait]
impl Database for Sqlite {
    const DIALECT: AdbcDialect = DIALECT;
    // A transaction that only later begins to write may find that it cannot.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const NOW: &'static str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    const STATE_TYPES: [&'static str; 3] = ["TEXT"; 3];
    const TEMPORARY: &'static str = "temp";
    /// Staged rows go to a file: memory stays bounded, whatever the run yields.
    const SETTINGS: &'static [&'static str] =
        &["PRAGMA busy_timeout = 60000", "PRAGMA temp_store = file"];

    fn parameter(number: usize) -> String {
        format!("?{number}")
    }

    fn column_type(ty: &Type) -> String {
        catalog::sql(ty).to_owned()
    }

    fn sent(ty: &Type) -> Sent {
        match ty.domain() {
            Some(Domain::Bool | Domain::Whole(..)) => Sent::Whole,
            Some(Domain::Float(_)) => Sent::Float,
            Some(Domain::Bytes) => Sent::Same,
            _ => Sent::Text,
        }
    }

    fn holds(actual: &str, ty: &Type) -> bool {
        catalog::holds(actual, ty)
    }

    /// A column of SQLite holds all values of its kind; of another kind it cannot become.
    fn widens(_actual: &str, _ty: &Type) -> bool {
        false
    }

    fn instant(column: &str) -> String {
        column.to_owned()
    }

    fn fix(adbc: &Adbc<Self>, table: &Place, change: Change<'_>) -> String {
        catalog::fix(adbc, table, change)
    }

    async fn schema(
        _: &Adbc<Self>,
        _: &mut Connection,
        _: &TableName,
    ) -> sqlx::Result<Option<String>> {
        Ok(Some("main".to_owned()))
    }

    async fn find(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        catalog::find(adbc, connection, load, table).await
    }

    /// The transaction itself is that lock.
    async fn lock(_: &mut Connection, _: &str) -> sqlx::Result<()> {
        Ok(())
    }

    /// A file beside the database, which a run that is killed leaves unlocked.
    async fn claim(adbc: &Adbc<Self>, _: &mut Connection, name: &str) -> Result<Claim> {
        claim::claim(&file(adbc)?, name)
    }

    async fn replaceable(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        catalog::replaceable(adbc, connection, load, table).await
    }

    async fn may_keep_out(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &Place,
    ) -> sqlx::Result<bool> {
        catalog::has_triggers(adbc, connection, table).await
    }

    async fn create_schema(_: &Adbc<Self>, _: &mut Connection, _: &Place) -> sqlx::Result<()> {
        Ok(())
    }

    /// Without it, each row of the table would be looked for among all that wait.
    fn index(load: &Load) -> Option<String> {
        let key = sql::staged_key(load);
        Some(format!("CREATE INDEX IF NOT EXISTS temp.{STAGING}_key ON {STAGING} ({key})"))
    }
}

/// The file of `uri`.
fn file(adbc: &Adbc<Sqlite>) -> Result<PathBuf> {
    let uri = adbc.settings.option("uri").unwrap_or_default();
    let path = uri.strip_prefix("file:").unwrap_or(uri);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" || uri.contains("mode=memory") {
        return Err(Error::config("a SQLite database in memory is gone when the run ends")
            .help("name its file: `options: {uri: shop.db}`"));
    }
    Ok(PathBuf::from(path))
}
