//! What is said of a server that cannot be had.

use super::*;

async fn check(url: &str, expected: &str) {
    fails(open(&destination(url), "t", Mode::Append, &[], &orders()).await.map(drop), expected);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_and_the_password_is_not() {
    check(
        "postgres://me:s3cr3t@127.0.0.1:1/shop",
        "cannot connect to PostgreSQL at `127.0.0.1:1`, database `shop`, user `me`: the \
         connection failed: Connection refused (os error 111)\n  help:     check the host and \
         the port, and whether the server runs",
    )
    .await;
    let database = Database::new().await;
    let (server, _) = database.url.rsplit_once('/').unwrap();
    let address = server.rsplit('@').next().unwrap();
    check(
        &format!("{server}/nowhere"),
        &format!(
            "cannot connect to PostgreSQL at `{address}`, database `nowhere`, user `apitap`: \
             database \"nowhere\" does not exist\n  help:     create the database with \
             `createdb`, or name another one"
        ),
    )
    .await;
    check(
        &format!("postgres://apitap:wrong@{address}/postgres"),
        &format!(
            "cannot connect to PostgreSQL at `{address}`, database `postgres`, user `apitap`: \
             password authentication failed for user \"apitap\"\n  help:     check the user and \
             the password"
        ),
    )
    .await;
    check(
        &format!("{server}/postgres?sslmode=require"),
        &format!(
            "cannot connect to PostgreSQL at `{address}`, database `postgres`, user \
             `apitap`: TLS failed: server does not support TLS\n  help:     does the server \
             speak TLS? without it, say `sslmode=disable`"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_malformed_url_is_refused_without_showing_it() {
    let help = "\n  help:     write `postgres://user:password@host:5432/database`; in the user and \
                the password, characters such as `@`, `/` and `#` are percent-encoded";
    let said = "the URL of the PostgreSQL target is malformed";
    check("mysql://me:s3cr3t@host/shop", &format!("{said}{help}")).await;
    check("postgres://me:s3cr3t@host:x/shop", &format!("{said}: invalid port number{help}")).await;
}

#[tokio::test]
async fn a_parameter_that_nobody_knows_is_refused_and_its_value_is_not_shown() {
    let database = Database::new().await;
    check(
        &format!("{}?pasword=s3cr3t", database.url),
        "`pasword` is not a parameter of a PostgreSQL URL\n  help:     a similar one exists: \
         `password`",
    )
    .await;
}

#[tokio::test]
async fn the_search_path_of_the_url_says_where_tables_are_created() {
    let database = Database::new().await;
    database.execute("CREATE SCHEMA analytics").await;
    let url = format!("{}?search_path=analytics&application_name=mine", database.url);
    let run = open(&destination(&url), "t", Mode::Append, &[], &orders()).await.unwrap();
    let named = "SELECT application_name::text FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'mine'";
    assert_eq!(database.rows(named).await, ["mine"]);
    run.commit().await.unwrap();
    assert_eq!(database.rows("SELECT to_regclass('analytics.t')::text").await, ["analytics.t"]);
}
