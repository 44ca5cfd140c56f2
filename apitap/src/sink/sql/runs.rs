//! The runs of pipelines in a table beside the rows: `_apitap_runs`.
//!
//! | pipeline | run | status | started_at | ended_at | records | stored | unchanged | error |
//! |---|---|---|---|---|---|---|---|---|
//! | `orders` | its name | `running`, `ok`, `failed`, `interrupted` | when | when, or null | read from the sources | inserted or updated | left alone | null, or why |
//!
//! The row of a run is written in the transactions of its rows; that of one that failed, behind them. It is
//! for people: where it cannot be written, the rows are all the same.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Dialect, Place, own};
use crate::sink::contract::{StateChange, Written};
use crate::sink::runs::{KEPT, RunEntry, RunStatus};
use crate::sink::{Load, refusal};
use crate::{Error, Result};

/// The table's name.
const TABLE: &str = "_apitap_runs";

/// Its key.
const KEY: [&str; 2] = ["pipeline", "run"];
/// Within the transaction: to where it goes back when the run cannot be kept.
const SAVEPOINT: &str = "apitap_run";

/// Before a transaction in which no table can be created: makes the table of runs, if it may.
pub(super) async fn prepare<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    state: &StateChange,
) {
    if D::KEEPS_RUNS
        && state.entry.is_some()
        && let Err(error) = create(dialect, connection, load, table).await
    {
        untold(load, &error);
    }
}

/// Records the status of the run and the rows that it has `written`, in the transaction of those rows.
pub(in crate::sink) async fn write<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    state: &StateChange,
    written: Written,
) -> Result<()> {
    let Some(entry) = state.entry.as_ref().filter(|_| D::KEEPS_RUNS) else { return Ok(()) };
    let entry = RunEntry { written: entry.written.and(written), ..entry.clone() };
    let to_write = |error| dialect.refused(load, "the rows for", &error);
    dialect.execute(connection, &format!("SAVEPOINT {SAVEPOINT}")).await.map_err(to_write)?;
    let kept = async {
        if D::CREATES_IN_TRANSACTION {
            create(dialect, connection, load, table).await?;
        }
        put(dialect, connection, load, table, &entry).await
    };
    let kept = kept.await;
    let end = if kept.is_ok() { "RELEASE SAVEPOINT" } else { "ROLLBACK TO SAVEPOINT" };
    let ended = dialect.execute(connection, &format!("{end} {SAVEPOINT}")).await;
    match (kept, ended) {
        (Ok(()), ended) => ended.map(drop).map_err(to_write),
        (Err(error), Ok(_)) => {
            untold(load, &error);
            Ok(())
        }
        // The whole transaction went with it: a deadlock, a full disk.
        (Err(error), Err(_)) => Err(error),
    }
}

/// The runs of a pipeline that its table of runs has told of when one began, and that one.
///
/// A run whose lock is lost with its connection takes it again, and may have been overtaken in between. The state tells
/// where there is one; else this does.
#[derive(Debug, Clone, Default)]
pub(in crate::sink) struct Known {
    /// `None` where they cannot be told. All writers of a session have them.
    runs: Option<Arc<HashSet<String>>>,
}

impl Known {
    /// Those of now.
    pub(in crate::sink) async fn of<D: Dialect>(
        dialect: &D,
        connection: &mut D::Connection,
        load: &Load,
        table: &Place,
    ) -> Self {
        if !load.exclusive || !D::KEEPS_RUNS {
            return Self::default();
        }
        let all = committed(dialect, connection, load, table).await;
        Self { runs: all.inspect_err(|error| untold(load, error)).ok().map(Arc::new) }
    }

    /// Adds the run itself, which has committed.
    pub(in crate::sink) fn add(&mut self, state: &StateChange) {
        if let (Some(runs), Some(entry)) = (&mut self.runs, &state.entry) {
            Arc::make_mut(runs).insert(entry.run.clone());
        }
    }

    /// Behind a lock that was lost and taken again.
    ///
    /// # Errors
    /// Another run has committed since.
    pub(in crate::sink) async fn check<D: Dialect>(
        &self,
        dialect: &D,
        connection: &mut D::Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        let Some(known) = &self.runs else { return Ok(()) };
        match committed(dialect, connection, load, table).await?.is_subset(known) {
            true => Ok(()),
            false => Err(refusal::overtaken(load)),
        }
    }
}

