//! Tables of Delta Lake, as the package `deltalake` of PyPI reads and writes them.

use std::sync::Arc;

use apitap::definition::{Compression, Mode, TargetKind};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, StateChange, Target, Written};
use apitap_tests::deltalake::python;
use serde_json::{Value, json};

use super::super::loads::{batch, list, schema};
use super::place::{Place, target};
use super::{api, project, run};

fn row() -> Schema {
    schema(&[("id", Type::Int64, true), ("text", Type::String, true)])
}

/// One load of a pipeline that remembers how often it has run.
async fn load(target: &dyn Target, load: Load, row: &Schema, rows: &Value) -> Written {
    let mut session = target.open(load, &Limits::of(Memory::default(), 1)).await.unwrap();
    let known = session.state().await.unwrap();
    let runs = known.partitions.get("").map_or(0, |state| state["runs"].as_u64().unwrap());
    let mut writer = session.writer().await.unwrap();
    writer.write(1, batch(row, rows.clone())).await.unwrap();
    writer.close().await.unwrap();
    let partitions = [(String::new(), json!({ "runs": runs + 1 }))].into();
    let change = StateChange { run: runs.to_string(), partitions, known: Some(known), entry: None };
    session.commit(&change).await.unwrap();
    session.finish().await.unwrap()
}

fn of(mode: Mode) -> Load {
    let key = match mode {
        Mode::Append => Vec::new(),
        _ => vec!["id".to_owned()],
    };
    Load::new("orders", "orders", mode, &key, &row()).unwrap()
}

fn rows(ids: std::ops::Range<i64>, text: &str) -> Value {
    ids.map(|id| json!({"id": id, "text": text})).collect()
}

/// How often the pipeline has run, as it remembers.
async fn runs(target: &dyn Target) -> Value {
    target.remembered(&of(Mode::Append)).await.unwrap().remove(0).value
}

fn orders(place: &Place) -> String {
    format!("{}/orders", place.path())
}

