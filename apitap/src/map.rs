//! A Rust function in place of SQL: batches of records → structs, one by one → batches of rows.
//!
//! What is in memory is a batch of records, the rows of one record, and a batch of rows. An error or
//! a panic in the function ends the pipeline with an error that names the function and the record.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use apitap_build::engine::BATCH_ROWS;
use datafusion::arrow::array::RecordBatch;

use crate::function::said;
use crate::schema::Schema;
use crate::typed::{Reader, Struct, Writer};
use crate::{Error, Result};

/// Turns a batch of records into batches of rows. Generated code makes one for each `#[map]`.
pub type MapCall = fn(Records) -> Mapped;

/// Batches of rows, in order; at its end after an error.
pub type Mapped = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A map, as messages and batches need to know it.
#[derive(Debug)]
pub(crate) struct Description {
    /// The function's name.
    pub(crate) name: String,
    /// The source's name.
    pub(crate) source: String,
    /// The rows' columns.
    pub(crate) row: Schema,
    /// Bytes of rows after which a batch is made of them.
    pub(crate) batch: usize,
}

/// Records that wait to be mapped.
#[derive(Debug)]
pub struct Records {
    pub(crate) batch: RecordBatch,
    /// The number of the first of them, counted from 1 in the order of the source.
    pub(crate) first: u64,
    pub(crate) map: Arc<Description>,
}

impl Records {
    /// Hands each record to a function, which hands on the rows that it makes of it.
    pub fn map<R: Struct, T: Struct>(self, each: fn(R, &mut Emit<T>) -> Result<()>) -> Mapped {
        let begun = Reader::<R>::new(&self.batch)
            .and_then(|reader| Ok((reader, Writer::<T>::new(&self.map.row)?)));
        match begun {
            Ok((reader, writer)) => {
                let emit = Emit { writer, ready: VecDeque::new(), map: self.map };
                Box::new(Mapping { reader, emit, each, record: self.first, ended: false })
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

/// Takes the rows of a record.
pub struct Emit<T> {
    writer: Writer<T>,
    /// Batches that are full.
    ready: VecDeque<RecordBatch>,
    map: Arc<Description>,
}

impl<T: Struct> Emit<T> {
    /// Adds a row.
    ///
    /// # Errors
    /// A value does not fit its column exactly; the error has its path within the row.
    pub fn row(&mut self, row: &T) -> Result<()> {
        self.writer.push(row)?;
        if self.writer.rows() >= BATCH_ROWS || self.writer.bytes() >= self.map.batch {
            self.ready.push_back(self.writer.finish()?);
        }
        Ok(())
    }

    /// The error of a call.
    pub fn failed(&self, error: &dyn Display) -> Error {
        Error::query(format!("the map `{}` failed: {error}", self.map.name))
            .help("the message is the function's own")
    }
}

impl<T> fmt::Debug for Emit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").field("map", &self.map.name).finish_non_exhaustive()
    }
}

/// The batches of rows made from a batch of records.
struct Mapping<R, T> {
    reader: Reader<R>,
    emit: Emit<T>,
    each: fn(R, &mut Emit<T>) -> Result<()>,
    /// The number of the next record.
    record: u64,
    ended: bool,
}

impl<R: Struct, T: Struct> Mapping<R, T> {
    /// Maps the next record; after the last, makes a batch of the rows that are left.
    fn step(&mut self) -> Result<()> {
        let Some(record) = self.reader.next() else {
            self.ended = true;
            if self.emit.writer.rows() > 0 {
                self.emit.ready.push_back(self.emit.writer.finish()?);
            }
            return Ok(());
        };
        let number = self.record;
        self.record += 1;
        let (each, emit) = (self.each, &mut self.emit);
        // After a panic nothing that it has left half-done is looked at again.
        let mapped = record.and_then(|record| {
            catch_unwind(AssertUnwindSafe(|| each(record, emit))).unwrap_or_else(|payload| {
                let message = said(payload.as_ref());
                Err(Error::query(format!("the map `{}` panicked{message}", emit.map.name)).help(
                    "return an error instead: `Result<…, E>` with an `E` that can be displayed",
                ))
            })
        });
        mapped.map_err(|error| {
            error.about(format_args!("record {number} of `{}`", self.emit.map.source))
        })
    }
}

impl<R: Struct, T: Struct> Iterator for Mapping<R, T> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.emit.ready.pop_front() {
                return Some(Ok(batch));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.step() {
                self.ended = true;
                self.emit.ready.clear();
                return Some(Err(error));
            }
        }
    }
}
