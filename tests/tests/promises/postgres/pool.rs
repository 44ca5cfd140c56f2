//! Behind PgBouncer, in session mode and in transaction mode, all is as without it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use apitap::ErrorKind;
use apitap::definition::{Evolve, Hooks};
use apitap::sink::StateChange;
use apitap::sink::conformance::{Place, Subject, check};
use apitap_tests::pgbouncer::{PgBouncer, transactions};
use async_trait::async_trait;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::*;

/// A pool of transactions as they come, of which the session that was used last is the next one.
const TRANSACTIONS: &str = "pool_mode = transaction\ndefault_pool_size = 20";

async fn bouncer(settings: &'static str) -> PgBouncer {
    tokio::task::spawn_blocking(move || PgBouncer::start(settings)).await.unwrap()
}

/// A database, and the same through the pool that all tests share.
async fn pooled() -> (Database, Database) {
    let database = Database::new().await;
    let url = database.url.clone();
    let url = tokio::task::spawn_blocking(move || transactions(&url)).await.unwrap();
    (database, Database { url })
}

impl Database {
    /// A connection that leaves nothing in a session that it does not keep.
    async fn bare_connection(&self) -> PgConnection {
        let options: PgConnectOptions = self.url.parse().unwrap();
        options.extra_float_digits(None).connect().await.unwrap()
    }
}

fn rows(ids: std::ops::Range<i64>) -> Value {
    ids.map(|id| json!({"id": id, "status": "s"})).collect()
}

/// Waits until a query yields nothing.
async fn becomes_empty(database: &Database, sql: &str) {
    let began = Instant::now();
    loop {
        let found = database.rows(sql).await;
        if found.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whatever ran there has ended, and its locks and tables are gone.
async fn nothing_is_left(database: &Database, pooled: &Database) {
    let locks = "SELECT pid::text, objid::text FROM pg_locks WHERE locktype = 'advisory'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    becomes_empty(database, locks).await;
    let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r'
                  AND (relname LIKE '\\_apitap\\_%' OR relname LIKE 'apitap\\_%')
                  AND relname NOT IN ('_apitap_state', '_apitap_runs')";
    becomes_empty(database, tables).await;
    // Each of these gets a session of its own, as long as its transaction is open.
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let mut session = pooled.bare_connection().await;
        session.execute("BEGIN").await.unwrap();
        let left = "SELECT name FROM pg_settings WHERE source = 'session' AND name NOT IN
                      ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
                       'standard_conforming_strings')
                    UNION ALL SELECT name FROM pg_prepared_statements";
        let left = session.fetch_all(sqlx::raw_sql(left)).await.unwrap();
        let left: Vec<String> = left.iter().map(|row| row.get(0)).collect();
        assert_eq!(left, [""; 0]);
        sessions.push(session);
    }
    for mut session in sessions {
        session.execute("ROLLBACK").await.unwrap();
        session.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_sessions_is_as_good_as_the_server() {
    let bouncer = bouncer("pool_mode = session").await;
    let database = Database::new().await;
    let pooled = Database { url: bouncer.to(&database.url) };
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
    let mut after = pooled.bare_connection().await;
    let left = "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
                     + (SELECT count(*) FROM pg_class WHERE relname = 'apitap_staging')";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut after).await.unwrap();
    assert_eq!(left, 0);
}

struct Pool;

/// A database, and the same through the pool.
struct Through {
    database: Database,
    pooled: Database,
}

#[async_trait]
impl Subject for Pool {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        let (database, pooled) = pooled().await;
        Ok(Box::new(Through { database, pooled }))
    }
}

#[async_trait]
impl Place for Through {
    fn target(&self) -> Arc<dyn Target> {
        destination(&self.pooled.url)
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        Place::rows(&self.database, table).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_transactions_keeps_what_every_target_promises() {
    assert_eq!(check(&Pool).await, []);
}

/// Others who use the sessions of a pool.
struct Others {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<HashSet<i32>>>,
}

impl Others {
    fn of(pooled: &Database) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |number: u64| {
            let (stop, pooled) = (Arc::clone(&stop), Database { url: pooled.url.clone() });
            tokio::spawn(async move {
                let mut connection = pooled.bare_connection().await;
                let mut sessions = HashSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = "BEGIN; SELECT pg_backend_pid()::int4";
                    let began = connection.fetch_one(sqlx::raw_sql(began)).await.unwrap();
                    sessions.insert(began.get(0));
                    tokio::time::sleep(Duration::from_millis(number % 4)).await;
                    connection.execute("COMMIT").await.unwrap();
                }
                sessions
            })
        };
        Self { tasks: (0..8).map(task).collect(), stop }
    }

    /// How many sessions each of them has had.
    async fn stop(self) -> Vec<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let sessions = futures::future::join_all(self.tasks).await;
        sessions.into_iter().map(|sessions| sessions.unwrap().len()).collect()
    }
}

