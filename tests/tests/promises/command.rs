//! `apitap run`, called as people call it: what is named runs once, what is wrong is said and shown
//! without effects on the terminal.

use std::process::Stdio;

use apitap_tests::api::Api;
use apitap_tests::process::{Finished, Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, has_table, project, sqlite};

fn orders() -> (Api, String) {
    let api = Api::serve(vec![json!({"id": 1}), json!({"id": 2})]);
    let sources =
        format!("sources:\n  - name: orders\n    url: {}\n    schema: {{id: int64!}}", api.url());
    (api, sources)
}

const GOOD: &str = "{{ sink(mode=\"append\") }} SELECT id FROM {{ use_source(\"orders\") }}";

fn run(project: &Project, arguments: &[&str]) -> Finished {
    finish(&mut project.apitap(arguments.iter().copied()), LIMIT)
}

#[test]
fn a_pipeline_that_is_named_twice_runs_once() {
    let (_api, sources) = orders();
    let project = project(&sources, &[("good", GOOD)]);
    let finished = run(&project, &["run", "good", "good"]);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    assert_eq!(sqlite(&project, "count(*)) FROM good"), [json!([2])]);
}

#[test]
fn pipelines_of_one_table_run_one_by_one_in_either_order() {
    let record = |id: i64| json!({"id": id, "n": 5, "note": "x", "more": "y"});
    let api = Api::serve(vec![record(1), record(2)]);
    let sources = format!(
        "sources:\n  - name: few\n    url: {0}\n    schema: {{id: int32!, n: int32!, note: string!}}\n  \
         - name: many\n    url: {0}\n    schema: {{id: int64!, n: int64!, note: string, more: string!}}",
        api.url()
    );
    let few = "{{ sink(table=\"t\") }} SELECT id, n, note FROM {{ use_source(\"few\") }}";
    let many = "{{ sink(table=\"t\") }} SELECT id, n, note, more FROM {{ use_source(\"many\") }}";
    for order in [["few", "many"], ["many", "few"]] {
        let project = project(&sources, &[("few", few), ("many", many)]);
        for name in order {
            let finished = run(&project, &["run", name]);
            assert_eq!(finished.code, Some(0), "{order:?}: {}{}", finished.stdout, finished.stderr);
        }
        assert_eq!(sqlite(&project, "count(*)) FROM t"), [json!([4])], "{order:?}");
    }
}

#[test]
fn a_mistake_in_one_query_does_not_stop_the_others() {
    let (_api, sources) = orders();
    let bad = "SELECT idd FROM {{ use_source(\"orders\") }}";
    let project = project(&sources, &[("good", GOOD), ("bad", bad)]);
    let finished = run(&project, &["run", "good"]);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let said = "1 error elsewhere in the project: `apitap check` shows them\n";
    assert_eq!(finished.stderr, said);
    assert!(has_table(&project, "good") && !has_table(&project, "bad"));
    for arguments in [&["run", "bad"][..], &["run", "good", "bad"], &["run"]] {
        let finished = run(&project, arguments);
        assert_eq!(finished.code, Some(1), "{arguments:?}");
        assert!(finished.stderr.contains("error[E0204]"), "{}", finished.stderr);
        assert!(finished.stderr.ends_with("fix the errors above first\n"), "{}", finished.stderr);
    }
    assert_eq!(sqlite(&project, "count(*)) FROM good"), [json!([2])]);
    project.write("pipelines.yaml", "sources: [\n");
    let finished = run(&project, &["run", "good"]);
    assert!(finished.stderr.contains("pipelines.yaml:"), "{}", finished.stderr);
}

#[test]
fn a_level_that_is_none_is_refused_with_those_that_there_are() {
    let (_api, sources) = orders();
    let project = project(&sources, &[("good", GOOD)]);
    let finished = run(&project, &["run", "--log-level", "verbose"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("off, error, warn, info, debug, trace"),
        "{}",
        finished.stderr
    );
    assert!(!has_table(&project, "good"));
}

#[test]
fn the_memory_of_a_run_is_one_figure() {
    let (_api, sources) = orders();
    let project = project(&sources, &[("good", GOOD)]);
    let finished = run(&project, &["run", "--memory", "lots"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("`lots` is not a number of bytes"), "{}", finished.stderr);
    assert_eq!(run(&project, &["run", "--memory", "16MiB"]).code, Some(0));
    let mut command = project.apitap(["run"]);
    let finished = finish(command.env("APITAP_MEMORY", "1KiB"), LIMIT);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stdout.contains("`APITAP_MEMORY`: a run needs at least"),
        "{}",
        finished.stdout
    );
}

#[test]
fn nothing_that_an_api_says_moves_the_cursor_or_forges_a_line() {
    let evil = "7\u{1b}[2J\nerror: all is lost\u{202e}";
    let api = Api::serve(vec![json!({"id": evil})]);
    let sources =
        format!("sources:\n  - name: orders\n    url: {}\n    schema: {{id: int64!}}", api.url());
    let project = project(&sources, &[("good", GOOD)]);
    let finished = run(&project, &["run"]);
    assert_eq!(finished.code, Some(1));
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    assert!(!said.lines().any(|line| line.starts_with("error: all is lost")), "{said}");
    let report = run(&project, &["run", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).expect("the report is JSON");
    assert_eq!(report["pipelines"][0]["error"]["kind"], "data");
}

#[test]
fn closed_outputs_are_no_panic() {
    let (_api, sources) = orders();
    let bad = "SELECT idd FROM {{ use_source(\"orders\") }}";
    let project = project(&sources, &[("good", GOOD), ("bad", bad)]);
    for (arguments, code) in [(["run", "good"], 0), (["run", "bad"], 1), (["run", "none"], 2)] {
        let mut command = project.apitap(["--log-level", "trace"]);
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // Nobody reads any more.
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}
