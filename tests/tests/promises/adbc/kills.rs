//! Programs that are killed at any moment: each row lands once, and the state says which rows are in.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use apitap::engine::limits::{Limits, Memory};
use apitap::sink::{Load, Session, StateChange};
use apitap_tests::random::Random;

use super::super::killed::{COMMITTED, killed_after, program};
use super::*;

/// The rows between two commits.
const PART: u64 = 250;
/// All rows.
const ROWS: u64 = 10_000;
/// The variables that tell a test that it is the program to be killed: what is spoken, to which database, and where.
const DIALECT: &str = "APITAP_TEST_DIALECT";
const ENGINE: &str = "APITAP_TEST_ENGINE";
const PLACE: &str = "APITAP_TEST_PLACE";

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_in_duckdb_however_often_the_run_is_killed() {
    land_once(AdbcDialect::Duckdb, AdbcDialect::Duckdb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_in_postgresql_however_often_the_run_is_killed() {
    land_once(AdbcDialect::Postgresql, AdbcDialect::Postgresql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_in_sqlite_however_often_the_run_is_killed() {
    land_once(AdbcDialect::Sqlite, AdbcDialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_by_standard_sql_in_postgresql_however_often_the_run_is_killed() {
    land_once(AdbcDialect::Standard, AdbcDialect::Postgresql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_by_standard_sql_in_duckdb_however_often_the_run_is_killed() {
    land_once(AdbcDialect::Standard, AdbcDialect::Duckdb).await;
}

async fn land_once(dialect: AdbcDialect, engine: AdbcDialect) {
    let database = Database::speaking(dialect, engine).await;
    let (mut chance, mut kills, mut before) = (Random::new(20_261_127), 0, 0);
    let mut seen = BTreeSet::new();
    let (mut program, usual) = (the_program(&database), Duration::from_millis(50));
    while let Some(commits) = killed_after(&mut program, usual, &mut chance) {
        kills += 1;
        // What a reader finds now is whole parts, each of them once, and the state says how many.
        let found = found(&database);
        assert_eq!(found % PART, 0, "after {kills} kills");
        assert!(found >= before + commits * PART, "a commit is lost after {kills} kills");
        before = found;
        seen.insert(found / PART);
    }
    assert_eq!(found(&database), ROWS);
    println!("{dialect:?} to {engine:?}: {kills} kills at {} states of the table", seen.len());
    assert!(kills >= 5, "only {kills} kills");
}

/// How many rows are there: 1, 2, … each of them once, as the state says.
fn found(database: &Database) -> u64 {
    if !database.is_there("orders") {
        return 0;
    }
    let rows =
        database.rows("SELECT count(*), count(DISTINCT id), coalesce(max(id), 0) FROM orders");
    let state = match database.is_there("_apitap_state") {
        true => database.rows("SELECT value FROM _apitap_state WHERE pipeline = 'orders'"),
        false => Vec::new(),
    };
    let [counted, distinct, last] = numbers(&rows[0]);
    assert_eq!((counted, counted), (distinct, last));
    match counted {
        // Where tables are not created in a transaction, a run that is killed may leave an empty one.
        0 if database.dialect == AdbcDialect::Standard => assert_eq!(state, [""; 0]),
        _ => assert_eq!(state, [format!("{{\"next\":{counted}}}")]),
    }
    counted
}

fn numbers(row: &str) -> [u64; 3] {
    let numbers: Vec<_> = row.split('|').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn the_program(database: &Database) -> Command {
    let mut program = program("promises::adbc::kills::the_program_that_is_killed");
    program
        .env(PLACE, &database.place)
        .env(DIALECT, format!("{:?}", database.dialect))
        .env(ENGINE, format!("{:?}", database.engine));
    program
}

/// Not a test of its own: it goes on where the last commit says, until all rows are in.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the tests that kill run it"]
async fn the_program_that_is_killed() {
    let variable = |name| std::env::var(name).expect("the test that kills says it");
    let dialect = |name| match &*variable(name) {
        "Duckdb" => AdbcDialect::Duckdb,
        "Postgresql" => AdbcDialect::Postgresql,
        "Standard" => AdbcDialect::Standard,
        _ => AdbcDialect::Sqlite,
    };
    let target = target(dialect(DIALECT), dialect(ENGINE), &variable(PLACE));
    let row = orders();
    let load = Load::new("orders", "orders", Mode::Append, &[], &row).unwrap();
    let limits = Limits::of(Memory::default(), 1);
    let mut session: Box<dyn Session> = target.open(load, &limits).await.unwrap();
    let state = session.state().await.unwrap();
    let next = state.partitions.get("").map(|state| state["next"].as_u64().unwrap());
    let mut next = next.unwrap_or_default();
    while next < ROWS {
        let mut writer = session.writer().await.unwrap();
        let rows: Vec<_> =
            (next + 1..=next + PART).map(|id| json!({ "id": id, "status": "new" })).collect();
        writer.write(next + 1, batch(&row, json!(rows))).await.unwrap();
        writer.close().await.unwrap();
        next += PART;
        let partitions = BTreeMap::from([(String::new(), json!({ "next": next }))]);
        let change = StateChange { run: "killed".to_owned(), partitions, ..StateChange::default() };
        session.commit(&change).await.unwrap();
        eprintln!("{COMMITTED}");
    }
    session.finish().await.unwrap();
}
