//! The state of pipelines in a table beside the rows: `_apitap_state`.
//!
//! | pipeline | partition | value | run | changed_at |
//! |---|---|---|---|---|
//! | `orders` | empty, or the partition's name | JSON | the run that wrote it | when |
//!
//! It is created with the first state, and written in the transaction of the rows.

use std::collections::HashMap;

use serde_json::Value;

use super::{Dialect, Place, claim, statement};
use crate::sink::Load;
use crate::sink::contract::{Remembered, State, StateChange};
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
    let mut state = State::default();
    for (partition, text) in column(dialect, connection, load, table, "value", false).await? {
        let value = parsed(load, table, &text)?;
        state.partitions.insert(partition, value);
    }
    Ok(state)
}

fn parsed(load: &Load, table: &Place, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|cause| {
        let pipeline = &load.pipeline;
        Error::target(format!("the state of `{pipeline}` in `{TABLE}` beside {table} is not JSON"))
            .caused_by(cause)
    })
}

/// A column of the rows of a pipeline, by partition; none where there is no such table.
async fn column<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    name: &str,
    is_instant: bool,
) -> Result<Vec<(String, String)>> {
    let place = table.beside(dialect, TABLE);
    if dialect.find(connection, load, &place).await?.is_none() {
        return Ok(Vec::new());
    }
    let column = dialect.quote(name);
    let column = if is_instant { dialect.instant(&column) } else { column };
    let query = format!(
        "SELECT {}, {column} FROM {place} WHERE {} = {}",
        dialect.quote("partition"),
        dialect.quote("pipeline"),
        dialect.parameter(1)
    );
    let rows = dialect.pairs(connection, &query, &[&load.pipeline]).await;
    rows.map_err(|error| dialect.refused(load, "to show the state of", &error))
}

/// What is remembered of the load's pipeline, with who wrote it and when.
pub(in crate::sink) async fn remembered<D: Dialect>(
    dialect: &D,
    load: &Load,
) -> Result<Vec<Remembered>> {
    let mut connection = dialect.connect().await?;
    let connection = &mut connection;
    let table = dialect.place(connection, &load.table).await?;
    let values = column(dialect, connection, load, &table, "value", false).await?;
    let runs = column(dialect, connection, load, &table, "run", false).await?;
    let times = column(dialect, connection, load, &table, "changed_at", true).await?;
    let (runs, times): (HashMap<_, _>, HashMap<_, _>) =
        (runs.into_iter().collect(), times.into_iter().collect());
    let text =
        |all: &HashMap<String, String>, name: &str| all.get(name).cloned().unwrap_or_default();
    let entry = |(partition, value): (String, String)| {
        let (run, changed_at) = (text(&runs, &partition), text(&times, &partition));
        Ok(Remembered { value: parsed(load, &table, &value)?, partition, run, changed_at })
    };
    let mut all = values.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
    all.sort_by(|a, b| a.partition.cmp(&b.partition));
    Ok(all)
}

/// Changes what is remembered of the load's pipeline, and nothing else, while no run of it is under way.
pub(in crate::sink) async fn correct<D: Dialect>(
    dialect: &D,
    load: &Load,
    change: &StateChange,
) -> Result<()> {
    let load = load.clone().exclusive();
    let mut connection = dialect.connect().await?;
    let connection = &mut connection;
    let table = dialect.place(connection, &load.table).await?;
    let _claim = claim(dialect, connection, &load).await?;
    let to_write = |error| dialect.refused(&load, "the state of", &error);
    if !D::CREATES_IN_TRANSACTION {
        create(dialect, connection, &load, &table).await?;
    }
    dialect.execute(connection, D::BEGIN).await.map_err(to_write)?;
    write(dialect, connection, &load, &table, change).await?;
    dialect.execute(connection, "COMMIT").await.map(drop).map_err(to_write)
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
    dialect.unlock(connection, &place.to_string()).await.map_err(to_create)
}
