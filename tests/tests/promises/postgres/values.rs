//! What comes in is what is in the table.

use super::*;

/// What a value of a type is in a new table: its type and its text.
async fn check(ty: Type, value: Value, expected: &str) {
    let database = Database::new().await;
    let row = schema(&[("v", ty.clone(), true)]);
    let rows = json!([{ "v": value }, { "v": null }]);
    database.load("t", Mode::Append, &row, rows).await.unwrap();
    let found = database.rows("SELECT pg_typeof(v)::text, v::text FROM t ORDER BY t.v").await;
    let of_null = format!("{}|NULL", expected.split('|').next().unwrap());
    assert_eq!(found, [expected, of_null.as_str()], "{ty:?}");
}

#[tokio::test]
async fn every_type_is_stored_exactly() {
    check(Type::Bool, json!(true), "boolean|true").await;
    check(Type::Int16, json!(-32_768), "smallint|-32768").await;
    check(Type::Int32, json!(2_147_483_647), "integer|2147483647").await;
    check(Type::Int64, json!(i64::MIN), "bigint|-9223372036854775808").await;
    check(Type::Float32, json!(0.1), "real|0.1").await;
    check(Type::Float64, json!(1e300), "double precision|1e+300").await;
    let decimal = Type::Decimal { precision: 38, scale: 9 };
    let digits = "12345678901234567890123456789.123456789";
    check(decimal, json!(digits), &format!("numeric|{digits}")).await;
    check(Type::Decimal { precision: 12, scale: 2 }, json!("-0.05"), "numeric|-0.05").await;
    check(Type::String, json!("naïve 🐘\t\\"), "text|naïve 🐘\t\\").await;
    check(Type::String, json!(""), "text|").await;
    check(Type::Date, json!("2026-11-23"), "date|2026-11-23").await;
    check(Type::Time, json!("13:45:00.5"), "time without time zone|13:45:00.5").await;
    let timestamp = "timestamp with time zone";
    check(
        Type::Timestamp,
        json!("2026-11-23T13:45:00.000001+02:00"),
        &format!("{timestamp}|2026-11-23 11:45:00.000001+00"),
    )
    .await;
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(Type::Uuid, json!(uuid), &format!("uuid|{uuid}")).await;
    check(Type::Binary, json!("00ff"), r"bytea|\x00ff").await;
    check(Type::Json, json!(r#"{"a":[1.10]}"#), r#"jsonb|{"a": [1.10]}"#).await;
}

#[tokio::test]
async fn lists_of_scalars_are_arrays() {
    check(list(Type::Int64), json!([1, null, 3]), "bigint[]|{1,NULL,3}").await;
    check(list(Type::Bool), json!([]), "boolean[]|{}").await;
    check(list(Type::String), json!(["a,b", "\""]), r#"text[]|{"a,b","\""}"#).await;
    let decimal = Type::Decimal { precision: 12, scale: 2 };
    check(list(decimal), json!(["1.50", null]), "numeric[]|{1.50,NULL}").await;
    check(list(Type::Date), json!(["2026-11-23"]), "date[]|{2026-11-23}").await;
    check(list(Type::Time), json!(["08:00:00"]), "time without time zone[]|{08:00:00}").await;
    check(
        list(Type::Timestamp),
        json!(["2026-11-23T13:45:00Z"]),
        r#"timestamp with time zone[]|{"2026-11-23 13:45:00+00"}"#,
    )
    .await;
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(list(Type::Uuid), json!([uuid]), &format!("uuid[]|{{{uuid}}}")).await;
    check(list(Type::Binary), json!(["00ff"]), r#"bytea[]|{"\\x00ff"}"#).await;
    check(list(Type::Float32), json!([0.1]), "real[]|{0.1}").await;
}

#[tokio::test]
async fn records_and_lists_of_them_are_json_that_loses_nothing() {
    check(list(Type::Json), json!([r#"{"a":1}"#]), r#"jsonb|[{"a": 1}]"#).await;
    check(list(list(Type::Int16)), json!([[1], [], null]), "jsonb|[[1], [], null]").await;
    let record = Type::Record(vec![
        Field::new("price", Type::Decimal { precision: 38, scale: 2 }, true),
        Field::new("at", Type::Timestamp, true),
        Field::new("raw", Type::Json, true),
        Field::new("bytes", Type::Binary, true),
        Field::new("no", Type::Int32, true),
    ]);
    let value = json!({
        "price": "123456789012345678901234567890123456.90", "at": "2026-11-23T13:45:00.5Z",
        "raw": "{\"b\": null}", "bytes": "00ff",
    });
    let expected = concat!(
        r#"jsonb|{"at": "2026-11-23T13:45:00.500000Z", "no": null, "raw": {"b": null}, "#,
        r#""bytes": "AP8=", "price": 123456789012345678901234567890123456.90}"#
    );
    check(record, value, expected).await;
}

/// The arrays of a single column `v`, as they are, into a table and back as text.
async fn check_array(ty: Type, array: ArrayRef, expected: &[&str]) {
    let database = Database::new().await;
    let row = schema(&[("v", ty, true)]);
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
    let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
    sink.write(batch).await.unwrap();
    sink.commit().await.unwrap();
    assert_eq!(database.rows("SELECT v::text FROM t ORDER BY t.v").await, expected);
}

#[tokio::test]
async fn the_outermost_values_of_each_type_are_kept() {
    check_array(
        Type::Float64,
        Arc::new(Float64Array::from(vec![f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::NAN])),
        &["-Infinity", "2.2250738585072014e-308", "NaN"],
    )
    .await;
    check_array(
        Type::Date,
        Arc::new(Date32Array::from(vec![-2_440_588, 2_145_042_905])),
        &["4714-11-24 BC", "5874897-12-31"],
    )
    .await;
    check_array(
        Type::Timestamp,
        Arc::new(
            TimestampMicrosecondArray::from(vec![-210_866_803_200_000_000, i64::MAX])
                .with_timezone("UTC"),
        ),
        &["4714-11-24 00:00:00+00 BC", "294247-01-10 04:00:54.775807+00"],
    )
    .await;
    check_array(
        Type::Time,
        Arc::new(Time64MicrosecondArray::from(vec![0, 86_399_999_999])),
        &["00:00:00", "23:59:59.999999"],
    )
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_decimal_is_the_number_that_its_digits_say(
        scale in 0..=38u8,
        digits in prop::collection::vec((any::<i128>(), 0..38u32), 1..200),
    ) {
        // Numbers of every length, not only of 38 digits.
        let limit = 10_i128.pow(38);
        let numbers: Vec<_> =
            digits.iter().map(|(n, shorter)| n % limit / 10_i128.pow(*shorter)).collect();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let database = Database::new().await;
            let row = schema(&[
                ("at", Type::Int64, false),
                ("v", Type::Decimal { precision: 38, scale }, true),
                ("written", Type::String, false),
            ]);
            let decimals = Decimal128Array::from(numbers)
                .with_precision_and_scale(38, scale as i8)
                .unwrap();
            let written: Vec<_> =
                (0..decimals.len()).map(|at| decimals.value_as_string(at)).collect();
            let arrays: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from_iter_values(0..written.len() as i64)),
                Arc::new(decimals),
                Arc::new(StringArray::from(written)),
            ];
            let batch =
                RecordBatch::try_new(apitap::schema::arrow::schema(&row), arrays).unwrap();
            let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
            sink.write(batch).await.unwrap();
            sink.commit().await.unwrap();
            let wrong = database
                .rows(
                    "SELECT v::text, written FROM t
                     WHERE v <> written::numeric OR v::text <> written::numeric::text",
                )
                .await;
            assert!(wrong.is_empty(), "scale {scale}: {wrong:?}");
        });
    }
}
