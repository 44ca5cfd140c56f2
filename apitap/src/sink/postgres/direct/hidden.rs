//! The hidden table: made, kept from being taken for abandoned, removed.

use sqlx::Executor as _;

use super::swap;
use crate::Result;
use crate::definition::Mode;
use crate::sink::load::Load;
use crate::sink::postgres::link::Link;
use crate::sink::postgres::{Postgres, catalog, refused};
use crate::sink::sql::{self, Dialect as _, Fit, Place};

/// What the name of a hidden table begins with.
const PREFIX: &str = "_apitap_new_";
/// What a writer commits is durable when the load is: the last commit waits for the log up to its own
/// place.
pub(super) const SETTINGS: &str = "SET synchronous_commit = off";

/// A table that nobody looks at yet.
#[derive(Debug, Clone)]
pub(in crate::sink::postgres) struct Hidden {
    pub(super) place: Place,
    /// Whether it may take the place of a table that is there.
    pub(super) swaps: bool,
}

/// Creates the hidden table; `None` where the schema is not there, or the table itself is and cannot be
/// swapped for another.
pub(in crate::sink::postgres) async fn open(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> Result<Option<Hidden>> {
    let to_create = |error| refused(load, "to create", &error);
    if !catalog::schema_exists(connection, table).await.map_err(to_create)? {
        return Ok(None);
    }
    let swaps = match postgres.find(connection, load, table).await? {
        None => false,
        Some(found) if load.mode == Mode::Replace => {
            match found.check(postgres, load, table)? {
                Fit::Grows(growths) if growths.is_empty() => {}
                _ => return Ok(None),
            }
            postgres.replaceable(connection, load, table).await?;
            true
        }
        Some(_) => return Ok(None),
    };
    connection.execute("BEGIN").await.map_err(to_create)?;
    if swaps && !swap::can_own(connection, table).await.map_err(to_create)? {
        connection.execute("ROLLBACK").await.map_err(to_create)?;
        return Ok(None);
    }
    postgres.lock(connection, &table.to_string()).await.map_err(to_create)?;
    remove_abandoned(postgres, connection, table).await.map_err(to_create)?;
    let place = create(postgres, connection, load, table).await.map_err(to_create)?;
    if swaps && !swap::are_alike(connection, load, table, &place).await.map_err(to_create)? {
        connection.execute("ROLLBACK").await.map_err(to_create)?;
        return Ok(None);
    }
    keep(connection, &place).await.map_err(to_create)?;
    connection.execute("COMMIT").await.map_err(to_create)?;
    postgres.execute(connection, SETTINGS).await.map_err(to_create)?;
    Ok(Some(Hidden { place, swaps }))
}

/// Within a transaction: creates the table under a hidden name, and tries out its key.
async fn create(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> sqlx::Result<Place> {
    // Such a number comes once in the life of a server.
    let number = "SELECT pg_catalog.pg_current_xact_id()::text";
    let number: String = sqlx::query_scalar(number).fetch_one(&mut **connection).await?;
    let hidden = table.beside(postgres, format!("{PREFIX}{number}"));
    let comment = format!("apitap fills this table, which becomes {table} when the run commits");
    postgres.create(connection, load, &hidden).await?;
    let comment = comment.replace('\'', "''");
    postgres.execute(connection, &format!("COMMENT ON TABLE {hidden} IS '{comment}'")).await?;
    if let Some(key) = postgres.complete(load, &hidden) {
        let trial = format!("SAVEPOINT key; {key}; ROLLBACK TO SAVEPOINT key");
        postgres.execute(connection, &trial).await?;
    }
    Ok(hidden)
}

/// Locks a hidden table by its name, until the connection ends.
async fn keep(connection: &mut Link, hidden: &Place) -> sqlx::Result<()> {
    let lock = "SELECT pg_advisory_lock(hashtextextended('apitap ' || $1, 0))";
    connection.execute(sqlx::query(lock).bind(hidden.to_string())).await.map(drop)
}

/// Within a transaction: removes hidden tables whose sessions have ended.
async fn remove_abandoned(
    postgres: &Postgres,
    connection: &mut Link,
    table: &Place,
) -> sqlx::Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(c.relname::text, $2)
           AND pg_catalog.pg_has_role(c.relowner, 'USAGE')",
    )
    .bind(&table.schema)
    .bind(PREFIX)
    .fetch_all(&mut **connection)
    .await?;
    for name in names {
        let hidden = table.beside(postgres, name);
        let free = "SELECT pg_try_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))";
        let free = sqlx::query_scalar(free).bind(hidden.to_string());
        if free.fetch_one(&mut **connection).await? {
            tracing::info!("{hidden} was left by a run that did not end: removing it");
            postgres.execute(connection, &format!("DROP TABLE IF EXISTS {hidden}")).await?;
        }
    }
    Ok(())
}

/// Over a connection of its own: that of the session may be gone, or in the middle of something.
pub(super) async fn remove(postgres: &Postgres, load: &Load, hidden: &Place) -> Result<()> {
    let mut connection = postgres.connect().await?;
    let removed =
        postgres.execute(&mut connection, &format!("DROP TABLE IF EXISTS {hidden}")).await;
    removed.map(drop).map_err(|error| refused(load, "to remove what was left of", &error))
}

/// A connection that stood idle while the source was slow may be gone. What has been sent is in the
/// hidden table, so another one does as well.
pub(super) async fn revive(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    hidden: &Place,
) -> Result<()> {
    if postgres.is_alive(connection).await {
        return Ok(());
    }
    tracing::debug!("the database has closed the idle connection: connecting again");
    *connection = postgres.connect().await?;
    drop(sql::claim(postgres, connection, load).await?);
    let to_write = |error| refused(load, "the rows for", &error);
    postgres.execute(connection, SETTINGS).await.map_err(to_write)?;
    keep(connection, hidden).await.map_err(to_write)
}
