//! A load into a table of Delta Lake: files first, which nobody reads, then the commit that names them.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::action::{Action, Add, Protocol, now};
use super::fit::{self, Fit};
use super::merge::{self, Changes, Merge};
use super::rows::uri;
use super::snapshot::Snapshot;
use super::{checkpoint, state};
use crate::definition::{Evolve, Mode};
use crate::engine::limits::Limits;
use crate::sink::contract::{
    Difference, Session, State, StateChange, Target as _, Writer, Written,
};
use crate::sink::files::Files;
use crate::sink::files::partition;
use crate::sink::files::session::keep_away;
use crate::sink::files::store::{self, Store};
use crate::sink::files::writer::{FilesWriter, Finished, Keyed, Shared, Waiting};
use crate::sink::load::{Load, Missing};
use crate::sink::refusal;
use crate::{Error, Result};

/// What a table that apitap creates needs of those who read and write it: nothing new.
const PROTOCOL: Protocol = Protocol {
    min_reader_version: 1,
    min_writer_version: 2,
    reader_features: None,
    writer_features: None,
};

/// Looks at the table, takes away what killed runs have left, and makes sure that it can be written.
pub(in crate::sink::files) async fn open(
    files: &Files,
    load: Load,
    limits: &Limits,
) -> Result<Box<dyn Session>> {
    load.check_names(files.capabilities())?;
    if !load.hooks.is_empty() {
        let message = "`before` and `after` are SQL, which a Delta Lake target does not run";
        return Err(Error::config(message).help("remove them, or load into a database"));
    }
    let store = store::begin(files, &load.table.to_string()).await?;
    if load.is_exclusive() {
        keep_away(store.as_ref(), &load).await?;
    }
    match prepare(store.as_ref(), &load).await {
        Ok((snapshot, fit)) => {
            Ok(Box::new(DeltaSession::new(files, load, limits, store, snapshot, fit)?))
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
    let store = store::begin(files, &load.table.to_string()).await?;
    let snapshot = Snapshot::load(store.as_ref()).await;
    store.end().await?;
    let snapshot = snapshot?;
    let renews = fit::renews(load, &snapshot);
    let difference = |misfit: fit::Misfit| Difference {
        what: misfit.refusal.message().to_owned(),
        statement: misfit.fix,
        is_made: renews || misfit.grows && load.evolve != Evolve::Freeze,
    };
    Ok(fit::misfits(load, &snapshot).into_iter().map(difference).collect())
}

/// Changes what a pipeline remembers, and nothing else.
pub(super) async fn remember(store: &dyn Store, load: &Load, change: &StateChange) -> Result<()> {
    let mut snapshot = Snapshot::load(store).await?;
    loop {
        if snapshot.version.is_none() {
            let message = format!("nothing was committed to `{}` yet", load.table);
            return Err(Error::target(message).help("run the pipeline once first"));
        }
        let name = store.session().to_owned();
        let state = state::change(store, &snapshot, &load.pipeline, change, &name).await?;
        let Some(state) = state else { return Ok(()) };
        let info = info(load, "SET STATE", &change.run, &name, false);
        if commit(store, &mut snapshot, vec![info, state]).await? {
            store.published(&[]).await?;
            return state::tidy(store, &snapshot).await;
        }
        snapshot.refresh(store).await?;
    }
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

/// Commits a version that changes nothing: who has read an earlier one cannot commit behind that.
async fn fence(store: &dyn Store, load: &Load) -> Result<()> {
    let mut snapshot = Snapshot::load(store).await?;
    loop {
        let mut actions = vec![info(load, "FENCE", "", store.session(), false)];
        if snapshot.version.is_none() {
            let Fit { schema, .. } = fit::fit(load, &snapshot)?;
            actions.push(PROTOCOL.into());
            actions.push(fit::meta(load, &snapshot, &schema)?.into());
        }
        if commit(store, &mut snapshot, actions).await? {
            return store.published(&[]).await;
        }
        snapshot.refresh(store).await?;
    }
}

/// Commits behind a version that was read; `false` where another commit was first.
async fn commit(store: &dyn Store, there: &mut Snapshot, actions: Vec<Action>) -> Result<bool> {
    let mut text = Vec::new();
    for action in &actions {
        let line = serde_json::to_vec(action);
        text.extend(
            line.map_err(|cause| Error::target("the commit has no JSON").caused_by(cause))?,
        );
        text.push(b'\n');
    }
    let next = there.next();
    if !store.create_commit(next, text).await? {
        return Ok(false);
    }
    for action in actions {
        there.apply(action).map_err(Error::target)?;
    }
    there.version = Some(next);
    Ok(true)
}

/// What people read of a commit.
fn info(load: &Load, operation: &str, run: &str, name: &str, appends: bool) -> Action {
    let mode = match load.mode {
        Mode::Replace => "Overwrite",
        _ => "Append",
    };
    let info = json!({
        "timestamp": now(),
        "operation": operation,
        "operationParameters": { "mode": mode },
        "isBlindAppend": appends,
        "engineInfo": concat!("apitap/", env!("CARGO_PKG_VERSION")),
        "txnId": name,
        "apitap": { "pipeline": load.pipeline, "run": run },
    });
    Action { commit_info: Some(info), ..Action::default() }
}

/// Ends a session where that changes nothing any more: what is left, the next one takes away.
async fn end(store: &dyn Store) {
    if let Err(left) = store.end().await {
        tracing::warn!("cleaning up failed: {}", left.message());
    }
}

/// The columns by which the rows are kept apart.
pub(super) fn partition_by(load: &Load) -> Vec<String> {
    partition::by(load).map(|(column, _)| column.name.clone()).collect()
}

struct DeltaSession {
    shared: Arc<Shared>,
    /// Where a key says which rows are the same.
    merge: Option<Arc<Merge>>,
    /// The last version that was read.
    there: Snapshot,
    /// How the table was to take the rows when it was opened: so the files are.
    fit: Fit,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows that wait a commit has covered.
    covered: u64,
    /// How often it has tried to commit.
    commits: u32,
    written: Written,
}

#[async_trait]
impl Session for DeltaSession {
    async fn state(&mut self) -> Result<State> {
        let store = self.shared.store.as_ref();
        self.there.refresh(store).await?;
        state::of(store, &self.there, &self.shared.load.pipeline).await
    }

    fn writers(&self) -> usize {
        self.shared.format.kind.capabilities().writers
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        // More than one at once are refused where there is one already.
        self.shared.waiting.rows(&self.shared.load)?;
        Ok(Box::new(FilesWriter::new(self.shared.clone())))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        let rows = self.shared.waiting.rows(&self.shared.load)?;
        if self.shared.load.is_whole() {
            self.covered = rows;
            self.gathered.add(state);
            return Ok(self.written);
        }
        self.apply(state, rows).await?;
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        let load = &self.shared.load;
        let rows = self.shared.waiting.rows(load)?;
        if load.is_whole() && rows == self.covered {
            if load.missing == Missing::Delete && rows == 0 {
                return Err(refusal::nothing_came(&load.table));
            }
            let state = std::mem::take(&mut self.gathered);
            self.apply(&state, rows).await?;
        } else if rows > 0 {
            return Err(refusal::uncommitted(&load.table, rows));
        }
        end(self.shared.store.as_ref()).await;
        Ok(self.written)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.shared.store.end().await
    }
}

impl DeltaSession {
    fn new(
        files: &Files,
        load: Load,
        limits: &Limits,
        store: Box<dyn Store>,
        there: Snapshot,
        fit: Fit,
    ) -> Result<Self> {
        let table = fit::in_table(&load, &fit.schema);
        let (mut memory, mut merge) = (limits.files, None);
        if !load.key.is_empty() {
            // The other half is for the keys.
            memory /= 2;
            let columns = merge::key_columns(&load, &table);
            merge = Some(Arc::new(Merge::new(&load, columns, memory)?));
        }
        let columns = partition::in_files(&load, table);
        // Where it cannot be encoded, nothing is begun.
        files.format.begin(&columns)?;
        let shared = Shared {
            store,
            format: files.format,
            columns,
            file_size: files.file_size,
            memory,
            waiting: Waiting::default(),
            keyed: merge.clone().map(|merge| merge as Arc<dyn Keyed>),
            load,
        };
        Ok(Self {
            shared: Arc::new(shared),
            merge,
            there,
            fit,
            gathered: StateChange::default(),
            covered: 0,
            commits: 0,
            written: Written::default(),
        })
    }

    /// Commits the rows that wait, behind whatever others have committed meanwhile.
    async fn apply(&mut self, state: &StateChange, rows: u64) -> Result<()> {
        self.commits += 1;
        let shared = self.shared.clone();
        let store = shared.store.as_ref();
        let files = shared.waiting.files();
        merge::publish(&shared, &files).await?;
        let changes = loop {
            self.there.refresh(store).await?;
            let fit = self.fits()?;
            let changes = self.changes(&files).await?;
            let actions = self.actions(&fit, &changes, state).await?;
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
            Some(merge) => merge.own(&shared).await?.iter().map(|file| file.added.rows).sum(),
            None => rows,
        };
        self.written = self.written.and(Written { received: rows, stored, unchanged: 0 });
        self.settle(&changes).await;
        Ok(())
    }

    /// Rows and state are in: what remains does no harm where it fails.
    async fn settle(&mut self, changes: &Changes) {
        let store = self.shared.store.as_ref();
        self.shared.waiting.clear();
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
    fn fits(&self) -> Result<Fit> {
        let load = &self.shared.load;
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
    async fn changes(&self, files: &[Finished]) -> Result<Changes> {
        let (shared, load) = (self.shared.as_ref(), &self.shared.load);
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
        fit: &Fit,
        changes: &Changes,
        state: &StateChange,
    ) -> Result<Vec<Action>> {
        let Shared { store, load, .. } = &*self.shared;
        let name = format!("{}#{}", store.session(), self.commits);
        let txn = state::change(store.as_ref(), &self.there, &load.pipeline, state, &name).await?;
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
        let mut actions = vec![info(load, operation, &state.run, &name, appends)];
        if is_new {
            actions.push(PROTOCOL.into());
        }
        if fit.changes {
            actions.push(fit::meta(load, &self.there, &fit.schema)?.into());
        }
        actions.extend(txn);
        let at = now();
        actions.extend(changes.remove.iter().map(|add| Action::from(add.removed(at))));
        let add = |file: &Finished| Action::from(self.add(file, at));
        actions.extend(changes.add.iter().map(add));
        Ok(actions)
    }

    /// The action that adds a file.
    fn add(&self, file: &Finished, at: i64) -> Add {
        let names = partition_by(&self.shared.load);
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
}
