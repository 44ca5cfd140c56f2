//! What the modes do to what is there.

use super::*;

async fn check(before: &str, mode: Mode, rows: Value, stored: u64, after: &[&str]) {
    let database = Database::new();
    database
        .execute("CREATE TABLE orders (id INTEGER, status TEXT, note TEXT DEFAULT 'new')")
        .await;
    database.execute("CREATE UNIQUE INDEX by_id ON orders (id)").await;
    if !before.is_empty() {
        database.execute(&format!("INSERT INTO orders VALUES {before}")).await;
    }
    let received = rows.as_array().unwrap().len() as u64;
    let written = database.load("orders", mode, &orders(), rows).await.unwrap();
    assert_eq!(written, Written { received, stored });
    assert_eq!(database.rows("SELECT * FROM orders ORDER BY id").await, after);
}

#[tokio::test]
async fn append_adds_rows() {
    let rows = json!([{ "id": 2, "status": "open" }, { "id": 3 }]);
    check("(1, 'paid', 'old')", Mode::Append, rows, 2, &["1|paid|old", "2|open|new", "3|NULL|new"])
        .await;
}

#[tokio::test]
async fn replace_leaves_only_the_rows_of_the_run_the_last_one_of_each_key() {
    let rows = json!([{ "id": 2, "status": "open" }, { "id": 2, "status": "paid" }]);
    check("(1, 'paid', 'old')", Mode::Replace, rows, 1, &["2|paid|new"]).await;
    check("(1, 'paid', 'old')", Mode::Replace, json!([]), 0, &[]).await;
}

#[tokio::test]
async fn merge_updates_by_key_and_the_last_row_of_a_key_wins() {
    let rows = json!([
        { "id": 1, "status": "first" }, { "id": 2, "status": "b" }, { "id": 1, "status": "last" },
    ]);
    check("(1, 'paid', 'old')", Mode::Merge, rows, 2, &["1|last|old", "2|b|new"]).await;
}

#[tokio::test]
async fn merging_the_same_rows_twice_changes_nothing() {
    let database = Database::new();
    for _ in 0..2 {
        let rows = json!([{ "id": 1, "status": "a" }, { "id": 2, "status": null }]);
        let written = database.load("orders", Mode::Merge, &orders(), rows).await.unwrap();
        assert_eq!(written, Written { received: 2, stored: 2 });
        assert_eq!(database.rows("SELECT * FROM orders").await, ["1|a", "2|NULL"]);
    }
}

#[tokio::test]
async fn a_key_that_is_all_there_is_merges_too() {
    let database = Database::new();
    let row = schema(&[("id", Type::String, false)]);
    for stored in [2, 0] {
        let rows = json!([{ "id": "a" }, { "id": "b" }, { "id": "a" }]);
        let written = database.load("t", Mode::Merge, &row, rows).await.unwrap();
        assert_eq!(written, Written { received: 3, stored });
    }
    assert_eq!(database.rows("SELECT id FROM t ORDER BY id").await, ["a", "b"]);
}

#[tokio::test]
async fn many_batches_of_many_rows_all_land() {
    let database = Database::new();
    let mut sink = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    for start in (0..20_000).step_by(2_500) {
        let rows = (start..start + 2_500).map(|id| json!({ "id": id % 15_000, "status": "x" }));
        sink.write(batch(&orders(), rows.collect())).await.unwrap();
    }
    let written = sink.commit().await.unwrap();
    assert_eq!(written, Written { received: 20_000, stored: 15_000 });
    let found = database.rows("SELECT count(*), min(id), max(id) FROM orders").await;
    assert_eq!(found, ["15000|0|14999"]);
}
