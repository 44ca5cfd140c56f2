//! Rows of a new table, and of one that is replaced: past the staging table, into a hidden one.

use super::*;
use crate::sink::StateChange;

/// The hidden table of the loads below, and the others of the file.
const HIDDEN: &str = "SELECT substr(name, 1, 12) FROM sqlite_schema WHERE type = 'table' AND name GLOB '_apitap_new_*'";
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
/// Rows of so many bytes are worth a transaction of their own.
const WORTH: usize = 2 << 20;

/// Orders of these ids, each as long as a hundredth of what is worth a transaction.
fn long(ids: impl IntoIterator<Item = i64>, mark: &str) -> RecordBatch {
    let text = mark.repeat(WORTH / 100 / mark.len());
    let rows: Vec<_> = ids.into_iter().map(|id| json!({ "id": id, "status": text })).collect();
    batch(&orders(), Value::Array(rows))
}

/// The id and the mark of each row.
const MARKS: &str = "SELECT id, substr(status, 1, 1) FROM orders ORDER BY id";

fn marks(rows: &[(std::ops::Range<i64>, &str)]) -> Vec<String> {
    let rows = rows.iter().flat_map(|(ids, mark)| ids.clone().map(move |id| (id, mark)));
    rows.map(|(id, mark)| format!("{id}|{mark}")).collect()
}

/// What lies beside the database.
fn beside(database: &Database) -> Vec<String> {
    let files = std::fs::read_dir(database.folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "test.db").collect()
}

