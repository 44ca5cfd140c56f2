//! Tables of Delta Lake, as their log says them to a reader that has nothing of apitap.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::definition::Evolve;
use crate::sink::conformance::{Place, Subject, check};
use crate::sink::{Missing, State, StateChange};

/// The commits of a table, as lines of JSON each; nothing where there is no table.
fn commits(table: &Path) -> Vec<Vec<Value>> {
    let mut commits = Vec::new();
    while let Ok(text) =
        fs::read_to_string(table.join(format!("_delta_log/{:020}.json", commits.len())))
    {
        commits.push(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
    }
    commits
}

/// The files of its last version, and their `add`.
fn live(table: &Path) -> BTreeMap<String, Value> {
    let mut live = BTreeMap::new();
    for action in commits(table).into_iter().flatten() {
        let path = |action: &Value| {
            let path = action["path"].as_str().unwrap();
            percent_decode_str(path).decode_utf8().unwrap().into_owned()
        };
        if let Some(add) = action.get("add") {
            live.insert(path(add), add.clone());
        }
        if let Some(remove) = action.get("remove") {
            assert!(live.remove(&path(remove)).is_some(), "{remove}");
        }
    }
    live
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReader::try_new(fs::File::open(path).unwrap(), 1024).unwrap();
    reader.map(|batch| batch.unwrap()).collect()
}

/// `id` and `value` of all rows, sorted; what the log says of each file is true.
fn rows(table: &Path) -> Option<Vec<(i64, Option<String>)>> {
    let mut rows = Vec::new();
    for (file, add) in live(table) {
        let before = rows.len();
        for batch in batches(&table.join(&file)) {
            let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
            let value = |row| {
                let values = batch.column_by_name("value")?.as_string::<i32>();
                values.is_valid(row).then(|| values.value(row).to_owned())
            };
            rows.extend((0..batch.num_rows()).map(|row| (ids.value(row), value(row))));
        }
        let stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
        assert_eq!(stats["numRecords"], rows.len() - before, "{add}");
        let ids = rows[before..].iter().map(|(id, _)| *id);
        assert_eq!(stats["minValues"]["id"].as_i64(), ids.clone().min(), "{add}");
        assert_eq!(stats["maxValues"]["id"].as_i64(), ids.max(), "{add}");
        let size = fs::metadata(table.join(&file)).unwrap().len();
        assert_eq!(add["size"], size, "{add}");
    }
    rows.sort();
    (!commits(table).is_empty()).then_some(rows)
}

struct Tables;

#[async_trait]
impl Subject for Tables {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Delta(Data::new(TargetKind::Delta))))
    }
}

struct Delta(Data);

