//! How a table that is there comes to take the rows, and SQL of the user's beside them.

use super::*;
use crate::definition::{Evolve, Hooks};

/// A load of rows with `id` and `v`.
async fn load(database: &Database, evolve: Evolve, ty: &Type, value: Value) -> Result<()> {
    let row = schema(&[("id", Type::Int64, false), ("v", ty.clone(), true)]);
    let load = Load::new("p", "t", Mode::Merge, &["id".to_owned()], &row)?.evolve(evolve);
    let mut run = Run::of(database.destination().as_ref(), load).await?;
    run.write(batch(&row, json!([{ "id": 2, "v": value }]))).await?;
    run.commit().await.map(drop)
}

#[tokio::test]
async fn a_column_that_the_table_lacks_is_added_at_the_commit() {
    let database = Database::new();
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    fails(
        load(&database, Evolve::Freeze, &Type::String, json!("x")).await,
        "the table `t` has no column `v`\n  help:     ALTER TABLE main.\"t\" ADD COLUMN \"v\" TEXT",
    );
    assert_eq!(database.rows("SELECT * FROM t").await, ["1"]);
    for _ in 0..2 {
        load(&database, Evolve::Add, &Type::String, json!("x")).await.unwrap();
        assert_eq!(database.rows("SELECT * FROM t ORDER BY id").await, ["1|NULL", "2|x"]);
    }
}

#[tokio::test]
async fn what_may_lose_something_is_an_error_with_the_statement() {
    for (column, ty, value, expected) in [
        (
            "v INT",
            Type::String,
            json!("x"),
            "column `v` of the table `t` is `INT`, which does not hold every `TEXT`\n  help:     SQLite \
             cannot change a column's type: ALTER TABLE main.\"t\" RENAME COLUMN \"v\" TO another name, \
             then ALTER TABLE main.\"t\" ADD COLUMN \"v\" TEXT",
        ),
        (
            "v TEXT NOT NULL",
            Type::String,
            json!("x"),
            "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     SQLite cannot drop \
             NOT NULL from `v`: make the table anew without it; or leave such rows out: `WHERE v IS \
             NOT NULL`; or declare the field as one that is never null: `!`",
        ),
    ] {
        let database = Database::new();
        database.execute(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {column})")).await;
        for evolve in [Evolve::Add, Evolve::Freeze] {
            fails(load(&database, evolve, &ty, value.clone()).await, expected);
        }
    }
}

#[tokio::test]
async fn the_differences_of_a_table_are_told_and_nothing_is_changed() {
    let database = Database::new();
    let target = database.destination();
    let load = Load::new("p", "orders", Mode::Merge, &["id".to_owned()], &orders()).unwrap();
    let told = |differences: Vec<crate::sink::Difference>| -> Vec<String> {
        let told = |d: crate::sink::Difference| {
            format!("{} {}: {}", d.is_made, d.what, d.statement.unwrap_or_default())
        };
        differences.into_iter().map(told).collect()
    };
    let create = "CREATE TABLE main.\"orders\" (\n  \"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  PRIMARY \
                  KEY (\"id\")\n)";
    let expected = [format!("true the table `orders` does not exist: {create}")];
    assert_eq!(told(target.differences(&load).await.unwrap()), expected);
    database.execute("CREATE TABLE orders (id INTEGER)").await;
    let load = load.evolve(Evolve::Add);
    let expected = [
        "true the table `orders` has no column `status`: ALTER TABLE main.\"orders\" ADD COLUMN \
         \"status\" TEXT",
        "false the table `orders` cannot be merged into: nothing says that `id` is unique in it: CREATE \
         UNIQUE INDEX main.\"orders_key\" ON \"orders\" (\"id\")",
    ];
    assert_eq!(told(target.differences(&load).await.unwrap()), expected);
    assert_eq!(database.rows("SELECT * FROM pragma_table_info('orders')").await.len(), 1);
}

/// A load with such SQL.
async fn hooked(database: &Database, before: &str, after: &str) -> Result<Written> {
    let hooks = Hooks { before: Some(before.to_owned()), after: Some(after.to_owned()) };
    let load = Load::new("p", "orders", Mode::Merge, &["id".to_owned()], &orders())?.hooks(hooks);
    let mut run = Run::of(database.destination().as_ref(), load).await?;
    run.write(batch(&orders(), json!([{ "id": 1, "status": "new" }]))).await?;
    run.commit().await
}

#[tokio::test]
async fn sql_of_the_users_runs_in_the_transaction_of_the_rows() {
    let database = Database::new();
    database.execute("CREATE TABLE log (said TEXT)").await;
    let before = "INSERT INTO log VALUES ('before'); INSERT INTO log VALUES ('too')";
    let after = "INSERT INTO log SELECT 'after ' || count(*) FROM orders";
    hooked(&database, before, after).await.unwrap();
    let said = "SELECT said FROM log ORDER BY rowid";
    assert_eq!(database.rows(said).await, ["before", "too", "after 1"]);
    database.execute("DELETE FROM log; DELETE FROM orders").await;
    fails(
        hooked(&database, before, "SELECT * FROM nowhere").await,
        "SQLite refused the SQL of `after`: no such table: nowhere",
    );
    fails(
        hooked(&database, "COMMIT", after).await,
        "the SQL of `before` ended the transaction that it was to run in\n  help:     leave out COMMIT \
         and ROLLBACK; in MySQL, each CREATE, ALTER, DROP and TRUNCATE commits",
    );
    assert!(database.rows(said).await.is_empty());
    assert!(database.rows("SELECT * FROM orders").await.is_empty());
}
