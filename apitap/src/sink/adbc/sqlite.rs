//! SQLite behind its driver: the types, the words and the lock of `type: sqlite`.

use std::path::PathBuf;

use async_trait::async_trait;

use super::connection::Connection;
use super::database::{Adbc, Database, STAGING, keys, refused, rows};
use super::ingest::Sent;
use super::query::texts;
use crate::definition::AdbcDialect;
use crate::definition::table::TableName;
use crate::schema::Type;
use crate::schema::scalar::Domain;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{self, Change, Claim, Found, FoundColumn, Place};
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
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        let to_show = |error| refused(DIALECT, load, "to show", &error);
        let name = [table.name.as_str()];
        let ask = "SELECT type FROM main.sqlite_schema
                   WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'index')";
        let kind = rows(connection, ask, &name).await.map_err(to_show)?;
        let Some([kind]) = kind.into_iter().next().and_then(texts) else { return Ok(None) };
        if kind != "table" {
            return Err(refusal::not_a_table(&load.table, &kind));
        }
        let (columns, row_id) = columns(connection, &table.name).await.map_err(to_show)?;
        let parts = rows(connection, UNIQUE_KEYS, &name).await.map_err(to_show)?;
        let parts: Vec<_> = parts.into_iter().filter_map(texts).collect();
        let unique_keys = row_id.map(|name| vec![name]).into_iter().chain(keys(&parts)).collect();
        Ok(Some(Found { columns, unique_keys }))
    }

    /// The transaction itself is that lock.
    async fn lock(_: &mut Connection, _: &str) -> sqlx::Result<()> {
        Ok(())
    }

    /// A file beside the database, which a run that is killed leaves unlocked.
    async fn claim(adbc: &Adbc<Self>, _: &mut Connection, name: &str) -> Result<Claim> {
        claim::claim(&file(adbc)?, name)
    }

    async fn replaceable(connection: &mut Connection, load: &Load, table: &Place) -> Result<()> {
        let referring = rows(connection, REFERRING, &[&table.name]).await;
        let referring = referring.map_err(|error| refused(DIALECT, load, "to show", &error))?;
        match referring.into_iter().next().and_then(texts) {
            Some([other, action]) => Err(refusal::referred_to(load, &other, &action)),
            None => Ok(()),
        }
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

/// What ON CONFLICT can use: whole-table, over plain columns, compared as they are.
const UNIQUE_KEYS: &str = "SELECT l.name, i.name
    FROM pragma_index_list(?1, 'main') l, pragma_index_xinfo(l.name, 'main') i
    WHERE l.\"unique\" <> 0 AND l.partial = 0 AND i.key <> 0
      AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(l.name, 'main') x
                      WHERE x.key <> 0 AND (x.name IS NULL OR x.coll <> 'BINARY'))
    ORDER BY l.name";

const REFERRING: &str = "SELECT t.name, f.on_delete
    FROM main.sqlite_schema t, pragma_foreign_key_list(t.name, 'main') f
    WHERE t.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE AND t.name <> ?1 COLLATE NOCASE
      AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
    ORDER BY 1 LIMIT 1";

/// The columns, and the one that is the number of the row: it has no index, and gets a value by itself.
async fn columns(
    connection: &mut Connection,
    table: &str,
) -> sqlx::Result<(Vec<FoundColumn>, Option<String>)> {
    let ask = "SELECT name, type, CAST(\"notnull\" <> 0 AS TEXT), CAST(dflt_value IS NOT NULL AS TEXT),
                      CAST(pk = 1 AND (SELECT max(pk) FROM pragma_table_xinfo(?1, 'main')) = 1 AS TEXT),
                      CAST(hidden <> 0 AS TEXT)
               FROM pragma_table_xinfo(?1, 'main')";
    let mut row_id = None;
    let mut columns = Vec::new();
    for row in rows(connection, ask, &[table]).await?.into_iter().filter_map(texts) {
        let [name, ty, not_null, has_default, primary, hidden]: [String; 6] = row;
        let is_row_id = primary == "1" && ty.eq_ignore_ascii_case("INTEGER");
        if is_row_id {
            row_id = Some(name.clone());
        }
        let computed = hidden == "1";
        let closed = computed.then(|| {
            ("is computed by the database".to_owned(), "leave it out of the query".to_owned())
        });
        columns.push(FoundColumn {
            name,
            ty,
            not_null: not_null == "1",
            filled: has_default == "1" || computed || is_row_id,
            plain: false,
            closed,
        });
    }
    Ok((columns, row_id))
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
