//! A load over one connection: the rehearsal, then rows into the inbox, then one transaction.

use std::sync::Arc;

use async_trait::async_trait;

use super::fill::Fill;
use super::rehearsal::rehearse;
use super::runs::Known;
use super::statement::Meets;
use super::writer::{Held, Home, StagingWriter};
use super::{Dialect, Fit, Found, Growth, Guard, Inbox, Place, claim, runs, state, statement};
use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::sink::contract::{Session, State, StateChange, Writer, Written};
use crate::sink::load::Missing;
use crate::sink::{Load, refusal};

/// Within the transaction: to where it goes back when a key comes twice.
pub(super) const SAVEPOINT: &str = "apitap_rows";

/// Connects and rehearses.
pub(in crate::sink) async fn open<D: Dialect>(
    dialect: D,
    load: Load,
    limits: &Limits,
) -> Result<Box<dyn Session>> {
    let (connection, claim, table) = claimed(&dialect, &load).await?;
    open_on(dialect, connection, load, table, limits, claim).await
}

/// A connection that has claimed what an exclusive load needs, and where its table is.
///
/// # Errors
/// The database does not take such names, cannot be reached, or another run has the claim.
pub(in crate::sink) async fn claimed<D: Dialect>(
    dialect: &D,
    load: &Load,
) -> Result<(D::Connection, Guard, Place)> {
    load.check_names(dialect.capabilities())?;
    let mut connection = dialect.connect().await?;
    let claim = claim(dialect, &mut connection, load).await?;
    let table = dialect.place(&mut connection, &load.table).await?;
    Ok((connection, claim, table))
}

/// Goes on behind a commit of the same run, which has made the table.
///
/// # Errors
/// It is gone.
pub(in crate::sink) async fn open_after<D: Dialect>(
    dialect: D,
    mut connection: D::Connection,
    load: Load,
    table: Place,
    limits: &Limits,
    claim: Guard,
) -> Result<Box<dyn Session>> {
    if dialect.find(&mut connection, &load, &table).await?.is_none() {
        return Err(refusal::gone(&load.table));
    }
    open_on(dialect, connection, load, table, limits, claim).await
}

