//! How a table that is there comes to take the rows: change → what happens → statements.

use apitap::definition::Evolve;

use super::*;

async fn load(database: &Database, evolve: Evolve, ty: &Type, nullable: bool) -> Result<()> {
    loads::evolve(&database.target(), evolve, ty, nullable).await
}

/// The table grows such that it takes that type of `v`, and keeps its row; where it is frozen, nothing changes.
async fn grows(dialect: AdbcDialect, column: &str, ty: Type, statement: &str) {
    let database = Database::new(dialect).await;
    let create = format!("CREATE TABLE t (id bigint PRIMARY KEY{column})");
    database.execute(&[&create, "INSERT INTO t (id) VALUES (1)"]);
    let error = load(&database, Evolve::Freeze, &ty, true).await.unwrap_err().to_string();
    assert!(error.ends_with(&format!("help:     {statement}")), "{error}");
    load(&database, Evolve::Add, &ty, true).await.unwrap();
    let value = if ty == Type::String { "seven" } else { "7" };
    assert_eq!(
        database.rows("SELECT id, v FROM t ORDER BY id"),
        ["1|NULL".to_owned(), format!("2|{value}")]
    );
    // Once more, with nothing to change.
    load(&database, Evolve::Freeze, &ty, true).await.unwrap();
}

