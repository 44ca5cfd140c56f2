//! The commit of a load into a hidden table: it becomes the table, or its rows go there.

use sqlx::AssertSqlSafe;

use super::swap;
use crate::Result;
use crate::definition::Mode;
use crate::sink::contract::{StateChange, Written};
use crate::sink::load::Load;
use crate::sink::postgres::copy::Chunk;
use crate::sink::postgres::link::Link;
use crate::sink::postgres::{Postgres, catalog, refused};
use crate::sink::refusal;
use crate::sink::sql::{self, Dialect as _, Fit, Place};

/// That commit.
pub(super) struct Publish<'a> {
    pub(super) postgres: &'a Postgres,
    pub(super) load: &'a Load,
    pub(super) table: &'a Place,
    pub(super) hidden: &'a Place,
    /// Whether the hidden table may take the place of one that is there.
    pub(super) swaps: bool,
    /// Whether the table was there when the load began.
    pub(super) replaces: bool,
    /// How many rows are in the hidden table.
    pub(super) rows: u64,
    /// How many rows the query has yielded.
    pub(super) received: u64,
}

/// What came of an attempt.
enum Attempt {
    Stored(u64),
    KeyTwice(sqlx::Error),
}

impl Publish<'_> {
    /// Gives the rows stored.
    pub(super) async fn transaction(
        &mut self,
        connection: &mut Link,
        chunks: &[Chunk],
        state: &StateChange,
    ) -> Result<u64> {
        let to_write = |error| refused(self.load, "the rows for", &error);
        if self.swaps {
            self.complete(connection, chunks).await?;
        }
        match self.attempt(connection, chunks, state).await? {
            Attempt::Stored(stored) => return Ok(stored),
            Attempt::KeyTwice(error) if chunks.is_empty() => return Err(to_write(error)),
            Attempt::KeyTwice(_) => {}
        }
        connection.execute("ROLLBACK").await.map_err(to_write)?;
        let removed = self.keep_last(connection, chunks).await.map_err(to_write)?;
        self.rows -= removed;
        match self.attempt(connection, chunks, state).await? {
            Attempt::Stored(stored) => Ok(stored),
            Attempt::KeyTwice(error) => Err(refused(self.load, "the rows for", &error)),
        }
    }

    /// Before the transaction, so that it is short: the key, what the planner must know, and whether
    /// everybody sees all rows. Someone whose snapshot is older than some of them would see half a table
    /// behind the swap, and keeps the old rows where they are deleted instead.
    async fn complete(&mut self, connection: &mut Link, chunks: &[Chunk]) -> Result<()> {
        let (postgres, load, hidden) = (self.postgres, self.load, self.hidden);
        let to_write = |error| refused(load, "the rows for", &error);
        if let Some(key) = postgres.complete(load, hidden) {
            match postgres.execute(connection, &key).await {
                Err(error) if postgres.is_key_twice(&error) => {
                    self.rows -= self.keep_last(connection, chunks).await.map_err(to_write)?;
                    postgres.execute(connection, &key).await.map_err(to_write)?;
                }
                done => drop(done.map_err(to_write)?),
            }
        }
        // VACUUM takes a row for seen by all only once its commit is durable; those of the writers
        // become so with the next one that waits for it.
        let durable = format!(
            "BEGIN; SET LOCAL synchronous_commit = on; COMMENT ON TABLE {hidden} IS NULL; COMMIT"
        );
        for statement in [durable, format!("VACUUM (ANALYZE) {hidden}")] {
            postgres.execute(connection, &statement).await.map_err(to_write)?;
        }
        self.swaps = swap::is_seen_by_all(connection, hidden).await.map_err(to_write)?;
        Ok(())
    }

    async fn attempt(
        &self,
        connection: &mut Link,
        chunks: &[Chunk],
        state: &StateChange,
    ) -> Result<Attempt> {
        let Self { postgres, load, table, .. } = self;
        let to_write = |error| refused(load, "the rows for", &error);
        connection.execute("BEGIN").await.map_err(to_write)?;
        postgres.lock(connection, &table.to_string()).await.map_err(to_write)?;
        if self.replaces && postgres.find(connection, load, table).await?.is_none() {
            return Err(refusal::gone(&load.table));
        }
        sql::hook(*postgres, connection, sql::Hook::Before, load).await?;
        let mut emptied = 0;
        let stored = match postgres.find(connection, load, table).await? {
            None => self.rename(connection).await,
            Some(found) => {
                match found.check(*postgres, load, table)? {
                    Fit::Grows(growths) => sql::grow(*postgres, connection, load, &growths).await?,
                    Fit::Renews => {
                        emptied += sql::empty(*postgres, connection, load, table).await?;
                        postgres.renew(connection, load, table, &found, true).await?;
                    }
                }
                if load.mode == Mode::Replace {
                    postgres.replaceable(connection, load, table).await?;
                }
                // A table that goes does not say how many rows go with it.
                let before = match self.swaps && self.received == 0 {
                    true => {
                        sql::count_rows(*postgres, connection, table).await.map_err(to_write)?
                    }
                    false => 0,
                };
                let swapped = self.swaps
                    && swap::swap(postgres, connection, load, table, self.hidden)
                        .await
                        .map_err(to_write)?;
                if swapped {
                    emptied += before;
                    Ok(self.rows)
                } else {
                    if !load.key.is_empty() && !found.has_unique_key(*postgres, load) {
                        self.keep_last(connection, chunks).await.map_err(to_write)?;
                    }
                    if load.mode == Mode::Replace {
                        emptied += sql::empty(*postgres, connection, load, table).await?;
                    }
                    self.insert(connection).await
                }
            }
        };
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) if postgres.is_key_twice(&error) => return Ok(Attempt::KeyTwice(error)),
            Err(error) => return Err(to_write(error)),
        };
        sql::state::write(*postgres, connection, load, table, state).await?;
        let written = Written { received: self.received, stored, unchanged: 0 };
        sql::runs::write(*postgres, connection, load, table, state, written).await?;
        sql::hook(*postgres, connection, sql::Hook::After, load).await?;
        sql::commit(*postgres, connection, load, table).await?;
        sql::tell_emptied(load, self.received, emptied);
        Ok(Attempt::Stored(stored))
    }

    async fn rename(&self, connection: &mut Link) -> sqlx::Result<u64> {
        let Self { postgres, load, table, hidden, rows, .. } = self;
        let name = postgres.quote(&table.name);
        let comment = catalog::comment(load.description.as_deref());
        let rename =
            format!("ALTER TABLE {hidden} RENAME TO {name}; COMMENT ON TABLE {table} IS {comment}");
        postgres.execute(connection, &rename).await?;
        if let Some(key) = postgres.complete(load, table) {
            postgres.execute(connection, &key).await?;
        }
        Ok(*rows)
    }

    /// Puts the rows into a table that cannot be swapped, or that another run has created in the meantime.
    async fn insert(&self, connection: &mut Link) -> sqlx::Result<u64> {
        let Self { postgres, load, table, hidden, .. } = self;
        let columns = load.columns.iter().map(|column| postgres.quote(&column.name));
        let rows = format!("SELECT {} FROM {hidden}", columns.collect::<Vec<_>>().join(", "));
        let insert = sql::upsert(*postgres, load, table, &rows, None);
        let stored = postgres.execute(connection, &insert).await?;
        postgres.execute(connection, &format!("DROP TABLE {hidden}")).await?;
        Ok(stored)
    }

    /// Removes from the hidden table all but the last row of each key; gives how many.
    async fn keep_last(&self, connection: &mut Link, chunks: &[Chunk]) -> sqlx::Result<u64> {
        let Self { postgres, load, hidden, .. } = self;
        let key: Vec<_> =
            load.key_names().map(|name| format!("h.{}", postgres.quote(name))).collect();
        let delete = format!(
            "WITH removed AS (
                DELETE FROM {hidden} WHERE ctid IN (
                    SELECT place FROM (
                        SELECT h.ctid AS place,
                               row_number() OVER (PARTITION BY {} ORDER BY c.number DESC) AS age
                        FROM {hidden} h
                        JOIN unnest($1::xid[], $2::bigint[]) AS c (xid, number) ON c.xid = h.xmin
                    ) AS ranked WHERE age > 1
                ) RETURNING 1
            ) SELECT count(*) FROM removed",
            key.join(", ")
        );
        let xids: Vec<&str> = chunks.iter().map(|chunk| chunk.xid.as_str()).collect();
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.first as i64).collect();
        let delete = sqlx::query(AssertSqlSafe(delete)).bind(xids).bind(numbers);
        let removed: i64 = connection.value(delete).await?;
        Ok(removed.unsigned_abs())
    }
}
