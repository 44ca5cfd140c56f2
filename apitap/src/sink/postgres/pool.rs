//! Behind PgBouncer in transaction mode: each transaction gets whichever session of the server is free.
//!
//! There, what a session keeps elsewhere is kept by others. Locks are those of a transaction that stays open over a
//! connection of its own ([`Keeper`]), so that a run needs one session of the pool for itself. Rows wait in a
//! table with a hidden name, which is dropped at the end; one that a killed run has left is removed by the next
//! ([`hidden`](super::hidden)).

use sqlx::Row as _;

use super::address::{Address, said};
use super::link::Link;
use super::{Postgres, catalog, hidden};
use crate::definition::table::TableName;
use crate::sink::load::Load;
use crate::sink::sql::Place;
use crate::{Error, Result};

/// How often it is looked: while others are at work in a pool, it may give a session that looks like ours for once.
const TIMES: usize = 3;

/// Whether each transaction gets another session: has somebody else use sessions in the middle of a connection of ours.
///
/// A pool gives the session that was used last, which the other gets then, or all of them in turn, of which ours gets
/// two one after the other.
pub(super) async fn shares_sessions(address: &Address, connection: &mut Link) -> Result<bool> {
    let failed = |error: sqlx::Error| {
        Error::target(format!("PostgreSQL does not say which session this is: {}", said(&error)))
    };
    let ours = session(connection).await.map_err(failed)?;
    let (mut other, mut shares) = (address.connect().await?, false);
    for _ in 0..TIMES {
        for _ in 0..2 {
            shares |= ours != session(connection).await.map_err(failed)?;
        }
        other.execute("BEGIN").await.map_err(failed)?;
        shares |= ours == session(&mut other).await.map_err(failed)?;
        // With one session in the pool, ours would wait for that of the other.
        shares = shares || ours != session(connection).await.map_err(failed)?;
        other.execute("ROLLBACK").await.map_err(failed)?;
        if shares {
            break;
        }
    }
    other.close().await.map_err(failed)?;
    Ok(shares)
}

/// The number of the server's process. By the simple protocol, which leaves nothing behind in a session.
async fn session(connection: &mut Link) -> sqlx::Result<i32> {
    connection.row("SELECT pg_catalog.pg_backend_pid()").await?.try_get(0)
}

/// What a session of the server would keep for a connection.
pub(super) struct Pooled {
    address: Address,
    /// `None` as long as nothing is locked.
    keeper: Option<Box<Keeper>>,
    inbox: Option<Inbox>,
    /// Whether the locks were lost, and had again.
    was_lost: bool,
}

impl Pooled {
    pub(super) fn new(address: Address) -> Self {
        Self { address, keeper: None, inbox: None, was_lost: false }
    }

    /// Whether the locks were lost and had again since this was asked last.
    pub(super) fn was_lost(&mut self) -> bool {
        std::mem::take(&mut self.was_lost)
    }

    /// Takes a lock until the connection ends; `false` where another one has it.
    pub(super) async fn lock(&mut self, name: &str) -> Result<bool> {
        let keeper = match &mut self.keeper {
            Some(keeper) => keeper,
            none => none.insert(Box::new(Keeper::open(&self.address).await?)),
        };
        keeper.lock(name).await.map_err(|error| refused(&error))
    }

    /// The table of the rows that wait, from now on.
    pub(super) fn has_inbox(&mut self, postgres: &Postgres, load: &Load, place: &Place) {
        let (postgres, load, place) = (postgres.clone(), load.clone(), place.clone());
        self.inbox = Some(Inbox { postgres, load, place, dropped: false });
    }

    /// Whether all that was locked still is, and was so all the time.
    pub(super) async fn is_kept(&mut self) -> bool {
        match &mut self.keeper {
            Some(keeper) => keeper.is_open().await,
            None => true,
        }
    }

