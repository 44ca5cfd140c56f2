//! How fast files are written, beside the parquet crate writing the same batches into one file; and what
//! opening a table costs behind many commits.
//!
//! ```sh
//! cargo bench -p apitap-tests --bench files                     # both
//! cargo bench -p apitap-tests --bench files -- write 2000000    # rows
//! cargo bench -p apitap-tests --bench files -- open 10 1000     # commits
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apitap::Environment;
use apitap::definition::{self, Compression, Connection, Folder, Mode, TargetKind, Template};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, StateChange, Target, resolve};
use apitap_build::size::Size;
use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// The rows of a batch, as the engine makes them.
const BATCH: usize = 8_192;

fn main() {
    let arguments: Vec<_> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let numbers: Vec<usize> =
        arguments.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("write") => runtime.block_on(write(numbers.first().copied().unwrap_or(1_000_000))),
        Some("open") => runtime.block_on(open(&numbers)),
        _ => {
            runtime.block_on(write(1_000_000));
            runtime.block_on(open(&[10, 1_000, 5_000]));
        }
    }
}

fn row() -> Schema {
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

fn batch(first: usize, rows: usize) -> RecordBatch {
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

fn target(path: &std::path::Path, kind: TargetKind) -> Arc<dyn Target> {
    let path = Template(path.to_str().unwrap().to_owned());
    let (file_size, compression) = (Size(1 << 30), Compression::Zstd);
    let folder = Folder { path, file_size, compression, cloud: Box::default() };
    let connection = Connection::Folder(folder);
    let target = definition::Target { name: "lake".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, &mut Environment::default())
}

/// Three rounds of each, one after the other; the best one counts.
async fn write(rows: usize) {
    let batches: Vec<_> =
        (0..rows).step_by(BATCH).map(|first| batch(first, BATCH.min(rows - first))).collect();
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        by_crate(&folder.path().join("orders.parquet"), &batches);
        theirs = theirs.min(began.elapsed());
        let began = Instant::now();
        by_apitap(folder.path(), &batches).await;
        ours = ours.min(began.elapsed());
    }
    let speed = |time: Duration| rows as f64 / time.as_secs_f64();
    println!(
        "{rows} rows as Parquet: apitap {:.0} rows/s, the parquet crate {:.0} rows/s, ratio {:.2}",
        speed(ours),
        speed(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
}

fn by_crate(path: &std::path::Path, batches: &[RecordBatch]) {
    let properties =
        WriterProperties::builder().set_compression(Codec::ZSTD(ZstdLevel::default())).build();
    let file = File::create(path).unwrap();
    let schema = apitap::schema::arrow::schema(&row());
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    // As durable as a commit is.
    writer.into_inner().unwrap().sync_all().unwrap();
}

async fn by_apitap(folder: &std::path::Path, batches: &[RecordBatch]) {
    let target = target(folder, TargetKind::Parquet);
    let load = Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    let mut session = target.open(load, &Limits::of(Memory::default(), 1)).await.unwrap();
    let mut writer = session.writer().await.unwrap();
    let mut first = 1;
    for batch in batches {
        writer.write(first, batch.clone()).await.unwrap();
        first += batch.num_rows() as u64;
    }
    writer.close().await.unwrap();
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
}

/// The median of twenty-one times that opening a table and reading its state takes.
async fn open(commits: &[usize]) {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path(), TargetKind::Jsonl);
    let load = || Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    let limits = Limits::of(Memory::default(), 1);
    let mut done = 0;
    for &wanted in commits {
        let mut session = target.open(load(), &limits).await.unwrap();
        while done < wanted {
            let mut writer = session.writer().await.unwrap();
            writer.write(done as u64 + 1, batch(done, 1)).await.unwrap();
            writer.close().await.unwrap();
            done += 1;
            let partitions = [(String::new(), serde_json::json!({ "next": done }))].into();
            let change =
                StateChange { run: "bench".to_owned(), partitions, ..StateChange::default() };
            session.commit(&change).await.unwrap();
        }
        session.finish().await.unwrap();
        let mut times = Vec::new();
        for _ in 0..21 {
            let began = Instant::now();
            let mut session = target.open(load(), &limits).await.unwrap();
            session.state().await.unwrap();
            times.push(began.elapsed());
            session.abort().await.unwrap();
        }
        times.sort_unstable();
        let files = std::fs::read_dir(folder.path().join("orders/_apitap/log")).unwrap().count();
        println!("{wanted} commits: opened in {:?}, {files} records in the log", times[10]);
    }
}
