//! What cannot be stored is refused by name.

use super::*;

async fn check(ty: Type, array: arrow::array::ArrayRef, expected: &str) {
    let row = schema(&[("v", ty, true)]);
    let batch = RecordBatch::try_new(crate::schema::arrow::schema(&row), vec![array]).unwrap();
    let database = Database::new();
    let mut sink = database.open("t", Mode::Append, &row).await.unwrap();
    let written = async {
        sink.write(batch).await?;
        sink.commit().await
    };
    fails(written.await, expected);
    assert!(database.rows("SELECT name FROM sqlite_schema").await.is_empty());
}

#[tokio::test]
async fn a_value_that_cannot_be_stored_is_an_error_that_names_its_column_and_row() {
    check(
        Type::Float64,
        Arc::new(Float64Array::from(vec![1.0, f64::NAN])),
        "column `v` of row 2 is NaN, which SQLite does not keep",
    )
    .await;
    check(
        Type::Float64,
        Arc::new(Float64Array::from(vec![f64::INFINITY])),
        "column `v` of row 1 is inf, which SQLite does not keep",
    )
    .await;
    check(
        Type::Date,
        Arc::new(Date32Array::from(vec![None, None, Some(i32::MAX)])),
        "column `v` of row 3 holds a date outside the years 0 to 9999",
    )
    .await;
    check(
        Type::Json,
        Arc::new(StringArray::from(vec!["{}", "{"])),
        "column `v` of row 2 holds text that is not JSON",
    )
    .await;
    let field =
        Arc::new(arrow::datatypes::Field::new("item", arrow::datatypes::DataType::Float64, true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([1, 2]);
    let floats = Arc::new(Float64Array::from(vec![1.0, 2.0, f64::NAN]));
    check(
        list(Type::Float64),
        Arc::new(arrow::array::ListArray::new(field, offsets, floats, None)),
        "column `v` of row 2 holds NaN or an infinity, which JSON cannot say",
    )
    .await;
}

#[tokio::test]
async fn a_null_where_a_value_must_be_is_an_error() {
    let database = Database::new();
    let row = schema(&[("id", Type::Int64, true), ("v", Type::String, true)]);
    let rows = json!([{ "id": 1 }, { "v": "x" }]);
    fails(
        database.load("t", Mode::Merge, &row, rows.clone()).await,
        "column `id` of row 2 is null, but it belongs to the key of `t`\n  \
         help:     leave such rows out: `WHERE id IS NOT NULL`",
    );
    database.execute("CREATE TABLE t (id INTEGER, v TEXT NOT NULL)").await;
    fails(
        database.load("t", Mode::Append, &row, rows).await,
        "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     SQLite cannot drop \
         NOT NULL from `v`: make the table anew without it; or leave such rows out: `WHERE v IS NOT NULL`; or declare the field as one that is never \
         null: `!`",
    );
}
