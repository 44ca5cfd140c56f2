//! A merge leaves the rows alone that are there already, and says how many those were.

use apitap::definition::Hooks;

use super::*;

const TABLE: &str = "CREATE TABLE orders (id int8 PRIMARY KEY, status text);
                     INSERT INTO orders VALUES (1, 'paid'), (2, NULL), (3, 'open')";

/// One row as it is there, one that is new, one that differs.
fn rows() -> Value {
    json!([{ "id": 1, "status": "paid" }, { "id": 3, "status": "paid" }, { "id": 4 }, { "id": 2 }])
}

fn written(received: u64, stored: u64) -> Written {
    Written { received, stored, unchanged: received - stored }
}

/// The rows, and whether each was written after it was inserted first.
const SEEN: &str =
    "SELECT t::text || CASE WHEN xmin::text = (SELECT number FROM first) THEN '' ELSE ' written' END
                    FROM orders t ORDER BY id";

async fn check(change: &str, expected: Written, seen: &[&str]) {
    let database = Database::new().await;
    let first = "CREATE TABLE first AS SELECT xmin::text AS number FROM orders LIMIT 1";
    database.execute(&format!("{TABLE}; {change}; {first}")).await;
    let found = database.load("orders", Mode::Merge, &orders(), rows()).await.unwrap();
    assert_eq!(
        (found, database.rows(SEEN).await.as_slice()),
        (expected, to_owned(seen).as_slice())
    );
}

fn to_owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn rows_that_are_there_already_are_not_written_again() {
    let seen = ["(1,paid)", "(2,)", "(3,paid) written", "(4,) written"];
    check("SELECT 1", written(4, 2), &seen).await;
}

#[tokio::test]
async fn of_a_partitioned_table_neither() {
    let database = Database::new().await;
    database
        .execute(
            "CREATE TABLE orders (id int8 PRIMARY KEY, status text) PARTITION BY RANGE (id);
             CREATE TABLE few PARTITION OF orders FOR VALUES FROM (0) TO (3);
             CREATE TABLE many PARTITION OF orders FOR VALUES FROM (3) TO (9);
             INSERT INTO orders VALUES (1, 'paid'), (2, NULL), (3, 'open')",
        )
        .await;
    let found = database.load("orders", Mode::Merge, &orders(), rows()).await.unwrap();
    assert_eq!(found, written(4, 2));
    assert_eq!(database.table("orders").await, ["(1,paid)", "(2,)", "(3,paid)", "(4,)"]);
}

/// Where something may act on a write, or keep a row out, each row is written.
#[tokio::test]
async fn what_listens_to_writes_hears_of_each_row() {
    let all = Written { received: 4, stored: 4, unchanged: 0 };
    let seen = ["(1,paid) written", "(2,) written", "(3,paid) written", "(4,) written"];
    let function =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
    for when in ["BEFORE INSERT", "AFTER UPDATE"] {
        let trigger = format!(
            "{function}; CREATE TRIGGER t {when} ON orders FOR EACH ROW EXECUTE FUNCTION f()"
        );
        check(&trigger, all, &seen).await;
    }
    let security = "ALTER TABLE orders ENABLE ROW LEVEL SECURITY";
    check(security, all, &seen).await;
}

/// A trigger that a hook creates in the very transaction is noticed, too.
#[tokio::test]
async fn a_row_that_is_kept_out_is_not_taken_for_one_that_is_there() {
    let keep_out =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                    CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()";
    let expected = "only 0 of 4 rows were stored in `orders`; nothing was changed\n  help:     a \
                    trigger or a rule of the table keeps rows out: drop it, or name the table that \
                    it fills";
    let database = Database::new().await;
    database.execute(TABLE).await;
    let hooks = Hooks { before: Some(keep_out.to_owned()), after: None };
    let load = Load::new("p", "orders", Mode::Merge, &["id".to_owned()], &orders()).unwrap();
    let mut run = Run::of(destination(&database.url).as_ref(), load.hooks(hooks)).await.unwrap();
    run.write(batch(&orders(), rows())).await.unwrap();
    fails(run.commit().await, expected);
    database.execute(keep_out).await;
    fails(database.load("orders", Mode::Merge, &orders(), rows()).await, expected);
    assert_eq!(database.table("orders").await, ["(1,paid)", "(2,)", "(3,open)"]);
}

