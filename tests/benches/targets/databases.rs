//! How fast databases take rows: PostgreSQL beside COPY of ready-made binary files, MariaDB beside LOAD DATA of a
//! ready file, SQLite beside a loop of one prepared INSERT.
//!
//! Each makes the same table with its key. Rounds take turns; the best one of each counts.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apitap::Environment;
use apitap::definition::{self, Connection, Mode, TargetKind, Template};
use apitap::sink::{Load, Target, resolve};
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use sqlx::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::orders::{batches, load_all, row};

const ROUNDS: usize = 3;
/// What is sent at once.
const CHUNK: usize = 1 << 20;

fn target(kind: TargetKind, url: &str) -> Arc<dyn Target> {
    let connection = Connection::Url(Template(url.to_owned()));
    let target = definition::Target { name: "here".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, &mut Environment::default())
}

/// Merges the rows by their key into the table `orders`.
async fn by_apitap(target: &dyn Target, batches: &[RecordBatch]) -> Duration {
    let load = Load::new("orders", "orders", Mode::Merge, &["id".to_owned()], &row()).unwrap();
    let began = Instant::now();
    load_all(target, load, batches).await;
    began.elapsed()
}

/// Prints the best times of apitap and of the other ways, and what share of their speed apitap has.
fn tell(what: &str, rows: usize, ours: Duration, others: &[(&str, Duration)]) {
    let speed = |time: Duration| rows as f64 / time.as_secs_f64();
    println!("{what}, {rows} rows: apitap {:.0} rows/s", speed(ours));
    for (name, time) in others {
        let ratio = time.as_secs_f64() / ours.as_secs_f64();
        println!("    {name} {:.0} rows/s, ratio {ratio:.2}", speed(*time));
    }
}

const STAGE: &str = "CREATE TEMPORARY TABLE staged (LIKE orders)";
const MERGE: &str = "INSERT INTO orders SELECT * FROM staged ON CONFLICT (id) DO UPDATE SET
     status = excluded.status, customer = excluded.customer, amount = excluded.amount,
     placed_at = excluded.placed_at, note = excluded.note";

pub(super) async fn postgres(rows: usize) {
    let url = apitap_tests::postgres::database().await;
    let target = target(TargetKind::Postgres, &url);
    let (first, changed) = (batches(rows), shifted(&batches(rows)));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let [mut load, mut merge, mut one, mut two, mut copy_merge] = [Duration::MAX; 5];
    for _ in 0..ROUNDS {
        connection.execute("DROP TABLE IF EXISTS orders").await.unwrap();
        load = load.min(by_apitap(target.as_ref(), &first).await);
        merge = merge.min(by_apitap(target.as_ref(), &changed).await);
        let halves = [
            format!("SELECT * FROM orders WHERE id < {} ORDER BY id", rows / 2),
            format!("SELECT * FROM orders WHERE id >= {} ORDER BY id", rows / 2),
        ];
        let whole = copied_out(&mut connection, "SELECT * FROM orders ORDER BY id").await;
        let mut parts = Vec::new();
        for half in halves {
            parts.push(copied_out(&mut connection, &half).await);
        }
        connection.execute("CREATE TABLE model (LIKE orders); DROP TABLE orders").await.unwrap();
        connection.execute("CREATE TABLE orders (LIKE model); DROP TABLE model").await.unwrap();
        one = one.min(by_copy(&url, std::slice::from_ref(&whole)).await);
        // The same with rows that are there: as apitap has to, but without making the bytes.
        let began = Instant::now();
        connection.execute("BEGIN").await.unwrap();
        connection.execute(STAGE).await.unwrap();
        copy_in(&mut connection, "staged", &whole).await;
        connection.execute(MERGE).await.unwrap();
        connection.execute("DROP TABLE staged; COMMIT").await.unwrap();
        copy_merge = copy_merge.min(began.elapsed());
        connection
            .execute("TRUNCATE orders; ALTER TABLE orders DROP CONSTRAINT orders_pkey")
            .await
            .unwrap();
        two = two.min(by_copy(&url, &parts).await);
    }
    let copies = [("COPY of a binary file", one), ("COPY of two, over two connections", two)];
    tell("PostgreSQL, first load", rows, load, &copies);
    let copies = [("COPY of a binary file, and INSERT ON CONFLICT", copy_merge)];
    tell("PostgreSQL, merge of rows that have all changed", rows, merge, &copies);
}

/// The same keys with other values.
fn shifted(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let changed = |batch: &RecordBatch| {
        let mut columns = batch.columns().to_vec();
        columns.swap(1, 2);
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    };
    batches.iter().map(changed).collect()
}

