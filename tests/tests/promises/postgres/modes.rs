//! What the modes do to what is there.

use super::*;

async fn check(before: &str, mode: Mode, rows: Value, stored: u64, after: &[&str]) {
    let database = Database::new().await;
    database
        .execute("CREATE TABLE orders (id int8 UNIQUE, status text, note text DEFAULT 'new')")
        .await;
    if !before.is_empty() {
        database.execute(&format!("INSERT INTO orders VALUES {before}")).await;
    }
    let received = rows.as_array().unwrap().len() as u64;
    let written = database.load("orders", mode, &orders(), rows).await.unwrap();
    assert_eq!(written, Written { received, stored });
    assert_eq!(database.table("orders").await, after);
}

#[tokio::test]
async fn append_adds_rows() {
    let rows = json!([{ "id": 2, "status": "open" }, { "id": 3 }]);
    let after = ["(1,paid,old)", "(2,open,new)", "(3,,new)"];
    check("(1, 'paid', 'old')", Mode::Append, rows, 2, &after).await;
}

#[tokio::test]
async fn replace_leaves_only_the_rows_of_the_run_the_last_one_of_each_key() {
    let rows = json!([{ "id": 2, "status": "open" }, { "id": 2, "status": "paid" }]);
    check("(1, 'paid', 'old')", Mode::Replace, rows, 1, &["(2,paid,new)"]).await;
    check("(1, 'paid', 'old')", Mode::Replace, json!([]), 0, &[]).await;
}

#[tokio::test]
async fn merge_updates_by_key_and_the_last_row_of_a_key_wins() {
    let rows = json!([
        { "id": 1, "status": "first" }, { "id": 2, "status": "b" }, { "id": 1, "status": "last" },
    ]);
    check("(1, 'paid', 'old')", Mode::Merge, rows, 2, &["(1,last,old)", "(2,b,new)"]).await;
}

#[tokio::test]
async fn merging_the_same_rows_twice_changes_nothing() {
    let database = Database::new().await;
    for _ in 0..2 {
        let rows = json!([{ "id": 1, "status": "x" }, { "id": 1, "status": "a" }, { "id": 2 }]);
        let written = database.load("orders", Mode::Merge, &orders(), rows).await.unwrap();
        assert_eq!(written, Written { received: 3, stored: 2 });
        assert_eq!(database.table("orders").await, ["(1,a)", "(2,)"]);
    }
}

#[tokio::test]
async fn a_key_that_is_all_there_is_merges_too() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::String, false)]);
    for stored in [2, 0] {
        let rows = json!([{ "id": "a" }, { "id": "b" }, { "id": "a" }]);
        let written = database.load("t", Mode::Merge, &row, rows).await.unwrap();
        assert_eq!(written, Written { received: 3, stored });
    }
    assert_eq!(database.table("t").await, ["(a)", "(b)"]);
}

#[tokio::test]
async fn many_batches_over_many_copies_all_land_and_the_last_row_of_a_key_wins() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::Int64, false), ("v", Type::String, false)]);
    let mut sink = database.open("t", Mode::Merge, &row).await.unwrap();
    let wide = "x".repeat(2_000);
    for round in 0..12 {
        let ids = Int64Array::from_iter_values((0..1_000).map(|id| id * (round % 3 + 1)));
        let texts = StringArray::from_iter_values((0..1_000).map(|_| format!("{round}{wide}")));
        let arrays: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(texts)];
        let schema = apitap::schema::arrow::schema(&row);
        sink.write(RecordBatch::try_new(schema, arrays).unwrap()).await.unwrap();
    }
    let written = sink.commit().await.unwrap();
    // The multiples of 1 below 1000, of 2 below 2000 and of 3 below 3000.
    let keys = (0..3_000).filter(|n| *n < 1_000 || (n % 2 == 0 && *n < 2_000) || n % 3 == 0).count()
        as u64;
    assert_eq!(written, Written { received: 12_000, stored: keys });
    let last = database
        .rows("SELECT DISTINCT left(v, 2) FROM t WHERE id IN (0, 999, 1000, 2997) ORDER BY 1")
        .await;
    assert_eq!(last, ["10", "11"]);
}
