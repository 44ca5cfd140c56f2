//! A thousand random histories of runs into one table of each database that speaks SQL, against a model:
//! inserts, updates and deletes, with keys that come twice within a run and across runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use apitap::Result;
use apitap::definition::{Mode, TargetKind};
use apitap::sink::conformance::{Place, Run};
use apitap::sink::{Load, Missing, Target, Written};
use async_trait::async_trait;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};

use super::loads::{self, batch, schema};
use super::runs::number;

/// How many histories each database goes through; `HISTORIES=1000` asks for more.
const HISTORIES: usize = 100;

/// What a run does.
#[derive(Debug, Clone)]
struct Step {
    kind: Kind,
    /// Key and value of each row, in order, in the batches in which they come.
    batches: Vec<Vec<(i64, u8)>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Merge,
    InsertNew,
    Refresh,
    Replace,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        3 => Just(Kind::Merge),
        2 => Just(Kind::InsertNew),
        2 => Just(Kind::Refresh),
        1 => Just(Kind::Replace),
    ];
    let rows = prop::collection::vec((0..9_i64, any::<u8>()), 0..12);
    let batches = prop::collection::vec(rows, 1..3);
    let step = (kind, batches).prop_map(|(kind, batches)| Step { kind, batches });
    prop::collection::vec(step, 1..5)
}

/// What is in the table after a run, by the promises; gives the rows that were stored.
fn model(table: &mut BTreeMap<i64, String>, step: &Step) -> u64 {
    let rows: Vec<_> = step.batches.iter().flatten().map(|(id, v)| (*id, v.to_string())).collect();
    let last: BTreeMap<_, _> = rows.iter().cloned().collect();
    match step.kind {
        Kind::Merge => {
            table.extend(last.clone());
            last.len() as u64
        }
        Kind::InsertNew => {
            let before = table.len();
            rows.into_iter().for_each(|(id, value)| {
                table.entry(id).or_insert(value);
            });
            (table.len() - before) as u64
        }
        Kind::Refresh | Kind::Replace => {
            table.clone_from(&last);
            last.len() as u64
        }
    }
}

async fn run(target: &dyn Target, table: &str, step: &Step) -> Result<Written> {
    let (mode, missing) = match step.kind {
        Kind::Merge => (Mode::Merge, Missing::Keep),
        Kind::InsertNew => (Mode::InsertNew, Missing::Keep),
        Kind::Refresh => (Mode::Merge, Missing::DeleteAll),
        Kind::Replace => (Mode::Replace, Missing::Keep),
    };
    let row = schema(&[
        ("id", apitap::schema::Type::Int64, false),
        ("value", apitap::schema::Type::String, true),
    ]);
    let load = Load::new("p", table, mode, &["id".to_owned()], &row)?.missing(missing);
    let mut run = Run::of(target, load).await?;
    for rows in &step.batches {
        let rows = rows.iter().map(|(id, v)| json!({ "id": id, "value": v.to_string() }));
        run.write(batch(&row, rows.collect())).await?;
    }
    run.commit().await
}

/// Runs histories until one does not end as the model says.
async fn check(place: &dyn Place) {
    let mut runner = TestRunner::deterministic();
    for number in 0..number("HISTORIES", HISTORIES) {
        let history = steps().new_tree(&mut runner).unwrap().current();
        // A table for some of them, so that each begins with what others have left.
        let table = format!("t{}", number / 4);
        let mut expected: BTreeMap<i64, String> = BTreeMap::new();
        if number % 4 != 0 {
            let rows = place.rows(&table).await.unwrap().unwrap();
            expected.extend(rows.into_iter().map(|(id, value)| (id, value.unwrap())));
        }
        for step in &history {
            let received = step.batches.iter().map(Vec::len).sum::<usize>() as u64;
            let stored = model(&mut expected, step);
            let written = run(place.target().as_ref(), &table, step).await.unwrap();
            let Written { stored: changed, unchanged, .. } = written;
            // Where nothing was written, a row that came twice was there both times.
            let told = if changed == 0 { unchanged.min(stored) } else { changed + unchanged };
            assert_eq!((written.received, told), (received, stored), "{number}: {history:?}");
        }
        let rows = place.rows(&table).await.unwrap().unwrap();
        let rows: Vec<_> =
            rows.into_iter().map(|(id, value)| (id, value.unwrap_or_default())).collect();
        assert_eq!(rows, expected.into_iter().collect::<Vec<_>>(), "{number}: {history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_ends_where_the_model_does() {
    check(&super::postgres::Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_ends_where_the_model_does() {
    check(&super::mysql::Database::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_ends_where_the_model_does() {
    check(&File(tempfile::tempdir().unwrap())).await;
}

struct File(tempfile::TempDir);

#[async_trait]
impl Place for File {
    fn target(&self) -> Arc<dyn Target> {
        loads::destination(TargetKind::Sqlite, self.0.path().join("test.db").to_str().unwrap())
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let path = self.0.path().join("test.db");
        let mut file = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        let rows = format!("SELECT id, value FROM {table} ORDER BY id, value");
        Ok(Some(sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut file).await.unwrap()))
    }
}