    /// Locks again what was locked, where that was lost; whether all of it could be had.
    pub(super) async fn keep_again(&mut self) -> Result<bool> {
        if self.is_kept().await {
            return Ok(true);
        }
        self.was_lost = true;
        let lost = self.keeper.take().map(|keeper| keeper.names).unwrap_or_default();
        for name in lost {
            if !self.lock(&name).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Drops the table and gives up the locks.
    pub(super) async fn end(self, connection: &mut Link) {
        if let Some(mut inbox) = self.inbox {
            inbox.drop_over(connection).await;
        }
        if let Some(keeper) = self.keeper {
            keeper.end().await;
        }
    }
}

/// Makes a table for rows to wait in, in the schema of the load's or, where that is still to be created, in that of
/// the user.
pub(super) async fn inbox(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    definition: &str,
) -> Result<Place> {
    let to_stage = |error| super::refused(load, "to stage", &error);
    connection.execute("BEGIN").await.map_err(to_stage)?;
    let mut beside = catalog::place(postgres, connection, &load.table).await?;
    if !catalog::schema_exists(connection, &beside).await.map_err(to_stage)? {
        let unqualified = TableName { schema: None, name: load.table.name.clone() };
        beside = catalog::place(postgres, connection, &unqualified).await?;
    }
    hidden::remove_abandoned(postgres, connection, &beside).await.map_err(to_stage)?;
    let place = hidden::name(postgres, connection, &beside).await.map_err(to_stage)?;
    let create = format!("CREATE UNLOGGED TABLE {place} {definition}");
    connection.execute(&create).await.map_err(to_stage)?;
    let comment = format!("rows wait here until apitap puts them into {}", load.table);
    hidden::describe(connection, &place, &comment).await.map_err(to_stage)?;
    hidden::keep(connection, &place).await?;
    connection.execute("COMMIT").await.map_err(to_stage)?;
    if let Some(pooled) = connection.as_pooled() {
        pooled.has_inbox(postgres, load, &place);
    }
    Ok(place)
}

/// The server's words about a lock that it does not give.
pub(super) fn refused(error: &sqlx::Error) -> Error {
    Error::target(format!("PostgreSQL refused the lock of a run: {}", said(error)))
}

/// The locks of a run are gone.
pub(super) fn lost() -> Error {
    Error::target(
        "the connection that keeps the lock of this run was lost: another run may have begun",
    )
    .help("none of these rows was stored: run it again")
}

/// A transaction that is open as long as this lives, and holds locks.
///
/// It reads nothing and writes nothing, so it keeps VACUUM from nothing. PgBouncer gives a session back that is in
/// the middle of a transaction only by closing it: however this ends, the locks end with it.
struct Keeper {
    connection: Link,
    names: Vec<String>,
}

impl Keeper {
    async fn open(address: &Address) -> Result<Self> {
        let mut connection = address.connect().await?;
        // The second of these settings is that of version 17.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
                     SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings
                     WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')";
        connection.execute(begin).await.map_err(|error| refused(&error))?;
        Ok(Self { connection, names: Vec::new() })
    }

    async fn lock(&mut self, name: &str) -> sqlx::Result<bool> {
        let is_ours = self.connection.try_lock(name).await?;
        if is_ours {
            self.names.push(name.to_owned());
        }
        Ok(is_ours)
    }

    async fn is_open(&mut self) -> bool {
        self.connection.ping().await
    }

    async fn end(mut self) {
        let ended = match self.connection.execute("ROLLBACK").await {
            Ok(_) => self.connection.close().await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::debug!("the locks end with their connection: {error}");
        }
    }
}

/// A table of rows that wait, which is dropped when this is.
struct Inbox {
    postgres: Postgres,
    load: Load,
    place: Place,
    dropped: bool,
}

impl Inbox {
    async fn drop_over(&mut self, connection: &mut Link) {
        let drop = format!("ROLLBACK; DROP TABLE IF EXISTS {}", self.place);
        // Where the connection is of no use any more, there is another one.
        self.dropped = connection.execute(&drop).await.is_ok();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if !self.dropped {
            hidden::remove_later(&self.postgres, &self.load, &self.place);
        }
    }
}
