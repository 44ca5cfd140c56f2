//! What goes wrong is said, and nothing is half-loaded.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{has_table, project, run_badly, run_well, signal, sqlite, wait_until};

fn orders() -> Vec<Value> {
    (1..=250).map(|id| json!({"id": id, "status": "paid"})).collect()
}

fn collection() -> Collection {
    Collection::new(orders(), Pagination::page_number()).data_path("/data")
}

fn orders_project(api: &Api, data_path: &str) -> Project {
    let sources = format!(
        "sources:
  - name: orders
    url: {}
    data_path: {data_path}
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    retry: {{max_attempts: 3, min_delay_secs: 0.01, max_delay_secs: 0.05}}
    schema: {{id: int64!, status: string}}",
        api.url()
    );
    let sql = "{{ sink(mode=\"replace\") }} SELECT id, status FROM {{ use_source(\"orders\") }}";
    project(&sources, &[("orders", sql)])
}

/// A fault that passes: the result is right, and the report says how often it was tried again.
fn check_passes(collection: Collection, retries: u64) {
    let api = Api::serve(collection);
    let project = orders_project(&api, "/data");
    let report = run_well(&project);
    assert_eq!(report["pipelines"][0]["rows"], 250, "{report:#}");
    assert_eq!(report["pipelines"][0]["retries"], retries, "{report:#}");
    assert_eq!(sqlite(&project, "count(*), sum(id)) FROM orders"), [json!([250, 31375])]);
}

/// A fault that stays: the error says all of this, and the table is as it was before the run.
fn check_fails(fault: impl Fn(Collection) -> Collection, data_path: &str, expected: &[&str]) {
    let api = Api::serve(fault(collection()));
    let fresh = orders_project(&api, data_path);
    let error = run_badly(&fresh);
    for part in expected {
        let part = part.replace("{url}", &api.url());
        assert!(error.contains(&part), "no `{part}` in:\n{error}");
    }
    assert!(!has_table(&fresh, "orders"));

    let whole = Api::serve(collection());
    let loaded = orders_project(&whole, "/data");
    run_well(&loaded);
    let yaml = loaded.read("pipelines.yaml").replace(&whole.url(), &api.url());
    loaded.write(
        "pipelines.yaml",
        &yaml.replace("data_path: /data", &format!("data_path: {data_path}")),
    );
    run_badly(&loaded);
    assert_eq!(sqlite(&loaded, "count(*), sum(id)) FROM orders"), [json!([250, 31375])]);
}

#[test]
fn a_page_that_fails_twice_is_asked_for_again() {
    check_passes(collection().fault(On::page(2).times(2), Fault::Status(500)), 2);
}

#[test]
fn a_truncated_body_is_asked_for_again() {
    for fault in [Fault::CutLength, Fault::CutChunked, Fault::CutBody] {
        check_passes(collection().fault(On::page(2).times(1), fault), 1);
    }
}

#[test]
fn a_page_that_always_fails_fails_the_run() {
    check_fails(
        |collection| collection.fault(On::page(2), Fault::Status(500)),
        "/data",
        &["500", "pipeline: orders", "request:  GET {url}?per_page=100&page=2", "help:"],
    );
}

#[test]
fn a_body_that_is_always_truncated_fails_the_run() {
    for fault in [Fault::CutLength, Fault::CutChunked, Fault::CutBody] {
        check_fails(
            |collection| collection.fault(On::page(3), fault.clone()),
            "/data",
            &["request:  GET {url}?per_page=100&page=3", "help:"],
        );
    }
}

#[test]
fn a_wrong_data_path_names_what_is_there() {
    check_fails(
        |collection| collection,
        "/date",
        &["`date`", "`data`", "request:  GET {url}?per_page=100&page=1"],
    );
}

#[test]
fn a_string_where_a_number_was_declared_names_record_and_path() {
    let value = json!("twelve");
    check_fails(
        |collection| {
            collection
                .fault(On::page(2), Fault::Value { record: 7, path: "/id", value: value.clone() })
        },
        "/data",
        &[
            "expected int64",
            "twelve",
            "pipeline: orders",
            "request:  GET {url}?per_page=100&page=2",
            "record:   7 of the page",
            "path:     /id",
        ],
    );
}