async fn others(place: &Place, code: &str) -> Value {
    let (path, code) = (orders(place), code.to_owned());
    tokio::task::spawn_blocking(move || python(&path, &code)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_read_what_every_mode_has_left() {
    for place in [Place::folder(), tokio::task::spawn_blocking(Place::bucket).await.unwrap()] {
        let target = place.target(TargetKind::Delta);
        let check = async |mode, ids, text, expected: Value| {
            load(target.as_ref(), of(mode), &row(), &rows(ids, text)).await;
            assert_eq!(others(&place, "say(rows())").await, expected, "{mode:?}");
        };
        check(Mode::Append, 1..3, "a", json!([[1, "a"], [2, "a"]])).await;
        check(Mode::Append, 3..4, "b", json!([[1, "a"], [2, "a"], [3, "b"]])).await;
        check(Mode::Merge, 2..5, "c", json!([[1, "a"], [2, "c"], [3, "c"], [4, "c"]])).await;
        check(Mode::Replace, 7..9, "d", json!([[7, "d"], [8, "d"]])).await;
        check(Mode::InsertNew, 8..10, "e", json!([[7, "d"], [8, "d"], [9, "e"]])).await;
        for id in 10..18 {
            load(target.as_ref(), of(Mode::Append), &row(), &rows(id..id + 1, "f")).await;
        }
        // Behind a checkpoint, without which the rows of before would not be known.
        let found = others(
            &place,
            "say([table().version(), len(rows()), rows('SELECT count(*) FROM t WHERE id > 9')])",
        );
        assert_eq!(found.await, json!([12, 11, [[8]]]));
        let at = "say(DeltaTable(path, version=3, storage_options=options).version())";
        assert_eq!(others(&place, at).await, 3);
        assert_eq!(runs(target.as_ref()).await, json!({ "runs": 13 }));
    }
}

/// The table, its checkpoints and its files are made by others as much as by us.
#[tokio::test(flavor = "multi_thread")]
async fn others_write_between_our_runs() {
    let place = Place::folder();
    let target = place.target(TargetKind::Delta);
    others(&place, "append(range(1, 5), 'theirs')").await;
    load(target.as_ref(), of(Mode::Merge), &row(), &rows(4..6, "ours")).await;
    let expected = json!([[1, "theirs"], [2, "theirs"], [3, "theirs"], [4, "ours"], [5, "ours"]]);
    assert_eq!(others(&place, "say(rows())").await, expected);
    let code = "
append([6], 'theirs')
table().optimize.compact()
table().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
table().create_checkpoint()
version = table().version()
for old in range(version):
    os.remove(f'{path}/_delta_log/{old:020}.json')
say(version)
";
    let version = others(&place, code).await;
    assert_eq!(runs(target.as_ref()).await, json!({ "runs": 1 }));
    load(target.as_ref(), of(Mode::Merge), &row(), &rows(6..8, "again")).await;
    let found = others(
        &place,
        "say([table().version(), rows('SELECT * FROM t WHERE id > 4 ORDER BY id')])",
    );
    let expected = json!([[5, "ours"], [6, "again"], [7, "again"]]);
    assert_eq!(found.await[1], expected, "behind version {version}");
    assert_eq!(runs(target.as_ref()).await, json!({ "runs": 2 }));
    // Between the first row of a run and its commit.
    let mut session =
        target.open(of(Mode::Merge), &Limits::of(Memory::default(), 1)).await.unwrap();
    let mut writer = session.writer().await.unwrap();
    writer.write(1, batch(&row(), rows(7..10, "last"))).await.unwrap();
    writer.close().await.unwrap();
    others(&place, "append([9, 10], 'theirs')").await;
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
    let found = others(&place, "say(rows('SELECT * FROM t WHERE id > 6 ORDER BY id'))").await;
    assert_eq!(found, json!([[7, "last"], [8, "last"], [9, "last"], [10, "theirs"]]));
}

/// Of others and of ours, in a merge that writes both anew.
#[tokio::test(flavor = "multi_thread")]
async fn values_of_all_types_are_what_they_were() {
    let place = Place::folder();
    let record = Type::Record(vec![
        Field::new("a", Type::Int32, true),
        Field::new("tags", list(Type::String), true),
    ]);
    let row: Schema = [
        ("id", Type::Int64),
        ("flag", Type::Bool),
        ("small", Type::Int16),
        ("price", Type::Decimal { precision: 38, scale: 9 }),
        ("day", Type::Date),
        ("at", Type::Timestamp),
        ("uid", Type::Uuid),
        ("raw", Type::Json),
        ("bytes", Type::Binary),
        ("list", list(Type::Float64)),
        ("record", record),
        ("place", Type::String),
    ]
    .map(|(name, ty)| Field::new(name, ty, name != "id"))
    .into_iter()
    .collect();
    let one = json!({
        "id": 1, "flag": true, "small": -32768, "price": "12345678901234567890123456789.123456789",
        "day": "0001-01-01", "at": "9999-12-31T23:59:59.999999Z",
        "uid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "raw": "{\"a\": [1.10]}", "bytes": "00ff",
        "list": [1.5, null], "record": {"a": 7, "tags": ["x", null]}, "place": "São Tomé/% & ?#=+",
    });
    let two = json!({"id": 2, "place": null});
    let key = ["id".to_owned()];
    let by = ["place".to_owned()];
    let merge = || {
        Load::new("orders", "orders", Mode::Merge, &key, &row).unwrap().partitioned(&by).unwrap()
    };
    let target = target(TargetKind::Delta, &place.path(), Compression::Zstd, 128 << 20);
    let code = "say([rows(), rows('SELECT count(*) FROM t WHERE place LIKE \\'%Tom%\\'')])";
    let expected = json!([
        [
            [1, true, -32768, "12345678901234567890123456789.123456789", "0001-01-01",
             "9999-12-31 23:59:59.999999+00:00", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "{\"a\": [1.10]}",
             "00ff", [1.5, null], {"a": 7, "tags": ["x", null]}, "São Tomé/% & ?#=+"],
            [2, null, null, null, null, null, null, null, null, null, null, null],
        ],
        [[1]],
    ]);
    load(target.as_ref(), merge(), &row, &json!([one, two])).await;
    assert_eq!(others(&place, code).await, expected);
    // Others write all of it anew, and then we do, without the second row.
    others(&place, "table().optimize.z_order(['id'])").await;
    load(target.as_ref(), merge(), &row, &json!([two, {"id": 3, "place": "São Tomé/% & ?#=+"}]))
        .await;
    let without = "say([rows('SELECT * FROM t WHERE id < 3 ORDER BY id'), rows('SELECT count(*) FROM t WHERE id = 1')])";
    assert_eq!(others(&place, without).await, json!([expected[0], [[1]]]));
}

#[test]
fn delta_is_written_by_the_command() {
    let api = api();
    let project =
        project(&api, "type: delta, path: data", "key=[\"id\"], partition_by=[\"status\"]");
    for version in 0..2 {
        run(&project);
        let path = project.path().join("data/orders");
        let path = path.to_str().unwrap();
        let code = "say([table().version(), rows('SELECT count(*), count(DISTINCT id), sum(amount) FROM t')])";
        assert_eq!(python(path, code), json!([version, [[250, 250, "3125.00"]]]));
    }
}

/// A run of many at once: each lands, behind whatever the others have committed.
#[tokio::test(flavor = "multi_thread")]
async fn runs_at_once_all_land() {
    for place in [Place::folder(), tokio::task::spawn_blocking(Place::bucket).await.unwrap()] {
        let target = place.target(TargetKind::Delta);
        let one = |id: i64| {
            let target = Arc::clone(&target);
            async move {
                let name = format!("pipeline {id}");
                let merge = Load::new(&name, "orders", Mode::Merge, &["id".to_owned()], &row());
                load(target.as_ref(), merge.unwrap(), &row(), &rows(id..id + 2, &name)).await
            }
        };
        for written in futures::future::join_all((0..6).map(one)).await {
            assert_eq!((written.received, written.stored), (2, 2));
        }
        let ids = others(&place, "say([row[0] for row in rows()])").await;
        assert_eq!(ids, json!([0, 1, 2, 3, 4, 5, 6]));
        assert_eq!(place.staged("orders").await, [""; 0]);
        assert_eq!(place.unnamed("orders").await, [""; 0]);
    }
}
