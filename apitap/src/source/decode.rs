//! JSON records → Arrow batches, exactly: a value that does not fit its type is an error.
//!
//! A [`Decoder`] is either generated for one schema by `#[apitap::pipeline]`, or [`dynamic`]: both
//! drive the same leaf columns, so they accept and refuse the same values with the same words.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use crate::Result;

/// Turns records, one after the other, into a batch.
pub trait Decoder: Send {
    /// The batches' schema: only the fields that are read, in the order of the source's schema.
    fn schema(&self) -> SchemaRef;

    /// Appends one record, whose whole JSON text is `record`. After an error the decoder is spent.
    ///
    /// The error carries the JSON path within the record; whoever calls adds request and number.
    fn append(&mut self, record: &[u8]) -> Result<()>;

    /// Records appended since the last [`Decoder::finish`].
    fn rows(&self) -> usize;

    /// Bytes of JSON appended since the last [`Decoder::finish`]: bounds a batch.
    fn bytes(&self) -> usize;

    /// The records so far as one batch; the decoder starts anew.
    fn finish(&mut self) -> Result<RecordBatch>;
}
