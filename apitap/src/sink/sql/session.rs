//! A load over one connection: the rehearsal, then rows into the inbox, then one transaction.

use std::sync::Arc;

use async_trait::async_trait;

use super::writer::{Home, StagingWriter};
use super::{Dialect, Inbox, Place, state, statement};
use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::sink::contract::{Session, State, StateChange, Writer, Written};
use crate::sink::{Load, refusal};

/// Within the transaction: to where it goes back when a key comes twice.
const SAVEPOINT: &str = "apitap_rows";

/// Connects and rehearses.
pub(in crate::sink) async fn open<D: Dialect>(
    dialect: D,
    load: Load,
    limits: &Limits,
) -> Result<Box<dyn Session>> {
    load.check_names(dialect.capabilities())?;
    let mut connection = dialect.connect().await?;
    let table = dialect.place(&mut connection, &load.table).await?;
    open_on(dialect, connection, load, table, limits).await
}

/// Rehearses.
pub(in crate::sink) async fn open_on<D: Dialect>(
    dialect: D,
    mut connection: D::Connection,
    mut load: Load,
    table: Place,
    limits: &Limits,
) -> Result<Box<dyn Session>> {
    let inbox = dialect.inbox(&mut connection, &load).await?;
    let ready = rehearse(&dialect, &mut connection, &load, &table, &inbox).await?;
    load.require(&ready.not_null);
    Ok(Box::new(SqlSession {
        dialect,
        load: Arc::new(load),
        limits: *limits,
        table,
        inbox,
        home: Arc::new(Home::new(connection)),
        gathered: StateChange::default(),
        covered: 0,
        applied: false,
        written: Written::default(),
    }))
}

struct SqlSession<D: Dialect> {
    dialect: D,
    load: Arc<Load>,
    limits: Limits,
    table: Place,
    inbox: Inbox,
    /// Where the connection is while no writer has it.
    home: Arc<Home<D::Connection>>,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows that wait a commit has covered.
    covered: u64,
    /// Whether the rows of the inbox are in the table already.
    applied: bool,
    written: Written,
}

/// A table that takes the rows.
struct Ready {
    /// Whether this transaction has created it.
    new: bool,
    /// The columns that take no null.
    not_null: Vec<String>,
    /// Whether the table itself keeps a key from coming twice.
    unique: bool,
}

#[async_trait]
impl<D: Dialect> Session for SqlSession<D> {
    async fn state(&mut self) -> Result<State> {
        let mut connection = self.home.take(&self.load)?;
        let state = state::read(&self.dialect, &mut connection, &self.load, &self.table).await?;
        self.home.give(connection, 0);
        Ok(state)
    }

