//! How a table that is there comes to take the rows: change → what happens → statements.

use apitap::definition::Evolve;

use super::*;

async fn load(database: &Database, evolve: Evolve, ty: &Type, nullable: bool) -> Result<()> {
    loads::evolve(&destination(&database.url), evolve, ty, nullable).await
}

const COLUMN: &str = "SELECT CONVERT(column_type USING utf8mb4) FROM information_schema.columns
                      WHERE table_schema = DATABASE() AND table_name = 't' AND column_name = 'v'";

/// The table grows to that type of `v`, and keeps its row; where it is frozen, nothing changes.
async fn grows(column: &str, ty: Type, to: &str, statement: &str) {
    let database = Database::new().await;
    database.execute(&format!("CREATE TABLE t (id bigint PRIMARY KEY{column})")).await;
    database.execute("INSERT INTO t (id) VALUES (1)").await;
    let before = database.rows(COLUMN).await;
    let error = load(&database, Evolve::Freeze, &ty, true).await.unwrap_err().to_string();
    let shown = error.replace(&format!("`{}`.", database.name()), "");
    assert!(shown.ends_with(&format!("help:     {statement}")), "{shown}");
    assert_eq!(database.rows(COLUMN).await, before);
    load(&database, Evolve::Add, &ty, true).await.unwrap();
    assert_eq!(database.rows(COLUMN).await, [to]);
    let rows = database.rows("SELECT CAST(id AS CHAR) FROM t WHERE v IS NULL").await;
    assert_eq!(rows, ["1"]);
    // Once more, with nothing to change.
    load(&database, Evolve::Freeze, &ty, true).await.unwrap();
}

/// The table stays, and the error prints the statement.
async fn stays(column: &str, ty: Type, nullable: bool, message: &str) {
    let database = Database::new().await;
    database.execute(&format!("CREATE TABLE t (id bigint PRIMARY KEY{column})")).await;
    for evolve in [Evolve::Add, Evolve::Freeze] {
        let error = load(&database, evolve, &ty, nullable).await.unwrap_err().to_string();
        assert_eq!(error.replace(&format!("`{}`.", database.name()), ""), message);
    }
}

#[tokio::test]
async fn what_loses_nothing_is_done_at_the_commit() {
    let decimal = |precision, scale| Type::Decimal { precision, scale };
    let add = |ty: &str| format!("ALTER TABLE `t` ADD COLUMN `v` {ty}");
    let retype = |ty: &str| format!("ALTER TABLE `t` MODIFY COLUMN `v` {ty}");
    let text = "longtext CHARACTER SET utf8mb4";
    grows("", Type::String, "longtext", &add(text)).await;
    grows(", v smallint", Type::Int32, "int(11)", &retype("int")).await;
    grows(", v int unsigned", Type::Int64, "bigint(20)", &retype("bigint")).await;
    grows(", v float", Type::Float64, "double", &retype("double")).await;
    grows(", v decimal(8,2)", decimal(12, 4), "decimal(12,4)", &retype("decimal(12,4)")).await;
    grows(", v int", decimal(12, 2), "decimal(12,2)", &retype("decimal(12,2)")).await;
    grows(", v varchar(20)", Type::String, "longtext", &retype(text)).await;
    grows(", v text CHARACTER SET latin1", Type::String, "longtext", &retype(text)).await;
    grows(", v datetime", Type::Timestamp, "datetime(6)", &retype("datetime(6)")).await;
}

#[tokio::test]
async fn what_may_lose_something_is_an_error_with_the_statement() {
    let wrong = |actual: &str, ours: &str| {
        format!(
            "column `v` of the table `t` is `{actual}`, which does not hold every `{ours}`\n  \
             help:     ALTER TABLE `t` MODIFY COLUMN `v` {ours}"
        )
    };
    let text = "longtext CHARACTER SET utf8mb4";
    let narrow = Type::Decimal { precision: 8, scale: 4 };
    stays(", v decimal(8,2)", narrow, true, &wrong("decimal(8,2)", "decimal(8,4)")).await;
    stays(", v int", Type::String, true, &wrong("int(11)", text)).await;
    // MODIFY would drop how it is compared, and what is checked of it.
    let and_more = |actual: &str, ours: &str| {
        wrong(actual, ours)
            + ", with what else the column has: its default, collation, CHECK or comment"
    };
    let binary = ", v varchar(20) COLLATE utf8mb4_bin";
    stays(binary, Type::String, true, &and_more("varchar(20)", text)).await;
    let checked = ", v int CHECK (v > 0)";
    stays(checked, Type::Int64, true, &and_more("int(11)", "bigint")).await;
    stays(", v longtext", Type::Int64, true, &wrong("longtext", "bigint")).await;
    // MODIFY would lose its default.
    stays(", v varchar(20) DEFAULT 'x'", Type::String, true, &and_more("varchar(20)", text)).await;
    stays(
        ", v longtext NOT NULL",
        Type::String,
        true,
        "column `v` may be null, and in the table `t` it is NOT NULL\n  help:     ALTER TABLE `t` MODIFY \
         COLUMN `v` longtext NULL; or leave such rows out: `WHERE v IS NOT NULL`; or declare the field \
         as one that is never null: `!`",
    )
    .await;
    stays(
        ", v longtext, w longtext NOT NULL",
        Type::String,
        true,
        "column `w` of the table `t` is NOT NULL without a default, and the query does not yield it\n  \
         help:     ALTER TABLE `t` MODIFY COLUMN `w` longtext NULL",
    )
    .await;
}
