//! What the modes do to what is there: columns that the query does not yield among it.

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
    assert_eq!(written, Written { received, stored, unchanged: 0 });
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
