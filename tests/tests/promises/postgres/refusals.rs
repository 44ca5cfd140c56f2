//! What cannot be stored is refused by name.

use super::*;

async fn check(ty: Type, array: ArrayRef, expected: &str) {
    let row = schema(&[("v", ty, true)]);
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
    let database = Database::new().await;
    let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
    let written = sink.write(batch).await;
    let failed = written.is_err();
    let committed = sink.commit().await;
    // What could not be staged cannot be committed either.
    assert!(committed.is_err());
    fails(if failed { written } else { committed.map(drop) }, expected);
    assert_eq!(database.rows("SELECT to_regclass('t')::text").await, ["NULL"]);
}

fn list_of(values: ArrayRef, lengths: [usize; 2]) -> ArrayRef {
    let field = arrow::datatypes::Field::new("item", values.data_type().clone(), true);
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(ListArray::new(Arc::new(field), offsets, values, None))
}

#[tokio::test]
async fn a_value_that_cannot_be_stored_is_an_error_that_names_its_column_and_row() {
    let nul = "column `v` of row 2 holds a NUL character, which PostgreSQL cannot store in text";
    check(Type::String, Arc::new(StringArray::from(vec!["a", "b\0"])), nul).await;
    let texts = Arc::new(StringArray::from(vec!["a", "b", "\0"]));
    check(list(Type::String), list_of(texts, [1, 2]), nul).await;
    check(
        Type::Uuid,
        Arc::new(StringArray::from(vec![None, None, Some("nobody")])),
        "column `v` of row 3 holds `nobody`, which is not a UUID",
    )
    .await;
    check(
        Type::Date,
        Arc::new(Date32Array::from(vec![i32::MAX])),
        "column `v` of row 1 holds a date outside of PostgreSQL's dates",
    )
    .await;
    check(
        Type::Timestamp,
        Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN]).with_timezone("UTC")),
        "column `v` of row 1 holds a timestamp outside of PostgreSQL's timestamps",
    )
    .await;
    let floats = Arc::new(Float64Array::from(vec![1.0, 2.0, f64::NAN]));
    let lists = list_of(floats, [1, 2]);
    let nested = DataType::List(Arc::new(arrow::datatypes::Field::new(
        "item",
        lists.data_type().clone(),
        true,
    )));
    let DataType::List(item) = nested else { unreachable!() };
    let offsets = OffsetBuffer::from_lengths([1, 1]);
    check(
        list(list(Type::Float64)),
        Arc::new(ListArray::new(item, offsets, lists, None)),
        "column `v` of row 2 holds NaN or an infinity, which JSON cannot say",
    )
    .await;
}

#[tokio::test]
async fn what_only_the_server_refuses_is_told_with_column_and_row_too() {
    check(
        Type::Json,
        Arc::new(StringArray::from(vec!["{}", "{"])),
        "column `v` of row 2 is refused by PostgreSQL: invalid input syntax for type json (The \
         input string ended unexpectedly)",
    )
    .await;
    check(
        Type::Json,
        Arc::new(StringArray::from(vec![r#""\u0000""#])),
        "column `v` of row 1 is refused by PostgreSQL: unsupported Unicode escape sequence \
         (\\u0000 cannot be converted to text)",
    )
    .await;
}

#[tokio::test]
async fn a_null_where_a_value_must_be_is_an_error() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::Int64, true), ("v", Type::String, true)]);
    let rows = json!([{ "id": 1 }, { "v": "x" }]);
    fails(
        database.load("t", Mode::Merge, &row, rows.clone()).await,
        "column `id` of row 2 is null, but it belongs to the key of `t`\n  \
         help:     leave such rows out: `WHERE id IS NOT NULL`",
    );
    database.execute("CREATE TABLE t (id bigint, v text NOT NULL)").await;
    fails(
        database.load("t", Mode::Append, &row, rows).await,
        "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     ALTER TABLE \
         \"public\".\"t\" ALTER COLUMN \"v\" DROP NOT NULL; or leave such rows out: `WHERE v IS NOT NULL`; or declare the field as one that is never \
         null: `!`",
    );
}
