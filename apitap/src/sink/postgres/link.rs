//! A connection that says what it waits for.
//!
//! A lock that another session holds can stop a load for hours, and nothing else would say so.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use super::Postgres;
use crate::Result;
use crate::engine::watch;

/// How long a statement runs before anybody asks whether it waits.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long until the same is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// A connection, and the number of the server's process at its other end.
pub(in crate::sink) struct Link {
    connection: PgConnection,
    pid: i32,
    /// Whether something stands before the server: a pool, or a port that leads to another one.
    is_forwarded: bool,
}

impl Link {
    pub(super) fn new(connection: PgConnection, pid: i32, is_forwarded: bool) -> Self {
        Self { connection, pid, is_forwarded }
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.is_forwarded
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}

impl Deref for Link {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// A session that holds what another one waits for: its process, application and user, and for how
/// many seconds. What our user may not see of it is `None`.
type Holder = (i32, Option<String>, Option<String>, Option<f64>);

impl Postgres {
    /// Waits for a statement of that process, and tells who keeps it waiting.
    pub(super) async fn watched<T>(&self, pid: i32, statement: impl Future<Output = T>) -> T {
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
        let mut connection = self.address.connect().await?;
        let holders = sqlx::query_as(
            "SELECT a.pid, nullif(a.application_name, '') AS application, a.usename::text AS user,
                    extract(epoch FROM now() - a.xact_start)::float8 AS seconds
             FROM unnest(pg_catalog.pg_blocking_pids($1)) AS b (pid)
             JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid",
        )
        .bind(pid)
        .fetch_all(&mut *connection)
        .await;
        holders.map_err(|error| crate::Error::target(super::address::said(&error)))
    }
}

fn shown((pid, application, user, seconds): &Holder) -> String {
    let application = application.as_deref().unwrap_or("unknown");
    let user = user.as_deref().unwrap_or("unknown");
    let since = seconds.map(|seconds| format!(", since {seconds:.0} s")).unwrap_or_default();
    format!("process {pid} (application `{application}`, user `{user}`{since})")
}
