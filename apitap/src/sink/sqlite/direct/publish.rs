//! The commit of a load into a hidden table: it becomes the table, or its rows go there.

use sqlx::SqliteConnection;

use super::Filling;
use crate::Result;
use crate::definition::Mode;
use crate::sink::contract::{StateChange, Written};
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{self, Dialect as _, Fit, Place};
use crate::sink::sqlite::{Sqlite, refused, swap};

/// That commit.
pub(super) struct Publish<'a> {
    pub(super) sqlite: &'a Sqlite,
    pub(super) load: &'a Load,
    pub(super) table: &'a Place,
    /// Whether the hidden table may take the place of one that is there.
    pub(super) swaps: bool,
    /// How many rows the query has yielded.
    pub(super) received: u64,
}

impl Publish<'_> {
    /// One transaction: rows and state, or neither; gives the rows stored.
    pub(super) async fn transaction(
        &self,
        filling: &mut Filling,
        state: &StateChange,
    ) -> Result<u64> {
        let Self { sqlite, load, table, received, .. } = *self;
        let to_write = |error| refused(load, "the rows for", &error);
        sqlite.execute(&mut filling.connection, Sqlite::BEGIN).await.map_err(to_write)?;
        if self.swaps && sqlite.find(&mut filling.connection, load, table).await?.is_none() {
            return Err(refusal::gone(&load.table));
        }
        sql::hook(sqlite, &mut filling.connection, sql::Hook::Before, load).await?;
        let mut emptied = 0;
        let rows = filling.complete(received).await?;
        let connection = &mut filling.connection;
        let hidden = &filling.place;
        let stored = match sqlite.find(connection, load, table).await? {
            None => {
                swap::rename(sqlite, connection, hidden, table).await.map_err(to_write)?;
                rows
            }
            Some(found) => {
                match found.check(sqlite, load, table)? {
                    Fit::Grows(growths) => sql::grow(sqlite, connection, load, &growths).await?,
                    Fit::Renews => {
                        emptied += sql::empty(sqlite, connection, load, table).await?;
                        sqlite.renew(connection, load, table, &found, true).await?;
                    }
                }
                if load.mode == Mode::Replace {
                    sqlite.replaceable(connection, load, table).await?;
                }
                let swaps = self.swaps
                    && swap::is_alike(sqlite, connection, load, table).await.map_err(to_write)?;
                if swaps {
                    if received == 0 {
                        let before = sql::count_rows(sqlite, connection, table).await;
                        emptied += before.map_err(to_write)?;
                    }
                    let drop = format!("DROP TABLE {table}");
                    sqlite.execute(connection, &drop).await.map_err(to_write)?;
                    swap::rename(sqlite, connection, hidden, table).await.map_err(to_write)?;
                    rows
                } else {
                    if load.mode == Mode::Replace {
                        emptied += sql::empty(sqlite, connection, load, table).await?;
                    }
                    self.pour(connection, hidden, rows).await?
                }
            }
        };
        sql::state::write(sqlite, connection, load, table, state).await?;
        let written = Written { received, stored, unchanged: 0 };
        sql::runs::write(sqlite, connection, load, table, state, written).await?;
        sql::hook(sqlite, connection, sql::Hook::After, load).await?;
        sql::commit(sqlite, connection, load, table).await?;
        sql::tell_emptied(load, received, emptied);
        Ok(stored)
    }

    /// Within the transaction: puts the rows into a table that has come in the meantime, or is not what it was.
    async fn pour(
        &self,
        connection: &mut SqliteConnection,
        hidden: &Place,
        rows: u64,
    ) -> Result<u64> {
        let Self { sqlite, load, table, .. } = *self;
        let to_write = |error| refused(load, "the rows for", &error);
        let columns: Vec<_> =
            load.columns.iter().map(|column| sqlite.quote(&column.name)).collect();
        // Without a WHERE, SQLite takes ON CONFLICT for part of a join.
        let select = format!("SELECT {} FROM {hidden} WHERE true", columns.join(", "));
        let insert = sql::upsert(sqlite, load, table, &select, None);
        let stored = sqlite.execute(connection, &insert).await.map_err(to_write)?;
        if stored != rows && load.mode != Mode::InsertNew && !load.is_all_key() {
            return Err(refusal::swallowed(&load.table, rows, stored));
        }
        let drop = format!("DROP TABLE {hidden}");
        sqlite.execute(connection, &drop).await.map_err(to_write)?;
        Ok(stored)
    }
}
