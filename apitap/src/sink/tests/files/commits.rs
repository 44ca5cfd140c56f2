//! Commits: what a killed run leaves, and what is refused.

use super::*;
use crate::sink::StateChange;

fn row(id: i64) -> Value {
    json!([{ "id": id, "status": "a" }])
}

/// The ids of all rows, in the order of the files.
fn ids(data: &Data) -> Vec<i64> {
    let text = data.text("t");
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap();
    let mut ids: Vec<_> = text.lines().map(id).collect();
    ids.sort_unstable();
    ids
}

fn log(data: &Data) -> Vec<String> {
    let mut names = Vec::new();
    walk(&data.table("t").join("_apitap/log"), "", &mut names);
    names.sort_unstable();
    names
}

/// Takes a commit back as far as a run is killed right behind it: the files have no names yet.
fn unpublish(data: &Data, number: u64, over: Option<&[u8]>) {
    let path = data.table("t").join(format!("_apitap/log/{number:020}.json"));
    let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for added in record["add"].as_array().unwrap() {
        let at = |text: &Value| data.table("t").join(text.as_str().unwrap());
        let staged = at(&added["staged"]["file"]);
        fs::create_dir_all(staged.parent().unwrap()).unwrap();
        fs::rename(at(&added["file"]), staged).unwrap();
        if let (Some(old), over @ Value::String(_)) = (over, &added["over"]) {
            fs::write(at(over), old).unwrap();
        }
    }
}

#[tokio::test]
async fn a_commit_whose_run_was_killed_is_finished_by_the_next_one() {
    let data = Data::new(TargetKind::Jsonl);
    data.load("t", Mode::Append, &orders(), row(1)).await.unwrap();
    data.load("t", Mode::Append, &orders(), row(2)).await.unwrap();
    unpublish(&data, 2, None);
    assert_eq!(ids(&data), [1]);
    let run = data.open("t", Mode::Append, &orders()).await.unwrap();
    assert_eq!(ids(&data), [1, 2]);
    drop(run);
    assert!(!data.table("t").join("_apitap/staged").exists());
}

#[tokio::test]
async fn a_replace_whose_run_was_killed_is_finished_by_the_next_one() {
    let data = Data::new(TargetKind::Jsonl);
    data.load("t", Mode::Replace, &orders(), row(1)).await.unwrap();
    let old = data.text("t");
    data.load("t", Mode::Replace, &orders(), row(2)).await.unwrap();
    unpublish(&data, 2, Some(old.as_bytes()));
    assert_eq!(ids(&data), [1]);
    data.load("t", Mode::Append, &orders(), row(3)).await.unwrap();
    assert_eq!(ids(&data), [2, 3]);
    assert_eq!(log(&data).len(), 3);
}

#[tokio::test]
async fn what_a_killed_run_has_staged_is_taken_away() {
    let data = Data::new(TargetKind::Jsonl);
    data.load("t", Mode::Append, &orders(), row(1)).await.unwrap();
    let staged = data.table("t").join("_apitap/staged");
    for (session, files) in [("dead", &["lock", "0001"][..]), ("begun", &[])] {
        fs::create_dir_all(staged.join(session)).unwrap();
        files.iter().for_each(|file| fs::write(staged.join(session).join(file), "x").unwrap());
    }
    // One that lives is left alone.
    let mut other = data.open("t", Mode::Append, &orders()).await.unwrap();
    other.write(batch(&orders(), row(2))).await.unwrap();
    data.load("t", Mode::Append, &orders(), row(3)).await.unwrap();
    assert_eq!(fs::read_dir(&staged).unwrap().count(), 1);
    other.commit().await.unwrap();
    assert_eq!(ids(&data), [1, 2, 3]);
    assert!(!staged.exists());
}

/// Written once and never again: a run that is killed in its next commit has not touched this one.
#[tokio::test]
async fn each_commit_of_a_session_is_a_file_of_its_own() {
    let data = Data::new(TargetKind::Jsonl);
    let load = Load::new("files", "t", Mode::Append, &[], &orders()).unwrap();
    let limits = Limits::of(Memory::default(), 1);
    let mut session = data.destination().open(load, &limits).await.unwrap();
    let path = |number| data.table("t").join(format!("_apitap/log/{number:020}.json"));
    let mut records = Vec::new();
    for id in 1..=3 {
        let mut writer = session.writer().await.unwrap();
        writer.write(id, batch(&orders(), row(id as i64))).await.unwrap();
        writer.close().await.unwrap();
        session.commit(&StateChange::default()).await.unwrap();
        records.push(fs::read(path(id)).unwrap());
    }
    for (number, record) in (1..).zip(&records) {
        assert_eq!(fs::read(path(number)).unwrap(), *record);
    }
    session.finish().await.unwrap();
}

