//! One run of a pipeline into a table of files at a time.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Finished, Project, finish};
use apitap_tests::s3;
use serde_json::json;

use super::super::runs::{LIMIT, wait_until};
use super::project;

fn call(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.apitap(arguments.iter().copied());
    command.env("AWS_ENDPOINT_URL", s3::endpoint());
    command.env("AWS_ACCESS_KEY_ID", s3::KEY).env("AWS_SECRET_ACCESS_KEY", s3::SECRET);
    command
}

fn ended(project: &Project, arguments: &[&str]) -> Finished {
    finish(&mut call(project, arguments), LIMIT)
}

/// A run that waits for its API.
fn begin(project: &Project, api: &Api) -> Child {
    let before = api.requests().len();
    let mut command = call(project, &["run"]);
    let running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| api.requests().len() != before);
    running
}

fn check(target: &str) {
    let collection = Collection::new(vec![json!({"id": 1})], Pagination::page_number());
    let api = Api::serve(collection.data_path("/data").latency(Duration::from_secs(3)));
    let project = project(&api, target, "mode=\"append\"");
    let mut running = begin(&project, &api);
    let refused = ended(&project, &["run"]);
    assert_eq!(refused.code, Some(1), "{target}{}", refused.stdout);
    let expected = format!("is loading into `orders`: process {}, since 20", running.id());
    assert!(refused.stdout.contains(&expected), "{}", refused.stdout);
    let waited = ended(&project, &["run", "--wait", "1m"]);
    assert_eq!(waited.code, Some(0), "{target}{}{}", waited.stdout, waited.stderr);
    assert!(running.wait().unwrap().success());
    // One that was killed keeps nobody out.
    let mut killed = begin(&project, &api);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let next = ended(&project, &["run"]);
    assert_eq!(next.code, Some(0), "{target}{}{}", next.stdout, next.stderr);
}

#[test]
fn a_second_run_into_a_folder_is_refused_or_waits() {
    check("type: jsonl, path: out");
}

#[test]
fn a_second_run_into_an_object_store_is_refused_or_waits() {
    check(&format!("type: jsonl, path: \"s3://{}/raw\"", s3::bucket()));
}
