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

/// A run that is stopped as long as it takes to be taken for dead, and goes on behind another one.
#[tokio::test]
async fn a_run_whose_lock_was_lost_and_that_another_one_has_overtaken_stores_nothing() {
    for exists in [true, false] {
        for (mode, missing) in [
            (Mode::Replace, Missing::Keep),
            (Mode::Merge, Missing::DeleteAll),
            (Mode::Merge, Missing::Keep),
            (Mode::Append, Missing::Keep),
        ] {
            for writes in [true, false] {
                let database = Database::new().await;
                if exists {
                    let create = "CREATE TABLE orders (id int8 PRIMARY KEY, status text)";
                    database.execute(create).await;
                }
                let target = destination(&database.url);
                let lose = async || end_connections(&database).await;
                let late = loads::overtaken(&target, (mode, missing), writes, lose).await;
                fails(late, loads::OVERTAKEN);
                assert_eq!(database.table("orders").await, ["(2,b)"], "{mode:?} {exists}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_whose_lock_was_lost_goes_on_where_no_other_has_committed() {
    let database = Database::new().await;
    let mut first = loads::exclusive(&destination(&database.url), Mode::Merge, Missing::Keep).await;
    first.commit_with(&loads::of_run("first")).await.unwrap();
    first.finish().await.unwrap();
    let mut run = loads::exclusive(&destination(&database.url), Mode::Merge, Missing::Keep).await;
    for id in 1..4 {
        end_connections(&database).await;
        run.write(batch(&orders(), json!([{ "id": id }]))).await.unwrap();
        run.commit_with(&loads::of_run("run")).await.unwrap();
    }
    run.finish().await.unwrap();
    assert_eq!(database.table("orders").await, ["(1,)", "(2,)", "(3,)"]);
}
