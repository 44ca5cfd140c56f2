//! What comes in is what is in the table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::*;

/// What a value of a type is in a new table: its type and its text.
async fn check(ty: Type, value: Value, expected: &str) {
    let database = Database::new().await;
    let row = schema(&[("v", ty.clone(), true)]);
    let rows = json!([{ "v": value }, { "v": null }]);
    database.load("t", Mode::Append, &row, rows).await.unwrap();
    let column = "SELECT CONVERT(column_type USING utf8mb4) FROM information_schema.columns
                  WHERE table_schema = DATABASE() AND table_name = 't'";
    let column = database.rows(column).await.join("|");
    let text = if ty == Type::Binary { "HEX(v)" } else { "CONVERT(v USING utf8mb4)" };
    let found = database.rows(&format!("SELECT {text} FROM t ORDER BY v IS NULL")).await;
    assert_eq!(format!("{column}|{}", found.join("|")), format!("{expected}|NULL"), "{ty:?}");
}

#[tokio::test]
async fn every_type_is_stored_exactly() {
    check(Type::Bool, json!(true), "tinyint(1)|1").await;
    check(Type::Int16, json!(-32_768), "smallint(6)|-32768").await;
    check(Type::Int32, json!(2_147_483_647), "int(11)|2147483647").await;
    check(Type::Int64, json!(i64::MIN), "bigint(20)|-9223372036854775808").await;
    check(Type::Float32, json!(0.5), "double|0.5").await;
    check(Type::Float64, json!(1e300), "double|1e300").await;
    let decimal = Type::Decimal { precision: 38, scale: 9 };
    let digits = "12345678901234567890123456789.123456789";
    check(decimal, json!(digits), &format!("decimal(38,9)|{digits}")).await;
    check(Type::Decimal { precision: 12, scale: 2 }, json!("-0.05"), "decimal(12,2)|-0.05").await;
    check(
        Type::String,
        json!("naïve 🐘\0\t\\'\"%_\u{1a}\n!"),
        "longtext|naïve 🐘\0\t\\'\"%_\u{1a}\n!",
    )
    .await;
    check(Type::String, json!(""), "longtext|").await;
    check(Type::Date, json!("2026-11-23"), "date|2026-11-23").await;
    check(Type::Time, json!("13:45:00.5"), "time(6)|13:45:00.500000").await;
    check(
        Type::Timestamp,
        json!("2026-11-23T13:45:00.000001+02:00"),
        "datetime(6)|2026-11-23 11:45:00.000001",
    )
    .await;
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(Type::Uuid, json!(uuid), &format!("char(36)|{uuid}")).await;
    check(Type::Binary, json!("00ff275c"), "longblob|00FF275C").await;
    check(Type::Json, json!(r#"{"a": [1.10]}"#), r#"longtext|{"a": [1.10]}"#).await;
}

#[tokio::test]
async fn records_and_lists_are_stored_as_json_that_loses_nothing() {
    check(list(Type::Int64), json!([1, null, 3]), "longtext|[1,null,3]").await;
    let record = Type::Record(vec![
        Field::new("price", Type::Decimal { precision: 38, scale: 2 }, true),
        Field::new("text", Type::String, true),
    ]);
    let value = json!({ "price": "123456789012345678901234567890123456.90", "text": "it's \\ \"" });
    let expected = r#"{"price":123456789012345678901234567890123456.90,"text":"it's \\ \""}"#;
    check(record, value, &format!("longtext|{expected}")).await;
}

/// The arrays of a single column `v`, as they are, into a table and back as text.
async fn check_array(ty: Type, array: ArrayRef, expected: std::result::Result<&[&str], &str>) {
    let database = Database::new().await;
    let row = schema(&[("v", ty, true)]);
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
    let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
    match (sink.write(batch).await, expected) {
        (Ok(()), Ok(expected)) => {
            sink.commit().await.unwrap();
            let found = database.rows("SELECT CONVERT(v USING utf8mb4) FROM t ORDER BY t.v").await;
            assert_eq!(found, expected);
        }
        (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
        (found, _) => panic!("{found:?}"),
    }
}

#[tokio::test]
async fn the_outermost_values_of_each_type_are_kept_and_others_are_refused() {
    let floats = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    check_array(
        Type::Float64,
        floats(vec![f64::MIN, f64::MIN_POSITIVE, 0.1]),
        Ok(&["-1.7976931348623157e308", "2.2250738585072014e-308", "0.1"]),
    )
    .await;
    check_array(
        Type::Float64,
        floats(vec![1.0, f64::NAN]),
        Err("column `v` of row 2 is NaN, which MySQL does not keep"),
    )
    .await;
    let days = |days: Vec<i32>| -> ArrayRef { Arc::new(Date32Array::from(days)) };
    check_array(Type::Date, days(vec![-719_162, 2_932_896]), Ok(&["0001-01-01", "9999-12-31"]))
        .await;
    check_array(
        Type::Date,
        days(vec![-719_163]),
        Err("column `v` of row 1 holds a date outside the years 1 to 9999"),
    )
    .await;
    let micros = |micros: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    };
    check_array(
        Type::Timestamp,
        micros(vec![-62_135_596_800_000_000, 253_402_300_799_999_999]),
        Ok(&["0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999"]),
    )
    .await;
    check_array(
        Type::Timestamp,
        micros(vec![253_402_300_800_000_000]),
        Err("column `v` of row 1 holds a timestamp outside the years 1 to 9999"),
    )
    .await;
}

/// The server has no negative zero.
#[tokio::test]
async fn a_negative_zero_becomes_a_zero() {
    let database = Database::new().await;
    let row = schema(&[("v", Type::Float64, true)]);
    let array: ArrayRef = Arc::new(Float64Array::from(vec![-0.0]));
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
    let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
    sink.write(batch).await.unwrap();
    sink.commit().await.unwrap();
    let mut connection = database.connection().await;
    let zero: f64 = sqlx::query_scalar("SELECT v FROM t").fetch_one(&mut connection).await.unwrap();
    assert_eq!(zero.to_bits(), 0.0_f64.to_bits());
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused_by_its_row() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::String, false)]);
    let long = "é".repeat(255);
    let rows = json!([{ "id": long }]);
    database.load("t", Mode::Merge, &row, rows).await.unwrap();
    let rows = json!([{ "id": "a" }, { "id": format!("{long}x") }]);
    fails(
        database.load("t", Mode::Merge, &row, rows).await,
        "column `id` of row 2 is 256 long; what is of a key takes up to 255 characters in MySQL\n  \
         help:     shorten it in the query: `md5(id) AS id`",
    );
}

#[tokio::test]
async fn a_row_that_no_statement_takes_is_refused_by_its_number() {
    let database = Database::new().await;
    let mut connection = database.connection().await;
    let packet = "SELECT CAST(@@max_allowed_packet AS SIGNED)";
    let packet: i64 = sqlx::query_scalar(packet).fetch_one(&mut connection).await.unwrap();
    let row = schema(&[("v", Type::String, false)]);
    for (bytes, fits) in [(packet - 200, true), (packet, false)] {
        let value = "x".repeat(usize::try_from(bytes).unwrap());
        let array: ArrayRef = Arc::new(StringArray::from(vec![value]));
        let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
        let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
        let written = sink.write(batch).await;
        if fits {
            written.unwrap();
            sink.commit().await.unwrap();
            let length = database.rows("SELECT CAST(LENGTH(v) AS CHAR) FROM t").await;
            assert_eq!(length, [bytes.to_string()]);
        } else {
            let error = written.unwrap_err().to_string();
            assert!(error.starts_with(&format!("row 1 takes {}", bytes / 1_000)), "{error}");
            assert!(error.contains("`max_allowed_packet`"), "{error}");
        }
    }
}
