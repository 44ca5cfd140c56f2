//! What the modes do to what is there: columns that the query does not yield among it.

use super::*;

async fn check(before: &str, mode: Mode, rows: Value, stored: u64, after: &[&str]) {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TABLE orders (id bigint UNIQUE, status longtext, note longtext DEFAULT 'new')",
        )
        .await;
    if !before.is_empty() {
        database.execute(&format!("INSERT INTO orders VALUES {before}")).await;
    }
    let received = rows.as_array().unwrap().len() as u64;
    let written = database.load("orders", mode, &orders(), rows).await.unwrap();
    assert_eq!(written, Written { received, stored, unchanged: 0 });
    let all = "SELECT CAST(id AS CHAR), status, note FROM orders ORDER BY orders.id";
    assert_eq!(database.rows(all).await, after);
}

#[tokio::test]
async fn append_adds_rows() {
    let rows = json!([{ "id": 2, "status": "open" }, { "id": 3 }]);
    let after = ["1|paid|old", "2|open|new", "3|NULL|new"];
    check("(1, 'paid', 'old')", Mode::Append, rows, 2, &after).await;
}

/// What the server says of a table to those who may read it is not needed to add rows.
#[tokio::test]
async fn a_user_who_may_only_add_rows_appends_them() {
    let database = Database::new().await;
    database.execute("CREATE TABLE t (id bigint, status longtext)").await;
    database.execute("CREATE OR REPLACE USER adder@'%' IDENTIFIED BY 'secret'").await;
    let name = database.name();
    database.execute(&format!("GRANT INSERT ON {name}.t TO adder@'%'")).await;
    database.execute(&format!("GRANT CREATE TEMPORARY TABLES ON {name}.* TO adder@'%'")).await;
    for own in ["_apitap_state", "_apitap_runs"] {
        let all =
            format!("GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON {name}.{own} TO adder@'%'");
        database.execute(&all).await;
    }
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username("adder").unwrap();
    url.set_password(Some("secret")).unwrap();
    let row = Schema::from_iter([Field::new("id", Type::Int64, true)]);
    let target = destination(url.as_str());
    loads::load(&target, "t", Mode::Append, &row, json!([{ "id": 2 }])).await.unwrap();
    let rows = database.rows("SELECT CAST(id AS CHAR) FROM t").await;
    assert_eq!(rows, ["2"]);
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

/// Keys that most collations take for one.
#[tokio::test]
async fn keys_of_text_are_told_apart_by_every_byte() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::String, false), ("n", Type::Int32, true)]);
    let keys = ["a", "A", "a ", "á", "a\u{301}", "", " ", "ß", "ss", "🐘", "x\u{0}"];
    for round in 1..=2 {
        let rows: Vec<_> = keys.iter().map(|key| json!({ "id": key, "n": round })).collect();
        let written = database.load("t", Mode::Merge, &row, Value::Array(rows)).await.unwrap();
        assert_eq!(written, Written { received: 11, stored: 11, unchanged: 0 });
        let counts = "SELECT CAST(COUNT(*) AS CHAR), CAST(SUM(n) AS CHAR) FROM t";
        assert_eq!(database.rows(counts).await, [format!("11|{}", 11 * round)]);
    }
}

/// ON DUPLICATE KEY UPDATE would update the row of the other key.
#[tokio::test]
async fn another_unique_key_that_is_taken_is_an_error_and_changes_nothing() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TABLE orders (id bigint PRIMARY KEY, status longtext, UNIQUE KEY s (status(9)));
             INSERT INTO orders VALUES (1, 'taken')",
        )
        .await;
    let rows = json!([{ "id": 2, "status": "taken" }]);
    fails(
        database.load("orders", Mode::Merge, &orders(), rows).await,
        "MySQL refused the rows for `orders`: Duplicate entry 'taken' for key 's'",
    );
    assert_eq!(database.rows("SELECT CAST(id AS CHAR), status FROM orders").await, ["1|taken"]);
}
