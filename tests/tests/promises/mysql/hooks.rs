//! SQL of the user's runs in the transaction of the rows.

use apitap::definition::Hooks;
use apitap::sink::Load;

use super::*;

async fn load(database: &Database, before: &str, after: &str) -> Result<Written> {
    let key = ["id".to_owned()];
    let hooks = Hooks { before: Some(before.to_owned()), after: Some(after.to_owned()) };
    let load = Load::new("p", "orders", Mode::Merge, &key, &orders())?.hooks(hooks);
    let mut run = Run::of(destination(&database.url).as_ref(), load).await?;
    run.write(batch(&orders(), json!([{ "id": 1, "status": "new" }]))).await?;
    run.commit().await
}

#[tokio::test]
async fn both_run_around_the_rows_and_all_or_nothing_is_committed() {
    let database = Database::new().await;
    database.execute("CREATE TABLE log (n int AUTO_INCREMENT PRIMARY KEY, said longtext)").await;
    let before = "INSERT INTO log (said) VALUES ('before'); INSERT INTO log (said) VALUES ('too')";
    let after = "INSERT INTO log (said) SELECT CONCAT('after ', COUNT(*)) FROM orders";
    load(&database, before, after).await.unwrap();
    let said = "SELECT said FROM log ORDER BY n";
    assert_eq!(database.rows(said).await, ["before", "too", "after 1"]);
    database.execute("DELETE FROM log; DELETE FROM orders").await;
    let name = database.name();
    fails(
        load(&database, before, "SELECT * FROM nowhere").await,
        &format!("MySQL refused the SQL of `after`: Table '{name}.nowhere' doesn't exist"),
    );
    assert!(database.rows(said).await.is_empty());
    assert!(database.rows("SELECT status FROM orders").await.is_empty());
}

/// DDL commits what is before it.
#[tokio::test]
async fn one_that_ends_the_transaction_is_refused() {
    let database = Database::new().await;
    fails(
        load(&database, "CREATE TABLE x (a int)", "SELECT 1").await,
        "the SQL of `before` ended the transaction that it was to run in\n  help:     leave out COMMIT \
         and ROLLBACK; in MySQL, each CREATE, ALTER, DROP and TRUNCATE commits",
    );
    assert!(database.rows("SELECT status FROM orders").await.is_empty());
}
