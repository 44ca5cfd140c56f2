//! All rows of a table anew: by another table in its place where nobody could tell, else where they are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;

const TABLE: &str = "CREATE TABLE orders (id int8 NOT NULL, status text, PRIMARY KEY (id));
                     INSERT INTO orders SELECT n, 'old' FROM generate_series(1, 20) AS n";

fn rows(from: i64, to: i64, status: &str) -> Value {
    (from..=to).map(|id| json!({ "id": id, "status": status })).collect()
}

async fn oid(database: &Database) -> Vec<String> {
    database.rows("SELECT 'orders'::regclass::oid::text").await
}

/// Replaces the rows; gives whether the table is another one now.
async fn replace(database: &Database, rows: Value) -> bool {
    let before = oid(database).await;
    database.load("orders", Mode::Replace, &orders(), rows).await.unwrap();
    oid(database).await != before
}

/// Replaces the rows until the table is another one: an ANALYZE of the server's own, or a page that it is just
/// writing, keeps VACUUM from calling all rows seen by everybody, and the rows are replaced where they are.
async fn swapped(database: &Database, rows: Value) {
    for _ in 0..10 {
        if replace(database, rows.clone()).await {
            return;
        }
    }
    panic!("no table of ten loads was swapped");
}

#[tokio::test]
async fn a_table_on_which_nothing_hangs_is_swapped() {
    let database = Database::new().await;
    database.execute(TABLE).await;
    swapped(&database, rows(3, 30, "new")).await;
    let all = "SELECT count(*)::text, min(status), max(id)::text FROM orders";
    assert_eq!(database.rows(all).await, ["28|new|30"]);
    let keys = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE conrelid = 'orders'::regclass AND contype = 'p'";
    assert_eq!(database.rows(keys).await, ["orders_pkey|PRIMARY KEY (id)"]);
    let comment = "SELECT obj_description('orders'::regclass, 'pg_class')";
    assert_eq!(database.rows(comment).await, ["NULL"]);
    // Again, with the last row of each key.
    swapped(&database, json!([{ "id": 1, "status": "a" }, { "id": 1, "status": "b" }])).await;
    assert_eq!(database.table("orders").await, ["(1,b)"]);
    swapped(&database, json!([])).await;
    let left = "SELECT relname::text FROM pg_class WHERE relname LIKE '\\_apitap\\_%'";
    assert!(database.rows(left).await.is_empty());
}

