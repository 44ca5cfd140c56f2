//! Whether a connection is a session of the server, as it is not behind PgBouncer in transaction mode.
//!
//! There each transaction gets whichever session is free. A lock that a run holds would stay with a session that
//! others use, and staged rows with another one. So that is refused, before anything is done.

use sqlx::{Executor as _, Row as _};

use super::address::{Address, said};
use super::link::Link;
use crate::{Error, Result};

/// How often it is looked. A pool that is not busy gives the session that was used last.
const TIMES: usize = 3;

/// Has somebody else use a session in the middle of a connection of ours.
///
/// # Errors
/// They got ours, or ours has changed.
pub(super) async fn check(address: &Address, connection: &mut Link) -> Result<()> {
    let failed = |error: sqlx::Error| {
        Error::target(format!("PostgreSQL does not say which session this is: {}", said(&error)))
    };
    for _ in 0..TIMES {
        let ours = session(connection).await.map_err(failed)?;
        let mut other = address.connect().await?;
        other.execute("BEGIN").await.map_err(failed)?;
        let theirs = session(&mut other).await.map_err(failed)?;
        let still_ours = session(connection).await.map_err(failed)?;
        if ours == theirs || ours != still_ours {
            return Err(pooled(address));
        }
    }
    Ok(())
}

/// The number of the server's process. By the simple protocol, which leaves nothing behind in a session.
async fn session(connection: &mut Link) -> sqlx::Result<i32> {
    let ask = sqlx::raw_sql("SELECT pg_catalog.pg_backend_pid()");
    connection.fetch_one(ask).await?.try_get(0)
}

fn pooled(address: &Address) -> Error {
    Error::target(format!(
        "{} gives each transaction another session of the server, as PgBouncer does with `pool_mode = \
         transaction`: the lock and the rows of a run would be left in sessions of others",
        address.server()
    ))
    .help("connect to the server itself, or to a pool with `pool_mode = session`")
}
