//! A first load, or all rows of a table anew: they go straight into a hidden table, which becomes the
//! table at the commit.
//!
//! Several connections fill it at once, in COPYs that commit as they go; nobody looks there. The
//! commit renames it, adds the key and writes the state, in one transaction ([`publish`]). Where a key comes twice
//! the index of the key says so, and only then the last row of each key is looked for: the rows have
//! no numbers, but `xmin` says which COPY has brought a row ([`super::copy`]). A table that is there is
//! swapped for it only where nothing hangs on that one and everybody sees all rows ([`swap`]); else its
//! rows are deleted and the new ones inserted.
//!
//! What becomes of a hidden table when its session ends is said in [`hidden`].

mod publish;
mod swap;
mod table;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::copy::{Chunk, Copy};
use super::link::Link;
use super::{Postgres, hidden, refused};
use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::schema::Type;
use crate::sink::contract::{Session, State, StateChange, Writer, Written};
use crate::sink::load::{Load, Missing};
use crate::sink::refusal;
use crate::sink::sql::{self, Dialect as _, Known, Place};

use publish::Publish;
use table::{Held, Hidden};
use writer::DirectWriter;

pub(super) use table::open;

/// Whether such rows can go into a new table and be told apart there.
pub(super) fn fits(load: &Load) -> bool {
    // 0.0 and -0.0 are one key to PostgreSQL, and two to those who compare bytes.
    let is_exact = |ty: &Type| !matches!(ty, Type::Float32 | Type::Float64);
    load.creates_its_own()
        && load.mode != Mode::InsertNew
        && load.missing == Missing::Keep
        && load.key_columns().all(|column| is_exact(&column.ty))
}

/// A load into a hidden table.
pub(super) struct Direct {
    postgres: Postgres,
    load: Arc<Load>,
    limits: Limits,
    table: Place,
    /// `None` once it has become the table.
    hidden: Option<Hidden>,
    /// The runs of the pipeline that have committed as far as this session knows.
    known: Known,
    filled: Arc<Filled>,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows a commit has covered.
    covered: u64,
    /// What takes the rows once the table is there.
    after: Option<Box<dyn Session>>,
    written: Written,
}

/// What the writers have brought into the hidden table.
#[derive(Default)]
struct Filled(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// The session's own connection, while no writer has it.
    connection: Option<Link>,
    /// Writers that are not closed: those that have failed stay here.
    open: usize,
    received: u64,
    /// Rows of those that a later one of their key has replaced before they were sent.
    replaced: u64,
    chunks: Vec<Chunk>,
}

impl Filled {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Direct {
    pub(super) fn new(
        postgres: Postgres,
        connection: Link,
        load: Load,
        limits: &Limits,
        table: Place,
        hidden: Hidden,
        known: Known,
    ) -> Self {
        let filled = Inner { connection: Some(connection), ..Inner::default() };
        Self {
            postgres,
            load: Arc::new(load),
            limits: *limits,
            table,
            hidden: Some(hidden),
            known,
            filled: Arc::new(Filled(Mutex::new(filled))),
            gathered: StateChange::default(),
            covered: 0,
            after: None,
            written: Written::default(),
        }
    }

    /// What its connection must find when it is made anew.
    fn held(&self, hidden: &Place) -> Held {
        let (table, hidden, known) = (self.table.clone(), hidden.clone(), self.known.clone());
        Held { table, hidden, known }
    }

    /// The session's own connection, when all writers are closed.
    async fn connection(&mut self) -> Result<Link> {
        let connection = {
            let mut inner = self.filled.inner();
            let closed = inner.open == 0;
            inner.connection.take().filter(|_| closed)
        };
        let mut connection = connection.ok_or_else(|| refusal::open_writer(&self.load.table))?;
        if let Some(hidden) = &self.hidden {
            let held = self.held(&hidden.place);
            table::revive(&self.postgres, &mut connection, &self.load, &held).await?;
        }
        Ok(connection)
    }

