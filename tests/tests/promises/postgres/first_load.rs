//! A table that is not there yet is filled under a hidden name, and then becomes the table.

use super::*;

/// Tables that are filled, or were left.
const HIDDEN: &str = "SELECT relname::text FROM pg_class WHERE relname LIKE '\\_apitap\\_new%'
                      AND relkind = 'r' ORDER BY 1";

fn texts(values: &[(i64, &str)]) -> Value {
    values.iter().map(|(id, status)| json!({ "id": id, "status": status })).collect()
}

#[tokio::test]
async fn a_new_table_has_no_trace_of_the_load() {
    let database = Database::new().await;
    let rows = texts(&[(2, "a"), (1, "b"), (2, "c")]);
    let written = database.load("orders", Mode::Merge, &orders(), rows).await.unwrap();
    assert_eq!(written, Written { received: 3, stored: 2, unchanged: 0 });
    assert_eq!(database.table("orders").await, ["(1,b)", "(2,c)"]);
    let traces = database
        .rows(
            "SELECT relname::text, relpersistence::text, relnatts::text,
                    obj_description(oid, 'pg_class')
             FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        )
        .await;
    assert_eq!(traces, ["orders|p|2|NULL", "orders_pkey|p|1|NULL"]);
}

#[tokio::test]
async fn a_table_that_was_left_is_removed_and_one_that_is_filled_is_not() {
    let database = Database::new().await;
    database.execute("CREATE TABLE _apitap_new_1 (id int8)").await;
    let mut under_way = database.open("orders", Mode::Append, &orders()).await.unwrap();
    under_way.write(batch(&orders(), texts(&[(1, "a")]))).await.unwrap();
    let filled = database.rows(HIDDEN).await;
    assert_eq!(filled.len(), 1, "{filled:?}");
    assert_ne!(filled, ["_apitap_new_1"]);
    database.load("others", Mode::Append, &orders(), texts(&[(1, "a")])).await.unwrap();
    assert_eq!(database.rows(HIDDEN).await, filled);
    under_way.commit().await.unwrap();
    assert_eq!(database.rows(HIDDEN).await, [""; 0]);
    assert_eq!(database.table("orders").await, ["(1,a)"]);
}

/// What is there after a table was created while the rows for it were on their way.
async fn check(mode: Mode, ddl: &str, expected: std::result::Result<(u64, &[&str]), &str>) {
    let database = Database::new().await;
    let mut run = database.open("orders", mode, &orders()).await.unwrap();
    let rows = texts(&[(1, "a"), (2, "b"), (3, "c"), (3, "d"), (1, "e")]);
    run.write(batch(&orders(), rows)).await.unwrap();
    database.execute(&format!("{ddl}; INSERT INTO orders VALUES (2, 'old'), (9, 'old')")).await;
    let committed = run.commit().await;
    match expected {
        Ok((stored, rows)) => {
            assert_eq!(
                committed.unwrap(),
                Written { received: 5, stored, unchanged: 0 },
                "{mode:?} {ddl}"
            );
            assert_eq!(database.table("orders").await, rows, "{mode:?} {ddl}");
            assert_eq!(database.rows(HIDDEN).await, [""; 0]);
        }
        Err(expected) => {
            fails(committed, expected);
            assert_eq!(database.table("orders").await, ["(2,old)", "(9,old)"]);
        }
    }
}

#[tokio::test]
async fn a_table_that_was_created_in_the_meantime_takes_the_rows() {
    let (keyed, plain) = (
        "CREATE TABLE orders (id int8 PRIMARY KEY, status text)",
        "CREATE TABLE orders (id int8, status text)",
    );
    let merged = ["(1,e)", "(2,b)", "(3,d)", "(9,old)"];
    check(Mode::Merge, keyed, Ok((3, &merged))).await;
    let replaced = ["(1,e)", "(2,b)", "(3,d)"];
    check(Mode::Replace, keyed, Ok((3, &replaced))).await;
    check(Mode::Replace, plain, Ok((3, &replaced))).await;
    let all = ["(1,a)", "(1,e)", "(2,b)", "(2,old)", "(3,c)", "(3,d)", "(9,old)"];
    check(Mode::Append, plain, Ok((5, &all))).await;
    check(
        Mode::Merge,
        plain,
        Err("the table `orders` cannot be merged into: nothing says that `id` is unique in it\n  \
             help:     ALTER TABLE \"public\".\"orders\" ADD UNIQUE (\"id\")"),
    )
    .await;
}

#[tokio::test]
async fn what_the_server_refuses_is_named_by_column_and_row_of_the_run() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::Int64, false), ("the doc", Type::Json, true)]);
    let mut run = database.open("t", Mode::Merge, &row).await.unwrap();
    let rows = (0..100).map(|id| json!({ "id": id, "the doc": "{}" }));
    run.write(batch(&row, rows.collect())).await.unwrap();
    run.write(batch(&row, json!([{ "id": 7, "the doc": "{}" }, { "id": 8, "the doc": "{" }])))
        .await
        .unwrap();
    fails(
        run.commit().await,
        "column `the doc` of row 102 is refused by PostgreSQL: invalid input syntax for type json \
         (The input string ended unexpectedly)",
    );
    assert_eq!(database.rows("SELECT to_regclass('t')::text").await, ["NULL"]);
}
