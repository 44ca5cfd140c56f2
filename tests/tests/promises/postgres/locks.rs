//! What a load does while others hold what it needs, or have closed its connection.

use super::*;

#[tokio::test]
async fn a_wait_for_a_lock_can_be_bounded() {
    let database = Database::new().await;
    database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
    let mut holder = database.connection().await;
    holder.execute("BEGIN; LOCK TABLE orders").await.unwrap();
    let url = format!("{}?lock_timeout=200ms", database.url);
    let key = ["id".to_owned()];
    fails(
        open(&destination(&url), "orders", Mode::Merge, &key, &orders()).await.map(drop),
        "PostgreSQL refused to take rows into `orders`: canceling statement due to lock timeout\n  \
         help:     another session holds a lock: let it finish, or raise `lock_timeout`",
    );
}

/// Ends every connection of apitap to the database.
async fn end_connections(database: &Database) {
    database.end_sessions("application_name = 'apitap'").await;
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_is_taken_up_again() {
    let row = orders();
    for exists in [true, false] {
        for mode in [Mode::Merge, Mode::Append, Mode::Replace] {
            let database = Database::new().await;
            if exists {
                database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
            }
            // Before the first row, and once without any.
            let mut run = database.open("orders", mode, &row).await.unwrap();
            end_connections(&database).await;
            run.write(batch(&row, json!([{ "id": 1, "status": "a" }]))).await.unwrap();
            run.commit().await.unwrap();
            assert_eq!(database.table("orders").await, ["(1,a)"], "{mode:?} {exists}");
            let run = database.open("orders", mode, &row).await.unwrap();
            end_connections(&database).await;
            run.commit().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_later_is_told_in_the_words_of_the_server() {
    let database = Database::new().await;
    database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
    let mut run = database.open("orders", Mode::Merge, &orders()).await.unwrap();
    run.write(batch(&orders(), json!([{ "id": 1 }]))).await.unwrap();
    run.close().await.unwrap();
    end_connections(&database).await;
    fails(
        run.commit().await,
        "PostgreSQL refused the rows for `orders`: terminating connection due to administrator \
         command",
    );
    assert_eq!(database.table("orders").await, [""; 0]);
}
