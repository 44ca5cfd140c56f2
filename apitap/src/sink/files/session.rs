//! A load into a table of files: what its writers have staged, commit by commit.

use std::sync::Arc;

use async_trait::async_trait;

use super::Files;
use super::format::Format;
use super::log::{self, Record, Tip};
use super::partition;
use super::store::{self, Added, Store};
use super::writer::{self, FilesWriter, Shared, Waiting};
use crate::definition::{Capabilities, Compression, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::schema::Field;
use crate::schema::notation::type_text;
use crate::sink::contract::{Session, State, StateChange, Target as _, Writer, Written};
use crate::sink::load::Missing;
use crate::sink::{Load, refusal};
use crate::{Error, Result};

/// Looks at the table, takes away what killed runs have left, and makes sure that it can be written.
pub(super) async fn open(files: &Files, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
    check(files, &load)?;
    // Where it cannot be encoded, nothing is begun.
    let columns = partition::in_files(&load, load.columns.clone());
    files.format.begin(&columns)?;
    let store = store::begin(files, &load.table.to_string()).await?;
    if load.is_exclusive() {
        keep_away(store.as_ref(), &load).await?;
    }
    let shared = Shared {
        store,
        format: files.format,
        schema: writer::schema(&columns),
        columns,
        file_size: files.file_size,
        memory: limits.files,
        waiting: Waiting::default(),
        keyed: None,
        load,
    };
    match prepare(&shared).await {
        Ok(()) => Ok(Box::new(FilesSession::new(shared, OwnLog))),
        Err(error) => {
            end(shared.store.as_ref()).await;
            Err(error)
        }
    }
}

/// Keeps other runs of the pipeline away from the table, as long as the session of the store lives.
///
/// # Errors
/// Another run is there.
pub(super) async fn keep_away(store: &dyn Store, load: &Load) -> Result<()> {
    let Some(holder) = store.claim(&load.pipeline).await? else { return Ok(()) };
    store::ended(store, Err(refusal::busy(load, &holder.who, holder.end.as_deref()))).await
}

/// What can be known without looking.
fn check(files: &Files, load: &Load) -> Result<()> {
    let target = files.capabilities();
    load.check_names(target)?;
    let (table, mode) = (&load.table, load.mode);
    if !target.modes.contains(&mode) {
        let mode = mode.name();
        return Err(Error::config(format!(
            "mode `{mode}` is not supported by a {} target",
            target.name
        ))
        .help("use the mode `append` or `replace`"));
    }
    check_hooks(target, load)?;
    match load.key.is_empty() {
        true => Ok(()),
        false => Err(Error::config(format!(
            "`{table}` has a key, and a {} target keeps every row, whatever its key",
            target.name
        ))
        .help("leave the key out")),
    }
}

/// Files run no SQL.
pub(super) fn check_hooks(target: &Capabilities, load: &Load) -> Result<()> {
    if load.hooks.is_empty() {
        return Ok(());
    }
    let message =
        format!("`before` and `after` are SQL, which a {} target does not run", target.name);
    Err(Error::config(message).help("remove them, or load into a database"))
}

/// The log of a table, in which a load is committed.
#[async_trait]
pub(super) trait Log: Send {
    /// What the pipeline remembers.
    async fn state(&mut self, shared: &Shared) -> Result<State>;

    /// Commits the rows that wait and the state, behind whatever others have committed meanwhile, under a name
    /// that no other commit has. Gives how many rows were stored.
    async fn apply(
        &mut self,
        shared: &Shared,
        name: &str,
        state: &StateChange,
        rows: u64,
    ) -> Result<u64>;
}

/// A load into files, whichever log the table has.
pub(super) struct FilesSession<L> {
    shared: Arc<Shared>,
    log: L,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows that wait a commit has covered.
    covered: u64,
    /// How often it has tried to commit.
    commits: u32,
    written: Written,
}

impl<L: Log> FilesSession<L> {
    pub(super) fn new(shared: Shared, log: L) -> Self {
        Self {
            shared: Arc::new(shared),
            log,
            gathered: StateChange::default(),
            covered: 0,
            commits: 0,
            written: Written::default(),
        }
    }

    async fn apply(&mut self, state: &StateChange, rows: u64) -> Result<()> {
        self.commits += 1;
        // What tells this commit from all others.
        let name = format!("{}#{}", self.shared.store.session(), self.commits);
        let stored = self.log.apply(&self.shared, &name, state, rows).await?;
        self.written = self.written.and(Written { received: rows, stored, unchanged: 0 });
        Ok(())
    }
}

#[async_trait]
impl<L: Log> Session for FilesSession<L> {
    async fn state(&mut self) -> Result<State> {
        self.log.state(&self.shared).await
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

/// Ends a session where that changes nothing any more: what is left, the next one takes away.
pub(super) async fn end(store: &dyn Store) {
    if let Err(left) = store.end().await {
        tracing::warn!("cleaning up failed: {}", left.message());
    }
}

/// Takes away what killed runs have left, and looks at the table.
async fn prepare(shared: &Shared) -> Result<()> {
    let store = shared.store.as_ref();
    let leftovers = store.leftovers().await?;
    if leftovers.may_commit() {
        log::fence(store).await?;
    }
    let tip = log::settled(store).await?;
    leftovers.remove().await?;
    fits(shared, tip.as_ref()).await
}

/// The log of apitap's own: see [`log`].
struct OwnLog;

#[async_trait]
impl Log for OwnLog {
    async fn state(&mut self, shared: &Shared) -> Result<State> {
        let tip = log::settled(shared.store.as_ref()).await?;
        Ok(tip.map(|tip| tip.record.remembered(&shared.load.pipeline)).unwrap_or_default())
    }

    async fn apply(
        &mut self,
        shared: &Shared,
        name: &str,
        state: &StateChange,
        rows: u64,
    ) -> Result<u64> {
        let (store, load) = (shared.store.as_ref(), &shared.load);
        let files = shared.waiting.files();
        let mut files: Vec<_> = files.into_iter().map(|file| file.added).collect();
        loop {
            let tip = log::settled(store).await?;
            if tip.as_ref().is_some_and(|tip| tip.record.commit == name) {
                // It is in: only the answer was lost.
                break;
            }
            fits(shared, tip.as_ref()).await?;
            let is_new = !tip.as_ref().is_some_and(Tip::is_table);
            let replaces = load.mode == Mode::Replace;
            let partitioned = !load.partition_by.is_empty();
            if files.is_empty() && !partitioned && (replaces || is_new) {
                files.push(shared.empty().await?.added);
            }
            if files.is_empty() && state.is_empty() && !is_new && !replaces {
                break;
            }
            let record = record(shared, name, tip.as_ref(), &files, state).await?;
            if log::commit(store, tip.as_ref(), record).await? {
                break;
            }
        }
        shared.waiting.clear();
        // Rows and state are in: what remains of the way there does no harm.
        if let Err(left) = store.published(&files).await {
            tracing::debug!("{left}");
        }
        Ok(rows)
    }
}

/// The commit behind this one.
async fn record(
    shared: &Shared,
    name: &str,
    tip: Option<&Tip>,
    files: &[Added],
    state: &StateChange,
) -> Result<Record> {
    let Shared { store, load, format, .. } = shared;
    let mut record = Record::new(kind(format.kind), fields(load), partition::names(load));
    record.commit = name.to_owned();
    record.pipeline.clone_from(&load.pipeline);
    record.run.clone_from(&state.run);
    record.add = files.to_vec();
    if load.mode == Mode::Replace {
        record.remove = store::own_files(store.as_ref()).await?;
        if store.publishes_over() {
            take_places(&mut record);
        }
    }
    record.state = tip.map(|tip| tip.record.state.clone()).unwrap_or_default();
    state.check_known(&record.remembered(&load.pipeline))?;
    record.remember(&load.pipeline, state);
    Ok(record)
}

/// Whether the rows can be beside those that are there.
async fn fits(shared: &Shared, tip: Option<&Tip>) -> Result<()> {
    let Shared { store, load, format, .. } = shared;
    let Some(tip) = tip.filter(|tip| tip.is_table()) else {
        // Only what is of apitap: else a later `replace` would not know what to remove. The
        // first commit may just have been made by another run; then ours comes behind it.
        let files = store::own_files(store.as_ref()).await?;
        return match files.first() {
            Some(file) if store.commits().await?.is_empty() => Err(unknown(load, file)),
            _ => Ok(()),
        };
    };
    if load.mode == Mode::Replace {
        return Ok(());
    }
    let there = &tip.record;
    let table = &load.table;
    let differs = |what: String| {
        Error::target(format!("the files of `{table}` {what}"))
            .help("write into another table, or replace all of this one: `mode=\"replace\"`")
    };
    let ours = kind(format.kind);
    if there.format != ours {
        return Err(differs(format!("are of the type `{}`, not `{ours}`", there.format)));
    }
    let by = partition::names(load);
    if there.partition_by != by {
        let (theirs, ours) = (partition::listed(&there.partition_by), partition::listed(&by));
        return Err(differs(format!("are kept apart by {theirs}, and the rows by {ours}")));
    }
    match difference(&there.columns, &fields(load)) {
        None => Ok(()),
        Some(difference) => Err(differs(difference)),
    }
}

/// Each new file takes the place of an old one in its folder, as long as there are any.
fn take_places(record: &mut Record) {
    let folder =
        |file: &str| file.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    for added in &mut record.add {
        let old = record.remove.iter().position(|old| folder(old) == folder(&added.file));
        added.over = old.map(|old| record.remove.remove(old));
    }
}

/// How columns differ, as it goes on after "the files of …".
fn difference(there: &[Field], ours: &[Field]) -> Option<String> {
    for (there, ours) in there.iter().zip(ours) {
        if there.name != ours.name {
            return Some(format!(
                "have the column `{}` where the rows have `{}`",
                there.name, ours.name
            ));
        }
        if there.ty != ours.ty {
            let (theirs, ty) = (type_text(&there.ty, true), type_text(&ours.ty, true));
            return Some(format!("have `{}` as `{theirs}`, and the rows have `{ty}`", ours.name));
        }
    }
    match (there.get(ours.len()), ours.get(there.len())) {
        (Some(more), _) => Some(format!("have a column `{}`, and the rows have none", more.name)),
        (_, Some(more)) => Some(format!("have no column `{}`, and the rows have one", more.name)),
        (None, None) => None,
    }
}

/// As it is written in the definition.
fn kind(kind: TargetKind) -> &'static str {
    Format { kind, compression: Compression::None }.extension()
}

fn fields(load: &Load) -> Vec<Field> {
    let field = |column: &crate::sink::Column| {
        Field::new(&*column.name, column.ty.clone(), column.required.is_none())
    };
    load.columns.iter().map(field).collect()
}

fn unknown(load: &Load, file: &str) -> Error {
    Error::target(format!(
        "the folder of `{}` holds `{file}`, but no commit that says what it is",
        load.table
    ))
    .help("the folder `_apitap` was removed: bring it back, or name another table")
}
