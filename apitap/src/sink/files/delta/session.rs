//! A load into a table of Delta Lake: files first, which nobody reads, then the commit that names them.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::percent_decode_str;

use super::action::{Action, Add, now};
use super::commit::{PROTOCOL, commit, fence, info};
use super::fit::{self, Fit};
use super::merge::{self, Changes, Merge};
use super::rows::uri;
use super::snapshot::Snapshot;
use super::{checkpoint, state};
use crate::definition::{Evolve, Mode};
use crate::engine::limits::Limits;
use crate::sink::contract::{Difference, Session, State, StateChange, Target as _};
use crate::sink::files::Files;
use crate::sink::files::partition;
use crate::sink::files::session::{FilesSession, Log, check_hooks, end, keep_away};
use crate::sink::files::store::{self, Store};
use crate::sink::files::writer::{self, Finished, Keyed, Shared, Waiting};
use crate::sink::load::{Load, Missing};
use crate::{Error, Result};

/// Looks at the table, takes away what killed runs have left, and makes sure that it can be written.
pub(in crate::sink::files) async fn open(
    files: &Files,
    load: Load,
    limits: &Limits,
) -> Result<Box<dyn Session>> {
    load.check_names(files.capabilities())?;
    check_hooks(files.capabilities(), &load)?;
    let store = store::begin(files, &load.table.to_string()).await?;
    if load.is_exclusive() {
        keep_away(store.as_ref(), &load).await?;
    }
    match prepare(store.as_ref(), &load).await {
        Ok((snapshot, fit)) => {
            let (shared, log) = DeltaLog::begin(files, load, limits, store, snapshot, fit)?;
            Ok(Box::new(FilesSession::new(shared, log)))
        }
        Err(error) => {
            end(store.as_ref()).await;
            Err(error)
        }
    }
}

/// All ways in which the table does not take the rows.
pub(in crate::sink::files) async fn differences(
    files: &Files,
    load: &Load,
) -> Result<Vec<Difference>> {
    load.check_names(files.capabilities())?;
    let store = store::begin(files, &load.table.to_string()).await?;
    let snapshot = store::ended(store.as_ref(), Snapshot::load(store.as_ref()).await).await?;
    let renews = fit::renews(load, &snapshot);
    let difference = |misfit: fit::Misfit| Difference {
        what: misfit.refusal.message().to_owned(),
        statement: misfit.fix,
        is_made: renews || misfit.grows && load.evolve != Evolve::Freeze,
    };
    Ok(fit::misfits(load, &snapshot).into_iter().map(difference).collect())
}

/// Takes away what killed runs have left, and looks at the table.
async fn prepare(store: &dyn Store, load: &Load) -> Result<(Snapshot, Fit)> {
    let leftovers = store.leftovers().await?;
    if leftovers.may_commit() {
        fence(store, load).await?;
    }
    let snapshot = Snapshot::load(store).await?;
    let dead = leftovers.sessions();
    if !dead.is_empty() {
        store.remove(&orphans(store, &snapshot, &dead).await?).await?;
    }
    leftovers.remove().await?;
    let fit = fit::fit(load, &snapshot)?;
    Ok((snapshot, fit))
}

/// The files of dead sessions that no version of the table has.
async fn orphans(store: &dyn Store, snapshot: &Snapshot, dead: &[String]) -> Result<Vec<String>> {
    let is_known = |file: &String| {
        let known = |path: &String| percent_decode_str(path).decode_utf8_lossy() == file.as_str();
        snapshot.files.keys().chain(snapshot.removed.keys()).any(known)
    };
    let of_dead = |file: &String| {
        let name = file.rsplit('/').next().unwrap_or_default();
        dead.iter().any(|session| name.starts_with(&format!("{session}-")))
    };
    let files = store.files().await?;
    Ok(files.into_iter().filter(|file| of_dead(file) && !is_known(file)).collect())
}

struct DeltaLog {
    /// Where a key says which rows are the same.
    merge: Option<Arc<Merge>>,
    /// The last version that was read.
    there: Snapshot,
    /// How the table was to take the rows when it was opened: so the files are.
    fit: Fit,
}

#[async_trait]
impl Log for DeltaLog {
    async fn state(&mut self, shared: &Shared) -> Result<State> {
        let store = shared.store.as_ref();
        self.there.refresh(store).await?;
        state::of(store, &self.there, &shared.load.pipeline).await
    }

    async fn apply(
        &mut self,
        shared: &Shared,
        name: &str,
        state: &StateChange,
        rows: u64,
    ) -> Result<u64> {
        let store = shared.store.as_ref();
        let files = shared.waiting.files();
        merge::publish(shared, &files).await?;
        let changes = loop {
            self.there.refresh(store).await?;
            let fit = self.fits(&shared.load)?;
            let changes = self.changes(shared, &files).await?;
            let actions = self.actions(shared, name, &fit, &changes, state).await?;
            if actions.is_empty() {
                break changes;
            }
            // The last attempt lost to another commit, and told the store that nothing of it is left.
            store.unsettled(true);
            if commit(store, &mut self.there, actions).await? {
                break changes;
            }
        };
        let stored = match &self.merge {
            Some(merge) => merge.own(shared).await?.iter().map(|file| file.added.rows).sum(),
            None => rows,
        };
        self.settle(shared, &changes).await;
        Ok(stored)
    }
}