#[test]
fn a_page_loop_is_an_error() {
    check_fails(
        |collection| collection.fault(On::every(), Fault::Page(1)),
        "/data",
        &["page 2 repeats page 1", "help:"],
    );
}

#[test]
fn html_in_place_of_json_is_said_to_be_html() {
    let login = "<!doctype html><title>Log in</title>".to_owned();
    check_fails(
        |collection| collection.fault(On::page(1), Fault::Body("text/html", login.clone())),
        "/data",
        &["HTML", "request:  GET {url}?per_page=100&page=1"],
    );
}

#[test]
fn missing_variables_are_named_all_at_once_and_nothing_is_requested() {
    let api = Api::serve(collection());
    let project = orders_project(&api, "/data");
    let yaml = project.read("pipelines.yaml");
    let yaml = yaml.replace(
        "    data_path:",
        "    headers: {X-One: \"${APITAP_TEST_ONE}\", X-Two: \"${APITAP_TEST_TWO}\"}\n    data_path:",
    );
    project.write("pipelines.yaml", &yaml);
    let error = run_badly(&project);
    assert!(error.contains("APITAP_TEST_ONE") && error.contains("APITAP_TEST_TWO"), "{error}");
    assert_eq!(api.requests().len(), 0);
}

#[test]
fn a_run_that_is_stopped_changes_nothing() {
    let api = Api::serve(collection().fault(On::page(2), Fault::Hang));
    let project = orders_project(&api, "/data");
    let mut command = project.apitap(["run"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    wait_until(|| api.requests().len() >= 2);
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("error: interrupted before all pipelines were done"), "{said}");
    assert!(!has_table(&project, "orders"));
}

#[test]
fn a_hole_between_pages_loses_no_rows_in_silence() {
    let many = || {
        let orders: Vec<_> = (1..=900).map(|id| json!({"id": id, "status": "paid"})).collect();
        Collection::new(orders, Pagination::page_number()).data_path("/data")
    };
    for fault in [Fault::Status(404), Fault::Body("application/json", "{\"data\": []}".to_owned())]
    {
        let api = Api::serve(many().fault(On::page(3), fault));
        let error = run_badly(&orders_project(&api, "/data"));
        assert!(error.contains("a page before page 4 is empty or missing"), "{error}");
    }
}

#[test]
fn an_api_that_leads_in_a_circle_does_not_run_for_ever() {
    let mut circle = Collection::new(
        (1..=300).map(|id| json!({"id": id, "status": "paid"})).collect::<Vec<_>>(),
        Pagination::page_number(),
    )
    .data_path("/data");
    for page in 4..=12 {
        circle = circle.fault(On::page(page), Fault::Page((page - 1) % 3 + 1));
    }
    let api = Api::serve(circle);
    let error = run_badly(&orders_project(&api, "/data"));
    assert!(error.contains("page 5 repeats an earlier page"), "{error}");
}

#[test]
fn a_value_of_the_environment_is_masked_wherever_it_shows() {
    let api = Api::serve(collection());
    let project = orders_project(&api, "/data");
    let yaml = project.read("pipelines.yaml");
    let at = yaml.find("url: \"sqlite:").expect("a target");
    project.write("pipelines.yaml", &format!("{}url: \"${{APITAP_TEST_DB}}\"}}\n", &yaml[..at]));
    let mut command = project.apitap(["run"]);
    command.env("APITAP_TEST_DB", "/no-such-folder/s3cret.db");
    let finished = apitap_tests::process::finish(&mut command, super::runs::LIMIT);
    assert_eq!(finished.code, Some(1));
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains("${APITAP_TEST_DB}") && !said.contains("s3cret"), "{said}");
}

/// Else nobody knows where nothing listens.
#[test]
fn the_server_shows_that_a_variable_names() {
    let api = Api::serve(collection());
    let project = orders_project(&api, "/data");
    let yaml = project.read("pipelines.yaml").replace(&api.url(), "${SHOP_URL}/orders");
    project.write("pipelines.yaml", &yaml);
    let mut command = project.apitap(["run"]);
    command.env("SHOP_URL", "http://somebody:s3cret@127.0.0.1:9");
    let finished = apitap_tests::process::finish(&mut command, super::runs::LIMIT);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains("GET http://127.0.0.1:9/orders"), "{said}");
    assert!(!said.contains("s3cret") && !said.contains("somebody"), "{said}");
}

