//! Any value of any type, nested ones too, is in a Parquet file what it was, in folders and in object
//! stores: as the parquet crate reads it.

use apitap::definition::{Compression, Mode, TargetKind};
use apitap::sink::Load;
use apitap::sink::conformance::Run;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::values::{Column, columns, extreme_columns, rows, scalars};
use super::place::{Place, batches, target};

/// Writes columns into a table, and reads them back.
async fn comes_back(place: &Place, table: &str, columns: &[Column], how: Compression) {
    let (row, batch) = rows(columns);
    let target = target(TargetKind::Parquet, &place.path(), how, 128 << 20);
    let load = Load::new("any", table, Mode::Append, &[], &row).unwrap();
    let mut run = Run::of(target.as_ref(), load).await.unwrap();
    run.write(batch.clone()).await.unwrap();
    run.commit().await.unwrap();
    let files = place.files(table).await;
    let found: Vec<_> = files.into_iter().flat_map(|(_, bytes)| batches(bytes)).collect();
    let found = arrow::compute::concat_batches(&batch.schema(), &found).unwrap();
    // Equal to the bit: a NaN is itself, and -0.0 is not 0.0.
    assert_eq!(found, batch);
}

fn come_back(place: &Place, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let count = std::cell::Cell::new(0);
    let test = |(columns, how): (Vec<Column>, Compression)| {
        count.set(count.get() + 1);
        let table = format!("t{}", count.get());
        runtime.block_on(comes_back(place, &table, &columns, how));
        Ok(())
    };
    let how = [Compression::None, Compression::Snappy, Compression::Zstd];
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let strategy = (columns(scalars()), prop::sample::select(how.to_vec()));
    TestRunner::new(config).run(&strategy, test).unwrap();
}

#[test]
fn any_values_come_back_from_a_folder() {
    come_back(&Place::folder(), 300);
}

#[test]
fn any_values_come_back_from_an_object_store() {
    come_back(&Place::bucket(), 40);
}

#[tokio::test]
async fn the_extremes_of_all_types_come_back() {
    for place in [Place::folder(), tokio::task::spawn_blocking(Place::bucket).await.unwrap()] {
        comes_back(&place, "extremes", &extreme_columns(&scalars()), Compression::Zstd).await;
    }
}