#[tokio::test]
async fn old_commits_go() {
    let data = Data::new(TargetKind::Jsonl);
    for id in 0..30 {
        data.load("t", Mode::Append, &orders(), row(id)).await.unwrap();
    }
    assert_eq!(ids(&data), (0..30).collect::<Vec<_>>());
    assert_eq!(log(&data).len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_once_all_land() {
    let data = Data::new(TargetKind::Jsonl);
    let ten = orders();
    let runs = (0..10).map(|id| data.load("t", Mode::Append, &ten, row(id)));
    for written in futures::future::join_all(runs).await {
        assert_eq!(written.unwrap(), Written { received: 1, stored: 1, unchanged: 0 });
    }
    assert_eq!(ids(&data), (0..10).collect::<Vec<_>>());
}

/// A reader counts all the while: it sees the rows of one run or of the next, never none, never both.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_file_sees_the_old_or_the_new() {
    let data = Arc::new(Data::new(TargetKind::Jsonl));
    let rows = |run: i64| (0..100).map(|_| json!({ "id": run, "status": "a" })).collect::<Value>();
    data.load("t", Mode::Replace, &orders(), rows(0)).await.unwrap();
    let (done, reading) = (Arc::new(std::sync::atomic::AtomicBool::new(false)), data.clone());
    let stop = done.clone();
    let reader = std::thread::spawn(move || {
        let mut looks = 0_u32;
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            // A file may have got its last name between the listing and the reading.
            let files = reading.files("t");
            assert!(files.len() <= 1, "{files:?}");
            let path = files.first().map(|file| reading.table("t").join(file));
            if let Some(Ok(text)) = path.map(fs::read_to_string) {
                assert_eq!(text.lines().count(), 100);
                assert_eq!(text.lines().collect::<std::collections::BTreeSet<_>>().len(), 1);
                looks += 1;
            }
        }
        looks
    });
    for run in 1..40 {
        data.load("t", Mode::Replace, &orders(), rows(run)).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reader.join().unwrap() > 10);
    assert_eq!(ids(&data), [39; 100]);
}

/// A first load, then one that does not go with it.
async fn refused(row: &Schema, by: &[&str], kind: TargetKind, expected: &str) {
    let mut data = Data::new(TargetKind::Csv);
    data.load("t", Mode::Append, &orders(), self::row(1)).await.unwrap();
    data.kind = kind;
    data.partition_by = by.iter().map(|name| (*name).to_owned()).collect();
    let help =
        "\n  help:     write into another table, or replace all of this one: `mode=\"replace\"`";
    let opened = data.open("t", Mode::Append, row).await.map(drop);
    fails(opened, &format!("the files of `t` {expected}{help}"));
}

#[tokio::test]
async fn rows_that_do_not_go_with_those_that_are_there_are_refused() {
    let csv = TargetKind::Csv;
    let wide = schema(&[("id", Type::Int64, false), ("status", Type::Int64, true)]);
    let there = "have `status` as `string`, and the rows have `int64`";
    refused(&wide, &[], csv, there).await;
    let more = schema(&[
        ("id", Type::Int64, false),
        ("status", Type::String, true),
        ("more", Type::Bool, true),
    ]);
    refused(&more, &[], csv, "have no column `more`, and the rows have one").await;
    let fewer = schema(&[("id", Type::Int64, false)]);
    refused(&fewer, &[], csv, "have a column `status`, and the rows have none").await;
    let other = schema(&[("no", Type::Int64, false), ("status", Type::String, true)]);
    refused(&other, &[], csv, "have the column `id` where the rows have `no`").await;
    let apart = "are kept apart by nothing, and the rows by `status`";
    refused(&orders(), &["status"], csv, apart).await;
    refused(&orders(), &[], TargetKind::Jsonl, "are of the type `csv`, not `jsonl`").await;
}

#[tokio::test]
async fn a_folder_of_others_is_left_alone() {
    let data = Data::new(TargetKind::Csv);
    fs::create_dir_all(data.table("t")).unwrap();
    let theirs = data.table("t").join("theirs.csv");
    fs::write(&theirs, "a\n").unwrap();
    let expected = format!(
        "apitap has not written `{}`, which is in the folder of the table\n  help:     name another \
         table or another folder, or move the file away",
        theirs.display()
    );
    for mode in [Mode::Append, Mode::Replace] {
        fails(data.open("t", mode, &orders()).await.map(drop), &expected);
    }
    assert_eq!(fs::read_to_string(theirs).unwrap(), "a\n");
    assert_eq!(fs::read_dir(data.table("t")).unwrap().count(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_folder_is_refused() {
    let check = async |path: &str, table: &str, expected: &str| {
        let folder = Folder {
            path: Template(path.to_owned()),
            file_size: Size(1),
            compression: Compression::None,
            cloud: Box::default(),
        };
        let target = target(TargetKind::Csv, Connection::Folder(folder));
        fails(open(&target, table, Mode::Append, &[], &orders()).await.map(drop), expected);
    };
    let help = "\n  help:     write the path of a folder, `path: data`, or a URL, `path: \
                s3://bucket/folder`";
    check(" ", "t", &format!("the CSV target names no folder{help}")).await;
    let scheme = format!("scheme `ftp` is not supported by a file target{help}");
    check("ftp://host/x", "t", &scheme).await;
    check(
        "x",
        "a/b",
        "the table name `a/b` has `/` in it, which a folder's name cannot have\n  help:     name \
         the table with letters, digits and `_`",
    )
    .await;
}
