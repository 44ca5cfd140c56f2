//! A struct and its JSON make the same batch, and the batch the same struct again; what does not
//! fit exactly is refused, with its path.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime};
use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array,
};
use datafusion::arrow::datatypes::Int64Type;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use self::module::{Nested, Record};
use super::{Columns, Reader, Struct, Writer};
use crate::Result;
use crate::schema::{Field, Schema, Type};
use crate::source::decode::dynamic;
use crate::source::json::Fault;
use crate::value::{Cell, Fields};

/// Every type, each way of being absent, and depth.
#[crate::pipeline(crate = "crate")]
mod module {
    use crate::types::{DateTime, Decimal, NaiveDate, NaiveTime, Utc, Uuid, Value};

    #[derive(Debug, Clone, PartialEq, Default)]
    #[source(name = "all", url = "http://localhost")]
    pub(super) struct Record {
        pub(super) flag: bool,
        pub(super) small: Option<i16>,
        pub(super) middle: Option<i32>,
        #[field(name = "Large-One")]
        pub(super) large: i64,
        pub(super) single: Option<f32>,
        pub(super) double: f64,
        #[field(type = "decimal(12,2)")]
        pub(super) price: Option<Decimal>,
        pub(super) r#type: String,
        pub(super) day: Option<NaiveDate>,
        pub(super) clock: Option<NaiveTime>,
        pub(super) at: DateTime<Utc>,
        pub(super) token: Option<Uuid>,
        pub(super) photo: Option<Vec<u8>>,
        pub(super) raw: Option<Value>,
        #[field(type = "decimal(6,4)")]
        pub(super) rates: Vec<Decimal>,
        pub(super) tags: Option<Vec<Option<String>>>,
        pub(super) grid: Vec<Option<Vec<i64>>>,
        pub(super) one: Nested,
        pub(super) many: Option<Vec<Option<Nested>>>,
        pub(super) nothing: Option<Empty>,
    }

    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Nested {
        pub(super) id: i64,
        pub(super) inner: Option<Inner>,
    }

    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Inner {
        pub(super) text: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Empty {}

    #[target(type = "sqlite", path = "x.db", table = "t", mode = "append")]
    #[sql("SELECT \"Large-One\" AS id, one, price FROM \"all\"")]
    pub(super) struct Row {
        // Not in the order of the query: columns are found by name.
        pub(super) price: Option<Decimal>,
        pub(super) id: i64,
        pub(super) one: Nested,
    }
}

fn schema() -> Schema {
    module::PIPELINE.definition().unwrap().sources[0].schema.clone().unwrap()
}

fn batch<T: Struct>(schema: &Schema, structs: &[T]) -> Result<RecordBatch> {
    let mut writer = Writer::new(schema)?;
    structs.iter().try_for_each(|value| writer.push(value))?;
    assert_eq!(writer.rows(), structs.len());
    writer.finish()
}

fn structs<T: Struct>(batch: &RecordBatch) -> Result<Vec<T>> {
    Reader::new(batch)?.collect()
}

/// What the API would have sent.
fn json_of(record: &Record) -> Value {
    let nested = |nested: &Nested| {
        let inner = nested.inner.as_ref().map(|inner| json!({"text": inner.text}));
        json!({"id": nested.id, "inner": inner})
    };
    let many = record.many.as_ref().map(|many| {
        many.iter().map(|one| one.as_ref().map_or(Value::Null, nested)).collect::<Vec<_>>()
    });
    let base64 =
        |bytes: &Vec<u8>| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    json!({
        "flag": record.flag,
        "small": record.small,
        "middle": record.middle,
        "Large-One": record.large,
        "single": record.single,
        "double": record.double,
        "price": record.price.map(|price| price.to_string()),
        "type": record.r#type,
        "day": record.day.map(|day| day.to_string()),
        "clock": record.clock.map(|clock| clock.format("%H:%M:%S%.f").to_string()),
        "at": record.at.to_rfc3339(),
        "token": record.token.map(|token| token.to_string()),
        "photo": record.photo.as_ref().map(base64),
        "raw": record.raw,
        "rates": record.rates.iter().map(Decimal::to_string).collect::<Vec<_>>(),
        "tags": record.tags,
        "grid": record.grid,
        "one": nested(&record.one),
        "many": many,
        "nothing": record.nothing.as_ref().map(|_| json!({})),
    })
}

fn nested() -> impl Strategy<Value = Nested> {
    let text = proptest::option::of(any::<String>());
    let inner = proptest::option::of(text.prop_map(|text| module::Inner { text }));
    (any::<i64>(), inner).prop_map(|(id, inner)| Nested { id, inner })
}

fn decimal(digits: i64, scale: u32) -> impl Strategy<Value = Decimal> {
    // Fewer digits after the point than the column has, too.
    (-digits..=digits, 0..=scale).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c\"\\\\]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn scalars()(
        flag: bool,
        small: Option<i16>,
        middle: Option<i32>,
        large: i64,
        single in proptest::option::of(-1e5f32..1e5),
        double in -1e12..1e12,
        price in proptest::option::of(decimal(9_999_999_999, 2)),
        text: String,
        day in proptest::option::of(0..3_000_000i32),
        clock in proptest::option::of(0..86_400_000_000i64),
        at in 0..253_402_300_799_999_999i64,
    ) -> Record {
        let clock = clock.map(|micros| {
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            NaiveTime::from_num_seconds_from_midnight_opt(seconds as u32, micros as u32 * 1000)
        });
        Record {
            flag,
            small,
            middle,
            large,
            single: single.map(f32::trunc),
            double,
            price,
            r#type: text,
            day: day.map(|days| NaiveDate::from_epoch_days(days % 2_900_000).unwrap()),
            clock: clock.map(Option::unwrap),
            at: DateTime::from_timestamp_micros(at).unwrap(),
            ..Record::default()
        }
    }
}

