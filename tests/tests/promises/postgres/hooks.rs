//! SQL of the user's runs in the transaction of the rows.

use apitap::definition::Hooks;

use super::*;

async fn load(database: &Database, mode: Mode, before: &str, after: &str) -> Result<Written> {
    let key = ["id".to_owned()];
    let hooks = Hooks { before: Some(before.to_owned()), after: Some(after.to_owned()) };
    let load = Load::new("p", "orders", mode, &key, &orders())?.hooks(hooks);
    let mut run = Run::of(destination(&database.url).as_ref(), load).await?;
    run.write(batch(&orders(), json!([{ "id": 1, "status": "new" }]))).await?;
    run.commit().await
}

/// Into a new table, and into one that is there.
#[tokio::test]
async fn both_run_in_the_transaction_of_the_rows() {
    let database = Database::new().await;
    database.execute("CREATE TABLE log (said text, xid xid8 DEFAULT pg_current_xact_id())").await;
    for round in 1..=2 {
        let before =
            "INSERT INTO log (said) VALUES ('before'); INSERT INTO log (said) VALUES ('too')";
        let after = "INSERT INTO log (said) SELECT 'after ' || count(*) FROM orders";
        load(&database, Mode::Merge, before, after).await.unwrap();
        let said = database.rows("SELECT said FROM log ORDER BY ctid").await;
        assert_eq!(said.len(), 3 * round);
        assert_eq!(said[said.len() - 3..], ["before", "too", "after 1"]);
        let apart = "SELECT count(DISTINCT l.xid)::text FROM log l";
        assert_eq!(database.rows(apart).await, [round.to_string()]);
    }
}

#[tokio::test]
async fn where_one_fails_nothing_is_committed() {
    let database = Database::new().await;
    database.execute("CREATE TABLE log (said text)").await;
    let insert = "INSERT INTO log VALUES ('x')";
    let refused = |name: &str| {
        format!("PostgreSQL refused the SQL of `{name}`: relation \"nowhere\" does not exist")
    };
    let nowhere = "TABLE nowhere";
    for mode in [Mode::Merge, Mode::Replace] {
        fails(load(&database, mode, insert, nowhere).await, &refused("after"));
        fails(load(&database, mode, nowhere, insert).await, &refused("before"));
        assert_eq!(database.rows("SELECT said FROM log").await, Vec::<String>::new());
        assert_eq!(database.rows("SELECT to_regclass('orders')::text").await, ["NULL"]);
    }
}

#[tokio::test]
async fn one_that_ends_the_transaction_is_refused() {
    let database = Database::new().await;
    database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
    fails(
        load(&database, Mode::Merge, "COMMIT", "SELECT 1").await,
        "the SQL of `before` ended the transaction that it was to run in\n  help:     leave out COMMIT \
         and ROLLBACK; in MySQL, each CREATE, ALTER, DROP and TRUNCATE commits",
    );
    assert_eq!(database.rows("SELECT count(*)::text FROM orders").await, ["0"]);
}