/// Rehearses, over a connection that has claimed what an exclusive load needs.
pub(in crate::sink) async fn open_on<D: Dialect>(
    dialect: D,
    mut connection: D::Connection,
    load: Load,
    table: Place,
    limits: &Limits,
    claim: Guard,
) -> Result<Box<dyn Session>> {
    let inbox = dialect.inbox(&mut connection, &load).await?;
    let known = Known::of(&dialect, &mut connection, &load, &table).await;
    let is_there = rehearse(&dialect, &mut connection, &load, &table, &inbox).await?;
    Ok(Box::new(SqlSession {
        dialect,
        load: Arc::new(load),
        limits: *limits,
        table,
        inbox,
        home: Arc::new(Home::new(connection)),
        is_there,
        known,
        gathered: StateChange::default(),
        covered: 0,
        applied: false,
        written: Written::default(),
        _claim: claim,
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
    /// Whether the table was there when the session began, or a commit of it has made it.
    is_there: bool,
    /// The runs of the pipeline that have committed as far as this session knows.
    known: Known,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows that wait a commit has covered.
    covered: u64,
    /// Whether the rows of the inbox are in the table already.
    applied: bool,
    written: Written,
    /// Keeps other runs of the pipeline away.
    _claim: Guard,
}

/// A table that takes the rows.
pub(super) struct Ready {
    /// Whether this load has created it, and no other run can have written into it.
    pub(super) new: bool,
    /// The statements that make it take the rows, and lose nothing.
    pub(super) growths: Vec<(Growth, String)>,
    /// Where it gets other columns instead: what it is before that.
    pub(super) renews: Option<Found>,
    /// Whether the table itself keeps a key from coming twice.
    pub(super) unique: bool,
}

impl Ready {
    /// A table that this load has created.
    pub(super) fn new<D: Dialect>() -> Self {
        Self { new: D::KEEPS_LOCK, growths: Vec::new(), renews: None, unique: true }
    }

    pub(super) fn meets<'a>(&self, differs: Option<&'a str>) -> Meets<'a> {
        match self.new {
            true => Meets::Nothing,
            false => Meets::Rows { differs },
        }
    }
}

#[async_trait]
impl<D: Dialect> Session for SqlSession<D> {
    async fn state(&mut self) -> Result<State> {
        let mut connection = self.home.take(&self.load)?;
        let state = state::read(&self.dialect, &mut connection, &self.load, &self.table).await?;
        self.home.give(connection, 0);
        Ok(state)
    }

    async fn has_table(&mut self) -> Result<bool> {
        let mut connection = self.home.take(&self.load)?;
        let found = self.dialect.find(&mut connection, &self.load, &self.table).await?;
        self.home.give(connection, 0);
        Ok(found.is_some())
    }

    /// A temporary table is seen by one connection only.
    fn writers(&self) -> usize {
        1
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let mut connection = self.home.take(&self.load)?;
        // It may have waited long since the last commit.
        if self.applied {
            revive(&self.dialect, &mut connection, &self.load, &self.table, &self.known).await?;
        }
        self.empty_inbox(&mut connection).await?;
        let stage = self.dialect.stage(&self.load, &self.limits, &self.inbox)?;
        let fresh = self.home.waiting() == 0;
        let held = Held { table: self.table.clone(), known: self.known.clone() };
        let held = fresh.then_some(held);
        let (dialect, load, home) = (self.dialect.clone(), self.load.clone(), self.home.clone());
        Ok(Box::new(StagingWriter::new(dialect, load, home, connection, stage, held)))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        if self.load.is_whole() {
            self.covered = self.home.checked_waiting(&self.load)?;
            self.gathered.add(state);
            return Ok(self.written);
        }
        self.apply(state).await?;
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        let waiting = self.home.checked_waiting(&self.load)?;
        if self.load.is_whole() && waiting == self.covered {
            let state = std::mem::take(&mut self.gathered);
            self.apply(&state).await?;
        } else if waiting > 0 {
            return Err(refusal::uncommitted(&self.load.table, waiting));
        }
        self.close().await;
        Ok(self.written)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.close().await;
        Ok(())
    }
}

impl<D: Dialect> SqlSession<D> {
    /// One transaction: rows and state, or neither.
    async fn apply(&mut self, state: &StateChange) -> Result<()> {
        let mut connection = self.home.take(&self.load)?;
        let received = self.home.waiting();
        if received == 0 {
            revive(&self.dialect, &mut connection, &self.load, &self.table, &self.known).await?;
            self.empty_inbox(&mut connection).await?;
        }
        let written = match self.transaction(&mut connection, received, state).await {
            Ok(written) => written,
            Err(error) => {
                // The transaction goes with the connection, and what waits, too.
                self.dialect.close(connection).await;
                return Err(error);
            }
        };
        self.known.add(state);
        self.written = self.written.and(written);
        self.is_there = true;
        self.applied = received > 0;
        self.home.emptied();
        self.home.give(connection, 0);
        Ok(())
    }

    /// Takes the inbox away and ends the connection, unless a writer has it.
    async fn close(&self) {
        if let Ok(mut connection) = self.home.take(&self.load) {
            self.dialect.leave(&mut connection, &self.inbox).await;
            self.dialect.close(connection).await;
        }
    }

    /// Takes away the rows of the commit before.
    async fn empty_inbox(&mut self, connection: &mut D::Connection) -> Result<()> {
        if std::mem::take(&mut self.applied) {
            let emptied =
                self.dialect.execute(connection, &self.dialect.empty_inbox(&self.inbox)).await;
            emptied.map_err(|error| self.dialect.refused(&self.load, "to stage", &error))?;
        }
        Ok(())
    }

    async fn transaction(
        &self,
        connection: &mut D::Connection,
        received: u64,
        state: &StateChange,
    ) -> Result<Written> {
        let Self { dialect, load, table, inbox, .. } = self;
        let to_write = |error| dialect.refused(load, "the rows for", &error);
        let is_there = self.is_there;
        let ready = if D::CREATES_IN_TRANSACTION {
            dialect.execute(connection, D::BEGIN).await.map_err(to_write)?;
            prepare(dialect, connection, load, table, is_there).await?
        } else {
            let ready = prepare(dialect, connection, load, table, is_there).await?;
            if !state.is_empty() {
                state::create(dialect, connection, load, table).await?;
            }
            runs::prepare(dialect, connection, load, table, state).await;
            dialect.begin(connection, load, table).await?;
            ready
        };
        let done = async {
            hook(dialect, connection, Hook::Before, load).await?;
            let mut emptied = 0;
            if load.mode == Mode::Replace && !ready.new {
                emptied = empty(dialect, connection, load, table).await?;
            }
            if let Some(found) = &ready.renews {
                dialect.renew(connection, load, table, found, true).await?;
                tracing::info!(
                    pipeline = load.pipeline,
                    "{table} has the columns of the query now"
                );
            }
            let differs = match ready.new {
                true => None,
                false => dialect.differs(connection, load, table).await.map_err(to_write)?,
            };
            let meets = ready.meets(differs.as_deref());
            let unique = ready.unique;
            let written = Fill { dialect, load, table, inbox, meets, unique, received }
                .run(connection)
                .await?;
            if load.missing != Missing::Keep && !ready.new {
                self.delete_missing(connection, received).await?;
            }
            state::write(dialect, connection, load, table, state).await?;
            runs::write(dialect, connection, load, table, state, written).await?;
            hook(dialect, connection, Hook::After, load).await?;
            Ok((written, emptied))
        };
        let (written, emptied) = done.await?;
        commit(dialect, connection, load, table).await?;
        tell_emptied(load, received, emptied);
        Ok(written)
    }

    /// Deletes the rows whose key did not come, and looks whether they are gone.
    async fn delete_missing(&self, connection: &mut D::Connection, received: u64) -> Result<()> {
        let Self { dialect, load, table, inbox, .. } = self;
        if received == 0 && load.missing == Missing::Delete {
            return Err(refusal::nothing_came(&load.table));
        }
        let to_delete = |error| dialect.refused(load, "to delete rows of", &error);
        let mut deleted = 0;
        for statement in dialect.delete_missing(load, table, inbox) {
            deleted = dialect.execute(connection, &statement).await.map_err(to_delete)?;
        }
        tracing::info!(pipeline = load.pipeline, deleted, "rows whose key did not come");
        // Where nothing can keep them, another session's new rows are not to be taken for them.
        if !dialect.may_keep_rows(connection, table).await.map_err(to_delete)? {
            return Ok(());
        }
        let left = statement::one_missing(dialect, load, table, inbox);
        match dialect.rows(connection, &left, &[]).await.map_err(to_delete)?.is_empty() {
            true => Ok(()),
            false => Err(refusal::kept_rows(load)),
        }
    }
}

/// When SQL of the user's runs.
#[derive(Debug, Clone, Copy)]
pub(in crate::sink) enum Hook {
    Before,
    After,
}

/// Within a transaction: runs SQL of the user's, which must leave the transaction open.
pub(in crate::sink) async fn hook<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    hook: Hook,
    load: &Load,
) -> Result<()> {
    let (name, sql) = match hook {
        Hook::Before => ("before", &load.hooks.before),
        Hook::After => ("after", &load.hooks.after),
    };
    let Some(sql) = sql else { return Ok(()) };
    let target = dialect.capabilities().name;
    let failed = |error: sqlx::Error| {
        let said = error.as_database_error().map(|error| error.message().to_owned());
        refusal::hook(target, name, &said.unwrap_or_else(|| error.to_string()))
    };
    dialect.execute(connection, &format!("SAVEPOINT {SAVEPOINT}")).await.map_err(failed)?;
    dialect.execute(connection, sql).await.map_err(failed)?;
    // It is gone where the transaction has ended.
    let released = dialect.execute(connection, &format!("RELEASE SAVEPOINT {SAVEPOINT}")).await;
    released.map(drop).map_err(|_| refusal::ended_by_hook(name))
}

