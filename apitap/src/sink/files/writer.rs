//! Batches → staged files: one for each folder at a time, the next one where it is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;

use super::format::{Encoder, Format, Refusal};
use super::held;
use super::partition::{self, Numbers, Part};
use super::stats::Stats;
use super::store::{Added, Store, Upload, file_name};
use crate::definition::TargetKind;
use crate::sink::contract::Writer;
use crate::sink::load::{Column, Load};
use crate::sink::{refusal, slices};
use crate::{Error, Result};

/// Files that one writer has open at once; beyond that, the one that waits longest is closed.
const OPEN: usize = 64;

/// A file that is staged as a whole.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "delta"), allow(dead_code, reason = "only its log says so much"))]
pub(super) struct Finished {
    /// Its number in the session.
    pub(super) number: u32,
    pub(super) added: Added,
    /// What its folder says of the columns of `partition_by`.
    pub(super) values: Vec<Option<String>>,
    /// What is known of its columns; only of a target whose log says it.
    pub(super) stats: Option<Stats>,
}

/// What the rows are looked for by, while they are written into files.
#[async_trait]
pub(super) trait Keyed: Send + Sync {
    /// Prepares for the rows of a batch, whose first row has the number `first`.
    async fn begin(&self, first: u64, batch: &RecordBatch) -> Result<()>;

    /// So many of them, of these numbers, stand in the file of that number, from that place on.
    async fn wrote(&self, file: u32, at: u64, rows: usize, numbers: &Numbers) -> Result<()>;

    /// These files have all rows that they get.
    async fn ended(&self, files: Vec<Finished>);

    /// Whether it holds so much that all files should end.
    async fn is_full(&self) -> bool;

    /// All files have ended: it may forget where their rows stand.
    async fn relieve(&self, shared: &Shared) -> Result<()>;
}

/// What the writers of a session have staged for the next commit.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Writers that are open, or have failed, or were dropped.
    out: usize,
    /// How many files the session has begun.
    files: u32,
    finished: Vec<Finished>,
    rows: u64,
}

impl Waiting {
    /// The rows that wait.
    ///
    /// # Errors
    /// A writer may add to them, or should have.
    pub(super) fn rows(&self, load: &Load) -> Result<u64> {
        let inner = self.inner();
        match inner.out {
            0 => Ok(inner.rows),
            _ => Err(refusal::open_writer(&load.table)),
        }
    }

    /// The files that wait.
    pub(super) fn files(&self) -> Vec<Finished> {
        self.inner().finished.clone()
    }

    /// All of it is committed.
    pub(super) fn clear(&self) {
        let mut inner = self.inner();
        inner.finished.clear();
        inner.rows = 0;
    }

    /// The number of the next file.
    fn next(&self) -> u32 {
        let mut inner = self.inner();
        inner.files += 1;
        inner.files
    }

    fn opened(&self) {
        self.inner().out += 1;
    }

    fn closed(&self, finished: Vec<Finished>, rows: u64) {
        let mut inner = self.inner();
        inner.out -= 1;
        inner.finished.extend(finished);
        inner.rows += rows;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The schema of columns of files.
pub(super) fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()))
}

/// What all writers of a session go by.
pub(super) struct Shared {
    pub(super) store: Box<dyn Store>,
    pub(super) load: Load,
    pub(super) format: Format,
    /// The columns of the files.
    pub(super) columns: Vec<Column>,
    /// Their schema.
    pub(super) schema: SchemaRef,
    /// About how many bytes a file gets.
    pub(super) file_size: u64,
    /// How many bytes of memory a writer may need.
    pub(super) memory: usize,
    pub(super) waiting: Waiting,
    /// Where a key says which rows are the same.
    pub(super) keyed: Option<Arc<dyn Keyed>>,
}

impl Shared {
    /// Begins a file in a folder that says these values.
    pub(super) async fn begin(
        &self,
        folder: &str,
        values: Vec<Option<String>>,
    ) -> Result<OpenFile> {
        let number = self.waiting.next();
        let name = file_name(self.store.session(), number, folder, self.format.extension());
        let encoder = self.format.begin(&self.columns)?;
        let upload = self.store.stage(number, &name).await?;
        let stats = self.format.has_stats().then(|| Stats::of(&self.columns));
        Ok(OpenFile { number, name, values, encoder, upload, stats, rows: 0, bytes: 0, used: 0 })
    }

