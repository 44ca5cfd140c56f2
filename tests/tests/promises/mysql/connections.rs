//! What is said of a server that cannot be had, and what holds whatever its settings are.

use super::*;

async fn check(url: &str, expected: &str) {
    fails(open(&destination(url), "t", Mode::Append, &[], &orders()).await.map(drop), expected);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_and_the_password_is_not() {
    check(
        "mysql://me:s3cr3t@127.0.0.1:1/shop",
        "cannot connect to MySQL at `127.0.0.1:1`, database `shop`, user `me`: the connection \
         failed: Connection refused (os error 111)\n  help:     check the host and the port, and \
         whether the server runs",
    )
    .await;
    let database = Database::new().await;
    let (server, _) = database.url.rsplit_once('/').unwrap();
    let address = server.rsplit('@').next().unwrap();
    check(
        &format!("{server}/nowhere"),
        &format!(
            "cannot connect to MySQL at `{address}`, database `nowhere`, user `apitap`: Unknown \
             database 'nowhere'\n  help:     create the database with `CREATE DATABASE`, or name \
             another one"
        ),
    )
    .await;
    check(
        &format!("mysql://apitap:wrong@{address}/mysql"),
        &format!(
            "cannot connect to MySQL at `{address}`, database `mysql`, user `apitap`: Access denied \
             for user 'apitap'@'127.0.0.1' (using password: YES)\n  help:     check the user and \
             the password"
        ),
    )
    .await;
    check(
        &format!("{}?pasword=s3cr3t", database.url),
        "`pasword` is not a parameter of a MySQL URL\n  help:     there are `connect_timeout`, \
         `socket`, `ssl-ca`, `ssl-cert`, `ssl-key`, `ssl-mode`",
    )
    .await;
}

/// A server that cuts off what is too long, and takes `\` for what it is.
#[tokio::test]
async fn the_servers_own_modes_do_not_matter() {
    let database = Database::new().await;
    database
        .execute(
            "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES';
             CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, status longtext)",
        )
        .await;
    let rows = json!([{ "id": 0, "status": "it's \\" }, { "id": 1, "status": "\\'" }]);
    let loaded = database.load("orders", Mode::Merge, &orders(), rows).await;
    database.execute("SET GLOBAL sql_mode = DEFAULT").await;
    loaded.unwrap();
    let found =
        database.rows("SELECT CAST(id AS CHAR), status FROM orders ORDER BY orders.id").await;
    assert_eq!(found, ["0|it's \\", "1|\\'"]);
}

/// The second run waits for the lock of the first, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn ten_runs_at_once_all_land() {
    let database = Database::new().await;
    let runs = (0..10).map(|run| {
        let rows: Vec<_> =
            (0..50).map(|id| json!({ "id": id, "status": run.to_string() })).collect();
        let database = &database;
        async move { database.load("t", Mode::Merge, &orders(), Value::Array(rows)).await }
    });
    for written in futures::future::join_all(runs).await {
        assert_eq!(written.unwrap(), Written { received: 50, stored: 50, unchanged: 0 });
    }
    let all = "SELECT CAST(COUNT(*) AS CHAR), CAST(COUNT(DISTINCT status) AS CHAR) FROM t";
    assert_eq!(database.rows(all).await, ["50|1"]);
}

/// Ends every connection of others to the database.
async fn end_connections(database: &Database) {
    let theirs = "SELECT CAST(id AS CHAR) FROM information_schema.processlist
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let all = database.rows(theirs).await;
    assert!(!all.is_empty());
    for id in all {
        // One that the test itself has closed may be going.
        let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")));
        drop(database.connection().await.execute(kill).await);
    }
    while !database.rows(theirs).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A run that is stopped as long as it takes to be taken for dead, and goes on behind another one.
#[tokio::test]
async fn a_run_whose_lock_was_lost_and_that_another_one_has_overtaken_stores_nothing() {
    for (mode, missing) in [
        (Mode::Replace, Missing::Keep),
        (Mode::Merge, Missing::DeleteAll),
        (Mode::Append, Missing::Keep),
    ] {
        for writes in [true, false] {
            let database = Database::new().await;
            let target = destination(&database.url);
            let lose = async || end_connections(&database).await;
            let late = loads::overtaken(&target, (mode, missing), writes, lose).await;
            fails(late, loads::OVERTAKEN);
            let found = database.rows("SELECT CAST(id AS CHAR), status FROM orders").await;
            assert_eq!(found, ["2|b"], "{mode:?}");
        }
    }
}