/// What is equal to the database and shows otherwise is another value.
#[tokio::test]
async fn a_value_that_is_equal_and_written_otherwise_is_a_change() {
    let check = async |ty: Type, declared: &str, there: &str, comes: Value, text: Option<&str>| {
        let database = Database::new().await;
        let table = format!("CREATE TABLE t (id int8 UNIQUE, v {declared})");
        database.execute(&format!("{table}; INSERT INTO t VALUES (1, {there})")).await;
        let row = schema(&[("id", Type::Int64, false), ("v", ty, true)]);
        let rows = json!([{ "id": 1, "v": comes }]);
        let found = database.load("t", Mode::Merge, &row, rows).await.unwrap();
        assert_eq!(found, written(1, u64::from(text.is_some())), "{declared} {there} {comes}");
        let shown = database.rows("SELECT v::text FROM t").await;
        let before = database.rows(&format!("SELECT ({there})::text")).await;
        assert_eq!(shown, text.map_or(before, |text| vec![text.to_owned()]), "{declared} {there}");
    };
    let decimal = || Type::Decimal { precision: 12, scale: 2 };
    check(decimal(), "numeric", "1.0", json!("1.00"), Some("1.00")).await;
    check(decimal(), "numeric", "1.00", json!("1.00"), None).await;
    check(decimal(), "numeric(14,4)", "1.0000", json!("1.00"), None).await;
    check(Type::Float64, "float8", "'0'::float8", json!(-0.0), Some("-0")).await;
    check(Type::Float64, "float8", "'NaN'::float8", json!(null), Some("NULL")).await;
    check(Type::Float32, "float8", "0.5", json!(0.5), None).await;
    let instant = "'2026-11-23 12:00+02'::timestamptz";
    check(Type::Timestamp, "timestamptz", instant, json!("2026-11-23T10:00:00Z"), None).await;
    let document = || json!(r#"{"a":[1.10]}"#);
    check(Type::Json, "jsonb", r#"'{ "a" : [1.10] }'::jsonb"#, document(), None).await;
    let as_written = r#"'{"a":[1.10]}'::json"#;
    check(Type::Json, "json", as_written, document(), Some(r#"{"a": [1.10]}"#)).await;
    check(list(Type::Int64), "int8[]", "'{1,NULL}'::int8[]", json!([1, null]), None).await;
    check(Type::String, "text", "'a'", json!("A"), Some("A")).await;
    check(Type::String, "text COLLATE \"C\"", "'a'", json!("a"), None).await;
}

/// Long values lie beside the table, compressed or not.
#[tokio::test]
async fn long_values_are_compared_whole() {
    let database = Database::new().await;
    database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
    let long = |end: char| format!("{}{end}", "0123456789abcdef".repeat(20_000));
    let rows = |ends: [char; 3]| {
        ends.iter().zip(1..).map(|(end, id)| json!({ "id": id, "status": long(*end) })).collect()
    };
    let merge = async |ends| database.load("orders", Mode::Merge, &orders(), rows(ends)).await;
    assert_eq!(merge(['a', 'b', 'c']).await.unwrap(), written(3, 3));
    assert_eq!(merge(['a', 'x', 'c']).await.unwrap(), written(3, 1));
    assert_eq!(merge(['a', 'x', 'c']).await.unwrap(), written(3, 0));
    let ends = "SELECT right(status, 1) FROM orders ORDER BY id";
    assert_eq!(database.rows(ends).await, ["a", "x", "c"]);
}
