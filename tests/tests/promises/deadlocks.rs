//! Another session takes the locks of a commit in the other order: the database ends one of the two. Where that is the
//! run, nothing of it is in, it says why, and the next one loads all.

use std::time::{Duration, Instant};

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::finish;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection};

use super::runs::{
    LIMIT, events, events_project, mariadb, mariadb_database, postgres, postgres_database,
    with_target,
};

const ROWS: i64 = 2_000;

/// Takes its locks: first a row of the table, and when the run waits for that, what the run has.
async fn cross<C>(connection: &mut C, is_waiting: impl AsyncFn() -> bool, run: impl FnOnce())
where
    for<'c> &'c mut C: sqlx::Executor<'c>,
{
    let mut execute = async |sql: &str| {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        connection.execute(sql).await.map(drop).map_err(|error| error.to_string())
    };
    execute("BEGIN").await.unwrap();
    execute("UPDATE events SET at = at + INTERVAL '1' SECOND WHERE id <= 1000").await.unwrap();
    run();
    let began = Instant::now();
    while !is_waiting().await {
        assert!(began.elapsed() < LIMIT, "the run does not wait");
        // InnoDB shows who waits anew only where nobody has looked for a tenth of a second.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    execute("UPDATE counter SET n = n + 1").await.expect("the run is ended, and not this");
    execute("ROLLBACK").await.unwrap();
}

fn check(url: &str, kind: &str, cross: impl AsyncFnOnce(&mut dyn FnMut())) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sink = "mode=\"merge\", key=[\"id\"], before=\"UPDATE counter SET n = n + 1\"";
    let project = events_project("incremental: {field: at, mode: client}", sink);
    // The other session waits for longer until it looks whether it waits for ever.
    let patience = if kind == "postgres" { "?options=-c%20deadlock_timeout%3D5s" } else { "" };
    with_target(&project, &format!("{{name: here, type: {kind}, url: \"{url}{patience}\"}}"));
    let ids: Vec<_> = (1..=ROWS).map(|id| (id, 1)).collect();
    let serve = |minute: u32| {
        let all: Vec<_> = ids.iter().map(|(id, _)| (*id, minute)).collect();
        Api::serve(Collection::new(events(&all), Pagination::next_url()).page_size(500))
    };
    let start = |api: &Api| {
        let mut command = project.apitap(["run"]);
        command.env("API", api.url());
        std::thread::spawn(move || finish(&mut command, LIMIT))
    };
    let first = serve(1);
    let finished = start(&first).join().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stdout);

    let second = serve(2);
    let mut running = None;
    runtime.block_on(cross(&mut || running = Some(start(&second))));
    let finished = running.unwrap().join().unwrap();
    assert_eq!(finished.code, Some(1), "{kind}: {}", finished.stdout);
    assert!(finished.stdout.to_lowercase().contains("deadlock"), "{}", finished.stdout);
    assert!(finished.stdout.contains("run again"), "{}", finished.stdout);
    // The events, where the counter says that so many runs are in.
    let look = |runs: u32| match kind {
        "postgres" => {
            let ask = format!(
                "SELECT json_build_array(count(*), min(at)::timestamp::text, max(at)::timestamp::text) AS v
                 FROM events, counter WHERE n = {runs}"
            );
            postgres(url, &ask).remove(0)["v"].clone()
        }
        _ => {
            let ask = format!(
                "SELECT JSON_ARRAY(count(*), date_format(min(at), '%Y-%m-%d %H:%i:%s'),
                                   date_format(max(at), '%Y-%m-%d %H:%i:%s'))
                 FROM events, counter WHERE n = {runs}"
            );
            mariadb(url, &ask).remove(0)
        }
    };
    // What it had changed before is taken back with it.
    let (old, new) = ("2026-01-01 00:01:00", "2026-01-01 00:02:00");
    assert_eq!(look(1), json!([ROWS, old, old]), "{kind}");
    let finished = start(&second).join().unwrap();
    assert_eq!(finished.code, Some(0), "{kind}: {}", finished.stdout);
    // The state was taken back, too: else these records would be known.
    assert_eq!(look(2), json!([ROWS, new, new]), "{kind}");
}

const TABLES: &str = "CREATE TABLE counter (n integer); INSERT INTO counter VALUES (0)";

#[test]
fn a_deadlock_in_postgresql_ends_the_run_and_loses_nothing() {
    let url = postgres_database();
    super::runs::postgres_do(&url, TABLES);
    check(&url, "postgres", async |run| {
        let mut other = PgConnection::connect(&url).await.unwrap();
        other.execute("SET deadlock_timeout = '1h'").await.unwrap();
        let is_waiting = async || {
            let mut watch = PgConnection::connect(&url).await.unwrap();
            let waits =
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                         AND application_name = 'apitap' AND wait_event_type = 'Lock')";
            sqlx::query_scalar(waits).fetch_one(&mut watch).await.unwrap()
        };
        cross(&mut other, is_waiting, run).await;
    });
}

#[test]
fn a_deadlock_in_mariadb_ends_the_run_and_loses_nothing() {
    let url = mariadb_database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = MySqlConnection::connect(&url).await.unwrap();
        connection.execute(sqlx::raw_sql(TABLES)).await.unwrap();
    });
    check(&url, "mysql", async |run| {
        let mut other = MySqlConnection::connect(&url).await.unwrap();
        let is_waiting = async || {
            let mut watch = MySqlConnection::connect(&url).await.unwrap();
            let waits = "SELECT count(*) FROM information_schema.innodb_lock_waits";
            let waits: i64 = sqlx::query_scalar(waits).fetch_one(&mut watch).await.unwrap();
            waits > 0
        };
        cross(&mut other, is_waiting, run).await;
    });
}
