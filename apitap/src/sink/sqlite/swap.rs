//! Whether a table can be swapped for another one, and the swap.
//!
//! It can where nobody could tell the two apart but by their rows: the old one is, letter for letter, what the load
//! would create, and has no index, trigger or statistics of its own, and no other table refers to it. Views name it,
//! and find the new one.

use sqlx::SqliteConnection;

use super::Sqlite;
use crate::sink::load::Load;
use crate::sink::sql::{self, Dialect as _, Place};

const ALIKE: &str = "SELECT name FROM main.sqlite_schema
    WHERE type = 'table' AND name = ?1 AND sql = ?2
      AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema x
                      WHERE x.tbl_name = ?1 COLLATE NOCASE AND x.type <> 'table' AND x.sql IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema t, pragma_foreign_key_list(t.name, 'main') f
                      WHERE t.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE)";

const HAS_STATISTICS: &str =
    "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = 'sqlite_stat1'";

const STATISTICS: &str = "SELECT tbl FROM main.sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE LIMIT 1";

/// Whether a table is there that nobody could tell from one that the load creates but by its rows.
pub(super) async fn is_alike(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> sqlx::Result<bool> {
    let (name, key) = (table.name.as_str(), sql::primary_key(sqlite, load));
    let ours = sql::create_table(sqlite, load, &sqlite.quote(name), key);
    if sqlite.rows(connection, ALIKE, &[name, &ours]).await?.is_empty() {
        return Ok(false);
    }
    let has_statistics = !sqlite.rows(connection, HAS_STATISTICS, &[]).await?.is_empty();
    Ok(!has_statistics || sqlite.rows(connection, STATISTICS, &[name]).await?.is_empty())
}

/// Within a transaction: gives the new table the name of one that is not there.
pub(super) async fn rename(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    new: &Place,
    table: &Place,
) -> sqlx::Result<()> {
    // Else it looks at all views, and fails where one of them names a table that is not there, such as this one.
    let rename = format!(
        "PRAGMA legacy_alter_table = ON; ALTER TABLE {new} RENAME TO {}; PRAGMA legacy_alter_table = OFF",
        sqlite.quote(&table.name)
    );
    sqlite.execute(connection, &rename).await.map(drop)
}
