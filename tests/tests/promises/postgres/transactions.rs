//! All of a run, or nothing of it.

use super::*;

#[tokio::test]
async fn a_sink_that_is_dropped_leaves_nothing_behind() {
    let database = Database::new().await;
    let mut sink = database.open("shop.orders", Mode::Replace, &orders()).await.unwrap();
    sink.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
    drop(sink);
    let found = database.rows("SELECT to_regnamespace('shop')::text").await;
    assert_eq!(found, ["NULL"]);
}

#[tokio::test]
async fn nothing_is_locked_or_seen_before_the_commit() {
    let database = Database::new().await;
    database.execute("CREATE TABLE orders (id bigint PRIMARY KEY, status text)").await;
    let mut sink = database.open("orders", Mode::Replace, &orders()).await.unwrap();
    sink.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
    database.execute("INSERT INTO orders VALUES (7); ALTER TABLE orders ADD x int").await;
    assert_eq!(database.table("orders").await, ["(7,,)"]);
    sink.commit().await.unwrap();
    assert_eq!(database.table("orders").await, ["(1,,)"]);
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_table_as_it_was() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TABLE orders (id bigint PRIMARY KEY, status text CHECK (status <> 'bad'));
             INSERT INTO orders VALUES (1, 'old')",
        )
        .await;
    let rows = json!([{ "id": 1, "status": "new" }, { "id": 2, "status": "bad" }]);
    for mode in [Mode::Merge, Mode::Replace] {
        fails(
            database.load("orders", mode, &orders(), rows.clone()).await,
            "PostgreSQL refused the rows for `orders`: new row for relation \"orders\" violates \
             check constraint \"orders_status_check\" (Failing row contains (2, bad))",
        );
        assert_eq!(database.table("orders").await, ["(1,old)"]);
    }
    fails(
        database.load("orders", Mode::Append, &orders(), json!([{ "id": 1 }])).await,
        "PostgreSQL refused the rows for `orders`: duplicate key value violates unique \
         constraint \"orders_pkey\" (Key (id)=(1) already exists)\n  \
         help:     to update the rows that are there already, use the mode `merge`",
    );
    assert_eq!(database.table("orders").await, ["(1,old)"]);
}

async fn check_concurrent(mode: Mode, table: &'static str, runs: i64, per_run: i64) {
    let database = Arc::new(Database::new().await);
    let run = |run: i64| {
        let database = Arc::clone(&database);
        tokio::spawn(async move {
            let mut sink = database.open(table, mode, &orders()).await.unwrap();
            let rows = (0..per_run).map(|id| json!({ "id": id, "status": run.to_string() }));
            sink.write(batch(&orders(), rows.collect())).await.unwrap();
            sink.commit().await.unwrap()
        })
    };
    let all: Vec<_> = (0..runs).map(run).collect();
    for run in all {
        let rows = per_run as u64;
        assert_eq!(run.await.unwrap(), Written { received: rows, stored: rows, unchanged: 0 });
    }
    let found = database
        .rows(&format!("SELECT count(*)::text, count(DISTINCT status)::text FROM {table}"))
        .await;
    assert_eq!(found, [format!("{per_run}|1")], "{mode:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_do_not_mix() {
    check_concurrent(Mode::Replace, "new.orders", 6, 2_000).await;
    check_concurrent(Mode::Merge, "orders", 6, 2_000).await;
}
