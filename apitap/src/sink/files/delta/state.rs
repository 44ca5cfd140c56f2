//! What a pipeline remembers of its work, beside the log of a table of Delta Lake.
//!
//! The log says how far each program has come as a number (`txn`), which all that write the table keep, in
//! checkpoints and when old commits are removed. The number leads to a file that has the state:
//!
//! ```text
//! _delta_log/00000000000000000007.json     {"txn": {"appId": "apitap:orders", "version": 3}}  and the rows
//! _apitap/state/00000000000000000003.json  {"pipeline": "orders", "state": {…}, …}
//! ```
//!
//! The file is there before the commit that names it, and nobody looks for it before. A number is given away
//! once: by creating the file. `domainMetadata` would hold the state in the log itself, but needs a
//! feature of the table with which other programs refuse to write into it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::{Action, Txn, now};
use super::commit;
use super::snapshot::Snapshot;
use crate::sink::Load;
use crate::sink::contract::{Remembered, State, StateChange};
use crate::sink::files::Files;
use crate::sink::files::session::keep_away;
use crate::sink::files::store::{self, OWN, Store, commit_number};
use crate::{Error, Result};

/// A file of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pipeline: String,
    run: String,
    at: String,
    /// By partition.
    state: BTreeMap<String, Value>,
    /// What tells the commit of it from all others.
    commit: String,
}

/// What a pipeline is called in the log.
fn app(pipeline: &str) -> String {
    format!("apitap:{pipeline}")
}

fn folder() -> String {
    format!("{OWN}/state")
}

fn place(version: i64) -> String {
    format!("{}/{version:020}.json", folder())
}

/// What a pipeline remembers at a version of the table.
///
/// # Errors
/// The file that the log names cannot be read.
pub(super) async fn of(store: &dyn Store, snapshot: &Snapshot, pipeline: &str) -> Result<State> {
    let kept = kept(store, snapshot, pipeline).await?;
    Ok(State { partitions: kept.map(|kept| kept.state).unwrap_or_default() })
}

async fn kept(store: &dyn Store, snapshot: &Snapshot, pipeline: &str) -> Result<Option<Kept>> {
    let Some(txn) = snapshot.txns.get(&app(pipeline)) else { return Ok(None) };
    let name = place(txn.version);
    let broken = |why: &str| {
        Error::target(format!(
            "the state of `{pipeline}`, which version {} of the table names, {why}: `{}`",
            snapshot.version.unwrap_or_default(),
            store.shown(&name)
        ))
        .help("bring back the file as it was: with another state rows would be lost, or come twice")
    };
    let text = store.read(&name).await?.ok_or_else(|| broken("is gone"))?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|_| broken("cannot be read"))?;
    match kept.pipeline == pipeline {
        true => Ok(Some(kept)),
        false => Err(broken("is that of another pipeline")),
    }
}

/// Writes the state behind a change, for the commit of that name; gives the action that names it. Nothing
/// where there is nothing to remember.
///
/// # Errors
/// Another run has changed it since; it cannot be written.
pub(super) async fn change(
    store: &dyn Store,
    snapshot: &Snapshot,
    pipeline: &str,
    change: &StateChange,
    name: &str,
) -> Result<Option<Action>> {
    if change.is_empty() {
        return Ok(None);
    }
    let mut state = of(store, snapshot, pipeline).await?;
    change.check_known(&state)?;
    state.apply(change);
    let kept = Kept {
        pipeline: pipeline.to_owned(),
        run: change.run.clone(),
        at: chrono::Utc::now().to_rfc3339(),
        state: state.partitions,
        commit: name.to_owned(),
    };
    let text = serde_json::to_vec(&kept);
    let text = text.map_err(|cause| Error::target("the state has no JSON").caused_by(cause))?;
    let taken = versions(store).await?.into_iter().max().unwrap_or_default();
    let named = snapshot.txns.values().filter(|txn| txn.app_id.starts_with(&app("")));
    let mut version = named.map(|txn| txn.version).fold(taken, i64::max) + 1;
    while !store.create(&place(version), text.clone()).await? {
        version += 1;
    }
    let txn = Txn { app_id: app(pipeline), version, last_updated: Some(now()) };
    Ok(Some(txn.into()))
}

/// Removes the states that no pipeline has any more. Those behind the last one may be on their way.
///
/// # Errors
/// They cannot be removed.
pub(super) async fn tidy(store: &dyn Store, snapshot: &Snapshot) -> Result<()> {
    let named = |version: i64| snapshot.txns.values().any(|txn| txn.version == version);
    let ours = snapshot.txns.values().filter(|txn| txn.app_id.starts_with(&app("")));
    let Some(last) = ours.map(|txn| txn.version).max() else { return Ok(()) };
    let old = versions(store).await?.into_iter().filter(|it| *it < last && !named(*it));
    store.remove(&old.map(place).collect::<Vec<_>>()).await
}

async fn versions(store: &dyn Store) -> Result<Vec<i64>> {
    let names = store.list(&folder()).await?;
    let number = |name: &String| i64::try_from(commit_number(name)?).ok();
    Ok(names.iter().filter_map(number).collect())
}

/// For people who look at it.
pub(in crate::sink::files) async fn remembered(
    files: &Files,
    load: &Load,
) -> Result<Vec<Remembered>> {
    let store = store::begin(files, &load.table.to_string()).await?;
    let found = async {
        let snapshot = Snapshot::load(store.as_ref()).await?;
        kept(store.as_ref(), &snapshot, &load.pipeline).await
    };
    let found = store::ended(store.as_ref(), found.await).await?;
    let Some(Kept { run, at, state, .. }) = found else { return Ok(Vec::new()) };
    Ok(State { partitions: state }.told(&run, &at))
}

/// For people who correct it: a commit without rows.
pub(in crate::sink::files) async fn correct(
    files: &Files,
    load: &Load,
    change: &StateChange,
) -> Result<()> {
    let store = store::begin(files, &load.table.to_string()).await?;
    keep_away(store.as_ref(), load).await?;
    let done = commit::remember(store.as_ref(), load, change).await;
    store::ended(store.as_ref(), done).await
}