#[test]
fn each_retry_says_at_once_why() {
    let api = Api::serve(collection().fault(On::page(2).times(1), Fault::Status(503)));
    let project = orders_project(&api, "/data");
    let finished = apitap_tests::process::finish(&mut project.apitap(["run"]), super::runs::LIMIT);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let line = "`orders`: the API answered `503 Service Unavailable`";
    assert!(finished.stderr.contains(line), "{}", finished.stderr);
    assert!(finished.stderr.contains("; retry 1 of 2 in "), "{}", finished.stderr);
}

#[test]
fn the_same_trouble_again_and_again_is_one_warning_and_its_sum() {
    let api = Api::serve(collection().fault(On::page(2), Fault::Status(503)));
    let project = orders_project(&api, "/data");
    let mut command = project.apitap(["run"]);
    let finished = apitap_tests::process::finish(&mut command, super::runs::LIMIT);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let warnings: Vec<_> = finished.stderr.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(warnings[0].contains("answered `503 Service Unavailable`"), "{warnings:#?}");
    assert!(warnings[0].contains("; retry 1 of 2 in "), "{warnings:#?}");
    let sum =
        "`orders`: 1 request was repeated, 2 times in all: answered `503 Service Unavailable`";
    assert!(warnings[1].contains(sum), "{warnings:#?}");
}

#[test]
fn values_that_are_no_json_are_named_where_they_stand_and_requested_once() {
    let whole = ["record:   2 of the page", "path:     /id"];
    for (token, parts) in [
        ("NaN", &whole[..]),
        ("Infinity", &whole),
        ("undefined", &whole),
        // Found where the records are split, which knows no path.
        ("01", &whole[..1]),
        ("'text'", &whole[..1]),
    ] {
        let text = format!("{{\"data\": [{{\"id\": 1}},\n{{\"id\": {token}}}]}}");
        let api =
            Api::serve(collection().fault(On::every(), Fault::Body("application/json", text)));
        let error = run_badly(&orders_project(&api, "/data"));
        for part in parts {
            assert!(error.contains(part), "no `{part}` in:\n{error}");
        }
        assert!(!error.contains("whole"), "{error}");
        assert_eq!(api.pages().iter().filter(|page| **page == 1).count(), 1);
    }
}

#[test]
fn records_that_do_not_fit_are_kept_as_dead_letters_where_the_source_says_so() {
    let wrong = |record, value| Fault::Value { record, path: "/id", value };
    let api = Api::serve(
        collection()
            .fault(On::page(1), wrong(100, json!("twelve")))
            .fault(On::page(3), wrong(50, Value::Null)),
    );
    let project = orders_project(&api, "/data");
    let yaml = project.read("pipelines.yaml");
    project.write(
        "pipelines.yaml",
        &yaml.replace("    retry:", "    on_bad_record: skip\n    retry:"),
    );
    // `replace` would delete the rows of those that are skipped.
    let sql = project.read("sql/orders.sql").replace("replace", "append");
    project.write("sql/orders.sql", &sql);
    let report = run_well(&project);
    assert_eq!(report["pipelines"][0]["rows"], 248, "{report:#}");
    assert_eq!(report["pipelines"][0]["skipped"], 2, "{report:#}");
    assert_eq!(
        sqlite(&project, "count(*), sum(id)) FROM orders"),
        [json!([248, 31375 - 100 - 250])]
    );
    let letters = project.read("dead_letters/orders.jsonl");
    let letters: Vec<Value> =
        letters.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let shown: Vec<_> = letters
        .iter()
        .map(|letter| json!([letter["record"], letter["path"], letter["reason"], letter["body"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!([100, "/id", "expected int64, found the string `\"twelve\"`",
                   {"id": "twelve", "status": "paid"}]),
            json!([50, "/id", "`id` is null, but is declared not null",
                   {"id": null, "status": "paid"}]),
        ]
    );
    let request = letters[1]["request"].as_str().expect("it is named");
    assert!(request.starts_with("GET ") && request.ends_with("page=3"), "{request}");
}
