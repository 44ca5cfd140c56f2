//! Batches → staged files: one for each folder at a time, the next one where it is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;

use super::format::{Encoder, Format, Refusal};
use super::partition::{self, Numbers, Part};
use super::store::{Added, Store, Upload, file_name};
use crate::sink::contract::Writer;
use crate::sink::load::{Column, Load};
use crate::sink::{refusal, slices};
use crate::{Error, Result};

/// Files that one writer has open at once; beyond that, the one that waits longest is closed.
const OPEN: usize = 64;

/// What the writers of a session have staged for the next commit.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Writers that are open, or have failed, or were dropped.
    out: usize,
    /// How many files the session has begun.
    files: u32,
    added: Vec<Added>,
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
    pub(super) fn files(&self) -> Vec<Added> {
        self.inner().added.clone()
    }

    /// All of it is committed.
    pub(super) fn clear(&self) {
        let mut inner = self.inner();
        inner.added.clear();
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

    fn closed(&self, added: Vec<Added>, rows: u64) {
        let mut inner = self.inner();
        inner.out -= 1;
        inner.added.extend(added);
        inner.rows += rows;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all writers of a session go by.
pub(super) struct Shared {
    pub(super) store: Box<dyn Store>,
    pub(super) load: Load,
    pub(super) format: Format,
    /// The columns of the files.
    pub(super) columns: Vec<Column>,
    /// About how many bytes a file gets.
    pub(super) file_size: u64,
    /// How many bytes of memory a writer may need.
    pub(super) memory: usize,
    pub(super) waiting: Waiting,
}

impl Shared {
    /// Begins a file in a folder.
    async fn begin(&self, folder: &str) -> Result<OpenFile> {
        let number = self.waiting.next();
        let name = file_name(self.store.session(), number, folder, self.format.extension());
        let encoder = self.format.begin(&self.columns)?;
        let upload = self.store.stage(number, &name).await?;
        Ok(OpenFile { name, encoder, upload, rows: 0, bytes: 0, used: 0 })
    }

    /// A file without rows, which says what the columns are.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn empty(&self) -> Result<Added> {
        self.begin("").await?.finish().await
    }

    fn refused(&self, refusal: Refusal, numbers: &Numbers) -> Error {
        match refusal {
            Refusal::Failed(error) => error,
            Refusal::Value { column, row, why } => match self.columns.get(column) {
                Some(column) => refusal::value(column, numbers.of(row), &why),
                None => Error::target(format!("row {} {why}", numbers.of(row))),
            },
        }
    }
}

struct OpenFile {
    name: String,
    encoder: Box<dyn Encoder>,
    upload: Box<dyn Upload>,
    rows: u64,
    /// What is with the store.
    bytes: u64,
    /// When it was last written, in writes.
    used: u64,
}

impl OpenFile {
    /// How many bytes of memory it needs now.
    fn held(&self) -> usize {
        self.encoder.held() + self.upload.held()
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

    async fn finish(mut self) -> Result<Added> {
        let last = self.encoder.finish()?;
        self.bytes += last.len() as u64;
        self.upload.write(last).await?;
        let staged = self.upload.finish().await?;
        let Self { name: file, rows, bytes, .. } = self;
        Ok(Added { file, rows, bytes, staged, over: None })
    }
}

pub(super) struct FilesWriter {
    shared: Arc<Shared>,
    /// By folder.
    open: HashMap<String, OpenFile>,
    added: Vec<Added>,
    rows: u64,
    writes: u64,
}

impl FilesWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.waiting.opened();
        Self { shared, open: HashMap::new(), added: Vec::new(), rows: 0, writes: 0 }
    }

    async fn add(&mut self, part: Part) -> Result<()> {
        let Part { folder, rows, numbers } = part;
        let mut start = 0;
        // So that what an encoder holds grows in steps that are small beside what it may hold.
        for slice in slices::of(&rows, (self.shared.memory / 4).max(1)) {
            self.add_slice(&folder, &slice, &numbers.skip(start)).await?;
            start += slice.num_rows();
            self.relieve().await?;
        }
        Ok(())
    }

    async fn add_slice(
        &mut self,
        folder: &str,
        rows: &RecordBatch,
        numbers: &Numbers,
    ) -> Result<()> {
        self.writes += 1;
        let mut file = match self.open.remove(folder) {
            Some(file) => file,
            None => self.shared.begin(folder).await?,
        };
        let written = file.encoder.write(rows);
        written.map_err(|refusal| self.shared.refused(refusal, numbers))?;
        file.rows += rows.num_rows() as u64;
        file.used = self.writes;
        file.drain().await?;
        match file.bytes + file.encoder.held() as u64 >= self.shared.file_size {
            true => self.added.push(file.finish().await?),
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
            file.encoder.flush()?;
            file.drain().await?;
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
            self.added.push(file.finish().await?);
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for FilesWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        self.shared.load.check(&batch, first)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for part in partition::split(&self.shared.load, first, &batch)? {
            self.add(part).await?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        let mut folders: Vec<_> = self.open.keys().cloned().collect();
        folders.sort_unstable();
        for folder in folders {
            self.close_file(&folder).await?;
        }
        self.shared.waiting.closed(std::mem::take(&mut self.added), self.rows);
        Ok(())
    }
}
