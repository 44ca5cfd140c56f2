//! Made-up values: plausible ones of every type, and records of them.

use std::fmt::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Fields, SchemaRef, TimeUnit};
use datafusion::common::{Result, ScalarValue};

use crate::schema::arrow::TYPE_KEY;

/// How many different plain records there are.
pub(in crate::check::query) const VARIANTS: usize = 3;

/// Texts of every kind that a function may read.
const TEXTS: [&str; 14] = [
    "a",
    "1",
    "2026-03-04",
    "2026-03-04T05:06:07Z",
    "12:34:56",
    "true",
    "{}",
    "[1]",
    "1.5",
    "00ff",
    "YWJj",
    "1 day",
    "UTC",
    "00000000-0000-4000-8000-000000000001",
];

/// What a plain record has in a text field, by variant.
const PLAIN: [&str; VARIANTS] = ["1", "2026-03-04", "b7"];

/// 2026-03-04 05:06:07 UTC.
const SECONDS: i64 = 1_772_600_767;
/// The same day since 1970.
const DAYS: i32 = 20_516;

/// Values of a type, and the day that texts of these formats say; `None` where no value is known.
pub(in crate::check::query) fn of(ty: &DataType, formats: &[String]) -> Option<Vec<ScalarValue>> {
    let numbers = [1_i64, 2, 0, 10, 100, -1];
    Some(match ty {
        ty if ty.is_string() => {
            let formatted = formats.iter().filter_map(|format| formatted(format));
            let all = formatted.chain(TEXTS.iter().map(|text| (*text).to_owned()));
            let texts = all.map(|text| ScalarValue::Utf8(Some(text)).cast_to(ty).ok());
            texts.collect::<Option<_>>()?
        }
        ty if ty.is_numeric() => {
            let cast = |number: &i64| ScalarValue::Int64(Some(*number)).cast_to(ty).ok();
            numbers.iter().filter_map(cast).collect()
        }
        DataType::Boolean => vec![ScalarValue::from(true), ScalarValue::from(false)],
        _ => vec![plain(ty, 0, "")?],
    })
}

/// When queries are tried out.
pub(in crate::check::query) fn now() -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(SECONDS, 0)
}

/// That day in a format of chrono's.
fn formatted(format: &str) -> Option<String> {
    let day = now()?;
    let mut text = String::new();
    // A format that is none says so.
    write!(text, "{}", day.format(format)).ok()?;
    (format.contains('%')).then_some(text)
}

/// Two records: one with null wherever that may be, and one of plain values; in variant order.
pub(in crate::check::query) fn records(schema: &SchemaRef, variant: usize) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| column(field, variant));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn column(field: &Field, variant: usize) -> Result<ArrayRef> {
    let ty = field.data_type();
    let known = kind(field);
    let value = |number| match plain(ty, number, known) {
        Some(value) => Ok(value),
        None => ScalarValue::new_default(ty),
    };
    let first = match field.is_nullable() {
        true => ScalarValue::try_new_null(ty)?,
        false => value(variant + 1)?,
    };
    ScalarValue::iter_to_array([first, value(variant)?])
}

/// One value of a type.
pub(in crate::check::query) fn plain_of(ty: &DataType) -> Result<ScalarValue> {
    plain(ty, 0, "").map_or_else(|| ScalarValue::new_default(ty), Ok)
}

/// `uuid`, `json` or nothing: what a text field holds.
fn kind(field: &Field) -> &str {
    field.metadata().get(TYPE_KEY).map_or("", String::as_str)
}

/// The plain value of that number.
fn plain(ty: &DataType, number: usize, kind: &str) -> Option<ScalarValue> {
    let n = i64::try_from(number).ok()?;
    let scaled = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    Some(match ty {
        DataType::Boolean => ScalarValue::from(number.is_multiple_of(2)),
        ty if ty.is_string() => {
            let text = match kind {
                "uuid" => format!("00000000-0000-4000-8000-00000000000{}", number % 10),
                "json" => format!("{{\"a\": {number}}}"),
                _ => PLAIN.get(number % PLAIN.len()).copied().unwrap_or_default().to_owned(),
            };
            ScalarValue::Utf8(Some(text)).cast_to(ty).ok()?
        }
        ty if ty.is_numeric() => ScalarValue::Int64(Some(n * 3 + 1)).cast_to(ty).ok()?,
        DataType::Date32 => ScalarValue::Date32(Some(DAYS + i32::try_from(number).ok()?)),
        DataType::Timestamp(unit, zone) => {
            let time = (SECONDS + n * 90_061) * scaled(unit);
            let micros = DataType::Timestamp(*unit, zone.clone());
            ScalarValue::Int64(Some(time)).cast_to(&micros).ok()?
        }
        DataType::Time64(unit) => {
            ScalarValue::Int64(Some((3_661 + n) * scaled(unit))).cast_to(ty).ok()?
        }
        DataType::Binary => ScalarValue::Binary(Some(vec![1, 2, u8::try_from(number).ok()?])),
        DataType::List(item) => {
            let value = plain(item.data_type(), number, self::kind(item))?;
            let list = ScalarValue::new_list(&[value], item.data_type(), item.is_nullable());
            let list = with_item(list.as_ref(), item)?;
            ScalarValue::List(Arc::new(list))
        }
        DataType::Struct(fields) => record(fields, number)?,
        _ => ScalarValue::new_default(ty).ok()?,
    })
}

/// The same list, its items under that field.
fn with_item(
    list: &datafusion::arrow::array::ListArray,
    item: &Arc<Field>,
) -> Option<datafusion::arrow::array::ListArray> {
    let (_, offsets, values, nulls) = list.clone().into_parts();
    datafusion::arrow::array::ListArray::try_new(Arc::clone(item), offsets, values, nulls).ok()
}

fn record(fields: &Fields, number: usize) -> Option<ScalarValue> {
    let columns = fields
        .iter()
        .map(|field| plain(field.data_type(), number, kind(field))?.to_array_of_size(1).ok());
    let columns = columns.collect::<Option<Vec<_>>>()?;
    let record = match columns.is_empty() {
        true => return ScalarValue::new_default(&DataType::Struct(fields.clone())).ok(),
        false => {
            datafusion::arrow::array::StructArray::try_new(fields.clone(), columns, None).ok()?
        }
    };
    Some(ScalarValue::Struct(Arc::new(record)))
}
