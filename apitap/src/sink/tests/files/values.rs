//! What comes in is what is in the files.

use super::*;

/// What a value of a type is in a file of text.
async fn check(kind: TargetKind, ty: Type, value: Value, expected: &str) {
    let data = Data::new(kind);
    let row = schema(&[("id", Type::Int16, false), ("v", ty.clone(), true)]);
    let rows = json!([{ "id": 1, "v": value }, { "id": 2, "v": null }]);
    data.load("t", Mode::Append, &row, rows).await.unwrap();
    let expected = match kind {
        TargetKind::Csv => format!("id,v\n1,{expected}\n2,\n"),
        _ => format!("{{\"id\":1,\"v\":{expected}}}\n{{\"id\":2,\"v\":null}}\n"),
    };
    assert_eq!(data.text("t"), expected, "{ty:?}");
}

/// In CSV and in JSON lines.
async fn both(ty: Type, value: Value, csv: &str, jsonl: &str) {
    check(TargetKind::Csv, ty.clone(), value.clone(), csv).await;
    check(TargetKind::Jsonl, ty, value, jsonl).await;
}

#[tokio::test]
async fn every_type_is_written_exactly() {
    both(Type::Bool, json!(true), "true", "true").await;
    both(Type::Int16, json!(-32_768), "-32768", "-32768").await;
    both(Type::Int64, json!(i64::MIN), "-9223372036854775808", "-9223372036854775808").await;
    both(Type::Float32, json!(0.1), "0.1", "0.1").await;
    both(Type::Float64, json!(1e300), "1e300", "1e+300").await;
    both(Type::Float64, json!(-0.0), "-0.0", "-0.0").await;
    let decimal = Type::Decimal { precision: 38, scale: 9 };
    let digits = "12345678901234567890123456789.123456789";
    both(decimal, json!(digits), digits, digits).await;
    both(Type::Decimal { precision: 12, scale: 2 }, json!("-0.05"), "-0.05", "-0.05").await;
    both(Type::Date, json!("0001-01-01"), "0001-01-01", "\"0001-01-01\"").await;
    both(Type::Time, json!("13:45:00.5"), "13:45:00.500000", "\"13:45:00.500000\"").await;
    let at = "2026-11-23T11:45:00.000000Z";
    both(Type::Timestamp, json!("2026-11-23T13:45:00+02:00"), at, &format!("\"{at}\"")).await;
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    both(Type::Uuid, json!(uuid), uuid, &format!("\"{uuid}\"")).await;
    both(Type::Binary, json!("00ff"), "AP8=", "\"AP8=\"").await;
    both(Type::Json, json!("{\"a\":\n[1.10]}"), "\"{\"\"a\"\":\n[1.10]}\"", "{\"a\": [1.10]}")
        .await;
    both(list(Type::Int64), json!([1, null]), "\"[1,null]\"", "[1,null]").await;
    let record = Type::Record(vec![Field::new("a", Type::String, true)]);
    both(record, json!({ "a": "," }), "\"{\"\"a\"\":\"\",\"\"}\"", "{\"a\":\",\"}").await;
}

#[tokio::test]
async fn a_text_is_in_quotes_where_it_has_to_be() {
    for (text, csv) in [
        ("plain 🐘 text", "plain 🐘 text"),
        ("", "\"\""),
        ("a,b", "\"a,b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""),
        (" padded", "\" padded\""),
        ("\\.", "\"\\.\""),
        ("NULL", "NULL"),
        ("nul \0", "nul \0"),
    ] {
        check(TargetKind::Csv, Type::String, json!(text), csv).await;
        let json = serde_json::to_string(text).unwrap();
        check(TargetKind::Jsonl, Type::String, json!(text), &json).await;
    }
}

fn floats(values: &[f64]) -> (Schema, RecordBatch) {
    let row = schema(&[("v", Type::Float64, true)]);
    let values = Float64Array::from(values.to_vec());
    let schema = crate::schema::arrow::schema(&row);
    (row, RecordBatch::try_new(schema, vec![Arc::new(values)]).unwrap())
}

#[tokio::test]
async fn csv_keeps_what_is_no_finite_number() {
    let data = Data::new(TargetKind::Csv);
    let (row, batch) = floats(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let mut run = data.open("t", Mode::Append, &row).await.unwrap();
    run.write(batch).await.unwrap();
    run.commit().await.unwrap();
    assert_eq!(data.text("t"), "v\nNaN\nInfinity\n-Infinity\n");
}

#[tokio::test]
async fn what_a_format_cannot_hold_is_named_before_anything_is_committed() {
    let data = Data::new(TargetKind::Jsonl);
    let (row, batch) = floats(&[1.5, f64::NAN]);
    let mut run = data.open("t", Mode::Append, &row).await.unwrap();
    let message = "column `v` of row 2 holds NaN or an infinity, which JSON cannot say";
    fails(run.write(batch).await, message);
    drop(run);
    assert_eq!(data.files("t"), Vec::<String>::new());

    let data = Data::new(TargetKind::Csv);
    let row = schema(&[("v", Type::Date, true)]);
    let far = Arc::new(Date32Array::from(vec![3_000_000]));
    let batch = RecordBatch::try_new(crate::schema::arrow::schema(&row), vec![far]).unwrap();
    let mut run = data.open("t", Mode::Append, &row).await.unwrap();
    let message = "column `v` of row 1 holds a date outside the years 0 to 9999";
    fails(run.write(batch).await, message);
    drop(run);

    let row = schema(&[("v", Type::String, true)]);
    let alone = data.load("t", Mode::Append, &row, json!([{ "v": "a" }, { "v": null }])).await;
    fails(alone, "column `v` of row 2 is null and the only column, which CSV cannot say");
    assert!(!data.table("t").exists());
}

#[tokio::test]
async fn compressed_files_are_the_same_text() {
    for kind in [TargetKind::Csv, TargetKind::Jsonl] {
        for (compression, extension) in [(Compression::Gzip, "gz"), (Compression::Zstd, "zst")] {
            let mut data = Data::new(kind);
            let rows: Vec<_> = (0..5_000).map(|id| json!({ "id": id, "status": "ok" })).collect();
            data.load("plain", Mode::Append, &orders(), json!(rows)).await.unwrap();
            data.compression = compression;
            data.load("t", Mode::Append, &orders(), json!(rows)).await.unwrap();
            let files = data.files("t");
            let [file] = files.as_slice() else { panic!("{files:?}") };
            assert!(file.ends_with(extension), "{file}");
            let bytes = fs::read(data.table("t").join(file)).unwrap();
            let text = match compression {
                Compression::Gzip => {
                    std::io::read_to_string(flate2::read::MultiGzDecoder::new(&*bytes)).unwrap()
                }
                _ => String::from_utf8(zstd::decode_all(&*bytes).unwrap()).unwrap(),
            };
            assert_eq!(text, data.text("plain"));
            assert!(bytes.len() * 2 < text.len(), "{} of {}", bytes.len(), text.len());
        }
    }
}