/// What hangs on the table is there afterwards, on the same table, whose rows are new.
#[tokio::test]
async fn what_hangs_on_a_table_survives() {
    for (hangs, look, expected) in [
        ("CREATE VIEW seen AS SELECT count(*) AS n FROM orders", "SELECT n::text FROM seen", "2"),
        (
            "CREATE MATERIALIZED VIEW kept AS SELECT status FROM orders",
            "SELECT count(*)::text FROM kept",
            "20",
        ),
        (
            "CREATE ROLE swap_reader; GRANT SELECT ON orders TO swap_reader",
            "SELECT has_table_privilege('swap_reader', 'orders', 'SELECT')::text",
            "true",
        ),
        (
            "GRANT SELECT (id) ON orders TO public",
            "SELECT attacl::text FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'id'",
            "{=r/apitap}",
        ),
        (
            "COMMENT ON TABLE orders IS 'theirs'",
            "SELECT obj_description('orders'::regclass, 'pg_class')",
            "theirs",
        ),
        (
            "COMMENT ON COLUMN orders.status IS 'theirs'",
            "SELECT col_description('orders'::regclass, 2)",
            "theirs",
        ),
        (
            "CREATE TABLE log (id int8); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END';
             CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note()",
            "SELECT count(*)::text FROM log",
            "2",
        ),
        (
            "CREATE TABLE notes (about int8 REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO notes VALUES (2)",
            "SELECT count(*)::text FROM pg_constraint WHERE confrelid = 'orders'::regclass",
            "1",
        ),
        ("CREATE SEQUENCE numbers OWNED BY orders.id", "SELECT nextval('numbers')::text", "1"),
        (
            "CREATE INDEX by_status ON orders (status)",
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'by_status'",
            "CREATE INDEX by_status ON public.orders USING btree (status)",
        ),
        (
            "ALTER TABLE orders ADD COLUMN note text DEFAULT 'ours'",
            "SELECT DISTINCT note FROM orders",
            "ours",
        ),
        (
            "ALTER TABLE orders ADD CHECK (id > 0)",
            "SELECT count(*)::text FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'",
            "1",
        ),
        (
            "ALTER TABLE orders SET (fillfactor = 70)",
            "SELECT reloptions::text FROM pg_class WHERE oid = 'orders'::regclass",
            "{fillfactor=70}",
        ),
        (
            "CREATE FUNCTION first(orders) RETURNS int8 LANGUAGE sql AS 'SELECT $1.id'",
            "SELECT min(first(o))::text FROM orders o",
            "1",
        ),
        (
            "CREATE PUBLICATION all_orders FOR TABLE orders",
            "SELECT tablename::text FROM pg_publication_tables",
            "orders",
        ),
    ] {
        let database = Database::new().await;
        database.execute(TABLE).await;
        database.execute(hangs).await;
        assert!(!replace(&database, rows(1, 2, "new")).await, "{hangs}");
        assert_eq!(database.rows(look).await, [expected], "{hangs}");
        let new = "SELECT count(*)::text, min(status) FROM orders";
        assert_eq!(database.rows(new).await, ["2|new"], "{hangs}");
    }
}

/// Whoever began before the rows came sees the old ones to the end.
#[tokio::test]
async fn an_older_snapshot_keeps_the_old_rows() {
    let database = Database::new().await;
    database.execute(TABLE).await;
    let mut reader = database.connection().await;
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    reader.execute("SELECT count(*) FROM pg_class").await.unwrap();
    assert!(!replace(&database, rows(1, 3, "new")).await);
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut reader).await.unwrap();
    assert_eq!(count, 20);
    reader.execute("ROLLBACK").await.unwrap();
    assert_eq!(database.rows("SELECT count(*)::text FROM orders").await, ["3"]);
}

/// A table that is in use is not taken away from under its readers, and nobody waits for long.
#[tokio::test]
async fn a_table_in_use_is_not_waited_for() {
    let database = Database::new().await;
    database.execute(TABLE).await;
    let mut reader = database.connection().await;
    reader.execute("BEGIN; SELECT count(*) FROM orders").await.unwrap();
    assert!(!replace(&database, rows(1, 3, "new")).await);
    reader.execute("ROLLBACK").await.unwrap();
    assert_eq!(database.rows("SELECT count(*)::text FROM orders").await, ["3"]);
}

/// A reader that counts all the time sees the old rows or the new ones, and does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_half_a_table() {
    let database = Database::new().await;
    database.execute(TABLE).await;
    let done = AtomicBool::new(false);
    let read = async {
        let mut reader = database.connection().await;
        let (mut seen, mut longest) = (Vec::new(), Duration::ZERO);
        while !done.load(Ordering::Relaxed) {
            let began = Instant::now();
            let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
                .fetch_one(&mut reader)
                .await
                .unwrap();
            longest = longest.max(began.elapsed());
            seen.push(count);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        seen.dedup();
        (seen, longest)
    };
    let write = async {
        for (count, mode) in [(2_000, Mode::Replace), (3_000, Mode::Merge), (1_000, Mode::Replace)]
        {
            database.load("orders", mode, &orders(), rows(1, count, "new")).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let ((seen, longest), ()) = tokio::join!(read, write);
    let expected = [20, 2_000, 3_000, 1_000];
    assert!(seen.iter().all(|count| expected.contains(count)), "{seen:?}");
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}
