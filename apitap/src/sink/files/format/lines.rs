//! Rows → lines of text, compressed or not.

use arrow::array::RecordBatch;

use super::compress::Compressor;
use super::{Encoder, Refusal};
use crate::Result;
use crate::definition::Compression;
use crate::sink::load::Column;

/// What stands before the first row.
pub(super) type Header = fn(&[Column]) -> Vec<u8>;

/// Adds the lines of rows.
pub(super) type Write = fn(&[Column], &RecordBatch, &mut Vec<u8>) -> Result<(), Refusal>;

pub(super) fn begin(
    header: Header,
    write: Write,
    columns: &[Column],
    compression: Compression,
) -> Result<Box<dyn Encoder>> {
    let mut out = Compressor::new(compression)?;
    out.write(&header(columns))?;
    Ok(Box::new(Lines { write, columns: columns.to_vec(), text: Vec::new(), out }))
}

struct Lines {
    write: Write,
    columns: Vec<Column>,
    /// The lines of one batch; empty between the calls.
    text: Vec<u8>,
    out: Compressor,
}

impl Encoder for Lines {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Refusal> {
        self.text.clear();
        (self.write)(&self.columns, batch, &mut self.text)?;
        self.out.write(&self.text).map_err(Refusal::Failed)
    }

    /// Compressors are not made to begin anew: what they hold has a bound.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn take(&mut self) -> Vec<u8> {
        self.out.take()
    }

    fn held(&self) -> usize {
        self.text.capacity() + self.out.held()
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>> {
        self.out.finish()
    }
}
