//! How fast files are written, beside the parquet crate writing the same batches into one file; and what
//! opening a table costs behind many commits.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apitap::Environment;
use apitap::definition::{self, Compression, Connection, Folder, Mode, TargetKind, Template};
use apitap::engine::limits::{Limits, Memory};
use apitap::sink::{Load, StateChange, Target, resolve};
use apitap_build::size::Size;
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::orders::{batch, batches, load_all, row};

fn target(path: &std::path::Path, kind: TargetKind) -> Arc<dyn Target> {
    let path = Template(path.to_str().unwrap().to_owned());
    let (file_size, compression) = (Size(1 << 30), Compression::Zstd);
    let folder = Folder { path, file_size, compression, cloud: Box::default() };
    let connection = Connection::Folder(folder);
    let target = definition::Target { name: "lake".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, &mut Environment::default())
}

/// Three rounds of each, one after the other; the best one counts.
pub(super) async fn write(rows: usize) {
    let batches = batches(rows);
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
    let load = Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    load_all(target(folder, TargetKind::Parquet).as_ref(), load, batches).await;
}

/// The median of twenty-one times that opening a table and reading its state takes.
pub(super) async fn open(commits: &[usize]) {
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