/// Ends a transaction.
pub(in crate::sink) async fn commit<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    dialect.check_claim(connection).await?;
    let Err(error) = dialect.execute(connection, "COMMIT").await else {
        // The rows are in: a lock that cannot be given up ends with the connection.
        if let Err(error) = dialect.unlock(connection, &table.to_string()).await {
            tracing::debug!("the lock ends with the connection: {error}");
        }
        return Ok(());
    };
    let failed = dialect.refused(load, "the rows for", &error);
    Err(match error.as_database_error() {
        Some(_) => failed,
        None => failed.help(
            "the connection was lost while the database committed: look whether the rows are \
             there before you run again",
        ),
    })
}

/// Changes a table such that it takes the rows.
pub(in crate::sink) async fn grow<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    growths: &[(Growth, String)],
) -> Result<()> {
    for (_, statement) in growths {
        let done = dialect.execute(connection, statement).await;
        done.map_err(|error| dialect.refused(load, "to change", &error))?;
        tracing::info!(pipeline = load.pipeline, "the table takes the rows: {statement}");
    }
    Ok(())
}

/// Within a transaction: one run at a time, and a table that takes the rows.
///
/// # Errors
/// It takes none, or it is gone, although it was there before (`is_there`): what it held would be lost without a
/// word.
pub(super) async fn prepare<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    is_there: bool,
) -> Result<Ready> {
    if let Some(ready) = found(dialect, connection, load, table).await? {
        grow(dialect, connection, load, &ready.growths).await?;
        return Ok(ready);
    }
    if is_there {
        return Err(refusal::gone(&load.table));
    }
    let to_create = |error| dialect.refused(load, "to create", &error);
    dialect.create(connection, load, table).await.map_err(to_create)?;
    Ok(Ready::new::<D>())
}

