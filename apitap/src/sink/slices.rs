//! A batch → slices of a bounded size, so that what is made of them is bounded too.

use arrow::array::{Array, RecordBatch};

/// A batch in pieces of about `limit` bytes, at least one row each, in order.
pub(super) fn of(batch: &RecordBatch, limit: usize) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    let bytes: usize = batch.columns().iter().map(|array| bytes(array.as_ref())).sum();
    let per_slice = match bytes.div_ceil(limit) {
        0 | 1 => rows,
        slices => rows.div_ceil(slices),
    }
    .max(1);
    (0..rows).step_by(per_slice).map(move |start| batch.slice(start, per_slice.min(rows - start)))
}

/// The bytes of an array's own rows. Where they are not known, those of its whole buffers.
pub(super) fn bytes(array: &dyn Array) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size())
}
