//! Which tables that are there are used, and which are refused, with what mends them.

use super::*;

async fn check(ddl: &str, mode: Mode, expected: std::result::Result<(), &str>) {
    let database = Database::new().await;
    database.execute(ddl).await;
    let loaded = database.load("orders", mode, &orders(), json!([{ "id": 1 }])).await;
    match (loaded, expected) {
        (Ok(_), Ok(())) => {}
        (Err(error), Err(expected)) => {
            let shown = error.to_string().replace(&format!("`{}`.", database.name()), "");
            assert_eq!(shown, expected, "{ddl}");
        }
        (Ok(_), Err(expected)) => panic!("{ddl} was to fail with: {expected}"),
        (Err(error), Ok(())) => panic!("{ddl}: {error}"),
    }
}

#[tokio::test]
async fn a_table_that_takes_the_rows_is_used() {
    check("CREATE TABLE orders (status longtext, id bigint UNIQUE)", Mode::Merge, Ok(())).await;
    check("CREATE TABLE orders (ID bigint PRIMARY KEY, Status longtext)", Mode::Merge, Ok(()))
        .await;
    check(
        "CREATE TABLE orders (id bigint, status longtext, x int NOT NULL DEFAULT 1)",
        Mode::Append,
        Ok(()),
    )
    .await;
    check(
        "CREATE TABLE orders (k int AUTO_INCREMENT PRIMARY KEY, id bigint UNIQUE, status longtext)",
        Mode::Merge,
        Ok(()),
    )
    .await;
}

#[tokio::test]
async fn a_table_that_does_not_is_refused_with_what_mends_it() {
    check(
        "CREATE TABLE orders (id bigint)",
        Mode::Append,
        Err("the table `orders` has no column `status`\n  \
             help:     ALTER TABLE `orders` ADD COLUMN `status` longtext CHARACTER SET utf8mb4"),
    )
    .await;
    check(
        "CREATE TABLE orders (id bigint, status varchar(20))",
        Mode::Append,
        Err("column `status` of the table `orders` is `varchar(20)`, which does not hold every \
             `longtext CHARACTER SET utf8mb4`\n  help:     ALTER TABLE `orders` MODIFY COLUMN `status` \
             longtext CHARACTER SET utf8mb4"),
    )
    .await;
    check(
        "CREATE TABLE orders (id bigint, status longtext, x int NOT NULL)",
        Mode::Append,
        Err("column `x` of the table `orders` is NOT NULL without a default, and the query does \
             not yield it\n  help:     ALTER TABLE `orders` MODIFY COLUMN `x` int(11) NULL"),
    )
    .await;
    check(
        "CREATE TABLE orders (id bigint, status longtext AS ('x') VIRTUAL)",
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
    check(
        "CREATE TABLE orders (id bigint, status longtext) ENGINE = MyISAM",
        Mode::Append,
        Err("the table `orders` is of the engine MyISAM, which has no transactions\n  \
             help:     ALTER TABLE `orders` ENGINE = InnoDB"),
    )
    .await;
}

#[tokio::test]
async fn merge_needs_a_unique_key_over_exactly_the_key() {
    for ddl in [
        "CREATE TABLE orders (id bigint, status longtext)",
        "CREATE TABLE orders (id bigint, status longtext, x int, UNIQUE (id, x))",
        "CREATE TABLE orders (id bigint, status longtext, KEY (id))",
    ] {
        check(
            ddl,
            Mode::Merge,
            Err("the table `orders` cannot be merged into: nothing says that `id` is unique in \
                 it\n  help:     ALTER TABLE `orders` ADD UNIQUE (`id`)"),
        )
        .await;
    }
}

/// To it, `A` and `a` would be one key.
#[tokio::test]
async fn a_key_of_text_must_be_compared_byte_by_byte() {
    let database = Database::new().await;
    let row = schema(&[("id", Type::String, false), ("status", Type::String, true)]);
    for collation in ["utf8mb4_general_ci", "utf8mb4_bin"] {
        database
            .execute(&format!(
                "CREATE OR REPLACE TABLE orders (id varchar(99) COLLATE {collation} PRIMARY KEY,
                                                 status longtext)"
            ))
            .await;
        let name = database.name();
        fails(
            database.open("orders", Mode::Merge, &row).await.map(drop),
            &format!(
                "the table `orders` cannot be merged into: nothing says that `id` is unique in it\n  \
                 help:     ALTER TABLE `{name}`.`orders` MODIFY COLUMN `id` varchar(255) CHARACTER \
                 SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, ADD UNIQUE (`id`)"
            ),
        );
        let mended = "ALTER TABLE orders MODIFY COLUMN `id` varchar(255) CHARACTER SET utf8mb4 COLLATE \
                      utf8mb4_nopad_bin NOT NULL, ADD UNIQUE (`id`)";
        database.execute(mended).await;
        let rows = json!([{ "id": "a" }, { "id": "A" }]);
        database.load("orders", Mode::Merge, &row, rows).await.unwrap();
    }
}