/// Waits until no other run is at work on the table; then the table, if it is there and takes the rows.
pub(super) async fn found<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<Option<Ready>> {
    let to_create = |error| dialect.refused(load, "to create", &error);
    dialect.lock(connection, &table.to_string()).await.map_err(to_create)?;
    let Some(found) = dialect.find(connection, load, table).await? else { return Ok(None) };
    let fit = found.check(dialect, load, table)?;
    if load.mode == Mode::Replace || load.missing != Missing::Keep {
        dialect.replaceable(connection, load, table).await?;
    }
    // With other columns it has the key of the load.
    let unique = matches!(fit, Fit::Renews) || found.has_unique_key(dialect, load);
    let (growths, renews) = match fit {
        Fit::Grows(growths) => (growths, None),
        Fit::Renews => (Vec::new(), Some(found)),
    };
    Ok(Some(Ready { new: false, growths, renews, unique }))
}

/// Says of a table whose rows were replaced by none that it had some: so it looks, too, where the source failed without
/// saying so.
pub(in crate::sink) fn tell_emptied(load: &Load, received: u64, emptied: u64) {
    if received == 0 && emptied > 0 {
        let (pipeline, table) = (&load.pipeline, &load.table);
        tracing::warn!(
            "`{pipeline}`: the query yielded no rows, so `{table}`, which had {emptied}, is empty now"
        );
    }
}

/// Removes all rows of a table, and looks whether they are gone: a trigger may keep them. Gives how many the database
/// says it has removed.
pub(in crate::sink) async fn empty<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<u64> {
    let to_write = |error| dialect.refused(load, "the rows for", &error);
    let lock = dialect.lock_table(table).into_iter();
    let mut deleted = 0;
    for statement in lock.chain([dialect.delete_all(&table.to_string())]) {
        deleted = dialect.execute(connection, &statement).await.map_err(to_write)?;
    }
    let left = dialect.any_row(&format!("FROM {table}"));
    match dialect.rows(connection, &left, &[]).await.map_err(to_write)?.is_empty() {
        true => Ok(deleted),
        false => Err(refusal::kept_rows(load)),
    }
}

/// A connection that stood idle while the source was slow may be gone. As long as nothing waits in
/// the inbox, another one does as well.
///
/// # Errors
/// Another run has it by now, or has had it.
pub(super) async fn revive<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    known: &Known,
) -> Result<()> {
    let is_alive = dialect.is_alive(connection).await;
    if !is_alive {
        tracing::debug!("the database has closed the idle connection: connecting again");
        *connection = dialect.connect().await?;
        // Where a guard keeps the lock, no connection is closed.
        drop(claim(dialect, connection, load).await?);
    }
    if !is_alive || dialect.was_lost(connection) {
        known.check(dialect, connection, load, table).await?;
    }
    if !is_alive {
        dialect.inbox(connection, load).await?;
    }
    Ok(())
}