    /// Whether the table keeps these values. Files of text find that out when they are written.
    fn check_part(
        &self,
        values: &[Option<String>],
        rows: &RecordBatch,
        numbers: &Numbers,
    ) -> Result<()> {
        if self.format.kind != TargetKind::Delta {
            return Ok(());
        }
        held::check(self.format.kind, &self.columns, rows, numbers)?;
        let is_empty = |value: &Option<String>| value.as_deref() == Some("");
        match partition::by(&self.load).zip(values).find(|(_, value)| is_empty(value)) {
            None => Ok(()),
            Some(((column, _), _)) => {
                let why = "is empty, which a column of `partition_by` in Delta Lake cannot tell from null";
                Err(refusal::value(column, numbers.of(0), why))
            }
        }
    }

    /// Rows in the columns of the files, where a table has wider ones than the rows.
    fn fitting(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        if *rows.schema_ref() == self.schema {
            return Ok(rows.clone());
        }
        let columns = rows.columns().iter().zip(&self.columns);
        let columns = columns.map(|(array, column)| cast(array, column.field.data_type()));
        let fitting = columns.collect::<Result<Vec<_>, _>>();
        let fitting =
            fitting.and_then(|columns| RecordBatch::try_new(self.schema.clone(), columns));
        fitting.map_err(|cause| {
            Error::target(format!("the rows are not as the table has them: {cause}"))
                .caused_by(cause)
        })
    }

    /// A file without rows, which says what the columns are.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn empty(&self) -> Result<Finished> {
        self.begin("", Vec::new()).await?.finish().await
    }

    pub(super) fn refused(&self, refusal: Refusal, numbers: &Numbers) -> Error {
        match refusal {
            Refusal::Failed(error) => error,
            Refusal::Value { column, row, why } => match self.columns.get(column) {
                Some(column) => refusal::value(column, numbers.of(row), &why),
                None => Error::target(format!("row {} {why}", numbers.of(row))),
            },
        }
    }
}

pub(super) struct OpenFile {
    number: u32,
    name: String,
    values: Vec<Option<String>>,
    encoder: Box<dyn Encoder>,
    upload: Box<dyn Upload>,
    stats: Option<Stats>,
    rows: u64,
    /// What is with the store.
    bytes: u64,
    /// When it was last written, in writes.
    used: u64,
}

impl OpenFile {
    /// How many bytes of memory it needs now.
    pub(super) fn held(&self) -> usize {
        self.encoder.held() + self.upload.held()
    }

    /// Takes rows; a refusal says their places among these.
    pub(super) async fn add(&mut self, rows: &RecordBatch) -> Result<(), Refusal> {
        self.encoder.write(rows)?;
        if let Some(stats) = &mut self.stats {
            stats.add(rows).map_err(Refusal::Failed)?;
        }
        self.rows += rows.num_rows() as u64;
        self.drain().await.map_err(Refusal::Failed)
    }

    /// Gives away what it holds in memory.
    pub(super) async fn flush(&mut self) -> Result<()> {
        self.encoder.flush()?;
        self.drain().await
    }

    /// Hands over what is ready.
    async fn drain(&mut self) -> Result<()> {
        let bytes = self.encoder.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        self.upload.write(bytes).await
    }

    pub(super) async fn finish(mut self) -> Result<Finished> {
        let last = self.encoder.finish()?;
        self.bytes += last.len() as u64;
        self.upload.write(last).await?;
        let staged = self.upload.finish().await?;
        let Self { number, name: file, values, stats, rows, bytes, .. } = self;
        let added = Added { file, rows, bytes, staged, over: None };
        Ok(Finished { number, added, values, stats })
    }
}

pub(super) struct FilesWriter {
    shared: Arc<Shared>,
    /// By folder.
    open: HashMap<String, OpenFile>,
    finished: Vec<Finished>,
    rows: u64,
    writes: u64,
    /// Whether rows were refused: then it is good for nothing.
    failed: bool,
}