/// The names of the runs of the load's pipeline that have committed.
async fn committed<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<HashSet<String>> {
    let place = table.beside(dialect, TABLE);
    if dialect.find(connection, load, &place).await?.is_none() {
        return Ok(HashSet::new());
    }
    let runs = runs(dialect, connection, load, &place).await;
    let runs = runs.map_err(|error| dialect.refused(load, "to show the runs of", &error))?;
    let failed = RunStatus::Failed.name();
    Ok(runs.into_iter().filter(|[_, status]| status != failed).map(|[run, _]| run).collect())
}

/// The runs of the load's pipeline with their status, the latest first.
async fn runs<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    place: &Place,
) -> sqlx::Result<Vec<[String; 2]>> {
    let [run, status] = ["run", "status"].map(|name| dialect.quote(name));
    let runs = format!("SELECT {run}, {status} FROM {place} {}", of_pipeline(dialect));
    let runs = dialect.rows(connection, &runs, &[&load.pipeline]).await?;
    Ok(runs.into_iter().filter_map(|row| row.try_into().ok()).collect())
}

/// What has become of a run that commits nothing more.
pub(in crate::sink) async fn keep<D: Dialect>(
    dialect: &D,
    load: &Load,
    entry: &RunEntry,
) -> Result<()> {
    let mut connection = dialect.connect().await?;
    let connection = &mut connection;
    let table = dialect.place(connection, &load.table).await?;
    let to_write = |error| dialect.refused(load, "the runs of", &error);
    if !D::CREATES_IN_TRANSACTION {
        create(dialect, connection, load, &table).await?;
    }
    dialect.execute(connection, D::BEGIN).await.map_err(to_write)?;
    if D::CREATES_IN_TRANSACTION {
        create(dialect, connection, load, &table).await?;
    }
    put(dialect, connection, load, &table, entry).await?;
    dialect.execute(connection, "COMMIT").await.map(drop).map_err(to_write)
}

/// The runs of a pipeline, the latest first; none where there is no such table.
pub(in crate::sink) async fn all<D: Dialect>(dialect: &D, load: &Load) -> Result<Vec<RunEntry>> {
    let mut connection = dialect.connect().await?;
    let connection = &mut connection;
    let table = dialect.place(connection, &load.table).await?;
    let place = table.beside(dialect, TABLE);
    if dialect.find(connection, load, &place).await?.is_none() {
        return Ok(Vec::new());
    }
    let quote = |name: &str| dialect.quote(name);
    let (instant, digits) =
        (|name: &str| dialect.instant(&quote(name)), |name: &str| dialect.digits(&quote(name)));
    let columns = [
        quote("run"),
        quote("status"),
        instant("started_at"),
        instant("ended_at"),
        digits("records"),
        digits("stored"),
        digits("unchanged"),
        quote("error"),
    ];
    let query = format!("SELECT {} FROM {place} {}", columns.join(", "), of_pipeline(dialect));
    let rows = dialect.rows(connection, &query, &[&load.pipeline]).await;
    let rows = rows.map_err(|error| dialect.refused(load, "to show the runs of", &error))?;
    let entries = rows.into_iter().map(entry);
    entries.collect::<Option<_>>().ok_or_else(|| refusal::foreign_runs(TABLE, &table.to_string()))
}

/// The condition for those of the pipeline that is the first parameter, the latest first.
fn of_pipeline(dialect: &impl Dialect) -> String {
    let [pipeline, started, run] =
        ["pipeline", "started_at", "run"].map(|name| dialect.quote(name));
    format!("WHERE {pipeline} = {} ORDER BY {started} DESC, {run} DESC", dialect.parameter(1))
}

/// A row of the table; `None` where it is not one of ours.
fn entry(row: Vec<String>) -> Option<RunEntry> {
    let [run, status, started, ended, records, stored, unchanged, error] =
        <[String; 8]>::try_from(row).ok()?;
    let moment = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    let (stored, unchanged) = (stored.parse().ok()?, unchanged.parse().ok()?);
    Some(RunEntry {
        run,
        status: RunStatus::named(&status)?,
        started_at: moment(&started)?,
        ended_at: moment(&ended),
        records: records.parse().ok()?,
        written: Written { received: stored + unchanged, stored, unchanged },
        error: Some(error).filter(|error| !error.is_empty()),
    })
}