#[async_trait]
impl Place for Delta {
    fn target(&self) -> Arc<dyn Target> {
        self.0.destination()
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let table = self.0.table(table);
        // A check has other columns.
        let has_ids = |add: &Value| add["stats"].as_str().is_some_and(|s| s.contains("\"value\""));
        match live(&table).values().all(has_ids) {
            true => Ok(rows(&table)),
            false => Ok(None),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_keeps_what_every_target_promises() {
    assert_eq!(check(&Tables).await, []);
}

fn row() -> Schema {
    let fields = [("id", Type::Int64, false), ("value", Type::String, true)];
    fields.map(|(name, ty, nullable)| Field::new(name, ty, nullable)).into_iter().collect()
}

/// One load, with `memory` bytes for files and keys.
async fn load(data: &Data, load: Load, memory: usize, parts: &[Value]) -> Result<Written> {
    let mut limits = Limits::of(Memory::default(), 1);
    limits.files = memory;
    let row: Schema =
        load.columns().iter().map(|c| Field::new(&*c.name, c.ty.clone(), true)).collect();
    let mut session = data.destination().open(load, &limits).await?;
    let mut writer = session.writer().await?;
    let mut first = 1;
    for part in parts {
        let batch = batch(&row, part.clone());
        let rows = batch.num_rows() as u64;
        writer.write(first, batch).await?;
        first += rows;
    }
    writer.close().await?;
    session.commit(&StateChange::default()).await?;
    session.finish().await
}

fn of(mode: Mode, row: &Schema) -> Load {
    let key = match mode {
        Mode::Append => Vec::new(),
        _ => vec!["id".to_owned()],
    };
    Load::new("orders", "t", mode, &key, row).unwrap()
}

const MUCH: usize = 64 << 20;

/// A run of a history: how its rows go in, how much memory it has, and its rows in batches.
type Step = (u8, usize, Vec<Vec<(i64, u8)>>);

fn history() -> impl Strategy<Value = Vec<Step>> {
    let rows = prop::collection::vec((0..40_i64, any::<u8>()), 0..12);
    let parts = prop::collection::vec(rows, 0..6);
    prop::collection::vec((0..5_u8, prop::sample::select(vec![64, 2_000, MUCH]), parts), 1..6)
}

/// Runs in any order against a model: a map by key.
#[test]
fn histories_of_runs_leave_what_a_map_would_have() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = |steps: Vec<Step>| {
        let data = Data::new(TargetKind::Delta);
        let mut model = BTreeMap::new();
        for (at, (kind, memory, parts)) in steps.into_iter().enumerate() {
            let text = |n: u8| format!("{at} {n}");
            let all: Vec<_> = parts.concat();
            let mut seen = BTreeSet::new();
            let (mode, missing) = match kind {
                0 => (Mode::Replace, Missing::Keep),
                1 => (Mode::InsertNew, Missing::Keep),
                2 => (Mode::Merge, Missing::DeleteAll),
                _ => (Mode::Merge, Missing::Keep),
            };
            let before = model.clone();
            if mode == Mode::Replace || missing == Missing::DeleteAll {
                model.clear();
            }
            for (id, n) in &all {
                let is_known = before.contains_key(id) || !seen.insert(*id);
                if mode != Mode::InsertNew || !is_known {
                    model.insert(*id, text(*n));
                }
            }
            let json = |rows: Vec<(i64, u8)>| {
                rows.into_iter().map(|(id, n)| json!({"id": id, "value": text(n)})).collect()
            };
            let parts: Vec<Value> = parts.into_iter().map(json).collect();
            let loaded = of(mode, &row()).missing(missing);
            let written = runtime.block_on(load(&data, loaded, memory, &parts)).unwrap();
            prop_assert_eq!(written.received, all.len() as u64);
            let new = model.keys().filter(|id| !before.contains_key(id)).count();
            let keys = all.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
            let stored = if mode == Mode::InsertNew { new } else { keys };
            prop_assert_eq!(written.stored, stored as u64);
            let found = rows(&data.table("t")).unwrap();
            let expected: Vec<_> = model.iter().map(|(id, v)| (*id, Some(v.clone()))).collect();
            prop_assert_eq!(found, expected);
        }
        Ok(())
    };
    TestRunner::new(Config::with_cases(100)).run(&history(), test).unwrap();
}

fn ids(from: i64, to: i64, value: &str) -> Value {
    (from..to).map(|id| json!({"id": id, "value": value})).collect()
}

/// Ten loads of a hundred keys each, and a merge of some of one of them.
#[tokio::test]
async fn a_merge_leaves_files_alone_that_have_none_of_its_keys() {
    let data = Data::new(TargetKind::Delta);
    for part in 0..10 {
        let rows = [ids(part * 100, part * 100 + 100, "old")];
        load(&data, of(Mode::Merge, &row()), MUCH, &rows).await.unwrap();
    }
    let before = live(&data.table("t"));
    assert_eq!(before.len(), 10);
    load(&data, of(Mode::Merge, &row()), MUCH, &[ids(350, 360, "new")]).await.unwrap();
    let after = live(&data.table("t"));
    let kept = before.keys().filter(|file| after.contains_key(*file)).count();
    assert_eq!((kept, after.len()), (9, 11));
    let found = rows(&data.table("t")).unwrap();
    let is_new = |id: &i64| (350..360).contains(id);
    let expected: Vec<_> = (0..1_000)
        .map(|id| (id, Some(if is_new(&id) { "new" } else { "old" }.to_owned())))
        .collect();
    assert_eq!(found, expected);
    // All rows of a file have gone: then so has the file.
    load(&data, of(Mode::Merge, &row()), MUCH, &[ids(700, 800, "new")]).await.unwrap();
    assert_eq!(live(&data.table("t")).len(), 11);
}

/// A version for each load; a checkpoint every ten, from which a session begins where the commits are gone.
#[tokio::test]
async fn a_checkpoint_says_what_its_commits_did() {
    let data = Data::new(TargetKind::Delta);
    let state = |n: u64| StateChange {
        run: "r".to_owned(),
        partitions: [(String::new(), json!({ "next": n }))].into(),
        ..StateChange::default()
    };
    let append = |n: u64| {
        let data = &data;
        async move {
            let mut session = data
                .destination()
                .open(of(Mode::Append, &row()), &Limits::of(Memory::default(), 1))
                .await
                .unwrap();
            let mut writer = session.writer().await.unwrap();
            let n_id = i64::try_from(n).unwrap();
            writer.write(1, batch(&row(), ids(n_id, n_id + 1, "x"))).await.unwrap();
            writer.close().await.unwrap();
            session.commit(&state(n)).await.unwrap();
            session.finish().await.unwrap();
        }
    };
    for n in 0..12 {
        append(n).await;
    }
    let log = data.table("t").join("_delta_log");
    let last: Value =
        serde_json::from_slice(&fs::read(log.join("_last_checkpoint")).unwrap()).unwrap();
    assert_eq!(last["version"], 10, "{last}");
    for version in 0..10 {
        fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let mut session = data
        .destination()
        .open(of(Mode::Merge, &row()), &Limits::of(Memory::default(), 1))
        .await
        .unwrap();
    let State { partitions } = session.state().await.unwrap();
    assert_eq!(partitions, [(String::new(), json!({ "next": 11 }))].into());
    let mut writer = session.writer().await.unwrap();
    writer.write(1, batch(&row(), ids(3, 5, "merged"))).await.unwrap();
    writer.close().await.unwrap();
    session.commit(&state(12)).await.unwrap();
    session.finish().await.unwrap();
    // Both files that had one of them are gone.
    let text = fs::read_to_string(log.join("00000000000000000012.json")).unwrap();
    assert_eq!(text.matches("{\"remove\"").count(), 2, "{text}");
    // One state for each pipeline.
    let states = fs::read_dir(data.table("t").join("_apitap/state")).unwrap().count();
    assert_eq!(states, 1);
    // Without its beginning and without a checkpoint it is no table.
    fs::remove_file(log.join("00000000000000000010.checkpoint.parquet")).unwrap();
    let opened = data.open("t", Mode::Append, &row()).await.map(drop).unwrap_err().to_string();
    assert!(opened.starts_with("version 0 is missing in the log of the table, `"), "{opened}");
}

#[tokio::test]
async fn a_table_grows_by_columns_and_nothing_else() {
    let data = Data::new(TargetKind::Delta);
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(0, 2, "a")]).await.unwrap();
    let wider = |name: &str, ty: Type| {
        let mut row = row();
        row.fields.push(Field::new(name, ty, true));
        row
    };
    let rows = json!([{"id": 7, "value": "b", "city": "Lyon"}]);
    let grown = of(Mode::Append, &wider("city", Type::String));
    let frozen = load(&data, grown.clone(), MUCH, std::slice::from_ref(&rows)).await;
    fails(
        frozen.map(drop),
        "the table `t` has no column `city`\n  help:     ALTER TABLE `t` ADD COLUMNS (`city` STRING)",
    );
    load(&data, grown.clone().evolve(Evolve::Add), MUCH, &[rows]).await.unwrap();
    let meta = commits(&data.table("t")).into_iter().flatten();
    let meta: Vec<_> = meta.filter(|action| action.get("metaData").is_some()).collect();
    assert_eq!(meta.len(), 2);
    let schema: Value =
        serde_json::from_str(meta[1]["metaData"]["schemaString"].as_str().unwrap()).unwrap();
    assert_eq!(
        schema["fields"][2],
        json!({
            "name": "city", "type": "string", "nullable": true, "metadata": {},
        })
    );
    // Rows that lack it are null there; a merge would take away what it knows not.
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(8, 9, "c")]).await.unwrap();
    fails(
        load(&data, of(Mode::Merge, &row()), MUCH, &[ids(7, 8, "c")]).await.map(drop),
        "the table `t` has a column `city`, and the rows have none\n  help:     a merge puts whole rows in \
         the place of others, and its values would be lost: let the query yield `city`, or drop the \
         column: ALTER TABLE `t` DROP COLUMN `city`",
    );
    let text = of(Mode::Append, &wider("city", Type::Int64)).evolve(Evolve::Add);
    fails(
        load(&data, text, MUCH, &[json!([])]).await.map(drop),
        "column `city` of the table `t` is `STRING`, which does not hold every `BIGINT`\n  help:     \
         convert the column in the query: `CAST(city AS …)`, or write the table anew with another type: \
         CREATE OR REPLACE TABLE `t`",
    );
    let cased = of(Mode::Append, &wider("City", Type::String)).evolve(Evolve::Add);
    fails(
        load(&data, cased, MUCH, &[json!([])]).await.map(drop),
        "the table `t` has a column `city`, which to Delta Lake is the same as `City`\n  help:     name it \
         as the table does: `AS \"city\"`",
    );
}

