//! Which tables take the rows, and what the others lack.

use super::*;

async fn check(ddl: &str, mode: Mode, expected: Result<(), &str>) {
    let database = Database::new();
    database.execute(ddl).await;
    let opened = database.open("orders", mode, &orders()).await;
    match (opened, expected) {
        (Ok(_), Ok(())) => {}
        (opened, Err(expected)) => fails(opened.map(drop), expected),
        (Err(error), Ok(())) => panic!("{ddl}: {error}"),
    }
}

#[tokio::test]
async fn a_table_that_takes_the_rows_is_used() {
    check("CREATE TABLE orders (status VARCHAR(9), id BIGINT UNIQUE)", Mode::Merge, Ok(())).await;
    check("CREATE TABLE Orders (ID INTEGER PRIMARY KEY, Status)", Mode::Merge, Ok(())).await;
    check("CREATE TABLE orders (id INT, status TEXT, x NOT NULL DEFAULT 1)", Mode::Append, Ok(()))
        .await;
    check(
        "CREATE TABLE orders (k INTEGER PRIMARY KEY NOT NULL, id INT UNIQUE, status TEXT)",
        Mode::Merge,
        Ok(()),
    )
    .await;
}

#[tokio::test]
async fn a_table_that_does_not_is_refused_with_the_fix() {
    check(
        "CREATE TABLE orders (id INT)",
        Mode::Append,
        Err("the table `orders` has no column `status`\n  \
             help:     ALTER TABLE main.\"orders\" ADD COLUMN \"status\" TEXT"),
    )
    .await;
    check(
        "CREATE TABLE orders (id INT, status INT)",
        Mode::Append,
        Err("column `status` of the table `orders` is `INT`, which does not hold every `TEXT`\n  \
             help:     SQLite cannot change a column's type: ALTER TABLE main.\"orders\" RENAME \
             COLUMN \"status\" TO another name, then ALTER TABLE main.\"orders\" ADD COLUMN \
             \"status\" TEXT"),
    )
    .await;
    check(
        "CREATE TABLE orders (id INT, status TEXT, x NOT NULL)",
        Mode::Append,
        Err("column `x` of the table `orders` is NOT NULL without a default, and the query does \
             not yield it\n  help:     yield the column `x`, or give it a default"),
    )
    .await;
    check(
        "CREATE TABLE orders (id INT, status TEXT AS ('x'))",
        Mode::Append,
        Err("column `status` of the table `orders` is computed by the database and takes no \
             values\n  help:     leave it out of the query"),
    )
    .await;
    check(
        "CREATE VIEW orders AS SELECT 1 AS id, 'x' AS status",
        Mode::Append,
        Err("`orders` is a view, not a table\n  help:     name another table"),
    )
    .await;
}

#[tokio::test]
async fn merge_needs_a_unique_key_over_exactly_the_key() {
    for ddl in [
        "CREATE TABLE orders (id INT, status TEXT)",
        "CREATE TABLE orders (id INT, status TEXT, UNIQUE (id, status))",
        "CREATE TABLE orders (id INT, status TEXT);
         CREATE UNIQUE INDEX some ON orders (id) WHERE status = 'x'",
        "CREATE TABLE orders (id INT COLLATE NOCASE UNIQUE, status TEXT)",
    ] {
        check(
            ddl,
            Mode::Merge,
            Err("the table `orders` cannot be merged into: nothing says that `id` is unique in \
                 it\n  help:     CREATE UNIQUE INDEX main.\"orders_key\" ON \"orders\" (\"id\")"),
        )
        .await;
    }
}

#[tokio::test]
async fn names_are_kept_as_they_are_written() {
    let database = Database::new();
    let row = schema(&[
        ("id", Type::Int64, false),
        ("select", Type::String, true),
        ("camelCase", Type::String, true),
        ("Order \"x\"", Type::String, true),
    ]);
    let rows = json!([{ "id": 1, "select": "a", "camelCase": "b", "Order \"x\"": "c" }]);
    for _ in 0..2 {
        database.load("Order \"x\" ; --", Mode::Merge, &row, rows.clone()).await.unwrap();
    }
    let found = database
        .rows("SELECT \"select\", \"camelCase\", \"Order \"\"x\"\"\" FROM \"Order \"\"x\"\" ; --\"")
        .await;
    assert_eq!(found, ["a|b|c"]);
    // Even the name of the staging table.
    database.load("apitap_staging", Mode::Merge, &row, rows).await.unwrap();
    assert_eq!(database.rows("SELECT \"select\" FROM apitap_staging").await, ["a"]);
}

