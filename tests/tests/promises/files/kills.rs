//! Programs that are killed at any moment: each row lands once, and nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use apitap::definition::{Mode, TargetKind};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, Session, StateChange};
use apitap_tests::random::Random;
use apitap_tests::s3;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::super::killed::{COMMITTED, killed_after, program};
use super::place::{self, Place};

/// The rows between two commits.
const PART: u64 = 250;
/// The rows of the part before that a merge brings again.
const AGAIN: u64 = 40;
/// The variables that tell a test that it is the program to be killed: what it writes, how, how many rows, where,
/// and where the object store is.
const KIND: &str = "APITAP_TEST_KIND";
const MODE: &str = "APITAP_TEST_MODE";
const ROWS: &str = "APITAP_TEST_ROWS";
const PLACE: &str = "APITAP_TEST_PLACE";

#[test]
fn json_lines_in_a_folder_land_once_however_often_the_run_is_killed() {
    land_once(&Place::folder(), TargetKind::Jsonl, Mode::Append, 20_000);
}

#[test]
fn parquet_in_a_folder_lands_once_however_often_the_run_is_killed() {
    land_once(&Place::folder(), TargetKind::Parquet, Mode::Append, 20_000);
}

#[test]
fn parquet_in_an_object_store_lands_once_however_often_the_run_is_killed() {
    land_once(&Place::bucket(), TargetKind::Parquet, Mode::Append, 10_000);
}

#[test]
fn delta_in_a_folder_lands_once_however_often_the_run_is_killed() {
    land_once(&Place::folder(), TargetKind::Delta, Mode::Append, 20_000);
}

#[test]
fn delta_in_an_object_store_lands_once_however_often_the_run_is_killed() {
    land_once(&Place::bucket(), TargetKind::Delta, Mode::Append, 8_000);
}

/// Each part holds some keys of the part before, so that a row is lost or comes twice where a merge is not whole.
#[test]
fn merges_into_delta_land_once_however_often_the_run_is_killed() {
    land_once(&Place::folder(), TargetKind::Delta, Mode::Merge, 10_000);
}

fn land_once(place: &Place, kind: TargetKind, mode: Mode, rows: u64) {
    let (mut chance, mut kills, mut before) = (Random::new(20_261_127), 0, 0);
    let (mut seen, mut staged) = (BTreeSet::new(), 0);
    let (mut program, usual) = (the_program(place, kind, mode, rows), Duration::from_millis(20));
    // At the beginning, at a commit, or somewhere in the work between two of them.
    while let Some(commits) = killed_after(&mut program, usual, &mut chance) {
        kills += 1;
        // What a reader finds now is whole parts, each of them once.
        let found = ids(place, kind).len() as u64;
        assert_eq!(found % PART, 0, "after {kills} kills");
        assert!(found >= before + commits * PART, "a commit is lost after {kills} kills");
        before = found;
        seen.insert(found / PART);
        staged += u32::from(!block_on(place.staged("orders")).is_empty());
    }
    let mut ids = ids(place, kind);
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=rows), "{} rows after {kills} kills", ids.len());
    assert_eq!(state(place, kind), json!({ "next": rows }));
    assert_eq!(block_on(place.staged("orders")), [""; 0]);
    if kind == TargetKind::Delta {
        assert_eq!(block_on(place.unnamed("orders")), [""; 0]);
    }
    let uploads = place.uploads();
    println!(
        "{kind:?}, {}: {kills} kills at {} states of the table; {staged} left staged files, and {uploads} \
         an upload that nobody knows",
        mode.name(),
        seen.len()
    );
    assert!(kills >= 5, "only {kills} kills");
    // A program that is killed between beginning an upload and taking note of it.
    assert!(uploads <= kills / 2, "{uploads} uploads after {kills} kills");
}

fn ids(place: &Place, kind: TargetKind) -> Vec<u64> {
    let files = block_on(place.files("orders"));
    let rows = files.into_iter().flat_map(|(_, bytes)| place::rows(kind, bytes));
    rows.map(|(id, _)| id.unsigned_abs()).collect()
}

fn the_program(place: &Place, kind: TargetKind, mode: Mode, rows: u64) -> Command {
    let mut program = program("promises::files::kills::the_program_that_is_killed");
    program
        .env(PLACE, place.path())
        .env(KIND, format!("{kind:?}"))
        .env(MODE, mode.name())
        .env(ROWS, rows.to_string());
    if let Place::Bucket(_) = place {
        let keys = [("AWS_ACCESS_KEY_ID", s3::KEY), ("AWS_SECRET_ACCESS_KEY", s3::SECRET)];
        program.envs(keys).env("AWS_ENDPOINT_URL", s3::endpoint());
    }
    program
}

/// Not a test of its own: it goes on where the last commit says, until all rows are in.
#[test]
#[ignore = "the tests that kill run it"]
fn the_program_that_is_killed() {
    let variable = |name| std::env::var(name).expect("the test that kills says it");
    let kind = match &*variable(KIND) {
        "Jsonl" => TargetKind::Jsonl,
        "Delta" => TargetKind::Delta,
        _ => TargetKind::Parquet,
    };
    let (mode, again) = match &*variable(MODE) {
        "merge" => (Mode::Merge, AGAIN),
        _ => (Mode::Append, 0),
    };
    let rows: u64 = variable(ROWS).parse().unwrap();
    let place = variable(PLACE);
    block_on(async {
        // Its object store is what the environment says.
        let mut environment = apitap::Environment::process();
        let target = place::target_in(kind, &place, &mut environment);
        let mut session = open(target.as_ref(), mode).await;
        let mut next = session
            .state()
            .await
            .unwrap()
            .partitions
            .get("")
            .map_or(0, |state| state["next"].as_u64().expect("the state is a number of rows"));
        while next < rows {
            let mut writer = session.writer().await.unwrap();
            let first = next.saturating_sub(again) + 1;
            writer.write(first, batch(first..=next + PART)).await.unwrap();
            writer.close().await.unwrap();
            next += PART;
            let partitions = BTreeMap::from([(String::new(), json!({ "next": next }))]);
            let change =
                StateChange { run: "killed".to_owned(), partitions, ..StateChange::default() };
            session.commit(&change).await.unwrap();
            eprintln!("{COMMITTED}");
        }
        session.finish().await.unwrap();
    });
}

fn state(place: &Place, kind: TargetKind) -> Value {
    block_on(async {
        let mut session = open(place.target(kind).as_ref(), Mode::Append).await;
        let state = session.state().await.unwrap();
        session.abort().await.unwrap();
        state.partitions.get("").cloned().unwrap_or_default()
    })
}

fn row() -> Schema {
    let fields = [("id", Type::Int64, false), ("text", Type::String, true)];
    fields.map(|(name, ty, nullable)| Field::new(name, ty, nullable)).into_iter().collect()
}

fn batch(ids: std::ops::RangeInclusive<u64>) -> RecordBatch {
    let texts: StringArray = ids.clone().map(|id| Some(format!("order {id}"))).collect();
    let ids = Int64Array::from_iter_values(ids.map(|id| id as i64));
    let columns: Vec<ArrayRef> = vec![std::sync::Arc::new(ids), std::sync::Arc::new(texts)];
    RecordBatch::try_new(apitap::schema::arrow::schema(&row()), columns).unwrap()
}

async fn open(target: &dyn apitap::sink::Target, mode: Mode) -> Box<dyn Session> {
    let load = Load::new("orders", "orders", mode, &["id".to_owned()], &row()).unwrap();
    target.open(load, &Limits::of(Memory::default(), 1)).await.unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}
