//! How a table that is there comes to take the rows: change → what happens → statements.

use apitap::definition::Evolve;

use super::*;

async fn load(database: &Database, evolve: Evolve, ty: &Type, nullable: bool) -> Result<()> {
    loads::evolve(&destination(&database.url), evolve, ty, nullable).await
}

const COLUMN: &str = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                      WHERE attrelid = 't'::regclass AND attname = 'v'";

/// The table grows to that type of `v`, and keeps its row; where it is frozen, nothing changes.
async fn grows(column: &str, ty: Type, to: &str, statement: &str) {
    let database = Database::new().await;
    database.execute(&format!("CREATE TABLE t (id int8 PRIMARY KEY{column})")).await;
    database.execute("INSERT INTO t VALUES (1)").await;
    let before = database.rows(COLUMN).await;
    let error = load(&database, Evolve::Freeze, &ty, true).await.unwrap_err().to_string();
    assert!(error.ends_with(&format!("help:     {statement}")), "{error}");
    assert_eq!(database.rows(COLUMN).await, before);
    load(&database, Evolve::Add, &ty, true).await.unwrap();
    assert_eq!(database.rows(COLUMN).await, [to]);
    let rows = database.rows("SELECT id::text FROM t WHERE v IS NULL ORDER BY id").await;
    assert_eq!(rows, ["1"]);
    // Once more, with nothing to change.
    load(&database, Evolve::Freeze, &ty, true).await.unwrap();
}

/// The table stays, and the error prints the statement.
async fn stays(column: &str, ty: Type, nullable: bool, message: &str) {
    let database = Database::new().await;
    database.execute(&format!("CREATE TABLE t (id int8 PRIMARY KEY{column})")).await;
    for evolve in [Evolve::Add, Evolve::Freeze] {
        fails(load(&database, evolve, &ty, nullable).await, message);
    }
}

#[tokio::test]
async fn what_loses_nothing_is_done_at_the_commit() {
    let decimal = |precision, scale| Type::Decimal { precision, scale };
    let add = |ty: &str| format!("ALTER TABLE \"public\".\"t\" ADD COLUMN \"v\" {ty}");
    let retype = |ty: &str| format!("ALTER TABLE \"public\".\"t\" ALTER COLUMN \"v\" TYPE {ty}");
    grows("", Type::String, "text", &add("text")).await;
    grows("", list(Type::Int32), "integer[]", &add("integer[]")).await;
    grows(", v smallint", Type::Int32, "integer", &retype("integer")).await;
    grows(", v integer", Type::Int64, "bigint", &retype("bigint")).await;
    grows(", v real", Type::Float64, "double precision", &retype("double precision")).await;
    grows(", v numeric(8,2)", decimal(12, 4), "numeric(12,4)", &retype("numeric(12,4)")).await;
    grows(", v integer", decimal(12, 2), "numeric(12,2)", &retype("numeric(12,2)")).await;
    grows(", v varchar(20)", Type::String, "text", &retype("text")).await;
    grows(
        ", v timestamptz(3)",
        Type::Timestamp,
        "timestamp with time zone",
        &retype("timestamp with time zone"),
    )
    .await;
    grows(", v integer[]", list(Type::Int64), "bigint[]", &retype("bigint[]")).await;
}

