//! Programs that fill a table of SQLite, or replace it, and are killed at any moment: nothing of them is seen, and
//! the next run takes away what they have left.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use apitap::definition::{Mode, TargetKind};
use apitap::sink::conformance::Run;
use apitap_tests::random::Random;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::killed::{COMMITTED, killed_after, program};
use super::loads::{destination, open_by_id, orders};
use super::runs::{number, sqlite_file};

/// The rows of a batch, of which some are worth a transaction.
const ROWS: i64 = 100;
/// The variables that tell a test that it is the program to be killed: where the database is, how many batches it
/// writes, and what its rows say.
const DATABASE: &str = "APITAP_TEST_DATABASE";
const BATCHES: &str = "APITAP_TEST_BATCHES";
const MARK: &str = "APITAP_TEST_MARK";

/// How many rows of which mark the table has; none where it is not there.
fn found(database: &Path) -> Option<(i64, i64)> {
    let is_there = "SELECT json_array(1) FROM sqlite_schema WHERE name = 'orders'";
    if !database.exists() || sqlite_file(database, is_there).is_empty() {
        return None;
    }
    let found = "SELECT json_array(count(*), CAST(min(status) AS INTEGER), count(DISTINCT CAST(status AS INTEGER))) FROM orders";
    let [found] = &*sqlite_file(database, found) else { panic!("one row") };
    assert!(found[2].as_i64().unwrap() <= 1, "rows of two runs: {found}");
    Some((found[0].as_i64().unwrap(), found[1].as_i64().unwrap_or_default()))
}

fn hidden(database: &Path) -> usize {
    let hidden = "SELECT json_array(name) FROM sqlite_schema WHERE name GLOB '_apitap_new_*'";
    if database.exists() { sqlite_file(database, hidden).len() } else { 0 }
}

#[test]
fn nobody_sees_half_of_a_table_however_often_the_run_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.db");
    let mut chance = Random::new(20_261_128);
    let (mut before, mut left, mut kills) = (None, 0, 0);
    for mark in 1..=number("APITAP_TEST_KILLS", 12_i64) {
        let batches = 1 + chance.below(8) as i64;
        let mut program = program("promises::sqlite::the_program_that_is_killed");
        program.env(DATABASE, &database).env(BATCHES, batches.to_string());
        program.env(MARK, mark.to_string());
        let is_killed =
            killed_after(&mut program, Duration::from_millis(60), &mut chance).is_some();
        let (now, all) = (found(&database), Some((batches * ROWS, mark)));
        assert!(now == all || is_killed && now == before, "{mark}: {now:?}, after {before:?}");
        assert!(is_killed || hidden(&database) == 0);
        left += hidden(&database);
        kills += u64::from(is_killed);
        before = now;
    }
    println!("SQLite: {kills} kills, {left} of which left a hidden table");
    assert!(kills > 3 && left > 0, "{kills} kills, {left} of which left a hidden table");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write(&database, 3, 0));
    assert_eq!(found(&database), Some((3 * ROWS, 0)));
    assert_eq!(hidden(&database), 0);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// Not a test of its own: it replaces the table.
#[test]
#[ignore = "the tests that kill run it"]
fn the_program_that_is_killed() {
    let variable = |name| std::env::var(name).expect("the test that kills says it");
    let (batches, mark) = (variable(BATCHES).parse().unwrap(), variable(MARK).parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(write(Path::new(&variable(DATABASE)), batches, mark));
}

async fn write(database: &Path, batches: i64, mark: i64) {
    let target = destination(TargetKind::Sqlite, &format!("sqlite:{}", database.display()));
    let mut run: Run = open_by_id(&target, "orders", Mode::Replace, &orders()).await.unwrap();
    for number in 0..batches {
        let ids = Int64Array::from_iter_values(number * ROWS..(number + 1) * ROWS);
        // A batch is worth a transaction, and half a second one.
        let text = format!("{mark} {}", "x".repeat((3 << 20) / ROWS as usize));
        let texts: StringArray = (0..ROWS).map(|_| Some(text.as_str())).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(texts)];
        let schema = apitap::schema::arrow::schema(&orders());
        run.write(RecordBatch::try_new(schema, columns).unwrap()).await.unwrap();
        eprintln!("{COMMITTED}");
    }
    assert_eq!(run.commit().await.unwrap().stored, (batches * ROWS).unsigned_abs());
}
