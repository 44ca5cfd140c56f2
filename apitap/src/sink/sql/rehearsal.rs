//! What a commit will do, before the first request: with no rows, and taken back.

use super::session::{Ready, found, grow, prepare};
use super::{Dialect, Growth, Inbox, Place, statement};
use crate::Result;
use crate::definition::Mode;
use crate::hashed::hashed;
use crate::sink::Load;
use crate::sink::load::Missing;

/// Does what the commit will do, with no rows, and takes it back; whether the table is there.
pub(super) async fn rehearse<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> Result<bool> {
    let to_take = |error| dialect.refused(load, "to take rows into", &error);
    // What is tried out by running it changes nothing, and tables may not be created in a transaction.
    if D::EXPLAINS {
        dialect.execute(connection, D::BEGIN).await.map_err(to_take)?;
    }
    let found = found(dialect, connection, load, table).await?;
    let is_there = found.is_some();
    match found {
        Some(ready) => {
            // A column more costs nothing; rows that are written anew are not written twice.
            let columns = ready.growths.iter().filter(|(growth, _)| *growth == Growth::Column);
            let columns: Vec<_> = columns.cloned().collect();
            if D::CREATES_IN_TRANSACTION {
                grow(dialect, connection, load, &columns).await?;
            }
            if let Some(found) = &ready.renews {
                dialect.renew(connection, load, table, found, false).await?;
            }
            if D::CREATES_IN_TRANSACTION || columns.is_empty() {
                explain(dialect, connection, load, table, inbox, &ready).await.map_err(to_take)?;
            }
        }
        None if D::CREATES_IN_TRANSACTION => {
            let ready = prepare(dialect, connection, load, table, false).await?;
            explain(dialect, connection, load, table, inbox, &ready).await.map_err(to_take)?;
            if let Some(complete) = dialect.complete(load, table) {
                dialect.execute(connection, &complete).await.map_err(to_take)?;
            }
        }
        None => try_out(dialect, connection, load, table, inbox).await?,
    }
    if D::EXPLAINS {
        dialect.execute(connection, "ROLLBACK").await.map_err(to_take)?;
    }
    dialect.unlock(connection, &table.to_string()).await.map_err(to_take)?;
    Ok(is_there)
}

/// Creates a table that cannot be taken back, under another name, and drops it.
async fn try_out<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> Result<()> {
    let to_take = |error| dialect.refused(load, "to take rows into", &error);
    let to_create = |error| dialect.refused(load, "to create", &error);
    let trial = trial(dialect, table);
    let drop = format!("DROP TABLE IF EXISTS {trial}");
    dialect.execute(connection, &drop).await.map_err(to_create)?;
    dialect.create(connection, load, &trial).await.map_err(to_create)?;
    let ready = Ready::new::<D>();
    let explained = explain(dialect, connection, load, &trial, inbox, &ready).await;
    dialect.execute(connection, &drop).await.map_err(to_create)?;
    explained.map_err(to_take)
}

/// Where a table is tried out that cannot be taken back: under a hidden name, which belongs to that
/// table, so that one that a killed run has left is removed by the next.
fn trial(dialect: &impl Dialect, table: &Place) -> Place {
    table.beside(dialect, format!("_apitap_try_{}", hashed(&table.name)))
}

/// Has the statements planned, with all rights checked, and not run: a DELETE of millions of rows is
/// not free.
async fn explain<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
    ready: &Ready,
) -> sqlx::Result<()> {
    let rows = dialect.one_of_each(load, inbox);
    let differs = match ready.new {
        true => None,
        false => dialect.differs(connection, load, table).await?,
    };
    let store =
        statement::store(dialect, load, table, inbox, &rows, ready.meets(differs.as_deref()));
    let mut deletes = Vec::new();
    if load.mode == Mode::Replace {
        deletes.push(dialect.delete_all(&table.to_string()));
    }
    if load.missing != Missing::Keep {
        deletes.extend(dialect.delete_missing(load, table, inbox));
    }
    if !D::EXPLAINS {
        let no_rows = (!deletes.is_empty()).then(|| format!("DELETE FROM {table} WHERE 1 = 0"));
        for statement in no_rows.into_iter().chain(store) {
            dialect.execute(connection, &statement).await?;
        }
        return Ok(());
    }
    for statement in deletes.into_iter().chain(store) {
        dialect.execute(connection, &format!("EXPLAIN {statement}")).await?;
    }
    Ok(())
}
