//! Random columns and values through each format, read back by other means, are what they were.

use std::collections::BTreeMap;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Int16Array, Int32Array,
    Int64Array, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;

use super::*;

/// A value of a column, so that equal ones are equal to the bit.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Bool(bool),
    Whole(i128),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
}

const DECIMALS: [(u8, u8); 4] = [(38, 0), (38, 38), (12, 2), (1, 1)];

fn types() -> Vec<Type> {
    let decimals = DECIMALS.map(|(precision, scale)| Type::Decimal { precision, scale });
    scalar::plain().map(|scalar| scalar.ty.clone()).chain(decimals).collect()
}

/// Values of a type: any, and often the extremes.
fn cell(ty: &Type, kind: TargetKind) -> BoxedStrategy<Cell> {
    let whole = |least: i128, most: i128| {
        prop_oneof![3 => least..=most, 1 => Just(least), 1 => Just(most), 1 => Just(0.max(least))]
            .prop_map(Cell::Whole)
            .boxed()
    };
    let finite = kind == TargetKind::Jsonl;
    // The first day that text and Delta Lake have: of the years 0 and 1.
    let first: i64 = if kind == TargetKind::Delta { -719_162 } else { -719_528 };
    match ty {
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Int16 => whole(i16::MIN.into(), i16::MAX.into()),
        Type::Int32 => whole(i32::MIN.into(), i32::MAX.into()),
        Type::Int64 => whole(i64::MIN.into(), i64::MAX.into()),
        Type::Float32 => any::<f32>()
            .prop_filter("JSON has no other", move |v| !finite || v.is_finite())
            .prop_map(|v| Cell::Float(f64::from(v).to_bits()))
            .boxed(),
        Type::Float64 => prop_oneof![any::<f64>(), Just(-0.0), Just(f64::MAX), Just(5e-324)]
            .prop_filter("JSON has no other", move |v| !finite || v.is_finite())
            .prop_map(|v| Cell::Float(v.to_bits()))
            .boxed(),
        Type::Decimal { precision, .. } => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            whole(-most, most)
        }
        Type::Date => whole(first.into(), 2_932_896),
        Type::Time => whole(0, 86_399_999_999),
        Type::Timestamp => {
            whole(i128::from(first) * 86_400_000_000, 2_932_897 * 86_400_000_000 - 1)
        }
        Type::Uuid => {
            any::<u128>().prop_map(|v| Cell::Text(uuid::Uuid::from_u128(v).to_string())).boxed()
        }
        Type::Binary => prop::collection::vec(any::<u8>(), 0..20).prop_map(Cell::Bytes).boxed(),
        Type::Json => select_json().prop_map(Cell::Text).boxed(),
        _ => prop_oneof![
            any::<String>(),
            "[a-c ,\"\n\r\t\\\\.;]{0,6}".prop_map(|text| text),
            Just(String::new()),
        ]
        .prop_map(Cell::Text)
        .boxed(),
    }
}

fn select_json() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["null", "{\"a\": [1.10, null]}", "\"\\n\"", "12345678901234567890"])
        .prop_map(str::to_owned)
}

type Column = (Type, Vec<Option<Cell>>);

/// Up to six columns of the same number of rows.
fn columns(kind: TargetKind) -> impl Strategy<Value = Vec<Column>> {
    let mut types = types();
    types.retain(|ty| !kind.capabilities().without.contains(ty));
    let types = prop::collection::vec(prop::sample::select(types), 2..6);
    (types, 0..30_usize).prop_flat_map(move |(types, rows)| {
        let column = |ty: Type| {
            let cells = prop::collection::vec(prop::option::weighted(0.8, cell(&ty, kind)), rows);
            cells.prop_map(move |cells| (ty.clone(), cells))
        };
        types.into_iter().map(column).collect::<Vec<_>>()
    })
}