prop_compose! {
    fn record()(
        scalars in scalars(),
        token: Option<u128>,
        photo: Option<Vec<u8>>,
        raw in proptest::option::of(value()),
        rates in proptest::collection::vec(decimal(999_999, 4).prop_filter("fits", |rate| {
            rate.abs() < Decimal::new(100, 0)
        }), 0..4),
        tags: Option<Vec<Option<String>>>,
        grid: Vec<Option<Vec<i64>>>,
        one in nested(),
        many in proptest::option::of(
            proptest::collection::vec(proptest::option::of(nested()), 0..4)
        ),
        nothing: bool,
    ) -> Record {
        let token = token.map(Uuid::from_u128);
        let nothing = nothing.then_some(module::Empty {});
        Record { token, photo, raw, rates, tags, grid, one, many, nothing, ..scalars }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn structs_come_back_as_they_were(records in proptest::collection::vec(record(), 0..5)) {
        let batch = batch(&schema(), &records).unwrap();
        prop_assert_eq!(structs::<Record>(&batch).unwrap(), records);
    }

    #[test]
    fn a_slice_of_a_batch_has_its_own_rows(
        records in proptest::collection::vec(record(), 4), start in 0..3usize,
    ) {
        let batch = batch(&schema(), &records).unwrap().slice(start, 2);
        prop_assert_eq!(structs::<Record>(&batch).unwrap(), &records[start..start + 2]);
    }

    #[test]
    fn a_struct_and_its_json_make_the_same_batch(records in proptest::collection::vec(record(), 1..4)) {
        let schema = schema();
        let mut decoder = dynamic::decoder(&schema);
        for record in &records {
            decoder.append(&json_of(record).to_string()).unwrap();
        }
        prop_assert_eq!(decoder.finish().unwrap(), batch(&schema, &records).unwrap());
    }
}

/// A struct of one field.
#[derive(Debug, PartialEq)]
struct One<T>(T);

impl<T: Cell + Send + 'static> Struct for One<T> {
    const FIELDS: &'static [&'static str] = &["f"];

    fn read(fields: &Fields, row: usize) -> Result<Self, Fault> {
        Ok(Self(fields.get(0, row)?))
    }

    fn write(&self, columns: &mut Columns<'_>) -> Result<(), Fault> {
        columns.put(&self.0)
    }
}

