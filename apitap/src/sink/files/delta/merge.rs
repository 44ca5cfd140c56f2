//! Rows with keys → one row of each key, in the run and in the table.
//!
//! The rows go into files as they come, and where each key stands is kept in memory. Where that is too much,
//! the files so far become a group, and the keys begin anew: then files of earlier groups lose the rows that
//! later ones have the keys of. At the commit, the files of the table do: those that hold such a key are
//! written anew without its row, and all others stay as they are. (With `insert_new` it is the rows of
//! the run that go.)

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use async_trait::async_trait;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use super::action::Add;
use super::keys::Keys;
use super::rows::{Live, without};
use super::snapshot::Snapshot;
use crate::definition::Mode;
use crate::sink::Load;
use crate::sink::files::partition::Numbers;
use crate::sink::files::stats::Bounds;
use crate::sink::files::store::Published;
use crate::sink::files::writer::{Finished, Keyed, Shared};
use crate::sink::load::Column;
use crate::{Error, Result};

/// Files that get their names at once.
const AT_ONCE: usize = 8;

/// The rows of a load with a key.
pub(super) struct Merge {
    /// The key's columns, and their places.
    columns: Vec<Column>,
    places: Vec<usize>,
    /// Whether what is there stays: of the run, and of the table.
    first_wins: bool,
    /// How many bytes the keys may take.
    most: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    keys: Keys,
    /// The number of the first row of those whose keys were begun last.
    first: u64,
    /// Files that have ended since the last group.
    pending: Vec<Finished>,
    /// Files that have their names, a row of each key.
    groups: Vec<Vec<Finished>>,
    /// Whether the keys are those of the last group.
    is_group: bool,
    /// Whether rows stand elsewhere than the keys say.
    moved: bool,
    /// The files of the table that were looked at, by their paths.
    looked: BTreeMap<String, Looked>,
}

/// What became of a file of the table.
#[derive(Debug, Clone)]
enum Looked {
    /// It has no key of the run.
    Stays,
    /// It was written anew; or is gone, where no row was left.
    Anew(Option<Finished>),
    /// Rows of the run went, as it has their keys.
    Knows,
}

/// What a commit changes of the files.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) add: Vec<Finished>,
    pub(super) remove: Vec<Add>,
}

impl Merge {
    /// For a load with a key, in these columns.
    ///
    /// # Errors
    /// Its key cannot be compared.
    pub(super) fn new(load: &Load, columns: Vec<Column>, most: usize) -> Result<Self> {
        let first_wins = load.mode == Mode::InsertNew || leaves_known(load);
        let types: Vec<DataType> =
            columns.iter().map(|column| column.field.data_type().clone()).collect();
        let inner = Inner {
            keys: Keys::new(&types, first_wins)?,
            first: 0,
            pending: Vec::new(),
            groups: Vec::new(),
            is_group: false,
            moved: false,
            looked: BTreeMap::new(),
        };
        let places = load.key.clone();
        Ok(Self { columns, places, first_wins, most, inner: Mutex::new(inner) })
    }

    /// All files of the run, with a row of each key.
    ///
    /// # Errors
    /// They cannot be written anew.
    pub(super) async fn own(&self, shared: &Shared) -> Result<Vec<Finished>> {
        let mut inner = self.inner.lock().await;
        self.group(&mut inner, shared).await?;
        Ok(inner.groups.concat())
    }

    /// What the run changes in a version of the table. May be asked again for a later one.
    ///
    /// # Errors
    /// Files cannot be read, or not be written anew; others have changed what this depends on.
    pub(super) async fn changes(&self, shared: &Shared, there: &Snapshot) -> Result<Changes> {
        let mut inner = self.inner.lock().await;
        self.group(&mut inner, shared).await?;
        self.forget_gone(&mut inner, shared, there).await?;
        let own = inner.groups.concat();
        let mut new: Vec<(&Add, Live)> = Vec::new();
        for add in there.files.values() {
            if inner.looked.contains_key(&add.path) {
                continue;
            }
            match self.may_hold(&own, add) {
                true => new.push((add, Live::of(add)?)),
                false => drop(inner.looked.insert(add.path.clone(), Looked::Stays)),
            }
        }
        match self.first_wins {
            true => self.leave_known(&mut inner, shared, &new).await?,
            false => self.take_places(&mut inner, shared, &new).await?,
        }
        let mut changes = Changes { add: inner.groups.concat(), remove: Vec::new() };
        for (path, looked) in &inner.looked {
            if let (Looked::Anew(anew), Some(add)) = (looked, there.files.get(path)) {
                changes.remove.push(add.clone());
                changes.add.extend(anew.clone());
            }
        }
        Ok(changes)
    }

    /// All is committed.
    pub(super) async fn clear(&self) {
        let mut inner = self.inner.lock().await;
        inner.keys.clear();
        inner.groups.clear();
        inner.looked.clear();
        (inner.is_group, inner.moved) = (false, false);
    }