#[tokio::test]
async fn a_table_gets_other_columns_with_its_rows() {
    let data = Data::new(TargetKind::Delta);
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(0, 2, "a")]).await.unwrap();
    let other = schema(&[("id", Type::String, false), ("day", Type::Date, true)]);
    let renewing = |row: &Schema| {
        let load = of(Mode::Replace, row).evolve(Evolve::Replace);
        load.partitioned(&["day".to_owned()]).unwrap()
    };
    let rows = [json!([{"id": "x", "day": "2026-11-27"}])];
    let differences = data.destination().differences(&renewing(&other)).await.unwrap();
    assert!(differences.iter().all(|difference| difference.is_made), "{differences:?}");
    load(&data, renewing(&other), MUCH, &rows).await.unwrap();
    let last = commits(&data.table("t")).pop().unwrap();
    let meta = &last.iter().find_map(|action| action.get("metaData")).unwrap();
    assert_eq!(meta["partitionColumns"], json!(["day"]));
    let fields: Value = serde_json::from_str(meta["schemaString"].as_str().unwrap()).unwrap();
    assert_eq!(fields["fields"].as_array().unwrap().len(), 2);
    assert_eq!(live(&data.table("t")).len(), 1);
    // The next one finds what it needs.
    load(&data, renewing(&other), MUCH, &rows).await.unwrap();
    let last = commits(&data.table("t")).pop().unwrap();
    assert!(!last.iter().any(|action| action.get("metaData").is_some()));
}