/// Writes a value into a column of a type, and reads it back.
fn check_write<T>(value: T, ty: &str, expected: Result<T, &str>)
where
    T: Cell + Clone + PartialEq + std::fmt::Debug + Send + 'static,
{
    let (ty, nullable) = match ty.strip_suffix('!') {
        Some(ty) => (ty, false),
        None => (ty, true),
    };
    let ty: Type = serde_json::from_str(ty).unwrap();
    let schema = Schema { fields: vec![Field::new("f", ty, nullable)] };
    let found = batch(&schema, &[One(value)]).and_then(|batch| structs::<One<T>>(&batch));
    same(found, expected);
}

/// Reads a value of a column.
fn check_read<T>(column: impl Into<ArrayRef>, expected: Result<T, &str>)
where
    T: Cell + PartialEq + std::fmt::Debug + Send + 'static,
{
    let batch = RecordBatch::try_from_iter([("f", column.into())]).unwrap();
    same(structs::<One<T>>(&batch), expected);
}

fn same<T: PartialEq + std::fmt::Debug>(found: Result<Vec<One<T>>>, expected: Result<T, &str>) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, [One(expected)]),
        (Err(error), Err(expected)) => {
            let error = error.to_string();
            assert!(error.contains(expected) && error.contains("path:     /f"), "{error}");
        }
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
}

