//! One run of a pipeline at a time: a lock of the database, which ends with the session that has it.
//!
//! It is what tells people early. What keeps a run out that was taken for dead and is not, is that the
//! session and its rows are gone with its connection, and that the state has moved.

use super::Dialect;
use super::dialect::{Claim, Guard};
use crate::Result;
use crate::sink::{Load, refusal};

/// Keeps other runs of the load's pipeline away from its table, for as long as the connection and what is
/// given live. Does nothing for a load that is not exclusive.
///
/// # Errors
/// Another run has it.
pub(in crate::sink) async fn claim<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
) -> Result<Guard> {
    if !load.exclusive {
        return Ok(None);
    }
    let table = dialect.place(connection, &load.table).await?;
    match dialect.claim(connection, &format!("run {} {table}", load.pipeline)).await? {
        Claim::Ours(guard) => Ok(guard),
        Claim::Theirs(holder) => Err(refusal::busy(load, &holder.who, holder.end.as_deref())),
    }
}
