//! A first load, or all rows of a table anew: they go straight into a hidden table of the same file, which becomes the
//! table at the commit.
//!
//! A transaction that lasts as long as the API needs would lock the file for all others. So rows wait in memory until
//! they are worth a transaction of their own, which is short; those of a small load go in with its commit. Where the
//! keys of the rows do not go one way ([`order`](super::order)), each such transaction would write pages all over the
//! file: from then on rows are staged as for any other table, and come into the hidden one with the commit, sorted.
//!
//! The commit renames the hidden table and writes the state, in one transaction. A table that is there is swapped for
//! it only where nobody could tell the two apart but by their rows ([`swap`](super::swap)); else its rows are deleted
//! and the new ones inserted. What becomes of a hidden table when its session ends is said in
//! [`hidden`](super::hidden).

mod filling;
mod publish;

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::hidden::{self, Hidden};
use super::{Sqlite, refused, swap};
use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::sink::contract::{Session, State, StateChange, Writer, Written};
use crate::sink::load::{Load, Missing};
use crate::sink::refusal;
use crate::sink::sql::{self, Dialect as _, Fit, Guard, Home, Place};

use filling::{Filling, create};
use publish::Publish;

/// Rows of fewer bytes are not worth a transaction.
const WORTH: usize = 1 << 20;

/// Whether a load can go past the staging table.
pub(super) fn fits(load: &Load, limits: &Limits) -> bool {
    load.missing == Missing::Keep && limits.copy >= WORTH
}

/// A load into a hidden table.
pub(super) struct Direct {
    sqlite: Sqlite,
    load: Arc<Load>,
    limits: Limits,
    table: Place,
    /// `None` once it has become the table.
    hidden: Option<Hidden>,
    /// Whether it may take the place of a table that is there.
    swaps: bool,
    home: Arc<Home<Filling>>,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows a commit has covered.
    covered: u64,
    /// What takes the rows once the table is there.
    after: Option<Box<dyn Session>>,
    written: Written,
    /// Keeps other runs of the pipeline away.
    claim: Guard,
}

/// What a direct load needs before its first row.
pub(super) struct Begun {
    hidden: Hidden,
    swaps: bool,
}