/// The key of the orders.
fn key() -> [String; 1] {
    ["id".to_owned()]
}

/// Loads of all kinds, one after the other, through the pool.
async fn load_all_ways(database: &Database, pooled: &Database) {
    let target = destination(&pooled.url);
    let count = |count: i64| async move {
        assert_eq!(
            database.rows("SELECT count(*)::text FROM shop.orders").await,
            [count.to_string()]
        );
    };
    let table = "shop.orders";
    // The schema is created by the commit; then: a merge, a swap, a table whose rows stay where they are.
    for (mode, ids, expected) in [
        (Mode::Merge, 0..3_000, 3_000),
        (Mode::Merge, 2_000..4_000, 4_000),
        (Mode::Replace, 0..2_000, 2_000),
        (Mode::InsertNew, 1_500..2_500, 2_500),
    ] {
        let written = pooled.load(table, mode, &orders(), rows(ids)).await.unwrap();
        assert!(written.received > 0);
        count(expected).await;
    }
    database.execute("CREATE VIEW shop.seen AS SELECT * FROM shop.orders").await;
    pooled.load(table, Mode::Replace, &orders(), rows(0..1_000)).await.unwrap();
    count(1_000).await;
    // A key that comes twice, into a new table and into one that is there.
    for _ in 0..2 {
        let twice =
            json!([{"id": 1, "status": "a"}, {"id": 2, "status": "b"}, {"id": 1, "status": "c"}]);
        pooled.load("shop.twice", Mode::Merge, &orders(), twice).await.unwrap();
        assert_eq!(database.table("shop.twice").await, ["(1,c)", "(2,b)"]);
    }
    pooled.load("log", Mode::Append, &orders(), rows(0..500)).await.unwrap();
    pooled.load("log", Mode::Append, &orders(), rows(0..500)).await.unwrap();
    assert_eq!(database.rows("SELECT count(*)::text FROM log").await, ["1000"]);
    // What did not come is deleted, and SQL of the user's runs in the transaction.
    let hooks = Hooks {
        before: Some("CREATE TABLE told (t text); INSERT INTO told VALUES ('before')".to_owned()),
        after: Some("INSERT INTO told SELECT count(*)::text FROM shop.orders".to_owned()),
    };
    let load = Load::new("p", table, Mode::Merge, &key(), &orders()).unwrap();
    let mut run =
        Run::of(target.as_ref(), load.missing(Missing::Delete).hooks(hooks)).await.unwrap();
    run.write(batch(&orders(), rows(900..1_100))).await.unwrap();
    run.commit().await.unwrap();
    assert_eq!(database.table("told").await, ["200", "before"]);
    // The table grows with the query.
    let wider = schema(&[
        ("id", Type::Int64, false),
        ("status", Type::String, true),
        ("total", Type::Int64, true),
    ]);
    let load = Load::new("p", table, Mode::Merge, &key(), &wider).unwrap().evolve(Evolve::Add);
    let mut run = Run::of(target.as_ref(), load).await.unwrap();
    run.write(batch(&wider, json!([{"id": 900, "status": "s", "total": 9}]))).await.unwrap();
    run.commit().await.unwrap();
    let grown = "SELECT total::text FROM shop.orders WHERE id = 900";
    assert_eq!(database.rows(grown).await, ["9"]);
}

