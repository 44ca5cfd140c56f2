//! What a Parquet file is like: its size, its compression, its row groups, its folder.

use std::sync::Arc;

use apitap::definition::{Compression, Mode, TargetKind};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, StateChange};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use parquet::basic::Compression as Codec;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::place::{Place, batches, target};

/// The bytes of text in a row, which no codec makes much smaller.
const TEXT: usize = 1_000;
/// The rows of a batch.
const ROWS: usize = 500;

fn row() -> Schema {
    let fields = [("id", Type::Int64), ("country", Type::String), ("text", Type::String)];
    fields.map(|(name, ty)| Field::new(name, ty, false)).into_iter().collect()
}

/// Texts of hexadecimal digits that do not repeat.
fn batch(first: usize) -> RecordBatch {
    let mut seed = first as u64 + 1;
    let mut text = || {
        let mut text = String::with_capacity(TEXT);
        while text.len() < TEXT {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("{:08x}", seed >> 32));
        }
        text
    };
    let texts: StringArray = (0..ROWS).map(|_| Some(text())).collect();
    let countries = (0..ROWS).map(|at| Some(["FR", "DE", "SÃO TOMÉ"][at % 3]));
    let ids = Int64Array::from_iter_values((first..first + ROWS).map(|id| id as i64));
    let countries: StringArray = countries.collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(countries), Arc::new(texts)];
    RecordBatch::try_new(apitap::schema::arrow::schema(&row()), columns).unwrap()
}

/// The files of a load of so many batches.
async fn load(
    place: &Place,
    how: (Compression, u64),
    (memory, parts): (&str, usize),
    by: &[&str],
) -> Vec<(String, Bytes)> {
    let target = target(TargetKind::Parquet, &place.path(), how.0, how.1);
    let by: Vec<_> = by.iter().map(|name| (*name).to_owned()).collect();
    let load = Load::new("orders", "orders", Mode::Replace, &[], &row()).unwrap();
    let limits = Limits::of(memory.parse::<Memory>().unwrap(), 1);
    let mut session = target.open(load.partitioned(&by).unwrap(), &limits).await.unwrap();
    let mut writer = session.writer().await.unwrap();
    for part in 0..parts {
        writer.write((part * ROWS) as u64 + 1, batch(part * ROWS)).await.unwrap();
    }
    writer.close().await.unwrap();
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
    place.files("orders").await
}

fn metadata(bytes: &Bytes) -> ParquetMetaData {
    SerializedFileReader::new(bytes.clone()).unwrap().metadata().clone()
}

fn rows(files: &[(String, Bytes)]) -> usize {
    files.iter().flat_map(|(_, bytes)| batches(bytes.clone())).map(|batch| batch.num_rows()).sum()
}

#[tokio::test]
async fn columns_are_compressed_as_the_target_says() {
    let place = Place::folder();
    for (compression, is_meant) in [
        (Compression::None, (|codec| codec == Codec::UNCOMPRESSED) as fn(Codec) -> bool),
        (Compression::Snappy, |codec| codec == Codec::SNAPPY),
        (Compression::Zstd, |codec| matches!(codec, Codec::ZSTD(_))),
    ] {
        let files = load(&place, (compression, 128 << 20), ("256MiB", 2), &[]).await;
        assert_eq!((files.len(), rows(&files)), (1, 2 * ROWS));
        let metadata = metadata(&files[0].1);
        let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
        assert!(columns.map(|column| column.compression()).all(is_meant), "{compression:?}");
        let created = metadata.file_metadata().created_by().unwrap_or_default();
        assert!(created.starts_with("apitap "), "{created}");
    }
}

#[tokio::test]
async fn a_file_ends_where_it_is_large_enough() {
    let place = Place::folder();
    let files = load(&place, (Compression::None, 2 << 20), ("256MiB", 20), &[]).await;
    assert_eq!(rows(&files), 20 * ROWS);
    let sizes: Vec<_> = files.iter().map(|(_, bytes)| bytes.len()).collect();
    assert!((4..=6).contains(&sizes.len()), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 4 << 20), "{sizes:?}");
}

/// However much comes, a row group has no more bytes than the memory of the run allows.
#[tokio::test]
async fn row_groups_are_bounded_in_bytes() {
    for place in [Place::folder(), tokio::task::spawn_blocking(Place::bucket).await.unwrap()] {
        let files = load(&place, (Compression::Zstd, 128 << 20), ("32MiB", 60), &[]).await;
        assert_eq!((files.len(), rows(&files)), (1, 60 * ROWS));
        let metadata = metadata(&files[0].1);
        let limit = Limits::of("32MiB".parse::<Memory>().unwrap(), 1).files;
        let sizes: Vec<_> =
            metadata.row_groups().iter().map(|group| group.total_byte_size()).collect();
        assert!(sizes.len() > 3, "{sizes:?}");
        let most = i64::try_from(limit * 2).unwrap();
        assert!(sizes.iter().all(|size| *size < most), "{sizes:?} of {limit}");
    }
}

#[tokio::test]
async fn folders_say_what_is_not_in_their_files() {
    for place in [Place::folder(), tokio::task::spawn_blocking(Place::bucket).await.unwrap()] {
        let files = load(&place, (Compression::Zstd, 128 << 20), ("256MiB", 2), &["country"]).await;
        let folders: Vec<_> = files.iter().filter_map(|(name, _)| name.rsplit_once('/')).collect();
        let folders: Vec<_> = folders.iter().map(|(folder, _)| *folder).collect();
        assert_eq!(folders, ["country=DE", "country=FR", "country=SÃO%20TOMÉ"]);
        assert_eq!(rows(&files), 2 * ROWS);
        let schema = batches(files[0].1.clone())[0].schema();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["id", "text"]);
    }
}
