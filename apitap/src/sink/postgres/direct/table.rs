//! The hidden table of a load: made, and taken up again.

use super::swap;
use crate::Result;
use crate::definition::Mode;
use crate::sink::load::Load;
use crate::sink::postgres::link::Link;
use crate::sink::postgres::{Postgres, catalog, hidden, refused};
use crate::sink::sql::{self, Dialect as _, Fit, Known, Place};

/// What a writer commits is durable when the load is: the last commit waits for the log up to its own
/// place.
pub(super) const SETTINGS: &str = "SET synchronous_commit = off";

/// What a connection that was lost must find when it is made anew.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) table: Place,
    pub(super) hidden: Place,
    pub(super) known: Known,
}

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
    hidden::remove_abandoned(postgres, connection, table).await.map_err(to_create)?;
    let place = create(postgres, connection, load, table).await.map_err(to_create)?;
    if swaps && !swap::are_alike(connection, load, table, &place).await.map_err(to_create)? {
        connection.execute("ROLLBACK").await.map_err(to_create)?;
        return Ok(None);
    }
    hidden::keep(connection, &place).await?;
    connection.execute("COMMIT").await.map_err(to_create)?;
    connection.set(SETTINGS).await.map_err(to_create)?;
    Ok(Some(Hidden { place, swaps }))
}

/// Within a transaction: creates the table under a hidden name, and tries out its key.
async fn create(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> sqlx::Result<Place> {
    let place = hidden::name(postgres, connection, table).await?;
    postgres.create(connection, load, &place).await?;
    let comment = format!("apitap fills this table, which becomes {table} when the run commits");
    hidden::describe(connection, &place, &comment).await?;
    if let Some(key) = postgres.complete(load, &place) {
        let trial = format!("SAVEPOINT key; {key}; ROLLBACK TO SAVEPOINT key");
        postgres.execute(connection, &trial).await?;
    }
    Ok(place)
}

/// A connection that stood idle while the source was slow may be gone. What has been sent is in the
/// hidden table, so another one does as well.
pub(super) async fn revive(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    held: &Held,
) -> Result<()> {
    let Held { table, hidden: place, known } = held;
    if postgres.is_alive(connection).await {
        if postgres.was_lost(connection) {
            known.check(postgres, connection, load, table).await?;
        }
        return Ok(());
    }
    tracing::debug!("the database has closed the idle connection: connecting again");
    *connection = postgres.connect().await?;
    drop(sql::claim(postgres, connection, load).await?);
    known.check(postgres, connection, load, table).await?;
    let to_write = |error| refused(load, "the rows for", &error);
    connection.set(SETTINGS).await.map_err(to_write)?;
    hidden::keep(connection, place).await
}
