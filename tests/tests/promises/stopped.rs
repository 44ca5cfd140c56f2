//! A run that was stopped, or has failed, reports what it has fetched and what is committed; the one that goes on
//! says so.

use std::process::Stdio;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{call, has_table, project, run_well, signal, sqlite, wait_until};

pub(super) fn orders(count: u64) -> Vec<Value> {
    (1..=count).map(|id| json!({"id": id})).collect()
}

/// A project that appends the orders of an API, in pages of 100; with a `checkpoint`, it commits each page.
pub(super) fn orders_project(api: &Api, checkpoint: bool) -> Project {
    let sources = format!(
        "sources:
  - name: orders
    url: {}
    pagination: {{kind: cursor, cursor_param: after, page_size_param: limit, cursor_path: /meta/next}}
    data_path: /data
    schema: {{id: int64!}}",
        api.url()
    );
    let sql =
        "{{ sink(name=\"here\", mode=\"append\") }}\nSELECT id FROM {{ use_source(\"orders\") }}";
    let project = project(&sources, &[("orders", sql)]);
    if checkpoint {
        let yaml = project.read("pipelines.yaml");
        let yaml = yaml.replace("type: sqlite,", "type: sqlite, checkpoint: {rows: 100},");
        project.write("pipelines.yaml", &yaml);
    }
    project
}

fn rows(project: &Project) -> Value {
    match has_table(project, "orders") {
        true => sqlite(project, "count(*)) FROM orders")[0][0].clone(),
        false => json!(0),
    }
}

/// Runs it until that is so, and stops it as a service is stopped; its report.
fn stopped(project: &Project, is_time: impl Fn() -> bool) -> Value {
    let mut command = project.apitap(["run", "--format", "json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_until(is_time);
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_committed_of_a_run_in_parts_is_told_and_the_next_one_says_that_it_goes_on() {
    let collection = Collection::new(orders(1_000), Pagination::cursor()).page_size(100);
    let collection = collection.fault(On::page(4).times(1), Fault::Hang);
    let api = Api::serve(collection.fault(On::page(6).times(1), Fault::Status(403)));
    let project = orders_project(&api, true);
    let report = stopped(&project, || rows(&project) == 300);
    let found = &report["pipelines"][0];
    assert_eq!(found["status"], "stopped");
    for (key, expected) in [("rows", 300), ("stored", 300), ("pages", 3), ("records", 300)] {
        assert_eq!((key, &found[key]), (key, &json!(expected)), "{report:#}");
        assert_eq!((key, &report["total"][key]), (key, &json!(expected)), "{report:#}");
    }
    assert!(found["started"].is_string(), "{report:#}");
    assert_eq!(found["goes_on"], true, "{report:#}");

    let failed = call(&project, &["run"]);
    assert_eq!(failed.code, Some(1));
    let went_on = "note: `orders` went on behind 300 records that an earlier run had committed";
    assert!(failed.stdout.contains(went_on), "{}", failed.stdout);
    let goes_on = "note: 200 rows of `orders` are committed; the next run goes on behind them";
    assert!(failed.stdout.contains(goes_on), "{}", failed.stdout);
    assert!(failed.stderr.contains("goes on where the last run was"), "{}", failed.stderr);

    let report = run_well(&project);
    let found = &report["pipelines"][0];
    assert_eq!((&found["rows"], &found["went_on_behind"]), (&json!(500), &json!(500)));
    assert_eq!(found.get("goes_on"), None, "{report:#}");
    assert_eq!(rows(&project), 1_000);
}

#[test]
fn what_was_fetched_is_told_of_a_run_that_was_stopped_before_its_commit() {
    let collection = Collection::new(orders(1_000), Pagination::cursor()).page_size(100);
    let api = Api::serve(collection.fault(On::page(4), Fault::Hang));
    let project = orders_project(&api, false);
    let report = stopped(&project, || api.requests().len() >= 4);
    let found = &report["pipelines"][0];
    assert_eq!(found["status"], "stopped");
    assert_eq!((&found["pages"], &found["records"]), (&json!(3), &json!(300)), "{report:#}");
    assert_eq!((&found["rows"], found.get("goes_on")), (&json!(0), None), "{report:#}");
    assert!(found["started"].is_string() && found["seconds"].as_f64() > Some(0.0), "{report:#}");
    assert_eq!(rows(&project), 0);
}
