//! A table whose rows are all replaced gets other columns: it is dropped and made anew.
//!
//! Its indices and triggers are made anew, too, as they were written. Views name the table, and stay; one that
//! no longer works is an error, as is an index of a column that is gone.

use sqlx::SqliteConnection;

use super::{Sqlite, refused};
use crate::Result;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{Dialect as _, Place};

/// Within a transaction, which takes it all back where something does not work.
pub(super) async fn renew(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let to_change = |error| refused(load, "to give other columns to", &error);
    let hanging = "SELECT sql FROM main.sqlite_schema
                   WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL
                   ORDER BY type, name";
    let hanging = sqlite.rows(connection, hanging, &[&table.name]).await.map_err(to_change)?;
    let views = "SELECT name FROM main.sqlite_schema WHERE type = 'view' ORDER BY name";
    let views = sqlite.rows(connection, views, &[]).await.map_err(to_change)?;
    let mut work = Vec::new();
    for view in views.into_iter().flatten() {
        if works(sqlite, connection, &view).await.is_ok() {
            work.push(view);
        }
    }
    sqlite.execute(connection, &format!("DROP TABLE {table}")).await.map_err(to_change)?;
    sqlite.create(connection, load, table).await.map_err(to_change)?;
    for statement in hanging.iter().flatten() {
        sqlite.execute(connection, statement).await.map_err(to_change)?;
    }
    for view in work {
        if let Err(error) = works(sqlite, connection, &view).await {
            let said = super::file::said(&error);
            return Err(refusal::needed_by(&load.table, &view, &said));
        }
    }
    Ok(())
}

async fn works(sqlite: &Sqlite, connection: &mut SqliteConnection, view: &str) -> sqlx::Result<()> {
    let select = format!("EXPLAIN SELECT * FROM main.{}", sqlite.quote(view));
    sqlite.execute(connection, &select).await.map(drop)
}
