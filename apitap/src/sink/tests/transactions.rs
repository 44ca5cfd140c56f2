//! All of a run, or nothing of it.

use super::*;

#[tokio::test]
async fn a_sink_that_is_dropped_leaves_nothing_behind() {
    let database = Database::new();
    let mut sink = database.open("orders", Mode::Replace, &orders()).await.unwrap();
    sink.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
    drop(sink);
    assert!(database.rows("SELECT name FROM sqlite_schema").await.is_empty());
}

#[tokio::test]
async fn nothing_is_locked_or_seen_before_the_commit() {
    let database = Database::new();
    database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT)").await;
    let mut sink = database.open("orders", Mode::Replace, &orders()).await.unwrap();
    sink.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
    database.execute("INSERT INTO orders VALUES (7, 'other')").await;
    assert_eq!(database.rows("SELECT id FROM orders").await, ["7"]);
    sink.commit().await.unwrap();
    assert_eq!(database.rows("SELECT id FROM orders").await, ["1"]);
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_table_as_it_was() {
    let database = Database::new();
    database
        .execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT CHECK (status <> 'bad'));
             INSERT INTO orders VALUES (1, 'old')",
        )
        .await;
    let rows = json!([{ "id": 1, "status": "new" }, { "id": 2, "status": "bad" }]);
    for mode in [Mode::Merge, Mode::Replace] {
        fails(
            database.load("orders", mode, &orders(), rows.clone()).await,
            "SQLite refused the rows for `orders`: CHECK constraint failed: status <> 'bad'",
        );
        assert_eq!(database.rows("SELECT * FROM orders").await, ["1|old"]);
    }
    fails(
        database.load("orders", Mode::Append, &orders(), json!([{ "id": 1 }])).await,
        "SQLite refused the rows for `orders`: UNIQUE constraint failed: orders.id\n  \
         help:     to update the rows that are there already, use the mode `merge`",
    );
    assert_eq!(database.rows("SELECT * FROM orders").await, ["1|old"]);
}
