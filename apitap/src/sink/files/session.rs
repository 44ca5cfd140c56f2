//! A load into a table of files: what its writers have staged, commit by commit.

use std::sync::Arc;

use async_trait::async_trait;

use super::Files;
use super::format::Format;
use super::log::{self, Record, Tip};
use super::partition;
use super::store::{self, Added, Store};
use super::writer::{FilesWriter, Shared, Waiting};
use crate::definition::{Compression, Mode, TargetKind};
use crate::engine::limits::Limits;
use crate::schema::Field;
use crate::schema::notation::type_text;
use crate::sink::contract::{Session, State, StateChange, Target as _, Writer, Written};
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
        columns,
        file_size: files.file_size,
        memory: limits.files,
        waiting: Waiting::default(),
        keyed: None,
        load,
    };
    let session = FilesSession {
        shared: Arc::new(shared),
        gathered: StateChange::default(),
        covered: 0,
        commits: 0,
        written: Written::default(),
    };
    match session.prepare().await {
        Ok(()) => Ok(Box::new(session)),
        Err(error) => {
            session.end().await;
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
    let busy = refusal::busy(load, &holder.who, holder.end.as_deref());
    store.end().await.map_or_else(Err, |()| Err(busy))
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
    if !load.hooks.is_empty() {
        return Err(Error::config(format!(
            "`before` and `after` are SQL, which a {} target does not run",
            target.name
        ))
        .help("remove them, or load into a database"));
    }
    match load.key.is_empty() {
        true => Ok(()),
        false => Err(Error::config(format!(
            "`{table}` has a key, and a {} target keeps every row, whatever its key",
            target.name
        ))
        .help("leave the key out")),
    }
}

struct FilesSession {
    shared: Arc<Shared>,
    /// The states of a load that counts only as a whole, until it is finished.
    gathered: StateChange,
    /// How many of the rows that wait a commit has covered.
    covered: u64,
    /// How often it has tried to commit.
    commits: u32,
    written: Written,
}

#[async_trait]
impl Session for FilesSession {
    async fn state(&mut self) -> Result<State> {
        let Shared { store, load, .. } = &*self.shared;
        let tip = log::settled(store.as_ref()).await?;
        let state = tip.and_then(|mut tip| tip.record.state.remove(&load.pipeline));
        Ok(State { partitions: state.unwrap_or_default() })
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
        if self.shared.load.mode == Mode::Replace {
            self.covered = rows;
            self.gathered.add(state);
            return Ok(self.written);
        }
        self.apply(state, rows).await?;
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        let rows = self.shared.waiting.rows(&self.shared.load)?;
        if self.shared.load.mode == Mode::Replace && rows == self.covered {
            let state = std::mem::take(&mut self.gathered);
            self.apply(&state, rows).await?;
        } else if rows > 0 {
            return Err(refusal::uncommitted(&self.shared.load.table, rows));
        }
        self.end().await;
        Ok(self.written)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.shared.store.end().await
    }
}

impl FilesSession {
    /// Takes away what killed runs have left, and looks at the table.
    async fn prepare(&self) -> Result<()> {
        let store = self.shared.store.as_ref();
        let leftovers = store.leftovers().await?;
        if leftovers.may_commit() {
            log::fence(store).await?;
        }
        let tip = log::settled(store).await?;
        leftovers.remove().await?;
        self.fits(tip.as_ref()).await
    }

    /// Ends it where that changes nothing any more: what is left, the next run takes away.
    async fn end(&self) {
        if let Err(left) = self.shared.store.end().await {
            tracing::warn!("cleaning up failed: {}", left.message());
        }
    }

    /// Commits the files that wait, behind whatever others have committed meanwhile.
    async fn apply(&mut self, state: &StateChange, rows: u64) -> Result<()> {
        let store = self.shared.store.as_ref();
        let files = self.shared.waiting.files();
        let mut files: Vec<_> = files.into_iter().map(|file| file.added).collect();
        self.commits += 1;
        loop {
            let tip = log::settled(store).await?;
            if tip.as_ref().is_some_and(|tip| tip.record.commit == self.commit_name()) {
                // It is in: only the answer was lost.
                break;
            }
            self.fits(tip.as_ref()).await?;
            let is_new = !tip.as_ref().is_some_and(Tip::is_table);
            let replaces = self.shared.load.mode == Mode::Replace;
            let partitioned = !self.shared.load.partition_by.is_empty();
            if files.is_empty() && !partitioned && (replaces || is_new) {
                files.push(self.shared.empty().await?.added);
            }
            if files.is_empty() && state.is_empty() && !is_new && !replaces {
                break;
            }
            let record = self.record(tip.as_ref(), &files, state).await?;
            if log::commit(store, tip.as_ref(), record).await? {
                break;
            }
        }
        self.shared.waiting.clear();
        // Rows and state are in: what remains of the way there does no harm.
        if let Err(left) = store.published(&files).await {
            tracing::debug!("{left}");
        }
        self.written = self.written.and(Written { received: rows, stored: rows, unchanged: 0 });
        Ok(())
    }

    /// What tells this commit from all others.
    fn commit_name(&self) -> String {
        format!("{}#{}", self.shared.store.session(), self.commits)
    }

    /// The commit behind this one.
    async fn record(
        &self,
        tip: Option<&Tip>,
        files: &[Added],
        state: &StateChange,
    ) -> Result<Record> {
        let Shared { store, load, format, .. } = &*self.shared;
        let mut record = Record::new(kind(format.kind), fields(load), partition_by(load));
        record.commit = self.commit_name();
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
    async fn fits(&self, tip: Option<&Tip>) -> Result<()> {
        let Shared { store, load, format, .. } = &*self.shared;
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
        let by = partition_by(load);
        if there.partition_by != by {
            let (theirs, ours) = (listed(&there.partition_by), listed(&by));
            return Err(differs(format!("are kept apart by {theirs}, and the rows by {ours}")));
        }
        match difference(&there.columns, &fields(load)) {
            None => Ok(()),
            Some(difference) => Err(differs(difference)),
        }
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

fn partition_by(load: &Load) -> Vec<String> {
    let column = |&place: &usize| Some(load.columns.get(place)?.name.clone());
    load.partition_by.iter().filter_map(column).collect()
}

fn listed(columns: &[String]) -> String {
    match columns {
        [] => "nothing".to_owned(),
        columns => columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn unknown(load: &Load, file: &str) -> Error {
    Error::target(format!(
        "the folder of `{}` holds `{file}`, but no commit that says what it is",
        load.table
    ))
    .help("the folder `_apitap` was removed: bring it back, or name another table")
}
