//! Transactions, and what keeps those of other runs away from a table: its row in the table of states.
//!
//! A transaction changes that row first. Another one that does so waits for its end, or fails: no database lets both
//! commit. So the state that a run reads within its transaction is the one that it replaces.

use super::Standard;
use super::statement::NUMBER;
use super::words::Speech;
use crate::sink::Load;
use crate::sink::adbc::connection::Connection;
use crate::sink::adbc::database::change;
use crate::sink::adbc::refusal::own;
use crate::sink::sql::own::is_row;
use crate::sink::sql::{Dialect, Inbox, Place, state};
use crate::{Error, Result};

/// Whose state the rows of locks are: no pipeline has that name.
const LOCKS: &str = "(lock)";

impl<S: Speech> Standard<S> {
    /// Begins a transaction that has the lock of a table.
    pub(super) async fn begin_locked(
        &self,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        let to_write = |error| self.refused(load, "the rows for", &error);
        let states = table.beside(self, state::TABLE);
        state::create(self, connection, load, table).await?;
        let name = table.to_string();
        self.ensure_row(connection, load, &states, &name).await?;
        self.execute(connection, Self::BEGIN).await.map_err(to_write)?;
        let taken = self.take(connection, &states, &name).await.map_err(to_write)?;
        match taken {
            Some(0) => {
                Err(Error::target(format!("the lock of `{}` is gone from {states}", load.table))
                    .help("run again: it will be recreated"))
            }
            _ => Ok(()),
        }
    }

    /// Adds the row of a lock, where it is not there.
    async fn ensure_row(
        &self,
        connection: &mut Connection,
        load: &Load,
        states: &Place,
        name: &str,
    ) -> Result<()> {
        let to_write = |error| self.refused(load, "the state of", &error);
        if self.has_row(connection, states, name).await.map_err(to_write)? {
            return Ok(());
        }
        let insert = state::insert(self, states);
        let added = self.change(connection, &insert, &["null", "", LOCKS, name]).await;
        match added {
            // Another run may have been quicker.
            Err(error) if !self.has_row(connection, states, name).await.map_err(to_write)? => {
                Err(to_write(error))
            }
            _ => Ok(()),
        }
    }

    async fn has_row(
        &self,
        connection: &mut Connection,
        states: &Place,
        name: &str,
    ) -> sqlx::Result<bool> {
        let row = is_row(self, state::KEY, 1);
        let query = format!("SELECT {} FROM {states} WHERE {row}", self.quote("partition"));
        Ok(!self.rows(connection, &query, &[LOCKS, name]).await?.is_empty())
    }

    /// Changes the row of a lock; gives how many there were, where the driver says it.
    async fn take(
        &self,
        connection: &mut Connection,
        states: &Place,
        name: &str,
    ) -> sqlx::Result<Option<u64>> {
        let update = format!(
            "UPDATE {states} SET {} = {} WHERE {}",
            self.quote("changed_at"),
            Self::NOW,
            is_row(self, state::KEY, 1)
        );
        change(connection, &update, &[LOCKS, name]).await
    }

    /// Whether what was written is gone after a ROLLBACK, and whether the driver says how many rows were.
    pub(super) async fn check_transactions(
        &self,
        connection: &mut Connection,
        inbox: &Inbox,
    ) -> sqlx::Result<()> {
        let number = self.quote(NUMBER);
        self.execute(connection, Self::BEGIN).await?;
        let insert = format!("INSERT INTO {} ({number}) VALUES (0)", inbox.table);
        let stored = change(connection, &insert, &[]).await?;
        self.execute(connection, "ROLLBACK").await?;
        let left = self.any_row(&format!("FROM {}", inbox.table));
        if !self.rows(connection, &left, &[]).await?.is_empty() {
            return Err(own(
                "a row is still there after a ROLLBACK: without transactions, rows and state would not be \
                 committed together",
            ));
        }
        match stored {
            Some(1) => Ok(()),
            _ => Err(own(
                "its driver does not say how many rows a statement has stored: those that are kept out of the \
                 table would go unnoticed",
            )),
        }
    }
}
