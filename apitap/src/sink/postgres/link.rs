//! A connection: what is sent over it, and what it waits for.
//!
//! Mostly it is a session of the server. Behind PgBouncer in transaction mode it is one only within a transaction
//! ([`pool`](super::pool)), so here is all that depends on it: a query with parameters, which the driver sends
//! in two messages, gets a transaction of its own where none is open; settings of a session are left out; and what a
//! session would keep is kept by [`Pooled`].
//!
//! A lock that another session holds can stop a load for hours, and nothing else would say so.

use std::future::Future;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgCopyIn, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, Row as _};

use super::pool::Pooled;
use super::{Postgres, address, pool};
use crate::engine::watch;
use crate::sink::sql::Dialect as _;
use crate::{Error, Result};

/// How long a statement runs before anybody asks whether it waits.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long until the same is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// A connection, and the number of the server's process at its other end.
pub(in crate::sink) struct Link {
    connection: PgConnection,
    /// `None` where the next transaction may get another process.
    pid: Option<i32>,
    /// Whether something stands before the server: a pool, or a port that leads to another one.
    is_forwarded: bool,
    /// What is kept for us where the server's session does not.
    pooled: Option<Pooled>,
}

impl Link {
    pub(super) fn new(connection: PgConnection, pid: i32, is_forwarded: bool) -> Self {
        Self { connection, pid: Some(pid), is_forwarded, pooled: None }
    }

    /// The same, as one that is a session of the server only within a transaction.
    pub(super) fn pooled(self, pooled: Pooled) -> Self {
        Self { pid: None, pooled: Some(pooled), ..self }
    }

    /// The same, over another connection.
    pub(super) fn reconnected(&mut self, other: Self) {
        self.connection = other.connection;
        self.pid = other.pid;
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.is_forwarded
    }

    pub(super) fn as_pooled(&mut self) -> Option<&mut Pooled> {
        self.pooled.as_mut()
    }

    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Runs statements; gives the rows that they have changed.
    pub(super) async fn execute(&mut self, sql: &str) -> sqlx::Result<u64> {
        if self.pooled.is_some() && sql == "BEGIN" {
            let began = self.row("BEGIN; SELECT pg_catalog.pg_backend_pid()").await?;
            self.pid = Some(began.try_get(0)?);
            return Ok(0);
        }
        if self.pooled.is_some() && matches!(sql, "COMMIT" | "ROLLBACK") {
            self.pid = None;
        }
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        Ok(self.connection.execute(statement).await?.rows_affected())
    }

    /// Runs statements of which the last one yields a row.
    pub(super) async fn row(&mut self, sql: &str) -> sqlx::Result<PgRow> {
        self.connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await
    }

    /// Sets what holds for every connection of ours, where it was not known whether it may.
    pub(super) async fn set_up(&mut self) -> Result<()> {
        let settings = address::settings(&self.connection, "false");
        let set = self.row(&format!("SELECT {settings}")).await;
        set.map(drop).map_err(|error| {
            let said = address::said(&error);
            Error::target(format!("PostgreSQL refused the settings of a connection: {said}"))
        })
    }

    /// Sets what holds until the connection ends; nothing where others get the session in between.
    pub(super) async fn set(&mut self, settings: &str) -> sqlx::Result<()> {
        match self.pooled {
            Some(_) => Ok(()),
            None => self.execute(settings).await.map(drop),
        }
    }

    /// Takes a lock of that name until the connection ends; `false` where another one has it.
    pub(super) async fn hold(&mut self, name: &str) -> Result<bool> {
        if let Some(pooled) = &mut self.pooled {
            return pooled.lock(name).await;
        }
        let lock = "SELECT pg_try_advisory_lock(hashtextextended('apitap ' || $1, 0))";
        self.value(sqlx::query(lock).bind(name)).await.map_err(|error| pool::refused(&error))
    }