/// The table stays, and the error says what is wrong with it and prints the statement.
async fn stays(dialect: AdbcDialect, column: &str, ty: Type, message: &str) {
    let database = Database::new(dialect).await;
    database.execute(&[&format!("CREATE TABLE t (id bigint PRIMARY KEY{column})")]);
    for evolve in [Evolve::Add, Evolve::Freeze] {
        let error = load(&database, evolve, &ty, true).await.unwrap_err().to_string();
        assert_eq!(error, message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loses_nothing_is_done_at_the_commit() {
    use AdbcDialect::{Duckdb, Postgresql, Sqlite};
    let (duckdb, postgresql) = (r#"ALTER TABLE "main"."t""#, r#"ALTER TABLE "public"."t""#);
    grows(Duckdb, "", Type::String, &format!(r#"{duckdb} ADD COLUMN "v" VARCHAR"#)).await;
    grows(
        Duckdb,
        ", v smallint",
        Type::Int64,
        &format!(r#"{duckdb} ALTER COLUMN "v" TYPE BIGINT"#),
    )
    .await;
    grows(Postgresql, "", Type::String, &format!(r#"{postgresql} ADD COLUMN "v" text"#)).await;
    let retype = format!(r#"{postgresql} ALTER COLUMN "v" TYPE bigint"#);
    grows(Postgresql, ", v smallint", Type::Int64, &retype).await;
    grows(Sqlite, "", Type::String, r#"ALTER TABLE "main"."t" ADD COLUMN "v" TEXT"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_lose_something_is_an_error_with_the_statement() {
    use AdbcDialect::{Duckdb, Postgresql, Sqlite};
    stays(
        Duckdb,
        ", v varchar",
        Type::Int64,
        "column `v` of the table `t` is `VARCHAR`, which does not hold every `BIGINT`\n  help:     ALTER \
         TABLE \"main\".\"t\" ALTER COLUMN \"v\" TYPE BIGINT",
    )
    .await;
    stays(
        Duckdb,
        ", v varchar, w integer NOT NULL",
        Type::String,
        "column `w` of the table `t` is NOT NULL without a default, and the query does not yield it\n  help: \
         \x20   ALTER TABLE \"main\".\"t\" ALTER COLUMN \"w\" DROP NOT NULL",
    )
    .await;
    stays(
        Postgresql,
        ", v text",
        Type::Int64,
        "column `v` of the table `t` is `text`, which does not hold every `bigint`\n  help:     ALTER TABLE \
         \"public\".\"t\" ALTER COLUMN \"v\" TYPE bigint USING \"v\"::bigint",
    )
    .await;
    stays(
        Sqlite,
        ", v text NOT NULL",
        Type::String,
        "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     SQLite cannot drop NOT \
         NULL from `v`: make the table anew without it; or leave such rows out: `WHERE v IS NOT NULL`; or \
         declare the field as one that is never null: `!`",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_the_key_cannot_be_merged_into() {
    for (dialect, help) in [
        (AdbcDialect::Duckdb, r#"ALTER TABLE "main"."t" ADD PRIMARY KEY ("id")"#),
        (AdbcDialect::Postgresql, r#"ALTER TABLE "public"."t" ADD UNIQUE ("id")"#),
        (AdbcDialect::Sqlite, r#"CREATE UNIQUE INDEX "main"."t_key" ON "t" ("id")"#),
    ] {
        let database = Database::new(dialect).await;
        database.execute(&["CREATE TABLE t (id bigint, status text)"]);
        let merged = database.load("t", Mode::Merge, &orders(), json!([{ "id": 1 }])).await;
        fails(
            merged,
            &format!(
                "the table `t` cannot be merged into: nothing says that `id` is unique in it\n  help:     \
                 {help}"
            ),
        );
        // The help is what fixes it.
        database.execute(&["DELETE FROM t", help]);
        database
            .load("t", Mode::Merge, &orders(), json!([{ "id": 1, "status": "a" }]))
            .await
            .unwrap();
        let index = "CREATE TABLE u (id bigint, status text)";
        database.execute(&[index, "CREATE UNIQUE INDEX u_id ON u (id)"]);
        database
            .load("u", Mode::Merge, &orders(), json!([{ "id": 1, "status": "a" }]))
            .await
            .unwrap();
        assert_eq!(database.rows("SELECT id, status FROM u"), ["1|a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_sql_adds_columns_and_changes_no_type() {
    for (engine, schema) in [(AdbcDialect::Duckdb, "main"), (AdbcDialect::Postgresql, "public")] {
        let database = Database::standard(engine).await;
        database
            .execute(&["CREATE TABLE t (id bigint PRIMARY KEY)", "INSERT INTO t (id) VALUES (1)"]);
        let frozen = load(&database, Evolve::Freeze, &Type::String, true).await;
        let frozen = frozen.unwrap_err().to_string();
        let add = format!(r#"ALTER TABLE "{schema}"."t" ADD COLUMN "v" VARCHAR"#);
        assert!(frozen.ends_with(&format!("help:     {add}")), "{frozen}");
        load(&database, Evolve::Add, &Type::String, true).await.unwrap();
        assert_eq!(database.rows("SELECT id, v FROM t ORDER BY id"), ["1|NULL", "2|seven"]);

        let database = Database::standard(engine).await;
        database.execute(&["CREATE TABLE t (id bigint PRIMARY KEY, v smallint)"]);
        for evolve in [Evolve::Add, Evolve::Freeze] {
            fails(
                load(&database, evolve, &Type::Int64, true).await,
                &format!(
                    "column `v` of the table `t` is `smallint`, which does not hold every `BIGINT`\n  help:     \
                     ALTER TABLE \"{schema}\".\"t\" ALTER COLUMN \"v\" SET DATA TYPE BIGINT"
                ),
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_the_key_cannot_be_merged_into_by_standard_sql() {
    for (engine, schema) in [(AdbcDialect::Duckdb, "main"), (AdbcDialect::Postgresql, "public")] {
        let database = Database::standard(engine).await;
        database.execute(&["CREATE TABLE t (id bigint NOT NULL, status text)"]);
        let merged = database.load("t", Mode::Merge, &orders(), json!([{ "id": 1 }])).await;
        let help = format!(r#"ALTER TABLE "{schema}"."t" ADD PRIMARY KEY ("id")"#);
        fails(
            merged,
            &format!(
                "the table `t` cannot be merged into: nothing says that `id` is unique in it\n  help:     {help}"
            ),
        );
        database.execute(&[&help]);
        let rows = json!([{ "id": 1, "status": "a" }]);
        database.load("t", Mode::Merge, &orders(), rows).await.unwrap();
        assert_eq!(database.rows("SELECT id, status FROM t"), ["1|a"]);
    }
}
