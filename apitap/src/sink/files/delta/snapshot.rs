//! The log of a table → what its last version holds: schema, files, and how far each program has come.
//!
//! The last checkpoint says it of its version, and each commit behind that what has changed.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Add, MetaData, Protocol, Remove, Txn};
use super::checkpoint;
use super::schema::TableSchema;
use crate::sink::files::store::{Store, commit_number};
use crate::{Error, Result};

/// The version of readers and that of writers whose tables are understood without a list of features.
const READER: i32 = 1;
const WRITER: i32 = 2;
/// That whose tables list them.
const LISTS: (i32, i32) = (3, 7);
/// What of that list changes nothing here, or is looked at.
const FEATURES: [&str; 2] = ["appendOnly", "invariants"];

/// A version of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// `None` where there is no table.
    pub(super) version: Option<u64>,
    pub(super) protocol: Option<Protocol>,
    pub(super) meta: Option<MetaData>,
    /// That of `meta`.
    pub(super) schema: Option<TableSchema>,
    /// By their paths.
    pub(super) files: BTreeMap<String, Add>,
    pub(super) removed: BTreeMap<String, Remove>,
    /// By the programs' names.
    pub(super) txns: BTreeMap<String, Txn>,
    /// The last version that has a checkpoint.
    pub(super) checkpoint: Option<u64>,
}

impl Snapshot {
    /// The last version.
    ///
    /// # Errors
    /// The log cannot be read, has holes, or is of a kind that apitap does not know.
    pub(super) async fn load(store: &dyn Store) -> Result<Self> {
        let mut snapshot = Self::default();
        let names = store.list(store.log()).await?;
        if let Some((version, parts)) = checkpoint::last(&names) {
            for part in parts {
                let name = format!("{}/{part}", store.log());
                let Some(file) = store.open(&name).await? else {
                    return Err(hole(store, version));
                };
                let actions = checkpoint::read(file);
                for action in actions.map_err(|cause| unreadable(&store.shown(&name), &cause))? {
                    snapshot
                        .apply(action)
                        .map_err(|cause| unreadable(&store.shown(&name), &cause))?;
                }
            }
            snapshot.version = Some(version);
            snapshot.checkpoint = Some(version);
        }
        snapshot.refresh(store).await?;
        let last = names.iter().filter_map(|name| commit_number(name)).max();
        match (last, snapshot.version) {
            (Some(last), read) if read.is_none_or(|read| read < last) => {
                Err(hole(store, read.map_or(0, |read| read + 1)))
            }
            (_, Some(_)) if snapshot.meta.is_none() || snapshot.protocol.is_none() => {
                Err(hole(store, 0))
            }
            _ => Ok(snapshot),
        }
    }

    /// Reads what has been committed since.
    ///
    /// # Errors
    /// Those of [`Snapshot::load`].
    pub(super) async fn refresh(&mut self, store: &dyn Store) -> Result<()> {
        loop {
            let next = self.next();
            let Some(text) = store.read_commit(next).await? else { break };
            let broken = |cause: &str| unreadable(&store.shown(&store.commit(next)), cause);
            for line in text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                let action =
                    serde_json::from_slice(line).map_err(|cause| broken(&cause.to_string()))?;
                self.apply(action).map_err(|cause| broken(&cause))?;
            }
            self.version = Some(next);
        }
        self.understood(store)
    }

    /// The number of the next version.
    pub(super) fn next(&self) -> u64 {
        self.version.map_or(0, |version| version + 1)
    }

    /// What an action changes.
    ///
    /// # Errors
    /// Its schema is none, in words.
    pub(super) fn apply(&mut self, action: Action) -> Result<(), String> {
        if let Some(protocol) = action.protocol {
            self.protocol = Some(protocol);
        }
        if let Some(meta) = action.meta_data {
            let schema = serde_json::from_str(&meta.schema_string);
            self.schema = Some(schema.map_err(|cause| format!("its schema: {cause}"))?);
            self.meta = Some(meta);
        }
        if let Some(txn) = action.txn {
            self.txns.insert(txn.app_id.clone(), txn);
        }
        if let Some(add) = action.add {
            self.removed.remove(&add.path);
            self.files.insert(add.path.clone(), add);
        }
        if let Some(remove) = action.remove {
            self.files.remove(&remove.path);
            self.removed.insert(remove.path.clone(), remove);
        }
        Ok(())
    }

    /// Whether the table needs nothing of its readers and writers that apitap does not know.
    fn understood(&self, store: &dyn Store) -> Result<()> {
        let Some(protocol) = &self.protocol else { return Ok(()) };
        let features: BTreeSet<&str> = [&protocol.reader_features, &protocol.writer_features]
            .into_iter()
            .flatten()
            .flatten()
            .map(String::as_str)
            .filter(|feature| !FEATURES.contains(feature))
            .collect();
        let (reader, writer) = (protocol.min_reader_version, protocol.min_writer_version);
        let known =
            (reader <= READER || reader == LISTS.0) && (writer <= WRITER || writer == LISTS.1);
        if known && features.is_empty() {
            return Ok(());
        }
        let needs = match features.is_empty() {
            false => features.into_iter().collect::<Vec<_>>().join(", "),
            true => format!("version {reader} of the readers and {writer} of the writers"),
        };
        Err(Error::target(format!(
            "version {} of the table in `{}` needs of Delta Lake what apitap does not have: {needs}",
            self.version.unwrap_or_default(),
            store.shown("").trim_end_matches('/')
        ))
        .help("drop the feature from the table (ALTER TABLE … DROP FEATURE), or load into another table"))
    }

    /// A property of the table.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.meta.as_ref()?.configuration.get(name)?.as_deref()
    }

    /// All of it as actions, as a checkpoint says them; files that were removed before that time, in milliseconds
    /// from 1970, are forgotten.
    pub(super) fn actions(&self, forgotten: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        actions.extend(self.protocol.clone().map(Action::from));
        actions.extend(self.meta.clone().map(Action::from));
        actions.extend(self.txns.values().cloned().map(Action::from));
        let stays = |add: &Add| Action::from(Add { data_change: false, ..add.clone() });
        actions.extend(self.files.values().map(stays));
        let kept =
            |remove: &&Remove| remove.deletion_timestamp.is_some_and(|time| time > forgotten);
        let gone = |remove: &Remove| Action::from(Remove { data_change: false, ..remove.clone() });
        actions.extend(self.removed.values().filter(kept).map(gone));
        actions
    }
}

fn unreadable(place: &str, cause: &str) -> Error {
    Error::target(format!("`{place}` cannot be read: {cause}"))
        .help("it was changed, or is not of Delta Lake: bring it back as it was")
}

fn hole(store: &dyn Store, version: u64) -> Error {
    Error::target(format!(
        "version {version} is missing in the log of the table, `{}`",
        store.shown(store.log())
    ))
    .help("something has removed it: bring it back, or load into another table")
}
