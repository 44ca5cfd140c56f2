//! The promises of every target, kept by files, as a reader sees them that knows no commits.

use async_trait::async_trait;

use super::*;
use crate::sink::conformance::{Place, Subject, check};

struct Files(TargetKind);

#[async_trait]
impl Subject for Files {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Data::new(self.0)))
    }
}

#[async_trait]
impl Place for Data {
    fn target(&self) -> Arc<dyn Target> {
        self.destination()
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let files = self.files(table);
        let paths = files.iter().map(|file| self.table(table).join(file));
        let mut rows: Vec<_> = paths.flat_map(|path| rows_of(self.kind, &path)).collect();
        rows.sort();
        Ok((!files.is_empty()).then_some(rows))
    }
}

fn rows_of(kind: TargetKind, path: &Path) -> Vec<(i64, Option<String>)> {
    match kind {
        TargetKind::Csv => {
            let mut records = csv(&fs::read_to_string(path).unwrap()).into_iter();
            let header = ["id", "value"].map(|name| Some(name.to_owned()));
            assert_eq!(records.next().as_deref(), Some(&header[..]));
            records.map(row_of).collect()
        }
        TargetKind::Jsonl => {
            let text = fs::read_to_string(path).unwrap();
            let line = |line| {
                let row: Value = serde_json::from_str(line).unwrap();
                let value = row["value"].as_str().map(str::to_owned);
                (row["id"].as_i64().unwrap(), value)
            };
            text.lines().map(line).collect()
        }
        _ => parquet_rows(path),
    }
}

fn row_of(fields: Vec<Option<String>>) -> (i64, Option<String>) {
    let [id, value] = <[_; 2]>::try_from(fields).unwrap();
    (id.unwrap().parse().unwrap(), value)
}

#[cfg(feature = "parquet")]
fn parquet_rows(path: &Path) -> Vec<(i64, Option<String>)> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;

    let file = fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024);
    let rows = |batch: RecordBatch| {
        let (ids, values) = (batch.column(0).as_primitive::<Int64Type>().clone(), batch.column(1));
        let values = values.as_string::<i32>().clone();
        let value = move |row| values.is_valid(row).then(|| values.value(row).to_owned());
        (0..batch.num_rows()).map(move |row| (ids.value(row), value(row))).collect::<Vec<_>>()
    };
    reader.unwrap().flat_map(|batch| rows(batch.unwrap())).collect()
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows(_: &Path) -> Vec<(i64, Option<String>)> {
    panic!("this test needs the feature `parquet`")
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_keeps_what_every_target_promises() {
    assert_eq!(check(&Files(TargetKind::Csv)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_keep_what_every_target_promises() {
    assert_eq!(check(&Files(TargetKind::Jsonl)).await, []);
}

#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread")]
async fn parquet_keeps_what_every_target_promises() {
    assert_eq!(check(&Files(TargetKind::Parquet)).await, []);
}

#[cfg(not(feature = "parquet"))]
#[tokio::test]
async fn a_program_without_parquet_says_so() {
    let opened = Data::new(TargetKind::Parquet).open("t", Mode::Append, &orders()).await;
    fails(
        opened.map(drop),
        "this program was built without Parquet\n  help:     build it with the feature: `apitap = \
         { …, features = [\"parquet\"] }` in Cargo.toml, or `cargo install apitap --features \
         parquet`",
    );
}
