//! A first load: rows go straight into a hidden table, which becomes the table at the commit.
//!
//! Several connections fill it at once, in COPYs that commit as they go; nobody looks there. The
//! commit renames it, adds the key and writes the state, in one transaction. Where a key comes twice
//! the index of the key says so, and only then the last row of each key is looked for: the rows have
//! no numbers, but `xmin` says which COPY has brought a row ([`super::copy`]).
//!
//! As long as its session lives, a hidden table is locked by name. One that is not was abandoned, and
//! the next first load in that schema removes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use sqlx::Executor as _;

use super::copy::{Chunk, Copy};
use super::link::Link;
use super::{Postgres, catalog, refused, types};
use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::schema::Type;
use crate::sink::contract::{Session, State, StateChange, Writer, Written};
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{self, Dialect as _, Place, Stage as _};

/// What the name of a hidden table begins with.
const PREFIX: &str = "_apitap_new_";
/// What a writer commits is durable when the load is: the last commit waits for the log up to its own
/// place.
const SETTINGS: &str = "SET synchronous_commit = off";

/// Whether such rows can go into a new table as they are encoded, and be told apart there.
pub(super) fn fits(load: &Load) -> bool {
    // 0.0 and -0.0 are one key to PostgreSQL, and two to those who compare bytes.
    let is_exact = |ty: &Type| !matches!(ty, Type::Float32 | Type::Float64);
    load.creates_its_own()
        && load.columns.iter().all(|column| types::cast(&column.ty).is_empty())
        && load.key_columns().all(|column| is_exact(&column.ty))
}

/// Creates the hidden table; `None` where the table itself is there, or its schema is not.
pub(super) async fn open(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> Result<Option<Place>> {
    let to_create = |error| refused(load, "to create", &error);
    let exists = catalog::schema_exists(connection, table).await.map_err(to_create)?;
    if !exists || postgres.find(connection, load, table).await?.is_some() {
        return Ok(None);
    }
    connection.execute("BEGIN").await.map_err(to_create)?;
    postgres.lock(connection, &table.to_string()).await.map_err(to_create)?;
    remove_abandoned(postgres, connection, table).await.map_err(to_create)?;
    let hidden = create(postgres, connection, load, table).await.map_err(to_create)?;
    connection.execute("COMMIT").await.map_err(to_create)?;
    postgres.execute(connection, SETTINGS).await.map_err(to_create)?;
    Ok(Some(hidden))
}

/// Within a transaction: creates the table under a hidden name, and tries out its key.
async fn create(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> sqlx::Result<Place> {
    // Such a number comes once in the life of a server.
    let number = "SELECT pg_catalog.pg_current_xact_id()::text";
    let number: String = sqlx::query_scalar(number).fetch_one(&mut **connection).await?;
    let hidden = table.beside(postgres, format!("{PREFIX}{number}"));
    let comment = format!("apitap fills this table, which becomes {table} when the run commits");
    postgres.create(connection, load, &hidden).await?;
    let comment = comment.replace('\'', "''");
    postgres.execute(connection, &format!("COMMENT ON TABLE {hidden} IS '{comment}'")).await?;
    if let Some(key) = postgres.complete(load, &hidden) {
        let trial = format!("SAVEPOINT key; {key}; ROLLBACK TO SAVEPOINT key");
        postgres.execute(connection, &trial).await?;
    }
    keep(connection, &hidden).await?;
    Ok(hidden)
}

/// Locks a hidden table by its name, until the connection ends.
async fn keep(connection: &mut Link, hidden: &Place) -> sqlx::Result<()> {
    let lock = "SELECT pg_advisory_lock(hashtextextended('apitap ' || $1, 0))";
    connection.execute(sqlx::query(lock).bind(hidden.to_string())).await.map(drop)
}

/// Within a transaction: removes hidden tables whose sessions have ended.
async fn remove_abandoned(
    postgres: &Postgres,
    connection: &mut Link,
    table: &Place,
) -> sqlx::Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(c.relname::text, $2)
           AND pg_catalog.pg_has_role(c.relowner, 'USAGE')",
    )
    .bind(&table.schema)
    .bind(PREFIX)
    .fetch_all(&mut **connection)
    .await?;
    for name in names {
        let hidden = table.beside(postgres, name);
        let free = "SELECT pg_try_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))";
        let free = sqlx::query_scalar(free).bind(hidden.to_string());
        if free.fetch_one(&mut **connection).await? {
            tracing::info!("{hidden} was left by a run that did not end: removing it");
            postgres.execute(connection, &format!("DROP TABLE IF EXISTS {hidden}")).await?;
        }
    }
    Ok(())
}