/// Rows of a narrower type, and a file that is written anew with the columns that came later.
#[tokio::test]
async fn rows_are_written_as_the_table_has_them() {
    let data = Data::new(TargetKind::Delta);
    let of_type = |ty: Type, more: &[&str]| -> Schema {
        let more = more.iter().map(|name| Field::new(*name, Type::String, true));
        [Field::new("id", Type::Int64, false), Field::new("n", ty, true)]
            .into_iter()
            .chain(more)
            .collect()
    };
    let rows = json!([{"id": 1, "n": 5}, {"id": 2, "n": 6}]);
    load(&data, of(Mode::Merge, &of_type(Type::Int64, &[])), MUCH, &[rows]).await.unwrap();
    let row = of_type(Type::Int32, &["more"]);
    let rows = json!([{"id": 2, "n": 7, "more": "x"}]);
    load(&data, of(Mode::Merge, &row).evolve(Evolve::Add), MUCH, &[rows]).await.unwrap();
    let mut found = Vec::new();
    for file in live(&data.table("t")).keys() {
        for batch in batches(&data.table("t").join(file)) {
            let n = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>().value(0);
            let more = batch.column_by_name("more").unwrap().is_valid(0);
            found.push((n, more, batch.num_rows()));
        }
    }
    found.sort_unstable();
    assert_eq!(found, [(5, false, 1), (7, true, 1)]);
}

