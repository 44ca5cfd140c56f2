//! Why the interpreter does not use arrow-json: the same where every value fits, not where one
//! does not.

use std::sync::Arc;

use arrow_json::ReaderBuilder;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::oracle::object;
use super::{cells, decode, rich};
use crate::schema::{Field, Schema, Type, arrow};
use crate::source::decode::dynamic;

/// What arrow-json 59 makes of one record.
fn arrow_json(schema: &Schema, record: &[u8]) -> Result<RecordBatch, ArrowError> {
    let mut decoder = ReaderBuilder::new(arrow::schema(schema)).build_decoder()?;
    let read = decoder.decode(record)?;
    match decoder.flush()? {
        Some(batch) if read == record.len() => Ok(batch),
        _ => Err(ArrowError::JsonError("the record was not read".to_owned())),
    }
}

/// The types whose JSON is the same there: bytes are hexadecimal, JSON is not kept, and UUIDs are
/// any text.
fn shared() -> Schema {
    let fields = rich().0.fields.into_iter();
    fields.filter(|field| !matches!(field.name.as_str(), "bytes" | "extra" | "uuid")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arrow_json_agrees_where_every_value_fits(record in object(&shared().fields)) {
        if let Ok(ours) = decode(dynamic::decoder(&shared()), record.as_bytes()) {
            let theirs = arrow_json(&shared(), record.as_bytes()).map_err(Arc::new);
            prop_assert!(theirs.is_ok(), "{theirs:?}");
            prop_assert_eq!(ours, cells::row(&theirs.unwrap(), 0));
        }
    }
}

/// What arrow-json makes of a value that we refuse.
fn check(ty: Type, value: &str, theirs: impl Into<Value>) {
    let schema = Schema { fields: vec![Field::new("v", ty, true)] };
    let record = format!("{{\"v\":{value}}}");
    decode(dynamic::decoder(&schema), record.as_bytes()).unwrap_err();
    let batch = arrow_json(&schema, record.as_bytes()).unwrap();
    assert_eq!(cells::row(&batch, 0)["v"], theirs.into(), "{value}");
}

#[test]
fn arrow_json_changes_values_that_do_not_fit() {
    let decimal = Type::Decimal { precision: 12, scale: 2 };
    check(Type::Int64, "1.5", 1);
    check(Type::Int64, "-1.9", -1);
    check(Type::Int64, "\"12\"", 12);
    check(Type::Float64, "\"1.5\"", "1.5");
    check(Type::Float64, "9007199254740993", "9007199254740992.0");
    check(Type::Float64, "1e400", "inf");
    check(decimal.clone(), "1.999", "199");
    check(Type::Timestamp, "\"2026-11-23T13:45:00\"", 1_795_441_500_000_000i64);
    check(Type::Timestamp, "1700000000000", 1_700_000_000_000i64);
    check(Type::Timestamp, "\"1970-01-01T00:00:00.0000019Z\"", 1);
}

#[test]
fn arrow_json_takes_records_that_are_none() {
    let schema: Schema = [Field::new("v", Type::Int64, true)].into_iter().collect();
    for (record, theirs) in [
        (&br#"{"v":1,"v":2}"#[..], json!({"v": 2})),
        (br#"{"v":1,"x":01}"#, json!({"v": 1})),
        (br#"{"v":1,"x":1-2.e}"#, json!({"v": 1})),
        (b"{\"v\":1,\"x\":\"a\nb\"}", json!({"v": 1})),
    ] {
        decode(dynamic::decoder(&schema), record).unwrap_err();
        let batch = arrow_json(&schema, record).map(|batch| cells::row(&batch, 0));
        assert_eq!(
            batch.map_err(|error| error.to_string()),
            Ok(theirs),
            "{}",
            String::from_utf8_lossy(record)
        );
    }
}