async fn gone(database: &Database) {
    for _ in 0..500 {
        if database.rows(HIDDEN).await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the hidden table is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_write_meanwhile_and_see_nothing_of_a_new_table_before_its_commit() {
    for mode in [Mode::Append, Mode::Merge, Mode::InsertNew, Mode::Replace] {
        let database = Database::new();
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        assert!(database.rows(TABLES).await.is_empty());
        run.write(long(0..150, "a")).await.unwrap();
        assert_eq!(database.rows(HIDDEN).await, ["_apitap_new_"]);
        assert_eq!(database.rows(TABLES).await.len(), 1);
        database
            .execute("CREATE TABLE IF NOT EXISTS theirs (x); INSERT INTO theirs VALUES (1)")
            .await;
        run.write(long(150..310, "b")).await.unwrap();
        database.execute("INSERT INTO theirs VALUES (2)").await;
        let written = run.commit().await.unwrap();
        assert_eq!(written, Written { received: 310, stored: 310, unchanged: 0 });
        assert_eq!(database.rows(MARKS).await, marks(&[(0..150, "a"), (150..310, "b")]));
        assert_eq!(database.rows(TABLES).await, ["orders", "theirs"]);
        assert!(beside(&database).is_empty(), "{:?}", beside(&database));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_is_what_its_load_creates() {
    let database = Database::new();
    let mut run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    run.write(long(0..150, "a")).await.unwrap();
    run.commit().await.unwrap();
    let ddl = "CREATE TABLE \"orders\" (\n  \"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  PRIMARY KEY (\"id\")\n)";
    let found = "SELECT sql FROM sqlite_schema WHERE name = 'orders'";
    assert_eq!(database.rows(found).await, [ddl]);
    // The same as that of a load that is not worth a hidden table.
    database.execute("DROP TABLE orders").await;
    database.load("orders", Mode::Merge, &orders(), json!([{ "id": 1 }])).await.unwrap();
    assert_eq!(database.rows(found).await, [ddl]);
}

/// Loads batches, and compares what was stored and what is there.
async fn check(mode: Mode, batches: Vec<RecordBatch>, stored: u64, expected: &[String]) {
    let database = Database::new();
    for round in 0..2 {
        if mode != Mode::Replace {
            database.execute("DROP TABLE IF EXISTS orders").await;
        }
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        let mut received = 0;
        for batch in &batches {
            received += batch.num_rows() as u64;
            run.write(batch.clone()).await.unwrap();
        }
        let written = run.commit().await.unwrap();
        assert_eq!(written, Written { received, stored, unchanged: 0 }, "{mode:?} {round}");
        assert_eq!(database.rows(MARKS).await, expected, "{mode:?} {round}");
        assert_eq!(database.rows(TABLES).await, ["orders"], "{mode:?} {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_key_that_comes_twice_the_last_row_is_left_wherever_it_comes() {
    for mode in [Mode::Merge, Mode::Replace] {
        // In one batch, in one transaction, in another one, and in the commit.
        let twice = vec![long([1, 2, 2, 3], "a"), long([3, 4], "b")];
        check(mode, twice, 4, &marks(&[(1..3, "a"), (3..5, "b")])).await;
        let later = vec![long(0..150, "a"), long(149..200, "b")];
        check(mode, later, 200, &marks(&[(0..149, "a"), (149..200, "b")])).await;
        // Behind keys that do not go one way.
        let all_over = vec![
            long(100..210, "a"),
            long((0..120).rev(), "b"),
            long(50..170, "c"),
            long([60, 0, 300], "d"),
        ];
        let expected = [
            marks(&[(0..1, "d"), (1..50, "b"), (50..60, "c"), (60..61, "d")]),
            marks(&[(61..170, "c"), (170..210, "a"), (300..301, "d")]),
        ];
        check(mode, all_over, 211, &expected.concat()).await;
        // All of them at once, and the other way round.
        check(mode, vec![long((0..150).rev(), "a"), long((0..90).rev(), "b")], 150, &{
            marks(&[(0..90, "b"), (90..150, "a")])
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_new_key_that_comes_twice_the_first_row_is_left_where_known_keys_stay() {
    let all_over = vec![
        long(100..210, "a"),
        long((0..120).rev(), "b"),
        long(50..170, "c"),
        long([60, 0, 300], "d"),
    ];
    let expected = marks(&[(0..100, "b"), (100..210, "a"), (300..301, "d")]);
    check(Mode::InsertNew, all_over, 211, &expected).await;
    check(Mode::InsertNew, vec![long([2, 1, 2], "a"), long([1, 3], "b")], 3, &{
        marks(&[(1..3, "a"), (3..4, "b")])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_for_a_key_that_comes_in_any_order_is_left_once() {
    let row = schema(&[("id", Type::String, false), ("v", Type::String, true)]);
    let database = Database::new();
    let mut run = database.open("t", Mode::Merge, &row).await.unwrap();
    let text = "x".repeat(WORTH / 100);
    for round in 0..4 {
        let rows =
            (0..150).map(|n| json!({ "id": format!("{:x}", (n * 7919 + round) % 251), "v": text }));
        run.write(batch(&row, rows.collect())).await.unwrap();
    }
    let written = run.commit().await.unwrap();
    let counted = database.rows("SELECT count(*), count(DISTINCT id) FROM t").await;
    assert_eq!(counted, [format!("{0}|{0}", written.stored)]);
    assert_eq!(written.received, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_early_takes_its_hidden_table_along() {
    for mode in [Mode::Merge, Mode::Replace] {
        let database = Database::new();
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        run.write(long(0..150, "a")).await.unwrap();
        run.close().await.unwrap();
        run.abort().await.unwrap();
        assert!(database.rows(TABLES).await.is_empty());
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        run.write(long(0..150, "a")).await.unwrap();
        assert_eq!(database.rows(HIDDEN).await.len(), 1);
        drop(run);
        gone(&database).await;
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        run.write(long(0..150, "a")).await.unwrap();
        let row = schema(&[("id", Type::Int64, true), ("status", Type::String, true)]);
        let null = batch(&row, json!([{ "status": "b" }]));
        assert!(run.write(null).await.is_err());
        assert!(run.commit().await.is_err());
        gone(&database).await;
        assert!(database.rows(TABLES).await.is_empty());
    }
}

/// A program that was killed has left it, or another one has it in its hands.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_table_that_a_killed_run_has_left_is_removed_by_the_next_and_no_other() {
    let database = Database::new();
    let mut other = Run::of(
        database.destination().as_ref(),
        Load::new("other", "orders", Mode::Merge, &["id".to_owned()], &orders()).unwrap(),
    )
    .await
    .unwrap();
    other.write(long(0..150, "a")).await.unwrap();
    let theirs = database.rows(TABLES).await;
    assert_eq!(theirs.len(), 1);
    database.execute("CREATE TABLE _apitap_new_0 (x); CREATE TABLE _apitap_newer (x)").await;
    let run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    let left: Vec<_> = theirs.iter().map(String::as_str).chain(["_apitap_newer"]).collect();
    let mut found = database.rows(TABLES).await;
    found.retain(|name| !left.contains(&name.as_str()));
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(database.rows(TABLES).await.len(), left.len());
    run.abort().await.unwrap();
    assert_eq!(other.commit().await.unwrap().stored, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_load_of_the_pipeline_at_the_same_time_is_staged() {
    let database = Database::new();
    let mut one = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    let mut two = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    one.write(long(0..150, "a")).await.unwrap();
    two.write(long(100..250, "b")).await.unwrap();
    assert_eq!(database.rows(HIDDEN).await.len(), 1);
    two.commit().await.unwrap();
    // What has come in the meantime is there: the rows are merged into it.
    assert_eq!(one.commit().await.unwrap(), Written { received: 150, stored: 150, unchanged: 0 });
    assert_eq!(database.rows(MARKS).await, marks(&[(0..150, "a"), (150..250, "b")]));
    assert_eq!(database.rows(TABLES).await, ["orders"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_after_the_first_commit_go_the_way_of_all_others() {
    let database = Database::new();
    let mut run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    let nothing = StateChange::default();
    run.write(long(0..150, "a")).await.unwrap();
    run.commit_with(&nothing).await.unwrap();
    assert_eq!(database.rows(TABLES).await, ["orders"]);
    run.write(long((100..250).rev(), "b")).await.unwrap();
    run.commit_with(&nothing).await.unwrap();
    run.write(long([0], "c")).await.unwrap();
    let written = run.commit().await.unwrap();
    assert_eq!(written, Written { received: 301, stored: 301, unchanged: 0 });
    let expected = [(0..1, "c"), (1..100, "a"), (100..250, "b")];
    assert_eq!(database.rows(MARKS).await, marks(&expected));
}

/// What a table has that is replaced, a look at it, and what that sees then.
#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_table_that_is_replaced_stays() {
    let create = "CREATE TABLE \"orders\" (\n  \"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  PRIMARY KEY (\"id\")\n)";
    for (table, hangs, look, swapped, expected) in [
        (create, "", "SELECT 1", true, "1"),
        (
            create,
            "CREATE VIEW v AS SELECT count(*) AS n FROM orders",
            "SELECT n FROM v",
            true,
            "300",
        ),
        (
            create,
            "CREATE VIEW v AS SELECT * FROM nowhere",
            "SELECT count(*) FROM orders",
            true,
            "300",
        ),
        (
            create,
            "CREATE INDEX by_status ON orders (status)",
            "SELECT count(*) FROM sqlite_schema WHERE name = 'by_status'",
            false,
            "1",
        ),
        (
            create,
            "CREATE TABLE log (id); CREATE TRIGGER t AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (new.id); END",
            "SELECT count(*) FROM log",
            false,
            "300",
        ),
        (
            create,
            "CREATE TABLE notes (about INTEGER REFERENCES orders (id)); INSERT INTO notes VALUES (NULL)",
            "SELECT \"table\" FROM pragma_foreign_key_list('notes')",
            false,
            "orders",
        ),
        (create, "ANALYZE", "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'orders'", false, "1"),
        (
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT CHECK (length(status) > 9))",
            "",
            "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%CHECK%'",
            false,
            "1",
        ),
        (
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT, note TEXT DEFAULT 'new')",
            "",
            "SELECT DISTINCT note FROM orders",
            false,
            "new",
        ),
    ] {
        let database = Database::new();
        database
            .execute(&format!("{table}; INSERT INTO orders (id, status) VALUES (7, '0123456789')"))
            .await;
        database.execute(hangs).await;
        let mut run = database.open("orders", Mode::Replace, &orders()).await.unwrap();
        run.write(long(0..150, "a")).await.unwrap();
        run.write(long(150..300, "b")).await.unwrap();
        assert_eq!(database.rows(HIDDEN).await.len(), usize::from(swapped), "{table} {hangs}");
        assert_eq!(database.rows("SELECT id FROM orders").await, ["7"]);
        run.commit().await.unwrap();
        assert_eq!(database.rows(MARKS).await, marks(&[(0..150, "a"), (150..300, "b")]));
        assert_eq!(database.rows(look).await, [expected], "{hangs}");
        assert!(database.rows(HIDDEN).await.is_empty(), "{hangs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_hang_on_a_table_while_it_is_replaced_stays_too() {
    let database = Database::new();
    database.load("orders", Mode::Replace, &orders(), json!([{ "id": 7 }])).await.unwrap();
    let mut run = database.open("orders", Mode::Replace, &orders()).await.unwrap();
    run.write(long(0..150, "a")).await.unwrap();
    database.execute("CREATE INDEX by_status ON orders (status)").await;
    assert_eq!(run.commit().await.unwrap(), Written { received: 150, stored: 150, unchanged: 0 });
    assert_eq!(database.rows(MARKS).await, marks(&[(0..150, "a")]));
    let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    assert_eq!(database.rows(indexes).await, ["by_status"]);
    assert!(database.rows(HIDDEN).await.is_empty());
}

/// Of a small load, whose rows wait in memory, and of one that has been committed in parts.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_stored_is_an_error_wherever_it_waits() {
    let row = schema(&[("id", Type::Int64, false), ("v", Type::Float64, true)]);
    let values = |rows: i64| {
        let ids: arrow::array::ArrayRef =
            Arc::new((1..=rows).collect::<arrow::array::Int64Array>());
        let bad = (1..=rows).map(|id| if id == rows { f64::NAN } else { 1.0 });
        let values = Arc::new(Float64Array::from_iter_values(bad));
        RecordBatch::try_new(crate::schema::arrow::schema(&row), vec![ids, values]).unwrap()
    };
    for rows in [3, 200_000] {
        let database = Database::new();
        let mut run = database.open("t", Mode::Merge, &row).await.unwrap();
        let written = async {
            run.write(values(rows)).await?;
            run.commit().await
        };
        let expected = format!("column `v` of row {rows} is NaN, which SQLite does not keep");
        fails(written.await, &expected);
        gone(&database).await;
        assert!(database.rows(TABLES).await.is_empty());
    }
}
