//! What comes in is what is in the table.

use super::*;

const VALUES: &str =
    "SELECT typeof(v), CASE typeof(v) WHEN 'blob' THEN hex(v) ELSE v END FROM t ORDER BY rowid";

/// What a value of a type is in the table: its storage class and its text.
async fn check(ty: Type, value: Value, expected: &str) {
    let database = Database::new();
    let row = schema(&[("v", ty.clone(), true)]);
    let rows = json!([{ "v": value }, { "v": null }]);
    database.load("t", Mode::Append, &row, rows).await.unwrap();
    let found = database.rows(VALUES).await;
    assert_eq!(found, [expected, "null|NULL"], "{ty:?}");
}

#[tokio::test]
async fn every_type_is_stored_exactly() {
    check(Type::Bool, json!(true), "integer|1").await;
    check(Type::Int16, json!(-32_768), "integer|-32768").await;
    check(Type::Int32, json!(2_147_483_647), "integer|2147483647").await;
    check(Type::Int64, json!(i64::MIN), "integer|-9223372036854775808").await;
    check(Type::Float32, json!(0.5), "real|0.5").await;
    check(Type::Float64, json!(1e300), "real|1.0e+300").await;
    check(Type::Float64, json!(3.0), "real|3.0").await;
    let decimal = Type::Decimal { precision: 38, scale: 9 };
    let digits = "12345678901234567890123456789.123456789";
    check(decimal, json!(digits), &format!("text|{digits}")).await;
    check(Type::Decimal { precision: 12, scale: 2 }, json!("-0.05"), "text|-0.05").await;
    check(Type::String, json!("naïve 🐘\0!"), "text|naïve 🐘\0!").await;
    check(Type::Date, json!("2026-11-23"), "text|2026-11-23").await;
    check(Type::Time, json!("13:45:00.5"), "text|13:45:00.500000").await;
    check(Type::Timestamp, json!("2026-11-23T13:45:00+02:00"), "text|2026-11-23T11:45:00.000000Z")
        .await;
    check(
        Type::Timestamp,
        json!("1969-12-31T23:59:59.000001Z"),
        "text|1969-12-31T23:59:59.000001Z",
    )
    .await;
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(Type::Uuid, json!(uuid), &format!("text|{uuid}")).await;
    check(Type::Binary, json!("00ff"), "blob|00FF").await;
    check(Type::Json, json!(r#"{"a": [1.10]}"#), r#"text|{"a": [1.10]}"#).await;
}

#[tokio::test]
async fn records_and_lists_are_stored_as_json_that_loses_nothing() {
    check(list(Type::Int64), json!([1, null, 3]), "text|[1,null,3]").await;
    check(list(Type::Json), json!([r#"{"a":1}"#]), r#"text|[{"a":1}]"#).await;
    check(list(list(Type::Json)), json!([["[]", "1e2"]]), "text|[[[],1e2]]").await;
    let record = Type::Record(vec![
        Field::new("price", Type::Decimal { precision: 20, scale: 2 }, true),
        Field::new("at", Type::Timestamp, true),
        Field::new("day", Type::Date, true),
        Field::new("hour", Type::Time, true),
        Field::new("bytes", Type::Binary, true),
        Field::new("raw", Type::Json, true),
        Field::new("text", Type::String, true),
        Field::new("ratio", Type::Float64, true),
        Field::new("missing", Type::Int32, true),
    ]);
    let value = json!({
        "price": "123456789012345678.90", "at": "2026-11-23T13:45:00.5Z", "day": "2026-11-23",
        "hour": "08:00:00", "bytes": "00ff", "raw": "{\"b\": null}", "text": "say \"hi\"\n",
        "ratio": 0.1,
    });
    let expected = concat!(
        r#"text|{"price":123456789012345678.90,"at":"2026-11-23T13:45:00.500000Z","#,
        r#""day":"2026-11-23","hour":"08:00:00.000000","bytes":"AP8=","raw":{"b": null},"#,
        r#""text":"say \"hi\"\n","ratio":0.1,"missing":null}"#
    );
    check(record.clone(), value.clone(), expected).await;
    let in_list = format!("text|[{}]", expected.trim_start_matches("text|"));
    check(list(record), json!([value]), &in_list).await;
}
