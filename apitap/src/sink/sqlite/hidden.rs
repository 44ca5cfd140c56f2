//! Tables with hidden names: named, kept from being taken for abandoned, removed.
//!
//! As long as its session lives, a file is locked that stands for such a table. One whose file is not locked was
//! abandoned by a run that was killed, and the next load that makes one in the database removes it.

use sqlx::SqliteConnection;

use super::{Sqlite, refused};
use crate::Result;
use crate::hashed::hashed;
use crate::sink::load::Load;
use crate::sink::sql::{Claim, Dialect as _, Guard, Place};

/// What such a name begins with.
const PREFIX: &str = "_apitap_new_";

/// A hidden table, or the name of one that is to be made.
pub(super) struct Hidden {
    pub(super) place: Place,
    guard: Guard,
}

impl Hidden {
    /// The one of a pipeline, beside its table; `None` where another load has it.
    pub(super) async fn of(
        sqlite: &Sqlite,
        connection: &mut SqliteConnection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Self>> {
        let name = format!("{PREFIX}{}", hashed(&format!("{} {table}", load.pipeline)));
        let place = table.beside(sqlite, name);
        match sqlite.claim(connection, &place.to_string()).await? {
            Claim::Ours(guard) => Ok(Some(Self { place, guard })),
            Claim::Theirs(_) => Ok(None),
        }
    }

    /// Removes the table, over a connection of its own: that of the session may be gone.
    pub(super) async fn remove(self, sqlite: &Sqlite, load: &Load) -> Result<()> {
        let mut connection = sqlite.connect().await?;
        let removed = self.drop_from(sqlite, &mut connection).await;
        removed.map_err(|error| refused(load, "to remove what was left of", &error))
    }

    /// Leaves that to a task; where there is no time for it any more, the next run does it.
    pub(super) fn remove_later(self, sqlite: &Sqlite, load: &Load) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (sqlite, load, place) = (sqlite.clone(), load.clone(), self.place.clone());
        runtime.spawn(async move {
            if let Err(error) = self.remove(&sqlite, &load).await {
                tracing::warn!("{place} is left for the next run to remove: {}", error.message());
            }
        });
    }

    /// Removes the table, if it was made; then its name is free.
    async fn drop_from(
        self,
        sqlite: &Sqlite,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<()> {
        let dropped =
            sqlite.execute(connection, &format!("DROP TABLE IF EXISTS {}", self.place)).await;
        drop(self.guard);
        dropped.map(drop)
    }
}

/// Removes those whose sessions have ended.
pub(super) async fn remove_abandoned(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let to_remove = |error| refused(load, "to remove what was left beside", &error);
    let names = "SELECT name FROM main.sqlite_schema
                 WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1";
    let names = sqlite.rows(connection, names, &[PREFIX]).await.map_err(to_remove)?;
    for name in names.into_iter().flatten() {
        let place = table.beside(sqlite, name);
        if let Claim::Ours(guard) = sqlite.claim(connection, &place.to_string()).await? {
            tracing::info!("{place} was left by a run that did not end: removing it");
            let hidden = Hidden { place, guard };
            hidden.drop_from(sqlite, connection).await.map_err(to_remove)?;
        }
    }
    Ok(())
}