    /// Makes the hidden table the table, with its key and the state.
    async fn publish(&mut self, state: &StateChange) -> Result<()> {
        let mut connection = self.connection().await?;
        let Some(hidden) = self.hidden.clone() else { return Ok(()) };
        let (received, replaced, chunks) = {
            let mut inner = self.filled.inner();
            (inner.received, inner.replaced, std::mem::take(&mut inner.chunks))
        };
        let to_write = |error| refused(&self.load, "the rows for", &error);
        connection.set("RESET synchronous_commit").await.map_err(to_write)?;
        let mut publish = Publish {
            postgres: &self.postgres,
            load: &self.load,
            table: &self.table,
            hidden: &hidden.place,
            swaps: hidden.swaps,
            replaces: hidden.swaps,
            rows: received - replaced,
            received,
        };
        let stored = publish.transaction(&mut connection, &chunks, state).await?;
        self.hidden = None;
        self.written = Written { received, stored, unchanged: 0 };
        self.filled.inner().connection = Some(connection);
        Ok(())
    }

    /// Ends the session's own connection, unless a writer has it.
    async fn close(&mut self) {
        let own = self.filled.inner().connection.take();
        if let Some(connection) = own {
            connection.end().await;
        }
    }

    /// From the second commit on, the table is there: rows are staged as for any other.
    async fn after(&mut self) -> Result<&mut Box<dyn Session>> {
        let session = match self.after.take() {
            Some(session) => session,
            None => {
                let connection = self.connection().await?;
                let (postgres, load) = (self.postgres.clone(), Load::clone(&self.load));
                let table = self.table.clone();
                sql::open_after(postgres, connection, load, table, &self.limits, None).await?
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
        let mut connection = self.connection().await?;
        let state =
            sql::state::read(&self.postgres, &mut connection, &self.load, &self.table).await;
        self.filled.inner().connection = Some(connection);
        state
    }

    async fn has_table(&mut self) -> Result<bool> {
        Ok(self.hidden.as_ref().is_none_or(|hidden| hidden.swaps))
    }

    fn writers(&self) -> usize {
        match self.hidden {
            Some(_) => Postgres::writers(),
            None => 1,
        }
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let Some(Hidden { place: hidden, .. }) = self.hidden.clone() else {
            return self.after().await?.writer().await;
        };
        // All of them together hold what one would.
        let copy = Copy::direct(&self.load, self.limits.copy / Postgres::writers(), &hidden)?;
        let own = {
            let mut inner = self.filled.inner();
            inner.open += 1;
            inner.connection.take()
        };
        let is_own = own.is_some();
        let connection = match own {
            Some(connection) => connection,
            None => {
                let mut connection = self.postgres.connect().await?;
                let set = connection.set(table::SETTINGS).await;
                set.map_err(|error| refused(&self.load, "the rows for", &error))?;
                connection
            }
        };
        Ok(Box::new(DirectWriter {
            postgres: self.postgres.clone(),
            load: Arc::clone(&self.load),
            held: self.held(&hidden),
            filled: Arc::clone(&self.filled),
            connection,
            is_own,
            fresh: is_own,
            copy,
            received: 0,
        }))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        if self.hidden.is_none() {
            let before = self.written;
            let after = self.after().await?.commit(state).await?;
            return Ok(before.and(after));
        }
        if self.load.mode == Mode::Replace {
            self.covered = self.filled.inner().received;
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
            let received = self.filled.inner().received;
            if self.load.mode != Mode::Replace || received != self.covered {
                return Err(refusal::uncommitted(&self.load.table, received));
            }
            let state = std::mem::take(&mut self.gathered);
            self.publish(&state).await?;
        }
        self.close().await;
        Ok(self.written)
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        if let Some(after) = self.after.take() {
            return after.abort().await;
        }
        let removed = match self.hidden.take() {
            Some(hidden) => hidden::remove(&self.postgres, &self.load, &hidden.place).await,
            None => Ok(()),
        };
        self.close().await;
        removed
    }
}

impl Drop for Direct {
    /// Who is dropped in the middle leaves the hidden table to a task.
    fn drop(&mut self) {
        let Some(Hidden { place: hidden, .. }) = self.hidden.take() else { return };
        hidden::remove_later(&self.postgres, &self.load, &hidden);
    }
}