fn array((ty, cells): &Column) -> ArrayRef {
    let whole = || {
        cells.iter().map(|cell| match cell {
            Some(Cell::Whole(value)) => Some(*value),
            _ => None,
        })
    };
    let float = || {
        cells.iter().map(|cell| match cell {
            Some(Cell::Float(bits)) => Some(f64::from_bits(*bits)),
            _ => None,
        })
    };
    let text = || {
        cells.iter().map(|cell| match cell {
            Some(Cell::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    };
    match ty {
        Type::Bool => {
            let bools = cells.iter().map(|cell| cell.as_ref().map(|c| *c == Cell::Bool(true)));
            Arc::new(bools.collect::<BooleanArray>())
        }
        Type::Int16 => Arc::new(whole().map(|v| v.map(|v| v as i16)).collect::<Int16Array>()),
        Type::Int32 => Arc::new(whole().map(|v| v.map(|v| v as i32)).collect::<Int32Array>()),
        Type::Int64 => Arc::new(whole().map(|v| v.map(|v| v as i64)).collect::<Int64Array>()),
        Type::Float32 => Arc::new(float().map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
        Type::Float64 => Arc::new(float().collect::<Float64Array>()),
        Type::Decimal { precision, scale } => {
            let array: Decimal128Array = whole().collect();
            Arc::new(array.with_precision_and_scale(*precision, *scale as i8).unwrap())
        }
        Type::Date => Arc::new(whole().map(|v| v.map(|v| v as i32)).collect::<Date32Array>()),
        Type::Time => {
            Arc::new(whole().map(|v| v.map(|v| v as i64)).collect::<Time64MicrosecondArray>())
        }
        Type::Timestamp => {
            let array: TimestampMicrosecondArray = whole().map(|v| v.map(|v| v as i64)).collect();
            Arc::new(array.with_timezone("UTC"))
        }
        Type::Binary => {
            let bytes = cells.iter().map(|cell| match cell {
                Some(Cell::Bytes(bytes)) => Some(bytes.as_slice()),
                _ => None,
            });
            Arc::new(bytes.collect::<BinaryArray>())
        }
        _ => Arc::new(text().collect::<StringArray>()),
    }
}

/// What a text says, by means that have nothing to do with how it was written.
fn parse(ty: &Type, text: &str) -> Cell {
    let whole = |value: i64| Cell::Whole(value.into());
    match ty {
        Type::Bool => Cell::Bool(text.parse().unwrap()),
        Type::Int16 | Type::Int32 | Type::Int64 => Cell::Whole(text.parse().unwrap()),
        Type::Float32 => Cell::Float(f64::from(text.parse::<f32>().unwrap()).to_bits()),
        Type::Float64 => Cell::Float(text.parse::<f64>().unwrap().to_bits()),
        Type::Decimal { scale, .. } => {
            let (before, behind) = text.split_once('.').unwrap_or((text, ""));
            assert_eq!(behind.len(), usize::from(*scale), "{text}");
            Cell::Whole(format!("{before}{behind}").parse().unwrap())
        }
        Type::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
            whole(day.to_epoch_days().into())
        }
        Type::Time => {
            let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.6f").unwrap();
            let seconds = i64::from(time.num_seconds_from_midnight());
            whole(seconds * 1_000_000 + i64::from(time.nanosecond() / 1_000))
        }
        Type::Timestamp => whole(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()),
        Type::Binary => Cell::Bytes(BASE64_STANDARD.decode(text).unwrap()),
        _ => Cell::Text(text.to_owned()),
    }
}

fn name(place: usize) -> String {
    format!("c{place}")
}

/// What a CSV file says.
fn of_csv(columns: &[Column], text: &str) -> Vec<Vec<Option<Cell>>> {
    let records = csv(text);
    let row = |record: &Vec<Option<String>>| {
        let fields = record.iter().zip(columns);
        fields.map(|(field, (ty, _))| field.as_deref().map(|text| parse(ty, text))).collect()
    };
    records.iter().skip(1).map(row).collect()
}

/// What a file of JSON lines says.
fn of_jsonl(columns: &[Column], text: &str) -> Vec<Vec<Option<Cell>>> {
    let row = |line: &str| {
        let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(line).unwrap();
        let cell = |(place, (ty, _)): (usize, &Column)| {
            let raw = fields.remove(&name(place)).unwrap().get();
            match ty {
                // A null of JSON is the value `null`, or none: in a file these are one.
                Type::Json => (raw != "null").then(|| Cell::Text(raw.to_owned())),
                _ if raw == "null" => None,
                _ if raw.starts_with('"') => {
                    Some(parse(ty, &serde_json::from_str::<String>(raw).unwrap()))
                }
                _ => Some(parse(ty, raw)),
            }
        };
        columns.iter().enumerate().map(cell).collect()
    };
    text.lines().map(row).collect()
}

/// NaN is NaN, whichever.
fn plain(cell: Option<Cell>, kind: TargetKind) -> Option<Cell> {
    match cell {
        Some(Cell::Float(bits)) if f64::from_bits(bits).is_nan() => {
            Some(Cell::Float(f64::NAN.to_bits()))
        }
        Some(Cell::Text(text)) if kind == TargetKind::Jsonl && text == "null" => None,
        cell => cell,
    }
}

/// Reads a file: the cells of each row.
type Read = fn(&[Column], &str) -> Vec<Vec<Option<Cell>>>;

fn check(kind: TargetKind, read: Read) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let is_text = |ty: &Type| matches!(ty, Type::String);
    let test = |columns: Vec<Column>| {
        let row: Schema = (columns.iter().enumerate())
            .map(|(place, (ty, _))| Field::new(name(place), ty.clone(), true))
            .collect();
        let arrays = columns.iter().map(array).collect();
        let batch = RecordBatch::try_new(crate::schema::arrow::schema(&row), arrays).unwrap();
        let data = Data::new(kind);
        runtime.block_on(async {
            let mut run = data.open("t", Mode::Append, &row).await.unwrap();
            run.write(batch).await.unwrap();
            run.commit().await.unwrap();
        });
        let found = read(&columns, &data.text("t"));
        let rows = columns.first().map_or(0, |(_, cells)| cells.len());
        let expected: Vec<Vec<_>> = (0..rows)
            .map(|at| {
                let cell = |(ty, cells): &Column| match is_text(ty) {
                    true => cells[at].clone(),
                    false => plain(cells[at].clone(), kind),
                };
                columns.iter().map(cell).collect()
            })
            .collect();
        let found: Vec<Vec<_>> = found
            .into_iter()
            .map(|row| {
                let cell = |(cell, (ty, _)): (Option<Cell>, &Column)| match is_text(ty) {
                    true => cell,
                    false => plain(cell, kind),
                };
                row.into_iter().zip(&columns).map(cell).collect()
            })
            .collect();
        prop_assert_eq!(found, expected);
        Ok(())
    };
    let mut runner = TestRunner::new(Config::with_cases(200));
    runner.run(&columns(kind), test).unwrap();
}

#[test]
fn csv_says_what_was_written() {
    check(TargetKind::Csv, of_csv);
}

#[test]
fn json_lines_say_what_was_written() {
    check(TargetKind::Jsonl, of_jsonl);
}

/// NaN and the infinities, too.
#[cfg(feature = "parquet")]
#[test]
fn parquet_says_what_was_written() {
    check_parquet(TargetKind::Parquet, TargetKind::Csv);
}

#[cfg(feature = "delta")]
#[test]
fn delta_says_what_was_written() {
    check_parquet(TargetKind::Delta, TargetKind::Delta);
}

/// Writes values of the one kind into files of the other.
#[cfg(feature = "parquet")]
fn check_parquet(kind: TargetKind, values: TargetKind) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = |(columns, compression): (Vec<Column>, Compression)| {
        let row: Schema = (columns.iter().enumerate())
            .map(|(place, (ty, _))| Field::new(name(place), ty.clone(), true))
            .collect();
        let arrays = columns.iter().map(array).collect();
        let batch = RecordBatch::try_new(crate::schema::arrow::schema(&row), arrays).unwrap();
        let mut data = Data::new(kind);
        data.compression = compression;
        runtime.block_on(async {
            let mut run = data.open("t", Mode::Append, &row).await.unwrap();
            run.write(batch.clone()).await.unwrap();
            run.commit().await.unwrap();
        });
        let files = data.files("t");
        let read = |file: &String| {
            let file = fs::File::open(data.table("t").join(file)).unwrap();
            let reader =
                parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024);
            reader.unwrap().map(|batch| batch.unwrap())
        };
        // An empty table of Delta Lake has no data files.
        assert_eq!(files.len(), usize::from(kind != TargetKind::Delta || batch.num_rows() > 0));
        let found: Vec<_> = files.iter().flat_map(read).collect();
        let found = arrow::compute::concat_batches(&batch.schema(), &found).unwrap();
        prop_assert_eq!(format!("{found:?}"), format!("{batch:?}"));
        Ok(())
    };
    let compressions = [Compression::None, Compression::Snappy, Compression::Zstd];
    let cases = (columns(values), prop::sample::select(compressions.to_vec()));
    TestRunner::new(Config::with_cases(200)).run(&cases, test).unwrap();
}