/// A run that commits on the way, first into a new table and then into one that is there.
async fn commit_on_the_way(database: &Database, pooled: &Database) {
    let target = destination(&pooled.url);
    for from in [0, 3_000] {
        let load = Load::new("parts", "parts", Mode::Append, &[], &orders()).unwrap().exclusive();
        let mut run = Run::of(target.as_ref(), load).await.unwrap();
        let mut known = run.session().state().await.unwrap();
        for part in 0..3 {
            let first = from + part * 1_000;
            run.write(batch(&orders(), rows(first..first + 1_000))).await.unwrap();
            run.close().await.unwrap();
            let partitions = [("parts".to_owned(), json!(first + 1_000))].into();
            let change = StateChange {
                run: "r".to_owned(),
                partitions,
                known: Some(known.clone()),
                entry: None,
            };
            run.commit_with(&change).await.unwrap();
            known.apply(&change);
            let found = database.rows("SELECT count(*)::text, max(id)::text FROM parts").await;
            assert_eq!(found, [format!("{}|{}", first + 1_000, first + 999)]);
        }
        run.finish().await.unwrap();
        let kept = "SELECT value::text FROM _apitap_state WHERE pipeline = 'parts'";
        assert_eq!(database.rows(kept).await, [(from + 3_000).to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_transactions_takes_loads_of_all_kinds_while_others_use_its_sessions() {
    let bouncer = bouncer(TRANSACTIONS).await;
    let database = Database::new().await;
    let pooled = Database { url: bouncer.to(&database.url) };
    let others = Others::of(&pooled);
    load_all_ways(&database, &pooled).await;
    commit_on_the_way(&database, &pooled).await;
    let sessions = others.stop().await;
    assert!(sessions.iter().all(|count| *count > 2), "{sessions:?}");
    nothing_is_left(&database, &pooled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_through_a_pool_of_transactions_that_fails_or_is_dropped_leaves_nothing() {
    let (database, pooled) = pooled().await;
    database
        .execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text CHECK (status <> 'bad'))")
        .await;
    for (table, mode) in [("orders", Mode::Merge), ("fresh", Mode::Merge), ("orders", Mode::Append)]
    {
        let mut run = pooled.open(table, mode, &orders()).await.unwrap();
        run.write(batch(&orders(), rows(0..10))).await.unwrap();
        drop(run);
        nothing_is_left(&database, &pooled).await;
        let mut run = pooled.open(table, mode, &orders()).await.unwrap();
        run.write(batch(&orders(), rows(0..10))).await.unwrap();
        run.close().await.unwrap();
        run.abort().await.unwrap();
        nothing_is_left(&database, &pooled).await;
    }
    fails(
        pooled.load("orders", Mode::Merge, &orders(), json!([{"id": 2, "status": "bad"}])).await,
        "PostgreSQL refused the rows for `orders`: new row for relation \"orders\" violates \
         check constraint \"orders_status_check\" (Failing row contains (2, bad))",
    );
    nothing_is_left(&database, &pooled).await;
    assert_eq!(database.table("orders").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_goes_through_a_pool_of_transactions_and_beside_it() {
    let (database, pooled) = pooled().await;
    let exclusive =
        || Load::new("p", "orders", Mode::Merge, &key(), &orders()).unwrap().exclusive();
    let both = [&database, &pooled];
    for (one, other) in both.iter().flat_map(|one| both.iter().map(move |other| (one, other))) {
        let first = Run::of(destination(&one.url).as_ref(), exclusive()).await.unwrap();
        let refused = Run::of(destination(&other.url).as_ref(), exclusive()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        let said = refused.to_string();
        assert!(said.contains("another run of `p` is loading into `orders`: process "), "{said}");
        assert!(said.contains("pg_terminate_backend("), "{said}");
        first.abort().await.unwrap();
        nothing_is_left(&database, &pooled).await;
    }
}

/// Ends the transaction that holds the locks.
async fn end_keeper(database: &Database) {
    database.end_sessions("state = 'idle in transaction'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_a_pool_that_has_lost_its_lock_stores_nothing() {
    let (database, pooled) = pooled().await;
    let target = destination(&pooled.url);
    database.execute("CREATE TABLE orders (id int8 PRIMARY KEY, status text)").await;
    let load = |table| Load::new("p", table, Mode::Merge, &key(), &orders()).unwrap().exclusive();
    let mut run = Run::of(target.as_ref(), load("orders")).await.unwrap();
    run.write(batch(&orders(), rows(0..10))).await.unwrap();
    end_keeper(&database).await;
    fails(
        run.commit().await,
        "the connection that keeps the lock of this run was lost: another run may have begun\n  \
         help:     none of these rows was stored: run it again",
    );
    nothing_is_left(&database, &pooled).await;
    // Before the first row, and before the commit of a new table, it is had again; not where another run has it by now.
    for table in ["fresh", "orders"] {
        let mut run = Run::of(target.as_ref(), load(table)).await.unwrap();
        end_keeper(&database).await;
        run.write(batch(&orders(), rows(0..10))).await.unwrap();
        let refused = Run::of(target.as_ref(), load(table)).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        run.commit().await.unwrap();
        nothing_is_left(&database, &pooled).await;
        database.execute("DROP TABLE IF EXISTS fresh").await;
        let mut run = Run::of(target.as_ref(), load(table)).await.unwrap();
        end_keeper(&database).await;
        let other = Run::of(target.as_ref(), load(table)).await.unwrap();
        let refused = run.write(batch(&orders(), rows(0..10))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        drop((run, other));
        nothing_is_left(&database, &pooled).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_a_session_to_spare_is_named() {
    let small = "pool_mode = transaction\ndefault_pool_size = 1\nquery_wait_timeout = 1";
    let bouncer = bouncer(small).await;
    let pooled = Database { url: bouncer.to(&Database::new().await.url) };
    let load = Load::new("p", "orders", Mode::Merge, &key(), &orders()).unwrap().exclusive();
    let error = Run::of(destination(&pooled.url).as_ref(), load).await.err().unwrap();
    let error = error.to_string();
    assert!(
        error.contains("PgBouncer has no session to spare within `query_wait_timeout`"),
        "{error}"
    );
    assert!(error.contains("a run needs one of them for itself"), "{error}");
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