#[tokio::test]
async fn names_that_make_no_table_are_refused() {
    let database = Database::new();
    fails(
        database.open("analytics.orders", Mode::Append, &orders()).await.map(drop),
        "`analytics.orders` names a schema, and SQLite has none\n  help:     write `orders`",
    );
    fails(
        database.open("a.b.c", Mode::Append, &orders()).await.map(drop),
        "the table name `a.b.c` has too many dots\n  help:     write `table` or `schema.table`",
    );
    fails(
        database.open("sqlite_x", Mode::Append, &orders()).await.map(drop),
        "the table name `sqlite_x` is reserved: those that start with `sqlite_` are SQLite's \
         own\n  help:     name another table",
    );
    let row = schema(&[("v", Type::Int64, false), ("V", Type::Int64, false)]);
    fails(
        database.open("t", Mode::Append, &row).await.map(drop),
        "there is another column like `V` that differs only in case, and to SQLite they are \
         the same\n  help:     give one of them another name with AS",
    );
    fails(
        database.open("t", Mode::Merge, &row).await.map(drop),
        "`t` has no key to merge by\n  help:     say which columns identify a row: `key`",
    );
}

/// Loads the rows of two pipelines into one table, first the ones and then the others.
async fn check_two(first: &Schema, second: &Schema, rows: [Value; 2], ddl: &str) {
    let database = Database::new();
    for (row, other, rows) in [(first, second, &rows[0]), (second, first, &rows[1])] {
        let load = Load::new("p", "t", Mode::Merge, &["id".to_owned()], row).unwrap();
        let target = database.destination();
        let mut run = Run::of(target.as_ref(), load.beside(other)).await.unwrap();
        run.write(batch(row, rows.clone())).await.unwrap();
        run.commit().await.unwrap();
    }
    assert_eq!(database.rows("SELECT sql FROM sqlite_schema WHERE name = 't'").await, [ddl]);
    assert_eq!(database.rows("SELECT count(*) FROM t").await, ["2"]);
}

#[tokio::test]
async fn of_two_pipelines_either_can_create_the_table() {
    let one = schema(&[("id", Type::Int32, false), ("status", Type::String, false)]);
    let two = schema(&[
        ("id", Type::Int64, false),
        ("status", Type::String, true),
        ("at", Type::Date, false),
    ]);
    let rows = [json!([{ "id": 1, "status": "a" }]), json!([{ "id": 2, "at": "2026-11-27" }])];
    let ddl =
        |columns: &str| format!("CREATE TABLE \"t\" (\n  {columns},\n  PRIMARY KEY (\"id\")\n)");
    check_two(
        &one,
        &two,
        rows.clone(),
        &ddl("\"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  \"at\" TEXT"),
    )
    .await;
    let [first, second] = rows;
    check_two(
        &two,
        &one,
        [second, first],
        &ddl("\"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  \"at\" TEXT"),
    )
    .await;
}

#[tokio::test]
async fn a_table_on_which_others_depend_is_not_emptied() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        check(
            &format!(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT);
                 CREATE TABLE notes (about INTEGER REFERENCES Orders (id) ON DELETE {action})"
            ),
            Mode::Replace,
            Err(&format!(
                "`orders` cannot be replaced: the table `notes` refers to it with ON DELETE \
                 {action}, and would be changed with it\n  help:     use the mode `merge`, or give \
                 the foreign key another action (NO ACTION)"
            )),
        )
        .await;
    }
}

#[tokio::test]
async fn rows_that_a_delete_leaves_are_noticed() {
    let database = Database::new();
    database
        .execute(
            "CREATE TABLE orders (id INTEGER, status TEXT); INSERT INTO orders VALUES (1, 'old');
             CREATE TRIGGER keep BEFORE DELETE ON orders BEGIN SELECT RAISE(IGNORE); END",
        )
        .await;
    fails(
        database.load("orders", Mode::Replace, &orders(), json!([{ "id": 2 }])).await,
        "`orders` cannot be replaced: rows are still there after a DELETE of all of them; nothing \
         was changed\n  help:     a trigger or a rule of the table keeps them: drop it, or use the \
         mode `merge`",
    );
    assert_eq!(database.rows("SELECT * FROM orders").await, ["1|old"]);
}

/// A merge into `orders` that deletes what does not come.
async fn deleting(database: &Database) -> Result<Run> {
    let load = Load::new("p", "orders", Mode::Merge, &["id".to_owned()], &orders())?;
    Run::of(database.destination().as_ref(), load.missing(crate::sink::Missing::Delete)).await
}

