//! Where the tests write files, and what a reader finds there that knows nothing of apitap.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use apitap::Environment;
use apitap::definition::{self, Cloud, Compression, Connection, Folder, S3, TargetKind, Template};
use apitap::sink::{Target, resolve};
use apitap_build::size::Size;
use apitap_tests::s3;
use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use serde_json::Value;
use tempfile::TempDir;

/// A folder of this machine, or a bucket.
pub(super) enum Place {
    Folder(TempDir),
    Bucket(String),
}

impl Place {
    pub(super) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    pub(super) fn bucket() -> Self {
        Self::Bucket(s3::bucket())
    }

    /// The `path` of a target here.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().to_str().unwrap().to_owned(),
            Self::Bucket(bucket) => format!("s3://{bucket}/some/folder"),
        }
    }

    pub(super) fn target(&self, kind: TargetKind) -> Arc<dyn Target> {
        target(kind, &self.path(), Compression::None, 128 << 20)
    }

    /// All that lies below the folder of a table: its name, and what is in it.
    async fn objects(&self, table: &str) -> Vec<(String, Bytes)> {
        let mut objects = match self {
            Self::Folder(folder) => in_folder(&folder.path().join(table), ""),
            Self::Bucket(bucket) => in_bucket(bucket, &format!("some/folder/{table}")).await,
        };
        objects.sort();
        objects
    }

    /// The files that `table/**/*` finds, and what is in them; of a table of Delta Lake, those of its last
    /// version.
    pub(super) async fn files(&self, table: &str) -> Vec<(String, Bytes)> {
        let objects = self.objects(table).await;
        let live = live(&objects);
        let counts = |name: &String| live.as_ref().is_none_or(|live| live.contains(name));
        let files = objects.into_iter().filter(|(name, _)| !name.starts_with('_'));
        files.filter(|(name, _)| counts(name)).collect()
    }

    /// The files that no version of a table of Delta Lake has.
    pub(super) async fn unnamed(&self, table: &str) -> Vec<String> {
        let objects = self.objects(table).await;
        let named: BTreeSet<_> =
            actions(&objects).filter_map(|action| path(action.get("add")?)).collect();
        let names = objects.into_iter().map(|(name, _)| name);
        names.filter(|name| !name.starts_with('_') && !named.contains(name)).collect()
    }

    /// Whether there is a table, with or without rows.
    pub(super) async fn is_table(&self, table: &str) -> bool {
        let objects = self.objects(table).await;
        let is_log = live(&objects).is_some();
        is_log || objects.iter().any(|(name, _)| !name.starts_with('_'))
    }

    /// What sessions have staged, and not taken away.
    pub(super) async fn staged(&self, table: &str) -> Vec<String> {
        let names = self.objects(table).await.into_iter().map(|(name, _)| name);
        names.filter(|name| name.starts_with("_apitap/staged/")).collect()
    }

    /// Uploads that nobody has ended.
    pub(super) fn uploads(&self) -> usize {
        match self {
            Self::Folder(_) => 0,
            Self::Bucket(bucket) => s3::uploads(bucket),
        }
    }
}

/// The actions in the log of a table of Delta Lake, in their order.
fn actions(objects: &[(String, Bytes)]) -> impl Iterator<Item = Value> {
    let is_commit = |name: &str| name.starts_with("_delta_log/") && name.ends_with(".json");
    let commits = objects.iter().filter(move |(name, _)| is_commit(name));
    commits.flat_map(|(_, bytes)| {
        let text = std::str::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    })
}

/// The file of an action. Ours need no decoding.
fn path(action: &Value) -> Option<String> {
    action["path"].as_str().map(str::to_owned)
}

/// The files of the last version of a table of Delta Lake; `None` where there is no log.
fn live(objects: &[(String, Bytes)]) -> Option<BTreeSet<String>> {
    let mut live = None;
    for action in actions(objects) {
        let live = live.get_or_insert_with(BTreeSet::new);
        live.extend(action.get("add").and_then(path));
        if let Some(removed) = action.get("remove").and_then(path) {
            assert!(live.remove(&removed), "{removed}");
        }
    }
    live
}

fn in_folder(folder: &Path, below: &str) -> Vec<(String, Bytes)> {
    let mut objects = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder.join(below)) else { return objects };
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        match std::fs::read(folder.join(&name)) {
            Ok(bytes) => objects.push((name, bytes.into())),
            // A folder, or a file that has got another name meanwhile.
            Err(_) => objects.extend(in_folder(folder, &name)),
        }
    }
    objects
}

