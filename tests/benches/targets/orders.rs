//! The rows of all benchmarks of targets: orders, as the engine hands them over; and a load of them.

use std::sync::Arc;

use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, StateChange, Target};
use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

/// The rows of a batch, as the engine makes them.
const BATCH: usize = 8_192;

pub(super) fn row() -> Schema {
    let decimal = Type::Decimal { precision: 12, scale: 2 };
    let fields = [
        ("id", Type::Int64),
        ("status", Type::String),
        ("customer", Type::String),
        ("amount", decimal),
        ("placed_at", Type::Timestamp),
        ("note", Type::String),
    ];
    fields.map(|(name, ty)| Field::new(name, ty, true)).into_iter().collect()
}

/// Orders of consecutive ids.
pub(super) fn batch(first: usize, rows: usize) -> RecordBatch {
    let ids = first..first + rows;
    let text =
        |of: fn(usize) -> String| ids.clone().map(|id| Some(of(id))).collect::<StringArray>();
    let status = text(|id| ["paid", "open", "shipped", "returned"][id % 4].to_owned());
    let customer = text(|id| format!("customer-{}@example.com", id % 50_000));
    let note =
        text(|id| format!("order {id}, placed by hand: {:x}", id.wrapping_mul(2_654_435_761)));
    let amount: Decimal128Array = ids.clone().map(|id| Some((id % 100_000) as i128)).collect();
    let placed = ids.clone().map(|id| Some(1_764_000_000_000_000 + id as i64 * 1_000_003));
    let placed = placed.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone().map(|id| id as i64))),
        Arc::new(status),
        Arc::new(customer),
        Arc::new(amount.with_precision_and_scale(12, 2).unwrap()),
        Arc::new(placed),
        Arc::new(note),
    ];
    RecordBatch::try_new(apitap::schema::arrow::schema(&row()), columns).unwrap()
}

/// So many orders.
pub(super) fn batches(rows: usize) -> Vec<RecordBatch> {
    (0..rows).step_by(BATCH).map(|first| batch(first, BATCH.min(rows - first))).collect()
}

/// Loads batches over all writers that the load has, and commits them.
pub(super) async fn load_all(target: &dyn Target, load: Load, batches: &[RecordBatch]) {
    let mut session = target.open(load, &Limits::of(Memory::default(), 1)).await.unwrap();
    let writers = session.writers();
    let mut tasks = Vec::new();
    for share in batches.chunks(batches.len().div_ceil(writers)) {
        let (mut writer, share) = (session.writer().await.unwrap(), share.to_vec());
        tasks.push(tokio::spawn(async move {
            let mut first = 1;
            for batch in share {
                let rows = batch.num_rows() as u64;
                writer.write(first, batch).await.unwrap();
                first += rows;
            }
            writer.close().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
}