    /// A temporary table is seen by one connection only.
    fn writers(&self) -> usize {
        1
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let mut connection = self.home.take(&self.load)?;
        if std::mem::take(&mut self.applied) {
            let empty = format!("DELETE FROM {}", self.inbox.table);
            let emptied = self.dialect.execute(&mut connection, &empty).await;
            emptied.map_err(|error| self.dialect.refused(&self.load, "to stage", &error))?;
        }
        let stage = self.dialect.stage(&self.load, &self.limits)?;
        let fresh = self.home.waiting() == 0;
        let (dialect, load, home) = (self.dialect.clone(), self.load.clone(), self.home.clone());
        Ok(Box::new(StagingWriter::new(dialect, load, home, connection, stage, fresh)))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        if self.load.mode == Mode::Replace {
            self.covered = self.home.checked_waiting(&self.load)?;
            self.gathered.add(state);
            return Ok(self.written);
        }
        self.apply(state).await?;
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        let waiting = self.home.checked_waiting(&self.load)?;
        if self.load.mode == Mode::Replace && waiting == self.covered {
            let state = std::mem::take(&mut self.gathered);
            self.apply(&state).await?;
        } else if waiting > 0 {
            return Err(refusal::uncommitted(&self.load.table, waiting));
        }
        Ok(self.written)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl<D: Dialect> SqlSession<D> {
    /// One transaction: rows and state, or neither.
    async fn apply(&mut self, state: &StateChange) -> Result<()> {
        let mut connection = self.home.take(&self.load)?;
        let received = self.home.waiting();
        if received == 0 {
            revive(&self.dialect, &mut connection, &self.load).await?;
        }
        let stored = self.transaction(&mut connection, received, state).await?;
        self.written.received += received;
        self.written.stored += stored;
        self.applied = received > 0;
        self.home.emptied();
        self.home.give(connection, 0);
        Ok(())
    }

    async fn transaction(
        &self,
        connection: &mut D::Connection,
        received: u64,
        state: &StateChange,
    ) -> Result<u64> {
        let Self { dialect, load, table, inbox, .. } = self;
        let to_write = |error| dialect.refused(load, "the rows for", &error);
        if !D::CREATES_IN_TRANSACTION {
            prepare(dialect, connection, load, table).await?;
        }
        dialect.execute(connection, D::BEGIN).await.map_err(to_write)?;
        let done = async {
            let ready = prepare(dialect, connection, load, table).await?;
            if load.mode == Mode::Replace && !ready.new {
                empty(dialect, connection, load, table).await?;
            }
            let filled = fill(dialect, connection, load, table, inbox, &ready).await;
            let stored = match filled.map_err(to_write)? {
                Stored::Every(stored) if stored != received && !load.is_all_key() => {
                    return Err(refusal::swallowed(&load.table, received, stored));
                }
                Stored::Every(stored) | Stored::Last(stored) => stored,
            };
            state::write(dialect, connection, load, table, state).await?;
            Ok(stored)
        };
        // After an error, the transaction goes with the connection, and the connection with the session.
        let stored = done.await?;
        commit(dialect, connection, load).await?;
        Ok(stored)
    }
}

/// Ends a transaction.
pub(in crate::sink) async fn commit<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
) -> Result<()> {
    let Err(error) = dialect.execute(connection, "COMMIT").await else { return Ok(()) };
    let failed = dialect.refused(load, "the rows for", &error);
    Err(match error.as_database_error() {
        Some(_) => failed,
        None => failed.help(
            "the connection was lost while the database committed: look whether the rows are \
             there before you run again",
        ),
    })
}

/// Does what the commit will do, with no rows, and takes it back.
async fn rehearse<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> Result<Ready> {
    let to_take = |error| dialect.refused(load, "to take rows into", &error);
    dialect.execute(connection, D::BEGIN).await.map_err(to_take)?;
    let ready = prepare(dialect, connection, load, table).await?;
    let insert =
        statement::insert(dialect, load, table, &dialect.last_rows(load, inbox), ready.new);
    let delete = (load.mode == Mode::Replace).then(|| format!("DELETE FROM {table}"));
    for statement in delete.into_iter().chain([insert]) {
        // Planned, with all rights checked, and not run: a DELETE of millions of rows is not free.
        dialect.execute(connection, &format!("EXPLAIN {statement}")).await.map_err(to_take)?;
    }
    if let Some(complete) = dialect.complete(load, table).filter(|_| ready.new) {
        dialect.execute(connection, &complete).await.map_err(to_take)?;
    }
    dialect.execute(connection, "ROLLBACK").await.map_err(to_take)?;
    Ok(ready)
}

/// Within a transaction: one run at a time, and a table that takes the rows.
async fn prepare<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<Ready> {
    let to_create = |error| dialect.refused(load, "to create", &error);
    dialect.lock(connection, &table.to_string()).await.map_err(to_create)?;
    if let Some(found) = dialect.find(connection, load, table).await? {
        found.check(dialect, load, table)?;
        if load.mode == Mode::Replace {
            dialect.replaceable(connection, load, table).await?;
        }
        let unique = found.has_unique_key(dialect, load);
        return Ok(Ready { new: false, not_null: found.not_null(), unique });
    }
    dialect.create(connection, load, table).await.map_err(to_create)?;
    Ok(Ready { new: true, not_null: Vec::new(), unique: true })
}

/// Puts the rows that wait into the table; gives how many it has stored.
///
/// Mostly, no key comes twice. Where the database tells when one does, the last row of each key is
/// looked for only then: it takes as long as the rest.
async fn fill<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
    ready: &Ready,
) -> sqlx::Result<Stored> {
    let insert = |rows: &str| statement::insert(dialect, load, table, rows, ready.new);
    let complete = dialect.complete(load, table).filter(|_| ready.new);
    if D::TELLS_KEY_TWICE && ready.unique && !load.key.is_empty() {
        let every = insert(&statement::every_row(inbox));
        dialect.execute(connection, &format!("SAVEPOINT {SAVEPOINT}")).await?;
        match all(dialect, connection, &every, complete.as_deref()).await {
            Err(error) if dialect.is_key_twice(&error) => {
                let back = format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}");
                dialect.execute(connection, &back).await?;
            }
            done => return done.map(Stored::Every),
        }
        if ready.new {
            // What was taken back would stay in the table's file.
            dialect.execute(connection, &format!("TRUNCATE TABLE {table}")).await?;
        }
    }
    let last = insert(&dialect.last_rows(load, inbox));
    let stored = all(dialect, connection, &last, complete.as_deref()).await?;
    Ok(if load.key.is_empty() { Stored::Every(stored) } else { Stored::Last(stored) })
}

/// How many rows a database says it has stored.
enum Stored {
    /// Of all that waited.
    Every(u64),
    /// Of the last ones of their keys.
    Last(u64),
}

/// Removes all rows of a table, and looks whether they are gone: a trigger may keep them.
pub(in crate::sink) async fn empty<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let to_write = |error| dialect.refused(load, "the rows for", &error);
    let lock = dialect.lock_table(table).into_iter();
    for statement in lock.chain([format!("DELETE FROM {table}")]) {
        dialect.execute(connection, &statement).await.map_err(to_write)?;
    }
    let left = format!("SELECT 'a row', 'is left' FROM {table} LIMIT 1");
    match dialect.pairs(connection, &left, &[]).await.map_err(to_write)?.is_empty() {
        true => Ok(()),
        false => Err(refusal::kept_rows(&load.table)),
    }
}

/// Inserts, and completes a new table; gives the rows that were stored.
async fn all<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    insert: &str,
    complete: Option<&str>,
) -> sqlx::Result<u64> {
    let stored = dialect.execute(connection, insert).await?;
    if let Some(complete) = complete {
        dialect.execute(connection, complete).await?;
    }
    Ok(stored)
}

/// A connection that stood idle while the source was slow may be gone. As long as nothing waits in
/// the inbox, another one does as well.
pub(super) async fn revive<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
) -> Result<()> {
    if !dialect.is_alive(connection).await {
        tracing::debug!("the database has closed the idle connection: connecting again");
        *connection = dialect.connect().await?;
        dialect.inbox(connection, load).await?;
    }
    Ok(())
}