async fn in_bucket(bucket: &str, folder: &str) -> Vec<(String, Bytes)> {
    let store = client(bucket);
    let listed = store.list(Some(&folder.into())).try_collect::<Vec<_>>().await.unwrap();
    let mut objects = Vec::new();
    for ObjectMeta { location, .. } in listed {
        let name = location.as_ref().strip_prefix(folder).unwrap().trim_matches('/').to_owned();
        if let Ok(found) = store.get(&location).await {
            objects.push((name, found.bytes().await.unwrap()));
        }
    }
    objects
}

/// The client of a bucket, as others make it.
pub(super) fn client(bucket: &str) -> AmazonS3 {
    rustls::crypto::ring::default_provider().install_default().ok();
    AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_endpoint(s3::endpoint())
        .with_allow_http(true)
        .with_access_key_id(s3::KEY)
        .with_secret_access_key(s3::SECRET)
        .build()
        .unwrap()
}

/// A target of files at a path, whose object store is the test server.
pub(super) fn target(
    kind: TargetKind,
    path: &str,
    compression: Compression,
    file_size: u64,
) -> Arc<dyn Target> {
    let cloud = match path.starts_with("s3://") {
        true => keys(),
        false => Cloud::default(),
    };
    target_with(kind, path, compression, file_size, cloud)
}

/// A target of files at a path, with the keys of its object store.
pub(super) fn target_with(
    kind: TargetKind,
    path: &str,
    compression: Compression,
    file_size: u64,
    cloud: Cloud,
) -> Arc<dyn Target> {
    let path = Template(path.to_owned());
    let folder = Folder { path, file_size: Size(file_size), compression, cloud: Box::new(cloud) };
    resolved(kind, folder, &mut Environment::default())
}

/// A target of files at a path, whose object store the environment says.
pub(super) fn target_in(
    kind: TargetKind,
    path: &str,
    environment: &mut Environment,
) -> Arc<dyn Target> {
    let path = Template(path.to_owned());
    let (file_size, compression) = (Size(128 << 20), Compression::None);
    resolved(kind, Folder { path, file_size, compression, cloud: Box::default() }, environment)
}

fn resolved(kind: TargetKind, folder: Folder, environment: &mut Environment) -> Arc<dyn Target> {
    let connection = Connection::Folder(folder);
    let target = definition::Target { name: "lake".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, environment)
}

/// Who asks the test server.
pub(super) fn keys() -> Cloud {
    let text = |text: &str| Some(Template(text.to_owned()));
    let s3 = S3 {
        endpoint: text(&s3::endpoint()),
        access_key_id: text(s3::KEY),
        secret_access_key: text(s3::SECRET),
        ..S3::default()
    };
    Cloud { s3: Some(s3), ..Cloud::default() }
}

/// The rows of a file of JSON lines or Parquet that has the columns `id` and a text.
pub(super) fn rows(kind: TargetKind, bytes: Bytes) -> Vec<(i64, Option<String>)> {
    match kind {
        TargetKind::Jsonl => std::str::from_utf8(&bytes).unwrap().lines().map(of_line).collect(),
        TargetKind::Parquet | TargetKind::Delta => {
            batches(bytes).iter().flat_map(of_batch).collect()
        }
        _ => panic!("{kind:?} is not read here"),
    }
}

fn of_line(line: &str) -> (i64, Option<String>) {
    let row: Value = serde_json::from_str(line).unwrap();
    let text = row.as_object().unwrap().values().find_map(Value::as_str);
    (row["id"].as_i64().unwrap(), text.map(str::to_owned))
}

/// What the parquet crate reads.
pub(super) fn batches(bytes: Bytes) -> Vec<RecordBatch> {
    ParquetRecordBatchReader::try_new(bytes, 1024).unwrap().map(|batch| batch.unwrap()).collect()
}

fn of_batch(batch: &RecordBatch) -> Vec<(i64, Option<String>)> {
    use arrow::array::{Array as _, AsArray as _};

    let ids = batch.column(0).as_primitive::<arrow::datatypes::Int64Type>();
    let texts = batch.column(1).as_string::<i32>();
    let text = |row| texts.is_valid(row).then(|| texts.value(row).to_owned());
    (0..batch.num_rows()).map(|row| (ids.value(row), text(row))).collect()
}