    /// The rows of a query with parameters.
    pub(super) async fn rows(
        &mut self,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> sqlx::Result<Vec<PgRow>> {
        if self.pooled.is_none() {
            return query.fetch_all(&mut self.connection).await;
        }
        // A statement with a name would stay in a session of others.
        let query = query.persistent(false);
        if self.pid.is_some() {
            return query.fetch_all(&mut self.connection).await;
        }
        self.execute("BEGIN").await?;
        let rows = query.fetch_all(&mut self.connection).await;
        let ended = self.execute(if rows.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        let rows = rows?;
        ended.map(|_| rows)
    }

    /// The same, in the form that is wanted.
    pub(super) async fn all<T>(
        &mut self,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> sqlx::Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        self.rows(query).await?.iter().map(T::from_row).collect()
    }

    /// The first one.
    pub(super) async fn first<T>(
        &mut self,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> sqlx::Result<Option<T>>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        self.rows(query).await?.first().map(T::from_row).transpose()
    }

    /// The value of a query that yields one.
    pub(super) async fn value<T>(
        &mut self,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> sqlx::Result<T>
    where
        (T,): for<'r> FromRow<'r, PgRow>,
    {
        let row: Option<(T,)> = self.first(query).await?;
        row.map(|(value,)| value).ok_or(sqlx::Error::RowNotFound)
    }

    /// Takes a lock of that name until the transaction ends; `false` where another one has it.
    pub(super) async fn try_lock(&mut self, name: &str) -> sqlx::Result<bool> {
        let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))";
        // A statement with a name would stay in a session of a pool.
        self.value(sqlx::query(lock).bind(name).persistent(false)).await
    }

    pub(super) async fn copy_in(
        &mut self,
        statement: &str,
    ) -> sqlx::Result<PgCopyIn<&mut PgConnection>> {
        self.connection.copy_in_raw(statement).await
    }

    /// Whether what it is a session for is still kept.
    pub(super) async fn is_kept(&mut self) -> bool {
        match &mut self.pooled {
            Some(pooled) => pooled.is_kept().await,
            None => true,
        }
    }

    /// Whether it still answers.
    pub(super) async fn ping(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }

    /// Ends what it is a session for, before anything else is done.
    pub(super) async fn end(mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        pooled.end(&mut self).await;
        if let Err(error) = self.close().await {
            tracing::debug!("a connection was not closed: {error}");
        }
    }
}

/// A session that holds what another one waits for: its process, application and user, and for how
/// many seconds. What our user may not see of it is `None`.
type Holder = (i32, Option<String>, Option<String>, Option<f64>);

impl Postgres {
    /// Whether another connection does as well for what this one is a session for: so it is with a pool, where all that
    /// was kept is still there, or can be had again.
    pub(super) async fn reconnects(&self, connection: &mut Link) -> bool {
        let Some(pooled) = connection.as_pooled() else { return false };
        if !pooled.keep_again().await.unwrap_or(false) {
            return false;
        }
        match self.connect().await {
            Ok(other) => connection.reconnected(other),
            Err(_) => return false,
        }
        true
    }

    /// Waits for a statement of that process, and tells who keeps it waiting.
    pub(super) async fn watched<T>(
        &self,
        pid: Option<i32>,
        statement: impl Future<Output = T>,
    ) -> T {
        let Some(pid) = pid else { return statement.await };
        let began = Instant::now();
        let mut statement = std::pin::pin!(statement);
        let mut patience = PATIENCE;
        let mut locked = None;
        loop {
            tokio::select! {
                biased;
                done = &mut statement => return done,
                held = self.tell_later(pid, patience, began) => {
                    patience = AGAIN;
                    if held && locked.is_none() {
                        locked = Some(watch::locked(began));
                    }
                }
            }
        }
    }

    /// Whether somebody holds what it waits for.
    async fn tell_later(&self, pid: i32, patience: Duration, began: Instant) -> bool {
        tokio::time::sleep(patience).await;
        match self.holders(pid).await {
            Ok(holders) if holders.is_empty() => false,
            Ok(holders) => {
                let waited = began.elapsed().as_secs();
                let held: Vec<_> = holders.iter().map(shown).collect();
                tracing::warn!(
                    "waiting for a lock for {waited} s: it is held by {}; `lock_timeout=30s` in the \
                     URL would bound the wait",
                    held.join(", ")
                );
                true
            }
            Err(error) => {
                tracing::debug!("nobody can say who holds a lock: {}", error.message());
                false
            }
        }
    }

    async fn holders(&self, pid: i32) -> Result<Vec<Holder>> {
        let mut connection = self.connect().await?;
        let holders = sqlx::query(
            "SELECT a.pid, nullif(a.application_name, '') AS application, a.usename::text AS user,
                    extract(epoch FROM now() - a.xact_start)::float8 AS seconds
             FROM unnest(pg_catalog.pg_blocking_pids($1)) AS b (pid)
             JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid",
        )
        .bind(pid);
        let holders = connection.all(holders).await;
        holders.map_err(|error| Error::target(address::said(&error)))
    }
}

fn shown((pid, application, user, seconds): &Holder) -> String {
    let application = application.as_deref().unwrap_or("unknown");
    let user = user.as_deref().unwrap_or("unknown");
    let since = seconds.map(|seconds| format!(", since {seconds:.0} s")).unwrap_or_default();
    format!("process {pid} (application `{application}`, user `{user}`{since})")
}
