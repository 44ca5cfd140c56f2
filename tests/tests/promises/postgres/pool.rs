//! Behind PgBouncer: in session mode all is as without it; in transaction mode it is refused, and says why.

use apitap_tests::pgbouncer::PgBouncer;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::*;
use crate::promises::runs::{call, events_project, with_target};

async fn bouncer(mode: &'static str) -> PgBouncer {
    tokio::task::spawn_blocking(move || PgBouncer::start(mode)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_sessions_is_as_good_as_the_server() {
    let (bouncer, database) = (bouncer("session").await, Database::new().await);
    let pooled = Database { url: bouncer.to(&database.url) };
    let rows = |ids: std::ops::Range<i64>| ids.map(|id| json!({"id": id, "status": "s"})).collect();
    for (mode, ids, count) in [
        // A first load, one that updates and adds, and a swap.
        (Mode::Merge, 0..3_000, 3_000),
        (Mode::Merge, 2_000..4_000, 4_000),
        (Mode::Replace, 0..1_000, 1_000),
        (Mode::InsertNew, 500..1_500, 1_500),
    ] {
        pooled.load("orders", mode, &orders(), rows(ids)).await.unwrap();
        let found = database.rows("SELECT count(*)::text FROM orders").await;
        assert_eq!(found, [count.to_string()]);
    }
    // A session of the pool is not left with a lock, a table or a setting of ours.
    let options: PgConnectOptions = pooled.url.parse().unwrap();
    let mut after = options.extra_float_digits(None).connect().await.unwrap();
    let left = "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
                     + (SELECT count(*) FROM pg_class WHERE relname = 'apitap_staging')";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut after).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_transactions_is_refused_before_anything_is_done() {
    let (bouncer, database) = (bouncer("transaction").await, Database::new().await);
    let pooled = Database { url: bouncer.to(&database.url) };
    let expected = "gives each transaction another session of the server, as PgBouncer does with \
                    `pool_mode = transaction`";
    for mode in [Mode::Append, Mode::Replace, Mode::Merge] {
        let error = pooled.open("orders", mode, &orders()).await.err().expect("it is refused");
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("`pool_mode = session`") && !error.contains("secret"), "{error}");
    }
    // Also what only looks at the state.
    let project = events_project("incremental: {field: at, param: since}", "mode=\"append\"");
    with_target(&project, &format!("{{name: here, type: postgres, url: \"{}\"}}", pooled.url));
    let shown =
        tokio::task::spawn_blocking(move || call(&project, &["state", "show"])).await.unwrap();
    assert_eq!(shown.code, Some(1), "{}", shown.stdout);
    assert!(shown.stderr.contains("PgBouncer"), "{}", shown.stderr);
    let locks = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(database.rows(locks).await, ["0"]);
}

/// Another port than that of the server is no pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_port_is_not_taken_for_a_pool() {
    let database = Database::new().await;
    let port = apitap_tests::postgres::port();
    let proxy =
        tokio::task::spawn_blocking(move || apitap_tests::proxy::Proxy::to(port)).await.unwrap();
    let url = database.url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port()));
    let forwarded = Database { url };
    forwarded
        .load("orders", Mode::Merge, &orders(), json!([{"id": 1, "status": "s"}]))
        .await
        .unwrap();
    assert_eq!(database.rows("SELECT id::text FROM orders").await, ["1"]);
}
