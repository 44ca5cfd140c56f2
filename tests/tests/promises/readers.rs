//! A reader that counts the rows of a table a hundred times a second, while runs replace them and merge into them,
//! sees the state before a run or the one behind it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apitap::definition::{Mode, TargetKind};
use apitap::sink::Load;
use apitap::sink::conformance::Run;
use serde_json::json;
use sqlx::{Connection as _, MySqlConnection, PgConnection, SqliteConnection};

use super::loads::{self, batch, orders};
use super::runs::number;

/// How many rows a run replaces; `READ_ROWS=200000` asks for more.
const ROWS: usize = 4_000;
const EVERY: Duration = Duration::from_millis(10);

/// Somebody who reads, over one connection.
enum Reader {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
    Sqlite(SqliteConnection),
}

impl Reader {
    async fn of(kind: TargetKind, url: &str) -> Self {
        match kind {
            TargetKind::Postgres => Self::Postgres(PgConnection::connect(url).await.unwrap()),
            TargetKind::Mysql => Self::Mysql(MySqlConnection::connect(url).await.unwrap()),
            _ => Self::Sqlite(SqliteConnection::connect(&format!("sqlite:{url}")).await.unwrap()),
        }
    }

    /// How many rows there are, and the sum of their numbers.
    async fn count(&mut self) -> (i64, i64) {
        let integer = if matches!(self, Self::Mysql(_)) { "signed" } else { "bigint" };
        let count = sqlx::AssertSqlSafe(format!(
            "SELECT count(*), CAST(coalesce(sum(id), 0) AS {integer}) FROM orders"
        ));
        match self {
            Self::Postgres(reader) => sqlx::query_as(count).fetch_one(reader).await,
            Self::Mysql(reader) => sqlx::query_as(count).fetch_one(reader).await,
            Self::Sqlite(reader) => sqlx::query_as(count).fetch_one(reader).await,
        }
        .unwrap()
    }
}

/// Count and sum of the ids when the table has `rows` of them, from `first` on.
fn state(first: i64, rows: usize) -> (i64, i64) {
    let rows = rows as i64;
    (rows, (first..first + rows).sum())
}

/// Runs one load of such ids, in batches.
async fn load(kind: TargetKind, url: &str, mode: Mode, first: i64, rows: usize) {
    let target = loads::destination(kind, url);
    let load = Load::new("p", "orders", mode, &["id".to_owned()], &orders()).unwrap();
    let mut run = Run::of(target.as_ref(), load).await.unwrap();
    let ids: Vec<_> = (first..first + rows as i64).collect();
    for ids in ids.chunks(2_000) {
        let rows = ids.iter().map(|id| json!({"id": id, "status": format!("of {first}")}));
        run.write(batch(&orders(), rows.collect())).await.unwrap();
    }
    run.commit().await.unwrap();
}

async fn check(kind: TargetKind, url: &str) {
    let rows = number("READ_ROWS", ROWS);
    load(kind, url, Mode::Merge, 1, rows).await;
    let done = AtomicBool::new(false);
    let read = async {
        let mut reader = Reader::of(kind, url).await;
        let (mut seen, mut waits) = (Vec::new(), Vec::new());
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !done.load(Ordering::Relaxed) {
            ticks.tick().await;
            let began = Instant::now();
            seen.push(reader.count().await);
            waits.push(began.elapsed());
        }
        (seen, waits)
    };
    // Replaced, replaced by fewer, and merged into: half of the rows are there, and half are new.
    let write = async {
        load(kind, url, Mode::Replace, 10_000_000, rows).await;
        load(kind, url, Mode::Replace, 20_000_000, rows / 2).await;
        load(kind, url, Mode::Merge, 20_000_000 + rows as i64 / 4, rows / 2).await;
        done.store(true, Ordering::Relaxed);
    };
    let ((mut seen, mut waits), ()) = tokio::join!(read, write);
    let states = [
        state(1, rows),
        state(10_000_000, rows),
        state(20_000_000, rows / 2),
        state(20_000_000, rows / 4 + rows / 2),
    ];
    waits.sort();
    println!(
        "{kind:?}: {} counts of {rows} rows; one took {:?} in the middle, and {:?} at most",
        waits.len(),
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    seen.dedup();
    let order: Vec<_> =
        seen.iter().map(|state| states.iter().position(|one| one == state)).collect();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{kind:?}: {seen:?}");
    assert!(waits[waits.len() - 1] < Duration::from_secs(20), "{kind:?}: {:?}", waits.last());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_postgresql_sees_no_half_run() {
    let url = apitap_tests::postgres::database().await;
    check(TargetKind::Postgres, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_mysql_sees_no_half_run() {
    let url = apitap_tests::mariadb::database().await;
    check(TargetKind::Mysql, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_sqlite_sees_no_half_run() {
    let folder = tempfile::tempdir().unwrap();
    check(TargetKind::Sqlite, folder.path().join("test.db").to_str().unwrap()).await;
}