    /// Makes a group of the files that wait.
    async fn group(&self, inner: &mut Inner, shared: &Shared) -> Result<()> {
        let files = std::mem::take(&mut inner.pending);
        if files.is_empty() {
            return Ok(());
        }
        publish(shared, &files).await?;
        let mut lost = inner.keys.take_lost();
        for group in 0..inner.groups.len() {
            let earlier = inner.groups.get(group).cloned().unwrap_or_default();
            let mut kept = Vec::with_capacity(earlier.len());
            for file in earlier {
                let mut hits = Vec::new();
                let live = Live::own(shared, &file);
                self.hits(shared, &live, &inner.keys, |row, at, known| match self.first_wins {
                    true => lost.entry(at).or_default().push(known),
                    false => hits.push(row),
                })
                .await?;
                kept.extend(reduced(shared, file, &mut hits).await?);
            }
            if let Some(group) = inner.groups.get_mut(group) {
                *group = kept;
            }
        }
        let mut group = Vec::with_capacity(files.len());
        for file in files {
            let mut rows = lost.remove(&file.number).unwrap_or_default();
            inner.moved |= !rows.is_empty();
            group.extend(reduced(shared, file, &mut rows).await?);
        }
        inner.groups.push(group);
        inner.is_group = true;
        Ok(())
    }