/// Tries out what the commit will do; `None` where the table is there and cannot be swapped for another, or where
/// another load of the pipeline has its hidden table.
pub(super) async fn begin(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> Result<Option<Begun>> {
    let to_take = |error| refused(load, "to take rows into", &error);
    let swaps = match sqlite.find(connection, load, table).await? {
        None => false,
        Some(found) if load.mode == Mode::Replace => {
            match found.check(sqlite, load, table)? {
                Fit::Grows(growths) if growths.is_empty() => {}
                _ => return Ok(None),
            }
            sqlite.replaceable(connection, load, table).await?;
            if !swap::is_alike(sqlite, connection, load, table).await.map_err(to_take)? {
                return Ok(None);
            }
            true
        }
        Some(_) => return Ok(None),
    };
    hidden::remove_abandoned(sqlite, connection, load, table).await?;
    let Some(hidden) = Hidden::of(sqlite, connection, load, table).await? else { return Ok(None) };
    sqlite.execute(connection, Sqlite::BEGIN).await.map_err(to_take)?;
    create(sqlite, connection, load, &hidden.place).await?;
    sqlite.execute(connection, "ROLLBACK").await.map_err(to_take)?;
    Ok(Some(Begun { hidden, swaps }))
}

impl Direct {
    pub(super) fn new(
        sqlite: Sqlite,
        connection: SqliteConnection,
        (load, table): (Load, Place),
        limits: &Limits,
        begun: Begun,
        claim: Guard,
    ) -> Result<Self> {
        let Begun { hidden, swaps } = begun;
        let load = Arc::new(load);
        let place = hidden.place.clone();
        let filling = Filling::new(&sqlite, &load, limits, connection, place)?;
        Ok(Self {
            sqlite,
            load,
            limits: *limits,
            table,
            hidden: Some(hidden),
            swaps,
            home: Arc::new(Home::new(filling)),
            gathered: StateChange::default(),
            covered: 0,
            after: None,
            written: Written::default(),
            claim,
        })
    }

    /// Makes the hidden table the table, with the state.
    async fn publish(&mut self, state: &StateChange) -> Result<()> {
        let received = self.home.waiting();
        let mut filling = self.home.take(&self.load)?;
        let publish = Publish {
            sqlite: &self.sqlite,
            load: &self.load,
            table: &self.table,
            swaps: self.swaps,
            received,
        };
        // Where it fails, the transaction goes with the connection.
        let stored = publish.transaction(&mut filling, state).await?;
        filling.forget_staged().await;
        self.home.emptied();
        self.home.give(filling, 0);
        self.hidden = None;
        self.written = Written { received, stored, unchanged: 0 };
        Ok(())
    }

    /// From the second commit on, the table is there: rows are staged as for any other.
    async fn after(&mut self) -> Result<&mut Box<dyn Session>> {
        let session = match self.after.take() {
            Some(session) => session,
            None => {
                let connection = self.home.take(&self.load)?.connection;
                let (load, table) = (Load::clone(&self.load), self.table.clone());
                let (sqlite, claim) = (self.sqlite.clone(), self.claim.take());
                sql::open_after(sqlite, connection, load, table, &self.limits, claim).await?
            }
        };
        Ok(self.after.insert(session))
    }
}

#[async_trait]
impl Session for Direct {
    async fn state(&mut self) -> Result<State> {
        if self.hidden.is_none() {
            return self.after().await?.state().await;
        }
        let mut filling = self.home.take(&self.load)?;
        let (sqlite, connection) = (&self.sqlite, &mut filling.connection);
        let state = sql::state::read(sqlite, connection, &self.load, &self.table).await;
        self.home.give(filling, 0);
        state
    }

    async fn has_table(&mut self) -> Result<bool> {
        Ok(self.hidden.is_none() || self.swaps)
    }

    /// SQLite writes over one connection at a time.
    fn writers(&self) -> usize {
        1
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        if self.hidden.is_none() {
            return self.after().await?.writer().await;
        }
        let filling = self.home.take(&self.load)?;
        let (load, home) = (Arc::clone(&self.load), Arc::clone(&self.home));
        Ok(Box::new(DirectWriter { load, home, filling: Some(filling), received: 0 }))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        if self.hidden.is_none() {
            let before = self.written;
            let after = self.after().await?.commit(state).await?;
            return Ok(before.and(after));
        }
        if self.load.is_whole() {
            self.covered = self.home.checked_waiting(&self.load)?;
            self.gathered.add(state);
        } else {
            self.publish(state).await?;
        }
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        if let Some(after) = self.after.take() {
            return Ok(self.written.and(after.finish().await?));
        }
        if self.hidden.is_some() {
            let received = self.home.checked_waiting(&self.load)?;
            if !self.load.is_whole() || received != self.covered {
                return Err(refusal::uncommitted(&self.load.table, received));
            }
            let state = std::mem::take(&mut self.gathered);
            self.publish(&state).await?;
        }
        Ok(self.written)
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        if let Some(after) = self.after.take() {
            return after.abort().await;
        }
        let is_made = self.home.take(&self.load).map_or(true, |filling| filling.is_made);
        match self.hidden.take().filter(|_| is_made) {
            Some(hidden) => hidden.remove(&self.sqlite, &self.load).await,
            None => Ok(()),
        }
    }
}

impl Drop for Direct {
    /// Who is dropped in the middle leaves the hidden table to a task.
    fn drop(&mut self) {
        let is_made = self.home.take(&self.load).map_or(true, |filling| filling.is_made);
        if let Some(hidden) = self.hidden.take().filter(|_| is_made) {
            hidden.remove_later(&self.sqlite, &self.load);
        }
    }
}

/// Rows of one load → its hidden table, over the load's connection.
struct DirectWriter {
    load: Arc<Load>,
    home: Arc<Home<Filling>>,
    /// `None` once it has failed.
    filling: Option<Filling>,
    received: u64,
}

impl DirectWriter {
    fn filling(&mut self) -> Result<Filling> {
        self.filling.take().ok_or_else(|| refusal::open_writer(&self.load.table))
    }
}

#[async_trait]
impl Writer for DirectWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        let mut filling = self.filling()?;
        self.load.check(&batch, first)?;
        self.received += batch.num_rows() as u64;
        filling.take(first, batch).await?;
        self.filling = Some(filling);
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        let filling = self.filling()?;
        self.home.give(filling, self.received);
        Ok(())
    }
}
