//! The state of pipelines in a table beside the rows: `_apitap_state`.
//!
//! | pipeline | partition | value | run | changed_at |
//! |---|---|---|---|---|
//! | `orders` | empty, or the partition's name | JSON | the run that wrote it | when |
//!
//! It is created with the first state, and written in the transaction of the rows.

use super::{Dialect, Place, statement};
use crate::sink::Load;
use crate::sink::contract::{State, StateChange};
use crate::{Error, Result};

/// The table's name.
const TABLE: &str = "_apitap_state";

/// What earlier runs have committed.
pub(in crate::sink) async fn read<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<State> {
    let place = table.beside(dialect, TABLE);
    if dialect.find(connection, load, &place).await?.is_none() {
        return Ok(State::default());
    }
    let query = format!(
        "SELECT {}, {} FROM {place} WHERE {} = {}",
        dialect.quote("partition"),
        dialect.quote("value"),
        dialect.quote("pipeline"),
        dialect.parameter(1)
    );
    let rows = dialect.pairs(connection, &query, &[&load.pipeline]).await;
    let rows = rows.map_err(|error| dialect.refused(load, "to show the state of", &error))?;
    let mut state = State::default();
    for (partition, text) in rows {
        let value = serde_json::from_str(&text).map_err(|cause| {
            Error::target(format!("the state of `{}` in {place} is not JSON", load.pipeline))
                .caused_by(cause)
        })?;
        state.partitions.insert(partition, value);
    }
    Ok(state)
}

/// Within the transaction of the rows.
pub(in crate::sink) async fn write<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    change: &StateChange,
) -> Result<()> {
    if change.is_empty() {
        return Ok(());
    }
    let to_write = |error| dialect.refused(load, "the state of", &error);
    if D::CREATES_IN_TRANSACTION {
        create(dialect, connection, load, table).await?;
    }
    let place = table.beside(dialect, TABLE);
    if change.known.is_some() {
        change.check_known(&read(dialect, connection, load, table).await?)?;
    }
    let at = |number| dialect.parameter(number);
    let delete = format!(
        "DELETE FROM {place} WHERE {} = {} AND {} = {}",
        dialect.quote("pipeline"),
        at(1),
        dialect.quote("partition"),
        at(2)
    );
    let names = ["pipeline", "partition", "value", "run", "changed_at"];
    let insert = format!(
        "INSERT INTO {place} {} VALUES ({}, {}, {}, {}, {})",
        statement::list(dialect, names),
        at(1),
        at(2),
        at(3),
        at(4),
        D::NOW
    );
    for (partition, value) in &change.partitions {
        let key = [load.pipeline.as_str(), partition];
        dialect.pairs(connection, &delete, &key).await.map_err(to_write)?;
        if value.is_null() {
            continue;
        }
        let row = [key[0], key[1], &value.to_string(), &change.run];
        dialect.pairs(connection, &insert, &row).await.map_err(to_write)?;
    }
    Ok(())
}

/// Creates the table beside that of the rows, where it is not there.
pub(super) async fn create<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let place = table.beside(dialect, TABLE);
    if dialect.find(connection, load, &place).await?.is_some() {
        return Ok(());
    }
    let to_create = |error| dialect.refused(load, "to create the state of", &error);
    dialect.lock(connection, &place.to_string()).await.map_err(to_create)?;
    let [name, json, instant] = dialect.state_types();
    let quote = |column| dialect.quote(column);
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {place} ({} {name} NOT NULL, {} {name} NOT NULL, \
         {} {json} NOT NULL, {} {name} NOT NULL, {} {instant} NOT NULL, PRIMARY KEY {}){}",
        quote("pipeline"),
        quote("partition"),
        quote("value"),
        quote("run"),
        quote("changed_at"),
        statement::list(dialect, ["pipeline", "partition"]),
        D::TABLE_OPTIONS
    );
    dialect.execute(connection, &create).await.map_err(to_create)?;
    Ok(())
}
