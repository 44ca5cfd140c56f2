//! Files in an object store: what every target promises, what others find there, and what it says where
//! something is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use apitap::Result;
use apitap::definition::{Cloud, Compression, Mode, S3, TargetKind, Template};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::conformance::{self, Run, Subject, check};
use apitap::sink::{Load, StateChange, Target, Written};
use apitap_tests::process::finish;
use apitap_tests::readme::blocks_of;
use apitap_tests::s3;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use object_store::ObjectStoreExt as _;

use super::place::{self, Place, target, target_with};
use super::{LIMIT, api, project};

struct Buckets(TargetKind);

#[async_trait]
impl Subject for Buckets {
    async fn fresh(&self) -> Result<Box<dyn conformance::Place>> {
        let place = tokio::task::spawn_blocking(Place::bucket).await.unwrap();
        Ok(Box::new(Bucket(place, self.0)))
    }
}

struct Bucket(Place, TargetKind);

#[async_trait]
impl conformance::Place for Bucket {
    fn target(&self) -> Arc<dyn Target> {
        self.0.target(self.1)
    }

    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let files = self.0.files(table).await;
        let is_there = self.0.is_table(table).await;
        let rows = files.into_iter().flat_map(|(_, bytes)| place::rows(self.1, bytes));
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        Ok(is_there.then_some(rows))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_in_an_object_store_keeps_what_every_target_promises() {
    assert_eq!(check(&Buckets(TargetKind::Parquet)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_in_an_object_store_keeps_what_every_target_promises() {
    assert_eq!(check(&Buckets(TargetKind::Delta)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_in_an_object_store_keep_what_every_target_promises() {
    assert_eq!(check(&Buckets(TargetKind::Jsonl)).await, []);
}

fn row() -> Schema {
    let fields = [("id", Type::Int64), ("text", Type::String)];
    fields.map(|(name, ty)| Field::new(name, ty, true)).into_iter().collect()
}

fn batch(ids: std::ops::Range<i64>, text: &str) -> RecordBatch {
    let texts: StringArray = ids.clone().map(|_| Some(text)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(ids)), Arc::new(texts)];
    RecordBatch::try_new(apitap::schema::arrow::schema(&row()), columns).unwrap()
}

async fn open(target: &dyn Target, mode: Mode, by: &[&str]) -> Result<Run> {
    let by: Vec<_> = by.iter().map(|name| (*name).to_owned()).collect();
    let load = Load::new("orders", "orders", mode, &[], &row())?.partitioned(&by)?;
    Run::of(target, load).await
}

async fn load(target: &dyn Target, mode: Mode, ids: std::ops::Range<i64>) -> Result<Written> {
    let mut run = open(target, mode, &[]).await?;
    run.write(batch(ids, "a")).await?;
    run.commit().await
}

async fn bucket() -> Place {
    tokio::task::spawn_blocking(Place::bucket).await.unwrap()
}

async fn ids(place: &Place) -> Vec<i64> {
    let files = place.files("orders").await;
    let rows = files.into_iter().flat_map(|(_, bytes)| place::rows(TargetKind::Jsonl, bytes));
    let mut ids: Vec<_> = rows.map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids
}

/// Nothing of any session is left but the table and its log.
async fn is_tidy(place: &Place) {
    assert_eq!(place.staged("orders").await, [""; 0]);
    assert_eq!(place.uploads(), 0);
}

#[tokio::test]
async fn a_replace_leaves_the_new_files_only() {
    let place = bucket().await;
    let target = place.target(TargetKind::Jsonl);
    load(target.as_ref(), Mode::Append, 0..3).await.unwrap();
    load(target.as_ref(), Mode::Append, 3..5).await.unwrap();
    assert_eq!(ids(&place).await, [0, 1, 2, 3, 4]);
    load(target.as_ref(), Mode::Replace, 7..9).await.unwrap();
    assert_eq!(ids(&place).await, [7, 8]);
    assert_eq!(place.files("orders").await.len(), 1);
    is_tidy(&place).await;
}

/// Files of several parts, each of which ends where it is large enough; and what is held stays small.
#[tokio::test]
async fn large_files_go_in_parts() {
    let place = bucket().await;
    let target = target(TargetKind::Jsonl, &place.path(), Compression::None, 12 << 20);
    let text = "x".repeat(10_000);
    let load = Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    let limits = Limits::of("16MiB".parse::<Memory>().unwrap(), 1);
    let mut session = target.open(load, &limits).await.unwrap();
    let mut writer = session.writer().await.unwrap();
    for part in 0..30_i64 {
        let first = part.unsigned_abs() * 100 + 1;
        writer.write(first, batch(part * 100..part * 100 + 100, &text)).await.unwrap();
    }
    assert!(ids(&place).await.is_empty());
    writer.close().await.unwrap();
    session.commit(&StateChange::default()).await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(ids(&place).await, (0..3_000).collect::<Vec<_>>());
    let sizes: Vec<_> = place.files("orders").await.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes.iter().take(2).all(|size| (11 << 20..13 << 20).contains(size)), "{sizes:?}");
    is_tidy(&place).await;
}

#[tokio::test]
async fn folders_are_named_as_others_read_them() {
    let place = bucket().await;
    let target = place.target(TargetKind::Jsonl);
    let mut run = open(target.as_ref(), Mode::Append, &["text"]).await.unwrap();
    run.write(batch(0..1, "São Tomé/…")).await.unwrap();
    run.commit().await.unwrap();
    let files = place.files("orders").await;
    let folders: Vec<_> = files.iter().filter_map(|(name, _)| name.rsplit_once('/')).collect();
    let folders: Vec<_> = folders.into_iter().map(|(folder, _)| folder).collect();
    assert_eq!(folders, ["text=São%20Tomé%2F%E2%80%A6"]);
}

#[tokio::test]
async fn what_is_not_committed_is_taken_back() {
    let place = bucket().await;
    let target = place.target(TargetKind::Jsonl);
    load(target.as_ref(), Mode::Append, 0..1).await.unwrap();
    let mut run = open(target.as_ref(), Mode::Append, &[]).await.unwrap();
    run.write(batch(1..2, "a")).await.unwrap();
    assert_eq!(place.uploads(), 1);
    run.abort().await.unwrap();
    is_tidy(&place).await;
    assert_eq!(ids(&place).await, [0]);
}

/// Another run has taken it for dead and aborted its uploads: so it cannot commit them.
#[tokio::test]
async fn a_run_that_was_given_up_cannot_commit() {
    let place = bucket().await;
    let target = place.target(TargetKind::Jsonl);
    let load_of = Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    let mut asleep = target.open(load_of, &Limits::of(Memory::default(), 1)).await.unwrap();
    let mut writer = asleep.writer().await.unwrap();
    writer.write(1, batch(0..10, "a")).await.unwrap();
    writer.close().await.unwrap();
    let staged = place.staged("orders").await;
    let session = staged[0].split('/').nth(2).unwrap();
    // Its lock is free: as if its process were gone.
    let lock = std::env::temp_dir().join(format!("apitap-{session}.lock"));
    std::fs::remove_file(&lock).unwrap();
    std::fs::write(&lock, "").unwrap();
    load(target.as_ref(), Mode::Append, 10..12).await.unwrap();
    assert_eq!(place.uploads(), 0);
    let refused = asleep.commit(&StateChange::default()).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "this run did not answer for so long that another one took it for dead\n  help:     none of \
         its rows since the last commit was stored: run it again"
    );
    assert_eq!(ids(&place).await, [10, 11]);
    load(target.as_ref(), Mode::Append, 0..10).await.unwrap();
    assert_eq!(ids(&place).await, (0..12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_once_all_land() {
    let place = bucket().await;
    let target = place.target(TargetKind::Jsonl);
    let runs = (0..10).map(|id| load(target.as_ref(), Mode::Append, id..id + 1));
    for written in futures::future::join_all(runs).await {
        assert_eq!(written.unwrap(), Written { received: 1, stored: 1, unchanged: 0 });
    }
    assert_eq!(ids(&place).await, (0..10).collect::<Vec<_>>());
    is_tidy(&place).await;
}

#[tokio::test]
async fn what_others_have_put_there_is_left_alone() {
    let place = bucket().await;
    let Place::Bucket(name) = &place else { unreachable!() };
    let path = object_store::path::Path::from("some/folder/orders/theirs.csv");
    place::client(name).put(&path, "a\n".into()).await.unwrap();
    let target = place.target(TargetKind::Jsonl);
    let refused = load(target.as_ref(), Mode::Append, 0..1).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "apitap has not written `s3://{name}/some/folder/orders/theirs.csv`, which is in the folder \
             of the table\n  help:     name another table or another folder, or move the file away"
        )
    );
    is_tidy(&place).await;
}

#[test]
fn the_command_writes_into_a_bucket_that_the_environment_leads_to() {
    let api = api();
    let bucket = s3::bucket();
    let project =
        project(&api, &format!("type: jsonl, path: \"s3://{bucket}/raw\""), "mode=\"replace\"");
    for _ in 0..2 {
        let mut command = project.apitap(["run", "--format", "json"]);
        command.env("AWS_ENDPOINT_URL", s3::endpoint());
        command.env("AWS_ACCESS_KEY_ID", s3::KEY).env("AWS_SECRET_ACCESS_KEY", s3::SECRET);
        let finished = finish(&mut command, LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = place::client(&bucket);
        let folder = object_store::path::Path::from("raw/orders");
        let found = runtime.block_on(async {
            use futures::TryStreamExt as _;
            use object_store::ObjectStore as _;
            store.list(Some(&folder)).try_collect::<Vec<_>>().await.unwrap()
        });
        let files = found.iter().filter(|object| !object.location.as_ref().contains("_apitap"));
        assert_eq!(files.count(), 1);
    }
    assert_eq!(s3::uploads(&bucket), 0);
}

/// The block of `docs/files.md`, with a bucket of this test.
#[test]
fn the_example_of_the_page_writes_into_a_bucket() {
    let (api, bucket) = (api(), s3::bucket());
    let blocks = blocks_of("docs/files.md", "yaml");
    let targets = blocks[0].text.replace("s3://lake/", &format!("s3://{bucket}/"));
    let project = project(&api, "type: csv, path: data", "mode=\"append\"");
    let yaml = std::fs::read_to_string(project.path().join("pipelines.yaml")).unwrap();
    let (sources, _) = yaml.split_once("targets:").unwrap();
    project.write("pipelines.yaml", &format!("{sources}{targets}"));
    let mut command = project.apitap(["run"]);
    command.env("S3_URL", s3::endpoint()).env("S3_KEY", s3::KEY).env("S3_SECRET", s3::SECRET);
    let finished = finish(&mut command, LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
}

/// What opening says, where the keys are those of the test server but for these.
async fn refused(path: &str, change: impl FnOnce(&mut S3)) -> String {
    let keys = tokio::task::spawn_blocking(place::keys).await.unwrap();
    let mut s3 = keys.s3.unwrap();
    change(&mut s3);
    let cloud = Cloud { s3: Some(s3), ..Cloud::default() };
    let target = target_with(TargetKind::Jsonl, path, Compression::None, 1 << 20, cloud);
    load(target.as_ref(), Mode::Append, 0..1).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let said = refused("s3://nowhere/x", |_| {}).await;
    let (before, behind) = said.split_once("20").unwrap();
    assert_eq!(before, "cannot write `s3://nowhere/x/orders/_apitap/staged/");
    assert!(
        behind.ends_with(
            "/alive`: NoSuchBucket: The specified bucket does not exist\n  help:     create the bucket, \
             or correct `path`"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_without_tls_on_another_machine_has_to_be_meant() {
    let endpoint = Some(Template("http://192.0.2.1:9000".to_owned()));
    let said = refused("s3://lake/x", |s3| s3.endpoint = endpoint).await;
    assert!(
        said.starts_with("the endpoint `http://192.0.2.1:9000` of `s3://lake/x` has no TLS"),
        "{said}"
    );
}

/// A server of one answer.
async fn serve(answer: fn(Method) -> Response) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(move |method: Method| async move { answer(method) });
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    endpoint
}

async fn answered(answer: fn(Method) -> Response, expected: &str) {
    let endpoint = serve(answer).await;
    let said = refused("s3://lake/x", |s3| s3.endpoint = Some(Template(endpoint))).await;
    let said = match said.split_once("/staged/") {
        Some((before, behind)) => {
            let (_, behind) = behind.split_once('/').unwrap();
            format!("{before}/staged/SESSION/{behind}")
        }
        None => said,
    };
    assert_eq!(said, expected);
}

#[tokio::test]
async fn what_the_server_answers_says_what_to_do() {
    let at = "cannot write `s3://lake/x/orders/_apitap/staged/SESSION/alive`";
    answered(
        |_| {
            let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access \
                        Denied</Message></Error>";
            (StatusCode::FORBIDDEN, body).into_response()
        },
        &format!(
            "{at}: AccessDenied: Access Denied\n  help:     allow these credentials to list, read, \
             write and delete below that path, and to abort multipart uploads there"
        ),
    )
    .await;
    answered(
        |_| StatusCode::MOVED_PERMANENTLY.into_response(),
        &format!(
            "{at}: Received redirect without LOCATION, this normally indicates an incorrectly \
             configured region\n  help:     say where the bucket is: `s3: {{region: …}}`, or \
             `AWS_REGION`"
        ),
    )
    .await;
    answered(
        |_| {
            let body = "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the \
                        request time and the current time is too large.</Message></Error>";
            (StatusCode::FORBIDDEN, body).into_response()
        },
        &format!(
            "{at}: RequestTimeTooSkewed: The difference between the request time and the current time \
             is too large\n  help:     set the clock of this machine: the server's tells another time"
        ),
    )
    .await;
}

/// A server that writes over what is there: two runs at once would lose each other's rows.
#[tokio::test]
async fn a_server_that_does_not_honour_conditions_is_refused() {
    answered(
        |method| match method {
            Method::PUT => [("etag", "\"1\"")].into_response(),
            _ => StatusCode::NO_CONTENT.into_response(),
        },
        "the server of `s3://lake` does not honour `If-None-Match: *`: two runs at once could overwrite \
         each other's commits\n  help:     use a newer version of the server, or another one",
    )
    .await;
}

/// Passes requests on to the test server, and says of some that they have failed after they were done.
#[derive(Clone)]
struct Forgetful {
    server: String,
    fails: fn(&str) -> bool,
    left: Arc<AtomicU32>,
}

async fn pass_on(State(proxy): State<Forgetful>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let what = format!("{} {}", parts.method, parts.uri);
    let url = format!("{}{}", proxy.server, parts.uri);
    let mut headers = parts.headers;
    headers.remove("host");
    let answer = reqwest::Client::new().request(parts.method, url).headers(headers).body(body);
    let answer = answer.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body: Bytes = answer.bytes().await.unwrap();
    if (proxy.fails)(&what)
        && proxy
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut response = (status, body).into_response();
    for name in ["etag", "last-modified", "content-length", "content-type"] {
        if let Some(value) = headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Three loads through a server that forgets answers: each lands once.
async fn forgotten(times: u32, fails: fn(&str) -> bool) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let place = bucket().await;
    let server = tokio::task::spawn_blocking(s3::endpoint).await.unwrap();
    let left = Arc::new(AtomicU32::new(times));
    let proxy = Forgetful { server, fails, left: left.clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(pass_on).with_state(proxy);
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    let mut s3 = place::keys().s3.unwrap();
    s3.endpoint = Some(Template(endpoint));
    let cloud = Cloud { s3: Some(s3), ..Cloud::default() };
    let target = target_with(TargetKind::Jsonl, &place.path(), Compression::None, 1 << 20, cloud);
    for part in 0..3 {
        load(target.as_ref(), Mode::Append, part * 10..part * 10 + 10).await.unwrap();
    }
    assert_eq!(left.load(Ordering::SeqCst), 0, "nothing was forgotten");
    assert_eq!(ids(&place).await, (0..30).collect::<Vec<_>>());
    is_tidy(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_in_once() {
    forgotten(1, |request| request.starts_with("PUT ") && request.contains("_apitap/log/")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_completion_is_not_answered_is_there_once() {
    forgotten(2, |request| request.starts_with("POST ") && request.contains("uploadId=")).await;
}