/// A run that is not kept.
fn untold(load: &Load, error: &Error) {
    let (pipeline, why) = (&load.pipeline, error.message());
    tracing::debug!(pipeline, "`{TABLE}` says nothing of this run: {why}");
}

/// Creates the table beside that of the rows, where it is not there.
async fn create<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let [name, text, instant] = dialect.state_types();
    let columns = [
        ("pipeline", format!("{name} NOT NULL")),
        ("run", format!("{name} NOT NULL")),
        ("status", format!("{name} NOT NULL")),
        ("started_at", format!("{instant} NOT NULL")),
        ("ended_at", format!("{instant} NULL")),
        ("records", "bigint NOT NULL".to_owned()),
        ("stored", "bigint NOT NULL".to_owned()),
        ("unchanged", "bigint NOT NULL".to_owned()),
        ("error", format!("{text} NULL")),
    ];
    let place = table.beside(dialect, TABLE);
    own::create(dialect, connection, load, &place, &columns, KEY).await
}

/// Within a transaction: the row of a run as it is now.
///
/// Each statement names the whole key of a row that is there, or adds one: so that pipelines which commit at once
/// do not lock each other out in MySQL.
async fn put<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
    entry: &RunEntry,
) -> Result<()> {
    let place = table.beside(dialect, TABLE);
    let failed = |error| dialect.refused(load, "the runs of", &error);
    let status = dialect.quote("status");
    let known = runs(dialect, connection, load, &place).await.map_err(failed)?;
    let is_known = known.iter().any(|[run, _]| *run == entry.run);
    let statement =
        if is_known { update(dialect, &place, entry) } else { insert(dialect, &place, entry) };
    let (started, ended) = (text(entry.started_at), entry.ended_at.map(text).unwrap_or_default());
    let error = entry.error.as_deref().unwrap_or_default();
    let row = [started.as_str(), &ended, error, &load.pipeline, &entry.run];
    dialect.change(connection, &statement, &row).await.map_err(failed)?;
    if is_known {
        return Ok(());
    }
    let this = own::is_row(dialect, KEY, 1);
    let interrupted = RunStatus::Interrupted.name();
    let interrupt = format!("UPDATE {place} SET {status} = '{interrupted}' WHERE {this}");
    let delete = format!("DELETE FROM {place} WHERE {this}");
    for (number, [run, status]) in known.iter().enumerate() {
        // Only one run of the pipeline is under way.
        let statement = match number + 1 < KEPT {
            true if *status == RunStatus::Running.name() => &interrupt,
            true => continue,
            false => &delete,
        };
        dialect.change(connection, statement, &[&load.pipeline, run]).await.map_err(failed)?;
    }
    Ok(())
}

/// The columns of an entry that may change, and their values: the first three parameters, and numbers.
fn values(dialect: &impl Dialect, entry: &RunEntry) -> [(String, String); 7] {
    let Written { stored, unchanged, .. } = entry.written;
    [
        ("started_at", dialect.moment(1)),
        ("ended_at", dialect.moment(2)),
        ("error", format!("NULLIF({}, '')", dialect.parameter(3))),
        ("status", format!("'{}'", entry.status)),
        ("records", entry.records.to_string()),
        ("stored", stored.to_string()),
        ("unchanged", unchanged.to_string()),
    ]
    .map(|(name, value)| (dialect.quote(name), value))
}

fn insert(dialect: &impl Dialect, place: &Place, entry: &RunEntry) -> String {
    let (names, values): (Vec<_>, Vec<_>) = values(dialect, entry).into_iter().unzip();
    format!(
        "INSERT INTO {place} ({}, {}, {}) VALUES ({}, {}, {})",
        names.join(", "),
        dialect.quote("pipeline"),
        dialect.quote("run"),
        values.join(", "),
        dialect.parameter(4),
        dialect.parameter(5)
    )
}

fn update(dialect: &impl Dialect, place: &Place, entry: &RunEntry) -> String {
    let set = values(dialect, entry).map(|(name, value)| format!("{name} = {value}"));
    format!("UPDATE {place} SET {} WHERE {}", set.join(", "), own::is_row(dialect, KEY, 4))
}

fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}
