//! Which files there are: by size, by the values of columns.

use super::*;

/// The names of files without what differs from run to run.
fn shown(files: &[String]) -> Vec<String> {
    let number = |file: &String| {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let number = name.rsplit_once('-').map_or(name, |(_, number)| number);
        if folder.is_empty() { number.to_owned() } else { format!("{folder}/{number}") }
    };
    files.iter().map(number).collect()
}

#[tokio::test]
async fn rows_are_in_the_folders_of_their_values() {
    let mut data = Data::new(TargetKind::Csv);
    data.partition_by = vec!["country".to_owned(), "day".to_owned()];
    let row = schema(&[
        ("id", Type::Int64, false),
        ("country", Type::String, true),
        ("day", Type::Date, true),
    ]);
    let rows = json!([
        { "id": 1, "country": "FR", "day": "2026-11-27" },
        { "id": 2, "country": "São Tomé/…", "day": null },
        { "id": 3, "country": "FR", "day": "2026-11-27" },
        { "id": 4, "country": "", "day": "2026-11-27" },
    ]);
    data.load("t", Mode::Append, &row, rows).await.unwrap();
    let expected = [
        "country=/day=2026-11-27/0003.csv",
        "country=FR/day=2026-11-27/0001.csv",
        "country=São%20Tomé%2F%E2%80%A6/day=__HIVE_DEFAULT_PARTITION__/0002.csv",
    ];
    assert_eq!(shown(&data.files("t")), expected);
    assert_eq!(data.text("t"), "id\n4\nid\n1\n3\nid\n2\n");
    data.load("t", Mode::Replace, &row, json!([{ "id": 5, "country": "FR", "day": "2026-11-28" }]))
        .await
        .unwrap();
    assert_eq!(shown(&data.files("t")), ["country=FR/day=2026-11-28/0001.csv"]);
    assert!(!data.table("t").join("country=").exists());
}

#[tokio::test]
async fn a_value_that_can_name_no_folder_is_named() {
    let mut data = Data::new(TargetKind::Jsonl);
    data.partition_by = vec!["status".to_owned()];
    let long = "x".repeat(300);
    for (value, why) in [
        (long.as_str(), "is too long for the name of a folder"),
        (
            "__HIVE_DEFAULT_PARTITION__",
            "is `__HIVE_DEFAULT_PARTITION__`, which as a folder says null",
        ),
    ] {
        let rows = json!([{ "id": 1, "status": "a" }, { "id": 2, "status": value }]);
        let loaded = data.load("t", Mode::Append, &orders(), rows).await;
        fails(loaded, &format!("column `status` of row 2 {why}"));
    }
    assert!(!data.table("t").exists());
}

#[tokio::test]
async fn a_refused_value_is_named_by_its_row_in_the_run() {
    let mut data = Data::new(TargetKind::Jsonl);
    data.partition_by = vec!["k".to_owned()];
    let row = schema(&[("k", Type::Int64, false), ("v", Type::Float64, true)]);
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(arrow::array::Int64Array::from(vec![1, 2, 1, 2])),
        Arc::new(Float64Array::from(vec![0.0, 0.0, 0.0, f64::INFINITY])),
    ];
    let batch = RecordBatch::try_new(crate::schema::arrow::schema(&row), columns).unwrap();
    let mut run = data.open("t", Mode::Append, &row).await.unwrap();
    run.write(batch.slice(0, 1)).await.unwrap();
    let message = "column `v` of row 5 holds NaN or an infinity, which JSON cannot say";
    fails(run.write(batch).await, message);
}

#[tokio::test]
async fn a_file_ends_where_it_is_large_enough() {
    let mut data = Data::new(TargetKind::Jsonl);
    data.file_size = 64 << 10;
    let text = "x".repeat(1_000);
    let mut run = data.open("t", Mode::Append, &orders()).await.unwrap();
    for part in 0..10 {
        let rows: Vec<_> =
            (0..100).map(|id| json!({ "id": part * 100 + id, "status": text })).collect();
        run.write(batch(&orders(), json!(rows))).await.unwrap();
    }
    run.commit().await.unwrap();
    let sizes: Vec<_> = data.files("t").iter().map(|file| data.table("t").join(file)).collect();
    let sizes: Vec<_> = sizes.iter().map(|path| fs::metadata(path).unwrap().len()).collect();
    assert!(sizes.len() >= 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 250 << 10), "{sizes:?}");
    assert_eq!(data.text("t").lines().count(), 1_000);
}

/// More folders than files that are open at once, and less memory than all of them need.
#[tokio::test]
async fn many_folders_need_no_more_memory() {
    let mut data = Data::new(TargetKind::Jsonl);
    data.compression = Compression::Zstd;
    data.partition_by = vec!["id".to_owned()];
    let load = Load::new("files", "t", Mode::Append, &[], &orders()).unwrap();
    let load = load.partitioned(&data.partition_by).unwrap();
    let limits = Limits::of("16MiB".parse::<Memory>().unwrap(), 1);
    let mut session = data.destination().open(load, &limits).await.unwrap();
    let mut writer = session.writer().await.unwrap();
    for round in 0..2_u64 {
        let rows: Vec<_> = (0..300).map(|id| json!({ "id": id, "status": "a" })).collect();
        writer.write(round * 300 + 1, batch(&orders(), json!(rows))).await.unwrap();
    }
    writer.close().await.unwrap();
    let written = session.commit(&Default::default()).await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(written, Written { received: 600, stored: 600, unchanged: 0 });
    let files = data.files("t");
    let rows = files.iter().map(|file| {
        let bytes = fs::read(data.table("t").join(file)).unwrap();
        String::from_utf8(zstd::decode_all(&*bytes).unwrap()).unwrap().lines().count()
    });
    assert_eq!(rows.sum::<usize>(), 600);
    assert_eq!(fs::read_dir(data.table("t")).unwrap().count(), 300 + 1);
}
