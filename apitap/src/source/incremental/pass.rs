//! A pass over the records of an incremental source: which of them are new, those of parents and those of batches.
//!
//! ```text
//! Watermarks → Pass → Changes (a record at a time), Sieve (a batch at a time)
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::error::ArrowError;

use super::boundary::{self, Boundary, Mark};
use super::slices::{Asked, Came, Ends};
use super::{MomentReader, Position, Watermarks, lock};
use crate::{Error, Result};

/// One pass over the records of a source, whole or in parts: a record that comes twice in it is two.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(super) watermarks: Arc<Watermarks>,
    pub(super) edges: Arc<Mutex<Edges>>,
}

/// What a pass knows of the records that lie where it began, where it has come to, and where slices end.
#[derive(Debug, Default)]
pub(super) struct Edges {
    ends: Ends,
    /// The records of each partition that are known, and have not come again yet.
    left: BTreeMap<String, Boundary>,
    /// The new ones of the latest moment of each partition.
    new: BTreeMap<String, (DateTime<Utc>, Boundary)>,
}

impl Edges {
    pub(super) fn left(&mut self, key: &str, before: &Position) -> &mut Boundary {
        self.left.entry(key.to_owned()).or_insert_with(|| before.boundary.clone())
    }

    /// Counts a new record; gives how many of that mark are new at that moment.
    pub(super) fn count(&mut self, key: &str, at: DateTime<Utc>, mark: Mark) -> u64 {
        let new = self.new.entry(key.to_owned()).or_insert_with(|| (at, Boundary::default()));
        if new.0 != at {
            *new = (at, Boundary::default());
        }
        new.1.add(mark)
    }
}

/// Tells the changed records of a parent from those that are known, and notes how far they lead.
pub(crate) struct Changes {
    pass: Pass,
    moments: MomentReader,
}

impl Changes {
    pub(crate) fn of(pass: Pass) -> Self {
        let moments = MomentReader::new(pass.watermarks.field.clone());
        Self { pass, moments }
    }

    /// Whether a record is among them; `key` is the name of its partition, `member` what it gives its children, by
    /// which it is known again, and `from` its request and its number there.
    ///
    /// # Errors
    /// It does not say when it was changed; too many of one moment.
    pub(crate) fn has(
        &mut self,
        key: Option<&str>,
        record: &str,
        member: &str,
        from: (&Arc<str>, u64),
    ) -> Result<bool> {
        let at = self.moments.of(record)?;
        let Pass { watermarks, edges } = &self.pass;
        let mark = watermarks.appends.then(|| Mark {
            read: boundary::hash(member.as_bytes()),
            written: boundary::hash(record.as_bytes()),
        });
        let key = key.unwrap_or_default();
        let is_new = watermarks.is_new(key, at, mark, &mut lock(edges))?;
        if is_new {
            watermarks.look_ahead(at, || Some((Arc::clone(from.0), from.1)));
        }
        Ok(is_new)
    }
}

/// Leaves out of batches what is known.
pub(crate) struct Sieve {
    pass: Pass,
    /// The columns that partitions give the records, which say nothing of the records themselves.
    carried: Vec<String>,
    /// Of the bytes of each record of the batch, where they are needed.
    written: Vec<u64>,
    /// The partitions of the batch's records, what was asked for of them, and how many follow each other.
    runs: Vec<(Arc<str>, Asked, usize)>,
}

impl Sieve {
    /// For records to which their partitions give the columns `carried`.
    pub(crate) fn new(pass: Pass, carried: Vec<String>) -> Self {
        Self { pass, carried, written: Vec::new(), runs: Vec::new() }
    }

    /// A record of a page was appended, whose request has asked for that.
    pub(crate) fn append(&mut self, key: Option<&Arc<str>>, asked: Asked, record: &str) {
        if self.pass.watermarks.appends {
            self.written.push(boundary::hash(record.as_bytes()));
        }
        let key = key.map_or("", |key| key);
        match self.runs.last_mut() {
            Some((last, of, count)) if **last == *key && *of == asked => *count += 1,
            _ => self.runs.push((key.into(), asked, 1)),
        }
    }

    /// The batch of all records since the last one, without those that are known, and those of other slices; `from` is
    /// where the record of a row comes from, its request and its number there.
    ///
    /// # Errors
    /// Too many records of one moment, or at the end of a slice.
    pub(crate) fn keep(
        &mut self,
        batch: &RecordBatch,
        from: impl Fn(usize) -> Option<(Arc<str>, u64)>,
    ) -> Result<RecordBatch> {
        let no_batch = |cause| Error::data("the records make no batch").caused_by(cause);
        let moments = self.pass.watermarks.field.of_batch(batch)?;
        let runs = std::mem::take(&mut self.runs);
        let marks = self.marks(batch, &runs, &moments).map_err(no_batch)?;
        let Pass { watermarks, edges } = &self.pass;
        let mut edges = lock(edges);
        let mut records = moments.into_iter().zip(marks);
        let mut kept = Vec::with_capacity(batch.num_rows());
        let mut came = Came::default();
        for (key, asked, count) in runs {
            for (moment, mark) in records.by_ref().take(count) {
                let is_taken = edges.ends.take(&key, asked, moment, mark, &mut came)?;
                let is_new = is_taken && watermarks.is_new(&key, moment, mark, &mut edges)?;
                if is_new {
                    watermarks.look_ahead(moment, || from(kept.len()));
                }
                kept.push(is_new);
            }
        }
        watermarks.answers.add(came);
        filter_record_batch(batch, &BooleanArray::from(kept)).map_err(no_batch)
    }

    /// The marks of those records that may come again, or have come before: the others need none.
    fn marks(
        &mut self,
        batch: &RecordBatch,
        runs: &[(Arc<str>, Asked, usize)],
        moments: &[DateTime<Utc>],
    ) -> std::result::Result<Vec<Option<Mark>>, ArrowError> {
        let watermarks = &self.pass.watermarks;
        if !watermarks.appends {
            return Ok(vec![None; moments.len()]);
        }
        let mut rest = moments;
        let mut needed = Vec::with_capacity(moments.len());
        for (key, asked, count) in runs {
            let (of_run, others) = rest.split_at_checked(*count).unwrap_or((rest, &[]));
            let is_taken = |at: &&DateTime<Utc>| watermarks.wants(**at) && !asked.ends_before(**at);
            let last = of_run.iter().filter(is_taken).max().copied();
            let known = watermarks.before_of(key).map(|known| known.cursor);
            let is_needed =
                |at: &DateTime<Utc>| [last, known].contains(&Some(*at)) || asked.has_at_an_end(*at);
            needed.extend(of_run.iter().map(is_needed));
            rest = others;
        }
        let of_needed = filter_record_batch(batch, &BooleanArray::from(needed.clone()))?;
        let mut read = boundary::hashes(&of_needed, &self.carried)?.into_iter();
        let written = std::mem::take(&mut self.written);
        let marks = written.into_iter().zip(needed);
        Ok(marks
            .map(|(written, needed)| {
                let read = if needed { read.next() } else { None };
                read.map(|read| Mark { read, written })
            })
            .collect())
    }
}