/// A load into a hidden table.
pub(super) struct Direct {
    postgres: Postgres,
    load: Arc<Load>,
    limits: Limits,
    table: Place,
    /// `None` once it has become the table.
    hidden: Option<Place>,
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
        hidden: Place,
    ) -> Self {
        let filled = Inner { connection: Some(connection), ..Inner::default() };
        Self {
            postgres,
            load: Arc::new(load),
            limits: *limits,
            table,
            hidden: Some(hidden),
            filled: Arc::new(Filled(Mutex::new(filled))),
            gathered: StateChange::default(),
            covered: 0,
            after: None,
            written: Written::default(),
        }
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
            revive(&self.postgres, &mut connection, &self.load, hidden).await?;
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
        connection.execute("RESET synchronous_commit").await.map_err(to_write)?;
        let mut publish = Publish {
            postgres: &self.postgres,
            load: &self.load,
            table: &self.table,
            hidden: &hidden,
            rows: received - replaced,
        };
        let stored = publish.transaction(&mut connection, &chunks, state).await?;
        self.hidden = None;
        self.written = Written { received, stored };
        self.filled.inner().connection = Some(connection);
        Ok(())
    }

    /// From the second commit on, the table is there: rows are staged as for any other.
    async fn after(&mut self) -> Result<&mut Box<dyn Session>> {
        let session = match self.after.take() {
            Some(session) => session,
            None => {
                let connection = self.connection().await?;
                let (postgres, load) = (self.postgres.clone(), Load::clone(&self.load));
                let table = self.table.clone();
                sql::open_on(postgres, connection, load, table, &self.limits).await?
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

    fn writers(&self) -> usize {
        match self.hidden {
            Some(_) => Postgres::writers(),
            None => 1,
        }
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let Some(hidden) = self.hidden.clone() else {
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
                let set = self.postgres.execute(&mut connection, SETTINGS).await;
                set.map_err(|error| refused(&self.load, "the rows for", &error))?;
                connection
            }
        };
        Ok(Box::new(DirectWriter {
            postgres: self.postgres.clone(),
            load: Arc::clone(&self.load),
            hidden,
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
        Ok(self.written)
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        if let Some(after) = self.after.take() {
            return after.abort().await;
        }
        match self.hidden.take() {
            Some(hidden) => remove(&self.postgres, &self.load, &hidden).await,
            None => Ok(()),
        }
    }
}

impl Drop for Direct {
    /// Who is dropped in the middle leaves the hidden table to a task; where there is no time for
    /// that any more, the next run removes it.
    fn drop(&mut self) {
        let Some(hidden) = self.hidden.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (postgres, load) = (self.postgres.clone(), Arc::clone(&self.load));
        runtime.spawn(async move {
            if let Err(error) = remove(&postgres, &load, &hidden).await {
                tracing::warn!("{hidden} is left for the next run to remove: {}", error.message());
            }
        });
    }
}

/// Over a connection of its own: that of the session may be gone, or in the middle of something.
async fn remove(postgres: &Postgres, load: &Load, hidden: &Place) -> Result<()> {
    let mut connection = postgres.connect().await?;
    let removed =
        postgres.execute(&mut connection, &format!("DROP TABLE IF EXISTS {hidden}")).await;
    removed.map(drop).map_err(|error| refused(load, "to remove what was left of", &error))
}

/// A connection that stood idle while the source was slow may be gone. What has been sent is in the
/// hidden table, so another one does as well.
async fn revive(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    hidden: &Place,
) -> Result<()> {
    if postgres.is_alive(connection).await {
        return Ok(());
    }
    tracing::debug!("the database has closed the idle connection: connecting again");
    *connection = postgres.connect().await?;
    let to_write = |error| refused(load, "the rows for", &error);
    postgres.execute(connection, SETTINGS).await.map_err(to_write)?;
    keep(connection, hidden).await.map_err(to_write)
}

struct DirectWriter {
    postgres: Postgres,
    load: Arc<Load>,
    hidden: Place,
    filled: Arc<Filled>,
    connection: Link,
    /// Whether the connection is that of the session.
    is_own: bool,
    /// Whether the connection stood idle since the session began.
    fresh: bool,
    copy: Copy,
    received: u64,
}

#[async_trait]
impl Writer for DirectWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        if std::mem::take(&mut self.fresh) {
            revive(&self.postgres, &mut self.connection, &self.load, &self.hidden).await?;
        }
        self.received += batch.num_rows() as u64;
        self.load.check(&batch, first)?;
        self.copy.take(&mut self.connection, first, &batch).await
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        let done = self.copy.flush(&mut self.connection).await?;
        if done != self.received {
            return Err(refusal::lost(&self.load.table, self.received, done));
        }
        let Self { filled, connection, is_own, copy, received, load, .. } = *self;
        if is_own {
            filled.inner().connection = Some(connection);
        } else {
            let closed = connection.close().await;
            closed.map_err(|error| refused(&load, "the rows for", &error))?;
        }
        let (replaced, chunks) = copy.into_chunks();
        let mut inner = filled.inner();
        inner.open -= 1;
        inner.received += received;
        inner.replaced += replaced;
        inner.chunks.extend(chunks);
        Ok(())
    }
}

/// The commit of a first load.
struct Publish<'a> {
    postgres: &'a Postgres,
    load: &'a Load,
    table: &'a Place,
    hidden: &'a Place,
    /// How many rows are in the hidden table.
    rows: u64,
}

/// What came of an attempt.
enum Attempt {
    Stored(u64),
    KeyTwice(sqlx::Error),
}

impl Publish<'_> {
    /// Gives the rows stored.
    async fn transaction(
        &mut self,
        connection: &mut Link,
        chunks: &[Chunk],
        state: &StateChange,
    ) -> Result<u64> {
        let to_write = |error| refused(self.load, "the rows for", &error);
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
        let stored = match postgres.find(connection, load, table).await? {
            None => self.rename(connection).await,
            Some(found) => {
                found.check(*postgres, load, table)?;
                if load.mode == Mode::Replace {
                    postgres.replaceable(connection, load, table).await?;
                }
                if !load.key.is_empty() && !found.has_unique_key(*postgres, load) {
                    self.keep_last(connection, chunks).await.map_err(to_write)?;
                }
                self.pour(connection).await?
            }
        };
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) if postgres.is_key_twice(&error) => return Ok(Attempt::KeyTwice(error)),
            Err(error) => return Err(to_write(error)),
        };
        sql::state::write(*postgres, connection, load, table, state).await?;
        sql::commit(*postgres, connection, load).await?;
        Ok(Attempt::Stored(stored))
    }

    async fn rename(&self, connection: &mut Link) -> sqlx::Result<u64> {
        let Self { postgres, load, table, hidden, rows } = self;
        let name = postgres.quote(&table.name);
        let rename =
            format!("ALTER TABLE {hidden} RENAME TO {name}; COMMENT ON TABLE {table} IS NULL");
        postgres.execute(connection, &rename).await?;
        if let Some(key) = postgres.complete(load, table) {
            postgres.execute(connection, &key).await?;
        }
        Ok(*rows)
    }

    /// Another run has created the table in the meantime: the rows go there.
    async fn pour(&self, connection: &mut Link) -> Result<sqlx::Result<u64>> {
        let Self { postgres, load, table, .. } = self;
        if load.mode == Mode::Replace {
            sql::empty(*postgres, connection, load, table).await?;
        }
        Ok(self.insert(connection).await)
    }

    async fn insert(&self, connection: &mut Link) -> sqlx::Result<u64> {
        let Self { postgres, load, table, hidden, .. } = self;
        let columns = load.columns.iter().map(|column| postgres.quote(&column.name));
        let rows = format!("SELECT {} FROM {hidden}", columns.collect::<Vec<_>>().join(", "));
        let insert = sql::insert(*postgres, load, table, &rows, false);
        let stored = postgres.execute(connection, &insert).await?;
        postgres.execute(connection, &format!("DROP TABLE {hidden}")).await?;
        Ok(stored)
    }

    /// Removes from the hidden table all but the last row of each key; gives how many.
    async fn keep_last(&self, connection: &mut Link, chunks: &[Chunk]) -> sqlx::Result<u64> {
        let Self { postgres, load, hidden, .. } = self;
        let create = "CREATE TEMPORARY TABLE apitap_chunks (xid xid, number bigint)";
        postgres.execute(connection, create).await?;
        let xids: Vec<&str> = chunks.iter().map(|chunk| chunk.xid.as_str()).collect();
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.first as i64).collect();
        sqlx::query(
            "INSERT INTO pg_temp.apitap_chunks
             SELECT xid::xid, number FROM unnest($1::text[], $2::bigint[]) AS c (xid, number)",
        )
        .bind(xids)
        .bind(numbers)
        .execute(&mut **connection)
        .await?;
        let key: Vec<_> =
            load.key_names().map(|name| format!("h.{}", postgres.quote(name))).collect();
        let delete = format!(
            "DELETE FROM {hidden} WHERE ctid IN (
                SELECT place FROM (
                    SELECT h.ctid AS place,
                           row_number() OVER (PARTITION BY {} ORDER BY c.number DESC) AS age
                    FROM {hidden} h JOIN pg_temp.apitap_chunks c ON c.xid = h.xmin
                ) AS ranked WHERE age > 1)",
            key.join(", ")
        );
        let removed = postgres.execute(connection, &delete).await?;
        postgres.execute(connection, "DROP TABLE pg_temp.apitap_chunks").await?;
        Ok(removed)
    }
}
