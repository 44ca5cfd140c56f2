//! JSON records → Arrow batches, exactly: a value that does not fit its type is an error.
//!
//! A [`Decoder`] is either generated for one schema by `#[apitap::pipeline]`, or [`dynamic`]: both
//! drive the same leaf columns, so they accept and refuse the same values with the same words.
//!
//! ```text
//! RecordDecoder<R>             one batch: counts records and bytes
//!   R: Record                  key → field; all that a generated decoder and `dynamic` differ in
//!     Field<C>                 once, or missing, or null
//!       C: Column              a value of one type: a leaf, a List<C>, a Nested<R>
//! ```

pub mod any;
pub mod column;
pub mod differences;
pub mod dynamic;
pub(crate) mod keep;
pub mod leaf;
pub mod list;
mod number;
pub mod record;
pub mod seen;
mod text;
mod time;
pub mod unknown;
mod widen;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{FieldRef, Schema as ArrowSchema, SchemaRef};

use crate::schema::{Schema, arrow};
use crate::source::json::{Cursor, Fault};
use crate::{Error, Result};
use differences::Differences;
pub(crate) use number::is_whole;
pub(crate) use record::arrays;
use record::{Record, fields, read};
pub(crate) use widen::widen;

/// The most JSON that one batch can be made of: no offset into a column outgrows 31 bits then, as
/// no value takes more than twice the bytes in Arrow that it takes in JSON.
pub(crate) const BATCH_LIMIT: usize = 1 << 30;

/// Turns records, one after the other, into a batch.
pub trait Decoder: Send {
    /// The batches' schema: only the fields that are read, in the order of the source's schema.
    fn schema(&self) -> SchemaRef;

    /// Appends one record, whose whole JSON text is `record`. After a fault the decoder is spent.
    ///
    /// The fault carries the JSON path within the record; whoever calls knows request and number.
    fn append(&mut self, record: &str) -> Result<(), Fault>;

    /// Records appended since the last [`Decoder::finish`].
    fn rows(&self) -> usize;

    /// Bytes of JSON appended since the last [`Decoder::finish`]: bounds a batch.
    fn bytes(&self) -> usize;

    /// The records so far as one batch; the decoder starts anew.
    fn finish(&mut self) -> Result<RecordBatch>;

    /// How all records so far differ from the schema.
    fn differences(&mut self) -> Differences;
}

/// A decoder of records whose keys `R` knows.
#[derive(Debug)]
pub struct RecordDecoder<R> {
    record: R,
    schema: SchemaRef,
    rows: usize,
    bytes: usize,
    /// Whether any record came.
    came: bool,
}

impl<R: Record> RecordDecoder<R> {
    /// A decoder that starts with no rows.
    pub fn new(mut record: R) -> Self {
        let schema = arrow::schema(&Schema { fields: fields(&mut record) });
        Self { record, schema, rows: 0, bytes: 0, came: false }
    }
}

impl<R: Record + Default> Default for RecordDecoder<R> {
    fn default() -> Self {
        Self::new(R::default())
    }
}

impl<R: Record> Decoder for RecordDecoder<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn append(&mut self, record: &str) -> Result<(), Fault> {
        if record.len() > BATCH_LIMIT - self.bytes {
            let message = "a batch of records has more than 1 GiB of JSON";
            return Err(Fault::misfit(message).help("ask the API for smaller pages"));
        }
        let mut cursor = Cursor::new(record);
        read(&mut self.record, self.rows, &mut cursor)?;
        cursor.end()?;
        self.rows += 1;
        self.came = true;
        self.bytes += record.len();
        Ok(())
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        // A column that does not have exactly these rows, as after an error, is refused.
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        arrays(&mut self.record)
            .and_then(|arrays| {
                RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            })
            .map_err(|error| Error::data("the records make no batch").caused_by(error))
    }

    fn differences(&mut self) -> Differences {
        let mut found = Differences::default();
        record::compare(&mut self.record, self.came, "", &mut found);
        found
    }
}

/// A batch with further columns, in the order of a schema.
///
/// # Errors
/// They have other rows.
pub(crate) fn merged(
    batch: &RecordBatch,
    more: &[(FieldRef, ArrayRef)],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let mut columns: Vec<(FieldRef, ArrayRef)> = Vec::new();
    for field in schema.fields() {
        if let Some((field, column)) = more.iter().find(|(added, _)| added.name() == field.name()) {
            columns.push((Arc::clone(field), Arc::clone(column)));
        } else if let Some((index, field)) = batch.schema_ref().column_with_name(field.name()) {
            columns.push((Arc::new(field.clone()), Arc::clone(batch.column(index))));
        }
    }
    let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(fields)), columns, &options)
        .map_err(|cause| Error::data("the records make no batch").caused_by(cause))
}

#[cfg(test)]
mod tests;