    /// Files of the table that others have removed meanwhile: nothing of them counts.
    async fn forget_gone(
        &self,
        inner: &mut Inner,
        shared: &Shared,
        there: &Snapshot,
    ) -> Result<()> {
        let gone: Vec<_> =
            inner.looked.keys().filter(|path| !there.files.contains_key(*path)).cloned().collect();
        for path in gone {
            match inner.looked.remove(&path) {
                Some(Looked::Anew(Some(file))) => {
                    shared.store.remove(&[file.added.file]).await?;
                }
                Some(Looked::Knows) => {
                    return Err(Error::target(format!(
                        "another program has rewritten `{}` in version {} of the table `{}` while this \
                         run looked which keys are there",
                        path,
                        there.version.unwrap_or_default(),
                        shared.load.table
                    ))
                    .help("nothing was stored since the last commit: run it again"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Files of the table lose the rows whose keys the run has.
    async fn take_places(
        &self,
        inner: &mut Inner,
        shared: &Shared,
        new: &[(&Add, Live)],
    ) -> Result<()> {
        let mut lost: HashMap<&str, Vec<u32>> = HashMap::new();
        for group in 0..inner.groups.len() {
            let keys = self.keys_of(inner, shared, group, false).await?;
            let keys = keys.as_ref().unwrap_or(&inner.keys);
            for (add, live) in new {
                let rows = lost.entry(&add.path).or_default();
                self.hits(shared, live, keys, |row, _, _| rows.push(row)).await?;
            }
        }
        for (add, live) in new {
            let mut rows = lost.remove(add.path.as_str()).unwrap_or_default();
            rows.sort_unstable();
            let looked = match rows.is_empty() {
                true => Looked::Stays,
                false => {
                    Looked::Anew(published(shared, without(shared, live, &rows).await?).await?)
                }
            };
            inner.looked.insert(add.path.clone(), looked);
        }
        Ok(())
    }

    /// Rows of the run go whose keys the files of the table have.
    async fn leave_known(
        &self,
        inner: &mut Inner,
        shared: &Shared,
        new: &[(&Add, Live)],
    ) -> Result<()> {
        let mut knows: BTreeSet<&str> = BTreeSet::new();
        for group in 0..inner.groups.len() {
            let keys = self.keys_of(inner, shared, group, true).await?;
            let keys = keys.as_ref().unwrap_or(&inner.keys);
            let mut lost: HashMap<u32, Vec<u32>> = HashMap::new();
            for (add, live) in new {
                self.hits(shared, live, keys, |_, file, row| {
                    knows.insert(&add.path);
                    lost.entry(file).or_default().push(row);
                })
                .await?;
            }
            inner.moved |= !lost.is_empty();
            let files = inner.groups.get(group).cloned().unwrap_or_default();
            let mut kept = Vec::with_capacity(files.len());
            for file in files {
                let mut rows = lost.remove(&file.number).unwrap_or_default();
                kept.extend(reduced(shared, file, &mut rows).await?);
            }
            if let Some(group) = inner.groups.get_mut(group) {
                *group = kept;
            }
        }
        for (add, _) in new {
            let looked = match knows.contains(add.path.as_str()) {
                true => Looked::Knows,
                false => Looked::Stays,
            };
            inner.looked.insert(add.path.clone(), looked);
        }
        Ok(())
    }

    /// The keys of a group; `None` where they are those in memory.
    async fn keys_of(
        &self,
        inner: &Inner,
        shared: &Shared,
        group: usize,
        places: bool,
    ) -> Result<Option<Keys>> {
        let in_memory = inner.is_group && group + 1 == inner.groups.len();
        if in_memory && !(places && inner.moved) {
            return Ok(None);
        }
        let mut keys = inner.keys.like();
        for file in inner.groups.get(group).into_iter().flatten() {
            let live = Live::own(shared, file);
            let (mut rows, mut at) = (live.read(shared, &self.columns).await?, 0_u64);
            while let Some((count, arrays)) = rows.next()? {
                keys.begin(&arrays)?;
                for key in 0..count {
                    keys.add(key, file.number, at)?;
                    at += 1;
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(Some(keys))
    }

    /// Which rows of a file have a known key: its place, and where the known one stands.
    async fn hits(
        &self,
        shared: &Shared,
        live: &Live,
        keys: &Keys,
        mut hit: impl FnMut(u32, u32, u32),
    ) -> Result<()> {
        if keys.len() == 0 {
            return Ok(());
        }
        let (mut rows, mut first) = (live.read(shared, &self.columns).await?, 0_u32);
        while let Some((count, arrays)) = rows.next()? {
            keys.look_up(&arrays, |row, file, known| hit(first + row as u32, file, known))?;
            first += count as u32;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Whether a file of the table can have a key of these, by what the log says of it.
    fn may_hold(&self, own: &[Finished], add: &Add) -> bool {
        let stats = add.stats.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(stats) = stats else { return true };
        let of = |bound: &str, name: &str| stats.get(bound)?.get(name).cloned();
        own.iter().any(|file| {
            let meets = |column: &Column| {
                let (least, most) = (of("minValues", &column.name), of("maxValues", &column.name));
                let (Some(least), Some(most), Some(ours)) = (least, most, &file.stats) else {
                    return true;
                };
                let ours = ours.bounds(&column.name);
                ours.meets(&Bounds::of_json(&column.ty, &least, &most))
            };
            self.columns.iter().all(meets)
        })
    }
}

/// Whether rows of known keys say nothing new.
pub(super) fn leaves_known(load: &Load) -> bool {
    load.mode == Mode::Merge && load.is_all_key()
}

/// Gives files their names: from then on they can be read.
pub(super) async fn publish(shared: &Shared, files: &[Finished]) -> Result<()> {
    if !files.is_empty() {
        // Until a version has them, the next session has to find them.
        shared.store.unsettled(true);
    }
    for some in files.chunks(AT_ONCE) {
        let published = some.iter().map(|file| shared.store.publish(&file.added));
        let published = try_join_all(published).await?;
        let gone = some.iter().zip(published).find(|(_, became)| *became == Published::Gone);
        if let Some((Finished { added, .. }, _)) = gone {
            return Err(Error::target(format!(
                "`{}` with {} rows is gone before it was committed",
                shared.store.shown(&added.file),
                added.rows
            ))
            .help(
                "something has removed it, or another run took this one for dead: nothing was stored since \
                 the last commit, run it again",
            ));
        }
    }
    Ok(())
}

async fn published(shared: &Shared, file: Option<Finished>) -> Result<Option<Finished>> {
    publish(shared, file.as_slice()).await?;
    Ok(file)
}

/// A file of the run without some of its rows: a new one in its place, where there are any.
async fn reduced(shared: &Shared, file: Finished, lost: &mut Vec<u32>) -> Result<Option<Finished>> {
    if lost.is_empty() {
        return Ok(Some(file));
    }
    lost.sort_unstable();
    lost.dedup();
    let live = Live::own(shared, &file);
    let new = published(shared, without(shared, &live, lost).await?).await?;
    shared.store.remove(&[file.added.file]).await?;
    Ok(new)
}

#[async_trait]
impl Keyed for Merge {
    async fn begin(&self, first: u64, batch: &RecordBatch) -> Result<()> {
        let mut inner = self.inner.lock().await;
        if inner.is_group {
            inner.keys.clear();
            (inner.is_group, inner.moved) = (false, false);
        }
        inner.first = first;
        let columns: Vec<ArrayRef> = self
            .places
            .iter()
            .filter_map(|&place| batch.columns().get(place).cloned())
            .zip(&self.columns)
            .map(|(array, column)| arrow::compute::cast(&array, column.field.data_type()))
            .collect::<Result<_, _>>()
            .map_err(|cause| Error::target("the keys have other types").caused_by(cause))?;
        inner.keys.begin(&columns)
    }

    async fn wrote(&self, file: u32, at: u64, rows: usize, numbers: &Numbers) -> Result<()> {
        let mut inner = self.inner.lock().await;
        for row in 0..rows {
            let key = numbers.of(row).saturating_sub(inner.first) as usize;
            inner.keys.add(key, file, at + row as u64)?;
        }
        Ok(())
    }

    async fn ended(&self, files: Vec<Finished>) {
        self.inner.lock().await.pending.extend(files);
    }

    async fn relieve(&self, shared: &Shared) -> Result<()> {
        let mut inner = self.inner.lock().await;
        self.group(&mut inner, shared).await
    }

    async fn is_full(&self) -> bool {
        self.inner.lock().await.keys.bytes() > self.most
    }
}

/// The columns of a key, as the table has them.
pub(super) fn key_columns(load: &Load, table: &[Column]) -> Vec<Column> {
    let of_table = |column: &Column| table.iter().find(|it| it.name == column.name).cloned();
    load.key_columns().map(|column| of_table(column).unwrap_or_else(|| column.clone())).collect()
}