impl DeltaLog {
    /// What a load into such a table goes by.
    fn begin(
        files: &Files,
        load: Load,
        limits: &Limits,
        store: Box<dyn Store>,
        there: Snapshot,
        fit: Fit,
    ) -> Result<(Shared, Self)> {
        let table = fit::in_table(&load, &fit.schema);
        let (mut memory, mut merge) = (limits.files, None);
        if !load.key.is_empty() {
            // The other half is for the keys.
            memory /= 2;
            let columns = merge::key_columns(&load, &table);
            merge = Some(Arc::new(Merge::new(&load, columns, memory)?));
        }
        let columns = partition::in_files(&load, table);
        files.format.begin(&columns)?;
        let shared = Shared {
            store,
            format: files.format,
            schema: writer::schema(&columns),
            columns,
            file_size: files.file_size,
            memory,
            waiting: Waiting::default(),
            keyed: merge.clone().map(|merge| merge as Arc<dyn Keyed>),
            load,
        };
        Ok((shared, Self { merge, there, fit }))
    }

    /// Rows and state are in: what remains does no harm where it fails.
    async fn settle(&mut self, shared: &Shared, changes: &Changes) {
        let store = shared.store.as_ref();
        shared.waiting.clear();
        if let Some(merge) = &self.merge {
            merge.clear().await;
        }
        store.unsettled(false);
        let added: Vec<_> = changes.add.iter().map(|file| file.added.clone()).collect();
        let settled = async {
            store.published(&added).await?;
            state::tidy(store, &self.there).await?;
            checkpoint::write(store, &mut self.there).await
        };
        if let Err(left) = settled.await {
            tracing::debug!("{left}");
        }
    }

    /// How the table takes the rows now.
    ///
    /// # Errors
    /// It does not, or not as it did when the files were written.
    fn fits(&self, load: &Load) -> Result<Fit> {
        let fit = fit::fit(load, &self.there)?;
        let columns = |fit: &Fit| {
            let columns = fit::in_table(load, &fit.schema);
            columns.into_iter().map(|column| column.field).collect::<Vec<_>>()
        };
        match columns(&fit) == columns(&self.fit) {
            true => Ok(fit),
            false => Err(Error::target(format!(
                "the columns of the table `{}` were changed in version {} while this run wrote its files",
                load.table,
                self.there.version.unwrap_or_default()
            ))
            .help("nothing was stored since the last commit: run it again")),
        }
    }

    /// Which files come and go.
    async fn changes(&self, shared: &Shared, files: &[Finished]) -> Result<Changes> {
        let load = &shared.load;
        let mut changes = match &self.merge {
            Some(merge) if load.mode.needs_key() && load.missing == Missing::Keep => {
                return merge.changes(shared, &self.there).await;
            }
            Some(merge) => Changes { add: merge.own(shared).await?, remove: Vec::new() },
            None => Changes { add: files.to_vec(), remove: Vec::new() },
        };
        if load.is_whole() {
            changes.remove = self.there.files.values().cloned().collect();
        }
        Ok(changes)
    }

    /// The actions of a commit; none where it would say nothing.
    async fn actions(
        &self,
        shared: &Shared,
        name: &str,
        fit: &Fit,
        changes: &Changes,
        state: &StateChange,
    ) -> Result<Vec<Action>> {
        let Shared { store, load, .. } = shared;
        let txn = state::change(store.as_ref(), &self.there, &load.pipeline, state, name).await?;
        let is_new = self.there.version.is_none();
        let says_nothing = changes.add.is_empty() && changes.remove.is_empty();
        if says_nothing && txn.is_none() && !fit.changes && !load.is_whole() {
            return Ok(Vec::new());
        }
        let operation = match load.mode.needs_key() {
            true => "MERGE",
            false => "WRITE",
        };
        let appends = load.mode == Mode::Append;
        let mut actions = vec![info(load, operation, &state.run, name, appends)];
        if is_new {
            actions.push(PROTOCOL.into());
        }
        if fit.changes {
            actions.push(fit::meta(load, &self.there, &fit.schema)?.into());
        }
        actions.extend(txn);
        let at = now();
        actions.extend(changes.remove.iter().map(|add| Action::from(add.removed(at))));
        let adds = changes.add.iter().map(|file| Action::from(add(load, file, at)));
        actions.extend(adds);
        Ok(actions)
    }
}

/// The action that adds a file.
fn add(load: &Load, file: &Finished, at: i64) -> Add {
    let names = partition::names(load);
    Add {
        path: uri(&file.added.file),
        partition_values: names.into_iter().zip(file.values.iter().cloned()).collect(),
        size: i64::try_from(file.added.bytes).unwrap_or(i64::MAX),
        modification_time: at,
        data_change: true,
        stats: file.stats.as_ref().map(|stats| stats.json(file.added.rows)),
        tags: None,
    }
}
