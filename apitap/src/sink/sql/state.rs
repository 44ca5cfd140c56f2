//! The state of pipelines in a table beside the rows: `_apitap_state`.
//!
//! | pipeline | partition | value | run | changed_at |
//! |---|---|---|---|---|
//! | `orders` | empty, or the partition's name | JSON | the run that wrote it | when |
//!
//! It is created with the first state, and written in the transaction of the rows.

use serde_json::Value;

use super::{Dialect, Place, claim, own, statement};
use crate::sink::Load;
use crate::sink::contract::{Remembered, State, StateChange};
use crate::{Error, Result};

/// The table's name.
pub(in crate::sink) const TABLE: &str = "_apitap_state";

/// Its key.
pub(in crate::sink) const KEY: [&str; 2] = ["pipeline", "partition"];

/// What earlier runs have committed.
pub(in crate::sink) async fn read<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<State> {
    Ok(state(all(dialect, connection, load, table).await?))
}

/// The values by partition.
fn state(all: Vec<Remembered>) -> State {
    let partitions = all.into_iter().map(|entry| (entry.partition, entry.value)).collect();
    State { partitions }
}

/// What is remembered of the load's pipeline, with who wrote it and when.
pub(in crate::sink) async fn remembered<D: Dialect>(
    dialect: &D,
    load: &Load,
) -> Result<Vec<Remembered>> {
    let mut connection = dialect.connect().await?;
    let table = dialect.place(&mut connection, &load.table).await?;
    let mut all = all(dialect, &mut connection, load, &table).await?;
    all.sort_by(|a, b| a.partition.cmp(&b.partition));
    Ok(all)
}

/// All rows of the pipeline; none where there is no such table.
async fn all<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<Vec<Remembered>> {
    match dialect.find(connection, load, &table.beside(dialect, TABLE)).await? {
        Some(_) => rows(dialect, connection, load, table).await,
        None => Ok(Vec::new()),
    }
}

/// All rows of the pipeline in a table that is there.
async fn rows<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<Vec<Remembered>> {
    let place = table.beside(dialect, TABLE);
    let query = format!(
        "SELECT {}, {}, {}, {} FROM {place} WHERE {} = {}",
        dialect.quote("partition"),
        dialect.quote("value"),
        dialect.quote("run"),
        dialect.instant(&dialect.quote("changed_at")),
        dialect.quote("pipeline"),
        dialect.parameter(1)
    );
    let rows = dialect.rows(connection, &query, &[&load.pipeline]).await;
    let rows =
        rows.map_err(|error| dialect.refused(load, "to show the state of", &error))?.into_iter();
    let rows = rows.filter_map(|row| <[String; 4]>::try_from(row).ok());
    rows.map(|[partition, value, run, changed_at]| {
        Ok(Remembered { value: parsed(load, table, &value)?, partition, run, changed_at })
    })
    .collect()
}

fn parsed(load: &Load, table: &Place, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|cause| {
        let pipeline = &load.pipeline;
        Error::target(format!("the state of `{pipeline}` in `{TABLE}` beside {table} is not JSON"))
            .caused_by(cause)
    })
}

/// Changes what is remembered of the load's pipeline, and nothing else, while no run of it is under way.
pub(in crate::sink) async fn correct<D: Dialect>(
    dialect: &D,
    load: &Load,
    change: &StateChange,
) -> Result<()> {
    let load = load.clone().exclusive();
    let mut own = dialect.connect().await?;
    let connection = &mut own;
    let table = dialect.place(connection, &load.table).await?;
    let _claim = claim(dialect, connection, &load).await?;
    let to_write = |error| dialect.refused(&load, "the state of", &error);
    if !D::CREATES_IN_TRANSACTION {
        create(dialect, connection, &load, &table).await?;
    }
    dialect.begin(connection, &load, &table).await?;
    write(dialect, connection, &load, &table, change).await?;
    dialect.execute(connection, "COMMIT").await.map(drop).map_err(to_write)?;
    dialect.close(own).await;
    Ok(())
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
    let there = state(rows(dialect, connection, load, table).await?);
    change.check_known(&there)?;
    let quote = |name: &str| dialect.quote(name);
    let at = |number| dialect.parameter(number);
    let insert = insert(dialect, &place);
    let update = format!(
        "UPDATE {place} SET {} = {}, {} = {}, {} = {} WHERE {}",
        quote("value"),
        at(1),
        quote("run"),
        at(2),
        quote("changed_at"),
        D::NOW,
        own::is_row(dialect, KEY, 3)
    );
    let delete = format!("DELETE FROM {place} WHERE {}", own::is_row(dialect, KEY, 1));
    for (partition, value) in &change.partitions {
        let is_there = there.partitions.contains_key(partition);
        let key = [load.pipeline.as_str(), partition];
        let written = match (value.is_null(), is_there) {
            (true, false) => continue,
            (true, true) => dialect.change(connection, &delete, &key).await,
            // MySQL locks what stands around a row that it looks for and does not find: two pipelines would lock
            // each other out.
            (false, _) => {
                let statement = if is_there { &update } else { &insert };
                let value = value.to_string();
                let row = [value.as_str(), &change.run, &load.pipeline, partition];
                dialect.change(connection, statement, &row).await
            }
        };
        written.map_err(to_write)?;
    }
    Ok(())
}

/// What adds a row: its value, run, pipeline and partition are the parameters.
pub(in crate::sink) fn insert<D: Dialect>(dialect: &D, place: &Place) -> String {
    let names = ["value", "run", "pipeline", "partition", "changed_at"];
    let at = |number| dialect.parameter(number);
    format!(
        "INSERT INTO {place} {} VALUES ({}, {}, {}, {}, {})",
        statement::list(dialect, names),
        at(1),
        at(2),
        at(3),
        at(4),
        D::NOW
    )
}

/// Creates the table beside that of the rows, where it is not there.
pub(in crate::sink) async fn create<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let [name, json, instant] = dialect.state_types();
    let required = |name, ty: &str| (name, format!("{ty} NOT NULL"));
    let columns = [
        required("pipeline", &name),
        required("partition", &name),
        required("value", &json),
        required("run", &name),
        required("changed_at", &instant),
    ];
    let place = table.beside(dialect, TABLE);
    own::create(dialect, connection, load, &place, &columns, KEY).await
}