impl FilesWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.waiting.opened();
        Self {
            shared,
            open: HashMap::new(),
            finished: Vec::new(),
            rows: 0,
            writes: 0,
            failed: false,
        }
    }

    async fn add(&mut self, part: Part) -> Result<()> {
        let Part { folder, values, rows, numbers } = part;
        self.shared.check_part(&values, &rows, &numbers)?;
        let mut start = 0;
        // So that what an encoder holds grows in steps that are small beside what it may hold.
        for slice in slices::of(&rows, (self.shared.memory / 4).max(1)) {
            self.add_slice((&folder, &values), &slice, &numbers.skip(start)).await?;
            start += slice.num_rows();
            self.relieve().await?;
        }
        Ok(())
    }

    async fn add_slice(
        &mut self,
        (folder, values): (&str, &[Option<String>]),
        rows: &RecordBatch,
        numbers: &Numbers,
    ) -> Result<()> {
        self.writes += 1;
        let mut file = match self.open.remove(folder) {
            Some(file) => file,
            None => self.shared.begin(folder, values.to_vec()).await?,
        };
        if let Some(keyed) = &self.shared.keyed {
            keyed.wrote(file.number, file.rows, rows.num_rows(), numbers).await?;
        }
        let written = file.add(&self.shared.fitting(rows)?).await;
        written.map_err(|refusal| self.shared.refused(refusal, numbers))?;
        file.used = self.writes;
        match file.bytes + file.encoder.held() as u64 >= self.shared.file_size {
            true => self.finished.push(file.finish().await?),
            false => drop(self.open.insert(folder.to_owned(), file)),
        }
        Ok(())
    }

    /// Keeps within the memory: the largest file gives its bytes away, and where that does not help,
    /// is closed.
    async fn relieve(&mut self) -> Result<()> {
        while self.open.len() > OPEN {
            let oldest = self.open.iter().min_by_key(|(_, file)| file.used);
            let Some(folder) = oldest.map(|(folder, _)| folder.clone()) else { break };
            self.close_file(&folder).await?;
        }
        loop {
            if self.open.values().map(OpenFile::held).sum::<usize>() <= self.shared.memory {
                return Ok(());
            }
            let largest = self.open.iter_mut().max_by_key(|(_, file)| file.held());
            let Some((folder, file)) = largest else { return Ok(()) };
            let (folder, before) = (folder.clone(), file.held());
            file.flush().await?;
            // Not by much: what remains is what it takes to have a file at all.
            if file.held() * 2 > before {
                match self.open.len() {
                    1 => return Ok(()),
                    _ => self.close_file(&folder).await?,
                }
            }
        }
    }

    async fn close_file(&mut self, folder: &str) -> Result<()> {
        if let Some(file) = self.open.remove(folder) {
            self.finished.push(file.finish().await?);
        }
        Ok(())
    }

    async fn close_all(&mut self) -> Result<()> {
        let mut folders: Vec<_> = self.open.keys().cloned().collect();
        folders.sort_unstable();
        for folder in folders {
            self.close_file(&folder).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for FilesWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        let written = self.write_rows(first, batch).await;
        self.failed |= written.is_err();
        written
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if self.failed {
            return Err(refusal::open_writer(&self.shared.load.table));
        }
        self.close_all().await?;
        let mut finished = std::mem::take(&mut self.finished);
        if let Some(keyed) = &self.shared.keyed {
            keyed.ended(std::mem::take(&mut finished)).await;
        }
        self.shared.waiting.closed(finished, self.rows);
        Ok(())
    }
}

impl FilesWriter {
    async fn write_rows(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        self.shared.load.check(&batch, first)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keyed = self.shared.keyed.clone();
        if let Some(keyed) = &keyed {
            keyed.begin(first, &batch).await?;
        }
        for part in partition::split(&self.shared.load, first, &batch)? {
            self.add(part).await?;
        }
        self.rows += batch.num_rows() as u64;
        match keyed {
            Some(keyed) if keyed.is_full().await => {
                self.close_all().await?;
                keyed.ended(std::mem::take(&mut self.finished)).await;
                keyed.relieve(&self.shared).await
            }
            _ => Ok(()),
        }
    }
}