#[tokio::test]
async fn names_are_kept_as_they_are_written() {
    let database = Database::new().await;
    let row = schema(&[
        ("id", Type::Int64, false),
        ("select", Type::String, true),
        ("camelCase", Type::String, true),
        ("Order `x`", Type::String, true),
    ]);
    let rows = json!([{ "id": 1, "select": "a", "camelCase": "b", "Order `x`": "c" }]);
    for _ in 0..2 {
        database.load("Order `x` ; --", Mode::Merge, &row, rows.clone()).await.unwrap();
    }
    let found =
        database.rows("SELECT `select`, `camelCase`, `Order ``x``` FROM `Order ``x`` ; --`").await;
    assert_eq!(found, ["a|b|c"]);
}

#[tokio::test]
async fn a_table_of_another_database_is_named_with_it() {
    let (one, two) = (Database::new().await, Database::new().await);
    let table = format!("{}.orders", two.name());
    one.load(&table, Mode::Merge, &orders(), json!([{ "id": 1, "status": "x" }])).await.unwrap();
    assert_eq!(two.rows("SELECT status FROM orders").await, ["x"]);
    fails(
        one.open("nowhere.orders", Mode::Merge, &orders()).await.map(drop),
        "there is no database `nowhere` for the table `nowhere.orders`\n  help:     CREATE DATABASE \
         `nowhere`",
    );
    fails(
        one.open("_apitap_x", Mode::Merge, &orders()).await.map(drop),
        "the table name `_apitap_x` is reserved: those that start with `_apitap_` are apitap's own\n  \
         help:     name another table",
    );
}

#[tokio::test]
async fn a_new_table_says_what_its_columns_are_for() {
    let database = Database::new().await;
    let mut row = orders();
    row.fields[1].description = Some("It's \\ what the shop says".to_owned());
    database.load("orders", Mode::Merge, &row, json!([])).await.unwrap();
    let comments = "SELECT CONVERT(column_comment USING utf8mb4) FROM information_schema.columns
                    WHERE table_schema = DATABASE() AND table_name = 'orders'
                    ORDER BY ordinal_position";
    assert_eq!(database.rows(comments).await, ["", "It's \\ what the shop says"]);
}

#[tokio::test]
async fn what_the_rehearsal_creates_is_gone() {
    let database = Database::new().await;
    let run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    let tables = "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables
                  WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'";
    assert!(database.rows(tables).await.is_empty());
    drop(run);
}

#[tokio::test]
async fn a_table_on_which_others_depend_is_not_emptied() {
    for action in ["CASCADE", "SET NULL"] {
        check(
            &format!(
                "CREATE TABLE orders (id bigint PRIMARY KEY, status longtext);
                 CREATE TABLE notes (about bigint, FOREIGN KEY (about) REFERENCES orders (id)
                                     ON DELETE {action})"
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
async fn rows_of_a_run_do_not_go_with_those_that_it_deletes() {
    for action in ["CASCADE", "SET NULL"] {
        let database = Database::new().await;
        database
            .execute(&format!(
                "CREATE TABLE orders (id bigint PRIMARY KEY, status longtext, parent bigint,
                                      FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE {action});
                 INSERT INTO orders VALUES (1, 'old', NULL), (2, 'old', 1)"
            ))
            .await;
        let load = Load::new("p", "orders", Mode::Merge, &["id".to_owned()], &orders()).unwrap();
        let deleting = load.missing(Missing::Delete);
        fails(
            Run::of(destination(&database.url).as_ref(), deleting).await.map(drop),
            &loads::refers_to_itself(action),
        );
        // Where all rows are deleted before one is added, none of the run is there yet.
        database.load("orders", Mode::Replace, &orders(), json!([{ "id": 2 }])).await.unwrap();
        let found =
            database.rows("SELECT CAST(id AS CHAR), CAST(parent AS CHAR) FROM orders").await;
        assert_eq!(found, ["2|NULL"]);
    }
}

#[tokio::test]
async fn a_table_that_is_dropped_while_rows_are_on_their_way_is_not_made_anew() {
    for mode in [Mode::Append, Mode::Merge, Mode::InsertNew, Mode::Replace] {
        let database = Database::new().await;
        database.load("orders", mode, &orders(), json!([{ "id": 7 }])).await.unwrap();
        let mut run = database.open("orders", mode, &orders()).await.unwrap();
        run.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
        database.execute("DROP TABLE orders").await;
        fails(run.commit().await, loads::GONE);
        let tables = "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables
                      WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'";
        assert!(database.rows(tables).await.is_empty());
    }
}