#[tokio::test]
async fn what_may_lose_something_is_an_error_with_the_statement() {
    let wrong = |actual: &str, ours: &str| {
        format!(
            "column `v` of the table `t` is `{actual}`, which does not hold every `{ours}`\n  \
             help:     ALTER TABLE \"public\".\"t\" ALTER COLUMN \"v\" TYPE {ours}"
        )
    };
    let narrow = Type::Decimal { precision: 8, scale: 4 };
    stays(", v numeric(8,2)", narrow, true, &wrong("numeric(8,2)", "numeric(8,4)")).await;
    stays(", v integer", Type::String, true, &wrong("integer", "text")).await;
    // It would be compared otherwise.
    let collated = wrong("character varying(20)", "text")
        + ", with what else the column has: its default, collation, CHECK or comment";
    stays(", v varchar(20) COLLATE \"C\"", Type::String, true, &collated).await;
    let by_cast = wrong("text", "bigint") + " USING \"v\"::bigint";
    stays(", v text", Type::Int64, true, &by_cast).await;
    stays(
        ", v timestamp",
        Type::Timestamp,
        true,
        &wrong("timestamp without time zone", "timestamp with time zone"),
    )
    .await;
    stays(
        ", v text NOT NULL",
        Type::String,
        true,
        "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     ALTER TABLE \
         \"public\".\"t\" ALTER COLUMN \"v\" DROP NOT NULL; or leave such rows out: `WHERE v IS NOT \
         NULL`; or declare the field as one that is never null: `!`",
    )
    .await;
    stays(
        ", v text, w text NOT NULL",
        Type::String,
        true,
        "column `w` of the table `t` is NOT NULL without a default, and the query does not yield it\n  \
         help:     ALTER TABLE \"public\".\"t\" ALTER COLUMN \"w\" DROP NOT NULL",
    )
    .await;
    // All statements at once.
    stays(
        ", v integer, w text NOT NULL",
        Type::String,
        true,
        "column `v` of the table `t` is `integer`, which does not hold every `text`\n  help:     ALTER \
         TABLE \"public\".\"t\" ALTER COLUMN \"v\" TYPE text; ALTER TABLE \"public\".\"t\" ALTER COLUMN \
         \"w\" DROP NOT NULL",
    )
    .await;
}

/// What is printed is what PostgreSQL takes.
#[tokio::test]
async fn the_statement_that_is_printed_is_one_that_postgresql_runs() {
    for (column, ty) in [
        ("text", Type::Int32),
        ("text", Type::Timestamp),
        ("boolean", Type::Int64),
        ("integer", Type::Uuid),
        ("jsonb", Type::Bool),
        ("timestamp", Type::Timestamp),
        ("double precision", Type::Int16),
        ("text[]", list(Type::Int32)),
    ] {
        let database = Database::new().await;
        database.execute(&format!("CREATE TABLE t (id int8 PRIMARY KEY, v {column})")).await;
        let error = load(&database, Evolve::Freeze, &ty, true).await.unwrap_err().to_string();
        let (_, statement) = error.split_once("help:     ").expect("there is a statement");
        database.execute(statement).await;
        load(&database, Evolve::Freeze, &ty, true).await.unwrap();
    }
}

/// A merge by another key than that of the table.
#[tokio::test]
async fn a_changed_key_is_an_error_with_the_statement() {
    let database = Database::new().await;
    database.execute("CREATE TABLE t (id int8, v text PRIMARY KEY)").await;
    fails(
        load(&database, Evolve::Add, &Type::String, false).await,
        "the table `t` cannot be merged into: nothing says that `id` is unique in it\n  help:     ALTER \
         TABLE \"public\".\"t\" ADD UNIQUE (\"id\")",
    );
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_table_as_it_was() {
    let database = Database::new().await;
    database.execute("CREATE TABLE t (id int8 PRIMARY KEY, n int8 UNIQUE)").await;
    let row =
        schema(&[("id", Type::Int64, false), ("n", Type::Int64, true), ("v", Type::String, true)]);
    let load = Load::new("p", "t", Mode::Merge, &["id".to_owned()], &row).unwrap();
    let target = destination(&database.url);
    let mut run = Run::of(target.as_ref(), load.evolve(Evolve::Add)).await.unwrap();
    assert!(database.rows(COLUMN).await.is_empty());
    run.write(batch(&row, json!([{ "id": 1, "n": 1 }, { "id": 2, "n": 1 }]))).await.unwrap();
    run.commit().await.unwrap_err();
    assert!(database.rows(COLUMN).await.is_empty());
}
