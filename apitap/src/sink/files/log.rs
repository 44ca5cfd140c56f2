//! The log of a table's commits, of which the last one counts.
//!
//! A commit is a file whose number is one more than that of the last one. Creating it is the moment
//! at which its rows and its state are in: of several that create the same number, one succeeds, and
//! the others begin anew behind it. Then the files are published, and the old ones removed. Each
//! commit is settled in that way before the next one is created, by whoever comes next if not by its
//! own run; so all published files are of the table, but for those that the last commit still says.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::{Added, Published, Store};
use crate::schema::Field;
use crate::sink::contract::{State, StateChange};
use crate::{Error, Result};

/// What this program reads and writes.
const VERSION: u32 = 1;
/// Files that are published at once.
const AT_ONCE: usize = 8;
/// Old commits that are kept for people to look at.
const KEPT: u64 = 20;

/// One commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// `parquet`, `csv`, `jsonl`; empty before anything was written.
    pub(super) format: String,
    /// Which session has made it, and which commit of that session it is.
    #[serde(default)]
    pub(super) commit: String,
    /// The pipeline that has written it.
    pub(super) pipeline: String,
    /// Its run, where that has a name.
    pub(super) run: String,
    pub(super) at: String,
    /// The columns of all files.
    pub(super) columns: Vec<Field>,
    pub(super) partition_by: Vec<String>,
    pub(super) add: Vec<Added>,
    pub(super) remove: Vec<String>,
    /// What each pipeline that writes the table remembers, by partition.
    pub(super) state: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Record {
    /// A commit that changes nothing yet.
    pub(super) fn new(format: &str, columns: Vec<Field>, partition_by: Vec<String>) -> Self {
        Self {
            version: VERSION,
            format: format.to_owned(),
            commit: String::new(),
            pipeline: String::new(),
            run: String::new(),
            at: chrono::Utc::now().to_rfc3339(),
            columns,
            partition_by,
            add: Vec::new(),
            remove: Vec::new(),
            state: BTreeMap::new(),
        }
    }

    /// What a pipeline remembers.
    pub(super) fn remembered(&self, pipeline: &str) -> State {
        State { partitions: self.state.get(pipeline).cloned().unwrap_or_default() }
    }

    /// Changes what a pipeline remembers.
    pub(super) fn remember(&mut self, pipeline: &str, change: &StateChange) {
        let mut state = self.remembered(pipeline);
        state.apply(change);
        self.state.insert(pipeline.to_owned(), state.partitions);
    }

    /// A commit that leaves everything as it is.
    fn unchanged(&self) -> Self {
        let (columns, by) = (self.columns.clone(), self.partition_by.clone());
        Self { state: self.state.clone(), ..Self::new(&self.format, columns, by) }
    }
}

/// The last commit.
#[derive(Debug)]
pub(super) struct Tip {
    pub(super) number: u64,
    pub(super) record: Record,
}

impl Tip {
    /// Whether there is a table: not before a load has committed.
    pub(super) fn is_table(&self) -> bool {
        !self.record.format.is_empty()
    }
}

/// The last commit, all of whose files are published; `None` where there is none yet.
///
/// # Errors
/// It cannot be read or settled.
pub(super) async fn settled(store: &dyn Store) -> Result<Option<Tip>> {
    loop {
        let Some(tip) = tip(store).await? else { return Ok(None) };
        if settle(store, &tip).await? {
            return Ok(Some(tip));
        }
    }
}

/// Commits behind a tip that is settled; `false` where another commit was first.
///
/// # Errors
/// It cannot be created. Where it was, but could not be settled, the next run does that.
pub(super) async fn commit(store: &dyn Store, tip: Option<&Tip>, record: Record) -> Result<bool> {
    let number = tip.map_or(1, |tip| tip.number + 1);
    let text = serde_json::to_vec_pretty(&record);
    let text = text.map_err(|cause| Error::target("the commit has no JSON").caused_by(cause))?;
    if !store.create_commit(number, text).await? {
        return Ok(false);
    }
    // Who slept long enough may have found a number free that had been used and removed.
    let commits = store.commits().await?;
    if commits.last().is_some_and(|last| *last > number) {
        store.remove(&[store.commit(number)]).await?;
        return Ok(false);
    }
    settle(store, &Tip { number, record }).await?;
    let old = commits.into_iter().filter(|old| old + KEPT < number);
    store.remove(&old.map(|old| store.commit(old)).collect::<Vec<_>>()).await?;
    Ok(true)
}

/// Commits a record that changes nothing: who has read an earlier one cannot commit behind that.
///
/// # Errors
/// Those of [`commit`].
pub(super) async fn fence(store: &dyn Store) -> Result<()> {
    loop {
        let tip = settled(store).await?;
        let nothing = || Record::new("", Vec::new(), Vec::new());
        let record = tip.as_ref().map_or_else(nothing, |tip| tip.record.unchanged());
        if commit(store, tip.as_ref(), record).await? {
            return store.published(&[]).await;
        }
    }
}

async fn tip(store: &dyn Store) -> Result<Option<Tip>> {
    loop {
        let Some(number) = store.commits().await?.last().copied() else { return Ok(None) };
        // It may have become an old one since, and be gone.
        let Some(text) = store.read_commit(number).await? else { continue };
        return Ok(Some(Tip { number, record: read(number, &text)? }));
    }
}

fn read(number: u64, text: &[u8]) -> Result<Record> {
    /// What all versions have.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    let unread = |cause: serde_json::Error| {
        Error::target(format!("commit {number} of the table cannot be read: {cause}"))
            .caused_by(cause)
            .help("it was not written by apitap, or changed since: bring back the file as it was")
    };
    let Versioned { version } = serde_json::from_slice(text).map_err(unread)?;
    if version > VERSION {
        return Err(Error::target(format!(
            "commit {number} of the table was written by a newer apitap"
        ))
        .help("use that version"));
    }
    serde_json::from_slice(text).map_err(unread)
}

/// Publishes and removes what the last commit says; `false` where it is no longer the last one.
async fn settle(store: &dyn Store, tip: &Tip) -> Result<bool> {
    for some in tip.record.add.chunks(AT_ONCE) {
        let published = join_all(some.iter().map(|added| store.publish(added))).await;
        for (added, published) in some.iter().zip(published) {
            if published? == Published::Done {
                continue;
            }
            let last = store.commits().await?.last().copied();
            return match last.is_some_and(|last| last > tip.number) {
                true => Ok(false),
                false => Err(lost(tip, added)),
            };
        }
    }
    store.remove(&tip.record.remove).await?;
    Ok(true)
}

fn lost(tip: &Tip, added: &Added) -> Error {
    let Added { file, rows, .. } = added;
    Error::target(format!(
        "the file `{file}` with {rows} rows, which commit {} of the table has added, is gone",
        tip.number
    ))
    .help(
        "something other than apitap has removed it: bring it back, or load the table anew into \
         another folder",
    )
}