/// What folders say is in the log, and nowhere else; a key may be among it.
#[tokio::test]
async fn rows_are_kept_apart_as_the_log_says() {
    let data = Data::new(TargetKind::Delta);
    let row: Schema = [("id", Type::Int64), ("place", Type::String), ("day", Type::Date)]
        .map(|(name, ty)| Field::new(name, ty, name != "id"))
        .into_iter()
        .collect();
    let by = ["place".to_owned(), "day".to_owned()];
    let of = |key: &[&str]| {
        let key: Vec<_> = key.iter().map(|name| (*name).to_owned()).collect();
        Load::new("orders", "t", Mode::Merge, &key, &row).unwrap().partitioned(&by).unwrap()
    };
    let rows = json!([
        {"id": 1, "place": "São Tomé/%", "day": "2026-11-27"},
        {"id": 1, "place": "Lyon", "day": null},
        {"id": 1, "place": "Lyon", "day": null},
    ]);
    load(&data, of(&["id", "place"]), MUCH, &[rows]).await.unwrap();
    let values = |data: &Data| {
        let live = live(&data.table("t"));
        live.iter().for_each(|(file, _)| assert!(data.table("t").join(file).exists(), "{file}"));
        let mut values: Vec<_> =
            live.values().map(|add| add["partitionValues"].to_string()).collect();
        values.sort();
        values
    };
    let of_day = |day: &str| json!({"day": day, "place": "São Tomé/%"}).to_string();
    let of_none = json!({"day": null, "place": "Lyon"}).to_string();
    assert_eq!(values(&data), [of_day("2026-11-27"), of_none.clone()]);
    // The row of that key has moved into another folder.
    let rows = json!([{"id": 1, "place": "São Tomé/%", "day": "2026-11-28"}]);
    let written = load(&data, of(&["id", "place"]), MUCH, &[rows]).await.unwrap();
    assert_eq!(written.stored, 1);
    assert_eq!(values(&data), [of_day("2026-11-28"), of_none]);
    let rows = json!([{"id": 1, "place": "", "day": null}]);
    fails(
        load(&data, of(&["id", "place"]), MUCH, &[rows]).await.map(drop),
        "column `place` of row 1 is empty, which a column of `partition_by` in Delta Lake cannot tell from \
         null",
    );
}

/// Two sessions that know the same version: the later one reads what the other has done.
#[tokio::test]
async fn commits_of_others_are_read_before_the_own_one() {
    let data = Data::new(TargetKind::Delta);
    load(&data, of(Mode::Merge, &row()), MUCH, &[ids(0, 4, "old")]).await.unwrap();
    let limits = Limits::of(Memory::default(), 1);
    let mut sessions = Vec::new();
    for (name, from) in [("a", 1), ("b", 2)] {
        let key = ["id".to_owned()];
        let load = Load::new(name, "t", Mode::Merge, &key, &row()).unwrap();
        let mut session = data.destination().open(load, &limits).await.unwrap();
        let mut writer = session.writer().await.unwrap();
        writer.write(1, batch(&row(), ids(from, from + 2, name))).await.unwrap();
        writer.close().await.unwrap();
        sessions.push(session);
    }
    for mut session in sessions {
        session.commit(&StateChange::default()).await.unwrap();
        session.finish().await.unwrap();
    }
    let found = rows(&data.table("t")).unwrap();
    let expected = [(0, "old"), (1, "a"), (2, "b"), (3, "b")];
    assert_eq!(found, expected.map(|(id, value)| (id, Some(value.to_owned()))));
    // Nothing is left of what was written on the way.
    let files: BTreeSet<_> = data.files("t").into_iter().collect();
    let named = commits(&data.table("t")).into_iter().flatten();
    let named: BTreeSet<_> =
        named.filter_map(|action| Some(action.get("add")?["path"].as_str()?.to_owned())).collect();
    assert_eq!(files, named);
}