#[test]
fn what_does_not_fit_a_column_exactly_is_refused() {
    let money = r#"{"decimal":{"precision":6,"scale":2}}"#;
    check_write(Decimal::new(1500, 3), money, Ok(Decimal::new(150, 2)));
    check_write(
        Decimal::new(1501, 3),
        money,
        Err("expected decimal(6,2), found the decimal `1.501`, which has more than 2 digits"),
    );
    check_write(Decimal::new(12345, 0), money, Err("which has more than 4 digits before"));
    check_write(Decimal::MAX, money, Err("which has more than 4 digits before the point"));

    check_write(None::<i64>, r#""int64"!"#, Err("`f` is null, but is declared not null"));
    check_write(Value::Null, r#""json"!"#, Err("`f` is null, but is declared not null"));
    check_write(Some(Value::Null), r#""json""#, Ok(None));
    check_write(
        vec![Some(1i64), None],
        r#"{"list":{"ty":"int64","nullable":false}}"#,
        Err("an element is null, but the elements are declared not null"),
    );

    let fine = NaiveTime::from_hms_nano_opt(1, 2, 3, 4_000).unwrap();
    check_write(fine, r#""time""#, Ok(fine));
    let finer = NaiveTime::from_hms_nano_opt(1, 2, 3, 4).unwrap();
    check_write(finer, r#""time""#, Err("found `01:02:03.000000004`, which is finer than a"));
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_000_000_000).unwrap();
    check_write(leap, r#""time""#, Err("found `23:59:60`, which is a leap second"));
    let at = DateTime::from_timestamp_nanos(1_000_000_001);
    check_write(at, r#""timestamp""#, Err("which is finer than a microsecond"));
    check_write(NaiveDate::MIN, r#""date""#, Ok(NaiveDate::MIN));

    // As where `type Decimal = i64` hides the type.
    check_write(7i64, money, Err("holds values of another type than its column"));
}

#[test]
fn what_a_field_cannot_hold_exactly_is_refused() {
    let digits = |digits, precision, scale| {
        let array = Decimal128Array::from(vec![digits]);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
    };
    check_read(digits(150, 6, 2), Ok(Decimal::new(150, 2)));
    let padded = 10i128.pow(32) * 15;
    check_read(digits(padded, 38, 33), Ok(Decimal::new(15, 1)));
    check_read::<Decimal>(
        digits(i128::MAX / 2, 38, 0),
        Err("found the decimal `85070591730234615865843651857942052863`, which has more digits"),
    );
    check_read::<Decimal>(digits(1, 38, 38), Err("which has more digits than Rust's holds"));

    let null = || Arc::new(Int64Array::from(vec![None])) as ArrayRef;
    check_read::<i64>(null(), Err("`f` is null, which the struct's field cannot be"));
    check_read(null(), Ok(None::<i64>));
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
    check_read::<Vec<i64>>(Arc::new(list) as ArrayRef, Err("path:     /f/1"));

    let text = |text| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    check_read(text("{\"a\":[1.5]}"), Ok(json!({"a": [1.5]})));
    check_read::<Value>(text("18446744073709551616"), Err("which is larger than Rust's"));
    check_read::<Uuid>(text("abc"), Err("found `abc`, which is not a UUID"));
    check_read::<i64>(text("1"), Err("holds values of another type than its column"));

    let days = Arc::new(Date32Array::from(vec![i32::MAX])) as ArrayRef;
    check_read::<NaiveDate>(days, Err("found 2147483647 days since 1970, which the calendar"));
    let clock = Arc::new(Time64MicrosecondArray::from(vec![-1])) as ArrayRef;
    check_read::<NaiveTime>(clock, Err("found -1 microseconds, which the calendar or the clock"));
    let at = Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])) as ArrayRef;
    check_read::<DateTime<chrono::Utc>>(at, Err("which the calendar or the clock does not have"));
}

#[test]
fn columns_are_found_by_name_and_a_missing_one_is_an_error() {
    let definition = module::PIPELINE.definition().unwrap();
    let row = definition.row.as_ref().unwrap();
    let (price, one) = (Some(Decimal::new(5, 1)), Nested { id: 8, inner: None });
    let batch = batch(row, &[module::Row { price, id: 7, one: one.clone() }]).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "one", "price"]);
    let back = structs::<module::Row>(&batch).unwrap().remove(0);
    assert_eq!((back.price, back.id, back.one), (price, 7, one));

    let message = |error: crate::Error| error.message().to_owned();
    let missing = Reader::<module::Row>::new(&batch.project(&[0, 1]).unwrap()).map_err(message);
    assert_eq!(missing.err().as_deref(), Some("there is no column `price`"));
    let fewer = Schema { fields: row.fields.get(..2).unwrap().to_vec() };
    let missing = Writer::<module::Row>::new(&fewer).map_err(message);
    assert_eq!(missing.err().as_deref(), Some("there is no column for the field `price`"));
    let unknown = Arc::new(UInt8Array::from(vec![1])) as ArrayRef;
    let unknown = RecordBatch::try_from_iter([("f", unknown)]).unwrap();
    let unknown = Reader::<One<i64>>::new(&unknown).map_err(message);
    let expected = "the column `f` has a type that no field has: UInt8";
    assert_eq!(unknown.err().as_deref(), Some(expected));
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let schema = Schema { fields: vec![Field::new("f", Type::String, false)] };
    let mut writer = Writer::new(&schema).unwrap();
    writer.push(&One("0123456789".to_owned())).unwrap();
    writer.push(&One(String::new())).unwrap();
    assert_eq!((writer.rows(), writer.bytes()), (2, 10));
    assert_eq!(writer.finish().unwrap().num_rows(), 2);
    assert_eq!((writer.rows(), writer.bytes()), (0, 0));
    let mut room = crate::value::Room(9);
    let mut column = crate::source::decode::any::Any::new(&Type::String);
    let error = crate::value::Datum::write(&"0123456789".to_owned(), &mut column, &mut room);
    let error = error.unwrap_err().into_error("the struct").to_string();
    assert!(error.starts_with("a batch of values has more than 1 GiB"), "{error}");
}
