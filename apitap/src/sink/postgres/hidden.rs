//! Tables with hidden names: named, kept from being taken for abandoned, removed.
//!
//! As long as its session lives, such a table is locked by name. One that is not was abandoned, and the next load
//! that makes one in its schema removes it.

use super::link::Link;
use super::{Postgres, catalog, refused};
use crate::Result;
use crate::sink::load::Load;
use crate::sink::sql::{Dialect as _, Place};

/// What such a name begins with.
const PREFIX: &str = "_apitap_new_";

/// Within a transaction: a name that no table has had, beside that of the load.
pub(super) async fn name(
    postgres: &Postgres,
    connection: &mut Link,
    table: &Place,
) -> sqlx::Result<Place> {
    // Such a number comes once in the life of a server.
    let number = sqlx::query("SELECT pg_catalog.pg_current_xact_id()::text");
    let number: String = connection.value(number).await?;
    Ok(table.beside(postgres, format!("{PREFIX}{number}")))
}

/// Says what such a table is for.
pub(super) async fn describe(
    connection: &mut Link,
    hidden: &Place,
    comment: &str,
) -> sqlx::Result<()> {
    let comment = catalog::described(comment);
    connection.execute(&format!("COMMENT ON TABLE {hidden} IS {comment}")).await.map(drop)
}

/// Locks it by its name, until the connection ends.
pub(super) async fn keep(connection: &mut Link, hidden: &Place) -> Result<()> {
    // Where another one has the lock, it removes the table: then what is sent there is refused.
    connection.hold(&hidden.to_string()).await.map(drop)
}

/// Within a transaction: removes those of a schema whose sessions have ended.
pub(super) async fn remove_abandoned(
    postgres: &Postgres,
    connection: &mut Link,
    table: &Place,
) -> sqlx::Result<()> {
    let names = sqlx::query(
        "SELECT c.relname::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(c.relname::text, $2)
           AND pg_catalog.pg_has_role(c.relowner, 'USAGE')",
    )
    .bind(&table.schema)
    .bind(PREFIX);
    let names: Vec<(String,)> = connection.all(names).await?;
    for (name,) in names {
        let hidden = table.beside(postgres, name);
        if connection.try_lock(&hidden.to_string()).await? {
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

/// Leaves that to a task; where there is no time for it any more, the next run does it.
pub(super) fn remove_later(postgres: &Postgres, load: &Load, hidden: &Place) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let (postgres, load, hidden) = (postgres.clone(), load.clone(), hidden.clone());
    runtime.spawn(async move {
        if let Err(error) = remove(&postgres, &load, &hidden).await {
            tracing::warn!("{hidden} is left for the next run to remove: {}", error.message());
        }
    });
}