/// A run has written its files when somebody else gives the table a column: one that it does not have, and then
/// another type of one that it has.
#[tokio::test]
async fn columns_that_others_change_meanwhile_are_seen_at_the_commit() {
    let data = Data::new(TargetKind::Delta);
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(0, 1, "a")]).await.unwrap();
    let table = data.table("t");
    let id =
        commits(&table)[0].iter().find_map(|action| action.get("metaData")).unwrap()["id"].clone();
    let change = |version: u64, fields: Value| {
        let schema = json!({"type": "struct", "fields": fields}).to_string();
        let meta = json!({"metaData": {
            "id": id, "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
            "partitionColumns": [], "configuration": {},
        }});
        fs::write(table.join(format!("_delta_log/{version:020}.json")), meta.to_string()).unwrap();
    };
    let field = |name: &str, ty: &str| json!({"name": name, "type": ty, "nullable": name != "id", "metadata": {}});
    let begun = async || {
        let limits = Limits::of(Memory::default(), 1);
        let load = of(Mode::Append, &row());
        let mut session = data.destination().open(load, &limits).await.unwrap();
        let mut writer = session.writer().await.unwrap();
        writer.write(1, batch(&row(), ids(1, 2, "b"))).await.unwrap();
        writer.close().await.unwrap();
        session
    };
    let mut session = begun().await;
    change(1, json!([field("id", "long"), field("value", "string"), field("more", "date")]));
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(rows(&table).unwrap().len(), 2);
    let mut session = begun().await;
    change(3, json!([field("id", "decimal(20,0)"), field("value", "string")]));
    let refused = session.commit(&StateChange::default()).await.map(drop);
    fails(
        refused,
        "column `id` of the table `t` is `DECIMAL(20,0)`, which does not hold every `BIGINT`\n  help:     \
         convert the column in the query: `CAST(id AS …)`, or write the table anew with another type: CREATE \
         OR REPLACE TABLE `t`",
    );
    drop(session);
    // What it had written is no version's, and the next run takes it away.
    change(4, json!([field("id", "long"), field("value", "string")]));
    load(&data, of(Mode::Merge, &row()), MUCH, &[ids(1, 2, "c")]).await.unwrap();
    let known: BTreeSet<_> = commits(&table)
        .into_iter()
        .flatten()
        .filter_map(|action| Some(action.get("add")?["path"].as_str()?.to_owned()))
        .collect();
    assert_eq!(data.files("t").into_iter().collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn tables_that_need_more_are_refused() {
    let check = |line: Value, mode: Mode, expected: &'static str| async move {
        let data = Data::new(TargetKind::Delta);
        load(&data, of(Mode::Append, &row()), MUCH, &[ids(0, 1, "a")]).await.unwrap();
        let log = data.table("t").join("_delta_log/00000000000000000001.json");
        fs::write(log, line.to_string()).unwrap();
        let opened = load(&data, of(mode, &row()), MUCH, &[ids(0, 1, "b")]).await;
        let folder = data.table("t").display().to_string();
        let error = opened.map(drop).unwrap_err().to_string().replace(&folder, "DATA/t");
        assert_eq!(error, expected);
    };
    let protocol = |reader: i32, writer: i32, features: &[&str]| {
        json!({"protocol": {"minReaderVersion": reader, "minWriterVersion": writer,
                            "readerFeatures": features, "writerFeatures": features}})
    };
    check(
        protocol(3, 7, &["deletionVectors", "appendOnly"]),
        Mode::Append,
        "version 1 of the table in `DATA/t` needs of Delta Lake what apitap does not have: \
         deletionVectors\n  help:     drop the feature from the table (ALTER TABLE … DROP FEATURE), or load \
         into another table",
    )
    .await;
    check(
        json!({"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}),
        Mode::Append,
        "version 1 of the table in `DATA/t` needs of Delta Lake what apitap does not have: version 2 of the \
         readers and 5 of the writers\n  help:     drop the feature from the table (ALTER TABLE … DROP \
         FEATURE), or load into another table",
    )
    .await;
    let meta = |configuration: Value, metadata: Value| {
        let fields = json!([
            {"name": "id", "type": "long", "nullable": true, "metadata": metadata},
            {"name": "value", "type": "string", "nullable": true, "metadata": {}},
        ]);
        let schema = json!({"type": "struct", "fields": fields}).to_string();
        json!({"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}},
                            "schemaString": schema, "partitionColumns": [],
                            "configuration": configuration}})
    };
    check(
        meta(json!({"delta.appendOnly": "true"}), json!({})),
        Mode::Replace,
        "version 1 of the table `t` takes rows only, and loses none\n  help:     use the mode `append`, or \
         change the table: ALTER TABLE `t` SET TBLPROPERTIES ('delta.appendOnly' = 'false')",
    )
    .await;
    check(
        meta(json!({}), json!({"delta.invariants": "id > 3"})),
        Mode::Append,
        "column `id` of the table `t` has a rule of SQL, which apitap does not run\n  help:     drop the \
         rule, or load into another table",
    )
    .await;
}

#[tokio::test]
async fn days_that_others_cannot_read_are_refused() {
    let check = |ty: Type, value: Value, expected: &'static str| async move {
        let data = Data::new(TargetKind::Delta);
        let row = schema(&[("id", Type::Int64, false), ("v", ty, true)]);
        let rows = json!([{"id": 1, "v": null}, {"id": 2, "v": value}]);
        let loaded = load(&data, of(Mode::Append, &row), MUCH, &[rows]).await;
        assert_eq!(loaded.map(drop).map_err(|error| error.to_string()), Err(expected.to_owned()));
    };
    let why =
        "column `v` of row 2 holds a date or timestamp outside of those that Delta Lake keeps";
    check(Type::Date, json!("0000-12-31"), why).await;
    check(Type::Timestamp, json!("0000-12-31T23:59:59Z"), why).await;
    check(list(Type::Date), json!(["2026-11-27", "0000-12-31"]), why).await;
    let fields = vec![Field::new("day", Type::Date, true)];
    check(Type::Record(fields), json!({"day": "0000-12-31"}), why).await;
    let times = "column `v` is `time`, of which Delta Lake has no columns\n  help:     store it as text: \
                 `CAST(… AS text)`";
    check(Type::Time, json!("13:45:00"), times).await;
}

/// A killed session has given a file its name, and no version has it.
#[tokio::test]
async fn what_a_killed_run_has_left_is_taken_away() {
    let data = Data::new(TargetKind::Delta);
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(0, 1, "a")]).await.unwrap();
    let session = "20261127T034500-1f0c7a2b9e4d";
    let staged = data.table("t").join("_apitap/staged").join(session);
    fs::create_dir_all(&staged).unwrap();
    fs::write(staged.join("lock"), "").unwrap();
    fs::write(data.table("t").join(format!("{session}-0001.parquet")), "half").unwrap();
    fs::write(data.table("t").join("part-0000.snappy.parquet"), "of others").unwrap();
    load(&data, of(Mode::Append, &row()), MUCH, &[ids(1, 2, "a")]).await.unwrap();
    let files = data.files("t");
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.contains(&"part-0000.snappy.parquet".to_owned()));
    assert!(!staged.exists());
    assert_eq!(rows(&data.table("t")).unwrap().len(), 2);
}
