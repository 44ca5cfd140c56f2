//! Rows → JSON lines: one object a line, with every column in it.
//!
//! What the values look like is said in [`document`].

use arrow::array::RecordBatch;

use super::Refusal;
use super::lines::Header;
use crate::sink::document;
use crate::sink::load::Column;

/// A file of JSON lines begins with its first row.
pub(super) const HEADER: Header = |_| Vec::new();

pub(super) fn write(
    columns: &[Column],
    batch: &RecordBatch,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let fields: Vec<_> = columns.iter().map(|column| &column.field).collect();
    let written = document::lines(&fields, batch.columns(), out);
    written.map_err(|(column, refused)| Refusal::of(column, refused))
}