async fn copied_out(connection: &mut PgConnection, select: &str) -> Vec<u8> {
    let copy = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
    let stream = connection.copy_out_raw(&copy).await.unwrap();
    stream
        .try_fold(Vec::new(), async |mut all, chunk| {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .unwrap()
}

async fn copy_in(connection: &mut PgConnection, table: &str, bytes: &[u8]) {
    let statement = format!("COPY {table} FROM STDIN (FORMAT binary)");
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    for chunk in bytes.chunks(CHUNK) {
        copy.send(chunk).await.unwrap();
    }
    copy.finish().await.unwrap();
}

/// Ready-made files into the empty table `orders`, a connection for each; and its key.
async fn by_copy(url: &str, files: &[Vec<u8>]) -> Duration {
    let began = Instant::now();
    let copies = files.iter().map(async |file| {
        let mut connection = PgConnection::connect(url).await.unwrap();
        copy_in(&mut connection, "orders", file).await;
        connection
    });
    let mut connections = futures::future::join_all(copies).await;
    connections[0].execute("ALTER TABLE orders ADD PRIMARY KEY (id)").await.unwrap();
    began.elapsed()
}

pub(super) async fn mariadb(rows: usize) {
    let url = apitap_tests::mariadb::database().await;
    let target = target(TargetKind::Mysql, &url);
    let all = batches(rows);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.tsv");
    std::fs::write(&file, separated(&all)).unwrap();
    let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
    let (mut load, mut infile) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        connection.execute("DROP TABLE IF EXISTS orders").await.unwrap();
        load = load.min(by_apitap(target.as_ref(), &all).await);
        connection.execute("TRUNCATE orders").await.unwrap();
        infile = infile.min(by_infile(&url, &file));
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, rows as i64);
    }
    tell("MariaDB, first load", rows, load, &[("LOAD DATA LOCAL INFILE of a file", infile)]);
}

/// Tab-separated values, as LOAD DATA reads them.
fn separated(batches: &[RecordBatch]) -> String {
    let options = FormatOptions::new().with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.6f"));
    let mut text = String::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                let separator = if index == 0 { "" } else { "\t" };
                write!(text, "{separator}{}", column.value(row)).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

fn by_infile(url: &str, file: &Path) -> Duration {
    let url = url::Url::parse(url).unwrap();
    let load = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE orders", file.display());
    let began = Instant::now();
    let status = Command::new("mariadb")
        .args([
            "--no-defaults",
            "--local-infile=1",
            "--default-character-set=utf8mb4",
            "--protocol=tcp",
        ])
        .args(["-h", url.host_str().unwrap(), "-P", &url.port().unwrap().to_string()])
        .args(["-u", url.username(), &format!("-p{}", decoded(url.password().unwrap()))])
        .args(["-e", &load, url.path().trim_start_matches('/')])
        .status()
        .expect("the program `mariadb` is there");
    assert!(status.success());
    began.elapsed()
}

/// A part of a URL without its `%40`.
fn decoded(part: &str) -> String {
    let (decoded, _) =
        url::form_urlencoded::parse(part.as_bytes()).next().expect("it is not empty");
    decoded.into_owned()
}

/// Makes the table of apitap's, reads the file, and prints how long the INSERTs take.
const INSERTS: &str = "
import csv, sqlite3, sys, time
database, file = sys.argv[1:]
connection = sqlite3.connect(database, isolation_level=None)
rows = [(int(id), *rest) for id, *rest in csv.reader(open(file), delimiter='\t', quoting=csv.QUOTE_NONE)]
connection.execute('DELETE FROM orders')
began = time.monotonic()
connection.execute('BEGIN IMMEDIATE')
connection.executemany('INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)', rows)
connection.execute('COMMIT')
print(time.monotonic() - began)
";

pub(super) async fn sqlite(rows: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = (folder.path().join("orders.tsv"), folder.path().join("orders.db"));
    let all = batches(rows);
    std::fs::write(&file, separated(&all)).unwrap();
    let (mut load, mut loop_of_inserts) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        drop(std::fs::remove_file(&database));
        let target = target(TargetKind::Sqlite, &format!("sqlite:{}", database.display()));
        load = load.min(by_apitap(target.as_ref(), &all).await);
        let python = Command::new("python3")
            .args(["-c", INSERTS])
            .arg(&database)
            .arg(&file)
            .output()
            .unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        let seconds: f64 = String::from_utf8_lossy(&python.stdout).trim().parse().unwrap();
        loop_of_inserts = loop_of_inserts.min(Duration::from_secs_f64(seconds));
    }
    let others = [("a prepared INSERT in a loop, in one transaction", loop_of_inserts)];
    tell("SQLite, first load", rows, load, &others);
}