#[tokio::test]
async fn rows_of_a_run_do_not_go_with_those_that_it_deletes() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let database = Database::new();
        database
            .execute(&format!(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT,
                                      parent INTEGER REFERENCES Orders (id) ON DELETE {action});
                 INSERT INTO orders VALUES (1, 'old', NULL), (2, 'old', 1)"
            ))
            .await;
        fails(
            deleting(&database).await.map(drop),
            &format!(
                "`delete_missing` cannot delete rows of `orders`: it refers to itself with ON DELETE \
                 {action}, and rows of the run would be changed with those that are deleted\n  help:     \
                 remove `delete_missing`, or give the foreign key another action (NO ACTION)"
            ),
        );
        // Where all rows are deleted before one is added, none of the run is there yet.
        database.load("orders", Mode::Replace, &orders(), json!([{ "id": 2 }])).await.unwrap();
        assert_eq!(database.rows("SELECT * FROM orders").await, ["2|NULL|NULL"]);
    }
}

const KEPT_OUT: &str = "nothing was changed\n  help:     a trigger or a rule of the table keeps rows out: drop it, or \
                        name the table that it fills";

#[tokio::test]
async fn rows_that_a_trigger_keeps_out_are_noticed() {
    for (mode, trigger, expected) in [
        (Mode::Merge, "BEFORE INSERT", "only 1 of 2 rows were stored in `orders`; "),
        (Mode::Merge, "BEFORE UPDATE", "only 1 of 2 rows were stored in `orders`; "),
        (Mode::Replace, "BEFORE INSERT", "only 1 of 2 rows were stored in `orders`; "),
        (Mode::Append, "BEFORE INSERT", "only 2 of 3 rows were stored in `orders`; "),
        (Mode::InsertNew, "BEFORE INSERT", "not all rows were stored in `orders`; "),
    ] {
        let database = Database::new();
        let key = if mode == Mode::Append { "" } else { " PRIMARY KEY" };
        database
            .execute(&format!(
                "CREATE TABLE orders (id INTEGER{key}, status TEXT);
                 INSERT INTO orders VALUES (1, 'old');
                 CREATE TRIGGER keep {trigger} ON orders WHEN new.status = 'out'
                 BEGIN SELECT RAISE(IGNORE); END"
            ))
            .await;
        let out = if trigger == "BEFORE UPDATE" { 1 } else { 2 };
        let rows = json!([
            { "id": out, "status": "in" }, { "id": 3, "status": "in" }, { "id": out, "status": "out" },
        ]);
        let rows = match mode {
            Mode::InsertNew => json!([{ "id": 1, "status": "in" }, { "id": 2, "status": "out" }]),
            _ => rows,
        };
        let loaded = database.load("orders", mode, &orders(), rows).await;
        fails(loaded, &format!("{expected}{KEPT_OUT}"));
        assert_eq!(database.rows("SELECT * FROM orders").await, ["1|old"], "{mode:?}");
    }
    // A trigger that keeps none out is in nobody's way.
    let database = Database::new();
    database
        .execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT); CREATE TABLE log (id);
             INSERT INTO orders VALUES (1, 'old');
             CREATE TRIGGER t AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (new.id); END",
        )
        .await;
    let rows = json!([{ "id": 1, "status": "a" }, { "id": 2 }, { "id": 1, "status": "b" }]);
    for mode in [Mode::Merge, Mode::InsertNew, Mode::Merge] {
        database.load("orders", mode, &orders(), rows.clone()).await.unwrap();
    }
    assert_eq!(database.rows("SELECT * FROM orders").await, ["1|b", "2|NULL"]);
}

#[tokio::test]
async fn a_table_that_is_dropped_while_rows_are_on_their_way_is_not_made_anew() {
    let create = "CREATE TABLE \"orders\" (\n  \"id\" INTEGER NOT NULL,\n  \"status\" TEXT,\n  PRIMARY KEY (\"id\")\n)";
    for mode in [Mode::Append, Mode::Merge, Mode::InsertNew, Mode::Replace] {
        let database = Database::new();
        database.execute(create).await;
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        run.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
        database.execute("DROP TABLE orders").await;
        fails(
            run.commit().await,
            "the table `orders` was there when the run began, and is gone; nothing more was stored\n  \
             help:     find out what drops it; the next run creates it anew, with its own rows only",
        );
        assert!(database.rows("SELECT name FROM sqlite_schema").await.is_empty());
    }
    // Nor one that the run itself has made.
    for between in [1, 2] {
        let database = Database::new();
        let mut run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
        for id in 0..between {
            run.write(batch(&orders(), json!([{ "id": id }]))).await.unwrap();
            run.commit_with(&Default::default()).await.unwrap();
        }
        database.execute("DROP TABLE orders").await;
        let more = async {
            run.write(batch(&orders(), json!([{ "id": 7 }]))).await?;
            run.commit().await
        };
        let error = more.await.unwrap_err().to_string();
        assert!(error.starts_with("the table `orders` was there when the run began"), "{error}");
        assert!(database.rows("SELECT name FROM sqlite_schema").await.is_empty());
    }
}
